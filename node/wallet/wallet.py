"""The wallet as its users see it: addresses, coins, reservations, and signed transactions.

Promises: what a method changes is in the next `puts()`; nothing that depends on it may leave the node before that
batch is durable (an address handed out, a coin promised). Does NOT broadcast, and never spends a coin that is
immature, unconfirmed, promised to another purpose or being spent already.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from bitcoin.core import CTransaction, CTxInWitness, CTxWitness
from bitcoin.core.script import CScriptWitness

from native._native import tapscript
from native._native.keys import WalletKeys
from node.faults import LocalFault
from node.wallet.spend import (
    ANCHOR_SCRIPT,
    ANCHOR_VALUE,
    DUST,
    Anchor,
    Payment,
    Unsigned,
    bump,
    choose,
    pay,
    transaction_weight,
    vsize,
)
from node.wallet.state import CHANGE, RECEIVE, Balance, Branch, Outpoint, State, WalletCoin, parse

GAP: Final = 20
"""Unused scripts watched ahead of the last one used, on either branch (BIP44)."""
COLUMN: Final = "wallet"
NO_CODESEP: Final = 0xFFFFFFFF


class Wallet:
    """One seed's coins. `keep`: blocks for which a spent coin is remembered (the reorg bound)."""

    def __init__(self, keys: WalletKeys, *, network: str, keep: int) -> None:
        self._keys = keys
        self._network = network
        self._scripts: list[bytes] = []
        self._branches: dict[bytes, Branch] = {}
        self._known = [0, 0]
        self._state = State(ours=self._branches.get, keep=keep)
        self._look_ahead()

    @classmethod
    def load(cls, keys: WalletKeys, *, network: str, keep: int, items: Iterable[tuple[bytes, bytes]]) -> Wallet:
        """Continue from the pairs of the store's column."""
        wallet = cls(keys, network=network, keep=keep)
        wallet._state.restore(items)
        wallet._look_ahead()
        return wallet

    # ---- blocks ----------------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        """The last block taken, -1 before the first."""
        return self._state.height

    def connect(self, height: int, raws: Sequence[bytes]) -> None:
        """The next block; `raws` hold at least its transactions that pay a script or spend an outpoint of ours."""
        while True:
            before = list(self._state.next)
            self._state.connect(height, raws)
            self._look_ahead()
            if self._state.next == before or not self._more(raws):
                return
            self._state.disconnect(height)  # the block used scripts beyond the gap that was watched: read it again

    def _more(self, raws: Sequence[bytes]) -> bool:
        coins = self._state.coins
        for raw in raws:
            tx = parse(raw)
            txid = bytes(tx.GetTxid())
            for vout, out in enumerate(tx.vout):
                if bytes(out.scriptPubKey) in self._branches and (txid, vout) not in coins:
                    return True
        return False

    def disconnect(self, height: int) -> None:
        """The last block left the chain."""
        self._state.disconnect(height)

    def wait_for(self, raw: bytes) -> None:
        """Our own transaction was sent, or a stranger's was seen in the mempool: it waits for a block."""
        self._state.wait_for(raw)
        self._look_ahead()

    def waiting(self) -> list[bytes]:
        """Our transactions that were sent and no block has yet, oldest first."""
        return list(self._state.waiting.values())

    def give_up(self, txid: bytes) -> None:
        """A waiting transaction will not be mined; its coins are free again (their reservations stay).

        One whose input a block gave to another, or that has waited 144 blocks, is given up without being told.
        """
        self._state.forget_waiting(txid)

    def puts(self) -> list[tuple[str, bytes, bytes | None]]:
        """What changed since the last call: (column, key, value or None), for one batch."""
        changes, self._state.changes = self._state.changes, {}
        return [(COLUMN, key, value) for key, value in changes.items()]

    # ---- what to watch ---------------------------------------------------------------------------------------

    def scripts(self) -> list[bytes]:
        """Every script of ours up to the gap."""
        return self._scripts

    def outpoints(self) -> list[Outpoint]:
        """Every unspent coin, and what waiting transactions spend: a stranger may spend an anchor first."""
        unspent = {coin.outpoint for coin in self._state.coins.values() if coin.spent < 0}
        return sorted(unspent | self._state.being_spent())

    def _look_ahead(self) -> None:
        for change in (RECEIVE, CHANGE):
            for index in range(self._known[change], self._state.next[change] + GAP):
                script = b"\x51\x20" + self._keys.output_key(change, index)
                self._scripts.append(script)
                self._branches[script] = (change, index)
            self._known[change] = max(self._known[change], self._state.next[change] + GAP)

    # ---- addresses and coins ---------------------------------------------------------------------------------

    def new_script(self) -> bytes:
        """A fresh receiving script, never handed out before."""
        return self._fresh(RECEIVE)

    def new_change(self) -> bytes:
        """A fresh change script."""
        return self._fresh(CHANGE)

    def new_address(self) -> str:
        """A fresh receiving address."""
        return self.address(self.new_script())

    def address(self, script: bytes) -> str:
        """The address of a script on this network."""
        return tapscript.address(script, self._network)

    def descriptor(self) -> str:
        """The public descriptor: another wallet sees the same coins with it."""
        return self._keys.descriptor()

    def _fresh(self, change: int) -> bytes:
        index = self._state.next[change]
        script = b"\x51\x20" + self._keys.output_key(change, index)
        self._state.use((change, index))
        self._look_ahead()
        return script

    def balance(self) -> Balance:
        """As of the last block and the waiting transactions."""
        return self._state.balance()

    def coins(self) -> list[WalletCoin]:
        """Every unspent confirmed coin, oldest first."""
        unspent = (coin for coin in self._state.coins.values() if coin.spent < 0)
        return sorted(unspent, key=lambda c: (c.height, c.outpoint))

    def reserved(self, purpose: str) -> list[WalletCoin]:
        """The coins promised to a purpose and not spent by a block, oldest first."""
        return [coin for coin in self.coins() if self._state.held.get(coin.outpoint) == purpose]

    def purposes(self) -> dict[str, int]:
        """Sats promised to each purpose."""
        found: dict[str, int] = {}
        for coin in self.coins():
            if (purpose := self._state.held.get(coin.outpoint)) is not None:
                found[purpose] = found.get(purpose, 0) + coin.value
        return found

    def free(self) -> list[WalletCoin]:
        """Coins that a new purpose can have: confirmed, mature, not promised, not being spent."""
        leaving = self._state.being_spent()
        return [
            coin
            for coin in self.coins()
            if coin.outpoint not in self._state.held and coin.outpoint not in leaving and self._state.is_mature(coin)
        ]

    # ---- reservations ----------------------------------------------------------------------------------------

    def reserve(self, amount: int, rate: int, purpose: str) -> list[WalletCoin]:
        """Promise coins worth `amount` after the cost of spending them at `rate`; the same ones when asked again.

        A purpose that holds too little gets more on top. Durable with the next `puts`.

        Raises:
            NotEnough: says how much is missing; nothing is promised then.
        """
        if amount <= 0 or rate < 1 or not purpose:
            raise LocalFault(
                what="a reservation",
                expected="an amount above 0, a rate of 1 sat/vB or more and a purpose",
                came=f"{amount} sats at {rate} sat/vB for {purpose!r}",
            )
        held = self.reserved(purpose)
        cost = rate * vsize(transaction_weight(1, 0, []) - transaction_weight(0, 0, []))
        short = amount - sum(coin.value - cost for coin in held)
        if short > 0:
            held += choose(self.free(), short, rate)
            self._state.hold(held, purpose)
        return held

    def hold(self, coins: Iterable[WalletCoin], purpose: str) -> None:
        """Promise exactly these coins; LocalFault when one is not free."""
        coins = list(coins)
        free = {coin.outpoint for coin in self.free()} | {coin.outpoint for coin in self.reserved(purpose)}
        for coin in coins:
            if coin.outpoint not in free:
                raise LocalFault(
                    what=f"the coin {coin.txid[::-1].hex()}:{coin.vout}",
                    expected="a free coin of this wallet",
                    came="spent, immature, or promised to another purpose",
                )
        self._state.hold(coins, purpose)

    def release(self, purpose: str, *, keep: Container[Outpoint] = ()) -> None:
        """End a purpose: its coins are free, but for those to `keep`."""
        for outpoint in [o for o in self.promised(purpose) if o not in keep]:
            self._state.release_coin(outpoint)

    def promised(self, purpose: str) -> list[Outpoint]:
        """What is promised to a purpose, spent or not: until it is released, or no reorg can bring the coin back."""
        return [outpoint for outpoint, held in self._state.held.items() if held == purpose]

    # ---- transactions ----------------------------------------------------------------------------------------

    def fund(self, outputs: Sequence[Payment], purpose: str, rate: int) -> Unsigned:
        """An unsigned version 3 transaction with these outputs, a P2A anchor of 240 sats after them, and change.

        Its coins are promised to `purpose`; asked again for the same purpose it spends the same coins, so that two of
        them can never both be mined.

        Raises:
            NotEnough: says how much is missing.
            LocalFault: an output is dust, or the transaction too large.
        """
        shape = [*outputs, Payment(value=ANCHOR_VALUE, script=ANCHOR_SCRIPT), Payment(value=0, script=bytes(34))]
        fixed = rate * vsize(transaction_weight(0, 0, shape) + 3 * 4)  # 3: a longer count of inputs
        coins = self.reserve(sum(o.value for o in outputs) + ANCHOR_VALUE + fixed + DUST, rate, purpose)
        unsigned = pay(outputs, coins, self._peek_change(), rate)
        if unsigned.change is not None:
            self.new_change()
        return unsigned

    def _peek_change(self) -> bytes:
        return b"\x51\x20" + self._keys.output_key(CHANGE, self._state.next[CHANGE])

    def sign(self, raw: bytes, coins: Sequence[WalletCoin], others: Sequence[tuple[Outpoint, Payment]] = ()) -> bytes:
        """Sign every input that spends one of `coins`; `others` are the outputs that the remaining inputs spend.

        Raises:
            LocalFault: an input spends neither.
        """
        tx = parse(raw)
        spent: dict[Outpoint, tuple[int, bytes]] = {c.outpoint: (c.value, c.script) for c in coins}
        spent |= {outpoint: (payment.value, payment.script) for outpoint, payment in others}
        mine = {coin.outpoint: coin for coin in coins}
        inputs = [(bytes(i.prevout.hash), i.prevout.n) for i in tx.vin]
        for txid, vout in inputs:
            if (txid, vout) not in spent:
                raise LocalFault(
                    what="a transaction to sign",
                    expected="inputs that are coins of the wallet or named",
                    came=f"{txid[::-1].hex()}:{vout}",
                )
        prevouts = [spent[outpoint] for outpoint in inputs]
        stacks = []
        for place, outpoint in enumerate(inputs):
            coin = mine.get(outpoint)
            if coin is None:
                stacks.append(CTxInWitness(CScriptWitness([])))
                continue
            sighash = tapscript.sighashes(raw, prevouts, place, None, [NO_CODESEP])[0]
            stacks.append(CTxInWitness(CScriptWitness([self._keys.sign(coin.change, coin.index, sighash)])))
        signed = CTransaction(tx.vin, tx.vout, tx.nLockTime, tx.nVersion, CTxWitness(stacks))
        return bytes(signed.serialize())

    def sign_sighash(self, output_key: bytes, sighash: bytes) -> bytes:
        """A BIP340 signature under the output key of one of our scripts, for a transaction built elsewhere.

        Raises:
            LocalFault: the key is not ours.
        """
        branch = self._branches.get(b"\x51\x20" + output_key)
        if branch is None:
            raise LocalFault(what="a key to sign with", expected="an output key of this wallet", came=output_key.hex())
        return self._keys.sign(*branch, sighash)

    def child(
        self, parent: bytes, anchor_vout: int, *, parent_fee: int, rate: int, coins: Sequence[WalletCoin]
    ) -> bytes:
        """The signed child that spends the parent's anchor and makes both pay `rate`, at most 1,000 vB.

        Asked again for the same parent it pays more than the last child, so that it replaces it.

        Args:
            parent: the signed parent.
            anchor_vout: its pay-to-anchor output.
            parent_fee: what it pays by itself.
            rate: sat/vB for the package.
            coins: confirmed coins that may pay: those promised to this purpose, or `free()`; those of the waiting
                child that it replaces are added. Tell the wallet with `wait_for` that the child was sent, or another
                child may choose the same coin.

        Raises:
            NotEnough: they do not suffice; says how much is missing.
            LocalFault: the output is not an anchor.
        """
        tx = parse(parent)
        txid = bytes(tx.GetTxid())
        if not 0 <= anchor_vout < len(tx.vout) or bytes(tx.vout[anchor_vout].scriptPubKey) != ANCHOR_SCRIPT:
            raise LocalFault(
                what=f"output {anchor_vout} of {txid[::-1].hex()}", expected="a pay-to-anchor output", came="another"
            )
        value = tx.vout[anchor_vout].nValue
        usable = {c.outpoint: c for c in (*coins, *self._coins_of_child((txid, anchor_vout)))}
        order = sorted(usable.values(), key=lambda c: (-c.value, c.outpoint))
        unsigned = bump(
            Anchor(txid=txid, vout=anchor_vout, value=value),
            order,
            self._peek_change(),
            rate=rate,
            parent_vsize=vsize(tapscript.weight(parent)),
            parent_fee=parent_fee,
            last_fee=self._state.children.get(txid, 0),
        )
        anchor: tuple[Outpoint, Payment] = ((txid, anchor_vout), Payment(value=value, script=ANCHOR_SCRIPT))
        signed = self.sign(unsigned.raw, unsigned.coins, [anchor])
        self._state.note_child(txid, unsigned.fee)
        return signed

    def _coins_of_child(self, anchor: Outpoint) -> list[WalletCoin]:
        for raw in self._state.waiting.values():
            spends = [(bytes(i.prevout.hash), i.prevout.n) for i in parse(raw).vin]
            if anchor in spends:
                coins = (self._state.coins.get(outpoint) for outpoint in spends)
                return [coin for coin in coins if coin is not None and coin.spent < 0]
        return []
