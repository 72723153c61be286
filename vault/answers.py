"""The claimant's presignatures of Reveal, engine babe: whether they are right, and what a published Reveal shows.

Promises: `check_answers` lets pass only presignatures from which a challenger can complete exactly the digits that were
asserted; `read_reveal` gives the challenger's digit secrets from the chain alone. Does not complete anything and keeps
nothing: that one version of Reveal only ever leaves is a guard's duty.
"""

from __future__ import annotations

from collections.abc import Sequence

from native import NativeError
from native._native import signing
from native._native.engine import check_digit_presignatures
from native._native.keys import Secret
from vault.agreement import Rows
from vault.faults import PresignedFault
from vault.graph import VaultGraph
from vault.presigned import SIGNATURE_SIZE, AssertedDigit

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1


def check_answers(graph: VaultGraph, g: int, k: int, raw: bytes) -> list[int]:
    """Indices of presignatures of Reveal_k that are not right, and of values whose R'.x repeats within their digit.

    `raw`: 65 bytes a value under K_k, R' even, digit then value. PresignedFault when the count is wrong. Empty means:
    whoever knows its own digit secrets and hears the asserted ones can publish Reveal_k.
    """
    messages, points = graph.reveal_messages(g, k)
    _count(graph, g, k, raw)
    return check_digit_presignatures(graph.plan.reveals[g, k], messages, points, raw)


def read_reveal(
    graph: VaultGraph, g: int, k: int, raw: bytes, witness: Sequence[bytes], asserted: Sequence[AssertedDigit]
) -> tuple[AssertedDigit, ...]:
    """The challenger's secret s of every asserted value, from the witness of Reveal_k's arena input.

    Completing a presignature shows t = s + a, and a was shown by Assert: s = t - a, checked against the point of S_k.
    PresignedFault names the digit that is no completion of the value that `asserted` names.
    """
    _count(graph, g, k, raw)
    terms = graph.terms.proposal.graphs[g]
    if len(witness) != terms.digits + 3 or len(asserted) != terms.digits:
        expected, got = f"{terms.digits + 3} items, {terms.digits} digits", f"{len(witness)}, {len(asserted)}"
        raise PresignedFault(f"witness of {g}/reveal/{k}", expected=expected, got=got)
    (rows,) = (reveal.digits for reveal in graph.points[g].reveals if reveal.challenger == k)
    published = witness[: terms.digits][::-1]  # digit 0 lies on top
    size = 1 << terms.digit_bits
    found = []
    for w, (signature, digit) in enumerate(zip(published, asserted, strict=True)):
        at = SIGNATURE_SIZE * (w * size + digit.value)
        secret = _secret(rows, w, digit, raw[at : at + SIGNATURE_SIZE], signature)
        if secret is None:
            expected = f"a completion for the asserted value {digit.value}"
            raise PresignedFault(f"digit {w} of {g}/reveal/{k}", expected=expected, got=signature.hex())
        found.append(AssertedDigit(value=digit.value, secret=secret))
    return tuple(found)


def _secret(rows: Rows, w: int, digit: AssertedDigit, presignature: bytes, signature: bytes) -> bytes | None:
    """s, or None when the signature is no completion of that presignature."""
    constant, *steps = rows[w]
    point = signing.add_points([constant, *(step for j, step in enumerate(steps) if digit.value >> j & 1)])
    try:
        shown = int.from_bytes(signing.extract(presignature, signature))
        secret = ((shown - int.from_bytes(digit.secret)) % ORDER).to_bytes(32)
        return secret if Secret.from_revealed(secret).point() == point else None
    except NativeError:
        return None


def _count(graph: VaultGraph, g: int, k: int, raw: bytes) -> None:
    terms = graph.terms.proposal.graphs[g]
    wanted = SIGNATURE_SIZE * (terms.digits << terms.digit_bits)
    if len(raw) != wanted:
        field = f"presignatures of {g}/reveal/{k}"
        raise PresignedFault(field, expected=f"{wanted} bytes", got=f"{len(raw)} bytes")
