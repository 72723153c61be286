"""What the methods `loan.*` and `money.*` do: looks at loans and requests to the keeper, JSON out. Holds no state.

Promises: what an operator orders here goes out whatever the policy says, and is not counted against the day's budget; the keeper
judges it. Money is SIMULATED, and every answer says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from challenge.deadlines import stage
from challenge.states import Stage, VaultState
from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.room import Ledgers, Open
from node.lending import words
from node.lending.charting import rows_of
from node.lending.party import Loans, Look
from node.lending.show import NOTE, decisions, health_levels, levels, loan_line, policy_lines, show_loan
from node.rpc.table import LoanSlotParams, MintParams, MoneyParams, Nothing, RepayParams, VaultParams
from vault.ledger.forms import to_json

if TYPE_CHECKING:
    from node.app import Node
    from node.daemon import Daemon
    from node.lending.desk import Desk

Handlers = dict[str, Callable[[Any], Awaitable[object]]]


def loan_methods(daemon: Daemon) -> Handlers:
    """Handlers by method."""
    node = daemon.node

    async def list_(_: Nothing) -> Any:
        loans = _loans(node)
        known = [(vault, loans.looks[vault]) for vault, _ in node.book.items() if vault in loans.looks]
        return {
            **_rounds(loans),
            **policy_lines(loans.policy, loans.spent),
            "loans": [loan_line(vault, look) for vault, look in known],
        }

    async def show(params: VaultParams) -> Any:
        vault, look = await _look(node, params.id)
        return {**show_loan(vault, look), **_rounds(_loans(node))}

    async def policy(params: VaultParams) -> Any:
        loans, (vault, look) = _loans(node), await _look(node, params.id)
        return {
            "vault": vault.hex(),
            **_rounds(loans),
            **policy_lines(loans.policy, loans.spent),
            "decisions": decisions(look),
        }

    async def tender(params: LoanSlotParams) -> Any:
        return await _for_slot(node, params, words.Tender, "highest")

    async def liquidate(params: LoanSlotParams) -> Any:
        return await _for_slot(node, params, words.Liquidate, "lowest")

    async def default(params: LoanSlotParams) -> Any:
        return await _for_slot(node, params, words.Default, "lowest")

    async def repay(params: RepayParams) -> Any:
        _, look = await _look(node, params.id)
        s = look.situation
        # The same order again, before the keeper has booked it, is the same request: the nonce moves with every event.
        number = s.posted.nonce if s.posted is not None else 0
        return await _ask(node, s.state, words.Repay(vault=s.name, cents=params.cents, number=number))

    async def chart(params: VaultParams) -> Any:
        vault, look = await _look(node, params.id)
        rows = rows_of(node.context.store, vault, node.scanner.height)
        return {
            "vault": vault.hex(),
            **_rounds(_loans(node)),
            "levels": levels(look.situation),
            "health_levels": health_levels(look.situation.rules),
            "rows": [row.as_json() for row in rows],
        }

    async def money(params: MoneyParams) -> Any:
        opened, desk = _kept(node, params.ledger)
        keeping = {} if opened.automat is None else {"keeper": opened.automat.lines()}
        return {"note": NOTE, **desk.lines(), **keeping}

    async def mint(params: MintParams) -> Any:
        _, desk = _kept(node, params.ledger)
        return await desk.mint(bytes.fromhex(params.identity), params.cents)

    return {
        "loan.list": list_,
        "loan.show": show,
        "loan.policy": policy,
        "loan.tender": tender,
        "loan.repay": repay,
        "loan.liquidate": liquidate,
        "loan.default": default,
        "loan.chart": chart,
        "money.show": money,
        "money.mint": mint,
    }


def _rounds(loans: Loans) -> dict[str, Any]:
    """How far this node's own loop is: the tip that its last whole round saw, rounds so far, actions not answered yet."""
    return {"simulated": True, "height": loans.height, "rounds": loans.rounds, "busy": loans.busy}


def _loans(node: Node) -> Loans:
    loans = node.loans
    assert loans is not None  # noqa: S101 - the daemon always has them
    return loans


async def _look(node: Node, text: str) -> tuple[bytes, Look]:
    """The vault whose id begins so, as it is now. Raises LocalFault: not live, or without a loan."""
    vault = node.find(text)
    return vault, await _loans(node).fresh(vault, _loan_state(node, vault))


def _loan_state(node: Node, vault: bytes) -> VaultState:
    state = node.state(vault)
    if state.proposal.loan is None or stage(state) is not Stage.LIVE:
        raise LocalFault(
            what=f"vault {vault.hex()[:16]}", expected="a living one with a loan",
            came="one without a loan" if state.proposal.loan is None else f"one at stage {stage(state).value}",
            todo="`bitvm3 vault list` shows them.",
        )  # fmt: skip
    return state


async def _for_slot(
    node: Node, params: LoanSlotParams, kind: type[words.Tender | words.Liquidate | words.Default], which: str
) -> dict[str, Any]:
    """A request about a slot of the ledger: the one that was named, or the only one that the rules allow."""
    _, look = await _look(node, params.id)
    s, slot = look.situation, params.slot
    if slot is None:
        found = [each.slot for each in s.reading.slots if each.state == "open"] if s.reading is not None else []
        if s.keeper == "away":
            raise _silent(s.said)
        if not found:
            raise LocalFault(
                what="slot", expected="an open slot of the loan", came=s.said or "none is open",
                todo="`bitvm3 loan show` lists them.",
            )  # fmt: skip
        slot = max(found) if which == "highest" else min(found)
    return {"slot": slot, **await _ask(node, s.state, kind(vault=s.name, slot=slot))}


async def _ask(node: Node, state: VaultState, request: words.Request) -> dict[str, Any]:
    """The keeper's receipt. Raises LocalFault with the keeper's reason, Unavailable."""
    loans = _loans(node)
    try:
        receipt = await loans.outlook.ask(loans.outlook.opened(state), request)
    except PeerFault as fault:
        reason = fault.came if fault.came.startswith("a refusal: ") else str(fault)  # the peer's id says nothing more
        raise LocalFault(what="the keeper", expected="to book it", came=reason) from fault
    except Unavailable as fault:
        raise _silent(fault.came) from fault
    loans.ring((state.proposal.proposal_id,))
    return {"simulated": True, **to_json(receipt)}


def _kept(node: Node, ledger: str | None) -> tuple[Open, Desk]:
    """The ledger that was named, or the only one kept here, with its books. Raises LocalFault."""
    rooms = node.ledgers
    assert rooms is not None  # noqa: S101 - the daemon always has them
    kept = [(opened, opened.desk) for opened in _named(rooms, ledger) if opened.desk is not None]
    if len(kept) != 1:
        raise LocalFault(
            what="SIMULATED money", expected="a ledger that this node keeps", came=f"{len(kept)} of them",
            todo="The keeper's operator asks; with several ledgers, name one: `bitvm3 ledger list`.",
        )  # fmt: skip
    return kept[0]


def _named(rooms: Ledgers, ledger: str | None) -> list[Open]:
    return list(rooms.open_ledgers.values()) if ledger is None else [rooms.find(ledger)]


def _silent(why: str) -> Unavailable:
    """A keeper that does not answer an operator: unlike what the node does by itself, an order is not sent again."""
    return Unavailable(
        what="the keeper", expected="an answer", came=why,
        todo="Nothing is sent again by itself. It may have booked the order: when it answers, look at `bitvm3 loan show` first.",
    )  # fmt: skip
