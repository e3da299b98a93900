"""Live parameters -> one argument: which of them, in which order, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...copies import serial
from ...engine import Value
from ...errors import ExportError
from ...nn import Module
from ...real_types import WIDE
from ...store import Store
from ..ir.expressions import Access
from ..ir.graph import PARAMETER, Graph, is_take, tables_of_lookups
from ..ir.program import Array, Program, Role
from ..ir.statements import Statement

Numbers = npt.NDArray[np.float64]


class Reading(Protocol):
    """Code that reads live parameters."""

    name: str
    graph: Graph
    transformed: Program

    @property
    def stores(self) -> Sequence[Store]:
        """Where p0, p1, ... are."""

    @property
    def live_elements(self) -> dict[Value, tuple[str, int]]:
        """The parameters, with the array of each, and its element there."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The parameters that a function reads, in the order in which it takes them.

    places   the store of each, and its element there
    names    what they are called; "" where they have no name
    order    what their order is, in words
    """

    places: Sequence[tuple[int, int]]
    names: Sequence[str]
    order: str
    numbers: Numbers

    @property
    def says(self) -> str:
        """What is where: those that are named alike, such as w[0] and w[1], together."""
        rows, start = [], 0
        kinds = [name.partition("[")[0] if "[" in name else (name or None) for name in self.names]
        for end in range(1, len(kinds) + 1):
            if end < len(kinds) and kinds[end] == kinds[start]:
                continue
            first, last = self.names[start], self.names[end - 1]
            where = f"[{start}]" if end == start + 1 else f"[{start}] to [{end - 1}]"
            names = first if end == start + 1 else f"{first} to {last}"
            rows.append(f"{where}: {names if first else 'no label'}")
            start = end
        return f"the parameters, {self.order}: {'; '.join(rows)}"


def passed(executable: Reading, model: Any) -> Passed:
    """The parameters that an executable's function reads.

    model   what they are in the order of, if it has `parameters()`; others are behind, by age
    """
    graph = executable.graph
    elements = {graph.element(PARAMETER, payload) for payload in _read(graph)}
    read = sorted(
        (v for v, e in executable.live_elements.items() if e in elements),
        key=serial,
    )
    listed = [v for v in model.parameters() if isinstance(v, Value)] if model is not None else []
    rank = {v: k for k, v in reversed(list(enumerate(listed)))}
    read.sort(key=lambda v: rank.get(v, len(rank)))
    known = {v: f"parameters()[{k}]" for v, k in rank.items()}
    if isinstance(model, Module):
        known |= {v: name for name, v in model.named_parameters() if isinstance(v, Value)}
    order = "in the order in which they were made"
    if rank:
        order = "in the order of the model's parameters()"
        if not set(read) <= rank.keys():
            order += ", and then others, in the order in which they were made"
    homes = [executable.live_elements[v] for v in read]
    return Passed(
        [(int(array[1:]), element) for array, element in homes],
        [str(v.label or known.get(v, "")) for v in read],
        order,
        np.array([v._data for v in read]),
    )


def _read(graph: Graph) -> set[int]:
    """The parameters that a graph reads, by its numbers for them: all rows of tables among them."""
    found = set(graph.x[graph.codes == PARAMETER].tolist())
    rows, distances = tables_of_lookups()
    for node in np.flatnonzero(is_take(graph.codes)).tolist():
        first, code = graph.x[node], graph.codes[node]
        if graph.codes[first] == PARAMETER:
            found.update(int(graph.x[first]) + distances[code] * k for k in range(rows[code]))
    return found


def with_parameters(executable: Reading, given: Passed | None) -> tuple[Program, str | None]:
    """The program of an executable with its live parameters as constants, or behind its inputs;
    and the input that they are.

    given   what is passed; None: they are constants
    """
    program = executable.transformed
    live = {a.name: a for a in program.with_role(Role.PARAMETER)}
    if any(a.dtype != WIDE.name for a in live.values()):
        raise ExportError(f"{executable.name} reads copies of parameters")
    stores = {f"p{k}": store for k, store in enumerate(executable.stores)}
    if given is None or not given.places:
        baked = {
            n: replace(a, role=Role.CONSTANT, data=stores[n].array.copy()) for n, a in live.items()
        }
        return replace(program, arrays=program.arrays | baked), None
    copies: list[Statement] = []
    if "p0" in live and list(given.places) == [(0, k) for k in range(len(stores["p0"]))]:
        name = "p0"  # they lie as they are passed
        others = {name: replace(live[name], role=Role.INPUT)}
    else:
        name = "parameters"
        while name in program.arrays:
            name += "_"
        copies = [s for s in _copies(given.places, name) if s.target.array in live]
        others = {name: Array(name, Role.INPUT, (len(given.places),), dtype=WIDE.name)}
        others |= {n: Array(n, Role.TEMPORARY, a.shape) for n, a in live.items()}
    # behind what is given, before all else
    before = {a.name: a for a in program.with_role(Role.INPUT, Role.EXTENT)}
    arrays = {**before, name: others[name], **program.arrays, **others}
    return replace(program, arrays=arrays, body=[*copies, *program.body]), name


def _copies(places: Sequence[tuple[int, int]], name: str) -> list[Statement]:
    """What puts parameters where the program reads them: a statement for each run."""
    rows = sorted((store, element, k) for k, (store, element) in enumerate(places))
    found, start = [], 0
    for end in range(1, len(rows) + 1):
        (store, element, k), count = rows[start], end - start
        if end < len(rows) and rows[end] == (store, element + count, k + count):
            continue
        strides, domain = ((1,), (count,)) if count > 1 else ((), ())
        found.append(
            Statement(Access(f"p{store}", element, strides), Access(name, k, strides), domain)
        )
        start = end
    return found
