"""Every value of a vault worked out a second time, from sizes counted by hand. Imports nothing of the product.

Sizes in weight units. A frame (version, lock time, two counts, marker, flag) is 42, an input without witness 164, a
P2TR output 172, the anchor 52. A witness item costs its length plus one (plus three from 253 bytes on).
"""

from __future__ import annotations

from dataclasses import dataclass

FRAME, INPUT, HOME, ANCHOR_OUT = 42, 164, 172, 52
ANCHOR, DUST = 240, 330
KEY_SPEND = 1 + 65  # one signature
G, G_AND_KEY, HASHED = 34, 68, 73  # scripts: <k> CHECKSIG; two keys; hashlock and a key


def after(blocks: int) -> int:
    """<k> CHECKSIGVERIFY <blocks> CSV: 34, the number, 1."""
    number = 1 if blocks <= 16 else 2 if blocks < 128 else 3 if blocks < 32_768 else 4
    return 34 + number + 1


def leaf_spend(script: int, depth: int, *items: int) -> int:
    total = 1
    for size in (*items, script, 33 + 32 * depth):
        total += size + (1 if size < 253 else 3)
    return total


def depths(count: int) -> list[int]:
    if count == 1:
        return [0]
    half = count - count // 2
    return [1 + d for d in depths(half) + depths(count - half)]


@dataclass
class Shape:
    """What the model needs to know of one graph."""

    slot: int  # sats of the coin
    amount: int
    bond: int
    challengers: int
    digits: int
    contest: int
    assert_: int
    verdict: int
    release: int
    refute: int
    margin: int
    stake: int | None  # of a graph in which the challengers garble; None where the claimant does


