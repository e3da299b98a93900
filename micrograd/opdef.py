"""Op: what the op table (ops.py) says about an op, and how an entry is made.

Input: the facts about an op. Output: an `Op`, in the table `OPS`, which everything reads.

Invariants of an entry:

- `eval` is total: it takes floats, returns a float and never raises; 1/0 is inf, log(-1) is nan.
- `vjp` has one rule per operand, `rule(ct, out, *operands)`. A rule uses `+ - *` and ops of the
  table only, so the same lambda works on floats, on Values and on compiler expressions. `None`
  is a structural zero: nothing flows there, not even 0 * inf.
- exactly one of `mlir`, `predicate`, `libm`, `expand` says how to emit it.
- every other field is a fact about the function, which passes and emitters read instead of asking
  which op it is. A fact that is left out is never wrong, only unused.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError, GraphError, MicrogradError, kind, user_location

Rule = Callable[..., Any]

OPS: dict[str, Op] = {}
"""Every op by name, in order of definition."""

BY_UFUNC: dict[str, Op] = {}
"""Ops by the name of the NumPy ufunc that they are."""

LISTENERS: list[Callable[[Op], None]] = []
"""Who is told of every new op: what gives it its methods on Values (operators.py)."""


@dataclass(frozen=True, eq=False, slots=True)
class Op:
    """One entry of the table. Calling it applies the op to numbers, Values or arrays."""

    name: str
    formula: str
    arity: int
    eval: Callable[..., float]
    vjp: tuple[Rule | None, ...]
    label: str
    """What `Value._op` shows: micrograd's string for the op."""

    # -- how it is compiled ------------------------------------------------------------------

    mlir: str | None = None
    """An operation of the llvm dialect that computes it."""
    predicate: str | None = None
    """An `llvm.fcmp` predicate; the result is 1.0 or 0.0."""
    libm: str | None = None
    """A C library function of doubles (its float twin has an `f` behind the name)."""
    expand: Callable[..., Any] | None = None
    """The same function in other ops of the table."""
    vectormath: str | None = None
    """The module of jit/vectormath whose function of the op's name writes it in arithmetic: for
    vectors, and in place of `expand`, unless strict."""
    cheap: bool = False
    """Computing it again costs no more than loading its result."""
    contracts: bool = False
    """Products and sums of such ops may be fused, and rounded once, unless strict."""

    # -- what Python and NumPy call it -------------------------------------------------------

    operator: str | None = None
    """The method of Python's operator that it is; else it is a method of its own name."""
    ufunc: str | None = None
    """The NumPy ufunc of the same meaning."""
    arrays: Callable[..., Any] | None = None
    """The op on NumPy arrays, where there is no such ufunc, or one that is slower or differs."""
    folds: bool = False
    """A call takes any number of operands, and applies it from left to right."""

    # -- algebra -----------------------------------------------------------------------------

    commutative: bool = False
    identity: float | None = None
    """Of an associative op, what a reduction by it begins with: with it, any operand is itself."""
    reduces: str = ""
    """Of an associative op, what stands before `=` in a statement that reduces by it."""
    neutral: tuple[float | None, ...] = ()
    """For each operand, the number that leaves the other one as it is, and its derivative too."""
    coefficients: tuple[float, ...] = ()
    """Of a linear combination, 1 or -1 for each operand: x - y has (1, -1)."""
    exponents: tuple[int, ...] = ()
    """Of a product of powers, 1 or -1 for each operand: x / y has (1, -1)."""
    repeats: Op | None = None
    """The op that it repeats: x ** n is the product of n times x, for whole n. A literal n is part
    of the op: it is shown in its label, and code is written for that n."""
    choice: bool = False
    """The first operand is a condition, which chooses one of the other two."""
    selects: bool = False
    """The result is one of its operands: of a reduction, the derivative flows to those elements
    that are equal to the result, in equal parts."""
    bare: bool = False
    """The result is its operand, through which no derivative flows."""
    keeps_positive: bool = False
    """The result is greater than 0 exactly where its operand is."""
    exponential: bool = False
    """It makes a product of a sum: e ** (x + y) = e ** x * e ** y."""
    logarithmic: bool = False
    """It makes a sum of a product: ln (x * y) = ln x + ln y."""
    positive: bool = False
    """No result is less than 0, or -0.0."""
    integral: bool = False
    """Of integers it is one, which `eval` and NumPy's ufunc, or else `arrays`, have exactly."""

    # -- rounding ----------------------------------------------------------------------------

    ulps: float = 2.0
    """How far compiled code may be from the exact result, in units of its last place: 0 if it is
    exact, 0.5 if rounded to nearest; else what C libraries and vector math keep (docs/math.md)."""
    nonexpansive: bool = False
    """No result is farther from another than the operands are: |f(x) - f(y)| <= max |x - y|."""
    orders_zeros: bool = False
    """It tells -0.0 from 0.0 where NumPy's ufunc may give either."""

    @property
    def in_table(self) -> bool:
        """Whether it is the entry of its name in the table."""
        return OPS.get(self.name) is self

    @property
    def emittable(self) -> bool:
        """Whether the compiler can write this op."""
        return bool(self.mlir or self.predicate or self.libm or self.expand)

    @property
    def differentiable(self) -> tuple[int, ...]:
        """The operand positions that a derivative flows to."""
        return tuple(i for i, rule in enumerate(self.vjp) if rule is not None)

    @property
    def whole(self) -> bool:
        """Whether it is compiled in one piece, rather than by `expand`, unless strict."""
        return self.vectormath is not None and self.expand is not None

    @property
    def product(self) -> bool:
        """Whether it is the product of its operands."""
        return self.exponents == (1, 1)

    def is_neutral(self, i: int, x: float) -> bool:
        """Whether the number `x` as operand `i` leaves the other operand as it is."""
        y = self.neutral[i] if self.neutral else None
        return x == y and math.copysign(1.0, x) == math.copysign(1.0, y)

    @property
    def names(self) -> list[str]:
        """What its operands are called, as its rules call them.

        >>> from micrograd import atan2, where
        >>> where.names, atan2.names
        (['c', 'x', 'y'], ['y', 'x'])
        """
        rule = next((rule for rule in self.vjp if rule is not None), None)
        names = [] if rule is None else list(inspect.signature(rule).parameters)[2:]
        return names if len(names) == self.arity else list("xyz"[: self.arity])

    def __call__(self, *operands: Any) -> Any:
        if len(operands) == 1 == self.arity and hasattr(operands[0], "__apply__"):
            return operands[0].__apply__(self, operands)
        if self.folds and operands and len(operands) != 2:
            if len(operands) > 1:
                return functools.reduce(self, operands)
            if isinstance(operands[0], (list, tuple, np.ndarray)):
                raise TypeError(
                    f"{self.name} takes numbers, not one list of them: {self.name}(*xs)"
                )
            operands *= 2  # of one number, and itself
        if len(operands) != self.arity:
            raise TypeError(f"{self.name} takes {self.arity} operands, got {len(operands)}")
        for x in operands:
            if isinstance(x, np.ndarray):
                return self.map(*operands)
        for x in operands:
            if hasattr(x, "__apply__"):
                return x.__apply__(self, operands)
        return self.eval(*map(as_float, operands))

    def map(self, *arrays: Any) -> Any:
        """The op on every element of the broadcast arrays, as an array of objects; or as a Tensor,
        if there is one.
        """
        for x in arrays:
            if hasattr(x.__class__, "__primitive__"):
                return x.__apply__(self, arrays)
        # Python's math functions leave the processor's error flags set, which NumPy would report
        with np.errstate(all="ignore"):
            # a Value alone would be asked what to do with this function
            boxed = (np.array(x, object) if hasattr(x, "__apply__") else x for x in arrays)
            return np.frompyfunc(self, self.arity, 1)(*boxed)

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.formula}>"

    def __copy__(self) -> Op:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Op:
        return self

    def __reduce__(self) -> Any:
        if self.formula == _BY_HAND:
            return named, (self.label, self.arity)
        if not self.in_table:
            raise GraphError(
                f"op {self.name!r} cannot be pickled: it is not the one of that name in the op "
                "table; define it with ops.define(...)"
            )
        return _in_table, (self.name,)


