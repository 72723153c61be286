"""What comes in through the doors of the daemon: peers' bytes, RPC bodies, configuration, answers of a chain, own records."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import trio
from bitcoin.core import Hash

from challenge.policy import Policy
from challenge.states import Job, Seen, VaultState
from node.admission import Judges, Rules, parse_and_admit
from node.book import decode_state
from node.chain import BitcoinRpc, JsonRpc, Password
from node.chain.bitcoin import txid_of
from node.cli.vault import _proposal
from node.config import example, load
from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger import draft, files
from node.letters import from_body, to_body
from node.limits import PRODUCT
from node.p2p import envelope
from node.p2p.frames import StreamEnded, decode_reply, encode_reply, read_frame
from node.p2p.peers import parse_address
from node.proposing import propose
from node.rpc.client import RpcError, _result
from node.rpc.table import TABLE, Method, from_hex
from node.rpc.wire import INTERNAL_ERROR, Dispatcher
from node.wallet.state import State, parse
from tests.cases import ledger as cases
from tests.cases import outcome
from tests.fuzz.target import Form, Target
from tests.vault_kit import GENESIS, kit, secret
from vault.ledger import forms
from vault.ledger.rules import DEFAULT

_SENDER, _RECIPIENT = secret(1), secret(2)
_HEX = "ab" * 32
_ADDRESS = "/ip4/127.0.0.1/tcp/3/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"


# ---- peers -----------------------------------------------------------------------------------------------------------
def _messages() -> list[bytes]:
    return [
        envelope.encode(
            vault=bytes(32), kind=kind, sequence=7, recipient=_RECIPIENT.xonly(), body=body, identity=_SENDER,
            genesis=GENESIS, limits=PRODUCT,
        )
        for kind, body in (to_body("ready/1", bytes(32)), to_body("keys/0", b"x" * 400))
    ]  # fmt: skip


def _letter(raw: bytes) -> envelope.Envelope:
    return envelope.decode(raw, recipient=_RECIPIENT.xonly(), genesis=GENESIS, limits=PRODUCT)


def _signed(raw: bytes) -> object:
    """What a party of the vault may send: any fields, well signed; then the fact in its body."""
    try:
        fields = msgspec.msgpack.decode(raw, type=envelope.Envelope)
        digest = envelope.signed_digest(fields, GENESIS)
    except (msgspec.DecodeError, UnicodeError, OverflowError, RecursionError):
        return _letter(raw)
    letter = _letter(msgspec.msgpack.encode(msgspec.structs.replace(fields, signature=_SENDER.sign(digest))))
    return from_body(letter.kind, letter.body)


def _body(raw: bytes) -> tuple[str, bytes]:
    kind, _, body = raw.partition(b" ")
    return from_body(kind.decode("latin-1"), body)


def _bodies() -> list[bytes]:
    facts = (("ready/1", bytes(32)), ("verdict/0/77", b"\1"), ("propose", b"x"))
    return [kind.encode() + b" " + body for kind, body in (to_body(name, value) for name, value in facts)]


class _Memory:
    """A stream that holds these bytes and ends."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def read(self, n: int | None = None) -> bytes:
        taken, self._raw = self._raw[: n or 0], self._raw[n or 0 :]
        return taken

    async def write(self, data: bytes) -> None:
        raise NotImplementedError


def _frame(raw: bytes) -> object:
    async def read() -> bytes:
        return await read_frame(_Memory(raw), most=1000, seconds=10)

    payload = trio.run(read)
    assert len(payload) <= 1000
    return decode_reply(payload)


def _admitted(raw: bytes) -> object:
    rules = Rules(
        network="regtest", genesis=GENESIS, policy=Policy(contest="never", known={}, release="manual"),
        accept="manual", minimum_depth=1, bound=100, start=0, patience=86_400.0,
    )  # fmt: skip
    identities = [party.identity for party in kit().proposal.parties]
    return parse_and_admit(raw, proposer=identities[0], me=identities[1], rules=rules, judges=JUDGES)


def _proposed() -> list[bytes]:
    from vault.terms import encode

    built = propose(
        json.loads(_wanted()[0]), network="regtest", genesis=GENESIS, keys=(bytes(32),), ledgers=JUDGES.ledgers
    )
    return [encode(built)]


