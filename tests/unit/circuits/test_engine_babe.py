"""Engine babe with real proofs of the statement `outcome`: a valid proof frees the secret, and nothing else does.

What a cheating garbler can do is tried in Rust, beside the engine, over every kept set.
"""

import dataclasses
import random
import struct
from collections.abc import Callable
from pathlib import Path

import blake3
import pytest

from circuits.cut_and_choose import PROFILES
from circuits.engine import Digit, Encrypted, Kept, Setup
from circuits.engines import ENGINES
from circuits.engines.babe import BABE, CIRCUIT, PROOF_BYTES, digits_of_proof
from circuits.engines.core import CORE
from circuits.engines.pairs import layout_of, params_of, program_of
from circuits.faults import CircuitFault, LocalFault
from native import NativeError
from native._native import engine as native
from native._native import garbling, proving
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from native._native.signing import combine
from node.proving import Statement
from tests.proving_kit import keys, true_witness
from tests.unit.circuits import encoding_model as model
from tests.unit.circuits.dispute import KEPT, OPENED, Pair, kept_of, openings_of, pair_of, records, secrets_of
from tests.unit.circuits.dispute import setup_of as core_setup
from tests.unit.circuits.garbling_model import xor

OUTCOME = Statement(name="outcome", batch=0)
ALL_DIGITS = (None, *model.UNITS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """What a claimant asserts: the statement, and two proofs of it, whose first points differ."""

    statement: Encrypted
    proofs: tuple[bytes, bytes]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready:
    """A pair after a setup that ended well."""

    pair: Pair
    kept: Kept

    def evaluate(self, digits: list[Digit], proof: bytes) -> Secret | None:
        return BABE.evaluate(self.pair.setup, self.kept, digits, proof, Progress())

    def judge(self, proof: bytes) -> Secret | None:
        """The claimant asserts the first point of this proof and shows it, the challenger reveals."""
        return self.evaluate(secrets_of(self.pair, digits_of_proof(proof, self.pair.setup.digit_bits)), proof)


@pytest.fixture(scope="module")
def claim(tmp_path_factory: pytest.TempPathFactory) -> Claim:
    path: Path = tmp_path_factory.mktemp("keys") / "proving"
    folder, (line,) = keys(path, OUTCOME)
    proving_key = folder.load(line)
    assignment, x = OUTCOME.assign(true_witness(OUTCOME))
    one, two = (proving_key.prove(assignment, proving.Progress()).handle.encode("eip197") for _ in range(2))
    key = proving_key.verifying.handle.encode("arkworks")
    return Claim(statement=Encrypted(key=key, x=x), proofs=(one, two))


def setup_of(claim: Claim, digit_bits: int) -> Setup:
    return Setup(
        setup_id=Seed.generate().reveal(),
        context=b"graph 7",
        circuit=CIRCUIT,
        statement=claim.statement,
        profile=PROFILES["test"],
        digit_bits=digit_bits,
    )


def ready(claim: Claim, digit_bits: int) -> Ready:
    setup, digit_seed, pair_seed = setup_of(claim, digit_bits), Seed.generate(), Seed.generate()
    side = BABE.side(setup, digit_seed, pair_seed)
    offer = side.offer(Progress())
    opened = side.open(KEPT, Progress())
    pair = Pair(setup=setup, digit_seed=digit_seed, pair_seed=pair_seed, offer=offer, opened=opened)
    return Ready(pair=pair, kept=BABE.check(setup, offer, KEPT, opened, Progress()))


@pytest.fixture(scope="module")
def four(claim: Claim) -> Ready:
    return ready(claim, 4)


# ---- who and what ----------------------------------------------------------------------------------------------------
def test_both_engines_stand_behind_their_names() -> None:
    assert {name: (engine.name, engine.garbler) for name, engine in ENGINES.items()} == {
        "core": ("core", "claimant"),
        "babe": ("babe", "challenger"),
    }
    assert ENGINES["core"] is CORE


def test_the_circuit_is_the_one_in_terms() -> None:
    """Another id is another protocol: vaults that exist name this one."""
    program = program_of(CIRCUIT)
    assert CIRCUIT.id.hex() == "af9e28d033f0c1bebae0ac089c654f423426e1dd0a4a31dbe74f5e797033b262"
    assert program.circuit_id == CIRCUIT.id
    assert program.input_widths == [256, 256]
    assert program.output_widths == [254] * 5
    assert CIRCUIT.input_bits == 512
    assert program.ands == 201_510


@pytest.mark.parametrize("digit_bits", [4, 8])
def test_digits_say_x_then_y_lowest_first(digit_bits: int) -> None:
    proof = bytes(range(PROOF_BYTES))
    digits = digits_of_proof(proof, digit_bits)
    assert len(digits) == 512 // digit_bits == layout_of(CIRCUIT, digit_bits).digits
    whole = sum(digit << digit_bits * place for place, digit in enumerate(digits))
    assert whole.to_bytes(64, "little") == proof[31::-1] + proof[63:31:-1]
    with pytest.raises(CircuitFault, match="256 bytes"):
        digits_of_proof(proof[1:], digit_bits)
    with pytest.raises(LocalFault, match="1 to 8 bits"):
        digits_of_proof(proof, 9)


def test_sizes_of_a_pair(claim: Claim) -> None:
    four, eight = (params_of(setup_of(claim, bits)) for bits in (4, 8))
    tables = 201_510 * 16 + 91 * (2032 + 3) * 32
    head = 128 + 32 + 128
    assert four.kept_bytes == head + 512 * 16 * 16 + tables
    assert eight.kept_bytes == head + 512 * 256 * 16 + tables
    assert max(four.kept_bytes, eight.kept_bytes) < 12.3 * (1 << 20)
    assert four.opening_bytes == 64 + head + 33 * 128 * 5 + 98


# ---- what frees the secret -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("digit_bits", [4, 8])
def test_a_valid_proof_frees_the_secret(claim: Claim, digit_bits: int) -> None:
    pair = ready(claim, digit_bits)
    secret = pair.judge(claim.proofs[0])
    assert secret is not None
    assert secret.point() == pair.pair.offer.output_point


def test_the_same_digits_may_be_evaluated_again(claim: Claim, four: Ready) -> None:
    for _ in range(2):
        secret = four.judge(claim.proofs[1])
        assert secret is not None
        assert secret.point() == four.pair.offer.output_point


def flipped(proof: bytes, place: int) -> bytes:
    return proof[:place] + bytes([proof[place] ^ 1]) + proof[place + 1 :]


@pytest.mark.parametrize("place", [63, 127, 191, 255])
def test_a_proof_with_a_bit_changed_frees_nothing(claim: Claim, four: Ready, place: int) -> None:
    changed = flipped(claim.proofs[0], place)
    assert four.judge(changed) is None
    digits = secrets_of(four.pair, digits_of_proof(claim.proofs[0], 4))
    assert four.evaluate(digits, changed) is None


def test_a_valid_proof_frees_nothing_when_another_point_was_asserted(claim: Claim, four: Ready) -> None:
    one, two = claim.proofs
    digits = secrets_of(four.pair, digits_of_proof(one, 4))
    assert four.evaluate(digits, two) is None
    assert four.evaluate(digits, one[:64] + two[64:]) is None
    assert four.evaluate(digits, one) is not None


def point_of(proof: bytes) -> model.Point:
    return int.from_bytes(proof[:32]), int.from_bytes(proof[32:64])


def with_point(proof: bytes, x: int, y: int) -> bytes:
    return x.to_bytes(32) + y.to_bytes(32) + proof[64:]


NO_POINTS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "off the curve": lambda x, y: (x, (y + 1) % model.P),
    "x not canonical": lambda x, y: (x + model.P, y),
    "y not canonical": lambda x, y: (x, y + model.P),
    "padding of x": lambda x, y: (x | 1 << 255, y),
    "padding of y": lambda x, y: (x, y | 1 << 254),
    "infinity": lambda x, y: (0, 0),
    "all ones": lambda x, y: ((1 << 256) - 1, (1 << 256) - 1),
}


