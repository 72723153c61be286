"""docs/recover.py, which shares no code with the product, finds the product's keys, secrets and coins in a backup."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from bitcoin.core.script import CScript
from embit.descriptor import Descriptor

from bitcoin_scripts.outputs import Output
from challenge.bodies import Funded, Points, encode
from challenge.states import VaultState
from native._native.keys import WalletKeys
from node.keys import Kdf, Keys
from node.store import Store
from node.work.own import Own
from tests.vault_kit import BORROWER, LENDER, Kit, make_proposal, two_graphs
from vault.agreement import PartyKeys, Terms
from vault.agreement import encode as encode_terms
from vault.graph import derive
from vault.terms import bond_script

ROOT = Path(__file__).parents[3]
PASSPHRASE = b"a passphrase for a test"


def load(name: str) -> ModuleType:
    """docs/NAME.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as an import does; dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load("recover")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("data") / "keys", PASSPHRASE, kdf=Kdf(memory_kib=64, iterations=1))


@pytest.fixture(scope="module")
def seed(script: ModuleType, keys: Keys) -> bytes:
    return script.master_seed((keys._folder / "master.sealed").read_bytes(), PASSPHRASE)


class Ours(Kit):
    """A vault in which one party's keys come from the product's own key folder."""

    def with_own(self, keys: Keys, me: int) -> Terms:
        own = Own(keys.vault_seed(self.keys_of(me).nonce))
        personal = own.personal.xonly()
        stated = self.keys_of(me)
        slots = range(len(self.proposal.slots))
        mine: PartyKeys = msgspec.structs.replace(
            stated,
            personal=personal,
            bonds=tuple((g, msgspec.structs.replace(c, script_pubkey=bond_script(personal))) for g, c in stated.bonds),
            stakes=tuple(
                (g, msgspec.structs.replace(c, script_pubkey=bond_script(personal))) for g, c in stated.stakes
            ),
            hashlock_a=hashlib.sha256(own.hashlock_a().reveal()).digest() if me == BORROWER else b"",
            hashlocks_r=tuple(hashlib.sha256(own.hashlock_r(s).reveal()).digest() for s in slots)
            if me == LENDER
            else (),
        )
        every = [mine if p == me else self.keys_of(p) for p in range(len(self.proposal.parties))]
        return Terms(proposal=self.proposal, keys=tuple(every))


def plain(terms: Terms) -> dict[str, Any]:
    """As the script reads them: maps, not structs."""
    return msgspec.msgpack.decode(encode_terms(terms))


def script_of(descriptor: str) -> bytes:
    """The script of a descriptor, by a library that is not ours."""
    return Descriptor.from_string(descriptor).script_pubkey().data


def test_it_imports_nothing_of_this_project() -> None:
    text = (ROOT / "docs" / "recover.py").read_text()
    for package in ("node", "challenge", "vault", "bitcoin_scripts", "circuits", "native"):
        assert f"import {package}" not in text
        assert f"from {package}" not in text


def test_a_wrong_passphrase_opens_nothing(script: ModuleType, keys: Keys) -> None:
    sealed = (keys._folder / "master.sealed").read_bytes()
    with pytest.raises(Exception, match="ecryption failed"):
        script.master_seed(sealed, PASSPHRASE + b"!")


def test_the_wallet_descriptors_are_those_of_the_wallets_addresses(script: ModuleType, keys: Keys, seed: bytes) -> None:
    wallet = WalletKeys(keys.wallet_seed, coin_type=1)
    for change, descriptor in enumerate(script.wallet_descriptors(seed)):
        for index in (0, 7):
            derived = Descriptor.from_string(descriptor).derive(index).script_pubkey().data
            assert derived == b"\x51\x20" + wallet.output_key(change, index)


def test_secrets_of_a_vault_are_the_products(script: ModuleType, keys: Keys, seed: bytes) -> None:
    nonce = bytes(range(32))
    own, found = Own(keys.vault_seed(nonce)), script.own_seed(seed, nonce)
    assert script.x_only(script.times(int.from_bytes(script.scalar(found, b"personal"), "big"), script.G)) == (
        own.personal.xonly()
    )
    assert script.child(found, b"hashlock r/3") == own.hashlock_r(3).reveal()


def test_the_borrowers_descriptors_are_the_outputs_of_the_graph(script: ModuleType, keys: Keys, seed: bytes) -> None:
    kit = Ours(proposal=make_proposal(), name="recover")
    terms = kit.with_own(keys, BORROWER)
    templates = derive(terms, kit.points).templates
    lines = dict(script.vault_lines(seed, plain(terms), BORROWER, {}))
    assert len(lines) == 1 + 2 * len(terms.proposal.slots)
    for slot, value in enumerate(terms.proposal.slots):
        deposit = templates["prefund"].outputs[slot].script_pubkey
        coin = templates["vault"].outputs[slot].script_pubkey
        assert script_of(lines[f"Refund of slot {slot}"]) == deposit
        assert script_of(lines[f"Repay (with r) and DeadMan of slot {slot}, {value} sat"]) == coin
    bonds = lines["bonds and stakes not played with, and nothing else of this key path"]
    assert script_of(bonds) == terms.bond(0).script_pubkey


