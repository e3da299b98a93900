"""Graph -> Ops: the trace as a string, in which loops are looked for.

The letters of the string are local classes: what an op is, and what kinds of operands it has.
Leaves are no letters, but properties of operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from ..ir.graph import FIRST_OP, INPUT, PARAMETER, Graph, op_of
from ..ir.nests import Ints

Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

SLOTS = 3
LITERAL = -1
"""The kind of a number."""
FIRST_LEAF = -2
"""The kind of an element of the first leaf array; those of others are below it."""
ABSENT = -99
"""The kind of an operand that there is not."""
TABLE = 1 << 16
"""Keys are numbered by a table of so many, or of as many as there are."""
MOST_KEYS = 1 << 62
"""Rows of columns that one number tells apart."""


class Ops:
    """The ops of a graph, in the order in which they were made.

    node     op -> its node in the graph
    number   node -> the number of its op; -1 for leaves
    code     op -> the code of what it applies
    kind     [slot, op] -> the code of what made the operand; LITERAL; the kind of a leaf array; or
             ABSENT
    ref      [slot, op] -> the op that made the operand; the element of its array; the constant's
             number
    used     [slot, op] -> whether there is that operand
    leaves   kind of a leaf array -> its name
    chain    op -> whether it may accumulate: its first operand may be the value before
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        codes = graph.codes
        self.node = np.flatnonzero(codes >= FIRST_OP)
        self.number = np.full(len(codes), -1, dtype=np.int64)
        self.number[self.node] = np.arange(len(self.node))
        self.code = codes[self.node]
        self.leaves: dict[int, str] = {}
        at = np.flatnonzero(codes < FIRST_OP)
        leaf, payload = codes[at], graph.x[at]
        own = np.full(len(at), LITERAL, dtype=np.int64)
        for code, arrays in ((PARAMETER, graph.parameters), (INPUT, graph.inputs)):
            base = 0
            for name, size in arrays:
                kind = FIRST_LEAF - len(self.leaves)
                self.leaves[kind] = name
                inside = (leaf == code) & (payload >= base) & (payload < base + size)
                own[inside] = kind
                payload[inside] -= base
                base += size
        kinds, refs = codes.copy(), self.number.copy()
        kinds[at], refs[at] = own, payload
        n = len(self.node)
        self.used = np.zeros((SLOTS, n), dtype=bool)
        self.kind = np.full((SLOTS, n), ABSENT, dtype=np.int64)
        self.ref = np.zeros((SLOTS, n), dtype=np.int64)
        for slot, column in enumerate((graph.x, graph.y, graph.z)):
            operand = column[self.node]
            self.used[slot] = used = operand >= 0
            if used.all():
                self.kind[slot], self.ref[slot] = kinds[operand], refs[operand]
            elif used.any():
                self.kind[slot, used], self.ref[slot, used] = (
                    kinds[operand[used]],
                    refs[operand[used]],
                )
        self.chain = _is_chain(self.code)

    def __len__(self) -> int:
        return len(self.code)

    @property
    def outputs(self) -> Ints:
        """The ops whose values are results; -1 for leaves."""
        found: Ints = self.number[np.array(self.graph.outputs, dtype=np.int64)]
        return found

    def literal(self, slot: int, ops: Ints) -> npt.NDArray[np.float64]:
        """The numbers that these ops have there for operands."""
        found: npt.NDArray[np.float64] = self.graph.constants[self.ref[slot, ops]]
        return found

    def classes(self, depth: int) -> Ints:
        """The local class of every op: its code and the kinds of its operands; at depth 2, the
        classes at depth 1 of those.

        Of what may accumulate the first operand does not count: the value before has another class
        than the start value.
        """
        first = len(self.leaves) + 3  # below are what no op has made, and what does not count
        found, count = self.code, int(self.code.max(initial=0)) + 1
        for level in range(depth):
            new, total = self.code, int(self.code.max(initial=0)) + 1
            for slot in range(SLOTS):
                kind = self.kind[slot]
                if not self.used[slot].any():
                    continue
                is_op = kind >= 0
                made = found[np.where(is_op, self.ref[slot], 0)] if level else kind
                label = np.where(is_op, made + first, np.minimum(-kind, first - 1))
                if slot == 0:
                    label[self.chain] = 0
                new, total = _numbered(new * (count + first) + label, total * (count + first))
            found, count = new, total
        return found


def _numbered(keys: Ints, most: int) -> tuple[Ints, int]:
    """Small numbers for the keys, which are below `most`, and how many there are."""
    if most > max(TABLE, len(keys)):
        values, numbers = np.unique(keys, return_inverse=True)
        return numbers.astype(np.int64), len(values)
    there = np.zeros(most, dtype=bool)
    there[keys] = True
    number = np.cumsum(there) - 1
    return number[keys], int(number[-1]) + 1


def _is_chain(codes: Ints) -> Bools:
    """Sums, differences, maxima and minima. Not products, whose operands tell weights apart."""
    known = np.zeros(int(codes.max(initial=0)) + 1, dtype=bool)
    for code in range(FIRST_OP, len(known)):
        op = op_of(code)
        known[code] = op.arity == 2 and bool(op.coefficients or (op.reduces and not op.exponents))
    return known[codes]


def mixed(x: npt.NDArray[np.int64] | Hashes) -> Hashes:
    """Numbers as hashes: the finaliser of splitmix64."""
    h: Hashes = (x.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(32))


def keys_of(points: Ints) -> Hashes:
    """A number for each row: equal for equal rows, and else hardly ever."""
    keys = np.zeros(len(points), dtype=np.uint64)
    for column in points.T:
        keys = mixed(keys * np.uint64(31) ^ mixed(column))
    return keys


def in_order(columns: Sequence[Ints] | Ints) -> Ints:
    """The places of rows in lexicographic order, equal ones as they stand: as `np.lexsort` has
    them, whose last column counts most, but by one number for each row where that has room; most
    rows are in order already, which sorting numbers sees.
    """
    ends = [(int(x.min(initial=0)), int(x.max(initial=0))) for x in columns]
    if prod(high - low + 1 for low, high in ends) > MOST_KEYS:
        return np.lexsort([*columns][::-1])
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    for column, (low, high) in zip(columns, ends, strict=True):
        keys *= high - low + 1
        keys += column - low
    return np.argsort(keys, kind="stable")
