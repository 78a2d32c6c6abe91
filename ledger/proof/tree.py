"""The Merkle tree of RFC 6962: leaves, nodes, roots, inclusion and consistency proofs (R59).

Invariant: every hash begins with a byte that says whether it is of a leaf or of a node, so one can
never be taken for the other. Proofs list hashes from the leaf towards the root.
This module must not know where nodes are kept: it is handed a function that fetches one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    # (level, index) -> hash of the complete subtree over leaves [index << level, ...)
    Fetch = Callable[[int, int], bytes]

LEAF = b"\x00"
NODE = b"\x01"
HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """Hash one entry of the log."""
    return sha256(LEAF + body).digest()


def leaf_hashes(bodies: Iterable[bytes]) -> list[bytes]:
    """Hash many entries in one go."""
    hashed = sha256
    return [hashed(b"\x00" + body).digest() for body in bodies]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbouring subtrees into one."""
    return sha256(NODE + left + right).digest()


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """Hash neighbours in pairs; a last one without a neighbour has no parent yet."""
    hashed = sha256
    return [
        hashed(b"\x01" + left + right).digest()
        for left, right in zip(hashes[::2], hashes[1::2], strict=False)
    ]


def grow(size: int, leaves: Sequence[bytes], fetch: Fetch) -> list[tuple[int, Sequence[bytes]]]:
    """Return what appending leaves to a tree of ``size`` adds: per level, (first index, hashes)."""
    added: list[tuple[int, Sequence[bytes]]] = []
    first, fresh = size, leaves
    while fresh:
        added.append((first, fresh))
        if first & 1:  # the left half of the first pair was there before
            fresh = [fetch(len(added) - 1, first - 1), *fresh]
        fresh = parents(fresh)
        first >>= 1
    return added


def split(size: int) -> int:
    """Return the largest power of two below a size: the leaves of the left subtree."""
    return 1 << (size - 1).bit_length() - 1


def range_hash(fetch: Fetch, start: int, end: int) -> bytes:
    """Hash the subtree over leaves [start, end) from complete subtrees that are kept."""
    size = end - start
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return fetch(level, start >> level)
    middle = start + split(size)
    return node_hash(range_hash(fetch, start, middle), range_hash(fetch, middle, end))


def root(fetch: Fetch, size: int) -> bytes:
    """Return the root of the tree's first ``size`` leaves."""
    return range_hash(fetch, 0, size)


def inclusion_proof(fetch: Fetch, index: int, size: int) -> list[bytes]:
    """Prove that leaf ``index`` is in the tree of ``size`` (RFC 6962, 2.1.1)."""
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [range_hash(fetch, *bounds) for bounds in reversed(ranges)]


def consistency_proof(fetch: Fetch, old: int, size: int) -> list[bytes]:
    """Prove that the tree of ``old`` leaves is the beginning of that of ``size`` (2.1.2)."""
    if old in (0, size):
        return []
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else it is the old root itself, which the verifier has
        ranges.append((start, end))
    return [range_hash(fetch, *bounds) for bounds in reversed(ranges)]


def verify_inclusion(
    leaf: bytes, index: int, *, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Check an inclusion proof (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(
    old: int, size: int, *, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Check a consistency proof (RFC 9162, 2.1.4.2); an empty old tree proves nothing."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    if not _hashes(old_root, root, *proof):
        return False
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    return _climb(path, node, last) == (old_root, root)


def _climb(path: Sequence[bytes], node: int, last: int) -> tuple[bytes, bytes] | None:
    """Compute the roots of the older and the newer tree together; None if the path is too short."""
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return None if last else (first, second)


def _hashes(*given: bytes) -> bool:
    return all(len(hash_) == HASH_BYTES for hash_ in given)
