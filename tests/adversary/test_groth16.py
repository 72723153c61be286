"""Files that try to crash the parsers, to pass as another file, or to verify after a change.

Every case is a valid file with one thing changed; each is refused by name, and the command line says so with its status.
"""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.cli.app import run
from snark.faults import MalformedFault
from snark.formats import Curve
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from tests.unit.snark.kit import ENCODINGS, P, R, triples

KEY, [(INPUTS, PROOF), *OTHERS] = triples("bn254_1")
FILES = {
    encoding: {
        "proof": PROOF.handle.encode(encoding),
        "public": INPUTS.handle.encode(encoding),
        **({} if encoding.startswith("gnark") else {"key": KEY.handle.encode(encoding)}),
    }
    for encoding in ENCODINGS
}
VK = json.loads(FILES["snarkjs"]["key"])
PF = json.loads(FILES["snarkjs"]["proof"])
INFINITY = [["0", "0"], ["1", "0"], ["0", "0"]]


def _bytes(value):
    return json.dumps(value).encode()


def _at(value, path, new):
    """The value with one place changed."""
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = _at(value[path[0]], path[1:], new)
    return changed


def _without(value, name):
    return {key: inner for key, inner in value.items() if key != name}


def _text(raw, old, new):
    assert raw.count(old) >= 1
    return raw.replace(old, new, 1)


def _plus(path, value, by):
    number = value
    for step in path:
        number = number[step]
    return _at(value, path, str(int(number) + by))


RAW = FILES["snarkjs"]
WORDS = FILES["eip197"]
LONG = b"[" + b'"1",' * 600_000 + b'"1"]'
DIGITS = "digits without leading zeros"
PACKED, RAW_PACKED, ARK, RAW_ARK = (FILES[e] for e in ("gnark", "gnark-raw", "arkworks", "arkworks-uncompressed"))
TWIST_Y = (  # with x = 1 a point of BN254's twist, not of order r
    18278151005453108793778860132295291098363647455926340152056652516292830556603,
    5912654199736721486680175016176231956195085055698687135131307249486702594212,
)
TWIST = [["1", "0"], [str(part) for part in TWIST_Y], ["1", "0"]]
BIG_TWIST = b"".join(part.to_bytes(32) for part in (0, 1, *TWIST_Y[::-1]))  # imaginary part first
LITTLE_TWIST = b"".join(part.to_bytes(32, "little") for part in (1, 0, *TWIST_Y))


def _part(raw, start, new):
    """The file with some bytes from a place on replaced."""
    return raw[:start] + new + raw[start + len(new) :]


