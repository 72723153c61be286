"""The curve in affine coordinates, slow and short: lifting, tweaks of BIP341, BIP340 verification."""

from __future__ import annotations

from tests.models import affine
from tests.models.bitcoin_tx import tagged, var

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None
Tree = bytes | tuple["Tree", "Tree"]


def add(a: Point, b: Point) -> Point:
    return affine.add(a, b, P)


def mul(k: int, a: Point = G) -> Point:
    result: Point = None
    while k:
        if k & 1:
            result = add(result, a)
        a, k = add(a, a), k >> 1
    return result


def lift(x: bytes) -> Point:
    """The point with even y, or None."""
    value = int.from_bytes(x, "big")
    if value >= P:
        return None
    square = (value**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    return (value, y if y % 2 == 0 else P - y) if y * y % P == square else None


def decompress(point: bytes) -> Point:
    even = lift(point[1:])
    return even if even is None or point[0] == 2 else (even[0], P - even[1])


def compress(point: Point) -> bytes:
    assert point is not None
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    point, nonce = lift(key), lift(signature[:32])
    s = int.from_bytes(signature[32:], "big")
    if point is None or nonce is None or s >= N or len(signature) != 64:
        return False
    e = int.from_bytes(tagged("BIP0340/challenge", signature[:32] + key + message), "big") % N
    return mul(s) == add(nonce, mul(e, point))


# ---- BIP341 ----------------------------------------------------------------------------------------------------------
def halves(leaves: list[bytes]) -> Tree:
    """The tree the product promises: split in halves, the first takes the odd leaf."""
    if len(leaves) == 1:
        return leaves[0]
    middle = -(-len(leaves) // 2)
    return halves(leaves[:middle]), halves(leaves[middle:])


def node_hash(tree: Tree) -> bytes:
    if isinstance(tree, bytes):
        return tagged("TapLeaf", b"\xc0" + var(tree))
    return tagged("TapBranch", b"".join(sorted(node_hash(child) for child in tree)))


def proof(tree: Tree, leaf: bytes) -> bytes | None:
    """The sibling hashes from a leaf up to the root."""
    if isinstance(tree, bytes):
        return b"" if tree == leaf else None
    for child, sibling in (tree, tree[::-1]):
        if (below := proof(child, leaf)) is not None:
            return below + node_hash(sibling)
    return None


def output_key(internal: bytes, root: bytes) -> bytes:
    """Q = P + hash(P || root) * G, compressed with its parity."""
    tweak = int.from_bytes(tagged("TapTweak", internal + root), "big")
    return compress(add(lift(internal), mul(tweak)))


def control_block(internal: bytes, leaves: list[bytes], leaf: bytes) -> bytes:
    tree = halves(leaves)
    path = proof(tree, leaf)
    assert path is not None
    return bytes([0xC0 | (output_key(internal, node_hash(tree))[0] & 1)]) + internal + path
