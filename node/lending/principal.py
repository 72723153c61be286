"""Rules of a loan's beginning: the keeper is told, the principal is locked, taken or given back, the deposit goes home. Pure.

Promises that money is locked and a is shown only where the keeper watches the coins of our own Terms, a only for a buried deposit
and a lock of the agreed cents with blocks left, and that an a which the keeper shows is believed only when it hashes to that of
Terms. Does NOT act.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from challenge.deadlines import loan_preimage
from challenge.facts import key
from challenge.game import SlotPhase
from node.lending import gates
from node.lending.situation import Situation
from node.lending.wish import Ask, Does, Gate, Order, Rule, SignTerms, TakeLoan
from node.lending.words import LockLoan, RefundLoan
from vault.timelocks import late, longest_timeout


def _before_vault(s: Situation) -> tuple[None, ...]:
    """While a principal is still to be locked and taken."""
    waiting = {slot.phase for slot in s.view.slots} <= {SlotPhase.UNFUNDED, SlotPhase.PREFUNDED}
    return (None,) if s.loan.cents and waiting else ()


# ---- register: the keeper watches this vault's coins -------------------------------------------------------------------
def _unregistered(s: Situation) -> tuple[None, ...]:
    return (None,) if s.keeper != "answers" else ()


def _register(s: Situation, _: int) -> Iterator[Gate]:
    yield Gate(open=s.keeper == "unregistered", does="waits", why=f"the keeper does not answer: {s.said}")


REGISTER = Rule(
    name="register", subjects=_unregistered, gates=_register,
    act=lambda s, _: SignTerms(),
    why=lambda s, _: "every party is ready and the keeper does not know this vault yet: borrower and lender both sign its Terms",
)  # fmt: skip


# ---- the principal -----------------------------------------------------------------------------------------------------
def _lock(s: Situation, _: int) -> Iterator[Gate]:
    yield from gates.buried(s)
    yield from gates.answers(s)
    yield from gates.watched(s)
    assert s.reading is not None and s.expires is not None  # noqa: S101 - just asked
    lock = s.reading.lock
    yield Gate(open=lock.state == "none", does="no", why=f"the principal is {lock.state}")
    yield from gates.in_time(s)
    yield Gate(
        open=s.loan.timeout <= longest_timeout(s.proposal), does="no",
        why="inequality 6 does not hold: the borrower could take the loan and refund the deposit",
    )  # fmt: skip
    yield Gate(
        open=s.reading.account >= s.loan.cents, does="waits",
        why=f"our SIMULATED account holds {s.reading.account} cents, the principal is {s.loan.cents}",
    )  # fmt: skip
    yield from gates.welcome(s, "lock_loan")


LOCK = Rule(
    name="lock", subjects=_before_vault, gates=_lock, mode="lend",
    act=lambda s, _: Ask(request=LockLoan(vault=s.name, expires=s.expires or 0)),
    why=lambda s, _: f"the deposit is buried: {s.loan.cents} SIMULATED cents wait for a until block {s.expires}",
)  # fmt: skip


def _locked(s: Situation) -> tuple[None, ...]:
    return (None,) if s.reading is not None and s.reading.lock.state == "locked" else ()


def _refund_loan(s: Situation, _: int) -> Iterator[Gate]:
    assert s.reading is not None  # noqa: S101 - the subject asks for it
    expires = s.reading.lock.expires
    yield Gate(
        open=s.tip >= expires, does="waits",
        why=f"the borrower may take the loan until block {expires}, {expires - s.tip} to go",
    )  # fmt: skip


REFUND_LOAN = Rule(
    name="refund_loan", subjects=_locked, gates=_refund_loan,
    act=lambda s, _: Ask(request=RefundLoan(vault=s.name)),
    why=lambda s, _: "nobody took the loan in time: the principal comes back",
)  # fmt: skip


def _take(s: Situation, _: int) -> Iterator[Gate]:
    yield from gates.buried(s)
    backing_out = any(key("want_refund", slot) in s.state.facts for slot in range(len(s.view.slots)))
    yield Gate(open=not backing_out, does="no", why="the operator takes the deposit back")
    yield from gates.answers(s)
    yield from gates.watched(s)
    assert s.reading is not None  # noqa: S101 - just asked
    lock = s.reading.lock
    does: Does = "waits" if lock.state == "none" else "no"
    yield Gate(open=lock.state == "locked", does=does, why=f"the principal is {lock.state}, not locked")
    agreed = lock.cents == s.loan.cents
    yield Gate(open=agreed, does="no", why=f"the lender has locked {lock.cents} cents, Terms say {s.loan.cents}")
    needed = late(s.locks)
    left = lock.expires - s.tip
    yield Gate(
        open=left > needed, does="no",
        why=f"too late to show a: the lock ends at block {lock.expires}, {max(left, 0)} to go, more than {needed} are needed",
    )  # fmt: skip
    yield from gates.welcome(s, "take_loan")


TAKE = Rule(
    name="take", subjects=_before_vault, gates=_take, mode="take",
    act=lambda s, _: TakeLoan(),
    why=lambda s, _: f"the deposit is buried and {s.loan.cents} SIMULATED cents are locked: a is shown for them",
)  # fmt: skip


def _untold(s: Situation) -> tuple[None, ...]:
    return _before_vault(s) if loan_preimage(s.state) is None else ()


def _taken(s: Situation, _: int) -> Iterator[Gate]:
    yield from gates.answers(s)
    assert s.reading is not None  # noqa: S101 - just asked
    lock = s.reading.lock
    yield Gate(open=lock.state == "taken", does="waits", why=f"the loan is not taken: the principal is {lock.state}")
    wanted = s.terms.keys[s.proposal.borrower].hashlock_a
    lie = f"the keeper shows a preimage that is not a: expected one of {wanted.hex()}"
    yield Gate(open=hashlib.sha256(lock.preimage).digest() == wanted, does="no", why=lie, alarm=lie)


TAKEN = Rule(
    name="loan_taken", subjects=_untold, gates=_taken,
    act=lambda s, _: Order(key=key("loan_taken", s.state.me), value=s.reading.lock.preimage if s.reading else b""),
    why=lambda s, _: "the borrower has taken the loan and a is known: everybody may publish Vault",
)  # fmt: skip


# ---- the deposit goes home when nothing came of it ---------------------------------------------------------------------
def _deposited(s: Situation) -> Iterator[int]:
    return (slot for slot in s.phases(SlotPhase.PREFUNDED) if key("want_refund", slot) not in s.state.facts)


def _refund(s: Situation, slot: int) -> Iterator[Gate]:
    since = s.view.slots[slot].height + s.locks.refund
    yield Gate(
        open=s.tip + 1 >= since, does="waits", why=f"the deposit may go home from block {since}, {since - s.tip} to go"
    )
    taken = loan_preimage(s.state) is not None or not s.loan.cents
    yield Gate(open=not taken, does="no", why="Vault is due: the deposit becomes vault coins")


REFUND = Rule(
    name="refund", subjects=_deposited, gates=_refund,
    act=lambda s, slot: Order(key=key("want_refund", slot)),
    why=lambda s, slot: "the loan was not taken and the refund is open: the deposit goes home",
)  # fmt: skip
