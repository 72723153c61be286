"""The parts of the sandbox against independent models: mining order, diagrams, the log, the coins, the parser."""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
from fractions import Fraction
from pathlib import Path

import pytest
from btclib.script.script_pub_key import address
from hypothesis import given, settings
from hypothesis import strategies as st

from node.sandbox.blocklog import FRAME, MAGIC, BlockLog
from node.sandbox.faults import RpcFault, SandboxFault
from node.sandbox.ledger import Ledger
from node.sandbox.mempool import Chunk, improves, linearise
from node.sandbox.miner import assemble, merkle_root, subsidy
from node.sandbox.parameters import Call, Parameter, amount, hash_, integer, script_of_address
from node.sandbox.policy import money
from node.sandbox.regtest import GENESIS, Regtest
from node.sandbox.transaction import Block, Transaction, sha256d

SCRIPT = b"\x51\x20" + bytes(31) + b"\x01"


# ---- mining order ------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn, most: int = 5) -> tuple[dict[bytes, set[bytes]], dict[bytes, tuple[int, int]]]:
    names = [bytes([n]) for n in range(draw(st.integers(1, most)))]
    parents = {name: {p for p in names[:place] if draw(st.booleans())} for place, name in enumerate(names)}
    sizes = {name: (draw(st.integers(0, 50)), draw(st.integers(1, 20))) for name in names}
    return parents, sizes


def area(order: list[bytes], sizes: dict[bytes, tuple[int, int]], ends: list[int]) -> list[Fraction]:
    """The concave hull of the cumulative (weight, fee) points, at the given weights."""
    points = [(0, 0)]
    for name in order:
        points.append((points[-1][0] + sizes[name][1], points[-1][1] + sizes[name][0]))
    found = []
    for x in ends:
        best = Fraction(0)
        for (x0, y0), (x1, y1) in itertools.combinations(points, 2):
            if x0 <= x <= x1:
                best = max(best, Fraction(y0 * (x1 - x) + y1 * (x - x0), x1 - x0))
        found.append(best)
    return found


@settings(max_examples=200, deadline=None)
@given(graph=graphs())
def test_the_order_is_topological_and_its_chunks_fall(
    graph: tuple[dict[bytes, set[bytes]], dict[bytes, tuple[int, int]]],
) -> None:
    parents, sizes = graph
    chunks = linearise(parents, sizes)
    order = [txid for chunk in chunks for txid in chunk.txids]
    assert sorted(order) == sorted(sizes)
    for place, txid in enumerate(order):
        assert parents[txid] <= set(order[:place])
    for chunk in chunks:
        assert (chunk.fee, chunk.weight) == tuple(map(sum, zip(*(sizes[t] for t in chunk.txids), strict=True)))
    rates = [Fraction(chunk.fee, chunk.weight) for chunk in chunks]
    assert rates == sorted(rates, reverse=True)


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.tuples(*[st.tuples(st.integers(0, 50), st.integers(1, 20))] * 3), shape=st.sampled_from(["pair", "trio"])
)
def test_one_parent_one_child_is_ordered_optimally(sizes: tuple[tuple[int, int], ...], shape: str) -> None:
    names = [b"a", b"b", b"c"][: 2 if shape == "pair" else 3]
    parents: dict[bytes, set[bytes]] = {b"a": set(), b"b": {b"a"}, b"c": set()}
    parents = {name: parents[name] for name in names}
    table = dict(zip(names, sizes, strict=False))
    order = [txid for chunk in linearise(parents, table) for txid in chunk.txids]
    ends = list(range(sum(w for _, w in table.values()) + 1))
    mine = area(order, table, ends)
    for other in itertools.permutations(names):
        if other.index(b"a") < other.index(b"b"):
            assert all(m >= o for m, o in zip(mine, area(list(other), table, ends), strict=True))


