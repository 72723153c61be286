"""The command line: every command calls its method, prints for people and programs, and ends with a telling status."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.progress import Progress

from node.cli import EXIT_STATUS, run
from node.cli.watched import watch
from node.config import load
from node.faults import LocalFault, PeerFault, Unavailable
from node.keys import read_passphrase
from node.limits import PRODUCT
from node.rpc.client import RpcClient
from node.rpc.server import Server
from node.rpc.table import TABLE, bind
from node.rpc.vault import NOTHING
from snark.formats import Curve, Format
from snark.groth16 import Proof

VAULT = "ab" * 32


class Daemon:
    """A real RPC server whose methods note what they were called with and answer as told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = {"ok": 1}
        self.answers: list[Any] = []

    def handler(self, name: str) -> Callable[[Any], Awaitable[object]]:
        async def handle(params: Any) -> object:
            self.calls.append((name, msgspec.to_builtins(params)))
            answer = self.answers.pop(0) if self.answers else self.answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return handle


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    made = Daemon()
    methods = bind({name: made.handler(name) for name in TABLE})
    server = await Server.start(
        host="127.0.0.1", port=0, folder=tmp_path, methods=methods, version="0", exposition=bytes, limits=PRODUCT
    )
    yield made
    await server.stop()


async def bitvm3(folder: Path, *arguments: str) -> int:
    return await asyncio.to_thread(run, ["--datadir", str(folder), *arguments])


