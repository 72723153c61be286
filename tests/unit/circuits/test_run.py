"""`bitvm3 circuit run` prints what the circuit says, or which input is wrong."""

import pytest

from circuits.arithmetic import add
from circuits.faults import CircuitFault
from circuits.gates import Builder, Circuit
from circuits.run import Mode, run, run_file


def adder() -> Circuit:
    builder = Builder([12, 12])
    total = add(builder, builder.input(0), builder.input(1))
    return builder.finish([total, [builder.not_(total[0])], total[:5]])


FILE = b"1 3\n1 2\n1 1\n\n2 1 0 1 2 AND\n"


@pytest.mark.parametrize("mode", Mode)
def test_one_padded_line_an_output(mode: Mode) -> None:
    assert run(adder(), ["00F", "1"], mode) == ["010", "1", "10"]
    assert run(adder(), ["fff", "000001"], mode) == ["000", "1", "00"]
    assert run(adder(), ["ABC", "def"], mode) == [f"{(0xABC + 0xDEF) % 4096:03x}", "0", "0b"]


@pytest.mark.parametrize("mode", Mode)
def test_files_of_both_formats(mode: Mode) -> None:
    assert [run_file(FILE, [number], mode) for number in "0123"] == [["0"], ["0"], ["0"], ["1"]]
    assert run_file(adder().binary, ["1", "2"], mode) == ["003", "0", "03"]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ([], "number of inputs: expected 2, of 12, 12 bits, got 0"),
        (["1"], "number of inputs: expected 2, of 12, 12 bits, got 1"),
        (["1", "2", "3"], "number of inputs: expected 2, of 12, 12 bits, got 3"),
        (["1000", "1"], "input 1: expected a number of at most 12 bits, got 13 bits"),
        (["1", "f" * 100_000], "input 2: expected a number of at most 12 bits, got 400000 bits"),
        (["", "1"], "input 1: expected hexadecimal digits"),
        (["1", "xyz"], "input 2: expected hexadecimal digits without a prefix, got 'xyz'"),
        (["0x1", "1"], "input 1: expected hexadecimal digits without a prefix, got '0x1'"),
        (["-1", "1"], "input 1: expected hexadecimal"),
        (["1_0", "1"], "input 1: expected hexadecimal"),
        (["\u0661", "1"], "input 1: expected hexadecimal"),
    ],
)
def test_what_was_wrong_is_named(inputs: list[str], reason: str, mode: Mode) -> None:
    with pytest.raises(CircuitFault, match=reason):
        run(adder(), inputs, mode)


def test_a_wrong_file_is_named() -> None:
    with pytest.raises(CircuitFault, match="line 5: expected a gate"):
        run_file(FILE.replace(b"AND", b"OR"), ["0"], Mode.PLAIN)
    with pytest.raises(CircuitFault, match="gates: expected"):
        run_file(adder().binary[:60], ["0"], Mode.PLAIN)