BAD = [
    # which file, format, bytes, what the refusal says
    ("key", "snarkjs", RAW["key"][:-1], "key: expected JSON"),
    ("key", "snarkjs", RAW["key"] + b"x", "trailing characters"),
    ("key", "snarkjs", b"", "expected 1 to"),
    ("key", "snarkjs", b"\0" * 100, "expected JSON"),
    ("key", "snarkjs", b"{" * 3, "expected JSON"),
    ("key", "snarkjs", b"[" * 100_000, "more than 8 levels"),
    ("key", "snarkjs", b'{"IC":' * 100_000, "more than 8 levels"),
    ("key", "snarkjs", _bytes(VK | {"comment": "x"}), 'got the key "comment"'),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic"', b'"nPublic":1,"nPublic"'), "nPublic a second time"),
    ("key", "snarkjs", _bytes(_without(VK, "vk_delta_2")), "expected the key vk_delta_2, got none"),
    ("key", "snarkjs", _bytes(VK | {"protocol": "plonk"}), "protocol: expected groth16, got plonk"),
    ("key", "snarkjs", _bytes(VK | {"curve": "secp256k1"}), "curve: expected bn128, got secp256k1"),
    ("key", "snarkjs", _bytes(VK | {"nPublic": 2}), r"IC: expected nPublic \+ 1 points.* got 2 points with nPublic 2"),
    ("key", "snarkjs", _bytes(VK | {"nPublic": 2**64 - 1}), "IC: expected nPublic"),
    ("key", "snarkjs", _bytes(VK | {"nPublic": 2**64}), "expected JSON"),
    ("key", "snarkjs", _bytes(VK | {"nPublic": -1}), "expected JSON"),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic":1', b'"nPublic":NaN'), "expected JSON"),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic":1', b'"nPublic":1e400'), "expected JSON"),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic":1', b'"nPublic":1.0'), "expected JSON"),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic":1', b'"nPublic":true'), "expected JSON"),
    ("key", "snarkjs", _text(RAW["key"], b'"nPublic":1', b'"nPublic":null'), "expected JSON"),
    ("key", "snarkjs", _bytes(VK | {"nPublic": "1"}), "nPublic: expected a whole number"),
    ("key", "snarkjs", _bytes(VK | {"IC": {}}), "IC: expected a list, got an object"),
    ("key", "snarkjs", _bytes(_at(VK, ["IC", 1], ["0", "1", "0"])), r"IC\[1\]\[2\]: expected 1 "),
    ("key", "snarkjs", _bytes(_plus(["IC", 1, 0], VK, P)), r"IC\[1\]\[0\]: expected a coordinate below"),
    ("key", "snarkjs", _bytes(_plus(["IC", 1, 0], VK, 1)), r"IC\[1\]: expected a point of the curve"),
    ("key", "snarkjs", _bytes(_at(VK, ["IC", 0, 0], "NaN")), f"IC.0..0.: expected decimal {DIGITS}"),
    ("key", "snarkjs", _bytes(_at(VK, ["IC", 0, 0], 1)), "expected a text of decimal digits, got the number 1"),
    ("key", "snarkjs", _bytes(_at(VK, ["IC", 0, 0], "9" * 100_000)), "expected a number of 32 bytes"),
    ("key", "snarkjs", _bytes(_at(VK, ["vk_beta_2"], INFINITY)), r"vk_beta_2\[2\]\[0\]: expected 1"),
    ("key", "snarkjs", _bytes(_plus(["vk_alphabeta_12", 1, 2, 0], VK, 1)), "vk_alphabeta_12: expected e"),
    ("key", "eip197", WORDS["key"][:-1], r"IC\[1\]: expected 64 bytes, got 63 bytes"),
    ("key", "eip197", WORDS["key"][:448], "IC: expected 1 to"),
    ("key", "eip197", WORDS["key"][:447], "delta: expected 128 bytes"),
    ("key", "eip197", bytes(64) + WORDS["key"][64:], "alpha: expected a point other than infinity"),
    ("key", "eip197", WORDS["key"][:64] + bytes(128) + WORDS["key"][192:], "beta: expected a point other than"),
    ("key", "eip197", WORDS["key"] + bytes(64 * 20_000), "IC: expected at most 16385 points"),
    ("key", "arkworks", FILES["arkworks"]["key"][:-1], "IC: expected 2 times 32 bytes to the end"),
    ("key", "arkworks", FILES["arkworks"]["key"] + b"\0", "IC: expected 2 times 32 bytes to the end"),
    ("proof", "snarkjs", RAW["key"], 'proof: expected only the keys .* got the key "IC"'),
    ("proof", "snarkjs", b"[]", "proof: expected an object, got a list of 0"),
    ("proof", "snarkjs", _bytes(PF | {"curve": "bls12381"}), "curve: expected bn128, got bls12381"),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_a", 2], "2")), r"pi_a\[2\]: expected 1"),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_b", 2, 1], "1")), r"pi_b\[2\]\[1\]: expected 0, of z = 1"),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_a"], ["0", "1", "0"])), r"pi_a\[2\]: expected 1"),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_a"], ["1", "2"])), "pi_a: expected a list of 3, got a list of 2"),
    ("proof", "snarkjs", _bytes(_plus(["pi_b", 0, 1], PF, P)), r"pi_b\[0\]\[1\]: expected a coordinate below"),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_c", 0], "0" + PF["pi_c"][0])), DIGITS),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_c", 0], "-1")), DIGITS),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_c", 0], "")), DIGITS),
    ("proof", "snarkjs", _bytes(_at(PF, ["pi_c", 0], "0x10")), DIGITS),
    ("proof", "snarkjs", b'{"protocol":"' + b"a" * 20_000 + b'"}', "at most 16384 bytes"),
    ("proof", "eip197", WORDS["proof"][:-1], "C: expected 64 bytes, got 63 bytes"),
    ("proof", "eip197", WORDS["proof"] + b"\0", "expected no bytes after the end, got 1 bytes"),
    ("proof", "eip197", bytes(64) + WORDS["proof"][64:], "A: expected a point other than infinity"),
    ("proof", "eip197", WORDS["proof"][:192] + bytes(64), "C: expected a point other than infinity"),
    (
        "proof",
        "eip197",
        (int.from_bytes(WORDS["proof"][:32]) + P).to_bytes(32) + WORDS["proof"][32:],
        "A.x: expected a coordinate below",
    ),
    (
        "proof",
        "eip197",
        WORDS["proof"][:63] + bytes([WORDS["proof"][63] ^ 1]) + WORDS["proof"][64:],
        "A: expected a point of",
    ),
    (
        "proof",
        "gnark",
        FILES["gnark"]["proof"][:128] + b"\0\0\0\1" + FILES["gnark"]["proof"][132:],
        "commitments: expected",
    ),
    ("proof", "gnark", bytes([FILES["gnark"]["proof"][0] & 0x3F]) + FILES["gnark"]["proof"][1:], "proof"),
    (
        "proof",
        "arkworks",
        FILES["arkworks"]["proof"][:31] + b"\xc0" + FILES["arkworks"]["proof"][32:],
        "A: expected a point",
    ),
    ("public", "snarkjs", b"{}", "public inputs: expected a list, got an object"),
    ("public", "snarkjs", b"[NaN]", "expected JSON"),
    ("public", "snarkjs", b'["NaN"]', DIGITS),
    ("public", "snarkjs", b"[4]", "expected a text of decimal digits, got the number 4"),
    ("public", "snarkjs", b"[[]]", r"public\[0\]: expected a text"),
    ("public", "snarkjs", _bytes([str(4 + R)]), r"public\[0\]: expected a number below the group order r"),
    ("public", "snarkjs", _bytes([str(4 + (1 << 256))]), r"public\[0\]: expected a number of 32 bytes"),
    ("public", "snarkjs", b"[]", "public inputs: expected 1 of this key, got 0"),
    ("public", "snarkjs", b'["4","4"]', "public inputs: expected 1 of this key, got 2"),
    ("public", "snarkjs", LONG, "at most 2097152 bytes"),
    ("public", "eip197", (4 + R).to_bytes(32), r"public\[0\]: expected a number below"),
    ("public", "eip197", WORDS["public"][:-1], "words of 32 bytes, got 31 bytes"),
    ("public", "gnark", b"\0\0\0\2" + FILES["gnark"]["public"][4:], "number of public inputs: expected 1"),
    (
        "public",
        "gnark",
        _text(FILES["gnark"]["public"], bytes(4), b"\0\0\0\1"),
        "number of secret inputs: expected none",
    ),
    # cut short
    ("proof", "snarkjs", RAW["proof"][:-1], "proof: expected JSON"),
    ("proof", "gnark", PACKED["proof"][:-1], "proof"),
    ("proof", "gnark", RAW_PACKED["proof"][:200], "proof"),
    ("proof", "arkworks", ARK["proof"][:-1], "proof"),
    ("proof", "arkworks", RAW_ARK["proof"][:-1], "proof"),
    ("public", "snarkjs", RAW["public"][:-1], "public inputs: expected JSON"),
    ("public", "gnark", PACKED["public"][:-1], "public"),
    ("public", "arkworks", ARK["public"][:-1], "public"),
    # infinity, in the flags of compressed points
    ("proof", "gnark", _part(PACKED["proof"], 0, b"\x40" + bytes(31)), "A: expected a point other than infinity"),
    ("proof", "arkworks", _part(ARK["proof"], 0, bytes(31) + b"\x40"), "A: expected a point other than infinity"),
    ("key", "arkworks", _part(ARK["key"], 0, bytes(31) + b"\x40"), "alpha: expected a point other than infinity"),
    # zero written as p
    ("proof", "eip197", _part(WORDS["proof"], 0, P.to_bytes(32)), "A.x: expected a coordinate below"),
    ("proof", "gnark", _part(RAW_PACKED["proof"], 0, P.to_bytes(32)), "A.x: expected a coordinate below"),
    ("proof", "arkworks", _part(RAW_ARK["proof"], 0, P.to_bytes(32, "little")), "A: expected .* canonical coord"),
    ("proof", "arkworks", _part(ARK["proof"], 0, P.to_bytes(32, "little")), "A: expected .* canonical coord"),
    ("key", "eip197", _part(WORDS["key"], 448, P.to_bytes(32)), r"IC\[0\].x: expected a coordinate below"),
    # on the twist, in another subgroup
    ("proof", "snarkjs", _bytes(PF | {"pi_b": TWIST}), "pi_b: expected a point of the subgroup of order r"),
    ("proof", "eip197", _part(WORDS["proof"], 64, BIG_TWIST), "B: expected a point of the subgroup"),
    ("proof", "gnark", _part(RAW_PACKED["proof"], 64, BIG_TWIST), "B: expected a point of the subgroup"),
    ("proof", "gnark", _part(PACKED["proof"], 32, b"\x80" + BIG_TWIST[1:64]), "B: expected a point of the subgroup"),
    ("proof", "arkworks", _part(RAW_ARK["proof"], 64, LITTLE_TWIST), "B: expected a point of the subgroup"),
    ("proof", "arkworks", _part(ARK["proof"], 32, LITTLE_TWIST[:64]), "B: expected a point of the subgroup"),
    ("key", "snarkjs", _bytes(VK | {"vk_gamma_2": TWIST}), "vk_gamma_2: expected a point of the subgroup"),
    ("key", "eip197", _part(WORDS["key"], 320, BIG_TWIST), "delta: expected a point of the subgroup"),
    ("key", "arkworks", _part(RAW_ARK["key"], 64, LITTLE_TWIST), "beta: expected a point of the subgroup"),
    ("public", "arkworks", b"\xff" * 8 + FILES["arkworks"]["public"][8:], "public inputs: expected a count up to"),
]


