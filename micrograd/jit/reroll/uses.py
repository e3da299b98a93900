"""The uses of a program's values: where each is read, of what it is a copy, and when in the trace.

Requires a program that is proved to compute what a graph does (`prove`), and the order of its uses
(`in_order`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..ir.nests import Ints, distinct
from ..ir.points import elements
from ..ir.program import Access, Apply, Expr, Program, Statement
from .in_order import LAST, Order, key_of
from .prove import Claims, Values, operand_of


class Left(Exception):
    """The uses are left as they are."""


@dataclass(eq=False)
class Use:
    """What a statement reads in one place.

    number   of the access among all of its expression
    at       the elements at all points, numbered over all arrays
    keys     when in the trace
    """

    statement: Statement
    number: int
    access: Access
    at: Ints
    keys: Ints


class Uses:
    """All uses of a program.

    root   element -> the one that it is a copy of, or itself; `size` for numbers
    """

    def __init__(self, program: Program, values: Values, claims: Claims, order: Order) -> None:
        self.program, self.values, self.claims, self.order = program, values, claims, order
        self.names = list(order.base)
        self.first = np.array([order.base[name] for name in self.names], dtype=np.int64)
        self.size = len(order.count)
        self.root = self._roots()
        self.uses = [u for s in program.statements for u in self._of(s)]

    def elements(self, a: Access, domain: tuple[int, ...]) -> Ints:
        """The elements, numbered over all arrays."""
        return self.order.base[a.array] + elements(a, domain, self.program)

    def name_of(self, at: Ints) -> Ints:
        """The numbers of the arrays that elements are of."""
        found: Ints = np.searchsorted(self.first, at, side="right") - 1
        return found

    def _roots(self) -> Ints:
        """For every element the one that it is a copy of; those that are numbers have none."""
        root = np.arange(self.size + 1)
        for s in self.program.statements:
            if not self.is_copy(s):
                continue
            at = self.elements(s.target, s.domain)
            known = isinstance(s.expr, Access) and s.expr.array in self.order.base
            root[at] = self.elements(s.expr, s.domain) if known else self.size  # type: ignore[arg-type]
        while not np.array_equal(further := root[root], root):
            root = further
        return root

    def is_copy(self, s: Statement) -> bool:
        """Whether a statement copies what is used in its place: nothing is added to it."""
        if s.accumulate is not None or isinstance(s.expr, Apply):
            return False
        begun = self.order.begun[self.elements(s.target, s.domain)] >= 0
        if begun.any() and not begun.all():
            raise Left
        return not begun.any()

    def _of(self, s: Statement) -> Iterator[Use]:
        """What a statement reads, but copies."""
        reads: list[tuple[Access, Ints]] = []
        if s.accumulate is not None:
            chain = self.claims[id(s)]
            term = operand_of(s, self.values, chain)
            assert term is not None
            self._add(term, chain, 1, reads)
        elif isinstance(s.expr, Apply):
            for slot, arg in enumerate(s.expr.args):
                self._add(arg, self.claims[id(s)], slot, reads)
        elif isinstance(s.expr, Access) and not self.is_copy(s):
            reads.append((s.expr, self.order.begun[self.elements(s.target, s.domain)]))
        for number, (a, keys) in enumerate(reads):
            if a.array in self.order.base:
                yield Use(s, number, a, self.elements(a, s.domain), keys)

    def _add(self, expr: Expr, ops: Ints, slot: int, reads: list[tuple[Access, Ints]]) -> None:
        """Append what an operand of ops reads."""
        if isinstance(expr, Access):
            reads.append((expr, key_of(ops, slot)))
        elif isinstance(expr, Apply):
            own = self.values.operand(slot, ops)
            for k, arg in enumerate(expr.args):
                self._add(arg, own, k, reads)

    def chosen(self, wrong: Ints) -> tuple[list[str], list[Use]]:
        """The arrays whose elements are copied, in order, and the uses that copies are for: those
        of one element at each point, unless they come behind others.
        """
        arrays = set(distinct(self.name_of(self.root[wrong])).tolist())
        roots = [self.root[u.at] for u in self.uses]
        of = [set(distinct(self.name_of(r[r < self.size])).tolist()) for r in roots]
        left = [
            k
            for k, r in enumerate(roots)
            if len(distinct(r[r < self.size])) < (r < self.size).sum()
        ]
        kept = self._behind(roots, left)
        while True:
            found = [k for k in range(len(roots)) if k not in kept and of[k] & arrays]
            more = arrays.union(*(of[k] for k in found))
            if more == arrays:
                return [self.names[k] for k in sorted(arrays)], [self.uses[k] for k in found]
            arrays = more

    def _behind(self, roots: list[Ints], left: list[int]) -> set[int]:
        """Some uses, and those of the same elements that come behind them in the trace: what has
        copies comes first.
        """
        least = np.full(self.size + 1, LAST, dtype=np.int64)
        found = set[int]()
        while left:
            for k in left:
                np.minimum.at(least, roots[k], self.uses[k].keys)
            least[self.size] = LAST
            found.update(left)
            rest = [k for k in range(len(roots)) if k not in found]
            left = [k for k in rest if (self.uses[k].keys > least[roots[k]]).any()]
        return found
