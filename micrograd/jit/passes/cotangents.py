"""The arrays of cotangents: which there are, which of their elements have a number, and which of
them something has flowed to.

An element has no number until the first cotangent is assigned to it, or a zero; later ones are
added. What is read or added to where it has none is filled before, with the zero of addition.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...ops import add
from ..ir.extents import Extent
from ..ir.nests import Ints, factor, pieces
from ..ir.points import is_box, points, touched
from ..ir.program import Access, Expr, Node, Program, Role, Statement
from .reaching import Bools, declare_mask, fresh, is_certain, known_elements

GRADIENT = "grad"


class Cotangents:
    """The cotangents of a program's arrays, which are declared in it.

    names   array -> its cotangent array, where that is not ct_<array>
    asked   the arrays whose cotangents are asked for, beside those of outputs
    body    where statements are appended
    sender  the statement whose cotangents are sent on, if one's are
    """

    def __init__(self, program: Program, names: dict[str, str], asked: Iterable[str]) -> None:
        self.program = program
        self.names = names
        self.body: list[Node] = program.body
        self.sender: Statement | None = None
        self.set: dict[str, bytearray] = {}  # cotangent array -> which elements have a number
        self.reached: dict[str, Bools] = {}  # the same -> which of them something flowed to
        self.scattered = {a.array for s in program.statements for a in s.accesses if a.index_arrays}
        self.masks: dict[tuple[bytes, tuple[int, ...]], Access] = {}
        self.owners, self.rows = owners(program, set(asked))

    def cotangent(self, a: Access) -> Access:
        """The access to the cotangent of what `a` reads."""
        return a.of(self.name_of(a.array))

    def name_of(self, array: str) -> str:
        """The array of an array's cotangents."""
        name = self.names.get(array)
        if name is None:
            name = self.names[array] = fresh(self.program, f"ct_{array}")
        return name

    def is_reached(self, a: Access) -> bool:
        """Whether anything flowed to this element."""
        name = self.name_of(a.array)
        return name in self.reached and bool(self.reached[name][a.offset])

    def is_sure(self, array: str, domain: tuple[int, ...]) -> bool:
        """Whether what is assigned in this domain has a number wherever it is read.

        Not if loops may end before, unless all that touches an element is in the same iteration.
        """
        if is_certain(domain, self.program):
            return True
        extents = {c for c in domain if isinstance(c, Extent)}
        rest = tuple([c for c in domain if not isinstance(c, Extent)])
        return extents <= self.owners.get(array, set()) and is_certain(rest, self.program)

    def assign(
        self, target: Access, expr: Expr, domain: tuple[int, ...] = (), *, again: bool = False
    ) -> None:
        """Append a statement that assigns a cotangent, or adds to it if one is there already."""
        how = add if again else None
        made = Statement(target, expr, domain, how, derivative="adjoint")
        if self.sender is not None:
            made.origin = self.sender.origin
        self.body.append(made)

    def mask(self, live: Bools, domain: tuple[int, ...]) -> Access:
        """Constant data that is 1 at the points that are live, and 0 at the others."""
        key = live.tobytes(), domain
        if key not in self.masks:
            count = sum(name.startswith("live") for name in self.program.arrays)
            name = fresh(self.program, f"live{count}")
            self.masks[key] = declare_mask(self.program, name, live, domain)
        return self.masks[key]

    def declare(self, array: str) -> bytearray:
        """Which elements of the cotangents of an array have a number; declared when new."""
        cotangent = self.name_of(array)
        if cotangent not in self.set:
            a = self.program.arrays[array]
            role = Role.OUTPUT if cotangent == GRADIENT else Role.TEMPORARY
            self.program.declare(cotangent, role, a.shape)
            self.set[cotangent] = bytearray(a.size)
            self.reached[cotangent] = np.zeros(a.size, dtype=bool)
            if array in self.scattered:  # elements are reached in no order: all begin with zero
                self.complete(array, np.arange(a.size))
        return self.set[cotangent]

    def complete(self, array: str, index: Ints, zero: float = -0.0) -> None:
        """Give the elements that are touched next, and have no number, a zero.

        The zero of addition by default. An array that has none at all is filled as a whole.
        """
        mask = np.frombuffer(self.declare(array), dtype=np.uint8)
        if not len(index):
            return
        if not mask.any():
            self._fill_all(array, zero)
            return
        missing = np.flatnonzero(~mask.astype(bool) & touched(index, len(mask)))
        self.fill(array, missing, zero)

    def _fill_all(self, array: str, zero: float) -> None:
        """Assign a zero to all elements; of iterations whose number is not known yet, to those that
        there will be.
        """
        name = self.cotangent(Access(array)).array
        all_set = np.frombuffer(self.set[name], dtype=np.uint8)
        extent, size = self.rows.get(array, (len(all_set), 1))
        loops: tuple[int, ...] = (extent, size) if size > 1 else (extent,)
        if len(all_set) > 1:
            self.assign(Access(name, 0, (size, 1)[-len(loops) :]), zero, loops)
        else:
            self.assign(Access(name), zero)
        all_set[:] = 1

    def fill(self, array: str, missing: Ints, zero: float = -0.0) -> None:
        """Assign a zero to elements that have no number."""
        target = self.cotangent(Access(array))
        for start, end in pieces(missing[None, :], len(missing)) or []:
            nest = factor(missing[None, start:end])
            assert nest is not None
            access = Access(target.array, int(missing[start]), nest.strides_of(0))
            self.assign(access, zero, nest.counts)
        np.frombuffer(self.set[target.array], dtype=np.uint8)[missing] = 1


