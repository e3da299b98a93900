"""Ops of the scalar table on whole arrays.

`elementwise(*operands, op=...)` applies an op to every element of the broadcast operands. A
float operand is a literal: it takes the dtype of the others. Operands are floats of one dtype, but
for the condition of a choice, and for comparisons, whose results are bool.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import ops
from ..errors import ShapeError
from ..operators import install_operators
from ..ops import Op
from .casting import DEFAULT
from .primitive import Primitive, Shape, define, shape_error
from .reduction import is_one, summed_to


@cache
def on_arrays(op: Op) -> Callable[..., Any]:
    """The op as a function of NumPy arrays."""
    function: Callable[..., Any] | None = op.arrays
    if function is None and op.ufunc is not None:
        function = getattr(np, op.ufunc)
    if function is not None:
        return function if op.ulps <= 0.5 else _forwards(function)
    if op.expand is not None:
        return _expanded(op)
    return _mapped(op)


def _forwards(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, of copies of arrays that lie backwards: for those NumPy has other loops, which
    differ in the last digit.
    """

    def evaluate(*arrays: Any) -> Any:
        if any(map(_is_backwards, arrays)):
            arrays = tuple(x.copy() if _is_backwards(x) else x for x in arrays)
        return function(*arrays)

    return evaluate


def _is_backwards(x: Any) -> bool:
    return x.__class__ is np.ndarray and not x.flags.forc and min(x.strides) < 0


class _Elements:
    """An array as the operand of an op's expansion: what is computed with it is one too."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __apply__(self, op: Op, operands: tuple[Any, ...]) -> _Elements:
        return _Elements(on_arrays(op)(*(getattr(x, "array", x) for x in operands)))


def _unary(op: Op) -> Any:
    return lambda self: self.__apply__(op, (self,))


def _binary(op: Op, *, reflected: bool = False) -> Any:
    if reflected:
        return lambda self, other: self.__apply__(op, (other, self))
    return lambda self, other: self.__apply__(op, (self, other))


install_operators(_Elements, _unary, _binary, _binary)


def _expanded(op: Op) -> Callable[..., Any]:
    expand = op.expand
    assert expand is not None
    return lambda *arrays: expand(*map(_Elements, arrays)).array


def _mapped(op: Op) -> Callable[..., Any]:
    """Element by element, in double precision: what NumPy has no function for."""
    function = np.frompyfunc(op.eval, op.arity, 1)

    def evaluate(*arrays: Any) -> Any:
        dtype = np.result_type(*(x for x in arrays if isinstance(x, np.ndarray)))
        wide = (np.asarray(x, np.float64) for x in arrays)
        return np.asarray(function(*wide), dtype=np.float64).astype(dtype)

    return evaluate


def broadcast(name: str, *shapes: Shape) -> Shape:
    """The shape that arrays have together, by NumPy's rule.

    >>> broadcast("+", (3, 1), (4,))
    (3, 4)

    Raises ShapeError if they have none.
    """
    sizes: list[int] = []
    for axis in range(1, 1 + max(map(len, shapes), default=0)):
        size = 1
        for shape in shapes:
            n = shape[-axis] if axis <= len(shape) else 1
            if is_one(size):
                size = n
            elif n is not size and not is_one(n) and n != size:
                raise _no_broadcast(name, shapes)
        sizes.append(size)
    return tuple(reversed(sizes))


def _no_broadcast(name: str, shapes: tuple[Shape, ...]) -> ShapeError:
    shown = ", ".join(map(str, shapes[:-1])) + f" and {shapes[-1]}"
    return shape_error(
        f"{name} of shapes {shown}, which do not go together: seen from the last axis, the sizes "
        "of each should be equal, or 1; reshape or transpose one of them"
    )


def _shape(*shapes: Shape, op: Op) -> Shape:
    return broadcast(op.label, *shapes)


def _eval(*operands: Any, op: Op) -> Any:
    out = on_arrays(op)(*operands)
    if op.predicate is None:
        numbers = operands[1:] if op.choice else operands
        dtype = next((x.dtype for x in numbers if x.__class__ is not float), DEFAULT)
        if out.dtype is not dtype:  # of whole numbers and a literal; or NumPy 1 and no axes
            out = np.asarray(out, dtype)
    return out


def _dtype(*dtypes: Any, op: Op) -> Any:
    if op.predicate is not None:
        return np.dtype(np.bool_)
    numbers = dtypes[1 if op.choice else 0 :]
    return np.result_type(*numbers) if numbers else DEFAULT


def _vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, op: Op) -> Any:
    rule = op.vjp[i]
    if rule is None:
        return None
    return summed_to(rule(ct, out, *operands), operands[i].shape)


elementwise: Primitive = define(
    "elementwise",
    formula="out[i] = op(x[i], ...)",
    shape=_shape,
    eval=_eval,
    vjp=_vjp,
    dtype=_dtype,
    reads=True,
)


def _clip_vjp(
    ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, low: float, high: float
) -> Any:
    (x,) = operands
    is_outside = ops.maximum(ops.lt(x, low), ops.gt(x, high))
    return ops.where(is_outside, 0.0, ct)


clip: Primitive = define(
    "clip",
    formula="out[i] = x[i], or the bound that it is beyond",
    shape=lambda shape, *, low, high: shape,
    eval=lambda x, *, low, high: np.asarray(x.clip(low, high)),
    vjp=_clip_vjp,
    reads=True,
)
