"""A small dispute for tests: the claim balance >= amount over two 8-bit numbers, and what a cheat would do to it."""

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import blake3

from circuits.arithmetic import at_least
from circuits.cut_and_choose import PROFILES, Profile
from circuits.digits import digits_of
from circuits.engine import Digit, Kept, Offer, Opened, Setup
from circuits.engines.core import CORE
from circuits.engines.pairs import layout_of, params_of
from circuits.gates import Builder, Circuit
from native._native import engine as native
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from native._native.signing import presign

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEPT = (1, 4, 6)
OPENED = (0, 2, 3, 5, 7)

# an opening: seed, share, then the head, then D and the proof
SEED, SHARE, HEAD, SOLDERED = slice(0, 32), slice(32, 64), slice(64, 192), 192
# the head: hash key, S, table root, translation root, output ciphertext
TABLE_ROOT, TRANSLATION_ROOT, OUTPUT = slice(32, 64), slice(64, 96), slice(96, 128)


def claim_circuit(width: int = 8) -> Circuit:
    builder = Builder([width, width])
    return builder.finish([[at_least(builder, builder.input(0), builder.input(1))]])


CIRCUIT = claim_circuit()


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Both sides of a setup that ended well."""

    setup: Setup
    digit_seed: Seed
    pair_seed: Seed
    offer: Offer
    opened: Opened

    def garbler(self) -> native.Garbler:
        return native.Garbler(params_of(self.setup), self.digit_seed, self.pair_seed)

    def check(self, **changes: object) -> Kept:
        """Checks with some of points, polynomial, commitments, kept, openings, artifact replaced."""
        offer = {name: changes.pop(name) for name in ("points", "polynomial", "commitments") if name in changes}
        kept = changes.pop("kept", KEPT)
        opened = {name: changes.pop(name) for name in ("openings", "artifact") if name in changes}
        assert not changes
        return CORE.check(
            self.setup,
            dataclasses.replace(self.offer, **offer),  # type: ignore[arg-type]
            kept,  # type: ignore[arg-type]
            dataclasses.replace(self.opened, **opened),  # type: ignore[arg-type]
            Progress(),
        )

    def evaluate(self, kept: Kept, numbers: Sequence[int]) -> Secret | None:
        return CORE.evaluate(self.setup, kept, self.published(numbers), b"", Progress())

    def published(self, numbers: Sequence[int]) -> list[Digit]:
        return secrets_of(self, digits_of(self.setup.circuit, numbers, self.setup.digit_bits))


def setup_of(circuit: Circuit = CIRCUIT, *, digit_bits: int = 4, profile: Profile = PROFILES["test"]) -> Setup:
    return Setup(
        setup_id=Seed.generate().reveal(),
        context=b"graph 7",
        circuit=circuit,
        statement=None,
        profile=profile,
        digit_bits=digit_bits,
    )


def pair_of(setup: Setup, kept: Sequence[int] = KEPT) -> Pair:
    digit_seed, pair_seed = Seed.generate(), Seed.generate()
    side = CORE.side(setup, digit_seed, pair_seed)
    offer = side.offer(Progress())
    return Pair(
        setup=setup,
        digit_seed=digit_seed,
        pair_seed=pair_seed,
        offer=offer,
        opened=side.open(kept, Progress()),
    )


def secrets_of(pair: Pair, values: Sequence[int]) -> list[Digit]:
    """Publishes digit values as the chain would, by completing presignatures, and reads the secrets back."""
    layout = layout_of(pair.setup.circuit, pair.setup.digit_bits)
    points = native.value_points(layout, pair.offer.points)
    group = Seed.generate().secret(b"group")
    presignatures = []
    for number, start in enumerate(range(0, len(points), 33)):
        w, v = divmod(number, layout.values)
        message = blake3.blake3(b"digit" + bytes([w])).digest()
        # only the asserted values matter here, and presigning costs: fill the others up with any well-formed bytes
        if v == values[w]:
            presignatures.append(presign(group, message, points[start : start + 33], None))
        else:
            presignatures.append(b"\x02" + bytes(31) + bytes([v]) + bytes(32))
    whole = b"".join(presignatures)
    signatures = native.complete_digits(whole, layout, pair.digit_seed, list(values))
    return native.extract_digits(whole, layout, signatures, pair.offer.points)


def records(data: bytes, size: int) -> list[bytearray]:
    return [bytearray(data[start : start + size]) for start in range(0, len(data), size)]


def openings_of(pair: Pair) -> list[bytearray]:
    return records(pair.opened.openings, params_of(pair.setup).opening_bytes)


def kept_of(pair: Pair) -> list[bytearray]:
    return records(pair.opened.artifact, params_of(pair.setup).kept_bytes)


def commitment(setup: Setup, points: bytes, polynomial: bytes, index: int, head: bytes) -> bytes:
    """An instance's commitment, as circuits.md says what it covers."""
    profile = setup.profile
    pair = blake3.blake3(
        setup.setup_id
        + struct.pack("<I", len(setup.context))
        + setup.context
        + setup.circuit.id
        + struct.pack("<III", profile.instances, profile.kept, setup.digit_bits)
        + points
        + polynomial,
        derive_key_context="bitvm3 2026 engine pair v1",
    ).digest()
    body = pair + struct.pack("<I", index) + head
    return blake3.blake3(body, derive_key_context="bitvm3 2026 engine instance v1").digest()


def commitments_of(
    pair: Pair, openings: Sequence[bytes], artifact: Sequence[bytes], points: bytes, polynomial: bytes
) -> bytes:
    """What a garbler commits to that will show these openings and this artifact."""
    heads = dict(zip(OPENED, (bytes(opening[HEAD]) for opening in openings), strict=True))
    heads |= dict(zip(KEPT, (bytes(kept[:128]) for kept in artifact), strict=True))
    return b"".join(commitment(pair.setup, points, polynomial, index, heads[index]) for index in sorted(heads))


def interpolate(shares: dict[int, int], at: int = 0) -> int:
    """The polynomial's value at `at`; instance i holds the value at i + 1."""
    total = 0
    for i, share in shares.items():
        above = below = 1
        for j in shares:
            if j != i:
                above, below = above * (at - j - 1) % ORDER, below * (i - j) % ORDER
        total += share * above * pow(below, -1, ORDER)
    return total % ORDER
