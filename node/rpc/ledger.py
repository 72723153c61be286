"""What the methods `ledger.*` and `attestor.*` do: calls of the node's ledgers, JSON out. Holds no state."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from node.faults import LocalFault, Unavailable
from node.ledger.attestor import Attestor, keypair
from node.ledger.claims import Outcome
from node.ledger.files import GenesisFile
from node.ledger.judgement import doubts
from node.ledger.keeper import Keeper
from node.ledger.room import Ledgers, Open
from node.ledger.show import entry_lines, genesis_lines, position_lines, totals_line, view_lines
from node.rpc.table import (
    ApproveParams,
    DraftParams,
    EntryParams,
    FileParams,
    KeyParams,
    LedgerParams,
    Nothing,
    OutcomeParams,
    PositionParams,
    PostParams,
    PriceParams,
)
from vault.faults import VaultFault
from vault.ledger import forms
from vault.ledger.faults import GenesisFault
from vault.ledger.follow import View, first_view
from vault.ledger.genesis import VERSION, Genesis, check_genesis
from vault.ledger.genesis import Attestor as Member
from vault.ledger.rules import DEFAULT, Rules

if TYPE_CHECKING:
    from node.daemon import Daemon
    from node.prices import Prices

Handlers = dict[str, Callable[[Any], Awaitable[object]]]


def ledger_methods(daemon: Daemon) -> Handlers:
    """Handlers by method."""

    def rooms() -> Ledgers:
        found = daemon.node.ledgers
        assert found is not None  # noqa: S101 - the daemon always has them
        return found

    async def genesis(params: DraftParams) -> Any:
        return await draft(rooms(), params)

    async def open_(params: FileParams) -> Any:
        return show(await rooms().open(params.file))

    async def list_(_: Nothing) -> Any:
        return [line(opened) for opened in rooms().open_ledgers.values()]

    async def show_(params: LedgerParams) -> Any:
        return show(rooms().find(params.ledger))

    async def post(params: PostParams) -> Any:
        opened = rooms().find(params.ledger)
        keeper = _keeper(opened)
        if opened.desk is not None:
            opened.desk.by_hand(params.events)
        events, world = await keeper.post(params.events), keeper.world
        await keeper.seal_full()
        unsure, _ = await doubts(
            events,
            chain=world.chain,
            prices=world.prices,
            near=lambda _: (),
            now=world.now(),
            tolerance=world.tolerance,
        )
        return {
            "posted": [forms.to_json(event) for event in events],
            "waiting": len(keeper.queue),
            "seq": keeper.posted.totals.seq,
            "attestors_may_wait": [doubt.reason for doubt in unsure],
        }

    async def seal(params: LedgerParams) -> Any:
        batches = await _keeper(rooms().find(params.ledger)).seal()
        return [
            {"after": b.after, "seq": b.checkpoint.seq, "events": len(b.events), "root": b.checkpoint.root.hex()}
            for b in batches
        ]

    async def discard(params: LedgerParams) -> Any:
        return {"discarded": await _keeper(rooms().find(params.ledger)).discard()}

    async def position(params: PositionParams) -> Any:
        opened = rooms().find(params.ledger)
        opening = await opened.claims.opening(bytes.fromhex(params.vault))
        rules = opened.genesis.rules
        return {"seq": opening.totals.seq, **position_lines(rules, opening.totals, opening.position)}

    async def entry(params: EntryParams) -> Any:
        return entry_at(rooms().find(params.ledger), params.seq)

    async def claim(params: OutcomeParams) -> Any:
        outcome = Outcome(
            vault=bytes.fromhex(params.vault), slot=params.slot, action=params.action,
            claimant=bytes.fromhex(params.claimant), template=bytes.fromhex(params.template),
        )  # fmt: skip
        return (await rooms().find(params.ledger).claims.prove(outcome, None)).as_json()

    async def key(params: KeyParams) -> Any:
        world = rooms().world
        eddsa, bip340 = keypair(world, params.number).public
        return {"identity": world.me.hex(), "eddsa": eddsa.hex(), "bip340": bip340.hex()}

    async def attested(_: Nothing) -> Any:
        return await attestor_lines(rooms())

    async def approve(params: ApproveParams) -> Any:
        opened = rooms().find(params.ledger)
        pending = await _attestor(opened).approve(params.seq, params.price)
        return {
            "ledger": opened.id.hex(),
            "seq": params.seq,
            "root": pending.batch.checkpoint.root.hex(),
            "price": params.price,
        }

    async def price(params: PriceParams) -> Any:
        world, prices = rooms().world, daemon.node.context.prices
        if params.cents is not None:
            await prices.state(price=params.cents, time=world.now())
        return await price_lines(prices, world.now())

    return {
        "ledger.genesis": genesis,
        "ledger.open": open_,
        "ledger.list": list_,
        "ledger.show": show_,
        "ledger.post": post,
        "ledger.seal": seal,
        "ledger.discard": discard,
        "ledger.position": position,
        "ledger.entry": entry,
        "ledger.claim": claim,
        "attestor.key": key,
        "attestor.show": attested,
        "attestor.approve": approve,
        "attestor.price": price,
    }


def _keeper(opened: Open) -> Keeper:
    if opened.keeper is None:
        raise LocalFault(
            what=f"ledger {opened.id.hex()[:16]}",
            expected="a node that keeps it",
            came=f"its {' and '.join(opened.roles)}",
            todo=f"Ask the keeper, {opened.genesis.keeper.hex()}.",
        )
    return opened.keeper


def _attestor(opened: Open) -> Attestor:
    if opened.attestor is None:
        raise LocalFault(
            what=f"ledger {opened.id.hex()[:16]}",
            expected="a node that attests it",
            came=f"its {' and '.join(opened.roles)}",
            todo="`bitvm3 ledger show` lists its attestors.",
        )
    return opened.attestor


async def draft(rooms: Ledgers, params: DraftParams) -> dict[str, Any]:
    """The file of a new ledger, beginning at our tip. Raises LocalFault naming the field."""
    world = rooms.world
    unknown = sorted(params.rules.keys() - set(Rules.__struct_fields__))
    if unknown:
        raise LocalFault(
            what=f"rules.{unknown[0][:40]}", expected=f"one of {', '.join(Rules.__struct_fields__)}", came="another"
        )
    wanted = None if params.key is None else bytes.fromhex(params.key)
    lines = await asyncio.to_thread(world.proving.keys)
    keys = [k for k in lines if k.statement.name == "transition" and wanted in (None, k.key)]
    if len(keys) != 1:
        raise LocalFault(
            what="proving key of transitions",
            expected="one on this node" if wanted is None else f"one with id {wanted.hex()} on this node",
            came=", ".join(k.key.hex()[:16] for k in keys) or "none",
            todo="`bitvm3 setup list` shows what is here; --key chooses one. `bitvm3 setup run transition` makes one on regtest.",
        )
    height = world.height()
    time = await world.chain.median_time(height)
    if time is None:
        raise Unavailable(what="chain", expected=f"block {height}", came="a shorter chain")
    try:
        genesis = check_genesis(
            Genesis(
                version=VERSION, network=world.genesis, rules=_rules(params.rules),
                attestors=tuple(_member(i, each) for i, each in enumerate(params.attestors)), threshold=params.threshold,
                keeper=world.me if params.keeper is None else bytes.fromhex(params.keeper), height=height, time=time,
                salt=secrets.token_bytes(32), transition_key=keys[0].key,
            )
        )  # fmt: skip
    except VaultFault as fault:
        raise LocalFault(what=fault.field, expected=fault.expected, came=fault.got[:200]) from fault
    return GenesisFile(genesis=genesis, verifying_key=keys[0].verifying_key).as_json()


def _rules(changes: Mapping[str, int]) -> Rules:
    fields = {name: changes.get(name, getattr(DEFAULT, name)) for name in Rules.__struct_fields__}
    return Rules(**fields)


def _member(index: int, value: dict[str, Any]) -> Member:
    """What an attestor's node printed. Raises LocalFault: nothing is wrong with the ledger, the wrong file was given."""
    try:
        member: Member = forms.from_json(value, Member, GenesisFault, f"attestors[{index}]")
    except GenesisFault as fault:
        raise LocalFault(
            what=fault.field,
            expected="what `bitvm3 attestor key --json` prints on that attestor's node",
            came=fault.got,
        ) from fault
    return member


