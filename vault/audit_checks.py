"""The checks of an audit, in order: each reads what those before it have found, and says what did not hold.

Promises that a check counts what it looked at and names what was expected and what came. Does not know how verdicts are
shown, and does not read files: `vault.audit_file` has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec
from blake3 import blake3

from bitcoin_scripts.outputs import ANCHOR_VALUE, DUST
from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Offer, Predicate
from circuits.engines import ENGINES
from native import NativeError
from native._native import signing
from native._native.garbling import Progress
from snark.formats import Curve, Format
from snark.groth16 import VerifyingKey
from vault import pairs
from vault.agreement import GraphTerms, Loan, Terms
from vault.answers import check_answers
from vault.audit_file import Bundle
from vault.endings import endings
from vault.fast import announced
from vault.fees import BOND_RULES, check_amounts
from vault.graph import POINT, VaultGraph, derive
from vault.ledger.genesis import Genesis, decode_genesis
from vault.loans import check_rules_of
from vault.presigned import SIGNATURE_SIZE, Presigned
from vault.statement import outcome_x
from vault.terms import check_shape, check_terms, decode_points, decode_terms
from vault.timelocks import INEQUALITIES, check_timelocks

T = TypeVar("T")

PRESIGNED_CONTEXT = "bitvm3 2026 presigned v1"
"""Of the digest of all presignatures that a party states with `ready`."""


# ---- what sections hold ----------------------------------------------------------------------------------------------
class Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """What every party stated: the graph's digest, and with `ready` the digest of all presignatures; 32 bytes or none."""

    digests: tuple[bytes, ...]
    ready: tuple[bytes, ...]


class Knowledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """One proof of knowledge: of the claimant's points of a graph, or (babe) of those of a challenger."""

    graph: int
    challenger: int | None
    proof: bytes


class Pair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True):
    """A pair's cut-and-choose as it was stated: F, the commitments, the kept set."""

    polynomial: bytes  # 33 bytes a coefficient
    instances: bytes  # 32 bytes an instance
    kept: tuple[int, ...]


_STATED = msgspec.msgpack.Decoder(Stated)  # all made at import, as in vault.terms
_KNOWLEDGE = msgspec.msgpack.Decoder(tuple[Knowledge, ...])
_PAIR = msgspec.msgpack.Decoder(Pair)


# ---- the checks, in order --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the checks so far have established; a later one runs when everything it reads is there."""

    bundle: Bundle
    predicate: Callable[[GraphTerms], Predicate]
    progress: Progress
    stated: Stated | None = None
    terms: Terms | None = None
    graph: VaultGraph | None = None
    proofs: Mapping[tuple[int, int | None], bytes] = field(default_factory=dict)
    ledgers: Mapping[bytes, Genesis] = field(default_factory=dict)
    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    statements: Mapping[int, Encrypted] = field(default_factory=dict)
    transcripts: Mapping[tuple[int, int], Pair] = field(default_factory=dict)
    wrong: tuple[int, ...] | None = None  # of the group's presignatures, by index


Found = tuple[Seen, int, list[str]]
"""What is known now, how many were checked, what did not hold."""


class Absent(Exception):
    """An earlier check did not give what this one reads."""


def needed(value: T | None) -> T:
    """What an earlier check has found; Absent when it has not."""
    if value is None:
        raise Absent
    return value


def differs(what: str, expected: object, came: object) -> str:
    """One line of a failure: both sides, cut."""
    shown = [value.hex() if isinstance(value, bytes) else str(value) for value in (expected, came)]
    return f"{what}: expected {shown[0][:300]}, came {shown[1][:300]}"


def _sections(seen: Seen) -> Found:
    return seen, len(seen.bundle.sections), []  # parse has compared every digest


def _terms(seen: Seen) -> Found:
    terms = decode_terms(seen.bundle.get("terms") or b"")
    check_shape(terms.proposal)
    if terms.vault_id != seen.bundle.vault_id:
        return seen, 1, [differs("vault id", seen.bundle.vault_id, terms.vault_id)]
    if not 0 <= seen.bundle.maker < len(terms.proposal.parties):
        return seen, 1, [differs("maker", f"below {len(terms.proposal.parties)}", seen.bundle.maker)]
    return replace(seen, terms=terms), len(terms.proposal.parties), []


