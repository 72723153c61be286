"""Render the tables of the machine as docs/machine.md: `python -m challenge.render > docs/machine.md`.

Promise: everything on that page is computed from the tables and rules that run, over one sample vault whose heights and
timelocks know their own names, so the page cannot say anything else than the program does; a test compares them.
This module decides nothing and nothing imports it.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final, get_args

import msgspec

from challenge.answers import YES, answer_key, verdict_key
from challenge.deadlines import agenda
from challenge.facts import JOB, KINDS, NOBODY, OPERATOR, Kind, everyone, has, key, lent, parts
from challenge.game import ANSWER_TABLE, GRAPH_TABLE, LEFTOVER, SLOT_TABLE, Answer, GraphPhase, SlotPhase, split
from challenge.rules import live_rules, milestones, setup_rules
from challenge.states import Seen, Stage, VaultState
from vault.agreement import Engine, Fast, FeePolicy, GraphTerms, Loan, Party, Proposal, Role, Timelocks
from vault.ledger.rules import DEFAULT

BORROWER, LENDER, CHALLENGER, LIQUIDATOR = 0, 1, 2, 3
ROLE: Final[dict[int, Role]] = {
    BORROWER: "borrower",
    LENDER: "lender",
    CHALLENGER: "challenger",
    LIQUIDATOR: "liquidator",
}
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


def sample(engine: Engine) -> Proposal:
    """Three parties; the borrower may withdraw slot 0, the lender may claim default of slot 1. Nothing is checked."""
    graph = GraphTerms(
        claimant=BORROWER,
        outcome="withdraw",
        slot=0,
        engine=engine,
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
        parties=tuple(Party(identity=bytes([p]), role=ROLE[p]) for p in (BORROWER, LENDER, CHALLENGER)),
        slots=(1, 1),
        graphs=(graph, default),
        timelocks=Timelocks(**locks),
        fee_policy=FeePolicy(base_rate=1, worst_rate=1),
        maturity=0,
        grace=0,
    )


def loan_sample() -> Proposal:
    """The sample of engine babe as a loan: money is lent, and a liquidator may claim slot 0 too."""
    plain = sample("babe")
    seizing = msgspec.structs.replace(plain.graphs[MINE], claimant=LIQUIDATOR, outcome="liquidate")
    return msgspec.structs.replace(
        plain,
        parties=(*plain.parties, Party(identity=bytes([LIQUIDATOR]), role="liquidator")),
        graphs=(*plain.graphs, seizing),
        loan=Loan(
            ledger=bytes(32),
            rules=DEFAULT,
            cents=1,
            vault=b"",
            first_slot=0,
            timeout=0,
            fast=(Fast(slot=0, liquidator=LIQUIDATOR, price=1, day=0),),
        ),
    )


PROPOSALS: Final[Mapping[str, Proposal]] = {engine: sample(engine) for engine in get_args(Engine)}
LOAN: Final = "loan"
PUBLISHING: Final[Mapping[str, Proposal]] = {**PROPOSALS, LOAN: loan_sample()}
PUBLISHERS: Final[Mapping[str, tuple[int, ...]]] = {
    **dict.fromkeys(PROPOSALS, (BORROWER, CHALLENGER)),
    LOAN: (BORROWER, LIQUIDATOR, CHALLENGER),
}
ANY: Final = next(iter(PROPOSALS.values()))  # where the engine does not matter


# ---- small words -----------------------------------------------------------------------------------------------------
def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


ALL: Final = {2: "both", 3: "all"}


def _by_engine(rows: Mapping[str, Iterable[tuple[str, ...]]]) -> Iterator[tuple[str, ...]]:
    """The rows of each engine with one column more: whose they are; a row that all engines have is said once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for engine, lines in rows.items():
        for line in lines:
            found.setdefault(line, []).append(engine)
    for (first, *rest), engines in found.items():
        yield (first, ALL[len(rows)] if len(engines) == len(rows) else ", ".join(engines), *rest)


