"""Elements of arrays, and numbers for them -> statements for the sum of their products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ... import ops
from ..ir.program import Access, Apply, Program, Role
from ..trace.trace import Element

_DOT = "dot"


def dot(program: Program, elements: Sequence[Element | None], before: str) -> Access:
    """Append the dot product of elements and an array with a number for each.

    Its derivative is what their gradient begins with, if nothing stands behind it that they are in.
    """
    here = Access(program.declare(_DOT, Role.TEMPORARY).name)
    program.assign(here, -0.0)
    for k, length in _runs(elements):
        name, index = elements[k] or ("", 0)
        pair = (Access(name, index, (1,)), Access(before, k, (1,)))
        target = Access(here.array, 0, (0,))
        program.assign(target, Apply(ops.mul, pair), (length,), accumulate=ops.add)
    return here


def _runs(elements: Sequence[Element | None]) -> Iterator[tuple[int, int]]:
    """(first, count) of elements that lie in a row; those that are None are in none."""
    start = 0
    for k, element in enumerate(elements):
        following = elements[k + 1] if k + 1 < len(elements) else None
        if element is None or following != (element[0], element[1] + 1):
            if element is not None:
                yield start, k + 1 - start
            start = k + 1
