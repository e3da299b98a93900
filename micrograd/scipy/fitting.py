"""`least_squares` and `curve_fit`: SciPy's, with the residuals and their Jacobian compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import optimize

from ..errors import SignatureError
from ..jit import Kernel, jit
from .flat import Numbers, flat, is_sparse, unknowns


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    *positions: Any,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> optimize.OptimizeResult:
    """`scipy.optimize.least_squares` of residuals that are compiled, with their Jacobian.

    fun   a function of x, and of `args` and `kwargs`, that gives numbers in any structure
    x0    as for `minimize`
    jac   by default compiled; "sparse": compiled, as a sparse matrix, which SciPy solves with by
          LSMR; what else is given is passed on

    All else is as SciPy takes it behind `jac`: bounds, method, ftol, ... The result's `x` is an
    array; `structured` is that as x0 is.

    >>> from micrograd.scipy import least_squares
    >>> found = least_squares(lambda x: [10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]], [-1.2, 1.0])
    >>> [round(v, 6) for v in found.x.tolist()]
    [1.0, 1.0]
    """
    x, start = unknowns(x0, "x0", as_array=not isinstance(fun, Kernel))
    if kwargs:
        plain, named = fun, dict(kwargs)

        def fun(*given: Any) -> Any:
            return plain(*given, **named)

    kernel = flat(fun, x, args)
    if jac is None:
        jac = kernel.jacobian
    elif is_sparse(jac):
        jac = kernel.sparse_jacobian
    found = optimize.least_squares(
        kernel,
        start,
        jac,
        *positions,
        args=args if isinstance(fun, Kernel) else (),
        **options,
    )
    found["structured"] = x.structured(np.asarray(found.x))
    return found


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    *positions: Any,
    jac: Any = None,
    **options: Any,
) -> Any:
    """`scipy.optimize.curve_fit` of a model that is compiled, with its Jacobian.

    f         a function of the data and of parameters, `f(x, a, b)`, which gives as many numbers as
              there are in `ydata`. A plain function gets `xdata` whole, as in SciPy; a kernel maps
              over it, and is compiled but once
    jac       by default compiled; what is given is passed on

    All else is as SciPy takes it behind `p0`: sigma, absolute_sigma, ...

    >>> import numpy as np
    >>> from micrograd.scipy import curve_fit
    >>> x = np.linspace(0.0, 4.0, 50)
    >>> found, _ = curve_fit(lambda x, a, b: a * np.exp(-b * x), x, 2.5 * np.exp(-1.3 * x))
    >>> [round(v, 6) for v in found.tolist()]
    [2.5, 1.3]
    """
    n = _parameters(f) if p0 is None else np.size(p0)
    if isinstance(f, Kernel) and f._parameters[0].array == "map":
        model, jacobian = _mapped(f, n)
    else:
        if isinstance(xdata, (list, tuple)):
            xdata = np.asarray(xdata, dtype=np.float64)  # as SciPy does
        model, jacobian = _whole(f, n)
    if p0 is None:
        model.__signature__ = inspect.signature(f)  # which SciPy counts the parameters of
    made = jacobian if jac is None else jac
    return optimize.curve_fit(model, xdata, ydata, p0, *positions, jac=made, **options)


def _parameters(f: Callable[..., Any]) -> int:
    """How many parameters a model has."""
    try:
        given = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        given = None
    if given is None or any(p.kind is p.VAR_POSITIONAL for p in given):
        raise SignatureError(
            "curve_fit cannot see how many parameters the model has: give p0, an initial guess of "
            "them"
        )
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in given) - 1


def _whole(f: Callable[..., Any], n: int) -> tuple[Any, Any]:
    """The model and its Jacobian, of parameters, for all data at once."""
    x, _ = unknowns([1.0] * n, "p0", as_array=False)
    made: list[Any] = [None, None]

    def kernel(data: Any) -> Any:
        if data is not made[0]:  # SciPy may leave rows out
            made[:] = data, flat(lambda p: f(data, *p), x)
        return made[1]

    return (
        lambda xdata, *p: kernel(xdata)(np.array(p, dtype=np.float64)),
        lambda xdata, *p: kernel(xdata).jacobian(np.array(p, dtype=np.float64)),
    )


def _mapped(f: Kernel, n: int) -> tuple[Any, Any]:
    """The model and its Jacobian, of numbers, point by point."""
    made = f.made_of_it
    if n not in made:
        names = [p.name for p in f._parameters[1 : n + 1]]
        made[n] = jit(f, wrt=names).grad
    gradient = made[n]

    def jacobian(xdata: Any, *p: float) -> Numbers:
        partials = np.broadcast_arrays(xdata, *gradient(xdata, *p))[1:]
        return np.stack(partials, axis=-1)

    return (lambda xdata, *p: np.broadcast_arrays(xdata, f(xdata, *p))[1]), jacobian
