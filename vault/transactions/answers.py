"""What answers an Assert, by engine: the transactions of each challenger between Assert and ContestedPayout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bitcoin_scripts.transaction import Template
from vault.agreement import Engine
from vault.plan import Plan
from vault.transactions.disprove import disprove
from vault.transactions.no_payout import no_payout
from vault.transactions.refute import refute
from vault.transactions.reveal import reveal
from vault.transactions.stake_back import stake_back

Answers = Callable[[Plan, int, int, Template, Template], list[Template]]


def _core(plan: Plan, g: int, k: int, claim: Template, assert_: Template) -> list[Template]:
    return [disprove(plan, g, k, claim=claim, assert_=assert_)]


def _babe(plan: Plan, g: int, k: int, claim: Template, assert_: Template) -> list[Template]:
    revealed = reveal(plan, g, k, assert_=assert_)
    return [
        revealed,
        refute(plan, g, k, reveal=revealed),
        no_payout(plan, g, k, claim=claim, reveal=revealed),
        stake_back(plan, g, k, reveal=revealed),
    ]


ANSWERS: Mapping[Engine, Answers] = MappingProxyType({"core": _core, "babe": _babe})
"""Engine -> (plan, graph, challenger, Claim, Assert) -> templates, parents first."""
