"""The envelope: what decodes was signed by its sender, for us, on this chain, field by field, in one encoding."""

import msgspec
import pytest

from native._native.keys import Secret, Seed
from node.faults import LocalFault, PeerFault
from node.limits import PRODUCT
from node.p2p.envelope import Envelope, decode, encode, signed_digest

SENDER: Secret = Seed.generate().secret(b"identity")
OTHER: Secret = Seed.generate().secret(b"identity")
RECIPIENT = Seed.generate().secret(b"identity").xonly()
GENESIS = bytes(range(32))
VAULT = bytes([7]) * 32


def message(**changed: object) -> bytes:
    fields = {
        "vault": VAULT, "kind": "nonces", "sequence": 5, "recipient": RECIPIENT, "body": b"body", "identity": SENDER,
        "genesis": GENESIS, "limits": PRODUCT, **changed,
    }  # fmt: skip
    return encode(**fields)  # type: ignore[arg-type]


def opened(raw: bytes, *, recipient: bytes = RECIPIENT, genesis: bytes = GENESIS) -> Envelope:
    return decode(raw, recipient=recipient, genesis=genesis, limits=PRODUCT)


def test_a_message_comes_back_with_every_field() -> None:
    envelope = opened(message())
    assert (envelope.version, envelope.vault, envelope.kind, envelope.sequence) == (1, VAULT, "nonces", 5)
    assert (envelope.sender, envelope.recipient, envelope.body) == (SENDER.xonly(), RECIPIENT, b"body")


@pytest.mark.parametrize("body", [b"", bytes(PRODUCT.message_body_bytes)])
def test_the_shortest_and_the_longest_body_pass(body: bytes) -> None:
    raw = message(body=body)
    assert opened(raw).body == body and len(raw) <= PRODUCT.message_frame_bytes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("vault", bytes(32)),
        ("vault", VAULT[:31]),
        ("vault", b""),
        ("kind", "nonce"),
        ("kind", "Nonces"),
        ("kind", "nonces "),
        ("kind", "nonces\n"),
        ("kind", ""),
        ("kind", "a" * (PRODUCT.message_kind_chars + 1)),
        ("sequence", 6),
        ("sequence", -1),
        ("sequence", 2**63),
        ("sender", OTHER.xonly()),
        ("sender", bytes(32)),
        ("sender", b"\xff" * 32),
        ("sender", SENDER.xonly()[:31]),
        ("recipient", OTHER.xonly()),
        ("recipient", b""),
        ("body", b"bodz"),
        ("body", bytes(PRODUCT.message_body_bytes + 1)),
        ("signature", bytes(64)),
        ("signature", b"\xff" * 64),
        ("signature", bytes(63)),
    ],
)
def test_one_changed_field_of_a_valid_message_is_refused(field: str, value: object) -> None:
    changed = msgspec.structs.replace(opened(message()), **{field: value})
    with pytest.raises(PeerFault) as caught:
        opened(msgspec.msgpack.encode(changed))
    assert caught.value.what in (field, "signature", "message")


@pytest.mark.parametrize("field", ["vault", "kind", "sequence", "sender", "recipient", "body", "version"])
def test_every_field_is_in_the_signed_digest(field: str) -> None:
    envelope = opened(message())
    other = {
        "vault": bytes(32), "kind": "ready", "sequence": 6, "sender": bytes(32), "recipient": bytes(32), "body": b"",
        "version": 2,
    }  # fmt: skip
    changed = msgspec.structs.replace(envelope, **{field: other[field]})
    assert signed_digest(changed, GENESIS) != signed_digest(envelope, GENESIS)
    assert signed_digest(envelope, bytes(32)) != signed_digest(envelope, GENESIS)


def test_bytes_cannot_move_between_fields() -> None:
    one = msgspec.structs.replace(opened(message()), recipient=b"ab", body=b"c")
    two = msgspec.structs.replace(one, recipient=b"a", body=b"bc")
    assert signed_digest(one, GENESIS) != signed_digest(two, GENESIS)


def test_another_chain_or_recipient_is_refused() -> None:
    with pytest.raises(PeerFault, match="signature"):
        opened(message(), genesis=bytes(32))
    with pytest.raises(PeerFault, match="recipient"):
        opened(message(), recipient=OTHER.xonly())


def test_another_encoding_of_the_same_fields_is_refused() -> None:
    raw = message()
    # sequence 5 as a two-byte integer is the same value in another encoding
    at = raw.index(b"\xa6nonces") + 7
    assert raw[at] == 5
    longer = raw[:at] + b"\xcc\x05" + raw[at + 1 :]
    assert msgspec.msgpack.decode(longer, type=Envelope) == msgspec.msgpack.decode(raw, type=Envelope)
    with pytest.raises(PeerFault, match="canonical"):
        opened(longer)
    for wrong in (raw + b"\0", raw[:-1], b"", raw[1:]):
        with pytest.raises(PeerFault):
            opened(wrong)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"kind": "Bad Kind"}, "kind"),
        ({"vault": b"short"}, "vault"),
        ({"recipient": b""}, "recipient"),
        ({"sequence": -1}, "sequence"),
        ({"body": bytes(PRODUCT.message_body_bytes + 1)}, "body"),
    ],
)
def test_sending_what_no_node_would_accept_is_our_own_fault(changed: dict[str, object], field: str) -> None:
    with pytest.raises(LocalFault, match=field):
        message(**changed)
