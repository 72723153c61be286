"""The tables of docs/ that repeat what the code says, rendered from the code itself.

Promise: a block between `<!-- NAME -->` and `<!-- end -->` in a page of docs/ is what the function of that name returns
today; `python -m tests.unit.docs.tables` writes all of them again. Does NOT know the prose around them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from bitcoin.core.script import CScript, CScriptOp
from pydantic import BaseModel

from bitcoin_scripts.outputs import Output
from bitcoin_scripts.transaction import Template
from circuits.cut_and_choose import PROFILES
from circuits.engine import Encrypted, Predicate, Setup
from circuits.engines.babe import CIRCUIT as FEATURES
from circuits.engines.pairs import params_of, program_of
from circuits.withdrawal import commitment_of, withdrawal
from native._native.engine import Params
from node.config import Config
from node.guard import DOMAINS
from node.limits import PRODUCT, table
from node.rpc.openrpc import document
from node.rpc.table import TABLE, bind
from node.setup_cost import MEASURED
from node.store import COLUMNS
from tests.unit.snark.kit import triples
from tests.vault_kit import BABE, Kit, graph_terms, make_proposal
from vault import picture
from vault.agreement import Engine, Timelocks
from vault.audit_checks import CHECKS
from vault.audit_file import KINDS
from vault.fees import BOND_RULES, vsizes_of
from vault.timelocks import INEQUALITIES, MAINLINE, ON_DEMAND, REAL_TIME, regtest_timelocks
from vault.values import RULES

DOCS = Path(__file__).parents[3] / "docs"
BEGIN, END = "<!-- {} -->", "<!-- end -->"

TIMES = Timelocks(
    contest=8, assert_=9, refute=10, verdict=23, refund=20, bond_release=41, dead_man=130, margin=4, depth=2
)
"""Every wait has its own number, so that a delay in a template names its timelock."""
DIGIT_BITS, AMOUNT, SLOT = 4, 600_000, 1_000_000
INPUT_BITS: dict[Engine, int] = {"core": 384, "babe": 512}
LETTERS = {0: "B", 1: "L", 2: "W2"}


@lru_cache(maxsize=2)
def sample(engine: Engine) -> Kit:
    """B, L and one challenger; one slot of 1,000,000 sat, one withdrawal of 600,000 with four-bit digits."""
    fields = {} if engine == "core" else {**BABE, "stake": STAKE}
    graph = graph_terms(digits=INPUT_BITS[engine] // DIGIT_BITS, digit_bits=DIGIT_BITS, amount=AMOUNT, **fields)
    return Kit(proposal=make_proposal(graphs=(graph,), slots=(SLOT,), timelocks=TIMES), name="docs")


STAKE = 20_000
"""Of the sample of engine babe."""


def _by_engine(lines: Callable[[Engine], list[tuple[object, ...]]]) -> list[tuple[object, ...]]:
    """The lines of engine core, then those of engine babe that are others, with the engine's name."""
    core = lines("core")
    return core + [(f"{line[0]} (babe)", *line[1:]) if line[0] else line for line in lines("babe") if line not in core]


