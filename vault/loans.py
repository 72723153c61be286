"""What Terms of a loan must say beyond those of a plain vault, and when one vault may top up another.

Promises: a proposal that passes `check_loan` is about one ledger only, its every number is in the range of the ledger's
statements, and each of its claims is for a whole coin; TermsFault names the field otherwise. Does not know which ledgers
there are: that the rules are those of the ledger's genesis is for the node to see. Timelocks are in `vault.timelocks`, the
words of path B in `vault.fast`.
"""

from __future__ import annotations

from vault.agreement import Loan, Proposal
from vault.fast import check_fast
from vault.faults import TermsFault
from vault.fields import equal, length, within
from vault.ledger.events import SLOTS
from vault.ledger.faults import GenesisFault
from vault.ledger.position import CENTS_BITS
from vault.ledger.rules import Rules, check_rules
from vault.timelocks import last_record

MAX_CENTS = (1 << CENTS_BITS) - 1
MAX_WAIT = 65_535  # blocks, as in a relative timelock


def check_plain(proposal: Proposal) -> None:
    """A vault without a loan has nobody to liquidate it: TermsFault when somebody is named for that."""
    for i, party in enumerate(proposal.parties):
        if party.role == "liquidator":
            expected = "borrower, lender or challenger: only a loan is liquidated"
            raise TermsFault(f"parties[{i}].role of a vault without a loan", expected=expected, got=party.role)


def check_loan(proposal: Proposal, loan: Loan) -> None:
    """Everything that a loan asks for and that needs no keys; field ranges of the rest must hold already."""
    length("loan.ledger", loan.ledger, 32)
    try:
        check_rules(loan.rules)
    except GenesisFault as fault:
        raise TermsFault(f"loan.{fault.field}", expected=fault.expected, got=fault.got) from None
    equal("grace of a loan", proposal.grace, loan.rules.grace)
    if loan.vault:
        length("loan.vault of a top-up", loan.vault, 32)
        equal("loan.cents of a top-up", loan.cents, 0)
        equal("loan.timeout of a top-up", loan.timeout, 0)
        within("loan.first_slot of a top-up", loan.first_slot, 1, SLOTS - 1)
    else:
        within("loan.cents", loan.cents, 1, MAX_CENTS)
        within("loan.timeout", loan.timeout, 1, MAX_WAIT)
        equal("loan.first_slot", loan.first_slot, 0)
    within("loan.first_slot + len(slots)", loan.first_slot + len(proposal.slots), 1, SLOTS)
    for i, graph in enumerate(proposal.graphs):
        at = f"graphs[{i}]"
        equal(f"{at}.engine of a loan", graph.engine, "babe")
        equal(f"{at}.statement of a loan", graph.statement, loan.ledger)
        # The ledger settles money for whole coins: a rest would be paid a second time.
        equal(f"{at}.amount of a loan", graph.amount, proposal.slots[graph.slot])
    check_fast(proposal, loan)


def check_rules_of(proposal: Proposal, rules: Rules) -> None:
    """That the loan is judged by the rules of its ledger; TermsFault names the first number that differs."""
    loan = proposal.loan
    if loan is None:
        return
    for field in Rules.__struct_fields__:
        told, wanted = getattr(loan.rules, field), getattr(rules, field)
        equal(f"loan.rules.{field}, as the ledger {loan.ledger.hex()[:16]} has it,", told, wanted)


def check_linked(added: Proposal, opener: Proposal) -> None:
    """That a top-up fits the vault that opened the position; TermsFault names the field.

    Which slot comes next, and that the opener is on the chain, is the ledger's to say.
    """
    one, other = added.loan, opener.loan
    if one is None or other is None or other.vault:
        expected = "a top-up and the loan whose position it adds to"
        raise TermsFault("loan", expected=expected, got="another pair of vaults")
    equal("loan.vault of the top-up", one.vault, opener.proposal_id)
    equal("loan.ledger of the top-up", one.ledger, other.ledger)
    check_rules_of(added, other.rules)
    for field in ("network", "genesis"):
        equal(f"{field} of the top-up", getattr(added, field), getattr(opener, field))
    for role, mine, theirs in (("borrower", added.borrower, opener.borrower), ("lender", added.lender, opener.lender)):
        told, wanted = added.parties[mine].identity, opener.parties[theirs].identity
        equal(f"identity of the {role} of the top-up", told, wanted)
    # Its Vault is mined after the opener's PreFund: as many blocks from there reach beyond the position's last record.
    lasts, needed = last_record(added), last_record(opener)
    if lasts < needed:
        expected = f"a last record at least {needed} blocks after PreFund, as the position has"
        raise TermsFault("timelocks.dead_man of the top-up", expected=expected, got=f"one after {lasts} blocks")
