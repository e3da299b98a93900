"""Programs of one loss at some sizes of its data -> one program for all sizes.

Requires programs that rerolling has made, the first at some sizes, each other one at sizes of which
one is smaller by one. They must have the same statements and loops; what differs
are numbers, and each is taken for a function of the sizes:

- how often a loop runs, n + c: a run-time extent. If there are several, what the longer loops have
  more stands before them by itself, so that there is one extent of each kind;
- where an element is, n + c: an entry of an index array that is given;
- a number, as 1 / n: an element of an array that is given;
- a dimension of an array, n + c: the largest that it will be, and strides are those of such arrays.

All this is guessing. That the program computes what the loss does is to be proved for every size
that it is used at (same.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from ..ir.extents import Affine, Extent, is_number
from ..ir.nests import Ints
from ..ir.program import (
    Access,
    Apply,
    Array,
    Expr,
    Loop,
    Node,
    Part,
    Program,
    Role,
    Statement,
)
from .forms import Form, Number, form_of, number_of
from .longer import Unlike, split

NUMBERS = "varying"
"""The input of the numbers that depend on sizes."""
COUNT, PLACES = "n", "at_"
"""What run-time extents are called, with a number; and index arrays, with the array's name."""

Sizes = tuple[int, ...]


@dataclass(slots=True)
class Places:
    """Entries of an index array in a row: form(sizes) + the places of a row-major box."""

    form: Form
    strides: tuple[int, ...]
    counts: tuple[int, ...]

    def at(self, sizes: Sizes, below: int) -> Ints:
        """The entries; what no iteration reads at these sizes is anything."""
        found = np.array([self.form(sizes)])
        for stride, count in zip(self.strides, self.counts, strict=True):
            found = (found[:, None] + stride * np.arange(count)).reshape(-1)
        inside: Ints = np.clip(found, 0, below - 1)
        return inside


@dataclass(slots=True)
class General:
    """A program for all sizes, and what it is given at each."""

    program: Program
    counts: dict[str, Form] = field(default_factory=dict)
    numbers: list[Number] = field(default_factory=list)
    places: dict[str, list[Places]] = field(default_factory=dict)

    def given(self, sizes: Sizes) -> dict[str, Any]:
        """Extents, numbers and entries at these sizes, by name."""
        found: dict[str, Any] = {n: max(0, form(sizes)) for n, form in self.counts.items()}
        if self.numbers:
            found[NUMBERS] = np.array([number(sizes) for number in self.numbers])
        for name, parts in self.places.items():
            below = self.program.arrays[name].below
            found[name] = np.concatenate([part.at(sizes, below) for part in parts])
        return found


def generalised(programs: Sequence[Program], sizes: Sequence[Sizes], most: Sizes) -> General:
    """The program that each of these is at its sizes, for sizes of at most these.

    Raises Unlike if there is none.
    """
    return _Generalise(programs, sizes, most).run()


