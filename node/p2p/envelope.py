"""The signed envelope of every message between nodes.

Promises: an `Envelope` that `decode` returned was signed by `sender` for `recipient`, on this chain, with this kind,
vault, sequence and body, and has exactly one encoding. Does NOT know what the body means, whether the sender is a
party, or whether the sequence is new: the machine decides that.

Signed digest: BLAKE3 derive_key with the kind in the context, over genesis hash and every field but the signature,
each with its length in front. The signature is BIP340 over that digest under the sender's identity key.
"""

from __future__ import annotations

import re

import msgspec
from blake3 import blake3

from native._native.keys import Secret
from native._native.signing import verify
from node.faults import LocalFault, PeerFault
from node.limits import Limits

PROTOCOL_VERSION = 1
_MAX_SEQUENCE = 2**63 - 1
_KIND = re.compile(r"[a-z][a-z0-9-]*\Z")
_SIZES = {"vault": 32, "sender": 32, "recipient": 32, "signature": 64}


class Envelope(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """One message. `vault` is a vault id or, before there is one, a proposal id; identities are x-only keys."""

    version: int
    vault: bytes
    kind: str
    sequence: int
    sender: bytes
    recipient: bytes
    body: bytes
    signature: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Envelope)


def signed_digest(envelope: Envelope, genesis: bytes) -> bytes:
    """The 32 bytes that the sender signs; the signature field does not count."""
    hasher = blake3(derive_key_context=f"bitvm3 2026 message {envelope.kind} v1")
    for part in (
        genesis,
        envelope.version.to_bytes(4, "big"),
        envelope.vault,
        envelope.kind.encode(),
        envelope.sequence.to_bytes(8, "big"),
        envelope.sender,
        envelope.recipient,
        envelope.body,
    ):
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


def encode(
    *,
    vault: bytes,
    kind: str,
    sequence: int,
    recipient: bytes,
    body: bytes,
    identity: Secret,
    genesis: bytes,
    limits: Limits,
) -> bytes:
    """Sign and encode a message from `identity` to `recipient`.

    Raises:
        LocalFault: a field that no node would accept (ours to fix).
    """
    unsigned = Envelope(
        version=PROTOCOL_VERSION,
        vault=vault,
        kind=kind,
        sequence=sequence,
        sender=identity.xonly(),
        recipient=recipient,
        body=body,
        signature=bytes(64),
    )
    try:
        _check_fields(unsigned, limits)
    except PeerFault as fault:
        raise LocalFault(what=fault.what, expected=fault.expected, came=fault.came, todo="This is a bug.") from fault
    signed = msgspec.structs.replace(unsigned, signature=identity.sign(signed_digest(unsigned, genesis)))
    return _ENCODER.encode(signed)


def decode(raw: bytes, *, recipient: bytes, genesis: bytes, limits: Limits) -> Envelope:
    """Parse and verify hostile bytes meant for `recipient`.

    Raises:
        PeerFault: names the field that is wrong; nothing was done.
    """
    if len(raw) > limits.message_frame_bytes:
        raise PeerFault(
            what="message", expected=f"at most {limits.message_frame_bytes} bytes", came=f"{len(raw)} bytes"
        )
    try:
        envelope = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PeerFault(what="message", expected="an envelope", came=str(error)[:200]) from error
    _check_fields(envelope, limits)
    if _ENCODER.encode(envelope) != raw:
        raise PeerFault(what="message", expected="the canonical encoding", came="another encoding of the same fields")
    if envelope.recipient != recipient:
        raise PeerFault(what="recipient", expected=recipient.hex(), came=envelope.recipient.hex())
    if not verify(envelope.sender, signed_digest(envelope, genesis), envelope.signature):
        raise PeerFault(
            what="signature",
            expected=f"one of sender {envelope.sender.hex()} over these fields on this chain",
            came=envelope.signature.hex(),
        )
    return envelope


def _check_fields(envelope: Envelope, limits: Limits) -> None:
    if envelope.version != PROTOCOL_VERSION:
        raise PeerFault(
            what="version",
            expected=str(PROTOCOL_VERSION),
            came=str(envelope.version),
            todo="Both nodes must run the same protocol version.",
        )
    for name, size in _SIZES.items():
        value: bytes = getattr(envelope, name)
        if len(value) != size:
            raise PeerFault(what=name, expected=f"{size} bytes", came=f"{len(value)} bytes")
    if len(envelope.kind) > limits.message_kind_chars or not _KIND.match(envelope.kind):
        raise PeerFault(
            what="kind",
            expected=f"at most {limits.message_kind_chars} of a-z, 0-9 and -",
            came=repr(envelope.kind[:60]),
        )
    if not 0 <= envelope.sequence <= _MAX_SEQUENCE:
        raise PeerFault(what="sequence", expected=f"0 to {_MAX_SEQUENCE}", came=str(envelope.sequence))
    if len(envelope.body) > limits.message_body_bytes:
        raise PeerFault(
            what="body", expected=f"at most {limits.message_body_bytes} bytes", came=f"{len(envelope.body)} bytes"
        )
