"""What contradicts Terms or another party is a Deviation with the field named. Each case changes one valid thing."""

import msgspec
import pytest

from challenge.bodies import decode_kept, encode_kept
from challenge.checks import CHECKS, check_fact, terms_of
from challenge.facts import KINDS, key
from challenge.faults import Deviation, Refused
from circuits.cut_and_choose import PROFILES
from tests.unit.challenge.ceremony import (
    BABE_PROPOSAL,
    BORROWER,
    CHALLENGER,
    KIT,
    LENDER,
    PARTIES,
    PROPOSAL,
    kept_of,
    made_up,
)
from vault.agreement import encode

KEYS = {key("keys", p): encode(KIT.keys_of(p)) for p in PARTIES}


def check(known, name, value):
    kind, *rest = name.split("/")
    check_fact(PROPOSAL, known, kind, tuple(map(int, rest)), value)


def refused(known, name, value, *words):
    with pytest.raises(Deviation) as deviation:
        check(known, name, value)
    for word in (name.split("/")[0], *words):
        assert word in deviation.value.reason


def keys(party, **fields):
    return encode(msgspec.structs.replace(KIT.keys_of(party), **fields))


def test_every_check_is_of_a_known_kind():
    assert CHECKS.keys() <= KINDS.keys()


@pytest.mark.parametrize("party", PARTIES)
def test_good_keys_pass_alone_and_last(party):
    others = {name: value for name, value in KEYS.items() if name != f"keys/{party}"}
    check({}, f"keys/{party}", KEYS[f"keys/{party}"])
    check(others, f"keys/{party}", KEYS[f"keys/{party}"])
    assert terms_of(PROPOSAL, KEYS) == KIT.terms


def test_keys_of_another_party_are_refused():
    refused({}, "keys/1", KEYS["keys/2"], "name party 2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("musig", bytes(33)),
        ("personal", bytes(32)),
        ("payout_script", b""),
        ("change_script", bytes(34)),
        ("nonce", bytes(31)),
        ("bonds", ()),
        ("hashlock_a", bytes(32)),
        ("hashlocks_r", (bytes(32),)),
        ("hashlocks_r", ()),
        ("prefund_inputs", KIT.keys_of(BORROWER).prefund_inputs),
    ],
)
def test_keys_with_one_wrong_field_name_it(field, value):
    refused({}, "keys/1", keys(LENDER, **{field: value}), "keys[1]", field)


@pytest.mark.parametrize(
    ("field", "word"), [("musig", "keys of all parties"), ("personal", "keys of all parties"), ("nonce", "nonces")]
)
def test_keys_taken_from_another_party_are_refused_by_whoever_knows_both(field, word):
    copied = keys(CHALLENGER, **{field: getattr(KIT.keys_of(LENDER), field)})
    check({"keys/0": KEYS["keys/0"]}, "keys/2", copied)
    refused({name: KEYS[name] for name in ("keys/0", "keys/1")}, "keys/2", copied, word)


@pytest.mark.parametrize("value", [b"", b"\x00", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x91" * 5000, KEYS["keys/1"][:-1]])
def test_keys_that_do_not_parse_are_refused(value):
    refused({}, "keys/1", value)


def test_keys_with_a_field_nobody_knows_are_refused():
    value = msgspec.msgpack.decode(KEYS["keys/1"])
    refused({}, "keys/1", msgspec.msgpack.encode({**value, "more": 1}))


def test_keys_in_another_order_of_fields_are_refused():
    value = msgspec.msgpack.decode(KEYS["keys/1"])
    refused({}, "keys/1", msgspec.msgpack.encode(dict(reversed(value.items()))), "canonical")


# ---- kept sets
PROFILE = PROFILES[PROPOSAL.graphs[0].profile]
LAST = PROFILE.instances - 1
INDICES = tuple(range(PROFILE.instances - PROFILE.kept, PROFILE.instances))


def raw(indices):
    return b"".join(i.to_bytes(2, "big") for i in indices)


def test_a_kept_set_passes_and_reads_back():
    check({}, "kept/0/2", raw(INDICES))
    check({}, "kept/0/2", kept_of(0))
    assert encode_kept(INDICES) == raw(INDICES)
    assert decode_kept(raw(INDICES), instances=PROFILE.instances, kept=PROFILE.kept, name="kept/0/2") == INDICES


@pytest.mark.parametrize(
    "value",
    [
        b"",
        raw(INDICES[1:]),
        raw((INDICES[0] - 1, *INDICES)),
        raw(INDICES) + b"\x00",
        raw((INDICES[0], INDICES[0], *INDICES[2:])),  # one index twice
        raw(tuple(reversed(INDICES))),
        raw((*INDICES[:-1], LAST + 1)),  # there is no such instance
        raw((*INDICES[:-1], 65_535)),
    ],
)
def test_a_kept_set_of_another_shape_is_refused(value):
    refused({}, "kept/0/2", value)


def test_every_profile_fits_into_a_kept_fact():
    for profile in PROFILES.values():
        assert 0 < profile.kept < profile.instances <= 65_536
        assert 2 * profile.kept <= KINDS["kept"].limit


# ---- what all must agree on
@pytest.mark.parametrize("kind", ["digest", "ready"])
def test_all_parties_state_the_same(kind):
    value = made_up(kind)
    known = {key(kind, 0): value}
    check({}, f"{kind}/1", value)
    check(known, f"{kind}/1", value)
    refused(known, f"{kind}/1", made_up("another"), "party 1", "party 0", made_up("another").hex()[:16])
    refused({}, f"{kind}/1", value[:-1], "32 bytes expected, 31 came")
    refused({}, f"{kind}/1", b"")


# ---- claims of engine babe
@pytest.mark.parametrize("name", ["want_claim/0", "proof/1"])
def test_a_claim_of_engine_babe_takes_a_proof(name):
    kind, graph = name.split("/")
    check_fact(BABE_PROPOSAL, {}, kind, (int(graph),), bytes(256))
    for size in (0, 255, 257):
        with pytest.raises(Refused, match=f"256 bytes, {size} came"):
            check_fact(BABE_PROPOSAL, {}, kind, (int(graph),), bytes(size))


def test_a_claim_of_engine_core_takes_any_digits():
    check({}, "want_claim/0", bytes(12))


@pytest.mark.parametrize(("kind", "indices"), [("verdict", (0, 5)), ("proven", (0,)), ("answer", (0, 1, 5))])
def test_what_a_job_found_is_yes_or_no(kind, indices):
    for value in (b"\x00", b"\x01"):
        check_fact(BABE_PROPOSAL, {}, kind, indices, value)
    for value in (b"", b"\x02", b"\x01\x00"):
        with pytest.raises(Refused, match="01 or 00 expected"):
            check_fact(BABE_PROPOSAL, {}, kind, indices, value)


# ---- the repayment preimage
def test_only_the_preimage_of_the_lenders_hashlock_is_a_release():
    for slot in range(len(PROPOSAL.slots)):
        check(KEYS, f"release/{slot}", KIT.r(slot))
    for wrong in (KIT.r(1), KIT.r(0)[:-1], KIT.r(0) + b"\x00", bytes(32), b"", KIT.a):
        with pytest.raises(Refused, match="release/0: this is not the preimage"):
            check(KEYS, "release/0", wrong)
