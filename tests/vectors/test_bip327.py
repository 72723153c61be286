"""BIP327's vectors as far as they fit the batch API: key aggregation, partial signatures, public nonces.

What needs a given secret nonce, arbitrary tweaks or other message lengths (nonce generation and aggregation, signing,
tweaks, signature aggregation) runs in the Rust test of the crate `signing`, through the same functions.
"""

from typing import Any

import pytest

from native import NativeError
from native._native.signing import Presigning, aggregate_key
from tests.vectors.locate import json_vector

KEYS = json_vector("bitcoin/bip327/key_agg_vectors.json")
SIGN = json_vector("bitcoin/bip327/sign_verify_vectors.json")
NONCES = json_vector("bitcoin/bip327/nonce_agg_vectors.json")


def chosen(hexes: list[str], indices: list[int]) -> list[bytes]:
    return [bytes.fromhex(hexes[i]) for i in indices]


@pytest.mark.parametrize("case", KEYS["valid_test_cases"], ids=lambda case: str(case["key_indices"]))
def test_key_aggregation(case: dict[str, Any]) -> None:
    key = aggregate_key(chosen(KEYS["pubkeys"], case["key_indices"]))
    assert key[1:].hex().upper() == case["expected"]


@pytest.mark.parametrize(
    "case", [case for case in KEYS["error_test_cases"] if not case["tweak_indices"]], ids=lambda case: case["comment"]
)
def test_bad_keys_are_named(case: dict[str, Any]) -> None:
    with pytest.raises(NativeError, match=rf"keys\[{case['error']['signer']}\]"):
        aggregate_key(chosen(KEYS["pubkeys"], case["key_indices"]))


def session(case: dict[str, Any]) -> tuple[Presigning, list[bytes]]:
    keys = chosen(SIGN["pubkeys"], case["key_indices"])
    message = bytes.fromhex(SIGN["msgs"][case["msg_index"]])
    return Presigning(keys, [(message, None, None)]), chosen(SIGN["pnonces"], case["nonce_indices"])


def of_32_bytes(case: dict[str, Any]) -> bool:
    return len(SIGN["msgs"][case["msg_index"]]) == 64


@pytest.mark.parametrize(
    "case", [*filter(of_32_bytes, SIGN["valid_test_cases"])], ids=lambda case: str(case["key_indices"])
)
def test_valid_partial_signatures(case: dict[str, Any]) -> None:
    batch, nonces = session(case)
    partial = bytes.fromhex(case["expected"])
    if case["aggnonce_index"] == 1:  # BIP327 signs at infinity and finds the cheat later; here it is refused at once
        with pytest.raises(NativeError, match="infinity"):
            batch.check_partials(case["signer_index"], nonces, partial)
    else:
        assert batch.check_partials(case["signer_index"], nonces, partial) == []


@pytest.mark.parametrize("case", SIGN["verify_fail_test_cases"], ids=lambda case: case["comment"])
def test_wrong_partial_signatures(case: dict[str, Any]) -> None:
    batch, nonces = session(case)
    assert batch.check_partials(case["signer_index"], nonces, bytes.fromhex(case["sig"])) == [0]


@pytest.mark.parametrize("case", SIGN["verify_error_test_cases"], ids=lambda case: case["comment"])
def test_bad_contributions_are_named(case: dict[str, Any]) -> None:
    field = {"pubnonce": "nonces", "pubkey": "keys"}[case["error"]["contrib"]]
    with pytest.raises(NativeError, match=rf"{field}\[{case['error']['signer']}\]"):
        batch, nonces = session(case)
        batch.check_partials(case["signer_index"], nonces, bytes.fromhex(case["sig"]))


@pytest.mark.parametrize("case", NONCES["error_test_cases"], ids=lambda case: case["comment"])
def test_bad_public_nonces_are_named(case: dict[str, Any]) -> None:
    batch = Presigning(chosen(SIGN["pubkeys"], [0, 1]), [(bytes(32), None, None)])
    nonces = chosen(NONCES["pnonces"], case["pnonce_indices"])
    with pytest.raises(NativeError, match=rf"nonces\[{case['error']['signer']}\], session 0"):
        batch.check_partials(0, nonces, bytes(32))
