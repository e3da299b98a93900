"""Contractions: sums of products of two arrays, of which a matrix product is one.

`contract(x, y, subscripts="ik,kj->ij")` is NumPy's einsum of two operands that have no label twice,
and none that only they have: such are summed over before. It is evaluated by `np.matmul`, after
transpositions and reshapes that are views wherever strides can say it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .primitive import Primitive, Shape, define, shape_error
from .quiet import quietly

Evaluation = Callable[[Any, Any], Any]


def parts_of(subscripts: str) -> tuple[str, str, str]:
    """The labels of both operands and of the result.

    >>> parts_of("ik,kj->ij")
    ('ik', 'kj', 'ij')
    """
    operands, out = subscripts.split("->")
    x, y = operands.split(",")
    return x, y, out


def _shape(x: Shape, y: Shape, *, subscripts: str) -> Shape:
    a, b, out = parts_of(subscripts)
    sizes = dict(zip(a, x, strict=True))
    for label, n in zip(b, y, strict=True):
        if sizes.setdefault(label, n) != n:
            raise shape_error(
                f"a product of shapes {x} and {y}, by {subscripts}: {label} is {sizes[label]} in "
                f"the first and {n} in the second"
            )
    return tuple(sizes[label] for label in out)


def _row_by_row(x: Any, y: Any) -> Any:
    """The sums of products along the last axis."""
    return np.matmul(x[..., None, :], y[..., None])[..., 0, 0]


@lru_cache(maxsize=1024)
def _evaluation(subscripts: str) -> Evaluation:
    """How a contraction is evaluated, found once for its subscripts."""
    a, b, out = parts_of(subscripts)
    batch = [s for s in out if s in a and s in b]
    summed = [s for s in a if s in b and s not in out]
    left = [s for s in out if s not in b]
    right = [s for s in out if s not in a]
    x_order = tuple(a.index(s) for s in batch + left + summed)
    y_order = tuple(b.index(s) for s in batch + summed + right)
    made = batch + left + right
    order = tuple(made.index(s) for s in out)
    nb, nl, ns = len(batch), len(left), len(summed)
    nr = len(right)
    is_plain = nl == ns == nr == 1 or (not nb and ns == 1 and nl < 2 and nr < 2)  # as matmul has it
    moves_x, moves_y = (o != tuple(range(len(o))) for o in (x_order, y_order))
    moves_out = order != tuple(range(len(order)))

    if not nb and not ns and nl == nr == 1 and not moves_out:
        return np.multiply.outer
    if nb and ns == 1 and not nl and not nr and not moves_x and not moves_y and not moves_out:
        return getattr(np, "vecdot", None) or _row_by_row

    def evaluate(x: Any, y: Any) -> Any:
        if moves_x:
            x = x.transpose(x_order)
        if moves_y:
            y = y.transpose(y_order)
        if is_plain:
            found = np.matmul(x, y)
        else:
            shape = x.shape[: nb + nl] + y.shape[nb + ns :]
            m, k, n = (
                math.prod(s)
                for s in (x.shape[nb : nb + nl], x.shape[nb + nl :], y.shape[nb + ns :])
            )
            x = x.reshape(*x.shape[:nb], m, k)
            y = y.reshape(*y.shape[:nb], k, n)
            found = (np.matmul(x, y) if ns else x * y).reshape(shape)
        return found.transpose(order) if moves_out else found

    return evaluate


def _eval(x: Any, y: Any, *, subscripts: str) -> Any:
    return _evaluation(subscripts)(x, y)


def contracted(x: Any, y: Any, subscripts: str) -> Any:
    """A contraction of Tensors of one dtype, whose sizes fit."""
    if x._scope is not None or y._scope is not None:
        return contract(x, y, subscripts=subscripts)
    data = quietly(_evaluation(subscripts), x._data, y._data)
    return x._made(data, contract, (x, y), {"subscripts": subscripts})


@lru_cache(maxsize=1024)
def _cotangents(subscripts: str) -> tuple[str, str]:
    """The subscripts of both operands' cotangents."""
    a, b, c = parts_of(subscripts)
    return f"{c},{b}->{a}", f"{a},{c}->{b}"


def _vjp(ct: Any, out: Any, operands: tuple[Any, ...], i: int, *, subscripts: str) -> Any:
    x, y = operands
    of_x, of_y = _cotangents(subscripts)
    return contract(x, ct, subscripts=of_y) if i else contract(ct, y, subscripts=of_x)


contract: Primitive = define(
    "contract",
    formula="out[i, j] = sum over k of x[i, k] y[k, j]",
    shape=_shape,
    eval=_eval,
    vjp=_vjp,
    dtype=lambda *dtypes, subscripts: np.result_type(*dtypes),
    reads=True,
)
