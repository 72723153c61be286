"""Peers that lie about a ledger: a valid message with one thing changed is refused by name, and the view stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from native._native import NativeError
from node.faults import PeerFault, Unavailable
from node.ledger.attestor import keypair
from node.ledger.claims import NoPosition, Outcome
from node.ledger.shelf import COLUMN, Shelf
from node.ledger.words import Answer, Asked, Batch, Step, read, write
from node.limits import PRODUCT
from tests.simulation.forger import Forger
from tests.simulation.ledger_world import ATTESTORS, EVERYBODY, FOLLOWER, KEEPER, VAULT, LedgerWorld
from tests.simulation.test_ledger import a_ledger, loan, mark
from vault.ledger import commit, forms
from vault.ledger.checkpoint import Equivocation, Signature, checkpoint, equivocation
from vault.ledger.events import Accrue, Event, MarkPrice, encode_event
from vault.ledger.follow import Signed
from vault.ledger.opening import Opening, decode_opening
from vault.ledger.state import Ledger, advanced

pytestmark = pytest.mark.timeout(180)
MOST = 1 << 20


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LedgerWorld]:
    """Two final entries, seq 2 and 3; the follower has seen none of it."""
    async with a_ledger(tmp_path) as opened:
        opened.wire.cut = {FOLLOWER}
        await opened.post(mark(opened), await opened.block(), loan())
        await opened.final(3, KEEPER, *ATTESTORS)
        yield opened


def steps(world: LedgerWorld) -> list[Step]:
    return [step for _, step in world.actors[KEEPER].room.shelf.entries()]


def signed(step: Step, **changes: Any) -> Step:
    return replace(step, signed=replace(step.signed, **changes))


def pointed(step: Step, **changes: Any) -> Step:
    return signed(step, checkpoint=replace(step.signed.checkpoint, **changes))


def proven(step: Step, **changes: Any) -> Step:
    return replace(step, proven=replace(step.proven, **changes))


def other(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def public(world: LedgerWorld, ledger: bytes, step: Step) -> bytes:
    """The public input of the first step, as a step of some ledger."""
    rules, first = commit.rules_hash(world.genesis.rules), world.genesis.begin()
    root = commit.root(world.genesis.ledger_id, step.proven.totals)
    return commit.transition_public(world.genesis.network, ledger, rules=rules, old_root=first.root, new_root=root)


def outsider(step: Step) -> tuple[Signature, ...]:
    """The first signature under the next attestor's index."""
    first, second = step.signed.signatures
    return (first, replace(first, index=second.index))


