"""Where derivatives reach: the elements that something flows to, and the points it flows through.

An element that nothing reaches has no derivative, and gets none, not even a zero: 0 * inf is nan.
In loops that is a question of every point, for what an iteration reads another has written; it is
answered by taking away what nothing supports, which costs little where that is little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir import nests
from ..ir.extents import Entries, Extent
from ..ir.nests import Ints
from ..ir.points import Unknown, distinct, elements, points
from ..ir.program import Access, Program, Role, row_major

Bools = npt.NDArray[np.bool_]


def unsupported(supporter: Ints, supported: Ints, pinned: Bools) -> Bools:
    """Which nodes of a graph without circles fall if one falls when all its supporters have.

    supporter, supported   the edges
    pinned                 the nodes that never fall

    >>> pinned = np.array([True, False, False, False])
    >>> unsupported(np.array([0, 1, 1, 2]), np.array([3, 2, 3, 3]), pinned).tolist()
    [False, True, True, False]
    """
    left = np.bincount(supported, minlength=len(pinned))
    fallen: Bools = ~pinned & (left == 0)
    if not fallen.any():
        return fallen
    order = np.argsort(supporter, kind="stable")
    starts = np.searchsorted(supporter[order], np.arange(len(pinned) + 1))
    supported = supported[order]
    fresh = np.flatnonzero(fallen)
    while len(fresh):
        counts = starts[fresh + 1] - starts[fresh]
        firsts = np.repeat(starts[fresh] - np.cumsum(counts) + counts, counts)
        hit = supported[firsts + np.arange(len(firsts))]
        np.subtract.at(left, hit, 1)
        fresh = nests.distinct(hit[(left[hit] == 0) & ~pinned[hit]])
        fallen[fresh] = True
    return fallen


def known_elements(access: Access, domain: tuple[int, ...], program: Program) -> Ints | None:
    """The element at every point; None where that is known only when the code runs."""
    try:
        return elements(access, domain, program)
    except Unknown:
        return None


@dataclass(slots=True)
class Touch:
    """What an access touches: the element at every point, or those that it may touch, if that is
    known only when the code runs.

    live   the points where a derivative flows; None if at all
    row    by how many elements loops move it at least, if by more than one
    """

    array: str
    index: Ints
    exact: bool = True
    live: Bools | None = None
    row: int = 1

    @classmethod
    def of(
        cls, access: Access, domain: tuple[int, ...], program: Program, live: Bools | None = None
    ) -> Touch:
        """What an access touches in a domain."""
        index = known_elements(access, domain, program)
        if index is None:
            return cls(access.array, distinct(access, domain, program)[0], exact=False)
        row = min((abs(x) for x in access.strides if abs(x) > 1), default=1)
        return cls(access.array, index, True, live, row)


@dataclass(slots=True)
class Step:
    """A statement of a loop, as far as derivatives flow: what it reads, and what it writes."""

    target: Touch
    reads: list[Touch]
    live: Bools | None = None

    @property
    def points(self) -> int:
        """How many points are told apart."""
        exact = [len(x.index) for x in [self.target, *self.reads] if x.exact]
        return exact[0] if exact else 1


def spread(steps: Sequence[Step], reached: dict[str, Bools], *, backwards: bool) -> None:
    """Find out where derivatives reach in a loop, given the elements that they have reached.

    They flow from what steps read to what they write, or backwards. Sets `live` of every step: at
    which points something flows; and adds to the elements that are reached.
    """
    if not any(touch.exact for step in steps for touch in (step.target, *step.reads)):
        _spread_by_steps(steps, reached, backwards=backwards)
        return
    if _settled(steps, reached, backwards=backwards):
        return
    bases: dict[str, int] = {}
    total = 0
    for array, mask in reached.items():
        bases[array], total = total, total + len(mask)
    pinned = [*reached.values()]
    none = np.zeros(0, dtype=np.int64)
    edges = [(none, none)]
    places: list[Ints] = []
    for step in steps:
        nodes = total + np.arange(step.points)
        total += len(nodes)
        places.append(nodes)
        pinned.append(np.zeros(len(nodes), dtype=bool))
        for touch in [step.target, *step.reads]:
            index = bases[touch.array] + touch.index
            into = (touch is step.target) != backwards  # from the points to the elements
            if not touch.exact:  # any of the points may touch any of the elements
                hub = nodes
                if len(nodes) != 1:
                    hub, total = np.array([total]), total + 1
                    pinned.append(np.zeros(1, dtype=bool))
                    one = np.broadcast_to(hub, nodes.shape)
                    edges.append((nodes, one) if into else (one, nodes))
                all_of = np.broadcast_to(hub, index.shape)
                edges.append((all_of, index) if into else (index, all_of))
                continue
            points = nodes
            if touch.live is not None:
                points, index = points[touch.live], index[touch.live]
            edges.append((points, index) if into else (index, points))
    fixed = np.concatenate(pinned)
    supporter, supported = (np.concatenate(column) for column in zip(*edges, strict=True))
    standing = ~unsupported(supporter, supported, fixed)
    for step, nodes in zip(steps, places, strict=True):
        step.live = standing[nodes]
    for array, base in bases.items():
        reached[array] |= standing[base : base + len(reached[array])]


def _spread_by_steps(steps: Sequence[Step], reached: dict[str, Bools], *, backwards: bool) -> None:
    """The same where only the code knows which elements each point touches: a step that something
    reaches passes it on to all that it may touch.
    """
    waiting = [*reversed(steps)] if backwards else [*steps]
    for step in waiting:
        step.live = np.zeros(step.points, dtype=bool)
    known = -1
    while known != (known := len(waiting)):
        rest = []
        for step in waiting:
            begin, end = ([step.target], step.reads)[:: 1 if backwards else -1]
            if not any(bool(reached[x.array][x.index].any()) for x in begin):
                rest.append(step)
                continue
            step.live = np.ones(step.points, dtype=bool)
            for x in end:
                reached[x.array][x.index] = True
        waiting = rest


ROUNDS = 4
"""How often points and elements are taken away, before it is worth to follow what depends on them.
"""


def _settled(steps: Sequence[Step], reached: dict[str, Bools], *, backwards: bool) -> bool:
    """The outcome of `spread`, if little falls: then it is found by taking away, all at once, the
    points and the elements that nothing supports, a few times. Whether that was so.
    """
    if not all(touch.exact for step in steps for touch in (step.target, *step.reads)):
        return False
    lit = _in_reach(steps, reached, backwards=backwards)
    live: list[Bools] = []
    for _ in range(ROUNDS):
        before, live = live, [_carries(step, lit, backwards) for step in steps]
        if before and all(map(np.array_equal, before, live)):
            break
        lit = {array: mask.copy() for array, mask in reached.items()}
        for step, there in zip(steps, live, strict=True):
            for touch in step.reads if backwards else [step.target]:
                carried = there if touch.live is None else there & touch.live
                lit[touch.array][touch.index[carried]] = True
    else:
        return False
    for step, there in zip(steps, live, strict=True):
        step.live = there
    for array, mask in lit.items():
        reached[array] |= mask
    return True


MOST_PLACES = 1 << 8
"""Elements in a row up to which they are told apart by their places in it. Any length of rows would
do: what is told apart is only more or less.
"""


def _in_reach(
    steps: Sequence[Step], reached: dict[str, Bools], *, backwards: bool
) -> dict[str, Bools]:
    """The elements that may be reached, as their places in rows say: what never gets from one place
    to another does not in any row. This is what takes away a whole chain that nothing reaches.
    """
    size = dict.fromkeys(reached, MOST_PLACES + 1)
    for step in steps:
        for touch in (step.target, *step.reads):
            if touch.row > 1:
                size[touch.array] = min(size[touch.array], touch.row)
    size = {array: n if n <= MOST_PLACES else 1 for array, n in size.items()}
    places = {}
    for array, mask in reached.items():
        places[array] = np.zeros(size[array], dtype=bool)
        places[array][np.flatnonzero(mask) % size[array]] = True
    ways = []
    for step in steps:
        end = size[step.target.array]
        for read in step.reads:
            begin = size[read.array]
            pairs = np.ones((begin, end), dtype=bool)
            if begin * end > 1:
                pairs[:] = False
                pairs[read.index % begin, step.target.index % end] = True
            ways.append((read.array, step.target.array, pairs))
    known = -1
    while known != (known := sum(int(mask.sum()) for mask in places.values())):
        for source, sink, pairs in ways:
            if backwards:
                places[source] |= pairs[:, places[sink]].any(axis=1)
            else:
                places[sink] |= pairs[places[source]].any(axis=0)
    return {array: np.resize(places[array], len(mask)) for array, mask in reached.items()}


def _carries(step: Step, lit: dict[str, Bools], backwards: bool) -> Bools:
    """The points of a step to which something comes from elements that are lit."""
    found = np.zeros(step.points, dtype=bool)
    for touch in [step.target] if backwards else step.reads:
        comes = lit[touch.array][touch.index]
        found |= comes if touch.live is None else comes & touch.live
    return found


def is_certain(domain: tuple[int, ...], program: Program) -> bool:
    """Whether it is known which points there are."""
    for count in domain:
        if isinstance(count, Extent):
            return False
        if isinstance(count, Entries) and program.arrays[count.array].data is None:
            return False
    return True


def fresh(program: Program, name: str) -> str:
    """The name, with underscores behind it if the program has it already."""
    while name in program.arrays:
        name += "_"
    return name


def declare_mask(program: Program, name: str, live: Bools, domain: tuple[int, ...]) -> Access:
    """Constant data that is 1 at the points that are live, and 0 at the others.

    It has a dimension for each loop that this depends on.
    """
    columns = points(domain, program)
    kept = list(range(len(domain)))
    for d in range(len(domain)):
        without = [k for k in kept if k != d]
        number = _numbers(columns, domain, without)
        lit = np.bincount(number, live)
        if ((lit == 0) | (lit == np.bincount(number)))[number].all():
            kept = without
    number = _numbers(columns, domain, kept)
    shape = tuple([int(domain[d]) for d in kept])
    data = np.zeros(int(np.prod(shape, dtype=np.int64)))
    data[number[live]] = 1.0
    strides = dict(zip(kept, row_major(shape), strict=True))
    program.declare(name, Role.CONSTANT, shape or 1, data)
    return Access(name, 0, tuple([strides.get(d, 0) for d in range(len(domain))]))


def _numbers(columns: list[Ints], domain: tuple[int, ...], kept: list[int]) -> Ints:
    """Row-major numbers of points by some of their indices."""
    number = np.zeros(len(columns[0]) if columns else 1, dtype=np.int64)
    for d in kept:
        number = number * int(domain[d]) + columns[d]
    return number