def test_the_lender_finds_its_bond_and_every_r(script: ModuleType, keys: Keys, seed: bytes) -> None:
    terms = Ours(proposal=make_proposal(), name="recover").with_own(keys, LENDER)
    lines = script.vault_lines(seed, plain(terms), LENDER, {})
    found = [hashlib.sha256(bytes.fromhex(text)).digest() for what, text in lines if what.startswith("r of slot")]
    assert tuple(found) == terms.keys[LENDER].hashlocks_r
    assert script_of(lines[0][1]) == terms.bond(1).script_pubkey


def locks_of(kit: Kit) -> dict[str, dict[int, bytes]]:
    """As `read_vaults` finds them in the blobs of a store."""
    found = {}
    for points in kit.points:
        found[f"points/{points.graph}"] = {each.challenger: b"\x02" + each.key for each in points.reveals}
        found |= {f"answers/{points.graph}/{k}": {k: lock} for k, lock in points.locks}
    return found


def babe_kit() -> Ours:
    return Ours(proposal=make_proposal(graphs=two_graphs(engine="babe")), name="recover")


def test_a_challengers_stake_is_found_behind_its_reveal(script: ModuleType, keys: Keys, seed: bytes) -> None:
    kit = babe_kit()
    terms = kit.with_own(keys, LENDER)
    lines = dict(script.vault_lines(seed, plain(terms), LENDER, locks_of(kit)))
    reveal = derive(terms, kit.points).templates[f"0/reveal/{LENDER}"]
    stake = terms.proposal.graphs[0].stake
    assert (
        script_of(lines[f"StakeBack of graph 0, once payout is spent: {stake} sat"]) == reveal.outputs[0].script_pubkey
    )
    spare = lines["bonds and stakes not played with, and nothing else of this key path"]
    assert script_of(spare) == terms.stake(0, LENDER).script_pubkey


def test_a_claimants_arenas_are_found_with_the_leaf_that_opens_them(
    script: ModuleType, keys: Keys, seed: bytes
) -> None:
    kit = babe_kit()
    terms = kit.with_own(keys, BORROWER)
    lines = dict(script.vault_lines(seed, plain(terms), BORROWER, locks_of(kit)))
    assert_ = derive(terms, kit.points).templates["0/assert"]
    challengers = terms.proposal.challengers(0)
    for k in challengers:
        (arena,) = [o for o in assert_.outputs if isinstance(o, Output) and o.role == f"0/arena/{k}"]
        assert lines[f"unused arena of challenger {k} in graph 0"] == f"raw({arena.script_pubkey.hex()})"
        leaf, control = lines[f"its leaf, SCRIPT CONTROL, for arena {k} of graph 0"].split()
        assert (leaf, control) == (arena.leaf("release").script.hex(), arena.control_block("release").hex())
    assert not [what for what in lines if "arena" in what and "graph 1" in what], "the lender claims there"
    assert len([what for what in lines if "unused arena" in what]) == len(challengers)


@pytest.mark.parametrize("value", [1, 16, 17, 127, 128, 255, 256, 1008, 32767, 32768, 65535])
def test_numbers_are_pushed_as_scripts_read_them(script: ModuleType, value: int) -> None:
    assert script.number(value) == CScript([value])


def test_a_store_is_read_and_printed(
    script: ModuleType, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = babe_kit()
    terms = kit.with_own(keys, BORROWER)
    mine = terms.keys[BORROWER]
    facts = {f"keys/{k.party}": encode_terms(k) for k in terms.keys}
    facts["funded"] = encode(Funded(nonce=mine.nonce, bonds=mine.bonds, prefund_inputs=mine.prefund_inputs))
    outputs = tuple((each.challenger, b"\x02" + each.key) for each in kit.points[0].reveals)
    facts["points/0"] = b"p" * 32
    state = VaultState(proposal=terms.proposal, me=BORROWER, facts=facts)
    store = Store.open(tmp_path / "store", network="regtest", genesis=bytes(32))
    body = encode(Points(digits=b"", outputs=outputs, proof=b""))
    store.commit([("vaults", terms.proposal.proposal_id, msgspec.msgpack.encode(state)), ("blobs", b"p" * 32, body)])
    store.close()
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    master = str(keys._folder / "master.sealed")
    monkeypatch.setattr(
        sys, "argv", ["recover.py", "keys", master, str(tmp_path / "passphrase"), "--store", str(tmp_path / "store")]
    )
    script.main()
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    deposit = derive(terms, kit.points).templates["prefund"].outputs[0].script_pubkey
    assert deposit in [
        script_of(line.partition("#")[0]) for line in printed if line.startswith("tr(") and "/*" not in line
    ]
    arena = next(o for o in derive(terms, kit.points).templates["0/assert"].outputs if o.role == f"0/arena/{LENDER}")
    assert f"raw({arena.script_pubkey.hex()})" in [line.partition("#")[0] for line in printed]
