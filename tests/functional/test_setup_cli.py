"""`bitvm3 setup` and `bitvm3 proof` as a person uses them: a key made, exported, imported, refused; proofs without a daemon and
in the queue of a running one, which goes on after everything that fails. With snarkjs: a whole ceremony.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli import run
from node.demo.processes import ChainProcess, DaemonProcess
from node.demo.stage import MINER
from tests.functional.chain_fixture import ROOT
from tests.functional.snarkjs.snarkjs import find_snarkjs
from tests.proving_kit import ONE, keys, true_witness

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Said:
    """One command's end."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Commands on one data folder."""

    folder: Path

    def __call__(self, *arguments: object, limit: int = 0) -> Said:
        script = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); \
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n" if limit else ""  # fmt: skip
        script += "import sys; from node.cli import main; main()"
        said = subprocess.run(
            [sys.executable, "-c", script, "--datadir", str(self.folder), *map(str, arguments)],
            capture_output=True, text=True, check=False, timeout=300, cwd=ROOT,
        )  # fmt: skip
        assert "Traceback" not in said.stderr, said.stderr
        return Said(said.returncode, said.stdout, said.stderr)


def shell(folder: Path, network: str = "regtest") -> Shell:
    made = Shell(folder)
    assert made("init", "--network", network).status == 0
    return made


def test_a_key_from_its_setup_to_a_verified_proof(tmp_path: Path) -> None:
    bitvm3 = shell(tmp_path / "node")
    assert bitvm3("setup", "list").out.strip() == "none"
    missing = bitvm3("setup", "verifying-key", "transition-1")
    assert missing.status == 1 and "`bitvm3 setup run transition-1`" in missing.err

    full = bitvm3("setup", "run", "transition-1", limit=100_000)
    assert full.status == 1 and "free space" in full.err
    assert bitvm3("setup", "list").out.strip() == "none"

    made = bitvm3("setup", "run", "transition-1", "--json")
    assert "can forge every proof" in made.err
    assert made.value["origin"] == "single-party, regtest"
    (row,) = bitvm3("setup", "list", "--json").value
    assert row["key"] == made.value["key"] and row["statement"] == "transition-1"
    assert bitvm3("setup", "run", "transition-1").status == 1
    assert bitvm3("setup", "run", "withdraw").status == 1

    circuit, key, proof, public = (tmp_path / name for name in ("one.r1cs", "key.json", "proof.json", "public.json"))
    exported = bitvm3("setup", "export", "transition-1", "--r1cs", circuit, "--json").value
    assert exported["circuit"] == made.value["circuit"]
    assert bitvm3("setup", "verifying-key", "transition-1", "--out", key, "--json").value["key"] == row["key"]
    assert json.loads(bitvm3("setup", "verifying-key", "transition-1").out) == json.loads(key.read_text())
    arkworks = bitvm3("setup", "verifying-key", "transition-1", "--format", "arkworks").out.strip()

    of_circuit = bitvm3("proof", "inspect", circuit, "--json").value
    assert (of_circuit["kind"], of_circuit["circuit"]) == ("circuit", exported["circuit"])
    assert of_circuit["constraints"] == exported["constraints"] and of_circuit["inputs"] == 1
    of_key = bitvm3("proof", "inspect", made.value["file"], "--json")
    assert of_key.value["kind"] == "proving key" and of_key.value["key"] == row["key"]
    assert "single party" in of_key.err and of_key.value["wires"] == exported["wires"]
    (tmp_path / "key.bin").write_bytes(bytes.fromhex(arkworks))
    assert bitvm3("proof", "inspect", tmp_path / "key.bin", "--json").value["key"] == row["key"]

    witness = tmp_path / "witness.json"
    witness.write_bytes(true_witness(ONE))
    prove = ("proof", "prove", "--statement", "transition-1", "--witness", witness)
    said = bitvm3(*prove, "--out", proof, "--public", public, "--json").value
    assert [str(int(number)) for number in said["inputs"]] == json.loads(public.read_text())
    verify = ("proof", "verify", "--key", key, "--proof", proof, "--public", public)
    assert bitvm3(*verify).status == 0
    public.write_text(json.dumps([str(int(said["inputs"][0]) ^ 1)]))
    assert bitvm3(*verify).status == 1
    public.write_text("[1]")
    assert bitvm3(*verify).status == 2
    again = bitvm3(*prove, "--out", proof)
    assert again.status == 1 and "new file" in again.err

    values = tmp_path / "witness.wtns"  # the same by the files of circom and snarkjs
    ONE.assign(true_witness(ONE))[0].write(str(values))
    assert bitvm3("proof", "inspect", values, "--json").value["kind"] == "assignment"
    foreign = ("proof", "prove", "--zkey", made.value["file"], "--r1cs", circuit, "--wtns", values)
    public = tmp_path / "again.json"
    other = bitvm3(*foreign, "--out", tmp_path / "other.json", "--public", public, "--json").value
    assert (other["key"], other["inputs"]) == (row["key"], said["inputs"])
    assert bitvm3("proof", "verify", "--key", key, "--proof", tmp_path / "other.json", "--public", public).status == 0
    raw = bytearray(values.read_bytes())
    raw[-32] ^= 1  # the lowest byte of the last wire
    values.write_bytes(raw)
    unsatisfied = bitvm3(*foreign, "--out", tmp_path / "no.json")
    assert unsatisfied.status == 1 and "constraint" in unsatisfied.err
    values.write_bytes(raw[:-1])
    assert bitvm3(*foreign, "--out", tmp_path / "no.json").status == 2

    broken = json.loads(witness.read_bytes())
    broken["steps"][0]["event"]["price"] = 0
    witness.write_text(json.dumps(broken))
    wrong = bitvm3(*prove, "--out", tmp_path / "no.json")
    assert wrong.status == 1 and "mark_price.price" in wrong.err and not (tmp_path / "no.json").exists()
    assert bitvm3("proof", "prove", "--statement", "outcome", "--out", tmp_path / "no.json").status == 2

    zkey = Path(made.value["file"])
    whole = zkey.read_bytes()
    zkey.chmod(0o600)
    zkey.write_bytes(whole[:-1])
    witness.write_bytes(true_witness(ONE))
    cut = bitvm3(*prove, "--out", tmp_path / "no.json")
    assert cut.status == 1 and "bitvm3 setup import transition-1" in cut.err
    assert bitvm3("proof", "inspect", zkey).status == 2


