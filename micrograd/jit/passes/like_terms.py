"""Program -> Program: like terms of the sums in straight-line code become one.

Requires a verified program. Programs with loops are given back as they are: their sums are the
loops. What remains is the same up to the order of sums, with nan, inf and the signs of zeros as
they were: only terms of one sign are combined (x + 3x is 4x, but 4x - x stays, for x may be inf),
and only where the coefficients are exact.

    c = a + b; d = c + c + 1; e = d + (1 + d)      becomes      e = 4 * c + 3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import copysign, frexp, isfinite

from ... import ops
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
    map_statements,
)

Key = tuple[Expr, bool]
"""A term, and whether it is subtracted."""


@dataclass(frozen=True, slots=True)
class Sum:
    """`constant + sum(coefficient * term)`; coefficients are positive, the keys hold the signs."""

    terms: dict[Key, float]
    constant: float | None = None

    def __len__(self) -> int:
        return len(self.terms) + (self.constant is not None)

    @property
    def key(self) -> frozenset[object]:
        """What identifies it; 0.0 and -0.0 differ."""
        return frozenset([*self.terms.items(), ("constant", repr(self.constant))])

    def plus(self, other: Sum) -> Sum | None:
        """The sum of both; None if a coefficient or the constant would not be exact."""
        terms = dict(self.terms)
        for key, c in other.terms.items():
            found = _exact(terms.get(key, 0.0), c)
            if found is None:
                return None
            terms[key] = found
        constant = self.constant
        if constant is None:
            constant = other.constant
        elif other.constant is not None:
            constant = _exact(constant, other.constant)
            if constant is None:
                return None
        return Sum(terms, constant)

    def times(self, factor: float) -> Sum | None:
        """The sum of one term times a number; None if it is not one, or not exact."""
        if len(self.terms) != 1 or self.constant is not None:
            return None
        (((x, minus), c),) = self.terms.items()
        product = c * abs(factor)
        if not isfinite(product) or not _is_product(product, c, abs(factor)):
            return None
        return Sum({(x, minus != (factor < 0.0)): product}) if product else None

    def negated(self) -> Sum | None:
        """What has the other sign; None of several terms, whose zero would have another sign."""
        if len(self) > 1:
            return None
        if not self.terms:
            return Sum({}, 0.0 if self.constant is None else -self.constant)
        (((x, minus), c),) = self.terms.items()
        return Sum({(x, not minus): c})

    def expression(self) -> Expr:
        """The sum as an expression: one operation per term, products and sums fused."""
        total: Expr | None = self.constant
        ordered = sorted(self.terms.items(), key=lambda term: (term[0][1], term[1] != 1.0))
        for (x, minus), c in ordered:
            product = x if c == 1.0 else Apply(ops.mul, (c, x))
            if total is None:
                total = Apply(ops.neg, (x,)) if minus and c == 1.0 else product
                if minus and c != 1.0:
                    total = Apply(ops.mul, (-c, x))
            else:
                total = Apply(ops.sub if minus else ops.add, (total, product))
        return -0.0 if total is None else total


def _is_product(z: float, x: float, y: float) -> bool:
    """Whether z = x y, exactly."""
    (a, b), (c, d), (e, f) = (number.as_integer_ratio() for number in (x, y, z))
    return a * c * f == e * b * d


def _is_sum(z: float, x: float, y: float) -> bool:
    """Whether z = x + y, exactly."""
    (a, b), (c, d), (e, f) = (number.as_integer_ratio() for number in (x, y, z))
    return (a * d + c * b) * f == e * b * d


def _exact(x: float, y: float) -> float | None:
    """x + y, if that is a number that floats can say."""
    total = x + y
    if abs(total) < 2**50 and x.is_integer() and y.is_integer():
        return total
    if not isfinite(total) or not _is_sum(total, x, y):
        return None
    return total


def _scalings(expr: Apply) -> Iterator[tuple[float, Expr]]:
    """The ways to read an expression as a number times another expression, exactly."""
    for k, exponent in enumerate(expr.op.exponents):
        c, other = expr.args[k], expr.args[1 - k]
        if isinstance(c, float) and c and isfinite(c) and expr.op.exponents[1 - k] == 1:
            if exponent == 1:
                yield c, other
            elif abs(frexp(c)[0]) == 0.5 and 2.0**-500 < abs(c) < 2.0**500:
                yield 1.0 / c, other


def combine(program: Program) -> Program:
    """The program with like terms combined. Not for strict kernels."""
    body = program.statements
    if any(s.domain or any(a.parts for a in s.accesses) for s in body):
        return program
    if any(s.accumulate and not s.accumulate.coefficients for s in body):
        return program
    return _Combiner(program).run()


@dataclass(slots=True)
class _Combiner:
    program: Program
    result: Program = field(init=False)
    values: dict[Access, Expr] = field(default_factory=dict)  # what a scalar is at present
    sums: dict[Expr, Sum] = field(default_factory=dict)  # what that is the sum of
    named: dict[frozenset[object], Access] = field(default_factory=dict)
    waiting: set[Expr] = field(default_factory=set)  # sums that nothing needed so far
    homes: dict[Expr, list[Statement]] = field(default_factory=dict)  # what a scalar stands for

    def run(self) -> Program:
        arrays = {
            name: a for name, a in self.program.arrays.items() if a.role is not Role.TEMPORARY
        }
        self.result = Program(arrays)
        outputs: dict[Access, Statement] = {}
        for s in self.program.statements:
            expr = Apply(s.accumulate, (s.target, s.expr)) if s.accumulate else s.expr
            value = self.values[s.target] = self._value(expr, s.target.array)
            if isinstance(value, Access):
                self.homes.setdefault(value, []).append(s)
            if self.program.arrays[s.target.array].role is Role.OUTPUT:
                outputs[s.target] = s
        for target, s in outputs.items():
            self.result.body.append(s.beside(target, self._needed(self.values[target])))
        self._name_origins()
        return self.result

    def _name_origins(self) -> None:
        """Let every statement stand for what it was made of, with sums that are in no other."""
        found = [s for s in self.result.statements if s.target in self.homes]
        made = {s.target for s in found}
        origins: dict[int, Statement] = {}
        for s in found:
            first, *rest = self.homes[s.target]
            stack: list[Statement] = [first, *rest]
            seen: set[Expr] = {s.target}
            while stack:
                for a in accesses(stack.pop().expr):
                    value = self.values.get(a, a)
                    if value not in made and value not in seen and value in self.homes:
                        seen.add(value)
                        rest += self.homes[value]
                        stack += self.homes[value]
            origins[id(s)] = first.taking(rest)
        self.result.body = map_statements(
            self.result.body,
            lambda s: (
                replace(s, origin=o.origin, derivative=o.derivative)
                if (o := origins.get(id(s))) is not None
                else s
            ),
        )

    def _value(self, expr: Expr, name: str) -> Expr:
        """A number, an input, or a scalar of the new program that has the value of `expr`."""
        total = self._sum(expr)
        if len(total) == 1:
            if total.constant is not None:
                return total.constant
            (((x, minus), c),) = total.terms.items()
            if c == 1.0 and not minus and isinstance(x, Access):
                return x
        key = total.key
        if key not in self.named:
            scalar = self.named[key] = self._declare(name)
            self.sums[scalar] = total
            self.waiting.add(scalar)
        return self.named[key]

    def _declare(self, name: str) -> Access:
        taken, k = name, 0
        if self.program.arrays[name].role is not Role.TEMPORARY:
            taken = f"{name}_{k}"
        while taken in self.result.arrays or (taken != name and taken in self.program.arrays):
            k += 1
            taken = f"{name}_{k}"
        self.result.declare(taken, Role.TEMPORARY)
        return Access(taken)

    def _needed(self, x: Expr) -> Expr:
        """`x`, computed by now."""
        stack = [x]
        while stack:
            each = stack[-1]
            total = self.sums.get(each) if each in self.waiting else None
            missing = [t for t, _ in total.terms if t in self.waiting] if total else []
            stack += missing
            if not missing:
                stack.pop()
                if total is not None and each in self.waiting:
                    assert isinstance(each, Access)
                    self.waiting.discard(each)
                    self.result.assign(each, total.expression())
        return x

    def _sum(self, expr: Expr) -> Sum:
        """An expression as a sum."""
        x = self.values.get(expr, expr) if isinstance(expr, Access) else expr
        if isinstance(x, float):
            nothing = x == 0.0 and copysign(1.0, x) < 0.0
            return Sum({}, None if nothing else x)
        if isinstance(x, Access):
            return Sum({(x, False): 1.0})
        assert isinstance(expr, Apply)
        if expr.op.coefficients:
            sums = [self._sum(x) for x in expr.args]
            signed = [
                x if c > 0.0 else self._minus(x)
                for x, c in zip(sums, expr.op.coefficients, strict=True)
            ]
            return signed[0] if len(signed) == 1 else self._plus(*signed)
        for factor, other in _scalings(expr):
            term = self._sum(other)
            for way in reversed(list(self._ways(term))):
                product = way.times(factor)
                if product is not None:
                    return product
        args = tuple([self._operand(x) for x in expr.args])
        term = Sum({(Apply(expr.op, args), False): 1.0})
        known = self.named.get(term.key)
        return Sum({(known, False): 1.0}) if known is not None else term

    def _operand(self, expr: Expr) -> Expr:
        """An operand of an op that is no sum."""
        if isinstance(expr, Apply):
            total = self._sum(expr)
            for x, _ in total.terms:
                self._needed(x)
            return total.expression()
        return self._needed(self.values.get(expr, expr)) if isinstance(expr, Access) else expr

    def _minus(self, x: Sum) -> Sum:
        """The sum with the other sign; of several terms, as one."""
        negated = x.negated()
        if negated is None:
            negated = self._one(x).negated()
            assert negated is not None
        return negated

    def _one(self, x: Sum) -> Sum:
        """The sum as a single term."""
        for term, _ in x.terms:
            self._needed(term)
        return Sum({(x.expression(), False): 1.0})

    def _plus(self, left: Sum, right: Sum) -> Sum:
        """The shortest of the ways to write the sum of both, opened or not."""
        best: Sum | None = None
        for x in self._ways(left):
            for y in self._ways(right):
                total = x.plus(y)
                # of equals, the one that was opened most: what it was made of is there already
                if total is not None and (best is None or len(total) <= len(best)):
                    best = total
        if best is None:
            best = self._one(left).plus(self._one(right))
        assert best is not None
        return best

    def _ways(self, x: Sum) -> Iterator[Sum]:
        """The sum, and, if it is one scalar, what scalars that is the sum of."""
        yield x
        opened = self._opened(x)
        if opened is not None:
            yield opened

    def _opened(self, x: Sum) -> Sum | None:
        if len(x) != 1 or not x.terms:
            return None
        (((term, minus), c),) = x.terms.items()
        inner = self.sums.get(term)
        if inner is None or c != 1.0 or any(isinstance(t, Apply) for t, _ in inner.terms):
            return None  # opening it would compute an op twice
        return inner.negated() if minus else inner
