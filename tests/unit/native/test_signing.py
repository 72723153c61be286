"""Batches of MuSig2 sessions, presignatures and points: against btclib and coincurve, and on the consensus engine."""

import json
from collections.abc import Callable

import pytest
from coincurve import PublicKey
from ecc.ecc import musig2, ssa, ssa_adaptor
from hypothesis import given, settings
from hypothesis import strategies as st

from native import NativeError
from native._native.keys import Secret, Seed
from native._native.signing import (
    Presigning,
    add_points,
    aggregate_key,
    check_presignature,
    combine,
    complete,
    equal_nonces,
    extract,
    is_point,
    presign,
    verify,
)
from native._native.tapscript import taproot
from tests.unit.native.digit_leaf import Spend, leaf, position, stack
from tests.unit.native.group import ORDER, Item, Round, add, b32, cut, negated, play, point, scalar, secret, tagged
from tests.vectors.locate import reference

THREE = [secret("signer", i) for i in range(3)]
MESSAGE = b32(scalar("message"))


def adaptor_items(count: int) -> list[Item]:
    return [(b32(scalar("message", i)), secret("adaptor", i).point(), None) for i in range(count)]


@pytest.fixture(scope="module")
def round_of_three() -> Round:
    """Eight adaptor sessions, then one of every kind without an adaptor point."""
    plain: list[Item] = [(MESSAGE, None, None), (MESSAGE, None, b""), (MESSAGE, None, b32(scalar("root")))]
    return play(THREE, adaptor_items(8) + plain)


# ---- points and BIP340 -----------------------------------------------------------------------------------------------
def test_sums_and_combinations_are_what_coincurve_computes() -> None:
    numbers, weights = [scalar("p", i) for i in range(5)], [scalar("w", i) for i in range(5)]
    points = [point(number).format() for number in numbers]
    assert add_points(points) == PublicKey.combine_keys([PublicKey(p) for p in points]).format()
    total = sum(n * w for n, w in zip(numbers, weights, strict=True))
    assert combine(points, [b32(w) for w in weights]) == point(total).format()
    assert combine(points, [b32(1), *[bytes(32)] * 4]) == points[0]


def test_infinity_is_refused_as_a_sum() -> None:
    one = point(1).format()
    for call in (
        lambda: add_points([one, negated(one)]),
        lambda: add_points([]),
        lambda: combine([one, one], [b32(5), b32(ORDER - 5)]),
        lambda: combine([one], [bytes(32)]),
        lambda: combine([], []),
    ):
        with pytest.raises(NativeError, match="infinity"):
            call()


NO_POINTS = {
    "empty": b"",
    "infinity": bytes(33),
    "x-only": point(1).format()[1:],
    "uncompressed": point(1).format(compressed=False),
    "hybrid prefix": b"\x04" + point(1).format()[1:],
    "not on the curve": b"\x02" + b32(5),
    "above the field": b"\x02" + b"\xff" * 32,
}


@pytest.mark.parametrize("wrong", NO_POINTS.values(), ids=NO_POINTS)
def test_bytes_that_are_no_point_are_refused_by_name(wrong: bytes) -> None:
    good = point(1).format()
    assert is_point(good)
    assert not is_point(wrong)
    for call, field in (
        (lambda: add_points([good, wrong]), r"points\[1\]"),
        (lambda: combine([wrong], [b32(1)]), r"points\[0\]"),
        (lambda: aggregate_key([good, wrong]), r"keys\[1\]"),
        (lambda: Presigning([good, wrong], []), r"keys\[1\]"),
        (lambda: Presigning([good], [(MESSAGE, None, None), (MESSAGE, wrong, None)]), r"items\[1\], adaptor point"),
        (lambda: presign(THREE[0], MESSAGE, wrong, None), "point"),
        (lambda: check_presignature(THREE[0].xonly(), MESSAGE, wrong, bytes(65)), "point"),
    ):
        with pytest.raises(NativeError, match=f"^{field}"):
            call()


def test_scalars_are_refused_by_name() -> None:
    good = point(1).format()
    for scalars, field in (
        ([b32(1), ORDER.to_bytes(32, "big")], r"scalars\[1\]"),
        ([b32(1), bytes(31)], r"scalars\[1\]"),
        ([b32(1)], "scalars"),
    ):
        with pytest.raises(NativeError, match=f"^{field}"):
            combine([good, good], scalars)


