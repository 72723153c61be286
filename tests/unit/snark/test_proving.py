"""Circuits, assignments, setups, keys and proofs through the typed layer; what a bad one is refused with."""

import json
import pickle
import threading
from pathlib import Path

import pytest

from native import NativeError
from native._native import proving as native
from snark.faults import LocalFault, MalformedFault
from snark.formats import Curve, to_snarkjs
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from snark.proving import Assignment, Cancelled, Circuit, Progress, ProvingKey, setup_single_party
from tests.unit.snark.circuits import Toy, bits, squarings
from tests.unit.snark.kit import R

TOY = bits(0b10110101)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def key(folder: Path) -> ProvingKey:
    return made(TOY, folder / "toy.zkey")


def made(toy: Toy, path: Path) -> ProvingKey:
    circuit = Circuit.parse(toy.r1cs())
    setup_single_party(circuit, str(path), Progress())
    return ProvingKey.open(str(path), circuit)


def test_a_proof_is_valid_for_its_own_inputs_only(key: ProvingKey) -> None:
    assignment = Assignment.parse(TOY.wtns())
    public = assignment.public(key.circuit)
    assert public.numbers == (181 * 181 + 1,)
    progress = Progress()
    proof = key.prove(assignment, progress)
    assert (progress.stage, progress.done, progress.cancelled) == ("verify", pytest.approx(1, abs=1e-3), False)
    assert verify(key.verifying, public, proof)
    assert not verify(key.verifying, PublicInputs.of([181 * 181], Curve.BN254), proof)
    assert to_snarkjs(key.prove(assignment, Progress()).handle) != to_snarkjs(proof.handle), "blinded anew"
    assert (key.contributions, key.verifying.inputs, key.verifying.forgeable) == (0, 1, False)
    assert (key.handle.public, key.handle.wires, key.handle.domain) == (1, 12, 16)


def test_every_eight_bit_number_and_a_long_chain_prove(key: ProvingKey, folder: Path) -> None:
    for number in (0, 1, 2, 128, 254, 255):
        toy = bits(number)
        assert toy.r1cs() == TOY.r1cs()
        assignment = Assignment.parse(toy.wtns())
        assert verify(key.verifying, assignment.public(key.circuit), key.prove(assignment, Progress()))
    chain = squarings(700)
    longer = made(chain, folder / "chain.zkey")
    assert longer.prove(Assignment.parse(chain.wtns()), Progress())


def test_files_are_written_as_iden3_has_them(key: ProvingKey, tmp_path: Path) -> None:
    assignment = Assignment.parse(TOY.wtns())
    key.circuit.write(str(tmp_path / "toy.r1cs"))
    assignment.write(str(tmp_path / "toy.wtns"))
    assert (tmp_path / "toy.r1cs").read_bytes() == TOY.r1cs()
    assert (tmp_path / "toy.wtns").read_bytes() == TOY.wtns()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.r1cs", "toy.wtns"]
    for write in (key.circuit.write, assignment.write):
        with pytest.raises(LocalFault, match=r"no/such: expected a file that can be written"):
            write(str(tmp_path / "no" / "such"))


def test_keys_proofs_and_inputs_go_to_snarkjs_json_and_back(key: ProvingKey) -> None:
    assignment = Assignment.parse(TOY.wtns())
    proof, public = key.prove(assignment, Progress()), assignment.public(key.circuit)
    again = VerifyingKey.parse(to_snarkjs(key.verifying.handle))
    assert again.id == key.verifying.id
    assert json.loads(to_snarkjs(public.handle)) == [str(181 * 181 + 1)]
    parsed = Proof.parse(to_snarkjs(proof.handle), Curve.BN254)
    assert verify(again, PublicInputs.parse(to_snarkjs(public.handle), Curve.BN254), parsed)


