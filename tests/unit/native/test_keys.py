"""Handles to secrets: they show nothing, open only with the right key, and sign what others verify."""

import copy
import pickle

import blake3
import pytest
from coincurve import PrivateKey
from ecc.ecc import ssa
from embit import bip32
from embit.descriptor import Descriptor
from embit.ec import PublicKey

from native import NativeError
from native._native.keys import SealingKey, Secret, Seed, WalletKeys
from native._native.signing import verify
from native._native.tapscript import taproot
from tests.unit.native.group import ORDER, b32, scalar, sealing_key, secret

SEED = Seed.generate()
HANDLES = [SEED, SEED.secret(b"x"), sealing_key(b"pass"), WalletKeys(SEED, coin_type=1)]


@pytest.mark.parametrize("handle", HANDLES, ids=repr)
def test_a_handle_shows_and_gives_away_nothing(handle: object) -> None:
    assert repr(handle) == str(handle) == f"<{type(handle).__name__}>"
    assert not hasattr(handle, "__dict__")
    for give_away in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            give_away(handle)
    with pytest.raises(TypeError):
        bytes(handle)  # type: ignore[call-overload]


def test_a_seed_opens_only_with_its_key_context_and_bytes() -> None:
    sealed = SEED.seal(sealing_key(b"right"), b"identity")
    assert Seed.unseal(sealed, sealing_key(b"right"), b"identity").reveal() == SEED.reveal()
    assert SEED.reveal() not in sealed
    assert SEED.seal(sealing_key(b"right"), b"identity") != sealed
    with pytest.raises(NativeError, match="sealed"):
        Seed.unseal(sealed, sealing_key(b"wrong"), b"identity")
    with pytest.raises(NativeError, match="sealed"):
        Seed.unseal(sealed, sealing_key(b"right"), b"wallet")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 0x80]) + sealed[at + 1 :]
        with pytest.raises(NativeError, match="sealed"):
            Seed.unseal(changed, sealing_key(b"right"), b"identity")
    for wrong in (b"", sealed[:-1], sealed + b"\0"):
        with pytest.raises(NativeError, match="sealed: expected 73 bytes"):
            Seed.unseal(wrong, sealing_key(b"right"), b"identity")


def test_the_costs_of_a_sealing_key_change_it() -> None:
    sealed = SEED.seal(sealing_key(b"right"), b"")
    for memory, iterations, salt in (
        (16, 1, b"sixteen bytes of"),
        (8, 2, b"sixteen bytes of"),
        (8, 1, b"another 16 bytes"),
    ):
        with pytest.raises(NativeError, match="sealed"):
            Seed.unseal(sealed, SealingKey(b"right", salt, memory_kib=memory, iterations=iterations), b"")


@pytest.mark.parametrize(
    ("passphrase", "salt", "memory", "iterations", "field"),
    [
        (b"", bytes(16), 8, 1, "passphrase"),
        (b"p", bytes(15), 8, 1, "salt"),
        (b"p", bytes(16), 7, 1, "memory_kib"),
        (b"p", bytes(16), 8, 0, "iterations"),
    ],
)
def test_weak_sealing_keys_are_refused(
    passphrase: bytes, salt: bytes, memory: int, iterations: int, field: str
) -> None:
    with pytest.raises(NativeError, match=field):
        SealingKey(passphrase, salt, memory_kib=memory, iterations=iterations)


