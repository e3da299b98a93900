"""The results of a program whose values are scalars: an array with a copy of each.

Requires the values in order: scalars, elements of arrays, and numbers. Establishes statements that
copy them to the output array: a loop where many lie in a row or come again. A thousand copies are
not a thousand stores then, in whose number LLVM's time is quadratic.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ..ir.nests import Ints, factor, pieces
from ..ir.program import Access, Expr, Program, Role, Statement, entry

OUTPUT = "out"
"""The array of a program's results."""
FEW = 16
"""Results in a row up to which each is copied by itself."""
MOST_LOOPS = 8
"""Loops that copy the elements of one array; more are one, which reads through an index table."""


def write_outputs(
    program: Program, output: str, values: Sequence[Expr], nodes: Sequence[int] = ()
) -> None:
    """Append the statements that set the output; `nodes`: of a graph, that the values are of. Cost:
    linear.
    """
    size, before = len(values), len(program.body)
    if size > FEW:
        values = _gathered(program, values, nodes)
    start = 0
    for home, group in groupby(values, key=_home):
        some = list(group)
        if len(some) <= FEW:
            for k, value in enumerate(some, start):
                program.assign(Access(output, k), value)
        elif home is None:
            _copy_numbers(program, Access(output, start, (1,)), np.array(some))
        else:
            index = np.array([v.offset for v in some if isinstance(v, Access)])
            _copy_elements(program, output, start, home, index)
        start += len(some)
    for s in program.body[before:] if nodes else ():
        assert isinstance(s, Statement)
        if s.target.array == output:  # the elements are written in order
            s.origin = nodes[s.target.offset : s.target.offset + s.points]


def _home(value: Expr) -> str | None:
    """The array that a value is in; None for a number."""
    return value.array if isinstance(value, Access) else None


def _gathered(program: Program, values: Sequence[Expr], nodes: Sequence[int]) -> Sequence[Expr]:
    """The values as elements of an array that has each once, if most of them come again."""
    keys = [repr(v) if isinstance(v, float) else v for v in values]  # 0.0 and -0.0 are equal
    known = dict(zip(keys, values, strict=True))
    if not 1 < len(known) <= len(values) // 2:
        return values
    name = program.declare(_new(program, "t"), Role.TEMPORARY, len(known)).name
    first = dict(zip(reversed(keys), reversed(nodes), strict=True)) if nodes else {}
    place = {}
    for k, (key, value) in enumerate(known.items()):
        place[key] = Access(name, k)
        origin = (first[key],) if first else ()
        program.body.append(Statement(place[key], value, origin=origin))
    return [place[key] for key in keys]


def _copy_numbers(program: Program, target: Access, numbers: np.ndarray) -> None:
    bits = numbers.view(np.int64)
    value: Expr = float(numbers[0])
    if (bits != bits[0]).any():
        name = program.declare(_new(program, "c"), Role.CONSTANT, len(numbers), numbers).name
        value = Access(name, 0, (1,))
    program.assign(target, value, (len(numbers),))


def _copy_elements(program: Program, output: str, start: int, home: str, index: Ints) -> None:
    parts = pieces(index[None, :], MOST_LOOPS)
    if parts is None:
        table = _new(program, "index")
        source = entry(home, program.table(table, index), 0, (1,))
        program.assign(Access(output, start, (1,)), source, (len(index),))
        return
    for low, high in parts:
        nest = factor(np.stack([np.arange(low, high), index[low:high]]))
        assert nest is not None
        source = Access(home, int(index[low]), nest.strides_of(1))
        program.assign(Access(output, start + low, nest.strides_of(0)), source, nest.counts)


def _new(program: Program, kind: str) -> str:
    """A name of this kind that the program has not."""
    names = (f"{kind}{k}" for k in range(len(program.arrays) + 1))
    return next(n for n in names if n not in program.arrays)
