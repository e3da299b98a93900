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

from ...ops import mul, where
from ..ir.extents import Entries
from ..ir.graph import CONSTANT, INPUT, Graph
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
    row_major,
)
from ..ir.regions import BEGIN, INDEX, RESULT, ROW, ROWS, STATE, Region, array, part_of
from .fragments import Extents, Fragments, Moved, Roll, Segment
from .outputs import OUTPUT

GIVEN = ".given"
"""Behind the name of the rows that a loop is given."""


def with_regions(graph: Graph, roll: Roll, *, strict: bool) -> Program:
    """The program of a graph that has loops; `roll` gives that of one that has none.

    strict   cotangents are added up in the order of the trace, as far as there is one sum of each
    """
    writer = _Regions(graph, roll)
    writer.strict = strict
    program = writer.result
    size = len(graph.outputs)
    program.declare(OUTPUT, Role.OUTPUT, size)
    outer = [r for r in graph.regions if r.parent < 0]
    writer.level(range(len(graph)), outer, [Segment(Access(OUTPUT), graph.outputs)], ())
    program.found = Found("loops", writer.left)
    return program


class _Regions(Fragments):
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
            segments = list(wanted) if k == len(needed) else self._begun(needed[k], around)
            late = {x for node in own if stage[node] > k for x in self.needs(node)}
            late = late.union(*inside[k:], *(s.nodes for s in wanted if k < len(needed)))
            late = late.union(*([*r.begin, *r.rows] for r in needed[k + 1 :]))
            late = self.with_tables(late)
            mine = [node for node in own if stage[node] == k]
            crossing = [node for node in mine if node in late]
            if crossing:
                name = self.temporary("x", len(crossing), around)
                segments.insert(0, Segment(self.home[name], crossing))
            self.fragment(mine, segments, around)
            if crossing:
                self.value.update({node: (name, at) for at, node in enumerate(crossing)})
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
        copied = {array(r.number, BEGIN): (self.home[array(r.number, STATE)], r.begin)}
        if r.rows and self._in_a_row(r.rows) is None:
            name = array(r.number, ROWS) + GIVEN
            copied[name] = self.home[name], r.rows
        often = Counter([*r.begin, *(r.rows if len(copied) > 1 else ())])
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
                stack += [*region.begin, *region.rows, *self._uses(region)]
            if self.is_op[node] and node in nodes:
                if any(node in r.nodes for r in loops):
                    raise self.escaped(node)
                own.add(node)
                stack += self.needs(node)
        return sorted(own), [r for r in loops if r.number in found]

    def _behind(self, node: int) -> int | None:
        """The loop whose results a leaf is one of."""
        if self.graph.codes[node] != INPUT:
            return None
        name, _ = self.graph.element(INPUT, int(self.graph.x[node]))
        part = part_of(name)
        return part[0] if part and part[1] in (RESULT, ROWS) else None

    def _uses(self, r: Region) -> set[int]:
        """What a loop's body, and loops in it, read of nodes outside."""
        read = self.operands[r.nodes.start : r.nodes.stop][self.is_op[r.nodes.start : r.nodes.stop]]
        found = {int(x) for x in np.unique(read) if x >= 0}
        for inner in [r, *self._inside(r)]:
            ends = (*inner.after, *inner.each, *inner.going)
            found.update(ends if inner is r else (*ends, *inner.begin, *inner.rows))
        return {x for x in self.with_tables(found) if x not in r.nodes}

    def _inside(self, r: Region) -> list[Region]:
        """The regions in a loop, and in those in it."""
        found = {r.number}
        for x in self.graph.regions:  # in the order in which they begin
            if x.parent in found:
                found.add(x.number)
        return [x for x in self.graph.regions if x.number in found and x is not r]

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

        def along(a: Access, by: int, ahead: int = 0) -> Access:
            return Access(a.array, a.offset + ahead * by, (*a.strides, by))

        self.home[array(r.number, STATE)] = along(states, width)
        wanted = [Segment(along(states, width, 1), r.after)]
        if r.each:
            each = self.home[self.temporary("each", r.most * len(r.each), around)]
            self.home[array(r.number, ROWS)] = each
            wanted.append(Segment(along(each, len(r.each)), r.each))
        if r.rows:
            row = self.home[array(r.number, ROWS) + GIVEN]
            self.home[array(r.number, ROW)] = along(row, len(r.rows) // max(1, r.most))
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
            self.home[result] = self._last(states, going, extent, width, around)

    def _begun(self, r: Region, around: Extents) -> list[Segment]:
        """What a loop needs before it: its first state, and the rows that it goes through; and what
        a program is given.
        """
        if r.called is not None:
            segments: list[Segment] = []
            if not r.begin:
                return segments
            given = self._in_a_row(r.begin)
            if given is None:
                given = self.home[self.temporary("given", len(r.begin), around)]
                segments.append(Segment(given, r.begin))
            more = (0,) * (len(around) - len(given.strides))
            self.home[array(r.number, STATE)] = replace(given, strides=(*given.strides, *more))
            return segments
        name = self.temporary("state", (r.most + 1) * len(r.begin), around)
        segments = [Segment(self.home[name], r.begin)]
        self.home[array(r.number, STATE)] = self.home[name]
        if r.rows:
            rows = self._in_a_row(r.rows)
            if rows is None:
                rows = self.home[self.temporary("rows", len(r.rows), around)]
                segments.append(Segment(rows, r.rows))
            self.home[array(r.number, ROWS) + GIVEN] = replace(
                rows, strides=(*rows.strides, *(0,) * (len(around) - len(rows.strides)))
            )
        return segments

    def _in_a_row(self, nodes: Sequence[int]) -> Access | None:
        """Where nodes are that are elements of an argument, one after the other."""
        graph = self.graph
        index = np.array(nodes)
        payload = graph.x[index]
        if (graph.codes[index] != INPUT).any() or (np.diff(payload) != 1).any():
            return None
        (name, first), (last, _) = (graph.element(INPUT, int(payload[k])) for k in (0, -1))
        if name != last or part_of(name) is not None:
            return None
        return replace(self.home[name], offset=first)

    def _last(
        self, states: Access, going: Access, extent: Entries, width: int, around: Extents
    ) -> Access:
        """Where the state is that a loop ends with; nan if it would go on."""
        found = self.home[self.temporary("last", width, around)]
        domain, depth = (*around, width), len(around)

        def at_end(a: Access, scale: int, along: int) -> Access:
            part = Part("entry", extent.array, extent.offset, (*extent.strides, 0), scale)
            return Access(a.array, a.offset, (*a.strides, along), (part,))

        holds = where(at_end(going, 1, 0), nan, 1.0)
        value = mul(at_end(states, width, 1), holds)
        target = Access(found.array, found.offset, (*found.strides, 1))
        assert len(target.strides) == depth + 1
        self.body.append(Statement(target, value, domain))
        return found
