"""Everything that can become of a vault's coins, as one table: deposit and slot, bonds, stakes.

Promises one row for every transaction of the graph and for every coin that is never moved: which coins it ends, who can
publish it, what must be known or have happened before, from which block on and until which, and who receives how many
sats. Amounts, waits and rivals are read off the templates, so the table cannot say anything else than what is signed; it
can be made from a proposal alone, before any key exists. Does NOT know the chain, what children pay for fees, or who is
honest: a row says what is possible, not what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import msgspec

from bitcoin_scripts.outputs import Output, Sats, p2tr
from bitcoin_scripts.transaction import Template
from native._native import tapscript
from vault.agreement import Coin, Proposal
from vault.fees import amounts_of, deposit_needed, prefund_values
from vault.graph import VaultGraph
from vault.plan import stand_in
from vault.transactions.every import every_transaction

ANCHOR = "anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not before `blocks` blocks after the block that holds transaction `after`; 0: in the same block."""

    after: str
    blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """`sats` to a party by its index, or to nobody (`to` is None): burned. `output` is the role in the graph."""

    to: int | None
    sats: Sats
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One row.

    Attributes:
        transaction: its name; for a coin that stays where it is, the coin's own name.
        title: what it is called.
        ends: coins that are at their end with it: slot/S, bond/G, stake/G/K, ticket/F; none for a step on the way.
        by: parties that can publish it.
        needs: what must be known or have happened besides the waits.
        earliest: all of these must have passed.
        latest: from the first of these blocks on another transaction may take one of its coins; none: no time limit.
        instead: those transactions and all others that spend one of the same outputs.
        pays: what leaves the vault; a step pays nothing out, and an anchor is anybody's.
        fee: of the transaction itself; the anchor is not part of it.
    """

    transaction: str
    title: str
    ends: tuple[str, ...]
    by: tuple[int, ...]
    needs: tuple[str, ...]
    earliest: tuple[Wait, ...]
    latest: tuple[Wait, ...]
    instead: tuple[str, ...]
    pays: tuple[Paid, ...]
    fee: Sats


# ---- words by kind of transaction ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a transaction stands: slot, graph, challenger, entry of path B; -1 for what it has not."""

    proposal: Proposal
    s: int = -1
    g: int = -1
    k: int = -1
    f: int = -1

    @property
    def everyone(self) -> tuple[int, ...]:
        """Every party: who holds the presignatures needs nothing else."""
        return tuple(range(len(self.proposal.parties)))

    @property
    def borrower(self) -> tuple[int, ...]:
        """B."""
        return (self.proposal.borrower,)

    @property
    def claimant(self) -> tuple[int, ...]:
        """Of the graph."""
        return (self.proposal.graphs[self.g].claimant,)

    @property
    def challengers(self) -> tuple[int, ...]:
        """Of the graph."""
        return self.proposal.challengers(self.g)

    @property
    def challenger(self) -> tuple[int, ...]:
        """The one it is about."""
        return (self.k,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`title` may say {outcome}; `ends` may say {s}, {g}, {k}, {f} and {slot}, the slot of the graph."""

    title: str
    by: Callable[[Place], tuple[int, ...]]
    ends: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    confirmed: int = 0  # blocks: larger than a TRUC child may be, so its parent must be in a block


SIGNED = "everyone's presignatures"
"""Which every party holds once all are ready."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "prefund": Kind(
            title="PreFund, the deposit", by=lambda p: p.borrower, needs=("every party is ready", "the wallet of B")
        ),
        "refund": Kind(title="Refund before Vault", by=lambda p: p.borrower, ends=("slot/{s}",)),
        "vault": Kind(title="Vault, the loan was taken", by=lambda p: p.everyone, needs=("the preimage a", SIGNED)),
        "repay": Kind(
            title="Repay", by=lambda p: p.borrower, ends=("slot/{s}",), needs=("the preimage r of the slot",)
        ),
        "liquidate": Kind(
            title="fast liquidation (path B), the price was attested and L lets it",
            by=lambda p: p.challenger,
            ends=("slot/{s}", "ticket/{f}"),
            needs=("what enough attestors attested", "L's preimage of the ticket, shown when it was paid", SIGNED),
        ),
        "deadman": Kind(title="DeadMan, everybody has vanished", by=lambda p: p.borrower, ends=("slot/{s}",)),
        "claim": Kind(title="Claim ({outcome})", by=lambda p: p.claimant),
        "contest": Kind(title="Contest", by=lambda p: p.challengers, needs=(SIGNED,)),
        "uncontested_payout": Kind(
            title="payout ({outcome}), nobody contested",
            by=lambda p: p.everyone,
            ends=("slot/{slot}", "bond/{g}"),
            needs=("no Contest until then", SIGNED),
        ),
        "no_assert": Kind(
            title="NoAssert, the claimant stayed silent",
            by=lambda p: p.everyone,
            ends=("bond/{g}",),
            needs=("no Assert until then", SIGNED),
        ),
        "assert": Kind(
            title="Assert",
            by=lambda p: p.claimant,
            needs=("the claimant's digit secrets; publishing shows those of the values it asserts", SIGNED),
            confirmed=1,
        ),
        "disprove": Kind(
            title="Disprove, the claim is false",
            by=lambda p: p.challenger,
            ends=("bond/{g}",),
            needs=("the logarithm of the challenger's point lock, which only false digits free", SIGNED),
        ),
        "reveal": Kind(
            title="Reveal, the challenger risks its stake",
            by=lambda p: p.challenger,
            needs=("the claimant's presignatures of Reveal, and the digit secrets that Assert showed",),
            confirmed=1,
        ),
        "refute": Kind(
            title="Refute, the claim is proven",
            by=lambda p: p.claimant,
            ends=("stake/{g}/{k}",),
            needs=("the logarithm of the challenger's point lock, which only a valid proof frees",),
        ),
        "no_payout": Kind(
            title="NoPayout, nobody could refute",
            by=lambda p: p.everyone,
            ends=("bond/{g}", "stake/{g}/{k}"),
            needs=("no Refute of this challenger until then", SIGNED),
        ),
        "stake_back": Kind(
            title="StakeBack, nothing was decided about the stake",
            by=lambda p: p.challenger,
            ends=("stake/{g}/{k}",),
        ),
        "contested_payout": Kind(
            title="payout ({outcome}), contested and not refused",
            by=lambda p: p.everyone,
            ends=("slot/{slot}", "bond/{g}"),
            needs=("neither Disprove nor NoPayout until then", SIGNED),
        ),
        "release_bond": Kind(
            title="the bond comes back, the slot went another way", by=lambda p: p.claimant, ends=("bond/{g}",)
        ),
        "release_bond_contest": Kind(
            title="the bond comes back, the slot went another way and nobody contested",
            by=lambda p: p.claimant,
            ends=("bond/{g}",),
        ),
    }
)
"""Kind of transaction -> its words. A test compares publishers with the leaves, and kinds with those of the graph."""


