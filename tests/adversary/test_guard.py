"""What may exist once: a presigning round, a kept set, a version of Assert, a share of G. Attack 15 and its relatives.

Each refusal stands beside the variant without the guard, which loses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from challenge.bodies import encode_kept
from challenge.facts import fact_id, key
from challenge.states import Job, Stage, VaultState
from native._native import signing
from native._native.keys import Secret, Seed
from node.faults import LocalFault
from node.guard import Guard, GuardViolation, pair
from node.keys import Keys
from node.store import Store
from node.work import WORK, build
from node.work.ceremony import keys as make_keys
from node.work.context import Context
from node.work.own import share_of_group
from tests.adversary.lying import honest, value_of
from tests.simulation import toy
from tests.simulation.scenarios import TOY, a_world, open_a_vault
from tests.simulation.world import CHEAP, GENESIS, ROLES, World
from vault.terms import decode_keys


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(monkeypatch)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as opened:
        yield opened


def context_of(world: World, name: str) -> Context:
    return world.actors[name].node.context


class Forgetful:
    """The broken variant: a guard that remembers nothing."""

    def claim(self, domain: str, key: bytes, digest: bytes) -> None:
        """Let everything pass."""

    def held(self, domain: str, key: bytes) -> bytes | None:
        """Nothing was ever claimed."""


def without_guard(context: Context) -> Context:
    fields = {name: getattr(context, name) for name in Context.__dataclass_fields__ if not name.startswith("_")}
    return Context(**{**fields, "guard": Forgetful()})


def with_fact(state: VaultState, name: str, value: bytes) -> VaultState:
    return msgspec.structs.replace(state, facts={**state.facts, name: value})


# ---- attack 15: two rounds under one G ----------------------------------------------------------------------------------


class Round:
    """One presigning round of three signers over one message under one adaptor point."""

    def __init__(self, shares: list[Secret], message: bytes, point: bytes) -> None:
        self.shares = shares
        self.batch = signing.Presigning([s.point() for s in shares], [(message, point, None)])
        self.seeds = [Seed.generate() for _ in shares]
        self.nonces = [self.batch.public_nonces(seed, s) for seed, s in zip(self.seeds, shares, strict=True)]

    def partial(self, signer: int) -> bytes:
        return self.batch.sign(self.seeds[signer], self.shares[signer], self.nonces)


def test_attack_15_a_second_round_under_one_g_lets_an_assert_show_nothing() -> None:
    """The claimant (signer 0) keeps its round-1 partial back, lets round 2 become the vault's, and uses round 1."""
    claimant, lender, challenger = (Seed.generate().secret(b"share") for _ in range(3))
    digit, message = Seed.generate().secret(b"digit"), bytes(range(32))
    first, second = (Round([claimant, lender, challenger], message, digit.point()) for _ in range(2))

    honest_partials = [first.partial(1), first.partial(2)]  # sent; the claimant sends nothing
    everyone_holds = second.batch.aggregate(second.nonces, [second.partial(i) for i in range(3)])
    assert second.batch.check(everyone_holds) == []

    hidden = first.batch.aggregate(first.nonces, [first.partial(0), *honest_partials])
    published = signing.complete(hidden, digit)
    group = signing.aggregate_key([s.point() for s in first.shares])[1:]
    assert signing.verify(group, message, published), "the chain takes it"
    assert everyone_holds[1:33] != published[:32], "nobody recognises it"
    try:
        learned = Secret.from_revealed(signing.extract(everyone_holds, published)).point()
    except ValueError:
        learned = b""
    assert learned != digit.point(), "and it shows nothing"

    shown = signing.complete(everyone_holds, digit)  # round 2 alone, as it must be
    assert Secret.from_revealed(signing.extract(everyone_holds, shown)).point() == digit.point()


