"""Cheating peers: one deviation each, by a party that signs with its own real identity and is honest otherwise.

Every setup ends on the honest nodes with the field named; no PreFund appears, every sat is back but the fees of Stakes and of
the reclaim, and the same nodes set up the next vault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from challenge.bodies import Commitments, Points, decode, decode_kept, encode, encode_kept
from challenge.facts import key
from challenge.states import Stage
from native._native import signing, tapscript
from native._native.keys import Seed
from node.faults import Unavailable
from tests.adversary.lying import (
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
from tests.simulation import toy
from tests.simulation.scenarios import a_world, open_a_vault
from tests.simulation.world import ROLES, World
from vault.terms import decode_keys
from vault.terms import encode as encode_terms

KEPT, INSTANCES = 3, 8
"""Of the profile `test`."""


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as opened:
        yield opened


async def expect_next_vault_works(world: World) -> None:
    honest(world)
    await open_a_vault(world)


# ---- lies in messages ----------------------------------------------------------------------------------------------------


def _payout_of_mine(value: bytes) -> bytes:
    """Another payout script: other Terms for those who are told so."""
    keys = decode_keys(value)
    other = b"\x51\x20" + tapscript.taproot(keys.personal, [])[0]
    return encode_terms(msgspec.structs.replace(keys, payout_script=other))


def _no_point(value: bytes) -> bytes:
    return b"\x05" + value[1:]


def _kept(change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Lie:
    return lambda value: encode_kept(change(decode_kept(value, instances=INSTANCES, kept=KEPT, name="kept")))


def _longer_polynomial(value: bytes) -> bytes:
    body = decode(Commitments, value, "commitments")
    return encode(msgspec.structs.replace(body, polynomial=body.polynomial + body.polynomial[-33:]))


def _other_output(value: bytes) -> bytes:
    """F(0) is not the O_k that the graph will be locked to."""
    body = decode(Commitments, value, "commitments")
    return encode(msgspec.structs.replace(body, polynomial=body.polynomial[33:66] + body.polynomial[33:]))


def _one_commitment_less(value: bytes) -> bytes:
    body = decode(Commitments, value, "commitments")
    return encode(msgspec.structs.replace(body, instances=body.instances[:-32]))


def _difference(value: bytes) -> bytes:
    """S' = X - A: a point whose logarithm the liar does not know, with the proof of the others."""
    body = decode(Points, value, "points")
    x = Seed.generate().secret(b"x").point()
    a = body.digits[33:66]
    minus_a = bytes([a[0] ^ 1]) + a[1:]
    return encode(msgspec.structs.replace(body, digits=signing.add_points([x, minus_a]) + body.digits[33:]))


def _swapped_outputs(value: bytes) -> bytes:
    body = decode(Points, value, "points")
    (p, o), (q, r) = body.outputs
    return encode(msgspec.structs.replace(body, outputs=((p, r), (q, o))))


