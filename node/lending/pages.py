"""Terms of a loan go from node to node by pages: shown to whoever asks, fetched by whoever signs what is about them.

Promises that what was fetched is registered by the same checks as at the keeper: no source is believed, not the keeper either.
Does NOT decide what Terms count (`registry`).
"""

from __future__ import annotations

from node.faults import PeerFault, Unavailable
from node.lending.registry import Registry, theirs
from node.lending.words import PAGE_BYTES, Agreed, LoanAsked, Page, bundle, read, unbundle, write
from vault.faults import VaultFault
from vault.terms import decode_terms


def serve(registry: Registry, asked: LoanAsked) -> bytes:
    """A page of what is agreed of a loan's vaults, for a peer; an empty one when it is not registered here."""
    loan = registry.loans.get(asked.vault)
    raw = b"" if loan is None else bundle(tuple(each.agreed for each in loan.entries))
    return write(Page(total=len(raw), part=raw[asked.first : asked.first + PAGE_BYTES]))


async def learn(registry: Registry, name: bytes, slots: int) -> None:
    """Fetch and register the Terms of a loan that has at least so many slots, unless they are here.

    Raises:
        PeerFault: nobody shows them, or what is shown is not it; names what each one said.
        Unavailable: the chain does not answer.
    """
    if _has(registry, name, slots):
        return
    world, said = registry.world, []
    for source in dict.fromkeys((registry.genesis.keeper, *world.known())):
        if source == world.me:
            continue
        try:
            for shown in await _fetch(registry, source, name):
                await registry.register(shown)
        except (PeerFault, Unavailable) as fault:
            said.append(f"{source.hex()[:16]}: {fault}"[:200])
            continue
        if _has(registry, name, slots):
            return
    raise PeerFault(
        what=f"Terms of vault {name.hex()[:16]}", expected=f"some with {slots} slots, shown by the keeper or a peer",
        came="; ".join(said) or "none",
    )  # fmt: skip


def _has(registry: Registry, name: bytes, slots: int) -> bool:
    known = registry.loans.get(name)
    return known is not None and known.slots >= slots


async def _fetch(registry: Registry, source: bytes, name: bytes) -> tuple[Agreed, ...]:
    """All Terms that a peer holds of a loan, of which the first names it."""
    raw, world = b"", registry.world
    while True:
        asked = write(LoanAsked(vault=name, first=len(raw)))
        answer = await world.ask(source, "loan-terms", registry.ledger, asked)
        page = read(Page, answer, most=world.limits.reply_frame_bytes, what="loan-terms")
        raw += page.part
        if not page.part or len(raw) >= page.total:
            break
        if page.total > world.limits.loan_terms_bytes:
            expected = f"at most {world.limits.loan_terms_bytes}"
            raise PeerFault(what="loan-terms", expected=expected, came=str(page.total))
    parts = unbundle(raw)
    if parts:
        try:
            first = decode_terms(parts[0].terms).proposal.proposal_id
        except VaultFault as fault:
            raise theirs(fault) from fault
        if first != name:
            raise PeerFault(what="loan-terms", expected=f"Terms of {name.hex()}", came=first.hex())
    return parts
