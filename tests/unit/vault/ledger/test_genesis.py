"""Genesis: one form, one id; a valid genesis with one field changed is refused by that field's name."""

import msgspec
import pytest
from msgspec.structs import replace

from tests.cases import outcome
from tests.models import ledger as model
from vault.ledger import commit, forms
from vault.ledger.faults import GenesisFault
from vault.ledger.genesis import check_genesis, decode_genesis, encode_genesis, genesis_from_json

GOOD = outcome.genesis()
# A point of the curve outside the subgroup of prime order: (0, -1), of order 2.
SMALL = bytes(32) + (21888242871839275222246405745257275088548364400416034343698204186575808495616).to_bytes(32, "big")


def attestors(index, **fields):
    found = list(GOOD.attestors)
    found[index] = replace(found[index], **fields)
    return {"attestors": tuple(found)}


def test_bytes_and_json_come_back():
    assert decode_genesis(encode_genesis(GOOD)) == GOOD
    assert genesis_from_json(msgspec.json.decode(msgspec.json.encode(forms.to_json(GOOD)))) == GOOD


def test_the_id_is_of_everything():
    ids = {GOOD.ledger_id}
    for change in (
        {"salt": bytes(32)},
        {"height": GOOD.height + 1},
        {"time": GOOD.time + 1},
        {"threshold": 2},
        {"keeper": GOOD.attestors[0].identity},
        {"network": bytes(32)},
        {"transition_key": bytes(32)},
        {"rules": replace(GOOD.rules, grace=1)},
        {"attestors": GOOD.attestors[::-1]},
    ):
        ids.add(check_genesis(replace(GOOD, **change)).ledger_id)
    assert len(ids) == 10


def test_the_ledger_begins_with_the_genesis():
    ledger = GOOD.begin()
    assert (ledger.ledger_id, ledger.network) == (GOOD.ledger_id, GOOD.network)
    assert (ledger.totals.height, ledger.totals.time) == (GOOD.height, GOOD.time)
    assert ledger.totals.log == commit.id_(GOOD.ledger_id)


def test_the_attestors_root_is_the_models():
    keys = [attestor.eddsa.hex() for attestor in GOOD.attestors]
    assert int.from_bytes(GOOD.attestors_root, "big") == model.set_root(keys, GOOD.threshold)
    assert replace(GOOD, threshold=2).attestors_root != GOOD.attestors_root
    assert replace(GOOD, attestors=GOOD.attestors[:4]).attestors_root != GOOD.attestors_root


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 2}, "version"),
        ({"network": bytes(31)}, "network"),
        ({"salt": b""}, "salt"),
        ({"transition_key": bytes(33)}, "transition_key"),
        ({"rules": replace(GOOD.rules, bonus=1_001)}, "rules.bonus"),
        ({"attestors": ()}, "len(attestors)"),
        ({"attestors": GOOD.attestors * 4}, "len(attestors)"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 6}, "threshold"),
        ({"attestors": GOOD.attestors[:2]}, "threshold"),
        ({"keeper": bytes(32)}, "keeper"),
        ({"height": 1 << 32}, "height"),
        ({"time": -1}, "time"),
        (attestors(1, identity=b"\xff" * 32), "attestors[1].identity"),
        (attestors(1, bip340=bytes(31)), "attestors[1].bip340"),
        (attestors(1, eddsa=GOOD.attestors[0].eddsa), "attestors' EdDSA keys"),
        (attestors(1, bip340=GOOD.attestors[0].bip340), "attestors' x-only keys"),
        (attestors(1, identity=GOOD.attestors[1].bip340), "attestors' x-only keys"),
        (attestors(4, eddsa=bytes(64)), "attestors[4].eddsa"),
        (attestors(4, eddsa=bytes(63)), "attestors[4].eddsa"),
        (attestors(4, eddsa=bytes(63) + b"\1"), "attestors[4].eddsa"),  # (0, 1), the identity
        (attestors(4, eddsa=SMALL), "attestors[4].eddsa"),
        (attestors(4, eddsa=b"\xff" * 64), "attestors[4].eddsa"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_field_changed_is_refused_by_name(change, field):
    with pytest.raises(GenesisFault) as refused:
        check_genesis(replace(GOOD, **change))
    assert refused.value.field == field


def test_five_of_five_is_the_largest_threshold():
    assert check_genesis(replace(GOOD, threshold=5))


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_cut_bytes_are_refused(cut):
    with pytest.raises(GenesisFault, match="genesis"):
        decode_genesis(encode_genesis(GOOD)[:cut])


def test_another_encoding_of_the_same_genesis_is_refused():
    fields = msgspec.msgpack.decode(encode_genesis(GOOD))
    with pytest.raises(GenesisFault, match="canonical"):
        decode_genesis(msgspec.msgpack.encode({**fields, "threshold": "3"}))


@pytest.mark.parametrize("word", [None, [], {}, {"version": 1}, "00"])
def test_json_of_another_shape_is_refused(word):
    with pytest.raises(GenesisFault):
        genesis_from_json(word)
