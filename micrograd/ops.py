"""The op table: one entry per op, and everything reads from it.

An entry holds the formula, the function on floats, the derivative, and how the op is written
in MLIR. The interpreter, the eager backward pass, the differentiated program, the emitter, the
documentation and the tests are all driven by these entries; a new op is one new entry.

Invariants of an entry:

- `eval` is total: it takes floats, returns a float and never raises; 1/0 is inf, log(-1) is nan.
- `vjp` has one rule per operand, `rule(ct, out, *operands)`. A rule uses `+ - *` and ops of this
  table only, so the same lambda works on floats, on Values and on compiler expressions. `None`
  is a structural zero: nothing flows there, not even 0 * inf.
- exactly one of `mlir`, `predicate`, `libm`, `expand` says how to emit it.

Ops are callable: on floats they compute, on Values they build the graph, on arrays they map.

>>> tanh(0.5)
0.46211715726000974
>>> log(-1.0)
nan
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError, GraphError, MicrogradError, kind

Rule = Callable[..., Any]

OPS: dict[str, Op] = {}
"""Every op by name, in order of definition."""


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
    mlir: str | None = None
    """An operation of the llvm dialect that computes it."""
    predicate: str | None = None
    """An `llvm.fcmp` predicate; the result is 1.0 or 0.0."""
    libm: str | None = None
    """A C library function of doubles (its float twin has an `f` behind the name)."""
    expand: Callable[..., Any] | None = None
    """The same function in other ops of the table."""
    ufunc: str | None = None
    """The NumPy ufunc of the same meaning."""
    commutative: bool = False
    folds: bool = False
    """Whether a call takes any number of operands, and applies it from left to right."""
    whole: bool = False
    """Compiled in one piece, by jit/vectormath, rather than by `expand`, unless strict."""

    @property
    def emittable(self) -> bool:
        """Whether the compiler can write this op."""
        return bool(self.mlir or self.predicate or self.libm or self.expand)

    @property
    def differentiable(self) -> tuple[int, ...]:
        """The operand positions that a derivative flows to."""
        return tuple(i for i, rule in enumerate(self.vjp) if rule is not None)

    @property
    def names(self) -> list[str]:
        """What its operands are called, as its rules call them.

        >>> where.names, atan2.names
        (['c', 'x', 'y'], ['y', 'x'])
        """
        rule = next((rule for rule in self.vjp if rule is not None), None)
        names = [] if rule is None else list(inspect.signature(rule).parameters)[2:]
        return names if len(names) == self.arity else list("xyz"[: self.arity])

    def __call__(self, *operands: Any) -> Any:
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
        """The op on every element of the broadcast arrays, as an array of objects."""
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
        if OPS.get(self.name) is not self:
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
        raise DataError(f"a Value holds one real number, got {kind(x)}")
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf
    except MicrogradError:  # which says more
        raise
    except (TypeError, ValueError):
        raise DataError(f"a Value holds one real number, got {kind(x)}") from None


def define(
    name: str,
    *,
    formula: str,
    vjp: tuple[Rule | None, ...],
    eval: Callable[..., float] | None = None,
    label: str | None = None,
    **how: Any,
) -> Op:
    """Enter an op into the table; without `eval`, its expansion is evaluated.

    >>> define("cube", formula="x*x*x", vjp=(lambda ct, out, x: ct * 3.0 * x * x,),
    ...        expand=lambda x: x * x * x)(2.0)
    8.0
    >>> del OPS["cube"]
    """
    expand = how.get("expand")
    if eval is None:
        if expand is None:
            raise ValueError(f"op {name}: give eval=, or expand= to evaluate")
        eval = expand
    if name in OPS:
        raise ValueError(f"op {name} is defined twice")
    op = Op(name, formula, len(vjp), eval, vjp, label or name, **how)
    OPS[name] = op
    return op


def _total(
    f: Callable[..., float], poles: dict[float, float] | None = None
) -> Callable[..., float]:
    """`f` of one float, made total: IEEE results where Python's math module raises."""

    def evaluate(x: float) -> float:
        try:
            return f(x)
        except ValueError:
            return poles[x] if poles and x in poles else math.nan
        except OverflowError:
            # exp, expm1 and cosh overflow upwards; sinh follows the sign of x
            return -math.inf if f is math.sinh and x < 0.0 else math.inf

    return evaluate


