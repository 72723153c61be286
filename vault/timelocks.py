"""Every timelock inequality in one table: both sides, both values, and what breaks without it.

Promises that timelocks which pass leave an honest party time for every answer (tests/game searches the whole game
tree). There is no override: what fails here is refused wherever Terms are built or received.
Does not know the chain. `maturity` is in blocks from PreFund, dead_man from Vault, which no block holds before PreFund.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vault.agreement import Proposal, Timelocks
from vault.faults import TermsFault

MAX_BLOCKS = 65_535  # BIP68

# Defaults of protocol.md: a day for each answer, three for a verdict, a week until a bond comes back. Half a year of
# dead_man leaves room for a maturity of 160 days; a longer loan needs a longer one (`dead_man_floor`).
MAINLINE = Timelocks(
    contest=144,
    assert_=144,
    refute=144,
    verdict=432,
    refund=432,
    bond_release=1008,
    dead_man=26_280,
    margin=36,
    depth=6,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """Blocks people need beyond the game itself; a chain whose blocks are made on demand needs next to none."""

    ledger: int  # between the lender's ledger timeout and the borrower's refund
    dead_man: int  # after two rounds of dispute that begin at maturity + grace


REAL_TIME = Slack(ledger=72, dead_man=1008)  # half a day; a week
ON_DEMAND = Slack(ledger=2, dead_man=10)


def slack(network: str) -> Slack:
    """Regtest mines on demand; every other network runs in real time."""
    return ON_DEMAND if network == "regtest" else REAL_TIME


def regtest_timelocks() -> Timelocks:
    """A scaled set for demos on a chain that mines on demand: every inequality holds, for both engines, with room."""
    return Timelocks(
        contest=8,
        assert_=8,
        refute=8,
        verdict=21,
        refund=20,
        bond_release=40,
        dead_man=120,
        margin=4,
        depth=2,
    )


def late(times: Timelocks) -> int:
    """Blocks after which an honest transaction is surely mined, counted from the block that made it possible."""
    return times.margin + 1


def has_babe(proposal: Proposal) -> bool:
    """Whether any graph is of engine babe."""
    return any(graph.engine == "babe" for graph in proposal.graphs)


def answer(proposal: Proposal) -> int:
    """Blocks from Assert mined to payout surely dead: Disprove (core), or Reveal, the time to refute, NoPayout (babe)."""
    times = proposal.timelocks
    return times.depth + late(times) + (times.refute + times.margin if has_babe(proposal) else 0)


def _always(_: Proposal) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """left > right, or somebody honest loses."""

    name: str
    left: str
    right: str
    why: str
    left_value: Callable[[Proposal], int]
    right_value: Callable[[Proposal], int]
    asked: Callable[[Proposal], bool] = _always  # whether it must hold for these terms


def dead_man_floor(p: Proposal) -> int:
    """The right side of inequality 7, in blocks from Vault: dead_man must be larger."""
    dispute = p.timelocks.contest + p.timelocks.assert_ + p.timelocks.verdict
    return p.maturity + p.grace + 2 * dispute + slack(p.network).dead_man


# ---- a loan: heights that the ledger and the lender's money keep to ----------------------------------------------------
def settling(p: Proposal) -> int:
    """Blocks from a record to its payout surely mined and nothing else possible, contested at the last moment.

    contest + assert + verdict + 2 * margin of protocol.md; an `assert` below 2 * margin + 3 counts as that, for Claim,
    Contest, Assert and payout may each come `margin` late: 2 * late + contest + verdict + 2 * margin is what they need.
    """
    times = p.timelocks
    return times.contest + max(times.assert_, 2 * late(times) + 1) + times.verdict + 2 * times.margin


def last_record(p: Proposal) -> int:
    """Blocks from PreFund to the last default or liquidation of a loan: later ones could not be settled before DeadMan.

    PreFund is buried when the ledger opens the position, Vault may not be there yet: it comes later, and DeadMan with it.
    More than maturity + grace by inequality 7, with 1, 2 and 4: default has at least slack + 6 blocks.
    """
    return p.timelocks.dead_man - settling(p)


def longest_timeout(p: Proposal) -> int:
    """Blocks from PreFund: the largest ledger timeout that inequality 6 allows.

    The lender locks its loan only while the height at which it can take it back is not beyond PreFund's height plus this.
    """
    return p.timelocks.refund - late(p.timelocks) - slack(p.network).ledger


def _ledger_timeout(p: Proposal) -> int:
    """With what inequality 6 begins: nothing is locked in a plain vault, nor in a top-up."""
    return p.loan.timeout + late(p.timelocks) if p.loan is not None and p.loan.cents else 0


def _is_loan(p: Proposal) -> bool:
    return p.loan is not None


def _settle_window(p: Proposal) -> int:
    return p.loan.rules.settle_window if p.loan is not None else 0


ANSWER = "depth + (margin + 1)[ + refute + margin]"  # in brackets: with a graph of engine babe

# Numbers as in protocol.md; 8 is this product's own.
INEQUALITIES = (
    Inequality(
        name="1 contest",
        left="contest",
        right="margin + 1",
        why="a false claim is paid before an honest challenger's Contest is surely mined",
        left_value=lambda p: p.timelocks.contest,
        right_value=lambda p: late(p.timelocks),
    ),
    Inequality(
        name="2 assert",
        left="assert",
        right="margin + 1",
        why="an honest claimant loses its bond by NoAssert before its Assert is surely mined",
        left_value=lambda p: p.timelocks.assert_,
        right_value=lambda p: late(p.timelocks),
    ),
    Inequality(
        name="3 refute",
        left="refute",
        right="margin + 1",
        why="an honest claimant loses its bond by NoPayout before its Refute is surely mined",
        left_value=lambda p: p.timelocks.refute,
        right_value=lambda p: late(p.timelocks),
        asked=has_babe,
    ),
    Inequality(
        name="4 verdict",
        left="verdict",
        right=ANSWER,
        why="a false claim is paid before Disprove, or NoPayout, is surely mined",
        left_value=lambda p: p.timelocks.verdict,
        right_value=answer,
    ),
    Inequality(
        name="5 bond_release",
        left="bond_release",
        right=f"(margin + 1) + assert + margin + {ANSWER}",
        why="the claimant takes its bond back before the last answer to its claim is surely mined",
        left_value=lambda p: p.timelocks.bond_release,
        right_value=lambda p: late(p.timelocks) + p.timelocks.assert_ + p.timelocks.margin + answer(p),
    ),
    Inequality(
        name="6 refund",
        left="refund + 1",
        right="[ledger timeout + (margin + 1) + ]slack",  # in brackets: when a loan is paid out
        why="the borrower takes the loan at the last moment and refunds the deposit before Vault is surely mined",
        left_value=lambda p: p.timelocks.refund + 1,  # protocol.md says >=
        right_value=lambda p: _ledger_timeout(p) + slack(p.network).ledger,
    ),
    Inequality(
        name="7 dead_man",
        left="dead_man",
        right="maturity + grace + 2 * (contest + assert + verdict) + slack",
        why="the borrower takes the coin while a claim on it can still be settled",
        left_value=lambda p: p.timelocks.dead_man,
        right_value=dead_man_floor,
    ),
    Inequality(
        name="8 settle_window",
        left="the rules' settle window",
        right="contest + max(assert, 2 * margin + 3) + verdict + 2 * margin",
        why="whoever paid for a coin loses the money to the lender before its contested claim is surely paid",
        left_value=_settle_window,
        right_value=settling,
        asked=_is_loan,
    ),
)


def check_timelocks(proposal: Proposal) -> None:
    """Raise TermsFault naming the first inequality that fails, with both sides and both values."""
    for field in Timelocks.__struct_fields__:
        blocks = getattr(proposal.timelocks, field)
        if not 1 <= blocks <= MAX_BLOCKS:
            raise TermsFault(f"timelocks.{field.rstrip('_')}", expected=f"1 to {MAX_BLOCKS} blocks", got=str(blocks))
    for rule in (rule for rule in INEQUALITIES if rule.asked(proposal)):
        left, right = rule.left_value(proposal), rule.right_value(proposal)
        if left <= right:
            raise TermsFault(
                f"timelocks, inequality {rule.name}",
                expected=f"{rule.left} > {rule.right}, else {rule.why}",
                got=f"{left} <= {right}",
            )