@pytest.mark.parametrize("what", NO_POINTS)
def test_a_first_point_that_is_none_frees_nothing(claim: Claim, four: Ready, what: str) -> None:
    """Nor does it stop anything: the digits are published, revealed and evaluated as any others."""
    stated = with_point(claim.proofs[0], *NO_POINTS[what](*point_of(claim.proofs[0])))
    assert not native.Statement(claim.statement.key, claim.statement.x).verify(stated)
    assert four.judge(stated) is None
    # the true proof does not go with these digits either
    digits = secrets_of(four.pair, digits_of_proof(stated, 4))
    assert four.evaluate(digits, claim.proofs[0]) is None


def test_a_witness_of_another_length_is_refused(claim: Claim, four: Ready) -> None:
    digits = secrets_of(four.pair, digits_of_proof(claim.proofs[0], 4))
    for proof in (b"", claim.proofs[0][:-1], claim.proofs[0] + b"\0"):
        with pytest.raises(NativeError, match=r"^witness: expected 256 bytes, got"):
            four.evaluate(digits, proof)


def test_wrong_secrets_of_digits_are_refused(claim: Claim, four: Ready) -> None:
    digits = secrets_of(four.pair, digits_of_proof(claim.proofs[0], 4))
    (value, secret), *rest = digits
    with pytest.raises(NativeError, match=r"^digits: .* another one for digit 0"):
        four.evaluate([(value ^ 1, secret), *rest], claim.proofs[0])
    with pytest.raises(NativeError, match=r"^digits: expected 128 digits, got 127"):
        four.evaluate(rest, claim.proofs[0])


