"""Schedule -> MLIR module in the llvm dialect, through the bindings' builders.

Requires a verified program of ops that have an emission (simplify.expand), and its schedule.
Establishes a module that MLIR verifies, with

    @main(inputs..., outputs...)     the kernel; scalars by value, arrays by pointer; an output of
                                     one element may be the result
    @_mlir_ciface_main               its C interface, as MLIR's own lowering would name it
    @p0, @p1, ...                    pointers to the parameter stores, set once after linking

and, when it is to be mapped over arrays, a NumPy ufunc inner loop around `main`:

    @main_loop(args, dimensions, steps, data)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lowering.bindings import ir

from .builder import Builder, declare
from .emit_loops import LoopEmitter
from .program import Access, Array, Expr, Program, Role, Statement
from .schedule import Schedule, Step
from .storage import INLINE_DATA, Storage, in_pieces

ENTRY = "main"
STACK_BYTES = 32 * 1024
"""A workspace up to this size is on the stack; a larger one is allocated for the call."""


def constant_data(program: Program, bits: int) -> dict[str, npt.NDArray[Any]]:
    """The constants and index tables of a program by name, as the code reads them.

    Those of more than INLINE_DATA entries are not part of the module: `@name` is a pointer to
    them, set once after linking, like the pointers to the parameter stores.
    """
    data: dict[str, npt.NDArray[Any]] = {
        a.name: np.asarray(a.data, dtype=f"f{bits // 8}") for a in program.with_role(Role.CONSTANT)
    }
    return data | {name: table.astype(np.int32) for name, table in program.tables.items()}


@dataclass(frozen=True, slots=True)
class Interface:
    """How `main` is called: which inputs come by value, and which output is its result."""

    by_value: frozenset[str]
    returned: str | None


def emit(
    schedule: Schedule, interface: Interface, *, bits: int, exact: bool, mapped: bool = False
) -> ir.Module:
    """The module of a schedule, built in the current MLIR context and verified.

    bits    the element type: 32 or 64
    exact   no fast-math flags: compiled and interpreted results are equal
    mapped  add `main_loop`
    """
    with ir.Location.unknown():
        module = ir.Module.create()
        emitter = _Emitter(module, schedule, interface, bits, exact)
        emitter.emit()
        if mapped:
            emitter.emit_loop()
    module.operation.verify()
    return module


class _Emitter:
    def __init__(
        self, module: ir.Module, schedule: Schedule, interface: Interface, bits: int, exact: bool
    ) -> None:
        self.module = module
        self.schedule = schedule
        self.program = schedule.program
        self.interface = interface
        self.exact = exact
        self.builder = Builder(module, bits, exact=exact)
        self.arguments = [
            a
            for a in self.program.with_role(Role.INPUT, Role.OUTPUT)
            if a.name != interface.returned
        ]
        self.storage: Storage

    # -- functions -----------------------------------------------------------------------------

    def emit(self) -> None:
        """Globals, then the chunks, then main and its C interface."""
        for a in self.program.with_role(Role.PARAMETER):
            self._global(f"external @{a.name}() : !llvm.ptr", "llvm.mlir.zero : !llvm.ptr")
        for name, numbers in constant_data(self.program, self.builder.bits).items():
            if len(numbers) > INLINE_DATA:
                self._global(f"external @{name}() : !llvm.ptr", "llvm.mlir.zero : !llvm.ptr")
            else:
                self._table(name, numbers)
        result = self.builder.number if self.interface.returned else None
        types = [self._type(a) for a in self.arguments]
        if len(self.schedule.functions) > 1:
            for k, steps in enumerate(self.schedule.functions):
                self._function(f"part{k}", [*types, self.builder.ptr], None, internal=True)
                self._begin(self.builder.block.arguments[len(types)])
                self._body(steps)
                self.builder.build("llvm.return", [], [])
        self._function(ENTRY, types, result)
        self._begin(None)
        release = self._allocate_workspace()
        if len(self.schedule.functions) > 1:
            passed = [*self.builder.block.arguments, self.storage.workspace]
            for k in range(len(self.schedule.functions)):
                callee = self.builder.callee(f"part{k}", len(passed))
                self.builder.build("llvm.call", [], passed, callee)
        else:
            self._body(self.schedule.functions[0])
        returned = self.interface.returned
        results = [self.storage.read(Access(returned))] if returned else []
        if release:
            callee = self.builder.callee("free", 1)
            self.builder.build("llvm.call", [], [self.storage.workspace], callee)
        self.builder.build("llvm.return", [], results)
        self._c_interface(types, result)

    def _type(self, a: Array) -> ir.Type:
        return self.builder.number if a.name in self.interface.by_value else self.builder.ptr

    def _function(
        self,
        name: str,
        types: Sequence[ir.Type],
        result: ir.Type | None,
        *,
        internal: bool = False,
        marked: bool = True,
    ) -> None:
        """Begin a function; building goes on in its entry block."""
        signature = ", ".join(map(str, types))
        text = f"!llvm.func<{result if result is not None else 'void'} ({signature})>"
        attributes = {
            "sym_name": ir.StringAttr.get(name),
            "function_type": ir.TypeAttr.get(ir.Type.parse(text)),
            "CConv": ir.Attribute.parse("#llvm.cconv<ccc>"),
            "linkage": ir.Attribute.parse(
                "#llvm.linkage<internal>" if internal else "#llvm.linkage<external>"
            ),
            "unnamed_addr": ir.Attribute.parse("0 : i64"),
            "visibility_": ir.Attribute.parse("0 : i64"),
        }
        if internal:
            attributes["no_inline"] = ir.UnitAttr.get()
        else:
            attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
        if self.exact:
            # else LLVM would take libm's pow(x, 2) for x*x, which rounds differently
            attributes["passthrough"] = ir.Attribute.parse('["no-builtins"]')
        marks = []
        for a, type in zip(self.arguments if marked else [], types, strict=False):
            pointer = type == self.builder.ptr
            mark = "llvm.noalias, llvm.nonnull"
            mark += ", llvm.readonly" if a.role is Role.INPUT else ""
            marks.append(f"{{{mark}}}" if pointer else "{}")
        marks += ["{llvm.noalias}" if marked else "{}"] * (len(types) - len(marks))
        if any(mark != "{}" for mark in marks):
            attributes["arg_attrs"] = ir.Attribute.parse(f"[{', '.join(marks)}]")
        self.builder.enter(self.module.body)
        function = self.builder.build("llvm.func", [], [], attributes, regions=1)
        entry = function.regions[0].blocks.append(*types)
        self.builder.begin(entry)

    def _c_interface(self, types: Sequence[ir.Type], result: ir.Type | None) -> None:
        self._function(f"_mlir_ciface_{ENTRY}", types, result)
        callee = self.builder.callee(ENTRY, len(types))
        results = [result] if result is not None else []
        call = self.builder.build("llvm.call", results, self.builder.block.arguments, callee)
        self.builder.build("llvm.return", [], [call] if results else [])

    def emit_loop(self) -> None:
        """The inner loop of a ufunc: `main` on every element of its strided arguments.

        Source: NumPy's PyUFuncGenericFunction, (char **args, npy_intp const *dimensions,
        npy_intp const *steps, void *data). The arguments are main's, then its result.
        """
        b = self.builder
        types = [self._type(a) for a in self.arguments]
        self._function(f"{ENTRY}_loop", [b.ptr] * 4, None, marked=False)
        pointers, dimensions, steps, _ = b.block.arguments
        n = b.load(dimensions, b.i64)
        total = len(types) + bool(self.interface.returned)
        bases = [b.load(b.element(pointers, k, b.ptr), b.ptr) for k in range(total)]
        strides = [b.load(b.element(steps, k, b.i64), b.i64) for k in range(total)]
        byte = ir.IntegerType.get_signless(8)
        with b.loop(n) as index:
            at = [
                b.element(base, b.integer_op("llvm.mul", index, stride), byte)
                for base, stride in zip(bases, strides, strict=True)
            ]
            passed = [b.load(x, t) if t == b.number else x for x, t in zip(at, types, strict=False)]
            results = [b.number] if self.interface.returned else []
            result = b.build("llvm.call", results, passed, b.callee(ENTRY, len(passed)))
            if results:
                b.store(result, at[-1])
        b.build("llvm.return", [], [])

    def _global(self, head: str, initial: str) -> None:
        type = initial.rpartition(" : ")[2]
        self.module.body.append(
            ir.Operation.parse(
                f"llvm.mlir.global {head} {{\n  %0 = {initial}\n  llvm.return %0 : {type}\n}}"
            )
        )

    def _table(self, name: str, data: Any) -> None:
        self.builder.enter(self.module.body)
        element = self.builder.i32 if data.dtype == np.int32 else self.builder.element_type
        self.builder.build(
            "llvm.mlir.global",
            [],
            [],
            {
                "sym_name": ir.StringAttr.get(name),
                "global_type": ir.TypeAttr.get(
                    ir.Type.parse(f"!llvm.array<{len(data)} x {element}>")
                ),
                "value": ir.DenseElementsAttr.get(np.ascontiguousarray(data), type=element),
                "linkage": ir.Attribute.parse("#llvm.linkage<internal>"),
                "constant": ir.UnitAttr.get(),
            },
            regions=1,
        )

    # -- bodies --------------------------------------------------------------------------------

    def _begin(self, workspace: ir.Value | None) -> None:
        """Tie the arrays to the arguments of the function that has just begun."""
        arguments = list(self.builder.block.arguments)
        self.storage = Storage(
            self.builder, self.schedule, self.arguments, self.interface.by_value, arguments
        )
        self.storage.workspace = workspace

    def _allocate_workspace(self) -> bool:
        """Give `main` its workspace; whether it must be freed."""
        size = self.schedule.workspace_size * self.builder.bits // 8
        if not size:
            return False
        if size <= STACK_BYTES:
            pieces = in_pieces(self.program.body) & set(self.schedule.workspace)
            self.storage.workspace = self.storage.allocate(
                self.schedule.workspace_size, in_pieces=bool(pieces)
            )
            return False
        declare(self.module, "@malloc(i64) -> !llvm.ptr")
        declare(self.module, "@free(!llvm.ptr)")
        callee = self.builder.callee("malloc", 1)
        bytes_ = self.builder.integer(size)
        self.storage.workspace = self.builder.build(
            "llvm.call", [self.builder.ptr], [bytes_], callee
        )
        return True

    def _body(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Statement):
                self._assign(step)
            else:
                LoopEmitter(self.builder, self.program, step, self.storage).emit()

    def _assign(self, s: Statement) -> None:
        storage = self.storage
        value = self._value(s.expr)
        if s.accumulate:
            value = self.builder.add(storage.read(s.target), value)
        storage.write(s.target, value)

    def _value(self, expr: Expr) -> ir.Value:
        if isinstance(expr, Access):
            return self.storage.read(expr)
        return self.builder.expression(expr, self._value)