@pytest.mark.parametrize(
    ("wire", "value", "constraint"),
    [(1, 0, 10), (2, 2, 0), (5, R - 1, 3), (9, 0, 8), (10, 180, 8), (11, 181 * 181 + 1, 9)],
)
def test_one_wrong_wire_is_named_by_its_constraint(key: ProvingKey, wire: int, value: int, constraint: int) -> None:
    values = list(TOY.values)
    values[wire] = value
    wrong = Assignment.parse(Toy(public=1, values=values, rows=TOY.rows).wtns())
    progress = Progress()
    with pytest.raises(LocalFault, match=f"^constraint {constraint}: expected an assignment that satisfies it"):
        key.prove(wrong, progress)
    assert (progress.stage, progress.done) == ("constraints", 0)


def test_an_assignment_of_another_circuit_is_refused(key: ProvingKey) -> None:
    other = Assignment.parse(squarings(3).wtns())
    with pytest.raises(LocalFault, match=r"^assignment: expected 12 values, one a wire, got 5"):
        key.prove(other, Progress())
    with pytest.raises(LocalFault, match=r"^assignment: expected 12 values"):
        other.public(key.circuit)


def test_a_key_of_another_circuit_is_refused(key: ProvingKey, folder: Path) -> None:
    values, rows = list(TOY.values), list(TOY.rows)
    rows[8] = ([(2 + i, 1 << i if i else 3) for i in range(8)], *rows[8][1:])
    other = Circuit.parse(Toy(public=1, values=values, rows=rows).r1cs())
    assert other.id != key.circuit.id
    with pytest.raises(MalformedFault, match=r"^zkey, coefficients of row 8: expected those of the circuit"):
        ProvingKey.open(str(folder / "toy.zkey"), other)
    with pytest.raises(MalformedFault, match=r"^zkey, wires: expected 5 of the circuit, got 12"):
        ProvingKey.open(str(folder / "toy.zkey"), Circuit.parse(squarings(3).r1cs()))
    with pytest.raises(MalformedFault, match=r"none.zkey: expected a readable file"):
        ProvingKey.open(str(folder / "none.zkey"), other)
    free = native.ProvingKey.open(folder / "toy.zkey", None)
    assert (free.id, free.digest) == (None, key.digest)
    with pytest.raises(NativeError, match=r"^coefficients of row 8"):
        free.prove(other.handle, Assignment.parse(TOY.wtns()).handle, Progress())


def test_cancelled_work_says_so_and_leaves_nothing(key: ProvingKey, tmp_path: Path) -> None:
    progress = Progress()
    progress.cancel()
    assert progress.cancelled
    path = tmp_path / "cancelled.zkey"
    for work in (
        lambda: setup_single_party(key.circuit, str(path), progress),
        lambda: key.prove(Assignment.parse(TOY.wtns()), progress),
        lambda: key.check_points(progress),
    ):
        with pytest.raises(Cancelled, match=r"to be finished, got cancelled"):
            work()
    assert list(tmp_path.iterdir()) == []


def test_running_work_is_cancelled_from_another_thread(tmp_path: Path) -> None:
    circuit = Circuit.parse(squarings(20_000).r1cs())
    progress, ended = Progress(), []

    def work() -> None:
        try:
            setup_single_party(circuit, str(tmp_path / "long.zkey"), progress)
        except Cancelled as cancelled:
            ended.append(cancelled)

    thread = threading.Thread(target=work)
    thread.start()
    while not progress.stage:
        assert thread.is_alive() or progress.stage
    progress.cancel()  # the interpreter is free: this runs while the setup does
    thread.join()
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []


def test_two_keys_share_nothing_and_an_open_one_survives_its_replacement(tmp_path: Path) -> None:
    first, second = made(TOY, tmp_path / "one.zkey"), made(TOY, tmp_path / "two.zkey")
    assert first.digest != second.digest
    assignment = Assignment.parse(TOY.wtns())
    (tmp_path / "two.zkey").replace(tmp_path / "one.zkey")
    proof = first.prove(assignment, Progress())
    assert verify(first.verifying, assignment.public(first.circuit), proof)
    assert not verify(second.verifying, assignment.public(first.circuit), proof)


def test_secrets_are_not_pickled() -> None:
    handle = native.Assignment.from_wtns(TOY.wtns())
    with pytest.raises(TypeError, match=r"Assignment holds secrets"):
        pickle.dumps(handle)
    assert "181" not in repr(handle)
