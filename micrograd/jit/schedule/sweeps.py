"""Products of a vector with a matrix -> sweeps: what else is done with the matrix as it goes by.

    d[j] += mul(e[k], w[j, k])  for j < 8192, k < 4096
    w[j, k] = sub(w[j, k], mul(rates, mul(e[k], x[j])))  for j < 8192, k < 4096

is one pass over `w`, which is read once and written once. So is an update with state, of which
there are several matrices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ..ir.extents import is_number
from ..ir.points import is_apart
from ..ir.program import Access, Array, Node, Statement, accesses, map_accesses, statements
from ..target import Target
from .counts import operations
from .matching import matched
from .plans import Bounds, Uses
from .product import Product
from .products import is_plain

MOST_OPS = 24
"""Operations for each element of the matrix."""
MOST_ARRAYS = 8
"""Arrays that are touched."""


def inside(node: Node | Product) -> list[Statement]:
    """The statements of a node."""
    return node.statements if isinstance(node, Product) else list(statements([node]))


def swept(
    p: Product,
    behind: Sequence[Node | Product],
    arrays: Mapping[str, Array],
    target: Target,
    state: Collection[str],
) -> list[Node | Product]:
    """What is left of what stands behind a product, without what it does in passing."""
    if not p.is_sweep:
        return list(behind)
    sweep = _Sweep(p, arrays, target)
    left: list[Node | Product] = []
    passed = Uses(Bounds(state=state))
    for node in behind:
        s = sweep.joins(node) if isinstance(node, Statement) else None
        if s is not None and passed.commutes(node):  # type: ignore[arg-type]
            sweep.add(s)
            continue
        left.append(node)
        for x in inside(node):
            passed.add(x)
    if not any(a.array == sweep.right.array for s in sweep.found for a in s.accesses):
        return list(behind)
    p.passing = sweep.found
    return left


class _Sweep:
    """Collects what is done in passing."""

    def __init__(self, p: Product, arrays: Mapping[str, Array], target: Target) -> None:
        self.arrays, self.target = arrays, target
        self.left, self.right = p.factors
        self.domain = p.contraction.domain
        own = [s for s in p.statements if s is not p.contraction]
        self.others = {self.left.array, *(a.array for s in own for a in s.accesses)}
        self.made = {s.target.array for s in p.statements}
        self.written: dict[str, Access] = {}
        self.found: list[Statement] = []

    def add(self, s: Statement) -> None:
        """Take a statement in."""
        self.found.append(s)
        self.written[s.target.array] = s.target

    def joins(self, node: Statement) -> Statement | None:
        """A statement over the product's loops, if it can be done in passing."""
        if not all(is_plain(a, self.arrays, self.target) for a in node.accesses):
            return None
        if node.accumulate is not None and node.accumulate.reduces != "+":
            return None
        if node.target.array in self.others or node.target.array == self.left.array:
            return None
        if any(a.array in self.made for a in accesses(node.expr)):
            return None
        s = self._over(node)
        if s is None or not is_apart(s.target, self.domain):
            return None
        together = [*self.found, s]
        every = [a for f in together for a in f.accesses]
        written = {**self.written, s.target.array: s.target}
        if any(a != written.get(a.array, a) for a in [*every, self.right]):
            return None
        if any(a.strides[-1] not in (0, 1) for a in every):
            return None
        ops = sum(operations(f.expr) + 1 for f in together)
        names = {a.array for a in every}
        return s if ops <= MOST_OPS and len(names) <= MOST_ARRAYS else None

    def _over(self, s: Statement) -> Statement | None:
        """A statement over the product's loops, if it touches the elements as it does."""
        counts = self.domain[1:]
        found = matched(s.target.strides, s.domain, self.right.strides[1:], counts)
        if found is None:
            return None

        def over(a: Access) -> Access:
            strides = [0] * len(counts)
            for d, loops in enumerate(found):
                for p, times in loops:
                    strides[p] = a.strides[d] * times
            return Access(a.array, a.offset, (0, *strides))

        if not all(map(is_number, s.domain)):
            return None
        return replace(
            s, target=over(s.target), expr=map_accesses(s.expr, over), domain=self.domain
        )
