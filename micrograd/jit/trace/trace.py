"""Values -> Graph: walk the DAG under the outputs once, iteratively, and number its leaves.

Establishes the graph's invariants: nodes in creation order, each once. A literal (the 2 of
`2 * x`) becomes a constant node where it is used, as micrograd counts it.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...backward import cycle_error
from ...copies import serial as _serial
from ...engine import Value
from ...errors import GraphError, kind
from ...store import Store, adopt
from ...traced import Scope, Traced
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, code_of
from .places import escaped, note_places

Ints = npt.NDArray[np.int64]

_label = attrgetter("label")
_operands = attrgetter("_operands")

Element = tuple[str, int]
"""An array's name and an index into it."""


@dataclass(slots=True)
class Trace:
    """A graph, where its parameters live, and the name of every leaf that is not a constant.

    elements   of the leaves that are Values
    inputs     of the inputs, traced ones too, by their serial numbers
    """

    graph: Graph
    stores: list[Store]
    elements: dict[Value, Element]
    inputs: dict[int, Element]


def trace(
    outputs: Sequence[Value | float],
    inputs: Mapping[str, Sequence[Value]],
    live: Collection[Value] | None,
    numbers: dict[Value, float] | None = None,
    wrt: Sequence[Value] = (),
) -> Trace:
    """The graph of `outputs`.

    inputs   array name -> the leaves that are its elements
    live     the leaves that become parameters; None: every leaf that is not an input.
             Other leaves become constants.
    numbers  what leaves that are constants have been, which new ones are entered into
    wrt      leaves that become parameters even if they are not in the graph

    Raises GraphError for a cycle, for an op that cannot be emitted; TraceError for a traced
    value of another function. Cost: linear, but for the sort of the nodes by age.
    """
    with without_collecting():
        return _trace(outputs, inputs, live, {} if numbers is None else numbers, wrt)


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
) -> Trace:
    order, flat, used = _recorded(outputs) or _found(outputs)
    places = {
        leaf._serial: (name, index)
        for name, leaves in inputs.items()
        for index, leaf in enumerate(leaves)
    }
    graph = Graph(inputs=[(name, len(leaves)) for name, leaves in inputs.items()])
    leaves = [v for v in order if v._entry is None]
    rest = [v for v in leaves if v._serial not in places]
    for v in rest:
        if v.__class__ is Traced:
            raise escaped(v, order)
    parameters = [v for v in rest if live is None or v in live]
    # together, so that where they lie does not depend on which of them a program uses
    parameters = [*dict.fromkeys([*parameters, *wrt])] if wrt else parameters
    stores = adopt(parameters)
    names = {store: f"p{k}" for k, store in enumerate(stores)}
    graph.parameters = [(name, len(store)) for store, name in names.items()]
    elements = {v: (names[v._home[0]], v._home[1]) for v in parameters}
    elements |= {
        v: places[v._serial]
        for values in inputs.values()
        for v in values
        if v.__class__ is not Traced
    }
    given = places | {v._serial: e for v, e in elements.items()}

    position = _connect(graph, order, flat, used)
    _fill_leaves(graph, given, leaves, position, known)
    spare = [v for v in outputs if not isinstance(v, Value)]
    where = iter(range(len(graph), len(graph) + len(spare)))
    _append_constants(graph, spare)
    alone = len(outputs) == 1 and bool(order)  # the youngest of all
    rank = {order[k]._serial: k for k in range(len(order) - 1 if alone else 0, len(order))}
    graph.outputs = [
        int(position[rank[v._serial]]) if isinstance(v, Value) else next(where) for v in outputs
    ]
    named = compress(range(len(order)), map(_label, order))
    graph.labels = {int(position[k]): str(order[k].label) for k in named if order[k]._operands}
    if any(v.__class__ is Traced for values in inputs.values() for v in values[:1]):
        note_places(graph, order, position)
    return Trace(graph, stores, elements, places)


