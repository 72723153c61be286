"""Trees, sighashes, transactions, addresses and the watch, against btclib, embit, coincurve and python-bitcoinlib."""

from collections.abc import Callable
from typing import Any

import blake3
import pytest
from bitcoin.core import (
    CBlock,
    CMutableOutPoint,
    CMutableTransaction,
    CMutableTxIn,
    CMutableTxOut,
    CScript,
    CScriptWitness,
    CTransaction,
    CTxInWitness,
    CTxWitness,
)
from btclib.script import sig_hash
from btclib.script import taproot as btclib_taproot
from btclib.tx.tx import Tx
from btclib.tx.tx_out import TxOut
from coincurve import PublicKey
from embit.networks import NETWORKS
from embit.script import Script, address_to_scriptpubkey
from hypothesis import given, settings
from hypothesis import strategies as st

from native import NativeError
from native._native.tapscript import (
    Watch,
    address,
    nums_key,
    script,
    sighashes,
    strip_witness,
    taproot,
    txid,
    weight,
)
from tests.unit.native.group import b32, point, scalar, secret

KEY = secret("internal").xonly()
LEAVES = [b"\x20" + secret("leaf", i).xonly() + b"\xac" for i in range(9)]
NONE = 0xFFFFFFFF


def transaction(inputs: int, outputs: int, *, witness: bool = True, label: int = 0) -> CTransaction:
    """A transaction of so many inputs and outputs, every field of it from the label."""
    ins = [
        CMutableTxIn(CMutableOutPoint(b32(scalar(label, i)), i), nSequence=scalar(label, i, "s") % 2**32)
        for i in range(inputs)
    ]
    outs = [
        CMutableTxOut(scalar(label, i, "v") % 2**50, CScript(b"\x51\x20" + b32(scalar(label, i))))
        for i in range(outputs)
    ]
    tx = CMutableTransaction(ins, outs, scalar(label, "l") % 2**32, 3)
    if witness:
        tx.wit = CTxWitness([CTxInWitness(CScriptWitness([bytes(64), LEAVES[0]])) for _ in range(inputs)])
    return CTransaction.from_tx(tx)


# ---- trees -----------------------------------------------------------------------------------------------------------
def btclib_tree(leaves: list[bytes]) -> Any:
    """The tree of the contract, written for btclib: halves, the first with the odd leaf."""
    if len(leaves) == 1:
        return [(0xC0, btclib_taproot.parse(leaves[0]))]
    middle = (len(leaves) + 1) // 2
    return [btclib_tree(leaves[:middle]), btclib_tree(leaves[middle:])]


@pytest.mark.parametrize("count", range(1, 10))
def test_trees_are_btclibs_of_the_same_shape(count: int) -> None:
    leaves = LEAVES[:count]
    key, root, blocks = taproot(KEY, leaves)
    expected_root = btclib_taproot.tree_helper(btclib_tree(leaves))[1]
    expected, parity = btclib_taproot.output_pubkey_from_merkle_root_var(KEY, expected_root)
    assert (key, root) == (expected, expected_root)
    for leaf, block in zip(leaves, blocks, strict=True):
        assert block[:33] == bytes([0xC0 | parity]) + KEY
        assert btclib_taproot.check_output_pubkey(key, leaf, block)


