"""`root` and `root_scalar`: SciPy's, with the function and its derivatives compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import optimize

from ..jit import Kernel
from .flat import flat, unknowns

WITH_JACOBIAN = ("hybr", "lm")
"""The methods of `root` that take one."""


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> optimize.OptimizeResult:
    """`scipy.optimize.root` of a function that is compiled, with its Jacobian.

    fun   a function of x, and of `args`, that gives as many numbers as x has, in any structure
    x0    as for `minimize`
    jac   by default compiled, where the method takes one; what is given is passed on

    The result's `x` is an array; `structured` is that as x0 is.

    >>> from micrograd.scipy import root
    >>> found = root(lambda x: [x[0] + x[1] - 3.0, x[0] - 2.0 * x[1]], [0.0, 1.0])
    >>> found.success, found.x.tolist()
    (True, [2.0, 1.0])
    """
    args = args if isinstance(args, tuple) else (args,)
    x, start = unknowns(x0, "x0", as_array=not isinstance(fun, Kernel))
    kernel = flat(fun, x, args)
    if jac is None and method.lower() in WITH_JACOBIAN:
        jac = kernel.jacobian
    found = optimize.root(
        kernel,
        start,
        args=args if isinstance(fun, Kernel) else (),
        method=method,
        jac=jac,
        tol=tol,
        callback=callback,
        options=options,
    )
    found["structured"] = x.structured(np.asarray(found.x))
    return found


def root_scalar(
    f: Callable[..., Any],
    args: tuple[Any, ...] = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: float | None = None,
    x1: float | None = None,
    **how: Any,
) -> Any:
    """`scipy.optimize.root_scalar` of a function that is compiled, with its derivatives.

    f                 a function of a number, and of `args`, that gives one
    fprime, fprime2   by default compiled, where the method takes them: newton and halley, and what
                      SciPy takes where there is an x0 alone

    >>> from micrograd.scipy import root_scalar
    >>> float(root_scalar(lambda x: x**3 - 8.0, x0=1.0).root)
    2.0
    """
    args = args if isinstance(args, tuple) else (args,)
    x, _ = unknowns(0.0, "x0", as_array=False)
    kernel = flat(f, x, args, scalar=True)
    named = method.lower() if method is not None else None
    alone = named is None and bracket is None and x1 is None and x0 is not None
    if fprime is None and (named in ("newton", "halley") or alone):
        slope = kernel.grad
        fprime = _of_number(lambda x, *given: slope(x, *given)[0])
    if fprime2 is None and named == "halley":
        second = kernel.hessian
        fprime2 = _of_number(lambda x, *given: second(x, *given)[0, 0])
    return optimize.root_scalar(
        _of_number(kernel),
        args=args if isinstance(f, Kernel) else (),
        method=method,
        bracket=bracket,
        fprime=fprime,
        fprime2=fprime2,
        x0=x0,
        x1=x1,
        **how,
    )


def _of_number(kernel: Callable[..., Any]) -> Callable[..., float]:
    """A kernel of an array of one number, as a function of that."""

    def function(x: float, *args: Any) -> float:
        return float(kernel(np.array([x], dtype=np.float64), *args))

    return function