@settings(max_examples=200, deadline=None)
@given(old=graphs(4), new=graphs(4))
def test_a_diagram_improves_when_it_is_nowhere_lower_and_somewhere_higher(
    old: tuple[dict[bytes, set[bytes]], dict[bytes, tuple[int, int]]],
    new: tuple[dict[bytes, set[bytes]], dict[bytes, tuple[int, int]]],
) -> None:
    before, after = linearise(*old), linearise(*new)
    ends = list(range(max(sum(c.weight for c in before), sum(c.weight for c in after)) + 1))

    def values(chunks: list[Chunk]) -> list[Fraction]:
        found, fee, weight = [Fraction(0)], Fraction(0), 0
        for chunk in chunks:
            for step in range(1, chunk.weight + 1):
                found.append(fee + Fraction(chunk.fee * step, chunk.weight))
            fee, weight = found[-1], weight + chunk.weight
        return found + [fee] * (len(ends) - len(found))

    lower, higher = values(before), values(after)
    expected = all(b >= a for a, b in zip(lower, higher, strict=True)) and lower != higher
    assert improves(before, after) is expected


# ---- blocks ------------------------------------------------------------------------------------------------------


def test_the_genesis_block_is_regtests() -> None:
    assert sha256d(GENESIS[:80])[::-1].hex() == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert Block.parse(GENESIS).transactions[0].txid[::-1].hex().startswith("4a5e1e4b")


def test_subsidies_halve() -> None:
    assert [subsidy(h) for h in (1, 149, 150, 299, 300, 150 * 64)] == [
        5_000_000_000,
        5_000_000_000,
        2_500_000_000,
        2_500_000_000,
        1_250_000_000,
        0,
    ]


def test_a_merkle_root_repeats_the_last_of_an_odd_row() -> None:
    a, b, c = (bytes([n]) * 32 for n in (1, 2, 3))
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == sha256d(sha256d(a + b) + sha256d(c + c))


@pytest.fixture
def chain(tmp_path: Path) -> Regtest:
    return Regtest(tmp_path / "chain")


def test_mined_blocks_have_their_heights_in_the_coinbase(chain: Regtest) -> None:
    chain.mine(SCRIPT, 300)
    for height in (1, 16, 17, 127, 128, 255, 256, 300):
        script = chain.block(chain.ledger.active[height]).transactions[0].tx.vin[0].script_sig
        number = script[0] - 0x50 if height <= 16 else int.from_bytes(script[1 : 1 + script[0]], "little")
        assert number == height
    chain.close()


def test_disconnecting_is_the_inverse_of_connecting(chain: Regtest) -> None:
    chain.mine(SCRIPT, 5)
    ledger = Ledger()
    for one in chain.ledger.active:
        before = (dict(ledger.coins), list(ledger.active))
        ledger.connect(chain.block(one))
        ledger.disconnect(chain.block(one))
        assert (ledger.coins, ledger.active) == before
        ledger.connect(chain.block(one))
    assert ledger.coins == chain.ledger.coins
    with pytest.raises(ValueError, match="only the tip"):
        ledger.disconnect(chain.block(chain.ledger.active[1]))
    chain.close()


def test_a_block_that_pays_too_much_is_refused_by_the_engine(chain: Regtest) -> None:
    tip = chain.ledger.tip
    raw = assemble(tip, SCRIPT, [], 1, time=chain.now(), taken=set())
    assert chain.submit([raw]).startswith("bad-cb-amount")
    assert chain.ledger.tip == tip
    assert chain.submit([assemble(tip, SCRIPT, [], 0, time=chain.now(), taken=set())]) == ""
    assert chain.ledger.tip.height == 1
    chain.close()


def test_a_longer_branch_takes_over_and_a_shorter_one_does_not(chain: Regtest, tmp_path: Path) -> None:
    other = Regtest(tmp_path / "other")
    chain.mine(SCRIPT, 3)
    other.mine(SCRIPT + b"", 0)
    other.mine(b"\x51\x20" + bytes(31) + b"\x02", 4)
    theirs = [other.block(hash_).raw for hash_ in other.ledger.active[1:]]
    assert chain.submit(theirs[:3]) == ""
    assert chain.ledger.tip.height == 3
    assert chain.ledger.tip.hash != other.ledger.active[3]
    assert chain.submit(theirs[3:]) == ""
    assert chain.ledger.active == other.ledger.active
    assert chain.ledger.coins == other.ledger.coins
    assert chain.submit(theirs[3:]) == "duplicate"
    orphan = assemble(other.ledger.tip, SCRIPT, [], 0, time=chain.now(), taken=set())
    other.submit([orphan])
    beyond = assemble(other.ledger.tip, SCRIPT, [], 0, time=chain.now(), taken=set())
    assert chain.submit([beyond]) == "inconclusive"
    chain.close()
    other.close()


# ---- the log -----------------------------------------------------------------------------------------------------


