"""Graph -> Ops: the trace as a string, in which loops are looked for.

The letters of the string are local classes: what an op is, and what kinds of operands it has.
Leaves are no letters, but properties of operands.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..ir.graph import CONSTANT, FIRST_OP, INPUT, PARAMETER, Graph, op_of
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
        kinds = codes.copy()
        payload = np.where(codes < FIRST_OP, graph.x, 0)
        kinds[codes == CONSTANT] = LITERAL
        for code, arrays in ((PARAMETER, graph.parameters), (INPUT, graph.inputs)):
            base = 0
            for name, size in arrays:
                kind = FIRST_LEAF - len(self.leaves)
                self.leaves[kind] = name
                inside = (codes == code) & (graph.x >= base) & (graph.x < base + size)
                kinds[inside] = kind
                payload[inside] = graph.x[inside] - base
                base += size
        operands = np.stack([graph.x, graph.y, graph.z])[:, self.node]
        self.used = operands >= 0
        operands = np.where(self.used, operands, 0)
        self.kind = np.where(self.used, kinds[operands], ABSENT)
        self.ref = np.where(self.kind >= 0, self.number[operands], payload[operands])
        self.chain = _is_chain(self.code)

    def __len__(self) -> int:
        return len(self.code)

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
        leaf = mixed(np.arange(len(self.leaves) + 3))
        found = mixed(self.code)
        for level in range(depth):
            new = mixed(self.code)
            for slot in range(SLOTS):
                kind, ref = self.kind[slot], np.where(self.kind[slot] >= 0, self.ref[slot], 0)
                made = found[ref] if level and len(ref) else mixed(np.maximum(kind, 0))
                other = leaf[np.clip(-kind, 0, len(leaf) - 1)]
                hashed = np.where(kind >= 0, made, other)
                if slot == 0:
                    hashed = np.where(self.chain, np.uint64(7), hashed)
                new = mixed(new * np.uint64(31) + hashed + np.uint64(slot))
            found = new
        numbers: Ints = np.unique(found, return_inverse=True)[1].astype(np.int64)
        return numbers


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
