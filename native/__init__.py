"""Rust behind one binding crate: bytes, points, gates."""
