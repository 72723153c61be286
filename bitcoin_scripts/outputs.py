"""Every output of the protocol by name: its internal key, its leaves, and what each leaf wants on the stack.

Promises one place where a leaf's script, its witness order and its delay stand side by side.
Does not know vaults, parties, amounts tables or secrets: keys come in as 32 bytes, values as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bitcoin_scripts import script
from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.script import NO_CODESEP
from native._native import tapscript

Sats = int
ANCHOR_VALUE: Sats = 240  # dust limit of P2A at the standard dust rate; 0 sat would forbid any fee
DUST: Sats = 330  # dust limit of a P2TR output; also every share of a split
P2A = bytes.fromhex("51024e73")
KEY_PATH = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A BIP340 signature (64 bytes, SIGHASH_DEFAULT) under `key`; `position` as in BIP342's codesep_pos."""

    key: bytes
    position: int = NO_CODESEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Preimage:
    """The 32-byte preimage of a SHA-256 digest."""

    digest: bytes


Piece = Sign | Preimage


def piece_size(piece: Piece) -> int:
    """Bytes of the piece on the stack, without its length prefix."""
    match piece:
        case Sign():
            return 64
        case Preimage():
            return 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A tapscript leaf. `witness` is in stack order, first item at the bottom; `delay` in blocks, 0 for none."""

    name: str
    script: bytes
    witness: tuple[Piece, ...]
    delay: int = 0


# Not slotted: the taproot commitment is computed once, on first use, and kept beside the fields it follows from.
@dataclass(frozen=True, kw_only=True)
class Output:
    """A Taproot output with named spend paths. `role` names it within its vault, `value` is in sats."""

    role: str
    value: Sats
    internal_key: bytes
    leaves: tuple[Leaf, ...]

    @cached_property
    def _taproot(self) -> tuple[bytes, bytes, list[bytes]]:
        return tapscript.taproot(script.key(self.internal_key), [leaf.script for leaf in self.leaves])

    @property
    def script_pubkey(self) -> bytes:
        """OP_1 <output key>."""
        return p2tr(self._taproot[0])

    @property
    def merkle_root(self) -> bytes:
        """32 bytes, or b"" for an output without leaves."""
        return self._taproot[1]

    def leaf(self, name: str) -> Leaf:
        """The leaf called `name`."""
        return self.leaves[self._index(name)]

    def control_block(self, name: str) -> bytes:
        """BIP341 control block of the leaf called `name`."""
        return self._taproot[2][self._index(name)]

    def pieces(self, path: str) -> tuple[Piece, ...]:
        """What the spender puts on the stack for `path`, bottom first, before script and control block."""
        return (Sign(key=self.internal_key),) if path == KEY_PATH else self.leaf(path).witness

    def _index(self, name: str) -> int:
        for index, leaf in enumerate(self.leaves):
            if leaf.name == name:
                return index
        raise ScriptFault(f"path of {self.role}", expected=" | ".join(leaf.name for leaf in self.leaves), got=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawOutput:
    """An output of which only value and script matter: a destination, an anchor, a wallet coin."""

    role: str
    value: Sats
    script_pubkey: bytes

    def pieces(self, path: str) -> tuple[Piece, ...]:
        """A wallet coin is spent by one signature under its output key."""
        if path != KEY_PATH or not is_p2tr(self.script_pubkey):
            raise ScriptFault(f"path of {self.role}", expected="the key path of a P2TR coin", got=path)
        return (Sign(key=self.script_pubkey[2:]),)


AnyOutput = Output | RawOutput


def p2tr(output_key: bytes) -> bytes:
    """The script of a plain P2TR output: OP_1 <32-byte output key>."""
    return b"\x51\x20" + script.key(output_key)


def is_p2tr(script_pubkey: bytes) -> bool:
    """Whether this is OP_1 <x of a point>: anything else of that length could never be spent."""
    return script_pubkey[:2] == b"\x51\x20" and script.is_xonly(script_pubkey[2:])


# ---- leaves that several outputs share -------------------------------------------------------------------------------
def _after(name: str, key: bytes, delay: int) -> Leaf:
    return Leaf(name=name, script=script.check_after(key, delay), witness=(Sign(key=key),), delay=delay)


def _both(name: str, first: bytes, second: bytes) -> Leaf:
    return Leaf(name=name, script=script.check(first, second), witness=(Sign(key=second), Sign(key=first)))


def _hashlock(name: str, digest: bytes, key: bytes) -> Leaf:
    pieces = (Sign(key=key), Preimage(digest=digest))
    return Leaf(name=name, script=script.hashlock(digest, key), witness=pieces)


def _digits(name: str, first: bytes, key: bytes, digits: int) -> Leaf:
    signatures = tuple(Sign(key=key, position=script.digit_position(w)) for w in reversed(range(digits)))
    leaf = script.digit_leaf(first, key, digits)
    return Leaf(name=name, script=leaf, witness=(*signatures, Sign(key=first)))


# ---- the outputs of protocol.md --------------------------------------------------------------------------------------
def prefund(
    *, role: str, value: Sats, nums: bytes, group: bytes, borrower: bytes, hashlock_a: bytes, refund: int
) -> Output:
    """The deposit before the loan is taken: NUMS { hashlock(h_a)+G ; CSV(refund)+B }."""
    leaves = (_hashlock("vault", hashlock_a, group), _after("refund", borrower, refund))
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def vault(*, role: str, value: Sats, group: bytes, borrower: bytes, hashlock_r: bytes, dead_man: int) -> Output:
    """One slot of the coin: key path G { hashlock(h_r)+B ; CSV(dead_man)+B }."""
    leaves = (_hashlock("repay", hashlock_r, borrower), _after("dead_man", borrower, dead_man))
    return Output(role=role, value=value, internal_key=group, leaves=leaves)


def ticket(
    *, role: str, value: Sats, nums: bytes, hashlock_f: bytes, liquidator: bytes, borrower: bytes, dead_man: int
) -> Output:
    """L's word for one fast liquidation: NUMS { hashlock(h_f)+Q ; CSV(dead_man)+B }."""
    leaves = (_hashlock("use", hashlock_f, liquidator), _after("unused", borrower, dead_man))
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def bond(*, role: str, value: Sats, owner: bytes) -> Output:
    """A plain key-path output (BIP86) of a party's own key, on chain before presigning: a bond or a stake."""
    return Output(role=role, value=value, internal_key=owner, leaves=())


