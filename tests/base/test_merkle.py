"""The Merkle tree of logs, against the definitions and against another implementation. (RFC 9162 2.1)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from base import merkle

Tree = dict[tuple[int, int], bytes]


def grown(count: int) -> tuple[Tree, list[bytes]]:
    """Make a tree of so many entries; give its nodes and the root at each size."""
    tree: Tree = {}
    roots = [merkle.root(0, lambda *at: tree[at])]
    for size in range(count):
        leaf = merkle.leaf_hash(b"entry %d" % size)
        for level, place, hash in merkle.appended(size, leaf, lambda *at: tree[at]):
            tree[level, place] = hash
        roots.append(merkle.root(size + 1, lambda *at: tree[at]))
    return tree, roots


TREE, ROOTS = grown(70)


def node(level: int, place: int) -> bytes:
    return TREE[level, place]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert ROOTS[0].hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_another_implementation_finds_the_same_roots_and_paths() -> None:
    judge = InmemoryTree(algorithm="sha256")
    for size, root in enumerate(ROOTS[1:], 1):
        judge.append(b"entry %d" % (size - 1))
        assert judge.get_state() == root
        for index in {0, size // 2, size - 1}:
            path = [merkle.leaf_hash(b"entry %d" % index), *merkle.inclusion(index, size, node)]
            assert [step.hex() for step in path] == judge.prove_inclusion(index + 1, size).serialize()["path"]


def test_peaks_alone_give_the_same_tree() -> None:
    peaks = merkle.Peaks()
    for size in range(70):
        assert peaks.root() == ROOTS[size]
        for level, place, hash in peaks.append(merkle.leaf_hash(b"entry %d" % size)):
            assert node(level, place) == hash


@given(st.integers(1, 70), st.data())
def test_a_proof_of_inclusion_proves_its_leaf_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(index, size, node)
    leaf = merkle.leaf_hash(b"entry %d" % index)
    assert merkle.includes(leaf, index, size, proof, ROOTS[size])
    assert not merkle.includes(merkle.leaf_hash(b"other"), index, size, proof, ROOTS[size])
    other = data.draw(st.integers(0, size).filter(lambda place: place != index))
    assert not merkle.includes(leaf, other, size, proof, ROOTS[size])
    assert not merkle.includes(leaf, index, size, [*proof, leaf], ROOTS[size])


@given(st.integers(1, 70), st.data())
def test_a_proof_of_consistency_proves_its_two_heads_and_no_others(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = merkle.consistency(old, new, node)
    assert merkle.consistent(old, new, ROOTS[old], ROOTS[new], proof)
    assert not merkle.consistent(old, new, ROOTS[old - 1], ROOTS[new], proof)
    assert not merkle.consistent(old, new, ROOTS[old], ROOTS[new - 1], proof)
    assert not merkle.consistent(old, new, ROOTS[old], ROOTS[new], [*proof, ROOTS[1]])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_proves_no_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="leaf of the tree"):
        merkle.inclusion(index, size, node)
    assert not merkle.includes(b"", index, size, [], ROOTS[0])


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5)])
def test_proves_nothing_about_trees_that_do_not_follow(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="older size"):
        merkle.consistency(old, new, node)
    assert not merkle.consistent(old, new, ROOTS[old], ROOTS[new], [])
