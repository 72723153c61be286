"""The predicate `withdrawal` against a model that shares nothing with it but hashlib."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.faults import LocalFault
from circuits.gates import Circuit
from circuits.run import Mode, run
from circuits.withdrawal import commitment_of, withdrawal, withdrawal_of_any_amount

BALANCE, SALT = (1 << 200) + 12_345, 0x0123456789ABCDEF << 64
SEALED = hashlib.sha256(bytes.fromhex(f"{BALANCE:064x}{SALT:032x}")).digest()
EXACT = withdrawal(commitment=SEALED, amount=BALANCE)
ANY = withdrawal_of_any_amount(commitment=SEALED)


def model(balance: int, salt: int, amount: int) -> int:
    preimage = bytes.fromhex(f"{balance:064x}{salt:032x}")
    return int(hashlib.sha256(preimage).digest() == SEALED and balance >= amount)


def test_the_seal_is_sha256_of_both_big_endian() -> None:
    assert commitment_of(BALANCE, SALT) == SEALED


@pytest.mark.parametrize("delta", [-(1 << 190), -1, 0, 1, 1 << 190])
def test_the_balance_must_cover_the_amount(delta: int) -> None:
    amount = BALANCE + delta
    expected = (model(BALANCE, SALT, amount),)
    assert expected == (int(delta <= 0),)
    assert withdrawal(commitment=SEALED, amount=amount).evaluate(BALANCE, SALT) == expected
    assert ANY.evaluate(BALANCE, SALT, amount) == expected


numbers = st.tuples(
    st.one_of(st.just(BALANCE), st.integers(0, 2**256 - 1), st.integers(0, 255).map(lambda i: BALANCE ^ 1 << i)),
    st.one_of(st.just(SALT), st.integers(0, 2**128 - 1), st.integers(0, 127).map(lambda i: SALT ^ 1 << i)),
    st.one_of(st.just(BALANCE), st.integers(0, 2**256 - 1), st.integers(0, 10)),
)


@settings(max_examples=8, deadline=None)
@given(st.lists(numbers, min_size=20, max_size=60))
def test_agrees_with_the_model(cases: list[tuple[int, int, int]]) -> None:
    assert ANY.evaluate_many(cases) == [(model(*case),) for case in cases]
    fixed = [(balance, salt) for balance, salt, _ in cases]
    assert EXACT.evaluate_many(fixed) == [(model(balance, salt, BALANCE),) for balance, salt in fixed]


@pytest.mark.parametrize("mode", Mode)
def test_plain_and_garbled_agree(mode: Mode) -> None:
    for balance, salt, amount in ((BALANCE, SALT, BALANCE), (BALANCE, SALT, BALANCE + 1), (BALANCE, SALT + 1, 0)):
        assert run(ANY, [f"{balance:x}", f"{salt:x}", f"{amount:x}"], mode) == [f"{model(balance, salt, amount)}"]


def shape(circuit: Circuit) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return circuit.inputs, circuit.outputs


def test_shape_and_cost() -> None:
    assert shape(EXACT) == ((256, 128), (1,))
    assert shape(ANY) == ((256, 128, 256), (1,))
    assert EXACT.and_count <= ANY.and_count < 22_600


def test_the_id_says_commitment_and_amount() -> None:
    again = withdrawal(commitment=SEALED, amount=BALANCE)
    others = [withdrawal(commitment=SEALED, amount=BALANCE - 1), withdrawal(commitment=bytes(32), amount=BALANCE), ANY]
    assert again.id == EXACT.id
    assert EXACT.id not in {circuit.id for circuit in others}


def test_constants_out_of_range_are_refused() -> None:
    for amount in (-1, 1 << 256):
        with pytest.raises(LocalFault, match="expected an amount of at most 256 bits"):
            withdrawal(commitment=SEALED, amount=amount)
    for commitment in (b"", bytes(31), bytes(33)):
        with pytest.raises(LocalFault, match="expected a commitment of 32 bytes"):
            withdrawal(commitment=commitment, amount=1)
        with pytest.raises(LocalFault, match="expected a commitment of 32 bytes"):
            withdrawal_of_any_amount(commitment=commitment)