# ---- what is shown ---------------------------------------------------------------------------------------------------
def line(opened: Open) -> dict[str, Any]:
    """One row of the list."""
    return {
        "ledger": opened.id.hex(),
        "roles": opened.roles,
        "seq": opened.follower.view.seq,
        "height": opened.follower.view.totals.height,
        "price": opened.follower.view.totals.price,
        "waiting": 0 if opened.keeper is None else len(opened.keeper.queue),
        "alarms": len(opened.gossip.evidence) + len(opened.gossip.histories),
    }


def show(opened: Open) -> dict[str, Any]:
    """Everything about one ledger but its positions."""
    genesis, follower, gossip = opened.genesis, opened.follower, opened.gossip
    shown: dict[str, Any] = {
        "ledger": opened.id.hex(),
        "roles": opened.roles,
        **view_lines(genesis, follower.view),
        **genesis_lines(genesis),
        "keeper_known": genesis.keeper in (opened.world.me, *opened.world.known()),
        "proofs_verified": follower.proofs,
        "entries_refused": follower.refused,
        "attestors": [_member_line(opened, i) for i in range(len(genesis.attestors))],
    }
    if opened.keeper is not None:
        shown |= _keeper_lines(opened.keeper)
    if opened.attestor is not None:
        shown |= {"attested_to": opened.attestor.seq, "signed_here": opened.attestor.signed}
    shown["faults_of_peers"] = [{"peer": peer, "fault": fault} for peer, fault in follower.faults.items()]
    shown["equivocations"] = [
        {
            "attestor": index,
            "identity": genesis.attestors[index].identity.hex(),
            "seq": proof.first.seq,
            "roots": [proof.first.root.hex(), proof.second.root.hex()],
            "proof": forms.encode(proof).hex(),
        }
        for index, proof in sorted(gossip.evidence.items())
    ]
    shown["other_histories"] = [{"seq": seq, "root": root} for seq, root in sorted(gossip.histories.items())]
    return shown