LIES: dict[str, tuple[Callable[[LedgerWorld, Step, Step], Step | bytes], str]] = {
    "a wrong root": (lambda w, one, two: pointed(one, root=other(one.signed.checkpoint.root)), "checkpoint.root"),
    "another price": (lambda w, one, two: pointed(one, price=one.signed.checkpoint.price + 1), "checkpoint.price"),
    "another seq": (lambda w, one, two: pointed(one, seq=3), "checkpoint.seq"),
    "a checkpoint of another ledger": (lambda w, one, two: pointed(one, ledger=bytes(32)), "checkpoint.ledger"),
    "other totals": (
        lambda w, one, two: proven(one, totals=replace(one.proven.totals, principal=one.proven.totals.principal + 1)),
        "proof",
    ),
    "totals out of range": (
        lambda w, one, two: proven(one, totals=replace(one.proven.totals, price=1 << 40)),
        "totals.price",
    ),
    "a proof under another key": (
        lambda w, one, two: proven(one, proof=Forger(batch=2, secret=9).of(public(w, w.genesis.ledger_id, one))),
        "proof",
    ),
    "a proof of another ledger": (
        lambda w, one, two: proven(one, proof=w.forger.of(public(w, bytes(32), one))),
        "proof",
    ),
    "the next entry's proof": (lambda w, one, two: proven(one, proof=two.proven.proof), "proof"),
    "no proof": (lambda w, one, two: proven(one, proof=b""), "proof"),
    "a long proof": (lambda w, one, two: proven(one, proof=bytes(1025)), "proof"),
    "the next entry in its place": (lambda w, one, two: two, "proof"),
    "the next entry's checkpoint": (lambda w, one, two: replace(one, signed=two.signed), "checkpoint.seq"),
    "one signature too few": (lambda w, one, two: signed(one, signatures=one.signed.signatures[:1]), "signatures"),
    "a signer twice": (lambda w, one, two: signed(one, signatures=(one.signed.signatures[0],) * 2), "signatures.index"),
    "signers in another order": (
        lambda w, one, two: signed(one, signatures=one.signed.signatures[::-1]),
        "signatures.index",
    ),
    "one signer's signature for another": (lambda w, one, two: signed(one, signatures=outsider(one)), "eddsa"),
    "a signer out of the set": (
        lambda w, one, two: signed(
            one, signatures=(*one.signed.signatures, replace(one.signed.signatures[0], index=3))
        ),
        "signatures.index",
    ),
    "a signature of the next checkpoint": (
        lambda w, one, two: signed(one, signatures=(one.signed.signatures[0], two.signed.signatures[1])),
        "signatures",
    ),
    "a changed BIP340 signature": (
        lambda w, one, two: signed(
            one,
            signatures=(
                one.signed.signatures[0],
                replace(one.signed.signatures[1], bip340=other(one.signed.signatures[1].bip340)),
            ),
        ),
        "bip340",
    ),
    "a cut entry": (lambda w, one, two: write(one)[:-1], "ledger-entry"),
    "a byte more": (lambda w, one, two: write(one) + b"\0", "ledger-entry"),
    "too long an entry": (lambda w, one, two: bytes(PRODUCT.reply_frame_bytes + 1), "at most 16384 bytes"),
    "another word": (lambda w, one, two: write(one.signed), "ledger-entry"),
}


async def test_a_lying_source_leaves_the_view_unchanged_and_is_named(world: LedgerWorld) -> None:
    one, two = steps(world)
    fay = world.actors[FOLLOWER].room.follower
    sources = {world.actors[name].identity.hex() for name in EVERYBODY if name != FOLLOWER}
    before = fay.view
    for name, (lie, field) in LIES.items():
        made = lie(world, one, two)
        raw = made if isinstance(made, bytes) else write(made)
        world.wire.reply = lambda asked, answers, kind, honest, raw=raw: (  # type: ignore[misc]
            raw if asked == FOLLOWER and kind == "ledger-entry" else honest
        )
        fay.faults.clear()
        world.wire.cut = set()
        await world.until_true(lambda: fay.faults.keys() == sources)
        world.wire.cut = {FOLLOWER}
        assert all(field in fault for fault in fay.faults.values()), (name, fay.faults)
        assert fay.view == before, name
    world.wire.reply = lambda asked, answers, kind, honest: honest
    world.wire.cut = set()
    await world.final(3)
    assert fay.view.root == world.actors[KEEPER].room.keeper.sealed.root  # type: ignore[union-attr]


async def test_one_honest_peer_is_enough_behind_a_lying_keeper(world: LedgerWorld) -> None:
    world.wire.reply = lambda asked, answers, kind, honest: (
        b"x" if answers == KEEPER and kind == "ledger-entry" else honest
    )
    world.wire.cut = set()
    await world.final(3)
    fay = world.actors[FOLLOWER].room.follower
    assert set(fay.faults) <= {world.actors[KEEPER].identity.hex()}  # or never asked: the honest one was first
    assert fay.view == world.actors["ann"].room.follower.view