def vsize(witnesses: int, homes: int, inputs: int) -> int:
    return -(-(FRAME + INPUT * inputs + witnesses + HOME * homes + ANCHOR_OUT) // 4)


def sizes(s: Shape) -> dict[str, int]:
    """Transaction of a graph -> virtual bytes, signed."""
    n = s.challengers
    depth = depths(2 + n)
    settle = leaf_spend(G, 1, 64)
    contest_by = [leaf_spend(G_AND_KEY, d, 64, 64) for d in depth[1:-1]]
    digit_leaf = 34 + 33 + 3 * (s.digits - 1) + 1
    paid = 2 + (s.amount < s.slot)
    uncontested = KEY_SPEND + leaf_spend(after(s.contest), depth[0], 64) + settle
    release, release_contest = (leaf_spend(after(s.release), d, 64) for d in (1, depth[-1]))
    digits = leaf_spend(digit_leaf, 1, *[64] * (s.digits + 1))
    if s.stake is None:
        answers = {"disprove": vsize(leaf_spend(G_AND_KEY, 1, 64, 64) + settle, 3, 2)}
    else:
        answers = {
            "reveal": vsize(digits + KEY_SPEND, 1, 2),
            "refute": vsize(leaf_spend(G_AND_KEY, 2, 64, 64), 1, 1),
            "no_payout": vsize(leaf_spend(after(s.refute), 2, 64) + settle, 3, 2),
            "stake_back": vsize(leaf_spend(after(s.refute + s.margin), 1, 64), 1, 1),
        }
    return {
        "claim": vsize(KEY_SPEND, 2, 1),
        "contest": vsize(max(contest_by), 1, 1),
        "assert": vsize(digits, 1 + n, 1),
        "no_assert": vsize(leaf_spend(after(s.assert_), 1, 64) + settle, n, 2),
        **answers,
        "uncontested_payout": vsize(uncontested, paid, 3),
        "contested_payout": vsize(KEY_SPEND + settle + leaf_spend(after(s.verdict), 0, 64), paid, 3),
        "release_bond": vsize(release, 1, 1),
        "release_bond_contest": vsize(release + release_contest, 1, 2),
    }


def arena(s: Shape, spare: dict[str, int]) -> int:
    """What one challenger's arena holds: dust, and where the challengers garble, what Reveal pays."""
    return DUST if s.stake is None else spare["reveal"] + DUST


def stakes(s: Shape, rate: int, worst_rate: int) -> tuple[int, int]:
    """The smallest and the largest stake: 1,000 and more than Refute and StakeBack pay, and not above a claimant's cost."""
    size = sizes(s)
    least = max(1_000, rate * max(size["refute"], size["stake_back"]) + ANCHOR)
    return least, worst_rate * (size["assert"] + size["refute"])


def smallest_bond(s: Shape, rate: int, worst_rate: int) -> int:
    """40 % of what Disprove or NoPayout splits, and a share of NoAssert, cover an honest challenger; nothing is below dust.

    The challenger pays at the worst rate for Contest and the longer of its two answers, each transaction with a child of
    one anchor and two wallet coins: (42 + 165 + 460 + 172) / 4 vB.
    """
    size, n = sizes(s), s.challengers
    answer = ["disprove"] if s.stake is None else ["reveal", "no_payout"]
    longest = max(sum(size[name] + 210 for name in path) for path in (["no_assert"], answer))
    cost = worst_rate * (size["contest"] + 210 + longest)
    spare = {name: rate * vbytes + ANCHOR for name, vbytes in size.items()}
    assertion = spare["assert"] + DUST + n * arena(s, spare)
    contest = spare["contest"] + assertion
    payout = max(
        -(-cost * 10 // 4) - DUST + spare[answer[-1]],
        10 * DUST - DUST + spare[answer[-1]],
        n * max(cost, DUST) - assertion + spare["no_assert"],
        DUST - contest + spare["uncontested_payout"],
        spare["contested_payout"],
        DUST + spare["release_bond"],
        DUST - contest + spare["release_bond_contest"],
    )
    return spare["claim"] + contest + payout


def game(s: Shape, rate: int) -> dict[str, tuple[list[int], list[int]]]:
    """Transaction -> (values spent, values created without the anchor), in the order of the protocol."""
    n, rest = s.challengers, s.amount < s.slot
    fees = {name: rate * vbytes for name, vbytes in sizes(s).items()}
    spare = {name: amount + ANCHOR for name, amount in fees.items()}
    each_arena = arena(s, spare)
    assertion = spare["assert"] + DUST + n * each_arena
    contest = spare["contest"] + assertion
    payout = s.bond - spare["claim"] - contest
    silence = assertion + payout - spare["no_assert"]
    pot = DUST + payout - spare["disprove" if s.stake is None else "no_payout"]
    shares = [pot * 6 // 10, pot * 3 // 10, pot - pot * 6 // 10 - pot * 3 // 10]
    if s.stake is None:
        answers = {"disprove": ([each_arena, payout], shares)}
    else:
        held = s.stake + DUST
        answers = {
            "reveal": ([each_arena, s.stake], [held]),
            "refute": ([held], [held - spare["refute"]]),
            "no_payout": ([held, payout], [s.stake + shares[0], *shares[1:]]),
            "stake_back": ([held], [held - spare["stake_back"]]),
        }
    coin = [s.amount, s.slot - s.amount] if rest else [s.amount]
    first, each = silence - silence // n * (n - 1), silence // n
    return {
        "claim": ([s.bond], [contest, payout]),
        "contest": ([contest], [assertion]),
        "uncontested_payout": (
            [s.slot, contest, payout],
            [*coin, contest + payout - spare["uncontested_payout"]],
        ),
        "no_assert": ([assertion, payout], [first, *[each] * (n - 1)]),
        "assert": ([assertion], [DUST, *[each_arena] * n]),
        **answers,
        "contested_payout": (
            [s.slot, payout, DUST],
            [*coin, payout + DUST - spare["contested_payout"]],
        ),
        "release_bond": ([payout], [payout - spare["release_bond"]]),
        "release_bond_contest": ([contest, payout], [contest + payout - spare["release_bond_contest"]]),
    }


def deposit(
    slots: list[int], coins: list[int], refund: int, dead_man: int, rate: int
) -> dict[str, tuple[list[int], list[int]]]:
    """The transactions around the deposit, named as in the protocol with the slot's number."""
    n = len(slots)
    into_vault = rate * vsize(n * leaf_spend(HASHED, 1, 64, 32), n, n) + ANCHOR
    parts = [into_vault // n] * n
    parts[0] += into_vault - sum(parts)
    prefunds = [slot + part for slot, part in zip(slots, parts, strict=True)]
    left = sum(coins) - sum(prefunds) - ANCHOR
    with_change = left - rate * vsize(KEY_SPEND * len(coins), n + 1, len(coins))
    found = {
        "prefund": (coins, [*prefunds, with_change] if with_change >= DUST else prefunds),
        "vault": (prefunds, slots),
    }
    for s in range(n):
        home = {
            "refund": (prefunds[s], leaf_spend(after(refund), 1, 64)),
            "repay": (slots[s], leaf_spend(HASHED, 1, 64, 32)),
            "deadman": (slots[s], leaf_spend(after(dead_man), 1, 64)),
        }
        for name, (value, witness) in home.items():
            found[f"{name}/{s}"] = ([value], [value - ANCHOR - rate * vsize(witness, 1, 1)])
    return found
