"""The graph with the group's signatures: what a party must hold before any coin moves, and all it needs afterwards.

Promises: `check` says which signatures are wrong; `finish` gives a raw signed transaction or raises PresignedFault, and
every signature in it was verified; the byte form is strict and self-contained. Does not keep secrets, does not know
the chain, and does not remember what it finished: that one version of Assert only ever leaves is a guard's duty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import msgspec

from bitcoin_scripts.outputs import KEY_PATH
from bitcoin_scripts.transaction import witness_stack
from native._native import signing
from native._native.keys import Secret
from vault.agreement import EnginePoints, Terms
from vault.faults import PresignedFault
from vault.graph import VaultGraph, derive
from vault.signing import (
    FromAttestors,
    FromDigit,
    FromGroup,
    FromParty,
    FromPoint,
    FromSecret,
    FromWallet,
    Source,
    Stack,
    needs,
)
from vault.terms import check_terms

SIGNATURE_SIZE = 65  # R' with its parity, s'
FORMAT = 1
MAX_BYTES = 64 << 20  # 2**18 presignatures of 65 bytes, points, terms


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertedDigit:
    """A digit as published: its value and the 32-byte secret that completing it showed."""

    value: int
    secret: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """`signatures`: 65 bytes for every entry of graph.signatures, in that order."""

    graph: VaultGraph
    signatures: bytes

    def check(self) -> list[int]:
        """Indices of signatures that do not verify, and of digit values whose R'.x repeats within their digit.

        PresignedFault when the count is wrong. Empty means: everything the group will ever sign is here.
        """
        count = len(self.graph.signatures)
        if len(self.signatures) != SIGNATURE_SIZE * count:
            got = f"{len(self.signatures)} bytes"
            raise PresignedFault("signatures", expected=f"{count} of {SIGNATURE_SIZE} bytes", got=got)
        bad = set(self.graph.presigning().check(self.signatures))
        for g, terms in enumerate(self.graph.terms.proposal.graphs):
            first = self.graph.digit(g, 0).start
            size = 1 << terms.digit_bits
            run = self._slice(range(first, first + size * terms.digits))
            bad |= {first + i for i in signing.equal_nonces(run, size)}
        return sorted(bad)

    def signature(self, index: int) -> bytes:
        """The 64-byte signature of an entry without adaptor point."""
        entry = self.graph.signatures[index]
        if entry.adaptor is not None:
            raise PresignedFault(f"signature {index}", expected="one without adaptor point", got=entry.template)
        return self.presignature(index)[1:]

    def presignature(self, index: int) -> bytes:
        """The 65 bytes of entry `index`."""
        return self._slice(range(index, index + 1))

    def _slice(self, entries: range) -> bytes:
        return self.signatures[SIGNATURE_SIZE * entries.start : SIGNATURE_SIZE * entries.stop]

    def digit_signature(self, graph: int, digit: int, value: int, secret: Secret) -> bytes:
        """The signature (64 bytes) that asserts `value`; PresignedFault when `secret` is not that value's."""
        terms = self.graph.terms.proposal.graphs[graph]
        if not (0 <= digit < terms.digits and 0 <= value < 1 << terms.digit_bits):
            expected = f"digit below {terms.digits}, value below {1 << terms.digit_bits}"
            raise PresignedFault(f"digit of {graph}/assert", expected=expected, got=f"{digit}, {value}")
        index = self.graph.digit(graph, digit)[value]
        if secret.point() != self.graph.signatures[index].adaptor:
            raise PresignedFault(f"secret of digit {digit}", expected=f"that of value {value}", got="another")
        return signing.complete(self.presignature(index), secret)

    def read_assert(self, graph: int, witness: Sequence[bytes]) -> tuple[AssertedDigit, ...]:
        """The digits and secrets of a mined or relayed Assert, from the witness of its input.

        Several presignatures that match are no error: the smallest value counts (choose once, and store).
        """
        terms = self.graph.terms.proposal.graphs[graph]
        if len(witness) != terms.digits + 3:
            expected = f"{terms.digits + 3} items"
            raise PresignedFault(f"witness of {graph}/assert", expected=expected, got=str(len(witness)))
        published = witness[: terms.digits][::-1]  # digit 0 lies on top
        return tuple(self._read_digit(graph, digit, signature) for digit, signature in enumerate(published))

    def _read_digit(self, graph: int, digit: int, signature: bytes) -> AssertedDigit:
        for value, index in enumerate(self.graph.digit(graph, digit)):
            presignature = self.presignature(index)
            if presignature[1:33] != signature[:32]:
                continue
            secret = signing.extract(presignature, signature)
            if Secret.from_revealed(secret).point() == self.graph.signatures[index].adaptor:
                return AssertedDigit(value=value, secret=secret)
        expected = "a completion of one of its presignatures"
        raise PresignedFault(f"digit {digit} of {graph}/assert", expected=expected, got=signature.hex())


