"""Privacy-free garbling as the dispute model writes it: slow, readable, with the hash as an argument.

Independent of the native code but for the circuit's gate list. Attacks put a broken hash in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import blake3
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from circuits.gates import Circuit

Hash = Callable[[bytes, int], bytes]


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def ccrnd(key: bytes, s: bytes) -> Hash:
    """Y = sigma(x ^ tweak ^ S); AES_k(y) ^ y."""
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def hash_(x: bytes, tweak: int) -> bytes:
        z = xor(xor(x, tweak.to_bytes(16, "little")), s)
        y = xor(z[:8], z[8:]) + z[:8]
        return xor(aes.update(y), y)

    return hash_


@dataclass(frozen=True, kw_only=True)
class Lane:
    key: bytes
    s: bytes
    delta: bytes
    zeros: list[bytes]

    def labels(self, bits: Sequence[int]) -> list[bytes]:
        return [xor(zero, self.delta) if bit else zero for zero, bit in zip(self.zeros, bits, strict=True)]


def lane_of(circuit: Circuit, seed: bytes) -> Lane:
    """What a seed stands for."""
    hasher = blake3.blake3(seed, derive_key_context="bitvm3 2026 garbling instance v1")
    stream = hasher.digest(length=16 * (3 + circuit.input_bits))
    blocks = [stream[start : start + 16] for start in range(0, len(stream), 16)]
    return Lane(key=blocks[0], s=blocks[1], delta=blocks[2], zeros=blocks[3:])


def gates_of(circuit: Circuit) -> list[tuple[bool, int, int]]:
    pairs = zip(circuit.gates[::2], circuit.gates[1::2], strict=True)
    return [(left >> 31 == 1, left & 0x7FFFFFFF, right) for left, right in pairs]


def garble(circuit: Circuit, lane: Lane, hash_: Hash) -> tuple[list[bytes], list[bytes]]:
    """The table, and the labels of false on the output wires."""
    wires = [bytes(16), lane.delta, *lane.zeros]
    table: list[bytes] = []
    for is_and, a, b in gates_of(circuit):
        if is_and:
            h0, h1 = hash_(wires[a], len(table)), hash_(xor(wires[a], lane.delta), len(table))
            table.append(xor(xor(h0, h1), wires[b]))
            wires.append(h0)
        else:
            wires.append(xor(wires[a], wires[b]))
    return table, [wires[wire] for wire in circuit.output_wires]


def evaluate(
    circuit: Circuit, labels: Sequence[bytes], bits: Sequence[int], table: Sequence[bytes], hash_: Hash
) -> list[bytes]:
    """The active labels on the output wires."""
    wires = [(bytes(16), 0), (bytes(16), 1), *zip(labels, bits, strict=True)]
    index = 0
    for is_and, a, b in gates_of(circuit):
        (left, x), (right, y) = wires[a], wires[b]
        if is_and:
            label = hash_(left, index)
            wires.append((xor(xor(label, table[index]), right) if x else label, x & y))
            index += 1
        else:
            wires.append((xor(left, right), x ^ y))
    return [wires[wire][0] for wire in circuit.output_wires]
