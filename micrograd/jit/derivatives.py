"""Program -> the program of what a kernel computes: the value, or a derivative.

The outputs of a program are at most two: `out`, if that is one number, and an array of all the
other leaves of the result, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..errors import SignatureError
from ..locks import importing
from ..ops import add, mul
from .ir.nests import Ints
from .ir.program import GIVEN, Access, Apply, Program, Role
from .jacobian_blocks import blocks
from .passes.forward import copy, jacobian, jvp
from .passes.reverse import GRADIENT, gradient
from .passes.simplify import simplify
from .passes.tangent_arrays import fresh
from .reroll.outputs import OUTPUT
from .target import Target
from .trace.recordings import Recording
from .trace.signature import Structure, count
from .trace.trace import Element
from .wanted import Extra, Wanted

UNROLLED_RESULTS = 64
"""Results up to which each has statements of its own."""

Wrt: TypeAlias = Sequence[Element | None]
"""What derivatives are with respect to."""
Kept: TypeAlias = Target | None
"""Which says how much of the steps of loops gradients keep; None: all of it."""


def program_for(
    wanted: Wanted, name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    """The program of what is wanted.

    name    what the kernel is called, for errors
    extra   the parameters behind those of the source
    """
    if wanted is Wanted.VALUE:
        return program
    return _TRANSFORMS[wanted](name, program, recording, extra, target)


def _sizes(name: str, extra: Extra, expected: Sequence[Structure]) -> list[int]:
    """How many numbers each extra parameter has.

    Raises SignatureError if that is not the number expected.
    """
    for (parameter, got), structure in zip(extra, expected, strict=True):
        if count(got) != count(structure):
            raise SignatureError(
                f"{name} takes {count(structure)} number{'s' * (count(structure) != 1)} as "
                f"{parameter}, got {count(got)}"
            )
    return [count(structure) for structure in expected]


# -- programs ----------------------------------------------------------------------------------


def _one_result(name: str, recording: Recording, what: str = "a gradient") -> None:
    n = len(recording.trace.graph.outputs)
    if n != 1:
        raise SignatureError(
            f"{name} gives {n} values; {what} is of one. Return their sum, or the one that is "
            "meant; jacobian and vjp take all of them"
        )


def _gradient(
    name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    _one_result(name, recording)
    return gradient(program, (OUTPUT, 0), recording.wrt, target=target)


def _both(name: str, program: Program, recording: Recording, extra: Extra, target: Kept) -> Program:
    _one_result(name, recording)
    return gradient(program, (OUTPUT, 0), recording.wrt, keep_value=True, target=target)


def _hessian(
    name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    """Forward over reverse: the derivatives of the gradient along all unit directions."""
    _one_result(name, recording, "a Hessian")
    _, places = blocks(recording.partials, recording.gradient, alone=recording.alone)
    return hessian_of(program, recording.wrt, places, target)


def hessian_of(program: Program, wrt: Wrt, places: Ints, target: Kept = None) -> Program:
    """The program of the second derivatives at these rows and columns, in a row."""
    program = gradient(program, (OUTPUT, 0), wrt, target=target)
    into = fresh(program, "hessian")
    return jacobian(program, wrt, GRADIENT, into, places, symmetric=True)


def _hvp(name: str, program: Program, recording: Recording, extra: Extra, target: Kept) -> Program:
    """Forward over reverse: the derivative of the gradient along one direction."""
    _one_result(name, recording, "a Hessian")
    program = gradient(program, (OUTPUT, 0), recording.wrt, target=target)
    into = fresh(program, "product")
    result = _jvp_of(name, program, recording, extra, GRADIENT, into)
    return _only(result, into)


def _jvp(name: str, program: Program, recording: Recording, extra: Extra, target: Kept) -> Program:
    into = fresh(program, "tangent")
    return _joined(_jvp_of(name, program, recording, extra, OUTPUT, into), into)


def _jvp_of(
    name: str, program: Program, recording: Recording, extra: Extra, of: str, into: str
) -> Program:
    shape = recording.gradient
    expected = shape.items if len(extra) == len(shape.items) else (shape,)
    sizes = _sizes(name, extra, expected)
    names = [fresh(program, f"along_{k}") for k in range(len(extra))]
    return jvp(program, recording.wrt, list(zip(names, sizes, strict=True)), of, into)


def _vjp(name: str, program: Program, recording: Recording, extra: Extra, target: Kept) -> Program:
    (size,) = _sizes(name, extra, [recording.result])
    program = Program(dict(program.arrays), list(program.body))
    cotangent = program.declare(fresh(program, "cotangent"), Role.INPUT, size).name
    total = _weighted(program, cotangent)
    result = gradient(program, (total, 0), recording.wrt, keep_value=True, target=target)
    return _joined(result, GRADIENT)


def _jacobian(
    name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    _, places = blocks(recording.result, recording.gradient, alone=recording.alone)
    return jacobian_of(program, recording.wrt, places, target)


def jacobian_of(program: Program, wrt: Wrt, places: Ints, target: Kept = None) -> Program:
    """The program of the partials at these rows and columns, in a row; of one result, all.

    By the shorter side: forward along the inputs, or reverse from all results together.

    Reverse mode is linear in the cotangents of the results, so the derivatives of its gradient by
    them are the rows: forward over reverse, in which only the cotangents have a tangent.
    """
    rows, columns = program.arrays[OUTPUT].size, len(wrt)
    if rows == 1:
        return gradient(program, (OUTPUT, 0), wrt, target=target)
    if rows > columns:
        return jacobian(program, wrt, OUTPUT, fresh(program, "jacobian"), places)
    program, cotangent = _of_weights(program, wrt, target)
    seeds = [(cotangent, k) for k in range(rows)]
    return jacobian(program, seeds, GRADIENT, fresh(program, "jacobian"), places[::-1])


def _of_weights(program: Program, wrt: Wrt, target: Kept) -> tuple[Program, str]:
    """The gradient of the sum of all results, and the array of the weights of that sum."""
    program = Program(dict(program.arrays), list(program.body))
    rows = program.arrays[OUTPUT].size
    cotangent = fresh(program, "cotangent")
    program.declare(cotangent, Role.CONSTANT, rows, np.ones(rows))
    total = _weighted(program, cotangent)
    return gradient(program, (total, 0), wrt, target=target), cotangent


def _sparse_jacobian(
    name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    """The entries that there are: along directions of many inputs, or of many results."""
    with importing:
        from .passes.colouring import both_sides
        from .passes.compressed import Part, compressed
        from .passes.pattern import pattern
    program, wrt = simplify(program), recording.wrt
    found = recording.sparse[Wanted.SPARSE_JACOBIAN.value.name] = pattern(program, wrt, OUTPUT)
    if not found.count:
        return _nothing(program)
    rows, columns = found.rows, found.columns
    along, back, by_rows = both_sides(rows, columns, found.shape)
    ahead, turned = np.flatnonzero(~by_rows), np.flatnonzero(by_rows)
    parts = [Part(wrt, OUTPUT, ahead, rows[ahead], columns[ahead], along)]
    if len(turned):
        program, cotangent = _of_weights(program, wrt, target)
        seeds = [(cotangent, k) for k in range(found.shape[0])]
        parts.append(Part(seeds, GRADIENT, turned, columns[turned], rows[turned], back))
    return compressed(program, parts, fresh(program, "jacobian"))


def _sparse_hessian(
    name: str, program: Program, recording: Recording, extra: Extra, target: Kept
) -> Program:
    """The entries that there are: forward over reverse, along directions of many inputs."""
    _one_result(name, recording, "a Hessian")
    with importing:
        from .passes.colouring import symmetric
        from .passes.compressed import Part, compressed
        from .passes.pattern import both_ways, pattern
    wrt = recording.wrt
    program = simplify(gradient(program, (OUTPUT, 0), wrt, target=target))
    found = both_ways(pattern(program, wrt, GRADIENT))
    recording.sparse[Wanted.SPARSE_HESSIAN.value.name] = found
    if not found.count:
        return _nothing(program)
    colours, rows, columns = symmetric(found.rows, found.columns, len(wrt))
    part = Part(wrt, GRADIENT, np.arange(found.count), rows, columns, colours)
    return compressed(program, [part], fresh(program, "hessian"))


def _nothing(program: Program) -> Program:
    """A program of no results, with the inputs of this one."""
    result = Program({a.name: a for a in program.with_role(*GIVEN, Role.EXTENT)})
    result.declare(fresh(program, "entries"), Role.OUTPUT, 0)
    return result


def _weighted(program: Program, weights: str) -> str:
    """Append the sum of the results times their weights; return the name of that scalar."""
    total = program.declare(fresh(program, "weighted"), Role.TEMPORARY).name
    size = program.arrays[OUTPUT].size
    program.assign(Access(total), -0.0)
    if size <= UNROLLED_RESULTS:
        for k in range(size):
            term = Apply(mul, (Access(weights, k), Access(OUTPUT, k)))
            program.assign(Access(total), term, accumulate=add)
    else:
        term = Apply(mul, (Access(weights, 0, (1,)), Access(OUTPUT, 0, (1,))))
        program.assign(Access(total, 0, (0,)), term, (size,), accumulate=add)
    return total


def _only(program: Program, output: str) -> Program:
    """The program with one output, the others being temporaries."""
    for a in program.with_role(Role.OUTPUT):
        if a.name != output:
            program.arrays[a.name] = replace(a, role=Role.TEMPORARY)
    return program


def _joined(program: Program, second: str) -> Program:
    """The program with its results, and the array `second` behind them, as its outputs."""
    sizes = [program.arrays[name].size for name in (OUTPUT, second)]
    if sizes[0] == 1:
        return program
    both = program.declare(fresh(program, "results"), Role.OUTPUT, sum(sizes)).name
    for name, size, start in zip((OUTPUT, second), sizes, (0, sizes[0]), strict=True):
        copy(program, Access(name), Access(both, start), size)
    return _only(program, both)


_TRANSFORMS: dict[Wanted, Callable[[str, Program, Recording, Extra, Kept], Program]] = {
    Wanted.GRADIENT: _gradient,
    Wanted.BOTH: _both,
    Wanted.JACOBIAN: _jacobian,
    Wanted.HESSIAN: _hessian,
    Wanted.SPARSE_JACOBIAN: _sparse_jacobian,
    Wanted.SPARSE_HESSIAN: _sparse_hessian,
    Wanted.JVP: _jvp,
    Wanted.VJP: _vjp,
    Wanted.HVP: _hvp,
}
