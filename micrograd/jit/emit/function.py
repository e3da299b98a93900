"""Schedule -> MLIR module in the llvm dialect, through the bindings' builders.

Requires a verified program of ops that have an emission (simplify.expand), and its schedule.
Establishes a module that MLIR verifies, with

    @main(inputs..., outputs...)     the kernel; scalars by value, arrays by pointer; an output of
                                     one element may be the result; an extent is a pointer to an
                                     i64, if padded a multiple of the schedule's `multiple`
    @_mlir_ciface_main               its C interface, as MLIR's own lowering would name it
    @p0, @p1, ...                    pointers to the parameter stores, set once after linking
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from lowering.bindings import ir

from ...locks import importing, lazy_property
from ..dialect.blocks import new_module
from ..ir.program import Access, Array, Expr, Role, Statement
from ..schedule.lanes import VectorLoop
from ..schedule.nest import Nest
from ..schedule.product import Product
from ..schedule.repeat import Repeat
from ..schedule.schedule import Schedule, Step
from ..target import Target
from .builder import Builder
from .data import INLINE_DATA, constant_data
from .interface import ENTRY, Interface
from .storage import Storage, in_pieces

if TYPE_CHECKING:
    from .origins import Origins
    from .shared_loops import SharedLoops


def emit(
    schedule: Schedule, interface: Interface, target: Target, origins: Origins | None = None
) -> ir.Module:
    """The module of a schedule, built in the current MLIR context and verified.

    origins   of this schedule, to which the locations of operations refer then; the module is
              looked at, and has no C interface, which is `main` once more
    """
    with new_module() as module, origins.of_none() if origins else nullcontext():
        builder = Builder(module, target)
        builder.origins = origins
        emitter = Emitter(builder, schedule, interface)
        emitter.globals()
        emitter.kernel(ENTRY)
        if origins is None:
            emitter.c_interface()
    return module


class Emitter:
    """Emits the functions of a schedule into the builder's module."""

    def __init__(
        self,
        builder: Builder,
        schedule: Schedule,
        interface: Interface,
    ) -> None:
        self.builder = builder
        self.module = builder.module
        self.schedule = schedule
        self.program = schedule.program
        self.interface = interface
        self.arguments = interface.arguments(self.program)
        self.storage: Storage

    @lazy_property
    def loops(self) -> SharedLoops:
        """What emits loops in vectors."""
        with importing:
            from .shared_loops import SharedLoops
        return SharedLoops(self.schedule)

    # -- functions -----------------------------------------------------------------------------

    def globals(self) -> None:
        """The parameter stores and constant data."""
        for a in self.program.with_role(Role.PARAMETER):
            self.builder.pointer_variable(a.name)
        b = self.builder
        for name, numbers in constant_data(self.program, b.target.dtype).items():
            if len(numbers) > INLINE_DATA and not b.whole:
                b.pointer_variable(name)
            else:
                b.data(name, numbers, b.type_of(self.program.arrays[name]))

    @property
    def result(self) -> ir.Type | None:
        """The type that the kernel returns."""
        return self.builder.number if self.interface.returned else None

    @property
    def types(self) -> list[ir.Type]:
        """The types of the kernel's arguments."""
        types = [self._type(a) for a in self.arguments]
        return [*types, self.builder.ptr] if self.interface.team else types

    def kernel(self, name: str, *, internal: bool = False, apart: bool = False) -> None:
        """The chunks, then the kernel itself; `apart`: it is not inlined, and so optimised as
        it is by itself.
        """
        types = self.types
        if len(self.schedule.functions) > 1:
            for k, steps in enumerate(self.schedule.functions):
                self.function(
                    f"part{k}", [*types, self.builder.ptr], None, internal=True, apart=True
                )
                self._begin(self.builder.block.arguments[len(types)])
                self._body(steps)
                self.storage.memory.release()
                self.builder.leave()
        self.function(name, types, self.result, internal=internal, apart=apart)
        self._begin(None)
        self._allocate_workspace()
        if len(self.schedule.functions) > 1:
            workspace = self.storage.workspace
            if workspace is None:
                workspace = self.builder.build("llvm.mlir.zero", [self.builder.ptr], [])
            passed = [*self.builder.block.arguments, workspace]
            for k in range(len(self.schedule.functions)):
                self.builder.call(f"part{k}", passed)
        else:
            self._body(self.schedule.functions[0])
        returned = self.interface.returned
        results = [self.storage.read(Access(returned))] if returned else []
        self.storage.memory.release()
        self.builder.leave(*results)

    def _type(self, a: Array) -> ir.Type:
        return self.builder.number if a.name in self.interface.by_value else self.builder.ptr

    def function(
        self,
        name: str,
        types: Sequence[ir.Type],
        result: ir.Type | None,
        *,
        internal: bool = False,
        apart: bool = False,
        marked: bool = True,
    ) -> None:
        """Begin a function; building goes on in its entry block.

        internal   only this module calls it
        apart      it is not inlined
        marked     its arguments are the kernel's, whose properties LLVM is told
        """
        attributes = self.builder.as_written
        if apart:
            attributes["no_inline"] = ir.UnitAttr.get()
        if not internal:
            attributes["llvm.emit_c_interface"] = ir.UnitAttr.get()
        marks = []
        for a, type in zip(self.arguments if marked else [], types, strict=False):
            pointer = type == self.builder.ptr
            mark = "llvm.noalias, llvm.nonnull"
            mark += ", llvm.readonly" if a.role not in (Role.OUTPUT, Role.STATE) else ""
            marks.append(f"{{{mark}}}" if pointer else "{}")
        if marked and self.interface.team:  # other threads write there
            marks.append("{}")
        marks += ["{llvm.noalias}" if marked else "{}"] * (len(types) - len(marks))
        if any(mark != "{}" for mark in marks):
            attributes["arg_attrs"] = ir.Attribute.parse(f"[{', '.join(marks)}]")
        self.builder.function(name, types, result, internal=internal, attributes=attributes)

    def c_interface(self) -> None:
        """`main` under the name that MLIR's own lowering would give its C interface."""
        types, result = self.types, self.result
        self.function(f"_mlir_ciface_{ENTRY}", types, result)
        call = self.builder.call(ENTRY, list(self.builder.block.arguments), result)
        self.builder.leave(*([call] if result is not None else []))

    # -- bodies --------------------------------------------------------------------------------

    def _begin(self, workspace: ir.Value | None) -> None:
        """Tie the arrays to the arguments of the function that has just begun."""
        arguments = list(self.builder.block.arguments)
        self.storage = Storage(
            self.builder,
            self.schedule,
            self.arguments,
            self.interface.by_value,
            arguments,
        )
        self.storage.workspace = workspace
        if self.interface.team:
            self.storage.team = arguments[len(self.arguments)]

    def _allocate_workspace(self) -> None:
        schedule, storage = self.schedule, self.storage
        pieces = self._in_pieces()
        for name, size in schedule.apart.items():
            storage.bases[name] = storage.allocate(size, in_pieces=size > 1 and name in pieces)
        if schedule.workspace_size:
            several = not pieces.isdisjoint(schedule.workspace)
            storage.workspace = storage.allocate(schedule.workspace_size, in_pieces=several)

    def _in_pieces(self) -> set[str]:
        """The arrays of which more may be loaded at once than has been stored: of points that lie
        in lanes, what is stored lane by lane.
        """
        body = self.program.statements
        if self.builder.lanes > 1:
            body = [s for s in body if s.target.parts]
            return {s.target.array for s in body}
        return in_pieces(body)

    def _body(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Statement):
                with self.builder.made_for(step):
                    self._assign(step)
            elif isinstance(step, Repeat):
                self._repeat(step)
            else:
                with self.builder.made_for(*step.statements):
                    self._loop(step)

    def _loop(self, step: VectorLoop | Nest | Product) -> None:
        if isinstance(step, Nest):
            with importing:
                from .nest import NestEmitter
            NestEmitter(self.builder, step, self.storage).emit()
        elif isinstance(step, Product):
            with importing:
                from .products import ProductEmitter
            ProductEmitter(self.builder, step, self.storage).emit()
        else:
            self.loops.emit(self.builder, step, self.storage)

    def _repeat(self, step: Repeat) -> None:
        b = self.builder
        if step.count == 0:  # a loop runs once before it asks
            return
        with b.loop(b.integer(step.count)) as index:
            if step.backwards:
                index = b.integer_op("llvm.sub", b.integer(step.count - 1), index)
            with self.storage.moved(step, index):
                if step.condition is None:
                    self._body(step.steps)
                else:
                    self._alternatives(step, step.condition)

    def _alternatives(self, step: Repeat, condition: Expr) -> None:
        """An iteration's steps, or those that do the same at once where a condition holds."""
        with importing:
            from .operands import everywhere
        b = self.builder
        holds = everywhere(self.storage, condition, step.points)
        with b.when(holds):
            self._body(step.at_once)
        with b.when(b.negated(holds)):
            self._body(step.steps)

    def _assign(self, s: Statement) -> None:
        storage = self.storage
        value = self._value(s.expr)
        if s.accumulate is not None:
            value = self.builder.add(storage.read(s.target), value)
        storage.write(s.target, value)

    def _value(self, expr: Expr) -> ir.Value:
        if isinstance(expr, Access):
            return self.storage.read(expr)
        return self.builder.expression(expr, self._value)