def test_other_networks_refuse_a_single_party(tmp_path: Path) -> None:
    for network in ("signet", "testnet", "testnet4"):
        bitvm3 = shell(tmp_path / network, network)
        said = bitvm3("setup", "run", "transition-1")
        assert said.status == 1 and "forge" in said.err and "bitvm3 setup export" in said.err
        assert bitvm3("setup", "list").out.strip() == "none"
    folder, (line,) = keys(tmp_path / "keys", ONE)
    said = bitvm3("setup", "import", "transition-1", "--zkey", folder.zkey(line))
    assert said.status == 1 and "single party" in said.err
    assert bitvm3("setup", "list").out.strip() == "none"


def test_files_that_are_none_are_malformed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def bitvm3(*arguments: object) -> Said:
        status = run(["--datadir", str(tmp_path), *map(str, arguments)])
        return Said(status, *capsys.readouterr())

    for magic in (b"zkey", b"r1cs", b"wtns"):
        file = tmp_path / magic.decode()
        for rest in (b"", b"\1\0\0\0", b"\1\0\0\0\xff\xff\xff\xff", b"\2\0\0\0\1\0\0\0" + b"\xff" * 12, bytes(1000)):
            file.write_bytes(magic + rest)
            said = bitvm3("proof", "inspect", file)
            assert said.status == 2 and str(file) in said.err
    assert bitvm3("proof", "inspect", tmp_path / "nothing").status == 2
    no_folder = bitvm3("setup", "list")
    assert no_folder.status == 1 and "`bitvm3 init` writes one" in no_folder.err


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    chain = ChainProcess("sandbox", tmp_path / "chain")
    await chain.start()
    await chain.call("generatetoaddress", 5, MINER)
    made = DaemonProcess("node", tmp_path / "node", chain)
    made.write_config()
    await made.start()
    yield made
    await made.stop()
    await chain.stop()


