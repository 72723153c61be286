"""The lending ledgers of a node: keeper, attestor, follower; a node may be several of them in one ledger.

Read `words` (what nodes say to each other), then `follower` (the view everybody has), `keeper`, `attestor`, and `room`, which
opens ledgers and knows which role this node has in each. Does NOT know the rules (vault/ledger), how proofs are made
(node/proving) nor where prices come from (node/prices).
"""