def test_a_wrong_length_is_a_wrong_signature() -> None:
    key, signature = THREE[0].xonly(), THREE[0].sign(MESSAGE)
    assert verify(key, MESSAGE, signature)
    for wrong in (b"", signature[:-1], signature + b"\0"):
        assert not verify(key, MESSAGE, wrong)
    for wrong in (b"", key[:-1], THREE[0].point()):
        assert not verify(wrong, MESSAGE, signature)


# ---- batches ---------------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(signers=st.integers(2, 5), label=st.integers(0, 2**64), tweak=st.sampled_from([None, b"", b32(7)]))
def test_completing_shows_the_secret_to_who_holds_the_presignature(
    signers: int, label: int, tweak: bytes | None
) -> None:
    t = secret("t", label)
    played = play([secret("s", label, i) for i in range(signers)], [(b32(label), t.point(), tweak)])
    (presignature,) = played.presignatures
    key = played.key if tweak is None else taproot_key(played.key, tweak)
    assert ssa_adaptor.verify(presignature, b32(label), key, t.point())
    signature = complete(presignature, t)
    assert ssa.verify_(b32(label), key, signature)
    assert extract(presignature, signature) == b32(scalar("t", label))


def taproot_tweak(internal: bytes, root: bytes) -> bytes:
    return tagged("TapTweak", internal + root)


def taproot_key(internal: bytes, root: bytes) -> bytes:
    """BIP341's output key for a root, from coincurve."""
    return PublicKey(b"\x02" + internal).add(taproot_tweak(internal, root)).format()[1:]


def test_both_parities_of_the_nonce_occur_and_are_kept() -> None:
    played = play(THREE, adaptor_items(64))
    assert {presignature[0] for presignature in played.presignatures} == {2, 3}
    for i, presignature in enumerate(played.presignatures):
        flipped = bytes([presignature[0] ^ 1]) + presignature[1:]
        everything = [*played.presignatures[:i], flipped, *played.presignatures[i + 1 :]]
        assert played.batch.check(b"".join(everything)) == [i]
        message, t = b32(scalar("message", i)), secret("adaptor", i)
        assert not verify(played.key, message, complete(flipped, t))


def test_sessions_without_adaptor_point_make_signatures(round_of_three: Round) -> None:
    plain, no_tree, rooted = round_of_three.presignatures[8:]
    assert {plain[0], no_tree[0], rooted[0]} == {2}
    output_key, _, _ = taproot(round_of_three.key, [])
    for key, signature in (
        (round_of_three.key, plain),
        (output_key, no_tree),
        (taproot_key(round_of_three.key, b32(scalar("root"))), rooted),
    ):
        assert verify(key, MESSAGE, signature[1:])
        assert ssa.verify_(MESSAGE, key, signature[1:])


def test_a_session_of_one_signer_is_a_signature_too() -> None:
    played = play(THREE[:1], [(MESSAGE, None, None)])
    assert verify(played.key, MESSAGE, played.presignatures[0][1:])


@pytest.mark.parametrize("adaptor", [None, secret("adaptor").point()], ids=["signature", "presignature"])
@pytest.mark.parametrize("tweak", [None, b"", b32(scalar("root"))], ids=["leaf", "no tree", "root"])
def test_btclib_as_one_of_the_signers(adaptor: bytes | None, tweak: bytes | None) -> None:
    """Btclib signs as third party, over the shifted aggregate nonce; each side accepts the other's partials."""
    keys = [own.point() for own in THREE]
    batch = Presigning(keys, [(MESSAGE, adaptor, tweak)])
    seeds = [Seed.generate() for _ in range(2)]
    ours = [batch.public_nonces(seed, own) for seed, own in zip(seeds, THREE[:2], strict=True)]
    third = scalar("signer", 2)
    secret_nonce, nonce = musig2.nonce_gen(third, keys[2])
    nonces = [*ours, nonce]
    shared = musig2.nonce_agg_var(nonces)
    if adaptor:
        shared = add(PublicKey(shared[:33]), PublicKey(adaptor)).format() + shared[33:]
    tweaks = [] if tweak is None else [taproot_tweak(batch.aggregate_key[1:], tweak)]
    session = musig2.SessionContext(shared, keys, tweaks, [True] * len(tweaks), MESSAGE)
    partials = [batch.sign(seed, own, nonces) for seed, own in zip(seeds, THREE[:2], strict=True)]
    for signer in range(2):
        assert musig2.partial_sig_verify_(partials[signer], nonces[signer], keys[signer], session)
    partials.append(musig2.sign(secret_nonce, third, session))
    assert batch.check_partials(2, nonces, partials[2]) == []
    result = batch.aggregate(nonces, partials)
    assert batch.check(result) == []
    key = batch.aggregate_key[1:] if tweak is None else taproot_key(batch.aggregate_key[1:], tweak)
    if adaptor:
        assert ssa_adaptor.verify(result, MESSAGE, key, adaptor)
    else:
        assert result[1:] == musig2.partial_sig_agg(partials, session).serialize()
        assert ssa.verify_(MESSAGE, key, result[1:])


