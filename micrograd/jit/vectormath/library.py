"""Expansions as functions of the module that uses them.

An expansion is built once per type of its operands, as an internal function. LLVM inlines it while
a module has few calls of it; a long program that calls it often keeps the calls, so that the time
to compile does not grow with the length of the expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lowering.bindings import ir

from ...ops import Op
from ..dialect.blocks import Blocks
from .numbers import Real

Expansion = Callable[..., Real]
"""The result of an op, built from its operands."""

INLINED = 1000
"""How many operations all calls of an expansion may be together to be inlined. OPERANDS are none.

Each takes LLVM some 0.2 ms; a call costs a vector about as much as ten operations.
"""
OPERANDS = ("llvm.mlir.constant", "llvm.mlir.addressof", "llvm.load")
"""What is part of the instructions that read it: constants, wherever they are."""


class Library:
    """The expansions that one module uses.

    others   the library of another builder for the same module
    """

    def __init__(self, b: Blocks, others: Library | None = None) -> None:
        self._b = b
        self._functions: dict[tuple[Op, str], Any] = others._functions if others else {}
        self._calls: dict[tuple[Op, str], int] = others._calls if others else {}

    def call(self, op: Op, expansion: Expansion, operands: Sequence[ir.Value]) -> ir.Value:
        """The op on operands of one type, through the function of its expansion."""
        type = operands[0].type
        key = (op, str(type))
        if key not in self._functions:
            self._functions[key] = self._define(op, expansion, type)
        function = self._functions[key]
        calls = self._calls[key] = self._calls.get(key, 0) + 1
        body = function.regions[0].blocks[0].operations
        size = sum(made.operation.name not in OPERANDS for made in body)
        if size * calls > INLINED and "always_inline" in function.attributes and calls > 1:
            del function.attributes["always_inline"]
            function.attributes["no_inline"] = ir.UnitAttr.get()
        return self._b.call(function.attributes["sym_name"].value, operands, type)

    def _define(self, op: Op, expansion: Expansion, type: ir.Type) -> Any:
        return define(self._b, symbol(op.name, type), expansion, [type] * op.arity, "always_inline")


def symbol(name: str, type: ir.Type) -> str:
    """The name of a function for a type of numbers."""
    return f"{name}.{str(type).removeprefix('vector<').removesuffix('>')}"


def define(
    b: Blocks,
    name: str,
    body: Expansion,
    types: Sequence[ir.Type],
    inlining: str,
    attributes: dict[str, ir.Attribute] | None = None,
) -> Any:
    """A function of the module, built aside, that gives what `body` gives for its arguments."""
    marks = {inlining: ir.UnitAttr.get(), "no_unwind": ir.UnitAttr.get()}
    with b.inside():
        block = b.function(
            name, types, types[0], internal=True, attributes=marks | (attributes or {})
        )
        b.leave(body(*(Real.of(b, x) for x in block.arguments)).value)
    return block.owner
