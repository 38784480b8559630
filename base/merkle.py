"""A Merkle tree over a log that only grows: roots, proofs of inclusion and of consistency. (RFC 9162, 2.1)

The tree is kept as the hashes of its complete subtrees, addressed by level and index: `Nodes(level, index)` gives the
hash over the leaves from index·2^level up to (index+1)·2^level. Everything needs O(log n) of them.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

Nodes = Callable[[int, int], bytes]
EMPTY = sha256(b"").digest()
"""The root of a tree without leaves. (2.1.1)"""


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry of the log. (2.1.1)"""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees. (2.1.1)"""
    return sha256(b"\x01" + left + right).digest()


def appended(size: int, leaf: bytes, nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """Give the complete subtrees that a leaf at the end of a tree of this size makes: level, index, hash."""
    level, index = 0, size
    yield level, index, leaf
    while index % 2:
        leaf = node_hash(nodes(level, index - 1), leaf)
        level, index = level + 1, index // 2
        yield level, index, leaf


class Peaks:
    """A tree of which only the largest complete subtrees are kept: enough to go on and to know the root."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf at the end; give the complete subtrees it makes: level, index, hash."""
        made, place = [(0, self.size, leaf)], self.size
        while place % 2:
            leaf = node_hash(self._peaks.pop(), leaf)
            place //= 2
            made.append((len(made), place, leaf))
        self._peaks.append(leaf)
        self.size += 1
        return made

    def root(self) -> bytes:
        """Give the hash of the whole tree. (2.1.1)"""
        if not self._peaks:
            return EMPTY
        *others, hash = self._peaks
        for peak in reversed(others):
            hash = node_hash(peak, hash)
        return hash


def root(size: int, nodes: Nodes) -> bytes:
    """Give the hash of the whole tree. (2.1.1)"""
    return _hash(0, size, nodes) if size else EMPTY


def inclusion(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Prove that a leaf is in a tree of this size. (2.1.3.1)"""
    if not 0 <= index < size:
        raise ValueError("A proof of inclusion needs a leaf of the tree.")
    return list(_path(index, 0, size, nodes))


def consistency(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Prove that a tree of the new size begins with all leaves of the old one. (2.1.4.1)"""
    if not 0 < old <= new:
        raise ValueError("A proof of consistency needs an older size from 1 to the newer one.")
    return list(_subproof(old, 0, new, nodes, whole=True)) if old < new else []


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], head: bytes) -> bool:
    """Say whether a proof shows the leaf in the tree with this root. (2.1.3.2)"""
    if not 0 <= index < size:
        return False
    place, last, seen = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            seen = node_hash(step, seen)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            seen = node_hash(seen, step)
        place, last = place >> 1, last >> 1
    return last == 0 and seen == head


def consistent(old: int, new: int, old_head: bytes, new_head: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that the newer tree begins with the older one. (2.1.4.2)"""
    if old == new:
        return not proof and old_head == new_head
    if not 0 < old < new or not proof:
        return False
    steps = list(proof) if old & (old - 1) else [old_head, *proof]
    place, last = old - 1, new - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, step)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_head and second == new_head


def _hash(start: int, end: int, nodes: Nodes) -> bytes:
    level = (end - start).bit_length() - 1
    if end - start == 1 << level:
        return nodes(level, start >> level)
    middle = start + _left(end - start)
    return node_hash(_hash(start, middle, nodes), _hash(middle, end, nodes))


def _path(index: int, start: int, end: int, nodes: Nodes) -> Iterator[bytes]:
    if end - start == 1:
        return
    middle = start + _left(end - start)
    if index < middle:
        yield from _path(index, start, middle, nodes)
        yield _hash(middle, end, nodes)
    else:
        yield from _path(index, middle, end, nodes)
        yield _hash(start, middle, nodes)


def _subproof(old: int, start: int, end: int, nodes: Nodes, *, whole: bool) -> Iterator[bytes]:
    """Give SUBPROOF(m, D_n, b); `old` counts leaves from the start of the tree."""
    if old == end:
        if not whole:
            yield _hash(start, end, nodes)
        return
    middle = start + _left(end - start)
    if old <= middle:
        yield from _subproof(old, start, middle, nodes, whole=whole)
        yield _hash(middle, end, nodes)
    else:
        yield from _subproof(old, middle, end, nodes, whole=False)
        yield _hash(start, middle, nodes)


def _left(count: int) -> int:
    """Give the largest power of two below a count of two or more."""
    return 1 << (count - 1).bit_length() - 1