def _maker(seen: Seen) -> Found:
    identity = needed(seen.terms).proposal.parties[seen.bundle.maker].identity
    if signing.verify(identity, seen.bundle.header, seen.bundle.signature):
        return seen, 1, []
    return seen, 1, [differs("signature of the file", f"one under {identity.hex()}", "one that is not")]


def _timelocks(seen: Seen) -> Found:
    proposal = needed(seen.terms).proposal
    asked = [rule for rule in INEQUALITIES if rule.asked(proposal)]
    failures = []
    for rule in asked:
        left, right = rule.left_value(proposal), rule.right_value(proposal)
        if left <= right:
            expected = f"{rule.left} > {rule.right}, else {rule.why}"
            failures.append(differs(f"inequality {rule.name}", expected, f"{left} <= {right}"))
    if not failures:
        check_timelocks(proposal)  # and that each is a number of blocks
    return seen, len(asked), failures


def _amounts(seen: Seen) -> Found:
    proposal = needed(seen.terms).proposal
    check_amounts(proposal)
    return seen, len(proposal.graphs) * len(BOND_RULES), []


def _keys_of_parties(seen: Seen) -> Found:
    terms = check_terms(needed(seen.terms))
    return seen, len(terms.keys), []


def _transactions(seen: Seen) -> Found:
    terms = check_terms(needed(seen.terms))
    graph = derive(terms, decode_points(seen.bundle.get("points") or b""))
    stated = _STATED.decode(seen.bundle.get("stated") or b"")
    parties = len(terms.proposal.parties)
    if (len(stated.digests), len(stated.ready)) != (parties, parties):
        return seen, 1, [differs("stated", f"{parties} parties", f"{len(stated.digests)}, {len(stated.ready)}")]
    wrong = [
        differs(f"digest of the graph as party {p} stated it", graph.digest(), told)
        for p, told in enumerate(stated.digests)
        if told != graph.digest()
    ]
    return replace(seen, graph=graph, stated=stated), len(graph.templates), wrong


def _balances(seen: Seen) -> Found:
    graph = needed(seen.graph)
    rate, wrong = graph.terms.proposal.fee_policy.base_rate, []
    for name, template in graph.templates.items():
        values = [output.value for output in template.outputs]
        paid = sum(coin for coin, _ in template.prevouts) - sum(values)
        if paid != rate * template.vsize:
            wrong.append(differs(f"fee of {name}", rate * template.vsize, paid))
        small = [value for value in values if value < DUST and value != ANCHOR_VALUE]
        if small or values.count(ANCHOR_VALUE) != 1:
            wrong.append(differs(f"outputs of {name}", f"one anchor, all others at least {DUST}", values))
    return seen, len(graph.templates), wrong


def _endings(seen: Seen) -> Found:
    graph = needed(seen.graph)
    rows = endings(graph)
    listed, wrong = {row.transaction for row in rows}, []
    wrong += [differs(f"table of endings, {name}", "a row", "none") for name in graph.templates if name not in listed]
    for row in rows:
        if row.transaction in graph.templates and tuple(row.by) != graph.spenders[row.transaction]:
            wrong.append(differs(f"publishers of {row.transaction}", graph.spenders[row.transaction], row.by))
    return seen, len(rows), wrong


def _circuits(seen: Seen) -> Found:
    graphs = needed(seen.terms).proposal.graphs
    found = [(g, graph.circuit, seen.predicate(graph).id) for g, graph in enumerate(graphs)]
    return seen, len(found), [differs(f"circuit of graph {g}", own, told) for g, told, own in found if told != own]


def _knowledge(seen: Seen) -> Found:
    graph, wrong = needed(seen.graph), []
    listed = _KNOWLEDGE.decode(seen.bundle.get("knowledge") or b"")
    proofs = {(each.graph, each.challenger): each.proof for each in listed}
    wanted = dict(_stated_points(graph))
    if list(proofs) != list(wanted) or len(listed) != len(wanted):
        return seen, len(wanted), [differs("proofs", f"one for each of {list(wanted)}", list(proofs))]
    for (g, k), points in wanted.items():
        context = pairs.knowledge_context(graph.terms, g, *(() if k is None else (k,)))
        engine = ENGINES[graph.terms.proposal.graphs[g].engine]
        if not engine.check_knowledge(points, context, proofs[g, k]):
            whose = "the claimant" if k is None else f"challenger {k}"
            wrong.append(differs(f"points of {whose} of graph {g}", "a valid proof of knowledge", "an invalid one"))
    return replace(seen, proofs=proofs), len(wanted), wrong


