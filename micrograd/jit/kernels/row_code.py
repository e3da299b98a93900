"""Recording of a function of one row -> native code for its sum over rows of data, or for a
derivative of that.

The code takes a block of rows at a time, but if strict, row by row. Blocks are divided into at most
PARTS parts, each with a sum of its own, whatever the number of threads, so that this does not
change the result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering
from lowering.bindings import ir

from ...engine import Value
from ...errors import KernelClosed
from ...locks import Lock
from ..call.convention import address, made
from ..call.index_arguments import indices_of
from ..call.quiet import quiet
from ..call.threads import run, worthwhile
from ..code import Code, compile_program
from ..compile import optimized, passes_text, program_of
from ..derivatives import program_for
from ..emit.interface import STORED, Interface
from ..emit.over_rows import OVER_ROWS, emit_over_rows
from ..ir import graph as graphs
from ..ir.program import Program, Role
from ..ir.verify import verify
from ..options import Options
from ..passes.over_samples import SIZE, summed_over
from ..passes.row_sums import SUM, added_up, last_row_first
from ..reroll.outputs import OUTPUT
from ..schedule.counts import expected_work
from ..schedule.schedule import Schedule
from ..stages import STAGES
from ..trace.recordings import Recording
from ..trace.signature import Structure
from ..wanted import Wanted
from .row_layout import laid_out
from .rows import Rows

Numbers = npt.NDArray[np.float64]
PARTS = 16
"""Sums that the rows are divided into, at most."""

NOTHING = np.zeros(0)
"""What is passed for integers that only indices are made of."""


class RowCode:
    """One recording of a function of one row, summed over rows, and compiled.

    parameters   with their structures: those of the function, then those of the derivative
    rows         the inputs of the program that are of one row, and the parameter of each
    data         the rows, if they are known: they may lie in columns then

    What it sums up are the results of the derivative, in order: `sums` numbers.
    """

    def __init__(
        self,
        name: str,
        recording: Recording,
        parameters: Sequence[tuple[str, Structure]],
        rows: Mapping[str, str],
        data: Rows | None,
        wanted: Wanted,
        options: Options,
    ) -> None:
        self.name = name
        self.graph = recording.trace.graph
        self.parameters = list(parameters)
        self.structures = tuple(s for _, s in parameters)
        self.result = wanted.value.structure(recording)
        self.wanted = wanted
        self.options = options
        self.wrt = recording.wrt
        self.elements = recording.trace.elements
        self.stores = recording.trace.stores
        graphs.verify(self.graph)
        target = options.target
        behind = {e[0] for e in recording.wrt if e}
        self.row = program_of(self.graph, target, behind=behind)
        self.indices = indices_of(self.graph, self.parameters, "row")
        chosen = self.indices.arrays if self.indices is not None else ()
        of_rows = {*rows, *(a.name for a in chosen if not rows.keys().isdisjoint(a.arrays))}
        self.size, self.program = 1, self.row
        block = None if target.strict else summed_over(self.row, of_rows)
        if block is not None:
            self.size, self.program = SIZE, verify(block, "summed_over")
        self.backwards = target.strict and wanted in (Wanted.GRADIENT, Wanted.BOTH)
        self.differentiated = self._differentiate(recording)
        self.transformed = optimized(self.differentiated, target)
        held = rows if data is not None else ()
        self.laid = laid_out(self.transformed, held, self.size, target)
        self.interface = Interface(frozenset(), None)
        self.code: Code = compile_program(self.laid, target, self.interface, stores=self.stores)
        inputs = self.transformed.with_role(Role.INPUT)
        self.moving = {a.name: a.size // self.size for a in inputs if a.name in of_rows}
        self.keeps_values = self.backwards and wanted is Wanted.BOTH
        if self.keeps_values:
            self.moving[OUTPUT] = 1
        facts = "rows", self.moving, self.size, self.backwards
        self.code.extend(self._emit_loop, facts)
        states = self.transformed.with_role(Role.STATE)
        first = [a for a in states if a.name == SUM + OUTPUT and a.size == 1]
        self.summed = [*first, *(a for a in states if a not in first)]
        self.sizes = [a.size for a in self.summed]
        self.passed = self.interface.arguments(self.transformed)
        self.names = [a.name for a in inputs]
        self.known = {} if data is None else self._known(data, rows)
        """The data as the code reads them, by the number of their parameter."""
        self.work = expected_work(self.transformed) / self.size
        """How many operations a row takes."""
        self.direct: Any = None
        """What calls it where arguments lie as it reads them, if anything does."""
        self._running: tuple[Any, Any] | None = None
        self._closed = False
        self._lock = Lock()

    def _known(self, data: Rows, rows: Mapping[str, str]) -> dict[int, Numbers]:
        found, dtype = {}, self.options.dtype
        unread = self.indices.unread if self.indices is not None else frozenset[int]()
        for k, name in enumerate(self.names[: len(self.graph.given)]):
            if name in rows and k in unread:
                found[k] = NOTHING
            elif name in rows:
                in_columns = self.laid.arrays[name].shape != self.transformed.arrays[name].shape
                size = self.size if in_columns else None
                found[k] = quiet().run(data.laid_out, rows[name], dtype, size)
        return found

    def _emit_loop(self, module: ir.Module) -> None:
        emit_over_rows(
            module,
            self.transformed,
            self.interface,
            self.options.target,
            self.moving,
            self.size,
            backwards=self.backwards,
        )

    def _differentiate(self, recording: Recording) -> Program:
        """The program of what is wanted, whose results are added up."""
        wanted, target = self.wanted, self.options.target
        if self.backwards:
            both = wanted is Wanted.BOTH
            program = last_row_first(self.program, recording.wrt, target, keep_value=both)
            return verify(program, wanted.value.name)
        extra = self.parameters[len(self.graph.given) :]
        program = program_for(wanted, self.name, self.program, recording, extra, target)
        return verify(added_up(program, target), wanted.value.name)

    @property
    def live_elements(self) -> dict[Value, tuple[str, int]]:
        """The parameters, with the array of each, and its element there."""
        names = {name for name, _ in self.graph.parameters}
        return {v: element for v, element in self.elements.items() if element[0] in names}

    @property
    def states(self) -> list[tuple[str, int]]:
        """What is added to, in the order of the results, and how many numbers each has."""
        return [(a.name, a.size) for a in self.summed]

    # -- running ---------------------------------------------------------------------------------

    @property
    def native(self) -> lowering.NativeModule:
        """The machine code; compiled by the first thread that needs it."""
        with self._lock:
            self._check_open()
            return self.code.native

    def _check_open(self) -> None:
        if self._closed:
            raise KernelClosed(
                f"kernel {self.name} was closed and its machine code is freed; call total again"
            )

    def __call__(self, columns: Sequence[Any], rows: int) -> Any:
        """The result for these numbers.

        columns   for each parameter its number or numbers; for those of rows, arrays of them
        rows      how many there are
        """
        dtype = self.options.dtype
        unread = self.indices.unread if self.indices is not None else frozenset[int]()
        given = [
            self.known[k]
            if k in self.known
            else NOTHING
            if k in unread
            else quiet().run(np.ascontiguousarray, x, dtype)
            for k, x in enumerate(columns)
        ]
        if self.indices is not None:
            entries: Sequence[Any] = self.indices.entries(self.name, columns)
            kinds = [self.transformed.arrays[a.name].dtype for a in self.indices.arrays]
            entries = [x.astype(STORED[k], copy=False) for x, k in zip(entries, kinds, strict=True)]
            given[len(self.graph.given) : len(self.graph.given)] = entries
        blocks = -(-rows // self.size)
        parts = 1 if self.options.strict else max(1, min(blocks, PARTS))
        sums = np.zeros((parts, sum(self.sizes)))
        values = np.zeros(rows if self.keeps_values else 0, dtype)
        if rows:
            self._run(given, values, sums, rows)
        found = np.add.accumulate(sums)[-1]  # one after the other, as exported code adds them
        if self.keeps_values:
            # one after the other: NumPy's sum is by pairs
            total = np.add.accumulate(values, dtype=np.float64)[-1:] if rows else [0.0]
            found = np.concatenate([total, found])
        return made(self.result, self.rounded(found))

    def rounded(self, sums: Numbers) -> Numbers:
        """Sums as numbers of the dtype."""
        dtype = self.options.dtype
        return sums if dtype == sums.dtype else quiet().run(sums.astype, dtype)

    def _run(self, given: Sequence[Numbers], values: Numbers, sums: Numbers, rows: int) -> None:
        """Add the results of all rows to the sums."""
        found = dict(zip(self.names, map(address, given), strict=True))
        found[OUTPUT] = address(values)
        blocks, parts = -(-rows // self.size), len(sums)
        threads = min(parts, worthwhile(self.work * rows, self.options.threads))

        def job(function: Any, k: int) -> None:
            addresses, table = dict(found), (ctypes.c_int64 * len(self.passed))()
            for part in range(parts * k // threads, parts * (k + 1) // threads):
                at = address(sums[part])
                for a in self.summed:
                    addresses[a.name] = at
                    at += a.size * sums.itemsize
                table[:] = [addresses.get(a.name, 0) for a in self.passed]
                first, last = (blocks * p // parts for p in (part, part + 1))
                function(ctypes.addressof(table), rows, first, last)

        function, held = self.running()
        if threads == 1:
            job(function, 0)
        else:
            run([partial(job, function, k) for k in range(threads)])
        del held

    def running(self) -> tuple[Any, Any]:
        """The code as a function of an array of addresses, how many rows there are, and the blocks;
        and what is to be held while it runs, that it is not freed.
        """
        found = self._running
        if found is None:
            code, words = self.native, (ctypes.c_int64,) * 3
            function = code.function(OVER_ROWS, None, ctypes.c_void_p, *words)
            found = function, code
            with self._lock:
                self._check_open()
                self._running = found
        return found

    def close(self) -> None:
        """Free the machine code, or let the last call that runs in it do so."""
        with self._lock:
            self._closed = True
            self._running = None
            self.code.release()

    # -- stages ----------------------------------------------------------------------------------

    @property
    def schedule(self) -> Schedule:
        """That of a block."""
        return self.code.schedule

    @property
    def stage_names(self) -> list[str]:
        """The stages that there are, in order."""
        return STAGES

    def stage(self, name: str) -> str:
        """A stage as text. Nothing is compiled for those before LLVM IR."""
        match name:
            case "graph":
                return str(self.graph)
            case "program":
                return str(self.program)
            case "passes":
                done = [("reroll", self.row), (self.wanted.value.name, self.differentiated)]
                return passes_text(done, self.options.target)
            case "simplified":
                return str(self.laid)
            case "llvm_ir" | "assembly":
                with self._lock:
                    self._check_open()
        return self.code.stage(name)
