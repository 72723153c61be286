"""Engine babe: an instance by piece, whole pair setups by phase, the presignatures of a Reveal, and what a dispute weighs.

Pieces are milliseconds of processor time of one thread, so that other programs on the machine do not count; phases of a
setup are wall seconds of both sides on every core, their processor seconds beside. The key and the proofs are those of the
tests; digits have four bits unless a name says eight. PARANOID=1 in the environment adds that profile.

Baselines of the same run: the naive walk over the gate list, the curve library's multiplications, presignatures one by one.
Where nothing runs here to compare with, the baseline is a published figure of another machine: of BABE (22.16 MiB,
174.9 ms and 126.5 ms an instance; Assert 9,240, challenge 17,400 and 149 vB; 416,000 AND) and of GOAT's implementation as
transcribed on two Zen 5 cores (encoding 106 ms, decoding 140 ms, evaluation 40 ms, witness encryption 3.2 and 2.5 ms).
Ratio is baseline by value.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from circuits.cut_and_choose import PROFILES, Profile, draw_kept
from circuits.engine import Encrypted, Setup
from circuits.engines.babe import BABE, CIRCUIT, digits_of_proof
from circuits.engines.pairs import layout_of, params_of, program_of, statement_of
from native._native import engine as native
from native._native import garbling
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from native._native.pieces import Encoding, solder
from native._native.signing import check_presignature, combine, presign
from snark.formats import Curve, Format
from snark.groth16 import Proof
from tests.vault_kit import BABE as BABE_TERMS
from tests.vault_kit import graph_terms, make_proposal
from vault.fees import vsizes_of

Figure = dict[str, float | str]
Result = TypeVar("Result")
PROOFS = Path(__file__).parents[1] / "tests" / "unit" / "snark" / "proofs.json"
LANES, ROUNDS = 8, 7
MIB = 2**20
PUBLISHED_BYTES, PUBLISHED_SETUP, PUBLISHED_OPENING = 22.16, 174.9, 126.5  # MiB, ms, ms an instance
PUBLISHED_ANDS = 416_000
PUBLISHED_VSIZES = {"assert": 9_240, "reveal": 17_400, "refute": 149}
PEERS = {"encoding": 106.0, "decoding": 140.0, "evaluation": 40.0, "encryption": 3.2, "decryption": 2.5}
CHALLENGERS = 4


def _figure(value: float, unit: str, baseline: float | None) -> Figure:
    ratio = "" if baseline is None else round(baseline / value, 2)
    return {
        "value": round(value, 4),
        "unit": unit,
        "baseline": "" if baseline is None else round(baseline, 3),
        "ratio": ratio,
    }


def _milliseconds(calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median processor time of each call; rounds go through all of them, so that a noisy moment hits all alike."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if round_:  # the first one warms caches
                spent[name].append(1e3 * (time.process_time() - start))
    return _medians(spent)


def _claim() -> tuple[Encrypted, bytes]:
    """A statement and the bytes of a proof of it."""
    made = json.loads(PROOFS.read_text())["bn254_1"]
    inputs, proof = (bytes.fromhex(part) for part in made["claims"][0])
    parsed = Proof.parse(proof, Curve.BN254, Format.ARKWORKS)
    return Encrypted(key=bytes.fromhex(made["key"]), x=inputs[8:][::-1]), parsed.handle.encode(Format.EIP197.value)


def _setup(statement: Encrypted, profile: Profile, digit_bits: int = 4) -> Setup:
    return Setup(
        setup_id=Seed.generate().reveal(),
        context=b"bench",
        circuit=CIRCUIT,
        statement=statement,
        profile=profile,
        digit_bits=digit_bits,
    )


def _published(setup: Setup, digit_seed: Seed, points: bytes, proof: bytes) -> list[tuple[int, bytes]]:
    """The digits of a proof's first point, published by completing presignatures."""
    layout = layout_of(setup.circuit, setup.digit_bits)
    messages = [bytes([digit]) * 32 for digit in range(layout.digits)]
    group = Seed.generate().secret(b"group")
    locks = native.value_points(layout, points)
    presignatures = native.presign_digits(group, Seed.generate(), messages, locks)
    signatures = native.complete_digits(presignatures, layout, digit_seed, digits_of_proof(proof, setup.digit_bits))
    return native.extract_digits(presignatures, layout, signatures, points)


def _library_multiplication() -> float:
    """Milliseconds of one multiplication by the curve library."""
    point = native.hash_to_curve(b"bench", [b""])
    scalars = [bytes([i % 250 + 1]) * 32 for i in range(500)]
    spent = _milliseconds({"all": lambda: [combine([point], [scalar]) for scalar in scalars]}, 3)
    return spent["all"] / len(scalars)


