"""How far apart iterations of two loops are that touch the same element, and in which order."""

from __future__ import annotations

import numpy as np

from ...ops import Op
from ..ir.program import Access, Loop, statements
from .courses import reorders


def by_diagonals(loop: Loop) -> bool:
    """Whether two loops of one order around points may run by diagonals, `i + j` in that order and
    what lies on one in any.
    """
    (inner,) = loop.body
    assert isinstance(inner, Loop)
    counts = (int(loop.extent), int(inner.extent))
    touched: dict[str, list[tuple[Access, Op | None, bool]]] = {}
    for s in statements([loop]):
        for k, a in enumerate(s.accesses):
            touched.setdefault(a.array, []).append((a, s.accumulate, k == 0))
    for uses in touched.values():
        for k, (a, op, writes) in enumerate(uses):
            for other, op_too, writes_too in uses[: k + 1]:
                commute = writes and writes_too and op is op_too and reorders(op, strict=False)
                if not (writes or writes_too) or commute:
                    continue
                if not _in_order(a, other, counts):
                    return False
    return True


def _in_order(a: Access, b: Access, counts: tuple[int, int]) -> bool:
    """Whether two accesses touch an element in the same order by diagonals as by rows."""
    if a.parts or b.parts or a.strides != b.strides:
        return a.array == b.array and not a.parts and not b.parts and _never_meet(a, b, counts)
    n, m = counts
    row, column = a.strides
    # the distances, in rows i and columns j, at which they meet
    i = np.arange(1 - n, n)
    left = a.offset - b.offset - i * row
    if column == 0:  # in every column
        i = i[left == 0]
        return bool(((i == 0) | (np.abs(i) >= m)).all())
    j = left // column
    meets = (left % column == 0) & (np.abs(j) < m)
    i, j = i[meets], j[meets]
    return bool((np.sign(i + j) == np.where(i == 0, np.sign(j), np.sign(i))).all())


def _never_meet(a: Access, b: Access, counts: tuple[int, int]) -> bool:
    """Whether two accesses have no element in common."""

    def ends(x: Access) -> tuple[int, int]:
        spans = [stride * (count - 1) for stride, count in zip(x.strides, counts, strict=True)]
        return (
            x.offset + sum(span for span in spans if span < 0),
            x.offset + sum(span for span in spans if span > 0),
        )

    (low, high), (least, most) = ends(a), ends(b)
    return high < least or most < low
