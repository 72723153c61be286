"""Cheating peers in a setup and a dispute of engine babe: one deviation each, real garblings, proofs and signatures.

Here every challenger garbles and the claimant keeps. A setup ends on the honest nodes with the field named, and every sat is
back but what posting it cost; a lie in a living vault changes what the liar itself gains, nobody else's coins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from challenge.bodies import Commitments, Openings, Points, decode, decode_kept, encode, encode_kept
from challenge.facts import key
from native._native import signing
from native._native.keys import Seed
from node.work.context import Context
from tests.adversary.lying import (
    Alter,
    Deviation,
    Lie,
    altered,
    expect_ended,
    expect_no_coin_spent,
    first_bytes,
    flip,
    honest,
    last_byte,
    lie,
    lying_job,
    middle,
    resign,
    setup,
    swap_two,
    value_of,
)
from tests.simulation import babe, toy
from tests.simulation.registry import proof_of_something_else
from tests.simulation.scenarios import a_world
from tests.simulation.world import ROLES, World

KEPT, INSTANCES = 3, 8
"""Of the profile `test`."""
WIDTH = 65 * 16
"""Bytes of a digit's presignatures."""


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.swift(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world(engine="babe") as opened:
        yield opened


# ---- what a challenger states of itself --------------------------------------------------------------------------------


def _points(change: Callable[[Points], Points], name: str) -> Lie:
    return lambda value: encode(change(decode(Points, value, name)))


def _proof_of_less(body: Points) -> Points:
    """A proof of knowledge with one bit of its answer changed."""
    return msgspec.structs.replace(body, proof=flip(len(body.proof) - 1)(body.proof))


def _other_lock(body: Points) -> Points:
    """F_k whose logarithm nobody shared: the claimant could never refute."""
    ((k, _),) = body.outputs
    return msgspec.structs.replace(body, outputs=((k, Seed.generate().secret(b"F").point()),))


def _lock_of_another(body: Points) -> Points:
    ((_, lock),) = body.outputs
    return msgspec.structs.replace(body, outputs=((1, lock),))


def _one_digit_less(body: Points) -> Points:
    return msgspec.structs.replace(body, digits=body.digits[: -33 * 5])


def _swapped_keys(body: Points) -> Points:
    """K of one challenger's Reveal for the other's."""
    (p, one), (q, other) = body.outputs
    return msgspec.structs.replace(body, outputs=((p, other), (q, one)))


def _offer(change: Callable[[Commitments], Commitments]) -> Lie:
    return lambda value: encode(change(decode(Commitments, value, "commitments")))


def _longer(body: Commitments) -> Commitments:
    return msgspec.structs.replace(body, polynomial=body.polynomial + body.polynomial[-33:])


def _not_from_the_lock(body: Commitments) -> Commitments:
    return msgspec.structs.replace(body, polynomial=body.polynomial[33:66] + body.polynomial[33:])


def _kept(change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Lie:
    return lambda value: encode_kept(change(decode_kept(value, instances=INSTANCES, kept=KEPT, name="kept")))


DEVIATIONS: dict[str, Deviation] = {
    "a wrong proof of knowledge of S_k": Deviation(
        liar="challenger", fact="answers/0/2", field="answers/0/2: proof of knowledge",
        change=_points(_proof_of_less, "answers/0/2"),
    ),
    "F_k that nobody shared": Deviation(
        liar="challenger", fact="answers/0/2", field="answers/0/2: proof of knowledge",
        change=_points(_other_lock, "answers/0/2"),
    ),
    "F_k for another challenger": Deviation(
        liar="challenger", fact="answers/0/2", field="answers/0/2: outputs",
        change=_points(_lock_of_another, "answers/0/2"),
    ),
    "points of one digit too few": Deviation(
        liar="challenger", fact="answers/0/2", field="answers/0/2",
        change=_points(_one_digit_less, "answers/0/2"),
    ),
    "keys of Reveal swapped": Deviation(
        liar="borrower", fact="points/0", field="points/0: proof of knowledge", change=_points(_swapped_keys, "points/0")
    ),
    "a wrong proof of knowledge of A": Deviation(
        liar="borrower", fact="points/0", field="points/0: proof of knowledge", change=_points(_proof_of_less, "points/0")
    ),
    "F with one coefficient too many": Deviation(
        liar="challenger", fact="commitments/0/2", field="commitments/0/2", change=_offer(_longer)
    ),
    "F that does not begin with F_k": Deviation(
        liar="challenger", fact="commitments/0/2", field="commitments/0/2: F", change=_offer(_not_from_the_lock)
    ),
    "a kept set with a duplicate": Deviation(
        liar="borrower", fact="kept/0/2", field="kept/0/2", change=_kept(lambda k: (k[0], k[0], k[2]))
    ),
    "openings that name no artifact": Deviation(
        liar="challenger", fact="openings/0/2", field="artifact manifest: expected 38 bytes or more, came 1 bytes",
        change=lambda value: encode(msgspec.structs.replace(decode(Openings, value, "openings"), kept=b"\x01")),
    ),
    "presignatures that name no artifact": Deviation(
        liar="borrower", fact="presignatures/0/2", change=lambda value: value[:-1],
        field="artifact manifest: expected 70 bytes, came 69 bytes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_a_deviation_ends_the_setup_with_the_field_named_and_no_coin_is_spent(name: str, world: World) -> None:
    deviation = DEVIATIONS[name]
    told = lie(world, deviation.liar, deviation.fact, deviation.change)
    vault = await setup(world)
    assert told, "the lie was never told"
    expect_ended(world, vault, victims=tuple(told), field=deviation.field)
    await expect_no_coin_spent(world, vault)


async def test_points_that_cancel_the_claimants_need_a_proof_that_nobody_has(world: World) -> None:
    """S' = X - A with the real A: T = X would let the challenger reveal digits that were never asserted."""
    asserted: list[bytes] = []

    def tamper(sender: str, to: str, raw: bytes) -> bytes | None:
        name, value = value_of(raw)
        if (sender, name) == ("borrower", "points/0"):
            asserted.append(decode(Points, value, name).digits)
        if (sender, name) != ("challenger", "answers/0/2"):
            return raw
        if not asserted:
            return None  # it waits for A, and says its own afterwards
        body = decode(Points, value, name)
        minus_a = [bytes([asserted[0][i] ^ 1]) + asserted[0][i + 1 : i + 33] for i in range(0, len(asserted[0]), 33)]
        x = Seed.generate()
        cancelled = b"".join(
            signing.add_points([x.secret(b"%d" % i).point(), point]) for i, point in enumerate(minus_a)
        )
        lied.append(to)
        return resign(raw, world.actors["challenger"], value=encode(msgspec.structs.replace(body, digits=cancelled)))

    lied: list[str] = []
    world.wire.tamper = tamper
    vault = await setup(world)
    assert lied
    expect_ended(world, vault, victims=("borrower", "lender"), field="answers/0/2: proof of knowledge")
    await expect_no_coin_spent(world, vault)


async def test_a_second_kept_set_is_not_answered(world: World) -> None:
    """The claimant asks for other instances once the first openings are out: two sets would show more than t shares."""
    first: list[bytes] = []
    second: list[bytes] = []

    def tamper(sender: str, to: str, raw: bytes) -> bytes | None:
        name, value = value_of(raw)
        if (sender, name) == ("borrower", "kept/0/2"):
            first.append(value)
        if (sender, name) == ("challenger", "openings/0/2") and not second:
            had = decode_kept(first[0], instances=INSTANCES, kept=KEPT, name="kept")
            second.append(encode_kept(tuple(i for i in range(INSTANCES) if i not in had)[:KEPT]))
        if second and (sender, to) == ("borrower", "challenger") and name != "kept/0/2":
            return resign(raw, world.actors["borrower"], name="kept/0/2", value=second[0])
        return raw

    world.wire.tamper = tamper
    vault = await setup(world)
    assert second
    expect_ended(
        world, vault, victims=("challenger",), field="kept/0/2: party 0 stated it twice with different content"
    )
    assert world.state("challenger", vault).facts["kept/0/2"] == first[0]
    await expect_no_coin_spent(world, vault)


# ---- artifacts ---------------------------------------------------------------------------------------------------------


def _cut(content: bytes, record: int) -> bytes:
    return content[: len(content) - 1]


def _without_the_last(content: bytes, record: int) -> bytes:
    return content[: len(content) - record]


ALTERED: dict[str, tuple[str, Alter, int]] = {
    "a share of an opened instance": ("opened", first_bytes, INSTANCES - KEPT),
    "an opened instance missing": ("opened", _without_the_last, INSTANCES - KEPT),
    "the middle of a kept instance": ("kept", middle, KEPT),
    "the last byte of a kept instance": ("kept", last_byte, KEPT),
    "two kept instances swapped": ("kept", swap_two, KEPT),
    "a kept artifact that ends early": ("kept", _cut, KEPT),
    "a kept instance missing": ("kept", _without_the_last, KEPT),
}


@pytest.mark.parametrize("name", ALTERED)
async def test_openings_that_lie_end_the_setup(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    which, alter, records = ALTERED[name]
    done = lying_job(monkeypatch, world, "challenger", "open", altered(key("openings", 0, 2), which, alter, records))
    vault = await setup(world)
    assert done
    expect_ended(world, vault, victims=("borrower",), field="garbling of graph 0")
    await expect_no_coin_spent(world, vault)


def _presignatures(alter: Callable[[bytes], bytes]) -> Callable[..., Any]:
    """The claimant's job states what was altered before its manifest was made: every chunk verifies."""

    def change(context: Context, facts: Any, job: Any) -> Any:
        stated = dict(facts)
        name = key("presignatures", 0, 2)
        content = alter(bytes(context.artifacts.view(context.artifacts.id_of(stated[name]))))
        return tuple({**stated, name: context.artifacts.put(content, kind="answers").encoded}.items())

    return change


PRESIGNED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "one signature of two thousand": (
        lambda raw: flip(65 * (16 * 77 + 5) + 40)(raw),
        "presignatures/0/2: expected valid presignatures, every one under a nonce of its own, came 1 wrong, the first for "
        "value 5 of digit 77",
    ),
    "two digits swapped": (
        lambda raw: raw[WIDTH : 2 * WIDTH] + raw[:WIDTH] + raw[2 * WIDTH :],
        "came 32 wrong, the first for value 0 of digit 0",
    ),
    "half of one": (lambda raw: raw[:-30], "presignatures of 0/reveal/2"),
    "one too many": (lambda raw: raw + raw[:65], "presignatures of 0/reveal/2"),
}  # fmt: skip


@pytest.mark.parametrize("name", PRESIGNED)
async def test_presignatures_of_which_one_is_bad_end_the_setup(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter, field = PRESIGNED[name]
    done = lying_job(monkeypatch, world, "borrower", "answer", _presignatures(alter))
    vault = await setup(world)
    assert done
    expect_ended(world, vault, victims=("challenger",), field=field)
    await expect_no_coin_spent(world, vault)


@pytest.mark.parametrize("asker", ["borrower", "challenger"])
async def test_wrong_bytes_of_a_chunk_end_the_setup(asker: str, world: World) -> None:
    """Of the garblings that the claimant fetches, of the presignatures that a challenger does."""

    def wrong(who: str, to: str, artifact: bytes, index: int, chunk: bytes | None) -> bytes | None:
        assert chunk is not None
        return middle(chunk, 0) if who == asker else chunk

    world.wire.chunk = wrong
    vault = await setup(world)
    expect_ended(world, vault, victims=(asker,), field="chunk 0")
    await expect_no_coin_spent(world, vault)


# ---- proof/g -----------------------------------------------------------------------------------------------------------

NO_PROOF: dict[str, Lie] = {
    "no points": lambda value: b"\xff" * 256,
    "a proof of something else": lambda value: proof_of_something_else(),
}


@pytest.mark.parametrize("name", NO_PROOF)
async def test_a_true_claim_whose_proof_is_withheld_is_contested_not_revealed_and_paid(name: str, world: World) -> None:
    """The claimant shows bytes that prove nothing; the ledger's record does: no honest challenger risks its stake."""
    vault = await babe.open_vault(world)
    told = lie(world, "borrower", "proof/0", NO_PROOF[name])
    await babe.true_claim(world, vault)
    await babe.phase(world, vault, "paid")
    assert set(told) == {"lender", "challenger"}
    for challenger in told:
        assert world.state(challenger, vault).facts["proven/0"] == b"\x00"
    assert not [each for each in babe.names(world, vault) if each.startswith(("reveal", "refute"))]
    assert "contest" in babe.names(world, vault), "nothing proved the claim when it was made"
    await babe.wound_up(world, vault)
    await babe.expect_balances(world, vault)


async def test_a_proof_of_another_length_is_refused_and_changes_nothing(world: World) -> None:
    vault = await babe.open_vault(world)
    lengths: dict[str, Lie] = {"lender": lambda value: value[:-1], "challenger": lambda value: value + b"\x00"}
    refused: list[str] = []

    def tamper(sender: str, to: str, raw: bytes) -> bytes:
        name, value = value_of(raw)
        if (sender, name) != ("borrower", "proof/0"):
            return raw
        refused.append(to)
        return resign(raw, world.actors["borrower"], value=lengths[to](value))

    world.wire.tamper = tamper
    await babe.true_claim(world, vault)
    assert set(refused) == set(lengths)
    assert all("proof/0" not in world.state(name, vault).facts for name in lengths)
    assert all(world.state(name, vault).end is None for name in ROLES)
    honest(world)
    await babe.phase(world, vault, "paid")