def test_the_order_of_the_keys_is_the_signers_and_not_sorted() -> None:
    keys = [own.point() for own in THREE]
    turned = [keys[1], keys[0], keys[2]]
    assert aggregate_key(keys) != aggregate_key(turned)
    assert aggregate_key(keys)[1:] == b32(musig2.key_agg_var(keys).Q[0])
    assert aggregate_key(turned)[1:] == b32(musig2.key_agg_var(turned).Q[0])
    assert Presigning(keys, []).aggregate_key == aggregate_key(keys)


def test_nonces_are_repeated_by_the_seed_and_by_nothing_else() -> None:
    keys = [own.point() for own in THREE]
    items: list[Item] = [(MESSAGE, None, None), (MESSAGE, None, None), (MESSAGE, secret("t").point(), None)]
    batch, seed = Presigning(keys, items), Seed.generate()
    nonces = batch.public_nonces(seed, THREE[0])
    assert Presigning(keys, items).public_nonces(seed, THREE[0]) == nonces
    others = [
        batch.public_nonces(Seed.generate(), THREE[0]),
        batch.public_nonces(seed, THREE[1]),
        Presigning(keys[::-1], items).public_nonces(seed, THREE[0]),
        Presigning(keys, [(b32(1), *item[1:]) for item in items]).public_nonces(seed, THREE[0]),
        Presigning(keys, [(item[0], secret("u").point(), None) for item in items]).public_nonces(seed, THREE[0]),
        Presigning(keys, [(*item[:2], b"") for item in items]).public_nonces(seed, THREE[0]),
    ]
    halves = [half for all_of_them in (nonces, *others) for half in cut(all_of_them, 33)]
    assert len(set(halves)) == len(halves) == 7 * 3 * 2


def test_an_empty_batch_has_nothing_to_sign() -> None:
    batch = Presigning([own.point() for own in THREE], [])
    assert len(batch) == 0
    assert batch.sign(Seed.generate(), THREE[0], [b""] * 3) == b""


def test_changed_partials_and_presignatures_are_found_by_index(round_of_three: Round) -> None:
    played = round_of_three
    for changed in ([0], [3, 5], [8, 9, 10]):
        partials = cut(played.partials[1], 32)
        presignatures = list(played.presignatures)
        for i in changed:
            partials[i] = b32(int.from_bytes(partials[i], "big") + 1)
            presignatures[i] = presignatures[i][:33] + b32(int.from_bytes(presignatures[i][33:], "big") + 1)
        assert played.batch.check_partials(1, played.nonces, b"".join(partials)) == changed
        wrong = [played.partials[0], b"".join(partials), played.partials[2]]
        assert played.batch.check(played.batch.aggregate(played.nonces, wrong)) == changed
        assert played.batch.check(b"".join(presignatures)) == changed
    assert played.batch.check_partials(0, played.nonces, played.partials[1]) == list(range(11))
    assert played.batch.check(bytes(65 * 11)) == list(range(11))
    swapped = [played.presignatures[1], played.presignatures[0], *played.presignatures[2:]]
    assert played.batch.check(b"".join(swapped)) == [0, 1]