def test_damaged_kept_instances_free_nothing_and_one_whole_one_is_enough(claim: Claim, four: Ready) -> None:
    proof = claim.proofs[0]
    digits = secrets_of(four.pair, digits_of_proof(proof, 4))
    artifact = kept_of(four.pair)
    size = len(artifact[0])
    for damaged, place in ((1, 100), (0, size - 1)):  # the output ciphertext, an offset
        artifact[damaged][place] ^= 1
        kept = dataclasses.replace(four.kept, artifact=b"".join(artifact))
        secret = BABE.evaluate(four.pair.setup, kept, digits, proof, Progress())
        assert secret is not None
    artifact[2][200] ^= 1  # r * delta
    kept = dataclasses.replace(four.kept, artifact=b"".join(artifact))
    with pytest.raises(NativeError, match=r"^artifact: expected a share"):
        BABE.evaluate(four.pair.setup, kept, digits, proof, Progress())


# ---- setup -----------------------------------------------------------------------------------------------------------
def test_everything_follows_from_the_seeds(four: Ready) -> None:
    pair = four.pair
    side = BABE.side(pair.setup, pair.digit_seed, pair.pair_seed)
    assert side.offer(Progress()) == pair.offer
    assert side.open(KEPT, Progress()) == pair.opened
    assert BABE.points(pair.setup, pair.digit_seed) == pair.offer.points


def test_commitments_cover_the_statement_and_every_part_of_an_instance(claim: Claim, four: Ready) -> None:
    setup, offer, profile = four.pair.setup, four.pair.offer, four.pair.setup.profile
    pair = blake3.blake3(
        setup.setup_id
        + struct.pack("<I", len(setup.context))
        + setup.context
        + CIRCUIT.id
        + struct.pack("<III", profile.instances, profile.kept, setup.digit_bits)
        + offer.points
        + offer.polynomial
        + native.Statement(claim.statement.key, claim.statement.x).id,
        derive_key_context="bitvm3 2026 engine pair v1",
    ).digest()
    heads = dict(zip(KEPT, (bytes(record[:288]) for record in kept_of(four.pair)), strict=True))
    heads |= dict(zip(OPENED, (bytes(record[64:352]) for record in openings_of(four.pair)), strict=True))
    for index, record in zip(KEPT, kept_of(four.pair), strict=True):
        translation = 288 + 512 * 16 * 16
        table = translation + 201_510 * 16
        parts = {
            "table": (slice(32, 64), record[translation:table]),
            "translation": (slice(64, 96), record[288:translation]),
            "encoding": (slice(128, 160), record[table:]),
        }
        for name, (root, part) in parts.items():
            expected = blake3.blake3(bytes(part), derive_key_context=f"bitvm3 2026 engine {name} v1").digest()
            assert heads[index][root] == expected
    made = [
        blake3.blake3(
            pair + struct.pack("<I", index) + heads[index], derive_key_context="bitvm3 2026 engine instance v1"
        ).digest()
        for index in range(profile.instances)
    ]
    assert offer.commitments == b"".join(made)