def _stated_points(graph: VaultGraph) -> Iterator[tuple[tuple[int, int | None], bytes]]:
    """What each proof is about: digit points, then the output points that were stated with them."""
    for entry in graph.points:
        digits = b"".join(point for row in entry.digits for point in row)
        if not entry.reveals:
            yield (entry.graph, None), digits + b"".join(lock for _, lock in entry.locks)
            continue
        yield (entry.graph, None), digits + b"".join(b"\2" + reveal.key for reveal in entry.reveals)
        locks = dict(entry.locks)
        for reveal in entry.reveals:
            own = b"".join(point for row in reveal.digits for point in row)
            yield (entry.graph, reveal.challenger), own + locks[reveal.challenger]


def _plain(seen: Seen) -> Found:
    presigned = Presigned(graph=needed(seen.graph), signatures=seen.bundle.get("signatures") or b"")
    return _named(replace(seen, wrong=tuple(presigned.check())), lambda adaptor: adaptor is None)


def _adaptor(seen: Seen) -> Found:
    return _named(seen, lambda adaptor: adaptor is not None)


def _named(seen: Seen, chosen: Callable[[bytes | None], bool]) -> Found:
    graph, wrong = needed(seen.graph), needed(seen.wrong)
    mine = {i for i, entry in enumerate(graph.signatures) if chosen(entry.adaptor)}
    names = [differs(_place(graph, i), "a valid signature of the group", "one that is not") for i in wrong if i in mine]
    return seen, len(mine), names


def _place(graph: VaultGraph, index: int) -> str:
    entry = graph.signatures[index]
    place = f"presignature {index}, {entry.template} input {entry.input} by {entry.path}"
    if entry.adaptor is None or entry.path != "digits":
        return place
    g = int(entry.template.partition("/")[0])
    digit, value = divmod(index - graph.digit(g, 0).start, 1 << graph.terms.proposal.graphs[g].digit_bits)
    return f"{place}, value {value} of digit {digit}"


def _ready(seen: Seen) -> Found:
    graph, stated = needed(seen.graph), needed(seen.stated)
    held = seen.bundle.get("signatures") or b""
    found = blake3(held, derive_key_context=PRESIGNED_CONTEXT).digest()
    parties = range(len(graph.terms.proposal.parties))
    wrong = [
        differs(f"presignatures that party {p} said it holds", found, stated.ready[p])
        for p in parties
        if stated.ready[p] != found
    ]
    return seen, len(parties), wrong


def _reveals(seen: Seen) -> Found:
    graph, maker = needed(seen.graph), seen.bundle.maker
    wrong, count, proposal = [], 0, graph.terms.proposal
    held = set(seen.bundle.indices("reveal"))
    own = {(g, k) for g, k in graph.bound if k == maker}
    wrong += [differs(f"reveal/{g}/{k}", "the presignatures that it answers with", "none") for g, k in own - held]
    wrong += [differs(f"reveal/{g}/{k}", "a pair of engine babe", "none") for g, k in held - set(graph.bound)]
    for g, k in sorted(held & set(graph.bound)):
        raw, size = seen.bundle.get("reveal", g, k) or b"", 1 << proposal.graphs[g].digit_bits
        count += len(raw) // SIGNATURE_SIZE
        for i in check_answers(graph, g, k, raw):
            digit, value = divmod(i, size)
            name = f"presignature of {g}/reveal/{k}, value {value} of digit {digit}"
            wrong.append(differs(name, "a valid one of K_k", "one that is not"))
    return seen, count, wrong


