"""Every fact a vault is built from: its key, who may state it, who hears it, how large it may be.

Promise: a vault's life off chain is a set of facts, each stated once by one author. A message between nodes carries one
fact; a finished job and an operator's order state facts too. The table below is the whole vocabulary: a fact that is
not in it, or comes from someone else than its author, is refused.
This module does NOT know what a fact makes the node do (see `rules`), nor how it travels.

Keys are `kind/index/...`: `points/0` are the engine points of graph 0, `kept/0/2` the kept set party 2 drew for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from blake3 import blake3

from challenge.faults import Refused
from vault.graph import part_counts
from vault.pairs import evaluator_of, garbler_of
from vault.terms import Proposal

FACT_CONTEXT: Final = "bitvm3 2026 fact v1"
OPERATOR: Final = -1
JOB: Final = -2
NOBODY: Final = -3

Author: TypeAlias = Callable[[Proposal, tuple[int, ...]], int]
Audience: TypeAlias = Callable[[Proposal, tuple[int, ...]], tuple[int, ...]]


class When(Enum):
    """The part of a vault's life in which a fact may be stated."""

    SETUP = "setup"
    LIVE = "live"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the vocabulary.

    `indices` names what each index counts: p party, g graph, k challenger, s slot, f entry of path B, i part, x a witness.
    `of` says for which parties an operator's order or a job's result can mean anything (None: all); others are refused.
    `engine` names the only engine whose graphs have such a fact (empty: those of every engine).
    """

    indices: str
    author: Author
    audience: Audience
    limit: int
    when: When
    bulk: str = ""
    of: Audience | None = None
    engine: str = ""
    means: str


def claimant_of(proposal: Proposal, graph: int) -> int:
    """The party index of the claimant of `graph`."""
    return proposal.graphs[graph].claimant


def challengers_of(proposal: Proposal, graph: int) -> tuple[int, ...]:
    """Every party but the claimant may challenge a graph; ascending party indices."""
    return tuple(p for p in range(len(proposal.parties)) if p != claimant_of(proposal, graph))


def party_with(proposal: Proposal, role: str) -> int:
    """The index of the only party with this role (borrower or lender)."""
    return next(i for i, party in enumerate(proposal.parties) if party.role == role)


def lent(proposal: Proposal) -> bool:
    """Whether money is paid under the preimage a: then the vault opens only once the borrower has taken it."""
    return proposal.loan is not None and proposal.loan.cents > 0


def everyone(proposal: Proposal) -> tuple[int, ...]:
    """All party indices."""
    return tuple(range(len(proposal.parties)))


def _all(proposal: Proposal, _: tuple[int, ...]) -> tuple[int, ...]:
    return everyone(proposal)


def _nobody(_: Proposal, __: tuple[int, ...]) -> tuple[int, ...]:
    return ()


def _first(_: Proposal, indices: tuple[int, ...]) -> int:
    return indices[0]


def _second(_: Proposal, indices: tuple[int, ...]) -> int:
    return indices[1]


def _garbler(proposal: Proposal, indices: tuple[int, ...]) -> int:
    return garbler_of(proposal, *indices)


def _evaluator(proposal: Proposal, indices: tuple[int, ...]) -> int:
    return evaluator_of(proposal, *indices)


def _claimant(proposal: Proposal, indices: tuple[int, ...]) -> int:
    return claimant_of(proposal, indices[0])


def _nobody_in_particular(_: Proposal, __: tuple[int, ...]) -> int:
    return NOBODY


def _job(_: Proposal, __: tuple[int, ...]) -> int:
    return JOB


def _operator(_: Proposal, __: tuple[int, ...]) -> int:
    return OPERATOR


def _challengers(proposal: Proposal, indices: tuple[int, ...]) -> tuple[int, ...]:
    return challengers_of(proposal, indices[0])


def _lender(proposal: Proposal, _: tuple[int, ...]) -> int:
    return party_with(proposal, "lender")


def _borrower(proposal: Proposal, _: tuple[int, ...]) -> int:
    return party_with(proposal, "borrower")


def _liquidator(proposal: Proposal, indices: tuple[int, ...]) -> int:
    return proposal.fast[indices[0]].liquidator


def _to(author: Author) -> Audience:
    return lambda proposal, indices: (author(proposal, indices),)


def _own(*, indices: str, author: Author, when: When, limit: int, means: str, of: Audience | None = None) -> Kind:
    return Kind(indices=indices, author=author, audience=_nobody, limit=limit, when=when, of=of, means=means)


MIB: Final = 1 << 20
BULK: Final = MIB - 4096  # a message body is at most 1 MiB, the envelope takes the rest

# fmt: off
KINDS: Final[dict[str, Kind]] = {
    # setup, between nodes
    "propose": Kind(indices="", author=_nobody_in_particular, audience=_all, limit=64 * 1024, when=When.SETUP,
                    means="the proposal itself; the vault begins with it"),
    "accept": Kind(indices="p", author=_first, audience=_all, limit=0, when=When.SETUP,
                   means="party p agrees to the proposal"),
    "keys": Kind(indices="p", author=_first, audience=_all, limit=64 * 1024, when=When.SETUP,
                 means="the public keys, coins, hashlocks and scripts of party p"),
    "points": Kind(indices="g", author=_claimant, audience=_all, limit=BULK, when=When.SETUP, bulk="blob",
                   means="engine points of graph g and a proof of knowledge. core: digit points S, O_k of every "
                         "challenger; babe: digit points A, K_k of every challenger"),
    "answers": Kind(indices="gk", author=_second, audience=_all, limit=BULK, when=When.SETUP, bulk="blob",
                    engine="babe",
                    means="digit points S_k and the point lock F_k of challenger k, proof of knowledge"),
    "commitments": Kind(indices="gk", author=_garbler, audience=_to(_evaluator), limit=BULK, when=When.SETUP,
                        bulk="blob", means="F and the N instance commitments of the pair (g, k)"),
    "kept": Kind(indices="gk", author=_evaluator, audience=_to(_garbler), limit=4 * 64, when=When.SETUP,
                 means="the M instances the evaluator keeps of the pair (g, k)"),
    "drawn": Kind(indices="p", author=_first, audience=_all, limit=0, when=When.SETUP,
                  means="party p has stated the kept set of every pair in which it evaluates"),
    "openings": Kind(indices="gk", author=_garbler, audience=_to(_evaluator), limit=64 * 1024, when=When.SETUP,
                     means="manifests of the opened instances and of the kept artifact of the pair (g, k)"),
    "opened": Kind(indices="p", author=_first, audience=_all, limit=0, when=When.SETUP,
                   means="party p has stated the openings of every pair for which it garbles"),
    "digest": Kind(indices="p", author=_first, audience=_all, limit=32, when=When.SETUP,
                   means="party p's digest of all txids, sighashes, adaptor points and engine points"),
    "presignatures": Kind(indices="gk", author=_claimant, audience=_to(_second), limit=4096, when=When.SETUP,
                          engine="babe", means="manifest of the claimant's presignatures of Reveal_k"),
    "nonces": Kind(indices="pi", author=_first, audience=_all, limit=BULK, when=When.SETUP, bulk="blob",
                   means="party p's MuSig2 public nonces of part i (0: the vault, then every graph)"),
    "partials": Kind(indices="pi", author=_first, audience=_all, limit=BULK, when=When.SETUP, bulk="blob",
                     means="party p's MuSig2 partial signatures of part i"),
    "ready": Kind(indices="p", author=_first, audience=_all, limit=32, when=When.SETUP,
                  means="party p holds every presignature durably and has deleted its share of G"),
    "abort": Kind(indices="p", author=_first, audience=_all, limit=4096, when=When.SETUP,
                  means="party p ends the setup, with the reason"),
    # live, between nodes
    "loan_taken": Kind(indices="p", author=_first, audience=_all, limit=32, when=When.LIVE,
                       means="party p has seen a: the borrower has taken the loan, so everyone may publish Vault"),
    "ask_release": Kind(indices="s", author=_borrower, audience=_to(_lender), limit=0, when=When.LIVE,
                        means="the borrower asks the lender for the repayment preimage of slot s"),
    "release": Kind(indices="s", author=_lender, audience=_to(_borrower), limit=32, when=When.LIVE,
                    means="the lender shows r of slot s"),
    "fast_release": Kind(indices="f", author=_lender, audience=_to(_liquidator), limit=32, when=When.LIVE,
                         means="the lender shows the preimage of the ticket of entry f (path B)"),
    "proof": Kind(indices="g", author=_claimant, audience=_challengers, limit=256, when=When.LIVE, engine="babe",
                  means="the proof of the claim of graph g: whoever sees that it is valid reveals nothing"),
    # stated by this node's own jobs
    "funded": _own(indices="", author=_job, when=When.SETUP, limit=64 * 1024,
                   means="own bonds are on chain and buried, PreFund coins reserved"),
    "coins": _own(indices="", author=_job, when=When.SETUP, limit=0,
                  means="every party's coins were found on chain as Terms name them"),
    "checked": Kind(indices="gk", author=_job, audience=_nobody, limit=BULK, when=When.SETUP, bulk="blob",
                    of=_to(_evaluator),
                    means="the opened and kept instances of the pair (g, k) were checked and stored: the opened shares"),
    "answerable": Kind(indices="gk", author=_job, audience=_nobody, limit=32, when=When.SETUP, engine="babe",
                       of=_to(_second),
                       means="every presignature of Reveal_k was fetched, checked and stored"),
    "presigned": _own(indices="", author=_job, when=When.SETUP, limit=32,
                      means="every aggregated presignature verified, stored, read back"),
    "verdict": _own(indices="gx", author=_job, when=When.LIVE, limit=1, of=_challengers,
                    means="what came of evaluating graph g for Assert witness x. core: 1 the claim is false, 0 not; "
                          "babe: 1 nothing proves the claim, 0 it is proven"),
    "proven": Kind(indices="g", author=_job, audience=_nobody, limit=1, when=When.LIVE, engine="babe",
                   of=_challengers, means="whether the claimant's proof of graph g is valid: 1 yes, 0 no"),
    "answer": Kind(indices="gkx", author=_job, audience=_nobody, limit=1, when=When.LIVE, engine="babe",
                   of=_to(_claimant),
                   means="what decrypting with the labels of Reveal_k witness x gave: 1 the logarithm of F_k, 0 nothing"),
    # orders of this node's operator
    "want_accept": _own(indices="", author=_operator, when=When.SETUP, limit=0,
                        means="the operator agrees to the proposal"),
    "want_abort": _own(indices="", author=_operator, when=When.SETUP, limit=4096, means="the operator ends the setup"),
    "want_claim": _own(indices="g", author=_operator, when=When.LIVE, limit=4096, of=_to(_claimant),
                       means="the operator claims graph g with these digit values (core) or this proof (babe)"),
    "want_contest": _own(indices="g", author=_operator, when=When.LIVE, limit=0, of=_challengers,
                         means="the operator, or the policy, contests graph g"),
    "want_reveal": Kind(indices="g", author=_operator, audience=_nobody, limit=0, when=When.LIVE, engine="babe",
                        of=_challengers,
                        means="the operator contests graph g and reveals although a valid proof is known"),
    "want_repay": _own(indices="s", author=_operator, when=When.LIVE, limit=0, of=_to(_borrower),
                       means="the operator repays slot s"),
    "want_release": _own(indices="s", author=_operator, when=When.LIVE, limit=0, of=_to(_lender),
                         means="the operator, or the policy, shows r of slot s"),
    "want_fast_release": _own(indices="f", author=_operator, when=When.LIVE, limit=0, of=_to(_lender),
                              means="the operator, or the policy, shows the preimage of the ticket of entry f: it was paid"),
    "want_fast": _own(indices="f", author=_operator, when=When.LIVE, limit=32, of=_to(_liquidator),
                      means="the operator liquidates by entry f with what t attestors attested"),
    "want_deadman": _own(indices="s", author=_operator, when=When.LIVE, limit=0, of=_to(_borrower),
                         means="the operator takes slot s back by DeadMan"),
    "want_refund": _own(indices="s", author=_operator, when=When.LIVE, limit=0, of=_to(_borrower),
                        means="the operator takes slot s back by Refund"),
}
# fmt: on


SPOKEN: Final = frozenset({"loan_taken"})
"""Facts of a party that its operator states in its name; all others come from jobs, peers, or other facts."""


def fact_id(value: bytes) -> bytes:
    """The 32-byte name under which a bulk value is stored."""
    return blake3(value, derive_key_context=FACT_CONTEXT).digest()


def key(kind: str, *indices: int) -> str:
    """The key of a fact."""
    return "/".join((kind, *map(str, indices)))


def has(proposal: Proposal, graph: int, kind: str) -> bool:
    """Whether the engine of a graph has facts of this kind."""
    return KINDS[kind].engine in ("", proposal.graphs[graph].engine)


def parse_key(proposal: Proposal, text: str) -> tuple[str, Kind, tuple[int, ...]]:
    """Split and check a key. Raises Refused when the kind is unknown or an index is out of range."""
    name, *rest = text.split("/")
    kind = KINDS.get(name)
    if kind is None:
        raise Refused(f"no fact is called {name[:40]!r}")
    bounds = {
        "p": len(proposal.parties),
        "k": len(proposal.parties),
        "g": len(proposal.graphs),
        "s": len(proposal.slots),
        "f": len(proposal.fast),
        "i": parts(proposal),
        "x": 1 << 256,
    }
    if len(rest) != len(kind.indices):
        raise Refused(f"{name} takes {len(kind.indices)} indices, {len(rest)} came")
    indices = []
    for letter, item in zip(kind.indices, rest, strict=True):
        if not (
            item.isascii()
            and item.isdigit()
            and len(item) <= 78
            and str(int(item)) == item
            and int(item) < bounds[letter]
        ):
            raise Refused(f"{name}: index {item[:24]!r} is not a number below {bounds[letter]}")
        indices.append(int(item))
    if kind.indices.startswith("gk") and indices[1] == claimant_of(proposal, indices[0]):
        raise Refused(f"{name}: party {indices[1]} is the claimant of graph {indices[0]}, not a challenger")
    if kind.engine and not has(proposal, indices[0], name):
        raise Refused(f"{name}: graph {indices[0]} has engine {proposal.graphs[indices[0]].engine}, not {kind.engine}")
    return name, kind, tuple(indices)


def parts(proposal: Proposal) -> int:
    """Presigning travels in parts: one for the vault's own transactions, as many as it takes for each graph."""
    return 1 + sum(part_counts(proposal))
