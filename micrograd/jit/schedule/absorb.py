"""The body of a program -> its products, each with what it begins with and what follows it, and
what is left between them.

An assignment of the whole target is what a product begins with. What is computed element by
element from the result is its finish, wherever it stands, if it may move up to the product. Arrays
that a product writes are touched by it at one place per element: so it may go tile by tile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from ..ir.points import is_apart
from ..ir.program import (
    Access,
    Apply,
    Array,
    Expr,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
)
from ..target import Target
from .counts import operations
from .fuse import Group, fuse
from .matching import matched
from .plans import Bounds, Uses
from .product import Product
from .products import ONE, Matrices, arranged, depths, is_plain, matrices
from .sweeps import inside, swept

MOST_OPS = 24
"""Operations for each element, in all that follows a product."""
MOST_ARRAYS = 8
"""Arrays that it touches."""

Piece = list[Node] | Product


def with_products(program: Program, target: Target) -> tuple[Program, list[Piece]]:
    """The program, which has the array of 1 now if a product needs it, and its body in pieces:
    products, and nodes between them.
    """
    arrays = program.arrays
    if target.strict:
        return program, [program.body]

    def found_in(nodes: Sequence[Node]) -> dict[int, Matrices]:
        pairs = [(s, matrices(s, arrays, target)) for s in nodes if isinstance(s, Statement)]
        return {id(s): m for s, m in pairs if m is not None}

    whole = found_in(program.body).values()
    results = {m.target.array for m in whole if m.left.array in arrays}  # not sums by themselves
    if not results:
        return program, [program.body]
    state = {a.name for a in program.with_role(Role.STATE, Role.SCRATCH)}
    shared = list(_shared(program.body, results))
    found = found_in(shared)
    for k in _read_once(shared, found, Bounds(state=state)):
        del found[k]
    reads = {id(s): _reads(s) for s in shared if isinstance(s, Statement)}
    body: list[Node | Product] = list(shared)
    k = 0
    while k < len(body):
        node = body[k]
        m = found.get(id(node)) if isinstance(node, Statement) else None
        if m is None:
            k += 1
            continue
        around = _Around(m, arrays, target, state, reads)
        before, behind = body[:k], body[k + 1 :]
        if depths(m) <= 1:
            before = around.begin(before)
            behind = around.follow(behind)
        product = arranged(m, around.start, around.finish)
        behind = swept(product, behind, arrays, target, state)
        if not (m.pays or product.passing):
            k += 1
            continue
        body = [*before, product, *behind]
        k = len(before) + 1
    if not any(isinstance(node, Product) for node in body):
        return program, [program.body]
    _leave_unstored(body, arrays)
    for node in body:
        if isinstance(node, Product):
            node.divide(target)
    read = {a.array for node in body for s in inside(node) for a in s.accesses}
    if ONE.name in read and ONE.name not in arrays:
        program = replace(program, arrays={**arrays, ONE.name: ONE})
    return program, list(_pieces(body))


def _read_once(
    body: Sequence[Node], found: Mapping[int, Matrices], bounds: Bounds
) -> Iterator[int]:
    """The products with vectors in loops over rows of a matrix that others of the loop read, too,
    as a last layer and its gradient do: a row is in the cache then.
    """
    read = {k: m.read_whole for k, m in found.items() if m.with_vector}
    times = Counter(read.values())
    if not any(times[a] > 1 for a in read.values() if a is not None):
        return
    for part in fuse(body, bounds):
        if isinstance(part, Group):
            here = [id(s) for s in part.statements if id(s) in read]
            times = Counter([read[k] for k in here])
            if any(times[a] > 1 and a.strides[0] != 1 for a in times if a is not None):
                yield from here


def _reads(s: Statement) -> frozenset[str]:
    return frozenset([a.array for a in accesses(s.expr)])


def _pieces(body: Sequence[Node | Product]) -> Iterator[Piece]:
    between: list[Node] = []
    for node in body:
        if isinstance(node, Product):
            if between:
                yield between
                between = []
            yield node
        else:
            between.append(node)
    if between:
        yield between


def _leave_unstored(body: Sequence[Node | Product], arrays: Mapping[str, Array]) -> None:
    """Find what only one product touches."""
    touched = [{a.array for s in inside(node) for a in s.accesses} for node in body]
    everywhere = Counter(name for names in touched for name in names)
    for node, names in zip(body, touched, strict=True):
        if isinstance(node, Product):
            node.unstored = {
                n
                for n in names
                if n in arrays and everywhere[n] == 1 and arrays[n].role is Role.TEMPORARY
            }


def _shared(body: Sequence[Node], results: Collection[str]) -> Iterator[Node]:
    """The body, in which what a statement computes from the result of a product is read from its
    target, where the next ones compute the same.
    """
    known: list[tuple[Statement, set[str]]] = []
    for node in body:
        after = node
        if isinstance(node, Statement):
            for s, _ in known:
                if s.domain == node.domain:
                    after = replace(node, expr=_instead(after.expr, s.expr, s.target))  # type: ignore[union-attr]
        yield after
        written = {s.target.array for s in inside(node)}
        known = [(s, names) for s, names in known if not names & written]
        if isinstance(after, Statement) and after.accumulate is None:
            read = {a.array for a in accesses(after.expr)}
            to = after.target
            made = isinstance(after.expr, Apply) and bool(read & set(results))
            if made and to.array not in read and not to.parts and is_apart(to, after.domain):
                known.append((after, read | {to.array}))


def _instead(expr: Expr, old: Expr, new: Access) -> Expr:
    if expr == old:
        return new
    if isinstance(expr, Apply):
        return Apply(expr.op, tuple([_instead(x, old, new) for x in expr.args]))
    return expr


class _Around:
    """What stands around one product and becomes part of it.

    reads   by the id of a statement of the body, the arrays that it reads
    """

    def __init__(
        self,
        m: Matrices,
        arrays: Mapping[str, Array],
        target: Target,
        state: Collection[str],
        reads: Mapping[int, frozenset[str]],
    ) -> None:
        self.m = m
        self.reads = reads
        self.arrays = arrays
        self.target = target
        self.state = state
        self.start: Expr | None = None
        self.finish: list[Statement] = []
        self.written = {m.target.array: m.target}

    def begin(self, before: Sequence[Node | Product]) -> list[Node | Product]:
        """What is left of what stands before it, without what it begins with."""
        name = self.m.target.array
        between: set[str] = set()
        for k in reversed(range(len(before))):
            node = before[k]
            touched = {a.array for s in inside(node) for a in s.accesses}
            if name in touched:
                s = self._over(node) if isinstance(node, Statement) else None
                if s is not None and s.accumulate is None and s.target == self.m.target:
                    read = {a.array for a in accesses(s.expr)}
                    if not read & between and name not in read and self._is_plain(s):
                        self.start = s.expr
                        return [*before[:k], *before[k + 1 :]]
                break
            between |= {s.target.array for s in inside(node)}
        return list(before)

    def follow(self, behind: Sequence[Node | Product]) -> list[Node | Product]:
        """What is left of what stands behind it, without what it finishes with."""
        left: list[Node | Product] = []
        passed, counted = Uses(Bounds(state=self.state)), 0
        for node in behind:
            s = self._next(node) if isinstance(node, Statement) else None
            if s is not None:  # only now what it would move past is looked at
                for x in left[counted:]:
                    for each in inside(x):
                        passed.add(each)
                counted = len(left)
                if passed.commutes(node):  # type: ignore[arg-type]
                    self.finish.append(s)
                    self.written[s.target.array] = s.target
                    continue
            left.append(node)
        return left

    def _next(self, node: Statement) -> Statement | None:
        """A statement over the kept loops, if it can be part of the finish."""
        if self.reads[id(node)].isdisjoint(self.written):
            return None
        s = self._over(node)
        if s is None or not self._is_plain(s) or not is_apart(s.target, self.m.counts):
            return None
        if s.accumulate is not None and s.accumulate.reduces != "+":
            return None
        if s.target.array in (self.m.left.array, self.m.right.array):
            return None
        together = [*self.finish, s]
        places: dict[str, set[Access]] = {}
        for a in [x for f in together for x in f.accesses]:
            places.setdefault(a.array, set()).add(a)
        if self.start is not None:
            for a in accesses(self.start):
                places.setdefault(a.array, set()).add(a)
        for name in {*self.written, s.target.array}:
            written = self.written.get(name, s.target)
            if places.get(name, {written}) != {written}:
                return None
        ops = sum(operations(f.expr) + 1 for f in together)
        return s if ops <= MOST_OPS and len(places) <= MOST_ARRAYS else None

    def _is_plain(self, s: Statement) -> bool:
        return all(is_plain(a, self.arrays, self.target) for a in s.accesses)

    def _over(self, s: Statement) -> Statement | None:
        """A statement over the product's kept loops, if it touches each of its elements once."""
        if any(a.parts for a in s.accesses):
            return None
        m = self.m
        places = [a for a in s.accesses if a.array in self.written]
        names = [a.array for a in places]
        anchor = self.written[names[0]]
        place = places[0]
        if place.offset != anchor.offset:
            return None
        found = matched(place.strides, s.domain, anchor.strides, m.counts)
        if found is None:
            return None

        def over(a: Access) -> Access:
            strides = [0] * len(m.counts)
            for d, loops in enumerate(found):
                for p, times in loops:
                    strides[p] = a.strides[d] * times
            return Access(a.array, a.offset, tuple(strides))

        if len(found) == len(s.domain):
            return replace(
                s, target=over(s.target), expr=map_accesses(s.expr, over), domain=m.counts
            )
        return None
