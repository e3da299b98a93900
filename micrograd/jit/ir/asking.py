"""Programs with loops that go on as long as a condition holds, run for interpreters: how often they
run is known when they have, so every iteration is made a body of its own, and run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .extents import Affine, Entries, is_number
from .points import counted
from .program import Access, Loop, Node, Order, Program, Role, Statement, map_accesses

Prepare = Callable[[Statement], Callable[[range], None]]


def run_asking(program: Program, prepare: Prepare, number: Callable[[Access], Any]) -> None:
    """Run all points of all statements, in order.

    prepare   makes of a statement what runs a range of its points
    number    what an element is now
    """
    for node in program.body:
        _run(node, program, prepare, number)


def _run(node: Node, program: Program, prepare: Prepare, number: Callable[[Access], Any]) -> None:
    if isinstance(node, Statement):
        prepare(node)(range(counted(node.domain, program)))
        return
    if node.going is None:
        numbers = range(_now(node.extent, program))
        for i in reversed(numbers) if node.order is Order.REVERSE else numbers:
            for inner in node.body:
                _run(_within(inner, i), program, prepare, number)
        return
    done = 0
    while done < int(node.extent) and number(node.going.within(done)) != 0.0:
        for inner in node.body:
            _run(_within(inner, done), program, prepare, number)
        done += 1
    if isinstance(node.extent, Entries):
        data = program.arrays[node.extent.array].data
        assert data is not None
        data[node.extent.offset] = done


def _within(node: Node, i: int) -> Node:
    """A node in iteration `i` of the outermost loop around it, without that loop."""
    if isinstance(node, Loop):
        going = node.going.within(i) if node.going is not None else None
        body = [_within(inner, i) for inner in node.body]
        return Loop(_count(node.extent, i), node.order, body, going)
    target, expr = node.target.within(i), map_accesses(node.expr, lambda a: a.within(i))
    return Statement(target, expr, tuple(_count(c, i) for c in node.domain[1:]), node.accumulate)


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