def _verifying_keys(seen: Seen) -> Found:
    graphs = needed(seen.terms).proposal.graphs
    named = {graph.key for graph in graphs if graph.engine == "babe"}
    keys, wrong = {}, []
    for (n,) in seen.bundle.indices("key"):
        raw = seen.bundle.get("key", n) or b""
        key = VerifyingKey.parse(raw, Format.ARKWORKS, Curve.BN254)
        keys[key.id] = raw
        if key.inputs != 1 or key.forgeable:
            expected = "one public input, gamma other than delta"
            wrong.append(differs(f"key/{n}", expected, f"{key.inputs} inputs, forgeable: {key.forgeable}"))
    wrong += [differs("verifying key", key, "none") for key in sorted(named - keys.keys())]
    wrong += [differs("verifying key", "one that a graph names", key) for key in sorted(keys.keys() - named)]
    return replace(seen, keys=keys), len(named), wrong


def _ledgers(seen: Seen) -> Found:
    proposal = needed(seen.terms).proposal
    named = {graph.statement for graph in proposal.graphs if graph.engine == "babe"}
    ledgers, wrong = {}, []
    for (n,) in seen.bundle.indices("ledger"):
        genesis = decode_genesis(seen.bundle.get("ledger", n) or b"")
        ledgers[genesis.ledger_id] = genesis
        if genesis.network != proposal.genesis:
            wrong.append(differs(f"network of ledger/{n}", proposal.genesis, genesis.network))
        if proposal.loan is not None and proposal.loan.ledger == genesis.ledger_id:
            check_rules_of(proposal, genesis.rules)
            wrong += _attestors(proposal.loan, genesis)
    wrong += [differs("ledger", name, "none") for name in sorted(named - ledgers.keys())]
    wrong += [differs("ledger", "one that a graph names", name) for name in sorted(ledgers.keys() - named)]
    return replace(seen, ledgers=ledgers), len(named), wrong


def _attestors(loan: Loan, genesis: Genesis) -> list[str]:
    """Path B: who may attest is who attests the ledger. Whether a day was over when all agreed, no file can say."""
    keys = [attestor.bip340 for attestor in genesis.attestors]
    wrong = [
        differs(
            f"attestors of entry {f} of path B", [key.hex() for key in keys], [a.key.hex() for a in announced(loan, f)]
        )
        for f in range(len(loan.fast))
        if [a.key for a in announced(loan, f)] != keys
    ]
    if loan.fast and loan.threshold != genesis.threshold:
        wrong.append(differs("threshold of path B", genesis.threshold, loan.threshold))
    return wrong


def _statements(seen: Seen) -> Found:
    terms, found = needed(seen.terms), {}
    for g, graph in enumerate(terms.proposal.graphs):
        if graph.engine != "babe":
            continue
        if graph.statement not in seen.ledgers or graph.key not in seen.keys:
            raise Absent
        x = outcome_x(terms, g, seen.ledgers[graph.statement])
        found[g] = Encrypted(key=seen.keys[graph.key], x=x)
    repeated = len(found) - len({(each.key, each.x) for each in found.values()})
    wrong = [differs("statements", "one of its own for every claim", f"{repeated} twice")] if repeated else []
    return replace(seen, statements=found), len(found), wrong


def _commitments(seen: Seen) -> Found:
    graph, maker = needed(seen.graph), seen.bundle.maker
    own, found, wrong = pairs.own_pairs(graph.terms, maker), {}, []
    if seen.bundle.indices("pair") != own:
        return seen, len(own), [differs("pairs", f"those of party {maker}: {own}", seen.bundle.indices("pair"))]
    for g, k in own:
        pair = _PAIR.decode(seen.bundle.get("pair", g, k) or b"")
        found[g, k] = pair
        profile = PROFILES[graph.terms.proposal.graphs[g].profile]
        sizes = (POINT * (profile.instances - profile.kept + 1), 32 * profile.instances)
        if (len(pair.polynomial), len(pair.instances)) != sizes:
            came = f"{len(pair.polynomial)} and {len(pair.instances)}"
            wrong.append(differs(f"pair/{g}/{k}", f"F of {sizes[0]} bytes, commitments of {sizes[1]}", came))
        lock = dict(graph.points[g].locks)[k]
        if pair.polynomial[:POINT] != lock:
            wrong.append(differs(f"F(0) of pair/{g}/{k}", lock, pair.polynomial[:POINT]))
        if len({pair.instances[i : i + 32] for i in range(0, len(pair.instances), 32)}) * 32 != len(pair.instances):
            wrong.append(differs(f"commitments of pair/{g}/{k}", "all distinct", "one twice"))
    return replace(seen, transcripts=found), len(own), wrong


