"""Rows of a function of Tensors -> machine code, and how it is called: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..locks import lazy_property
from ..tensor.casting import is_float
from .call.threads import worthwhile
from .compile import Code, compile_program, optimized, passes
from .emit.interface import Interface
from .ir.program import Array as ProgramArray
from .ir.program import Program, Role
from .ir.verify import verify
from .passes.reverse import with_cotangents
from .target import Target
from .tensor_passing import (
    Array,
    Fetch,
    Finish,
    Passing,
    count,
    entries,
    new,
    numbers,
    sizes,
    typed,
    zeros,
)
from .trace.tensor_lowering import Given, TensorProgram, lowered
from .trace.tensors import Row

STAGES = ("program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly")


class TensorCode:
    """One recording, compiled.

    outputs     the rows of the results
    wrt         the rows that the gradient is with respect to; None: no gradient is asked for
    keep_value  whether the results are asked for
    fixed       whether results are of the target's dtype; else of that of the rows
    most        of how many samples a call is at most, if it is of any number; else None
    threads     that a call may use; None: the default
    """

    def __init__(
        self,
        rows: Sequence[Row],
        outputs: Sequence[int],
        wrt: Sequence[int] | None,
        target: Target,
        *,
        keep_value: bool,
        fixed: bool = False,
        most: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.target = target
        self._threads = threads
        self._rows = rows
        self.most = most
        self._fixed = fixed
        self._outputs = outputs
        made = lowered(rows, outputs, most)
        self._given = made.given
        self.program = verify(made.program, "trace")
        self._wrt = wrt
        self._partials: dict[int, str] = {}
        self.differentiated = self.program
        if wrt is not None:
            self.differentiated = verify(self._gradient_of(made, keep_value), "gradient")
        self.transformed = optimized(self.differentiated, target)
        self._interface = Interface(frozenset(), None, team=True)
        self.code: Code = compile_program(self.transformed, target, self._interface)
        self._kept = made.outputs if keep_value or wrt is None else []
        self._gives = dict(zip(made.outputs, outputs, strict=True))
        self._gives |= {name: k for k, name in self._partials.items() if name}

    def _gradient_of(self, made: TensorProgram, keep_value: bool) -> Program:
        """The program with the cotangents of what it is differentiated by as outputs."""
        names = {k: made.name_of(k) for k in self._wrt or ()}
        program, cotangents = with_cotangents(
            self.program, ("out", 0), list(dict.fromkeys(filter(None, names.values())))
        )
        roles = dict.fromkeys(cotangents.values(), Role.OUTPUT)
        if not keep_value:
            roles["out"] = Role.TEMPORARY
        for name, role in roles.items():
            program.arrays[name] = replace(program.arrays[name], role=role)
        self._partials = {k: cotangents.get(name, "") for k, name in names.items()}
        return program

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
            k = self._gives.get(a.name)
            shape = a.shape if k is None else sizes(self._rows[k].shape, self.most or 0)
            return new(shape, dtype)
        row = self._rows[given.row]
        shown = row.name or (row.tensor.label if row.tensor is not None else "") or "a Tensor"
        if row.samples:
            return count(row.samples, dtype)
        if given.below:
            return entries(given.row, shown, given.below)
        return numbers(given.row, shown, dtype)

    @lazy_property
    def _places(self) -> tuple[list[tuple[int, Finish]], list[tuple[int, Finish]]]:
        """For results and partials, the numbers of the arguments and what these become."""
        names = [a.name for a in self._passed]
        results = [
            (names.index(name), self._typed(k, fixed=self._fixed))
            for name, k in zip(self._kept, self._outputs, strict=False)
        ]
        partials = [
            (names.index(self._partials[k]), self._typed(k))
            if self._partials[k]
            else (0, zeros(self._rows[k]))  # nothing reads it
            for k in self._wrt or ()
        ]
        return results, partials

    def _typed(self, k: int, *, fixed: bool = False) -> Finish:
        row = self._rows[k]
        dtype = self.target.dtype if fixed and is_float(row.dtype) else row.dtype
        return typed(row, dtype)

    def __call__(
        self, arrays: Mapping[int, Array], samples: int = 0
    ) -> tuple[list[Array], list[Array]]:
        """The results and the gradient, for the arrays of live rows, of so many samples."""
        work = self._work * samples // self.most if self.most else self._work
        threads = worthwhile(work, self._threads)
        passed = self._passing(arrays, samples, threads)
        results, partials = self._places
        return (
            [finish(passed[at], samples) for at, finish in results],
            [finish(passed[at], samples) for at, finish in partials],
        )

    # -- stages ----------------------------------------------------------------------------------

    def stage(self, name: str) -> str:
        """A stage as text."""
        match name:
            case "program":
                return str(self.program)
            case "passes":
                done = [("trace", self.program)]
                if self.differentiated is not self.program:
                    done.append(("gradient", self.differentiated))
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