def test_a_presignature_is_no_signature_and_the_other_way_round(round_of_three: Round) -> None:
    presignature, t = round_of_three.presignatures[0], secret("adaptor", 0)
    message = b32(scalar("message", 0))
    assert not verify(round_of_three.key, message, presignature[1:])
    signature = complete(presignature, t)
    assert verify(round_of_three.key, message, signature)
    assert not verify(round_of_three.key, message, complete(presignature, secret("adaptor", 1)))
    everything = [b"\x02" + signature, *round_of_three.presignatures[1:]]
    assert round_of_three.batch.check(b"".join(everything)) == [0]


# ---- what a batch refuses, each time naming the field ----------------------------------------------------------------
def sign(played: Round, **changes: object) -> bytes:
    given: dict[str, object] = {
        "seed": played.seeds[0],
        "secret": played.secrets[0],
        "nonces": played.nonces,
        **changes,
    }
    return played.batch.sign(given["seed"], given["secret"], given["nonces"])  # type: ignore[arg-type]


def replaced(parts: list[bytes], i: int, new: bytes) -> list[bytes]:
    return [*parts[:i], new, *parts[i + 1 :]]


def test_signing_refuses_nonces_that_are_not_the_seeds_own(round_of_three: Round) -> None:
    played = round_of_three
    assert sign(played) == played.partials[0]
    with pytest.raises(NativeError, match=r"nonces\[0\], session \d+: expected this signer's own nonce of this seed"):
        sign(played, seed=Seed.generate())
    own = cut(played.nonces[0], 66)
    own[5] = own[5][33:] + own[5][:33]
    with pytest.raises(NativeError, match=r"nonces\[0\], session 5"):
        sign(played, nonces=replaced(played.nonces, 0, b"".join(own)))
    with pytest.raises(NativeError, match=r"nonces\[0\], session \d+"):
        sign(played, nonces=[played.nonces[1], played.nonces[0], played.nonces[2]])
    with pytest.raises(NativeError, match="secret: expected the key of one of the signers"):
        sign(played, secret=secret("nobody"))
    with pytest.raises(NativeError, match="secret: expected the key of one of the signers"):
        played.batch.public_nonces(played.seeds[0], secret("nobody"))


def test_counts_and_lengths_are_refused_by_name(round_of_three: Round) -> None:
    played, batch = round_of_three, round_of_three.batch
    short = replaced(played.nonces, 2, played.nonces[2][:-1])
    calls: list[tuple[str, Callable[[], object]]] = [
        (r"nonces: expected one a signer, 3, got 2", lambda: sign(played, nonces=played.nonces[:2])),
        (r"nonces\[2\]: expected 11 \* 66 bytes", lambda: sign(played, nonces=short)),
        (r"nonces\[2\]: expected 11 \* 66 bytes", lambda: batch.check_partials(0, short, played.partials[0])),
        (r"nonces\[2\]: expected 11 \* 66 bytes", lambda: batch.aggregate(short, played.partials)),
        (
            r"partials: expected 11 \* 32 bytes",
            lambda: batch.check_partials(0, played.nonces, played.partials[0][:-32]),
        ),
        (r"partials: expected one a signer, 3, got 4", lambda: batch.aggregate(played.nonces, [*played.partials, b""])),
        (r"partials\[1\]: expected 11", lambda: batch.aggregate(played.nonces, replaced(played.partials, 1, b""))),
        (r"presignatures: expected 11 \* 65 bytes", lambda: batch.check(b"")),
        (r"signer: expected below 3", lambda: batch.check_partials(3, played.nonces, played.partials[0])),
        (r"signer", lambda: batch.check_partials(-1, played.nonces, played.partials[0])),
    ]
    for text, call in calls:
        with pytest.raises(NativeError, match=f"^{text}"):
            call()


def test_items_and_keys_are_refused_by_name() -> None:
    keys = [own.point() for own in THREE]
    calls: list[tuple[str, list[bytes], list[Item]]] = [
        ("keys: expected at least one", [], []),
        (r"keys\[2\]: expected a key of its own", [keys[0], keys[1], keys[0]], []),
        (r"items\[1\], message: expected 32 bytes, got 31", keys, [(MESSAGE, None, None), (bytes(31), None, None)]),
        (
            r"items\[0\].*tweak: expected nothing or a merkle root of 32 bytes, got 31",
            keys,
            [(MESSAGE, None, bytes(31))],
        ),
    ]
    for text, some, items in calls:
        with pytest.raises(NativeError, match=f"^{text}"):
            Presigning(some, items)