# ---- RPC -------------------------------------------------------------------------------------------------------------
def _wanted() -> list[bytes]:
    parties = [{"identity": party.identity.hex(), "role": party.role} for party in kit().proposal.parties]
    graph = {
        "claimant": 0, "outcome": "withdraw", "slot": 0, "engine": "core", "profile": "test", "commitment": _HEX,
        "amount": 600_000,
    }  # fmt: skip
    proposal = {"parties": parties, "slots": [1_000_000], "graphs": [graph]}
    babe = {
        "claimant": 0, "outcome": "withdraw", "slot": 0, "profile": "test", "ledger": _HEX, "amount": 600_000, "digit_bits": 8,
    }  # fmt: skip
    return [
        msgspec.json.encode({**proposal, "graphs": [babe]}),
        msgspec.json.encode(proposal),
        msgspec.json.encode({**proposal, "timelocks": {"depth": 6}, "maturity": 9}),
        msgspec.json.encode({
            "parties": parties, "slots": [1_000_000], "maturity": 9, "loan": {"ledger": _HEX, "cents": 30_000, "timeout": 5},
        }),
    ]  # fmt: skip


JUDGES = Judges(ledgers={bytes.fromhex(_HEX): DEFAULT}, keys=frozenset({bytes(32)}), genesis={}, height=0)


async def _do(method: str, params: Any) -> object:
    """What the daemon's handlers do with parameters before they reach a vault."""
    match method:
        case "vault.propose":
            return propose(
                params.proposal, network="regtest", genesis=GENESIS, keys=(bytes(32),), ledgers=JUDGES.ledgers
            )
        case "peer.connect":
            return {"peer": parse_address(params.address).peer_id}
        case "vault.claim":
            return {name: from_hex(name, getattr(params, name) or "", None) for name in ("salt", "proof")}
        case "ledger.open":
            return files.parse(params.file).as_json()
        case "ledger.post":
            return [draft.complete(cases.loan(), event) for event in params.events]
        case _:
            return msgspec.to_builtins(params)


@lru_cache(maxsize=1)
def _dispatcher() -> Dispatcher:
    def handler(name: str) -> Callable[[Any], Awaitable[object]]:
        return lambda params: _do(name, params)

    methods = {
        name: Method(name=name, params=params, handler=handler(name), summary=summary)
        for name, (params, summary) in TABLE.items()
    }
    return Dispatcher(methods, PRODUCT)


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return _loop().run_until_complete(work)


def _answered(raw: bytes) -> object:
    """Every body gets an answer, or none when it held notifications only; never an internal error."""
    answer = _run(_dispatcher().answer(raw))
    if answer is None:
        return None
    told = msgspec.json.decode(answer)
    for one in told if isinstance(told, list) else [told]:
        assert one["jsonrpc"] == "2.0" and ("result" in one) != ("error" in one)
        if "error" in one:
            assert one["error"]["code"] != INTERNAL_ERROR, one
            raise PeerFault(what="call", expected="a result", came=one["error"]["message"])
    return told


def _values() -> dict[str, Any]:
    """A valid value for every parameter of every method."""
    event = {"kind": "repay", "vault": cases.VAULT.hex(), "cents": 1_000}
    return {
        "id": _HEX, "graph": 0, "slot": 0, "balance": 5, "salt": "2a", "height": 7, "folder": "/x", "address": _ADDRESS,
        "proposal": json.loads(_wanted()[0]), "reason": "no", "format": "svg", "identity": _HEX, "ledger": _HEX,
        "events": [event], "vault": _HEX, "seq": 3, "action": "withdraw", "claimant": _HEX, "template": _HEX, "number": 1,
        "price": "checked", "cents": 6_000_000, "statement": "outcome", "witness": {"slot": 0}, "purpose": "x", "job": 1,
        "attestors": [{"identity": _HEX}], "threshold": 1, "keeper": _HEX, "key": _HEX, "rules": {"grace": 144},
        "file": {"genesis": forms.to_json(outcome.genesis()), "verifying_key": ""},
        "proof": "00" * 256, "path": "/x", "knowingly_false": True, "insist": True,
    }  # fmt: skip


