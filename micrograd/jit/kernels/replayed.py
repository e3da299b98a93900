"""What a trace gives for known numbers: its results, and the partials of a weighted sum of them.

Its operations are done again one by one, with the rows that integers choose, by the rules that the
eager engine has; a trace with loops is run as the program that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, cast

import numpy as np

from ...engine import Value
from ...index_arrays import IndexArray
from ...locks import importing
from ...lookups import ENTRY, Lookup
from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, code_of, op_of
from ..ir.program import Role
from ..reroll.outputs import OUTPUT
from ..target import Target
from ..trace.trace import Element, Trace
from .prepared import Prepared

_ENTRY = code_of(ENTRY)
Floats = Mapping[str, Sequence[float]]
Rows = Mapping[str, Sequence[int]]
Partials = dict[Element, float]


def entries_of(indices: Sequence[IndexArray], given: Rows) -> dict[str, list[int]] | None:
    """The rows that index arrays say, for integers by the names of their arrays; None if one is out
    of range.
    """
    found = {}
    for index in indices:
        rows = index.rows([given[array] for array in index.arrays])
        if rows is None:
            return None
        found[index.name] = rows
    return found


def weights(n: int) -> list[float]:
    """What results are multiplied by in their sum."""
    return [1.0 + 0.618034 * k % 1.0 for k in range(n)]


class Replay:
    """A trace, computed for known numbers.

    given     of its inputs, by the names of their arrays
    entries   of its index arrays
    outputs   how many of its first ones are results; None: all
    most      how often loops run at most that go on as long as a condition holds; None: up to their
              limits. One that would go on then gives nan
    results   these
    largest   number that they are computed of, as far as is known
    """

    def __init__(
        self,
        found: Trace,
        given: Floats,
        entries: Rows,
        outputs: int | None,
        most: int | None = None,
    ) -> None:
        graph, numbers = found.graph, dict(given)
        for (name, size), store in zip(graph.parameters, found.stores, strict=False):
            numbers[name] = store._data[:size].tolist()
        self.partials: Callable[[], Partials]
        self.largest = 0.0
        if graph.regions:
            self.results, self.partials = _run(_shorter(graph, most), numbers, entries)
            return
        data = {name: x.tolist() for name, x in graph.data.items()}
        tape = _Tape(graph, {**numbers, **data, **entries})
        places = graph.outputs[:outputs]
        self.results = [tape.values[k] for k in places]
        self.partials = lambda: tape.partials(places)
        self.largest = max((abs(x) for x in tape.values if isfinite(x)), default=0.0)


class _Tape:
    """A graph without loops, computed."""

    def __init__(self, graph: Graph, numbers: Mapping[str, Any]) -> None:
        self._rows = list(graph.rows())
        self._elements = {
            code: [(name, k) for name, size in arrays for k in range(size)]
            for code, arrays in ((INPUT, graph.inputs), (PARAMETER, graph.parameters))
        }
        leaves = {code: [numbers[a][k] for a, k in some] for code, some in self._elements.items()}
        leaves[CONSTANT] = graph.constants.tolist()
        self.values: list[float] = []
        self.computed: set[int] = set()
        self._taken: dict[int, tuple[int, int]] = {}
        values, push = self.values, self.values.append
        ops = {code: op_of(code) for code in set(graph.codes.tolist()) if code >= FIRST_OP}
        evals = {code: op.eval for code, op in ops.items()}
        self._ops = ops
        for k, (code, x, y, z) in enumerate(self._rows):
            if code < FIRST_OP:
                push(leaves[code][x])
            elif code == _ENTRY:
                push(values[x])
                if self._rows[x][0] >= FIRST_OP:
                    self.computed.add(x)
            elif isinstance(ops[code], Lookup):
                behind = cast(Lookup, ops[code]).distance * int(values[y])
                kind, payload = self._rows[x][:2]
                self._taken[k] = place = (
                    (_ENTRY, x + behind) if kind == _ENTRY else (kind, payload + behind)
                )
                push(values[place[1]] if kind == _ENTRY else leaves[kind][place[1]])
            elif y < 0:
                push(evals[code](values[x]))
            elif z < 0:
                push(evals[code](values[x], values[y]))
            else:
                push(evals[code](values[x], values[y], values[z]))

    def partials(self, results: Sequence[int]) -> Partials:
        """Those of a weighted sum of these nodes. Rows that are computed have 0 times their own, as
        it is in compiled code, and not nothing.
        """
        values, rows = self.values, self._rows
        cts = dict.fromkeys(self.computed, 0.0)
        found: Partials = {}
        rules = {code: op.vjp for code, op in self._ops.items()}

        def flow(to: Any, ct: float, into: dict[Any, float]) -> None:
            into[to] = into[to] + ct if to in into else ct

        for k, weight in zip(results, weights(len(results)), strict=True):
            flow(k, weight, cts)
        for k in range(len(rows) - 1, -1, -1):
            if k not in cts:
                continue
            ct, (code, x, y, z) = cts[k], rows[k]
            if code < FIRST_OP:
                if code != CONSTANT:
                    flow(self._elements[code][x], ct, found)
            elif k in self._taken:
                kind, x = self._taken[k]
                if kind == _ENTRY:
                    flow(x, ct, cts)
                elif kind != CONSTANT:
                    flow(self._elements[kind][x], ct, found)
            elif code == _ENTRY:
                flow(x, ct, cts)
            else:
                operands = (x,) if y < 0 else (x, y) if z < 0 else (x, y, z)
                given = [values[i] for i in operands]
                for i, rule in zip(operands, rules[code], strict=True):
                    if rule is not None:
                        flow(i, rule(ct, values[k], *given), cts)
        return found


def _shorter(graph: Graph, most: int | None) -> Graph:
    """The graph, its loops that have a condition with such limits, if theirs are larger."""
    if most is None:
        return graph
    regions = [replace(r, most=min(r.most, max(1, most))) if r.going else r for r in graph.regions]
    return replace(graph, regions=regions)


def _run(
    graph: Graph, numbers: Floats, entries: Rows
) -> tuple[list[float], Callable[[], Partials]]:
    """The same by its program, on Values."""
    with importing:
        from ..compile import program_of

    program = program_of(graph, Target.host(np.dtype(np.float64)))
    if entries:
        program = program.running({k: np.array(x, np.int64) for k, x in entries.items()})
    leaves = {name: [Value(x) for x in some] for name, some in numbers.items()}
    found = Prepared(program).run(leaves)
    outputs = program.with_role(Role.OUTPUT)
    first = [a for a in outputs if a.name == OUTPUT and a.size == 1]
    ordered = [*first, *(a for a in outputs if a not in first)]
    results = [x for a in ordered for x in found[a.name]]

    def partials() -> Partials:
        backward(results)
        return {(n, k): float(v.grad) for n, some in leaves.items() for k, v in enumerate(some)}

    return [float(x.data if isinstance(x, Value) else x) for x in results], partials


def backward(results: Sequence[Any]) -> None:
    """Fill `grad` of what a weighted sum of results depends on."""
    total: Any = 0.0
    for x, weight in zip(results, weights(len(results)), strict=True):
        if isinstance(x, Value):
            total = x * weight + total
    if isinstance(total, Value):
        total.backward()
