"""The lending ledger: rules, events, state, commitments, checkpoints; pure. docs/ledger.md is its specification.

Read `events` (what can happen), then `state` (`apply`, the only way a ledger changes), then `follow`.
"""
