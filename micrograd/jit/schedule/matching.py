"""Loops of a statement -> those of a product, which touch the same elements of an array."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.extents import is_number


def matched(
    strides: Sequence[int], domain: Sequence[int], wanted: Sequence[int], counts: Sequence[int]
) -> list[list[tuple[int, int]]] | None:
    """Of each loop of a statement the product's loops that it is, and by how much a step of each
    moves it; None if these are not the same points.

    >>> matched((1,), (12,), (4, 1), (3, 4))
    [[(0, 4), (1, 1)]]
    """
    theirs = sorted(range(len(domain)), key=lambda d: -strides[d])
    ours = sorted(range(len(counts)), key=lambda p: -wanted[p])
    found: list[list[tuple[int, int]]] = [[] for _ in domain]
    for d in theirs:
        left: int = domain[d]
        if is_number(left) and left == 1:
            continue
        if strides[d] <= 0:
            return None
        while ours:
            p = ours[0]
            count = counts[p]
            if wanted[p] <= 0 or wanted[p] % strides[d]:
                return None
            if not is_number(left) or not is_number(count):
                if left != count or wanted[p] != strides[d] or found[d]:
                    return None
                left = 1
            elif left % count or wanted[p] != strides[d] * (left // count):
                return None
            else:
                left //= count
            found[d].append((p, wanted[p] // strides[d]))
            ours.pop(0)
            if left == 1:
                break
        if left != 1:
            return None
    return None if ours else found