class _Generalise:
    def __init__(self, programs: Sequence[Program], sizes: Sequence[Sizes], most: Sizes) -> None:
        self.programs = programs
        self.sizes = sizes
        self.most = most
        first, *others = [[*p.arrays.values()] for p in programs]
        if any([a.role for a in other] != [a.role for a in first] for other in others):
            raise Unlike("they have other arrays")
        self.names = [
            {a.name: b.name for a, b in zip(other, first, strict=True)}
            for other in (first, *others)
        ]
        columns = zip(first, *others, strict=True)
        arrays = {each[0].name: self._grown(each) for each in columns}
        self.general = General(Program(arrays, found=programs[0].found))
        self.extents: dict[Form, Extent] = {}

    def run(self) -> General:
        general = self.general
        body = self.body([p.body for p in self.programs], ())
        general.program.body = body
        self._join_extents()
        if general.numbers:
            general.program.declare(NUMBERS, Role.INPUT, len(general.numbers))
        for name, parts in general.places.items():
            size = sum(prod(part.counts) for part in parts)
            below = general.program.arrays[name.removeprefix(PLACES)].size
            general.program.declare(name, Role.INPUT, size, dtype="i64", below=below)
        return general

    def _grown(self, arrays: Sequence[Array]) -> Array:
        """An array as large as it will be."""
        first = arrays[0]
        shapes = [a.shape for a in arrays]
        if any(len(shape) != len(first.shape) for shape in shapes):
            raise Unlike(f"{first.name} has other dimensions")
        shape = tuple(self.at_most(counts) for counts in zip(*shapes, strict=True))
        if first.data is not None and shape != first.shape:
            raise Unlike(f"{first.name} has more numbers than are known")
        return replace(first, shape=shape)

    # -- one number of each program --------------------------------------------------------------

    def form(self, values: Sequence[int]) -> Form:
        return form_of(values, self.sizes)

    def at_most(self, values: Sequence[int]) -> int:
        """What a number is at the largest sizes."""
        return self.form(list(map(int, values)))(self.most)

    def count(self, counts: Sequence[int]) -> int:
        """A trip count."""
        first = counts[0]
        if is_number(first) and all(map(is_number, counts)):
            form = self.form(list(map(int, counts)))
            if form.is_constant:
                return first
            if form not in self.extents:
                self.extents[form] = Extent(f"{COUNT}{len(self.extents)}", form(self.most))
            return self.extents[form]
        same = all(isinstance(c, Affine) and c.said[:2] == first.said[:2] for c in counts)  # type: ignore[attr-defined]
        if not isinstance(first, Affine) or not same:
            raise Unlike("a loop runs as often as another loop's index and the sizes say")
        return Affine(first.offset, first.strides, self.at_most(counts))

    def place(self, accesses: Sequence[Access], domain: tuple[int, ...], *, read: bool) -> Access:
        """Where an element is."""
        first = accesses[0]
        named = [self.names[k][a.array] for k, a in enumerate(accesses)]
        if any(name != first.array for name in named):
            raise Unlike(f"{first} is in another array")
        if any(len(a.parts) != len(first.parts) for a in accesses):
            raise Unlike(f"{first} is read through an index table")
        strides = self._strides([a.strides for a in accesses])
        parts = tuple(self._part([a.parts[k] for a in accesses]) for k in range(len(first.parts)))
        offset = self._offset(accesses)
        if offset.is_constant:
            return Access(first.array, offset.start, strides, parts)
        if not read or parts:
            raise Unlike(f"{first} is elsewhere")
        return self._through(first.array, offset, strides, domain)

    def _through(
        self, array: str, offset: Form, strides: tuple[int, ...], domain: tuple[int, ...]
    ) -> Access:
        """An access that reads where an index array says."""
        used = [d for d, stride in enumerate(strides) if stride]
        counts = tuple(int(domain[d]) for d in used)
        parts = self.general.places.setdefault(PLACES + array, [])
        begin = sum(prod(part.counts) for part in parts)
        parts.append(Places(offset, tuple(strides[d] for d in used), counts))
        along, step = [0] * len(strides), 1
        for d in reversed(used):
            along[d] = step
            step *= int(domain[d])
        through = Part("entry", PLACES + array, begin, tuple(along), 1)
        return Access(array, 0, (0,) * len(strides), (through,))

    def _strides(self, strides: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(self.at_most(each) for each in zip(*strides, strict=True))

    def _part(self, parts: Sequence[Part]) -> Part:
        """What of a place is not affine."""
        first = parts[0]
        if any(p.kind != first.kind or (p.by != first.by and not p.is_entry) for p in parts):
            raise Unlike(f"{first} is another one")
        return replace(
            first,
            offset=self.at_most([p.offset for p in parts]),
            strides=self._strides([p.strides for p in parts]),
            scale=self.at_most([p.scale for p in parts]),
        )

    def _offset(self, accesses: Sequence[Access]) -> Form:
        """The first element, as the largest array has it: arrays grow with the sizes."""
        first = accesses[0]
        offsets = [a.offset for a in accesses]
        shapes = [p.arrays[a.array].shape for p, a in zip(self.programs, accesses, strict=True)]
        if not all(0 <= o < prod(s) for o, s in zip(offsets, shapes, strict=True)):
            return self.form(offsets)
        where = [np.unravel_index(o, s) for o, s in zip(offsets, shapes, strict=True)]
        form, stride = Form(0, (0,) * len(self.most)), 1
        grown = self.general.program.arrays[first.array].shape
        for d in reversed(range(len(grown))):
            form = form + self.form([int(w[d]) for w in where]) * stride
            stride *= grown[d]
        return form

    def expression(self, exprs: Sequence[Expr], domain: tuple[int, ...]) -> Expr:
        """What is computed."""
        first = exprs[0]
        if isinstance(first, Apply):
            others = [e for e in exprs if isinstance(e, Apply) and e.op is first.op]
            if len(others) < len(exprs):
                raise Unlike(f"{first} is another op")
            args = zip(*[e.args for e in others], strict=True)
            return Apply(first.op, tuple(self.expression(list(each), domain) for each in args))
        if isinstance(first, Access):
            found = [e for e in exprs if isinstance(e, Access)]
            if len(found) < len(exprs):
                raise Unlike(f"{first} is no element")
            return self.place(found, domain, read=True)
        numbers = [e for e in exprs if isinstance(e, float)]
        if len(numbers) < len(exprs):
            raise Unlike(f"{first} is no number")
        if len({x.hex() for x in numbers}) == 1:
            return first
        number = number_of(numbers, self.sizes)
        if number is None:
            raise Unlike(f"{first} depends on the sizes in no way that is known here")
        if number not in self.general.numbers:
            self.general.numbers.append(number)
        return Access(NUMBERS, self.general.numbers.index(number), (0,) * len(domain))

    # -- the tree --------------------------------------------------------------------------------

    def body(self, bodies: Sequence[Sequence[Node]], outside: tuple[int, ...]) -> list[Node]:
        """Statements and loops inside of loops."""
        if len({len(body) for body in bodies}) > 1:
            raise Unlike("they have more statements or fewer")
        return [self.node(nodes, outside) for nodes in zip(*bodies, strict=True)]

    def node(self, nodes: Sequence[Node], outside: tuple[int, ...]) -> Node:
        """A statement, or a loop."""
        first = nodes[0]
        if isinstance(first, Loop):
            loops = [n for n in nodes if isinstance(n, Loop) and n.order is first.order]
            if len(loops) < len(nodes):
                raise Unlike("they have other loops")
            count = self.count([n.extent for n in loops])
            inside = self.body([n.body for n in loops], (*outside, count))
            return Loop(count, first.order, inside)
        found = [
            n
            for n in nodes
            if isinstance(n, Statement)
            and n.accumulate is first.accumulate
            and len(n.domain) == len(first.domain)
        ]
        if len(found) < len(nodes):
            raise Unlike(f"{first} is another statement")
        counts = [[s.domain[d] for s in found] for d in range(len(first.domain))]
        domain = tuple(map(self.count, counts))
        target = self.place([s.target for s in found], domain, read=False)
        expr = self.expression([s.expr for s in found], domain)
        return replace(first, target=target, expr=expr, domain=domain)

    # -- extents ---------------------------------------------------------------------------------

    def _join_extents(self) -> None:
        """Let extents that differ by a number be one: what longer loops have more runs first."""
        least: dict[tuple[int, ...], Form] = {}
        for form in self.extents:
            before = least.get(form.slopes)
            least[form.slopes] = form if before is None else min(before, form)
        more: dict[Extent, tuple[int, Extent]] = {}
        program = self.general.program
        for form, extent in self.extents.items():
            base = least[form.slopes]
            more[extent] = (form.start - base.start, self.extents[base])
        for base in least.values():
            extent = self.extents[base]
            program.extent(extent.name, int(extent))
            self.general.counts[extent.name] = base
        if any(extra for extra, _ in more.values()):
            program.body = [n for node in program.body for n in split(node, 0, more)]
