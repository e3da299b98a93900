"""Values -> Graph: the nodes under the outputs, of which the leaves are numbered.

Establishes the graph's invariants: nodes in creation order, each once. A literal (the 2 of
`2 * x`) becomes a constant node where it is used, as micrograd counts it.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...engine import Value
from ...errors import GraphError, TensorsNeeded, kind, user_location
from ...lines import KEPT
from ...lookups import Lookups
from ...store import Live, Store, adopt
from ...traced import Scope, Traced
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph
from ..ir.outside import check_inside
from .loops import Operands, counted_of, inputs_of, loops_of
from .nodes import LITERAL, Nodes, listed, nodes
from .places import escaped, note_places
from .spent import spending
from .tables import resolve
from .taped import let_go, taped

Ints = npt.NDArray[np.int64]

_entry, _home, _serial = attrgetter("_entry"), attrgetter("_home"), attrgetter("_serial")
_ORDINARY = frozenset({Value, Live})

Element = tuple[str, int]
"""An array's name and an index into it."""


@dataclass(slots=True)
class Trace:
    """A graph, where its parameters live, and the name of every leaf that is not a constant.

    elements   of the leaves that are Values
    inputs     of the inputs, traced ones too, by their serial numbers
    is_plain   whether rows were looked up in plain Python, which is to be compared with it
    """

    graph: Graph
    stores: list[Store]
    elements: dict[Value, Element]
    inputs: dict[int, Element]
    is_plain: bool = False


def trace(
    outputs: Sequence[Value | float],
    inputs: Mapping[str, Sequence[Value]],
    live: Collection[Value] | None,
    numbers: dict[Value, float] | None = None,
    wrt: Sequence[Value] = (),
    lookups: Lookups | None = None,
    scope: Scope | None = None,
) -> Trace:
    """The graph of `outputs`.

    inputs   array name -> the leaves that are its elements; or other values, which are leaves then
    live     the leaves that become parameters; None: every leaf that is not an input.
             Other leaves become constants.
    numbers  what leaves that are constants have been, which new ones are entered into
    wrt      leaves that become parameters even if they are not in the graph
    lookups  what was looked up by integers, of which the index arrays are among the inputs
    scope    of the function that has computed them, if one has

    Raises GraphError for a cycle, for an op that cannot be emitted; TraceError for a traced
    value of another function. Cost: linear, but for the sort of the nodes by age.
    """
    with spending(), without_collecting():
        try:
            known = {} if numbers is None else numbers
            return _trace(outputs, inputs, live, known, wrt, lookups, scope)
        finally:
            if scope is not None:
                let_go(scope)


@contextmanager
def without_collecting() -> Iterator[None]:
    """A block in which Python does not look for garbage: it would walk the whole DAG of Values
    again and again, and find nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _trace(
    outputs: Sequence[Value | float],
    inputs: Mapping[str, Sequence[Value]],
    live: Collection[Value] | None,
    known: dict[Value, float],
    wrt: Sequence[Value],
    lookups: Lookups | None,
    scope: Scope | None,
) -> Trace:
    loops = loops_of(scope)
    operands = Operands(loops, inputs, len(outputs))
    outputs, inputs = [*outputs, *operands.nodes], {**inputs, **inputs_of(loops, lookups)}
    ends = {v._serial for leaves in inputs.values() for v in leaves if v._entry is not None}
    found = listed(outputs, ends) if ends else taped(outputs) or listed(outputs)
    places = {
        leaf._serial: (name, index)
        for name, leaves in inputs.items()
        for index, leaf in enumerate(leaves)
    }
    graph = Graph(inputs=[(name, len(leaves)) for name, leaves in inputs.items()])
    rest = [v for v in found.leaves if v._serial not in places] if places else found.leaves
    if not _ORDINARY.issuperset(map(type, rest)):
        _check_rest(rest, outputs)
    parameters = [v for v in rest if live is None or v in live]
    # together, so that where they lie does not depend on which of them a program uses
    parameters = [*dict.fromkeys([*parameters, *wrt])] if wrt else parameters
    stores = adopt(parameters)
    names = {store: f"p{k}" for k, store in enumerate(stores)}
    graph.parameters = [(name, len(store)) for store, name in names.items()]
    homes = [(names[store], index) for store, index in map(_home, parameters)]
    elements = dict(zip(parameters, homes, strict=True))
    elements |= {
        v: places[v._serial]
        for values in inputs.values()
        for v in values
        if v.__class__ is not Traced
    }
    given = places | dict(zip(map(_serial, elements), elements.values(), strict=True))

    position = _connect(graph, found)
    _fill_leaves(graph, given, found.leaves, position, known)
    spare = [v for v in outputs if not isinstance(v, Value)]
    where = iter(range(len(graph), len(graph) + len(spare)))
    _append_constants(graph, spare)
    graph.outputs = [
        int(position[found.place(v)]) if isinstance(v, Value) else next(where) for v in outputs
    ]
    graph.outputs, graph.regions = operands.regions(graph.outputs, found, position)
    graph.inputs += [(name, len(numbers)) for name, numbers in operands.data.items()]
    graph.labels = {int(position[k]): label for k, label in found.labels.items()}
    if KEPT or any(v.__class__ is Traced for values in inputs.values() for v in values[:1]):
        note_places(graph, found.sites(), position)
    check_inside(graph)
    if lookups is not None:
        graph.indices = list(lookups.indices.values())
        graph.data = lookups.constants | operands.data
        graph.counted = counted_of(loops, lookups) if loops else {}
        resolve(graph)
    return Trace(graph, stores, elements, places)


def _check_rest(rest: Sequence[Value], outputs: Sequence[Any]) -> None:
    """Raises TraceError for a leaf that is traced, but no input; TensorsNeeded for a Tensor's."""
    for v in rest:
        if v.__class__ is Traced:
            raise escaped(v, nodes(outputs))
        if v.__class__ is not Value and hasattr(v, "_tensor"):
            raise TensorsNeeded(
                f"{user_location()}: this depends on elements of a Tensor, by values(); a function "
                "that does is compiled as one of Tensors, when jit(f) is called"
            )


