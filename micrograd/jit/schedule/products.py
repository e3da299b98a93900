"""Statements -> products of matrices, with what stands around them.

A product is a contraction of two accesses whose loops are of four kinds: rows (of the target and
the left factor), columns (of the target and the right one), depth (of both factors), and outer
ones, a product each. What it starts with, and what is done element by element with its result, is
part of it, so that the result need not be in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ... import ops
from ..ir.extents import Extent, is_number
from ..ir.points import is_apart
from ..ir.program import (
    NUMBER,
    Access,
    Apply,
    Array,
    Expr,
    Role,
    Statement,
    accesses,
    map_accesses,
)
from ..target import Target
from .contractions import factors
from .product import Product, without_depth

LEAST_PRODUCTS = 1024
"""A contraction of fewer products of numbers stays with the statements around it."""
LEAST_WITH_VECTOR = 16 * 1024
"""So does one of a matrix and a vector, of which every number is used once,"""
LEAST_SWEPT = 256
"""unless something else is done with the matrix as it goes by: then it is a step from here on."""
NARROW, LEAST_NARROW = 16, 64 * 1024
"""And one of fewer products of which two sides are no longer than that: loops over many samples do
well there.
"""

AT_RUN_TIME = 64
"""What a count that only the call knows counts for: it may be much less than it is at most."""

LEAST_SUMMED = 4096
"""Terms of sums over the rows of a matrix, which are a product with ones, from which on it pays."""
ONE = Array("one", Role.CONSTANT, (1,), np.ones(1))
"""What is multiplied with there; programs have no array of that name then."""


# -- which loops are what ------------------------------------------------------------------------


@dataclass(slots=True)
class Matrices:
    """A contraction of two accesses; `kept` and `summed` are its loops, by number.

    with_vector   whether one of its sides is 1
    pays          whether it is worth a step of its own, even if nothing is done in its passing
    """

    statement: Statement
    left: Access
    right: Access
    kept: list[int]
    summed: list[int]
    with_vector: bool = False
    pays: bool = True

    @property
    def target(self) -> Access:
        """What is added to, over the kept loops."""
        return self.over_kept(self.statement.target)

    @property
    def counts(self) -> tuple[int, ...]:
        """How long the kept loops are."""
        return tuple([self.statement.domain[d] for d in self.kept])

    @property
    def read_whole(self) -> Access | None:
        """The factor that is read at another place in every iteration, if one of them is."""
        both = (self.left, self.right)
        return next((a for a in both if all(a.strides)), None) if self.summed else None

    def over_kept(self, a: Access) -> Access:
        """An access with the kept loops only."""
        return replace(a, strides=tuple([a.strides[d] for d in self.kept]))


def matrices(s: Statement, arrays: Mapping[str, Array], target: Target) -> Matrices | None:
    """A statement as a product of matrices, if it is one, and one that may be worth it."""
    found = factors(s.expr)
    if s.accumulate is not None and s.accumulate.reduces != "+":
        return None
    is_sum = found == [s.expr] and ONE.name not in arrays and s.accumulate is not None
    if is_sum:
        found.insert(0, Access(ONE.name, 0, (0,) * len(s.domain)))
    if len(found) != 2 or s.points < min(LEAST_PRODUCTS, LEAST_SWEPT):
        return None
    left, right = found
    if not (isinstance(left, Access) and isinstance(right, Access)):
        return None
    every = (s.target, left, right)
    if not all(is_plain(a, arrays, target) for a in every if a.array in arrays):
        return None
    if s.target.array in (left.array, right.array):
        return None
    domain = range(len(s.domain))
    kept = [d for d in domain if s.target.strides[d]]
    summed = [d for d in domain if not s.target.strides[d]]
    of_both = all((is_sum or left.strides[d]) and right.strides[d] for d in summed)
    of_one = all(left.strides[d] or right.strides[d] for d in kept)
    m = Matrices(s, left, right, kept, summed)
    if not (of_both and of_one and is_apart(m.target, m.counts)):
        return None
    if not summed or s.accumulate is None:
        return None
    if not all(is_number(c) or isinstance(c, Extent) for c in s.domain):
        return None
    sizes = [int(c) if is_number(c) else min(int(c), AT_RUN_TIME) for c in s.domain]
    rows = prod(sizes[d] for d in kept if not right.strides[d])
    columns = prod(sizes[d] for d in kept if not left.strides[d])
    depth = prod(sizes[d] for d in summed)
    sides = sorted((rows, columns, depth))
    few = 1 < depth <= NARROW <= min(rows, columns) and prod(sides) >= LEAST_PRODUCTS
    outer = all(abs(a.strides[d]) != 1 for a in (left, right) for d in summed)
    m.pays = pays(*sides, is_sum=is_sum) or (few and outer)  # their sums stay in registers
    m.with_vector = not is_sum and sides[0] == 1
    return m if m.pays or (m.with_vector and prod(sides) >= LEAST_SWEPT) else None


def pays(short: int, middle: int, long: int, *, is_sum: bool = False) -> bool:
    """Whether a product of these sides is worth a step of its own; or one with ones."""
    products = short * middle * long
    if short == 1:
        return middle > NARROW and products >= (LEAST_SUMMED if is_sum else LEAST_WITH_VECTOR)
    if middle > NARROW:
        return products >= LEAST_PRODUCTS
    return short * middle >= NARROW * NARROW and products >= LEAST_NARROW


def is_plain(a: Access, arrays: Mapping[str, Array], target: Target) -> bool:
    """Whether an access is affine, to numbers as the code computes in."""
    return not a.parts and arrays[a.array].dtype in (NUMBER, f"f{target.bits}")


# -- loops that are one --------------------------------------------------------------------------


def arranged(m: Matrices, start: Expr | None, finish: Sequence[Statement]) -> Product:
    """The product with as few and as long loops as strides allow: outer, rows, columns, depth.

    `start` and `finish` are over the kept loops.
    """
    s = m.statement
    order = [*m.kept, *m.summed]
    kept = len(m.kept)

    def reordered(a: Access) -> Access:
        return replace(a, strides=tuple([a.strides[d] for d in order]))

    target, left, right = map(reordered, (s.target, m.left, m.right))
    beside = [a for f in finish for a in f.accesses]
    beside += accesses(start) if start is not None else []
    wide = [replace(a, strides=(*a.strides, *[0] * len(m.summed))) for a in beside]
    every = [target, left, right, *wide]
    groups: dict[str, list[list[int]]] = {"rows": [], "columns": [], "outer": [], "depth": []}
    domain = [s.domain[d] for d in order]
    for d in range(len(order)):
        if d >= kept:
            groups["depth"].append([d])
        elif left.strides[d] and right.strides[d]:
            groups["outer"].append([d])
        else:
            groups["rows" if left.strides[d] else "columns"].append([d])
    groups = {name: _merged(found, every, domain) for name, found in groups.items()}
    rows, columns, depth = (_longest(groups[k], domain) for k in ("rows", "columns", "depth"))
    used = [rows, columns, depth]
    outer = [g for found in groups.values() for g in found if g not in used]
    if _turns(target, rows, columns):
        left, right, rows, columns = right, left, columns, rows
    loops = [*outer, rows, columns, depth]
    counts = tuple([_count(g, domain) for g in loops])

    def final(a: Access) -> Access:
        return replace(a, strides=tuple([a.strides[g[-1]] if g else 0 for g in loops]))

    def beside_it(a: Access) -> Access:
        return without_depth(final(replace(a, strides=(*a.strides, *[0] * len(m.summed)))))

    product = Apply(ops.mul, (final(left), final(right)))
    contraction = replace(s, target=final(target), expr=product, domain=counts)
    after = [
        replace(
            f,
            target=beside_it(f.target),
            expr=map_accesses(f.expr, beside_it),
            domain=counts[:-1],
        )
        for f in finish
    ]
    begin = map_accesses(start, beside_it) if start is not None else None
    return Product(contraction, begin, after)


def depths(m: Matrices) -> int:
    """How many loops are left that are summed over."""
    found = [[d] for d in m.summed]
    return len(_merged(found, [m.left, m.right], list(m.statement.domain)))


def _merged(
    found: list[list[int]], every: Sequence[Access], domain: Sequence[int]
) -> list[list[int]]:
    """Loops of which each is several, outermost first, that move every access alike."""
    merged = [list(g) for g in found]
    changed = True
    while changed:
        changed = False
        for outer in merged:
            for inner in merged:
                if outer is not inner and _continues(outer, inner, every, domain):
                    outer += inner
                    merged.remove(inner)
                    changed = True
                    break
            if changed:
                break
    return merged


def _continues(
    outer: list[int], inner: list[int], every: Sequence[Access], domain: Sequence[int]
) -> bool:
    """Whether the outer loop goes on where the inner one ends."""
    counts = [domain[d] for d in (*outer, *inner)]
    if not all(map(is_number, counts)):
        return False
    count = prod(domain[d] for d in inner)
    return all(a.strides[outer[-1]] == a.strides[inner[-1]] * count for a in every)


def _count(group: list[int], domain: Sequence[int]) -> int:
    return domain[group[0]] if len(group) == 1 else prod(domain[d] for d in group)


def _longest(found: list[list[int]], domain: Sequence[int]) -> list[int]:
    return max(found, key=lambda g: int(_count(g, domain)), default=[])


def _turns(target: Access, rows: list[int], columns: list[int]) -> bool:
    """Whether the transposed product is better: its rows, or its only loop, lie in a row."""
    if not columns:
        return True
    return bool(rows) and abs(target.strides[rows[-1]]) == 1 != abs(target.strides[columns[-1]])
