"""Statements -> the contractions among them: sums over loops of products of what was read.

A matrix product is one, a dot product another; which, is a question of the loops that the target
and each factor vary over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

from ..ir.program import Access, Apply, Expr, Statement, accesses
from .routes import moves


@dataclass(frozen=True, slots=True)
class Contraction:
    """`target[kept] += left . right`, summed over the `reduced` loops.

    >>> from micrograd import ops
    >>> s = Statement(
    ...     Access("c", 0, (5, 1, 0)),
    ...     Access("a", 0, (4, 0, 1)) * Access("b", 0, (0, 1, 5)),
    ...     (3, 5, 4),
    ...     accumulate=ops.add,
    ... )
    >>> print(*contractions([s]))
    c[3, 5] += a . b over 4  matrix product, 60 products, none stored
    """

    target: str
    kept: tuple[int, ...]
    reduced: tuple[int, ...]
    factors: tuple[str, ...]
    name: str

    @property
    def products(self) -> int:
        """How many products are added up."""
        return prod(self.kept) * prod(self.reduced)

    def __str__(self) -> str:
        kept = f"[{', '.join(map(str, self.kept))}]" if self.kept else ""
        reduced = " x ".join(map(str, self.reduced))
        formula = f"{self.target}{kept} += {' . '.join(self.factors)} over {reduced}"
        return f"{formula}  {self.name}, {self.products:,} products, none stored"


def contractions(statements: Iterable[Statement]) -> list[Contraction]:
    """Every contraction, in the order of the statements."""
    return [c for s in statements for c in _of(s)]


def _of(s: Statement) -> Iterator[Contraction]:
    strides = s.target.strides
    if s.accumulate is None or s.accumulate.reduces != "+" or s.target.parts:
        return
    kept = [d for d, stride in enumerate(strides) if stride]
    reduced = [d for d, stride in enumerate(strides) if not stride]
    for product in _terms(s.expr):
        found = [f for f in factors(product) if any(True for _ in accesses(f))]
        varying = [_loops(f) for f in found]
        if sum(bool(loops & set(reduced)) for loops in varying) < 2:
            continue  # with all but one factor fixed, it is a sum and not a contraction
        yield Contraction(
            s.target.array,
            tuple(s.domain[d] for d in kept),
            tuple(s.domain[d] for d in reduced),
            tuple(map(_name, found)),
            _kind(found, varying, kept, reduced, s.domain),
        )


def _terms(expr: Expr) -> Iterator[Expr]:
    """The products that an expression is a sum of."""
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            if e.op.product or e.op.repeats is not None:
                yield e
            elif e.op.coefficients:
                stack.extend(reversed(e.args))


def factors(expr: Expr) -> list[Expr]:
    """What a product multiplies, left to right; a square is twice the same."""
    found: list[Expr] = []
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply) and e.op.product:
            stack.extend(reversed(e.args))
        elif isinstance(e, Apply) and e.op.repeats is not None and e.args[1] == 2.0:
            stack += [e.args[0], e.args[0]]
        else:
            found.append(e)
    return found


def _loops(expr: Expr) -> set[int]:
    """The dimensions that an expression varies over."""
    return {d for a in accesses(expr) for d, stride in enumerate(moves(a)) if stride}


def _name(factor: Expr) -> str:
    """What a factor reads, and through which op, if that is a function of one number."""
    arrays = ", ".join(dict.fromkeys(a.array for a in accesses(factor)))
    if isinstance(factor, Apply):
        return f"{factor.op.name if factor.op.arity == 1 else 'f'}({arrays})"
    return arrays


def _kind(
    factors: list[Expr],
    varying: list[set[int]],
    kept: list[int],
    reduced: list[int],
    domain: tuple[int, ...],
) -> str:
    """The name that it has in linear algebra."""
    if len(factors) != 2:
        return f"product of {len(factors)} summed"
    left, right = factors
    if left == right and not kept:
        return "sum of squares"
    if any(_overlaps(a, domain) for f in factors for a in accesses(f)):
        return "convolution"
    both = varying[0] & varying[1]
    if not set(reduced) <= both:
        return "contraction"
    if not kept:
        return "dot product"
    if both & set(kept):
        return "batch of products"
    owners = [bool(loops & set(kept)) for loops in varying]
    if not all(owners):
        return "matrix-vector product"
    return "outer-product sum" if max(reduced) < min(kept) else "matrix product"


def _overlaps(a: Access, domain: tuple[int, ...]) -> bool:
    """Whether neighbouring iterations read the same elements, as a sliding window does."""
    reach = 0
    for stride, count in sorted(zip(map(abs, moves(a)), domain, strict=True)):
        if stride and count > 1:
            if stride <= reach:
                return True
            reach += stride * (count - 1)
    return False