def _pieces(statement: Encrypted, proof: bytes) -> dict[str, Figure]:
    """One instance, each piece alone, without transfer or disk."""
    program, path = program_of(CIRCUIT), garbling.paths()[0]
    setup = _setup(statement, PROFILES["test"])
    eight = params_of(_setup(statement, PROFILES["test"], 8))
    seeds = [Seed.generate() for _ in range(LANES)]
    encoding, held = Encoding(Seed.generate()), statement_of(statement)
    bits = bytes(CIRCUIT.input_bits)
    lanes = [(one.key, one.s, one.encode(bits), one.table) for one in garbling.garble(program, seeds, path, Progress())]
    digit_seed, pair_seed = Seed.generate(), Seed.generate()
    side = BABE.side(setup, digit_seed, pair_seed)
    offer, kept_set = side.offer(Progress()), draw_kept(setup.profile, Seed.generate().reveal())
    opened = side.open(kept_set, Progress())
    kept = BABE.check(setup, offer, kept_set, opened, Progress())
    drill = BABE.make_drill(setup, kept_set, opened)
    digits = _published(setup, digit_seed, offer.points, proof)
    spent = _milliseconds(
        {
            "naive": lambda: garbling.naive_garble_root(program, seeds[0]),
            "garbling": lambda: garbling.garble_root(program, seeds, path, Progress()),
            "soldering": lambda: solder(params_of(setup), digit_seed, 0),
            "soldering 8": lambda: solder(eight, digit_seed, 0),
            "encoding": encoding.again,
            "encryption": lambda: encoding.encrypt(held),
            "evaluation": lambda: garbling.evaluate(program, lanes[:1], bits, path, Progress()),
            "naive evaluation": lambda: garbling.naive_evaluate(program, lanes[0], bits),
            "decoding": encoding.decode,
            "drill": lambda: BABE.run_drill(setup, drill, Progress()),
            "opening": lambda: BABE.evaluate(setup, kept, digits, proof, Progress()),
        }
    )
    secret = BABE.evaluate(setup, kept, digits, proof, Progress())
    if secret is None or secret.point() != offer.output_point or not encoding.decode() or not encoding.again():
        raise AssertionError("a valid proof freed no secret")
    multiplication = _library_multiplication()
    products = layout_of(CIRCUIT, 4).points, layout_of(CIRCUIT, 8).points
    ms = "ms"
    mib = params_of(setup).kept_bytes / MIB, eight.kept_bytes / MIB
    return {
        "babe_circuit": _figure(program.ands, "AND", PUBLISHED_ANDS),
        f"instance: garbling, {LANES} in lockstep, {path}": _figure(spent["garbling"] / LANES, ms, spent["naive"]),
        "instance: soldering": _figure(spent["soldering"], ms, products[0] * multiplication),
        "instance: soldering, 8 bits": _figure(spent["soldering 8"], ms, products[1] * multiplication),
        "instance: encoding": _figure(spent["encoding"], ms, PEERS["encoding"]),
        "instance: witness encryption": _figure(spent["encryption"], ms, PEERS["encryption"]),
        "instance: evaluation of the circuit": _figure(spent["evaluation"], ms, spent["naive evaluation"]),
        "instance: decoding": _figure(spent["decoding"], ms, PEERS["decoding"]),
        "instance: drill": _figure(spent["drill"], ms, None),
        "instance: opening, all of it": _figure(spent["opening"], ms, PUBLISHED_OPENING),
        "instance: kept bytes": _figure(mib[0], "MiB", PUBLISHED_BYTES),
        "instance: kept bytes, 8 bits": _figure(mib[1], "MiB", PUBLISHED_BYTES),
        "instance: encoding, bytes": _figure(encoding.size / MIB, "MiB", 15.77),
        "instance: bytes of an opening": _figure(params_of(setup).opening_bytes / 1024, "KiB", None),
    }


def _timed(call: Callable[[], Result]) -> tuple[tuple[float, float], Result]:
    """((wall seconds, processor seconds), what the call gave)."""
    start, spent = time.perf_counter(), time.process_time()
    result = call()
    return (time.perf_counter() - start, time.process_time() - spent), result


def _medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(all_) for name, all_ in times.items()}


