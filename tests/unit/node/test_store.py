"""The store: one synced batch or nothing, one network, one process, and a copy while running."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.faults import LocalFault
from node.limits import Limits
from node.store import COLUMNS, Store

GENESIS = bytes(range(32))


def opened(path: Path) -> Store:
    return Store.open(path, network="regtest", genesis=GENESIS)


def test_a_commit_is_read_back_after_reopening(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.commit([(column, b"k", column.encode()) for column in COLUMNS])
    store.close()
    store = opened(tmp_path / "db")
    assert [store.get(column, b"k") for column in COLUMNS] == [column.encode() for column in COLUMNS]
    store.close()


def test_none_deletes_and_later_entries_of_a_batch_win(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.commit([("vaults", b"a", b"1"), ("vaults", b"b", b"2"), ("vaults", b"b", b"3")])
    store.commit([("vaults", b"a", None)])
    assert store.get("vaults", b"a") is None
    assert list(store.items("vaults")) == [(b"b", b"3")]


def test_items_keep_to_the_prefix_in_key_order_and_to_the_moment_of_the_call(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.commit([("outbox", key, b"") for key in (b"v1/2", b"v1/1", b"v2/1", b"v0/9", b"v1\xff\xff")])
    items = store.items("outbox", b"v1")
    store.commit([("outbox", b"v1/0", b"")])
    assert [key for key, _ in items] == [b"v1/1", b"v1/2", b"v1\xff\xff"]
    assert len(list(store.items("outbox"))) == 6


def test_an_unknown_column_is_a_key_error_and_writes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    with pytest.raises(KeyError):
        store.commit([("vaults", b"a", b"1"), ("nonsense", b"a", b"1")])
    assert store.get("vaults", b"a") is None


def test_a_batch_over_the_limit_is_refused_whole_and_one_at_the_limit_is_written(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "db", network="regtest", genesis=GENESIS, limits=Limits(store_batch_bytes=1000))
    store.commit([("vaults", b"a", bytes(900))])
    with pytest.raises(LocalFault, match="at most 1000 bytes"):
        store.commit([("vaults", b"b", b""), ("vaults", b"c", bytes(1000))])
    assert [key for key, _ in store.items("vaults")] == [b"a"]


@pytest.mark.parametrize(
    ("network", "genesis", "named"),
    [
        ("signet", GENESIS, ("regtest", "signet")),
        ("regtest", bytes(32), (GENESIS.hex(), bytes(32).hex())),
    ],
)
def test_a_folder_of_another_chain_is_refused_naming_both(
    tmp_path: Path, network: str, genesis: bytes, named: tuple[str, str]
) -> None:
    opened(tmp_path / "db").close()
    with pytest.raises(LocalFault) as caught:
        Store.open(tmp_path / "db", network=network, genesis=genesis)
    assert all(name in str(caught.value) for name in named)
    opened(tmp_path / "db").close()  # the refusal released the lock and changed nothing


def test_another_schema_version_is_refused_naming_both(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.commit([("meta", b"schema version", (7).to_bytes(4, "big"))])
    store.close()
    with pytest.raises(LocalFault, match="expected 1, came 7"):
        opened(tmp_path / "db")


def test_a_second_opening_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    with pytest.raises(LocalFault, match=r"another daemon has it open.*Stop the other daemon"):
        opened(tmp_path / "db")
    script = (
        "import sys; from pathlib import Path; from node.store import Store; from node.faults import LocalFault\n"
        "try: Store.open(Path(sys.argv[1]), network='regtest', genesis=bytes(range(32)))\n"
        "except LocalFault as fault: print(fault)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "db")], capture_output=True, text=True, check=True, timeout=60
    )
    assert "another daemon has it open" in said.stdout
    store.commit([("vaults", b"a", b"1")])
    store.close()


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.close()
    (tmp_path / "db" / "CURRENT").write_bytes(b"MANIFEST-999999\n")
    with pytest.raises(LocalFault, match="undamaged"):
        opened(tmp_path / "db")


def test_a_flipped_byte_inside_the_log_is_refused_not_forgotten(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    for i in range(200):
        store.commit([("vaults", b"%03d" % i, bytes([i]) * 2000)])
    shutil.copytree(tmp_path / "db", tmp_path / "crashed")  # as a crash leaves it: everything still in the log
    store.close()
    [log] = [path for path in (tmp_path / "crashed").glob("*.log") if path.stat().st_size > 100_000]
    whole = log.read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 1
    log.write_bytes(damaged)
    with pytest.raises(LocalFault, match="undamaged"):
        opened(tmp_path / "crashed")
    log.write_bytes(whole)
    assert len(list(opened(tmp_path / "crashed").items("vaults"))) == 200


def test_a_torn_last_record_loses_only_itself(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    for i in range(20):
        store.commit([("vaults", b"%03d" % i, bytes([i]) * 2000)])
    shutil.copytree(tmp_path / "db", tmp_path / "crashed")
    [log] = [path for path in (tmp_path / "crashed").glob("*.log") if path.stat().st_size > 10_000]
    log.write_bytes(log.read_bytes()[:-500])
    assert len(list(opened(tmp_path / "crashed").items("vaults"))) == 19


def test_a_checkpoint_is_a_whole_store_of_that_moment(tmp_path: Path) -> None:
    store = opened(tmp_path / "db")
    store.commit([("presigned", b"v", b"before")])
    store.checkpoint(tmp_path / "copies" / "one")
    store.commit([("presigned", b"v", b"after")])
    with pytest.raises(LocalFault, match="it exists"):
        store.checkpoint(tmp_path / "copies" / "one")
    copy = opened(tmp_path / "copies" / "one")
    assert copy.get("presigned", b"v") == b"before"
    assert store.get("presigned", b"v") == b"after"


WRITER = """
import resource, signal, sys
from pathlib import Path
from node.faults import LocalFault
from node.store import Store
store = Store.open(Path(sys.argv[1]), network="regtest", genesis=bytes(range(32)))
mode = sys.argv[2]
if mode == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
for step in range(100_000):
    try:
        store.commit([(c, step.to_bytes(4, "big"), bytes([step % 256]) * 3000) for c in ("vaults", "outbox", "blobs")])
    except LocalFault as fault:
        print("fault", fault, flush=True)
        try:
            store.commit([("vaults", b"later", b"")])
        except LocalFault:
            print("stopped", flush=True)
        store.close()  # says nothing more: what stopped it is what the operator has to read
        print("closed", flush=True)
        break
    print(step, flush=True)
"""


def acknowledged_steps(store: Store) -> list[int]:
    """Every step found, checking that each is there in all columns or in none."""
    found = {c: dict(store.items(c)) for c in ("vaults", "outbox", "blobs")}
    assert found["vaults"] == found["outbox"] == found["blobs"]
    assert all(v == bytes([int.from_bytes(k, "big") % 256]) * 3000 for k, v in found["vaults"].items())
    return [int.from_bytes(key, "big") for key in found["vaults"]]


def test_a_full_disk_stops_the_store_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "db"), "full"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = said.stdout.splitlines()
    assert said.returncode == 0 and lines[-2:] == ["stopped", "closed"] and "expected a durable write" in lines[-3], (
        said
    )
    written = [int(line) for line in lines[:-3]]
    assert written, "the disk was full before anything was written"
    store = opened(tmp_path / "db")
    assert acknowledged_steps(store) == written


def test_kill_9_loses_no_commit_that_returned(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "db"), "kill"], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    seen = [int(child.stdout.readline()) for _ in range(50)]
    os.kill(child.pid, signal.SIGKILL)
    seen += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()
    store = opened(tmp_path / "db")
    steps = acknowledged_steps(store)
    assert steps[: len(seen)] == seen and len(steps) <= len(seen) + 1
