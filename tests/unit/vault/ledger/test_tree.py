"""The tree: roots as the model's, paths that lead there, and trees that never change."""

import random

from tests.models import ledger as model
from vault.ledger.tree import EMPTY_LEAF, LEAVES, LEVELS, Tree, root_of


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def some_leaves(count: int) -> dict[int, int]:
    picked = random.Random(7)
    near = [0, 1, 4, LEAVES - 1]
    return {leaf: picked.randrange(1, 2**250) for leaf in near + [picked.randrange(LEAVES) for _ in range(count)]}


def grown(leaves: dict[int, int]) -> Tree[int]:
    tree: Tree[int] = Tree()
    for leaf, number in leaves.items():
        tree = tree.put(leaf, digest(number), number)
    return tree


def test_the_root_is_the_models():
    leaves = some_leaves(5)
    assert int.from_bytes(grown(leaves).digest, "big") == model.tree_root(leaves)
    assert int.from_bytes(Tree().digest, "big") == model.tree_root({})


def test_the_order_of_puts_does_not_matter():
    leaves = some_leaves(20)
    assert grown(leaves).digest == grown(dict(reversed(leaves.items()))).digest


def test_every_path_leads_to_the_root():
    leaves = some_leaves(20)
    tree = grown(leaves)
    for leaf, number in leaves.items():
        path = tree.path(leaf)
        assert len(path) == LEVELS
        assert root_of(leaf, digest(number), path) == tree.digest
        assert root_of(leaf, digest(number + 1), path) != tree.digest
        assert root_of(leaf ^ 1, digest(number), path) != tree.digest


def test_an_empty_leaf_has_a_path_too():
    tree = grown(some_leaves(20))
    assert (tree.find(2), tree.leaf(2)) == (None, EMPTY_LEAF)
    assert root_of(2, EMPTY_LEAF, tree.path(2)) == tree.digest
    assert root_of(2, digest(5), tree.path(2)) == tree.put(2, digest(5), 5).digest


def test_a_put_leaves_the_old_tree_alone():
    old = grown(some_leaves(5))
    before = (old.digest, list(old))
    new = old.put(77, digest(9), 9)
    assert (old.digest, list(old)) == before
    assert new.find(77) == 9
    assert new.put(77, digest(10), 10).find(77) == 10


def test_values_come_in_the_order_that_the_leaves_fix():
    leaves = some_leaves(20)
    assert list(grown(leaves)) == list(grown(dict(reversed(leaves.items()))))
    assert sorted(grown(leaves)) == sorted(leaves.values())