# ---- attestors -------------------------------------------------------------------------------------------------------
def batch_of(world: LedgerWorld, before: Ledger, *events: Event, **changes: Any) -> Batch:
    """An honest batch with an honest proof, then changed."""
    after = advanced(before, events)
    rules = commit.rules_hash(world.genesis.rules)
    x = commit.transition_public(
        world.genesis.network, world.genesis.ledger_id, rules=rules, old_root=before.root, new_root=after.root
    )
    batch = Batch(
        after=before.totals.seq, events=tuple(map(encode_event, events)), totals=after.totals,
        checkpoint=checkpoint(after), proof=world.forger.of(x), signatures=(),
    )  # fmt: skip
    return replace(batch, **changes)


def price(world: LedgerWorld, cents: int = 6_000_000) -> MarkPrice:
    return MarkPrice(price=cents, price_time=world.now() - 1)


async def give(world: LedgerWorld, to: str, batch: Batch, sender: str = KEEPER) -> Answer:
    actor = world.actors[to]
    raw = await actor.ledgers.on_message(
        world.actors[sender].identity, "ledger-batch", world.genesis.ledger_id, write(batch)
    )
    return read(Answer, raw, most=4096, what="answer")


async def test_a_batch_with_one_thing_wrong_is_refused_and_nothing_is_signed(world: LedgerWorld) -> None:
    ann = world.actors["ann"].room.attestor
    assert ann is not None
    before, now = ann.state, price(world)
    good = batch_of(world, before, now)
    rules_broken = encode_event(MarkPrice(price=0, price_time=now.price_time))
    wrong: dict[str, tuple[Batch, str]] = {
        "a broken rule": (replace(good, events=(rules_broken,)), "mark_price.price"),
        "an event that leads elsewhere": (
            replace(good, events=(encode_event(price(world, 6_000_001)),)),
            "batch.checkpoint",
        ),
        "no event": (replace(good, events=()), "batch.events"),
        "an event too many": (replace(good, events=good.events * 17), "batch.events"),
        "an event in another form": (replace(good, events=(good.events[0] + b"\0",)), "range"),
        "another root": (replace(good, checkpoint=replace(good.checkpoint, root=bytes(32))), "batch.checkpoint"),
        "another price": (replace(good, checkpoint=replace(good.checkpoint, price=1)), "batch.checkpoint"),
        "other totals": (replace(good, totals=replace(good.totals, cash=1)), "batch.checkpoint"),
        "another proof": (replace(good, proof=steps(world)[0].proven.proof), "batch.proof"),
        "a malformed proof": (replace(good, proof=b"\xff" * 128), "proof"),
        "a quorum of another checkpoint": (replace(good, signatures=steps(world)[1].signed.signatures), "eddsa"),
        "too few signatures": (replace(good, signatures=steps(world)[1].signed.signatures[:1]), "len(signatures)"),
        "another way from before": (
            batch_of(world, world.genesis.begin(), now, Accrue(height=2, time=2), price(world, 6_000_001)),
            "batch after seq 0",
        ),
    }
    for name, (batch, field) in wrong.items():
        with pytest.raises(PeerFault) as caught:
            await give(world, "ann", batch)
        assert field in str(caught.value), (name, str(caught.value))
    with pytest.raises(PeerFault, match="one of the keeper"):
        await give(world, "ann", good, sender="bob")
    with pytest.raises(PeerFault, match="an attestor of the ledger"):
        await give(world, FOLLOWER, good)
    assert ann.state is before and set(world.signed()) <= {(i, seq) for i in range(3) for seq in (2, 3)}
    answer = await give(world, "ann", good)
    assert answer.at == 4 and answer.waits == "" and [s.index for s in answer.signatures] == [0]
    assert await give(world, "ann", good) == answer, "the same question again has the same answer"


async def test_one_seq_one_checkpoint_also_when_the_disk_forgets_what_was_signed(world: LedgerWorld) -> None:
    actor = world.actors["ann"]
    ann = actor.room.attestor
    assert ann is not None
    before = ann.state
    one, two = batch_of(world, before, price(world)), batch_of(world, before, price(world, 6_000_001))
    first = await give(world, "ann", one)
    with pytest.raises(PeerFault, match="goes one way only"):
        await give(world, "ann", two)
    # a store from before the signature, beside the guard that was never away
    key = world.genesis.ledger_id + b"A" + before.totals.seq.to_bytes(8, "big")
    await ann.world.write(((COLUMN, key, None),))
    await actor.restart()
    with pytest.raises(PeerFault, match="never signs two roots for one seq"):
        await give(world, "ann", two)
    assert (await give(world, "ann", one)).signatures == first.signatures