def _kept_sets(seen: Seen) -> Found:
    proposal, wrong = needed(seen.graph).terms.proposal, []
    if not seen.transcripts:
        raise Absent
    for (g, k), pair in seen.transcripts.items():
        profile = PROFILES[proposal.graphs[g].profile]
        ordered = all(a < b for a, b in zip((-1, *pair.kept), (*pair.kept, profile.instances), strict=True))
        if len(pair.kept) != profile.kept or not ordered:
            expected = f"{profile.kept} indices below {profile.instances}, ascending"
            wrong.append(differs(f"kept set of pair/{g}/{k}", expected, pair.kept))
    return seen, len(seen.transcripts), wrong


def _opened(seen: Seen) -> Found:
    graph, count, wrong = needed(seen.graph), 0, []
    terms, maker = graph.terms, seen.bundle.maker
    if not seen.transcripts:
        raise Absent
    judged = [pair for pair in seen.transcripts if pairs.evaluator_of(terms.proposal, *pair) == maker]
    if list(seen.bundle.indices("opened")) != judged:
        came = list(seen.bundle.indices("opened"))
        return seen, 0, [differs("opened instances", f"of every pair that party {maker} checked: {judged}", came)]
    for g, k in judged:
        terms_of_graph = terms.proposal.graphs[g]
        if terms_of_graph.engine == "babe" and g not in seen.statements:
            raise Absent
        pair = seen.transcripts[g, k]
        setup = pairs.setup(terms, g, k, circuit=seen.predicate(terms_of_graph), statement=seen.statements.get(g))
        entry = graph.points[g]
        rows = entry.digits if not entry.reveals else {r.challenger: r.digits for r in entry.reveals}[k]
        points = b"".join(point for row in rows for point in row)
        offer = Offer(points=points, polynomial=pair.polynomial, commitments=pair.instances)
        try:
            ENGINES[terms_of_graph.engine].check_opened(
                setup, offer, pair.kept, seen.bundle.view("opened", g, k), seen.progress
            )
        except NativeError as error:
            wrong.append(differs(f"pair/{g}/{k}", "what was committed to", error))
        count += setup.profile.instances - setup.profile.kept
    return seen, count, wrong


CHECKS: tuple[tuple[str, str, Callable[[Seen], Found]], ...] = (
    ("sections", "header and sections are whole, each under its digest", _sections),
    ("terms", "the agreement is well-formed, its roles and ranges as they must be; its hash is the vault id", _terms),
    ("maker", "the party that it names has signed the file with its identity", _maker),
    ("timelocks", "every inequality between timelocks", _timelocks),
    ("amounts", "bonds and stakes cover what they must; nothing is dust", _amounts),
    ("keys", "keys, coins and hashlocks of every party: forms, values, scripts, none twice", _keys_of_parties),
    ("circuits", "what is garbled is the predicate, or the circuit, that the terms name", _circuits),
    ("transactions", "every transaction derived from terms and points; every party stated this digest", _transactions),
    ("balances", "inputs = outputs + fee, fee = rate x size, one anchor, no dust", _balances),
    ("endings", "every transaction stands in the table of endings with who can publish it", _endings),
    ("knowledge", "whoever stated points proved that it knows their logarithms", _knowledge),
    ("presignatures", "signatures of the group over every message without adaptor point", _plain),
    ("adaptor presignatures", "signatures of the group locked to a point: digits of Assert, prices of path B", _adaptor),
    ("ready", "every party said that it holds these very presignatures", _ready),
    ("reveal presignatures", "the claimants' signatures that this party answers with", _reveals),
    ("verifying keys", "of the statement that claims must prove: read whole, id as in the terms", _verifying_keys),
    ("ledger", "its genesis: id as in the terms, same chain, a loan's rules number by number", _ledgers),
    ("statements", "the public input of every claim follows from terms and genesis", _statements),
    ("commitments", "F begins with the point lock; one commitment an instance", _commitments),
    ("kept sets", "as many as the profile says, distinct, in range", _kept_sets),
    ("opened instances", "made again from their seeds: commitment, share on F, digit points", _opened),
)  # fmt: skip
"""Name, what holds when it holds, and the check; each reads what those before it have found."""
