"""What this node contests and reveals without asking its operator. Pure: configuration and Terms in, orders out."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from challenge.facts import key, party_with
from challenge.rules import contested_by
from vault.terms import Proposal


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`contest`: every claim, none, or those whose sealed balance is known out of band to be too small.

    `known` maps a commitment (32 bytes) to the sealed balance (sats). `release`: whether the lender shows r when asked.
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
            case "known" if terms.statement in policy.known and policy.known[terms.statement] < terms.amount:
                yield key("want_contest", g)
    if policy.release == "auto" and party_with(proposal, "lender") == me:
        for s in range(len(proposal.slots)):
            yield key("want_release", s)
