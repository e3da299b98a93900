"""Recording -> native code: runs the stages for one structure of arguments.

An executable owns its machine code and keeps the parameter stores alive that the code points to.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import context

from ..checks import flag
from ..errors import KernelClosed, SignatureError
from ..locks import Lock
from .call.arrays import ArrayCaller, BatchCode
from .call.check import CheckedArrayCaller, CheckedCaller, Checker, is_checking
from .call.convention import Caller, Convention
from .call.entry import CALLS, ENTRY_POINT, NEXT, emit_entry, has_entry
from .call.marshalling import CALL_GENERAL, addresses
from .call.threads import checked
from .derivatives import Wanted
from .emit.array_main import emit_block
from .emit.function import ENTRY, Interface, constant_data, emit
from .emit.storage import INLINE_DATA
from .ir import graph as graphs
from .ir.program import Program, Role
from .ir.verify import verify
from .passes.like_terms import combine
from .passes.simplify import expand, simplify
from .reroll.reroll import OUTPUT, reroll, straight_line
from .schedule.lanes import operations
from .schedule.schedule import Schedule, schedule
from .trace.signature import Container, Structure, count
from .trace.source import Recording

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile: `dtype` is float32 or float64; `strict` forbids any change of rounding.

    threads       how many threads a call with arrays may use; None: the default
    vector_bits   the width of the vectors that code is made of: 128, 256 or 512; None: that of the
                  machine's registers. LLVM cuts up vectors that are wider than those, so that
                  every machine can try what is compiled for the others (docs/checking.md)
    check         whether calls are compared with the interpreter
    processor     that the code is for; None: this machine's
    """

    dtype: np.dtype[Any]
    strict: bool
    threads: int | None = None
    vector_bits: int | None = None
    check: bool = False
    processor: lowering.Processor | None = None

    @staticmethod
    def given(dtype: np.dtype[Any], strict: Any, threads: Any, check: Any) -> Options:
        """The options that a user gave; `check`: None is what the environment says."""
        strict = flag("strict", strict, SignatureError)
        check = is_checking() if check is None else flag("check", check, SignatureError)
        return Options(dtype, strict, checked(threads), check=check)

    @property
    def bits(self) -> int:
        """The width of a number."""
        return self.dtype.itemsize * 8

    @property
    def lanes(self) -> int:
        """How many numbers are in a vector."""
        own = self.processor.vector_bits if self.processor else lowering.vector_bits()
        return (self.vector_bits or own) // self.bits

    @property
    def emitted(self) -> dict[str, Any]:
        """What emitters must know."""
        return {"bits": self.bits, "exact": self.strict, "processor": self.processor}

    @property
    def compiled(self) -> dict[str, Any]:
        """What `lowering.compile` must know."""
        processor = self.processor
        own = {"cpu": processor.cpu, "features": processor.features} if processor else {}
        # the schedule has chosen the lanes and how far to unroll
        return {"vectorize": False, "unroll": False, "isolate": False, **own}