def kind_of(name: str) -> str:
    """g/disprove/K -> disprove, repay/S -> repay."""
    head, _, rest = name.partition("/")
    return rest.partition("/")[0] if head.isdigit() else head


def place_of(proposal: Proposal, name: str) -> Place:
    """Where a transaction stands, from its name."""
    head, *rest = name.split("/")
    if head == "liquidate":
        entry = proposal.fast[int(rest[0])]
        return Place(proposal=proposal, s=entry.slot, k=entry.liquidator, f=int(rest[0]))
    if not head.isdigit():
        return Place(proposal=proposal, s=int(rest[0]) if rest else -1)
    return Place(proposal=proposal, g=int(head), k=int(rest[1]) if len(rest) > 1 else -1)


# ---- the table -------------------------------------------------------------------------------------------------------
def endings(graph: VaultGraph) -> tuple[Ending, ...]:
    """The table of a derived graph: a row a transaction, parents first, then the coins that nobody moves."""
    scripts = {keys.payout_script: keys.party for keys in graph.terms.keys}
    proposal = graph.terms.proposal
    scripts.setdefault(graph.cast.change_script, proposal.borrower)
    return _table(proposal, graph.templates, scripts)


def foreseen(proposal: Proposal) -> tuple[Ending, ...]:
    """The same from a checked proposal alone: no key, hashlock or coin is known yet, and no amount depends on them.

    PreFund is drawn with one coin and the smallest change, which its owner chooses later.
    """
    parties = range(len(proposal.parties))
    own = {i: p2tr(tapscript.nums_key(b"payout of party %d" % i)) for i in parties}
    change = p2tr(tapscript.nums_key(b"change"))
    drawn = stand_in(proposal, coins=1)
    deposit = msgspec.structs.replace(drawn.coins[0], value=deposit_needed(proposal, 1))

    def coin(value: Sats) -> Coin:
        return msgspec.structs.replace(deposit, value=value)

    plan = replace(
        drawn,
        cast=replace(drawn.cast, payout_scripts=tuple(own.values()), change_script=change),
        coins=(deposit,),
        bonds={g: coin(graph.bond) for g, graph in enumerate(proposal.graphs)},
        stakes={(g, k): coin(graph.stake) for g, graph in enumerate(proposal.graphs) for k in proposal.challengers(g)},
        values={**amounts_of(proposal).values, **prefund_values(proposal, (deposit,))},
    )
    scripts = {script: party for party, script in own.items()} | {change: proposal.borrower}
    return _table(proposal, every_transaction(plan), scripts)


