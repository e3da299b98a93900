"""Programs run on Values, as kernels are that are called with them: what a statement reads and
writes is found once, for all calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from ...copies import serial
from ...engine import Value
from ...ops import Op
from ..ir.asking import Wholes, run_asking, with_counts
from ..ir.points import elements
from ..ir.program import Access, Expr, Program, Role, Statement, accesses, asks
from ..ir.running import Run, run_in_order

Numbers = list[Any]
"""Values and floats."""
Evaluate = Callable[[list[Numbers], Callable[[Op, Sequence[Any]], Any], int], Any]
"""A number at a point, of the memory of a run, by what applies ops there."""
MOST_KEPT = 1 << 17
"""Places of elements that are kept for the next run; what has more finds them in each."""


class Prepared:
    """A program that is run on Values or floats, as `interpret` runs it on floats."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._numbers = {name: k for k, name in enumerate(program.arrays)}
        self._constants = {
            a.name: np.asarray(a.data, dtype=np.float64).tolist()
            for a in program.with_role(Role.CONSTANT)
            if not a.is_index
        }
        self._outputs = [a.name for a in program.with_role(Role.OUTPUT)]
        self._asks = asks(program.body)
        self._steps: dict[int, _Step] = {}
        self._kept = 0
        self._wholes: Wholes = {}

    def run(self, given: Mapping[str, Numbers]) -> dict[str, Numbers]:
        """The output arrays."""
        program = with_counts(self.program) if self._asks else self.program
        memory: list[Numbers] = []
        for a in program.arrays.values():
            if a.is_index:
                memory.append([])
            elif a.role in (Role.INPUT, Role.PARAMETER):
                memory.append(given[a.name])
            elif a.role is Role.CONSTANT:
                memory.append(self._constants[a.name])
            else:
                memory.append([nan] * a.size)
        apply = Shared().apply

        def number(a: Access) -> float:
            place = int(elements(a, (), program)[0]) if a.parts else a.offset
            found = memory[self._numbers[a.array]][place]
            return float(found.data if isinstance(found, Value) else found)

        def prepare(s: Statement) -> Run:
            return self._step(s).bound(memory, apply)

        def anew(s: Statement) -> Run:
            return _Step(s, program, self._numbers).bound(memory, apply)

        if self._asks:
            run_asking(program, prepare, anew, number, self._wholes)
        else:
            run_in_order(program, prepare)
        return {name: memory[self._numbers[name]] for name in self._outputs}

    def _step(self, s: Statement) -> _Step:
        found = self._steps.get(id(s))  # statements are kept as long as this
        if found is None:
            found = _Step(s, self.program, self._numbers)
            if self._kept + found.size <= MOST_KEPT:
                self._kept += found.size
                self._steps[id(s)] = found
        return found


class _Step:
    """A statement whose elements are looked up once, to be run a range of points at a time.

    size   how many places it keeps
    """

    def __init__(self, s: Statement, program: Program, numbers: Mapping[str, int]) -> None:
        self.accumulate = s.accumulate
        self.target = numbers[s.target.array]
        self.where = elements(s.target, s.domain, program).tolist()
        read = {
            a: (numbers[a.array], elements(a, s.domain, program).tolist()) for a in accesses(s.expr)
        }
        self.value = _evaluator(s.expr, read)
        self.size = len(self.where) * (1 + len(read))

    def bound(self, memory: list[Numbers], apply: Callable[[Op, Sequence[Any]], Any]) -> Run:
        """What runs a range of points, in order."""
        target, where, value, add = memory[self.target], self.where, self.value, self.accumulate

        def run(points: range) -> None:
            for point in points:
                element = where[point]
                if add:
                    target[element] = apply(add, (target[element], value(memory, apply, point)))
                else:
                    target[element] = value(memory, apply, point)

        return run


def _evaluator(expr: Expr, read: Mapping[Access, tuple[int, list[int]]]) -> Evaluate:
    """The function of a point that an expression is."""
    if isinstance(expr, float):
        return lambda memory, apply, point: expr
    if isinstance(expr, Access):
        array, where = read[expr]
        return lambda memory, apply, point: memory[array][where[point]]
    op, args = expr.op, [_evaluator(x, read) for x in expr.args]
    return lambda memory, apply, point: apply(op, [arg(memory, apply, point) for arg in args])


class Shared:
    """The ops of one run, each on the same operands once.

    Derivatives of a statement's points ask for the same condition and the same cotangent many
    times, and where they are compiled, a loop over copies of one number is no loop to be fused.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Value] = {}

    def apply(self, op: Op, operands: Sequence[Any]) -> Any:
        """The op on Values or floats; nothing is recorded that is a number, or one of the operands.

        As in simplify.py, only what holds for every number is left out: x * 1 is x, but x * 0 is
        no 0.
        """
        for x in operands:
            if isinstance(x, Value):
                break
        else:
            return op.eval(*map(float, operands))
        if op.choice and not isinstance(operands[0], Value):
            return operands[1] if operands[0] != 0.0 else operands[2]
        if len(operands) == 2:
            x, y = operands
            if y.__class__ is float and op.is_neutral(1, y):
                return x
            if x.__class__ is float and op.is_neutral(0, x):
                return y
        key = (op, *[serial(x) if isinstance(x, Value) else float(x).hex() for x in operands])
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = op(*operands)
        return found