def owners(
    program: Program, asked: set[str]
) -> tuple[dict[str, set[Extent]], dict[str, tuple[Extent, int]]]:
    """By array the run-time loops of which one iteration alone touches each of its elements; and,
    where these are rows of so many elements each, one of these loops and how many.

    An element that is assigned in such a loop is there wherever it is read. `asked` are arrays
    that are read outside of all loops.
    """
    domains = [s.domain for s in program.statements]  # in order: sets of names differ by process
    extents = dict.fromkeys(c for domain in domains for c in domain if isinstance(c, Extent))
    if not extents:
        return {}, {}
    accesses = dict.fromkeys((a, s.domain) for s in program.statements for a in s.accesses)
    of: dict[str, list[tuple[Access, tuple[int, ...]]]] = {}
    for a, domain in accesses:
        of.setdefault(a.array, []).append((a, domain))
    found: dict[str, set[Extent]] = {array: set() for array in asked}
    for array, places in of.items():
        if array not in asked:
            found[array] = {e for e in extents if _owns(e, places, program)}
    rows: dict[str, tuple[Extent, int]] = {}
    for array, which in found.items():
        size = program.arrays[array].size
        for extent in [e for e in extents if e in which]:
            row = _row(extent, *of[array][0], program)
            if row is not None and row[0] * int(extent) == size and row[1] >= 0 and row[2] < row[0]:
                rows[array] = extent, row[0]
    return found, rows


def _owns(extent: Extent, places: list[tuple[Access, tuple[int, ...]]], program: Program) -> bool:
    """Whether one iteration of a loop alone touches each element that these accesses touch."""
    if not all(extent in domain for _, domain in places):
        return False
    rows = [_row(extent, a, domain, program) for a, domain in places]
    known = [row for row in rows if row is not None]
    if len(known) == len(rows) and len({row[0] for row in known}) == 1:
        stride = known[0][0]
        low, high = min(row[1] for row in known), max(row[2] for row in known)
        if high - low < stride:
            return True
    if any(stride == 0 for stride, _, _ in known):
        return False
    return _owns_all(extent, places, program)


def _row(
    extent: Extent, a: Access, domain: tuple[int, ...], program: Program
) -> tuple[int, int, int] | None:
    """Of an access that is affine but for entries of index arrays, how far it moves with the
    extent's only loop, and what it may touch in the first iteration: from where to where.
    """
    loops = [d for d, count in enumerate(domain) if count == extent]
    below = [program.arrays[str(p.by)].below if p.is_entry else 0 for p in a.parts]
    if not all(below) or len(loops) != 1 or not is_box(domain):
        return None
    stride = a.strides[loops[0]]
    others = [
        s * (int(count) - 1)
        for d, (s, count) in enumerate(zip(a.strides, domain, strict=True))
        if d != loops[0]
    ]
    others += [p.scale * (n - 1) for p, n in zip(a.parts, below, strict=True)]
    low = a.offset + sum(min(x, 0) for x in others)
    return (stride, low, a.offset + sum(max(x, 0) for x in others)) if stride >= 0 else None


def _owns_all(
    extent: Extent, places: list[tuple[Access, tuple[int, ...]]], program: Program
) -> bool:
    """The same, by a look at every point."""
    size = program.arrays[places[0][0].array].size
    before = np.full(size, -1, dtype=np.int64)
    for a, domain in places:
        index = known_elements(a, domain, program)
        loops = [d for d, count in enumerate(domain) if count == extent]
        columns = [points(domain, program)[d] for d in loops] if index is not None else []
        for column in columns:
            now = before.copy()
            now[index] = column
            kept = (before < 0) | (now == before)
            if kept.all() and np.array_equal(now[index], column):
                before = now
                break
        else:
            return False
    return True
