"""(Terms, engine points) -> every transaction of a vault, and every message that the group G or a claimant presigns.

Promises that the graph follows from its two arguments alone: two parties that agree on them hold the same txids,
sighashes and adaptor points, and `digest` says so in 32 bytes. Nobody signs a transaction that came from a peer.
Does not sign and does not check terms: `vault.terms` has done that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from blake3 import blake3

from bitcoin_scripts.outputs import KEY_PATH, Output, Sign
from bitcoin_scripts.script import NO_CODESEP, digit_position
from bitcoin_scripts.transaction import Template
from native import NativeError
from native._native import engine, signing
from vault.agreement import EnginePoints, Proposal, Rows, Terms, encode
from vault.fast import entry_points
from vault.faults import PointsFault
from vault.fees import amounts_of, prefund_values
from vault.plan import Cast, Plan, plan_of
from vault.terms import check_points
from vault.transactions.every import every_transaction

POINT = 33
"""Bytes of a compressed point."""

PART_SESSIONS = 8_192
"""Sessions that one part of a graph aims at: nonces, partials and their checks travel and run part by part."""

Place = tuple[str, int, str, int]  # (transaction, input, path, code separator position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One message that G signs. `merkle_root` is None for a leaf, else the tweak of the key path."""

    template: str
    input: int
    path: str
    position: int
    adaptor: bytes | None  # 33-byte point; the signature is then locked to its logarithm
    merkle_root: bytes | None
    message: bytes  # 32