DEVIATIONS: dict[str, Deviation] = {
    "other terms for different peers": Deviation(
        liar="challenger", fact="keys/2", change=_payout_of_mine, to=("lender",), field="points/0: proof"
    ),
    "keys that are no point": Deviation(
        liar="challenger", fact="keys/2", field="keys/2",
        change=lambda value: encode_terms(msgspec.structs.replace(decode_keys(value), musig=b"\x05" + bytes(32))),
    ),
    "another party's keys": Deviation(
        liar="challenger", fact="keys/2", field="keys/2",
        change=lambda value: encode_terms(msgspec.structs.replace(decode_keys(value), party=1)),
    ),
    "another graph": Deviation(liar="lender", fact="digest/1", change=flip(0), field="digest"),
    "a digest of another length": Deviation(
        liar="lender", fact="digest/1", change=lambda v: v[:-1], field="digest/1"
    ),
    "a nonce that is no point": Deviation(
        liar="lender", fact="nonces/1/1", change=_no_point, field="nonces/1/1"
    ),
    "one nonce too few": Deviation(
        liar="lender", fact="nonces/1/1", change=lambda v: v[:-66], field="nonces/1/1"
    ),
    "another nonce for one peer": Deviation(
        liar="lender", fact="nonces/1/1", field="partials/", to=("challenger",),
        change=lambda v: v[66:132] + v[66:],
    ),
    "one partial signature of many": Deviation(
        liar="lender", fact="partials/1/1", change=flip(32 * 17 + 31), field="partials/1/1"
    ),
    "one partial signature too few": Deviation(
        liar="lender", fact="partials/1/1", change=lambda v: v[:-32], field="partials/1/1"
    ),
    "a kept set with a duplicate": Deviation(
        liar="challenger", fact="kept/0/2", change=_kept(lambda k: (k[0], k[0], k[2])), field="kept/0/2"
    ),
    "a kept set out of range": Deviation(
        liar="challenger", fact="kept/0/2", change=_kept(lambda k: (*k[:2], INSTANCES)), field="kept/0/2"
    ),
    "a kept set that is too large": Deviation(
        liar="challenger", fact="kept/0/2", field="kept/0/2", change=_kept(lambda k: (0, 1, 2, 3)),
    ),
    "F with one coefficient too many": Deviation(
        liar="borrower", fact="commitments/0/1", change=_longer_polynomial, field="commitments/0/1"
    ),
    "F that does not begin with O_k": Deviation(
        liar="borrower", fact="commitments/0/1", change=_other_output, field="commitments/0/1: F"
    ),
    "one commitment too few": Deviation(
        liar="borrower", fact="commitments/0/1", change=_one_commitment_less, field="commitments/0/1"
    ),
    "S' = X - A without knowledge": Deviation(
        liar="borrower", fact="points/0", change=_difference, field="proof of knowledge"
    ),
    "O_k of another challenger": Deviation(
        liar="borrower", fact="points/0", change=_swapped_outputs, field="points/0: proof"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_a_deviation_ends_the_setup_with_the_field_named_and_no_coin_is_spent(name: str, world: World) -> None:
    deviation = DEVIATIONS[name]
    told = lie(world, deviation.liar, deviation.fact, deviation.change, to=deviation.to)
    vault = await setup(world)
    assert told, "the lie was never told"
    # Nobody is told two things: whoever meets the contradiction first names the field, the liar's own node too.
    bound = deviation.liar if deviation.field.startswith("partials/") else ""
    expect_ended(world, vault, victims=ROLES if deviation.to else tuple(told), field=deviation.field, bound=bound)
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


async def test_ready_over_other_presignatures_does_not_free_whoever_has_said_ready(world: World) -> None:
    """The borrower ends it. The challenger cannot know that it did not hold every `ready`: it keeps what it has and watches.

    The borrower's node calls PreFund off, and only the chain lets them go.
    """

    def late_and_false(sender: str, to: str, raw: bytes) -> bytes | None:
        name, value = value_of(raw)
        if (sender, to, name) != ("lender", "borrower", "ready/1"):
            return raw
        ((_, state),) = world.actors["challenger"].node.book.items()
        return resign(raw, world.actors["lender"], value=flip(0)(value)) if "ready/2" in state.facts else None

    world.wire.tamper = late_and_false
    vault = await setup(world)
    end = world.state("borrower", vault).end
    assert end is not None
    assert end[1].startswith("ready: party ")
    assert "they hold other presignatures" in end[1]
    for name in ("lender", "challenger"):
        assert world.state(name, vault).end is None
        assert world.actors[name].node.context.store.get("presigned", vault) is not None
        # Whether the borrower had said ready too before it met the lie decides between the two.
        assert world.stage(name, vault) in (Stage.LIVE, Stage.ABORTED)
        assert world.phases(vault, name)[1] == ["refunded"]
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


# ---- lies in what a job makes ------------------------------------------------------------------------------------------


ALTERED = {
    "a share of an opened instance": ("opened", first_bytes, INSTANCES - KEPT),
    "the middle of an opened instance": ("opened", middle, INSTANCES - KEPT),
    "the last byte of an opened instance": ("opened", last_byte, INSTANCES - KEPT),
    "two opened instances swapped": ("opened", swap_two, INSTANCES - KEPT),
    "a kept table": ("kept", middle, KEPT),
    "the first byte of a kept table": ("kept", first_bytes, KEPT),
    "the last byte of a kept table": ("kept", last_byte, KEPT),
    "two kept tables swapped": ("kept", swap_two, KEPT),
}


@pytest.mark.parametrize("name", ALTERED)
async def test_a_wrong_share_or_a_swapped_table_ends_the_setup(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    which, alter, records = ALTERED[name]
    with monkeypatch.context() as patch:
        done = lying_job(patch, world, "borrower", "open", altered(key("openings", 0, 1), which, alter, records))
        vault = await setup(world)
        assert done
    expect_ended(world, vault, victims=("lender",), field="garbling of graph 0")
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


async def test_a_second_kept_set_after_the_first_is_not_answered(world: World) -> None:
    """The challenger sends another set once its first was taken: the setup ends; the guard holds the first."""
    seconds: list[bytes] = []

    def tamper(sender: str, to: str, raw: bytes) -> bytes:
        name, value = value_of(raw)
        if (sender, name) == ("borrower", "openings/0/2") and not seconds:
            first = decode_kept(kept[0], instances=INSTANCES, kept=KEPT, name="kept")
            other = tuple(i for i in range(INSTANCES) if i not in first)[:KEPT]
            seconds.append(encode_kept(other))
        if (sender, name) == ("challenger", "kept/0/2"):
            kept.append(value)
        # any later message of the challenger to the borrower carries the second set instead
        if seconds and sender == "challenger" and to == "borrower" and name != "kept/0/2":
            return resign(raw, world.actors["challenger"], name="kept/0/2", value=seconds[0])
        return raw

    kept: list[bytes] = []
    world.wire.tamper = tamper
    vault = await setup(world)
    assert seconds
    expect_ended(world, vault, victims=("borrower",), field="kept/0/2: party 2 stated it twice with different content")
    assert world.state("borrower", vault).facts["kept/0/2"] == kept[0]
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


# ---- chunks ------------------------------------------------------------------------------------------------------------


async def test_a_withheld_chunk_delays_the_setup_and_loses_nothing(world: World) -> None:
    asked: list[int] = []

    def withhold(asker: str, to: str, artifact: bytes, index: int, chunk: bytes | None) -> bytes | None:
        asked.append(index)
        raise Unavailable(what="chunk", expected="an answer", came="none")

    world.wire.chunk = withhold
    vault = await world.propose_without_waiting(amounts=[900_000], slots=1)
    await world.mine_without_waiting(4, until=lambda: len(asked) > 6)
    assert all(world.state(name, vault).end is None for name in ROLES)
    assert {world.stage(name, vault) for name in ("lender", "challenger")} == {Stage.OPENING}
    honest(world)
    await world.quiet()
    await world.until(lambda: world.open_everywhere(vault), 20)


async def test_wrong_bytes_of_a_chunk_end_the_setup(world: World) -> None:
    def wrong(asker: str, to: str, artifact: bytes, index: int, chunk: bytes | None) -> bytes | None:
        assert chunk is not None
        return chunk[:-1] + bytes([chunk[-1] ^ 1]) if asker == "lender" else chunk

    world.wire.chunk = wrong
    vault = await setup(world)
    expect_ended(world, vault, victims=("lender",), field="chunk 0")
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


async def test_a_chunk_that_the_peer_says_it_has_not_ends_the_setup(world: World) -> None:
    world.wire.chunk = lambda asker, to, artifact, index, chunk: None if asker == "lender" else chunk
    vault = await setup(world)
    expect_ended(world, vault, victims=("lender",), field="chunk")
    await expect_no_coin_spent(world, vault)
    await expect_next_vault_works(world)


async def test_an_ended_setup_leaves_no_artifact_behind(world: World) -> None:
    """The lender finds a wrong share; what was garbled and fetched until then goes from every disk."""
    deviation = DEVIATIONS["one partial signature of many"]
    lie(world, deviation.liar, deviation.fact, deviation.change)
    seen: set[str] = set()
    for name in ROLES:
        artifacts = world.actors[name].node.context.artifacts
        drop = artifacts.drop
        artifacts.drop = lambda artifact, name=name, drop=drop: (seen.add(name), drop(artifact))[1]
    vault = await setup(world)
    expect_ended(world, vault, victims=ROLES, field=deviation.field, bound=deviation.liar)
    assert seen >= {"borrower", "challenger"}, "there was nothing to drop"
    for name in ("borrower", "challenger"):
        assert world.actors[name].node.context.artifacts.used() == 0, name
