"""What a kernel of Tensors computes: the results, or a derivative; as a transformation of the
program that its rows are, with respect to whole arrays.

Each gives a program, what a call passes to it behind what the rows need, and where in its outputs
the arrays of the result lie, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np

from ...ops import add, mul
from ...tensor.casting import is_float
from ...tensor.primitive import Shape
from ..compile import normal
from ..derivatives import hessian_of, jacobian_of
from ..ir.nests import Ints
from ..ir.program import Access, Apply, Program, Role, row_major
from ..ir.verify import verify
from ..passes.forward import copy, tangents
from ..passes.reverse import with_cotangents
from ..passes.tangent_arrays import fresh
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.batches import SizeNeeded
from ..trace.tensor_backward import is_recordable, pulled_back
from ..trace.tensor_lowering import Given, TensorProgram, lowered
from ..trace.tensors import Row
from ..trace.trace import Element
from ..wanted import Wanted


@dataclass(frozen=True, slots=True)
class Result:
    """An array of what a call gives: the elements of an output from `first` on.

    array   its name; '' for zeros
    """

    array: str
    shape: Shape
    dtype: Any
    first: int = 0


@dataclass(slots=True)
class Derived:
    """A program, what it is called with, and what it gives.

    before   the program of the rows, from which it was made
    """

    before: Program
    program: Program
    given: list[Given]
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a function's rows.

    outputs   the rows of the results
    wrt       the rows that a derivative is with respect to
    extra     the rows of a direction, one for each of `wrt`, or of a cotangent, one for each result
    dtype     of results, if it is not that of their rows
    """

    wanted: Wanted
    outputs: Sequence[int]
    wrt: Sequence[int] = ()
    extra: Sequence[int] = ()
    dtype: Any = None


def results_of(rows: Sequence[Row], asked: Asked) -> list[Result]:
    """What a call gives, but for the names of the arrays."""
    values = [Result("", r.shape, _dtype(r, asked)) for r in (rows[k] for k in asked.outputs)]
    partials = [Result("", r.shape, r.dtype) for r in (rows[k] for k in asked.wrt)]
    match asked.wanted:
        case Wanted.VALUE:
            return values
        case Wanted.BOTH | Wanted.VJP:
            return [*values, *partials]
        case Wanted.JVP:
            return [*values, *values]
        case Wanted.JACOBIAN:
            return _blocks(values, partials)
        case Wanted.HESSIAN:
            return _blocks(partials, partials)
    return partials


def _dtype(row: Row, asked: Asked) -> Any:
    return asked.dtype if asked.dtype and is_float(row.dtype) else row.dtype


def _blocks(rows: Sequence[Result], columns: Sequence[Result]) -> list[Result]:
    """A matrix for each pair, one after the other."""
    found: list[Result] = []
    first = 0
    for upper in rows:
        for lower in columns:
            shape = (*upper.shape, *lower.shape)
            found.append(Result("", shape, upper.dtype, first))
            first += prod(shape)
    return found


def derived(
    rows: Sequence[Row], asked: Asked, most: int | None = None, target: Target | None = None
) -> Derived:
    """What computes it.

    most     of how many samples a batch is, at most, if it is of any number of them
    target   which sums are for; None: in the order in which they are written
    """
    exact = target is not None and target.arrays
    made = lowered(rows, asked.outputs, most, exact=exact)
    verify(made.program, "trace")
    if exact and asked.wanted in PULLED_BACK and is_recordable(rows):
        return _pulled_back(rows, asked, most, made.program)
    if target is not None:
        made.program = normal(made.program, target)
    found = _Transform(rows, made, asked)
    program, given, names = _TRANSFORMS[asked.wanted](found)
    if program is not made.program:
        verify(program, asked.wanted.value.name)
    results = results_of(rows, asked)
    if len(names) == 1:  # all in one array
        names *= len(results)
    named = [replace(r, array=name) for name, r in zip(names, results, strict=True)]
    return Derived(made.program, program, given, named)


PULLED_BACK = (Wanted.GRADIENT, Wanted.BOTH, Wanted.VJP)
"""What eager Tensors have, too: their backward pass."""


def _pulled_back(rows: Sequence[Row], asked: Asked, most: int | None, before: Program) -> Derived:
    """The gradient as eager Tensors compute it."""
    seeds = list(zip_longest(asked.outputs, asked.extra))  # of one number, none is given
    every, partials = pulled_back(rows, seeds, asked.wrt)
    values = [] if asked.wanted is Wanted.GRADIENT else list(asked.outputs)
    outputs = [*values, *(k for k in partials if k is not None)]
    made = lowered(every, outputs or asked.outputs, most, exact=True)
    verify(made.program, asked.wanted.value.name)
    names = iter(made.outputs if outputs else [])
    which = [*values, *partials]
    results = [
        replace(r, array="" if k is None else next(names))
        for r, k in zip(results_of(rows, asked), which, strict=True)
    ]
    return Derived(before, made.program, made.given, results)


Found = tuple[Program, list[Given], list[str]]
"""A program, what it is called with, and the arrays of its results."""