def _calls() -> list[bytes]:
    values = _values()
    calls = []
    for name, (params, _) in TABLE.items():
        fields = [field.encode_name for field in msgspec.structs.fields(params)]
        given = {field: values[field] for field in fields}
        calls.append({"jsonrpc": "2.0", "method": name, "params": given, "id": 1})
    return [*(msgspec.json.encode(call) for call in calls), msgspec.json.encode(calls[:3])]


def _client(raw: bytes) -> object:
    """A result, or the daemon's own error."""
    try:
        return _result(raw, 200, Path("/folder"))
    except RpcError as error:
        assert str(error)
        return error


def _answers() -> list[bytes]:
    error = {"code": -32000, "message": "no", "data": {"whose": "local"}}
    return [
        msgspec.json.encode({"jsonrpc": "2.0", "result": {"height": 5}, "id": 1}),
        msgspec.json.encode({"jsonrpc": "2.0", "error": error, "id": 1}),
    ]


# ---- files -----------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fuzz")


def _as_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    def reading(raw: bytes) -> object:
        path = Path(_folder().name) / name
        path.write_bytes(raw)
        return read(path)

    return reading


def _configs() -> list[bytes]:
    peers = f'peers = [{{ identity = "{_HEX}", address = "{_ADDRESS}" }}]'
    known = f'[policy]\ncontest = "known"\n[[policy.known]]\ncommitment = "{_HEX}"\nbalance = 5\n'
    chain = '[chain]\nurl = "http://127.0.0.1:18443"\nuser = "a"\npassword = "b"\n'
    return [example("regtest", Path("/data")).encode(), f"{chain}[p2p]\nport = 2\n{peers}\n{known}".encode()]


# ---- the chain -------------------------------------------------------------------------------------------------------
class _Told(JsonRpc):
    """A chain server that answers these bytes to every call."""

    def __init__(self, raw: bytes) -> None:
        super().__init__("http://127.0.0.1:1", Password(user="a", password="b"))
        self._raw = raw

    async def _post(self, body: bytes, size: int, method: str) -> tuple[int, bytes]:
        number = str(msgspec.json.decode(body)["id"]).encode()
        return 200, b'{"id":' + number + b',"result":' + self._raw + b"}"


_TX = "prefund"
_HASH = bytes.fromhex(_HEX)
_BLOCK = bytes(80) + bytes([1]) + bytes(60)
_ASKED: Mapping[str, tuple[Callable[[BitcoinRpc], Coroutine[Any, Any, object]], Callable[[], list[Any]]]] = {
    "getblockchaininfo": (
        lambda rpc: rpc.tip(),
        lambda: [{"chain": "regtest", "blocks": 7, "bestblockhash": _HEX}],
    ),
    "getblockhash": (lambda rpc: rpc.block_hash(5), lambda: [_HEX]),
    "getblockheader": (
        lambda rpc: rpc.header(_HASH[::-1]),
        lambda: [{"hash": _HEX, "height": 5, "confirmations": 2, "previousblockhash": _HEX}],
    ),
    "getblock": (lambda rpc: rpc.block(Hash(_BLOCK[:80])), lambda: [_BLOCK.hex()]),
    "gettxout": (
        lambda rpc: rpc.utxo(_HASH, 1),
        lambda: [None, {"value": 0.5, "confirmations": 1, "coinbase": False, "scriptPubKey": {"hex": "51"}}],
    ),
    "getrawmempool": (
        lambda rpc: rpc.mempool_transactions(),
        lambda: [{"txids": [_HEX], "mempool_sequence": 3}],
    ),
    "estimatesmartfee": (
        lambda rpc: rpc.feerate(),
        lambda: [{"feerate": 0.0002, "mempoolminfee": 0.00001, "minrelaytxfee": 0.00001}],
    ),
    "submitpackage": (lambda rpc: rpc.submit_package([kit().finish(_TX)]), lambda: [_package()]),
    "testmempoolaccept": (
        lambda rpc: rpc.test_accept(kit().finish(_TX)),
        lambda: [[{"txid": _shown(), "allowed": True}], [{"txid": _shown(), "allowed": False, "reject-reason": "x"}]],
    ),
    "sendrawtransaction": (lambda rpc: rpc.broadcast(kit().finish(_TX)), lambda: [_shown()]),
    "getrawtransaction": (
        lambda rpc: rpc.transaction(txid_of(kit().finish(_TX)), None),
        lambda: [kit().finish(_TX).hex()],
    ),
    "generatetoaddress": (lambda rpc: rpc.generate(1, "x"), lambda: [[_HEX, _HEX]]),
}  # fmt: skip


