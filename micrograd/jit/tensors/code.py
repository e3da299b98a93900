"""Rows of a function of Tensors -> machine code, and how it is called: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from ...locks import lazy_property
from ...memory import require_now
from ...tensor.primitive import Shape
from ..call.callable import LAYOUT
from ..call.ndarrays import usable
from ..call.objects_entry import OF_OBJECTS, Passed, emit_of_objects
from ..call.threads import worthwhile
from ..code import Code, compile_program
from ..compile import optimized, passes_text
from ..emit.interface import Interface
from ..ir.program import Array as ProgramArray
from ..ir.program import Role
from ..target import Target
from ..trace.batches import has_batch
from ..trace.tensor_lowering import Given
from ..trace.tensors import Row
from .check import TensorChecker
from .derivatives import Asked, derived
from .passing import (
    Array,
    ByAddress,
    Direct,
    Fetch,
    Finish,
    Passing,
    entries,
    finish,
    numbers,
    padded,
    sizes,
    zeros,
)

NOTHING: Array = np.empty(0)
"""What results that are zeros are made of, where a call passes no array."""
STAGES = ("program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly")


class TensorCode:
    """One recording, compiled.

    asked     what is computed of the rows
    operands  the rows that a call gives, in order
    most      of how many samples a call is at most, if it is of any number; else None
    threads   that a call may use; None: the default
    check     the name of what is compared with the interpreter; '': nothing is
    """

    def __init__(
        self,
        rows: Sequence[Row],
        asked: Asked,
        operands: Sequence[int],
        target: Target,
        *,
        most: int | None = None,
        threads: int | None = None,
        check: str = "",
    ) -> None:
        self.target = target
        self._threads = threads
        self.most = most
        self.rows, self.asked, self.operands = rows, asked, operands
        found = derived(rows, asked, most, target)
        self._given, self._results = found.given, found.results
        self.program, self.differentiated = found.before, found.program
        self.transformed = optimized(self.differentiated, target)
        self._interface = Interface(frozenset(), None, team=True)
        self.code: Code = compile_program(self.transformed, target, self._interface)
        self._split()
        entry = self._entry
        self._reads_objects = usable()
        if self._reads_objects:
            self.code.extend(lambda module: emit_of_objects(module, entry, target), (LAYOUT, entry))
        self.checker: TensorChecker | None = None
        if check:
            counts = {g.name: n for g in self._given if (n := rows[g.row].samples)}
            self.checker = TensorChecker(check, self.transformed, self._interface, target, counts)

    # -- calling ---------------------------------------------------------------------------------

    def _split(self) -> None:
        """Say how each argument of `main` is passed."""
        given = {g.name: g for g in self._given}
        place = {k: i for i, k in enumerate(self.operands)}
        direct: list[tuple[str, int, Fetch]] = []
        made: list[tuple[str, Fetch]] = []
        rooms: list[tuple[str, Shape]] = []
        counts: dict[str, int] = {}
        for a in self._interface.arguments(self.transformed):
            row = self.rows[given[a.name].row] if a.name in given else None
            if a.role is Role.EXTENT or (row is not None and row.samples):
                counts[a.name] = 0 if row is None else row.samples
            elif row is None:
                rooms.append((a.name, self._room(a)))
            else:
                k, fetch = place[given[a.name].row], self._fetch(given[a.name], place)
                if given[a.name].below or has_batch(row.shape[1:]):
                    made.append((a.name, fetch))
                else:
                    direct.append((a.name, k, fetch))
        names = [*(n for n, *_ in direct), *(n for n, _ in made), *(n for n, _ in rooms)]
        self._number = {name: k for k, name in enumerate(names)}
        self._entry = [
            Passed(None, counts[a.name])
            if a.name in counts
            else Passed(self._number[a.name], checked=self._number[a.name] < len(direct))
            for a in self._interface.arguments(self.transformed)
        ]
        self._lists = (
            [k for _, k, _ in direct],
            [fetch for *_, fetch in direct],
            [fetch for _, fetch in made],
            [shape for _, shape in rooms],
        )

    def _room(self, a: ProgramArray) -> Shape:
        """The shape of a new array for an output."""
        for r in self._results:
            shape = sizes(r.shape, self.most or 0)
            if r.array == a.name and not r.first and prod(shape) == a.size:
                return shape
        return a.shape

    def _fetch(self, given: Given, place: Mapping[int, int]) -> Fetch:
        row = self.rows[given.row]
        shown = row.name or (row.tensor.label if row.tensor is not None else "") or "a Tensor"
        if given.below:
            fetch = entries(place[given.row], shown, given.below)
        else:
            fetch = numbers(place[given.row], shown, self.target.dtype)
        if has_batch(row.shape[1:]):
            return padded(fetch, row.shape, self.most or 0)
        return fetch

    @lazy_property
    def _passing(self) -> Passing:
        """How `main` is called."""
        what = self.code.address, self.target.dtype, *self._lists
        if not self._reads_objects:
            return ByAddress(None, *what, self._entry)
        return Passing.at(self.code.native.address(OF_OBJECTS), *what)

    @lazy_property
    def direct(self) -> Direct | None:
        """How it is called where nothing is made of arguments and results; None if something is."""
        is_plain = not (self.most or self._work or self.checker or self._passing.made)
        is_plain = is_plain and not self.code.heap
        if not is_plain or not self._reads_objects or any(finish for _, finish in self._places):
            return None
        return Direct(self._passing, [at for at, _ in self._places])

    @lazy_property
    def _work(self) -> int:
        """Operations of a call that threads may share, of the largest one."""
        return self.code.shared_work

    @lazy_property
    def _places(self) -> list[tuple[int, Finish | None]]:
        """For each result, the number of the array and what that becomes."""
        number, arrays = self._number, self.transformed.arrays
        return [
            (number[r.array], finish(r, arrays[r.array].size, self.target.dtype))
            if r.array
            else (0, zeros(r.shape, r.dtype))
            for r in self._results
        ]

    def __call__(self, arrays: Sequence[Array], samples: int = 0) -> list[Array]:
        """The results for the arrays of the operands, of so many samples."""
        work = self._work
        if work:
            work = work * samples // self.most if self.most else work
        threads = worthwhile(work, self._threads) if work else 1
        if self.code.heap:
            require_now(self.code.heap)
        passed = self._passing(arrays, samples, threads) or [NOTHING]
        if self.checker is not None:
            self.checker.check({n: passed[k] for n, k in self._number.items()}, samples)
        return [
            finish(passed[at], samples) if finish else passed[at] for at, finish in self._places
        ]

    # -- stages ----------------------------------------------------------------------------------

    @property
    def signature(self) -> str:
        """`main` as C declares it."""
        names = [a.name for a in self.transformed.with_role(Role.INPUT)]
        return self._interface.declaration(self.transformed, self.target.dtype, names)

    def stage(self, name: str) -> str:
        """A stage as text."""
        match name:
            case "program":
                return str(self.program)
            case "passes":
                done = [("trace", self.program)]
                if self.differentiated is not self.program:
                    done.append(("derivative", self.differentiated))
                return passes_text(done, self.target)
            case "simplified":
                return str(self.transformed)
        return self.code.stage(name)
