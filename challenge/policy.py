"""What this node contests and reveals without asking its operator. Pure: configuration and Terms in, orders out."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from challenge.facts import has, key, party_with
from challenge.rules import contested_by
from vault.terms import Proposal


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`contest`: every claim, none, or those not known to be good. A claim with a valid proof is contested by no policy.

    known, engine core: `known` maps a commitment (32 bytes) to the balance (sats) sealed in it, learned out of band; a
    claim of more is contested. known, engine babe: what is known of a claim is its proof, so all others are contested.
    `release`: whether the lender of a plain vault shows r when asked. Of a loan r is shown for money, which the ledger
    says: no standing order does that.
    """

    contest: Literal["always", "never", "known"]
    known: Mapping[bytes, int]
    release: Literal["auto", "manual"]


def standing_orders(policy: Policy, proposal: Proposal, me: int) -> Iterator[str]:
    """The keys of the operator's facts that the policy states as soon as the vault is live."""
    for g in contested_by(proposal, me):
        terms = proposal.graphs[g]
        match policy.contest:
            case "always":
                yield key("want_contest", g)
            case "known" if has(proposal, g, "proof") or policy.known.get(terms.statement, terms.amount) < terms.amount:
                yield key("want_contest", g)
    if policy.release == "auto" and proposal.loan is None and party_with(proposal, "lender") == me:
        for s in range(len(proposal.slots)):
            yield key("want_release", s)
