"""Recording -> native code: runs the stages for one structure of arguments.

An executable owns its machine code and keeps the parameter stores alive that the code points to.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import ir

from ..cache.keys import fields_of
from ..engine import Value
from ..errors import KernelClosed
from ..locks import Lock, importing
from .call.callable import LAYOUT
from .call.convention import Caller, Convention
from .call.entry import ANSWERED, ENTRY_POINT, NEXT, emit_entry
from .call.entry_structures import facts_of, has_entry
from .call.index_arguments import indices_of
from .call.marshalling import addresses, call_general
from .call.ndarrays import usable
from .code import Code, compile_program
from .emit.interface import ENTRY, Interface
from .emit.making import set_pointer
from .entered import let_go
from .ir import graph as graphs
from .ir.program import Program, Role
from .options import Options
from .programs import Programs
from .reroll.outputs import OUTPUT
from .schedule.counts import expected_work
from .stages import STAGES
from .target import Target
from .trace.recordings import Recording
from .trace.signature import Container, Structure
from .wanted import Wanted

if TYPE_CHECKING:
    from .call.arrays import ArrayCaller
    from .call.check import Checker
    from .schedule.schedule import Schedule

Numbers = npt.NDArray[np.float64]


class Executable:
    """One recording, compiled."""

    def __init__(
        self,
        name: str,
        recording: Recording,
        parameters: Sequence[tuple[str, Structure]],
        wanted: Wanted,
        options: Options,
        sequences: frozenset[str] = frozenset(),
        takes_out: bool = False,
    ) -> None:
        self.name = name
        self.graph = recording.trace.graph
        self.parameters = list(parameters)
        self.structures = tuple(s for _, s in parameters)
        self.wanted = wanted
        self.options = options
        self.result = recording.result
        self.wrt = recording.wrt
        self.stores = recording.trace.stores
        graphs.verify(self.graph)
        extra = self.parameters[len(self.graph.given) :]
        self._programs = Programs(name, recording, wanted, extra, options.target)
        self.transformed = self._programs.optimized
        self.sparse = recording.sparse.get(wanted.value.name)
        self.interface = self._interface()
        passed = self.interface.arguments(self.transformed)
        self.pointer_outputs = [a.size for a in passed if a.role is Role.OUTPUT]
        """The sizes of the outputs that `main` writes through pointers."""
        self.convention = Convention(
            name,
            self.parameters,
            wanted.value.structure(recording),
            self.interface.returned is not None,
            self.pointer_outputs[0] if self.pointer_outputs else None,
            options.dtype,
            self.interface.prototype(self.transformed, options.dtype),
            sequences,
            indices_of(self.graph, self.parameters),
            takes_out,
        )
        # what CPython runs by itself compares nothing: with `check`, every call goes through Python
        self.has_entry = has_entry(self.convention) and not options.check
        self.checker = self._checker() if options.check else None
        self.code = self._code(self.transformed, self.interface)
        if self.has_entry:
            target, convention, work = options.target, self.convention, self.work
            facts = fields_of(convention, without=frozenset({"prototype", "indices"}))
            self.code.extend(
                lambda module: emit_entry(module, convention, ENTRY, target, work=work),
                ("entry", facts, facts_of(convention.indices), work, LAYOUT, usable()),
                lambda names: addresses(target.dtype, names),
            )
        self.points = self._code(self.transformed, self.interface, emit=emit_points, points=True)
        """For calls with arrays: the numbers are vectors of points."""
        self._caller: Caller | None = None
        self._arrays: ArrayCaller | None = None
        self._closed = False
        self._lock = Lock()

    def _interface(self) -> Interface:
        """Numbers are passed by value, and a single result is returned."""
        program = self.transformed
        single = any(a.name == OUTPUT and a.size == 1 for a in program.with_role(Role.OUTPUT))
        inputs = zip(program.numbers, self.parameters, strict=True)
        by_value = frozenset(a.name for a, (_, s) in inputs if not isinstance(s, Container))
        return Interface(by_value, OUTPUT if single else None)

    def _code(self, program: Program, interface: Interface, **how: Any) -> Code:
        return compile_program(program, self.options.target, interface, stores=self.stores, **how)

    @property
    def live_elements(self) -> dict[Value, tuple[str, int]]:
        """The parameters, with the array of each, p0, p1, ..., and its element there."""
        names = {name for name, _ in self.graph.parameters}
        elements = self._programs.recording.trace.elements
        return {v: element for v, element in elements.items() if element[0] in names}

    # -- stages --------------------------------------------------------------------------------

    @property
    def program(self) -> Program:
        """The loops of the graph."""
        return self._programs.rerolled

    @property
    def differentiated(self) -> Program:
        """The program of what is wanted."""
        return self._programs.differentiated

    @property
    def schedule(self) -> Schedule:
        """That of `main`."""
        return self.code.schedule

    def _checker(self) -> Checker:
        with importing:
            from .call.check import Checker
        here = weakref.ref(self)  # a ring would keep the machine code until Python looks for it

        def trial(program: Program, inputs: Sequence[Numbers]) -> dict[str, Numbers]:
            executable = here()
            return executable._trial(program, inputs) if executable is not None else {}

        return Checker(
            self.name,
            self.transformed,
            self.stores,
            self.options.dtype,
            strict=self.options.strict,
            returned=self.interface.returned,
            trial=trial,
        )

    def _trial(self, program: Program, inputs: Sequence[Numbers]) -> dict[str, Numbers]:
        """What a program like this one gives, compiled in the same way but for more outputs."""
        code = self._code(program, interface := Interface(self.interface.by_value, None))
        given = {a.name: x for a, x in zip(program.with_role(Role.INPUT), inputs, strict=True)}
        return interface.call(code.address, program, self.options.dtype, given)

    @property
    def work(self) -> int:
        """How many operations a call takes, or a point of arrays: those of loops every time."""
        return expected_work(self.transformed)

    @property
    def stage_names(self) -> list[str]:
        """The stages that there are, in order; behind them those of calls with arrays."""
        arrays = ["arrays_mlir", "arrays_llvm_ir", "arrays_assembly"]
        return [*STAGES, *(arrays if self._arrays is not None else [])]

    def stage(self, name: str) -> str:
        """A stage as text. Nothing is compiled for those before LLVM IR."""
        match name:
            case "graph":
                return str(self.graph)
            case "program":
                return str(self.program)
            case "passes":
                done = [("reroll", self.program)]
                if self.differentiated is not self.program:
                    done.append((self.wanted.value.name, self.differentiated))
                with importing:
                    from .compile import passes_text
                return passes_text(done, self.options.target)
            case "simplified":
                return str(self.transformed)
            case "llvm_ir" | "assembly":
                with self._lock:
                    self._check_open()
        of_arrays = name.startswith("arrays_")
        return (self.points if of_arrays else self.code).stage(name.removeprefix("arrays_"))

    # -- calling -------------------------------------------------------------------------------

    @property
    def address(self) -> int:
        """The address of `main`."""
        return self.native.address(ENTRY)

    def before(self, following: int, answered: int) -> int:
        """The address of its entry, which hands what it cannot take to the `following` one.

        following   if that is 0, to `Kernel.__call__`
        answered    where it notes that it has answered a call, by its `mark`
        """
        native = self.native
        if not self.has_entry:
            return following
        following = following or call_general(self.options.dtype)
        set_pointer(native, ANSWERED, answered)
        set_pointer(native, NEXT, following)
        return native.address(ENTRY_POINT)

    @property
    def mark(self) -> int:
        """What its entry notes where it answers a call; 0 if it has none."""
        return self.native.address(NEXT) if self.has_entry else 0

    @property
    def native(self) -> lowering.NativeModule:
        """The machine code of `main`; compiled by the first thread that needs it.

        Calls with arrays do not: they have code of their own.
        """
        with self._lock:
            self._check_open()
            return self.code.native

    @property
    def caller(self) -> Caller:
        """Calls with numbers, through ctypes."""
        if self._caller is None:
            code = self.convention, self.address, self.native
            checker = self.checker
            if checker is None:
                self._caller = Caller(*code)
            else:
                with importing:
                    from .call.checked_calls import CheckedCaller
                self._caller = CheckedCaller(*code, checker)
        return self._caller

    def _check_open(self) -> None:
        if self._closed:
            raise KernelClosed(
                f"kernel {self.name} was closed and its machine code is freed; call jit again"
            )

    def close(self) -> None:
        """Free the machine code, or let the last call that runs in it do so."""
        with self._lock:
            self._closed = True
            native = self.code.release()
            if native is not None:
                let_go(native)
            self.points.release()
            self._arrays = None
        if self._caller is not None:
            self._caller.replace(self._refuse)

    def _refuse(self, *_: Any) -> Any:
        self._check_open()

    @property
    def c_prototype(self) -> str:
        """`main` as C declares it."""
        passed = [name for name, _ in self.convention.passed]
        return self.interface.declaration(self.transformed, self.options.dtype, passed)

    # -- mapping over arrays ---------------------------------------------------------------------

    @property
    def arrays(self) -> ArrayCaller:
        """Calls with arrays; compiled by the first thread that needs it."""
        arrays = self._arrays
        if arrays is not None:
            return arrays
        with self._lock:
            self._check_open()
            if self._arrays is None:
                self._arrays = self._compile_arrays()
            return self._arrays

    def _compile_arrays(self) -> ArrayCaller:
        with importing:
            from .call.array_code import BatchCode
            from .call.arrays import ArrayCaller
            from .call.checked_calls import CheckedArrayCaller
        points = self.points
        code = BatchCode(self.convention, points.native, (self.stores, points.data), points.target)
        if self.checker is not None:
            return CheckedArrayCaller(self.convention, code, self.work, self.checker)
        return ArrayCaller(self.convention, code, self.work)


def emit_points(schedule: Schedule, interface: Interface, target: Target) -> ir.Module:
    """The module for calls with arrays."""
    with importing:
        from .emit.array_main import emit_block
    return emit_block(schedule, interface, target)
