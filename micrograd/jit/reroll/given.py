"""What loops of a graph are given: their first state, and the rows that they go through.

Rows that are an array of the program already are read there; others are copied into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..ir.graph import INPUT
from ..ir.program import Access
from ..ir.regions import ROW, ROWS, STATE, Region, array, part_of
from .fragments import Extents, Fragments, Segment


class Given(Fragments):
    """The program that is written, and where in it is what loops are given."""

    def begun(self, r: Region, around: Extents) -> list[Segment]:
        """What a loop needs before it: its first state, and the rows that it goes through; and what
        a program is given.
        """
        segments: list[Segment] = []
        if r.called is not None:
            if not r.begin:
                return segments
            given = self.in_a_row(r.begin)
            if given is None:
                given = self.home[self.temporary("given", len(r.begin), around)]
                segments.append(Segment(given, r.begin))
            more = (0,) * (len(around) - len(given.strides))
            self.home[array(r.number, STATE)] = replace(given, strides=(*given.strides, *more))
            return segments
        if not r.sums:
            name = self.temporary("state", (r.most + 1) * len(r.begin), around)
            segments.append(Segment(self.home[name], r.begin))
            self.home[array(r.number, STATE)] = self.home[name]
        for k, column in enumerate(r.rows):
            there = self.home[column] if isinstance(column, str) else self.in_a_row(column)
            rows = there or self.home[self.temporary("given", len(column), around)]
            if there is None and not isinstance(column, str):
                segments.append(Segment(rows, column))
            more = (0,) * (len(around) - len(rows.strides))
            self.home[array(r.number, f"{ROWS}{k}")] = replace(rows, strides=(*rows.strides, *more))
        return segments

    def read_rows(self, r: Region) -> None:
        """Let the body of a loop read the rows of its iteration."""
        for k, width in enumerate(r.widths):
            rows = self.home[array(r.number, f"{ROWS}{k}")]
            by = width if r.most > 1 else 0  # a number that is given by value has no next one
            self.home[array(r.number, f"{ROW}{k}")] = along(rows, by)

    def in_a_row(self, nodes: Sequence[int]) -> Access | None:
        """Where nodes are that are elements of an argument, one after the other; not where that
        is one number, which may be given by value, and has no place then.
        """
        graph = self.graph
        index = np.array(nodes)
        payload = graph.x[index]
        if (graph.codes[index] != INPUT).any() or (np.diff(payload) != 1).any():
            return None
        (name, first), (last, _) = (graph.element(INPUT, int(payload[k])) for k in (0, -1))
        if name != last or part_of(name) is not None or self.size[name] == 1:
            return None
        return replace(self.home[name], offset=first)


def along(a: Access, by: int, ahead: int = 0) -> Access:
    """The access in one more loop, in which it goes on by so many elements, from `ahead` on."""
    return Access(a.array, a.offset + ahead * by, (*a.strides, by))
