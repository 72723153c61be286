"""What this party may publish, from which block on, and until when: the agenda.

Promise: `agenda` is a pure function of the state; `due` is the part of it that a block at tip + 1 may hold. The node
publishes whatever is due and stops publishing whatever no longer is, so nothing here needs to be remembered.
Only secrets wait for burial (protocol.md, Time and chain): here Vault, which shows a; see also `answers`. Of a loan,
a is shown to the ledger first; Vault keeps the same burial, so that no reorg leaves a loan without its coin.
This module does NOT know transactions, fees or peers: heights and names only.
"""

from collections.abc import Iterator

from challenge.answers import ANSWERING, Due, decryptions, is_proven, learned_from, refutations, silent
from challenge.facts import claimant_of, everyone, key, lent, party_with
from challenge.game import GRAPH_ENDS, SLOT_ENDS, Answer, GraphPhase, GraphView, SlotPhase, View, fold
from challenge.rules import milestones
from challenge.states import Stage, VaultState

__all__ = [
    "Due",
    "agenda",
    "awaited",
    "bound",
    "calls_off",
    "due",
    "learned_from",
    "loan_preimage",
    "moved_away",
    "settled",
    "stage",
]


def stage(state: VaultState) -> Stage:
    """The stage of the setup, or how the vault ended, or LIVE.

    PreFund on chain says that everyone is ready, whatever message is missing here: its only publisher has them all.
    One of its inputs spent elsewhere says that it never comes: the setup of a bound party has ended, as long as a block says so.
    """
    if state.end is not None:
        return Stage(state.end[0])
    for each, facts in milestones(state.proposal, state.me):
        if not facts <= state.facts.keys():
            if each is not Stage.READY or key("ready", state.me) not in state.facts:
                return each
            if any(seen.name == "prefund" for seen in state.log):
                return Stage.LIVE
            return Stage.ABORTED if bound(state) and moved_away(state) is not None else each
    return Stage.LIVE


def bound(state: VaultState) -> bool:
    """True when this party has said `ready` and another one can publish PreFund: it cannot turn its back any more."""
    return key("ready", state.me) in state.facts and party_with(state.proposal, "borrower") != state.me


def calls_off(state: VaultState) -> bool:
    """True when this borrower's setup ended and others may be bound by it: it spends an input of PreFund to itself.

    They need its partial signatures to say `ready`: before it stated them nobody is bound. It has published no PreFund, since
    no setup ends once it holds every `ready`; a halted vault is left alone.
    """
    borrower = state.me == party_with(state.proposal, "borrower")
    return borrower and stage(state) is Stage.ABORTED and key("partials", state.me, 0) in state.facts


def moved_away(state: VaultState) -> int | None:
    """The height of the block in which an input of PreFund was spent elsewhere: with it PreFund can never be mined."""
    return next((seen.height for seen in state.log if seen.name == "foreign/prefund_input"), None)


def due(state: VaultState, tip: int) -> tuple[Due, ...]:
    """What may be in the next block."""
    return tuple(item for item in agenda(state) if item.since <= tip + 1)


def agenda(state: VaultState) -> tuple[Due, ...]:
    """Everything this party waits to publish, soonest first."""
    if stage(state) is not Stage.LIVE:
        return ()
    view = fold(state.proposal, state.log)
    items = [*_slots(state, view)]
    for g in range(len(state.proposal.graphs)):
        own = claimant_of(state.proposal, g) == state.me
        items += _as_claimant(state, view, g) if own else _as_challenger(state, view, g)
    return tuple(sorted(items, key=lambda item: (item.since, item.name)))


def loan_preimage(state: VaultState) -> bytes | None:
    """a, when some party has said that the borrower took the loan."""
    told = (state.facts.get(key("loan_taken", p)) for p in everyone(state.proposal))
    return next((value for value in told if value is not None), None)


def _slots(state: VaultState, view: View) -> Iterator[Due]:
    locks, facts = state.proposal.timelocks, state.facts
    borrower = state.me == party_with(state.proposal, "borrower")
    phases = {slot.phase for slot in view.slots}
    backing_out = any(key("want_refund", s) in facts for s in range(len(view.slots)))
    if borrower and phases == {SlotPhase.UNFUNDED} and not backing_out:
        yield Due(name="prefund", since=0, until=None, why="everyone is ready")
    # a is the borrower's secret until it takes the loan with it; from then on nobody needs the borrower for Vault.
    taken = lent(state.proposal) and loan_preimage(state) is not None
    if phases == {SlotPhase.PREFUNDED} and not backing_out and (taken or (borrower and not lent(state.proposal))):
        height = view.slots[0].height
        yield Due(
            name="vault",
            since=height + locks.depth + 1,
            until=height + locks.refund,
            why="the loan is taken: a is known" if taken else "PreFund is buried: a may be shown",
        )
    for f, entry in enumerate(state.proposal.fast):
        slot, needed = view.slots[entry.slot], {key("want_fast", f), key("fast_release", f)}
        if entry.liquidator == state.me and slot.phase is SlotPhase.OPEN and needed <= facts.keys():
            why = "the price was attested and the lender lets it: it was paid"
            yield Due(name=key("liquidate", f), since=slot.height + 1, until=None, why=why)
    if not borrower:
        return
    for s, slot in enumerate(view.slots):
        if slot.phase is SlotPhase.PREFUNDED and key("want_refund", s) in facts:
            yield Due(
                name=key("refund", s), since=slot.height + locks.refund, until=None, why="the vault did not come about"
            )
        if slot.phase is not SlotPhase.OPEN:
            continue
        if key("want_repay", s) in facts and key("release", s) in facts:
            yield Due(name=key("repay", s), since=slot.height + 1, until=None, why="the lender has shown r")
        if key("want_deadman", s) in facts:
            yield Due(
                name=key("deadman", s), since=slot.height + locks.dead_man, until=None, why="everyone else has vanished"
            )


