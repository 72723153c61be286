"""Attacks on signing: each runs against the broken construction and wins, then against the product and loses.

Numbers are those of the list of attacks in the design (digits' signatures swapped 11, nonces 16, equal nonces 17).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import pytest
from coincurve import PublicKey

from native import NativeError
from native._native.keys import Secret, Seed
from native._native.signing import (
    Presigning,
    aggregate_key,
    check_presignature,
    complete,
    equal_nonces,
    extract,
    presign,
    verify,
)
from tests.unit.native.digit_leaf import Spend, leaf, leaf_without_separators, stack
from tests.unit.native.group import ORDER, add, b32, challenge, cut, negated, play, point, scalar, secret, tagged

MESSAGE = b32(scalar("sighash"))


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def inverse(value: int) -> int:
    return pow(value, -1, ORDER)


def times(what: bytes, factor: int) -> PublicKey:
    return PublicKey(what).multiply(b32(factor))


# ---- a MuSig2 session in plain numbers, as an attacker sees it -------------------------------------------------------
Where = Literal["before", "after"]  # the adaptor point joins before or after the nonce coefficient is hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What everybody can compute of one session: coefficient b, nonce R', challenge e."""

    keys: list[bytes]
    b: int
    nonce: PublicKey
    e: int

    @property
    def sign(self) -> int:
        """BIP340 takes the even one of R' and -R'."""
        return 1 if self.nonce.format()[0] == 2 else -1

    def weight(self, signer: int) -> int:
        """What the signer's secret key is multiplied with in its partial signature."""
        even = aggregate_key(self.keys)[0] == 2
        return self.e * key_coefficient(self.keys, signer) * (1 if even else -1) % ORDER


def key_coefficient(keys: list[bytes], signer: int) -> int:
    """BIP327's KeyAggCoeff for distinct keys."""
    if signer == 1:
        return 1
    listed = tagged("KeyAgg list", b"".join(keys))
    return number(tagged("KeyAgg coefficient", listed + keys[signer])) % ORDER


def session(keys: list[bytes], nonces: Sequence[bytes], message: bytes, adaptor: bytes, where: Where) -> Session:
    key = aggregate_key(keys)
    first = add(*(PublicKey(nonce[:33]) for nonce in nonces))
    second = add(*(PublicKey(nonce[33:]) for nonce in nonces))
    shifted = add(first, PublicKey(adaptor))
    hashed = (shifted if where == "before" else first).format() + second.format()
    b = number(tagged("MuSig/noncecoef", hashed + key[1:] + message)) % ORDER
    nonce = add(shifted, times(second.format(), b))
    return Session(keys=keys, b=b, nonce=nonce, e=challenge(nonce.format()[1:], key[1:], message))


def partial(own: int, signer: int, nonce: tuple[int, int], values: Session) -> int:
    """The partial signature of a signer in plain numbers."""
    return (values.sign * (nonce[0] + values.b * nonce[1]) + values.weight(signer) * own) % ORDER


def public(nonce: tuple[int, int]) -> bytes:
    return point(nonce[0]).format() + point(nonce[1]).format()


HONEST, CHEAT = scalar("honest"), scalar("cheat")
PAIR = [point(HONEST).format(), point(CHEAT).format()]


# ---- 11: two digits' signatures swapped ------------------------------------------------------------------------------
def asserted(script: bytes, digits: int) -> tuple[Spend, list[bytes], bytes, list[bytes]]:
    """A leaf's spend with one completed signature a digit, the first key's signature, and the presignatures."""
    spend = Spend(script=script)
    separated = b"\xab" in script[67:]
    messages = spend.messages(digits) if separated else spend.messages(1) * digits
    own = secret("K")
    secrets = [secret("digit", w) for w in range(digits)]
    pairs = zip(messages, secrets, strict=True)
    presignatures = [presign(own, message, t.point(), None) for message, t in pairs]
    signatures = [complete(p, t) for p, t in zip(presignatures, secrets, strict=True)]
    return spend, signatures, secret("first").sign(messages[0]), presignatures


def test_11_two_digits_signatures_swapped() -> None:
    first, key, digits = secret("first").xonly(), secret("K").xonly(), 4
    spend, good, of_first, presignatures = asserted(leaf_without_separators(first, key, digits), digits)
    assert spend.accepted(stack(good, of_first))
    assert spend.accepted(stack([good[1], good[0], *good[2:]], of_first)), "broken: digits change places"
    assert spend.accepted(stack([good[2]] * digits, of_first)), "broken: one signature shows one secret for all digits"

    spend, good, of_first, presignatures = asserted(leaf(first, key, digits), digits)
    assert spend.accepted(stack(good, of_first))
    for w in range(digits):
        for other in set(range(digits)) - {w}:
            swapped = list(good)
            swapped[w], swapped[other] = good[other], good[w]
            assert not spend.accepted(stack(swapped, of_first))
            copied = [*good[:w], good[other], *good[w + 1 :]]
            assert not spend.accepted(stack(copied, of_first))
            with pytest.raises(NativeError, match="another nonce"):
                extract(presignatures[w], good[other])


