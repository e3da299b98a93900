"""Values -> Graph: the nodes under the outputs, of which the leaves are numbered.

Establishes the graph's invariants: nodes in creation order, each once. A literal (the 2 of
`2 * x`) becomes a constant node where it is used, as micrograd counts it (unread.py).
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from ...engine import Value
from ...errors import GraphError, TensorsNeeded, kind, user_location
from ...lines import KEPT
from ...lookups import Lookups
from ...store import Live, Store, adopt
from ...traced import Scope, Traced
from ..ir.graph import Graph
from .loops import Operands, inputs_of, loops_of
from .nodes import listed, nodes
from .places import escaped
from .spent import spending
from .taped import let_go, taped
from .unread import Unread, leaves_of

_entry, _home, _serial = attrgetter("_entry"), attrgetter("_home"), attrgetter("_serial")
_first, _second = itemgetter(0), itemgetter(1)
_ORDINARY = frozenset({Value, Live})

Element = tuple[str, int]
"""An array's name and an index into it."""


@dataclass(slots=True)
class Trace:
    """A graph, where its parameters live, and the name of every leaf that is not a constant.

    outline    the graph, which has no nodes as long as they are unread
    leaves     those that are parameters
    homes      the store and index of each of these
    others     the elements of other leaves that are Values
    inputs     of the inputs, traced ones too, by their serial numbers
    is_plain   whether rows were looked up in plain Python, which is to be compared with it
    unread     what the nodes are made of when they are asked for
    digested   the digest of them, if it was asked for
    """

    outline: Graph
    stores: list[Store]
    leaves: Sequence[Value]
    homes: Sequence[tuple[Store, int]]
    others: dict[Value, Element]
    inputs: dict[int, Element]
    is_plain: bool = False
    unread: Unread | None = None
    digested: str | None = None
    _elements: dict[Value, Element] | None = None

    @property
    def elements(self) -> dict[Value, Element]:
        """Those of the leaves that are Values, made when they are asked for."""
        if self._elements is None:
            self._elements = dict(zip(self.leaves, self._named(self.homes), strict=True))
            self._elements |= self.others
        return self._elements

    def elements_of(self, parameters: Iterable[Value]) -> list[Element]:
        """Those of leaves that are parameters."""
        return self._named(list(map(_home, parameters)))

    def _named(self, homes: Sequence[tuple[Store, int]]) -> list[Element]:
        names = {store: f"p{k}" for k, store in enumerate(self.stores)}
        arrays = map(names.__getitem__, map(_first, homes))
        return list(zip(arrays, map(_second, homes), strict=True))

    @property
    def graph(self) -> Graph:
        """The graph, with its nodes."""
        self.read()
        return self.outline

    def read(self) -> None:
        """Give the graph its nodes, if it has none yet."""
        unread, self.unread = self.unread, None
        if unread is not None:
            with spending(), without_collecting():
                unread.fill(self.outline)

    def digest(self) -> str | None:
        """What graphs have in common that have the same nodes, if these were unread when it was
        first asked for, and the arrays of the outline called what they will be.
        """
        if self.digested is None and self.unread is not None:
            with spending():
                self.digested = self.unread.digest(self.outline)
        return self.digested


def trace(
    outputs: Sequence[Value | float],
    inputs: Mapping[str, Sequence[Value]],
    live: Collection[Value] | None,
    numbers: dict[Value, float] | None = None,
    wrt: Sequence[Value] = (),
    lookups: Lookups | None = None,
    scope: Scope | None = None,
    *,
    lazily: bool = False,
) -> Trace:
    """The graph of `outputs`.

    inputs   array name -> the leaves that are its elements; or other values, which are leaves then
    live     the leaves that become parameters; None: every leaf that is not an input.
             Other leaves become constants.
    numbers  what leaves that are constants have been, which new ones are entered into
    wrt      leaves that become parameters even if they are not in the graph
    lookups  what was looked up by integers, of which the index arrays are among the inputs
    scope    of the function that has computed them, if one has
    lazily   whether nodes may be left unread, as they are if there are no loops

    Raises GraphError for a cycle, for an op that cannot be emitted; TraceError for a traced
    value of another function. Cost: linear, but for the sort of the nodes by age.
    """
    with spending(), without_collecting():
        try:
            known = {} if numbers is None else numbers
            found = _trace(outputs, inputs, live, known, wrt, lookups, scope)
            if not lazily or (scope is not None and scope.loops):
                found.read()
            return found
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
    whole = len(parameters) == len(found.leaves)
    # together, so that where they lie does not depend on which of them a program uses
    if wrt and not (isinstance(live, set) and len(parameters) == len(live) and live >= {*wrt}):
        parameters = [*dict.fromkeys([*parameters, *wrt])]
    stores = adopt(parameters)
    names = {store: f"p{k}" for k, store in enumerate(stores)}
    graph.parameters = [(name, len(store)) for store, name in names.items()]
    homes = list(map(_home, parameters))
    others = {
        v: places[v._serial]
        for values in inputs.values()
        for v in values
        if v.__class__ is not Traced
    }
    graph.inputs += [(name, len(numbers)) for name, numbers in operands.data.items()]
    if lookups is not None:
        graph.indices = list(lookups.indices.values())
        graph.data = lookups.constants | operands.data
    has_lines = bool(KEPT) or any(
        v.__class__ is Traced for values in inputs.values() for v in values[:1]
    )
    trace = Trace(graph, stores, parameters, homes, others, places)
    if places:  # of traced ones, which only their serial numbers tell apart
        named = zip(map(_serial, parameters), trace.elements_of(parameters), strict=True)
        given = list(map((dict(named) | places).get, map(_serial, found.leaves)))
        is_element, elements = list(map(bool, given)), list(filter(None, given))
    else:
        is_element = [True] * len(found.leaves)
        if not whole:
            is_element = list(map({*parameters}.__contains__, found.leaves))
        elements = trace.elements_of(compress(found.leaves, is_element))
    leaves = leaves_of(graph, found.leaves, is_element, elements, known)
    trace.unread = Unread(found, leaves, outputs, operands, loops, lookups, has_lines)
    return trace


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
    ids = np.fromiter(map(id, wrt), np.int64, len(wrt))
    ids.sort()
    once = bool((ids[1:] != ids[:-1]).all())
    if once and all(issubclass(kind, Value) for kind in set(map(type, wrt))):
        return
    seen: set[int] = set()
    for k, v in enumerate(wrt):
        if not isinstance(v, Value):
            raise GraphError(f"wrt[{k}] should be a Value, got {kind(v)}")
        if id(v) in seen:
            raise GraphError(f"wrt[{k}], {v!r}, is in wrt twice")
        seen.add(id(v))
