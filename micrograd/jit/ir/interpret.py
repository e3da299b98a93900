"""Interpreters: what a graph and a program mean, in float64, by the `eval` of every op.

These are slow and obvious; every pass and the emitter are tested against them. A statement runs
its points in order, last index fastest, so sums have one defined order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from .asking import run_asking, with_counts
from .graph import CONSTANT, PARAMETER, Graph, op_of
from .points import elements
from .program import GIVEN, Access, Expr, Program, Role, Statement, accesses, asks
from .running import Run, run_in_order

Numbers = npt.NDArray[np.float64]
Memory = dict[str, list[float]]
"""The elements of arrays, by their names."""


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
    """The arrays that a program gives, by name: its outputs, and its state as it leaves it.

    given   what it is given, by name: arrays, of numbers or of entries, and extents

    Elements that no statement has written read as nan, so a use before a definition shows.
    """
    program = with_counts(program.running(given))
    memory: Memory = {}
    for a in program.arrays.values():
        if a.is_index:
            continue
        if a.role in GIVEN or a.role is Role.CONSTANT:
            known = given[a.name] if a.role in GIVEN else a.data
            memory[a.name] = np.array(known, dtype=np.float64).reshape(a.size).tolist()
        else:
            memory[a.name] = [nan] * a.size
    _run(program, memory)
    return {a.name: np.array(memory[a.name]) for a in program.with_role(Role.OUTPUT, Role.STATE)}


def _run(program: Program, memory: Memory) -> None:
    def prepare(s: Statement) -> Run:
        return _Step(s, program, memory).run

    if asks(program.body):
        run_asking(
            program,
            prepare,
            prepare,
            lambda a: memory[a.array][int(elements(a, (), program)[0])],
            {},
        )
    else:
        run_in_order(program, prepare)


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time."""

    def __init__(self, s: Statement, program: Program, memory: Memory) -> None:
        self.op = s.accumulate
        self.target = memory[s.target.array]
        self.where = elements(s.target, s.domain, program).tolist()
        self.memory = memory
        self.read = {a: elements(a, s.domain, program).tolist() for a in accesses(s.expr)}
        self.value = self._value(s.expr)

    def run(self, points: range) -> None:
        """Run these points, in order."""
        op, target, where, value = self.op, self.target, self.where, self.value
        for point in points:
            element, v = where[point], value(point)
            target[element] = float(v if op is None else op.eval(target[element], v))

    def _value(self, expr: Expr) -> Callable[[int], float]:
        """What an expression is at a point: a function, so that nothing is asked at every point."""
        if isinstance(expr, float):
            return lambda point: expr
        if isinstance(expr, Access):
            array, where = self.memory[expr.array], self.read[expr]
            return lambda point: array[where[point]]
        of, args = expr.op.eval, [self._value(x) for x in expr.args]
        if len(args) == 2:
            x, y = args
            return lambda point: of(x(point), y(point))
        return lambda point: of(*[x(point) for x in args])