# ---- 16: nonces that repeat ------------------------------------------------------------------------------------------
def key_from_two_presignatures(first: bytes, second: bytes, key: bytes) -> int:
    """The secret key, if both presignatures over MESSAGE had one nonce: z1 - z2 = (e1 - e2) d."""
    e1, e2 = (challenge(p[1:33], key, MESSAGE) for p in (first, second))
    return (number(first[33:]) - number(second[33:])) * inverse(e1 - e2) % ORDER


def test_16_a_nonce_from_the_sighash_only_leaks_a_single_signers_key() -> None:
    d = next(d for i in range(99) if point(d := scalar("K", i)).format()[0] == 2)
    own, key = Secret.from_revealed(b32(d)), point(d).format()[1:]
    r = number(sha256(b32(d) + MESSAGE).digest())
    broken = []
    for value in range(64):  # values whose R' is even as it stands, so that none needs another nonce
        t = secret("value", value).point()
        nonce = add(point(r), PublicKey(t)).format()
        if nonce[0] == 2:
            broken.append(nonce + b32(r + challenge(nonce[1:], key, MESSAGE) * d))
            assert check_presignature(key, MESSAGE, t, broken[-1])
    assert key_from_two_presignatures(broken[0], broken[1], key) == d

    points = [secret("value", value).point() for value in range(16)]
    ours = [presign(own, MESSAGE, t, bytes(32)) for t in points]
    nonces = {add(PublicKey(p[:33]), PublicKey(negated(t))).format() for p, t in zip(ours, points, strict=True)}
    assert len(nonces) == 16
    for other in ours[1:]:
        assert key_from_two_presignatures(ours[0], other, key) != d


def key_from_three_partials(values: list[Session], partials: list[int], signer: int) -> int:
    """The signer's secret key, if three sessions had one nonce: s = sign*k1 + sign*b*k2 + weight*x (Cramer)."""
    rows = [(v.sign, v.sign * v.b, v.weight(signer)) for v in values]

    def determinant(columns: Sequence[Sequence[int]]) -> int:
        (a, b, c), (d, e, f), (g, h, i) = columns
        return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)

    with_partials = [(row[0], row[1], s) for row, s in zip(rows, partials, strict=True)]
    return determinant(with_partials) * inverse(determinant(rows)) % ORDER


def test_16_a_nonce_from_the_sighash_only_leaks_a_group_members_key() -> None:
    points = [secret("value", value).point() for value in range(3)]
    batch = Presigning(PAIR, [(MESSAGE, t, None) for t in points])
    repeated = (scalar("k1", HONEST, MESSAGE), scalar("k2", HONEST, MESSAGE))
    theirs = cut(batch.public_nonces(Seed.generate(), secret("cheat")), 66)
    values = [session(PAIR, [public(repeated), n], MESSAGE, t, "before") for n, t in zip(theirs, points, strict=True)]
    partials = [partial(HONEST, 0, repeated, v) for v in values]
    nonces = [public(repeated) * 3, b"".join(theirs)]
    assert batch.check_partials(0, nonces, b"".join(map(b32, partials))) == [], "nothing tells from outside"
    assert key_from_three_partials(values, partials, 0) == HONEST

    played = play([secret("honest"), secret("cheat")], [(MESSAGE, t, None) for t in points])
    own = cut(played.nonces[0], 66)
    assert len({half for nonce in own for half in cut(nonce, 33)}) == 6
    both = zip(own, cut(played.nonces[1], 66), points, strict=True)
    values = [session(PAIR, [mine, other], MESSAGE, t, "before") for mine, other, t in both]
    assert [v.nonce.format() for v in values] == [p[:33] for p in played.presignatures], "the same arithmetic"
    assert key_from_three_partials(values, [number(s) for s in cut(played.partials[0], 32)], 0) != HONEST


SESSIONS = 256
HARMLESS, FORGED = b32(scalar("harmless")), b32(scalar("forged"))


def forged(where: Where, ask: "Ask", honest_nonces: list[bytes]) -> bytes:
    """A signature of the pair over FORGED that the honest one never signed, from 256 sessions over HARMLESS.

    Benhamouda, Lepoint, Loss, Orru, Raykova, "On the (in)security of ROS" (ePrint 2020/945). The cheat learns the
    honest nonces N, prepares two adaptor points and so two challenges a session, fixes a nonce R* = sum rho*N - rho0*P
    and its challenge, and lets every session answer to the challenge that this one's bit names. It needs N not to
    change with the adaptor point.
    """
    key, own = aggregate_key(PAIR), (scalar("cheat's k1"), scalar("cheat's k2"))
    choices: list[list[tuple[bytes, Session]]] = []
    for i, nonce in enumerate(honest_nonces):
        row: list[tuple[bytes, Session]] = []
        attempt = 0
        while len(row) < 2:
            t = point(scalar("cheat's point", i, attempt)).format()
            attempt += 1
            values = session(PAIR, [nonce, public(own)], HARMLESS, t, where)
            if values.sign == 1:
                row.append((t, values))
        choices.append(row)
    weights = [(zero.weight(0), one.weight(0)) for (_, zero), (_, one) in choices]
    rho = [2**i * inverse(one - zero) % ORDER for i, (zero, one) in enumerate(weights)]
    constant = -sum(r * zero for r, (zero, _) in zip(rho, weights, strict=True)) % ORDER
    seen = [
        add(PublicKey(nonce[:33]), times(nonce[33:], row[0][1].b))
        for nonce, row in zip(honest_nonces, choices, strict=True)
    ]
    total = add(*(times(n.format(), r) for n, r in zip(seen, rho, strict=True)), times(PAIR[0], ORDER - constant))
    extra = next(k for k in range(1, 99) if add(total, point(k)).format()[0] == 2)
    nonce_x = add(total, point(extra)).format()[1:]
    target = Session(keys=PAIR, b=0, nonce=total, e=challenge(nonce_x, key[1:], FORGED))
    bits = target.weight(0)
    answers = [ask(i, *choices[i][bits >> i & 1], public(own)) for i in range(SESSIONS)]
    s = sum(r * answer for r, answer in zip(rho, answers, strict=True)) + extra + target.weight(1) * CHEAT
    return nonce_x + b32(s)


