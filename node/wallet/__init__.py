"""The built-in wallet: BIP86 coins of one seed, which pay for deposits, bonds, stakes and the children that raise fees.

Promises: a coin is promised to one purpose at a time; what is promised, handed out or spent survives a crash together
with the block that caused it (`puts` goes into the caller's batch); every transaction pays exactly what it says. Does
NOT know vaults, the chain server or the disk, and holds no secret: `WalletKeys` signs.
"""

from __future__ import annotations

from node.wallet.spend import Anchor, NotEnough, Payment, Unsigned
from node.wallet.state import Balance, WalletCoin
from node.wallet.wallet import GAP, Wallet

__all__ = ["GAP", "Anchor", "Balance", "NotEnough", "Payment", "Unsigned", "Wallet", "WalletCoin"]
