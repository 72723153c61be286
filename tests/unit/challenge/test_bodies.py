"""Bodies are strict and canonical: bytes that are not the encoding of a value are a Deviation, nothing else."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.bodies import Commitments, Funded, Openings, Points, decode, decode_kept, encode
from challenge.faults import Deviation
from tests.unit.challenge.ceremony import BORROWER, KIT, made_up

MANIFEST = made_up("manifest")
BODIES = {
    Points: Points(digits=bytes(33), outputs=((1, bytes(33)), (2, bytes(33))), proof=bytes(64)),
    Commitments: Commitments(polynomial=bytes(66), instances=bytes(64)),
    Openings: Openings(opened=MANIFEST, kept=MANIFEST),
    Funded: Funded(
        nonce=made_up("nonce"),
        bonds=KIT.keys_of(BORROWER).bonds,
        prefund_inputs=KIT.keys_of(BORROWER).prefund_inputs,
    ),
}
kinds = pytest.mark.parametrize("kind", BODIES)


def deviates(kind, raw):
    with pytest.raises(Deviation, match=r"^points/0: "):
        decode(kind, raw, "points/0")


@kinds
def test_a_body_reads_back(kind):
    raw = encode(BODIES[kind])
    assert decode(kind, raw, "points/0") == BODIES[kind]
    assert encode(decode(kind, raw, "points/0")) == raw


@kinds
def test_a_truncated_or_longer_body_deviates(kind):
    raw = encode(BODIES[kind])
    for end in range(len(raw)):
        deviates(kind, raw[:end])
    deviates(kind, raw + b"\x00")


@kinds
def test_a_body_of_another_kind_deviates(kind):
    alike = {Commitments, Openings}  # two byte strings each: the key tells them apart
    for other, value in BODIES.items():
        if other is not kind and {other, kind} != alike:
            deviates(kind, encode(value))


@kinds
def test_another_encoding_of_the_same_value_deviates(kind):
    raw = encode(BODIES[kind])
    deviates(kind, b"\xdc\x00" + bytes([raw[0] & 0x0F]) + raw[1:])  # a 16-bit array length where 4 bits do
    fields = msgspec.to_builtins(BODIES[kind], builtin_types=(bytes,))
    deviates(kind, msgspec.msgpack.encode(dict(zip(kind.__struct_fields__, fields, strict=True))))
    deviates(kind, msgspec.msgpack.encode([*fields, None]))  # one field more


@pytest.mark.parametrize(
    "raw",
    [
        b"\xdd\xff\xff\xff\xff",  # an array of 2**32 - 1 elements
        b"\x93\xc6\xff\xff\xff\xff",  # 4 GiB of bytes
        b"\x91" * 100_000,
        b"\x93\xc4\x00\xdd\x7f\xff\xff\xff",
        b"\x92\xc4\x00\xcf" + b"\xff" * 8,
        b"\xc1",
        b"\xd6\xff\x00\x00\x00\x00",
        b"\x92\xd9\x01\xff\x00",
    ],
)
@kinds
def test_a_body_that_promises_more_than_it_holds_deviates(kind, raw):
    deviates(kind, raw)


@kinds
@settings(deadline=None)
@given(data=st.data())
def test_random_bytes_deviate_or_are_canonical(kind, data):
    raw = data.draw(st.binary(max_size=80) | st.just(encode(BODIES[kind])).flatmap(_one_byte_changed))
    try:
        value = decode(kind, raw, "points/0")
    except Deviation:
        return
    assert encode(value) == raw


def _one_byte_changed(raw):
    return st.builds(
        lambda at, byte: raw[:at] + bytes([byte]) + raw[at + 1 :],
        st.integers(0, len(raw) - 1),
        st.integers(0, 255),
    )


@settings(deadline=None)
@given(raw=st.binary(max_size=12))
def test_a_kept_set_is_ascending_or_deviates(raw):
    try:
        indices = decode_kept(raw, instances=8, kept=3, name="kept/0/1")
    except Deviation as deviation:
        assert deviation.reason.startswith("kept/0/1: ")
        return
    assert len(indices) == 3
    assert list(indices) == sorted(set(indices))
    assert indices[-1] < 8