async def test_an_attestor_that_answers_nonsense_adds_nothing_and_stops_nothing(tmp_path: Path) -> None:
    async with a_ledger(tmp_path) as world:
        keeper = world.actors[KEEPER].room.keeper
        assert keeper is not None
        stolen: list[Answer] = []

        def answers(change: Callable[[Answer], Answer | bytes]) -> None:
            def reply(asked: str, who: str, kind: str, honest: bytes) -> bytes:
                if kind != "ledger-batch" or who != "ann":
                    return honest
                answer = read(Answer, honest, most=4096, what="answer")
                stolen.append(answer)
                changed = change(answer)
                return changed if isinstance(changed, bytes) else write(changed)

            world.wire.reply = reply

        nonsense: list[tuple[Callable[[Answer], Answer | bytes], str]] = [
            (
                lambda a: replace(a, signatures=tuple(replace(s, index=1) for s in a.signatures)),
                "an attestor of this node",
            ),
            (
                lambda a: replace(a, signatures=tuple(replace(s, index=99) for s in a.signatures)),
                "expected an attestor",
            ),
            (
                lambda a: replace(a, signatures=tuple(replace(s, index=-1) for s in a.signatures)),
                "expected an attestor",
            ),
            (lambda a: replace(a, signatures=tuple(replace(s, eddsa=other(s.eddsa)) for s in a.signatures)), "eddsa"),
            (lambda a: replace(a, signatures=tuple(replace(s, bip340=bytes(64)) for s in a.signatures)), "bip340"),
            (lambda a: replace(a, signatures=tuple(replace(s, eddsa=b"") for s in a.signatures)), "eddsa"),
            (lambda a: replace(a, at=1, signatures=()), "two histories"),
            (lambda a: write(a) + b"\0", "answer to ledger-batch"),
            (lambda a: bytes(PRODUCT.reply_frame_bytes + 1), "at most 16384 bytes"),
        ]
        world.wire.cut = {"cat"}
        seq = 0
        for change, message in nonsense:
            answers(change)
            world.wire.cut = {"cat", "bob"}
            await world.post(mark(world), await world.block())
            seq += 2
            courier = keeper.couriers[world.actors["ann"].identity]
            await world.until_true(lambda message=message, courier=courier: message in courier.says)
            assert world.seqs()[KEEPER] == seq - 2 and not keeper.batches[seq - 2].signatures
            world.wire.reply = lambda asked, answers, kind, honest: honest
            world.wire.cut = {"cat"}
            await world.final(seq, KEEPER, "ann", "bob")


# ---- evidence --------------------------------------------------------------------------------------------------------
def forked(world: LedgerWorld, *signers: str) -> Signed:
    """Another checkpoint for seq 2, really signed by these attestors' keys."""
    before = world.genesis.begin()
    found = checkpoint(advanced(before, (price(world, 7_000_000), Accrue(height=2, time=2))))
    signatures = tuple(
        keypair(world.actors[name].ledgers.world, 0).sign(ATTESTORS.index(name), found) for name in signers
    )
    return Signed(checkpoint=found, signatures=signatures)


