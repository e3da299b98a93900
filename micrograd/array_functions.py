"""Functions of NumPy on arrays of Values that are no ufuncs, and that NumPy's code has no form of.

Input: what NumPy's function of the same name is called with. Output: arrays, or one Value; or
TraceError at the user's line. They are written with functions of NumPy that arrays of Values have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import ops
from .errors import TraceError, user_location
from .numpy_functions import refuse
from .reductions import chosen, counted, plain


def where(condition: Any, *choices: Any) -> Any:
    """np.where, of which the form with choices is an op."""
    if len(choices) != 2:
        raise TraceError(
            f"{user_location()}: np.where of a condition alone gives indices, which a Value has "
            "none of; give it both choices: np.where(condition, x, y)"
        )
    return ops.where.map(*map(_array, (condition, *choices)))


def _array(x: Any) -> Any:
    """Lists as arrays of objects, which hold Values."""
    return np.array(x, dtype=object) if isinstance(x, (list, tuple)) else plain(x)


def clip(
    x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None,
    max: Any = None, **how: Any,
) -> Any:  # fmt: skip
    """np.clip, by maximum and minimum."""
    if how:
        raise TraceError(f"{user_location()}: np.clip with {', '.join(how)}= is not for Values")
    low, high = a_min if min is None else min, a_max if max is None else max
    found = x if low is None else ops.maximum.map(*map(_array, (x, low)))
    found = found if high is None else ops.minimum.map(*map(_array, (found, high)))
    return into(out, found)


def into(out: Any, found: Any) -> Any:
    """The result, written to `out` if that is given, alone or in a tuple."""
    if isinstance(out, tuple):
        (out,) = out
    if out is None or out is np._NoValue:
        return found
    out[...] = found
    return out


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """np.select, by `where`, the last condition first."""
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"{user_location()}: np.select takes as many choices as conditions; got "
            f"{len(choicelist)} and {len(condlist)}"
        )
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        condition, choice, found = map(_array, (condition, choice, found))
        found = chosen(condition, choice, found)
    return np.asanyarray(found, dtype=object)


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, **how: Any
) -> Any:
    """np.average, which NumPy has but for the count that it returns where there are no weights."""
    if weights is not None or not returned:
        return np.average._implementation(a, axis, weights, returned, **how)  # type: ignore[attr-defined]
    mean = np.mean(a, axis=axis, **how)
    return mean, np.full(np.shape(mean), float(counted(a, axis, False, True)))[()]


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """np.cov, without weights."""
    if fweights is not None or aweights is not None:
        raise TraceError(
            f"{user_location()}: np.cov with fweights= or aweights= is not for Values; write it "
            "with sums: off = x - np.average(x, weights=w), then (w * off * off).sum() / w.sum()"
        )
    x = _rows(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _rows(y, rowvar)])
    off = x - x.sum(axis=1, keepdims=True) / x.shape[1]
    ddof = (0 if bias else 1) if ddof is None else ddof
    return np.squeeze(off @ off.T / max(x.shape[1] - ddof, 0))


def _rows(x: Any, rowvar: bool) -> Any:
    """Observations as columns."""
    x = np.atleast_2d(np.asanyarray(x, dtype=object))
    return x if rowvar or x.shape[0] == 1 else x.T


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *_: Any, **how: Any) -> Any:
    """np.corrcoef."""
    found = np.asanyarray(cov(x, y, rowvar))
    if not found.ndim:
        return found / found
    deviations = np.sqrt(np.diagonal(found))
    return np.clip(found / deviations[:, None] / deviations[None, :], -1.0, 1.0)


def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """np.count_nonzero, by comparing with 0."""
    return np.sum(np.not_equal(a, 0.0), axis=axis, keepdims=keepdims)


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """np.isclose."""
    near = np.less_equal(np.abs(a - b), atol + rtol * np.abs(b)) * np.isfinite(b)
    found = np.maximum(near, np.equal(a, b))
    return np.maximum(found, np.isnan(a) * np.isnan(b)) if equal_nan else found


def _is_infinite(bound: float) -> Callable[..., Any]:
    return lambda x, out=None: into(out, np.equal(x, bound))


def _without_nan(by: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function of numbers among which those that are nan are another number."""

    def found(a: Any, *args: Any, **how: Any) -> Any:
        return function(ops.where.map(np.isnan(a), by, plain(a)).view(type(a)), *args, **how)

    return found


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function of the numbers that are not nan."""

    def found(a: Any, *args: Any, **how: Any) -> Any:
        numbers = np.equal(a, a)
        if how.get("where", True) is not True:
            numbers = numbers * chosen(how["where"], np.ones(np.shape(a), object), 0.0)
        zeros = ops.where.map(*map(plain, (numbers, a, 0.0))).view(type(a))
        return function(zeros, *args, **how | {"where": numbers})

    return found


def _of_few(function: Callable[..., Any]) -> Callable[..., Any]:
    """nanvar and nanstd, which are nan where `ddof` leaves nothing."""
    of_numbers = _of_numbers(function)

    def found(a: Any, axis: Any = None, *args: Any, ddof: Any = 0, **how: Any) -> Any:
        variance = of_numbers(a, axis, *args, ddof=ddof, **how)
        kept = {k: x for k, x in how.items() if k == "keepdims"}
        left = np.sum(np.equal(a, a), axis=axis, **kept) - ddof
        return ops.where.map(*map(plain, map(np.asanyarray, (left > 0, variance, math.nan))))

    return found


def _reduced(ufunc: Any) -> Callable[..., Any]:
    """nanmax and nanmin."""

    def found(a: Any, axis: Any = None, out: Any = None, **how: Any) -> Any:
        return into(out, ufunc.reduce(a, axis=axis, **how))

    return found


OF_ARRAYS: dict[Any, Callable[..., Any]] = {
    np.where: where,
    np.select: select,
    np.clip: clip,
    np.nan_to_num: refuse("nan_to_num"),
    np.vdot: lambda a, b: np.dot(np.ravel(a), np.ravel(b)),
    np.average: average,
    np.cov: cov,
    np.corrcoef: corrcoef,
    np.count_nonzero: count_nonzero,
    np.isclose: isclose,
    np.isposinf: _is_infinite(math.inf),
    np.isneginf: _is_infinite(-math.inf),
    np.nansum: _without_nan(0.0, np.sum),
    np.nanprod: _without_nan(1.0, np.prod),
    np.nancumsum: _without_nan(0.0, np.cumsum),
    np.nancumprod: _without_nan(1.0, np.cumprod),
    np.nanmean: _of_numbers(np.mean),
    np.nanvar: _of_few(np.var),
    np.nanstd: _of_few(np.std),
    np.nanmax: _reduced(np.fmax),
    np.nanmin: _reduced(np.fmin),
}
"""What arrays of Values do by themselves."""
