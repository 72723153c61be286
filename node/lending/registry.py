"""The vaults of one lending ledger, by their Terms: which coins stand behind a position, and which slot is which coin.

Promises: Terms are taken only when borrower and lender have signed them, they are those of a loan of this ledger under its own
rules (or of a top-up of one that is registered), and their deposit is real; what is registered is watched from then on, and the
blocks before were looked through, in one turn of the loop: no spend falls between. Keeper and attestors have one each, and it
never believes the other's. Does NOT know money or events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.world import World
from node.lending import agreed
from node.lending.agreed import OTHER
from node.lending.coins import Coin, Deposit, Outpoint, Spend, Spends, coin, deposit_of, prefund_height, vault_height
from node.lending.spends import search
from node.lending.words import Agreed, read, write
from node.store import Put
from vault.agreement import Loan as LoanTerms
from vault.agreement import Proposal, Terms, encode
from vault.faults import VaultFault
from vault.ledger.genesis import Genesis
from vault.loans import check_linked, check_rules_of
from vault.terms import parse_terms

log = structlog.get_logger("lending")

COLUMN = "ledgers"
TRIES = 50
"""Blocks may keep coming while old ones are looked through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One registered vault, and what its borrower and its lender signed."""

    number: int
    terms: Terms
    deposit: Deposit
    borrower: bytes
    lender: bytes

    @property
    def agreed(self) -> Agreed:
        """As it is stored and shown to others."""
        return Agreed(terms=encode(self.terms), borrower=self.borrower, lender=self.lender)

    @property
    def proposal(self) -> Proposal:
        """Its proposal."""
        return self.terms.proposal

    @property
    def loan(self) -> LoanTerms:
        """What makes it a loan."""
        loan = self.terms.proposal.loan
        assert loan is not None  # noqa: S101 - `Registry` takes no others
        return loan

    def identity(self, party: int) -> bytes:
        """Of a party."""
        return self.proposal.parties[party].identity

    @property
    def identities(self) -> tuple[bytes, ...]:
        """Of all parties."""
        return tuple(party.identity for party in self.proposal.parties)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A position's vaults: the one that opens it, and its top-ups in the order of their slots."""

    opener: Entry
    linked: tuple[Entry, ...] = ()

    @property
    def name(self) -> bytes:
        """What the ledger calls the vault."""
        return self.opener.deposit.name

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All vaults."""
        return (self.opener, *self.linked)

    @property
    def borrower(self) -> bytes:
        """Its identity: the owner of the position."""
        return self.opener.identity(self.opener.proposal.borrower)

    @property
    def lender(self) -> bytes:
        """Its identity."""
        return self.opener.identity(self.opener.proposal.lender)

    @property
    def slots(self) -> int:
        """How many slots all vaults have."""
        return sum(len(each.deposit.slots) for each in self.entries)

    def of(self, slot: int) -> tuple[Entry, int] | None:
        """The vault whose coin a slot of the position is, and its own number of it."""
        for each in self.entries:
            local = each.deposit.local(slot)
            if local is not None:
                return each, local
        return None

    def role(self, identity: bytes) -> str:
        """`borrower`, `lender`, `liquidator` or `challenger` in any of the vaults; empty for a stranger."""
        roles = [party.role for each in self.entries for party in each.proposal.parties if party.identity == identity]
        return roles[0] if roles else ""


@dataclass(slots=True, repr=False)
class Registry:
    """Of one ledger. `loans` by the ledger's name."""

    world: World
    genesis: Genesis
    ledger: bytes
    loans: dict[bytes, Loan] = field(default_factory=dict)
    _number: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def load(cls, world: World, genesis: Genesis) -> Registry:
        """What was registered before; watched from now on. Raises LocalFault for a damaged disk."""
        registry = cls(world=world, genesis=genesis, ledger=genesis.ledger_id)
        for key, raw in world.store.items(COLUMN, registry.ledger + b"T"):
            try:
                held = read(Agreed, raw, most=len(raw), what="stored Terms")
                terms = parse_terms(held.terms)
                entry = _entry(int.from_bytes(key[33:], "big"), terms, deposit_of(terms), held)
            except (VaultFault, PeerFault) as fault:
                raise LocalFault(
                    what="stored Terms of a loan", expected="what this node wrote", came=str(fault)[:200],
                    todo="Restore the last backup.",
                ) from fault  # fmt: skip
            registry._adopt(entry)
            world.spends.watch(entry.deposit.outpoints)
        return registry

    # ---- what is known -------------------------------------------------------------------------------------------
    def find(self, name: bytes) -> Loan:
        """A loan by the ledger's name. Raises PeerFault."""
        found = self.loans.get(name)
        if found is None:
            raise PeerFault(
                what=f"vault {name.hex()[:16]}", expected="one that is registered with this ledger", came="another",
                todo="Its borrower and its lender both register its Terms: `bitvm3 loan show` says whether they have.",
            )  # fmt: skip
        return found

    def spend(self, outpoint: Outpoint) -> Spend | None:
        """What spent a coin, in the blocks seen."""
        return self.world.spends.spend(outpoint)

    def coin(self, loan: Loan, slot: int, at: int) -> Coin:
        """The coin of a slot of the position, by the blocks up to a height. Raises PeerFault for a slot that nobody has."""
        entry, local = self.place(loan, slot)
        return coin(entry.deposit, local, self.spend, at)

    def place(self, loan: Loan, slot: int) -> tuple[Entry, int]:
        """The vault that a slot belongs to, and its own number of it. Raises PeerFault."""
        found = loan.of(slot)
        if found is None:
            raise PeerFault(what="slot", expected=f"one of the {loan.slots} that vaults have", came=str(slot))
        return found

    # ---- registering ---------------------------------------------------------------------------------------------
    async def parsed(self, raw: bytes) -> tuple[Terms, Deposit]:
        """Terms of hostile bytes, of a loan, and its coins. Whether they are for this ledger: `fits`. Raises PeerFault."""
        try:
            terms = await asyncio.to_thread(parse_terms, raw)
            return terms, await asyncio.to_thread(_deposit, terms)
        except VaultFault as fault:
            raise theirs(fault) from fault

    async def register(self, shown: Agreed) -> Entry:
        """Check Terms, look for what their coins did, watch them: durable when it returns. Known ones change nothing.

        Raises:
            PeerFault: they are not Terms of a loan of this ledger, or not signed by its borrower or lender, or have no coins.
            Unavailable: the chain does not answer.
        """
        return await self.adopt(shown, *await self.parsed(shown.terms))

    async def adopt(self, shown: Agreed, terms: Terms, deposit: Deposit) -> Entry:
        """The same for Terms that are `parsed` already."""
        async with self._lock:
            known = self.known(terms)
            if known is not None:
                return known
            replaced = self.fits(terms)
            for side in OTHER:
                agreed.check(self.world.genesis, self.ledger, terms, side, getattr(shown, side))
            entry = _entry(self._number + 1, terms, deposit, shown)
            for _ in range(TRIES):
                height, block = self.world.tip()
                found = await self._search(deposit, height, block)
                if found is None:
                    continue
                self._insist_later(entry, dict(found).get, height)
                if await self._noted(entry, replaced, found, height, block):
                    log.info(
                        "vault registered", ledger=self.ledger.hex()[:16], loan=deposit.name.hex()[:16],
                        vault=terms.vault_id.hex()[:16], slots=len(deposit.slots), first_slot=deposit.first_slot,
                    )  # fmt: skip
                    return entry
        raise Unavailable(what="the chain", expected="a tip that stays while blocks are looked through", came="others")

    def known(self, terms: Terms) -> Entry | None:
        """What is registered of just these Terms."""
        return next((each for each in self._entries() if each.terms == terms), None)

    def _entries(self) -> Iterator[Entry]:
        for loan in self.loans.values():
            yield from loan.entries

    def fits(self, terms: Terms) -> Entry | None:
        """An unfunded top-up that this one replaces, if any. Raises PeerFault when Terms are not for this ledger."""
        proposal, loan = terms.proposal, terms.proposal.loan
        assert loan is not None  # noqa: S101 - `parsed` saw to it
        most = self.world.limits.loans
        for what, expected, came in (
            ("Terms.loan.ledger", self.ledger.hex(), loan.ledger.hex()),
            ("Terms.network", self.world.network, proposal.network),
            ("Terms.genesis", self.world.genesis.hex(), proposal.genesis.hex()),
        ):
            if expected != came:
                raise PeerFault(what=what, expected=expected, came=came)
        if sum(1 for _ in self._entries()) >= most:
            raise PeerFault(what="loans", expected=f"at most {most} registered vaults", came="one more")
        try:
            check_rules_of(proposal, self.genesis.rules)
            if not loan.vault:
                if proposal.proposal_id in self.loans:
                    raise PeerFault(
                        what="Terms", expected="those registered before", came="others of the same proposal"
                    )
                return None
            opener = self.find(loan.vault)
            check_linked(proposal, opener.opener.proposal)
        except VaultFault as fault:
            raise theirs(fault) from fault
        return self._replaced(opener, loan.first_slot)

    def _replaced(self, loan: Loan, first_slot: int) -> Entry | None:
        """The last top-up makes room when it was never funded; else the new one has the next slots."""
        last = loan.linked[-1] if loan.linked else None
        height = self.world.tip()[0]
        replaceable = last is not None and last.deposit.first_slot == first_slot
        if last is not None and replaceable and prefund_height(last.deposit, self.spend, height) is None:
            return last
        if first_slot != loan.slots:
            raise PeerFault(
                what="Terms.loan.first_slot", expected=f"{loan.slots}: the next slot of the position", came=str(first_slot)
            )  # fmt: skip
        return None

    def _insist_later(self, entry: Entry, spends: Spends, height: int) -> None:
        """The position's last record counts from the opener's PreFund: coins of a top-up that begin earlier could end earlier."""
        if not entry.loan.vault:
            return
        first = prefund_height(self.find(entry.loan.vault).opener.deposit, self.spend, height)
        born = vault_height(entry.deposit, spends, height)
        if first is None or (born is not None and born < first):
            came = "none mined" if first is None else f"PreFund in block {first}, Vault of the top-up in {born}"
            raise PeerFault(
                what="top-up", expected="one whose Vault is not mined before the PreFund of the position", came=came,
                todo="Register it when the deposit of the loan is mined." if first is None else "Set up another one.",
            )  # fmt: skip

    async def _search(self, deposit: Deposit, height: int, block: bytes) -> list[tuple[Outpoint, Spend]] | None:
        """What blocks up to the tip hold of these coins; None when the chain is not that of the tip (ask again).

        Raises PeerFault when the deposit's inputs are no coins, and were spent by no block that was looked through.
        """
        chain, found = self.world.chain, list[tuple[Outpoint, Spend]]()
        coins = {point: await chain.utxo(*point) for point in self._firsts(deposit)}
        if any(each is None for each in coins.values()):
            first = max(self.genesis.height, height - self.world.limits.loan_rescan_blocks, 0)
            for at in range(first, height + 1):
                hash_ = await chain.hash_at(at)
                if hash_ is None:
                    return None
                raw = await chain.block(hash_)
                found += await asyncio.to_thread(search, deposit.outpoints, at, raw)
        if await chain.hash_at(height) != block:
            return None
        spent = {point for point, _ in found}
        missing = [point for point in deposit.inputs if coins[point] is None and point not in spent]
        if missing:
            raise PeerFault(
                what="Terms, prefund_inputs",
                expected=f"coins, or spent in the last {self.world.limits.loan_rescan_blocks} blocks",
                came=f"{missing[0][0][::-1].hex()}:{missing[0][1]}, which is neither",
            )
        return found

    def _firsts(self, deposit: Deposit) -> tuple[Outpoint, ...]:
        """Coins from before the vault: while none is spent, nothing has happened."""
        return (*deposit.inputs, *(each.bond for each in deposit.claims))

    async def _noted(
        self, entry: Entry, replaced: Entry | None, found: list[tuple[Outpoint, Spend]], height: int, block: bytes
    ) -> bool:
        """Write it all in a turn of the loop in which the tip is still the one that was looked up to."""

        def make() -> list[Put] | None:
            if self.world.tip() != (height, block):
                return None
            self._adopt(entry)
            self.world.spends.watch(entry.deposit.outpoints)
            puts = [*self.world.spends.add(found), (COLUMN, self._key(entry.number), write(entry.agreed))]
            if replaced is not None:
                puts.append((COLUMN, self._key(replaced.number), None))
            return puts

        return await self.world.turn(make)

    def _key(self, number: int) -> bytes:
        return self.ledger + b"T" + number.to_bytes(8, "big")

    def _adopt(self, entry: Entry) -> None:
        """Also in the order of numbers from the disk: an opener comes before its top-ups."""
        self._number = max(self._number, entry.number)
        name, loan = entry.deposit.name, entry.loan
        if not loan.vault:
            self.loans[name] = Loan(opener=entry)
            return
        known = self.loans[name]
        others = [each for each in known.linked if each.deposit.first_slot != entry.deposit.first_slot]
        linked = sorted((*others, entry), key=lambda each: each.deposit.first_slot)
        self.loans[name] = Loan(opener=known.opener, linked=tuple(linked))


def _deposit(terms: Terms) -> Deposit:
    if terms.proposal.loan is None:
        raise PeerFault(what="Terms.loan", expected="those of a loan", came="a plain vault")
    return deposit_of(terms)


def _entry(number: int, terms: Terms, deposit: Deposit, shown: Agreed) -> Entry:
    return Entry(number=number, terms=terms, deposit=deposit, borrower=shown.borrower, lender=shown.lender)


def theirs(fault: VaultFault) -> PeerFault:
    """Whoever shows such Terms is at fault."""
    return PeerFault(what=f"Terms, {fault.field}", expected=fault.expected, came=fault.got[:200])


def funded(registry: Registry, entry: Entry, at: int) -> int | None:
    """Height of a vault's Vault when it is buried as its Terms ask, by the blocks up to a height."""
    height = vault_height(entry.deposit, registry.spend, at)
    return height if height is not None and at - height + 1 >= entry.deposit.depth else None
