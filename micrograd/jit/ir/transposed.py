"""Loops, and the dimensions of arrays, in the other order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .expressions import Access, map_accesses
from .statements import Statement


def swapped(s: Statement) -> Statement:
    """The statement with its first two loops in the other order."""

    def swap(a: Access) -> Access:
        return a.with_strides(lambda strides: (strides[1], strides[0], *strides[2:]))

    domain = (s.domain[1], s.domain[0], *s.domain[2:])
    return replace(s, target=swap(s.target), expr=map_accesses(s.expr, swap), domain=domain)


def transposed(
    a: Access, domain: Sequence[int], rows: int, columns: int, unit: int = 1
) -> Access | None:
    """The access to an array [rows, columns, unit] where it lies as [columns, rows, unit].

    None if the access does not keep to rows, columns and units, as one along a diagonal of them
    that goes on in the next row does not.

    >>> print(transposed(Access("a", 3, (4, 1)), (2, 1), 3, 4))
    a[i + 3*j + 9]
    """
    if a.parts:
        return None
    width = columns * unit

    def digits(number: int) -> tuple[int, int, int]:
        sign = -1 if number < 0 else 1
        row, rest = divmod(abs(number), width)
        column, place = divmod(rest, unit)
        return sign * row, sign * column, sign * place

    def joined(row: int, column: int, place: int) -> int:
        return column * rows * unit + row * unit + place

    steps = [digits(stride) for stride in a.strides]
    begin = digits(a.offset)
    for k, count in ((1, columns), (2, unit)):
        spans = [d[k] * max(0, int(n) - 1) for d, n in zip(steps, domain, strict=True)]
        low = begin[k] + sum(min(0, x) for x in spans)
        high = begin[k] + sum(max(0, x) for x in spans)
        if low < 0 or high >= count:
            return None
    return Access(a.array, joined(*begin), tuple([joined(*d) for d in steps]))
