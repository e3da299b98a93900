"""What machine code in place of Python's methods has in common: functions of its own, and calls of
the definitions in Python that it leaves things to.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from .cpython import Objects

MOST_OPERANDS = 3
"""Of an op, in rows of the tape, in columns of a walk, and in calls of definitions."""


class Definitions:
    """Appends internal functions to the module of `o`."""

    def __init__(self, o: Objects) -> None:
        self.o = o

    def _internal(self, name: str, types: Sequence[ir.Type], result: ir.Type) -> Sequence[ir.Value]:
        return list(self.o.b.function(name, types, result, internal=True).arguments)

    def _pass_on(self) -> None:
        """What a definition of Python's gives of so many operands."""
        o, b = self.o, self.o.b
        types = [o.ptr, o.i64, *[o.ptr] * MOST_OPERANDS]
        definition, count, *operands = self._internal("definition", types, o.ptr)
        room = o.allocate(len(operands), o.ptr)
        for k, x in enumerate(operands):
            b.store(x, o.at(room, 8 * k))
        b.leave(o.call("PyObject_Vectorcall", definition, room, count, o.null()))

    def _passed_on(self, definition: ir.Value, operands: Sequence[ir.Value]) -> ir.Value:
        o = self.o
        rest = [o.null() for _ in range(MOST_OPERANDS - len(operands))]
        count = o.integer(len(operands))
        return o.b.call("definition", [definition, count, *operands, *rest], o.ptr)
