"""The order of the passes: Graph -> Program -> Code. The only place that knows it.

A pass is added in two files: its own, and PASSES here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy.typing as npt

import lowering
from lowering.bindings import context, ir

from ..checking import is_checking
from ..locks import Lock, importing, lazy_property
from ..store import Store
from .emit.call_memory import STACK_BYTES
from .emit.function import constant_data, emit
from .emit.interface import ENTRY, Interface
from .emit.native import native, set_pointer
from .emit.storage import INLINE_DATA
from .ir.extents import Entries
from .ir.graph import Graph
from .ir.program import Loop, Program, asks, loops
from .ir.verify import verify
from .passes.carried import carried
from .passes.like_terms import combine
from .passes.simplify import expand, simplify
from .reroll.found import SMALL
from .reroll.reroll import reroll, reroll_strictly
from .schedule.schedule import Schedule, schedule
from .target import Target

Emit = Callable[[Schedule, Interface, Target], "ir.Module"]


class Pass(NamedTuple):
    """A step from a program to a program.

    gives    the stage, of ir/rules.py, whose rules hold behind it
    rounds   whether it may change how results are rounded: then strict targets go without it
    """

    name: str
    run: Callable[[Program, Target], Program]
    gives: str
    rounds: bool = False


PASSES = (
    Pass("simplify", lambda program, target: simplify(program), "simplified"),
    Pass("expand", expand, "expanded"),
    Pass("simplify", lambda program, target: simplify(program), "simplified"),
    Pass("like_terms", lambda program, target: combine(program), "expanded", rounds=True),
    Pass("simplify", lambda program, target: simplify(program), "simplified", rounds=True),
    Pass("carried", lambda program, target: carried(program), "schedulable"),
)
"""What every program goes through, differentiated or not, before it is scheduled."""


def program_of(
    graph: Graph, target: Target, small: int = SMALL, behind: Collection[str] = ()
) -> Program:
    """The loops in a graph; for a strict target those that keep the order of every sum.

    small    nodes up to which a graph stays as it was written
    behind   arrays of leaves whose derivatives are added to others, which come first
    """
    strictly = partial(reroll_strictly, behind=behind)
    roll = strictly if target.strict else partial(reroll, small=small)
    if graph.regions:
        with importing:
            from .reroll.regions import with_regions
        program = with_regions(
            graph, lambda part: _normal(roll(part), target), strict=target.strict
        )
    else:
        program = roll(graph)
    proved = program.found.strategy == "loops" and not graph.regions
    if not proved:  # which is what is verified before it is used
        verify(program, "reroll", stage="rerolled")
    return _normal(program, target)


def _normal(program: Program, target: Target) -> Program:
    return program if program.found.strategy == "straight" else normal(program, target)


def normal(program: Program, target: Target) -> Program:
    """A program as it is differentiated: what scalars and Tensors say alike is one program. Sums
    begin with what is added to them, so strict targets take it as it is.
    """
    if target.strict:
        return program
    with importing:
        from .passes.accumulators import accumulated
        from .passes.operands import ordered
        from .passes.starts import begin
    program = ordered(begin(accumulated(program)))
    return verify(program, "starts") if is_checking() else program


VERIFIED, VERIFIED_SIZE = 200, 4 << 20
"""Statements, and elements of arrays and points together, up to which a program is verified behind
every pass where that is asked for, and not at the end only.
"""


def passes(program: Program, target: Target) -> Iterator[tuple[str, Program]]:
    """The program after each pass that changes it, with the pass's name; verified, unless it is
    long or its arrays are large.
    """
    for name, run, stage, _ in _steps(target):
        after = run(program, target)
        if after is not program:
            size = sum([a.size for a in after.arrays.values()])
            size += sum([s.points for s in after.statements])
            small = len(after.body) <= VERIFIED and size <= VERIFIED_SIZE
            yield name, verify(after, name, stage=stage) if small else after
        program = after


def passes_text(before: Sequence[tuple[str, Program]], target: Target) -> str:
    """Programs, by the names of what gave them, and the last of them after each of its passes."""
    done = [*before, *passes(before[-1][1], target)]
    return "\n\n".join(f"; after {name}\n{program}" for name, program in done)


def optimized(program: Program, target: Target) -> Program:
    """The program after all passes, as the scheduler takes it.

    It is verified at the end, as verifying takes longer than the passes do; behind each of them
    where the compiler checks itself, and where something is wrong, to say which of them it was.
    """
    if not is_checking():
        try:
            after = program
            for step in _steps(target):
                after = step.run(after, target)
            return _schedulable(after, target, step.name)
        except Exception:  # a pass may trip over what one before it has made
            pass
    last = ""
    for name, after in passes(program, target):
        program, last = after, name
    return _schedulable(program, target, last)


def _steps(target: Target) -> list[Pass]:
    return [step for step in PASSES if not (step.rounds and target.strict)]


def _schedulable(program: Program, target: Target, last: str) -> Program:
    return verify(program, last, stage="schedulable strictly" if target.strict else "schedulable")


def compile_program(
    program: Program,
    target: Target,
    interface: Interface,
    *,
    stores: Sequence[Store] = (),
    emit: Emit = emit,
    points: bool = False,
) -> Code:
    """An optimised program as code, of which nothing is made before it is asked for.

    stores   that the arrays p0, p1, ... are in
    emit     what makes the module of the schedule
    points   numbers become vectors of points
    """
    if points and any(isinstance(x.extent, Entries) and x.going for x in loops(program.body)):
        target = replace(target, vector_bits=target.bits)  # it is noted how often each point runs
    in_turn = any(isinstance(node, Loop) for node in program.body)
    if not points and in_turn and not asks(program.body):
        with importing:
            from .schedule.columns import by_columns
            from .schedule.wavefronts import wavefronts
        program = by_columns(wavefronts(program, target), target)
    return Code(program, target, interface, stores, emit, points)


class Code:
    """A program on its way to machine code; it owns that, and holds the stores that it reads.

    extend, symbols   set before it is compiled: what is added to the module that runs, and not to
                      the one that is shown; and the addresses of what that refers to
    """

    def __init__(
        self,
        program: Program,
        target: Target,
        interface: Interface,
        stores: Sequence[Store],
        emit: Emit,
        points: bool,
    ) -> None:
        self.program = program
        self.target = target
        self.interface = interface
        self.stores = stores
        self.extend: Callable[[ir.Module], None] | None = None
        self.symbols: Callable[[ir.Module], Mapping[str, int]] | None = None
        self._emit = emit
        self._points = points
        self._native: lowering.NativeModule | None = None
        self._lock = Lock()

    @lazy_property
    def schedule(self) -> Schedule:
        """Where everything lies, and in which loops it runs."""
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
        found = constant_data(self.program, self.target.dtype)
        return {name: data for name, data in found.items() if len(data) > INLINE_DATA}

    @lazy_property
    def heap(self) -> int:
        """Bytes that a call takes from the heap."""
        size = self.schedule.workspace_size * self.target.dtype.itemsize
        return size if size > STACK_BYTES else 0

    @property
    def mlir(self) -> str:
        """The module as text."""
        with context():
            return str(self._emit(self.schedule, self.interface, self.target)).rstrip("\n")

    def stage(self, name: str) -> str:
        """A stage from the schedule on, as text. LLVM runs for what it makes."""
        match name:
            case "schedule":
                return str(self.schedule)
            case "mlir":
                return self.mlir
            case "llvm_ir":
                return self.native.llvm_ir
        return self.native.assembly

    @property
    def native(self) -> lowering.NativeModule:
        """The machine code; compiled by the first thread that needs it."""
        with self._lock:
            if self._native is None:
                self._native = self._compile()
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

    def _compile(self) -> lowering.NativeModule:
        with context():
            module = self._emit(self.schedule, self.interface, self.target)
            if self.extend is not None:
                self.extend(module)
            symbols = self.symbols(module) if self.symbols is not None else None
            code = native(module, self.target, opt_level=self.schedule.opt_level, symbols=symbols)
        pointers = {f"p{k}": store.address for k, store in enumerate(self.stores)}
        pointers |= {name: data.ctypes.data for name, data in self.data.items()}
        for name in pointers.keys() & set(code.symbols):
            set_pointer(code, name, pointers[name])
        return code
