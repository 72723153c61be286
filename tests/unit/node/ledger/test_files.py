"""Genesis files: only one of this chain, with the key that it names, which the operator trusts off regtest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from native._native.keys import Seed
from native._native.statements import AttestorKey
from node.faults import LocalFault, PeerFault
from node.ledger.files import MOST_KEY_BYTES, GenesisFile, decode, encode, parse, verifier
from tests.simulation.forger import Forger
from vault.ledger import commit
from vault.ledger.faults import FollowFault
from vault.ledger.genesis import VERSION, Attestor, Genesis
from vault.ledger.rules import DEFAULT

NETWORK = bytes(range(32))
KEY = Forger(batch=2)


def file(**changes: Any) -> GenesisFile:
    seed = Seed.generate()
    member = Attestor(
        identity=seed.secret(b"identity").xonly(), eddsa=AttestorKey(seed, b"eddsa").public(),
        bip340=seed.secret(b"bip340").xonly(),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "version": VERSION, "network": NETWORK, "rules": DEFAULT, "attestors": (member,), "threshold": 1,
        "keeper": member.identity, "height": 5, "time": 6, "salt": bytes(32), "transition_key": KEY.line.key,
    }  # fmt: skip
    return GenesisFile(genesis=Genesis(**{**fields, **changes}), verifying_key=KEY.line.verifying_key)


def check(found: GenesisFile, *, network: str = "regtest", trusted: frozenset[bytes] = frozenset()) -> Any:
    return verifier(found, network=network, genesis=NETWORK, trusted=trusted)


def test_a_file_is_what_was_written() -> None:
    made = file()
    assert decode(encode(made)) == made == parse(made.as_json())
    assert parse({"genesis": made.as_json()["genesis"]}).verifying_key == b""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: {}, "ledger genesis"),
        (lambda f: [], "ledger genesis"),
        (lambda f: {**f, "more": 1}, "more"),
        (lambda f: {**f, "verifying_key": 5}, "verifying_key"),
        (lambda f: {**f, "verifying_key": "xy"}, "verifying_key"),
        (lambda f: {**f, "verifying_key": "00" * (MOST_KEY_BYTES + 1)}, "verifying_key"),
        (lambda f: {**f, "genesis": {**f["genesis"], "threshold": 2}}, "threshold"),
        (lambda f: {**f, "genesis": {**f["genesis"], "keeper": "00" * 32}}, "keeper"),
        (lambda f: {**f, "genesis": {**f["genesis"], "salt": "AB" * 32}}, "genesis"),
        (lambda f: {**f, "genesis": {**f["genesis"], "height": float("nan")}}, "genesis"),
        (lambda f: {**f, "genesis": {**f["genesis"], "height": 1 << 32}}, "height"),
    ],
)
def test_a_file_with_one_thing_wrong_is_refused_by_name(change: Any, message: str) -> None:
    with pytest.raises(LocalFault) as caught:
        parse(change(file().as_json()))
    assert message in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000, msgspec.json.encode("x")])
def test_bytes_that_are_no_file_are_refused(raw: bytes) -> None:
    with pytest.raises(LocalFault, match="genesis file"):
        decode(raw)


def test_a_ledger_of_another_chain_is_refused() -> None:
    with pytest.raises(LocalFault, match="belongs to one chain"):
        check(file(network=bytes(32)))


def test_off_regtest_the_operator_has_to_trust_the_key() -> None:
    check(file())
    for network in ("signet", "testnet", "testnet4"):
        with pytest.raises(LocalFault, match=r"ledger\.trusted_keys"):
            check(file(), network=network)
        with pytest.raises(LocalFault, match=r"ledger\.trusted_keys"):
            check(file(), network=network, trusted=frozenset({bytes(32)}))
        check(file(), network=network, trusted=frozenset({KEY.line.key}))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (Forger(batch=2, secret=9).line.verifying_key, "which the genesis names"),
        (KEY.line.verifying_key[:-1], "one of BN254"),
        (KEY.line.verifying_key + b"\0", "one of BN254"),
        (b"", "one of BN254"),
        (bytes(296), "one of BN254"),
    ],
)
def test_another_key_than_the_genesis_names_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(PeerFault) as caught:
        check(GenesisFile(genesis=file().genesis, verifying_key=raw))
    assert message in str(caught.value)


def test_a_proof_holds_for_its_roots_and_this_ledger_only() -> None:
    found = file()
    verify, ledger = check(found), found.genesis.ledger_id
    one, two = (commit.hash_(n) for n in (1, 2))

    def proof(network: bytes, ledger: bytes, old: bytes, new: bytes) -> bytes:
        rules = commit.rules_hash(DEFAULT)
        return KEY.of(commit.transition_public(network, ledger, rules=rules, old_root=old, new_root=new))

    good = proof(NETWORK, ledger, one, two)
    assert verify(one, two, good)
    assert not verify(two, one, good) and not verify(one, one, good)
    assert not verify(one, two, proof(NETWORK, bytes(32), one, two))
    assert not verify(one, two, proof(bytes(32), ledger, one, two))
    other = check(replace_rules(found))
    assert not other(one, two, good)
    for raw in (b"", good[:-1], good + b"\0", b"\xff" * len(good)):
        with pytest.raises(FollowFault, match="proof"):
            verify(one, two, raw)


def replace_rules(found: GenesisFile) -> GenesisFile:
    rules = replace(DEFAULT, grace=DEFAULT.grace + 1)
    return GenesisFile(genesis=replace(found.genesis, rules=rules), verifying_key=found.verifying_key)
