"""Graph -> Program, for a step that is applied again and again: time-stepping, iterations.

The node codes of such a graph are periodic. One period becomes one loop in order; what a step
takes from the step before it is read from an array with one element per step. What comes before
the loop, its first steps included (they hold the start values), and what comes behind it, stays
straight-line code.

Requires a verified graph; establishes a verified program with the same outputs. Every operation
and its order are the graph's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..ir.graph import CONSTANT, FIRST_OP, Graph, op_of
from ..ir.nests import Ints
from ..ir.program import Access, Apply, Expr, Loop, Order, Program, Role, Statement
from . import found
from .classes import declare_leaves
from .outputs import write_outputs

WINDOW = 16
"""Nodes that are compared to find the period."""
FEWEST_STEPS = 8
MOST_STRAIGHT = 1500
"""Operations outside the loop."""
MULTIPLES = 4
"""A period of the codes may have to be multiplied to be one of the operands too."""


def repeated(graph: Graph, output: str) -> Program | None:
    """The program with a loop in order; None if no step repeats through most of the graph."""
    for start, period, steps in _candidates(graph.codes):
        outside = graph.codes.copy()
        outside[start : start + period * steps] = CONSTANT
        if int((outside >= FIRST_OP).sum()) + period <= MOST_STRAIGHT:
            program = _Repetition(graph, start, period, steps).program(output)
            if program is not None:
                return program
    return None


def _candidates(codes: Ints) -> Iterator[tuple[int, int, int]]:
    """(start, period, steps) of periodic stretches that cover half of the codes, shortest first."""
    n = len(codes)
    if n < FEWEST_STEPS * 2 + WINDOW:
        return
    factors = np.array([pow(1_000_003, k, 1 << 61) for k in range(WINDOW)], dtype=np.int64)
    with np.errstate(over="ignore"):
        windows = np.lib.stride_tricks.sliding_window_view(codes, WINDOW) @ factors
    middle = n // 2
    if middle >= len(windows):
        return
    same = np.flatnonzero(windows[:middle] == windows[middle])
    if not len(same):
        return
    shortest = middle - int(same[-1])
    for period in range(shortest, MULTIPLES * shortest + 1, shortest):
        equal = codes[:-period] == codes[period:] if period < n else np.empty(0, dtype=bool)
        breaks = np.flatnonzero(~equal)
        low = int(breaks[breaks < middle].max(initial=-1)) + 1
        high = int(breaks[breaks >= middle].min(initial=len(equal))) + period
        steps = (high - low) // period
        if steps >= FEWEST_STEPS and steps * period * 2 >= n:
            yield low, period, steps


class _Misfit(Exception):
    """The operands do not repeat as the codes do."""


class _Repetition:
    """One loop: `steps` steps of `period` nodes each, from node `start` on."""

    def __init__(self, graph: Graph, start: int, period: int, steps: int) -> None:
        self.graph = graph
        self.period = period
        self.columns = [graph.x, graph.y, graph.z]
        n = len(graph)
        # one step is peeled: its nodes hold the values that the first step of the loop starts from
        self.start, self.steps = start + period, steps - 1
        self.end = self.start + self.period * self.steps
        self.result = declare_leaves(graph)
        self.data: dict[bytes, str] = {}
        # where the value of each node is: the slot of a step, or a scalar of its own
        self.slot = np.full(n, -1, dtype=np.int64)
        self.slot[start : self.end] = np.arange(self.end - start) % period
        self.values: dict[int, Expr] = {}

    def program(self, output: str) -> Program | None:
        """The program, or None if operands do not follow the pattern."""
        graph, result = self.graph, self.result
        for slot in range(self.period):
            if graph.codes[self.start + slot] >= FIRST_OP:
                result.declare(f"s{slot}", Role.TEMPORARY, self.steps + 1)
        try:
            for node in range(self.start):
                self._straight(node)
            first = self.start - self.period
            for slot in range(self.period):
                if graph.codes[first + slot] >= FIRST_OP:
                    result.assign(Access(f"s{slot}"), self._value(first + slot))
            steps = map(self._step, range(self.period))
            result.body.append(Loop(self.steps, Order.FORWARD, [s for s in steps if s is not None]))
            for node in range(self.end, len(graph)):
                self._straight(node)
        except _Misfit:
            return None
        write_outputs(result, output, [self._value(node) for node in graph.outputs])
        result.found = found.steps(result)
        return result

    def _straight(self, node: int) -> None:
        """A node outside the loop; leaves are looked at where they are used."""
        code = int(self.graph.codes[node])
        if code >= FIRST_OP:
            op = op_of(code)
            args = tuple([self._value(int(c[node])) for c in self.columns[: op.arity]])
            target = Access(self.result.declare(f"t{node}", Role.TEMPORARY).name)
            made = Statement(target, Apply(op, args), origin=range(node, node + 1))
            self.result.body.append(made)
            self.values[node] = target

    def _value(self, node: int) -> Expr:
        """A node's value, as code outside the loop sees it."""
        graph = self.graph
        code = int(graph.codes[node])
        if code == CONSTANT:
            return float(graph.constants[graph.x[node]])
        if code < FIRST_OP:
            return Access(*graph.element(code, int(graph.x[node])))
        if self.start <= node < self.end:
            step = (node - self.start) // self.period
            return Access(f"s{self.slot[node]}", step + 1)
        return self.values[node]

    def _step(self, slot: int) -> Statement | None:
        """The statement of a slot, if it is an op."""
        nodes = self.start + slot + self.period * np.arange(self.steps)
        code = int(self.graph.codes[nodes[0]])
        if code < FIRST_OP:
            return None
        op = op_of(code)
        args = tuple([self._operand(self.columns[k][nodes], nodes) for k in range(op.arity)])
        target = Access(f"s{slot}", 1, (1,))
        return Statement(target, Apply(op, args), (self.steps,), origin=nodes)

    def _operand(self, reads: Ints, nodes: Ints) -> Expr:
        """What a slot reads in every step, as one expression."""
        graph = self.graph
        codes = graph.codes[reads]
        if (codes == CONSTANT).all():
            return self._constants(graph.constants[graph.x[reads]])
        if (codes != codes[0]).any():
            raise _Misfit
        if (reads == reads[0]).all():
            value = self._value(int(reads[0]))
            if isinstance(value, Access):
                return Access(value.array, value.offset, (0,))
            return value
        if codes[0] < FIRST_OP:
            return self._leaves(int(codes[0]), graph.x[reads])
        distance = nodes - reads
        if (distance != distance[0]).any() or reads[0] < self.start - self.period:
            raise _Misfit
        slot = int(self.slot[reads[0]])
        return Access(f"s{slot}", int(reads[0] >= self.start), (1,))

    def _leaves(self, code: int, payload: Ints) -> Expr:
        """Parameters or inputs in a row, evenly spaced."""
        name, index = self.graph.element(code, int(payload[0]))
        last, _ = self.graph.element(code, int(payload[-1]))
        stride = np.diff(payload)
        if last != name or (stride != stride[0]).any():
            raise _Misfit
        return Access(name, index, (int(stride[0]),))

    def _constants(self, values: np.ndarray) -> Expr:
        """A number, or data with one for every step."""
        bits = values.view(np.int64)
        if (bits == bits[0]).all():
            return float(values[0])
        key = values.tobytes()
        if key not in self.data:
            self.data[key] = f"c{len(self.data)}"
            self.result.declare(self.data[key], Role.CONSTANT, len(values), values)
        return Access(self.data[key], 0, (1,))
