"""The embedded regtest: Bitcoin Core's consensus engine behind bitcoind's own JSON-RPC calls.

Promises: a block is judged by Bitcoin Core's code (py-bitcoinkernel) and by nothing else; a block that was
answered for is on disk and survives kill -9; the mempool refuses what a default bitcoind refuses, with the same
reason; the calls of the table in `calls` answer as bitcoind answers. One process at a time owns a folder.

Does NOT know: vaults, wallets, peers, any network but regtest. It has no P2P port: several daemons share one
sandbox through its RPC port. The layers, lowest first: `transaction` and `blocklog` (bytes), `kernel` (the
engine), `ledger` (block index and coins), `policy` and `mempool` (what may wait for a block), `miner`, `regtest`
(all of these as one chain), `calls` (the RPC table) and `server` (HTTP).
"""
