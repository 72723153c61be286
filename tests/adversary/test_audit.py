"""Nobody passes the audit with a changed bundle: not one byte, and not one field under digests made again.

Each case is the bundle of a real setup with one thing changed; the check that must notice is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._native.keys import Secret
from node.cli.app import run
from tests.audit_kit import Made, judged, made
from tests.simulation.test_canaries import forms
from vault.agreement import Terms
from vault.audit import Result
from vault.audit_checks import Knowledge, Pair, Stated
from vault.audit_file import KINDS, MAGIC, BundleFault, parse, write
from vault.terms import decode_points, decode_terms, encode

PARTIES = [(engine, role) for engine in ("core", "babe") for role in ("borrower", "lender", "challenger")]


@pytest.mark.parametrize(("engine", "role"), PARTIES)
def test_the_bundle_of_every_party_of_a_real_setup_holds(engine: str, role: str) -> None:
    found = judged(made(engine)[role].raw)
    assert found.holds, [check for check in found.checks if check.failures]
    counts = {check.name: check.count for check in found.checks}
    evaluates = (engine == "core") is not (role == "borrower")  # core: challengers; babe: the claimant
    assert bool(counts["opened instances"]) is evaluates
    assert bool(counts["reveal presignatures"]) is (engine == "babe" and role != "borrower")
    assert counts["endings"] == len(found.rows) > counts["transactions"] == len(found.graph.templates)  # type: ignore[union-attr]


@pytest.mark.parametrize(("engine", "role"), PARTIES)
def test_no_secret_of_the_node_is_in_its_bundle(engine: str, role: str) -> None:
    party = made(engine)[role]
    assert len(party.secrets) == 11
    for name, secret in party.secrets.items():
        for form in forms(secret):
            assert form not in party.raw, name


def test_the_search_for_secrets_finds_what_is_planted() -> None:
    party = made("core")["lender"]
    planted = party.with_sections({"opened/0/1": party.secrets["digit seed"]})
    assert party.secrets["digit seed"] in planted


# ---- bytes -----------------------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_other_byte_anywhere_is_refused_by_the_name_of_its_section(data: st.DataObject) -> None:
    party = made(data.draw(st.sampled_from(["core", "babe"])))["lender"]
    raw = bytearray(party.raw)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        found = judged(bytes(raw))
    except BundleFault as fault:
        assert fault.field in ("magic", "header length", "header digest", "file") or fault.field.startswith("digest of")
        return
    assert [check.name for check in found.checks if check.result is not Result.HOLDS] == ["maker"]  # its signature


def test_a_byte_of_every_section_is_covered_by_its_digest() -> None:
    for party in (made("core")["lender"], made("babe")["borrower"], made("babe")["challenger"]):
        raw, at = party.raw, len(party.raw)
        for name in reversed(list(party.bundle.sections)):
            at -= len(party.bundle.view(name))
            damaged = bytearray(raw)
            damaged[at] ^= 1
            with pytest.raises(BundleFault, match=f"digest of section {name}:"):
                parse(bytes(damaged))


def test_truncated_foreign_and_oversized_files_are_refused_by_field() -> None:
    party = made("core")["lender"]
    raw = party.raw
    cases = [
        (b"", "magic"),
        (b"bv3artif" + raw[8:], "magic"),
        (raw[:11], "header length"),
        (raw[:100], "header length"),
    ]
    cases += [(raw[:-1], "file"), (raw + b"x", "file"), (MAGIC + b"\xff" * 200, "header length")]
    for content, field in cases:
        with pytest.raises(BundleFault) as caught:
            parse(content)
        assert caught.value.field == field
    large = bytes(KINDS["key"].limit + 1)
    for name, content, field in [
        ("key/0", large, "length of section key/0"), ("notes", b"x", "section name"), ("pair/0", b"x", "section name"),
        ("pair/0/01", b"x", "section name"), ("pair/0/99999999", b"x", "section name"),
    ]:  # fmt: skip
        with pytest.raises(BundleFault) as caught:
            parse(party.with_sections({name: content}))
        assert caught.value.field == field


def test_sections_stand_once_and_in_their_order() -> None:
    party = made("core")["lender"]
    pieces = list(write(party.bundle, party.identity.sign))
    assert parse(b"".join(pieces)).sections.keys() == party.bundle.sections.keys()
    assert list(party.bundle.sections) == [
        "terms",
        "stated",
        "points",
        "knowledge",
        "signatures",
        "pair/0/1",
        "opened/0/1",
    ]
    swapped = b"".join([pieces[0], pieces[2], pieces[1], *pieces[3:]])
    with pytest.raises(BundleFault, match="digest of section"):
        parse(swapped)


# ---- one field changed, every digest and the signature made again ----------------------------------------------------
def _terms(change: Callable[[Terms], Terms]) -> Callable[[Made], bytes]:
    def forged(party: Made) -> bytes:
        terms = change(decode_terms(party.bundle.get("terms") or b""))
        return party.with_sections({"terms": encode(terms)}, vault_id=terms.vault_id)

    return forged


def _proposal(**fields: object) -> Callable[[Terms], Terms]:
    return lambda terms: msgspec.structs.replace(terms, proposal=msgspec.structs.replace(terms.proposal, **fields))


def _timelock(**blocks: int) -> Callable[[Terms], Terms]:
    def change(terms: Terms) -> Terms:
        return _proposal(timelocks=msgspec.structs.replace(terms.proposal.timelocks, **blocks))(terms)

    return change


def _bond(terms: Terms) -> Terms:
    graph = terms.proposal.graphs[0]
    return _proposal(graphs=(msgspec.structs.replace(graph, bond=graph.bond // 2),))(terms)


def _hashlock(terms: Terms) -> Terms:
    lender = msgspec.structs.replace(terms.keys[1], hashlocks_r=(terms.keys[0].hashlock_a,))
    return msgspec.structs.replace(terms, keys=(terms.keys[0], lender, *terms.keys[2:]))


def _flip(section: str, at: int) -> Callable[[Made], bytes]:
    def forged(party: Made) -> bytes:
        raw = bytearray(party.bundle.get(section) or b"")
        raw[at] ^= 1
        return party.with_sections({section: bytes(raw)})

    return forged


def _pair(k: int, change: Callable[[Pair], Pair]) -> Callable[[Made], bytes]:
    return lambda party: party.with_sections({f"pair/0/{k}": msgspec.msgpack.encode(change(party.pair(0, k)))})


def _commitment(pair: Pair) -> Pair:
    opened = next(i for i in range(len(pair.instances) // 32) if i not in pair.kept)
    raw = bytearray(pair.instances)
    raw[32 * opened] ^= 1
    return msgspec.structs.replace(pair, instances=bytes(raw))


def _coefficients(first: int, second: int) -> Callable[[Pair], Pair]:
    def change(pair: Pair) -> Pair:
        parts = [pair.polynomial[i : i + 33] for i in range(0, len(pair.polynomial), 33)]
        parts[first], parts[second] = parts[second], parts[first]
        return msgspec.structs.replace(pair, polynomial=b"".join(parts))

    return change


def _another_kept(pair: Pair) -> Pair:
    others = [i for i in range(len(pair.instances) // 32) if i not in pair.kept]
    return msgspec.structs.replace(pair, kept=tuple(sorted((*pair.kept[1:], others[0]))))


def _points(party: Made) -> bytes:
    """Two digits exchanged: points of the curve, all distinct, in another place."""
    (entry,) = decode_points(party.bundle.get("points") or b"")
    first, second, *rest = entry.digits
    changed = msgspec.structs.replace(entry, digits=(second, first, *rest))
    return party.with_sections({"points": encode((changed,))})


def _stated(**fields: tuple[bytes, ...]) -> Callable[[Made], bytes]:
    def forged(party: Made) -> bytes:
        said = msgspec.msgpack.decode(party.bundle.get("stated") or b"", type=Stated)
        return party.with_sections({"stated": msgspec.msgpack.encode(msgspec.structs.replace(said, **fields))})

    return forged


def _proof(party: Made) -> bytes:
    proofs = msgspec.msgpack.decode(party.bundle.get("knowledge") or b"", type=tuple[Knowledge, ...])
    last = msgspec.structs.replace(proofs[-1], proof=proofs[-1].proof[:-1] + bytes([proofs[-1].proof[-1] ^ 1]))
    return party.with_sections({"knowledge": msgspec.msgpack.encode((*proofs[:-1], last))})


def _without(name: str) -> Callable[[Made], bytes]:
    return lambda party: party.with_sections({name: None})


def _signed_by_another(party: Made) -> bytes:
    return replace(party, identity=Secret.from_revealed(bytes(31) + b"\1")).raw


CORE, CLAIMANT, ANSWERING = ("core", "lender"), ("babe", "borrower"), ("babe", "challenger")
NOTHING = (bytes(32),) * 3
FORGERIES: list[tuple[str, tuple[str, str], Callable[[Made], bytes], str, str]] = [
    ("a contest period too short", CORE, _terms(_timelock(contest=3)), "timelocks", "inequality 1 contest"),
    ("a verdict too early", CORE, _terms(_timelock(verdict=4)), "timelocks", "inequality 4 verdict"),
    ("a dead man's exit too early", CORE, _terms(_timelock(dead_man=60)), "timelocks", "inequality 7 dead_man"),
    ("a timelock one block longer", CORE, _terms(_timelock(verdict=22)), "transactions", "digest of the graph"),
    ("half a bond", CORE, _terms(_bond), "amounts", "graphs[0].bond"),
    ("one hashlock for two purposes", CORE, _terms(_hashlock), "keys", "hashlocks"),
    ("another vault id", CORE, lambda p: p.with_sections({}, vault_id=bytes(32)), "terms", "vault id"),
    ("another maker", CORE, lambda p: p.with_sections({}, maker=2), "maker", "signature of the file"),
    ("a maker that is no party", CORE, lambda p: p.with_sections({}, maker=3), "terms", "maker"),
    ("another identity's signature", CORE, _signed_by_another, "maker", "signature of the file"),
    (
        "a presignature of PreFund's child",
        CORE,
        _flip("signatures", 64),
        "presignatures",
        "presignature 0, vault input 0",
    ),
    ("the last presignature", CORE, _flip("signatures", -1), "presignatures", "presignature 76"),
    (
        "a presignature of a digit",
        CORE,
        _flip("signatures", 65 * 30),
        "adaptor presignatures",
        "0/assert input 0 by digits",
    ),
    ("fewer presignatures", CORE, lambda p: p.with_sections({"signatures": b""}), "presignatures", "signatures"),
    ("what ready stands for", CORE, _stated(ready=NOTHING), "ready", "party 0 said"),
    ("another graph agreed on", CORE, _stated(digests=NOTHING), "transactions", "digest of the graph as party 0"),
    ("points in other places", CORE, _points, "knowledge", "points of the claimant of graph 0"),
    ("a proof of knowledge", CLAIMANT, _proof, "knowledge", "points of challenger 2 of graph 0"),
    ("a commitment of an opened instance", CORE, _pair(1, _commitment), "opened instances", "commitment"),
    ("F that begins elsewhere", CORE, _pair(1, _coefficients(0, 1)), "commitments", "F(0) of pair/0/1"),
    ("F of another curve", CORE, _pair(1, _coefficients(1, 2)), "opened instances", "share"),
    ("a kept set that was not drawn", CORE, _pair(1, _another_kept), "opened instances", "pair/0/1"),
    (
        "a kept set out of range",
        CORE,
        _pair(1, lambda p: msgspec.structs.replace(p, kept=(0, 1, 8))),
        "kept sets",
        "below 8",
    ),
    ("an opened seed", CORE, _flip("opened/0/1", 0), "opened instances", "instance"),
    ("an opened proof", CLAIMANT, _flip("opened/0/2", -1), "opened instances", "pair/0/2"),
    ("a commitment, engine babe", CLAIMANT, _pair(2, _commitment), "opened instances", "commitment"),
    ("no openings", CLAIMANT, _without("opened/0/1"), "opened instances", "of every pair that party 0 checked"),
    ("no transcript", CLAIMANT, _without("pair/0/1"), "commitments", "pairs"),
    ("a presignature of Reveal", ANSWERING, _flip("reveal/0/2", 65 * 33), "reveal presignatures", "value 1 of digit 2"),
    ("no presignatures of Reveal", ANSWERING, _without("reveal/0/2"), "reveal presignatures", "reveal/0/2"),
    ("no verifying key", ANSWERING, _without("key/0"), "verifying keys", "verifying key"),
    ("a damaged verifying key", ANSWERING, _flip("key/0", 40), "verifying keys", "expected"),
    ("no ledger", ANSWERING, _without("ledger/0"), "ledger", "ledger"),
    ("another ledger", ANSWERING, _flip("ledger/0", -1), "ledger", "ledger"),
]


@pytest.mark.parametrize(
    ("whose", "forge", "check", "words"), [f[1:] for f in FORGERIES], ids=[f[0] for f in FORGERIES]
)
def test_a_forged_bundle_fails_the_check_that_is_about_it(
    whose: tuple[str, str], forge: Callable[[Made], bytes], check: str, words: str
) -> None:
    engine, role = whose
    found = judged(forge(made(engine)[role]))
    failed = {each.name: each for each in found.checks if each.result is Result.FAILS}
    assert not found.holds
    assert check in failed, failed
    assert any(words in line for line in failed[check].failures), failed[check].failures
    lines = [line for each in failed.values() for line in each.failures if not line.startswith("and ")]
    assert all(":" in line for line in lines), lines


def test_what_rests_on_something_that_fails_is_not_called_right() -> None:
    found = judged(made("babe")["challenger"].with_sections({"terms": b"\xc0"}))
    results = {check.name: check.result for check in found.checks}
    assert results.pop("sections") is Result.HOLDS
    assert results.pop("terms") is Result.FAILS
    assert Result.HOLDS not in results.values()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_content_under_right_digests_gives_a_verdict_and_never_a_crash(data: st.DataObject) -> None:
    party = made("core")["lender"]
    name = data.draw(st.sampled_from(list(party.bundle.sections)))
    raw = bytearray(party.bundle.get(name) or b"")
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    found = judged(party.with_sections({name: bytes(raw)}))
    same = bytes(raw) == party.bundle.get(name)
    assert found.holds is (same or (name == "pair/0/1" and _only_kept_differ(party.pair(0, 1), bytes(raw))))


def _only_kept_differ(pair: Pair, raw: bytes) -> bool:
    """Commitments of kept instances: only the node that holds those can tell, and the audit says so."""
    try:
        other = msgspec.msgpack.decode(raw, type=Pair)
    except msgspec.MsgspecError:
        return False
    opened = [i for i in range(8) if i not in pair.kept]
    told = [[p.instances[32 * i : 32 * i + 32] for i in opened] for p in (pair, other)]
    lengths = len(other.instances) == len(pair.instances)
    return lengths and (other.polynomial, other.kept, told[1]) == (pair.polynomial, pair.kept, told[0])


# ---- the command -----------------------------------------------------------------------------------------------------
def test_the_command_says_everything_and_ends_with_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Engine babe, whose circuit is the product's: no daemon, no data folder, no network."""
    party, file = made("babe")["borrower"], tmp_path / "vault.bv3"
    file.write_bytes(party.raw)
    assert run(["audit", str(file), "--svg", str(tmp_path / "vault.svg")]) == 0
    said = capsys.readouterr().out
    for words in ("everything holds", "opened instances", "who can end up with what", "coins to look up on the chain",
                  "deleted their shares", "1,000,000"):  # fmt: skip
        assert words in said
    assert (tmp_path / "vault.svg").read_text().startswith("<svg")
    assert run(["audit", str(file), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["holds"] is True
    assert {row["transaction"] for row in whole["endings"]} >= {"repay/0", "deadman/0", "0/no_payout/2"}
    assert len(whole["coins"]) == 4
    file.write_bytes(_flip("signatures", 64)(party))
    assert run(["audit", str(file)]) == 1
    assert "presignature 0, vault input 0" in capsys.readouterr().out
    file.write_bytes(party.raw[:-1])
    assert run(["audit", str(file)]) == 1
    assert "expected" in capsys.readouterr().err
    assert run(["audit", str(tmp_path / "nothing.bv3")]) == 1