def _connect(graph: Graph, order: list[Value], flat: list[Any], used: Ints) -> Ints:
    """Fill the codes and operands of a graph whose Values are given, as `_found` gives them.

    A literal is a node of its own, right before the node that uses it. Returns the node of each
    Value.
    """
    counts = np.fromiter(map(len, map(_operands, order)), np.int64, len(order))
    serials = np.fromiter(map(_serial, order), np.int64, len(order))
    user = np.repeat(np.arange(len(order)), counts)
    younger = used >= serials[user]
    if younger.any():
        raise cycle_error(order[int(user[np.argmax(younger)])])
    is_literal = used < 0
    before = np.cumsum(np.bincount(user[is_literal], minlength=len(order)))
    position = np.arange(len(order)) + before
    taken = np.zeros(len(order) + int(is_literal.sum()), dtype=bool)
    taken[position] = True
    refers = np.empty(len(flat), dtype=np.int64)
    refers[~is_literal] = position[_ranks(serials, used[~is_literal])]
    refers[is_literal] = np.flatnonzero(~taken)
    columns = np.full((3, len(taken)), -1, dtype=np.int64)
    first = np.cumsum(counts) - counts
    for k in range(3):
        has = counts > k
        columns[k, position[has]] = refers[first[has] + k]
    graph.codes = np.full(len(taken), CONSTANT, dtype=np.int64)
    entries = [v._entry for v in order]
    codes = {entry: CONSTANT if entry is None else code_of(entry) for entry in set(entries)}
    graph.codes[position] = np.fromiter(map(codes.__getitem__, entries), np.int64, len(entries))
    columns[0, ~taken] = np.arange(len(taken) - len(order))
    graph.x, graph.y, graph.z = columns
    literals = [flat[k] for k in np.flatnonzero(is_literal).tolist()]
    graph.constants = np.array(literals, dtype=np.float64)
    return position


def _ranks(serials: Ints, wanted: Ints) -> Ints:
    """The index in the sorted `serials` of each wanted one; a table where they lie densely."""
    if len(serials) and serials[-1] - serials[0] < 8 * len(serials):
        table: Ints = np.empty(int(serials[-1] - serials[0]) + 1, dtype=np.int64)
        table[serials - serials[0]] = np.arange(len(serials))
        found: Ints = table[wanted - serials[0]]
        return found
    return np.searchsorted(serials, wanted)


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


def _recorded(outputs: Sequence[Any]) -> tuple[list[Value], list[Any], Ints] | None:
    """What `_found` gives, if it is all that one call of a function has recorded; else None.

    Most functions compute nothing in vain. Then nothing need be looked for: where each of their
    nodes is an output or has a user, which is younger, each leads to an output.
    """
    values = [v for v in outputs if isinstance(v, Value)]
    scopes = {v._scope for v in values if v._operands}
    scope = scopes.pop() if len(scopes) == 1 else None
    if not isinstance(scope, Scope) or not scope.made:
        return None
    made, scope.made = scope.made, []  # they know it, so it shall not know them for long
    serials = np.fromiter(map(_serial, made), np.int64, len(made))
    first, length = int(serials[0]), int(serials[-1] - serials[0]) + 1
    if length > 8 * len(made) or (np.diff(serials) <= 0).any():
        return None
    flat = list(chain.from_iterable(map(_operands, made)))
    used = _serials(flat)
    alone = [o for o in flat if o.__class__ is not float and not o._operands]
    is_inner = (used >= first) & (used < first + length)
    is_used, is_made = np.zeros((2, length), dtype=bool)
    is_made[serials - first] = True
    is_used[used[is_inner] - first] = True
    ends = [v._serial - first for v in values if v._operands]
    if not all(0 <= end < length and is_made[end] for end in ends):
        return None
    is_used[ends] = True
    recorded = int(is_made[used[is_inner] - first].sum())
    if (is_made & ~is_used).any() or recorded + len(alone) < np.count_nonzero(used >= 0):
        return None  # in vain, or computed elsewhere
    alone += [v for v in values if not v._operands]
    leaves = dict(zip(map(_serial, alone), alone, strict=True))
    before = [leaves[k] for k in sorted(leaves)]
    if before and before[-1]._serial > first:
        return None
    return [*before, *made], flat, used


def _found(outputs: Sequence[Any]) -> tuple[list[Value], list[Any], Ints]:
    """Every Value under the outputs, oldest first, their operands, one after the other, and the
    serial numbers of these; -1 for numbers.
    """
    order = nodes(outputs)
    flat = list(chain.from_iterable(map(_operands, order)))
    return order, flat, _serials(flat)


def _serials(flat: list[Any]) -> Ints:
    return np.fromiter(map(getattr, flat, repeat("_serial"), repeat(-1)), np.int64, len(flat))


def nodes(outputs: Sequence[Any]) -> list[Value]:
    """Every Value under the outputs, oldest first."""
    stack = [v for v in outputs if isinstance(v, Value)]
    seen = {v._serial: v for v in stack}
    push, pop = stack.append, stack.pop
    while stack:
        for o in pop()._operands:
            if o.__class__ is not float and o._serial not in seen:
                seen[o._serial] = o
                if o._operands:
                    push(o)
    return [seen[serial] for serial in sorted(seen)]


def check_leaves(wrt: Sequence[Any]) -> None:
    """Raises GraphError for a part of `wrt` that a gradient cannot be taken with respect to, which
    is neither a leaf nor the name of a parameter; TraceError for a traced value.
    """
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
