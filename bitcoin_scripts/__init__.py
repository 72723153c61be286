"""Taproot outputs, leaves, transactions without witnesses; pure."""
