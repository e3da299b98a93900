"""Graph -> Structure: which nodes are the same, but for what they read.

Every node gets a structural class: leaves by kind, ops by their op and their operands' classes,
sums by the multiset of their terms' classes. All nodes of one class can be one array statement.

- Chains and trees of `+` whose links have no other use are first joined into n-ary sums.
- A cheap node with one use is *inlined*: it belongs to the expression of its user and gets no
  array of its own (so the products of a matrix product are never stored).
- Nodes of a class are numbered in order of creation; that number is the index in its array.

Cost: linear; one pass over the nodes for their depths, the rest vectorised level by level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ... import ops
from ...lookups import ENTRY
from ..ir.classed import CLASSIFIERS, TooMany
from ..ir.graph import FIRST_OP, Graph, code_of
from ..ir.program import Program, Role
from .classed import by_code
from .depths import MAX_DEPTH, depths
from .structure import CLASS_BITS, MAX_INLINED, Structure, facts_of, leaf_classes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MANY = 200_000
"""Nodes that NumPy tells apart; of more, machine code does, which takes a while to make."""
_ADD = code_of(ops.add)
"""What statements accumulate by."""
_ENTRY = code_of(ENTRY)


def declare_leaves(graph: Graph) -> Program:
    """A program without statements that has the graph's inputs and parameters."""
    program = Program()
    below = {index.name: index.below for index in graph.indices}
    for name, size in graph.inputs:
        if name in below:
            program.declare(name, Role.INPUT, size, dtype="i64", below=below[name])
        elif name in graph.data:
            program.declare(name, Role.CONSTANT, size, graph.data[name])
        else:
            program.declare(name, Role.INPUT, size)
    for name, size in graph.parameters:
        program.declare(name, Role.PARAMETER, size)
    return program


def analyse(graph: Graph, most: int = 1 << 16) -> Structure | None:
    """The structure of a verified graph; None if it is too deep, or has too many classes:
    more than `most` that need an array.
    """
    codes = graph.codes
    # of those below each other on a path, one in so many has a class and an array of its own
    deepest = min(MAX_DEPTH, (MAX_INLINED + 1) * (most + 1))
    if len(codes) > MANY and not graph.tables:
        for classify in CLASSIFIERS:
            try:
                found = by_code(classify, graph, most, deepest)
            except TooMany:
                return None
            if found is not None:
                return found
    columns = [graph.x, graph.y, graph.z]
    used = uses(codes, columns, graph.outputs)
    joined, _, terms, owner = join_sums(codes, columns, used)
    depth = depths(codes, columns, joined, deepest, graph.tables)
    if depth is None:
        return None
    try:
        return _Classifier(graph, codes, columns, used, joined, terms, owner, depth, most).result()
    except TooMany:
        return None


def uses(codes: Ints, columns: list[Ints], outputs: list[int]) -> Ints:
    """How often each node is an operand; an output counts as used twice more."""
    is_op = codes >= FIRST_OP
    used = np.zeros(len(codes), dtype=np.int64)
    for column in columns:
        used += np.bincount(column[is_op & (column >= 0)], minlength=len(codes))
    used[outputs] += 2
    used[codes == _ENTRY] += 2  # each by whatever takes of its table
    return used


def join_sums(codes: Ints, columns: list[Ints], uses: Ints) -> tuple[Bools, Ints, Ints, Ints]:
    """Which `+` are links of a longer sum, and the last `+` of the sum that each node is part of;
    the terms of all sums, and the last `+` of each.

    The terms of a sum come in the order of its additions: as written, for a chain.
    """
    n = len(codes)
    adds = np.flatnonzero(codes == _ADD)
    user = np.full(n, -1, dtype=np.int64)
    for column in columns[:2]:
        user[column[adds]] = adds  # only read where there is one use
    joined = np.zeros(n, dtype=bool)
    joined[adds] = (uses[adds] == 1) & (user[adds] >= 0)
    root = np.where(joined, user, np.arange(n))
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        root = further
    operands = np.stack([columns[0][adds], columns[1][adds]], axis=1).reshape(-1)
    owner = np.repeat(root[adds], 2)
    is_term = ~joined[operands]
    terms, owner = operands[is_term], owner[is_term]
    order = np.argsort(owner, kind="stable")
    return joined, root, terms[order], owner[order]


