"""Nodes of a trace -> the columns of its graph, and what tells these apart before they are made.

Of a long trace, columns take as long as Python took to record it. What is computed of them alone,
and was computed once, is found by a digest of the nodes as they were recorded.

A literal (the 2 of `2 * x`) is a node of its own, right before the node that uses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cache.keys import users_ops, written_out
from ...engine import Value
from ...lookups import Lookups
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, numbered, outline
from ..ir.outside import check_inside
from .loops import Operands, TracedLoop, counted_of
from .nodes import LITERAL, Narrow, Nodes
from .places import note_places
from .tables import resolve

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Leaves:
    """What each leaf of a trace is, in order.

    codes     INPUT, PARAMETER, or CONSTANT
    payloads  elements of the inputs or parameters, as a graph numbers them; of constants, in order
    numbers   the constants
    """

    codes: Ints
    payloads: Ints
    numbers: list[float]


def leaves_of(
    graph: Graph,
    leaves: Sequence[Value],
    is_element: Sequence[bool],
    elements: Sequence[tuple[str, int]],
    known: dict[Value, float],
) -> Leaves:
    """What these leaves are: constants, but for those that are elements of arrays, which are given
    in order; what the constants have been is entered into `known`.
    """
    arrays: dict[str, int] = {}
    base: list[tuple[int, int]] = []
    for code, some in ((INPUT, graph.inputs), (PARAMETER, graph.parameters)):
        total = 0
        for name, size in some:
            arrays[name] = len(base)
            base.append((code, total))
            total += size
    at = np.fromiter(is_element, np.bool_, len(leaves))
    numbers = [known.setdefault(v, v._data) for v in compress(leaves, ~at)]
    codes, payloads = np.full((2, len(leaves)), CONSTANT, dtype=np.int64)
    payloads[~at] = np.arange(len(numbers))
    if base:
        n = len(elements)
        which = np.fromiter(map(arrays.__getitem__, map(itemgetter(0), elements)), np.int64, n)
        of_array, starts = np.array(base, dtype=np.int64).T
        codes[at] = of_array[which]
        payloads[at] = starts[which] + np.fromiter(map(itemgetter(1), elements), np.int64, n)
    return Leaves(codes, payloads, numbers)


@dataclass(slots=True)
class Unread:
    """The nodes of a trace, of whose graph there is an outline so far.

    outputs    the Values that they were recorded for, and numbers
    operands   what loops need among these
    has_lines  whether lines of the user's code are to be noted
    """

    found: Nodes
    leaves: Leaves
    outputs: Sequence[Value | float]
    operands: Operands
    loops: Sequence[TracedLoop]
    lookups: Lookups | None
    has_lines: bool

    def fill(self, graph: Graph) -> None:
        """Give the graph its nodes.

        Raises TraceError for a leaf of a loop that is used outside of it.
        """
        found, operands = self.found, self.operands
        position = connect(graph, found)
        at = position[found.codes < FIRST_OP]
        graph.codes[at] = codes = self.leaves.codes
        graph.x[at] = self.leaves.payloads + np.where(codes == CONSTANT, len(graph.constants), 0)
        graph.constants = np.append(graph.constants, self.leaves.numbers)
        spare = [v for v in self.outputs if not isinstance(v, Value)]
        where = iter(range(len(graph), len(graph) + len(spare)))
        if spare:
            _append_constants(graph, spare)
        graph.outputs = [
            int(position[found.place(v)]) if isinstance(v, Value) else next(where)
            for v in self.outputs
        ]
        graph.outputs, graph.regions = operands.regions(graph.outputs, found, position)
        graph.labels = {int(position[k]): label for k, label in found.labels.items()}
        if self.has_lines:
            note_places(graph, found.sites(), position)
        check_inside(graph)
        if self.lookups is not None:
            graph.counted = counted_of(self.loops, self.lookups) if self.loops else {}
            resolve(graph)

    def digest(self, graph: Graph) -> str | None:
        """What graphs have in common that are filled with the same; None where that is not known.

        graph   the outline, whose arrays are called what they will be
        """
        if self.loops or users_ops():
            return None
        found = self.found
        codes, lookups = numbered(found.codes.astype(np.int64))
        outputs = [found.place(v) if isinstance(v, Value) else v for v in self.outputs]
        written = written_out((lookups, outputs, len(found), outline(graph)))
        if written is None:
            return None
        digest = hashlib.sha256(written)
        is_literal = found.operands == LITERAL
        columns: list[tuple[Any, type[np.generic]]] = [
            (codes, np.int32),
            (found.operands, np.int32),
            (found.literals[is_literal], np.float64),
            (self.leaves.codes, np.int32),
            (self.leaves.payloads, np.int64),
            (self.leaves.numbers, np.float64),
        ]
        for column, dtype in columns:
            digest.update(np.ascontiguousarray(column, dtype=dtype).data)
        return digest.hexdigest()


CONNECTORS: list[Callable[[Graph, Nodes], Narrow | None]] = []
"""What may do the same faster than NumPy, once machine code can be made; None: it may not."""
MANY = 200_000
"""Nodes from which on it is worth making."""


def connect(graph: Graph, found: Nodes) -> Ints | Narrow:
    """Fill the codes and operands of a graph; the place of each of the nodes."""
    for connector in CONNECTORS if len(found) > MANY else ():
        position = connector(graph, found)
        if position is not None:
            return position
    return _connect(graph, found)


def _connect(graph: Graph, found: Nodes) -> Ints:
    literal = [column == LITERAL for column in found.operands]
    counts = sum(each.view(np.int8) for each in literal)  # a node has three operands at most
    behind = np.cumsum(counts, dtype=np.int64)
    position: Ints = np.arange(len(found)) + behind
    numbers = int(behind[-1]) if len(behind) else 0
    columns = np.full((3, len(found) + numbers), -1, dtype=np.int64)
    graph.constants = np.empty(numbers)
    number = behind - counts  # of the next literal of each node
    for column, operands, numerals, is_literal in zip(
        columns, found.operands, found.literals, literal, strict=True
    ):
        at = np.flatnonzero(is_literal)
        if not len(at) and operands.max(initial=-1) < 0:
            continue
        places = position.take(operands, mode="clip")  # also for those below 0, of which none stays
        places[operands == -1] = -1
        places[at] = at + number[at]
        column[position] = places
        columns[0, at + number[at]] = number[at]
        graph.constants[number[at]] = numerals[at]
        number[at] += 1
    graph.codes = np.full(len(found) + numbers, CONSTANT, dtype=np.int64)
    graph.codes[position] = found.codes
    graph.x, graph.y, graph.z = columns
    return position


def _append_constants(graph: Graph, numbers: Sequence[float]) -> None:
    """Add constant nodes at the end."""
    none = np.full(len(numbers), -1, dtype=np.int64)
    graph.codes = np.append(graph.codes, np.full(len(numbers), CONSTANT, dtype=np.int64))
    graph.x = np.append(graph.x, len(graph.constants) + np.arange(len(numbers)))
    graph.y, graph.z = np.append(graph.y, none), np.append(graph.z, none)
    graph.constants = np.append(graph.constants, np.array(numbers, dtype=np.float64))