def _keys_of(proposal: Proposal, kind: str) -> frozenset[str]:
    """Every key of a kind in the sample."""
    counts = {"p": 3, "k": 3, "g": 2, "s": 2, "f": 0, "i": parts(proposal), "x": 0}
    found = {key(kind, *indices) for indices in product(*(range(counts[letter]) for letter in KINDS[kind].indices))}
    claimants = {key(kind, g, graph.claimant) for g, graph in enumerate(proposal.graphs)}
    return frozenset(found - claimants if KINDS[kind].indices == "gk" else found)


def _listed(proposal: Proposal, facts: Iterable[str]) -> str:
    """Facts in the order of the vocabulary; all of a kind as `kind/*`."""
    facts, said = frozenset(facts), []
    for kind in KINDS:
        every = _keys_of(proposal, kind)
        if len(every) > 1 and every <= facts:
            said.append(f"`{kind}/*`")
        else:
            said += [f"`{name}`" for name in sorted(every & facts)]
    return ", ".join(said)


# ---- the setup -------------------------------------------------------------------------------------------------------
def _stages() -> Iterator[str]:
    rows = {
        engine: [(stage.value, _listed(proposal, facts)) for stage, facts in milestones(proposal, BORROWER)]
        for engine, proposal in PROPOSALS.items()
    }
    order = [stage.value for stage in Stage]
    yield from _table(
        ("stage", "engine", "ends when these facts are known"),
        sorted(_by_engine(rows), key=lambda row: order.index(row[0])),
    )


def _rules() -> Iterator[str]:
    rows = {
        engine: [
            (
                f"{rule.job.kind} {'/'.join(map(str, rule.job.indices))}".strip(),
                who,
                _listed(proposal, rule.after),
                f"`{rule.yields}`",
            )
            for who, rule in (
                *(("borrower", rule) for rule in (*setup_rules(proposal, BORROWER), *live_rules(proposal, BORROWER))),
                *(("lender", rule) for rule in live_rules(proposal, LENDER) if rule.job.kind in ("reveal", "let")),
            )
        ]
        for engine, proposal in PROPOSALS.items()
    }
    yield from _table(("job", "engine", "of the", "starts when these facts are known", "states"), _by_engine(rows))


# ---- the vocabulary --------------------------------------------------------------------------------------------------
INDICES: Final = {"p": CHALLENGER, "g": MINE, "k": LENDER, "s": 0, "f": 0, "i": 0, "x": 0}


def _who(row: Kind, party: int) -> str:
    special = {JOB: "a job", OPERATOR: "the operator", NOBODY: "the proposer, once"}
    if party in special:
        return special[party]
    if "p" in row.indices and party == INDICES["p"]:
        return "party p"
    if "k" in row.indices and party == INDICES["k"]:
        return "challenger k"
    if "g" in row.indices and party == ANY.graphs[MINE].claimant:
        return "the claimant of g"
    return f"the {ROLE[party]}"


def _whose(row: Kind, parties: tuple[int, ...] | None) -> str:
    if parties is None or parties == everyone(ANY):
        return "everyone"
    if "g" in row.indices and "k" not in row.indices and parties == ANY.challengers(MINE):
        return "the challengers of g"
    return ", ".join(_who(row, party) for party in parties) or "nobody else"


def _author(row: Kind, proposal: Proposal, indices: tuple[int, ...]) -> str:
    author = row.author(proposal, indices)
    if author == OPERATOR or (author == JOB and row.of is not None):
        return f"{_who(row, author)} ({_whose(row, row.of(proposal, indices) if row.of else None)})"
    return _who(row, author)