def finish(
    presigned: Presigned,
    name: str,
    *,
    personal: Secret | None = None,
    preimage: bytes | None = None,
    digits: Sequence[bytes] | None = None,
    extra: Secret | None = None,
    leaf: int | None = None,
    wallet: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The raw signed transaction `name`.

    `personal`: the key of the party whose signature is needed. `preimage`: a (Vault), r (Repay) or L's of a ticket
    (Liquidate). `digits`: one 64-byte signature a digit, digit 0 first: of Assert (see `Presigned.digit_signature`), or
    of Reveal under K_k. `extra`: the logarithm of O_k (Disprove), of F_k (Refute), or of the point of t attestors
    (Liquidate). `leaf`: the contesting challenger. `wallet`: output key -> signature over `wallet_messages` (PreFund).
    PresignedFault names what is missing or wrong; nothing is ever left out silently.
    """
    graph = presigned.graph
    own = _Own(personal=personal, preimage=preimage, digits=digits, extra=extra, wallet=wallet or {})
    stacks = needs(graph, name, challenger=leaf)
    template = graph.templates[name]
    witnesses = []
    for spending, stack in zip(template.inputs, stacks, strict=True):
        pieces = [_piece(presigned, name, stack, source, own) for source in stack.sources]
        witnesses.append(witness_stack(spending.spends, stack.path, pieces))
    return template.signed(witnesses)


def wallet_messages(graph: VaultGraph) -> list[tuple[bytes, bytes]]:
    """(output key, sighash) of every input of PreFund, in order: what the borrower's wallet signs."""
    sources = [source for stack in needs(graph, "prefund") for source in stack.sources]
    return [(source.key, source.message) for source in sources if isinstance(source, FromWallet)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    personal: Secret | None
    preimage: bytes | None
    digits: Sequence[bytes] | None
    extra: Secret | None
    wallet: Mapping[bytes, bytes]


def _piece(presigned: Presigned, name: str, stack: Stack, source: Source, own: _Own) -> bytes:
    graph = presigned.graph
    match source:
        case FromGroup(index=index):
            return _verified(name, graph_key(graph, index), graph.signatures[index].message, presigned.signature(index))
        case FromDigit(digit=digit, key=key, message=message):
            count = graph.terms.proposal.graphs[int(name.partition("/")[0])].digits
            if own.digits is None or len(own.digits) != count:
                raise _missing(name, f"{count} digit signatures")
            return _verified(name, key, message, own.digits[digit])
        case FromAttestors(indices=indices):
            opened = [i for i in indices if own.extra and own.extra.point() == graph.signatures[i].adaptor]
            if own.extra is None or not opened:
                raise _missing(name, f"the secret of one of {len(indices)} subsets of the attestors")
            signature = signing.complete(presigned.presignature(opened[0]), own.extra)
            return _verified(name, graph_key(graph, opened[0]), graph.signatures[opened[0]].message, signature)
        case FromParty(party=party, message=message):
            wanted = graph.cast.personal[party]
            if own.personal is None or own.personal.xonly() != wanted:
                raise _missing(name, f"the personal key of party {party}")
            return own.personal.sign_key_path(message, None) if stack.path == KEY_PATH else own.personal.sign(message)
        case FromPoint(party=party, key=key, message=message):
            if own.extra is None or own.extra.xonly() != key:
                raise _missing(name, f"the logarithm of the point lock of party {party}")
            return own.extra.sign(message)
        case FromWallet(key=key, message=message):
            if key not in own.wallet:
                raise _missing(name, f"the wallet's signature under {key.hex()}")
            return _verified(name, key, message, own.wallet[key])
        case FromSecret(digest=digest):
            if own.preimage is None or hashlib.sha256(own.preimage).digest() != digest:
                raise _missing(name, f"the preimage of {digest.hex()}")
            return own.preimage
        case _:
            assert_never(source)


def graph_key(graph: VaultGraph, index: int) -> bytes:
    """The x-only key that entry `index` of graph.signatures verifies under: G, or an output key of internal key G."""
    entry = graph.signatures[index]
    if entry.merkle_root is None:
        return graph.cast.group
    return graph.templates[entry.template].inputs[entry.input].spends.script_pubkey[2:]


def _verified(name: str, key: bytes, message: bytes, signature: bytes) -> bytes:
    if not signing.verify(key, message, signature):
        raise PresignedFault(f"signature in {name}", expected=f"BIP340 under {key.hex()}", got=signature.hex())
    return signature


def _missing(name: str, what: str) -> PresignedFault:
    return PresignedFault(name, expected=what, got="none, or another")


# ---- bytes -----------------------------------------------------------------------------------------------------------
class _Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    terms: Terms
    points: tuple[EnginePoints, ...]
    digest: bytes
    signatures: bytes


_STORED = msgspec.msgpack.Decoder(_Stored)  # made at import, as in vault.terms


def serialize(presigned: Presigned) -> bytes:
    """Everything needed to go on from nothing: terms, points, graph digest, signatures."""
    graph = presigned.graph
    stored = _Stored(
        format=FORMAT,
        terms=graph.terms,
        points=graph.points,
        digest=graph.digest(),
        signatures=presigned.signatures,
    )
    return msgspec.msgpack.encode(stored)


def parse(raw: bytes) -> Presigned:
    """The inverse of `serialize`: checks terms, derives the graph again, compares its digest.

    The signatures are counted but not verified: call `check` before relying on bytes that were ever out of hand.
    VaultFault in one of its kinds otherwise.
    """
    if len(raw) > MAX_BYTES:
        raise PresignedFault("presigned", expected=f"at most {MAX_BYTES} bytes", got=f"{len(raw)} bytes")
    try:
        stored = _STORED.decode(raw)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise PresignedFault("presigned", expected="a well-formed value", got=str(error)[:200]) from None
    if msgspec.msgpack.encode(stored) != raw:
        raise PresignedFault("presigned", expected="the canonical encoding", got="another")
    if stored.format != FORMAT:
        raise PresignedFault("format", expected=str(FORMAT), got=str(stored.format))
    graph = derive(check_terms(stored.terms), stored.points)
    if graph.digest() != stored.digest:
        raise PresignedFault("digest", expected=graph.digest().hex(), got=stored.digest.hex()[:80])
    if len(stored.signatures) != SIGNATURE_SIZE * len(graph.signatures):
        expected = f"{len(graph.signatures)} of {SIGNATURE_SIZE} bytes"
        raise PresignedFault("signatures", expected=expected, got=f"{len(stored.signatures)} bytes")
    return Presigned(graph=graph, signatures=stored.signatures)