# Not slotted: what follows from the fields is computed once, on first use.
@dataclass(frozen=True, kw_only=True)
class VaultGraph:
    """`templates` by name, parents first; `signatures` in the order of presigning; see the contract in `derive`.

    `bound`: (graph, challenger) -> T = S_k + A, the points of Reveal_k: 33 bytes a value, digit then value (babe).
    """

    terms: Terms
    points: tuple[EnginePoints, ...]
    plan: Plan
    templates: Mapping[str, Template]
    signatures: tuple[Signature, ...]
    bound: Mapping[tuple[int, int], bytes]

    @property
    def cast(self) -> Cast:
        """Who appears in leaves and destinations."""
        return self.plan.cast

    @cached_property
    def spenders(self) -> Mapping[str, tuple[int, ...]]:
        """Transaction -> parties able to publish it, given presignatures, preimages and the logarithm of a lock."""
        return {name: _publishers(self, template) for name, template in self.templates.items()}

    @cached_property
    def places(self) -> Mapping[Place, int]:
        """Where in `signatures` a place's first entry stands: a digit has 2**digit_bits entries from there."""
        found: dict[Place, int] = {}
        for index, s in enumerate(self.signatures):
            found.setdefault((s.template, s.input, s.path, s.position), index)
        return found

    @cached_property
    def parts(self) -> tuple[range, ...]:
        """`signatures` in portions: the vault's own transactions first, then each graph in `part_counts` pieces."""
        bounds = [0]
        for owner, pieces in ((-1, 1), *enumerate(part_counts(self.terms.proposal))):
            start = end = bounds[-1]
            while end < len(self.signatures) and _owner(self.signatures[end].template) == owner:
                end += 1
            bounds += [start + (end - start) * i // pieces for i in range(1, pieces + 1)]
        return tuple(range(low, high) for low, high in pairwise(bounds))

    def fast(self, entry: int) -> range:
        """The indices in `signatures` of the t-subsets of the attestors that open an entry of path B."""
        name = f"liquidate/{entry}"
        first = self.places[name, 0, KEY_PATH, NO_CODESEP]
        return range(first, first + sum(s.template == name for s in self.signatures))

    def digit(self, graph: int, digit: int) -> range:
        """The indices in `signatures` of the values 0, 1, ... of one digit of Assert."""
        first = self.places[f"{graph}/assert", 0, "digits", digit_position(digit)]
        return range(first, first + (1 << self.terms.proposal.graphs[graph].digit_bits))

    def reveal_messages(self, graph: int, challenger: int) -> tuple[list[bytes], bytes]:
        """What the claimant presigns for Reveal_k under K_k: one sighash a digit, and T (33 bytes a value).

        PointsFault when the graph is not of engine babe, or has no such challenger.
        """
        points = self.bound.get((graph, challenger))
        if points is None:
            raise PointsFault(
                "reveal", expected="a graph of engine babe and its challenger", got=f"{graph}, {challenger}"
            )
        digits = range(self.terms.proposal.graphs[graph].digits)
        positions = [digit_position(w) for w in digits]
        return self.templates[f"{graph}/reveal/{challenger}"].sighashes(0, positions), points

    def presigning(self, part: range | None = None) -> signing.Presigning:
        """The native batch of all sessions, or of one of `parts`."""
        chosen = self.signatures if part is None else self.signatures[part.start : part.stop]
        return signing.Presigning(self.terms.musig_keys, [(s.message, s.adaptor, s.merkle_root) for s in chosen])

    @cached_property
    def _digest(self) -> bytes:
        return _digest(self)

    def digest(self) -> bytes:
        """32 bytes over all txids, sighashes, adaptor points and engine points: what the parties compare."""
        return self._digest


def derive(terms: Terms, points: tuple[EnginePoints, ...]) -> VaultGraph:
    """The graph of checked terms; PointsFault when the points do not fit.

    Names: prefund, refund/S, vault, repay/S, deadman/S for every slot S, liquidate/F for every entry F of path B, and for
    every graph g: g/claim, g/contest,
    g/uncontested_payout, g/no_assert, g/assert, for every challenger K g/disprove/K (core) or g/reveal/K, g/refute/K,
    g/no_payout/K, g/stake_back/K (babe), g/contested_payout, g/release_bond, g/release_bond_contest.
    """
    check_points(terms, points)
    proposal = terms.proposal
    values = amounts_of(proposal).values
    change = prefund_values(proposal, terms.keys[proposal.borrower].prefund_inputs)
    plan = plan_of(terms, points, {**values, **change})
    templates = every_transaction(plan)
    return VaultGraph(
        terms=terms,
        points=points,
        plan=plan,
        templates=templates,
        signatures=_signatures(plan, templates, points),
        bound={
            (entry.graph, reveal.challenger): _bound(entry.digits, reveal.digits)
            for entry in points
            for reveal in entry.reveals
        },
    )


def part_counts(proposal: Proposal) -> tuple[int, ...]:
    """Graph -> in how many parts its sessions are presigned."""
    return tuple(max(1, -(-(graph.digits << graph.digit_bits) // PART_SESSIONS)) for graph in proposal.graphs)


def digit_points(rows: Rows) -> list[list[bytes]]:
    """The point of every value of every digit: row[0] + the sum of row[1 + j] over the bits j of the value.

    All of them must differ: two equal ones would let one signature assert both values.
    """
    size = 1 << (len(rows[0]) - 1)
    points = _each(_values(_basis(rows), rows))
    return [points[at : at + size] for at in range(0, len(points), size)]


def _basis(rows: Rows) -> bytes:
    return b"".join(point for row in rows for point in row)


def _each(points: bytes) -> list[bytes]:
    return [points[at : at + POINT] for at in range(0, len(points), POINT)]


def _values(basis: bytes, shape: Rows) -> bytes:
    """33 bytes a value, digit then value, of basis points laid out as `shape` is."""
    bits = len(shape[0]) - 1
    try:
        points = engine.value_points(engine.Layout(input_bits=bits * len(shape), digit_bits=bits), basis)
    except NativeError as error:
        raise PointsFault("digits", expected="sums that are points", got=str(error)) from None
    if len(set(_each(points))) != len(points) // POINT:
        raise PointsFault("digits", expected="a point of its own for every value", got="one point twice")
    return points


def _bound(claimant: Rows, challenger: Rows) -> bytes:
    """T: completing a presignature of Reveal takes the challenger's secret of a value and the claimant's of the same."""
    try:
        basis = engine.add_points(_basis(claimant), _basis(challenger))
    except NativeError as error:
        raise PointsFault(
            "reveals.digits", expected="sums with the claimant's that are points", got=str(error)
        ) from None
    return _values(basis, claimant)


def _signatures(
    plan: Plan, templates: Mapping[str, Template], points: tuple[EnginePoints, ...]
) -> tuple[Signature, ...]:
    found: list[Signature] = []
    for name, template in templates.items():
        for index, spending in enumerate(template.inputs):
            for path in spending.paths:
                positions = _group_positions(plan, template, index, path)
                if not positions:
                    continue
                messages = template.sighashes(index, positions, path=path)
                spent = spending.spends
                root = spent.merkle_root if path == KEY_PATH and isinstance(spent, Output) else None
                rows: Sequence[Sequence[bytes | None]] = [[None]] * len(positions)
                if path == "digits":
                    rows = digit_points(points[_owner(name)].digits)
                elif (head := name.partition("/"))[0] == "liquidate" and plan.proposal.loan is not None:
                    rows = [entry_points(plan.proposal.loan, int(head[2]))]
                found += [
                    Signature(
                        template=name,
                        input=index,
                        path=path,
                        position=position,
                        adaptor=adaptor,
                        merkle_root=root,
                        message=message,
                    )
                    for position, message, row in zip(positions, messages, rows, strict=True)
                    for adaptor in row
                ]
    return tuple(found)


def _group_positions(plan: Plan, template: Template, index: int, path: str) -> list[int]:
    """The code separator positions that G signs for this input, digit 0 first; empty when G does not sign it."""
    spent = template.inputs[index].spends
    if not isinstance(spent, Output):
        return []  # a wallet coin is its owner's, whatever key it names
    pieces = spent.pieces(path)
    wanted = [piece for piece in pieces if isinstance(piece, Sign) and piece.key == plan.cast.group]
    return [piece.position for piece in reversed(wanted)]  # the stack holds digit 0 on top


def _owner(name: str) -> int:
    """The graph a transaction belongs to, -1 for the vault's own."""
    head = name.partition("/")[0]
    return int(head) if head.isdigit() else -1


def _publishers(graph: VaultGraph, template: Template) -> tuple[int, ...]:
    everyone = set(range(len(graph.terms.proposal.parties)))
    able = set(everyone)
    for spending in template.inputs:
        by_path: set[int] = set()
        for path in spending.paths:
            signers = {p.key for p in spending.spends.pieces(path) if isinstance(p, Sign)} - {graph.cast.group}
            # Whoever learned a lock's logarithm, or holds the claimant's presignatures, needs no key of their own there.
            learned = {*graph.plan.locks.values(), *graph.plan.reveals.values()}
            owners = [_owned(graph, key) for key in signers - learned]
            by_path |= everyone.intersection(*owners) if owners else everyone
        able &= by_path
    return tuple(sorted(able))


def _owned(graph: VaultGraph, key: bytes) -> set[int]:
    keys, proposal = graph.terms.keys, graph.terms.proposal
    wallet = {coin.script_pubkey[2:] for coin in keys[proposal.borrower].prefund_inputs}
    owners = {party.party for party in keys if party.personal == key}
    return owners | ({proposal.borrower} if key in wallet else set())


def _digest(graph: VaultGraph) -> bytes:
    state = blake3(derive_key_context="bitvm3 2026 graph digest v1")
    state.update(graph.terms.vault_id)
    for template in graph.templates.values():
        state.update(_framed(template.name.encode()) + template.txid)
    state.update(len(graph.signatures).to_bytes(8, "big"))
    for s in graph.signatures:
        place = f"{s.template} {s.input} {s.path}".encode()
        root = b"leaf" if s.merkle_root is None else s.merkle_root
        state.update(_framed(place) + s.position.to_bytes(4, "big") + s.message)
        state.update(_framed(s.adaptor or b"") + _framed(root))
    state.update(_framed(encode(graph.points)))
    return state.digest()


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part