def of_coin(rows: tuple[Ending, ...], coin: str) -> tuple[Ending, ...]:
    """The ways in which one coin can end: slot/S, bond/G or stake/G/K."""
    return tuple(row for row in rows if coin in row.ends)


def coins_of(rows: tuple[Ending, ...]) -> tuple[str, ...]:
    """Every coin of the table, in order."""
    return tuple(dict.fromkeys(coin for row in rows for coin in row.ends))


def _table(proposal: Proposal, templates: Mapping[str, Template], scripts: Mapping[bytes, int]) -> tuple[Ending, ...]:
    by_txid = {template.txid: name for name, template in templates.items()}
    rivals: dict[str, list[tuple[str, int]]] = {}  # output role -> (who spends it, its wait)
    for name, template in templates.items():
        for spent in template.inputs:
            if spent.txid in by_txid:
                rivals.setdefault(spent.spends.role, []).append((name, spent.delay))
    moved = tuple(_row(proposal, template, by_txid, rivals, scripts) for template in templates.values())
    return (*moved, *_unmoved(proposal))


def _row(
    proposal: Proposal,
    template: Template,
    by_txid: Mapping[bytes, str],
    rivals: Mapping[str, list[tuple[str, int]]],
    scripts: Mapping[bytes, int],
) -> Ending:
    name, place, kind = template.name, place_of(proposal, template.name), KINDS[kind_of(template.name)]
    terms = proposal.graphs[place.g] if place.g >= 0 else None
    earliest, latest, instead = [], [], []
    for spent in template.inputs:
        if spent.txid not in by_txid:
            continue  # a coin from outside: its owner's, from the start
        parent = by_txid[spent.txid]
        earliest.append(Wait(after=parent, blocks=max(spent.delay, kind.confirmed)))
        others = [(other, delay) for other, delay in rivals[spent.spends.role] if other != name]
        instead += [other for other, _ in others]
        later = [delay for _, delay in others if delay > spent.delay]
        if later:
            latest.append(Wait(after=parent, blocks=min(later)))
    words = {"s": place.s, "g": place.g, "k": place.k, "f": place.f, "slot": -1 if terms is None else terms.slot}
    return Ending(
        transaction=name,
        title=kind.title.format(outcome="" if terms is None else terms.outcome),
        ends=tuple(pattern.format(**words) for pattern in kind.ends),
        by=kind.by(place),
        needs=kind.needs,
        earliest=tuple(earliest),
        latest=tuple(latest),
        instead=tuple(dict.fromkeys(instead)),
        pays=tuple(_paid(template, scripts)),
        fee=template.fee,
    )


def _paid(template: Template, scripts: Mapping[bytes, int]) -> Iterator[Paid]:
    for output in template.outputs:
        burned = isinstance(output, Output) and not output.leaves and output.role.endswith("/burn")
        if burned or (not isinstance(output, Output) and output.role != ANCHOR):
            to = None if burned else scripts[output.script_pubkey]
            yield Paid(to=to, sats=output.value, output=output.role)


def _unmoved(proposal: Proposal) -> Iterator[Ending]:
    """Coins that no transaction of the graph ever spent: their owner takes them where it likes."""
    for f in range(len(proposal.fast)):
        role, party = f"ticket/{f}", proposal.borrower
        yield Ending(
            transaction=role,
            title="never used: back to B",
            ends=(role,),
            by=(party,),
            needs=("its owner's key",),
            earliest=(Wait(after="vault", blocks=proposal.timelocks.dead_man),),
            latest=(),
            instead=(f"liquidate/{f}",),
            pays=(Paid(to=party, sats=amounts_of(proposal).values[role], output=role),),
            fee=0,
        )
    for g, graph in enumerate(proposal.graphs):
        owned = [(f"bond/{g}", f"{g}/bond", graph.claimant, graph.bond)]
        if graph.stake:
            owned += [(f"stake/{g}/{k}", f"{g}/stake/{k}", k, graph.stake) for k in proposal.challengers(g)]
        for coin, role, party, sats in owned:
            yield Ending(
                transaction=coin,
                title="never used: it stays its owner's",
                ends=(coin,),
                by=(party,),
                needs=("its owner's key; moved before its time it disarms its owner and nobody else",),
                earliest=(),
                latest=(),
                instead=(f"{g}/claim",) if coin.startswith("bond") else (f"{g}/reveal/{party}",),
                pays=(Paid(to=party, sats=sats, output=role),),
                fee=0,
            )
