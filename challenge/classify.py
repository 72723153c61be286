"""Block to events: which transactions of a block are a vault's, and what they are called.

Promise: a transaction of the graph is recognised by its txid, whoever published it; a transaction that spends a coin of
the vault and is not of the graph is called `foreign/<coin>`. This module does NOT decide whether it may happen (see
`game`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vault.graph import VaultGraph

Outpoint = tuple[bytes, int]

INPUT_NAMES: Mapping[str, tuple[str, ...]] = {
    "refund": ("prefund",),
    "deadman": ("vault",),
    "claim": ("bond",),
    "contest": ("contest",),
    "no_assert": ("assertion", "payout"),
    "uncontested_payout": ("vault", "contest", "payout"),
    "disprove": ("arena", "payout"),
    "reveal": ("arena", "stake"),
    "refute": ("refute",),
    "no_payout": ("refute", "payout"),
    "stake_back": ("refute",),
    "contested_payout": ("vault", "payout", "verdict"),
}
"""The coins a transaction spends, in the order of its inputs; enough rows to name every coin of a graph once."""


INDEXED = frozenset({"prefund", "vault", "arena", "stake", "refute"})
"""Coins of which there is one a slot or one a challenger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What to look for: the vault's transactions by txid, and its coins by outpoint."""

    names: Mapping[bytes, str]
    coins: Mapping[Outpoint, str]


def index(graph: VaultGraph) -> Index:
    """Build the index of one vault."""
    names = {template.txid: name for name, template in graph.templates.items()}
    coins: dict[Outpoint, str] = {}
    for name, template in graph.templates.items():
        words = name.split("/")
        prefix = f"{words[0]}/" if words[0].isdigit() else ""
        kind = words[1] if prefix else words[0]
        suffix = f"/{words[-1]}" if words[-1].isdigit() and len(words) > (2 if prefix else 1) else ""
        for coin, item in zip(INPUT_NAMES.get(kind, ()), template.inputs, strict=False):
            if coin == "vault" and prefix:
                continue  # named by deadman/S, without the graph
            coins[item.txid, item.vout] = f"{prefix}foreign/{coin}{suffix if coin in INDEXED else ''}"
    for item in graph.templates["prefund"].inputs:
        coins[item.txid, item.vout] = "foreign/prefund_input"
    return Index(names=names, coins=coins)


def classify(index: Index, txid: bytes, spent: Iterable[Outpoint]) -> tuple[str, ...]:
    """The names under which a transaction concerns the vault: its own, or one for each coin a stranger took."""
    name = index.names.get(txid)
    if name is not None:
        return (name,)
    return tuple(dict.fromkeys(index.coins[outpoint] for outpoint in spent if outpoint in index.coins))
