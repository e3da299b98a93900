"""Emits `of_objects`, which calls the `main` of a function of Tensors on a list of NumPy's arrays.

    int64_t of_objects(PyListObject *arrays, void *dtype, int64_t samples, void *team, void *main)

It reads where their numbers lie, after a look at those that are given: each has this dtype, and its
numbers lie in a row. If one is otherwise, nothing is called, and 0 comes back. No lock of Python's
is needed: the list is the caller's own, who holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowering.bindings import ir

from ..emit.builder import Builder
from ..target import Target
from .callable import LAYOUT
from .cpython import Objects
from .ndarrays import ALIGNED, ARRAY, CONTIGUOUS

OF_OBJECTS = "of_objects"


@dataclass(frozen=True, slots=True)
class Passed:
    """How an argument of `main` is passed.

    place     in the list of arrays; None: it is no array, but the number of samples
    factor    how often samples are counted, as a number of what main computes in; 0: as an integer
    checked   whether it is looked at
    """

    place: int | None
    factor: int = 0
    checked: bool = False


def emit_of_objects(module: ir.Module, passed: Sequence[Passed], target: Target) -> None:
    """Append it to the module of `main`, whose last argument is a team."""
    with ir.Location.unknown():
        o = Objects(Builder(module, target))
        b = o.b
        start = o.function(OF_OBJECTS, [o.ptr, o.ptr, o.i64, o.ptr, o.ptr], o.i64)
        arrays, dtype, samples, team, main = start.arguments
        other = o.block()
        counts = [o.allocate(1, o.i64 if not p.factor else None) for p in passed if p.place is None]
        items = o.pointer(arrays, LAYOUT.list_items)
        found: list[ir.Value] = []
        wrong: list[ir.Value] = []
        for p in passed:
            if p.place is None:
                room = counts.pop(0)
                number = samples
                if p.factor:
                    number = o.integer_op("mul", samples, p.factor)
                    number = b.build("llvm.sitofp", [o.number], [number])
                b.store(number, room)
                found.append(room)
                continue
            x = o.pointer(items, 8 * p.place)
            if p.checked:
                flags = o.integer_op("and", o.word(x, ARRAY.flags), CONTIGUOUS | ALIGNED)
                wrong.append(o.compare("ne", flags, CONTIGUOUS | ALIGNED))
                wrong.append(o.compare("ne", o.pointer(x, ARRAY.descr), dtype))
            found.append(o.pointer(x, ARRAY.data))
        if wrong:
            some = wrong[0]
            for x in wrong[1:]:
                some = b.build("llvm.or", [o.i1], [some, x])
            unchecked = o.is_null(dtype)
            right = b.build("llvm.xor", [o.i1], [some, b.constant_integer(1, o.i1)])
            o.require(b.build("llvm.or", [o.i1], [right, unchecked]), other)
        b.call(main, [*found, team], None)
        b.leave(o.integer(1))
        b.enter(other)
        b.leave(o.integer(0))
