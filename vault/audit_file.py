"""The audit bundle as bytes: named sections under one header, each with its length and digest.

    bv3audit | u32 header length | header (MessagePack) | BLAKE3 derive_key of the header | its signature, BIP340, by the maker's
    identity | the sections, one after the other

Promises that `parse` lets pass only a bundle of this form, whole, with every section under its digest and within its limit,
in the one order there is; BundleFault names the field otherwise. One content has one byte form. Little-endian.
Does NOT judge what a section says, nor the signature: `vault.audit` does. Who changes a section can compute its digest again,
but cannot sign it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

import msgspec
from blake3 import blake3

from vault.faults import VaultFault
from vault.presigned import MAX_BYTES as MAX_PRESIGNED
from vault.terms import MAX_BYTES, MAX_POINTS_BYTES

MAGIC = b"bv3audit"
VERSION = 1
MAX_SECTIONS = 8_192  # 64 graphs of 15 challengers: presignatures, pair and openings of each, and a few more
MAX_HEADER = 1 << 20
_LENGTH = 4
_DIGEST = 32
_SIGNATURE = 64
_HEADER_CONTEXT = "bitvm3 2026 audit header v1"
_SECTION_CONTEXT = "bitvm3 2026 audit section v1"

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What may stand under a name: how many indices it has, bytes at most, and what it holds."""

    indices: int
    limit: int
    holds: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "terms": Kind(
            indices=0, limit=MAX_BYTES, holds="the agreement: proposal, keys, hashlocks and coins of every party"
        ),
        "stated": Kind(
            indices=0, limit=MIB, holds="each party's digest of the graph, and of the presignatures it said it holds"
        ),
        "ledger": Kind(
            indices=1, limit=MIB, holds="genesis of a ledger that claims are about: rules, attestors, threshold"
        ),
        "key": Kind(indices=1, limit=64 << 10, holds="a verifying key of the statement `outcome`, arkworks compressed"),
        "points": Kind(indices=0, limit=MAX_POINTS_BYTES, holds="engine points of every graph"),
        "knowledge": Kind(indices=0, limit=MIB, holds="proofs of knowledge of their logarithms"),
        "signatures": Kind(
            indices=0, limit=MAX_PRESIGNED, holds="the group's presignatures, 65 bytes each, in the graph's order"
        ),
        "reveal": Kind(
            indices=2,
            limit=8 * MIB,
            holds="graph, challenger: the claimant's presignatures of Reveal that the maker answers with",
        ),
        "pair": Kind(
            indices=2, limit=MIB, holds="graph, challenger: F, the commitments and the kept set of a pair of the maker"
        ),
        "opened": Kind(
            indices=2,
            limit=64 * MIB,
            holds="graph, challenger: the opened instances of a pair that the maker evaluates",
        ),
    }
)
"""In the order of the file; an index counts from 0."""

Bytes = bytes | memoryview


class BundleFault(VaultFault):
    """A file that is no audit bundle, or not a whole one. What to do: get it again from whoever made it."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """One line of the header."""

    name: str  # kind/index/...
    length: int
    digest: bytes  # 32


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """Which vault, whose bundle, what is in it."""

    version: int
    vault_id: bytes  # 32
    maker: int  # index of the party whose node made it
    sections: tuple[Section, ...]


_HEADER = msgspec.msgpack.Decoder(Header)  # made at import, as in vault.terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """`sections`: name -> content, in the order of the file.

    `header` is the digest that the maker's identity signed, and `signature` what it gave: empty until it is written.
    """

    vault_id: bytes
    maker: int
    sections: Mapping[str, Bytes] = field(repr=False)
    header: bytes = b""
    signature: bytes = b""

    def get(self, *name: str | int) -> bytes | None:
        """The content of kind/index/..., or None."""
        found = self.sections.get("/".join(map(str, name)))
        return None if found is None else bytes(found)

    def view(self, *name: str | int) -> memoryview:
        """The same without a copy; empty when there is none."""
        return memoryview(self.sections.get("/".join(map(str, name)), b""))

    def indices(self, kind: str) -> tuple[tuple[int, ...], ...]:
        """The indices under which sections of a kind stand."""
        return tuple(indices for found, indices in map(parse_name, self.sections) if found == kind)


def parse_name(name: str) -> tuple[str, tuple[int, ...]]:
    """pair/0/2 -> ("pair", (0, 2)); BundleFault when it is not of `KINDS`."""
    kind, *words = name.split("/")
    if kind not in KINDS or len(words) != KINDS[kind].indices or not all(_is_index(word) for word in words):
        raise BundleFault("section name", expected=" | ".join(KINDS), got=name)
    return kind, tuple(map(int, words))


def _is_index(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 5 and str(int(word)) == word


def _place(name: str) -> tuple[int, tuple[int, ...]]:
    kind, indices = parse_name(name)
    return list(KINDS).index(kind), indices


def digest(name: str, content: Bytes) -> bytes:
    """Of a section: 32 bytes that depend on its name too."""
    state = blake3(derive_key_context=_SECTION_CONTEXT)
    state.update(name.encode() + b"\0")
    state.update(content)
    return state.digest()


def write(bundle: Bundle, sign: Callable[[bytes], bytes]) -> Iterator[Bytes]:
    """The file in pieces; no content is copied. `sign` signs 32 bytes under the maker's identity."""
    ordered = sorted(bundle.sections.items(), key=lambda item: _place(item[0]))
    lines = tuple(Section(name=name, length=len(raw), digest=digest(name, raw)) for name, raw in ordered)
    header = msgspec.msgpack.encode(
        Header(version=VERSION, vault_id=bundle.vault_id, maker=bundle.maker, sections=lines)
    )
    said = _of_header(header)
    yield MAGIC + len(header).to_bytes(_LENGTH, "little") + header + said + sign(said)
    for _, raw in ordered:
        yield raw


