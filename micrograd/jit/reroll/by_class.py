"""Graph -> Program by classes: statements for all nodes that are made alike.

Requires a verified graph; establishes a verified program with the same outputs: the array `out`
has the graph's outputs in order, and inputs and parameters keep their names.

Every class of the graph's structure becomes an array `t<class>` and, for every operand slot, the
sequence of elements that it reads is factored into a nest of affine loops; the statement's domain
is the common refinement of its slots. What breaks a pattern is cut off into a statement of its
own; a slot without a pattern reads through a constant index table. Constants that are equal
everywhere are folded in, others are data.

Sums keep the order of their terms where they were written as a chain of one kind of term;
otherwise terms are grouped by kind, a reassociation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ... import ops
from ..ir.graph import Graph, op_of
from ..ir.nests import Ints, Nest, factor, pieces
from ..ir.program import Access, Apply, Expr, Program, Role, Statement, entry, row_major
from .classes import declare_leaves
from .found import classes
from .gathers import gathered
from .outputs import OUTPUT
from .structure import Structure

TERMS = 8
"""Terms of a sum in one expression."""
MAX_PIECES = 8
"""Statements that one class is cut into before index tables take over."""


def by_class(graph: Graph, structure: Structure, most: int) -> Program | None:
    """The program; None if it would have more than `most` statements."""
    return _Reroller(graph, structure, most).program()


@dataclass(slots=True)
class _Slot:
    """An operand place of a class: the array that it reads, and the element for every point."""

    array: str | None  # None: constants
    elements: Ints


@dataclass(slots=True)
class _Template:
    """An expression whose leaves are numbers of slots."""

    op: ops.Op
    args: tuple[_Template | int, ...]
    nodes: Ints


class _TooLong(Exception):
    """The program is no shorter than the graph."""


class _Reroller:
    def __init__(self, graph: Graph, structure: Structure, budget: int) -> None:
        self.graph = graph
        self.structure = structure
        self.budget = budget
        self.constants = graph.constants
        self.result = declare_leaves(graph)
        self.data: dict[bytes, str] = {}

    def program(self) -> Program | None:
        """The program; None if it has more statements than the budget allows."""
        s = self.structure
        try:
            for cls in s.order:
                members = s.members[cls]
                self.result.declare(f"t{cls}", Role.TEMPORARY, len(members))
                if cls in s.sums:
                    self._sum(cls, members)
                else:
                    self._class(cls, members, members, 1, accumulate=False)
            self._outputs()
        except _TooLong:
            return None
        self.result.found = classes(self.result)
        if not self.graph.indices:
            return self.result
        return gathered(self.result, {f"t{cls}": s.members[cls] for cls in s.order})

    # -- statements ----------------------------------------------------------------------------

    def _sum(self, cls: int, members: Ints) -> None:
        """A sum: its single terms start it, its repeated terms are loops that accumulate."""
        s = self.structure
        index = s.sums[cls]
        count = int(s.first[index[0] + 1] - s.first[index[0]])
        table = s.terms[s.first[index][:, None] + np.arange(count)[None, :]]
        kinds = s.cls[table[0]]
        bounds = np.flatnonzero(np.diff(kinds)) + 1
        groups = np.split(np.arange(count), bounds)
        single = [g[0] for g in groups if len(g) == 1]
        self._start_sum(cls, members, table[:, single])
        for g in groups:
            if len(g) > 1:
                self._class(cls, members, table[:, g].reshape(-1), len(g), accumulate=True)

    def _start_sum(self, cls: int, members: Ints, table: Ints) -> None:
        """The terms that occur once: a few at a time, for an expression must not grow deep."""
        if not table.shape[1]:  # -0.0 is the number that changes nothing when it is added to
            self._emit(cls, members, -0.0, [], 1, accumulate=False)
        for start in range(0, table.shape[1], TERMS):
            slots: list[_Slot] = []
            some = range(start, min(start + TERMS, table.shape[1]))
            total, *rest = [self._template(table[:, k], slots) for k in some]
            for term in rest:
                total = _Template(ops.add, (total, term), members)
            self._emit(cls, members, total, slots, 1, accumulate=start > 0)

    def _class(self, cls: int, members: Ints, nodes: Ints, inner: int, *, accumulate: bool) -> None:
        """The statement of a class; `nodes` are `inner` nodes of one class for every member."""
        slots: list[_Slot] = []
        template = self._template(nodes, slots, root=not accumulate)
        self._emit(cls, members, template, slots, inner, accumulate=accumulate)

    def _template(self, nodes: Ints, slots: list[_Slot], root: bool = False) -> _Template | int:
        """The expression of nodes of one class, in terms of slots, which are appended."""
        s = self.structure
        first = int(nodes[0])
        cls = int(s.cls[first])
        if cls in s.leaves:
            slots.append(_Slot(s.leaves[cls], s.positions(nodes)))
            return len(slots) - 1
        if not root and cls in s.members:
            slots.append(_Slot(f"t{cls}", s.positions(nodes)))
            return len(slots) - 1
        op = op_of(int(self.graph.codes[first]))
        operands = s.operands(op, nodes)
        return _Template(op, tuple([self._template(x, slots) for x in operands]), nodes)

    def _emit(
        self,
        cls: int,
        members: Ints,
        template: _Template | int | float,
        slots: list[_Slot],
        inner: int,
        *,
        accumulate: bool,
    ) -> None:
        """Statements that cover all members, as few as their patterns allow."""
        for start, end in self._pieces(slots, len(members), inner):
            part = [_Slot(s.array, s.elements[start * inner : end * inner]) for s in slots]
            nest, tables = _fit(part, end - start, inner)
            exprs = [
                self._slot(slot, k, nest, table)
                for k, (slot, table) in enumerate(zip(part, tables, strict=True))
            ]
            strides = row_major(nest.counts, inner)
            target = Access(f"t{cls}", start, strides)
            op = ops.add if accumulate else None
            origin = np.concatenate(
                [members[start:end], *_nodes(template, start * inner, end * inner)]
            )
            expr = _instantiate(template, exprs)
            self._append(Statement(target, expr, nest.counts, op, origin))

    def _append(self, statement: Statement) -> None:
        self.result.body.append(statement)
        if len(self.result.body) > self.budget:
            raise _TooLong

    def _pieces(self, slots: list[_Slot], members: int, inner: int) -> list[tuple[int, int]]:
        """Ranges of members; in each, the slots that read arrays have a common nest."""
        reading = [s.elements for s in slots if s.array is not None]
        whole = [(0, members)]
        if not reading or factor(np.stack(reading), inner) is not None:
            return whole
        by_member = np.concatenate([e.reshape(members, inner).T for e in reading])
        # a pattern within the terms of a member cannot be mended by cutting between members
        if any(factor(e[None, :inner], inner) is None for e in reading):
            return whole
        return pieces(by_member, MAX_PIECES) or whole

    # -- operands ------------------------------------------------------------------------------

    def _slot(self, slot: _Slot, k: int, nest: Nest, table: bool) -> Expr:
        """What a slot reads, as an expression."""
        if slot.array is None:
            return self._constant(self.constants[slot.elements], nest.counts)
        if table:
            name = self._index_table(slot.elements)
            return entry(slot.array, name, 0, row_major(nest.counts))
        return Access(slot.array, int(slot.elements[0]), nest.strides_of(k))

    def _constant(self, values: np.ndarray, counts: tuple[int, ...]) -> Expr:
        """The number that all points share, or data with the loops that it varies over."""
        bits = values.view(np.int64).reshape(counts)
        if (bits == bits.flat[0]).all():
            return float(values[0])
        varies = [bool((bits != np.take(bits, [0], axis=d)).any()) for d in range(len(counts))]
        kept = tuple(slice(None) if v else 0 for v in varies)
        data = np.ascontiguousarray(values.reshape(counts)[kept]).reshape(-1)
        key = data.tobytes()
        if key not in self.data:
            self.data[key] = f"c{len(self.data)}"
            self.result.declare(self.data[key], Role.CONSTANT, len(data), data)
        compact = iter(row_major(tuple(c for c, v in zip(counts, varies, strict=True) if v)))
        return Access(self.data[key], 0, tuple(next(compact) if v else 0 for v in varies))

    def _index_table(self, elements: Ints) -> str:
        tables = self.result.index_arrays
        for a in tables:
            if a.data is not None and np.array_equal(a.data, elements):
                return a.name
        return self.result.table(f"index{len(tables)}", elements)

    def _outputs(self) -> None:
        s = self.structure
        self.result.declare(OUTPUT, Role.OUTPUT, len(self.graph.outputs))
        nodes = np.array(self.graph.outputs, dtype=np.int64)
        classes = s.cls[nodes]
        bounds = np.flatnonzero(np.diff(classes)) + 1
        start = 0
        for group in np.split(nodes, bounds):
            slots: list[_Slot] = []
            template = self._template(group, slots)
            for low, high in self._pieces(slots, len(group), 1):
                part = [_Slot(slot.array, slot.elements[low:high]) for slot in slots]
                nest, tables = _fit(part, high - low, 1)
                expr = _instantiate(template, [self._slot(part[0], 0, nest, tables[0])])
                target = Access(OUTPUT, start + low, row_major(nest.counts))
                self._append(Statement(target, expr, nest.counts, origin=group[low:high]))
            start += len(group)


def _fit(slots: list[_Slot], members: int, inner: int) -> tuple[Nest, list[bool]]:
    """A common nest for as many slots as there is one for; and which slots need a table.

    Slots that do not fit have arbitrary strides in the nest. Constants give way first.
    """
    n = members * inner
    every = [s.elements for s in slots]
    chosen = list(range(len(slots)))
    filler = np.arange(n)

    def attempt() -> Nest | None:
        rows = [every[k] if k in chosen else np.zeros(n, dtype=np.int64) for k in range(len(every))]
        return factor(np.stack([*rows, filler]), inner)

    nest = attempt()
    if nest is None:
        chosen = [k for k in chosen if slots[k].array is not None]
        nest = attempt()
    if nest is None:
        alone = [k for k in chosen if factor(every[k][None, :], inner) is not None]
        chosen = []
        for k in alone:
            chosen.append(k)
            if attempt() is None:
                chosen.pop()
        nest = attempt()
    if nest is None:
        raise AssertionError("a nest without slots always exists")
    return nest, [s.array is not None and k not in chosen for k, s in enumerate(slots)]


def _nodes(template: _Template | int | float, start: int, end: int) -> Iterator[Ints]:
    """The nodes that the expressions of some of its points are."""
    if isinstance(template, _Template):
        yield template.nodes[start:end]
        for t in template.args:
            yield from _nodes(t, start, end)


def _instantiate(template: _Template | int | float, exprs: list[Expr]) -> Expr:
    if isinstance(template, float):
        return template
    if isinstance(template, int):
        return exprs[template]
    return Apply(template.op, tuple([_instantiate(t, exprs) for t in template.args]))
