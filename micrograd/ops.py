"""The op table: one entry per op, and everything reads from it.

An entry holds the formula, the function on floats, the derivative, how the op is written in MLIR,
and the facts about it that passes read (opdef.py says what each field means). The interpreter, the
eager backward pass, the differentiated program, the emitter, the documentation and the tests are
all driven by these entries; a new op is one new entry.

Ops are callable: on floats they compute, on Values they build the graph, on arrays they map.

>>> tanh(0.5)
0.46211715726000974
>>> log(-1.0)
nan
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from . import ieee
from .opdef import BY_UFUNC as BY_UFUNC
from .opdef import OPS as OPS
from .opdef import Op as Op
from .opdef import _in_table as _in_table  # pickles may name it here
from .opdef import as_float as as_float
from .opdef import define as define
from .opdef import named as named
from .real_types import BY_DTYPE

__all__ = [
    "absolute",
    "acos",
    "asin",
    "atan",
    "atan2",
    "cos",
    "cosh",
    "detach",
    "eq",
    "erf",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "ne",
    "relu",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "where",
]
"""What `micrograd` exports: functions that are no operators, and what operators cannot say."""


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
    if x.__class__ is float and x != 0.0:  # its logarithm as exactly as a float is
        return ct * (out * log(x))
    nothing = where(eq(x, 0.0), ge(y, 0.0), 0.0)
    return ct * (out * log(where(nothing, 1.0, x)))


def _power_of_array(x: Any, y: Any) -> Any:
    """A number as the exponent says what NumPy does for all elements, such as a root; of arrays it
    says so only by the way in which they lie, which does not count here: they are laid in a row.
    """
    if y.__class__ is float:
        return np.square(x) if y == 2.0 else np.power(x, y)
    x, y = np.broadcast_arrays(np.asarray(x, y.dtype), y)
    return np.power(x.ravel(), y.ravel()).reshape(x.shape)


_ZERO = {dtype: np.zeros((), dtype) for dtype in BY_DTYPE}
_ONE = {dtype: np.ones((), dtype) for dtype in _ZERO}
"""NumPy takes longer to make an array of a float than to compute with few numbers."""


def _at_least_zero(x: Any) -> Any:
    """The maximum of each and 0, which np.clip finds in a third of the time where arrays are large;
    of -0.0 it is one of the zeros.
    """
    if x.size < 4096:
        return np.asarray(np.maximum(x, _ZERO.get(x.dtype, 0.0)))
    return x.clip(0.0, math.inf)


def _relu_of_array(x: Any) -> Any:
    zero = _ZERO.get(x.dtype, 0.0)
    out = _at_least_zero(x)
    np.copyto(out, x, where=x == zero)  # -0.0 stays
    return out


def _exp_of_minus_abs(x: Any) -> Any:
    """e ** -|x|, in one new array: making them is most of the time where they are large."""
    out = np.asarray(np.abs(x))
    np.negative(out, out)
    return np.exp(out, out)


def _sigmoid_of_array(x: Any) -> Any:
    one = _ONE.get(x.dtype, 1.0)
    out = _exp_of_minus_abs(x)
    below = out + one
    # where x is 0 or more, 1; elsewhere what it is, which is less
    np.maximum(out, (x >= _ZERO.get(x.dtype, 0.0)).astype(out.dtype), out=out)
    return np.divide(out, below, out)


def _softplus_of_array(x: Any) -> Any:
    out = _exp_of_minus_abs(x)
    np.log1p(out, out)
    return np.add(_at_least_zero(x), out, out)


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
    operator="__add__",
    identity=-0.0,
    reduces="+",
    neutral=(-0.0, -0.0),
    coefficients=(1.0, 1.0),
    contracts=True,
    ulps=0.5,
    integral=True,
)
sub: Op = define(
    "sub",
    formula="x - y",
    label="-",
    eval=operator.sub,
    vjp=(lambda ct, out, x, y: ct, lambda ct, out, x, y: -ct),
    mlir="llvm.fsub",
    ufunc="subtract",
    operator="__sub__",
    neutral=(None, 0.0),
    coefficients=(1.0, -1.0),
    contracts=True,
    ulps=0.5,
    integral=True,
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
    operator="__mul__",
    identity=1.0,
    reduces="*",
    neutral=(1.0, 1.0),
    exponents=(1, 1),
    contracts=True,
    ulps=0.5,
    integral=True,
)
div: Op = define(
    "div",
    formula="x / y",
    label="/",
    eval=ieee.quotient,
    # both read ct / y as a product, so that they share one division, or none if y is a constant
    vjp=(
        lambda ct, out, x, y: ct * div(1.0, y),
        lambda ct, out, x, y: -(ct * div(1.0, y) * out),
    ),
    mlir="llvm.fdiv",
    ufunc="true_divide",
    operator="__truediv__",
    neutral=(None, 1.0),
    exponents=(1, -1),
    cheap=False,
    ulps=0.5,
)
neg: Op = define(
    "neg",
    formula="-x",
    label="neg",
    eval=operator.neg,
    vjp=(lambda ct, out, x: -ct,),
    mlir="llvm.fneg",
    ufunc="negative",
    operator="__neg__",
    coefficients=(-1.0,),
    ulps=0.0,
    integral=True,
)
pow: Op = define(
    "pow",
    formula="x ** y",
    label="**",
    eval=ieee.power,
    vjp=(_pow_by_base, _pow_by_exponent),
    libm="pow",
    vectormath="power",
    ufunc="power",
    operator="__pow__",
    neutral=(None, 1.0),
    repeats=mul,
    arrays=_power_of_array,
)

# --- comparisons and choice: 1.0 for true, 0.0 for false; any number but 0.0 is true -------

lt: Op = define(
    "lt", formula="x < y", label="<", eval=ieee.truth(operator.lt), vjp=(None, None),
    predicate="olt", ufunc="less", operator="__lt__", ulps=0.0, integral=True,
)  # fmt: skip
le: Op = define(
    "le", formula="x <= y", label="<=", eval=ieee.truth(operator.le), vjp=(None, None),
    predicate="ole", ufunc="less_equal", operator="__le__", ulps=0.0, integral=True,
)  # fmt: skip
gt: Op = define(
    "gt", formula="x > y", label=">", eval=ieee.truth(operator.gt), vjp=(None, None),
    predicate="ogt", ufunc="greater", operator="__gt__", ulps=0.0, integral=True,
)  # fmt: skip
ge: Op = define(
    "ge", formula="x >= y", label=">=", eval=ieee.truth(operator.ge), vjp=(None, None),
    predicate="oge", ufunc="greater_equal", operator="__ge__", ulps=0.0, integral=True,
)  # fmt: skip
eq: Op = define(
    "eq", formula="x == y", label="==", eval=ieee.truth(operator.eq), vjp=(None, None),
    predicate="oeq", ufunc="equal", operator="__eq__", ulps=0.0, integral=True,
    commutative=True,
)  # fmt: skip
ne: Op = define(
    "ne", formula="x != y", label="!=", eval=ieee.truth(operator.ne), vjp=(None, None),
    predicate="une", ufunc="not_equal", operator="__ne__", ulps=0.0, integral=True,
    commutative=True,
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
    choice=True,
    arrays=lambda c, x, y: np.where(c if getattr(c, "dtype", None) == "?" else c != 0, x, y),
    ulps=0.0,
    integral=True,
)
maximum: Op = define(
    "maximum",
    formula="max(x, y)",
    label="max",
    eval=ieee.larger,
    # a tie is split evenly, as PyTorch and JAX do; nothing flows to the lesser, not even 0 * inf
    vjp=(
        lambda ct, out, x, y: where(gt(x, y), ct, where(lt(x, y), 0.0, 0.5 * ct)),
        lambda ct, out, x, y: where(lt(x, y), ct, where(gt(x, y), 0.0, 0.5 * ct)),
    ),
    mlir="llvm.intr.maximum",
    ufunc="maximum",
    commutative=True,
    identity=-math.inf,
    selects=True,
    reduces="max",
    folds=True,
    ulps=0.0,
    nonexpansive=True,
    orders_zeros=True,
    integral=True,
)
minimum: Op = define(
    "minimum",
    formula="min(x, y)",
    label="min",
    eval=ieee.smaller,
    vjp=(
        lambda ct, out, x, y: where(lt(x, y), ct, where(gt(x, y), 0.0, 0.5 * ct)),
        lambda ct, out, x, y: where(gt(x, y), ct, where(lt(x, y), 0.0, 0.5 * ct)),
    ),
    mlir="llvm.intr.minimum",
    ufunc="minimum",
    commutative=True,
    identity=math.inf,
    selects=True,
    reduces="min",
    folds=True,
    ulps=0.0,
    nonexpansive=True,
    orders_zeros=True,
    integral=True,
)
detach: Op = define(
    "detach",
    formula="x, with derivative 0",
    eval=lambda x: x,
    vjp=(None,),
    expand=lambda x: x,
    arrays=lambda x: x,
    ulps=0.0,
    nonexpansive=True,
    bare=True,
    integral=True,
)
absolute: Op = define(
    "abs",
    formula="|x|",
    eval=operator.abs,
    vjp=(lambda ct, out, x: where(gt(x, 0.0), ct, where(lt(x, 0.0), -ct, 0.0)),),
    mlir="llvm.intr.fabs",
    ufunc="absolute",
    operator="__abs__",
    ulps=0.0,
    nonexpansive=True,
    positive=True,
    integral=True,
)

# --- activations --------------------------------------------------------------------------

relu: Op = define(
    "relu",
    formula="0 if x < 0 else x",
    label="ReLU",
    eval=lambda x: 0.0 if x < 0.0 else x,
    vjp=(lambda ct, out, x: where(gt(out, 0.0), ct, 0.0),),
    expand=lambda x: where(lt(x, 0.0), 0.0, x),
    arrays=_relu_of_array,
    cheap=True,
    keeps_positive=True,
    ulps=0.0,
    nonexpansive=True,
)
tanh: Op = define(
    "tanh",
    formula="tanh x",
    eval=math.tanh,
    vjp=(lambda ct, out, x: ct * (1.0 - out * out),),
    libm="tanh",
    vectormath="hyperbolic",
    ufunc="tanh",
)
sigmoid: Op = define(
    "sigmoid",
    formula="1 / (1 + exp(-x))",
    eval=ieee.logistic,
    # exp of a number that is never positive cannot overflow
    vjp=(lambda ct, out, x: ct * (out * (1.0 - out)),),
    expand=lambda x: div(where(lt(x, 0.0), exp(x), 1.0), 1.0 + exp(-absolute(x))),
    arrays=_sigmoid_of_array,
    vectormath="exponential",
)
softplus: Op = define(
    "softplus",
    formula="log(1 + exp(x))",
    eval=ieee.soft_larger,
    vjp=(lambda ct, out, x: ct * sigmoid(x),),
    expand=lambda x: maximum(x, 0.0) + log1p(exp(-absolute(x))),
    arrays=_softplus_of_array,
    vectormath="logarithm",
)

# --- elementary functions -------------------------------------------------------------------

exp: Op = define(
    "exp", formula="e ** x", eval=ieee.total(math.exp), vjp=(lambda ct, out, x: ct * out,),
    libm="exp", vectormath="exponential", ufunc="exp", positive=True,
    exponential=True,
)  # fmt: skip
expm1: Op = define(
    "expm1", formula="e ** x - 1", eval=ieee.total(math.expm1),
    vjp=(lambda ct, out, x: ct * (out + 1.0),),
    libm="expm1", vectormath="exponential", ufunc="expm1",
)  # fmt: skip
log: Op = define(
    "log", formula="ln x", eval=ieee.total(math.log, {0.0: -math.inf}),
    vjp=(lambda ct, out, x: div(ct, x),), libm="log", vectormath="logarithm", ufunc="log",
    logarithmic=True,
)  # fmt: skip
log1p: Op = define(
    "log1p", formula="ln(1 + x)", eval=ieee.total(math.log1p, {-1.0: -math.inf}),
    vjp=(lambda ct, out, x: div(ct, 1.0 + x),),
    libm="log1p", vectormath="logarithm", ufunc="log1p",
)  # fmt: skip
sqrt: Op = define(
    "sqrt", formula="√x", eval=ieee.total(math.sqrt),
    vjp=(lambda ct, out, x: 0.5 * ct * div(1.0, out),), mlir="llvm.intr.sqrt", ufunc="sqrt",
    cheap=False, ulps=0.5,
)  # fmt: skip
sin: Op = define(
    "sin", formula="sin x", eval=ieee.total(math.sin), vjp=(lambda ct, out, x: ct * cos(x),),
    libm="sin", vectormath="trigonometric", ufunc="sin",
)  # fmt: skip
cos: Op = define(
    "cos", formula="cos x", eval=ieee.total(math.cos), vjp=(lambda ct, out, x: -(ct * sin(x)),),
    libm="cos", vectormath="trigonometric", ufunc="cos",
)  # fmt: skip
tan: Op = define(
    "tan", formula="tan x", eval=ieee.total(math.tan),
    vjp=(lambda ct, out, x: ct * (1.0 + out * out),),
    libm="tan", vectormath="trigonometric", ufunc="tan",
)  # fmt: skip
asin: Op = define(
    "asin", formula="arcsin x", eval=ieee.total(math.asin),
    vjp=(lambda ct, out, x: div(ct, sqrt((1.0 - x) * (1.0 + x))),),
    libm="asin", vectormath="inverse_trigonometric", ufunc="arcsin",
)  # fmt: skip
acos: Op = define(
    "acos", formula="arccos x", eval=ieee.total(math.acos),
    vjp=(lambda ct, out, x: -div(ct, sqrt((1.0 - x) * (1.0 + x))),),
    libm="acos", vectormath="inverse_trigonometric", ufunc="arccos",
)  # fmt: skip
atan: Op = define(
    "atan", formula="arctan x", eval=math.atan,
    vjp=(lambda ct, out, x: div(ct, 1.0 + x * x),),
    libm="atan", vectormath="inverse_trigonometric", ufunc="arctan",
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
    vectormath="inverse_trigonometric",
    ufunc="arctan2",
)
sinh: Op = define(
    "sinh", formula="sinh x", eval=ieee.total(math.sinh), vjp=(lambda ct, out, x: ct * cosh(x),),
    libm="sinh", vectormath="hyperbolic", ufunc="sinh",
)  # fmt: skip
cosh: Op = define(
    "cosh", formula="cosh x", eval=ieee.total(math.cosh), vjp=(lambda ct, out, x: ct * sinh(x),),
    libm="cosh", vectormath="hyperbolic", ufunc="cosh",
)  # fmt: skip
erf: Op = define(
    "erf", formula="2/√π ∫₀ˣ exp(-t²) dt", eval=math.erf,
    vjp=(lambda ct, out, x: ct * (2.0 / math.sqrt(math.pi) * exp(-(x * x))),),
    libm="erf", vectormath="erf",
)  # fmt: skip

BY_UFUNC["divide"] = div

BUILT_IN: dict[str, Op] = dict(OPS)
"""The ops of this package; those that users define come behind them."""
