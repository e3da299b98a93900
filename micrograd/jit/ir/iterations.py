"""What iterations of loops need of each other: the rules of order inside of trees of loops.

Every point of every statement of a tree has a time, counted in statements; an element has the time
when it is assigned. Loops in any order are told apart by the iterations that touch an element.
"""

from __future__ import annotations

import numpy as np

from .distances import is_in_order
from .order import require
from .placed import Placed, apart, place, span
from .points import Ints, distinct
from .program import Access, Loop, Order
from .progress import Broken, Progress
from .touches import ASSIGNED, READ


def order_in_loops(node: Loop, p: Progress) -> None:
    """In every iteration each element is there before it is read or added to."""
    placed = list(place([node], p))
    for number, x in enumerate(placed):
        x.number = number
    if is_in_order(node, placed, p):
        return
    late = span(node)  # a time that never comes
    times = _assigned(placed, late, p)
    for x in placed:
        for a, kind in x.done():
            if kind == ASSIGNED or a.array in p.state:
                continue
            time = times.get(a.array)
            if time is None:
                _written(x, a, kind, p)
                continue
            found = x.touches(a, p)
            early = time[found.index] >= x.times(found)
            if early.any():
                element = int(found.index[np.argmax(early)])
                raise Broken(f"{a.array}[{element}] is {_said(kind)} too early", x.number)
    _any_order(placed, p)
    for name, time in times.items():
        p.written[name] |= time < late


def _said(kind: int) -> str:
    return "read" if kind == READ else "accumulated into"


def _written(x: Placed, a: Access, kind: int, p: Progress) -> None:
    """What the tree does not assign, is written before it."""
    if p.written[a.array].all():
        return
    try:
        require(p.written[a.array], distinct(a, x.domain, p.program)[0], a.array, _said(kind))
    except Broken as broken:
        raise Broken(str(broken), x.number) from None


def _assigned(placed: list[Placed], late: int, p: Progress) -> dict[str, Ints]:
    """When the elements of each array that is assigned in the tree are; -1 before it."""
    times: dict[str, Ints] = {}
    for x in placed:
        target = x.s.target
        if x.s.accumulate is not None or target.array in p.state:
            continue
        time = times.get(target.array)
        if time is None:
            time = times[target.array] = np.where(p.written[target.array], -1, late)
        found = x.touches(target, p)
        now = x.times(found)
        twice = time[found.index] < late
        if not twice.any():
            time[found.index] = now
            twice = time[found.index] != now
        if twice.any():
            element = int(found.index[np.argmax(twice)])
            raise Broken(f"{target.array}[{element}] is assigned twice", x.number)
    return times


def _any_order(placed: list[Placed], p: Progress) -> None:
    """No iteration of a loop in any order needs another one of it."""
    free: dict[int, tuple[Loop, int]] = {}
    for x in placed:
        for depth, loop in enumerate(x.loops):
            if loop.order is Order.FREE and int(loop.extent) > 1:
                free[id(loop)] = loop, depth
    for loop, depth in free.values():
        inside = [x for x in placed if len(x.loops) > depth and x.loops[depth] is loop]
        uses: dict[str, list[tuple[Placed, Access, int]]] = {}
        for x in inside:
            for a, kind in x.done():
                uses.setdefault(a.array, []).append((x, a, kind))
        for name, found in uses.items():
            kinds = {kind for _, _, kind in found}
            if len(kinds) > 1 or ASSIGNED in kinds:
                apart(name, found, depth, p)
