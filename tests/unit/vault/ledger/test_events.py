"""Events: one byte form, one JSON form, ranges; hostile bytes are a RuleFault `range`."""

import msgspec
import pytest
from msgspec.structs import replace

from tests.cases import ledger as cases
from vault.ledger import forms
from vault.ledger.events import KINDS, AddCollateral, Open, decode_event, encode_event, event_from_json, row
from vault.ledger.faults import RuleFault

EXAMPLES = [next(iter(group())).event for group in cases.ALL]


def test_there_is_an_example_of_every_kind():
    assert tuple(type(event) for event in EXAMPLES) == KINDS


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
class TestForms:
    def test_bytes_come_back(self, event):
        assert decode_event(encode_event(event)) == event

    def test_json_comes_back(self, event):
        assert event_from_json(msgspec.json.decode(msgspec.json.encode(forms.to_json(event)))) == event

    def test_a_cut_or_longer_form_is_refused(self, event):
        raw = encode_event(event)
        for bad in (raw[:-1], raw + b"\0", b"", b"\xc1"):
            with pytest.raises(RuleFault) as refused:
                decode_event(bad)
            assert refused.value.rule == "range"

    def test_fields_in_another_order_are_refused(self, event):
        fields = msgspec.msgpack.decode(encode_event(event))
        turned = msgspec.msgpack.encode(dict(reversed(fields.items())))
        with pytest.raises(RuleFault, match="canonical"):
            decode_event(turned)

    def test_an_unknown_field_is_refused(self, event):
        fields = msgspec.msgpack.decode(encode_event(event))
        with pytest.raises(RuleFault):
            decode_event(msgspec.msgpack.encode({**fields, "more": 1}))

    def test_a_number_out_of_range_is_refused(self, event):
        for field in event.__struct_fields__:
            value = getattr(event, field)
            bad = [b"short"] if isinstance(value, bytes) else [-1, 1 << 80] if isinstance(value, int) else [(1 << 51,)]
            for number in bad:
                with pytest.raises(RuleFault) as refused:
                    row(replace(event, **{field: number}))
                assert refused.value.rule == "range"


def test_more_than_eight_slots_are_refused():
    with pytest.raises(RuleFault, match="8 slots"):
        row(cases.open_(sats=(1,) * 9))


def test_a_row_leaves_zero_what_the_kind_does_not_use():
    line = row(AddCollateral(vault=cases.VAULT, nonce=1, slot=3, sats=5))
    assert (line.kind, line.sats, line.cents, line.party, line.template) == (4, (5, *[0] * 7), 0, None, None)
    assert row(cases.open_()).party == cases.OWNER
    assert Open.__struct_config__.tag == "open"


@pytest.mark.parametrize(
    "word", [None, [], "open", {"kind": "open"}, {"kind": "nothing"}, {"kind": 1}, 1.5, float("nan")]
)
def test_json_of_another_shape_is_refused(word):
    with pytest.raises(RuleFault):
        event_from_json(word)


def test_hex_in_json_is_lower_case_and_whole():
    good = forms.to_json(cases.open_())
    for bad in (good["vault"].upper(), " " + good["vault"], good["vault"][:-1], "0x" + good["vault"][2:]):
        with pytest.raises(RuleFault):
            event_from_json({**good, "vault": bad})