async def signed_but_not_ready(world: World) -> bytes:
    """Lender and challenger have sent their partials; the claimant keeps its own back."""

    def withhold(sender: str, to: str, raw: bytes) -> bytes | None:
        return None if sender == "borrower" and value_of(raw)[0].startswith("partials/") else raw

    world.wire.tamper = withhold
    vault = await world.propose_without_waiting(amounts=[900_000], slots=1)

    def signed() -> bool:
        found = [world.actors[name].node.book.get(vault) for name in ("lender", "challenger")]
        return all(state is not None and key("partials", state.me, 1) in state.facts for state in found)

    await world.mine_without_waiting(4, until=signed)
    return vault


SIGN = Job(kind="sign")


async def test_no_second_round_with_the_same_nonces(world: World) -> None:
    """The claimant asks for other partials by stating other nonces: refused, also after a restart."""
    vault = await signed_but_not_ready(world)
    for _ in range(2):
        context, state = context_of(world, "lender"), world.state("lender", vault)
        again = await WORK["sign"](context, state, SIGN)
        stored = {name: fact_id(value) for name, value in again}
        assert all(state.facts[name] == blob for name, blob in stored.items()), "the same round gives the same bytes"

        theirs = context.blob(state.facts["nonces/0/1"])
        other = theirs[66:132] + theirs[66:]
        await context.write((("blobs", fact_id(other), other),))
        changed = with_fact(state, "nonces/0/1", fact_id(other))
        with pytest.raises(GuardViolation, match="guard domain nonce"):
            await WORK["sign"](context, changed, SIGN)

        broken = await WORK["sign"](without_guard(context), changed, SIGN)
        assert dict(broken)["partials/1/1"] != dict(again)["partials/1/1"], "without the guard one nonce signs twice"
        await world.actors["lender"].restart()
    honest(world)
    await world.quiet()
    await world.until(lambda: world.open_everywhere(vault), 20)


async def test_a_round_that_did_not_end_with_ready_burns_its_keys_and_the_next_has_another_g(world: World) -> None:
    vault = await signed_but_not_ready(world)
    before = {name: decode_keys(world.state("lender", vault).facts[f"keys/{p}"]).musig for p, name in enumerate(ROLES)}
    await world.actors["lender"].ask(lambda node: node.order(vault.hex(), "want_abort", value=b"it takes too long"))
    honest(world)
    await world.quiet()
    for name in ROLES:
        context, state = context_of(world, name), world.state(name, vault)
        assert state.end is not None
        for kind in ("nonces", "sign", "keys"):
            with pytest.raises(LocalFault, match="destroyed"):
                await WORK[kind](context, state, Job(kind=kind))
    second = await open_a_vault(world)
    after = {name: decode_keys(world.state("lender", second).facts[f"keys/{p}"]).musig for p, name in enumerate(ROLES)}
    assert not set(before.values()) & set(after.values())


# ---- kept set and Assert -----------------------------------------------------------------------------------------------


async def test_a_second_kept_set_is_not_answered(world: World) -> None:
    vault = await open_a_vault(world)
    context, state = context_of(world, "borrower"), world.state("borrower", vault)
    job = Job(kind="open", indices=(0, 2))
    assert await WORK["open"](context, state, job) == (("openings/0/2", state.facts["openings/0/2"]),)
    first = state.facts["kept/0/2"]
    other = next(kept for kept in (encode_kept((0, 1, 2)), encode_kept((1, 2, 3))) if kept != first)
    changed = with_fact(state, "kept/0/2", other)
    with pytest.raises(GuardViolation, match="guard domain kept-set"):
        await WORK["open"](context, changed, job)
    broken = await WORK["open"](without_guard(context), changed, job)
    assert broken[0][1] != state.facts["openings/0/2"], "without the guard a kept instance is opened"