CLAIM = {"id": VAULT, "graph": 1, "balance": None, "salt": None, "proof": None, "knowingly_false": False}
COMMANDS: list[tuple[list[str], str, dict[str, Any]]] = [
    (["info"], "node.info", {}),
    (["wait", "7"], "node.wait", {"height": 7}),
    (["stop"], "node.stop", {}),
    (["backup", "/new"], "node.backup", {"folder": "/new"}),
    (["policy"], "policy.show", {}),
    (["proof", "jobs"], "proof.jobs", {}),
    (["proof", "job", "7"], "proof.job", {"job": 7}),
    (["proof", "cancel", "7"], "proof.cancel", {"job": 7}),
    (["rpc", "setup.list"], "setup.list", {}),
    (["wallet", "address"], "wallet.address", {}),
    (["wallet", "balance"], "wallet.balance", {}),
    (["wallet", "coins"], "wallet.coins", {}),
    (["peer", "list"], "peer.list", {}),
    (["peer", "connect", "/ip4/x"], "peer.connect", {"address": "/ip4/x", "identity": None}),
    (
        ["peer", "connect", "/ip4/x", "--identity", VAULT.upper()],
        "peer.connect",
        {"address": "/ip4/x", "identity": VAULT},
    ),
    (["vault", "accept", VAULT], "vault.accept", {"id": VAULT}),
    (["vault", "accept", "abababab"], "vault.accept", {"id": "abababab"}),
    (["vault", "reject", VAULT, "--reason", "no"], "vault.reject", {"id": VAULT, "reason": "no"}),
    (["vault", "list"], "vault.list", {}),
    (["vault", "show", VAULT], "vault.show", {"id": VAULT}),
    (
        ["vault", "claim", VAULT, "1", "--balance", "500", "--salt", "00ff"],
        "vault.claim",
        {**CLAIM, "balance": 500, "salt": "00ff"},
    ),
    (["vault", "claim", VAULT, "1"], "vault.claim", CLAIM),
    (["vault", "claim", VAULT, "1", "--knowingly-false"], "vault.claim", {**CLAIM, "knowingly_false": True}),
    (["vault", "contest", VAULT, "2"], "vault.contest", {"id": VAULT, "graph": 2, "insist": False}),
    (["vault", "contest", VAULT, "2", "--insist"], "vault.contest", {"id": VAULT, "graph": 2, "insist": True}),
    (["vault", "repay", VAULT, "0"], "vault.repay", {"id": VAULT, "slot": 0}),
    (["vault", "release", VAULT, "1"], "vault.release", {"id": VAULT, "slot": 1}),
    (["vault", "deadman", VAULT, "2"], "vault.deadman", {"id": VAULT, "slot": 2}),
    (["vault", "refund", VAULT, "3"], "vault.refund", {"id": VAULT, "slot": 3}),
    (["ledger", "list"], "ledger.list", {}),
    (["ledger", "show", "abababab"], "ledger.show", {"ledger": "abababab"}),
    (
        ["ledger", "post", "abababab", '{"kind": "accrue", "height": 7}'],
        "ledger.post",
        {"ledger": "abababab", "events": [{"kind": "accrue", "height": 7}]},
    ),
    (
        ["ledger", "post", "abababab", '[{"kind": "accrue"}, {"kind": "mark_price"}]'],
        "ledger.post",
        {"ledger": "abababab", "events": [{"kind": "accrue"}, {"kind": "mark_price"}]},
    ),
    (["ledger", "accrue", VAULT], "ledger.post", {"ledger": VAULT, "events": [{"kind": "accrue"}]}),
    (["ledger", "price", VAULT], "ledger.post", {"ledger": VAULT, "events": [{"kind": "mark_price"}]}),
    (["ledger", "seal", VAULT], "ledger.seal", {"ledger": VAULT}),
    (["ledger", "discard", VAULT], "ledger.discard", {"ledger": VAULT}),
    (["ledger", "position", "abababab", VAULT.upper()], "ledger.position", {"ledger": "abababab", "vault": VAULT}),
    (["ledger", "entry", VAULT], "ledger.entry", {"ledger": VAULT, "seq": None}),
    (["ledger", "entry", VAULT, "5"], "ledger.entry", {"ledger": VAULT, "seq": 5}),
    (
        ["ledger", "claim", "abababab", VAULT, "1", "default", "--claimant", VAULT, "--template", VAULT],
        "ledger.claim",
        {"ledger": "abababab", "vault": VAULT, "slot": 1, "action": "default", "claimant": VAULT, "template": VAULT},
    ),
    (["loan", "list"], "loan.list", {}),
    (["loan", "show", "abababab"], "loan.show", {"id": "abababab"}),
    (["loan", "policy", VAULT], "loan.policy", {"id": VAULT}),
    (["loan", "tender", VAULT], "loan.tender", {"id": VAULT, "slot": None}),
    (["loan", "tender", VAULT, "3"], "loan.tender", {"id": VAULT, "slot": 3}),
    (["loan", "liquidate", VAULT, "0"], "loan.liquidate", {"id": VAULT, "slot": 0}),
    (["loan", "default", VAULT], "loan.default", {"id": VAULT, "slot": None}),
    (["loan", "repay", VAULT, "25000"], "loan.repay", {"id": VAULT, "cents": 25000}),
    (["loan", "chart", VAULT], "loan.chart", {"id": VAULT}),
    (["money", "show"], "money.show", {"ledger": None}),
    (["money", "show", "--ledger", VAULT], "money.show", {"ledger": VAULT}),
    (["money", "mint", VAULT.upper(), "5"], "money.mint", {"identity": VAULT, "cents": 5, "ledger": None}),
    (["attestor", "key"], "attestor.key", {"number": 0}),
    (["attestor", "key", "--number", "3"], "attestor.key", {"number": 3}),
    (["attestor", "show"], "attestor.show", {}),
    (["attestor", "approve", VAULT, "9"], "attestor.approve", {"ledger": VAULT, "seq": 9, "price": "checked"}),
    (
        ["attestor", "approve", VAULT, "9", "--price", "vouched"],
        "attestor.approve",
        {"ledger": VAULT, "seq": 9, "price": "vouched"},
    ),
    (["attestor", "price"], "attestor.price", {"cents": None}),
    (["attestor", "price", "--cents", "6512300"], "attestor.price", {"cents": 6512300}),
    (["vault", "bundle", VAULT, "--out", "/nowhere/v.bv3"], "vault.bundle", {"id": VAULT, "path": "/nowhere/v.bv3"}),
    (["rpc", "vault.show", f'{{"id": "{VAULT}"}}'], "vault.show", {"id": VAULT}),
    (["rpc", "vault.show", f'["{VAULT}"]'], "vault.show", {"id": VAULT}),
    (["rpc", "node.info"], "node.info", {}),
]


