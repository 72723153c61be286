"""Small circuits and their assignments as iden3 files, written here field by field: an oracle for the native writers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.unit.snark.kit import R

Row = Sequence[tuple[int, int]]


def _section(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(4, "little") + len(body).to_bytes(8, "little") + body


def _file(magic: bytes, version: int, *sections: bytes) -> bytes:
    return magic + version.to_bytes(4, "little") + len(sections).to_bytes(4, "little") + b"".join(sections)


def _u32(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def _fr(number: int) -> bytes:
    return (number % R).to_bytes(32, "little")


PRIME = _u32(32) + R.to_bytes(32, "little")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toy:
    """A constraint system with one assignment."""

    public: int
    values: Sequence[int]
    rows: Sequence[tuple[Row, Row, Row]]

    def r1cs(self) -> bytes:
        wires = len(self.values)
        header = PRIME + _u32(wires, 0, self.public, wires - 1 - self.public)
        header += wires.to_bytes(8, "little") + _u32(len(self.rows))
        body = b"".join(
            _u32(len(terms)) + b"".join(_u32(wire) + _fr(value) for wire, value in terms)
            for row in self.rows
            for terms in row
        )
        labels = b"".join(wire.to_bytes(8, "little") for wire in range(wires))
        return _file(b"r1cs", 1, _section(1, header), _section(2, body), _section(3, labels))

    def wtns(self) -> bytes:
        header = PRIME + _u32(len(self.values))
        return _file(b"wtns", 2, _section(1, header), _section(2, b"".join(map(_fr, self.values))))


def bits(number: int) -> Toy:
    """I know a number of eight bits whose square, plus its lowest bit, is public. Wires: 1, public, bits, number, square."""
    digits = [number >> i & 1 for i in range(8)]
    values = [1, number * number + digits[0], *digits, number, number * number]
    rows: list[tuple[Row, Row, Row]] = [([(2 + i, 1)], [(0, 1), (2 + i, -1)], []) for i in range(8)]
    rows.append(([(2 + i, 1 << i) for i in range(8)], [(0, 1)], [(10, 1)]))
    rows.append(([(10, 1)], [(10, 1)], [(11, 1)]))
    rows.append(([(2, 1), (11, 1)], [(0, 1)], [(1, 1)]))
    return Toy(public=1, values=values, rows=rows)


def squarings(count: int) -> Toy:
    """Public is 3 squared so many times. Wires: 1, x, 3, 9, ..."""
    values = [1, 0, 3]
    for _ in range(count):
        values.append(values[-1] ** 2 % R)
    values[1] = values.pop()
    wires = [*range(2, 2 + count), 1]
    rows = [([(one, 1)], [(one, 1)], [(two, 1)]) for one, two in pairwise(wires)]
    return Toy(public=1, values=values, rows=rows)
