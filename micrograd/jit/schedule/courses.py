"""Statement of a nest -> the course of its own loops: their order, and which one lies in lanes.

The loops over which the target stays the same come last where they can, so that a reduction is kept
in registers. Costs are vector operations, over all of the statement's points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from types import MappingProxyType

from ...ops import Op
from ..ir.extents import Affine, Entries, is_number
from ..ir.program import Access, Statement, accesses
from .counts import HORIZONTAL, operations

MOST_SIDES = 4
"""Vectors side by side, at most."""
LONG_SUM = 64
"""Terms, from which on a sum is worth others beside it, as each addition waits for the last."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a statement's own loops run, by the numbers of its dimensions.

    around   loops over the target's elements, outermost first; without the lanes'
    lane     the loop whose points lie in vector lanes; None: the code is scalar
    inside   loops over which the target is the same, outermost first, its lanes' last if they are
             among them: what is reduced stays in a register
    width    numbers in a vector
    sides    vectors side by side
    rows     iterations of the last loop around side by side
    copied   what is read from copies
    across   the lanes are iterations of the nest's outermost loop, which has no loop here
    cost     in vector operations, each time that the statement runs
    """

    around: tuple[int, ...]
    lane: int | None
    inside: tuple[int, ...]
    width: int = 1
    sides: int = 1
    rows: int = 1
    copied: tuple[Access, ...] = ()
    across: bool = False
    cost: float = 0.0

    @property
    def sums_lanes(self) -> bool:
        """Whether the lanes are reduced over."""
        return self.lane is not None and self.lane in self.inside


def reorders(op: Op | None, strict: bool) -> bool:
    """Whether a reduction by it may take its terms in any order: one that does not round gives the
    same, and of others only sums may differ, unless strict.
    """
    return op is not None and (op.ulps == 0.0 or (op.reduces == "+" and not strict))


def course(
    s: Statement,
    depth: int,
    width: int,
    strict: bool,
    copying: Mapping[Access, float] = MappingProxyType({}),
) -> Course:
    """The cheapest course of a statement inside of `depth` loops; `width`: numbers in a vector.

    copying   what may be read from copies, and what these cost each time that the statement runs
    """
    own = range(depth, len(s.domain))
    found = [_scalar(s, own, strict)]
    for lane in own if width > 1 else ():
        found += _with_lanes(s, own, lane, width, strict)
    costs = [_cost(s, own, c, copying) for c in found]
    best = min(range(len(found)), key=lambda k: costs[k][0])
    return replace(found[best], copied=costs[best][1], cost=costs[best][0])


def course_across(s: Statement, depth: int, width: int) -> Course:
    """The course where a vector is of iterations of the outermost loop."""
    found = _scalar(s, range(depth, len(s.domain)), strict=False)
    return replace(found, lane=0, width=width, across=True)


def varies(a: Access, d: int) -> bool:
    """Whether an access depends on a loop."""
    return bool(a.strides[d]) or any(p.strides[d] for p in a.parts)


def in_a_row(a: Access, d: int) -> bool:
    """Whether the elements that an access touches along a loop lie one after the other."""
    return a.strides[d] == 1 and not any(p.strides[d] for p in a.parts)


def backwards(a: Access, d: int) -> bool:
    """Whether they do so from the last to the first."""
    return a.strides[d] == -1 and not any(p.strides[d] for p in a.parts)


def in_line(a: Access, d: int) -> bool:
    """Whether they lie one after the other, in either direction."""
    return in_a_row(a, d) or backwards(a, d)


def _lies_apart(a: Access, d: int) -> bool:
    """Whether an access certainly touches another element in each iteration of a loop."""
    return bool(a.strides[d]) and not any(p.strides[d] for p in a.parts)


def depends(count: int, d: int) -> bool:
    """Whether a trip count depends on the index of a loop."""
    strides = count.strides if isinstance(count, Affine | Entries) else ()
    return d < len(strides) and bool(strides[d])


def _scalar(s: Statement, own: Sequence[int], strict: bool) -> Course:
    kept, summed = _split(s, own)
    if s.accumulate is None or _reads_itself(s):
        return Course(tuple(own), None, ())
    ordered = (*kept, *summed)
    if _is_legal(s, ordered) and (_is_injective(s, kept) or reorders(s.accumulate, strict)):
        return Course(kept, None, summed)
    trailing = len(own)
    while trailing and own[trailing - 1] in summed:
        trailing -= 1
    return Course(tuple(own[:trailing]), None, tuple(own[trailing:]))


def _with_lanes(
    s: Statement, own: Sequence[int], lane: int, width: int, strict: bool
) -> list[Course]:
    """The courses that there are with these lanes."""
    most = int(s.domain[lane])
    if most < 2:
        return []
    width = min(width, 1 << (most - 1).bit_length())
    others = tuple(d for d in own if d != lane)
    if s.accumulate is None:
        legal = _is_legal(s, (*others, lane))
        return [Course(others, lane, (), width)] if legal else []
    if _reads_itself(s):
        return []
    kept, summed = _split(s, others)
    if not varies(s.target, lane):
        any_order = reorders(s.accumulate, strict)
        if not any_order or not _is_legal(s, (*kept, *summed, lane)):
            return []
        vectors = most // width
        sides = MOST_SIDES if vectors >= 8 else 2 if vectors >= 4 else 1
        return [Course(kept, lane, (*summed, lane), width, sides)]
    together = in_line(s.target, lane)
    if not together and (not summed or not _lies_apart(s.target, lane)):
        return []
    alike = not any(depends(s.domain[d], lane) for d in summed)  # for all lanes
    in_any = _is_injective(s, [*kept, lane]) or reorders(s.accumulate, strict)
    if alike and in_any and _is_legal(s, (*kept, lane, *summed)):
        sides = min(MOST_SIDES, ceil(most / width)) if summed else 1
        return [_with_rows(s, Course(kept, lane, summed, width, sides))]
    if not together or (strict and not in_any):
        return []
    return [Course(others, lane, (), width)] if _is_legal(s, (*others, lane)) else []


def _with_rows(s: Statement, c: Course) -> Course:
    """The course with several sums at a time where few vectors are side by side and sums long."""
    counts = [s.domain[d] for d in (*c.around[-1:], *c.inside)]
    if c.lane is None or not c.around or not all(map(is_number, [s.domain[c.lane], *counts])):
        return c
    rows = min(MOST_SIDES // c.sides, counts[0])
    long = prod(counts[1:]) >= LONG_SUM
    return replace(c, rows=rows) if long and rows and _is_injective(s, [*c.around, c.lane]) else c


def _split(s: Statement, dims: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The loops that the target depends on, and the others."""
    kept = tuple(d for d in dims if varies(s.target, d))
    return kept, tuple(d for d in dims if d not in kept)


