"""What is checked of a fact before it is learned, as far as Terms and other facts decide it without heavy work.

Promise: a value that contradicts Terms or another party raises Deviation with the field named; nothing here touches
keys, chain or files. The heavy checks (proofs, openings, signatures) are jobs.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from challenge.bodies import decode_kept
from challenge.facts import KINDS, everyone, has, key, lent, party_with
from challenge.faults import Deviation, Refused
from circuits.cut_and_choose import PROFILES
from vault.fast import opens
from vault.faults import TermsFault
from vault.terms import Proposal, Terms, check_keys, check_terms, decode_keys

PROOF_BYTES: Final = KINDS["proof"].limit
Check = Callable[[Proposal, Mapping[str, bytes], tuple[int, ...], bytes], None]


def terms_of(proposal: Proposal, facts: Mapping[str, bytes]) -> Terms:
    """Terms, once every party has stated its keys."""
    return Terms(proposal=proposal, keys=tuple(decode_keys(facts[key("keys", p)]) for p in everyone(proposal)))


def _keys(proposal: Proposal, known: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    (party,) = indices
    try:
        stated = decode_keys(value)
        if stated.party != party:
            raise Deviation(f"keys/{party}: they name party {stated.party}")
        check_keys(proposal, stated)
        others = [p for p in everyone(proposal) if p != party]
        if all(key("keys", p) in known for p in others):
            check_terms(terms_of(proposal, {**known, key("keys", party): value}))
    except TermsFault as fault:
        raise Deviation(f"keys/{party}: {fault}") from fault


def _kept(proposal: Proposal, _: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    g, k = indices
    profile = PROFILES[proposal.graphs[g].profile]
    decode_kept(value, instances=profile.instances, kept=profile.kept, name=key("kept", g, k))


def _same(kind: str, what: str) -> Check:
    def check(proposal: Proposal, known: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
        (party,) = indices
        if len(value) != 32:
            raise Deviation(f"{kind}/{party}: 32 bytes expected, {len(value)} came")
        for p in everyone(proposal):
            other = known.get(key(kind, p))
            if other is not None and other != value:
                raise Deviation(
                    f"{kind}: party {party} has {value.hex()[:16]}.., party {p} has {other.hex()[:16]}..: {what}"
                )

    return check


def _release(proposal: Proposal, known: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    (slot,) = indices
    lender = decode_keys(known[key("keys", party_with(proposal, "lender"))])
    if len(value) != 32 or sha256(value).digest() != lender.hashlocks_r[slot]:
        raise Refused(f"release/{slot}: this is not the preimage of the lender's hashlock of slot {slot}")


def _fast_release(proposal: Proposal, known: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    (entry,) = indices
    lender = decode_keys(known[key("keys", proposal.lender)])
    if len(value) != 32 or sha256(value).digest() != lender.hashlocks_f[entry]:
        raise Refused(f"fast_release/{entry}: this is not the preimage of the lender's hashlock of ticket {entry}")


def _want_fast(proposal: Proposal, _: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    (entry,) = indices
    if proposal.loan is None or not opens(proposal.loan, entry, value):
        raise Refused(f"want_fast/{entry}: this is not what enough attestors attested for entry {entry}")


def _loan_taken(proposal: Proposal, known: Mapping[str, bytes], _: tuple[int, ...], value: bytes) -> None:
    if not lent(proposal):
        raise Refused("loan_taken: no money is lent under a in this vault")
    borrower = decode_keys(known[key("keys", proposal.borrower)])
    if len(value) != 32 or sha256(value).digest() != borrower.hashlock_a:
        raise Refused("loan_taken: this is not a, the preimage of the borrower's hashlock")


def _proof(proposal: Proposal, _: Mapping[str, bytes], indices: tuple[int, ...], value: bytes) -> None:
    if has(proposal, indices[0], "proof") and len(value) != PROOF_BYTES:
        raise Refused(f"a claim of graph {indices[0]} takes a proof of {PROOF_BYTES} bytes, {len(value)} came")


def _said(_: Proposal, __: Mapping[str, bytes], ___: tuple[int, ...], value: bytes) -> None:
    if value not in (b"\x00", b"\x01"):
        raise Refused(f"01 or 00 expected, {value.hex() or 'nothing'} came")


CHECKS: Final[dict[str, Check]] = {
    "keys": _keys,
    "kept": _kept,
    "digest": _same("digest", "they derived other transactions, sighashes or points"),
    "ready": _same("ready", "they hold other presignatures"),
    "release": _release,
    "fast_release": _fast_release,
    "want_fast": _want_fast,
    "loan_taken": _loan_taken,
    "want_claim": _proof,
    "proof": _proof,
    "verdict": _said,
    "proven": _said,
    "answer": _said,
}


def check_fact(
    proposal: Proposal, known: Mapping[str, bytes], kind: str, indices: tuple[int, ...], value: bytes
) -> None:
    """Run the check of this kind, if it has one."""
    check = CHECKS.get(kind)
    if check is not None:
        check(proposal, known, indices, value)
