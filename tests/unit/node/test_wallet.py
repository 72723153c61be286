"""The wallet keeps its promises about coins: an independent model of fees, folds and reservations judges it."""

from __future__ import annotations

from typing import Any

import pytest
from bitcoin.core import COutPoint, CScript, CTransaction, CTxIn, CTxOut
from hypothesis import given, settings
from hypothesis import strategies as st

from native._native import signing, tapscript
from native._native.keys import Seed, WalletKeys
from node.faults import LocalFault, PeerFault
from node.wallet import GAP, NotEnough, Payment, Wallet, WalletCoin
from node.wallet.spend import ANCHOR_SCRIPT, SEQUENCE, pay

SEED = Seed.generate()
KEYS = WalletKeys(SEED, coin_type=1)
FOREIGN = b"\x51\x20" + bytes(32)
DUST = 330  # of a P2TR output, policy.cpp: 3 sat/vB * (43 + 67)
STRANGERS = iter(range(1, 1 << 30))


def wallet(keep: int = 10) -> Wallet:
    return Wallet(KEYS, network="regtest", keep=keep)


def paying(
    outputs: list[tuple[int, bytes]], spends: list[tuple[bytes, int]] | None = None, coinbase: bool = False
) -> bytes:
    """A transaction from outside; its inputs are nobody's unless named."""
    number = next(STRANGERS).to_bytes(32, "big")
    if coinbase:
        vin = [CTxIn(COutPoint(bytes(32), 0xFFFFFFFF), CScript(b"\x04" + number[-4:]))]
    else:
        vin = [CTxIn(COutPoint(txid, vout)) for txid, vout in spends or [(number, 0)]]
    return bytes(CTransaction(vin, [CTxOut(value, CScript(script)) for value, script in outputs]).serialize())


def with_coins(values: list[int], keep: int = 10) -> Wallet:
    found = wallet(keep)
    found.connect(0, [paying([(value, found.new_script())]) for value in values])
    return found


def reloaded(one: Wallet, pairs: dict[bytes, bytes]) -> Wallet:
    for column, key, value in one.puts():
        assert column == "wallet"
        if value is None:
            pairs.pop(key, None)
        else:
            pairs[key] = value
    return Wallet.load(KEYS, network="regtest", keep=10, items=sorted(pairs.items()))


def facts(one: Wallet) -> tuple[Any, ...]:
    return (one.height, one.coins(), one.balance(), one.purposes(), set(one.scripts()), one.free())


# ---- an independent model: sizes counted from the signed bytes, signatures checked -------------------------------


def read(raw: bytes) -> CTransaction:
    return CTransaction.deserialize(raw)