async def test_two_roots_for_one_seq_are_kept_shown_and_passed_on(world: LedgerWorld) -> None:
    honest = {s.index for s in steps(world)[0].signed.signatures}
    liars = tuple(ATTESTORS[index] for index in sorted(honest))
    fork = forked(world, *liars)
    bob = world.actors["bob"]
    reply = await bob.ledgers.on_message(bytes(32), "ledger-head", world.genesis.ledger_id, write(fork))
    assert read(Signed, reply, most=4096, what="head").checkpoint == steps(world)[0].signed.checkpoint
    assert bob.room.gossip.evidence.keys() == honest and bob.node.alarms >= 2
    world.wire.cut = set()
    await world.until_true(lambda: all(a.room.gossip.evidence.keys() == honest for a in world.actors.values()))
    fay = world.actors[FOLLOWER]
    await fay.restart()
    kept = Shelf(fay.room.world.store, world.genesis.ledger_id).evidence()
    assert kept.keys() == honest and fay.room.gossip.evidence == kept
    await world.final(3)
    assert fay.room.follower.view.root == steps(world)[1].signed.checkpoint.root, "the view does not follow the fork"


async def test_evidence_that_shows_nothing_is_refused(world: LedgerWorld) -> None:
    mine = steps(world)[0].signed
    index = mine.signatures[0].index
    fork = forked(world, ATTESTORS[index])
    good = equivocation(mine.checkpoint, mine.signatures[0], fork.checkpoint, fork.signatures[0])
    late = steps(world)[1].signed
    spoilt = tuple(replace(s, eddsa=other(s.eddsa), bip340=other(s.bip340)) for s in good.signatures)
    wrong: dict[str, tuple[Equivocation, str]] = {
        "one checkpoint twice": (
            replace(good, second=good.first, signatures=(good.signatures[0],) * 2),
            "lower digest",
        ),
        "another order": (
            Equivocation(first=good.second, second=good.first, signatures=good.signatures[::-1]),
            "lower digest",
        ),
        "two seqs": (
            equivocation(mine.checkpoint, mine.signatures[0], late.checkpoint, late.signatures[0]),
            "equivocation.seq",
        ),
        "two attestors": (
            replace(good, signatures=(good.signatures[0], replace(good.signatures[1], index=(index + 1) % 3))),
            "equivocation.index",
        ),
        "one spoilt signature": (replace(good, signatures=(good.signatures[0], spoilt[1])), "equivocation.signatures"),
        "another ledger": (replace(good, first=replace(good.first, ledger=bytes(32))), "checkpoint.ledger"),
    }
    cat = world.actors["cat"]
    for name, (proof, field) in wrong.items():
        with pytest.raises(PeerFault) as caught:
            await cat.ledgers.on_message(bytes(32), "ledger-evidence", world.genesis.ledger_id, write(proof))
        assert field in str(caught.value), (name, str(caught.value))
    assert not cat.room.gossip.evidence and cat.node.alarms == 0
    await cat.ledgers.on_message(bytes(32), "ledger-evidence", world.genesis.ledger_id, write(good))
    assert cat.room.gossip.evidence.keys() == {index} and cat.node.alarms == 1


async def test_a_head_without_a_quorum_is_refused_and_raises_no_alarm(world: LedgerWorld) -> None:
    bob = world.actors["bob"]
    for fork in (forked(world, "ann"), replace(forked(world, "ann", "cat"), signatures=())):
        with pytest.raises(PeerFault, match="head, len"):
            await bob.ledgers.on_message(bytes(32), "ledger-head", world.genesis.ledger_id, write(fork))
    assert not bob.room.gossip.evidence and bob.node.alarms == 0


