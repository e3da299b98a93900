"""Loops of a function that is being compiled: the body is called once, on leaves that stand for the
state of any iteration, and what it records is a region of the graph. So is a program that it calls.

Input: a body, and what it begins with. Output: leaves that stand for what the loop leaves behind;
the scope notes the loop, and `trace` writes it down.

What a body computes has serial numbers between those of the loop's begin and end, so the region is
a range of the graph's nodes, and loops in loops are ranges in ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...copies import next_serial
from ...engine import Value
from ...errors import TraceError, kind, user_location
from ...lookups import Lookups
from ...traced import Scope, Traced
from ..ir.regions import INDEX, RESULT, ROW, ROWS, STATE, SUM, Counter, Region, array
from .signature import (
    Container,
    Structure,
    build,
    leaves,
    result_structure,
    structure_of,
)

if TYPE_CHECKING:
    from ..ir.program import Program
    from .nodes import Ints, Narrow, Nodes

Number = Value | float
Column = list[Number] | npt.NDArray[np.float64]


@dataclass(slots=True)
class TracedLoop:
    """A loop that was traced.

    most      how often it runs; if `going` is set, at most
    begin     what the state is first
    rows      columns of what the iterations read, one after the other: Values and numbers, or an
              array of numbers
    state, index, row   the leaves that its body is called on; of rows, those of each column
    after     the state behind an iteration
    each      what an iteration gives besides
    sums      what an iteration gives that is summed over all; such a loop has no state
    going     whether there is one more iteration, of the state
    results   the leaves that stand for the state at the end
    found     the leaves that stand for what all iterations gave
    totals    the leaves that stand for the sums
    first, last   serial numbers around what the body has recorded
    called    the program that is called, of the numbers `begin`, if it is no loop
    """

    most: int
    begin: list[Number]
    rows: list[Column] = field(default_factory=list)
    state: list[Value] = field(default_factory=list)
    index: list[Value] = field(default_factory=list)
    row: list[list[Value]] = field(default_factory=list)
    after: list[Number] = field(default_factory=list)
    each: list[Number] = field(default_factory=list)
    sums: list[Number] = field(default_factory=list)
    going: list[Number] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    found: list[Value] = field(default_factory=list)
    totals: list[Value] = field(default_factory=list)
    first: int = field(default_factory=next_serial)
    last: int = 0
    called: Program | None = None

    def finish(self, scope: Scope) -> None:
        """The body is through."""
        self.last = next_serial()
        if scope.lookups is not None:
            scope.lookups.forget(self.first)
        self.results = fresh(scope, "result", len(self.begin))
        self.found = fresh(scope, "result", self.most * len(self.each))
        self.totals = fresh(scope, "sum", len(self.sums))
        scope.loops.append(self)

    @property
    def operands(self) -> list[list[Number]]:
        """What the graph must have for it, but for what its iterations read."""
        return [self.begin, self.after, self.each, self.sums, self.going]


def call(scope: Scope, program: Program, given: list[Number], results: int) -> list[Value]:
    """The leaves that stand for what a program gives in a function that is being compiled.

    given     the numbers of its inputs and parameters, one array after the other
    results   how many numbers its outputs are
    """
    made = TracedLoop(1, given, called=program)
    made.last = next_serial()
    made.results = fresh(scope, "result", results)
    scope.loops.append(made)
    return made.results


def fresh(scope: Scope, label: str, n: int) -> list[Value]:
    """Leaves of a function that is being compiled."""
    return [Traced(label, scope=scope) for _ in range(n)]


# --- state ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """The structure of what a loop carries; `where` says whose it is, in errors."""

    structure: Structure
    where: str

    @staticmethod
    def of(x: Any, where: str) -> State:
        """That of an object. Raises SignatureError for what is no number, nor made of them."""
        return State(structure_of(x, where, array=True), where)

    def numbers(self, x: Any) -> list[Number]:
        """The leaves of an object of this structure, which is known to be that."""
        return [v if isinstance(v, Value) else float(v) for v in leaves(x, self.structure, "")]

    def build(self, numbers: Sequence[Any]) -> Any:
        """The object with these leaves."""
        return build(self.structure, iter(numbers), exact=True)

    def taken(self, x: Any) -> list[Number]:
        """The leaves of what a body has returned.

        Raises TraceError if it has another structure.
        """
        found: list[Number] = []
        made = result_structure(x, found.append, self.where)
        if made != self.structure:
            raise TraceError(
                f"{user_location()}: {self.where} should return a state like the one it is given, "
                f"{_differs(self.structure, made, 'state')}"
            )
        return found


def _differs(wanted: Structure, made: Structure, path: str) -> str:
    """Where two structures differ first, as a message ends."""
    if not isinstance(wanted, Container) or not isinstance(made, Container):
        names = [str(x) if isinstance(x, Container) else "a number" for x in (wanted, made)]
        return f"but {path} should be {names[0]}, and is {names[1]}"
    same = wanted.type is made.type and wanted.keys == made.keys
    if not same or len(wanted.items) != len(made.items):
        said = [
            f"{s}{f' with keys {list(s.keys)}' if s.type is dict else ''}" for s in (wanted, made)
        ]
        return f"but {path} should be {said[0]}, and is {said[1]}"
    keys = wanted.keys if wanted.type is dict else range(len(wanted.items))
    for k, x, y in zip(keys, wanted.items, made.items, strict=True):
        if x != y:
            return _differs(x, y, f"{path}[{k!r}]")
    return f"but {path} is another one"


def truth(x: Any, where: str) -> Number:
    """The number that a condition has returned. Raises TraceError for what is none."""
    if isinstance(x, Value):
        return x
    if isinstance(x, (bool, int, float, np.bool_, np.number)):
        return float(x)
    raise TraceError(
        f"{user_location()}: {where} should return a comparison or a number, which is 0 where the "
        f"loop ends, got {kind(x)}"
    )


# --- graph ----------------------------------------------------------------------------------


def loops_of(scope: Scope | None) -> list[TracedLoop]:
    """The loops of a function, in the order of their first nodes."""
    return sorted(scope.loops, key=lambda x: x.first) if scope is not None else []


def inputs_of(loops: Sequence[TracedLoop], lookups: Lookups | None) -> Mapping[str, list[Value]]:
    """The leaves of loops, and of the indices that they say, as arrays of the graph, by name."""
    found: dict[str, list[Value]] = {}
    for k, loop in enumerate(loops):
        parts = (loop.state, loop.index, loop.results, loop.found, loop.totals)
        for part, some in zip((STATE, INDEX, RESULT, ROWS, SUM), parts, strict=True):
            if some:
                found[array(k, part)] = some
        found |= {array(k, f"{ROW}{n}"): some for n, some in enumerate(loop.row)}
    if loops and lookups is not None:
        found |= {c.name: [c.leaf] for c in lookups.counted.values()}
    return found


def operands_of(loops: Sequence[TracedLoop]) -> Iterator[Number]:
    """All that loops read and compute, but for numbers that are known."""
    for loop in loops:
        for some in (*loop.rows, *loop.operands):
            yield from some if isinstance(some, list) else ()


class Operands:
    """What a graph must have for loops.

    nodes   beside the function's own results
    data    columns that are arrays of numbers, by the names of arrays of the graph
    """

    def __init__(
        self, loops: Sequence[TracedLoop], inputs: Mapping[str, Sequence[Value]], own: int
    ) -> None:
        self.loops, self.own = loops, own
        self.nodes: list[Number] = []
        self.data: dict[str, npt.NDArray[np.float64]] = {}
        self._whole = {leaves[0]._serial: name for name, leaves in inputs.items() if leaves}
        self._columns: list[list[str | None]] = []
        for loop in loops:
            names = [self._name(column, inputs) for column in loop.rows]
            self._columns.append(names)
            columns = [x for x, name in zip(loop.rows, names, strict=True) if name is None]
            for some in (*columns, *loop.operands):
                self.nodes += some

    def _name(self, column: Column, inputs: Mapping[str, Sequence[Value]]) -> str | None:
        """The array of the graph that a column is, if it is a whole one."""
        if isinstance(column, np.ndarray):
            name = f"rows{len(self.data)}"
            self.data[name] = column
            return name
        first = column[0]
        name = self._whole.get(first._serial, "") if isinstance(first, Value) else ""
        leaves = inputs.get(name, ())
        same = len(leaves) == len(column) and all(map(is_, leaves, column))
        return name if same else None

    def regions(
        self, nodes: Sequence[int], found: Nodes, position: Ints | Narrow
    ) -> tuple[list[int], list[Region]]:
        """The nodes of a function's own results, and the loops as regions of its graph.

        nodes   those of the results, and of what this says
        """
        outputs = iter(nodes[self.own :])

        def node(serial: int) -> int:
            """The first node behind all that is older."""
            k = int(np.searchsorted(found.serials, serial))
            return int(position[k - 1]) + 1 if k else 0

        regions: list[Region] = []
        around: list[int] = []  # the loops whose bodies are not over
        for k, (loop, names) in enumerate(zip(self.loops, self._columns, strict=True)):
            while around and self.loops[around[-1]].last < loop.first:
                around.pop()
            rows = [
                name if name is not None else tuple([next(outputs) for _ in column])
                for name, column in zip(names, loop.rows, strict=True)
            ]
            begin, after, each, sums, going = [
                tuple([next(outputs) for _ in some]) for some in loop.operands
            ]
            body = range(node(loop.first), node(loop.last))
            parent, widths = around[-1] if around else -1, tuple(map(len, loop.row))
            read = begin, tuple(rows), widths
            made = after, each, sums, going
            regions.append(Region(k, parent, body, loop.most, *read, *made, loop.called))
            around.append(k)
        return list(nodes[: self.own]), regions


def counted_of(loops: Sequence[TracedLoop], lookups: Lookups) -> dict[str, Counter]:
    """The indices that loops say, by the names of their arrays in the graph."""
    number = {loop.index[0]._serial: k for k, loop in enumerate(loops) if loop.index}
    found = {}
    for c in lookups.counted.values():
        scales = {number.get(v, -1): scale for v, scale in c.counters}
        found[c.name] = Counter(c.below, c.offset, scales, c.array)
    return found
