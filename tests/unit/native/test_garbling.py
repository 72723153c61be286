"""Garbling gives the model's bytes on every path and at every width, once for one input, and refuses bad bytes."""

import random

import blake3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.gates import Builder, Circuit
from native import NativeError
from native._native import garbling as native
from native._native.garbling import Program, Progress
from native._native.keys import Seed
from tests.unit.circuits import garbling_model as model
from tests.unit.circuits.dispute import CIRCUIT


def random_circuit(seed: int, gates: int = 400) -> Circuit:
    rng = random.Random(seed)
    builder = Builder([rng.randint(1, 40), rng.randint(1, 9)])
    wires = [0, 1, *builder.input(0), *builder.input(1)]
    for _ in range(gates):
        a, b = rng.choice(wires[-50:]), rng.choice(wires)
        wires.append(rng.choice([builder.xor, builder.and_])(a, b))
    return builder.finish([wires[-7:], [0, 1, *builder.input(1)], wires[-20:-15]])


@pytest.mark.parametrize("seed", range(6))
def test_table_and_labels_are_the_models(seed: int) -> None:
    circuit = random_circuit(seed)
    secret = Seed.generate()
    lane = model.lane_of(circuit, secret.reveal())
    hash_ = model.ccrnd(lane.key, lane.s)
    table, zeros = model.garble(circuit, lane, hash_)
    bits = [random.Random(seed).getrandbits(1) for _ in range(circuit.input_bits)]
    program = Program(circuit.binary)
    (ours,) = native.garble(program, [secret], "portable", Progress())
    assert (ours.key, ours.s, ours.table) == (lane.key, lane.s, b"".join(table))
    labels = ours.encode(bytes(bits))
    assert labels == b"".join(lane.labels(bits))
    held = (ours.key, ours.s, labels, ours.table)
    (active,), truth = native.evaluate(program, [held], bytes(bits), "portable", Progress())
    assert active == b"".join(model.evaluate(circuit, lane.labels(bits), bits, table, hash_))
    assert ours.decode(active) == truth
    assert ours.decode(b"".join(zeros)) == bytes(len(zeros))
    assert circuit.decode(truth) == circuit.evaluate(*(_numbers(circuit, bits)))


def _numbers(circuit: Circuit, bits: list[int]) -> list[int]:
    whole = sum(bit << i for i, bit in enumerate(bits))
    first = circuit.inputs[0]
    return [whole & ((1 << first) - 1), whole >> first]


@pytest.mark.parametrize("count", [1, 4, 5, 8, 16, 19])
def test_every_path_and_width_gives_the_same_bytes(count: int) -> None:
    circuit = random_circuit(count, gates=2500)
    program = Program(circuit.binary)
    seeds = [Seed.generate() for _ in range(count)]
    bits = bytes(random.Random(count).getrandbits(1) for _ in range(circuit.input_bits))
    naive = [native.naive_garble_root(program, seed) for seed in seeds]
    single = [native.garble(program, [seed], "portable", Progress())[0] for seed in seeds]
    assert [blake3.blake3(one.table).digest() for one in single] == naive
    assert "portable" in native.paths()
    for path in native.paths():
        assert native.garble_root(program, seeds, path, Progress()) == naive
        lockstep = native.garble(program, seeds, path, Progress())
        assert [one.table for one in lockstep] == [one.table for one in single]
        held = [(one.key, one.s, one.encode(bits), one.table) for one in lockstep]
        labels, truth = native.evaluate(program, held, bits, path, Progress())
        assert list(zip(labels, [truth] * count, strict=True)) == [
            native.naive_evaluate(program, one, bits) for one in held
        ]
        assert {one.decode(label) for one, label in zip(lockstep, labels, strict=True)} == {truth}


def test_labels_of_a_second_input_are_refused() -> None:
    program = Program(CIRCUIT.binary)
    (ours,) = native.garble(program, [Seed.generate()], native.paths()[0], Progress())
    first = ours.encode(bytes(16))
    assert ours.encode(bytes(16)) == first
    with pytest.raises(NativeError, match="labels of two inputs show delta"):
        ours.encode(bytes([1]) + bytes(15))
    assert ours.encode(bytes(16)) == first


