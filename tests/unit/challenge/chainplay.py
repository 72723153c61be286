"""All the ways a chain can spend the coins of a vault, played on the real transactions and coins, without timelocks.

A move is one of the vault's own transactions, or a stranger's: one that spends a coin which somebody can spend without
the group's signature, in a transaction that is not of the vault. More than a real chain allows, never less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bitcoin_scripts.outputs import Output, Sign
from challenge.classify import Index, Outpoint, classify, index
from vault.graph import VaultGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A transaction: the names the vault gives it, what it spends, what it creates."""

    names: tuple[str, ...]
    spends: frozenset[Outpoint]
    creates: frozenset[Outpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The coins at the beginning, and every move."""

    coins: frozenset[Outpoint]
    moves: tuple[Move, ...]

    def next(self, coins: frozenset[Outpoint]) -> Iterator[tuple[Move, frozenset[Outpoint]]]:
        """Every move that these unspent coins allow, and the coins after it."""
        for move in self.moves:
            if move.spends <= coins:
                yield move, (coins - move.spends) | move.creates


def board(graph: VaultGraph) -> Board:
    """The board of a vault."""
    known = index(graph)
    created = {
        template.outpoint(n): output
        for template in graph.templates.values()
        for n, output in enumerate(template.outputs)
    }
    own = [
        Move(
            names=(template.name,),
            spends=frozenset((item.txid, item.vout) for item in template.inputs),
            creates=frozenset(template.outpoint(n) for n in range(len(template.outputs))) & known.coins.keys(),
        )
        for template in graph.templates.values()
    ]
    strangers = [
        Move(
            names=classify(known, b"\xff" * 32, (outpoint,)),
            spends=frozenset({outpoint}),
            creates=frozenset(),
        )
        for outpoint in known.coins
        if outpoint not in created or without_group(graph, created[outpoint])
    ]
    return Board(coins=frozenset(known.coins.keys() - created.keys()), moves=(*own, *strangers))


def without_group(graph: VaultGraph, output: object) -> bool:
    """Whether some leaf of this output can be spent without the group's signature."""
    if not isinstance(output, Output):
        return False
    paths = [[piece.key for piece in leaf.witness if isinstance(piece, Sign)] for leaf in output.leaves]
    return any(graph.cast.group not in keys for keys in paths)


def foreign(known: Index, name: str) -> Outpoint:
    """A coin with this foreign name."""
    return next(outpoint for outpoint, coin in known.coins.items() if coin == name)