def vsize_of(raw: bytes) -> int:
    """BIP141 from the definition: three times the stripped size plus the whole size, over four, rounded up."""
    stripped = read(raw)
    bare = CTransaction(stripped.vin, stripped.vout, stripped.nLockTime, stripped.nVersion).serialize()
    return -(-(3 * len(bare) + len(raw)) // 4)


def check_signed(raw: bytes, spent: dict[tuple[bytes, int], tuple[int, bytes]]) -> int:
    """Every signature verifies; the fee."""
    tx = read(raw)
    prevouts = [spent[(i.prevout.hash, i.prevout.n)] for i in tx.vin]
    bare = tapscript.strip_witness(raw)
    for place, (_, script) in enumerate(prevouts):
        stack = list(tx.wit.vtxinwit[place].scriptWitness.stack)
        if script == ANCHOR_SCRIPT:
            assert stack == []
            continue
        (message,) = tapscript.sighashes(bare, prevouts, place, None, [0xFFFFFFFF])
        assert len(stack) == 1
        assert signing.verify(script[2:], message, stack[0])
    return sum(value for value, _ in prevouts) - sum(out.nValue for out in tx.vout)


def prevouts_of(coins: list[WalletCoin] | tuple[WalletCoin, ...]) -> dict[tuple[bytes, int], tuple[int, bytes]]:
    return {coin.outpoint: (coin.value, coin.script) for coin in coins}


values = st.lists(st.integers(400, 10**7), min_size=1, max_size=12)
rates = st.integers(1, 50)


@settings(max_examples=60, deadline=None)
@given(values=values, amounts=st.lists(st.integers(DUST, 10**6), min_size=1, max_size=4), rate=rates)
def test_funding_pays_exactly_its_fee_and_leaves_no_dust(values: list[int], amounts: list[int], rate: int) -> None:
    one = with_coins(values)
    try:
        unsigned = one.fund([Payment(value=amount, script=FOREIGN) for amount in amounts], "p", rate)
    except NotEnough as fault:
        # what it says is missing, sent in one coin with its own cost, makes the same call pass
        assert fault.missing > 0
        assert one.purposes() == {}
        one.connect(1, [paying([(fault.missing + 58 * rate, one.new_script())])])
        one.fund([Payment(value=amount, script=FOREIGN) for amount in amounts], "p", rate)
        return
    raw = one.sign(unsigned.raw, unsigned.coins)
    tx = read(raw)
    assert tx.nVersion == 3
    assert {i.nSequence for i in tx.vin} == {SEQUENCE}
    fee = check_signed(raw, prevouts_of(unsigned.coins))
    assert fee == unsigned.fee
    assert fee >= rate * vsize_of(raw)
    wanted = [(amount, FOREIGN) for amount in amounts] + [(240, ANCHOR_SCRIPT)]
    assert [(o.nValue, bytes(o.scriptPubKey)) for o in tx.vout[: len(wanted)]] == wanted
    assert unsigned.anchor == len(amounts)
    rest = tx.vout[len(wanted) :]
    if rest:
        (change,) = rest
        assert change.nValue >= DUST
        assert bytes(change.scriptPubKey) in one.scripts()
        assert fee == rate * vsize_of(raw)
    assert {c.outpoint for c in unsigned.coins} == {c.outpoint for c in one.reserved("p")}


@settings(max_examples=60, deadline=None)
@given(values=values, rate=rates, parent_fee=st.integers(0, 3_000), outputs=st.integers(1, 40))
def test_a_child_pays_the_package_at_the_rate(values: list[int], rate: int, parent_fee: int, outputs: int) -> None:
    one = with_coins(values)
    parent = paying([(1_000, FOREIGN)] * outputs + [(240, ANCHOR_SCRIPT)])
    anchor = (read(parent).GetTxid(), outputs)
    spent = prevouts_of(one.coins()) | {anchor: (240, ANCHOR_SCRIPT)}
    last = 0
    for bump in (rate, rate, rate + 7):
        try:
            raw = one.child(parent, outputs, parent_fee=parent_fee, rate=bump, coins=one.free())
        except NotEnough as fault:
            assert fault.missing > 0
            size = 42 + 58 * len(values) + 41 + 43
            most = sum(values) + 240
            package = bump * (vsize_of(parent) + size) - parent_fee
            assert most < max(package, size, last + size) + DUST + 58 or size > 1_000
            return
        tx = read(raw)
        assert (tx.vin[0].prevout.hash, tx.vin[0].prevout.n) == anchor
        assert tx.nVersion == 3
        fee = check_signed(raw, spent)
        size = vsize_of(raw)
        assert size <= 1_000
        assert fee + parent_fee >= bump * (vsize_of(parent) + size)
        assert fee >= size
        assert last == 0 or fee >= last + size
        assert all(out.nValue >= DUST for out in tx.vout)
        assert {bytes(out.scriptPubKey) for out in tx.vout} <= set(one.scripts())
        last = fee


def test_the_only_coin_pays_for_every_replacement_of_its_child() -> None:
    one = with_coins([10**6])
    parent = paying([(1_000, FOREIGN), (240, ANCHOR_SCRIPT)])
    for rate in (2, 4, 8):
        one.wait_for(one.child(parent, 1, parent_fee=0, rate=rate, coins=one.free()))
        assert one.free() == []
        assert len(one._state.waiting) == 1
    other = paying([(1_000, FOREIGN), (240, ANCHOR_SCRIPT)])
    with pytest.raises(NotEnough):
        one.child(other, 1, parent_fee=0, rate=2, coins=one.free())


def test_a_child_that_a_stranger_overtook_gives_its_coin_back() -> None:
    one = with_coins([10**6])
    parent = paying([(1_000, FOREIGN), (240, ANCHOR_SCRIPT)])
    anchor = (read(parent).GetTxid(), 1)
    one.wait_for(one.child(parent, 1, parent_fee=0, rate=2, coins=one.free()))
    assert anchor in one.outpoints()
    one.connect(1, [paying([(100, FOREIGN)], [anchor])])
    assert len(one.free()) == 1
    assert anchor not in one.outpoints()


def test_what_waits_too_long_is_given_up_also_after_a_restart() -> None:
    one = with_coins([10**6])
    pairs: dict[bytes, bytes] = {}
    one.connect(1, [])
    one.wait_for(paying([(100, FOREIGN)], [one.coins()[0].outpoint]))
    for height in range(2, 145):
        one.connect(height, [])
    one = reloaded(one, pairs)
    assert one.free() == []
    one.connect(145, [])
    assert len(one.free()) == 1


def test_a_child_of_something_else_is_refused() -> None:
    one = with_coins([10**6])
    parent = paying([(1_000, FOREIGN)])
    for vout in (0, 1, -1):
        with pytest.raises(LocalFault, match="expected a pay-to-anchor output"):
            one.child(parent, vout, parent_fee=0, rate=1, coins=one.free())


def test_dust_is_not_funded() -> None:
    one = with_coins([10**6])
    with pytest.raises(LocalFault, match="expected at least 330 sats, came 329"):
        one.fund([Payment(value=329, script=FOREIGN)], "p", 1)


def test_no_coin_is_named_in_what_is_missing() -> None:
    with pytest.raises(NotEnough, match=r"expected 1000 sats .* came 0: 1000 missing"):
        wallet().reserve(1_000, 1, "p")


# ---- reservations ------------------------------------------------------------------------------------------------


def test_a_coin_has_one_purpose_until_it_is_released() -> None:
    one = with_coins([10_000, 20_000, 30_000])
    first = one.reserve(15_000, 1, "a")
    assert [c.value for c in first] == [20_000]
    assert one.reserve(15_000, 1, "a") == first
    second = one.reserve(25_000, 1, "b")
    assert [c.value for c in second] == [30_000]
    with pytest.raises(NotEnough, match="missing"):
        one.reserve(15_000, 1, "c")
    assert one.purposes() == {"a": 20_000, "b": 30_000}
    assert one.balance().reserved == 50_000
    assert one.balance().free == 10_000
    one.release("a")
    assert one.reserve(15_000, 1, "c") == first
    with pytest.raises(LocalFault, match="promised to another purpose"):
        one.hold(second, "c")


def test_a_purpose_may_end_but_for_a_coin_and_that_stays_promised_until_its_spend_is_buried() -> None:
    one = with_coins([10_000, 20_000])
    small, large = one.reserve(25_000, 1, "a")
    assert {small.value, large.value} == {10_000, 20_000}
    one.release("a", keep=[large.outpoint])
    assert one.reserved("a") == [large] and one.promised("a") == [large.outpoint]
    assert one.free() == [small]
    spend = one.sign((bare := pay([], [large], one.new_change(), 1)).raw, bare.coins)
    one.connect(one.height + 1, [spend])
    assert one.reserved("a") == [] and one.promised("a") == [large.outpoint]
    one.disconnect(one.height)
    assert one.reserved("a") == [large] and large not in one.free()
    one.connect(one.height + 1, [spend])
    for _ in range(10 - 1):  # the bound of a reorg, in blocks
        one.connect(one.height + 1, [])
        assert one.promised("a") == [large.outpoint]
    one.connect(one.height + 1, [])
    assert one.promised("a") == []


def test_a_purpose_that_has_too_little_gets_more() -> None:
    one = with_coins([10_000, 20_000])
    assert [c.value for c in one.reserve(9_000, 1, "a")] == [10_000]
    assert sorted(c.value for c in one.reserve(25_000, 1, "a")) == [10_000, 20_000]


@pytest.mark.parametrize(("amount", "rate", "purpose"), [(0, 1, "a"), (1, 0, "a"), (1, 1, "")])
def test_a_reservation_of_nothing_is_refused(amount: int, rate: int, purpose: str) -> None:
    with pytest.raises(LocalFault, match="a reservation"):
        with_coins([10_000]).reserve(amount, rate, purpose)


def test_only_confirmed_and_mature_coins_are_promised() -> None:
    one = wallet()
    one.connect(0, [paying([(10**6, one.new_script())], coinbase=True)])
    one.wait_for(paying([(10**5, one.new_script())]))
    assert (one.balance().immature, one.balance().unconfirmed, one.balance().confirmed) == (10**6, 10**5, 0)
    for height in range(1, 99):
        one.connect(height, [])
    with pytest.raises(NotEnough):
        one.reserve(1_000, 1, "a")
    one.connect(99, [])  # the next block, at height 100, may spend it
    assert one.balance().confirmed == 10**6
    assert [c.value for c in one.reserve(1_000, 1, "a")] == [10**6]


def test_a_coin_being_spent_is_not_promised_again() -> None:
    one = with_coins([10_000, 20_000])
    small, large = sorted(one.coins(), key=lambda c: c.value)
    sent = paying([(9_000, FOREIGN)], [small.outpoint])
    one.wait_for(sent)
    assert one.free() == [large]
    rival = paying([(8_000, FOREIGN)], [small.outpoint])
    one.wait_for(rival)  # replaces the first
    one.give_up(read(sent).GetTxid())
    assert one.free() == [large]
    one.give_up(read(rival).GetTxid())
    assert len(one.free()) == 2
    one.wait_for(sent)
    one.connect(1, [rival])
    assert one.balance().unconfirmed == 0
    assert one.coins() == [large]


# ---- the fold ----------------------------------------------------------------------------------------------------


def test_addresses_are_never_handed_out_twice_also_after_a_restart() -> None:
    one = wallet()
    pairs: dict[bytes, bytes] = {}
    seen = [one.new_address() for _ in range(3)]
    for _ in range(3):
        one = reloaded(one, pairs)
        seen.append(one.new_address())
    assert len(set(seen)) == 6
    assert tapscript.script(seen[0], "regtest") == b"\x51\x20" + KEYS.output_key(0, 0)
    assert len(one.scripts()) == 6 + 2 * GAP


def test_coins_up_to_the_gap_are_found_and_move_it() -> None:
    one = wallet()
    edge = b"\x51\x20" + KEYS.output_key(0, GAP - 1)
    beyond = b"\x51\x20" + KEYS.output_key(0, 2 * GAP - 1)
    far = b"\x51\x20" + KEYS.output_key(0, 3 * GAP)
    one.connect(0, [paying([(10_000, beyond)]), paying([(10_000, edge)]), paying([(10_000, far)])])
    assert {c.index for c in one.coins()} == {GAP - 1, 2 * GAP - 1}


def test_blocks_come_in_order() -> None:
    one = with_coins([10_000])
    with pytest.raises(LocalFault, match="expected height 1, came 2"):
        one.connect(2, [])
    with pytest.raises(LocalFault, match="expected height 0, came 1"):
        one.disconnect(1)
    with pytest.raises(PeerFault, match="a transaction: expected well-formed bytes"):
        one.connect(1, [b"\x00"])


def test_keys_that_are_not_ours_are_not_signed_with() -> None:
    one = with_coins([10_000])
    with pytest.raises(LocalFault, match="an output key of this wallet"):
        one.sign_sighash(bytes(32), bytes(32))
    key = one.coins()[0].script[2:]
    assert signing.verify(key, b"\x05" * 32, one.sign_sighash(key, b"\x05" * 32))
    with pytest.raises(LocalFault, match="inputs that are coins of the wallet"):
        one.sign(paying([(1, FOREIGN)]), one.coins())


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, int]]:
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["receive", "spend", "reserve", "release", "empty", "reorg", "wait", "fund", "restart"]
                ),
                st.integers(0, 10**6),
            ),
            max_size=25,
        )
    )


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_any_history_equals_a_fresh_fold_of_its_final_chain(history: list[tuple[str, int]]) -> None:
    one = wallet(keep=1_000)
    pairs: dict[bytes, bytes] = {}
    chain: list[list[bytes]] = []

    def block(raws: list[bytes]) -> None:
        one.connect(len(chain), raws)
        chain.append(raws)

    block([])
    for act, number in history:
        match act:
            case "receive":
                block([paying([(1_000 + number, one.new_script()), (5_000, FOREIGN)], coinbase=number % 3 == 0)])
            case "spend" if one.coins():
                coin = one.coins()[number % len(one.coins())]
                block([paying([(coin.value // 2, one.new_change())], [coin.outpoint])])
            case "empty":
                for _ in range(number % 60):
                    block([])
            case "reserve":
                try:
                    one.reserve(1 + number, 1, f"p{number % 3}")
                except NotEnough:
                    assert one.balance().free < 1 + number + 58 * len(one.coins())
            case "release":
                one.release(f"p{number % 3}")
            case "wait":
                one.wait_for(paying([(number + 1, one.new_script())]))
            case "fund":
                try:
                    unsigned = one.fund([Payment(value=1_000 + number, script=FOREIGN)], f"f{number}", 2)
                except NotEnough:
                    continue
                one.wait_for(one.sign(unsigned.raw, unsigned.coins))
            case "reorg":
                for _ in range(min(number % 4, len(chain) - 1)):
                    one.disconnect(len(chain) - 1)
                    chain.pop()
            case "restart":
                before = facts(one)
                one = reloaded(one, pairs)
                assert facts(one) == before
    fresh = wallet(keep=1_000)
    for change, count in enumerate(one._state.next):
        for _ in range(count):
            fresh._fresh(change)
    for height, raws in enumerate(chain):
        fresh.connect(height, raws)
    assert one.coins() == fresh.coins()
    assert one.height == fresh.height
    balance = one.balance()
    assert balance.confirmed + balance.immature <= sum(c.value for c in one.coins())
    assert balance.reserved <= balance.confirmed


def test_a_spent_coin_is_forgotten_when_no_reorg_can_bring_it_back() -> None:
    one = with_coins([10_000], keep=3)
    pairs: dict[bytes, bytes] = {}
    one.reserve(1_000, 1, "a")
    one.connect(1, [paying([(9_000, FOREIGN)], [one.coins()[0].outpoint])])
    assert one.coins() == []
    for height in range(2, 4):
        one.connect(height, [])
    for height in range(3, 0, -1):
        one.disconnect(height)
    assert len(one.reserved("a")) == 1
    one.connect(1, [paying([(9_000, FOREIGN)], [one.coins()[0].outpoint])])
    for height in range(2, 5):
        one.connect(height, [])
    reloaded(one, pairs)
    assert not [key for key in pairs if key[:1] in b"cr"]


@pytest.mark.parametrize(
    "pair", [(b"x", b""), (b"c" + bytes(36), b"\xff"), (b"n", b"\x01"), (b"r" + bytes(36), b"\xff")]
)
def test_unreadable_records_are_refused(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(LocalFault, match="the wallet's records"):
        Wallet.load(KEYS, network="regtest", keep=1, items=[pair])