@pytest.mark.parametrize(("arguments", "method", "params"), COMMANDS, ids=[" ".join(c[0])[:30] for c in COMMANDS])
async def test_each_command_calls_its_method(
    daemon: Daemon, tmp_path: Path, arguments: list[str], method: str, params: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert await bitvm3(tmp_path, *arguments, "--json") == 0
    assert daemon.calls == [(method, params)]
    assert json.loads(capsys.readouterr().out) == {"ok": 1}


def test_every_method_of_the_table_has_a_command() -> None:
    with_files = {"vault.drill", "vault.propose", "vault.graph", "proof.prove", "ledger.genesis", "ledger.open"}
    assert {method for _, method, _ in COMMANDS} | with_files == set(TABLE)


@pytest.mark.parametrize(
    ("fault", "whose"),
    [
        (LocalFault(what="graph", expected="x", came="y", todo="Do z."), "local"),
        (PeerFault(what="graph", expected="x", came="y", todo="Do z."), "peer"),
        (Unavailable(what="graph", expected="x", came="y", todo="Do z."), "unavailable"),
    ],
)
async def test_a_fault_is_one_line_and_its_exit_status(
    daemon: Daemon, tmp_path: Path, fault: Exception, whose: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer = fault
    assert await bitvm3(tmp_path, "info") == EXIT_STATUS[whose]
    said = capsys.readouterr()
    assert said.out == "" and said.err == "bitvm3: graph: expected x, came y. Do z.\n"


async def test_statuses_of_different_faults_differ() -> None:
    assert len(set(EXIT_STATUS.values())) == len(EXIT_STATUS) and 0 not in EXIT_STATUS.values()


async def test_a_missing_daemon_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await bitvm3(tmp_path, "info") == EXIT_STATUS["unavailable"]
    assert f"Start it with `bitvm3d --config {tmp_path / 'bitvm3.toml'}`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["vault"],
        ["vault", "claim", VAULT, "x", "--balance", "1", "--salt", "00"],
        ["vault", "claim", VAULT, "1", "--balance", "-1", "--salt", "00"],
        ["vault", "claim", VAULT, "1", "--salt", "00"],
        ["vault", "claim", VAULT, "1", "--balance", "1"],
        ["vault", "claim", VAULT, "1", "--balance", "1", "--salt", "00", "--knowingly-false"],
        ["vault", "repay", VAULT, "-1"],
        ["vault", "graph", VAULT, "--svg", "x", "--dot"],
        ["loan", "tender", VAULT, "8"],
        ["rpc", "node.info", "{"],
        ["rpc", "node.info", "5"],
        ["init", "--network", "mainnet"],
    ],
)
async def test_a_wrong_command_line_is_refused_without_a_call(
    daemon: Daemon, tmp_path: Path, arguments: list[str]
) -> None:
    assert await bitvm3(tmp_path, *arguments) == EXIT_STATUS["caller"]
    assert daemon.calls == []


AMOUNTS: list[tuple[list[str], str]] = [
    (["loan", "repay", VAULT], "cents"),
    (["money", "mint", VAULT], "cents"),
    (["attestor", "price", "--cents"], "cents"),
    (["vault", "claim", VAULT, "1", "--salt", "00", "--balance"], "satoshis"),
]