@pytest.fixture
def command(tmp_path, capfd):
    """Runs proof verify on three files of a format; returns (status, standard error)."""

    def verify_files(format_, **files):
        valid = dict(FILES["eip197"]) if format_ == "gnark" else dict(FILES[format_])
        arguments = ["--datadir", str(tmp_path), "proof", "verify"]
        for name, raw in (valid | files).items():
            path = tmp_path / name
            path.write_bytes(raw)
            arguments += [f"--{name}", str(path)]
        # A gnark key holds two points more than the others: there the formats are guessed from each file.
        if format_ != "gnark":
            arguments += ["--format", format_]
        status = run(arguments)
        return status, capfd.readouterr().err

    return verify_files


@pytest.mark.parametrize(("name", "format_", "raw", "text"), BAD)
def test_a_bad_file_is_refused_by_name_with_status_2(name, format_, raw, text, command):
    status, said = command(format_, **{name: raw})
    assert status == 2, said
    assert said.startswith("bitvm3: malformed: ")
    assert f"/{name}: " in said
    assert said.count("\n") == 1
    assert re.search(text, said), said


@pytest.mark.parametrize(("name", "format_", "raw", "text"), BAD)
def test_the_library_refuses_the_same_by_the_same_name(name, format_, raw, text):
    with pytest.raises(MalformedFault, match=text):
        _judged(FILES[format_] | {name: raw}, format_)


