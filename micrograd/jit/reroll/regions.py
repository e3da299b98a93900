"""Graph with loops -> Program: what stands before, in and behind each loop is rerolled by itself,
and the loop is a loop in order around the statements of its body.

Requires a verified graph; establishes a verified program with the same outputs. The states of a
loop are an array with a row for each iteration, and the first one before them:

    h = init
    for i < n in order:
      h[i + 1] = f(h[i])

The nodes of a level, those of a loop's body that are in no loop inside of it, are cut into
*fragments* by the loops that they need: each is a graph of its own, whose inputs are arrays of the
program. What is needed outside of a fragment it writes, in *segments*, to where it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np

from ...ops import add, mul, where
from ..ir.extents import Entries
from ..ir.graph import CONSTANT, INPUT, Graph
from ..ir.outside import used_outside
from ..ir.program import (
    Access,
    Found,
    Loop,
    Node,
    Order,
    Part,
    Program,
    Role,
    Statement,
    asks,
    row_major,
)
from ..ir.regions import (
    BEGIN,
    INDEX,
    RESULT,
    ROWS,
    STATE,
    SUM,
    Region,
    array,
    part_of,
    regions_in,
)
from .fragments import Extents, Moved, Roll, Segment
from .given import Given, along
from .invariant import hoisted
from .outputs import OUTPUT


def with_regions(graph: Graph, roll: Roll, *, strict: bool) -> Program:
    """The program of a graph that has loops; `roll` gives that of one that has none.

    strict   cotangents are added up in the order of the trace, as far as there is one sum of each
    """
    graph = hoisted(graph)
    writer = _Regions(graph, roll)
    writer.strict = strict
    program = writer.result
    size = len(graph.outputs)
    program.declare(OUTPUT, Role.OUTPUT, size)
    outer = [r for r in graph.regions if r.parent < 0]
    writer.level(range(len(graph)), outer, [Segment(Access(OUTPUT), graph.outputs)], ())
    program.found = Found("loops", writer.left)
    return program


class _Regions(Given):
    """The levels of a graph and the loops in them, written one after the other."""

    strict = False

    # -- levels ----------------------------------------------------------------------------------

    def level(
        self, nodes: range, loops: Sequence[Region], wanted: Sequence[Segment], around: Extents
    ) -> None:
        """Append what writes the wanted segments, of nodes in a range, outside of its loops."""
        own, needed = self._needed(nodes, loops, wanted)
        # as they were made: what comes behind a loop comes behind it, needed by it or not
        stage = {node: sum(r.nodes.stop <= node for r in needed) for node in own}
        inside = [self._uses(r) for r in needed]
        before = dict(self.value)
        for k in range(len(needed) + 1):
            segments = list(wanted) if k == len(needed) else self.begun(needed[k], around)
            late = {x for node in own if stage[node] > k for x in self.needs(node)}
            late = late.union(*inside[k:], *(s.nodes for s in wanted if k < len(needed)))
            late = late.union(*(r.given for r in needed[k + 1 :]))
            late = self.with_tables(late)
            mine = [node for node in own if stage[node] == k]
            crossing = [node for node in mine if node in late]
            alike: dict[int, list[int]] = {}  # what is alike lies in a row
            for node in crossing:
                code = 0 if self.strict else int(self.graph.codes[node])
                alike.setdefault(code, []).append(node)
            named = [(self.temporary("x", len(some), around), some) for some in alike.values()]
            segments[:0] = [Segment(self.home[name], some) for name, some in named]
            self.fragment(mine, segments, around)
            for name, some in named:
                self.value.update({node: (name, at) for at, node in enumerate(some)})
            if k < len(needed):
                if self.strict and needed[k].called is None:
                    self._read_begun(needed[k])
                write = self._loop if needed[k].called is None else self._call
                write(needed[k], around)
        if around:
            self.value = before

    def _read_begun(self, r: Region) -> None:
        """Let all that follows read what was copied for a loop in its copy, whose cotangent is that
        of all these uses, then, in their order: what the state begins with, and rows.
        """
        if self.graph.indices or self.graph.counted:
            return  # where rows of a table are, the first of them says
        copied: dict[str, tuple[Access, tuple[int, ...]]] = {}
        if not r.sums:
            copied[array(r.number, BEGIN)] = self.home[array(r.number, STATE)], r.begin
        for k, column in enumerate(r.rows):
            if not isinstance(column, str) and self.in_a_row(column) is None:
                name = array(r.number, f"{ROWS}{k}")
                copied[name] = self.home[name], column
        often = Counter([node for _, nodes in copied.values() for node in nodes])
        for name, (home, nodes) in copied.items():
            self.home[name], self.size[name] = home, len(nodes)
            for at, node in enumerate(nodes):
                if often[node] == 1 and self.graph.codes[node] != CONSTANT:
                    self.value[node] = name, at

    def _needed(
        self, nodes: range, loops: Sequence[Region], wanted: Sequence[Segment]
    ) -> tuple[list[int], list[Region]]:
        """The nodes of a level, and the loops of it, that are needed, in order."""
        own: set[int] = set()
        found: dict[int, Region] = {}
        known = {r.number: r for r in loops}
        stack = [x for s in wanted for x in s.nodes]
        while stack:
            node = stack.pop()
            if node in own:
                continue
            number = self._behind(node)
            if number in known and number not in found:
                region = found[number] = known[number]
                stack += [*region.given, *self._uses(region)]
            if self.is_op[node] and node in nodes:
                if any(node in r.nodes for r in loops):
                    raise used_outside(self.graph, node)
                own.add(node)
                stack += self.needs(node)
        return sorted(own), [r for r in loops if r.number in found]

    def _behind(self, node: int) -> int | None:
        """The loop whose results a leaf is one of."""
        if self.graph.codes[node] != INPUT:
            return None
        name, _ = self.graph.element(INPUT, int(self.graph.x[node]))
        part = part_of(name)
        return part[0] if part and part[1] in (RESULT, ROWS, SUM) else None

    def _uses(self, r: Region) -> set[int]:
        """What a loop's body, and loops in it, read of nodes outside."""
        read = self.operands[r.nodes.start : r.nodes.stop][self.is_op[r.nodes.start : r.nodes.stop]]
        found = {int(x) for x in np.unique(read) if x >= 0}
        for inner in [r, *regions_in(self.graph.regions, r)]:
            found.update(inner.made if inner is r else inner.ends)
        return {x for x in self.with_tables(found) if x not in r.nodes}

    # -- loops -----------------------------------------------------------------------------------

    def _call(self, r: Region, around: Extents) -> None:
        """Append the program that is called, what it is given being there."""
        assert r.called is not None
        state, first = array(r.number, STATE), 0
        names: dict[str, str] = {}
        for a in r.called.with_role(Role.INPUT, Role.PARAMETER):
            names[a.name] = f"{state}.{a.name}"
            given = self.home[state]
            self.home[names[a.name]] = replace(given, offset=given.offset + first)
            first += a.size
        moved = Moved(self, r.called, names, None, around)
        self.body += moved.nodes(r.called.body)
        result = array(r.number, RESULT)
        outputs = r.called.with_role(Role.OUTPUT)
        if len(outputs) == 1:
            self.home[result] = moved.at[outputs[0].name]
            return
        found = self.home[self.temporary("result", sum(a.size for a in outputs), around)]
        self.home[result], first = found, 0
        for a in outputs:
            to = Access(found.array, found.offset + first, (*found.strides, 1))
            at = moved.at[a.name]
            source = replace(at, strides=(*at.strides, 1))
            self.body.append(Statement(to, source, (*around, a.size)))
            first += a.size

    def _loop(self, r: Region, around: Extents) -> None:
        """Append a loop, whose state has been begun."""
        if r.sums:
            self._sum(r, around)
            return
        width, depth = len(r.begin), len(around)
        states = self.home[array(r.number, STATE)]
        inner = [x for x in self.graph.regions if x.parent == r.number]
        extent: int = r.most
        going: Access | None = None
        if r.going:
            going = self.home[self.temporary("going", r.most + 1, around)]
            self.level(r.nodes, inner, [Segment(going, r.going)], around)
            count = self.new("count")
            shape = tuple(map(int, around)) or (1,)
            self.result.declare(count, Role.TEMPORARY, shape, dtype="i64", below=r.most + 1)
            extent = Entries(count, 0, row_major(tuple(map(int, around))), r.most)
        home, body = self.body, list[Node]()
        self.body, inside = body, (*around, extent)
        self.depth[r.number] = depth

        self.home[array(r.number, STATE)] = along(states, width)
        wanted = [Segment(along(states, width, 1), r.after)]
        if r.each:
            each = self.home[self.temporary("each", r.most * len(r.each), around)]
            self.home[array(r.number, ROWS)] = each
            wanted.append(Segment(along(each, len(r.each)), r.each))
        self.read_rows(r)
        if array(r.number, INDEX) in self.size:
            numbers = self.new("c")
            data = np.arange(r.most, dtype=np.float64)
            self.result.declare(numbers, Role.CONSTANT, r.most, data)
            self.home[array(r.number, INDEX)] = Access(numbers, 0, (*(0,) * depth, 1))
        self.level(r.nodes, inner, wanted, inside)
        again = None
        if going is not None:
            again = along(going, 1)
            self.home[array(r.number, STATE)] = along(states, width, 1)
            self.level(r.nodes, inner, [Segment(along(going, 1, 1), r.going)], inside)
        self.body = home
        del self.depth[r.number]
        self.body.append(Loop(extent, Order.FORWARD, body, again))
        self.home[array(r.number, STATE)] = states
        result = array(r.number, RESULT)
        if going is None:
            self.home[result] = replace(states, offset=states.offset + r.most * width)
        else:
            assert isinstance(extent, Entries)
            self.home[result] = self._last(states, going, extent, r.after, around)

    def _sum(self, r: Region, around: Extents) -> None:
        """Append a loop whose iterations are independent, and are summed."""
        width = len(r.sums)
        inner = [x for x in self.graph.regions if x.parent == r.number]
        home, body = self.body, list[Node]()
        self.body = body
        self.depth[r.number] = len(around)
        self.read_rows(r)
        each = self.home[self.temporary("each", r.most * width, around)]
        inside = (*around, r.most)
        self.level(r.nodes, inner, [Segment(along(each, width), r.sums)], inside)
        self.body = home
        del self.depth[r.number]
        if asks(body):  # how often each iteration's loops have run is only known in order
            self.body.append(Loop(r.most, Order.FORWARD, body))
        else:
            for node in body:
                alone = isinstance(node, Statement)
                self.body.append(node if alone else Loop(r.most, Order.FREE, [node]))
        found = self.home[self.temporary("sum", width, around)]
        target, terms, domain = found, along(each, width), around
        first = target, along(target, 0)
        if width > 1:
            first = along(found, 1), along(first[1], 1)
            terms, domain = along(terms, 1), (*around, width)
        every = (*inside, *domain[len(around) :])
        self.body.append(Statement(first[0], 0.0, domain, origin=r.sums))
        self.body.append(Statement(first[1], terms, every, add, r.sums))
        self.home[array(r.number, SUM)] = found

    def _last(
        self,
        states: Access,
        going: Access,
        extent: Entries,
        after: tuple[int, ...],
        around: Extents,
    ) -> Access:
        """Where the state is that a loop ends with; nan if it would go on.

        after   the nodes that the state is after an iteration
        """
        width = len(after)
        found = self.home[self.temporary("last", width, around)]
        domain, depth = (*around, width), len(around)

        def at_end(a: Access, scale: int, along: int) -> Access:
            part = Part("entry", extent.array, extent.offset, (*extent.strides, 0), scale)
            return Access(a.array, a.offset, (*a.strides, along), (part,))

        holds = where(at_end(going, 1, 0), nan, 1.0)
        value = mul(at_end(states, width, 1), holds)
        target = Access(found.array, found.offset, (*found.strides, 1))
        assert len(target.strides) == depth + 1
        self.body.append(Statement(target, value, domain, origin=after))
        return found