def frame(raw: bytes) -> bytes:
    return FRAME.pack(MAGIC, len(raw)) + raw


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(81, 300), min_size=1, max_size=5), cut=st.integers(0, 400))
def test_the_log_keeps_every_whole_block(sizes: list[int], cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("log")
    raws = [os.urandom(size) for size in sizes]
    with BlockLog(folder) as log:
        log.append(raws)
        log.append(raws)  # nothing new
        assert log.path.stat().st_size == sum(size + 8 for size in sizes)
    data = b"".join(frame(raw) for raw in raws)
    (folder / "blocks.log").write_bytes(data[: max(0, len(data) - cut)])
    whole = [r for n, r in enumerate(raws) if sum(s + 8 for s in sizes[: n + 1]) <= len(data) - cut]
    with BlockLog(folder) as log:
        assert [log.read(hash_) for hash_ in log.hashes()] == whole
        log.append(raws)
    with BlockLog(folder) as log:
        assert [log.read(hash_) for hash_ in log.hashes()] == raws


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with BlockLog(tmp_path), pytest.raises(SandboxFault, match="Another sandbox is running"):
        BlockLog(tmp_path)


def test_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blocks.log").write_bytes(frame(os.urandom(100)) + b"\x00\x01" + frame(os.urandom(100)))
    with pytest.raises(SandboxFault, match="damaged at byte 108"):
        BlockLog(tmp_path)


# ---- hostile parameters ------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    for read in (Transaction.parse, Block.parse):
        with contextlib.suppress(ValueError):
            assert read(data).raw == data


def test_a_parsed_transaction_is_all_of_its_bytes() -> None:
    raw = Block.parse(GENESIS).transactions[0].raw
    assert Transaction.parse(raw).raw == raw
    for bad in (raw + b"\0", raw[:-1], b"", raw[:4] + b"\0\1" + raw[4:]):
        with pytest.raises(ValueError, match=r"."):
            Transaction.parse(bad)
    claims = struct.pack("<i", 2) + b"\xff" + bytes([255] * 8) + raw[5:]
    with pytest.raises(ValueError, match="not a transaction"):
        Transaction.parse(claims)


@pytest.mark.parametrize(
    ("read", "value", "code"),
    [
        (integer, "1", -3),
        (integer, True, -3),
        (integer, 1 << 63, -1),
        (integer, None, -3),
        (hash_, "00", -8),
        (hash_, "g" * 64, -8),
        (hash_, 1, -3),
        (amount, "0.000000001", -3),
        (amount, "NaN", -3),
        (amount, "Infinity", -3),
        (amount, "-1", -3),
        (amount, 21_000_001, -3),
        (amount, [], -3),
        (script_of_address, address(SCRIPT, "mainnet"), -5),
        (script_of_address, address(SCRIPT, "testnet"), -5),
        (script_of_address, "", -5),
    ],
)
def test_values_of_another_kind_are_refused(read: object, value: object, code: int) -> None:
    with pytest.raises(RpcFault) as caught:
        read(value, "name")  # type: ignore[operator]
    assert caught.value.code == code


def test_a_regtest_address_is_its_script() -> None:
    assert script_of_address(address(SCRIPT, "regtest"), "address") == SCRIPT


def test_parameters_bind_by_place_and_by_name() -> None:
    call = Call("c", (Parameter("a", integer), Parameter("b", integer, 7)), lambda: None)
    assert call.bind([1]) == {"a": 1, "b": 7}
    assert call.bind({"b": 2, "a": 1}) == {"a": 1, "b": 2}
    assert call.bind({"args": [1], "b": 2}) == {"a": 1, "b": 2}
    bad: list[tuple[list[int] | dict[str, object], int]] = [
        ([], -1),
        ([1, 2, 3], -1),
        ({"c": 1, "a": 1}, -8),
        ({"args": [1], "a": 1}, -8),
        ({"args": 1}, -1),
    ]
    for given_, code in bad:
        with pytest.raises(RpcFault) as caught:
            call.bind(given_)
        assert caught.value.code == code


@pytest.mark.parametrize(("sats", "shown"), [(0, "0.00"), (1, "0.00000001"), (10**8, "1.00"), (-150_000_000, "-1.50")])
def test_money_is_written_as_core_writes_it(sats: int, shown: str) -> None:
    assert money(sats) == shown