def test_derivation_is_keyed_blake3_and_separates_seeds_from_scalars() -> None:
    def keyed(purpose: str) -> bytes:
        key = blake3.blake3(SEED.reveal(), derive_key_context=f"bitvm3 2026 seed {purpose} v1").digest()
        return blake3.blake3(b"some/path", key=key).digest()

    assert SEED.derive(b"some/path").reveal() == keyed("child")
    assert SEED.secret(b"some/path").point() == PrivateKey(keyed("scalar")).public_key.format()
    assert SEED.derive(b"some").derive(b"/path").reveal() != SEED.derive(b"some/path").reveal()
    assert Seed.generate().reveal() != Seed.generate().reveal()


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_only_nonzero_scalars_below_the_order_are_secrets(number: int) -> None:
    with pytest.raises(NativeError, match="scalar"):
        Secret.from_revealed(number.to_bytes(32, "big"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_scalar_has_32_bytes(length: int) -> None:
    with pytest.raises(NativeError, match="scalar: expected 32 bytes"):
        Secret.from_revealed(bytes([1]) * length)


@pytest.mark.parametrize("number", [1, 2, ORDER - 1, scalar("odd"), scalar("even")])
def test_points_and_signatures_are_what_others_compute(number: int) -> None:
    own, theirs = Secret.from_revealed(b32(number)), PrivateKey(b32(number))
    assert own.point() == theirs.public_key.format()
    assert own.xonly() == theirs.public_key.format()[1:]
    message = bytes(32)
    assert own.sign(message, bytes(32)) == ssa.sign_(message, number, bytes(32)).serialize()
    fresh = own.sign(message)
    assert fresh != own.sign(message)
    assert ssa.verify_(message, own.xonly(), fresh)


@pytest.mark.parametrize("leaves", [[], [b"\x51"], [b"\x51", b"\x52", b"\x53"]], ids=len)
def test_key_path_signatures_verify_under_the_output_key(leaves: list[bytes]) -> None:
    own = secret("key path")
    output_key, root, _ = taproot(own.xonly(), leaves)
    signature = own.sign_key_path(bytes(32), root or None)
    assert verify(output_key, bytes(32), signature)
    assert not verify(own.xonly(), bytes(32), signature)


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)], ids=len)
def test_wrong_lengths_of_roots_and_randomness_are_named(wrong: bytes) -> None:
    own = secret("lengths")
    with pytest.raises(NativeError, match="merkle_root: expected 32 bytes"):
        own.sign_key_path(bytes(32), wrong)
    with pytest.raises(NativeError, match="aux: expected 32 bytes"):
        own.sign_key_path(bytes(32), None, wrong)
    with pytest.raises(NativeError, match="aux: expected 32 bytes"):
        own.sign(bytes(32), wrong)
    with pytest.raises(NativeError, match="sighash: expected 32 bytes"):
        WalletKeys(SEED, coin_type=1).sign(0, 0, wrong)


@pytest.mark.parametrize("coin_type", [0, 1])
def test_wallet_keys_are_bip86(coin_type: int) -> None:
    wallet = WalletKeys(SEED, coin_type=coin_type)
    account = bip32.HDKey.from_seed(SEED.reveal()).derive(f"m/86h/{coin_type}h/0h")
    descriptor = Descriptor.from_string(wallet.descriptor())
    assert wallet.descriptor().startswith("tr([") and wallet.descriptor().endswith("/<0;1>/*)")
    for change, index in ((0, 0), (0, 7), (1, 2**31 - 1)):
        child: PublicKey = account.derive([change, index]).key.get_public_key()
        expected = child.taproot_tweak(b"").xonly()
        assert wallet.output_key(change, index) == expected
        assert ssa.verify_(bytes(32), expected, wallet.sign(change, index, bytes(32)))
        assert descriptor.derive(index, branch_index=change).script_pubkey().data[2:] == expected


@pytest.mark.parametrize(("change", "index", "field"), [(2, 0, "change"), (0, 2**31, "index")])
def test_paths_outside_bip86_are_refused(change: int, index: int, field: str) -> None:
    wallet = WalletKeys(SEED, coin_type=1)
    with pytest.raises(NativeError, match=field):
        wallet.output_key(change, index)
    with pytest.raises(NativeError, match=field):
        wallet.sign(change, index, bytes(32))


def test_coin_types_are_hardened_indices() -> None:
    with pytest.raises(NativeError, match="coin_type"):
        WalletKeys(SEED, coin_type=2**31)
