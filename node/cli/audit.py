"""`bitvm3 audit FILE`: a vault judged offline from an audit bundle. No daemon, no network, no key is needed.

Promises exit status 0 only when every check was made and held. Does NOT know the chain: it says what to look up there.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Annotated, Any

import typer

from native._native.garbling import Progress
from node.cli.call import say
from node.cli.show import show_json
from node.faults import LocalFault
from node.proposing import predicate_of
from vault import overview
from vault.agreement import Terms
from vault.audit import Audit, Check, Result, audit, outpoints
from vault.audit_file import BundleFault, Bytes, parse
from vault.endings_words import as_json, letter, lines

MOST_BYTES = 8 << 30
"""Of a bundle: 64 graphs of 15 challengers of the largest profile stay below."""


def audit_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle that `bitvm3 vault bundle` wrote.")],
    svg: Annotated[Path | None, typer.Option(metavar="OUT", help="Draw the transactions into this file.")] = None,
) -> None:
    """Judge a vault offline from its audit bundle: every transaction, signature, proof, amount and timelock again.

    Exit status 0: everything holds. 1: something does not, or could not be checked.
    """
    try:
        found = audit(parse(_content(file)), predicate=predicate_of, progress=Progress())
    except BundleFault as fault:
        raise LocalFault(
            what=f"bundle {file}, {fault.field}", expected=fault.expected, came=fault.got,
            todo="The file is damaged or is no bundle: get it again from whoever made it.",
        ) from fault  # fmt: skip
    if svg is not None:
        _draw(found, svg)
    say(context, _whole(found) if context.obj[1] is show_json else _for_people(found))
    if not found.holds:
        raise typer.Exit(1)


def _content(file: Path) -> Bytes:
    try:
        with file.open("rb") as opened:
            size = file.stat().st_size
            if size == 0:
                return b""
            if size > MOST_BYTES:
                raise LocalFault(what=f"bundle {file}", expected=f"at most {MOST_BYTES} bytes", came=f"{size} bytes")
            return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise LocalFault(what=f"bundle {file}", expected="a readable file", came=str(error)) from error


def _draw(found: Audit, out: Path) -> None:
    if found.graph is None:
        raise LocalFault(what="picture", expected="transactions that can be derived", came="a bundle that has none")
    try:
        out.write_text(overview.page(found.graph))
    except OSError as error:
        raise LocalFault(what=f"file {out}", expected="a writable file", came=str(error)) from error


def _head(found: Audit) -> dict[str, Any]:
    wrong = sum(check.result is not Result.HOLDS for check in found.checks)
    words = "everything holds" if found.holds else f"{wrong} of {len(found.checks)} checks do not hold"
    head = {"verdict": words, "vault": found.vault_id.hex()}
    if found.terms is None:
        return {**head, "made by": f"party {found.maker}"}
    proposal = found.terms.proposal
    return {
        **head,
        "proposal": proposal.proposal_id.hex(),
        "network": proposal.network,
        "made by": f"{letter(proposal, found.maker)}, identity {proposal.parties[found.maker].identity.hex()}",
        "slots": ", ".join(f"{sats:,}" for sats in proposal.slots),
    }


def _for_people(found: Audit) -> dict[str, Any]:
    checks = [_check(check) for check in found.checks]
    failures = [{"check": c.name, "what does not hold": line} for c in found.checks for line in c.failures]
    return {
        **_head(found),
        "checks": checks,
        **({"failures": failures} if failures else {}),
        **(_parts(found.terms, found) if found.terms is not None else {}),
        "what this file cannot show": [{"": f"{n}.", "look for yourself": line} for n, line in enumerate(found.unknown, 1)],
    }  # fmt: skip


def _parts(terms: Terms, found: Audit) -> dict[str, Any]:
    proposal = terms.proposal
    return {
        "parties": [
            {"party": letter(proposal, i), "role": party.role, "identity": party.identity.hex()}
            for i, party in enumerate(proposal.parties)
        ],
        "who can end up with what": lines(found.rows, proposal),
        "coins to look up on the chain": _coins(terms),
    }


def _whole(found: Audit) -> dict[str, Any]:
    return {
        **_head(found),
        "holds": found.holds,
        "checks": [{**_check(check), "failures": list(check.failures)} for check in found.checks],
        "endings": [as_json(row) for row in found.rows],
        "coins": _coins(found.terms) if found.terms is not None else [],
        "unknown": list(found.unknown),
    }


def _check(check: Check) -> dict[str, Any]:
    return {"check": check.name, "how many": check.count, "result": check.result.value, "what": check.what}


def _coins(terms: Terms) -> list[dict[str, Any]]:
    return [
        {
            "party": letter(terms.proposal, coin.party),
            "what": coin.what,
            "outpoint": f"{coin.txid}:{coin.vout}",
            "sats": coin.sats,
            "script": coin.script,
        }
        for coin in outpoints(terms)
    ]