class _Classifier:
    """Assigns classes, shallow nodes first."""

    def __init__(
        self,
        graph: Graph,
        codes: Ints,
        columns: list[Ints],
        uses: Ints,
        joined: Bools,
        terms: Ints,
        owner: Ints,
        depth: Ints,
        most: int,
    ) -> None:
        n = len(codes)
        self.graph, self.most, self.facts = graph, most, facts_of(codes)
        self.codes, self.columns, self.uses, self.terms = codes, columns, uses, terms
        self.cls = np.full(n, -1, dtype=np.int64)
        self.position = np.full(n, -1, dtype=np.int64)
        self.inlined = np.zeros(n, dtype=bool)
        self.size = np.zeros(n, dtype=np.int64)  # nodes of the inlined expression
        self.leaves = leaf_classes(graph, self.facts, self.cls, self.position)
        self.count = len(self.leaves)
        self.members: dict[int, Ints] = {}
        self.order: list[int] = []
        roots, starts = np.unique(owner, return_index=True)
        counts = np.diff(np.append(starts, len(owner)))
        is_sum = np.zeros(n, dtype=bool)
        is_sum[roots[counts > 2]] = True
        keep = np.repeat(counts > 2, counts)
        self.terms = terms[keep]
        self.first = np.append(0, np.cumsum(counts[counts > 2]))
        self.sums = np.full(n, -1, dtype=np.int64)
        self.sums[roots[counts > 2]] = np.arange(int(is_sum.sum()))
        live = (codes >= FIRST_OP) & ~joined
        nodes = np.flatnonzero(live)
        nodes = nodes[np.argsort(depth[nodes], kind="stable")]
        bounds = np.flatnonzero(np.diff(depth[nodes])) + 1
        for level in np.split(nodes, bounds):
            sums = level[is_sum[level]]
            if len(sums):
                self._classify_sums(sums)
            rest = level[~is_sum[level]]
            if len(rest):
                self._classify_ops(rest)

    def result(self) -> Structure:
        """The finished structure."""
        sums = {cls: self.sums[self.members[cls]] for cls in self.order}
        return Structure(
            self.graph,
            self.cls,
            self.position,
            {cls: self.members[cls] for cls in self.order},
            {cls: of_class for cls, of_class in sums.items() if of_class[0] >= 0},
            self.terms,
            self.first,
            self.leaves,
            self.order,
        )

    def _classify_ops(self, nodes: Ints) -> None:
        x, y, z = (column[nodes] for column in self.columns)
        a, b, c = (np.where(o >= 0, self.cls[o], -1) + 1 for o in (x, y, z))
        commutative = self.facts.commutative[self.codes[nodes]] & (a > b)
        a, b = np.where(commutative, b, a), np.where(commutative, a, b)
        size = 1 + sum(np.where((o >= 0) & self.inlined[o], self.size[o], 0) for o in (x, y, z))
        inlined = (
            (self.uses[nodes] == 1) & self.facts.cheap[self.codes[nodes]] & (size < MAX_INLINED)
        )
        self.inlined[nodes] = inlined
        self.size[nodes] = size
        key = self.codes[nodes] * 2 + inlined
        for part in (a, b, c):
            key = (key << (CLASS_BITS + 1)) | part
        self._assign(nodes, key, inlined)

    def _classify_sums(self, nodes: Ints) -> None:
        index = self.sums[nodes]
        lengths = self.first[index + 1] - self.first[index]
        offsets = np.append(0, np.cumsum(lengths))
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        where = np.repeat(self.first[index], lengths) + within
        term_class = self.cls[self.terms[where]]
        owner = np.repeat(np.arange(len(nodes)), lengths)
        order = np.lexsort((np.arange(len(where)), term_class, owner))
        self.terms[where] = self.terms[where][order]
        # a multiset is told by the sum of scrambled classes, in 64 bits
        key = np.add.reduceat(_scramble(term_class), offsets[:-1]) ^ _scramble(lengths)
        self._assign(nodes, key.view(np.int64), np.zeros(len(nodes), dtype=bool))

    def _assign(self, nodes: Ints, key: Ints, inlined: Bools) -> None:
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))  # by oldest member
        number = rank[inverse]
        if self.count + len(first) >= 1 << CLASS_BITS or len(self.order) > self.most:
            raise TooMany
        self.cls[nodes] = self.count + number
        order = np.argsort(number, kind="stable")
        bounds = np.flatnonzero(np.diff(number[order])) + 1
        for k, members in enumerate(np.split(order, bounds)):
            name = self.count + k
            self.members[name] = nodes[members]
            self.position[nodes[members]] = np.arange(len(members))
            if not inlined[members[0]]:
                self.order.append(name)
        self.count += len(first)


def _scramble(x: Ints) -> npt.NDArray[np.uint64]:
    """A fixed 64-bit mixing function (splitmix64's finaliser; Steele, Lea, Flood 2014)."""
    h = (x.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))
