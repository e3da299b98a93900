"""Values -> Graph: walk the DAG under the outputs once, iteratively, and number its leaves.

Establishes the graph's invariants: nodes in creation order, each once. A literal (the 2 of
`2 * x`) becomes a constant node where it is used, as micrograd counts it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine import Traced, Value, _serial, cycle_error
from ..errors import GraphError, TraceError
from ..store import Store, adopt
from .graph import CONSTANT, INPUT, PARAMETER, Graph, code_of

Element = tuple[str, int]
"""An array's name and an index into it."""


@dataclass(slots=True)
class Trace:
    """A graph, where its parameters live, and the name of every leaf that is not a constant."""

    graph: Graph
    stores: list[Store]
    elements: dict[Value, Element]


def trace(
    outputs: Sequence[Value | float],
    inputs: Mapping[str, Sequence[Value]],
    live: Collection[Value] | None,
) -> Trace:
    """The graph of `outputs`.

    inputs   array name -> the leaves that are its elements
    live     the leaves that become parameters; None: every leaf that is not an input.
             Other leaves become constants.

    Raises GraphError for a cycle, for an op that cannot be emitted; TraceError for a traced
    value of another function. Cost: linear, but for the sort of the nodes by age.
    """
    order = _nodes(outputs)
    graph = Graph()
    elements: dict[Value, Element] = {}
    payloads: dict[Value, int] = {}
    for name, leaves in inputs.items():
        for index, v in enumerate(leaves):
            payloads[v] = len(payloads)
            elements[v] = (name, index)
        graph.inputs.append((name, len(leaves)))
    parameters = [
        v for v in order if v._entry is None and v not in payloads and (live is None or v in live)
    ]
    stores = adopt(v for v in parameters if v.__class__ is not Traced)
    graph.parameters = [(f"p{k}", len(store)) for k, store in enumerate(stores)]
    base = {}
    total = 0
    for (name, size), store in zip(graph.parameters, stores, strict=True):
        base[store] = (name, total)
        total += size

    codes, x, y, z, constants = graph.codes, graph.x, graph.y, graph.z, graph.constants

    def leaf(code: int, payload: int) -> int:
        codes.append(code)
        x.append(payload)
        y.append(-1)
        z.append(-1)
        return len(codes) - 1

    def constant(number: float) -> int:
        constants.append(number)
        return leaf(CONSTANT, len(constants) - 1)

    position: dict[Value, int] = {}
    for v in order:
        entry = v._entry
        if entry is None:
            if v in payloads:
                position[v] = leaf(INPUT, payloads[v])
            elif v.__class__ is Traced:
                raise TraceError(
                    f"{v!r} was traced by another function and escaped from it; return values "
                    "instead of keeping them in an outer variable"
                )
            elif live is None or v in live:
                store, index = v._home
                name, start = base[store]
                position[v] = leaf(PARAMETER, start + index)
                elements[v] = (name, index)
            else:
                position[v] = constant(v.data)
            continue
        operands = [constant(o) if o.__class__ is float else position[o] for o in v._operands]
        position[v] = len(codes)
        codes.append(code_of(entry))
        operands += (-1, -1)
        x.append(operands[0])
        y.append(operands[1])
        z.append(operands[2])
    graph.outputs = [position[v] if isinstance(v, Value) else constant(v) for v in outputs]
    return Trace(graph, stores, elements)


def _nodes(outputs: Sequence[Any]) -> list[Value]:
    """Every Value under the outputs, oldest first."""
    stack = [v for v in outputs if isinstance(v, Value)]
    seen = set(stack)
    while stack:
        v = stack.pop()
        for o in v._operands:
            if o.__class__ is not float:
                if o._serial >= v._serial:
                    raise cycle_error(v)
                if o not in seen:
                    seen.add(o)
                    stack.append(o)
    return sorted(seen, key=_serial)


def find_leaves(wrt: Sequence[Any], found: Trace) -> list[Element]:
    """The elements that stand for the leaves `wrt`.

    Raises GraphError for what is not a leaf of this graph.
    """
    elements = []
    for k, v in enumerate(wrt):
        if not isinstance(v, Value):
            raise GraphError(f"wrt[{k}] should be a Value, got {type(v).__name__}")
        if v._entry is not None:
            raise GraphError(
                f"wrt[{k}], {v!r}, is computed (op {v._op!r}); a gradient is taken with respect "
                "to leaves: Values made from a number"
            )
        if v not in found.elements:
            raise GraphError(
                f"wrt[{k}], {v!r}, is not a leaf of the graph that is compiled: the result does "
                "not depend on it"
            )
        elements.append(found.elements[v])
    return elements