@pytest.mark.parametrize("format_", ["snarkjs", "eip197", "gnark", "arkworks"])
def test_valid_files_have_status_0_and_others_1(format_, command):
    assert command(format_) == (0, "")
    other = OTHERS[0][1].handle.encode(format_)
    status, said = command(format_, proof=other)
    assert status == 1
    assert said.startswith("bitvm3: invalid: ")


# BLS12-381: (0, 2) has order 3 in G1, and with x = 2 there is a point of the twist that is not of order r.
G1_OF_ORDER_3 = ["0", "2", "1"]
OTHER_TWIST = [
    ["2", "0"],
    [
        "188995492400578496451910581292546059920654572609832469388872107051048741028892423057992033888655218419282460458611",
        "434381874456081807472298918693162486998243066160460423017297172308631992219110538691921044767658182807847155297615",
    ],
    ["1", "0"],
]


@pytest.mark.parametrize(
    ("name", "field", "point"),
    [
        ("proof", "pi_a", G1_OF_ORDER_3),
        ("proof", "pi_c", G1_OF_ORDER_3),
        ("proof", "pi_b", OTHER_TWIST),
        ("key", "vk_alpha_1", G1_OF_ORDER_3),
        ("key", "vk_beta_2", OTHER_TWIST),
        ("key", "vk_delta_2", OTHER_TWIST),
    ],
)
def test_either_group_of_bls12_381_has_points_outside_its_subgroup(name, field, point, tmp_path, capfd):
    key, [(inputs, proof), *_] = triples("bls12_381_1")
    files = {"key": key, "proof": proof, "public": inputs}
    raw = {file: value.handle.encode("snarkjs") for file, value in files.items()}
    arguments = ["--datadir", str(tmp_path), "proof", "verify"]
    for file in files:
        arguments += [f"--{file}", str(tmp_path / file)]
        (tmp_path / file).write_bytes(raw[file])
    assert run(arguments) == 0
    changed = _bytes(json.loads(raw[name]) | {field: point})
    with pytest.raises(MalformedFault, match=f"{field}: expected a point of the subgroup of order r"):
        VerifyingKey.parse(changed) if name == "key" else Proof.parse(changed, Curve.BLS12_381)
    (tmp_path / name).write_bytes(changed)
    capfd.readouterr()
    assert run(arguments) == 2
    assert f"{name}, {field}: expected a point of the subgroup of order r" in capfd.readouterr().err