def contest(
    *,
    role: str,
    value: Sats,
    nums: bytes,
    group: bytes,
    challengers: Mapping[int, bytes],
    claimant: bytes,
    timeout: int,
    release: int,
) -> Output:
    """Open for a contest: NUMS { G+CSV(contest) ; G+W_k for every challenger k ; CSV(bond_release)+c }."""
    contests = tuple(_both(f"contest/{k}", group, key) for k, key in challengers.items())
    leaves = (_after("timeout", group, timeout), *contests, _after("release", claimant, release))
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def payout(*, role: str, value: Sats, nums: bytes, group: bytes, claimant: bytes, release: int) -> Output:
    """What is left of the bond; whatever spends it kills both payouts: NUMS { G ; CSV(bond_release)+c }."""
    settle = Leaf(name="settle", script=script.check(group), witness=(Sign(key=group),))
    return Output(role=role, value=value, internal_key=nums, leaves=(settle, _after("release", claimant, release)))


def assertion(
    *, role: str, value: Sats, nums: bytes, group: bytes, claimant: bytes, digits: int, timeout: int
) -> Output:
    """The claimant publishes its digits or loses the bond: NUMS { digit leaf of c ; G+CSV(assert) }."""
    leaves = (_digits("digits", claimant, group, digits), _after("timeout", group, timeout))
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def verdict(*, role: str, value: Sats, nums: bytes, group: bytes, timeout: int) -> Output:
    """Holds a contested payout back: NUMS { G+CSV(verdict) }."""
    return Output(role=role, value=value, internal_key=nums, leaves=(_after("timeout", group, timeout),))


def arena(
    *, role: str, value: Sats, nums: bytes, challenger: bytes, point_lock: bytes, claimant: bytes, release: int
) -> Output:
    """Engine core: W_k opens it with the logarithm of O_k: NUMS { W_k + point lock O_k ; CSV(bond_release)+c }."""
    disprove = _both("disprove", challenger, point_lock)
    return Output(role=role, value=value, internal_key=nums, leaves=(disprove, _after("release", claimant, release)))


def reveal_arena(
    *,
    role: str,
    value: Sats,
    nums: bytes,
    challenger: bytes,
    digit_key: bytes,
    digits: int,
    claimant: bytes,
    release: int,
) -> Output:
    """Engine babe: W_k publishes its digits under the key K_k: NUMS { digit leaf of W_k ; CSV(bond_release)+c }."""
    leaves = (_digits("digits", challenger, digit_key, digits), _after("release", claimant, release))
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def refute(
    *,
    role: str,
    value: Sats,
    nums: bytes,
    claimant: bytes,
    point_lock: bytes,
    group: bytes,
    challenger: bytes,
    timeout: int,
    last: int,
) -> Output:
    """Holds the stake of W_k: NUMS { c + point lock F_k ; G+CSV(refute) ; CSV(refute + margin)+W_k }.

    `timeout` and `last` are the two delays.
    """
    leaves = (
        _both("refute", claimant, point_lock),
        _after("timeout", group, timeout),
        _after("return", challenger, last),
    )
    return Output(role=role, value=value, internal_key=nums, leaves=leaves)


def burn(*, role: str, value: Sats, nums: bytes) -> Output:
    """Coins nobody can spend: a leafless output of a key without known logarithm."""
    return Output(role=role, value=value, internal_key=nums, leaves=())


def anchor() -> RawOutput:
    """The pay-to-anchor output of every transaction: a child spends it to raise the fee."""
    return RawOutput(role="anchor", value=ANCHOR_VALUE, script_pubkey=P2A)


def destination(*, role: str, value: Sats, script_pubkey: bytes) -> RawOutput:
    """A party's own P2TR output, outside the vault."""
    if not is_p2tr(script_pubkey):
        raise ScriptFault(role, expected="a P2TR script of 34 bytes", got=script_pubkey.hex())
    return RawOutput(role=role, value=value, script_pubkey=script_pubkey)
