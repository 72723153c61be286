"""What the machine's jobs do: the only place where facts are made from secrets, files, the chain and heavy computation.

Promise: a job may be run again at any time and then states the same facts or fails; whatever must not exist twice is
claimed in the guard before it is made. Jobs do NOT change a vault's state: they return facts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from challenge.states import Job, VaultState
from node.work.answers import accept, answer
from node.work.ceremony import aggregate, coins, derive_graph, keys, let, nonces, reveal, sign
from node.work.context import Context, Facts
from node.work.dispute import decrypt, evaluate, verify_proof
from node.work.dispute_engine import check, commit, draw, garble, open_instances
from node.work.finishing import build, bump
from node.work.funding import fund

WORK: Final[dict[str, Callable[[Context, VaultState, Job], Awaitable[Facts]]]] = {
    "fund": fund,
    "keys": keys,
    "coins": coins,
    "commit": commit,
    "garble": garble,
    "draw": draw,
    "open": open_instances,
    "check": check,
    "derive": derive_graph,
    "answer": answer,
    "accept": accept,
    "nonces": nonces,
    "sign": sign,
    "aggregate": aggregate,
    "reveal": reveal,
    "let": let,
    "verify": verify_proof,
    "evaluate": evaluate,
    "decrypt": decrypt,
}

__all__ = ["WORK", "build", "bump"]