def _connect(graph: Graph, found: Nodes) -> Ints:
    """Fill the codes and operands of a graph.

    A literal is a node of its own, right before the node that uses it. Returns the place of each
    of the nodes.
    """
    literal = [np.flatnonzero(column == LITERAL) for column in found.operands]
    counts = np.zeros(len(found), dtype=np.int64)
    for at in literal:
        counts[at] += 1
    behind = np.cumsum(counts)
    position: Ints = np.arange(len(found)) + behind
    numbers = int(behind[-1]) if len(behind) else 0
    columns = np.full((3, len(found) + numbers), -1, dtype=np.int64)
    graph.constants = np.empty(numbers)
    number = behind - counts  # of the next literal of each node
    for column, operands, numerals, at in zip(
        columns, found.operands, found.literals, literal, strict=True
    ):
        users = np.flatnonzero(operands >= 0)
        column[position[users]] = position[operands[users]]
        column[position[at]] = at + number[at]
        columns[0, at + number[at]] = number[at]
        graph.constants[number[at]] = numerals[at]
        number[at] += 1
    graph.codes = np.full(len(found) + numbers, CONSTANT, dtype=np.int64)
    graph.codes[position] = found.codes
    graph.x, graph.y, graph.z = columns
    return position


def _fill_leaves(
    graph: Graph,
    elements: dict[int, Element],
    leaves: list[Value],
    position: Ints,
    known: dict[Value, float],
) -> None:
    """Say what each leaf is: an input, a parameter, or a constant."""
    base: dict[str, tuple[int, int]] = {}
    for code, arrays in ((INPUT, graph.inputs), (PARAMETER, graph.parameters)):
        total = 0
        for name, size in arrays:
            base[name] = (code, total)
            total += size
    numbers: list[float] = []
    at = position[(graph.codes[position] < FIRST_OP)]
    codes, payloads = [], []
    for v in leaves:
        if v._serial in elements:
            name, index = elements[v._serial]
            code, start = base[name]
            codes.append(code)
            payloads.append(start + index)
        else:
            codes.append(CONSTANT)
            payloads.append(len(graph.constants) + len(numbers))
            numbers.append(known.setdefault(v, v._data))
    graph.codes[at] = codes
    graph.x[at] = payloads
    graph.constants = np.append(graph.constants, numbers)


def _append_constants(graph: Graph, numbers: Sequence[float]) -> None:
    """Add constant nodes at the end."""
    none = np.full(len(numbers), -1, dtype=np.int64)
    graph.codes = np.append(graph.codes, np.full(len(numbers), CONSTANT, dtype=np.int64))
    graph.x = np.append(graph.x, len(graph.constants) + np.arange(len(numbers)))
    graph.y, graph.z = np.append(graph.y, none), np.append(graph.z, none)
    graph.constants = np.append(graph.constants, np.array(numbers, dtype=np.float64))


def check_leaves(wrt: Sequence[Any]) -> None:
    """Raises GraphError for a part of `wrt` that a gradient cannot be taken with respect to, which
    is neither a leaf nor the name of a parameter; TraceError for a traced value.
    """
    if set(map(type, wrt)) <= {Value, Live} and set(map(_entry, wrt)) <= {None}:
        return
    for k, v in enumerate(wrt):
        if isinstance(v, str):
            continue
        if not isinstance(v, Value):
            raise GraphError(f"wrt[{k}] should be a Value, got {kind(v)}")
        if v._entry is not None:
            raise GraphError(
                f"wrt[{k}], {v!r}, is computed (op {v._op!r}); a gradient is taken with respect "
                "to leaves: Values made from a number"
            )
        if v.__class__ is Traced:
            raise escaped(v)


def check_wrt(wrt: Sequence[Any]) -> None:
    """Raises GraphError for what is no Value, or comes twice."""
    kinds, ids = set(map(type, wrt)), set(map(id, wrt))
    if all(issubclass(kind, Value) for kind in kinds) and len(ids) == len(wrt):
        return
    seen: set[int] = set()
    for k, v in enumerate(wrt):
        if not isinstance(v, Value):
            raise GraphError(f"wrt[{k}] should be a Value, got {kind(v)}")
        if id(v) in seen:
            raise GraphError(f"wrt[{k}], {v!r}, is in wrt twice")
        seen.add(id(v))
