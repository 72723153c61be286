"""Groth16: verifying keys, proofs, public inputs and their formats; pure.

Promises that what was parsed was checked whole (see `snark.groth16`). Does NOT know vaults, files or clocks.
"""
