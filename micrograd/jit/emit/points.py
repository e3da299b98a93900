"""Schedule -> the kernel at the points of one vector, and a loop over full vectors of points.

Requires a schedule made for numbers without lanes of their own (`width=1`). A number of the program
becomes a vector, of its values at as many points as a vector has lanes. Inputs and outputs are
columns: a pointer per number, the inputs' in order, then the outputs', what `main` returns first;
each to one number per point, in a row. Indices are integers as wide as numbers.

At every vector all inputs are read before an output is written, so an output may be an input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from lowering.bindings import ir

from ...real_types import BY_BITS, WIDE
from ..dialect.operations import vector_of
from ..ir.program import Array, Role, asks
from ..schedule.schedule import Schedule
from .builder import Builder
from .call_memory import CallMemory
from .function import Emitter
from .gathers import indices
from .interface import Interface
from .interrupts import OFTEN, VECTORS, Listening

UNROLLED_COLUMNS = 16
"""An array of more numbers is read and written in a loop over its columns."""
NARROWED = 1 << 14
"""Parameters of a kernel of narrower numbers, up to so many, are converted once a call."""


@dataclass(frozen=True, slots=True)
class _Leaves:
    """The columns of one array of the program: `array.size` of them from `first` on."""

    array: Array
    first: int

    @property
    def is_input(self) -> bool:
        return self.array.role is Role.INPUT


class Vectors:
    """The kernel at the points of one vector, and the loop over full vectors."""

    def __init__(
        self,
        builder: Builder,
        schedule: Schedule,
        interface: Interface,
        suffix: str,
    ) -> None:
        self.b = builder
        self.points = f"points{suffix}"
        self.full = f"full{suffix}"
        self.interface = interface
        program = schedule.program
        parameters = program.with_role(Role.PARAMETER)
        narrow = builder.bits < WIDE.bits
        self.narrowed = [a.name for a in parameters if narrow and a.size <= NARROWED]
        copied = {
            name: replace(program.arrays[name], dtype=BY_BITS[builder.bits].name)
            for name in self.narrowed
        }
        copies = replace(program, arrays=program.arrays | copied)
        self.kernel = Emitter(builder, replace(schedule, program=copies), interface)
        outputs = schedule.program.with_role(Role.OUTPUT)
        ordered = [
            *schedule.program.with_role(Role.INPUT),
            *(a for a in outputs if a.name == interface.returned),
            *(a for a in outputs if a.name != interface.returned),
        ]
        self.leaves = []
        self.count = 0
        for a in ordered:
            self.leaves.append(_Leaves(a, self.count))
            self.count += a.size
        self.lanes_type = builder.number

    def emit(self) -> None:
        """`full(columns, start, count, past)`: so many full vectors of points, at least one.

        start  the first point
        past   whether outputs are written past the cache: their columns begin at whole vectors
        """
        b = self.b
        self.kernel.kernel(self.points, internal=True)
        types = [b.ptr, b.i64, b.i64, b.i1]
        self.kernel.function(self.full, types, None, internal=True, apart=True, marked=False)
        columns, begin, count, past = b.block.arguments
        memory = CallMemory(b, b.block)
        vector = b.lanes * b.bits // 8
        sizes = {name: self.kernel.program.arrays[name].size for name in self.narrowed}
        copies = {
            name: memory.allocate(-(-size // b.lanes), b.number, vector)
            for name, size in sizes.items()
        }
        buffers = {
            x.array.name: memory.allocate(x.array.size, self._type(x), max(vector, 8))
            for x in self.leaves
            if x.array.name not in self.interface.by_value
            and x.array.name != self.interface.returned
        }
        narrow = {name: self._narrow(name, copies[name]) for name in self.narrowed}
        single = [x for x in self.leaves if x.array.size <= UNROLLED_COLUMNS]
        pointers = {
            k: self.column(columns, k, begin)
            for x in single
            for k in range(x.first, x.first + x.array.size)
        }
        listening = Listening(b, memory) if asks(self.kernel.program.body) else None
        with b.loop(count) as index, b.when(listening.goes_on) if listening else nullcontext():
            further = b.integer_op("llvm.mul", index, b.integer(b.lanes))

            def column(k: Any) -> Any:
                base = pointers[k] if isinstance(k, int) else self.column(columns, k, begin)
                return b.element(base, further, b.element_type)

            passed = self._read(buffers, column) | narrow
            arguments = [passed[a.name] for a in self.kernel.arguments if a.name in passed]
            call = b.call(self.points, arguments, self.kernel.result)
            numbers = self._results(call, buffers, column)
            with b.when(past):
                for k, number in numbers.items():
                    self._store_past(number, column(k))
            with b.when(b.negated(past)):
                for k, number in numbers.items():
                    b.store(number, column(k), b.bits // 8)
            if listening is not None:
                listening.count(OFTEN // VECTORS)
        memory.release()
        b.leave()

    def _read(self, buffers: dict[str, Any], column: Callable[[Any], Any]) -> dict[str, Any]:
        """What the kernel gets at a vector of points: its inputs, in buffers or as they are."""
        b = self.b
        passed: dict[str, Any] = {}
        for x in self.leaves:
            name = x.array.name
            if name in buffers:
                passed[name] = buffers[name]
                if x.is_input:
                    with self.each(x) as places:
                        for place, k in places:
                            number = b.load(column(k), self.lanes_type, b.bits // 8)
                            if self._type(x) != b.number:
                                number = indices(b, number)
                            b.store(number, b.element(buffers[name], place, self._type(x)))
            elif x.is_input:
                passed[name] = b.load(column(x.first), self.lanes_type, b.bits // 8)
        return passed

    def _type(self, x: _Leaves) -> Any:
        """What the kernel reads: indices, too, as numbers, unless there is one point alone."""
        return self.b.i64 if x.array.is_index and self.b.lanes == 1 else self.b.number

    def _results(
        self, returned: Any, buffers: dict[str, Any], column: Callable[[Any], Any]
    ) -> dict[int, Any]:
        """The results for few columns, by column; those for many are stored at once."""
        b = self.b
        numbers = {}
        for x in self.leaves:
            name = x.array.name
            if name == self.interface.returned:
                numbers[x.first] = returned
            elif name in buffers and not x.is_input and x.array.size <= UNROLLED_COLUMNS:
                for place in range(x.array.size):
                    address = b.element(buffers[name], place, b.number)
                    numbers[x.first + place] = b.load(address, self.lanes_type, 64)
            elif not x.is_input:
                with self.each(x) as places:
                    for place, k in places:
                        address = b.element(buffers[name], place, b.number)
                        b.store(b.load(address, self.lanes_type, 64), column(k), b.bits // 8)
        return numbers

    def _store_past(self, x: Any, address: Any) -> None:
        b = self.b
        attributes = {
            "alignment": ir.IntegerAttr.get(b.i64, min(64, b.lanes * b.bits // 8)),
            "nontemporal": ir.UnitAttr.get(),
        }
        b.build("llvm.store", [], [x, address], attributes)

    def column(self, columns: Any, k: Any, start: Any = None) -> Any:
        """Where column k begins, or its element `start`."""
        base = self.b.load(self.b.element(columns, k, self.b.ptr), self.b.ptr)
        return base if start is None else self.b.element(base, start, self.b.element_type)

    @contextmanager
    def each(self, x: _Leaves) -> Iterator[list[tuple[Any, Any]]]:
        """Every (place in the array, number of the column); many of them by a loop."""
        b = self.b
        if x.array.size <= UNROLLED_COLUMNS:
            yield [(place, x.first + place) for place in range(x.array.size)]
            return
        with b.loop(b.integer(x.array.size)) as place:
            yield [(place, b.integer_op("llvm.add", place, b.integer(x.first)))]

    def _narrow(self, name: str, copy: Any) -> Any:
        """A copy of a parameter store in the element type, at the address `copy`."""
        b = self.b
        size = self.kernel.program.arrays[name].size
        store = b.load(b.address(name), b.ptr)
        full, left = divmod(size, b.lanes)
        if full:
            with b.loop(b.integer(full)) as index:
                at = b.integer_op("llvm.mul", index, b.integer(b.lanes))
                numbers = b.load(b.element(store, at, b.f64), vector_of(b.f64, b.lanes), 8)
                b.store_row(numbers, b.element(copy, at, b.element_type), b.element_type)
        for k in range(full * b.lanes, full * b.lanes + left):
            number = b.load(b.element(store, k, b.f64), b.f64)
            b.store_row(number, b.element(copy, k, b.element_type), b.element_type)
        return copy
