"""The table of endings for people: one line a way, games that are alike told once.

Promises that every row of the table is in some line, and that lines of different amounts, blocks or publishers stay apart.
Does not decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vault.agreement import Proposal
from vault.endings import Ending, Wait, kind_of

LETTERS = {"borrower": "B", "lender": "L", "liquidator": "Q", "challenger": "W"}
TITLES = {
    "prefund": "PreFund",
    "vault": "Vault",
    "claim": "Claim",
    "contest": "Contest",
    "assert": "Assert",
    "reveal": "Reveal",
}
"""Of the transactions that others wait for."""


def letter(proposal: Proposal, party: int) -> str:
    """B, L; of roles that several may have with the index of the party: Q2, W3."""
    role = proposal.parties[party].role
    return LETTERS[role] if role in ("borrower", "lender") else f"{LETTERS[role]}{party}"


def lines(rows: tuple[Ending, ...], proposal: Proposal) -> list[dict[str, Any]]:
    """One object a line: what, which coins it ends, who publishes, from when, until when, who receives how many sats."""
    merged: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row in rows:
        merged.setdefault(tuple(said(row, proposal).items()), []).extend(row.ends or (row.transaction,))
    return [{"coins": _together(coins), **dict(columns)} for columns, coins in merged.items()]


def said(row: Ending, proposal: Proposal) -> dict[str, str]:
    """The columns of one row."""
    everyone = len(proposal.parties)
    by = "anyone" if len(row.by) == everyone else " or ".join(letter(proposal, p) for p in row.by)
    return {
        "way": row.title,
        "by": by,
        "needs": "; ".join(row.needs) or "nothing more",
        "from": " and ".join(_waits(row.earliest)) or "at any time",
        "until": " or ".join(_waits(row.latest)) or "for ever",
        "pays": ", ".join(_paid(row, proposal)) or "on the way",
    }


def _waits(waits: tuple[Wait, ...]) -> list[str]:
    return list(dict.fromkeys(_wait(wait) for wait in [wait for wait in waits if wait.blocks] or waits))


def _wait(wait: Wait) -> str:
    title = TITLES.get(kind_of(wait.after), wait.after)
    return f"{title} + {wait.blocks}" if wait.blocks else title


def _paid(row: Ending, proposal: Proposal) -> Iterator[str]:
    """Who gets how much; a bond that comes back beside something else stands apart."""
    totals: dict[tuple[int | None, str], int] = {}
    for paid in row.pays:
        what = " (its bond)" if paid.output.endswith("_payout/bond") else ""
        totals[paid.to, what] = totals.get((paid.to, what), 0) + paid.sats
    for (party, what), sats in totals.items():
        yield f"{'burned' if party is None else letter(proposal, party)} {sats:,}{what}"


def _together(coins: list[str]) -> str:
    """bond/0, bond/3 -> bond 0, 3; a transaction on the way stands under its own name."""
    kinds: dict[str, list[str]] = {}
    for coin in dict.fromkeys(coins):
        kind, _, rest = coin.partition("/")
        place = (kind, rest) if kind in ("slot", "bond", "stake", "ticket") else ("", coin)
        kinds.setdefault(place[0], []).append(place[1])
    return "; ".join(f"{kind} {', '.join(rest)}".strip() for kind, rest in kinds.items())


def as_json(row: Ending) -> dict[str, Any]:
    """The whole row for programs."""
    return {
        "transaction": row.transaction,
        "title": row.title,
        "ends": list(row.ends),
        "by": list(row.by),
        "needs": list(row.needs),
        "earliest": [{"after": wait.after, "blocks": wait.blocks} for wait in row.earliest],
        "latest": [{"after": wait.after, "blocks": wait.blocks} for wait in row.latest],
        "instead": list(row.instead),
        "pays": [{"to": paid.to, "sats": paid.sats, "output": paid.output} for paid in row.pays],
        "fee": row.fee,
    }