_BY_HAND = "made by hand"


def named(label: str, arity: int) -> Op:
    """The op with this label or name; an unknown one can be shown, not differentiated."""
    for op in OPS.values():
        if label in (op.label, op.name) and op.arity == arity:
            return op

    def no_rule(*_: Any) -> Any:
        raise GraphError(f"op {label!r} is not in the op table; define it with ops.define(...)")

    return Op(label, _BY_HAND, arity, no_rule, (no_rule,) * arity, label)


def _in_table(name: str) -> Op:
    """The op that a pickle names."""
    try:
        return OPS[name]
    except KeyError:
        raise GraphError(
            f"this pickle has the op {name!r}, which is not defined here; import the module that "
            "defines it with ops.define(...) before you load it"
        ) from None


_NO_NUMBERS = (str, bytes, np.complexfloating)
"""What float() takes for a number, or a part of one, and is none."""


def as_float(x: Any) -> float:
    """`x` as a float; strings, None and arrays are refused rather than guessed at."""
    if x is None or isinstance(x, _NO_NUMBERS) or getattr(x, "ndim", None) or hasattr(x, "mask"):
        raise _no_number(x)
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf
    except MicrogradError:  # which says more
        raise
    except (TypeError, ValueError):
        raise _no_number(x) from None


def _no_number(x: Any) -> DataError:
    """The error for what is no real number, at the user's line."""
    return DataError(f"{user_location()}: a Value holds one real number, got {kind(x)}")


def define(
    name: str,
    *,
    formula: str,
    vjp: tuple[Rule | None, ...],
    eval: Callable[..., float] | None = None,
    label: str | None = None,
    **facts: Any,
) -> Op:
    """Enter an op into the table; without `eval`, its expansion is evaluated.

    An op without an operator is a method of Values. One operation of the llvm dialect is cheap,
    unless said otherwise.

    >>> from micrograd import Value
    >>> define("cube", formula="x*x*x", vjp=(lambda ct, out, x: ct * 3.0 * x * x,),
    ...        expand=lambda x: x * x * x)(2.0)
    8.0
    >>> Value(2.0).cube()
    Value(data=8.0, grad=0)
    >>> del OPS["cube"]
    """
    expand = facts.get("expand")
    if eval is None:
        if expand is None:
            raise ValueError(f"op {name}: give eval=, or expand= to evaluate")
        eval = expand
    if name in OPS:
        raise ValueError(f"op {name} is defined twice")
    for other in OPS.values():
        for how in ("operator", "ufunc"):
            if facts.get(how) is not None and facts[how] == getattr(other, how):
                raise ValueError(f"op {name}: {how} {facts[how]} is op {other.name} already")
    facts.setdefault("cheap", expand is None and facts.get("libm") is None)
    op = Op(name, formula, len(vjp), eval, vjp, label or name, **facts)
    OPS[name] = op
    if op.ufunc is not None:
        BY_UFUNC[op.ufunc] = op
    for listener in LISTENERS:
        listener(op)
    return op