def _as_claimant(state: VaultState, view: View, g: int) -> Iterator[Due]:
    locks, game = state.proposal.timelocks, view.graphs[g]
    slot_open = view.slots[state.proposal.graphs[g].slot].phase is SlotPhase.OPEN
    wanted = key("want_claim", g) in state.facts
    match game.phase:
        case GraphPhase.ARMED if wanted and slot_open:
            yield Due(name=f"{g}/claim", since=0, until=None, why="the operator claims")
        case GraphPhase.CLAIMED if slot_open:
            yield Due(
                name=f"{g}/uncontested_payout",
                since=game.mined["claim"].height + locks.contest,
                until=None,
                why="nobody contested",
            )
        case GraphPhase.CONTESTED if wanted:
            contested = game.mined["contest"].height
            yield Due(
                name=f"{g}/assert", since=contested + 1, until=contested + locks.assert_, why="the claim was contested"
            )
        case GraphPhase.ASSERTED if slot_open:
            yield Due(
                name=f"{g}/contested_payout",
                since=game.mined["assert"].height + locks.verdict,
                until=None,
                why="nobody disproved",
            )
    yield from refutations(state, game, g)
    if not slot_open:
        yield from _release(game, g, locks.bond_release)


def _release(game: GraphView, g: int, bond_release: int) -> Iterator[Due]:
    name = {
        GraphPhase.CLAIMED: "release_bond_contest",
        GraphPhase.CONTESTED: "release_bond",
        GraphPhase.ASSERTED: "release_bond",
    }.get(game.phase)
    if name:
        yield Due(
            name=f"{g}/{name}",
            since=game.mined["claim"].height + bond_release,
            until=None,
            why="the vault coin went another way",
        )


def _as_challenger(state: VaultState, view: View, g: int) -> Iterator[Due]:
    locks, game = state.proposal.timelocks, view.graphs[g]
    match game.phase:
        case GraphPhase.CLAIMED if _contests(state, g):
            claimed = game.mined["claim"].height
            yield Due(
                name=f"{g}/contest",
                since=claimed + 1,
                until=claimed + locks.contest,
                why="the claim is to be contested",
            )
        case GraphPhase.CONTESTED:
            yield Due(
                name=f"{g}/no_assert",
                since=game.mined["contest"].height + locks.assert_,
                until=None,
                why="the claimant stayed silent",
            )
    yield from ANSWERING[state.proposal.graphs[g].engine](state, game, g)


def _contests(state: VaultState, g: int) -> bool:
    """A claim that is known to be proven is contested only by an operator that insists."""
    return key("want_reveal", g) in state.facts or (key("want_contest", g) in state.facts and not is_proven(state, g))


def awaited(state: VaultState) -> tuple[str, ...]:
    """The transactions whose witness is worth reading before a block holds it: reading it early gains blocks.

    Nothing in the state depends on it. A challenger reads Assert, the claimant every Reveal.
    """
    if stage(state) is not Stage.LIVE:
        return ()
    names = []
    for g, game in enumerate(fold(state.proposal, state.log).graphs):
        own = claimant_of(state.proposal, g) == state.me
        if own and game.phase is GraphPhase.ASSERTED:
            names += [f"{g}/reveal/{k}" for k in silent(game)]
        if not own and game.phase is GraphPhase.CONTESTED:
            names.append(f"{g}/assert")
    return tuple(names)


def settled(state: VaultState, tip: int, bound: int) -> bool:
    """True when nothing can move any more: all slots, begun games and answers ended, buried deeper than the reorg bound.

    An answer that only others can end (a stake nobody fetches) keeps no vault open.
    """
    view = fold(state.proposal, state.log)
    over = all(slot.phase in SLOT_ENDS for slot in view.slots)
    done = all(game.phase is GraphPhase.ARMED or game.phase in GRAPH_ENDS for game in view.graphs)
    open_answers = any(_waits(state, game, g) for g, game in enumerate(view.graphs))
    return over and done and not open_answers and all(tip - seen.height > bound for seen in state.log)


def _waits(state: VaultState, game: GraphView, g: int) -> bool:
    """Whether a stake in this graph may still come to this party."""
    if claimant_of(state.proposal, g) != state.me:
        return game.answers.get(state.me) is Answer.REVEALED
    return any(True for _ in (*decryptions(state, game, g), *refutations(state, game, g)))