def _setups(statement: Encrypted, profile: Profile, rounds: int) -> dict[str, Figure]:
    """Both sides of a pair on all cores: commitments, openings with the kept artifact, the check of all of it."""
    walls: dict[str, list[float]] = {"commit": [], "open": [], "check": []}
    cpus: dict[str, list[float]] = {phase: [] for phase in walls}
    soldering = []
    for _ in range(rounds):
        setup = _setup(statement, profile)
        digit_seed = Seed.generate()
        side = BABE.side(setup, digit_seed, Seed.generate())
        commit, offer = _timed(partial(side.offer, Progress()))
        kept_set = draw_kept(profile, Seed.generate().reveal())
        opening, opened = _timed(partial(side.open, kept_set, Progress()))
        check, _ = _timed(partial(BABE.check, setup, offer, kept_set, opened, Progress()))
        for phase, (wall, cpu) in zip(walls, (commit, opening, check), strict=True):
            walls[phase].append(wall)
            cpus[phase].append(cpu)
        soldering.append(_milliseconds({"one": partial(solder, params_of(setup), digit_seed, 0)}, 5)["one"])
    opened_count, cores = profile.instances - profile.kept, os.cpu_count() or 1
    garbled = {"commit": profile.instances, "open": profile.kept, "check": opened_count}
    name = f"setup {profile.name} ({profile.instances}, {profile.kept})"
    figures = {}
    middle, spent = _medians(walls), _medians(cpus)
    for phase, count in garbled.items():
        figures[f"{name}: {phase}"] = _figure(middle[phase], "s wall", count * PUBLISHED_SETUP / 1e3 / cores)
    whole = sum(garbled.values()) * PUBLISHED_SETUP / 1e3
    figures[f"{name}: whole"] = _figure(sum(middle.values()), "s wall", whole / cores)
    figures[f"{name}: whole, processor"] = _figure(sum(spent.values()), "s", whole)
    each = 1e3 * spent["commit"] / profile.instances
    figures[f"{name}: commit, an instance"] = _figure(each, "ms", PUBLISHED_SETUP)
    less = each - statistics.median(soldering)
    figures[f"{name}: commit, an instance without soldering"] = _figure(less, "ms", PUBLISHED_SETUP)
    figures[f"{name}: check, an opened instance"] = _figure(1e3 * spent["check"] / opened_count, "ms", PUBLISHED_SETUP)
    return figures


def _presign_singly(key: Secret, items: Sequence[tuple[bytes, bytes, bytes]]) -> None:
    for message, point, _ in items:
        presign(key, message, point, None)


def _check_singly(xonly: bytes, items: Sequence[tuple[bytes, bytes, bytes]]) -> None:
    if not all(check_presignature(xonly, *item) for item in items):
        raise AssertionError("a presignature of ours is none")


def _presignatures() -> dict[str, Figure]:
    """All presignatures of one Reveal: made by the claimant, checked by the challenger."""
    figures = {}
    for digit_bits in (4, 8):
        layout = layout_of(CIRCUIT, digit_bits)
        points = native.value_points(layout, native.digit_points(layout, Seed.generate()))
        messages = [bytes([digit]) * 32 for digit in range(layout.digits)]
        key, seed = Seed.generate().secret(b"reveal"), Seed.generate()
        made = native.presign_digits(key, seed, messages, points)
        count, few = layout.digits * layout.values, range(100)
        items = [(messages[n // layout.values], points[33 * n : 33 * n + 33], made[65 * n : 65 * n + 65]) for n in few]
        spent = _milliseconds(
            {
                "make": partial(native.presign_digits, key, seed, messages, points),
                "make singly": partial(_presign_singly, key, items),
                "check": partial(native.check_digit_presignatures, key.xonly(), messages, points, made),
                "check singly": partial(_check_singly, key.xonly(), items),
            },
            3,
        )
        scale = count / len(few)
        for verb in ("make", "check"):
            baseline = scale * spent[f"{verb} singly"]
            figures[f"reveal: {verb} {count} presignatures"] = _figure(spent[verb], "ms", baseline)
    return figures


def _chain() -> dict[str, Figure]:
    """Virtual bytes, fully signed, of every transaction of a graph with four challengers."""
    figures = {}
    for digit_bits in (4, 8):
        terms = graph_terms(**BABE_TERMS, digit_bits=digit_bits, digits=CIRCUIT.input_bits // digit_bits)
        proposal = make_proposal(graphs=(terms,), slots=(10_000_000,), challengers=CHALLENGERS - 1)
        if len(proposal.challengers(0)) != CHALLENGERS:
            raise AssertionError("expected four challengers")
        sizes, last = vsizes_of(proposal), proposal.challengers(0)[-1]
        dispute = {
            "assert": sizes["0/assert"],
            "reveal": sizes[f"0/reveal/{last}"],
            "refute": sizes[f"0/refute/{last}"],
        }
        name = f"chain, {digit_bits} bits"
        for transaction, size in sizes.items():
            of, _, index = transaction.removeprefix("0/").partition("/")
            if not transaction.startswith("0/") or index not in ("", str(last)):
                continue  # the same for every challenger
            figures[f"{name}: {of}"] = _figure(size, "vB", PUBLISHED_VSIZES.get(of))
        whole = sum(PUBLISHED_VSIZES.values())
        figures[f"{name}: Assert + Reveal + Refute"] = _figure(sum(dispute.values()), "vB", whole)
    return figures


def run() -> dict[str, Figure]:
    """Figures by piece, phase, batch and transaction."""
    statement, proof = _claim()
    rounds = {"test": 3, "fast": 1, "default": 1} | ({"paranoid": 1} if os.environ.get("PARANOID") else {})
    figures = _pieces(statement, proof)
    for name, count in rounds.items():
        figures |= _setups(statement, PROFILES[name], count)
    return figures | _presignatures() | _chain()