@pytest.mark.parametrize("change", ["x", "key", "none"])
def test_an_offer_is_bound_to_its_statement(claim: Claim, four: Ready, change: str) -> None:
    key, x = claim.statement.key, claim.statement.x
    # alpha (32 bytes), beta (64), then gamma and delta exchanged: a key all the same
    exchanged = key[:96] + key[160:224] + key[96:160] + key[224:]
    statement, expected = {
        "x": (Encrypted(key=key, x=bytes(31) + b"\1"), r"^instance 0: commitment: "),
        "key": (Encrypted(key=exchanged, x=x), r"^instance 0: commitment: "),
        "none": (None, r"^program: expected a predicate with 1 output bit"),
    }[change]
    setup = dataclasses.replace(four.pair.setup, statement=statement)
    with pytest.raises(NativeError, match=expected):
        BABE.check(setup, four.pair.offer, KEPT, four.pair.opened, Progress())


@pytest.mark.parametrize(
    "work",
    [
        lambda pair, progress: BABE.side(pair.setup, pair.digit_seed, pair.pair_seed).offer(progress),
        lambda pair, progress: BABE.side(pair.setup, pair.digit_seed, pair.pair_seed).open(KEPT, progress),
        lambda pair, progress: BABE.check(pair.setup, pair.offer, KEPT, pair.opened, progress),
    ],
)
def test_long_work_counts_instances_and_can_be_cancelled(four: Ready, work: Callable[[Pair, Progress], object]) -> None:
    progress = Progress()
    work(four.pair, progress)
    assert (progress.done, progress.total) == (8, 8)
    progress = Progress()
    progress.cancel()
    with pytest.raises(NativeError, match="cancelled"):
        work(four.pair, progress)


def test_a_proof_of_knowledge_covers_keys_of_either_parity(four: Ready) -> None:
    """What a claimant states: its digit points, then K_k of each challenger by x alone."""
    setup, seed = four.pair.setup, Seed.generate()
    made = [seed.secret(bytes([n])) for n in range(16)]
    odd, even = (next(key for key in made if key.point()[0] == parity) for parity in (3, 2))
    proof = BABE.prove_knowledge(setup, seed, [], [odd, even], b"context")
    shown = [b"\2" + key.xonly() for key in (odd, even)]
    points = BABE.points(setup, seed)
    assert BABE.check_knowledge(points + b"".join(shown), b"context", proof)
    assert not BABE.check_knowledge(points + b"".join(reversed(shown)), b"context", proof)
    assert not BABE.check_knowledge(points + odd.point() + shown[1], b"context", proof)
    assert not BABE.check_knowledge(points + b"".join(shown), b"another", proof)


# ---- drill -----------------------------------------------------------------------------------------------------------
def test_a_drill_shows_what_works_and_what_is_damaged(four: Ready) -> None:
    setup = four.pair.setup
    drill = bytearray(BABE.make_drill(setup, KEPT, four.pair.opened))
    assert BABE.run_drill(setup, bytes(drill), Progress())
    assert BABE.run_drill(setup, memoryview(bytes(drill)), Progress())
    drill[-70] ^= 1
    assert not BABE.run_drill(setup, bytes(drill), Progress())
    with pytest.raises(NativeError, match=r"^drill: expected \d+ bytes, got"):
        BABE.run_drill(setup, bytes(drill[:-1]), Progress())


def test_core_has_a_drill_as_well() -> None:
    """On digits hashed from the setup id; where the predicate is true on them there is no share to compare."""
    outcomes = set()
    for n in range(8):
        pair = pair_of(dataclasses.replace(core_setup(), setup_id=bytes([n]) * 32))
        drill = bytearray(CORE.make_drill(pair.setup, KEPT, pair.opened))
        assert CORE.run_drill(pair.setup, bytes(drill), Progress())
        drill[-1] ^= 1
        left, right = blake3.blake3(pair.setup.setup_id, derive_key_context="bitvm3 2026 engine drill v1").digest(
            length=2
        )
        assert CORE.run_drill(pair.setup, bytes(drill), Progress()) == (left >= right)
        outcomes.add(left >= right)
    assert outcomes == {True, False}