# ---- positions -------------------------------------------------------------------------------------------------------
async def test_a_position_that_does_not_lead_to_our_root_is_not_shown(world: LedgerWorld) -> None:
    world.wire.cut = set()
    await world.final(3)
    fay = world.actors[FOLLOWER].room
    truth = await fay.claims.opening(VAULT)

    def opened(raw: bytes, change: Callable[[Opening], Opening]) -> bytes:
        return forms.encode(change(decode_opening(raw)))

    lies: list[tuple[Callable[[bytes], bytes], str]] = [
        (lambda raw: opened(raw, lambda o: replace(o, position=replace(o.position, principal=1))), "opening: path"),
        (lambda raw: opened(raw, lambda o: replace(o, totals=replace(o.totals, price=1))), "opening: globals"),
        (lambda raw: opened(raw, lambda o: replace(o, path=other(o.path))), "opening: path"),
        (lambda raw: opened(raw, lambda o: replace(o, path=o.path[:-1])), "opening: path"),
        (lambda raw: opened(raw, lambda o: replace(o, position=replace(o.position, sats=()))), "opening: position"),
        (lambda raw: raw[:-1], "opening: opening"),
    ]
    for lie, field in lies:
        world.wire.reply = lambda asked, answers, kind, honest, lie=lie: (  # type: ignore[misc]
            lie(honest) if kind == "ledger-opening" and answers == KEEPER else honest
        )
        fay.follower.faults.clear()
        assert await fay.claims.opening(VAULT) == truth, "the next peer tells the truth"
        assert field in fay.follower.faults[world.actors[KEEPER].identity.hex()]


async def test_a_peer_that_denies_a_position_does_not_hide_it(world: LedgerWorld) -> None:
    """Else a claimant with one friend among the attestors would make every follower think that nothing bears it out."""
    world.wire.cut = set()
    await world.final(3)
    claims = world.actors[FOLLOWER].room.claims
    truth = await claims.opening(VAULT)
    deniers = {KEEPER}

    def denied(_: str, answers: str, kind: str, honest: bytes) -> bytes:
        return b"" if kind == "ledger-opening" and answers in deniers else honest

    world.wire.reply = denied
    assert await claims.opening(VAULT) == truth
    deniers |= set(EVERYBODY)
    with pytest.raises(NoPosition, match="with a position"):
        await claims.opening(VAULT)
    said = await claims.doubt(Outcome(vault=VAULT, slot=0, action="withdraw", claimant=bytes(32), template=bytes(32)))
    assert isinstance(said, NoPosition), "what nobody shows bears nothing out"
    world.wire.cut = set(EVERYBODY)
    with pytest.raises(Unavailable, match="none of them reachable"):
        await claims.doubt(Outcome(vault=VAULT, slot=0, action="withdraw", claimant=bytes(32), template=bytes(32)))


# ---- anything --------------------------------------------------------------------------------------------------------
async def test_no_bytes_of_any_kind_do_more_than_be_refused(world: LedgerWorld) -> None:
    chance = Random(20261122)
    ann = world.actors["ann"]
    ledger, keeper = world.genesis.ledger_id, world.actors[KEEPER].identity
    good = {
        "ledger-batch": write(batch_of(world, ann.room.attestor.state, price(world))),  # type: ignore[union-attr]
        "ledger-entry": forms.encode({"seq": 0}),
        "ledger-head": write(steps(world)[0].signed),
        "ledger-evidence": write(
            equivocation(
                steps(world)[0].signed.checkpoint, steps(world)[0].signed.signatures[0],
                steps(world)[1].signed.checkpoint, steps(world)[1].signed.signatures[0],
            )
        ),
        "ledger-opening": write(Asked(vault=VAULT)),
        "ledger-key": b"",
    }  # fmt: skip
    before = ann.room.follower.view
    for kind, raw in good.items():
        for _ in range(60):
            spoilt = bytearray(raw)
            for _ in range(chance.randrange(1, 4)):
                place = chance.randrange(len(spoilt) + 1)
                spoilt[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
            try:
                await ann.ledgers.on_message(keeper, kind, ledger, bytes(spoilt))
            except (PeerFault, Unavailable):
                pass
            except NativeError as error:  # pragma: no cover - a fault that nobody named
                raise AssertionError(kind) from error
    assert ann.room.follower.view == before and ann.room.attestor.seq in (3, 4)  # type: ignore[union-attr]
    with pytest.raises(Unavailable, match="one that is open here"):
        await ann.ledgers.on_message(keeper, "ledger-entry", bytes(32), good["ledger-entry"])
    with pytest.raises(PeerFault, match="a message of a ledger"):
        await ann.ledgers.on_message(keeper, "ledger-nonsense", ledger, b"")