STAGES = ["graph", "program", "simplified", "schedule", "mlir", "llvm_ir", "assembly"]


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
        # rerolling groups the terms of sums by kind, which strict results forbid
        program = straight_line(self.graph) if options.strict else reroll(self.graph)
        self.program = verify(program, "reroll")
        self.transformed = self._transform(recording)
        outputs = self.transformed.with_role(Role.OUTPUT)
        single = any(a.name == OUTPUT and a.size == 1 for a in outputs)
        names = [a.name for a in self.transformed.with_role(Role.INPUT)]
        self.interface = Interface(
            frozenset(
                n
                for n, (_, s) in zip(names, self.parameters, strict=True)
                if not isinstance(s, Container)
            ),
            OUTPUT if single else None,
        )
        self.pointer_outputs = [a.size for a in outputs if a.name != self.interface.returned]
        """The sizes of the outputs that `main` writes through pointers."""
        self.convention = Convention(
            name,
            self.parameters,
            wanted.value.structure(recording),
            single,
            self.pointer_outputs[0] if self.pointer_outputs else None,
            options.dtype,
            sequences,
        )
        self.schedule = schedule(
            self.transformed,
            returned=self.interface.returned,
            width=options.lanes,
            bits=options.bits,
            exact=options.strict,
        )
        # what CPython runs by itself compares nothing: with `check`, every call goes through Python
        self.has_entry = has_entry(self.convention) and not options.check
        self.checker = self._checker() if options.check else None
        found = constant_data(self.transformed, options.bits)
        self.data = {name: data for name, data in found.items() if len(data) > INLINE_DATA}
        self._native: lowering.NativeModule | None = None
        self._caller: Caller | None = None
        self._arrays: ArrayCaller | None = None
        self._closed = False
        self._lock = Lock()

    # -- stages --------------------------------------------------------------------------------

    def _transform(self, recording: Recording) -> Program:
        """The program that is emitted: differentiated if need be, simplified, expanded."""
        inputs = len(self.program.with_role(Role.INPUT))
        extra = self.parameters[inputs:]
        program = self.wanted.value.transform(self.name, self.program, recording, extra)
        if program is not self.program:
            verify(program, self.wanted.value.name)
        program = simplify(program)
        program = simplify(expand(program, exact=self.options.strict))
        if not self.options.strict:
            program = simplify(combine(program))
        return verify(program, "simplify")

    def _checker(self) -> Checker:
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
        options = self.options
        bits, exact = options.bits, options.strict
        plan = schedule(program, width=options.lanes, bits=bits, exact=exact)
        interface = Interface(self.interface.by_value, None)
        native = self._compile(lambda: emit(plan, interface, **options.emitted), plan)
        number = ctypes.c_double if bits == 64 else ctypes.c_float
        passed: list[Any] = []
        found: dict[str, Any] = {}
        given = iter(inputs)
        for a in program.with_role(Role.INPUT, Role.OUTPUT):
            block = (number * a.size)(*(next(given) if a.role is Role.INPUT else []))
            if a.role is Role.OUTPUT:
                found[a.name] = block
            passed.append(block[0] if a.name in interface.by_value else block)
        types = [number if isinstance(x, float) else ctypes.c_void_p for x in passed]
        ctypes.CFUNCTYPE(None, *types)(native.address(ENTRY))(*passed)
        return {name: np.array(block, dtype=np.float64) for name, block in found.items()}

    def _emit(self) -> Any:
        return emit(self.schedule, self.interface, **self.options.emitted)

    @property
    def work(self) -> int:
        """How many operations a call takes, or a point of arrays: those of loops every time."""
        return sum(s.points * max(1, operations(s.expr)) for s in self.transformed.body)

    def _emit_all(self) -> Any:
        """The module with what CPython calls, which is not shown."""
        module = self._emit()
        if self.has_entry:
            exact = self.options.strict
            emit_entry(module, self.convention, ENTRY, exact=exact, work=self.work)
        return module

    def _compile(self, emit: Callable[[], Any], schedule: Schedule) -> lowering.NativeModule:
        with context():
            native = lowering.compile(
                emit(),
                opt_level=schedule.opt_level,
                symbols=addresses(self.options.bits) if self.has_entry else None,
                **self.options.compiled,
            )
        for k, store in enumerate(self.stores):
            if f"p{k}" in native.symbols:
                ctypes.c_void_p.from_address(native.address(f"p{k}")).value = store.address
        for name, data in self.data.items():
            ctypes.c_void_p.from_address(native.address(name)).value = data.ctypes.data
        return native

    @property
    def mlir(self) -> str:
        """The module as text."""
        with context():
            return str(self._emit()).rstrip("\n")

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
            case "simplified":
                return str(self.transformed)
            case "schedule":
                return str(self.schedule)
            case "mlir":
                return self.mlir
            case "llvm_ir":
                return self.native.llvm_ir
            case "assembly":
                return self.native.assembly
            case "arrays_mlir":
                with context():
                    return str(self._emit_arrays(self._array_schedule())).rstrip("\n")
            case "arrays_llvm_ir":
                return self.arrays.code.native.llvm_ir
            case _:
                return self.arrays.code.native.assembly

    # -- calling -------------------------------------------------------------------------------

    @property
    def address(self) -> int:
        """The address of `main`."""
        return self.native.address(ENTRY)

    def before(self, following: int) -> int:
        """The address of its entry, which hands what it cannot take to the `following` one.

        If that is 0, to `Kernel.__call__`.
        """
        native = self.native
        if not self.has_entry:
            return following
        following = following or addresses(self.options.bits)[CALL_GENERAL]
        ctypes.c_void_p.from_address(native.address(NEXT)).value = following
        return native.address(ENTRY_POINT)

    @property
    def native(self) -> lowering.NativeModule:
        """The machine code of `main`; compiled by the first thread that needs it.

        Calls with arrays do not: they have code of their own.
        """
        with self._lock:
            self._check_open()
            if self._native is None:
                self._native = self._compile(self._emit_all, self.schedule)
            return self._native

    @property
    def caller(self) -> Caller:
        """Calls with numbers, through ctypes."""
        if self._caller is None:
            code = self.convention, self.address, self.native
            checker = self.checker
            self._caller = CheckedCaller(*code, checker) if checker else Caller(*code)
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
            if self._native is not None:
                _let_go(self._native)
            self._native = self._arrays = None
        if self._caller is not None:
            self._caller.replace(self._refuse)

    def _refuse(self, *_: Any) -> Any:
        self._check_open()

    @property
    def c_prototype(self) -> str:
        """`main` as C declares it."""
        c = "double" if self.options.bits == 64 else "float"
        arguments = [
            f"const {c} {name}[{count(s)}]" if isinstance(s, Container) else f"{c} {name}"
            for name, s in self.parameters
        ]
        arguments += [
            f"{c} {a.name}[{a.size}]"
            for a in self.transformed.with_role(Role.OUTPUT)
            if a.name != self.interface.returned
        ]
        result = c if self.interface.returned else "void"
        return f"{result} {ENTRY}({', '.join(arguments) or 'void'})"

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
        plan = self._array_schedule()
        native = self._compile(lambda: self._emit_arrays(plan), plan)
        code = BatchCode(self.convention, native, (self.stores, self.data))
        if self.checker is not None:
            return CheckedArrayCaller(self.convention, code, self.work, self.checker)
        return ArrayCaller(self.convention, code, self.work)

    def _array_schedule(self) -> Schedule:
        """The schedule of one point, whose numbers become vectors of points."""
        options, returned = self.options, self.interface.returned
        bits, exact = options.bits, options.strict
        return schedule(self.transformed, returned=returned, bits=bits, exact=exact)

    def _emit_arrays(self, plan: Schedule) -> Any:
        options = self.options
        return emit_block(plan, self.interface, lanes=options.lanes, **options.emitted)


_entered: list[lowering.NativeModule] = []  # let go while calls were in their entries
_entered_lock = Lock()


def _let_go(native: lowering.NativeModule) -> None:
    """Keep the code while its entry is in a call, which holds no reference to it."""
    with _entered_lock:
        _entered[:] = [code for code in [*_entered, native] if _is_entered(code)]


def _is_entered(native: lowering.NativeModule) -> bool:
    if CALLS not in native.symbols:
        return False
    return ctypes.c_int64.from_address(native.address(CALLS)).value > 0
