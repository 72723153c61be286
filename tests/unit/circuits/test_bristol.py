"""A Bristol Fashion file is read whole, or refused with the line and the reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.bristol import read_bristol
from circuits.faults import CircuitFault

GOOD = """5 8
2 2 1
2 1 1

2 1 0 1 3 AND
1 1 3 4 INV
1 1 1 5 EQ
2 1 5 2 6 XOR
1 1 4 7 EQW
"""


def test_all_gates_of_the_format() -> None:
    circuit = read_bristol(GOOD.encode())
    assert (circuit.inputs, circuit.outputs) == ((2, 1), (1, 1))
    for a in range(4):
        for b in range(2):
            assert circuit.evaluate(a, b) == (b ^ 1, int(a != 3))


def test_line_ends_and_blank_lines_do_not_matter() -> None:
    assert read_bristol(GOOD.replace("\n", "\r\n\r\n").encode()) == read_bristol(GOOD.encode())


def test_outputs_may_be_inputs() -> None:
    assert read_bristol(b"0 2\n1 2\n1 2\n").evaluate(2) == (2,)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("5 8\n", "", "line 1: expected numbers of gates and wires, got 3 numbers"),
        ("5 8", "5", "line 1: expected numbers of gates and wires, got 1 numbers"),
        ("5 8", "5 -8", "line 1: expected numbers of gates and wires, got '-8'"),
        ("5 8", "5 8x", "line 1: .* got '8x'"),
        ("5 8", "5 ٨", "file: expected ASCII text"),
        ("5 8", "5 " + "8" * 5000, "line 1: .* got '8888"),
        ("5 8", "6 8", "line 1: expected 5 gates, as many as lines follow, got 6"),
        ("5 8", "4 8", "line 1: expected 5 gates, as many as lines follow, got 4"),
        ("5 8", "5 9", "line 1: expected 8 wires.* got 9"),
        ("5 8", "5 2", "line 1: expected 8 wires.* got 2"),
        ("2 1 1\n", "2 9 1\n", "line 1: expected 8 wires, inputs and gates, and outputs among them"),
        ("5 8", "5 9999999999", "line 1: expected 8 wires"),
        ("2 2 1", "2 2", "line 2: expected the number of inputs and the width of each"),
        ("2 2 1", "1 2 1", "line 2: expected the number of inputs"),
        ("2 2 1", "2 3 0", "line 2: expected the number of inputs"),
        ("2 2 1", "2 9999999999 1", "line 2: expected at most 1048576 bits"),
        ("2 1 1\n", "3 1 1\n", "line 3: expected the number of outputs"),
        ("2 1 0 1 3 AND", "2 1 0 1 3 NAND", "line 5: expected a gate of .*, got 'NAND'"),
        ("2 1 0 1 3 AND", "2 1 0 1 AND", "line 5: expected 2 1, 2 input wires, 1 output wire, AND"),
        ("2 1 0 1 3 AND", "1 1 0 1 3 AND", "line 5: expected 2 1, 2 input wires"),
        ("2 1 0 1 3 AND", "2 1 0 x 3 AND", "line 5: .* got 'x'"),
        (
            "2 1 0 1 3 AND",
            "2 1 0 5 3 AND",
            "line 5: expected input wires that an input or an earlier gate wrote, got 5",
        ),
        ("2 1 0 1 3 AND", "2 1 0 99 3 AND", "line 5: expected input wires .* got 99"),
        ("2 1 0 1 3 AND", "2 1 0 1 8 AND", "line 5: expected an output wire in range, written once, got 8"),
        ("2 1 0 1 3 AND", "2 1 0 1 2 AND", "line 5: .* got 2, one written before"),
        ("1 1 4 7 EQW", "1 1 4 6 EQW", "line 9: .* got 6, one written before"),
        ("1 1 1 5 EQ", "1 1 2 5 EQ", "line 7: expected a constant 0 or 1, got 2"),
        ("1 1 3 4 INV", "MAND", "line 6: expected a gate of"),
        (GOOD, "", "file: expected a header of three lines, got 0 lines"),
        (GOOD, "1 1\n", "file: expected a header of three lines, got 1 lines"),
    ],
)
def test_a_wrong_line_is_named(old: str, new: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(CircuitFault, match=reason):
        read_bristol(GOOD.replace(old, new, 1).encode())


@settings(max_examples=400)
@given(st.data())
def test_changed_files_are_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.sampled_from(b"0123456789 \n-XANDEQWIV\x80")
        )
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    for candidate in (bytes(changed), cut):
        try:
            circuit = read_bristol(candidate)
        except CircuitFault as fault:
            assert "expected" in str(fault)
        else:
            assert len(circuit.evaluate(*([0] * len(circuit.inputs)))) == len(circuit.outputs)
