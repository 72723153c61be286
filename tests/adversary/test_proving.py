"""Hostile .r1cs, .wtns and zkey files: whatever is changed in them, they are refused by name or make only valid proofs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native import NativeError
from native._native import proving as native
from snark.formats import Curve
from snark.groth16 import Proof, verify
from snark.proving import Assignment, Circuit, Progress, ProvingKey, setup_single_party
from tests.unit.snark.circuits import bits

TOY = bits(0b1101)
R1CS, WTNS = TOY.r1cs(), TOY.wtns()
WORDS = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF])


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[ProvingKey, bytes, Path]:
    folder = tmp_path_factory.mktemp("keys")
    circuit = Circuit.parse(R1CS)
    setup_single_party(circuit, str(folder / "good.zkey"), Progress())
    good = ProvingKey.open(str(folder / "good.zkey"), circuit)
    return good, (folder / "good.zkey").read_bytes(), folder / "bad.zkey"


def changes(length: int) -> st.SearchStrategy[tuple[int, bytes]]:
    """(place, what stands there instead): a byte, a length, a run of one byte."""
    bytes_ = st.one_of(
        st.binary(min_size=1, max_size=4),
        WORDS.map(lambda word: word.to_bytes(4, "little")),
        st.sampled_from([b"\xff" * 8, b"\xff" * 32, bytes(64), bytes(128)]),
    )
    return st.tuples(st.integers(0, length - 1), bytes_)


def changed(raw: bytes, change: tuple[int, bytes]) -> bytes:
    place, with_ = change
    return (raw[:place] + with_ + raw[place + len(with_) :])[: max(len(raw), place + len(with_))]


@given(change=changes(len(R1CS)))
def test_a_changed_constraint_system_is_refused_or_another(change):
    raw = changed(R1CS, change)
    try:
        circuit = native.Circuit.from_r1cs(raw)
    except NativeError as refused:
        assert ": expected " in str(refused) and ", got " in str(refused)
    else:
        assert circuit.constraints == len(TOY.rows)
        assert circuit.id == native.Circuit.from_r1cs(raw).id


@given(change=changes(len(WTNS)))
def test_a_changed_assignment_is_refused_or_shown(change):
    raw = changed(WTNS, change)
    try:
        assignment = native.Assignment.from_wtns(raw)
        words = assignment.public(native.Circuit.from_r1cs(R1CS))
    except NativeError as refused:
        assert ": expected " in str(refused)
    else:
        assert int.from_bytes(words[0]) == int.from_bytes(raw[76 + 32 : 76 + 64], "little")


@given(raw=st.binary(max_size=300), magic=st.sampled_from([b"", b"r1cs\1\0\0\0", b"wtns\2\0\0\0", b"zkey\1\0\0\0"]))
def test_noise_is_refused(raw, magic):
    for read in (native.Circuit.from_r1cs, native.Assignment.from_wtns):
        with pytest.raises(NativeError):
            read(magic + raw)


@pytest.mark.parametrize("raw", [R1CS, WTNS], ids=["r1cs", "wtns"])
def test_a_file_cut_anywhere_is_refused(raw):
    read = native.Circuit.from_r1cs if raw is R1CS else native.Assignment.from_wtns
    for length in range(len(raw)):
        with pytest.raises(NativeError):
            read(raw[:length])
    with pytest.raises(NativeError, match="no bytes after the end"):
        read(raw + b"\0")


@given(data=st.data())
def test_a_changed_key_is_refused_or_makes_valid_proofs_only(key, data):
    good, raw, path = key
    path.write_bytes(changed(raw, data.draw(changes(len(raw)))))
    try:
        opened = native.ProvingKey.open(path, good.circuit.handle)
        proof = opened.prove(good.circuit.handle, Assignment.parse(WTNS).handle, Progress())
    except NativeError as refused:
        assert ": expected " in str(refused)
        return
    # What a proof does not touch may differ: points of wires that are zero, the list of contributions.
    assert (opened.digest == good.digest) == (path.read_bytes() == raw)
    public = Assignment.parse(WTNS).public(good.circuit)
    assert verify(good.verifying, public, Proof.parse(proof, Curve.BN254))


def test_counts_larger_than_the_file_allocate_nothing(key):
    """Each count set to its largest value: refused at once, not after asking the system for gigabytes."""
    good, raw, path = key
    for place in range(0, 220, 4):
        path.write_bytes(raw[:place] + b"\xff\xff\xff\x7f" + raw[place + 4 :])
        with pytest.raises(NativeError):
            native.ProvingKey.open(path, good.circuit.handle)
    for place in (60, 64, 68, 72, 84, 100):
        with pytest.raises(NativeError):
            native.Circuit.from_r1cs(R1CS[:place] + b"\xff\xff\xff\x7f" + R1CS[place + 4 :])
    with pytest.raises(NativeError):
        native.Assignment.from_wtns(WTNS[:60] + b"\xff\xff\xff\x7f" + WTNS[64:])


def test_what_is_no_file_is_refused(key, tmp_path):
    good, _, _ = key
    (tmp_path / "empty").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "empty", Path("/dev/null")):
        with pytest.raises(NativeError):
            native.ProvingKey.open(path, good.circuit.handle)