@pytest.mark.parametrize(("command", "unit"), AMOUNTS, ids=[command[0] for command, _ in AMOUNTS])
@pytest.mark.parametrize("amount", ["250.00", "250.5", "1_000", "1e3", "+5", " 5", "0x10", "٣", "9" * 19, ""])
async def test_an_amount_is_whole_and_in_plain_digits_or_nothing_is_called(
    daemon: Daemon, tmp_path: Path, command: list[str], unit: str, amount: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """250.00 is 250 dollars to whoever types it, and would be 250 cents to a lenient parser."""
    assert await bitvm3(tmp_path, *command, amount) == EXIT_STATUS["caller"]
    assert f"expected {unit} in plain digits" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert daemon.calls == []
    assert await bitvm3(tmp_path, *command, "250") == 0


@pytest.mark.parametrize("wrong", ["abc", "AB" * 32, "zz" * 32, "ab" * 33])
async def test_a_wrong_id_is_the_callers_fault(daemon: Daemon, tmp_path: Path, wrong: str) -> None:
    assert await bitvm3(tmp_path, "vault", "show", wrong) == EXIT_STATUS["caller"]
    assert daemon.calls == []


@pytest.mark.parametrize("name", ["p.json", "p.toml"])
async def test_a_proposal_file_is_sent_as_an_object(daemon: Daemon, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text('{"slots": [1, 2]}' if name.endswith("json") else "slots = [1, 2]")
    assert await bitvm3(tmp_path, "vault", "propose", str(file)) == 0
    assert daemon.calls == [("vault.propose", {"proposal": {"slots": [1, 2]}})]


@pytest.mark.parametrize("right", [True, False])
async def test_a_drill_tells_by_its_exit_status(
    daemon: Daemon, tmp_path: Path, right: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer = [{"holds": "kept instances", "ok": True}, {"holds": "presignatures of Reveal", "ok": right}]
    assert await bitvm3(tmp_path, "vault", "drill", VAULT) == (0 if right else 1)
    assert daemon.calls == [("vault.drill", {"id": VAULT})]
    assert "presignatures of Reveal" in capsys.readouterr().out


async def test_a_ledger_is_for_the_graphs_that_name_nothing(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"graphs": [{"slot": 0}, {"ledger": "cc"}, {"commitment": "dd"}, 5]}')
    assert await bitvm3(tmp_path, "vault", "propose", str(file), "--ledger", "abababab") == 0
    graphs = [{"slot": 0, "ledger": "abababab"}, {"ledger": "cc"}, {"commitment": "dd"}, 5]
    assert daemon.calls == [("vault.propose", {"proposal": {"graphs": graphs}})]


@pytest.mark.parametrize("form", list(Format))
async def test_a_proof_in_any_format_travels_in_one(daemon: Daemon, tmp_path: Path, form: Format) -> None:
    file = tmp_path / "proof"
    file.write_bytes(Proof.parse(NOTHING, Curve.BN254, Format.EIP197).handle.encode(form.value))
    assert await bitvm3(tmp_path, "vault", "claim", VAULT, "1", "--proof", str(file)) == 0
    assert daemon.calls == [("vault.claim", {**CLAIM, "proof": NOTHING.hex()})]


async def test_a_proof_file_that_is_none(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, claim = tmp_path / "proof", ("vault", "claim", VAULT, "1", "--proof", str(tmp_path / "proof"))
    for content in (None, b"", b"{}", NOTHING[:-1], NOTHING * 10_000):
        if content is not None:
            file.write_bytes(content)
        assert await bitvm3(tmp_path, *claim) == EXIT_STATUS["local"]
        assert "proof file" in capsys.readouterr().err
    assert daemon.calls == []
    file.write_bytes(bytes(256))  # the daemon judges what has the size of a proof
    assert await bitvm3(tmp_path, *claim, "--knowingly-false") == 0
    assert daemon.calls == [("vault.claim", {**CLAIM, "proof": "00" * 256, "knowingly_false": True})]


async def test_a_claim_that_takes_long_is_asked_for_again(daemon: Daemon, tmp_path: Path) -> None:
    slow = Unavailable(what="vault.claim", expected="an answer", came="none")
    daemon.answers = [TimeoutError(), TimeoutError(), {"outcome": "applied"}]
    assert await bitvm3(tmp_path, "vault", "claim", VAULT, "1") == 0
    assert daemon.calls == [("vault.claim", CLAIM)] * 3
    daemon.answer = slow
    assert await bitvm3(tmp_path, "vault", "claim", VAULT, "1") == EXIT_STATUS["unavailable"]
    assert len(daemon.calls) == 4, "what is not there is no slow answer"


def setup_at(stage: str, owes: str = "", end: str = "") -> dict[str, Any]:
    rows = [
        {"party": p, "role": role, "stage": stage, "facts": 1, "of": 2, "owes": owes if p == 1 else ""}
        for p, role in enumerate(("borrower", "lender"))
    ]
    cost = {"seconds": 1.5, "received": 10, "sent": 20, "made": 3, "checked": 4}
    return {
        "vault": VAULT, "stage": stage, "end": end, "waits": "", "jobs": [{"kind": "sign", "indices": [], "done": 1, "total": 4}],
        "progress": [] if stage in ("live", "aborted") else rows, "setup": [{"stage": "keys", **cost}], "cost": cost,
    }  # fmt: skip


@pytest.mark.parametrize(("last", "status"), [(setup_at("live"), 0), (setup_at("aborted", end="party 1 lied"), 1)])
async def test_a_setup_is_watched_until_it_is_over(
    daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str], last: dict[str, Any], status: int
) -> None:
    keys, nonces = setup_at("keys", "keys/1"), setup_at("nonces")
    daemon.answers = [keys, keys, nonces, last]
    assert await bitvm3(tmp_path, "vault", "watch", VAULT) == status
    assert daemon.calls == [("vault.show", {"id": VAULT})] * 4
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "keys: waits for party 1 (lender) for keys/1",
        "nonces: waits for this node",
        f"{last['stage']} {last['end']}".rstrip(),
    ]
    assert "checked" in out
    assert "received" in out


async def test_a_proof_under_way_is_shown_on_a_line(tmp_path: Path) -> None:
    """By the daemon's own events; another job's, and other events, do not disturb it."""
    running = {"state": "running", "stage": "sums", "done": 0.25}
    bar = Progress()
    task = bar.add_task("proof of the claim", total=1.0, visible=False)
    methods = bind({name: Daemon().handler(name) for name in TABLE})
    server = await Server.start(
        host="127.0.0.1", port=0, folder=tmp_path, methods=methods, version="0", exposition=bytes, limits=PRODUCT
    )
    async with RpcClient.from_datadir(tmp_path) as client:
        watching = asyncio.create_task(watch(client, bar, task, "proof of the claim"))
        async with asyncio.timeout(20):
            while not server._subscribers:  # noqa: ASYNC110
                await asyncio.sleep(0)
            server.publish("block", {"height": 7})
            server.publish("proof", {**running, "state": "waiting", "done": 0.9})
            server.publish("proof", running)
            while not bar.tasks[0].visible:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await server.stop()
        async with asyncio.timeout(20):
            await watching  # the daemon went away: no line any more, and no error
    assert (bar.tasks[0].completed, bar.tasks[0].description) == (0.25, "proof of the claim: sums")


@pytest.mark.parametrize(
    "content", [None, "", "{", "[1]", "x" * ((1 << 20) + 1), "\ud800".encode("utf-8", "surrogatepass")]
)
async def test_a_bad_proposal_file_is_our_fault(daemon: Daemon, tmp_path: Path, content: str | bytes | None) -> None:
    file = tmp_path / "p.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert await bitvm3(tmp_path, "vault", "propose", str(file)) == EXIT_STATUS["local"]
    assert daemon.calls == []


async def test_a_witness_file_is_queued_as_an_object(
    daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "witness.json"
    submit = ("proof", "submit", "transition", "--witness", str(file))
    file.write_text('{"steps": []}')
    assert await bitvm3(tmp_path, *submit, "--purpose", "seq 7") == 0
    params = {"statement": "transition", "witness": {"steps": []}, "purpose": "seq 7"}
    assert daemon.calls == [("proof.prove", params)]
    for content in (b"", b"{", b"[1]", b"\xff", b" " * 524_289):
        file.write_bytes(content)
        assert await bitvm3(tmp_path, *submit) == 2
        assert "witness.json" in capsys.readouterr().err
    assert len(daemon.calls) == 1


async def test_a_graph_is_printed_or_written(
    daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer = {"picture": "drawing [bold] of it"}
    assert await bitvm3(tmp_path, "vault", "graph", VAULT) == 0
    assert capsys.readouterr().out == "drawing [bold] of it\n"
    assert await bitvm3(tmp_path, "vault", "graph", VAULT, "--dot") == 0
    assert await bitvm3(tmp_path, "vault", "graph", VAULT, "--svg", str(tmp_path / "g.svg")) == 0
    assert (tmp_path / "g.svg").read_text() == "drawing [bold] of it"
    assert [params["format"] for _, params in daemon.calls] == ["text", "dot", "svg"]


async def test_tables_show_every_value_whole(
    daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": VAULT, "value": 5, "note": "[red]not markup[/red]"}, {"id": "cd" * 32, "value": None, "more": True}]
    for answer in (rows, {"height": 7, "empty": [], "coins": rows, "nested": {"a": [1, {"b": 2}]}, "list": ["x", "y"]}):
        daemon.answer = answer
        assert await bitvm3(tmp_path, "vault", "list") == 0
        said = capsys.readouterr().out
        assert VAULT in said and "cd" * 32 in said and "[red]not markup[/red]" in said and "yes" in said
    assert "height" in said and 'nested\na  [1, {"b": 2}]' in said and "x, y" in said
    for answer, shown in (([], "none\n"), (["a", "b"], "a\nb\n"), ("text", "text\n"), (5, "5\n")):
        daemon.answer = answer
        assert await bitvm3(tmp_path, "vault", "list") == 0
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("mark", ["\x1b[2J", "\x9b31m", "\r", "\x07", "\u202e"])
@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_what_a_peer_wrote_does_not_move_the_terminal(
    daemon: Daemon, tmp_path: Path, mark: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    reason = f"a{mark}b"
    fault = PeerFault(what="peer", expected="an answer", came=f"a refusal: {reason}")
    for answer in (
        {"reason": reason},
        [{"reason": reason, reason: 1}],
        {"deep": {"reason": [reason]}},
        [reason],
        fault,
    ):
        daemon.answer = answer
        await bitvm3(tmp_path, *options, "vault", "list")
        said = capsys.readouterr()
        assert mark not in said.out + said.err and "\\" in said.out + said.err, answer


def test_init_makes_a_folder_that_the_daemon_reads_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "node"
    assert run(["--datadir", str(folder), "init", "--network", "signet"]) == 0
    config = load(folder / "bitvm3.toml")
    assert (config.network, config.datadir) == ("signet", folder)
    assert len(read_passphrase(config.passphrase_path)) == 64
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(["--datadir", str(folder), "init"]) == EXIT_STATUS["local"]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert read_passphrase(config.passphrase_path).hex() not in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--garbled"]])
def test_a_circuit_file_is_evaluated_without_a_daemon(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "and.txt"
    file.write_text("1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n")
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert run(["circuit", "run", str(file), "--input", str(a), "--input", str(b), *options]) == 0
        assert capsys.readouterr().out == f"{a & b}\n"


@pytest.mark.parametrize(
    ("text", "inputs", "named"),
    [
        (None, [], "readable file"),
        ("nonsense", [], "circuit run"),
        ("1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n", ["1"], "number of inputs"),
        ("1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n", ["1", "2"], "input 2"),
        ("1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n", ["1", "0x1"], "input 2"),
    ],
)
def test_a_wrong_circuit_or_input_is_named(
    tmp_path: Path, text: str | None, inputs: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.txt"
    if text is not None:
        file.write_text(text)
    arguments = [part for value in inputs for part in ("--input", value)]
    assert run(["circuit", "run", str(file), *arguments]) == EXIT_STATUS["local"]
    assert named in capsys.readouterr().err


def test_the_command_runs_as_a_process(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "node.cli", "--datadir", str(tmp_path), "info"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert said.returncode == EXIT_STATUS["unavailable"] and "bitvm3d" in said.stderr and said.stdout == ""