class _Transform:
    """The names and shapes that transformations need."""

    def __init__(self, rows: Sequence[Row], made: TensorProgram, asked: Asked) -> None:
        self.rows, self.made, self.asked = rows, made, asked
        self.names = [made.name_of(k) for k in asked.wrt]
        self.read = list(dict.fromkeys(filter(None, self.names)))

    def gradient_of(self, program: Program, scalar: str) -> tuple[Program, list[str]]:
        """The program with the partials of a number, and their arrays; '' for zeros."""
        program, cotangents = with_cotangents(program, (scalar, 0), self.read)
        return program, [cotangents.get(name, "") for name in self.names]

    def given(self, extra: Sequence[str]) -> list[Given]:
        """What is passed, with these inputs for the extra rows; '' for what is not read."""
        pairs = zip(extra, self.asked.extra, strict=True)
        return [*self.made.given, *(Given(name, k) for name, k in pairs if name)]

    def elements(self) -> list[Element | None]:
        """What it is differentiated by, one by one."""
        wrt: list[Element | None] = []
        for name, k in zip(self.names, self.asked.wrt, strict=True):
            size = prod(self.rows[k].shape)
            wrt += [(name, e) for e in range(size)] if name else [None] * size
        return wrt

    def places(self, over: Sequence[int]) -> Ints:
        """The rows and columns of partials of rows, a block for each of `over` and each that it is
        differentiated by.
        """
        places: list[Ints] = []
        row = 0
        for k in over:
            upper, column = prod(self.rows[k].shape), 0
            for j in self.asked.wrt:
                lower = prod(self.rows[j].shape)
                grid = np.indices((upper, lower), dtype=np.int64).reshape(2, -1)
                places.append(grid + np.array([[row], [column]]))
                column += lower
            row += upper
        return np.concatenate(places, axis=1)

    def matrix(self, program: Program) -> Found:
        """A program whose only output has all blocks."""
        (out,) = program.with_role(Role.OUTPUT)
        return program, self.made.given, [out.name]


def _with_outputs(program: Program, outputs: Sequence[str]) -> Program:
    """The program with these arrays, which it writes, as its outputs."""
    for a in [*program.with_role(Role.OUTPUT), *(program.arrays[n] for n in outputs if n)]:
        role = Role.OUTPUT if a.name in outputs else Role.TEMPORARY
        program.arrays[a.name] = replace(a, role=role)
    return program


def _require_static(t: _Transform) -> None:
    """Matrices have no batches: there is code for every size."""
    if t.made.program.with_role(Role.EXTENT):
        raise SizeNeeded("a matrix of derivatives")


# --- one for each that is wanted ------------------------------------------------------------------


def _value(t: _Transform) -> Found:
    return t.made.program, t.made.given, t.made.outputs


def _gradient(t: _Transform) -> Found:
    program, partials = t.gradient_of(t.made.program, OUTPUT)
    return _with_outputs(program, partials), t.made.given, partials


def _both(t: _Transform) -> Found:
    program, partials = t.gradient_of(t.made.program, OUTPUT)
    outputs = [OUTPUT, *partials]
    return _with_outputs(program, outputs), t.made.given, outputs


def _vjp(t: _Transform) -> Found:
    """The gradient of the results times the cotangents, summed."""
    program = Program(dict(t.made.program.arrays), list(t.made.program.body))
    cotangents = []
    total = Access(program.declare(fresh(program, "weighted"), Role.TEMPORARY).name)
    program.assign(total, -0.0)
    for name, shape in zip(t.made.outputs, t.made.shapes, strict=True):
        size = program.arrays[name].shape
        ct = program.declare(fresh(program, f"cotangent_{name}"), Role.INPUT, size).name
        cotangents.append(ct)
        loops = tuple([n for n in shape if n.__class__ is not int or n != 1])
        by = row_major(loops)
        term = Apply(mul, (Access(ct, 0, by), Access(name, 0, by)))
        target = Access(total.array, 0, (0,) * len(loops))
        program.assign(target, term, loops, accumulate=add)
    program, partials = t.gradient_of(program, total.array)
    outputs = [*t.made.outputs, *partials]
    return _with_outputs(program, outputs), t.given(cotangents), outputs


def _jvp(t: _Transform) -> Found:
    program, given, found = tangents(t.made.program, t.read, t.made.outputs)
    outputs = [*t.made.outputs, *found.values()]
    extra = [given.get(name, "") for name in t.names]
    return _with_outputs(program, outputs), t.given(extra), outputs


def _hvp(t: _Transform) -> Found:
    """Forward over reverse."""
    program, partials = t.gradient_of(t.made.program, OUTPUT)
    program, given, found = tangents(program, t.read, list(filter(None, partials)) or [OUTPUT])
    products = [found.get(name, "") for name in partials]
    extra = [given.get(name, "") for name in t.names]
    return _with_outputs(program, products), t.given(extra), products


def _jacobian(t: _Transform) -> Found:
    _require_static(t)
    places = t.places(t.asked.outputs)
    return t.matrix(jacobian_of(_in_a_row(t.made), t.elements(), places))


def _hessian(t: _Transform) -> Found:
    _require_static(t)
    return t.matrix(hessian_of(t.made.program, t.elements(), t.places(t.asked.wrt)))


def _in_a_row(made: TensorProgram) -> Program:
    """The program whose output has all results, one after the other."""
    if made.outputs == [OUTPUT]:
        return made.program
    program = Program(dict(made.program.arrays), list(made.program.body))
    sizes = [program.arrays[name].size for name in made.outputs]
    program.declare(OUTPUT, Role.OUTPUT, sum(sizes))
    start = 0
    for name, size in zip(made.outputs, sizes, strict=True):
        copy(program, Access(name), Access(OUTPUT, start), size)
        start += size
    return _with_outputs(program, [OUTPUT])


_TRANSFORMS: dict[Wanted, Callable[[_Transform], Found]] = {
    Wanted.VALUE: _value,
    Wanted.GRADIENT: _gradient,
    Wanted.BOTH: _both,
    Wanted.JACOBIAN: _jacobian,
    Wanted.HESSIAN: _hessian,
    Wanted.JVP: _jvp,
    Wanted.VJP: _vjp,
    Wanted.HVP: _hvp,
}