def test_a_label_of_neither_bit_does_not_decode() -> None:
    (ours,) = native.garble(Program(CIRCUIT.binary), [Seed.generate()], "portable", Progress())
    with pytest.raises(NativeError, match="something else on wire 0"):
        ours.decode(bytes(16))


def test_a_wrong_label_or_table_gives_labels_that_do_not_decode() -> None:
    program = Program(CIRCUIT.binary)
    (ours,) = native.garble(program, [Seed.generate()], "portable", Progress())
    bits = bytes([1] * 16)
    labels = ours.encode(bits)
    for table, active in ((bytes(16) + ours.table[16:], labels), (ours.table, bytes(16) + labels[16:])):
        (result,), _ = native.evaluate(program, [(ours.key, ours.s, active, table)], bits, "portable", Progress())
        with pytest.raises(NativeError, match="wire 0"):
            ours.decode(result)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda key, s, labels, table: (key[1:], s, labels, table), "key: expected 16 bytes, got 15"),
        (lambda key, s, labels, table: (key, s + b"\0", labels, table), "s: expected 16 bytes, got 17"),
        (lambda key, s, labels, table: (key, s, labels[1:], table), "labels: expected 16 bytes a label, got 255"),
        (lambda key, s, labels, table: (key, s, labels[16:], table), "active: expected 16 labels, got 15"),
        (lambda key, s, labels, table: (key, s, labels, table[16:]), "table: expected 128 bytes, got 112"),
        (lambda key, s, labels, table: (key, s, labels, table + b"\0"), "table: expected 128 bytes, got 129"),
    ],
)
def test_wrong_lengths_name_the_field(change: object, field: str) -> None:
    program = Program(CIRCUIT.binary)
    (ours,) = native.garble(program, [Seed.generate()], "portable", Progress())
    held = change(ours.key, ours.s, ours.encode(bytes(16)), ours.table)  # type: ignore[operator]
    with pytest.raises(NativeError, match=field):
        native.evaluate(program, [held], bytes(16), "portable", Progress())


def test_bits_and_paths_are_checked() -> None:
    program = Program(CIRCUIT.binary)
    (ours,) = native.garble(program, [Seed.generate()], "portable", Progress())
    held = (ours.key, ours.s, ours.encode(bytes(16)), ours.table)
    for bits in (bytes(15), bytes(17), b"\2" + bytes(15)):
        with pytest.raises(NativeError, match="bits"):
            native.evaluate(program, [held], bits, "portable", Progress())
        with pytest.raises(NativeError, match="bits"):
            ours.encode(bits)
    with pytest.raises(NativeError, match="path: expected vaes, aes or portable, got fast"):
        native.garble(program, [], "fast", Progress())


def test_a_cancelled_call_ends_and_says_so() -> None:
    progress = Progress()
    progress.cancel()
    assert progress.cancelled
    with pytest.raises(NativeError, match="cancelled by the caller"):
        native.garble(Program(CIRCUIT.binary), [Seed.generate()], "portable", progress)


def test_a_program_says_what_it_is() -> None:
    program = Program(memoryview(CIRCUIT.binary))
    assert (program.input_widths, program.output_widths) == ([8, 8], [1])
    assert (program.gates, program.ands, program.circuit_id) == (CIRCUIT.gate_count, 8, CIRCUIT.id)
    assert program.slots < 2 + 16 + CIRCUIT.gate_count


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_circuits_are_read_or_refused_as_in_python(data: st.DataObject) -> None:
    changed = bytearray(CIRCUIT.binary)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])
    try:
        circuit = Circuit.parse(cut)
    except ValueError:
        raise
    except Exception as fault:
        assert "expected" in str(fault)
        with pytest.raises(NativeError, match="circuit, byte"):
            Program(cut)
    else:
        assert Program(cut).circuit_id == circuit.id
