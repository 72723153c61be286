"""Loans: what binds a vault to the lending ledger, and its money (SIMULATED) to the vault's coins.

The keeper's counter (`desk`), what it does by itself (`keeping`), who must have signed Terms (`agreed`), the coins that keeper
and attestors watch (`coins`, `registry`), the money (`money`), and the words all of them speak (`words`).
"""
