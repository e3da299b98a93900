"""Scratch memory of a vector loop, and the loops over boxes of points that fill and read it.

What was stored or loaded is known by its place until control flow joins or the place is written,
so straight code reads its own results from registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ..ir.program import Access, Role
from .builder import Builder
from .held import Held
from .indices import linear, scaled
from .shuffles import column, gather, windows
from .storage import Elements, Index, Storage

UNROLLED_POINTS = 32
"""Points of one statement in one iteration that are written out instead of looped over."""
UNROLLED_TERMS = 128
"""Terms of the sums of one statement in one iteration that are written out."""
LEAST_ROW = 4
"""Numbers in a row that lanes read as vectors, and then turn."""

Range = tuple[int, int, int]
"""(start, count, step) of one dimension of a box."""


@dataclass(slots=True)
class Scratch:
    """Memory of the kernel's own: its base, and where an access's first element is in it."""

    base: Any
    name: Any
    strides: tuple[int, ...] = ()
    offset: int = 0
    varying: Any = None


class Memory:
    """Loads and stores of scratch, and address arithmetic."""

    def __init__(self, builder: Builder, storage: Storage) -> None:
        self.b = builder
        self.storage = storage
        self.held = Held(storage)
        self.known: dict[tuple[Any, Index, int], Any] = {}

    def forget(self) -> None:
        """Another path through the code begins: memory may hold other numbers."""
        self.known = {}
        self.held.forget()

    def scaled(self, value: Any, factor: int) -> Index:
        """An index value times a constant."""
        return scaled(self.b, value, factor)

    def linear(
        self, offset: int, strides: Sequence[int], at: Sequence[Index], varying: Any = None
    ) -> Index:
        """offset + varying + sum(strides * indices)."""
        return linear(self.b, offset, strides, at, varying)

    def load(self, m: Scratch, at: Sequence[Index], width: int) -> Any:
        """`width` numbers in a row."""
        index = self.linear(m.offset, m.strides, at, m.varying)
        key = (m.name, index, width)
        if key not in self.known:
            address = self.b.at(m.base, index, self.b.number)
            align = self._alignment(index, width)
            self.known[key] = self.b.load(address, self.b.vector(width), align)
        return self.known[key]

    def store(self, m: Scratch, at: Sequence[Index], x: Any, width: int) -> None:
        """Write `width` numbers in a row."""
        index = self.linear(m.offset, m.strides, at, m.varying)
        self.known = {
            k: v for k, v in self.known.items() if k[0] != m.name or _apart(k[1:], (index, width))
        }
        address = self.b.at(m.base, index, self.b.number)
        self.b.store(x, address, self._alignment(index, width))
        self.known[m.name, index, width] = x

    def _alignment(self, index: Index, width: int) -> int:
        size = self.b.bits // 8
        if index[1] is None and width & (width - 1) == 0 and index[0] % width == 0:
            return min(64, size * width)
        return size

    def elements(self, a: Access, at: Sequence[Index], lane: int | None, width: int) -> Elements:
        """Where in its array an access finds `width` numbers along `lane`."""
        affine = a.parts[0] if a.parts else a
        stride = affine.strides[lane] if lane is not None and width > 1 else 0
        return Elements(self.linear(affine.offset, affine.strides, at), stride, width)

    def fetch(
        self,
        a: Access,
        at: Sequence[Index],
        lane: int | None,
        width: int,
        counts: Sequence[int] = (),
    ) -> Any:
        """The numbers that an access reads from its own array.

        counts   of the loops, if every iteration of the first one runs all others
        """
        e = self.elements(a, at, lane, width)
        array = self.storage.program.arrays[a.array]
        # vectors of what was just written number by number would wait for the stores
        written = array.role in (Role.TEMPORARY, Role.OUTPUT, Role.STATE, Role.SCRATCH)
        found = windows(e, array.size) if not a.parts and not written else []
        if not found:
            place, along = (0, []) if a.parts or written else _rows(a, at, e, counts)
            if not along:
                return self.held.read(a, e)
            return column(self.b, [self.storage.read(a, x) for x in along], place)
        row = [self.storage.read(a, Elements((w.start, e.index[1]), 1, width)) for w in found]
        return gather(self.b, found, row)

    def points(
        self, box: Sequence[Range], unrolled: int = UNROLLED_POINTS
    ) -> Iterator[list[Index]]:
        """Every index of a box, in order; a large one as loops around what the caller builds."""
        points = prod(count for _, count, _ in box)
        if points <= unrolled:
            for combination in product(*(range(count) for _, count, _ in box)):
                yield [
                    (start + i * step, None)
                    for i, (start, _, step) in zip(combination, box, strict=True)
                ]
            return
        (start, count, step), *rest = box
        together = 1 if rest else max(1, unrolled)
        while count % together:
            together -= 1
        with self.b.loop(self.b.integer(count // together)) as i:
            self.forget()
            first, value = self.scaled(i, step * together)
            for k in range(together):
                for index in self.points(rest, unrolled):
                    yield [(first + start + k * step, value), *index]
        self.forget()


def _rows(
    a: Access, at: Sequence[Index], e: Elements, counts: Sequence[int]
) -> tuple[int, list[Elements]]:
    """What each lane reads around here in a row, and at which place of it `a` reads now; nothing if
    it is too short or does not stand still.
    """
    if e.width < LEAST_ROW or e.width & (e.width - 1):
        return 0, []
    for d in range(1, len(counts)):
        here, varying = at[d]
        if a.strides[d] != 1 or varying is not None or counts[d] < LEAST_ROW:
            continue
        length = 1 << min(int(counts[d]), e.width).bit_length() - 1
        place = here - min(here // length * length, int(counts[d]) - length)
        constant, value = e.index
        firsts = [constant - place + k * e.stride for k in range(e.width)]
        return place, [Elements((first, value), 1, length) for first in firsts]
    return 0, []


def _apart(known: tuple[Index, int], stored: tuple[Index, int]) -> bool:
    """Whether two places certainly do not overlap."""
    (a, va), n = known
    (b, vb), m = stored
    return va is None and vb is None and (a + n <= b or b + m <= a)


def layout(
    a: Access, domain: tuple[int, ...], lane: int, width: int, first: int = 1
) -> tuple[tuple[int, ...], int]:
    """Strides of a dense array over the loops, from the `first` on, that `a` moves in, `lane`
    innermost; its size.

    Rows of lanes begin on a vector's boundary.
    """
    strides = [0] * len(domain)
    size = 1
    if lane >= first and a.strides[lane]:
        strides[lane] = 1
        size = _padded(domain[lane], width)
    for d in reversed(range(first, len(domain))):
        if a.strides[d] and d != lane:
            strides[d] = size
            size *= domain[d]
    return tuple(strides), size


def _padded(count: int, width: int) -> int:
    if count >= width:
        return -(-count // width) * width
    return 1 << (count - 1).bit_length()


def tiling(
    counts: Sequence[int], lane: int | None, width: int
) -> Iterator[tuple[list[Range], int]]:
    """Boxes that cover the counts, with the vector width in each.

    Along `lane`, full vectors first, then one shorter one.
    """
    box = [(0, c, 1) for c in counts]
    if lane is None:
        yield box, 1
        return
    full, left = divmod(counts[lane], width)
    if full:
        yield [*box[:lane], (0, full, width), *box[lane + 1 :]], width
    if left:
        yield [*box[:lane], (full * width, 1, 1), *box[lane + 1 :]], left