def test_depths_are_those_of_halving() -> None:
    depths = [[(len(block) - 33) // 32 for block in taproot(KEY, LEAVES[:n])[2]] for n in range(1, 7)]
    assert depths == [[0], [1, 1], [2, 2, 1], [2, 2, 2, 2], [3, 3, 2, 2, 2], [3, 3, 2, 3, 3, 2]]


def test_no_leaf_is_a_key_path_only() -> None:
    key, root, blocks = taproot(KEY, [])
    assert (key, root, blocks) == (btclib_taproot.output_pubkey_from_merkle_root_var(KEY)[0], b"", [])


@pytest.mark.parametrize("wrong", [b"", KEY[:-1], secret("internal").point(), b32(5), b"\xff" * 32], ids=bytes.hex)
def test_internal_keys_that_are_none_are_refused(wrong: bytes) -> None:
    with pytest.raises(NativeError, match="internal_key"):
        taproot(wrong, [LEAVES[0]])


def test_a_repeated_leaf_is_refused_by_index() -> None:
    with pytest.raises(NativeError, match=r"leaves\[2\]: expected a leaf of its own"):
        taproot(KEY, [LEAVES[0], LEAVES[1], LEAVES[0]])


def test_a_nums_key_is_h_plus_a_hash_that_anybody_can_repeat() -> None:
    h = bytes.fromhex("0250929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
    for tag in (b"", b"vault/slot 0"):
        r = blake3.blake3(tag, derive_key_context="bitvm3 2026 nums key v1").digest()
        assert nums_key(tag) == PublicKey(h).add(r).format()[1:]
    assert nums_key(b"a") != nums_key(b"b")


# ---- sighashes -------------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    label=st.integers(0, 2**32),
    leaf=st.none() | st.binary(max_size=600),
    positions=st.lists(st.integers(0, NONE), max_size=5),
)
def test_sighashes_are_btclibs(inputs: int, outputs: int, label: int, leaf: bytes | None, positions: list[int]) -> None:
    raw = transaction(inputs, outputs, label=label).serialize()
    spent = [
        (scalar(label, i, "spent") % 2**50, b"\x51\x20" + point(scalar(label, i)).format()[1:]) for i in range(inputs)
    ]
    prevouts = [TxOut(value, output, check_validity=False) for value, output in spent]
    tx = Tx.parse(raw, check_validity=False)
    positions = [NONE] if leaf is None else positions
    for index in range(inputs):
        expected = []
        for at in positions:
            extension = b"" if leaf is None else btclib_taproot.leaf_hash(0xC0, leaf) + b"\0" + at.to_bytes(4, "little")
            expected.append(sig_hash.taproot(tx, index, prevouts, 0, 0 if leaf is None else 1, b"", extension))
        assert sighashes(raw, spent, index, leaf, positions) == expected
        assert sighashes(strip_witness(raw), spent, index, leaf, positions) == expected


def test_sighashes_refuse_what_does_not_fit_by_name() -> None:
    raw, spent = transaction(2, 1).serialize(), [(1, b"\x51"), (2, b"\x52")]
    assert len(sighashes(raw, spent, 1, LEAVES[0], [NONE, 5])) == 2
    calls: list[tuple[str, Callable[[], object]]] = [
        ("prevouts: expected one an input, 2, got 1", lambda: sighashes(raw, spent[:1], 0, None, [NONE])),
        (r"prevouts\[1\], value", lambda: sighashes(raw, [spent[0], (-1, b"")], 0, None, [NONE])),
        ("index: expected below 2, got 2", lambda: sighashes(raw, spent, 2, None, [NONE])),
        ("index", lambda: sighashes(raw, spent, -1, None, [NONE])),
        ("positions: expected 0xffffffff only on a key path", lambda: sighashes(raw, spent, 0, None, [5])),
        ("tx: expected one serialized transaction", lambda: sighashes(raw + b"\0", spent, 0, None, [NONE])),
    ]
    for text, call in calls:
        with pytest.raises(NativeError, match=f"^{text}"):
            call()


# ---- transactions ----------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(inputs=st.integers(1, 4), outputs=st.integers(0, 4), label=st.integers(0, 2**32), witness=st.booleans())
def test_transactions_as_python_bitcoinlib_reads_them(inputs: int, outputs: int, label: int, witness: bool) -> None:
    tx = transaction(inputs, outputs, witness=witness, label=label)
    raw = tx.serialize()
    bare = transaction(inputs, outputs, witness=False, label=label).serialize()
    assert txid(raw) == txid(bare) == tx.GetTxid()
    assert strip_witness(raw) == strip_witness(bare) == bare
    assert weight(raw) == 3 * len(bare) + len(raw)


@pytest.mark.parametrize("call", [txid, strip_witness, weight], ids=lambda call: call.__name__)
def test_malformed_transactions_are_refused(call: Callable[[bytes], object]) -> None:
    raw = transaction(2, 2).serialize()
    for wrong in (b"", raw + b"\0", *(raw[:length] for length in range(1, len(raw), 7)), b"\xff" * len(raw)):
        with pytest.raises(NativeError, match="tx: expected one serialized transaction and nothing after it"):
            call(wrong)


# ---- addresses -------------------------------------------------------------------------------------------------------
EMBIT = {"regtest": "regtest", "signet": "signet", "testnet": "test", "testnet4": "test"}
SCRIPTS = [
    b"\x51\x20" + KEY,
    b"\x00\x14" + KEY[:20],
    b"\x00\x20" + KEY,
    b"\x76\xa9\x14" + KEY[:20] + b"\x88\xac",
    b"\xa9\x14" + KEY[:20] + b"\x87",
]


@pytest.mark.parametrize("network", EMBIT)
@pytest.mark.parametrize("output", SCRIPTS, ids=["p2tr", "p2wpkh", "p2wsh", "p2pkh", "p2sh"])
def test_addresses_are_embits(network: str, output: bytes) -> None:
    text = address(output, network)
    assert text == Script(output).address(NETWORKS[EMBIT[network]])
    assert script(text, network) == output == address_to_scriptpubkey(text).data


def test_addresses_of_other_networks_and_none_are_refused() -> None:
    regtest = address(SCRIPTS[0], "regtest")
    mainnet = Script(SCRIPTS[0]).address(NETWORKS["main"])
    typo = regtest[:-1] + ("q" if regtest[-1] != "q" else "p")
    for text, call in (
        ("address: expected an address of signet", lambda: script(regtest, "signet")),
        ("address: expected an address of regtest", lambda: script(address(SCRIPTS[0], "testnet"), "regtest")),
        ("address: expected an address of regtest", lambda: script(mainnet, "regtest")),
        ("address: expected an address of regtest", lambda: script(typo, "regtest")),
        ("address: expected an address of regtest", lambda: script("", "regtest")),
        ("network: expected regtest, signet, testnet or testnet4, got bitcoin", lambda: script(mainnet, "bitcoin")),
        ("network: expected", lambda: address(SCRIPTS[0], "mainnet")),
        ("script: expected one that has an address", lambda: address(b"\x6a", "regtest")),
        ("script: expected one that has an address", lambda: address(b"", "regtest")),
    ):
        with pytest.raises(NativeError, match=f"^{text}"):
            call()


# ---- the watch -------------------------------------------------------------------------------------------------------
TRANSACTIONS = [transaction(1 + i % 3, 1 + i % 2, witness=bool(i), label=i) for i in range(20)]
BLOCK = CBlock(4, b32(scalar("previous")), bytes(32), 1, 0x207FFFFF, 2, tuple(TRANSACTIONS))
RAW = BLOCK.serialize()


def found(watch: Watch) -> list[int]:
    block_hash, previous, transactions = watch.scan(RAW)
    assert (block_hash, previous) == (BLOCK.GetHash(), BLOCK.hashPrevBlock)
    assert [raw for _, raw in transactions] == [TRANSACTIONS[i].serialize() for i, _ in transactions]
    return [i for i, _ in transactions]


def test_a_watch_finds_spends_and_payments_and_nothing_else() -> None:
    watch = Watch()
    assert found(watch) == []
    spent = TRANSACTIONS[5].vin[-1].prevout
    watch.watch_outpoint(spent.hash, spent.n)
    assert found(watch) == [5]
    watch.watch_script(bytes(TRANSACTIONS[9].vout[1].scriptPubKey))
    assert found(watch) == [5, 9]
    watch.watch_script(bytes(TRANSACTIONS[5].vout[0].scriptPubKey))
    assert found(watch) == [5, 9], "once, though it spends and pays"
    watch.watch_outpoint(spent.hash, spent.n + 1)
    watch.watch_outpoint(spent.hash[::-1], spent.n)
    watch.watch_script(bytes(TRANSACTIONS[3].vout[0].scriptPubKey)[:-1])
    assert found(watch) == [5, 9], "another output, another byte order, a shorter script"
    other = TRANSACTIONS[7].vin[0].prevout
    watch.watch_outpoint(other.hash, other.n)
    assert found(watch) == [5, 7, 9]
    watch.forget_outpoint(other.hash, other.n)
    watch.forget_outpoint(other.hash, other.n)
    assert found(watch) == [5, 9]


def test_malformed_blocks_are_refused_and_change_nothing() -> None:
    watch = Watch()
    spent = TRANSACTIONS[0].vin[0].prevout
    watch.watch_outpoint(spent.hash, spent.n)
    for wrong in (b"", RAW + b"\0", *(RAW[:length] for length in range(1, len(RAW), 97)), b"\xff" * len(RAW)):
        with pytest.raises(NativeError, match="raw_block: expected one serialized block and nothing after it"):
            watch.scan(wrong)
    for call in (watch.watch_outpoint, watch.forget_outpoint):
        with pytest.raises(NativeError, match="txid: expected 32 bytes, got 31"):
            call(bytes(31), 0)
    assert found(watch) == [0]


@settings(max_examples=200, deadline=None)
@given(start=st.integers(0, len(RAW) - 1), junk=st.binary(min_size=1, max_size=40), whole=st.booleans())
def test_hostile_bytes_are_an_error_or_another_block_and_never_a_crash(start: int, junk: bytes, whole: bool) -> None:
    changed = RAW[:start] + junk + RAW[start + (len(junk) if whole else 0) :]
    try:
        _, _, transactions = Watch().scan(changed)
    except NativeError as error:
        assert str(error).startswith("raw_block")
    else:
        assert transactions == []
    with pytest.raises(NativeError, match="tx: expected one serialized transaction"):
        txid(changed)
