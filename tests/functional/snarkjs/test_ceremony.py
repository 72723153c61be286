"""A ceremony with snarkjs on a circuit of ours, and exchange of keys and proofs in both directions.

Powers of tau with two contributors, phase 2 with two, `zkey verify`; the key is imported here with every point checked. Then our
proof passes there, theirs passes here, and snarkjs proves with a key of our own single-party setup. The controls: what snarkjs
and we have to refuse is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from snark.faults import MalformedFault
from snark.formats import Curve, to_snarkjs
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from snark.proving import Assignment, Circuit, Progress, ProvingKey, setup_single_party
from tests.functional.snarkjs.snarkjs import Run, find_snarkjs
from tests.unit.snark.circuits import bits

pytestmark = pytest.mark.functional
TOY = bits(0b10110101)
POWER = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """A folder with what snarkjs made: key0.zkey (before phase 2), key1.zkey, key2.zkey; toy.r1cs, toy.wtns are ours."""

    folder: Path
    run: Run
    circuit: Circuit
    assignment: Assignment

    def snarkjs(self, *arguments: str) -> None:
        done = self.run(self.folder, *arguments)
        assert done.returncode == 0, f"snarkjs {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"

    def verifies(self, key: str, public: str, proof: str) -> bool:
        return self.run(self.folder, "groth16", "verify", key, public, proof).returncode == 0

    def file(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    folder, run = tmp_path_factory.mktemp("ceremony"), find_snarkjs()
    made = Ceremony(folder=folder, run=run, circuit=Circuit.parse(TOY.r1cs()), assignment=Assignment.parse(TOY.wtns()))
    made.circuit.write(made.file("toy.r1cs"))
    made.assignment.write(made.file("toy.wtns"))
    made.snarkjs("powersoftau", "new", "bn128", POWER, "0.ptau")
    made.snarkjs("powersoftau", "contribute", "0.ptau", "1.ptau", "--name=first", "-e=some entropy")
    made.snarkjs("powersoftau", "contribute", "1.ptau", "2.ptau", "--name=second", "-e=more entropy")
    made.snarkjs("powersoftau", "prepare", "phase2", "2.ptau", "final.ptau")
    made.snarkjs("groth16", "setup", "toy.r1cs", "final.ptau", "key0.zkey")
    made.snarkjs("zkey", "contribute", "key0.zkey", "key1.zkey", "--name=first", "-e=other entropy")
    made.snarkjs("zkey", "contribute", "key1.zkey", "key2.zkey", "--name=second", "-e=last entropy")
    made.snarkjs("zkey", "verify", "toy.r1cs", "final.ptau", "key2.zkey")
    return made


def test_a_ceremonys_key_is_imported_and_proves_in_both(ceremony: Ceremony) -> None:
    key = ProvingKey.open(ceremony.file("key2.zkey"), ceremony.circuit)
    key.check_points(Progress())
    assert (key.contributions, key.verifying.forgeable) == (2, False)
    ceremony.snarkjs("zkey", "export", "verificationkey", "key2.zkey", "theirs.json")
    assert VerifyingKey.parse((ceremony.folder / "theirs.json").read_bytes()).id == key.verifying.id

    public, proof = ceremony.assignment.public(ceremony.circuit), key.prove(ceremony.assignment, Progress())
    for name, handle in (("key", key.verifying.handle), ("public", public.handle), ("proof", proof.handle)):
        (ceremony.folder / f"our_{name}.json").write_bytes(to_snarkjs(handle))
    assert ceremony.verifies("theirs.json", "our_public.json", "our_proof.json")
    assert ceremony.verifies("our_key.json", "our_public.json", "our_proof.json")

    ceremony.snarkjs("groth16", "prove", "key2.zkey", "toy.wtns", "their_proof.json", "their_public.json")
    theirs = Proof.parse((ceremony.folder / "their_proof.json").read_bytes(), Curve.BN254)
    assert verify(key.verifying, public, theirs)
    said = PublicInputs.parse((ceremony.folder / "their_public.json").read_bytes(), Curve.BN254)
    assert said.numbers == public.numbers

    wrong = [str(number + 1) for number in public.numbers]
    (ceremony.folder / "wrong.json").write_text(json.dumps(wrong))
    assert not ceremony.verifies("theirs.json", "wrong.json", "our_proof.json")
    assert not verify(key.verifying, PublicInputs.of([public.numbers[0] + 1], Curve.BN254), theirs)


def test_every_contribution_makes_another_key_and_none_a_forgeable_one(ceremony: Ceremony) -> None:
    keys = [ProvingKey.open(ceremony.file(f"key{i}.zkey"), ceremony.circuit) for i in range(3)]
    assert [key.contributions for key in keys] == [0, 1, 2]
    assert [key.verifying.forgeable for key in keys] == [True, False, False]
    assert len({key.digest for key in keys}) == len({key.verifying.id for key in keys}) == 3
    proof = keys[1].prove(ceremony.assignment, Progress())
    assert not verify(keys[2].verifying, ceremony.assignment.public(ceremony.circuit), proof)


def test_snarkjs_proves_with_a_key_of_one_party_and_does_not_take_it_for_a_ceremonys(ceremony: Ceremony) -> None:
    setup_single_party(ceremony.circuit, ceremony.file("alone.zkey"), Progress())
    key = ProvingKey.open(ceremony.file("alone.zkey"), ceremony.circuit)
    ceremony.snarkjs("groth16", "prove", "alone.zkey", "toy.wtns", "alone_proof.json", "alone_public.json")
    proof = Proof.parse((ceremony.folder / "alone_proof.json").read_bytes(), Curve.BN254)
    assert verify(key.verifying, ceremony.assignment.public(ceremony.circuit), proof)
    ceremony.snarkjs("zkey", "export", "verificationkey", "alone.zkey", "alone.json")
    assert ceremony.verifies("alone.json", "alone_public.json", "alone_proof.json")
    refused = ceremony.run(ceremony.folder, "zkey", "verify", "toy.r1cs", "final.ptau", "alone.zkey")
    assert refused.returncode != 0


def test_a_ceremonys_key_of_another_circuit_is_refused(ceremony: Ceremony) -> None:
    rows = list(TOY.rows)
    rows[-1] = (rows[-1][0], [(0, 2)], rows[-1][2])
    other = Circuit.parse(type(TOY)(public=TOY.public, values=TOY.values, rows=rows).r1cs())
    with pytest.raises(MalformedFault, match=r"coefficients of row 10: expected those of the circuit"):
        ProvingKey.open(ceremony.file("key2.zkey"), other)
