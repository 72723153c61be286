"""Peers: acknowledged request/response streams between nodes, and the signed envelope they carry.

Promises: the daemon sees one asyncio class (`peers.Peers`) and one message format (`envelope`). Does NOT know what a
message means, nor which vault a peer belongs to. The transport is libp2p (ed25519, TCP, noise, yamux; nothing else is
offered), which runs on trio in a thread of its own (`island`).
"""
