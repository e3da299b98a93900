"""What a statement of a nest may read from a copy, in the order in which it reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ..ir.program import Access, Array, Loop, Statement, accesses, statements
from .counts import PACK_LIMIT
from .courses import varies


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of what an access reads in the statement's own loops.

    level   how many loops are around where it is made
    size    its elements
    uses    how often the statement runs for each time that it is made
    """

    level: int
    size: int
    uses: int


def copies(s: Statement, path: Sequence[Loop], arrays: Mapping[str, Array]) -> dict[Access, Copied]:
    """The accesses that may read from copies, given the loops around the statement.

    A copy is of all that the loops reach if each runs as often as it can, so that lies in the
    array; nothing writes the array between where it is made and where it is read.
    """
    found = {}
    counts = [int(c) for c in s.domain]
    depth = len(path)
    for a in dict.fromkeys(accesses(s.expr)):
        own = [d for d in range(depth, len(counts)) if a.strides[d]]
        size = prod(counts[d] for d in own)
        if a.parts or a.array == s.target.array or not own or not 0 < size <= PACK_LIMIT:
            continue
        spans = [stride * max(0, c - 1) for stride, c in zip(a.strides, counts, strict=True)]
        low = a.offset + sum(x for x in spans if x < 0)
        high = a.offset + sum(x for x in spans if x > 0)
        if low < 0 or high >= arrays[a.array].size:
            continue
        level = _level(a, path)
        found[a] = Copied(level, size, prod(counts[level:depth]))
    return found


def _level(a: Access, path: Sequence[Loop]) -> int:
    """Outside of which loops a copy may be made: those inside neither move nor write it."""
    level = len(path)
    while level and not varies(a, level - 1):
        loop = path[level - 1]
        if any(s.target.array == a.array for s in statements(loop.body)):
            break
        level -= 1
    return level
