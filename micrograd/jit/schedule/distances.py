"""How far apart iterations of two loops are that touch the same element, and in which order."""

from __future__ import annotations

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
    row, column = a.strides
    steps = _meetings(a.offset - b.offset, row, column, counts)
    return all(
        (i, j) == (0, 0) or (i + j != 0 and ((i, j) > (0, 0)) == (i + j > 0)) for i, j in steps
    )


def _meetings(gap: int, row: int, column: int, counts: tuple[int, int]) -> list[tuple[int, int]]:
    """The distances, in rows and columns, at which accesses of these strides meet."""
    n, m = counts
    found = []
    for i in range(1 - n, n):
        left = gap - i * row
        if column == 0:
            found += [(i, j) for j in range(1 - m, m)] if left == 0 else []
        elif left % column == 0 and abs(left // column) < m:
            found.append((i, left // column))
    return found


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
