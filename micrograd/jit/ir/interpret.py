"""Interpreters: what a graph and a program mean, in float64, by the `eval` of every op.

These are slow and obvious; every pass and the emitter are tested against them. A statement runs
its points in order, last index fastest, so sums have one defined order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import CONSTANT, PARAMETER, Graph, op_of
from .program import Access, Expr, Program, Role, Statement, accesses, runs

Numbers = npt.NDArray[np.float64]


def interpret_graph(graph: Graph, arrays: Mapping[str, Sequence[float]]) -> list[float]:
    """The outputs of a graph, given its parameter and input arrays by name."""
    leaves = {
        role: [float(v) for name, _ in declared for v in arrays[name]]
        for role, declared in ((PARAMETER, graph.parameters), (-1, graph.inputs))
    }
    values: list[float] = []
    for code, *operands in graph.rows():
        if code == CONSTANT:
            values.append(float(graph.constants[operands[0]]))
        elif code < 3:
            values.append(leaves[PARAMETER if code == PARAMETER else -1][operands[0]])
        else:
            op = op_of(code)
            values.append(op.eval(*(values[i] for i in operands[: op.arity])))
    return [values[i] for i in graph.outputs]


def interpret(program: Program, given: Mapping[str, Any]) -> dict[str, Numbers]:
    """The output arrays of a program by name, given its input and parameter arrays, and extents.

    Elements that no statement has written read as nan, so a use before a definition shows.
    """
    program = program.running(given)
    memory: dict[str, Numbers] = {}
    for a in program.arrays.values():
        if a.role in (Role.INPUT, Role.PARAMETER):
            memory[a.name] = np.array(given[a.name], dtype=np.float64).reshape(a.size)
        elif a.role is Role.CONSTANT:
            memory[a.name] = np.array(a.data, dtype=np.float64)
        else:
            memory[a.name] = np.full(a.size, np.nan)
    run_in_order(program.body, lambda s: _Step(s, program, memory).run)
    return {a.name: memory[a.name] for a in program.with_role(Role.OUTPUT)}


def run_in_order(
    body: Sequence[Statement], prepare: Callable[[Statement], Callable[[range], None]]
) -> None:
    """Run all points of all statements; of those that run in turn, an iteration at a time.

    prepare   makes of a statement what runs a range of its points
    """
    for together in runs(body):
        steps = [prepare(s) for s in together]
        if not together[0].turn:
            steps[0](range(together[0].points))
            continue
        for i in range(together[0].domain[0]):
            for s, step in zip(together, steps, strict=True):
                each = s.points // s.domain[0]
                step(range(i * each, (i + 1) * each))


def elements(access: Access, domain: tuple[int, ...], program: Program) -> npt.NDArray[np.int64]:
    """The element that the access touches at every point of the domain, in order: i64[points]."""
    index = np.full((1,), access.offset, dtype=np.int64)
    for count, stride in zip(domain, access.strides, strict=True):
        index = (index[:, None] + stride * np.arange(count)).reshape(-1)
    return program.tables[access.table][index] if access.table is not None else index


def distinct(
    access: Access, domain: tuple[int, ...], program: Program
) -> tuple[npt.NDArray[np.int64], bool]:
    """The elements that the access touches, and whether it touches one of them more than once.

    Loops that the access does not depend on are left out, so the cost is that of the elements, not
    of the points: a weight that a million points read is looked up once.
    """
    loops = [(n, d) for n, d in zip(domain, access.strides, strict=True) if (d and n != 1) or not n]
    counts, strides = tuple(n for n, _ in loops), tuple(d for _, d in loops)
    index = elements(Access(access.array, access.offset, strides, access.table), counts, program)
    again = prod(domain) > len(index)
    return index, again or repeats(index, program.arrays[access.array].size)


def touched(index: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """Which of `size` elements an index sequence names."""
    mask = np.zeros(size, dtype=bool)
    mask[index] = True
    return mask


def repeats(index: npt.NDArray[np.int64], size: int) -> bool:
    """Whether an index sequence names one of `size` elements twice."""
    return len(index) > 1 and int(touched(index, size).sum()) < len(index)


def is_recurrence(s: Statement, program: Program) -> bool:
    """Whether an iteration may read what an earlier iteration wrote."""
    own = [a for a in accesses(s.expr) if a.array == s.target.array]
    if not own:
        return False
    size = program.arrays[s.target.array].size
    written = touched(distinct(s.target, s.domain, program)[0], size)
    return any(bool(written[distinct(a, s.domain, program)[0]].any()) for a in own)


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time."""

    def __init__(self, s: Statement, program: Program, memory: dict[str, Numbers]) -> None:
        self.s = s
        self.memory = memory
        self.target = memory[s.target.array]
        self.where = elements(s.target, s.domain, program)
        self.read = {a: elements(a, s.domain, program) for a in accesses(s.expr)}

    def run(self, points: range) -> None:
        """Run these points, in order."""
        for point in points:
            element = self.where[point]
            v = self._value(self.s.expr, point)
            before = float(self.target[element])
            self.target[element] = before + v if self.s.accumulate else v

    def _value(self, expr: Expr, point: int) -> float:
        if isinstance(expr, float):
            return expr
        if isinstance(expr, Access):
            return float(self.memory[expr.array][self.read[expr][point]])
        return expr.op.eval(*[self._value(x, point) for x in expr.args])