def _vocabulary() -> Iterator[str]:
    rows: dict[str, list[tuple[str, ...]]] = {engine: [] for engine in PROPOSALS}
    for kind, row in KINDS.items():
        indices = tuple(INDICES[letter] for letter in row.indices)
        for engine, proposal in PROPOSALS.items():
            if row.engine in ("", engine):
                proposal = PUBLISHING[LOAN] if "f" in row.indices else proposal
                who, heard = _author(row, proposal, indices), _whose(row, row.audience(proposal, indices))
                name = "/".join((kind, *row.indices))
                rows[engine].append((f"`{name}`", who, heard, row.when.value, str(row.limit), row.means))
    order = {f"`{'/'.join((kind, *row.indices))}`": at for at, (kind, row) in enumerate(KINDS.items())}
    yield from _table(
        ("fact", "engine", "stated by", "heard by", "when", "bytes at most", "meaning"),
        sorted(_by_engine(rows), key=lambda row: order[row[0]]),
    )


# ---- the games -------------------------------------------------------------------------------------------------------
def _moves(
    table: Mapping[tuple[GraphPhase, str], GraphPhase]
    | Mapping[tuple[SlotPhase, str], SlotPhase]
    | Mapping[tuple[Answer, str], Answer],
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
REVEALS: Final = tuple(f"{MINE}/reveal/{k}" for k in (CHALLENGER, LENDER))
GONE: Final = "foreign/vault/0"
BEGINNINGS: Final = (
    (),
    *(OPENING[: i + 1] for i in range(len(OPENING))),
    *((*OPENING, *GAME[: i + 1]) for i in range(len(GAME))),
)
ANSWERED: Final = tuple((*OPENING, *GAME, revealed) for revealed in REVEALS)
HISTORIES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "core": (*BEGINNINGS, *((*done, GONE) for done in BEGINNINGS[len(OPENING) + 1 :])),
    **dict.fromkeys(
        ("babe", LOAN),
        (
            *BEGINNINGS,
            *ANSWERED,
            *((*done, GONE) for done in (*BEGINNINGS[len(OPENING) + 1 :], *ANSWERED)),
            (*OPENING, *GAME, *REVEALS, f"{MINE}/no_payout/{LENDER}"),
        ),
    ),
}
ORDERS: Final = tuple(kind for kind, row in KINDS.items() if row.author(ANY, (0, 0)) == OPERATOR)
UNDOING: Final[Mapping[str, tuple[str, ...]]] = {"want_refund": (), "want_reveal": ("want_contest", "verdict")}
"""Orders that undo or replace other facts: each is tried alone, and without those."""


def _state(proposal: Proposal, me: int, history: tuple[str, ...], facts: Mapping[str, bytes]) -> VaultState:
    setup = {name: b"" for _, names in milestones(proposal, me) for name in names}
    log = tuple(
        Seen(name=name, txid=b"", height=Named(10 * i, split(name)[1]), raw=name.encode())
        for i, name in enumerate(history, 1)
    )
    return VaultState(proposal=proposal, me=me, facts={**setup, **facts}, log=log)


def _possible(proposal: Proposal, history: tuple[str, ...], undoing: str) -> dict[str, bytes]:
    """Everything that may be known beyond the setup, with this one of the orders that undo others, or none."""
    left_out = {*UNDOING, *UNDOING.get(undoing, ())} - {undoing}
    orders = [order for order in ORDERS if KINDS[order].indices and has(proposal, MINE, order)]
    facts = {key(order, 0): b"" for order in orders} | {"release/0": b"", "fast_release/0": b""}
    facts |= {key("loan_taken", LENDER): b""} if lent(proposal) else {}
    for at, name in enumerate(history, 1):
        shown = Seen(name=name, txid=b"", height=at, raw=name.encode())
        if split(name)[1] == "assert":
            facts[verdict_key(MINE, shown)] = YES
        if split(name)[1] == "reveal":
            facts[answer_key(MINE, int(name.rpartition("/")[2]), shown)] = YES
    return {name: value for name, value in facts.items() if name.partition("/")[0] not in left_out}


def _agenda() -> Iterator[str]:
    rows = {name: tuple(_merged(_publications(name, proposal))) for name, proposal in PUBLISHING.items()}
    yield from _table(
        ("transaction", "vault", "by", "on chain", "and known", "not before block", "until", "why"),
        sorted(_by_engine(rows), key=lambda row: row[1] != ALL[len(rows)]),
    )


