"""The key folder: opened by its passphrase only, private, and burnt keys are gone for good."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from native import NativeError
from native._native.keys import SealingKey, Seed
from node.faults import LocalFault
from node.keys import Kdf, Keys, read_passphrase

QUICK = Kdf(memory_kib=64, iterations=1)
NAME = bytes(range(32))
PASSPHRASE = b"correct horse"


def opened(folder: Path, passphrase: bytes = PASSPHRASE) -> Keys:
    return Keys.open(folder, passphrase, kdf=QUICK)


def test_the_same_keys_come_back_and_another_folder_has_others(tmp_path: Path) -> None:
    one, again, other = opened(tmp_path / "a"), opened(tmp_path / "a"), opened(tmp_path / "b")
    assert one.identity.xonly() == again.identity.xonly() != other.identity.xonly()
    assert one.transport_seed() == again.transport_seed() != other.transport_seed()
    assert one.wallet_seed.reveal() == again.wallet_seed.reveal()
    first, second = one.vault_seed(NAME), one.vault_seed(bytes(32))
    assert first.reveal() == again.vault_seed(NAME).reveal() != second.reveal()
    with pytest.raises(ValueError, match="32 bytes"):
        one.vault_seed(b"short")


def test_costs_are_kept_in_the_folder(tmp_path: Path) -> None:
    one = opened(tmp_path)
    again = Keys.open(tmp_path, PASSPHRASE, kdf=Kdf(memory_kib=128, iterations=2))
    assert one.identity.xonly() == again.identity.xonly()


def test_a_wrong_passphrase_says_so(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(LocalFault, match="expected the passphrase it was made with, came another one") as caught:
        opened(tmp_path, b"correct horsf")
    assert "horse" not in str(caught.value) and "horsf" not in str(caught.value)
    with pytest.raises(LocalFault, match="Give a passphrase"):
        opened(tmp_path / "new", b"")


def test_every_changed_byte_of_the_key_file_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    path = tmp_path / "master.sealed"
    whole = path.read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(LocalFault):
            opened(tmp_path)
    for wrong in (b"", whole[:-1], whole + b"\0"):
        path.write_bytes(wrong)
        with pytest.raises(LocalFault, match="bytes beginning with BVM3KEY1"):
            opened(tmp_path)
    path.write_bytes(whole[:24] + b"\xff" * 8 + whole[32:])
    with pytest.raises(LocalFault, match="Argon2id costs"):
        opened(tmp_path)


def test_files_are_private_and_wider_permissions_are_refused(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys")
    keys.ephemeral(NAME)
    paths = [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]
    assert len(paths) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    for path in (tmp_path / "keys", tmp_path / "keys" / "master.sealed"):
        mode = path.stat().st_mode
        path.chmod(mode | 0o040)
        with pytest.raises(LocalFault, match="permissions"):
            opened(tmp_path / "keys")
        path.chmod(mode)


def test_an_ephemeral_seed_is_random_and_survives_a_restart(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    seed = keys.ephemeral(NAME).reveal()
    assert keys.ephemeral(NAME).reveal() == seed == opened(tmp_path).ephemeral(NAME).reveal()
    assert keys.ephemeral(b"other").reveal() != seed
    twin = tmp_path / "twin"
    (twin / "ephemeral").mkdir(parents=True, mode=0o700)
    twin.chmod(0o700)
    shutil.copy(tmp_path / "master.sealed", twin)
    assert opened(twin).ephemeral(NAME).reveal() != seed  # it does not follow from the master seed


def test_after_burn_nothing_opens_it_again(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys")
    seed = keys.ephemeral(NAME)
    secret = seed.reveal()
    sealed = (tmp_path / "keys" / "ephemeral" / f"{NAME.hex()}.sealed").read_bytes()
    keys.backup(tmp_path / "backup")  # a backup made while it was alive
    keys.burn(NAME)
    keys.burn(NAME)
    for held in (keys, opened(tmp_path / "keys")):
        with pytest.raises(LocalFault, match="it was destroyed"):
            held.ephemeral(NAME)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(sealed in path.read_bytes() or secret in path.read_bytes() for path in files)
    assert {path.name for path in files} == {"master.sealed", f"{NAME.hex()}.burnt"}
    restored = opened(tmp_path / "backup")
    assert restored.identity.xonly() == keys.identity.xonly()
    assert restored.ephemeral(NAME).reveal() != secret


def test_a_burn_cut_short_is_finished_at_the_next_opening(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.ephemeral(NAME)
    sealed = tmp_path / "ephemeral" / f"{NAME.hex()}.sealed"
    whole = sealed.read_bytes()
    keys.burn(NAME)
    sealed.write_bytes(whole)  # as a crash after the first step leaves it
    opened(tmp_path)
    assert not sealed.exists()


def test_overwriting_happens_before_unlinking(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.ephemeral(NAME)
    sealed = tmp_path / "ephemeral" / f"{NAME.hex()}.sealed"
    whole = sealed.read_bytes()
    os.link(sealed, tmp_path / "second name")  # shows what became of the file's content
    keys.burn(NAME)
    left = (tmp_path / "second name").read_bytes()
    assert len(left) == len(whole) and left != whole


def test_an_exchanged_ephemeral_file_is_refused(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.ephemeral(NAME)
    keys.ephemeral(b"other")
    folder = tmp_path / "ephemeral"
    shutil.copy(folder / f"{b'other'.hex()}.sealed", folder / f"{NAME.hex()}.sealed")
    with pytest.raises(LocalFault, match="damaged or exchanged"):
        keys.ephemeral(NAME)


def test_a_backup_holds_the_master_seed_alone_and_never_overwrites(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys")
    keys.ephemeral(NAME)
    keys.backup(tmp_path / "backup")
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["master.sealed"]
    with pytest.raises(LocalFault, match="it exists"):
        keys.backup(tmp_path / "backup")


def test_handles_show_and_pickle_nothing(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    secret = keys.transport_seed()
    for handle in (keys.identity, keys.wallet_seed, keys.vault_seed(NAME), keys.ephemeral(NAME)):
        assert secret.hex() not in repr(handle)
        with pytest.raises((TypeError, NativeError, pickle.PicklingError)):
            pickle.dumps(handle)


@pytest.mark.parametrize(("content", "expected"), [(b"abc\n", b"abc"), (b"abc\r\n", b"abc"), (b" a b ", b" a b ")])
def test_a_passphrase_file_is_read_without_its_line_end(tmp_path: Path, content: bytes, expected: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    path.chmod(0o600)
    assert read_passphrase(path) == expected


@pytest.mark.parametrize(
    ("content", "mode", "named"),
    [(b"\n", 0o600, "empty"), (b"x" * 1025, 0o600, "longer"), (b"abc", 0o640, "permissions"), (None, 0, "bitvm3 init")],
)
def test_a_bad_passphrase_file_is_refused(tmp_path: Path, content: bytes | None, mode: int, named: str) -> None:
    path = tmp_path / "passphrase"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(LocalFault, match=named):
        read_passphrase(path)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_hardening_forbids_core_dumps() -> None:
    script = (
        "import resource, ctypes; from node.keys import harden; harden()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["(0,", "0)", "0"]


def test_the_sealing_key_needs_the_salt(tmp_path: Path) -> None:
    """The native handle itself: another salt or context does not open."""
    key = SealingKey(PASSPHRASE, bytes(16), memory_kib=64, iterations=1)
    sealed = Seed.generate().seal(key, b"context")
    Seed.unseal(sealed, SealingKey(PASSPHRASE, bytes(16), memory_kib=64, iterations=1), b"context")
    for wrong, context in ((bytes(15) + b"\1", b"context"), (bytes(16), b"contexT")):
        with pytest.raises(NativeError):
            Seed.unseal(sealed, SealingKey(PASSPHRASE, wrong, memory_kib=64, iterations=1), context)
