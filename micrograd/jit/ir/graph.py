"""Graph: a traced DAG as flat SSA in compact arrays, one row per node, not one object per node.

Invariants (`verify`): nodes are in creation order, so an operand has a smaller index than its
user; a row uses exactly as many operand columns as its op has operands; outputs are nodes.

The printed form has one line per node:

    %3 = mul %0 %2
    %4 = const 2.0
    %5 = param p0[7]
    %6 = input x[1]
    %7 = take27 %5 %6

A table that is looked up by integers is `entry` nodes, one after the other, row by row, or elements
of an array of leaves. `take27` takes the entry that its second operand says, an element of an index
array, of 27 rows; the first operand is that of the first row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...cache.keys import fields_of
from ...errors import CompilerError, GraphError, Place
from ...index_arrays import IndexArray
from ...lookups import ENTRY, Lookup
from ...ops import OPS, Op
from .regions import Counter, Region, part_of

CONSTANT, PARAMETER, INPUT = 0, 1, 2
FIRST_OP = 3

Column = npt.NDArray[np.int64]

Depths: TypeAlias = "Callable[[Column, list[Column], npt.NDArray[np.bool_]], Column | None]"
DEPTHS: list[Depths] = []
"""What may find the depths of many nodes faster than Python (reroll/depths.py), once machine code
can be made. It stands here so that what enters it need not import a stage.
"""
MADE_DEPTHS: list[Depths] = []
"""The same, once its machine code is there."""

_TABLE: list[Op] = []
_CODES: dict[Op, int] = {}


def code_of(op: Op) -> int:
    """The number that stands for `op` in a graph's `codes`.

    Raises GraphError if the op cannot be emitted.
    """
    code = _CODES.get(op)
    if code is None:
        if not op.emittable:
            raise GraphError(
                f"op {op.name!r} has no emission, so it cannot be compiled; give its entry in the "
                "op table one of mlir=, predicate=, libm= or expand= (see CONTRIBUTING.md)"
            )
        code = _CODES[op] = FIRST_OP + len(_TABLE)
        _TABLE.append(op)
    return code


def op_of(code: int) -> Op:
    """The op that `code` stands for."""
    return _TABLE[code - FIRST_OP]


def is_take(codes: Column) -> npt.NDArray[np.bool_]:
    """Which of these codes are of ops that take rows of tables."""
    every = [False] * FIRST_OP + [isinstance(op, Lookup) and op.rows > 0 for op in _TABLE]
    found: npt.NDArray[np.bool_] = np.array(every)[codes]
    return found


def tables_of_lookups() -> tuple[list[int], list[int]]:
    """By codes: the rows of tables that ops take of, or 0, and the distance between these rows."""
    of_lookups = [(op.rows, op.distance) if isinstance(op, Lookup) else (0, 0) for op in _TABLE]
    rows, distances = zip(*[(0, 0)] * FIRST_OP, *of_lookups, strict=True)
    return [*rows], [*distances]


for _op in [*OPS.values(), ENTRY]:
    code_of(_op)


@dataclass(slots=True)
class Graph:
    """A DAG of scalar ops. Columns have one entry per node.

    codes     what the node is: CONSTANT, PARAMETER, INPUT, or an op's code
    x, y, z   operand nodes, -1 where there is none; a leaf has its payload in x:
              an index into `constants`, or an element of the parameters or inputs,
              numbered through the arrays in order
    labels    node -> the user's label of it, for those that have one
    place     index into `places`, lines of the user's code, -1 if unknown; empty if all are
    indices   the index arrays among the inputs
    data      those among the inputs that are constants, by name: tables of numbers
    tables    the first node and the number of nodes of each table of `entry` nodes
    regions   loops whose bodies are ranges of nodes
    counted   those among the inputs that are indices which counters of loops say, by name
    """

    codes: Column = field(default_factory=lambda: np.empty(0, np.int64))
    x: Column = field(default_factory=lambda: np.empty(0, np.int64))
    y: Column = field(default_factory=lambda: np.empty(0, np.int64))
    z: Column = field(default_factory=lambda: np.empty(0, np.int64))
    constants: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    parameters: list[tuple[str, int]] = field(default_factory=list)  # name, size
    inputs: list[tuple[str, int]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)
    place: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    places: list[Place] = field(default_factory=list)
    indices: list[IndexArray] = field(default_factory=list)
    data: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    tables: list[tuple[int, int]] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    counted: dict[str, Counter] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        """(code, x, y, z) of every node, in order, as plain integers."""
        columns = (self.codes, self.x, self.y, self.z)
        return zip(*(c.tolist() for c in columns), strict=True)

    @property
    def given(self) -> list[str]:
        """The inputs that are numbers and given, in order."""
        others = {index.name for index in self.indices} | self.data.keys() | self.counted.keys()
        names = [name for name, _ in self.inputs if name not in others]
        return [name for name in names if part_of(name) is None]

    def __len__(self) -> int:
        return len(self.codes)

    def element(self, code: int, payload: int) -> tuple[str, int]:
        """The (array, index) that a parameter or input leaf with this payload reads."""
        for name, size in self.parameters if code == PARAMETER else self.inputs:
            if payload < size:
                return name, payload
            payload -= size
        raise CompilerError(f"graph: leaf payload beyond its arrays by {payload + 1}")

    def __str__(self) -> str:
        lines = []
        for node, (code, *operands) in enumerate(self.rows()):
            if code == CONSTANT:
                text = f"const {float(self.constants[operands[0]])!r}"
            elif code < FIRST_OP:
                name, index = self.element(code, operands[0])
                text = f"{'param' if code == PARAMETER else 'input'} {name}[{index}]"
            else:
                op = op_of(code)
                text = " ".join([op.name, *(f"%{i}" for i in operands[: op.arity])])
            lines.append(f"%{node} = {text}")
        lines += map(str, self.regions)
        lines.append("return " + " ".join(f"%{i}" for i in self.outputs))
        return "\n".join(lines)


_NOT_SAID = frozenset({"codes", "place", "places"})
_FIRST_LOOKUP = FIRST_OP + len(_TABLE)


def said(graph: Graph) -> tuple[Any, ...]:
    """All that a graph is, for keys: the same in every process. Lines of the user's code are left
    out, as nothing that is computed depends on them; so is what stands for indices in its trace.
    """
    return *numbered(graph.codes), outline(graph)


def numbered(codes: Column) -> tuple[Column, list[tuple[int, int]]]:
    """Codes that are the same in every process, and what those of lookups stand for."""
    lookups: list[tuple[int, int]] = []
    if codes.max(initial=0) >= _FIRST_LOOKUP:  # these are numbered as a process has met them
        there = (np.flatnonzero(np.bincount(codes)[_FIRST_LOOKUP:]) + _FIRST_LOOKUP).tolist()
        rows, distances = tables_of_lookups()
        lookups = sorted((rows[code], distances[code]) for code in there)
        number = np.arange(FIRST_OP + len(_TABLE))
        for code in there:
            number[code] = _FIRST_LOOKUP + lookups.index((rows[code], distances[code]))
        codes = number[codes]
    return codes, lookups


def outline(graph: Graph) -> dict[str, Any]:
    """The rest of a graph, for keys."""
    facts = fields_of(graph, without=_NOT_SAID)
    facts["indices"] = [fields_of(index) for index in graph.indices]
    return facts


def verify(graph: Graph) -> None:
    """Check the invariants; raises CompilerError naming the first node that breaks one.

    Cost: vectorised, some nanoseconds a node.
    """
    codes, columns = graph.codes, (graph.x, graph.y, graph.z)
    n = len(codes)
    index = np.arange(n)
    arity = np.array([0] * FIRST_OP + [op.arity for op in _TABLE])
    if codes.max(initial=0) >= len(arity):
        raise CompilerError("graph: a node has a code of no op")
    is_op = codes >= FIRST_OP
    for k, column in enumerate(columns):
        used = is_op & (arity[codes] > k)
        bad = (used & ((column < 0) | (column >= index))) | (is_op & ~used & (column != -1))
        if bad.any():
            node = int(np.argmax(bad))
            raise CompilerError(
                f"graph: operand {k} of node %{node} is {int(column[node])}; "
                f"expected {'an earlier node' if used[node] else 'none'}"
            )
    limits = {
        CONSTANT: len(graph.constants),
        PARAMETER: sum(size for _, size in graph.parameters),
        INPUT: sum(size for _, size in graph.inputs),
    }
    for code, limit in limits.items():
        payload = columns[0][codes == code]
        if payload.size and (payload.min() < 0 or payload.max() >= limit):
            raise CompilerError(f"graph: a leaf reads outside its array of {limit}")
    for out in graph.outputs:
        if not 0 <= out < n:
            raise CompilerError(f"graph: output %{out} is no node of {n}")
