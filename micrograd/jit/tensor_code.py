"""Rows of a function of Tensors -> machine code, and how it is called: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from ..locks import lazy_property
from .call.threads import worthwhile
from .compile import Code, compile_program, optimized, passes
from .emit.interface import Interface
from .ir.program import Array as ProgramArray
from .ir.program import Role
from .target import Target
from .tensor_check import TensorChecker
from .tensor_derivatives import Asked, derived
from .tensor_passing import (
    Array,
    Fetch,
    Finish,
    Passing,
    count,
    entries,
    finish,
    new,
    numbers,
    padded,
    sizes,
    zeros,
)
from .trace.batches import has_batch
from .trace.tensor_lowering import Given
from .trace.tensors import Row

STAGES = ("program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly")


class TensorCode:
    """One recording, compiled.

    asked     what is computed of the rows
    most      of how many samples a call is at most, if it is of any number; else None
    threads   that a call may use; None: the default
    check     the name of what is compared with the interpreter; '': nothing is
    """

    def __init__(
        self,
        rows: Sequence[Row],
        asked: Asked,
        target: Target,
        *,
        most: int | None = None,
        threads: int | None = None,
        check: str = "",
    ) -> None:
        self.target = target
        self._threads = threads
        self.most = most
        self.rows, self.asked = rows, asked
        found = derived(rows, asked, most)
        self._given, self._results = found.given, found.results
        self.program, self.differentiated = found.before, found.program
        self.transformed = optimized(self.differentiated, target)
        self._interface = Interface(frozenset(), None, team=True)
        self.code: Code = compile_program(self.transformed, target, self._interface)
        self.checker: TensorChecker | None = None
        if check:
            self.checker = TensorChecker(check, self.transformed, self._interface, target)

    # -- calling ---------------------------------------------------------------------------------

    @lazy_property
    def _passed(self) -> list[ProgramArray]:
        """What `main` takes."""
        return self._interface.arguments(self.transformed)

    @lazy_property
    def _passing(self) -> Passing:
        """How `main` is called."""
        given = {g.name: g for g in self._given}
        fetch = [self._fetch(a, given.get(a.name)) for a in self._passed]
        return Passing.of(self.code.address, fetch)

    @lazy_property
    def _work(self) -> int:
        """Operations of a call that threads may share, of the largest one."""
        return self.code.schedule.shared_work

    def _fetch(self, a: ProgramArray, given: Given | None) -> Fetch:
        dtype = self.target.dtype
        if a.role is Role.EXTENT:
            return count(1, np.int64)
        if given is None:
            result = next((r for r in self._results if r.array == a.name and not r.first), None)
            is_whole = result is not None and prod(sizes(result.shape, self.most or 0)) == a.size
            shape = sizes(result.shape, self.most or 0) if result and is_whole else a.shape
            return new(shape, dtype)
        row = self.rows[given.row]
        shown = row.name or (row.tensor.label if row.tensor is not None else "") or "a Tensor"
        if row.samples:
            return count(row.samples, dtype)
        if given.below:
            fetch = entries(given.row, shown, given.below)
        else:
            fetch = numbers(given.row, shown, dtype)
        if has_batch(row.shape[1:]):
            return padded(fetch, row.shape, self.most or 0)
        return fetch

    @lazy_property
    def _places(self) -> list[tuple[int, Finish]]:
        """For each result, the number of the argument and what that becomes."""
        number = {a.name: k for k, a in enumerate(self._passed)}
        size = {a.name: a.size for a in self._passed}
        return [
            (number[r.array], finish(r, size[r.array])) if r.array else (0, zeros(r.shape, r.dtype))
            for r in self._results
        ]

    def __call__(self, arrays: Mapping[int, Array], samples: int = 0) -> list[Array]:
        """The results for the arrays of live rows, of so many samples."""
        work = self._work * samples // self.most if self.most else self._work
        threads = worthwhile(work, self._threads)
        passed = self._passing(arrays, samples, threads)
        if self.checker is not None:
            self.checker.check(self._passed, passed, samples)
        return [finish(passed[at], samples) for at, finish in self._places]

    # -- stages ----------------------------------------------------------------------------------

    def stage(self, name: str) -> str:
        """A stage as text."""
        match name:
            case "program":
                return str(self.program)
            case "passes":
                done = [("trace", self.program)]
                if self.differentiated is not self.program:
                    done.append(("derivative", self.differentiated))
                done += passes(self.differentiated, self.target)
                return "\n\n".join(f"; after {name}\n{program}" for name, program in done)
            case "simplified":
                return str(self.transformed)
            case "schedule":
                return str(self.code.schedule)
            case "mlir":
                return self.code.mlir
            case "llvm_ir":
                return self.code.native.llvm_ir
        return self.code.native.assembly