def parse(raw: Bytes) -> Bundle:
    """The inverse of `write`; the contents are slices of `raw`."""
    view, at = memoryview(raw), len(MAGIC) + _LENGTH
    if bytes(view[: len(MAGIC)]) != MAGIC:
        raise BundleFault("magic", expected=MAGIC.decode(), got=bytes(view[: len(MAGIC)]).hex() or "an empty file")
    length = int.from_bytes(view[len(MAGIC) : at], "little")
    if length > MAX_HEADER or len(view) < at + length + _DIGEST + _SIGNATURE:
        expected = f"at most {MAX_HEADER} bytes, with digest and signature after it"
        raise BundleFault("header length", expected=expected, got=f"{length} in a file of {len(view)}")
    encoded = bytes(view[at : at + length])
    at += length
    said = bytes(view[at : at + _DIGEST])
    signature = bytes(view[at + _DIGEST : at + _DIGEST + _SIGNATURE])
    at += _DIGEST + _SIGNATURE
    if said != _of_header(encoded):
        raise BundleFault("header digest", expected=_of_header(encoded).hex(), got=said.hex())
    header = _header(encoded)
    whole = at + sum(line.length for line in header.sections)
    if len(view) != whole:
        raise BundleFault("file", expected=f"{whole} bytes", got=f"{len(view)} bytes")
    sections: dict[str, Bytes] = {}
    for line in header.sections:
        content = view[at : at + line.length]
        at += line.length
        found = digest(line.name, content)
        if found != line.digest:
            raise BundleFault(f"digest of section {line.name}", expected=line.digest.hex(), got=found.hex())
        sections[line.name] = content
    return Bundle(
        vault_id=header.vault_id,
        maker=header.maker,
        sections=MappingProxyType(sections),
        header=said,
        signature=signature,
    )


def _of_header(encoded: bytes) -> bytes:
    return blake3(encoded, derive_key_context=_HEADER_CONTEXT).digest()


def _header(encoded: bytes) -> Header:
    try:
        header = _HEADER.decode(encoded)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise BundleFault("header", expected="a well-formed header", got=str(error)[:200]) from None
    if msgspec.msgpack.encode(header) != encoded:
        raise BundleFault("header", expected="the canonical encoding", got="another")
    if header.version != VERSION:
        raise BundleFault("version", expected=str(VERSION), got=str(header.version))
    if len(header.vault_id) != _DIGEST:
        raise BundleFault("vault id", expected="32 bytes", got=f"{len(header.vault_id)} bytes")
    if header.maker < 0:
        raise BundleFault("maker", expected="the index of a party", got=str(header.maker))
    if len(header.sections) > MAX_SECTIONS:
        raise BundleFault("sections", expected=f"at most {MAX_SECTIONS}", got=str(len(header.sections)))
    places = [_place(line.name) for line in header.sections]
    if any(a >= b for a, b in pairwise(places)):
        raise BundleFault("sections", expected="each once, in order", got=", ".join(s.name for s in header.sections))
    for line in header.sections:
        most = KINDS[parse_name(line.name)[0]].limit
        if not 0 <= line.length <= most:
            raise BundleFault(f"length of section {line.name}", expected=f"at most {most}", got=str(line.length))
    return header
