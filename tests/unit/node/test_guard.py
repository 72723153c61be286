"""The guard: claimed means durable, and once means once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.faults import LocalFault
from node.guard import DOMAINS, Guard, GuardViolation, pair
from node.store import Store

ONE, TWO = bytes([1]) * 32, bytes([2]) * 32


@pytest.mark.parametrize("domain", list(DOMAINS))
def test_the_same_digest_is_a_replay_and_another_is_a_violation_naming_both(tmp_path: Path, domain: str) -> None:
    guard = Guard(tmp_path / "guard")
    guard.claim(domain, b"key", ONE)
    guard.claim(domain, b"key", ONE)
    with pytest.raises(GuardViolation) as caught:
        guard.claim(domain, b"key", TWO)
    assert all(part in str(caught.value) for part in (domain, ONE.hex(), TWO.hex(), b"key".hex()))
    assert guard.held(domain, b"key") == ONE
    guard.close()
    guard = Guard(tmp_path / "guard")
    with pytest.raises(GuardViolation):
        guard.claim(domain, b"key", TWO)
    guard.claim(domain, b"key", ONE)


def test_domains_and_keys_are_separate(tmp_path: Path) -> None:
    guard = Guard(tmp_path / "guard")
    guard.claim("nonce", b"key", ONE)
    guard.claim("assert", b"key", TWO)
    guard.claim("nonce", b"key2", TWO)
    assert guard.held("nonce", b"key") == ONE and guard.held("kept-set", b"key") is None


@pytest.mark.parametrize(("key", "digest"), [(b"", ONE), (b"key", ONE[:31]), (b"key", b"")])
def test_a_claim_without_key_or_digest_is_refused(tmp_path: Path, key: bytes, digest: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Guard(tmp_path / "guard").claim("nonce", key, digest)


def test_kill_9_right_after_claim_returns_keeps_every_claim(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from node.guard import Guard\n"
        "guard = Guard(Path(sys.argv[1])); start = int(sys.argv[2])\n"
        "for i in range(start, start + 5): guard.claim('assert', b'%d' % i, bytes([i]) * 32)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for start in (0, 5, 10):
        ended = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "guard"), str(start)], check=False, timeout=60
        )
        assert ended.returncode == -signal.SIGKILL
    guard = Guard(tmp_path / "guard")
    for i in range(15):
        with pytest.raises(GuardViolation):
            guard.claim("assert", b"%d" % i, bytes(31) + b"\xff")


def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    guard = Guard(tmp_path / "guard")
    with pytest.raises(LocalFault, match="another daemon"):
        Guard(tmp_path / "guard")
    guard.close()
    Guard(tmp_path / "guard").close()


def test_a_full_disk_is_a_fault_and_not_a_claim(tmp_path: Path) -> None:
    script = (
        "import os, resource, signal, sys; from pathlib import Path; from node.guard import Guard\n"
        "from node.faults import LocalFault\n"
        "guard = Guard(Path(sys.argv[1])); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "for i in range(10000):\n"
        "    try: guard.claim('nonce', b'%d' % i, bytes(32))\n"
        "    except LocalFault: break\n"
        "    print(i, flush=True)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "guard")], capture_output=True, text=True, check=False, timeout=60
    )
    claimed = [int(line) for line in said.stdout.split()]
    assert 0 < len(claimed) < 10000
    guard = Guard(tmp_path / "guard")
    assert [guard.held("nonce", b"%d" % i) for i in claimed] == [bytes(32)] * len(claimed)
    assert guard.held("nonce", b"%d" % len(claimed)) is None


def test_a_store_is_paired_with_its_guard_and_a_restored_one_is_noticed(tmp_path: Path) -> None:
    genesis = bytes(32)
    store, guard = Store.open(tmp_path / "db", network="regtest", genesis=genesis), Guard(tmp_path / "guard")
    pair(store, guard)
    store.commit([("vaults", b"v", b"state")])
    pair(store, guard)
    store.checkpoint(tmp_path / "backup")
    restored = Store.open(tmp_path / "backup", network="regtest", genesis=genesis)
    with pytest.raises(LocalFault, match="put the original guard folder back"):
        pair(restored, Guard(tmp_path / "new guard"))
    pair(restored, guard)


def test_the_guard_is_not_in_a_backup(tmp_path: Path) -> None:
    store, guard = Store.open(tmp_path / "db", network="regtest", genesis=bytes(32)), Guard(tmp_path / "guard")
    marker = b"a claimed key nobody else writes"
    guard.claim("nonce", marker, ONE)
    store.checkpoint(tmp_path / "backup")
    assert not any(marker in path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
    assert any(marker in path.read_bytes() for path in (tmp_path / "guard").rglob("*") if path.is_file())
    assert os.stat(tmp_path / "guard").st_mode & 0o077 == 0
