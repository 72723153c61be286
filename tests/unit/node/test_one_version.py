"""Assert and Reveal are shown in one version, ever: what is claimed are the digits, whoever else signs beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitcoin.core import COutPoint, CTransaction, CTxIn, CTxInWitness, CTxOut, CTxWitness
from bitcoin.core.script import CScript, CScriptWitness

from node.guard import Guard, GuardViolation
from node.publish import SHOWN_ONCE, one_version, refuse_another

VAULT, DIGITS = bytes(range(32)), [bytes([d]) * 64 for d in (3, 1, 2)]


def raw(digits: list[bytes], own: bytes) -> bytes:
    stack = [*digits, own, b"leaf", b"control"]
    witness = CTxWitness([CTxInWitness(CScriptWitness(stack)), CTxInWitness(CScriptWitness([b"stake"]))])
    inputs = [CTxIn(COutPoint(bytes(32), n)) for n in range(2)]
    return CTransaction(inputs, [CTxOut(330, CScript(b"\x51"))], nVersion=3, witness=witness).serialize()


@pytest.mark.parametrize(("kind", "name"), [("assert", "0/assert"), ("reveal", "0/reveal/2")])
def test_the_same_digits_pass_again_and_others_never(tmp_path: Path, kind: str, name: str) -> None:
    guard = Guard(tmp_path / "guard")
    refuse_another(guard, VAULT, name, raw(DIGITS[::-1], bytes(64)))  # nothing was shown: nothing is claimed either
    one_version(guard, VAULT, name, raw(DIGITS, bytes(64)))
    refuse_another(guard, VAULT, name, raw(DIGITS, bytes([8]) * 64))
    one_version(guard, VAULT, name, raw(DIGITS, bytes([9]) * 64))
    for other in ([*DIGITS[:2], bytes(64)], DIGITS[::-1], DIGITS[:2]):
        with pytest.raises(GuardViolation, match=f"guard domain {kind}"):
            one_version(guard, VAULT, name, raw(other, bytes(64)))
        with pytest.raises(GuardViolation, match=f"guard domain {kind}"):
            refuse_another(guard, VAULT, name, raw(other, bytes(64)))
    one_version(guard, VAULT, name.replace("0/", "1/"), raw(DIGITS[:2], bytes(64)))
    guard.close()


def test_what_shows_no_digits_is_not_claimed(tmp_path: Path) -> None:
    guard = Guard(tmp_path / "guard")
    for name in ("0/claim", "0/contest", "0/refute/2", "0/stake_back/2", "vault", "0/reclaim"):
        one_version(guard, VAULT, name, b"not even a transaction")
    assert set(SHOWN_ONCE) == {"assert", "reveal"}
    guard.close()
