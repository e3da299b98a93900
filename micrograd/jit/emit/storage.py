"""Where the arrays of a program are while one function runs, and how they are read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lowering.bindings import ir

from ...locks import lazy_property
from ..ir.program import NUMBER, Access, Array, Role, Statement
from ..schedule.repeat import Repeat
from ..schedule.schedule import Schedule
from . import masks
from .builder import Builder
from .call_memory import CallMemory
from .data import INLINE_DATA
from .gathers import ROW, gather, gather_rows, indices, is_vector, rows_of, scatter

Index = tuple[int, Any]
"""An index value: a constant plus an i64 value, or None."""

_UNCHANGING = (Role.INPUT, Role.PARAMETER, Role.CONSTANT)


@dataclass(frozen=True, slots=True)
class Elements:
    """`width` elements of an array (or of an index array), `stride` apart from `index` on."""

    index: Index
    stride: int = 0
    width: int = 1


def in_pieces(body: Iterable[Statement]) -> set[str]:
    """The arrays that more than one statement assigns."""
    counts = Counter(s.target.array for s in body if s.accumulate is None)
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
    ) -> None:
        self.b = builder
        self.schedule = schedule
        self.program = schedule.program
        self.workspace: ir.Value | None = None
        self.team: ir.Value | None = None
        self.points: ir.Value | None = None  # of a vector, those that are written
        self.memory = CallMemory(builder, builder.block)
        self.scalars: dict[tuple[str, int], ir.Value] = {}
        self.kept: dict[Access, ir.Value] = {}  # of an iteration, what is in registers, too
        self._keeps: set[Access] = set()
        self.held: dict[Access, list[ir.Value]] = {}  # what is written, and stored later
        self.bases: dict[str, ir.Value] = {}
        for a, value in zip(arrays, arguments, strict=False):
            if a.name in by_value:
                self.scalars[a.name, 0] = value
            else:
                self.bases[a.name] = value

    @lazy_property
    def rows(self) -> dict[Access, int]:
        """What is read in rows, and where these begin."""
        return rows_of(self.schedule.program)

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

    @contextmanager
    def only(self, points: ir.Value | None) -> Iterator[None]:
        """Inside, numbers are written at some points of a vector only, where their lanes hold."""
        before, self.points = self.points, points
        yield
        self.points = before

    @contextmanager
    def keeping(
        self, written: Iterable[Access], known: Iterable[tuple[Access, ir.Value]]
    ) -> Iterator[dict[Access, ir.Value]]:
        """Inside, which is an iteration of a loop, numbers are `known`, and so becomes what is
        written to some places.
        """
        before = self._keeps, self.kept
        self._keeps, self.kept = set(written), dict(known)
        yield self.kept
        self._keeps, self.kept = before

    def wrote(self, a: Access, x: ir.Value) -> None:
        """Note that `a` stands for this number from now on."""
        if a in self._keeps:
            self.kept[a] = x

    def is_exact(self, name: str) -> bool:
        """Whether an array has in memory what is written there, number for number."""
        in_memory = name not in self.schedule.registers
        return in_memory and self.points is None and self._type(name) == self.b.number

    @contextmanager
    def moved(self, step: Repeat, index: ir.Value) -> Iterator[None]:
        """Inside, arrays are where and as an iteration of a loop around steps sees them."""
        bases, program = self.bases, self.program
        self.bases = dict(bases)
        for name, stride in step.moves.items():
            ahead = self.b.integer_op("llvm.mul", index, self.b.integer(stride))
            self.bases[name] = self.b.element(self._base(name), ahead, self._type(name))
        inside = step.program.arrays
        narrowed = {  # copies of parameters are of another type than these
            a.name: replace(inside[a.name], dtype=a.dtype)
            for a in program.with_role(Role.PARAMETER)
            if a.name in inside
        }
        self.program = replace(step.program, arrays=inside | narrowed)
        yield
        self.bases, self.program = bases, program

    # -- access --------------------------------------------------------------------------------

    def read(self, a: Access, elements: Elements | None = None) -> ir.Value:
        """The number that a loop-free access reads, or the elements of one in a loop."""
        e = elements or Elements(((a.parts[0] if a.parts else a).offset, None))
        b = self.b
        if (a.array, a.offset) in self.scalars and a.is_constant:
            return b.splat(self.scalars[a.array, a.offset], e.width)
        if a.parts or (e.width > 1 and e.stride not in (0, 1)):
            return self._scattered(a, e)
        if e.width > 1 and e.stride == 0:
            return b.splat(self.load(a.array, e.index, 1), e.width)
        return self.load(a.array, e.index, e.width)

    def write(self, a: Access, value: ir.Value, elements: Elements | None = None) -> None:
        """Set what `a` stands for."""
        e = elements or Elements(((a.parts[0] if a.parts else a).offset, None))
        b = self.b
        if a.array in self.schedule.registers:
            self.scalars[a.array, a.offset] = value
        elif a.parts or (e.width > 1 and e.stride != 1):
            for k in range(e.width):
                lane = b.extract(value, k) if e.width > 1 else value
                self.store(a.array, self._resolve(a, e, k), lane)
        else:
            self.store(a.array, e.index, value)

    def add(self, a: Access, value: ir.Value, elements: Elements) -> None:
        """Add to what `a` stands for."""
        b = self.b
        if a.parts and elements.width > 1:
            # lanes may stand for the same element, so each is added by itself
            for k in range(elements.width):
                place = self._resolve(a, elements, k)
                sum = b.add(self.load(a.array, place, 1), b.extract(value, k))
                self.store(a.array, place, sum)
            return
        self.write(a, self.b.add(self.read(a, elements), value, reduction=True), elements)

    def _scattered(self, a: Access, e: Elements) -> ir.Value:
        """Elements that are not in a row."""
        b = self.b
        places = [self._resolve(a, e, k) for k in range(e.width)]
        type = self._type(a.array)
        if e.width > 1 and type != b.element_type:
            return b.gather([self.address(a.array, place) for place in places], type)
        return b.assemble([self.load(a.array, place, 1) for place in places])

    def _resolve(self, a: Access, e: Elements, lane: int) -> Index:
        """The index of one lane's element, through the index array if there is one."""
        constant, value = e.index
        index = (constant + lane * e.stride, value)
        if not a.parts:
            return index
        return 0, self.entry(str(a.parts[0].by), index)

    def entry(self, name: str, index: Index) -> ir.Value:
        """The i64 of an index array's entry, or one for each point; entries never change."""
        b, type = self.b, self._type(name)
        address = b.at(self._base(name), index, type)

        def load() -> ir.Value:
            if type == b.number:
                return indices(b, b.load(address, type, b.bits // 8))
            entry = b.load(address, type)
            return entry if type == b.i64 else b.build("llvm.sext", [b.i64], [entry])

        return b.numbered(("entry", address), load)

    def note(self, name: str, index: Index, entry: ir.Value) -> None:
        """Set an entry of an index array: how often a loop has run."""
        self.b.store(entry, self.b.at(self._base(name), index, self.b.i64))

    def load(self, name: str, index: Index, width: int) -> ir.Value:
        """Elements of an array in a row; one that differs from point to point."""
        b = self.b
        if b.lanes > 1 and is_vector(index[1]):
            return gather(b, self._base(name), index, self._type(name))
        address = self.address(name, index)
        role = self.program.arrays[name].role

        def load() -> ir.Value:
            type = self._type(name)
            if type == b.number:
                return b.load(address, b.vector(width), b.bits // 8)
            numbers = b.load_row(address, type, width)
            return b.everywhere(numbers) if width == 1 else numbers

        return b.numbered(("load", address, width), load) if role in _UNCHANGING else load()

    def load_of(self, a: Access, index: Index) -> ir.Value:
        """One number that an access reads; one that differs from point to point with those beside
        it, if they are read, too.
        """
        b, start = self.b, self.rows.get(a)
        if start is None or b.lanes == 1 or b.lanes % ROW or not is_vector(index[1]):
            return self.load(a.array, index, 1)
        base, type, first = self._base(a.array), self._type(a.array), index[0] + start - a.offset
        key = ("row", base, first, index[1])
        row = b.numbered(key, lambda: gather_rows(b, base, (first, index[1]), type))
        return row[a.offset - start]

    def load_part(self, name: str, index: Index, mask: ir.Value) -> ir.Value:
        """The same, of which the lanes that a mask leaves out are not read."""
        b = self.b
        (width,) = mask.type.shape
        otherwise = b.constant_vector(1.0, width, b.type_of(self.program.arrays[name]))
        return b.converted(masks.load(b, self.address(name, index), mask, otherwise))

    def store(self, name: str, index: Index, x: ir.Value, mask: ir.Value | None = None) -> None:
        """Set elements of an array in a row; of those, which a mask leaves out are not written."""
        b, type = self.b, self._type(name)
        if b.lanes > 1 and is_vector(index[1]):
            scatter(b, x, self._base(name), index, type)
            return
        address = self.address(name, index)
        if self.points is not None:
            x = b.select(self.points, x, self.load(name, index, 1))
        if mask is not None:
            masks.store(b, b.converted(x, type), address, mask)
        elif type == b.number:
            b.store(x, address, b.bits // 8)
        else:
            b.store_row(x, address, type)

    def _type(self, name: str) -> ir.Type:
        """What one element of an array is in memory: a number, or what it is declared as.

        What is the same for all points of a batch are single elements; indices that are not are
        numbers there.
        """
        b, array = self.b, self.program.arrays[name]
        alike = array.role in (Role.PARAMETER, Role.CONSTANT)
        if array.dtype != NUMBER:
            alike = b.lanes == 1 or array.role is not Role.INPUT
        return b.type_of(array) if alike else b.number

    # -- addresses -----------------------------------------------------------------------------

    def has_bases(self, names: Iterable[str]) -> bool:
        """Whether all these arrays lie in memory."""
        return not any((name, 0) in self.scalars for name in names)

    def bases_of(self, names: Iterable[str]) -> list[ir.Value]:
        """The addresses of their first elements."""
        return [self._base(name) for name in names]

    def address(self, name: str, index: Index) -> ir.Value:
        """Where an element of an array lies."""
        return self.b.at(self._base(name), index, self._type(name))

    def _base(self, name: str) -> ir.Value:
        """The address of an array's first element."""
        if name in self.bases:
            return self.bases[name]
        b = self.b
        if name in self.schedule.within:
            return self._base(self.schedule.within[name])
        if name in self.schedule.workspace:
            return b.element(self.workspace, self.schedule.workspace[name], b.number)
        if self.program.arrays[name].role is Role.PARAMETER:
            return self._pointer(name)
        return self._constant(name)

    def _constant(self, name: str) -> ir.Value:
        """The address of constant data."""
        size = self.program.arrays[name].size
        outside = size > INLINE_DATA and not self.b.whole
        return self._pointer(name) if outside else self._global(name)

    def _pointer(self, name: str) -> ir.Value:
        """The address that a global pointer holds; it never changes while the kernel lives."""
        b = self.b
        address = self._global(name)
        return b.numbered(("pointer", name), lambda: b.load(address, b.ptr))

    def _global(self, name: str) -> ir.Value:
        return self.b.numbered(("address", name), lambda: self.b.address(name))