# ---- attack 8 --------------------------------------------------------------------------------------------------------
def test_attack_8_without_substitution_a_point_off_the_curve_shows_r() -> None:
    """One evaluation on a p1 off the curve gives every digit of r, hence Y^r without any proof; on the curve, nothing."""
    rng = random.Random(8)
    r = rng.randrange(1, model.ORDER)
    assert model.scalar_of(model.digits(r)) == r
    terms = model.terms_of(r, rng)
    x, y = model.random_point(rng)

    def candidates(p1: model.Point) -> list[list[model.Digit]]:
        views = [term.view(p1) for term in terms]
        return [[digit for digit in ALL_DIGITS if model.fits(digit, p1, view)] for view in views]

    off = x, (y + 1) % model.P
    found = candidates(off)
    assert [len(digits) for digits in found] == [1] * model.TERMS
    assert model.scalar_of([digit for (digit,) in found]) == r
    # on the curve every digit explains every view
    assert candidates((x, y)) == [list(ALL_DIGITS)] * model.TERMS


@pytest.mark.parametrize("what", NO_POINTS)
def test_attack_8_the_circuit_evaluates_the_generator_instead(claim: Claim, what: str) -> None:
    """Ours: whatever is no point has the features of (1, 2), in which nobody's r shows more than r * (1, 2)."""
    program, path = program_of(CIRCUIT), garbling.paths()[0]

    def features(x: int, y: int) -> list[int]:
        digits = digits_of_proof(with_point(claim.proofs[0], x, y), 1)
        (held,) = garbling.garble(program, [Seed.generate()], path, Progress())
        labels = held.encode(bytes(digits))
        _, truth = garbling.evaluate(program, [(held.key, held.s, labels, held.table)], bytes(digits), path, Progress())
        return [
            sum(bit << place for place, bit in enumerate(truth[start : start + 254])) for start in range(0, 1270, 254)
        ]

    x, y = point_of(claim.proofs[0])
    assert features(x, y) == [x, y, x * x % model.P, y * y % model.P, x * y % model.P]
    assert not model.is_point(NO_POINTS[what](x, y))
    assert features(*NO_POINTS[what](x, y)) == [1, 2, 1, 4, 2]


# ---- attack 9 --------------------------------------------------------------------------------------------------------
def test_attack_9_two_reveals_under_one_garbling_show_delta(claim: Claim, four: Ready) -> None:
    """Why the node reveals once, ever: labels of two points, as a reorg might ask for, show delta of every kept instance."""
    pair = four.pair
    layout = layout_of(CIRCUIT, 4)
    reveals = [secrets_of(pair, digits_of_proof(proof, 4)) for proof in claim.proofs]
    record = bytes(kept_of(pair)[0])
    translation = records(record[288 : 288 + 512 * 16 * 16], 16 * 4)  # a row of four labels for each digit and value
    where = pair.setup.setup_id + struct.pack("<I", KEPT[0])
    base = native.hash_to_curve(b"solder/base", [pair.setup.setup_id, struct.pack(">I", KEPT[0])])
    key = blake3.blake3(where, derive_key_context="bitvm3 2026 engine translation key v1").digest()

    def labels(digits: list[Digit]) -> list[list[bytes]]:
        rows = []
        for digit, (value, secret) in enumerate(digits):
            point = combine([base], [secret])
            mask = blake3.blake3(struct.pack("<II", digit, value) + point, key=key).digest(length=64)
            row = xor(bytes(translation[digit * layout.values + value]), mask)
            rows.append([row[start : start + 16] for start in range(0, 64, 16)])
        return rows

    differences = set()
    for digit, rows in enumerate(zip(*map(labels, reveals), strict=True)):
        (one, two), (first, second) = rows, (reveal[digit][0] for reveal in reveals)
        for bit in range(4):
            differing = (first ^ second) >> bit & 1
            difference = xor(one[bit], two[bit])
            assert any(difference) == bool(differing)
            differences.add(difference)
    assert len(differences - {bytes(16)}) == 1  # delta, the same on every wire
