"""Setups: a key is taken whole and checked, or the folder is as it was: cancelled, disk full, foreign file, second setup."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from native._native.proving import Circuit, Progress
from node.faults import LocalFault, Unavailable
from node.proving import KeyFolder
from node.proving.setup import export, import_key, single_party
from tests.proving_kit import ONE, TWO, keys


def names(folder: KeyFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()} - {"lock"}


def test_a_second_key_of_a_circuit_is_never_taken(tmp_path: Path) -> None:
    folder, (line,) = keys(tmp_path, ONE)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for again in (
        lambda: single_party(folder, ONE, Progress()),
        lambda: import_key(folder, ONE, folder.zkey(line), Progress()),
    ):
        with pytest.raises(LocalFault, match="no key of transition-1 yet"):
            again()
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"} == before


def test_two_setups_at_once_are_one_too_many(tmp_path: Path) -> None:
    folder, _ = keys(tmp_path)
    with folder.changing(), pytest.raises(LocalFault, match="no other setup"):
        single_party(folder, ONE, Progress())


def test_what_a_killed_setup_left_is_swept_and_a_file_without_description_is_no_key(tmp_path: Path) -> None:
    source, (line,) = keys(tmp_path / "a", ONE)
    folder, _ = keys(tmp_path / "b")
    (folder.path / "transition-1-0011223344556677.part").write_bytes(b"half")
    (folder.path / f"{line.stem}.zkey").write_bytes(b"orphan")
    assert folder.keys() == ()
    assert import_key(folder, ONE, source.zkey(line), Progress()) == line
    assert names(folder) == {f"{line.stem}.zkey", f"{line.stem}.json"}
    folder.load(line)


def test_another_partys_key_is_imported_on_regtest_as_what_it_is(tmp_path: Path) -> None:
    source, (line,) = keys(tmp_path / "a", ONE)
    folder, _ = keys(tmp_path / "b")
    assert import_key(folder, ONE, source.zkey(line), Progress()) == line
    assert line.origin == "single-party, regtest"


def test_a_foreign_file_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    source, (one,) = keys(tmp_path / "a", ONE)
    folder, _ = keys(tmp_path / "b")
    right = source.zkey(one).read_bytes()
    half = len(right) // 2
    wrong = {
        "empty": b"",
        "text": b"-----BEGIN KEY-----",
        "truncated": right[:-1],
        "half": right[:half],
        "flipped": right[:half] + bytes([right[half] ^ 1]) + right[half + 1 :],
        "more": right + b"\0",
    }
    for name, raw in wrong.items():
        file = tmp_path / name
        file.write_bytes(raw)
        with pytest.raises(LocalFault, match="key of transition-1"):
            import_key(folder, ONE, file, Progress())
        assert names(folder) == set(), name
    with pytest.raises(LocalFault, match="key of transition-2"):  # a good key, of another circuit
        import_key(folder, TWO, source.zkey(one), Progress())
    with pytest.raises(LocalFault, match="copying"):
        import_key(folder, ONE, tmp_path / "nowhere", Progress())
    with pytest.raises(LocalFault, match="copying"):
        import_key(folder, ONE, tmp_path, Progress())
    assert names(folder) == set()
    assert import_key(folder, ONE, source.zkey(one), Progress()) == one


def test_a_cancelled_setup_leaves_nothing_and_can_be_run_again(tmp_path: Path) -> None:
    folder, _ = keys(tmp_path)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Unavailable, match="cancelled"):
        single_party(folder, ONE, progress)
    assert names(folder) == set()
    progress = Progress()

    def once_begun() -> None:
        while not progress.stage:
            time.sleep(0.001)
        progress.cancel()

    watcher = threading.Thread(target=once_begun)
    watcher.start()
    with pytest.raises(Unavailable, match="cancelled"):
        single_party(folder, ONE, progress)
    watcher.join()
    assert names(folder) == set()
    single_party(folder, ONE, Progress())


FULL = """
import resource, signal, sys
from pathlib import Path
from native._native.proving import Progress
from node.faults import LocalFault
from node.proving import KeyFolder, Statement
from node.proving.setup import export, import_key, single_party
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))   # every write beyond fails, as on a full disk
folder, one = KeyFolder(path=Path(sys.argv[1]), network="regtest"), Statement.parse("transition-1")
work = {
    "run": lambda: single_party(folder, one, Progress()),
    "import": lambda: import_key(folder, one, Path(sys.argv[3]), Progress()),
    "export": lambda: export(one, folder.path / "c.r1cs"),
}[sys.argv[2]]
try:
    work()
except LocalFault as fault:
    print(fault)
    sys.exit(7)
"""


@pytest.mark.parametrize("what", ["run", "import", "export"])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, what: str) -> None:
    source, (line,) = keys(tmp_path / "a", ONE)
    folder, _ = keys(tmp_path / "b")
    assert source.zkey(line).stat().st_size > 100_000
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(folder.path), what, str(source.zkey(line))],
        capture_output=True, text=True, check=False, timeout=200, cwd=Path(__file__).parents[4],
    )  # fmt: skip
    assert said.returncode == 7, said.stderr
    assert "space" in said.stdout or "room" in said.stdout
    assert names(folder) == set()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert import_key(folder, ONE, source.zkey(line), Progress()) == line


def test_an_exported_circuit_is_the_statements(tmp_path: Path) -> None:
    file = tmp_path / "one.r1cs"
    circuit = export(ONE, file)
    again = Circuit.from_r1cs(file.read_bytes())
    assert again.id == circuit.id == ONE.circuit().id
    assert (again.constraints, again.wires, again.public) == (circuit.constraints, circuit.wires, 1)
    before = file.read_bytes()
    with pytest.raises(LocalFault, match="it exists"):
        export(ONE, file)
    with pytest.raises(LocalFault, match="writable place"):
        export(ONE, tmp_path / "no" / "where.r1cs")
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


def test_a_shared_folder_serves_several_nodes(tmp_path: Path) -> None:
    _, (line,) = keys(tmp_path, ONE)
    first, second = (KeyFolder(path=tmp_path, network="regtest") for _ in range(2))
    assert first.keys() == second.keys() == (line,)