def test_infinity_is_refused_among_nonces() -> None:
    """A last signer who cancels what the others sent, in either half or together with the adaptor point."""
    keys, seed, t = [own.point() for own in THREE[:2]], Seed.generate(), secret("t").point()
    batch = Presigning(keys, [(MESSAGE, t, None)])
    ours = batch.public_nonces(seed, THREE[0])
    free = point(7).format()
    cancelled = negated(add(PublicKey(ours[:33]), PublicKey(t)).format())
    for text, theirs in (
        ("aggregate nonce R1: ", negated(ours[:33]) + free),
        ("aggregate nonce R2: ", free + negated(ours[33:])),
        (r"aggregate nonce R1 \+ adaptor point: ", cancelled + free),
    ):
        with pytest.raises(NativeError, match=f"nonces, session 0.*{text}expected a point, got infinity"):
            batch.sign(seed, THREE[0], [ours, theirs])
        with pytest.raises(NativeError, match="infinity"):
            batch.check_partials(0, [ours, theirs], bytes(32))
        with pytest.raises(NativeError, match="infinity"):
            batch.aggregate([ours, theirs], [bytes(32)] * 2)


def test_partials_above_the_order_are_refused_by_name(round_of_three: Round) -> None:
    wrong = cut(round_of_three.partials[2], 32)
    wrong[4] = ORDER.to_bytes(32, "big")
    partials = replaced(round_of_three.partials, 2, b"".join(wrong))
    with pytest.raises(NativeError, match=r"partials\[2\], session 4: expected 32 bytes below the group order"):
        round_of_three.batch.aggregate(round_of_three.nonces, partials)
    assert round_of_three.batch.check_partials(2, round_of_three.nonces, partials[2]) == [4]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_hostile_bytes_are_an_error_or_a_failing_session_and_never_a_crash(data: st.DataObject, hostile: Round) -> None:
    played, batch = hostile, hostile.batch
    which = data.draw(st.sampled_from(["nonces", "partials", "presignatures"]))
    good = {
        "nonces": played.nonces[1],
        "partials": played.partials[1],
        "presignatures": b"".join(played.presignatures),
    }[which]
    start = data.draw(st.integers(0, len(good) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=33) | st.sampled_from([bytes(33), b"\xff" * 32]))
    changed = (good[:start] + junk + good[start + len(junk) :])[: len(good)]
    try:
        match which:
            case "nonces":
                failing = batch.check_partials(1, replaced(played.nonces, 1, changed), played.partials[1])
            case "partials":
                failing = batch.check_partials(1, played.nonces, changed)
            case _:
                failing = batch.check(changed)
    except NativeError as error:
        assert "nonces" in str(error)
    else:
        assert (failing == []) is (changed == good)


@pytest.fixture(scope="module")
def hostile() -> Round:
    return play(THREE[:2], adaptor_items(3))


# ---- presignatures ---------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(label=st.integers(0, 2**64), fixed=st.booleans())
def test_a_single_signers_presignature(label: int, fixed: bool) -> None:
    own, t, message = secret("own", label), secret("t", label), b32(label)
    presignature = presign(own, message, t.point(), b32(label) if fixed else None)
    assert presignature[0] == 2
    assert check_presignature(own.xonly(), message, t.point(), presignature)
    assert ssa_adaptor.verify(presignature, message, own.xonly(), t.point())
    signature = complete(presignature, t)
    assert ssa.verify_(message, own.xonly(), signature)
    assert extract(presignature, signature) == b32(scalar("t", label))
    for wrong in (
        (t.xonly(), message, t.point()),
        (own.xonly(), b32(label + 1), t.point()),
        (own.xonly(), message, negated(t.point())),
    ):
        assert not check_presignature(*wrong, presignature)