class Ask:
    """The honest signer in plain numbers: answers every session once, to whatever adaptor point it is then told."""

    def __init__(self) -> None:
        self.nonces = [(scalar("honest k1", i), scalar("honest k2", i)) for i in range(SESSIONS)]

    def __call__(self, i: int, adaptor: bytes, values: Session, cheats_nonce: bytes) -> int:
        return partial(HONEST, 0, self.nonces[i], values)


class AskTheProduct(Ask):
    """The product as the honest signer: its items, adaptor points included, stand before any nonce does."""

    def __init__(self) -> None:
        self.seed = Seed.generate()
        first: list[tuple[bytes, bytes | None, bytes | None]] = [
            (HARMLESS, point(scalar("cheat's point", i, 0)).format(), None) for i in range(SESSIONS)
        ]
        self.public = cut(Presigning(PAIR, first).public_nonces(self.seed, secret("honest")), 66)

    def __call__(self, i: int, adaptor: bytes, values: Session, cheats_nonce: bytes) -> int:
        batch = Presigning(PAIR, [(HARMLESS, adaptor, None)])
        return number(batch.sign(self.seed, secret("honest"), [self.public[i], cheats_nonce]))


def test_16_an_adaptor_point_added_after_the_nonce_coefficient_lets_a_cheat_forge() -> None:
    """With the point outside the coefficient the honest nonce stays while the cheat chooses the challenge."""
    signer = Ask()
    nonces = [public(nonce) for nonce in signer.nonces]
    key = aggregate_key(PAIR)[1:]
    assert verify(key, FORGED, forged("after", signer, nonces)), "broken: a message nobody signed"
    assert not verify(key, FORGED, forged("before", signer, nonces)), "inside, the honest nonce changes with the point"

    product = AskTheProduct()
    with pytest.raises(NativeError, match=r"nonces\[0\], session 0: expected this signer's own nonce"):
        forged("before", product, product.public)


# ---- 17: equal R' over the values of a digit -------------------------------------------------------------------------
@pytest.mark.parametrize("parities", [[2] * 16, [2, 3] * 8], ids=["all even", "both parities"])
def test_17_equal_nonces_make_one_signature_assert_every_value(parities: list[int]) -> None:
    """Whoever knows all t (the claimant) and owns the nonces can take r = rho - t: every R' is rho*G."""
    rho = next(x for i in range(99) if point(x := scalar("rho", i)).format()[0] == 2)
    alone = scalar("G")
    key = aggregate_key([point(alone).format()])
    d = alone * key_coefficient([point(alone).format()], 0) * (1 if key[0] == 2 else -1) % ORDER
    values = [scalar("t", v) for v in range(16)]
    batch = Presigning([point(alone).format()], [(MESSAGE, point(t).format(), None) for t in values])
    nonce_x = point(rho).format()[1:]
    final = (rho + challenge(nonce_x, key[1:], MESSAGE) * d) % ORDER
    presignatures = []
    for t, parity in zip(values, parities, strict=True):
        s = final - t if parity == 2 else final + t
        presignatures.append(bytes([parity]) + nonce_x + b32(s))
    together = b"".join(presignatures)
    assert batch.check(together) == [], "each of them is valid"
    signature = complete(presignatures[0], Secret.from_revealed(b32(values[0])))
    assert verify(key[1:], MESSAGE, signature)
    assert [extract(p, signature) for p in presignatures] == [b32(t) for t in values], "broken: all values at once"

    assert equal_nonces(together, 16) == list(range(1, 16)), "ours: such a round is refused"
    honest = play([Secret.from_revealed(b32(alone))], [(MESSAGE, point(t).format(), None) for t in values])
    assert equal_nonces(b"".join(honest.presignatures), 16) == []
    signature = complete(honest.presignatures[0], Secret.from_revealed(b32(values[0])))
    for other in honest.presignatures[1:]:
        with pytest.raises(NativeError, match="another nonce"):
            extract(other, signature)