def _shown() -> str:
    return txid_of(kit().finish(_TX))[::-1].hex()


def _package() -> object:
    return {"package_msg": "success", "tx-results": {_HEX: {"txid": _shown(), "fees": {"effective-feerate": 0.00001}}}}


def _chain(method: str) -> Target:
    ask, told = _ASKED[method]
    return Target(
        name=f"chain answer, {method}",
        read=lambda raw: _run(ask(BitcoinRpc(_Told(raw)))),
        refusals=(PeerFault, LocalFault, Unavailable),
        seeds=lambda: [msgspec.json.encode(value) for value in told()],
        rounds=100,
    )


# ---- what the node wrote itself --------------------------------------------------------------------------------------
def _states() -> list[bytes]:
    seen = Seen(name="prefund", txid=bytes(32), height=5)
    state = VaultState(
        proposal=kit().proposal, me=1, facts={"accept/0": b"", "ready/1": bytes(32)},
        jobs=(Job(kind="fund"),), log=(seen,), end=("aborted", "no"),
    )  # fmt: skip
    return [msgspec.msgpack.encode(state)]


def _wallet(raw: bytes) -> object:
    state = State(network="regtest", keep=100)  # type: ignore[call-arg]
    state.restore([(raw[:33], raw[33:])])
    return state


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        Target(
            name="envelope",
            read=_letter,
            refusals=(PeerFault,),
            seeds=_messages,
            write=msgspec.msgpack.encode,
            rounds=300,
        ),
        Target(name="envelope, signed", read=_signed, refusals=(PeerFault,), seeds=_messages, rounds=300),
        Target(name="body of a message", read=_body, refusals=(PeerFault,), seeds=_bodies, rounds=300),
        Target(
            name="frame",
            read=_frame,
            refusals=(PeerFault, StreamEnded),
            seeds=lambda: [len(one).to_bytes(4) + one for one in (encode_reply(s, b"ack") for s in (0, 1, 2))],  # type: ignore[arg-type]
            rounds=100,
        ),
        Target(name="proposal, admitted", read=_admitted, refusals=(PeerFault,), seeds=_proposed, rounds=60),
        Target(
            name="peer address",
            read=lambda raw: parse_address(raw.decode("latin-1")),
            refusals=(LocalFault,),
            seeds=lambda: [_ADDRESS.encode(), _ADDRESS.replace("ip4/127.0.0.1", "dns/example.org").encode()],
        ),
        Target(name="RPC body", read=_answered, refusals=(PeerFault,), seeds=_calls, rounds=600),
        Target(name="RPC answer", read=_client, refusals=(LocalFault,), seeds=_answers),
        Target(
            name="proposal file",
            read=_as_file(
                lambda path: propose(
                    _proposal(path), network="regtest", genesis=GENESIS, keys=(bytes(32),), ledgers=JUDGES.ledgers
                ),
                "proposal.json",
            ),
            refusals=(LocalFault,),
            seeds=_wanted,
            rounds=200,
        ),
        Target(name="configuration", read=_as_file(load, "bitvm3.toml"), refusals=(LocalFault,), seeds=_configs),
        *map(_chain, _ASKED),
        Target(name="transaction of the chain", read=parse, refusals=(PeerFault,), seeds=lambda: [kit().finish(_TX)]),
        Target(
            name="state of a vault",
            read=lambda raw: decode_state(bytes(32), raw),
            refusals=(LocalFault,),
            seeds=_states,
            write=msgspec.msgpack.encode,
            form=Form.FREE,  # our own writing: nothing is identified by these bytes
        ),
    )