@settings(max_examples=30, deadline=None)
@given(label=st.integers(0, 2**64))
def test_btclibs_presignatures_of_either_parity_are_read(label: int) -> None:
    own, t, message = scalar("own", label), scalar("t", label), b32(label)
    adaptor = point(t).format()
    presignature = ssa_adaptor.presign(message, own, adaptor)
    assert check_presignature(secret("own", label).xonly(), message, adaptor, presignature)
    signature = complete(presignature, Secret.from_revealed(b32(t)))
    assert signature == ssa_adaptor.adapt(presignature, t).serialize()
    assert extract(presignature, signature) == b32(t)


def test_the_reference_models_presignature() -> None:
    vector = json.loads(reference("dispute_vectors.json").read_text())["adaptor"]
    key, t = (int(vector[name], 16) for name in ("pubkey_x", "secret"))
    nonce, s = vector["presignature"]
    presignature = bytes.fromhex(nonce) + b32(int(s, 16))
    message, adaptor, signature = (bytes.fromhex(vector[name]) for name in ("message", "point", "signature"))
    assert check_presignature(b32(key), message, adaptor, presignature)
    assert complete(presignature, Secret.from_revealed(b32(t))) == signature
    assert extract(presignature, signature) == b32(t)
    assert verify(b32(key), message, signature)


def test_presignatures_and_signatures_are_refused_by_name() -> None:
    own, t = secret("own"), secret("t")
    good = presign(own, MESSAGE, t.point(), None)
    signature = complete(good, t)
    other = complete(presign(own, MESSAGE, t.point(), None), t)
    calls: list[tuple[str, Callable[[], object]]] = [
        ("presignature: expected 65 bytes, got 64", lambda: complete(good[1:], t)),
        ("presignature's nonce R'", lambda: complete(bytes(33) + good[33:], t)),
        ("presignature's scalar s'", lambda: complete(good[:33] + b"\xff" * 32, t)),
        ("signature: expected 64 bytes, got 65", lambda: extract(good, b"\0" + signature)),
        ("signature: expected the nonce of the presignature", lambda: extract(good, other)),
        ("signature's scalar s", lambda: extract(good, signature[:32] + b"\xff" * 32)),
        ("signature: expected a completed one", lambda: extract(good, good[1:])),
        ("message: expected 32 bytes", lambda: presign(own, MESSAGE[1:], t.point(), None)),
        ("aux: expected 32 bytes", lambda: presign(own, MESSAGE, t.point(), b"")),
        ("xonly", lambda: check_presignature(b32(5), MESSAGE, t.point(), good)),
        ("xonly", lambda: check_presignature(own.point(), MESSAGE, t.point(), good)),
    ]
    for text, call in calls:
        with pytest.raises(NativeError, match=f"^{text}"):
            call()
    for wrong in (b"", good[1:], bytes(65), bytes(33) + good[33:], good[:33] + b"\xff" * 32):
        assert not check_presignature(own.xonly(), MESSAGE, t.point(), wrong)


def test_equal_nonces_are_looked_for_within_groups_only() -> None:
    a, b, c = (presign(secret(name), MESSAGE, point(3).format(), bytes(32)) for name in "abc")
    assert equal_nonces(a + b + c + a, 2) == []
    assert equal_nonces(a + b + c + a, 4) == [3]
    assert equal_nonces(a + a + b + b + c + c, 3) == [1, 5]
    assert equal_nonces(a + b"\x03" + a[1:], 2) == [1], "the parity makes no other nonce for a BIP340 signature"
    assert equal_nonces(b"", 16) == []
    for presignatures, group in ((a, 2), (a[:-1], 1), (a, 0)):
        with pytest.raises(NativeError, match="presignatures: expected whole groups"):
            equal_nonces(presignatures, group)


# ---- the digit leaf, on the consensus engine -------------------------------------------------------------------------
DIGITS, BITS = 128, 4
CLAIMANT = secret("claimant")


@pytest.fixture(scope="module")
def assertion() -> tuple[Spend, list[list[Secret]], list[list[bytes]]]:
    """128 four-bit digits presigned by three parties: the spend, the secret and the presignature of every value."""
    key = aggregate_key([own.point() for own in THREE])
    spend = Spend(script=leaf(CLAIMANT.xonly(), key[1:], DIGITS))
    messages = spend.messages(DIGITS)
    assert len(set(messages)) == DIGITS
    secrets = [[secret("digit", w, v) for v in range(1 << BITS)] for w in range(DIGITS)]
    items: list[Item] = [(messages[w], own.point(), None) for w, row in enumerate(secrets) for own in row]
    played = play(THREE, items)
    assert equal_nonces(b"".join(played.presignatures), 1 << BITS) == []
    rows = [played.presignatures[w << BITS : (w + 1) << BITS] for w in range(DIGITS)]
    return spend, secrets, rows


