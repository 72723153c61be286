"""docs/finish.py signs, from a backup, everything that shows no secret, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from bitcoin_scripts.transaction import display_txid
from challenge.bodies import Funded, Points, encode
from challenge.facts import fact_id
from challenge.states import VaultState
from native._native import tapscript
from native._native.keys import Seed
from node.keys import Kdf, Keys
from node.store import Store
from tests.unit.docs.test_recover import Ours, load
from tests.vault_kit import BORROWER, make_proposal, two_graphs
from vault.agreement import EnginePoints, Rows
from vault.agreement import encode as encode_terms
from vault.graph import VaultGraph, derive

PASSPHRASE = b"a passphrase for a test"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("finish")


def _stated(points: EnginePoints) -> Iterator[tuple[str, bytes]]:
    """The facts that these points come from."""
    if not points.reveals:
        yield f"points/{points.graph}", _body(points.digits, points.locks)
        return
    yield f"points/{points.graph}", _body(points.digits, tuple((r.challenger, b"\x02" + r.key) for r in points.reveals))
    for each, lock in zip(points.reveals, points.locks, strict=True):
        yield f"answers/{points.graph}/{each.challenger}", _body(each.digits, (lock,))


def _body(rows: Rows, outputs: tuple[tuple[int, bytes], ...]) -> bytes:
    return encode(Points(digits=b"".join(point for row in rows for point in row), outputs=outputs, proof=b""))


@pytest.fixture(params=("core", "babe"))
def backup(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, VaultGraph]:
    """The borrower's data of a living vault, whose Assert of graph 0 the daemon had signed."""
    keys = Keys.open(tmp_path / "keys", PASSPHRASE, kdf=Kdf(memory_kib=64, iterations=1))
    kit = Ours(proposal=make_proposal(graphs=two_graphs(engine=request.param)), name="finish")
    terms = kit.with_own(keys, BORROWER)
    graph, parties = derive(terms, kit.points), range(len(terms.keys))
    batch, seeds = graph.presigning(), [Seed.generate() for _ in range(len(terms.keys))]
    nonces = [batch.public_nonces(seeds[p], kit.musig(p)) for p in parties]
    signatures = batch.aggregate(nonces, [batch.sign(seeds[p], kit.musig(p), nonces) for p in parties])
    bodies = dict(stated for points in kit.points for stated in _stated(points))
    mine = terms.keys[BORROWER]
    facts = {f"keys/{k.party}": encode_terms(k) for k in terms.keys}
    facts |= {name: fact_id(body) for name, body in bodies.items()}
    facts["funded"] = encode(Funded(nonce=mine.nonce, bonds=mine.bonds, prefund_inputs=mine.prefund_inputs))
    vault = terms.proposal.proposal_id
    store = Store.open(tmp_path / "store", network="regtest", genesis=bytes(32))
    store.commit(
        [
            ("vaults", vault, msgspec.msgpack.encode(VaultState(proposal=terms.proposal, me=BORROWER, facts=facts))),
            ("presigned", vault, signatures),
            ("outgoing", vault + b"0/assert", b"the one version"),
            *(("blobs", fact_id(body), body) for body in bodies.values()),
        ]
    )
    store.close()
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    (tmp_path / "passphrase").chmod(0o600)
    return tmp_path, graph


def test_what_it_prints_is_signed_and_of_the_graph(
    script: ModuleType,
    backup: tuple[Path, VaultGraph],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, graph = backup
    parts = [str(folder / name) for name in ("keys", "passphrase", "store")]
    monkeypatch.setattr(sys, "argv", ["finish.py", *parts])
    script.main()
    words = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert words[0] == f"vault {graph.terms.proposal.proposal_id.hex()}"
    lines = dict(zip(words[1::2], words[2::2], strict=True))
    assert lines.pop("0/assert") == b"the one version".hex()
    for name, raw in lines.items():
        template = graph.templates[name]
        assert tapscript.txid(bytes.fromhex(raw)) == template.txid, display_txid(template.txid)
        assert -(-tapscript.weight(bytes.fromhex(raw)) // 4) <= template.vsize
    babe = graph.terms.proposal.graphs[0].engine == "babe"
    answers = (
        [f"0/no_payout/{k}" for k in (1, 2)]
        + [f"1/{kind}/0" for kind in ("no_payout", "stake_back")]
        + ["1/no_payout/2"]
    )
    assert set(lines) == {
        *(answers if babe else ()),
        *(f"{way}/{s}" for way in ("refund", "deadman") for s in (0, 1)),
        *(f"{g}/{name}" for g in (0, 1) for name in ("uncontested_payout", "no_assert", "contested_payout")),
        *(f"0/{name}" for name in ("claim", "release_bond", "release_bond_contest")),
        "1/contest",
    }
