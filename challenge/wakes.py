"""When a vault has to be looked at again although nothing happened to it: the tips at which time alone changes what is due.

Promise: between two neighbours of `wakes` the answers of `deadlines.due`, `deadlines.settled` and `coins.free_*` stay the same;
so a node with ten thousand vaults looks, at a block, at those it changed and at those whose tip has come. A pure function of
the state. This module does NOT decide what is due.
"""

from challenge.deadlines import agenda
from challenge.states import VaultState


def wakes(state: VaultState, bound: int) -> tuple[int, ...]:
    """Ascending tips (block heights). `bound`: the deepest reorg that is followed, in blocks, as in `settled`."""
    heights = {seen.height for seen in state.log}
    depth = state.proposal.timelocks.depth
    soon = {item.since - 1 for item in agenda(state)}  # what is due at a tip may be in the block after it
    buried = {height + depth for height in heights}
    settled = {max(heights) + bound + 1} if heights else set()
    return tuple(sorted(soon | buried | settled))