def _publications(name: str, proposal: Proposal) -> Iterator[tuple[str, ...]]:
    for undoing, me, history in product(("", *UNDOING), PUBLISHERS[name], HISTORIES[name]):
        facts = _possible(proposal, history, undoing)
        for item in agenda(_state(proposal, me, history, facts)):
            needed = [name for name in facts if not _still(proposal, me, history, facts, name, item.name)]
            _, kind, index = split(item.name)
            yield (
                f"`{kind}`",
                "everyone" if kind == "vault" and lent(proposal) else _publisher(me, item.name, index),
                ", ".join(f"`{split(name)[1]}`" for name in history) or "nothing",
                ", ".join(f"`{split(n)[1].split('/')[0]}`" for n in needed),
                _called(item.since),
                "" if item.until is None else _called(item.until),
                item.why,
            )


def _publisher(me: int, name: str, index: int | None) -> str:
    if not name[0].isdigit():
        return ROLE[me]
    if me == BORROWER:
        return "claimant"
    return "each challenger" if index in (None, me) else "another challenger"


def _still(
    proposal: Proposal, me: int, history: tuple[str, ...], facts: Mapping[str, bytes], without: str, name: str
) -> bool:
    rest = {fact: value for fact, value in facts.items() if fact != without}
    return name in {item.name for item in agenda(_state(proposal, me, history, rest))}


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
            "Two samples, one an engine, each with three parties: 0 the borrower, claimant of graph 0; 1 the lender,",
            "claimant of graph 1; 2 a challenger of both.",
            "",
            "## Stages of the setup",
            "",
            "As the borrower sees them. `live` follows the last one. A party that said `ready` and sees PreFund on",
            "chain is live whatever message it misses. `aborted`: the setup ended;",
            "of a party that said `ready` and misses another's: while a block spends a PreFund input elsewhere. `halted`: the",
            "node gave up. The node of a borrower whose setup ends after it stated its partials spends such an input to itself.",
            "",
            *_stages(),
            "## Jobs",
            "",
            "Of the borrower, and what the lender does in a living vault. A challenger also runs `evaluate g` for",
            "every Assert that is on chain and has no `verdict` yet; a claimant in engine babe runs `decrypt g/k` for",
            "every Reveal that is on chain and has no `answer` yet.",
            "",
            *_rules(),
            "## Facts",
            "",
            "p counts parties, g graphs, k challengers, s slots, i parts of presigning; x is the id of a witness: of an",
            "Assert in `verdict`, of a Reveal in `answer`.",
            "",
            *_vocabulary(),
            "## The game of a graph",
            "",
            "Folded from the transactions on chain. `foreign/X`: a transaction not of the vault spent coin X.",
            "What has no row is in no valid chain: it halts the vault.",
            "",
            *_moves(GRAPH_TABLE),
            "## The answer of a challenger",
            "",
            "Engine babe, one for every challenger of a graph. `no_payout` also moves the graph; the others move its",
            f"challenger alone, whatever the graph came to. In engine core `{LEFTOVER}` changes nothing.",
            "",
            *_moves(ANSWER_TABLE),
            "## The life of a slot",
            "",
            *_moves(SLOT_TABLE),
            "## The agenda",
            "",
            "What a party publishes by itself. A name stands for the height of that transaction or for a timelock. An",
            "order to refund any slot stops `prefund` and `vault`. `until`: from that block on somebody else may move.",
            "A third sample, `loan`, is that of engine babe with money lent and with a liquidator, 3, that may claim slot 0",
            "too. When several claim one coin, the first payout takes it, and the others release their bonds as after any",
            "spend of the vault coin.",
            "Engine babe: once a party knows a claim to be proven (`proven` = 01, or any `verdict` of the graph = 00) it",
            "neither contests nor reveals, unless `want_reveal` says so, and does not help another's `no_payout`.",
            "",
            *_agenda(),
        )
    )


if __name__ == "__main__":
    sys.stdout.write(page())