def test_a_digit_leaf_publishes_digits_and_refuses_everything_else(
    assertion: tuple[Spend, list[list[Secret]], list[list[bytes]]],
) -> None:
    spend, secrets, rows = assertion
    digits = [scalar("value", w) % (1 << BITS) for w in range(DIGITS)]
    signatures = [complete(rows[w][v], secrets[w][v]) for w, v in enumerate(digits)]
    first = CLAIMANT.sign(spend.messages(1)[0])
    assert spend.accepted(stack(signatures, first))

    # everybody who holds the presignatures reads digits and secrets from the witness
    for w, v in enumerate(digits):
        assert [u for u in range(1 << BITS) if rows[w][u][1:33] == signatures[w][:32]] == [v]
        assert Secret.from_revealed(extract(rows[w][v], signatures[w])).point() == secrets[w][v].point()

    def with_digit(w: int, signature: bytes) -> list[bytes]:
        return stack(replaced(signatures, w, signature), first)

    v, other = digits[3], (digits[3] + 1) % (1 << BITS)
    assert spend.accepted(with_digit(3, complete(rows[3][other], secrets[3][other]))), "another value is as good"
    refused = {
        "the bare presignature": with_digit(3, rows[3][v][1:]),
        "the secret of another value": with_digit(3, complete(rows[3][v], secrets[3][other])),
        "the secret of another digit": with_digit(3, complete(rows[3][v], secrets[4][digits[4]])),
        "a flipped bit": with_digit(3, signatures[3][:-1] + bytes([signatures[3][-1] ^ 1])),
        "an empty signature": with_digit(3, b""),
        "an explicit hash type": with_digit(3, signatures[3] + b"\x01"),
        "one signature for two digits": with_digit(4, signatures[3]),
        "two digits swapped": stack([*signatures[:3], signatures[4], signatures[3], *signatures[5:]], first),
        "the group alone": stack(signatures, signatures[0]),
        "the claimant's place empty": stack(signatures, b""),
        "the claimant over another digit's message": stack(signatures, CLAIMANT.sign(spend.messages(2)[1])),
        "too few": stack(signatures[:-1], first),
        "too many": stack([*signatures, signatures[-1]], first),
    }
    for name, witness in refused.items():
        assert not spend.accepted(witness), name
    good = stack(signatures, first)
    changed = {
        "version": spend.but(version=2),
        "lock time": spend.but(lock_time=1),
        "sequence": spend.but(sequence=0xFFFFFFFE),
        "outpoint": spend.but(txid=bytes(32)),
        "value of the spent output": spend.but(spent_value=spend.spent_value + 1),
        "value of an output": spend.but(outputs=((98_999, spend.outputs[0][1]), spend.outputs[1])),
        "script of an output": spend.but(outputs=((99_000, b"\x51\x20" + bytes(32)), spend.outputs[1])),
        "one output less": spend.but(outputs=spend.outputs[:1]),
        "outputs exchanged": spend.but(outputs=spend.outputs[::-1]),
        "an annex": spend.but(annex=b"\x50"),
        "another claimant": spend.but(script=leaf(secret("x").xonly(), spend.script[35:67], DIGITS)),
        "another group": spend.but(script=leaf(CLAIMANT.xonly(), secret("x").xonly(), DIGITS)),
    }
    for name, other_spend in changed.items():
        assert not other_spend.accepted(good), name


def test_positions_of_the_digit_leaf_are_opcode_indices() -> None:
    opcodes = ["<first>", "CHECKSIGVERIFY", "<K>", *["TUCK", "CHECKSIGVERIFY", "CODESEPARATOR"] * 3, "CHECKSIG"]
    at = [i for i, opcode in enumerate(opcodes) if opcode == "CODESEPARATOR"]
    assert [position(w) for w in range(4)] == [0xFFFFFFFF, *at]
