"""Parts of a graph -> statements of a program that are inside of loops.

A *fragment* is a graph of its own, whose inputs are arrays of the program: it is rerolled by
itself, and its statements are moved to where they stand. What is needed outside of it, it writes
in *segments*, to where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ...errors import TraceError, user_location
from ...index_arrays import IndexArray
from ..ir.extents import Entries, Varying
from ..ir.graph import FIRST_OP, INPUT, Graph, op_of
from ..ir.nests import Ints, distinct
from ..ir.outside import used_outside
from ..ir.program import (
    NUMBER,
    Access,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    map_accesses,
    row_major,
)
from ..ir.regions import part_of
from .classes import declare_leaves
from .outputs import OUTPUT

Roll = Callable[[Graph], Program]
Extents = tuple[int, ...]
MOST_NUMBERS = 1 << 24
"""What an array may have with a row for each iteration of the loops around, and of its own: what
each has computed is there for derivatives, and is forgotten for the value only later on.
"""


@dataclass(slots=True)
class Segment:
    """Nodes that a fragment writes one after the other, from an element of the program on."""

    to: Access
    nodes: Sequence[int]


class Fragments:
    """The program that is written, and where in it the inputs and nodes of the graph are.

    home    where the first element of an array is that fragments read, with a stride for each loop
    size    how many elements it has
    value   of nodes that were computed: the array that fragments read them in, and the element
    depth   of the loops that are being written, by their numbers: how many are around
    reads   the nodes that each node reads
    """

    def __init__(self, graph: Graph, roll: Roll) -> None:
        self.graph, self.roll = graph, roll
        self.result = Program()
        self.left: list[str] = []
        self.home: dict[str, Access] = {}
        self.size = dict(graph.inputs)
        self.value: dict[int, tuple[str, int]] = {}
        self.depth: dict[int, int] = {}
        self.below = {index.name: index.below for index in graph.indices}
        self.below |= {name: counter.below for name, counter in graph.counted.items()}
        self.tables = dict(graph.tables)
        self.first = np.full(len(graph), -1)  # of the table that an entry is of
        for first, count in graph.tables:
            self.first[first : first + count] = first
        for a in declare_leaves(graph).arrays.values():
            if part_of(a.name) is None and a.name not in graph.counted:
                self.result.arrays[a.name] = a
                self.home[a.name] = Access(a.name)
        self.body = self.result.body
        self.operands = np.stack([graph.x, graph.y, graph.z], axis=1)
        self.is_op = graph.codes >= FIRST_OP
        arity = {code: op_of(code).arity for code in distinct(graph.codes[self.is_op]).tolist()}
        each = zip(graph.codes.tolist(), self.operands.tolist(), strict=True)
        self.reads: list[list[int]] = [operands[: arity.get(code, 0)] for code, operands in each]

    def needs(self, node: int) -> list[int]:
        """The nodes that a node reads; a table is needed as a whole."""
        first = int(self.first[node])
        if first < 0:
            return self.reads[node]
        if node != first:
            return [*self.reads[node], first]
        entries = range(first, first + self.tables[first])
        of: list[int] = self.operands[entries.start : entries.stop, 0].tolist()
        return [*of, *entries[1:]]

    def with_tables(self, nodes: set[int]) -> set[int]:
        """These nodes, and all of tables of which there is an entry among them."""
        if not self.tables:
            return nodes
        firsts = {int(self.first[node]) for node in nodes} - {-1}
        return nodes.union(*(range(first, first + self.tables[first]) for first in firsts))

    def fragment(self, mine: list[int], segments: list[Segment], around: Extents) -> None:
        """Append what writes some segments, of nodes of this fragment and others."""
        if not any(s.nodes for s in segments):
            return
        graph, inputs, nodes = self._subgraph(mine, segments)
        program = self.roll(graph)
        self.left += [x for x in program.found.left if program.found.strategy != "straight"]
        given = [s for s in segments if s.nodes]
        target = given[0].to if len(given) == 1 else None
        names = {f"in{k}": name for k, name in enumerate(inputs)}
        moved = Moved(self, program, names, target, around, nodes)
        self.body += moved.nodes(program.body)
        start = 0
        for s in given if target is None else ():
            size = len(s.nodes)
            out = moved.at[OUTPUT]
            source = Access(out.array, out.offset + start, (*out.strides, 1))
            to = Access(s.to.array, s.to.offset, (*s.to.strides, 1))
            self.body.append(Statement(to, source, (*around, size), origin=s.nodes))
            start += size

    def _subgraph(self, mine: list[int], segments: list[Segment]) -> tuple[Graph, list[str], Ints]:
        """The graph of a fragment, the arrays that are its inputs, and what its nodes are here."""
        graph = self.graph
        ends = [x for s in segments for x in s.nodes]
        own = set(mine)
        selected = np.array(sorted({*mine, *ends, *(x for n in mine for x in self.reads[n])}))
        arrays: dict[str, int] = {}
        columns = [np.full(len(selected), -1, dtype=np.int64) for _ in range(4)]
        codes, x, y, z = columns
        codes[:] = graph.codes[selected]
        number = {node: k for k, node in enumerate(selected.tolist())}
        payloads: list[tuple[int, str, int]] = []
        for (node, k), code in zip(number.items(), codes.tolist(), strict=True):
            if node in own:
                for column, read in zip((x, y, z), self.reads[node], strict=False):
                    column[k] = number[read]
            elif code < FIRST_OP and code != INPUT and node not in self.value:
                x[k] = graph.x[node]
            else:
                name, at = self._found(node)
                codes[k] = INPUT
                arrays.setdefault(name, self.size[name])
                payloads.append((k, name, at))
        first = dict(zip(arrays, np.cumsum([0, *arrays.values()])[:-1].tolist(), strict=True))
        for k, name, at in payloads:
            x[k] = first[name] + at
        place = graph.place[selected] if len(graph.place) else graph.place
        made = Graph(codes, x, y, z, graph.constants, graph.parameters)
        made.inputs = [(f"in{k}", size) for k, size in enumerate(arrays.values())]
        made.indices = [
            IndexArray(f"in{k}", self.below[name], 0, (), ())
            for k, name in enumerate(arrays)
            if name in self.below
        ]
        made.tables = [(number[first], count) for first, count in graph.tables if first in own]
        made.outputs = [number[node] for node in ends]
        made.place, made.places = place, graph.places
        return made, list(arrays), selected

    def _found(self, node: int) -> tuple[str, int]:
        """The array that a fragment reads a node in, and the element."""
        if node in self.value:
            return self.value[node]
        if self.graph.codes[node] == INPUT:
            name, at = self.graph.element(INPUT, int(self.graph.x[node]))
            counter = self.graph.counted.get(name)
            if counter is not None and not counter.scales.keys() <= self.depth.keys():
                raise used_outside(self.graph, node)
            if counter is not None or name in self.home:
                return name, at
        raise used_outside(self.graph, node)

    # -- arrays ----------------------------------------------------------------------------------

    def temporary(
        self,
        kind: str,
        size: int,
        around: Extents,
        dtype: str = NUMBER,
        below: int = 0,
        shape: tuple[int, ...] | None = None,
    ) -> str:
        """A new array, with so many elements in every iteration of the loops around."""
        name = self.new(kind)
        counts = tuple(map(int, around))
        if prod(counts) * size > MOST_NUMBERS:
            raise TraceError(
                f"{user_location()}: the loops of this function may run so often that there are "
                f"{prod(counts) * size} numbers of all their iterations, of at most "
                f"{MOST_NUMBERS}; give while_loop a smaller limit, or let fori run less often"
            )
        own = (size,) if shape is None else shape
        if counts and own == (1,):
            own = ()
        self.result.declare(name, Role.TEMPORARY, (*counts, *own), dtype=dtype, below=below)
        self.home[name] = Access(name, 0, row_major((*counts, size))[:-1] if counts else ())
        if counts:
            self.home[name] = Access(name, 0, tuple(size * x for x in row_major(counts)))
        self.size[name] = size
        return name

    def new(self, kind: str) -> str:
        """A name of this kind that the program has not."""
        k = 0
        while f"{kind}{k}" in self.result.arrays:
            k += 1
        return f"{kind}{k}"


class Moved:
    """The statements of a program, on the arrays of the whole, inside of the loops around.

    inputs   where what its inputs are lies, as the writer names it
    target   where its output is written, if not to an array of its own
    origin   of the nodes that it was found in, which of the whole graph's they are, if of any
    """

    def __init__(
        self,
        writer: Fragments,
        program: Program,
        inputs: Mapping[str, str],
        target: Access | None,
        around: Extents,
        origin: Ints | None = None,
    ) -> None:
        self.around, self.origin = around, origin
        self.at: dict[str, Access] = {}
        self.counted: dict[str, Access] = {}
        depth = len(around)
        result = writer.result
        for a in program.arrays.values():
            name = inputs.get(a.name)
            if name is None and a.role is Role.PARAMETER:
                self.at[a.name] = Access(a.name, 0, (0,) * depth)
            elif name is not None:
                if (counter := writer.graph.counted.get(name)) is not None:
                    strides = [0] * depth
                    for number, scale in counter.scales.items():
                        strides[writer.depth[number]] = scale
                    place = Access(counter.array, counter.offset, tuple(strides))
                    (self.at if counter.array else self.counted)[a.name] = place
                    continue
                home = writer.home[name]
                more = (0,) * (depth - len(home.strides))
                self.at[a.name] = replace(home, strides=(*home.strides, *more))
            elif a.role is Role.CONSTANT:
                name = writer.new("index" if a.is_index else "c")
                result.arrays[name] = replace(a, name=name)
                self.at[a.name] = Access(name, 0, (0,) * depth)
            elif a.name == OUTPUT and target is not None:
                self.at[a.name] = target
            else:
                made = writer.temporary("t", a.size, around, a.dtype, a.below, a.shape)
                self.at[a.name] = writer.home[made]

    def nodes(self, body: Sequence[Node]) -> Iterator[Node]:
        """The body, moved."""
        for node in body:
            if isinstance(node, Loop):
                going = self.access(node.going) if node.going is not None else None
                body = [*self.nodes(node.body)]
                yield Loop(self.count(node.extent), node.order, body, going)
            else:
                domain = (*self.around, *map(self.count, node.domain))
                target, expr = self.access(node.target), map_accesses(node.expr, self.access)
                made = Statement(target, expr, domain, node.accumulate, derivative=node.derivative)
                if self.origin is not None:
                    made.origin = self.origin[np.asarray(node.origin, dtype=np.int64)]
                yield made

    def count(self, extent: int) -> int:
        """A trip count of the fragment, there."""
        if isinstance(extent, Entries):
            at = self.at[extent.array]
            strides = (*at.strides, *extent.strides)
            return Entries(at.array, at.offset + extent.offset, strides, int(extent))
        for _ in self.around:
            if isinstance(extent, Varying):
                extent = extent.around(0)
        return extent

    def access(self, a: Access) -> Access:
        """What the whole has for an element of the fragment."""
        at, zeros = self.at[a.array], (0,) * len(self.around)
        offset, strides = at.offset + a.offset, at.strides
        parts = []
        for p in a.parts:
            counter = self.counted.get(str(p.by))
            if counter is not None:  # an affine number, of no array
                offset += p.scale * counter.offset
                strides = tuple(
                    [x + p.scale * y for x, y in zip(strides, counter.strides, strict=True)]
                )
                continue
            first = self.at[str(p.by)] if p.is_entry else Access(str(p.by), 0, zeros)
            by = first.array if p.is_entry else p.by
            outer = (*first.strides, *p.strides)
            parts.append(replace(p, by=by, offset=first.offset + p.offset, strides=outer))
        return Access(at.array, offset, (*strides, *a.strides), tuple(parts))