def _div(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or x != x:
            return math.nan
        return math.copysign(math.inf, x) * math.copysign(1.0, y)


def _pow(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        odd = y == math.floor(y) and y % 2.0 == 1.0
        return -math.inf if x < 0.0 and odd else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan  # a negative base to a power that is no integer
        odd = y == math.floor(y) and y % 2.0 == 1.0
        return math.copysign(math.inf, x) if odd else math.inf


def _maximum(x: float, y: float) -> float:
    if x != x or y != y:
        return math.nan
    if x == y:  # also orders the zeros: maximum(-0.0, 0.0) is 0.0
        return y if math.copysign(1.0, x) < 0.0 else x
    return x if x > y else y


def _minimum(x: float, y: float) -> float:
    return -_maximum(-x, -y)


def _float(compare: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda x, y: 1.0 if compare(x, y) else 0.0


def _pow_by_base(ct: Any, out: Any, x: Any, y: Any) -> Any:
    """ct y x**(y-1), and 0 at y = 0 where 1/x is no number.

    The guard stands around the base, where it changes no derivative by y.
    """
    if y.__class__ is float:
        return ct * (y * pow(x, y - 1.0) if y != 0.0 else 0.0)
    inverted = where(eq(y, 0.0), lt(absolute(div(1.0, x)), math.inf), 1.0)
    return ct * (y * pow(where(inverted, x, 1.0), y - 1.0))


def _pow_by_exponent(ct: Any, out: Any, x: Any, y: Any) -> Any:
    """ct x**y ln x, and 0 at x = 0 where x**y is 0 or 1."""
    nothing = where(eq(x, 0.0), ge(y, 0.0), 0.0)
    return ct * (out * log(where(nothing, 1.0, x)))


# --- arithmetic ---------------------------------------------------------------------------

add: Op = define(
    "add",
    formula="x + y",
    label="+",
    eval=operator.add,
    vjp=(lambda ct, out, x, y: ct, lambda ct, out, x, y: ct),
    mlir="llvm.fadd",
    ufunc="add",
    commutative=True,
)
sub: Op = define(
    "sub",
    formula="x - y",
    label="-",
    eval=operator.sub,
    vjp=(lambda ct, out, x, y: ct, lambda ct, out, x, y: -ct),
    mlir="llvm.fsub",
    ufunc="subtract",
)
mul: Op = define(
    "mul",
    formula="x * y",
    label="*",
    eval=operator.mul,
    vjp=(lambda ct, out, x, y: ct * y, lambda ct, out, x, y: ct * x),
    mlir="llvm.fmul",
    ufunc="multiply",
    commutative=True,
)
div: Op = define(
    "div",
    formula="x / y",
    label="/",
    eval=_div,
    # both read ct / y as a product, so that they share one division, or none if y is a constant
    vjp=(
        lambda ct, out, x, y: ct * div(1.0, y),
        lambda ct, out, x, y: -(ct * div(1.0, y) * out),
    ),
    mlir="llvm.fdiv",
    ufunc="true_divide",
)
neg: Op = define(
    "neg",
    formula="-x",
    label="neg",
    eval=operator.neg,
    vjp=(lambda ct, out, x: -ct,),
    mlir="llvm.fneg",
    ufunc="negative",
)
pow: Op = define(
    "pow",
    formula="x ** y",
    label="**",
    eval=_pow,
    vjp=(_pow_by_base, _pow_by_exponent),
    libm="pow",
    ufunc="power",
)

# --- comparisons and choice: 1.0 for true, 0.0 for false; any number but 0.0 is true -------

lt: Op = define(
    "lt", formula="x < y", label="<", eval=_float(operator.lt), vjp=(None, None),
    predicate="olt", ufunc="less",
)  # fmt: skip
le: Op = define(
    "le", formula="x <= y", label="<=", eval=_float(operator.le), vjp=(None, None),
    predicate="ole", ufunc="less_equal",
)  # fmt: skip
gt: Op = define(
    "gt", formula="x > y", label=">", eval=_float(operator.gt), vjp=(None, None),
    predicate="ogt", ufunc="greater",
)  # fmt: skip
ge: Op = define(
    "ge", formula="x >= y", label=">=", eval=_float(operator.ge), vjp=(None, None),
    predicate="oge", ufunc="greater_equal",
)  # fmt: skip
eq: Op = define(
    "eq", formula="x == y", label="==", eval=_float(operator.eq), vjp=(None, None),
    predicate="oeq", ufunc="equal", commutative=True,
)  # fmt: skip
ne: Op = define(
    "ne", formula="x != y", label="!=", eval=_float(operator.ne), vjp=(None, None),
    predicate="une", ufunc="not_equal", commutative=True,
)  # fmt: skip
where: Op = define(
    "where",
    formula="x if c else y",
    eval=lambda c, x, y: x if c != 0.0 else y,
    vjp=(
        None,
        lambda ct, out, c, x, y: where(c, ct, 0.0),
        lambda ct, out, c, x, y: where(c, 0.0, ct),
    ),
    mlir="llvm.select",
)
maximum: Op = define(
    "maximum",
    formula="max(x, y)",
    label="max",
    eval=_maximum,
    # a tie is split evenly, as PyTorch and JAX do; nothing flows to the lesser, not even 0 * inf
    vjp=(
        lambda ct, out, x, y: where(gt(x, y), ct, where(lt(x, y), 0.0, 0.5 * ct)),
        lambda ct, out, x, y: where(lt(x, y), ct, where(gt(x, y), 0.0, 0.5 * ct)),
    ),
    mlir="llvm.intr.maximum",
    ufunc="maximum",
    commutative=True,
    folds=True,
)
minimum: Op = define(
    "minimum",
    formula="min(x, y)",
    label="min",
    eval=_minimum,
    vjp=(
        lambda ct, out, x, y: where(lt(x, y), ct, where(gt(x, y), 0.0, 0.5 * ct)),
        lambda ct, out, x, y: where(gt(x, y), ct, where(lt(x, y), 0.0, 0.5 * ct)),
    ),
    mlir="llvm.intr.minimum",
    ufunc="minimum",
    commutative=True,
    folds=True,
)
detach: Op = define(
    "detach",
    formula="x, with derivative 0",
    eval=lambda x: x,
    vjp=(None,),
    expand=lambda x: x,
)
absolute: Op = define(
    "abs",
    formula="|x|",
    eval=operator.abs,
    vjp=(lambda ct, out, x: where(gt(x, 0.0), ct, where(lt(x, 0.0), -ct, 0.0)),),
    mlir="llvm.intr.fabs",
    ufunc="absolute",
)

# --- activations --------------------------------------------------------------------------

relu: Op = define(
    "relu",
    formula="0 if x < 0 else x",
    label="ReLU",
    eval=lambda x: 0.0 if x < 0.0 else x,
    vjp=(lambda ct, out, x: where(gt(out, 0.0), ct, 0.0),),
    expand=lambda x: where(lt(x, 0.0), 0.0, x),
)
tanh: Op = define(
    "tanh",
    formula="tanh x",
    eval=math.tanh,
    vjp=(lambda ct, out, x: ct * (1.0 - out * out),),
    libm="tanh",
    ufunc="tanh",
)
sigmoid: Op = define(
    "sigmoid",
    formula="1 / (1 + exp(-x))",
    # exp of a number that is never positive cannot overflow
    vjp=(lambda ct, out, x: ct * (out * (1.0 - out)),),
    expand=lambda x: div(where(lt(x, 0.0), exp(x), 1.0), 1.0 + exp(-absolute(x))),
    whole=True,
)
softplus: Op = define(
    "softplus",
    formula="log(1 + exp(x))",
    vjp=(lambda ct, out, x: ct * sigmoid(x),),
    expand=lambda x: maximum(x, 0.0) + log1p(exp(-absolute(x))),
    whole=True,
)

# --- elementary functions -------------------------------------------------------------------

exp: Op = define(
    "exp", formula="e ** x", eval=_total(math.exp), vjp=(lambda ct, out, x: ct * out,),
    libm="exp", ufunc="exp",
)  # fmt: skip
expm1: Op = define(
    "expm1", formula="e ** x - 1", eval=_total(math.expm1),
    vjp=(lambda ct, out, x: ct * (out + 1.0),), libm="expm1", ufunc="expm1",
)  # fmt: skip
log: Op = define(
    "log", formula="ln x", eval=_total(math.log, {0.0: -math.inf}),
    vjp=(lambda ct, out, x: div(ct, x),), libm="log", ufunc="log",
)  # fmt: skip
log1p: Op = define(
    "log1p", formula="ln(1 + x)", eval=_total(math.log1p, {-1.0: -math.inf}),
    vjp=(lambda ct, out, x: div(ct, 1.0 + x),), libm="log1p", ufunc="log1p",
)  # fmt: skip
sqrt: Op = define(
    "sqrt", formula="√x", eval=_total(math.sqrt),
    vjp=(lambda ct, out, x: 0.5 * ct * div(1.0, out),), mlir="llvm.intr.sqrt", ufunc="sqrt",
)  # fmt: skip
sin: Op = define(
    "sin", formula="sin x", eval=_total(math.sin), vjp=(lambda ct, out, x: ct * cos(x),),
    libm="sin", ufunc="sin",
)  # fmt: skip
cos: Op = define(
    "cos", formula="cos x", eval=_total(math.cos), vjp=(lambda ct, out, x: -(ct * sin(x)),),
    libm="cos", ufunc="cos",
)  # fmt: skip
tan: Op = define(
    "tan", formula="tan x", eval=_total(math.tan),
    vjp=(lambda ct, out, x: ct * (1.0 + out * out),), libm="tan", ufunc="tan",
)  # fmt: skip
asin: Op = define(
    "asin", formula="arcsin x", eval=_total(math.asin),
    vjp=(lambda ct, out, x: div(ct, sqrt((1.0 - x) * (1.0 + x))),), libm="asin", ufunc="arcsin",
)  # fmt: skip
acos: Op = define(
    "acos", formula="arccos x", eval=_total(math.acos),
    vjp=(lambda ct, out, x: -div(ct, sqrt((1.0 - x) * (1.0 + x))),), libm="acos", ufunc="arccos",
)  # fmt: skip
atan: Op = define(
    "atan", formula="arctan x", eval=math.atan,
    vjp=(lambda ct, out, x: div(ct, 1.0 + x * x),), libm="atan", ufunc="arctan",
)  # fmt: skip
atan2: Op = define(
    "atan2",
    formula="the angle of the point (y, x), with y first",
    eval=math.atan2,
    vjp=(
        lambda ct, out, y, x: ct * div(x, x * x + y * y),
        lambda ct, out, y, x: -(ct * div(y, x * x + y * y)),
    ),
    libm="atan2",
    ufunc="arctan2",
)
sinh: Op = define(
    "sinh", formula="sinh x", eval=_total(math.sinh), vjp=(lambda ct, out, x: ct * cosh(x),),
    libm="sinh", ufunc="sinh",
)  # fmt: skip
cosh: Op = define(
    "cosh", formula="cosh x", eval=_total(math.cosh), vjp=(lambda ct, out, x: ct * sinh(x),),
    libm="cosh", ufunc="cosh",
)  # fmt: skip
erf: Op = define(
    "erf", formula="2/√π ∫₀ˣ exp(-t²) dt", eval=math.erf,
    vjp=(lambda ct, out, x: ct * (2.0 / math.sqrt(math.pi) * exp(-(x * x))),), libm="erf",
)  # fmt: skip

BY_UFUNC: dict[str, Op] = {op.ufunc: op for op in OPS.values() if op.ufunc}
"""Ops by the name of the NumPy ufunc that they are."""
BY_UFUNC["divide"] = div