async def test_a_second_version_of_assert_is_never_signed(world: World) -> None:
    """Not by other digits, not after a restart; the same digits may be signed again (only the claimant's nonce differs)."""
    vault = await open_a_vault(world)
    await world.claim(vault, 0, *TOY)
    await world.until(lambda: world.phases(vault)[0] == ["asserted"], 10)
    for _ in range(2):
        context, state = context_of(world, "borrower"), world.state("borrower", vault)
        digits = list(state.facts["want_claim/0"])
        assert await build(context, state, "0/assert")
        digits[0] = (digits[0] + 1) % 16
        changed = with_fact(state, "want_claim/0", bytes(digits))
        with pytest.raises(GuardViolation, match="guard domain assert"):
            await build(context, changed, "0/assert")
        assert await build(without_guard(context), changed, "0/assert"), "without the guard two digits are shown"
        await world.actors["borrower"].restart()
    assert len(world.versions(vault, 0)) == 1


# ---- key deletion ------------------------------------------------------------------------------------------------------


def every_file(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_after_ready_nothing_can_be_signed_by_g_any_more(world: World, tmp_path: Path) -> None:
    """Neither by the node, nor from what lies in its folder, nor from a backup taken before or after."""
    vault = await signed_but_not_ready(world)
    sealed, early = {}, tmp_path / "early"
    for name in ROLES:
        folder = world.actors[name].folder / "keys" / "ephemeral"
        (file,) = folder.glob(f"{vault.hex()}.sealed")
        sealed[name] = file.read_bytes()
        back_up(world, name, early / name)
    honest(world)
    await world.quiet()
    await world.until(lambda: world.open_everywhere(vault), 20)
    for name in ROLES:
        actor, state = world.actors[name], world.state(name, vault)
        context = context_of(world, name)
        assert not list((actor.folder / "keys" / "ephemeral").glob("*.sealed"))
        assert not [p for p in every_file(actor.folder) if sealed[name] in p.read_bytes()], "its bytes are still there"
        for kind in ("nonces", "sign"):
            with pytest.raises(LocalFault, match="destroyed"):
                await WORK[kind](context, state, Job(kind=kind))
        with pytest.raises(LocalFault, match="destroyed"):
            await make_keys(context, state, Job(kind="keys"))
        back_up(world, name, tmp_path / "late" / name)
        for backup in (early / name, tmp_path / "late" / name):
            expect_useless(backup, sealed[name], state)


def back_up(world: World, name: str, to: Path) -> None:
    context = context_of(world, name)
    context.store.checkpoint(to / "store")
    context.keys.backup(to / "keys")


def expect_useless(backup: Path, sealed: bytes, state: VaultState) -> None:
    """A node restored from it has another share of G, if any, and is not allowed to run."""
    assert not [p for p in every_file(backup) if sealed in p.read_bytes()]
    keys = Keys.open(backup / "keys", b"passphrase", kdf=CHEAP)
    musig = decode_keys(state.facts[key("keys", state.me)]).musig
    assert keys.identity.xonly() == state.proposal.parties[state.me].identity, "it is this node's backup"
    assert share_of_group(keys.ephemeral(state.proposal.proposal_id)).point() != musig
    store = Store.open(backup / "store", network="regtest", genesis=GENESIS)
    guard = Guard(backup / "guard")
    try:
        with pytest.raises(LocalFault, match="guard database"):
            pair(store, guard)
    finally:
        store.close()
        guard.close()


async def test_ready_is_said_only_after_the_share_was_burnt(world: World) -> None:
    """At no moment does a `ready` leave a node whose share of G could still be opened."""
    left: dict[str, bool] = {}

    def look(sender: str, to: str, raw: bytes) -> Any:
        name, _ = value_of(raw)
        if name.startswith("ready/"):
            folder = world.actors[sender].folder / "keys" / "ephemeral"
            left[sender] = left.get(sender, False) or bool(list(folder.glob("*.sealed")))
        return raw

    world.wire.tamper = look
    vault = await open_a_vault(world)
    assert left == dict.fromkeys(ROLES, False)
    assert {world.stage(name, vault) for name in ROLES} == {Stage.LIVE}
