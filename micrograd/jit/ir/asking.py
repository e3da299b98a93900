"""Programs with loops that go on as long as a condition holds, run for interpreters: how often they
run is known when they have.

A statement whose loops run as often in every iteration is prepared once, for all that there may be;
others in each iteration, as a statement of that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .extents import Affine, Entries, is_number
from .points import counted, is_box
from .program import Access, Node, Order, Program, Role, Statement, accesses, map_accesses
from .running import Run, ranges

Prepare = Callable[[Statement], Run]
Runner = Callable[[Sequence[int]], None]
"""Runs a node in the iteration of the loops around it that these indices say."""
MOST_POINTS = 1 << 12
"""Of a statement that is prepared for all iterations."""


Wholes = dict[int, Statement | None]
"""Statements over all iterations that there may be, by the ids of those of a program."""


def run_asking(
    program: Program,
    prepare: Prepare,
    anew: Prepare,
    number: Callable[[Access], Any],
    wholes: Wholes,
) -> None:
    """Run all points of all statements, in order.

    prepare   makes of a statement of `wholes` what runs a range of its points
    anew      the same of a statement of one iteration
    number    what an element is now
    wholes    those of this program, which are found as it runs, and are there for the next run
    """
    for node in program.body:
        _runner(node, 0, program, prepare, anew, number, wholes)(())


def _runner(
    node: Node,
    depth: int,
    program: Program,
    prepare: Prepare,
    anew: Prepare,
    number: Callable[[Access], Any],
    wholes: Wholes,
) -> Runner:
    """What runs a node inside of so many loops."""
    if isinstance(node, Statement):
        statement = node
        if id(node) not in wholes:
            wholes[id(node)] = _whole(node, depth, program)
        whole = wholes[id(node)]
        if whole is not None:
            return ranges(whole, depth, program, prepare(whole))

        def one(at: Sequence[int]) -> None:
            alone = _at(statement, at)
            anew(alone)(range(counted(alone.domain, program)))

        return one
    loop = node
    body = [
        _runner(inner, depth + 1, program, prepare, anew, number, wholes) for inner in loop.body
    ]

    def counting(at: Sequence[int]) -> None:
        numbers = range(_now(_count_at(loop.extent, at), program))
        for i in reversed(numbers) if loop.order is Order.REVERSE else numbers:
            for inner in body:
                inner((*at, i))

    def going(at: Sequence[int]) -> None:
        asked, extent, done = loop.going, _count_at(loop.extent, at), 0
        assert asked is not None
        for i in at:
            asked = asked.within(i)
        while done < int(extent) and number(asked.within(done)) != 0.0:
            for inner in body:
                inner((*at, done))
            done += 1
        if isinstance(extent, Entries):
            data = program.arrays[extent.array].data
            assert data is not None
            data[extent.offset] = done

    return counting if loop.going is None else going


def _whole(s: Statement, depth: int, program: Program) -> Statement | None:
    """A statement over all iterations that there may be of the loops around it; None where what it
    touches depends on how often loops have run, or is much.
    """
    whole = Statement(
        s.target, s.expr, (*map(int, s.domain[:depth]), *s.domain[depth:]), s.accumulate
    )
    if not is_box(whole.domain) or counted(whole.domain, program) > MOST_POINTS:
        return None
    varying = [k for k, count in enumerate(s.domain) if not is_number(count)]
    for part in [part for a in (s.target, *accesses(s.expr)) for part in a.parts if part.is_entry]:
        is_known = program.arrays[str(part.by)].role is not Role.TEMPORARY
        if not is_known or any(part.strides[k] for k in varying if k < len(part.strides)):
            return None
    return whole


def _at(s: Statement, at: Sequence[int]) -> Statement:
    for i in at:
        s = _within(s, i)
    return s


def _count_at(count: int, at: Sequence[int]) -> int:
    for i in at:
        count = _count(count, i)
    return count


def _within(s: Statement, i: int) -> Statement:
    """A statement in iteration `i` of the outermost loop around it, without that loop."""
    target, expr = s.target.within(i), map_accesses(s.expr, lambda a: a.within(i))
    return Statement(target, expr, tuple(_count(c, i) for c in s.domain[1:]), s.accumulate)


def _count(count: int, i: int) -> int:
    """A trip count of a loop inside of another one, in its iteration `i`."""
    if isinstance(count, Affine):
        offset = count.offset + count.strides[0] * i
        return Affine(offset, count.strides[1:], int(count))
    if isinstance(count, Entries):
        return Entries(
            count.array, count.offset + count.strides[0] * i, count.strides[1:], int(count)
        )
    return count


def _now(count: int, program: Program) -> int:
    """How often a loop runs that has no other around it."""
    if is_number(count):
        return count
    if isinstance(count, Affine):
        return max(0, count.offset)
    assert isinstance(count, Entries)
    data = program.arrays[count.array].data
    assert data is not None
    return int(data[count.offset])


def with_counts(program: Program) -> Program:
    """The program with arrays to note in how often such loops have run."""
    counts = {
        a.name: replace(a, data=np.zeros(a.size, dtype=np.int64))
        for a in program.with_role(Role.TEMPORARY)
        if a.is_index
    }
    return replace(program, arrays=program.arrays | counts)