def rows(*lines: tuple[object, ...]) -> str:
    """A Markdown table; the first line is its head."""
    head, *body = (f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
    return "\n".join([head, "|" + " --- |" * len(lines[0]), *body])


# ---- protocol.md -----------------------------------------------------------------------------------------------------
def transactions() -> str:
    """What every transaction spends, after which wait, creates; who can publish it; its size, signed."""

    def lines(engine: Engine) -> list[tuple[object, ...]]:
        graph = sample(engine).graph
        return [
            (
                f"`{_general(name)}`",
                "; ".join(_spend(template, n) for n in range(len(template.inputs))),
                ", ".join(f"`{_general(o.role)}`" for o in template.outputs if o.role != "anchor"),
                picture.who(graph, name),
                f"{template.vsize:,}",
            )
            for name, template in graph.templates.items()
        ]

    return rows(("transaction", "spends (output: path, wait)", "creates", "by", "vB"), *_by_engine(lines))


def _general(role: str) -> str:
    """Slot 0 and graph 0 of the sample stand for any."""
    return re.sub(r"^0/", "g/", re.sub(r"^([a-z]+)/0$", r"\1/S", role))


def _spend(template: Template, n: int) -> str:
    spent = template.inputs[n]
    wait = f", CSV({_wait(spent.delay)})" if spent.delay else ""
    return f"`{_general(spent.spends.role)}`: {picture._path(spent.paths)}{wait}"


def _wait(blocks: int) -> str:
    if blocks == TIMES.refute + TIMES.margin:
        return "refute + margin"
    return next(name.rstrip("_") for name in Timelocks.__struct_fields__ if getattr(TIMES, name) == blocks)


def outputs() -> str:
    """Every output of the graph with its internal key and its leaves, as scripts."""
    core, babe = (_outputs(engine) for engine in INPUT_BITS)
    lines = [*core.values(), *(block for role, block in babe.items() if block != core.get(role))]
    return rows(("output", "internal key", "leaf", "script"), *(line for block in lines for line in block))


def _outputs(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Role -> one line a leaf."""
    seen: dict[str, Output] = {}
    for template in sample(engine).graph.templates.values():
        for output in [*template.outputs, *(spent.spends for spent in template.inputs)]:
            if isinstance(output, Output):
                seen.setdefault(output.role, output)
    letters, found = _letters(engine), {}
    for role, output in seen.items():
        other = engine == "babe" and re.search("/(arena|stake|refute|no_payout|assertion)", role)
        name, inner = f"`{_general(role)}`{' (babe)' if other else ''}", letters.get(output.internal_key, "NUMS")
        scripts = [(leaf.name, f"`{_symbols(leaf.script, letters)}`") for leaf in output.leaves] or [("", "none")]
        found[role] = [(name, inner, *scripts[0]), *(("", "", *leaf) for leaf in scripts[1:])]
    return found


@lru_cache(maxsize=2)
def _letters(engine: Engine) -> dict[bytes, str]:
    kit = sample(engine)
    cast, lock = kit.graph.cast, {"core": "O", "babe": "F"}[engine]
    found = {cast.group: "G", cast.hashlock_a: "h_a", cast.hashlocks_r[0]: "h_r"}
    found |= {key: LETTERS[party] for party, key in enumerate(cast.personal)}
    found |= {key: f"K_{LETTERS[k]}" for (_, k), key in kit.graph.plan.reveals.items()}
    return found | {key: f"{lock}_{LETTERS[k]}" for (_, k), key in kit.graph.plan.locks.items()}


def _symbols(script: bytes, letters: dict[bytes, str]) -> str:
    words = []
    for opcode, data, _ in CScript(script).raw_iter():
        if data is not None and len(data) == 32:
            words.append(f"<{letters[bytes(data)]}>")
        elif data is not None:
            words.append(_number(int.from_bytes(bytes(data), "little")))
        elif 0x51 <= int(opcode) <= 0x60:
            words.append(_number(int(opcode) - 0x50))
        else:
            words.append(str(CScriptOp(opcode)).removeprefix("OP_").replace("CHECKSEQUENCEVERIFY", "CSV"))
    step = "TUCK CHECKSIGVERIFY CODESEPARATOR"
    text = " ".join(words)
    return re.sub(f"(?:{step} )+", lambda found: f"({step}) x {found.group().count('TUCK')} ", text)


def _number(value: int) -> str:
    wait = _wait(value) if value != 32 else "32"
    return f"({wait})" if " " in wait else wait


def assert_sizes() -> str:
    """Assert, and what engine babe adds to it, by digits and challengers."""
    lines: list[tuple[object, ...]] = [
        (
            "digits",
            "bits a digit",
            "input bits",
            "challengers",
            "engine",
            "Assert, vB",
            "Reveal, vB",
            "Refute, vB",
            "sum",
        )
    ]
    for digits, bits, others, engine in (
        (96, 4, 2, "core"),
        (96, 4, 4, "core"),
        (48, 8, 2, "core"),
        (128, 4, 2, "babe"),
        (128, 4, 4, "babe"),
        (64, 8, 2, "babe"),
        (64, 8, 4, "babe"),
    ):
        fields = BABE if engine == "babe" else {}
        terms = graph_terms(digits=digits, digit_bits=bits, amount=AMOUNT, **fields)
        sizes = vsizes_of(make_proposal(graphs=(terms,), slots=(SLOT,), challengers=others - 1))
        needed = [sizes.get(f"0/{name}") for name in ("assert", "reveal/1", "refute/1")]
        shown = [f"{size:,}" if size else "" for size in needed]
        total = f"{sum(size or 0 for size in needed):,}"
        lines.append((digits, bits, digits * bits, others, engine, *shown, total))
    return rows(*lines)


def timelocks() -> str:
    """Defaults, and the set for a chain that mines on demand."""
    quick = regtest_timelocks()
    names = Timelocks.__struct_fields__
    return rows(
        ("blocks", *(name.rstrip("_") for name in names)),
        ("real time", *(f"{getattr(MAINLINE, name):,}" for name in names)),
        ("regtest", *(getattr(quick, name) for name in names)),
    )


def inequalities() -> str:
    """Left > right, or somebody honest loses."""
    return rows(
        ("inequality", "must hold", "else"),
        *((rule.name, f"{rule.left} > {rule.right}", rule.why) for rule in INEQUALITIES),
    ) + (
        f"\n\nSlack in 6 and 7: {REAL_TIME.ledger} and {REAL_TIME.dead_man:,} blocks in real time, {ON_DEMAND.ledger} and "
        f"{ON_DEMAND.dead_man} on regtest."
    )


def amounts() -> str:
    """The value of every output, and what a bond must cover."""
    named = {"s": "S", "g": "g", "k": "K", "f": "F"}
    values = rows(
        ("output", "value"),
        *(
            (f"`{rule.output.format(**named)}`{f' ({rule.engine})' if rule.engine else ''}", rule.rule.format(**named))
            for rule in RULES
        ),
    )
    bonds = rows(("a bond is refused unless", "is at least"), *((rule.left, rule.right) for rule in BOND_RULES))
    return f"{values}\n\n{bonds}"


def profiles() -> str:
    """Cut-and-choose profiles, with what each sends for the withdrawal circuit."""
    circuit = withdrawal(commitment=commitment_of(1, 1), amount=1)
    params, text = _profiles(circuit, None)
    program = program_of(circuit)
    return text + (
        f"\n\nThe circuit: {sum(program.input_widths)} input bits, {program.gates:,} gates of which {program.ands:,} are "
        f"AND, {program.slots:,} slots. One kept instance: {params.kept_bytes:,} bytes. One opened instance: "
        f"{params.opening_bytes:,} bytes. Digit points of a graph: {params.points_bytes:,} bytes."
    )


def profiles_babe() -> str:
    """The same for the circuit of a point's features; what is sent does not depend on the statement."""
    key, claims = triples("bn254_1")
    statement = Encrypted(key=key.handle.encode("arkworks"), x=claims[0][0].handle.words[0])
    params, text = _profiles(FEATURES, statement)
    program = program_of(FEATURES)
    values = INPUT_BITS["babe"] // DIGIT_BITS << DIGIT_BITS
    return text + (
        f"\n\nThe circuit: {sum(program.input_widths)} input bits, {program.gates:,} gates of which {program.ands:,} are "
        f"AND, {program.slots:,} slots. One kept instance: {params.kept_bytes:,} bytes. One opened instance: "
        f"{params.opening_bytes:,} bytes. Digit points of a graph: {params.points_bytes:,} bytes from the claimant and as "
        f"many from each challenger. Presignatures of Reveal for each challenger: {65 * values:,} bytes."
    )


def _profiles(circuit: Predicate, statement: Encrypted | None) -> tuple[Params, str]:
    lines: list[tuple[object, ...]] = [
        ("profile", "N", "M", "soundness, bits", "F and commitments, bytes", "openings, bytes", "kept, bytes")
    ]
    for profile in PROFILES.values():
        setup = Setup(
            setup_id=bytes(32),
            context=b"",
            circuit=circuit,
            statement=statement,
            profile=profile,
            digit_bits=DIGIT_BITS,
        )
        params = params_of(setup)
        lines.append(
            (
                profile.name,
                profile.instances,
                profile.kept,
                f"{profile.bits:.1f}",
                f"{params.polynomial_bytes + 32 * profile.instances:,}",
                f"{params.opening_bytes * (profile.instances - profile.kept):,}",
                f"{params.kept_bytes * profile.kept:,}",
            )
        )
    return params, rows(*lines)


# ---- operate.md and rpc.md -------------------------------------------------------------------------------------------
def configuration() -> str:
    """Every key with its type and default."""
    lines: list[tuple[object, ...]] = [("key", "value", "default", "meaning")]
    lines += [
        (f"`{name}`", kind, f"`{value}`" if value != "" else "", MEANING[name])
        for name, kind, value in _keys(Config, "")
    ]
    return rows(*lines)


MEANING = {
    "network": "mainnet is refused",
    "datadir": "everything the node keeps",
    "passphrase_file": "file of mode 0600 with the passphrase of the keys; by default `passphrase` in the data folder",
    "log_level": "log lines go to standard error",
    "chain.url": "RPC of Bitcoin Core v28 or newer, or of the sandbox; by default the network's usual port on this machine",
    "chain.cookie": "Core's `.cookie`; else `user` and `password`",
    "chain.user": "",
    "chain.password": "",
    "rpc.host": "loopback only",
    "rpc.port": "0: any free one",
    "p2p.host": "the address that peers reach",
    "p2p.port": "0: any free one, another at each start: peers look for it in vain",
    "p2p.peers": "nodes to stay connected with",
    "policy.contest": "every claim, none, or those not known to be good: unproven (babe), above the balance in `known` (core)",
    "policy.known": "sealed balances known out of band",
    "policy.accept": "auto: accept every proposal that names this node and passes every check",
    "policy.release": "auto: show r of a slot when the borrower asks. It means that the loan is repaid",
    "policy.minimum_depth": "terms that show secrets after fewer confirmations are refused",
    "policy.reorg_bound": "a deeper reorg halts the living vaults",
    "policy.setup_patience_seconds": "a setup in which another party owes something and nothing came for so long ends, naming it",
    "quota.artifact_bytes": "disk that openings and kept instances may take",
    "ledger.trusted_keys": "ids of verifying keys from ceremonies; off regtest a ledger under another key is not opened",
    "attestor.policy": "auto: sign every checkpoint that passes every check; manual: wait for `bitvm3 attestor approve`",
    "attestor.tolerance": "basis points between a marked price and the own median",
    "attestor.price_age": "seconds for which own medians are remembered; an older mark cannot be compared: approve it by hand",
    "attestor.time_tolerance": "seconds between an event's time and the median time past of its height on the own chain",
    "attestor.coins": "whether the events of positions are compared with the coins behind them (docs/lending.md)",
    "keeper.automatic": "whether the keeper of a ledger with loans follows coins, windows and prices by itself",
    "keeper.accrue_blocks": "blocks after which interest runs on and a checkpoint is made, when nothing else is posted",
    "keeper.mark_seconds": "a price that has not moved is marked again with what is posted after so long",
    "lending.lend": "lender: lock the principal once the deposit is buried. dry-run says what would be done and does nothing",
    "lending.take": "borrower: show a and take the loan once the deposit is buried and the lock has blocks left",
    "lending.default": "lender: pay for a coin after maturity and grace, at a fresh price",
    "lending.liquidate": "liquidator: pay for a coin of an unhealthy loan",
    "lending.tender": "borrower: auto-at-maturity repays slot after slot, in time for a lender that lets every window pass",
    "lending.release": "lender: auto shows r of a tendered slot when our own final checkpoint proves the tender",
    "lending.dead_man": "borrower: auto takes the coins home when everybody else is gone",
    "lending.max_cents_a_day": "for liquidations and defaults together, in 144 blocks",
    "lending.max_slots_a_day": "the same, in slots",
    "lending.margin": "basis points that a coin must be worth more than it costs, at the own median price",
    "lending.contests_a_day": "contests of claims in loans in 144 blocks; one over it is not made, with an alarm",
    "lending.fee_ceiling_rate": "sat/vB that a transaction of this node, or it and its child, may pay; a dearer one is not sent",
    "lending.fee_ceiling_sats": "the same, in sats",
    "lending.poll_seconds": "between two looks at what the keeper says; every block is a look too",
    "proving.folder": "of the proving keys; by default `proving` in the data folder. Several nodes of one owner may share one",
    "prices.sources": "where an attestor has its price from: kind `file` (`path`), `http` (`url`, `price`, `time`, `unit`), "
    "`manual`; see below",
    "prices.minimum": "sources that must be fresh and agree; by default more than half of them",
    "prices.fresh_seconds": "an older reading is left out",
    "prices.lead_seconds": "a reading farther ahead of the clock is left out",
    "prices.spread": "basis points from the median; a reading farther off is left out",
}
"""A new key without a meaning fails the test of the page."""


def _keys(model: type[BaseModel], prefix: str) -> list[tuple[str, str, object]]:
    found = []
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _keys(kind, f"{prefix}{name}.")
            continue
        items = [item for item in get_args(kind) if isinstance(item, type) and issubclass(item, BaseModel)]
        if items:
            inner = ", ".join(items[0].model_fields)
            found.append((f"{prefix}{name}", f"list of {{ {inner} }}", "[]"))
            continue
        choices = get_args(kind)
        literal = choices and all(isinstance(choice, str) for choice in choices)
        default: Any = field.default
        default = getattr(default, "get_secret_value", lambda d=default: d)()
        default = "[]" if default == () else default
        words = ", ".join(choices) if literal else _type(kind)
        found.append((f"{prefix}{name}", words, "" if default is None else default if default != "" else '""'))
    return found


def _type(kind: Any) -> str:
    text = str(kind)
    for sign, word in (
        ("tuple", "list of tables"),
        ("Path", "path"),
        ("SecretStr", "text"),
        ("int", "number"),
        ("float", "number"),
        ("str", "text"),
    ):
        if sign in text:
            return word
    raise ValueError(f"no word for {text}")


def limits() -> str:
    """The table of limits."""
    return rows(
        ("limit", "value", "unit", "why"),
        *(
            (f"`{name}`", f"{value:,g}" if value % 1 else f"{int(value):,}", unit, why)
            for name, value, unit, why in table(PRODUCT)
        ),
    )


def columns() -> str:
    """What the two databases hold."""
    return rows(
        ("database", "column", "holds"),
        *(("store", f"`{name}`", what) for name, what in COLUMNS.items()),
        *(("guard", f"`{name}`", what) for name, what in DOMAINS.items()),
    )


def methods() -> str:
    """Every RPC method, from the table that serves them."""

    async def nothing(_: object) -> None:
        return None

    page = document(bind(dict.fromkeys(TABLE, nothing)), version="")
    lines: list[tuple[object, ...]] = [("method", "parameters", "what it does")]
    for method in page["methods"]:
        params = ", ".join(f"`{p['name']}`" if p["required"] else f"[`{p['name']}`]" for p in method["params"])
        lines.append((f"`{method['name']}`", params, method["summary"]))
    return rows(*lines)


# ---- audit.md --------------------------------------------------------------------------------------------------------
def audit_sections() -> str:
    """What a bundle may hold, in the order of the file."""
    lines: list[tuple[object, ...]] = [("section", "holds", "bytes at most")]
    lines += [(f"`{name}{'/N' * kind.indices}`", kind.holds, f"{kind.limit:,}") for name, kind in KINDS.items()]
    return rows(*lines)


def audit_checks() -> str:
    """What is checked, in order."""
    return rows(("check", "holds when"), *((name, what) for name, what, _ in CHECKS))


def estimates() -> str:
    """What times of a setup are scaled from."""
    lines: list[tuple[object, ...]] = [("one", "milliseconds of one core")]
    lines += [(f"instance garbled, opened or handed over ({engine})", ms) for engine, ms in MEASURED.garbled.items()]
    lines += [(f"instance checked ({engine})", ms) for engine, ms in MEASURED.checked.items()]
    lines += [
        ("session of the group, and for every party of it", f"{MEASURED.session}, and {MEASURED.session_party}"),
        ("presignature of Reveal made, and checked", f"{MEASURED.reveal_made}, and {MEASURED.reveal_checked}"),
    ]
    return rows(*lines)


BLOCKS: dict[str, Callable[[], str]] = {
    "transactions": transactions,
    "outputs": outputs,
    "assert sizes": assert_sizes,
    "timelocks": timelocks,
    "inequalities": inequalities,
    "amounts": amounts,
    "profiles": profiles,
    "profiles babe": profiles_babe,
    "configuration": configuration,
    "limits": limits,
    "columns": columns,
    "methods": methods,
    "audit sections": audit_sections,
    "audit checks": audit_checks,
    "estimates": estimates,
}


def found(text: str) -> dict[str, str]:
    """Name -> content of every block of a page."""
    return dict(re.findall(r"<!-- ([a-z ]+) -->\n(?:(.*?)\n)??<!-- end -->", text, re.S))


def filled(text: str) -> str:
    """The page with every block rendered again."""
    for name in found(text):
        begin = BEGIN.format(name)
        text = re.sub(
            re.escape(begin) + r"\n(?:.*?\n)??" + END,
            lambda _, name=name, begin=begin: f"{begin}\n{BLOCKS[name]()}\n{END}",
            text,
            flags=re.S,
        )
    return text


def drawings() -> dict[str, str]:
    """Name in docs/ -> picture."""
    names: dict[str, Engine] = {"transactions.svg": "core", "transactions_babe.svg": "babe"}
    return {name: picture.svg(sample(engine).graph) for name, engine in names.items()}


def main() -> None:
    """Write every block and the picture again."""
    for path in DOCS.glob("*.md"):
        before = path.read_text()
        after = filled(before)
        if after != before:
            path.write_text(after)
            print(f"wrote {path.name}", file=sys.stderr)
    for name, drawn in drawings().items():
        (DOCS / name).write_text(drawn)


if __name__ == "__main__":
    main()
