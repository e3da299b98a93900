"""Program -> machine code. Nothing of it is made before it is asked for, and it is kept between
processes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import proxy

import numpy.typing as npt

import lowering
from lowering.bindings import context, ir

from ..cache.keys import fields_of
from ..locks import Lock, importing, lazy_property
from ..store import Store
from .emit.data import INLINE_DATA, STACK_BYTES, constant_data
from .emit.interface import ENTRY, Interface
from .emit.making import set_pointer
from .ir.extents import Entries, is_number
from .ir.program import Loop, Program, Role, asks, loops
from .target import Target
from .trace.trace import without_collecting

if TYPE_CHECKING:
    from .emit.making import Making
    from .schedule.schedule import Schedule

Emit: TypeAlias = "Callable[[Schedule, Interface, Target], ir.Module]"
Addresses: TypeAlias = Callable[[Collection[str]], Mapping[str, int]]


def compile_program(
    program: Program,
    target: Target,
    interface: Interface,
    *,
    stores: Sequence[Store] = (),
    emit: Emit | None = None,
    points: bool = False,
) -> Code:
    """An optimised program as code.

    stores   that the arrays p0, p1, ... are in
    emit     what makes the module of the schedule; by default emit/function.py
    points   numbers become vectors of points
    """
    if points and any(isinstance(x.extent, Entries) and x.going for x in loops(program.body)):
        target = replace(target, vector_bits=target.bits)  # it is noted how often each point runs
    return Code(program, target, interface, stores, emit, points)


class Code:
    """A program on its way to machine code; it owns that, and holds the stores that it reads.

    given    the program, before its points are put in another order
    """

    def __init__(
        self,
        program: Program,
        target: Target,
        interface: Interface,
        stores: Sequence[Store],
        emit: Emit | None,
        points: bool,
    ) -> None:
        self.given = program
        self.target = target
        self.interface = interface
        self.stores = stores
        self._extend: Callable[[ir.Module], None] | None = None
        self._extended: Any = None
        self._symbols: Addresses | None = None
        self._emit = emit
        self._points = points
        self._native: lowering.NativeModule | None = None
        self._lock = Lock()

    def extend(
        self,
        extend: Callable[[ir.Module], None],
        made_from: Any,
        symbols: Addresses | None = None,
    ) -> None:
        """Have something added to the module that runs, and not to the one that is shown.

        made_from   all that it depends on, beside the program, the target and the interface
        symbols     the addresses of what that refers to, by its names
        """
        self._extend, self._extended, self._symbols = extend, made_from, symbols

    @lazy_property
    def program(self) -> Program:
        """The program as it is scheduled."""
        program, target = self.given, self.target
        in_turn = any(isinstance(node, Loop) for node in program.body)
        if not self._points and in_turn and not asks(program.body):
            with importing:
                from .schedule.columns import by_columns
                from .schedule.wavefronts import wavefronts
            program = by_columns(wavefronts(program, target), target)
        varying = any(not is_number(n) for s in program.statements for n in s.domain)
        if varying and not self._points and target.masks:
            with importing:
                from .schedule.spaced import spaced
            program = spaced(program, target)
        return program

    @lazy_property
    def schedule(self) -> Schedule:
        """Where everything lies, and in which loops it runs."""
        with importing:
            from .schedule.schedule import schedule
        return schedule(
            self.program,
            self.target,
            returned=self.interface.returned,
            points=self._points,
            padded=self.interface.padded,
        )

    @lazy_property
    def data(self) -> dict[str, npt.NDArray[Any]]:
        """The constants that are too long for the module, by name."""
        if not self._making.told["data"]:
            return {}
        found = constant_data(self.program, self.target.dtype)
        return {name: data for name, data in found.items() if len(data) > INLINE_DATA}

    @property
    def workspace_size(self) -> int:
        """Numbers that a call needs room for."""
        return self._making.told["workspace_size"]

    @property
    def shared_work(self) -> int:
        """Operations of a call that threads may share."""
        return self._making.told["shared_work"]

    @property
    def multiple(self) -> int:
        """Of how many every run-time extent must be a multiple."""
        return self._making.told["multiple"]

    @property
    def heap(self) -> int:
        """Bytes that a call takes from the heap."""
        size = self.workspace_size * self.target.dtype.itemsize
        return size if size > STACK_BYTES else 0

    @property
    def mlir(self) -> str:
        """The module as text."""
        with context():
            return str(self._module()).rstrip("\n")

    def _module(self) -> ir.Module:
        if self._emit is not None:
            return self._emit(self.schedule, self.interface, self.target)
        with importing:
            from .emit.function import emit
        return emit(self.schedule, self.interface, self.target)

    def stage(self, name: str) -> str:
        """A stage as text, from the schedule on. LLVM runs for what it makes: of code that was kept
        it compiles the module again, to look at it.
        """
        match name:
            case "schedule":
                return str(self.schedule)
            case "mlir":
                return self.mlir
        native = self.native
        if not native.is_compiled:
            native, _ = self._making.compiled()
        return native.llvm_ir if name == "llvm_ir" else native.assembly

    @property
    def native(self) -> lowering.NativeModule:
        """The machine code; compiled by the first thread that needs it."""
        with self._lock:
            if self._native is None:
                self._native = self._linked()
            return self._native

    @property
    def address(self) -> int:
        """The address of `main`."""
        return self.native.address(ENTRY)

    def release(self) -> lowering.NativeModule | None:
        """The machine code, if there is any, which this holds no longer."""
        with self._lock:
            code, self._native = self._native, None
            return code

    @lazy_property
    def _making(self) -> Making:
        """What makes the machine code, or has it from another process."""
        with importing:
            from .emit.native import making
        made_from = self.given, fields_of(self.interface), self._emit, self._points, self._extended
        this = proxy(self)  # it is held by this: so code is gone with its kernel, at once
        return making(
            lambda: this._extended_module(),
            self.target,
            ("kernel", *made_from),
            opt_level=lambda: this.schedule.opt_level,
            passes=lambda: this._points or this.schedule.passes,
            symbols=self._symbols,
            facts=lambda: this._told(),
        )

    def _extended_module(self) -> ir.Module:
        module = self._module()
        if self._extend is not None:
            self._extend(module)
        return module

    def _told(self) -> dict[str, int]:
        """What is known of kept code without a schedule."""
        schedule = self.schedule
        return {
            "data": sum(a.size > INLINE_DATA for a in self.program.with_role(Role.CONSTANT)),
            "multiple": schedule.multiple,
            "shared_work": schedule.shared_work,
            "workspace_size": schedule.workspace_size,
        }

    @without_collecting()
    def _linked(self) -> lowering.NativeModule:
        code = self._making.native()
        pointers = {f"p{k}": store.address for k, store in enumerate(self.stores)}
        pointers |= {name: data.ctypes.data for name, data in self.data.items()}
        for name in pointers.keys() & set(code.symbols):
            set_pointer(code, name, pointers[name])
        return code
