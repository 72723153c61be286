"""Rust behind one binding crate: bytes, points, gates.

Promises that every refusal of the native code is a `NativeError` naming the field, what was expected and what came.
Does NOT know vaults, peers or clocks. The functions live in the submodules of `native._native`; each has a stub.
"""

from native._native import NativeError

__all__ = ["NativeError"]
