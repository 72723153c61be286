"""Groth16: every encoding of keys, proofs and inputs on both curves, guesses, and the precompiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from native import NativeError
from native._native import groth16 as native
from snark.faults import MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey
from tests.fuzz.target import Form, Target
from tests.unit.snark.kit import ENCODINGS, gnark_key, triples

_G1 = (1).to_bytes(32) + (2).to_bytes(32)
_G2 = bytes.fromhex(
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
)


def _encodings(curve: Curve) -> Iterator[tuple[str, Format]]:
    return ((e, f) for e, f in ENCODINGS.items() if curve is Curve.BN254 or f is not Format.EIP197)


def _form(format_: Format) -> Form:
    """JSON has white space, and gnark's files may end in an empty list of commitments or not."""
    return Form.FREE if format_ in (Format.SNARKJS, Format.GNARK) else Form.CANONICAL


def _one(curve: Curve, encoding: str, format_: Format) -> Iterator[Target]:
    key, claims = triples(f"{curve.value}_1")
    wide, _ = triples(f"{curve.value}_3")

    def writing(value: Any) -> bytes:
        return bytes(value.handle.encode(encoding))

    def target(what: str, seeds: Callable[[], list[bytes]], read: Callable[[bytes], Any], rounds: int) -> Target:
        def here(raw: bytes) -> Any:
            """Points compressed and not are one format, told apart by length: the other form is another target's."""
            value = read(raw)
            written = len(writing(value))
            if format_ is Format.ARKWORKS and written != len(raw):
                raise MalformedFault(field="form", expected=f"{encoding}, {written} bytes", got=f"{len(raw)} bytes")
            return value

        return Target(
            name=f"groth16 {what}, {encoding}, {curve.value}",
            read=here,
            refusals=(MalformedFault,),
            seeds=seeds,
            write=writing,
            form=_form(format_),
            most=4096,
            rounds=rounds,
        )

    if format_ is not Format.GNARK:
        yield target(
            "key",
            lambda: [one.handle.encode(encoding) for one in (key, wide)],
            lambda raw: VerifyingKey.parse(raw, format_, curve),
            60,
        )
    yield target(
        "proof",
        lambda: [proof.handle.encode(encoding) for _, proof in claims],
        lambda raw: Proof.parse(raw, curve, format_),
        100,
    )
    yield target(
        "inputs",
        lambda: [inputs.handle.encode(encoding) for inputs, _ in claims],
        lambda raw: PublicInputs.parse(raw, curve, format_),
        200,
    )


def _gnark_keys() -> list[bytes]:
    """Beta, gamma and delta are the generator: nobody knows the beta of another key in G1."""
    key, _ = triples("bn254_1")
    words = key.handle.encode("eip197")
    return [gnark_key(VerifyingKey.parse(words[:64] + 3 * _G2 + words[448:], Format.EIP197), _G1, _G1)]


def _all_files() -> list[bytes]:
    made = []
    for curve in Curve:
        key, [(_, proof), *_] = triples(f"{curve.value}_1")
        for encoding, format_ in _encodings(curve):
            handles = [proof.handle, *([] if format_ is Format.GNARK else [key.handle])]
            made += [handle.encode(encoding) for handle in handles]
    return made


def _any(raw: bytes) -> object:
    """What `proof inspect` does: no format, no curve."""
    try:
        return VerifyingKey.parse(raw)
    except MalformedFault:
        pass
    try:
        return Proof.parse(raw, Curve.BLS12_381)
    except MalformedFault:
        return Proof.parse(raw, Curve.BN254)


def _pairs() -> list[bytes]:
    key, _ = triples("bn254_1")
    words = key.handle.encode("eip197")
    return [b"", words[:192], _G1 + words[192:320] + _G1 + words[320:448]]


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        *(t for curve in Curve for encoding, f in _encodings(curve) for t in _one(curve, encoding, f)),
        Target(
            name="groth16 key, gnark, bn254",
            read=lambda raw: VerifyingKey.parse(raw, Format.GNARK, Curve.BN254),
            refusals=(MalformedFault,),
            seeds=_gnark_keys,
            most=4096,
            rounds=100,
        ),
        Target(
            name="groth16 any file",
            read=_any,
            refusals=(MalformedFault,),
            seeds=_all_files,
            most=4096,
            rounds=100,
        ),
        *(
            Target(
                name=f"groth16 precompile {call.__name__}",
                read=call,
                refusals=(NativeError,),
                seeds=seeds,
                most=2048,
                rounds=rounds,
            )
            for call, seeds, rounds in (
                (native.bn254_add, lambda: [b"", _G1, _G1 + _G1], 200),
                (native.bn254_multiply, lambda: [b"", _G1, _G1 + (9).to_bytes(32)], 100),
                (native.bn254_pairing, _pairs, 60),
            )
        ),
    )
