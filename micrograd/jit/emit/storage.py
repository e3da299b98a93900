"""Where the arrays of a program are while one function runs, and how they are read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lowering.bindings import ir

from ..ir.program import Access, Array, Role, Statement
from ..schedule.schedule import Schedule
from .builder import Builder
from .call_memory import CallMemory

Index = tuple[int, Any]
"""An index value: a constant plus an i64 value, or None."""

INLINE_DATA = 1024
"""Constant arrays and index tables of more entries lie outside the module."""

_UNCHANGING = (Role.INPUT, Role.PARAMETER, Role.CONSTANT)


@dataclass(frozen=True, slots=True)
class Elements:
    """`width` elements of an array (or of an index table), `stride` apart from `index` on."""

    index: Index
    stride: int = 0
    width: int = 1


def in_pieces(body: Iterable[Statement]) -> set[str]:
    """The arrays that more than one statement assigns."""
    counts = Counter(s.target.array for s in body if not s.accumulate)
    return {name for name, count in counts.items() if count > 1}


class Storage:
    """The arrays of one function: arguments, registers, workspace, parameter stores, globals."""

    def __init__(
        self,
        builder: Builder,
        schedule: Schedule,
        arrays: Sequence[Array],
        by_value: Collection[str],
        arguments: Sequence[ir.Value],
        narrowed: Collection[str] = (),
    ) -> None:
        self.b = builder
        self.schedule = schedule
        self.program = schedule.program
        self.narrowed = narrowed
        self.workspace: ir.Value | None = None
        self.memory = CallMemory(builder, builder.block)
        self.scalars: dict[tuple[str, int], ir.Value] = {}
        self.bases: dict[str, ir.Value] = {}
        for a, value in zip(arrays, arguments, strict=False):
            if a.name in by_value:
                self.scalars[a.name, 0] = value
            else:
                self.bases[a.name] = value

    def allocate(self, numbers: int, *, in_pieces: bool = False) -> ir.Value:
        """Scratch memory for the time of the call, at a vector's alignment.

        `in_pieces`: vectors are stored there in pieces, which may then be loaded as one. LLVM 22
        (SROA, tree-structured merge) makes one value of them at the place of the wrong store, so
        it must not see that this is the kernel's own memory.
        """
        b = self.b
        address = self.memory.allocate(numbers, b.number, b.lanes * b.bits // 8)
        if not in_pieces:
            return address
        with b.inside(ir.InsertionPoint.after(address.owner)):
            return b.opaque(address)

    # -- access --------------------------------------------------------------------------------

    def read(self, a: Access, elements: Elements | None = None) -> ir.Value:
        """The number that a loop-free access reads, or the elements of one in a loop."""
        e = elements or Elements((a.offset, None))
        b = self.b
        if (a.array, a.offset) in self.scalars and a.is_constant:
            return b.splat(self.scalars[a.array, a.offset], e.width)
        if a.table is not None or (e.width > 1 and e.stride not in (0, 1)):
            return self._scattered(a, e)
        if e.width > 1 and e.stride == 0:
            return b.splat(self._load(a, e.index, 1), e.width)
        return self._load(a, e.index, e.width)

    def write(self, a: Access, value: ir.Value, elements: Elements | None = None) -> None:
        """Set what `a` stands for."""
        e = elements or Elements((a.offset, None))
        b = self.b
        if a.array in self.schedule.registers:
            self.scalars[a.array, a.offset] = value
        elif a.table is not None or (e.width > 1 and e.stride != 1):
            for k in range(e.width):
                lane = b.extract(value, k) if e.width > 1 else value
                b.store(lane, self._address(a.array, self._resolve(a, e, k)), b.bits // 8)
        else:
            b.store(value, self._address(a.array, e.index), b.bits // 8)

    def add(self, a: Access, value: ir.Value, elements: Elements) -> None:
        """Add to what `a` stands for."""
        b = self.b
        if a.table is not None and elements.width > 1:
            # lanes may stand for the same element, so each is added by itself
            for k in range(elements.width):
                address = self._address(a.array, self._resolve(a, elements, k))
                before = b.load(address, b.number, b.bits // 8)
                b.store(b.add(before, b.extract(value, k)), address, b.bits // 8)
            return
        self.write(a, self.b.add(self.read(a, elements), value, reduction=True), elements)

    def _scattered(self, a: Access, e: Elements) -> ir.Value:
        """Elements that are not in a row."""
        b = self.b
        places = [self._resolve(a, e, k) for k in range(e.width)]
        if b.bits == 32 and e.width > 1 and self._is_store(a.array):
            return b.gather_parameters([self._address(a.array, place) for place in places])
        return b.assemble([self._load(a, place, 1) for place in places])

    def _resolve(self, a: Access, e: Elements, lane: int) -> Index:
        """The index of one lane's element, through the table if there is one."""
        constant, value = e.index
        index = (constant + lane * e.stride, value)
        if a.table is None:
            return index
        b = self.b
        address = b.at(self._constant(a.table), index, b.i32)

        def load() -> ir.Value:
            return b.build("llvm.sext", [b.i64], [b.load(address, b.i32)])

        return 0, b.numbered(("entry", address), load)

    def _load(self, a: Access, index: Index, width: int) -> ir.Value:
        b = self.b
        address = self._address(a.array, index)
        role = self.program.arrays[a.array].role

        def load() -> ir.Value:
            if self._is_store(a.array):
                return b.load_parameter(address, width)
            if role in (Role.PARAMETER, Role.CONSTANT) and width == 1:
                return b.everywhere(b.load(address, b.element_type))
            return b.load(address, b.vector(width), b.bits // 8)

        return b.numbered(("load", address, width), load) if role in _UNCHANGING else load()

    def _is_store(self, name: str) -> bool:
        """Whether its numbers are float64, whatever the element type is."""
        return self.program.arrays[name].role is Role.PARAMETER and name not in self.narrowed

    # -- addresses -----------------------------------------------------------------------------

    def _address(self, name: str, index: Index) -> ir.Value:
        b = self.b
        role = self.program.arrays[name].role
        if self._is_store(name):
            type = b.f64
        else:
            type = b.element_type if role in (Role.PARAMETER, Role.CONSTANT) else b.number
        return b.at(self._base(name), index, type)

    def _base(self, name: str) -> ir.Value:
        """The address of an array's first element."""
        if name in self.bases:
            return self.bases[name]
        b = self.b
        if name in self.schedule.workspace:
            return b.element(self.workspace, self.schedule.workspace[name], b.number)
        if self.program.arrays[name].role is Role.PARAMETER:
            return self._pointer(name)
        return self._constant(name)

    def _constant(self, name: str) -> ir.Value:
        """The address of constant data or of an index table."""
        a = self.program.arrays.get(name)
        size = a.size if a is not None else len(self.program.tables[name])
        return self._pointer(name) if size > INLINE_DATA else self._global(name)

    def _pointer(self, name: str) -> ir.Value:
        """The address that a global pointer holds; it never changes while the kernel lives."""
        b = self.b
        address = self._global(name)
        return b.numbered(("pointer", name), lambda: b.load(address, b.ptr))

    def _global(self, name: str) -> ir.Value:
        return self.b.numbered(("address", name), lambda: self.b.address(name))
