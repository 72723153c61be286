"""BIP340's test vectors through the product's own signing and verification."""

import csv

import pytest

from native._native.keys import Secret
from native._native.signing import verify
from tests.vectors.locate import vector

with vector("bitcoin/bip340/test-vectors.csv").open() as file:
    ROWS = list(csv.DictReader(file))


def test_all_rows_are_there() -> None:
    assert len(ROWS) == 19


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["comment"] or row["index"])
def test_verification(row: dict[str, str]) -> None:
    key, message, signature = (bytes.fromhex(row[name]) for name in ("public key", "message", "signature"))
    assert verify(key, message, signature) is (row["verification result"] == "TRUE")


@pytest.mark.parametrize("row", [row for row in ROWS if row["secret key"]], ids=lambda row: row["index"])
def test_signing(row: dict[str, str]) -> None:
    secret = Secret.from_revealed(bytes.fromhex(row["secret key"]))
    assert secret.xonly().hex().upper() == row["public key"]
    signature = secret.sign(bytes.fromhex(row["message"]), bytes.fromhex(row["aux_rand"]))
    assert signature.hex().upper() == row["signature"]
