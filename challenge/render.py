"""Render the tables of the machine as docs/machine.md: `python -m challenge.render > docs/machine.md`.

Promise: everything on that page is computed from the tables and rules that run, over one sample vault whose heights and
timelocks know their own names, so the page cannot say anything else than the program does; a test compares them.
This module decides nothing and nothing imports it.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final

import msgspec

from challenge.deadlines import agenda, verdict_key
from challenge.facts import JOB, KINDS, NOBODY, OPERATOR, Kind, everyone, key, parts
from challenge.game import GRAPH_TABLE, LEFTOVER, SLOT_TABLE, GraphPhase, SlotPhase, split
from challenge.rules import live_rules, milestones, setup_rules
from challenge.states import Seen, VaultState
from vault.agreement import FeePolicy, GraphTerms, Party, Proposal, Role, Timelocks

BORROWER, LENDER, CHALLENGER = 0, 1, 2
ROLE: Final[dict[int, Role]] = {BORROWER: "borrower", LENDER: "lender", CHALLENGER: "challenger"}
MINE, THEIRS = 0, 1  # the graphs, as the borrower sees them


class Named(int):
    """A number that remembers what it is called, also in a sum."""

    name: str

    def __new__(cls, value: int, name: str) -> "Named":
        """`value` called `name`."""
        self = super().__new__(cls, value)
        self.name = name
        return self

    def __add__(self, other: int) -> "Named":
        """The sum, called `a + b`."""
        return Named(int(self) + int(other), f"{self.name} + {_called(other)}")


def _called(value: int) -> str:
    return value.name if isinstance(value, Named) else str(value)


def sample() -> Proposal:
    """Three parties; the borrower may withdraw slot 0, the lender may claim default of slot 1. Nothing is checked."""
    graph = GraphTerms(
        claimant=BORROWER,
        outcome="withdraw",
        slot=0,
        engine="core",
        profile="test",
        digits=1,
        digit_bits=1,
        circuit=bytes(32),
        statement=bytes(32),
        key=b"",
        amount=1,
        bond=1,
        stake=0,
    )
    default = msgspec.structs.replace(graph, claimant=LENDER, outcome="default", slot=1)
    locks = {field: Named(1000 * i, field.rstrip("_")) for i, field in enumerate(Timelocks.__struct_fields__, 1)}
    return Proposal(
        version=1,
        network="regtest",
        genesis=bytes(32),
        salt=bytes(32),
        parties=tuple(Party(identity=bytes([p]), role=role) for p, role in ROLE.items()),
        slots=(1, 1),
        graphs=(graph, default),
        timelocks=Timelocks(**locks),
        fee_policy=FeePolicy(base_rate=1, worst_rate=1),
        maturity=0,
        grace=0,
    )


PROPOSAL: Final = sample()


# ---- small words -----------------------------------------------------------------------------------------------------
def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _keys_of(kind: str) -> frozenset[str]:
    """Every key of a kind in the sample."""
    counts = {"p": 3, "k": 3, "g": 2, "s": 2, "i": parts(PROPOSAL), "x": 0}
    found = {key(kind, *indices) for indices in product(*(range(counts[letter]) for letter in KINDS[kind].indices))}
    claimants = {key(kind, g, graph.claimant) for g, graph in enumerate(PROPOSAL.graphs)}
    return frozenset(found - claimants if KINDS[kind].indices == "gk" else found)


def _listed(facts: Iterable[str]) -> str:
    """Facts in the order of the vocabulary; all of a kind as `kind/*`."""
    facts, said = frozenset(facts), []
    for kind in KINDS:
        every = _keys_of(kind)
        if len(every) > 1 and every <= facts:
            said.append(f"`{kind}/*`")
        else:
            said += [f"`{name}`" for name in sorted(every & facts)]
    return ", ".join(said)


# ---- the setup -------------------------------------------------------------------------------------------------------
def _stages() -> Iterator[str]:
    yield from _table(
        ("stage", "ends when these facts are known"),
        ((stage.value, _listed(facts)) for stage, facts in milestones(PROPOSAL, BORROWER)),
    )


def _rules() -> Iterator[str]:
    rules = (*setup_rules(PROPOSAL, BORROWER), *live_rules(PROPOSAL, LENDER))
    yield from _table(
        ("job", "starts when these facts are known", "states"),
        ((f"{rule.job.kind} {'/'.join(map(str, rule.job.indices))}".strip(), _listed(rule.after), f"`{rule.yields}`")
         for rule in rules),
    )  # fmt: skip


# ---- the vocabulary --------------------------------------------------------------------------------------------------
INDICES: Final = {"p": CHALLENGER, "g": MINE, "k": LENDER, "s": 0, "i": 0, "x": 0}


def _who(row: Kind, party: int) -> str:
    special = {JOB: "a job", OPERATOR: "the operator", NOBODY: "the proposer, once"}
    if party in special:
        return special[party]
    if "p" in row.indices and party == INDICES["p"]:
        return "party p"
    if "k" in row.indices and party == INDICES["k"]:
        return "challenger k"
    if "g" in row.indices and party == PROPOSAL.graphs[MINE].claimant:
        return "the claimant of g"
    return f"the {ROLE[party]}"


def _whose(row: Kind, parties: tuple[int, ...] | None) -> str:
    if parties is None or parties == everyone(PROPOSAL):
        return "everyone"
    if "g" in row.indices and parties == PROPOSAL.challengers(MINE):
        return "the challengers of g"
    return ", ".join(_who(row, party) for party in parties) or "nobody else"


def _vocabulary() -> Iterator[str]:
    rows = []
    for kind, row in KINDS.items():
        indices = tuple(INDICES[letter] for letter in row.indices)
        author = row.author(PROPOSAL, indices)
        who = _who(row, author)
        if author == OPERATOR:
            who = f"the operator ({_whose(row, row.of(PROPOSAL, indices) if row.of else None)})"
        name = "/".join((kind, *row.indices))
        heard = _whose(row, row.audience(PROPOSAL, indices))
        rows.append((f"`{name}`", who, heard, row.when.value, str(row.limit), row.means))
    yield from _table(("fact", "stated by", "heard by", "when", "bytes at most", "meaning"), rows)


# ---- the games -------------------------------------------------------------------------------------------------------
def _moves(
    table: Mapping[tuple[GraphPhase, str], GraphPhase] | Mapping[tuple[SlotPhase, str], SlotPhase],
) -> Iterator[str]:
    found: dict[tuple[str, str], list[str]] = {}
    for (phase, kind), following in table.items():
        found.setdefault((phase.value, following.value), []).append(kind)
    first = next(iter(found))[0]
    rows = ((before, ", ".join(f"`{kind}`" for kind in kinds), after) for (before, after), kinds in found.items())
    yield from _table(("phase", "transaction on chain", "next phase"), rows)
    yield from ("```mermaid", "stateDiagram-v2", f"    [*] --> {first}")
    for (before, after), kinds in found.items():
        yield f"    {before} --> {after}: {', '.join(kinds)}"
    yield from ("```", "")


# ---- the agenda ------------------------------------------------------------------------------------------------------
OPENING: Final = ("prefund", "vault")
GAME: Final = tuple(f"{MINE}/{kind}" for kind in ("claim", "contest", "assert"))
GONE: Final = "foreign/vault/0"
HISTORIES: Final = (
    (),
    *(OPENING[: i + 1] for i in range(len(OPENING))),
    *((*OPENING, *GAME[: i + 1]) for i in range(len(GAME))),
    *((*OPENING, *GAME[: i + 1], GONE) for i in range(len(GAME))),
)
ORDERS: Final = tuple(kind for kind, row in KINDS.items() if row.author(PROPOSAL, (0, 0)) == OPERATOR)


def _state(me: int, history: tuple[str, ...], facts: Mapping[str, bytes]) -> VaultState:
    setup = {name: b"" for _, names in milestones(PROPOSAL, me) for name in names}
    log = tuple(
        Seen(name=name, txid=b"", height=Named(10 * i, split(name)[1]), raw=name.encode())
        for i, name in enumerate(history, 1)
    )
    return VaultState(proposal=PROPOSAL, me=me, facts={**setup, **facts}, log=log)


def _possible(me: int, history: tuple[str, ...]) -> dict[str, bytes]:
    """Everything that may be known beyond the setup, without an order that undoes others."""
    facts = {key(order, 0): b"" for order in ORDERS if KINDS[order].indices} | {"release/0": b""}
    for name in history:
        if name == GAME[-1]:
            asserted = Seen(name=name, txid=b"", height=0, raw=name.encode())
            facts[verdict_key(MINE, asserted)] = b"\x01"
    return facts


def _agenda() -> Iterator[str]:
    rows: dict[tuple[str, ...], None] = {}
    for me, history, refund in product((BORROWER, CHALLENGER), HISTORIES, (False, True)):
        facts = _possible(me, history)
        if not refund:
            del facts[key("want_refund", 0)]
        for item in agenda(_state(me, history, facts)):
            needed = [name for name in facts if not _still(me, history, facts, name, item.name)]
            kind = split(item.name)[1]
            graph = item.name[0].isdigit()
            who = ("claimant" if me == BORROWER else "each challenger") if graph else ROLE[me]
            until = "" if item.until is None else _called(item.until)
            where = ", ".join(f"`{split(name)[1]}`" for name in history) or "nothing"
            rows[
                f"`{kind}`",
                who,
                where,
                ", ".join(f"`{split(n)[1].split('/')[0]}`" for n in needed),
                _called(item.since),
                until,
                item.why,
            ] = None
    yield from _table(("transaction", "by", "on chain", "and known", "not before block", "until", "why"), _merged(rows))


def _still(me: int, history: tuple[str, ...], facts: Mapping[str, bytes], without: str, name: str) -> bool:
    rest = {fact: value for fact, value in facts.items() if fact != without}
    return name in {item.name for item in agenda(_state(me, history, rest))}


def _merged(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """One row for histories that differ only in what does not matter."""
    shortest: dict[tuple[str, ...], str] = {}
    for kind, who, where, *rest in rows:
        rest_ = (kind, who, *rest)
        if rest_ not in shortest or len(where) < len(shortest[rest_]):
            shortest[rest_] = where
    for (kind, who, *rest), where in shortest.items():
        yield (kind, who, where, *rest)


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            "# The machine of a vault",
            "",
            "Rendered by `python -m challenge.render` from the tables that run; a test fails when this page differs.",
            "The sample has three parties: 0 the borrower, claimant of graph 0; 1 the lender, claimant of graph 1; 2 a",
            "challenger of both.",
            "",
            "## Stages of the setup",
            "",
            "As the borrower sees them. `live` follows the last one. A party that said `ready` and sees PreFund on",
            "chain is live whatever message it misses. `aborted`: the setup ended. `halted`: the node gave up.",
            "",
            *_stages(),
            "## Jobs",
            "",
            "Of the borrower, and what the lender does in a living vault. A challenger also runs `evaluate g` for",
            "every Assert that is on chain and has no `verdict` yet.",
            "",
            *_rules(),
            "## Facts",
            "",
            "p counts parties, g graphs, k challengers, s slots, i parts of presigning; x is the id of an Assert.",
            "",
            *_vocabulary(),
            "## The game of a graph",
            "",
            "Folded from the transactions on chain. `foreign/X`: a transaction not of the vault spent coin X.",
            f"`{LEFTOVER}` changes nothing. What has no row is in no valid chain: it halts the vault.",
            "",
            *_moves(GRAPH_TABLE),
            "## The life of a slot",
            "",
            *_moves(SLOT_TABLE),
            "## The agenda",
            "",
            "What a party publishes by itself. A name stands for the height of that transaction or for a timelock. An",
            "order to refund any slot stops `prefund` and `vault`. `until`: from that block on somebody else may move.",
            "",
            *_agenda(),
        )
    )


if __name__ == "__main__":
    sys.stdout.write(page())
