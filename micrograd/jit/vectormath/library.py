"""Expansions as functions of the module that uses them.

An expansion is built once per type of its operands, as an internal function. LLVM inlines it while
a module has few calls of it; a long program that calls it often keeps the calls, so that the time
to compile does not grow with the length of the expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from lowering.bindings import ir

from ...ops import Op
from .numbers import Build, Real

Expansion = Callable[..., Real]
"""The result of an op, built from its operands."""

INLINED = 300
"""How many operations all calls of an expansion may be together to be inlined.

Each takes LLVM some 0.2 ms; a call costs a vector about as much as ten operations.
"""


class Module(Build, Protocol):
    """What of the Builder the library uses."""

    module: ir.Module

    def inside(self, point: ir.InsertionPoint) -> AbstractContextManager[None]:
        """Build there, where no other value is visible, and go on here afterwards."""

    def callee(self, name: str, operands: int) -> dict[str, ir.Attribute]:
        """The attributes of a direct llvm.call."""


class Library:
    """The expansions that one module uses."""

    def __init__(self, b: Module) -> None:
        self._b = b
        self._functions: dict[tuple[Op, str], Any] = {}
        self._calls: dict[tuple[Op, str], int] = {}

    def call(self, op: Op, expansion: Expansion, operands: Sequence[ir.Value]) -> ir.Value:
        """The op on operands of one type, through the function of its expansion."""
        type = operands[0].type
        key = (op, str(type))
        if key not in self._functions:
            self._functions[key] = self._define(op, expansion, type)
        function = self._functions[key]
        calls = self._calls[key] = self._calls.get(key, 0) + 1
        size = len(function.regions[0].blocks[0].operations)
        if size * calls > INLINED and "always_inline" in function.attributes and calls > 1:
            del function.attributes["always_inline"]
            function.attributes["no_inline"] = ir.UnitAttr.get()
        callee = self._b.callee(function.attributes["sym_name"].value, len(operands))
        return self._b.build("llvm.call", [type], operands, callee)

    def _define(self, op: Op, expansion: Expansion, type: ir.Type) -> Any:
        spelled = str(type).removeprefix("vector<").removesuffix(">")
        names = [f"%x{k}" for k in range(op.arity)]
        taken = ", ".join(f"{name}: {type}" for name in names)
        function = ir.Operation.parse(
            f"llvm.func internal @{op.name}.{spelled}({taken}) -> {type} "
            f"attributes {{always_inline, no_unwind}} {{ llvm.return %x0 : {type} }}"
        )
        self._b.module.body.append(function)
        block = function.regions[0].blocks[0]
        (leave,) = block.operations
        with self._b.inside(ir.InsertionPoint(leave)):
            result = expansion(*(Real.of(self._b, x) for x in block.arguments))
        leave.operation.operands[0] = result.value
        return function
