"""Groth16: statements, proofs, keys; pure (later)."""