def test_a_key_of_another_circuit(command):
    other, _ = triples("bn254_3")
    status, said = command("snarkjs", key=other.handle.encode("snarkjs"))
    assert status == 2
    assert "public inputs: expected 3 of this key, got 1" in said
    alien = _at(VK, ["IC"], [VK["IC"][1], VK["IC"][0]])
    assert command("snarkjs", key=_bytes(alien))[0] == 1


def test_a_missing_file_and_an_unknown_format(command, tmp_path, capfd):
    assert command("snarkjs") == (0, "")
    files = ["--proof", str(tmp_path / "proof"), "--public", str(tmp_path / "public")]
    assert run(["proof", "verify", "--key", str(tmp_path / "none"), *files]) == 2
    assert "none: expected a readable file, got No such file" in capfd.readouterr().err
    assert run(["proof", "verify", "--key", str(tmp_path), *files]) == 2
    assert "expected a readable file" in capfd.readouterr().err
    assert run(["proof", "verify", "--key", str(tmp_path / "key"), *files, "--format", "plonk"]) == 2


def test_inspect(tmp_path, capfd):
    for name, raw in FILES["arkworks"].items():
        (tmp_path / name).write_bytes(raw)
    assert run(["--json", "proof", "inspect", str(tmp_path / "key")]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert shown == {
        "kind": "verifying key",
        "curve": "bn254",
        "format": "arkworks",
        "inputs": 1,
        "key": KEY.id.hex(),
    }
    assert run(["--json", "proof", "inspect", str(tmp_path / "proof")]) == 0
    assert json.loads(capfd.readouterr().out)["kind"] == "proof"
    assert run(["proof", "inspect", str(tmp_path / "public")]) == 2
    assert "malformed" in capfd.readouterr().err


def _same(encoding, raw, changed):
    """Whether a changed file still says the same: white space of JSON, and nothing else."""
    if encoding != "snarkjs":
        return False
    try:
        return json.loads(raw) == json.loads(changed)
    except ValueError:
        return False


def _judged(files, encoding):
    format_ = ENCODINGS[encoding]
    key = VerifyingKey.parse(files["key"], format_, Curve.BN254) if "key" in files else KEY
    proof = Proof.parse(files["proof"], Curve.BN254, format_)
    return verify(key, PublicInputs.parse(files["public"], Curve.BN254, format_), proof)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_changed_byte_never_verifies_and_never_crashes(data):
    encoding = data.draw(st.sampled_from(sorted(ENCODINGS)))
    files = FILES[encoding]
    name = data.draw(st.sampled_from(sorted(files)))
    raw = files[name]
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    changed = raw[:at] + bytes([byte]) + raw[at + 1 :]
    try:
        valid = _judged(files | {name: changed}, encoding)
    except MalformedFault:
        return
    assert not valid or _same(encoding, raw, changed)


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=600), encoding=st.sampled_from(sorted(ENCODINGS)))
def test_arbitrary_bytes_are_refused_by_name(raw, encoding):
    for read in (
        lambda: VerifyingKey.parse(raw, ENCODINGS[encoding]),
        lambda: VerifyingKey.parse(raw),
        lambda: Proof.parse(raw, Curve.BLS12_381),
    ):
        with pytest.raises(MalformedFault):
            read()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*VK, *PF, "x"]), inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(value=_JSON)
def test_arbitrary_json_is_refused_by_name(value):
    raw = json.dumps(value).encode()
    with pytest.raises(MalformedFault):
        VerifyingKey.parse(raw)
    with pytest.raises(MalformedFault):
        Proof.parse(raw, Curve.BN254)