def _member_line(opened: Open, index: int) -> dict[str, Any]:
    member, keeper = opened.genesis.attestors[index], opened.keeper
    ours = opened.attestor is not None and index in opened.attestor.keys
    said = {} if keeper is None else {"says": keeper.couriers[member.identity].says}
    return {"index": index, "identity": member.identity.hex(), "this_node": ours, **said}


def _keeper_lines(keeper: Keeper) -> dict[str, Any]:
    final = keeper.follower.view.seq
    return {
        "waiting": [{"number": i + 1, **_short(forms.to_json(e))} for i, e in enumerate(keeper.queue.values())],
        "under_way": [
            {
                "seq": batch.checkpoint.seq,
                "events": len(batch.events),
                "proved": bool(batch.proof),
                "signatures": f"{len(batch.signatures)} of {keeper.genesis.threshold}",
            }
            for batch in keeper.batches.values()
            if batch.checkpoint.seq > final
        ],
        "proving": keeper.proving,
        "posted": totals_line(keeper.posted.totals),
    }


def _short(event: dict[str, Any]) -> dict[str, Any]:
    """An event in a row: its kind, and its fields in a few words."""
    rest = {name: value for name, value in event.items() if name != "kind"}
    return {"kind": event["kind"], "fields": ", ".join(f"{name} {value}" for name, value in rest.items())}


def entry_at(opened: Open, seq: int | None) -> dict[str, Any]:
    """One final entry. Raises LocalFault when none ends there."""
    follower = opened.follower
    wanted = follower.view.seq if seq is None else seq
    after = follower.ends.get(wanted)
    step = None if after is None else opened.shelf.entry(after)
    if after is None or step is None:
        ends = ", ".join(map(str, list(follower.ends)[-8:])) or "none yet"
        raise LocalFault(
            what="seq", expected=f"one at which a final checkpoint stands (the last: {ends})", came=str(wanted)
        )
    before, checkpoint = _view_at(opened, after), step.signed.checkpoint
    now = View(root=checkpoint.root, totals=step.proven.totals, checkpoint=checkpoint)
    return entry_lines(
        opened.genesis, before, now, step.proven.proof, step.signed.signatures, opened.file.verifying_key
    )


def _view_at(opened: Open, seq: int) -> View:
    begun = opened.follower.ends.get(seq)
    step = None if begun is None else opened.shelf.entry(begun)
    if step is None:
        return first_view(opened.genesis)
    checkpoint = step.signed.checkpoint
    return View(root=checkpoint.root, totals=step.proven.totals, checkpoint=checkpoint)


async def attestor_lines(rooms: Ledgers) -> dict[str, Any]:
    """What this node signs, and what waits for its operator."""
    ours = [opened for opened in rooms.open_ledgers.values() if opened.attestor is not None]
    return {
        "identity": rooms.world.me.hex(),
        "policy": rooms.world.policy,
        "tolerance": rooms.world.tolerance.price,
        "ledgers": [
            {
                "ledger": opened.id.hex(),
                "indices": sorted(opened.attestor.keys),
                "taken_to": opened.attestor.seq,
                "final": opened.follower.view.seq,
                "signed": opened.attestor.signed,
                "refused": opened.attestor.refused,
            }
            for opened in ours
            if opened.attestor is not None
        ],
        "waiting": [
            {
                "ledger": opened.id.hex(),
                "seq": seq,
                "price": pending.batch.checkpoint.price,
                "height": pending.batch.checkpoint.height,
                "compared_with": pending.compared,
                "doubts": [doubt.reason for doubt in pending.doubts] or ["none: it waits for your word"],
            }
            for opened in ours
            if opened.attestor is not None
            for seq, pending in sorted(opened.attestor.pending.items())
        ],
    }


async def price_lines(prices: Prices, now: int) -> dict[str, Any]:
    """The median and where it comes from. Raises Unavailable with every source's reason."""
    quote = await prices.quote(now)
    return {
        "price": quote.price,
        "time": quote.time,
        "age": now - quote.time,
        "sources": [{"source": r.source, "price": r.price, "time": r.time} for r in quote.sources],
        "left_out": [{"source": d.source, "why": d.why} for d in quote.dropped],
    }
