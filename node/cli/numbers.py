"""Amounts as people type them: whole numbers in plain digits. `250.00`, `1_000` and `1e3` are refused, never read otherwise.

Promises that dollars with a point are not taken for cents. Does NOT know how much is allowed.
"""

from __future__ import annotations

import typer

__all__ = ["cents", "sats"]


def cents(text: str) -> int:
    """Cents, 1 or more. Raises typer.BadParameter."""
    return _whole(text, least=1, todo="cents in plain digits: 25000 is 250 dollars")


def sats(text: str) -> int:
    """Satoshis, 0 or more. Raises typer.BadParameter."""
    return _whole(text, least=0, todo="satoshis in plain digits: 1000000 is 0.01 BTC")


def _whole(text: str, *, least: int, todo: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) < least:
        raise typer.BadParameter(f"expected {todo}; came {text[:40]!r}")
    return int(text)