async def test_a_running_daemon_takes_new_keys_and_survives_bad_ones(daemon: DaemonProcess, tmp_path: Path) -> None:
    async def bitvm3(*arguments: object) -> Said:
        return await asyncio.to_thread(Shell(daemon.folder), *arguments)

    async def end_of(job: int) -> dict[str, Any]:
        async with asyncio.timeout(120):
            while (said := await daemon.call("proof.job", job=job))["state"] in ("waiting", "running"):
                await daemon.call("node.info")  # it answers while it proves
                await asyncio.sleep(0.05)
        return dict(said)

    witness = tmp_path / "witness.json"
    witness.write_bytes(true_witness(ONE))
    submit = ("proof", "submit", "transition-1", "--witness", witness, "--json")
    early = await bitvm3(*submit)
    assert early.status == 1 and "bitvm3 setup run transition-1" in early.err

    folder, (line,) = keys(tmp_path / "theirs", ONE)
    taken = (await bitvm3("setup", "import", "transition-1", "--zkey", folder.zkey(line), "--json")).value
    assert taken["key"] == line.key.hex()
    assert [row["key"] for row in await daemon.call("setup.list")] == [line.key.hex()]

    job = (await bitvm3(*submit)).value["job"]
    done = await end_of(job)
    assert (done["state"], done["key"]) == ("done", line.key.hex()) and done["proof"] and done["x"]
    assert [row["job"] for row in (await bitvm3("proof", "jobs", "--json")).value] == [job]

    said = json.loads(witness.read_bytes())
    many = [(await daemon.call("proof.prove", statement="transition-1", witness=said))["job"] for _ in range(4)]
    await daemon.call("proof.cancel", job=many[-1])  # it waits behind three
    assert (await end_of(many[-1]))["state"] == "cancelled"
    assert (await bitvm3("proof", "cancel", many[0])).status == 0
    assert (await bitvm3("proof", "cancel", 99)).status == 1
    ended = [await end_of(number) for number in many[1:3]]
    assert [one["state"] for one in ended] == ["done", "done"], ended

    # the description goes bad, then the file of another daemon's key appears in its place
    sidecar = daemon.folder / "proving" / f"{line.stem}.json"
    right = sidecar.read_bytes()
    sidecar.write_bytes(right[:-20])
    (row,) = await daemon.call("setup.list")
    assert "fault" in row
    assert (await bitvm3(*submit)).status == 1
    sidecar.write_bytes(right)
    await daemon.stop()
    zkey = daemon.folder / "proving" / f"{line.stem}.zkey"
    good = zkey.read_bytes()
    zkey.chmod(0o600)
    zkey.write_bytes(good[: len(good) // 2])
    await daemon.start()
    failed = await end_of((await bitvm3(*submit)).value["job"])
    assert failed["state"] == "failed" and "bitvm3 setup import transition-1" in failed["fault"]
    zkey.write_bytes(good)
    again = await end_of((await bitvm3(*submit)).value["job"])
    assert again["state"] == "done", again["fault"]


def snarkjs(folder: Path, *arguments: object) -> str:
    said = find_snarkjs()(folder, *arguments, seconds=2000)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def proved_by(bitvm3: Shell, folder: Path, zkey: Path) -> None:
    """The imported key proves; snarkjs verifies that under our verifying key, and we under snarkjs'."""
    (folder / "witness.json").write_bytes(true_witness(ONE))
    prove = ("proof", "prove", "--statement", "transition-1", "--witness", folder / "witness.json")
    assert bitvm3(*prove, "--out", folder / "proof.json", "--public", folder / "public.json").status == 0
    assert bitvm3("setup", "verifying-key", "transition-1", "--out", folder / "key.json").status == 0
    assert "OK!" in snarkjs(folder, "groth16", "verify", "key.json", "public.json", "proof.json")
    snarkjs(folder, "zkey", "export", "verificationkey", zkey, "theirs.json")
    verify = ("proof", "verify", "--proof", folder / "proof.json", "--public", folder / "public.json")
    assert bitvm3(*verify, "--key", folder / "theirs.json").status == 0


def test_a_contribution_of_snarkjs_makes_another_key(tmp_path: Path) -> None:
    bitvm3 = shell(tmp_path / "node", "signet")
    folder, (line,) = keys(tmp_path / "keys", ONE)
    assert bitvm3("setup", "import", "transition-1", "--zkey", folder.zkey(line)).status == 1
    snarkjs(tmp_path, "zkey", "contribute", folder.zkey(line), "1.zkey", "--name=one", "-e=chance")
    said = bitvm3("setup", "import", "transition-1", "--zkey", tmp_path / "1.zkey", "--json")
    assert said.value["origin"] == "ceremony" and said.value["key"] != line.key.hex()
    proved_by(bitvm3, tmp_path, tmp_path / "1.zkey")


@pytest.mark.skipif("BITVM3_CEREMONY" not in os.environ, reason="takes long: BITVM3_CEREMONY=1 runs it")
@pytest.mark.timeout(7200)
def test_a_ceremony_with_snarkjs(tmp_path: Path) -> None:
    """docs/ceremony.md, step by step, on signet. JavaScript takes half an hour for the powers of tau."""
    bitvm3 = shell(tmp_path / "node", "signet")
    exported = bitvm3("setup", "export", "transition-1", "--r1cs", tmp_path / "c.r1cs", "--json").value
    power = (exported["constraints"] + 2).bit_length()
    snarkjs(tmp_path, "powersoftau", "new", "bn128", power, "p0.ptau")
    snarkjs(tmp_path, "powersoftau", "contribute", "p0.ptau", "p1.ptau", "--name=one", "-e=chance")
    snarkjs(tmp_path, "powersoftau", "prepare", "phase2", "p1.ptau", "p.ptau")
    snarkjs(tmp_path, "groth16", "setup", "c.r1cs", "p.ptau", "0.zkey")
    early = bitvm3("setup", "import", "transition-1", "--zkey", tmp_path / "0.zkey")
    assert early.status == 1 and ("single party" in early.err or "gamma is delta" in early.err)
    snarkjs(tmp_path, "zkey", "contribute", "0.zkey", "1.zkey", "--name=one", "-e=more chance")
    snarkjs(tmp_path, "zkey", "beacon", "1.zkey", "2.zkey", "0102030405060708090a0b0c0d0e0f", "10", "--name=block")
    assert "ZKey Ok!" in snarkjs(tmp_path, "zkey", "verify", "c.r1cs", "p.ptau", "2.zkey")

    said = bitvm3("setup", "import", "transition-1", "--zkey", tmp_path / "2.zkey", "--json")
    assert said.value["origin"] == "ceremony" and "zkey verify" in said.err
    proved_by(bitvm3, tmp_path, tmp_path / "2.zkey")
