"""A persistent sparse Merkle tree: 14 levels of four children, a value and its digest at each leaf.

Promises that a tree never changes: `put` returns another that shares all it can (14 hashes). Poseidon of four children
is an inner node, an empty leaf is 0. Does not know what it keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from native._native.statements import poseidon

LEVELS = 14
ARITY = 4
LEAVES = 1 << 2 * LEVELS
EMPTY_LEAF = bytes(32)

T = TypeVar("T")
Siblings = tuple[bytes, bytes, bytes]
Path = tuple[Siblings, ...]  # from the leaves up; each level's siblings in the order of their digit


@dataclass(frozen=True, slots=True)
class _Leaf(Generic[T]):
    digest: bytes
    value: T


@dataclass(frozen=True, slots=True)
class _Branch(Generic[T]):
    digest: bytes
    children: tuple[_Branch[T] | _Leaf[T] | None, ...]


@cache
def _empty(level: int) -> bytes:
    """The digest of an empty subtree of `level` levels."""
    return EMPTY_LEAF if level == 0 else poseidon([_empty(level - 1)] * ARITY)


def _digit(leaf: int, level: int) -> int:
    return leaf >> 2 * level & 3


@dataclass(frozen=True, slots=True)
class Tree(Generic[T]):
    """`Tree()` is empty; leaf numbers are below 4^14."""

    top: _Branch[T] | None = None

    @property
    def digest(self) -> bytes:
        """The root, 32 bytes."""
        return _empty(LEVELS) if self.top is None else self.top.digest

    def find(self, leaf: int) -> T | None:
        """The value at a leaf."""
        node: _Branch[T] | _Leaf[T] | None = self.top
        for level in reversed(range(LEVELS)):
            if not isinstance(node, _Branch):
                return None
            node = node.children[_digit(leaf, level)]
        return node.value if isinstance(node, _Leaf) else None

    def leaf(self, leaf: int) -> bytes:
        """The digest at a leaf, 0 when it is empty."""
        node: _Branch[T] | _Leaf[T] | None = self.top
        for level in reversed(range(LEVELS)):
            if not isinstance(node, _Branch):
                return EMPTY_LEAF
            node = node.children[_digit(leaf, level)]
        return EMPTY_LEAF if node is None else node.digest

    def path(self, leaf: int) -> Path:
        """The siblings on the way from a leaf, empty or not, to the root."""
        found: list[Siblings] = []
        node: _Branch[T] | _Leaf[T] | None = self.top
        for level in reversed(range(LEVELS)):
            children = node.children if isinstance(node, _Branch) else (None,) * ARITY
            digests = [_empty(level) if child is None else child.digest for child in children]
            own = _digit(leaf, level)
            first, second, third = digests[:own] + digests[own + 1 :]
            found.append((first, second, third))
            node = children[own]
        return tuple(reversed(found))

    def put(self, leaf: int, digest: bytes, value: T) -> Tree[T]:
        """A tree with this value at a leaf."""
        return Tree(_put(self.top, LEVELS, leaf, _Leaf(digest, value)))

    def __iter__(self) -> Iterator[T]:
        """Values; the order is fixed by the leaf numbers."""
        waiting: list[_Branch[T] | _Leaf[T] | None] = [self.top]
        while waiting:
            match waiting.pop():
                case _Branch(children=children):
                    waiting.extend(reversed(children))
                case _Leaf(value=value):
                    yield value
                case None:
                    pass


def _put(node: _Branch[T] | _Leaf[T] | None, levels: int, leaf: int, new: _Leaf[T]) -> _Branch[T]:
    children: list[_Branch[T] | _Leaf[T] | None] = [None] * ARITY
    if isinstance(node, _Branch):
        children = list(node.children)
    own = _digit(leaf, levels - 1)
    children[own] = new if levels == 1 else _put(children[own], levels - 1, leaf, new)
    digests = [_empty(levels - 1) if child is None else child.digest for child in children]
    return _Branch(poseidon(digests), tuple(children))


def root_of(leaf: int, digest: bytes, path: Path) -> bytes:
    """Where a path leads."""
    for level, siblings in enumerate(path):
        own = _digit(leaf, level)
        digest = poseidon([*siblings[:own], digest, *siblings[own:]])
    return digest