def _reads_itself(s: Statement) -> bool:
    """Whether it may read an element that it writes, as it may at the same point: for at others the
    verifier has seen that it does not.
    """
    return any(a.array == s.target.array and not _is_moved(a, s.target) for a in accesses(s.expr))


def _is_moved(a: Access, b: Access) -> bool:
    """Whether two accesses touch different elements at every point, as far apart at all of them."""
    return a.offset != b.offset and (a.strides, a.parts) == (b.strides, b.parts)


def _is_legal(s: Statement, order: Sequence[int]) -> bool:
    """Whether every loop runs inside of those that its trip count depends on."""
    return not any(
        depends(s.domain[d], inner) for k, d in enumerate(order) for inner in order[k + 1 :]
    )


def _is_injective(s: Statement, kept: Sequence[int]) -> bool:
    """Whether no two points over these loops certainly share an element of the target."""
    if any(any(p.strides[d] for d in kept) for p in s.target.parts):
        return False
    reach = 0
    for stride, count in sorted((abs(s.target.strides[d]), int(s.domain[d])) for d in kept):
        if stride <= reach:
            return False
        reach += stride * (count - 1)
    return True


def _cost(
    s: Statement, own: Sequence[int], c: Course, copying: Mapping[Access, float]
) -> tuple[float, tuple[Access, ...]]:
    """What a course costs, and what it reads from copies, as that is cheaper."""
    work = operations(s.expr) + 1
    if c.lane is None:
        return float(work * prod(int(s.domain[d]) for d in own)), ()
    lane = c.lane
    count = int(s.domain[lane])
    vectors = prod(int(s.domain[d]) for d in own) / max(1, count) * ceil(count / c.width)
    cost = vectors * work
    if s.accumulate is not None and varies(s.target, lane) and not in_line(s.target, lane):
        cost += 2 * c.width * ceil(count / c.width) * prod(int(s.domain[d]) for d in c.around)
    copied = []
    for a in dict.fromkeys([*accesses(s.expr), *([s.target] if s.accumulate is None else [])]):
        if not varies(a, lane) or in_a_row(a, lane):
            continue
        if backwards(a, lane):
            cost += vectors
            continue
        scattered = vectors * c.width
        if copying.get(a, scattered) < scattered:
            copied.append(a)
        cost += min(scattered, copying.get(a, scattered))
    if c.sums_lanes:
        cost += HORIZONTAL * prod(int(s.domain[d]) for d in c.around)
    return cost, tuple(copied)
