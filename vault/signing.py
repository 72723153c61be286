"""Which signatures and secrets each transaction needs, and from whom.

Promises that what a finished transaction holds is read off the leaves it spends, never typed in again.
Does not sign and holds no secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitcoin_scripts.outputs import KEY_PATH, Preimage, Sign
from bitcoin_scripts.script import digit_at
from vault.faults import PresignedFault
from vault.graph import VaultGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class FromGroup:
    """The aggregated signature `signatures[index]`."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FromDigit:
    """Digit `digit`, under `key` (G in Assert, K_k in Reveal): a presignature completed with the secret of a value."""

    digit: int
    key: bytes  # x-only
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FromAttestors:
    """One of the presignatures `indices` (one a t-subset of the attestors), completed with what that subset attested."""

    indices: range


@dataclass(frozen=True, slots=True, kw_only=True)
class FromParty:
    """A party's personal key: as it is in a leaf, under its BIP86 output key when the stack's path is "key"."""

    party: int
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FromPoint:
    """The logarithm of the point lock of challenger `party`."""

    party: int
    key: bytes  # x-only
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FromWallet:
    """The wallet that owns the coin with this output key."""

    key: bytes  # x-only
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FromSecret:
    """The preimage of a hashlock."""

    digest: bytes


Source = FromGroup | FromDigit | FromAttestors | FromParty | FromPoint | FromWallet | FromSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What one input needs, in stack order, bottom first; script and control block of a leaf come after it."""

    path: str
    sources: tuple[Source, ...]


def needs(graph: VaultGraph, name: str, *, challenger: int | None = None) -> tuple[Stack, ...]:
    """One Stack an input of transaction `name`. Contest has a leaf a challenger: say whose."""
    template = graph.templates.get(name)
    if template is None:
        raise PresignedFault("transaction", expected="a name in the graph", got=name)
    stacks = []
    for index, spending in enumerate(template.inputs):
        path = spending.path
        if len(spending.paths) > 1 or challenger is not None:
            path = f"contest/{challenger}"
        if path not in spending.paths:
            raise PresignedFault(f"leaf of {name}", expected=" | ".join(spending.paths), got=path)
        pieces = spending.spends.pieces(path)
        stacks.append(Stack(path=path, sources=tuple(_source(graph, name, index, path, piece) for piece in pieces)))
    return tuple(stacks)


def _source(graph: VaultGraph, name: str, index: int, path: str, piece: Sign | Preimage) -> Source:
    if isinstance(piece, Preimage):
        return FromSecret(digest=piece.digest)
    if piece.key == graph.cast.group:
        first = graph.places[name, index, path, piece.position]
        if graph.signatures[first].adaptor is None:
            return FromGroup(index=first)
        if path == KEY_PATH:
            return FromAttestors(indices=graph.fast(int(name.partition("/")[2])))
        message = graph.signatures[first].message
        return FromDigit(digit=digit_at(piece.position), key=piece.key, message=message)
    message = graph.templates[name].sighash(index, piece.position, path=path)
    if piece.key in graph.plan.reveals.values():
        return FromDigit(digit=digit_at(piece.position), key=piece.key, message=message)
    for party, key in enumerate(graph.cast.personal):
        if key == piece.key:
            return FromParty(party=party, message=message)
    for party, lock in ((k, lock) for p in graph.points for k, lock in p.locks):
        if lock[1:] == piece.key:
            return FromPoint(party=party, key=piece.key, message=message)
    return FromWallet(key=piece.key, message=message)
