"""Interpreter with bounds: a program, its arguments -> its outputs, and how far off code may be.

The numbers are those of `interpret`, bit for bit, at many points at once. The bound of each holds
for every order in which a sum can be added up and every fusion of a product with a sum, and for
nothing else: a lane that is wrong, or a term that is missing, is outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .nests import Ints
from .points import elements, is_recurrence
from .program import GIVEN, Access, Expr, Program, Role, Statement, accesses
from .rounding import Bounded, Numbers, Precision, apply
from .running import run_in_order


class _Memory:
    """One array of the program at all points: f64[size, points], and what bounds it.

    sizes   what the terms of each element's sum are together, as absolute values
    terms   how many there are
    """

    __slots__ = ("error", "sizes", "terms", "value")

    def __init__(self, value: Numbers, error: Numbers) -> None:
        self.value = value
        self.error = error
        self.sizes = np.where(np.isfinite(value), np.abs(value), 0.0)
        self.terms = np.ones(value.shape[0])

    def read(self, where: Ints, precision: Precision) -> Bounded:
        """The elements, with what the order of their sums may change."""
        value, error = self.value[where], self.error[where]
        terms = self.terms[where][:, None]
        if (terms > 1).any():
            sizes = self.sizes[where]
            summed = terms * (precision.unit * sizes + precision.least)
            error = np.where(terms > 1, error + summed, error)
            large = (terms > 1) & (sizes > precision.largest)
            error = np.where(large, np.inf, error)
        return Bounded(value, error)


def interpret_bounded(
    program: Program, given: Mapping[str, Any], dtype: np.dtype[Any], points: int = 1
) -> dict[str, Bounded]:
    """The output arrays of a program by name, f64[size, points], with bounds.

    given   input and parameter arrays, of `size` numbers or of [size, points]; what cannot be
            represented in the dtype is rounded to it, as calls do; and extents
    dtype   what the compiled code computes in

    >>> from micrograd.ops import add, mul
    >>> p = Program()
    >>> _ = p.declare("x", Role.INPUT, 3), p.declare("out", Role.OUTPUT)
    >>> p.assign(Access("out"), -0.0)
    >>> square = mul(Access("x", 0, (1,)), Access("x", 0, (1,)))
    >>> p.assign(Access("out", 0, (0,)), square, (3,), accumulate=add)
    >>> found = interpret_bounded(p, {"x": [1.0, 2.0, 4.0]}, np.dtype(np.float32))["out"]
    >>> found.value.tolist(), bool(0.0 < found.error[0, 0] < 1e-5)
    ([[21.0]], True)
    """
    with np.errstate(all="ignore"):
        program = program.running(given)
        run = _Run(program, given, dtype, points)
        run_in_order(program, lambda s: _Step(s, run).run)
        return {
            a.name: run.memory[a.name].read(np.arange(a.size), run.precision)
            for a in program.with_role(Role.OUTPUT, Role.STATE)
        }


class _Run:
    def __init__(
        self, program: Program, given: Mapping[str, Any], dtype: np.dtype[Any], points: int
    ) -> None:
        self.program = program
        self.dtype = dtype
        self.precision = Precision.of(dtype)
        self.points = points
        self.memory: dict[str, _Memory] = {}
        for a in program.arrays.values():
            if a.is_index:
                continue
            if a.role in GIVEN:
                number = np.asarray(given[a.name], dtype=dtype).astype(np.float64)
                columns = number.size // max(1, a.size) or 1  # an array may be empty
                number = np.broadcast_to(number.reshape(a.size, columns), (a.size, points))
                number = number.copy() if a.role is Role.STATE else number
                self.memory[a.name] = _Memory(number, np.zeros(number.shape))
            elif a.role is Role.CONSTANT:
                number = np.asarray(a.data, dtype=np.float64)
                number = np.broadcast_to(number[:, None], (a.size, points))
                self.memory[a.name] = _Memory(number, self._inexact(number))
            else:
                empty = np.full((a.size, points), np.nan)
                self.memory[a.name] = _Memory(empty, np.zeros(empty.shape))

    def _inexact(self, number: Numbers) -> Numbers:
        """How far numbers of the program are from what the code has for them."""
        off = np.abs(number.astype(self.dtype).astype(np.float64) - number)
        return np.where(np.isfinite(number), off, 0.0)


class _Step:
    """A statement whose elements are looked up once."""

    def __init__(self, s: Statement, run: _Run) -> None:
        self.s = s
        self.runner = run
        program = run.program
        self.target = run.memory[s.target.array]
        self.where = elements(s.target, s.domain, program)
        self.read = {a: elements(a, s.domain, program) for a in accesses(s.expr)}
        op = s.accumulate
        in_sequence = op is not None and not op.coefficients  # sums have their own bound
        self.one_by_one = in_sequence or is_recurrence(s, program)

    def run(self, points: range) -> None:
        """Run these points: at once, unless one may read what another wrote."""
        if self.one_by_one:
            for k in points:
                self._run(slice(k, k + 1))
        else:
            self._run(slice(points.start, points.stop))

    def _run(self, some: slice) -> None:
        to, target = self.where[some], self.target
        shape = (len(to), self.runner.points)
        x = self._value(self.s.expr, some, {})
        value = np.broadcast_to(x.value, shape)
        error = np.broadcast_to(x.error, shape)
        sizes = np.where(np.isfinite(value), np.abs(value), 0.0)
        op = self.s.accumulate
        if op is not None and not op.coefficients:
            before = target.read(to, self.runner.precision)
            x = apply(op, [before, Bounded(value, error)], self.runner.precision)
            value, error = x.value, x.error
            sizes = np.where(np.isfinite(value), np.abs(value), 0.0)
        if op is None or not op.coefficients:
            target.value[to], target.error[to] = value, error
            target.sizes[to], target.terms[to] = sizes, 1.0
        elif len(to) == 1:
            k = int(to[0])
            target.value[k] += value[0]
            target.error[k] += error[0]
            target.sizes[k] += sizes[0]
            target.terms[k] += 1.0
        else:
            np.add.at(target.value, to, value)
            np.add.at(target.error, to, error)
            np.add.at(target.sizes, to, sizes)
            np.add.at(target.terms, to, 1.0)

    def _value(self, expr: Expr, some: slice, known: dict[int, Bounded]) -> Bounded:
        """The expression at some points: f64[points or 1, columns or 1]; shared parts once."""
        found = known.get(id(expr))
        if found is not None:
            return found
        run = self.runner
        if isinstance(expr, float):
            number = np.full((1, 1), expr)
            found = Bounded(number, run._inexact(number))
        elif isinstance(expr, Access):
            found = run.memory[expr.array].read(self.read[expr][some], run.precision)
        else:
            operands = [self._value(x, some, known) for x in expr.args]
            found = apply(expr.op, operands, run.precision)
        known[id(expr)] = found
        return found
