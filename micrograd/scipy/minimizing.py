"""`minimize`: SciPy's, with the value and the derivatives compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import optimize

from ..errors import SignatureError
from ..jit import Kernel
from .constrained import compiled_constraints
from .flat import Numbers, flat, is_sparse, unknowns

SECOND = {
    "newton-cg": "hessp",
    "trust-ncg": "hessp",
    "trust-krylov": "hessp",
    "trust-constr": "hess",
    "dogleg": "hess",
    "trust-exact": "hess",
}
"""What methods take of second derivatives: the Hessian, or where they take either, its product with
a direction.
"""
DENSE = ("dogleg", "trust-exact", "trust-krylov", "trust-ncg")
"""Methods that take no sparse Hessian."""
WITHOUT = ("nelder-mead", "powell", "cobyla", "cobyqa")
"""Methods that take no derivatives."""


class ValueAndGradient:
    """A function and its gradient, which solvers ask for one after the other: they are computed
    together, and the gradient is kept for the point that it belongs to.
    """

    __slots__ = ("_at", "_gradient", "_kernel")

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel.value_and_grad
        self._at: bytes | None = None
        self._gradient: Any = None

    def value(self, x: Numbers, *args: Any) -> float:
        """The value at x."""
        at = x.tobytes()
        value, self._gradient = self._kernel(x, *args)
        self._at = at
        return value  # type: ignore[no-any-return]

    def gradient(self, x: Numbers, *args: Any) -> Numbers:
        """The gradient at x."""
        if x.tobytes() != self._at:
            self.value(x, *args)
        return self._gradient  # type: ignore[no-any-return]


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | Callable[..., Any] | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> optimize.OptimizeResult:
    """`scipy.optimize.minimize` of a function that is compiled, with its derivatives.

    fun          a function of x, and of `args`, that gives one number; or a kernel of one
    x0           numbers: an array, or a list, tuple or dict, nested. Numbers in a row are an array
                 for a plain function, as in SciPy; else a function gets what x0 is
    jac, hess,   by default compiled: those that the method takes. hess="sparse": compiled, as a
    hessp        sparse matrix, for trust-constr. What else is given is SciPy's: with jac=True,
                 `fun` gives its gradient, too
    constraints  their functions are compiled, with the derivatives that they lack, and get x as
                 `fun` gets it

    All else is SciPy's. The result is, too: its `x` is an array; `structured` is that as x0 is.

    Raises SignatureError where `fun` gives several numbers, or takes none.

    >>> from micrograd.scipy import minimize
    >>> found = minimize(lambda p: (p["a"] - 1.0) ** 2 + p["b"] ** 2, {"a": 5.0, "b": 3.0})
    >>> {name: round(x, 6) + 0.0 for name, x in found.structured.items()}
    {'a': 1.0, 'b': 0.0}
    """
    args = args if isinstance(args, tuple) else (args,)
    x, start = unknowns(x0, "x0", as_array=not isinstance(fun, Kernel))
    kernel = flat(fun, x, args, scalar=jac is not True)
    named = method.lower() if isinstance(method, str) else method
    given = {"jac": jac, "hess": hess, "hessp": hessp}
    found = optimize.minimize(
        x0=start,
        args=args if isinstance(fun, Kernel) else (),
        method=method,
        **_derivatives(kernel, named, given),
        bounds=bounds,
        constraints=compiled_constraints(constraints, x, second=named == "trust-constr"),
        tol=tol,
        callback=callback,
        options=options,
    )
    found["structured"] = x.structured(np.asarray(found.x))
    return found


def _derivatives(kernel: Any, method: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The function and its derivatives, as SciPy takes them: those that are given, and compiled
    those that the method takes.
    """
    if is_sparse(given["jac"]):
        raise SignatureError(
            "minimize: a gradient is a row of numbers, never sparse; hess='sparse' asks for a "
            "sparse Hessian"
        )
    if is_sparse(given["hess"]) and method in DENSE:
        raise SignatureError(
            f"minimize: SciPy's {method} takes no sparse Hessian, as trust-constr and Newton-CG do"
        )
    if given["jac"] is True:
        return {"fun": _pair(kernel), **given}
    if given["jac"] is None and method not in WITHOUT:
        both = ValueAndGradient(kernel)
        made = {"fun": both.value, **given, "jac": both.gradient}
    else:
        made = {"fun": kernel, **given}
    if is_sparse(given["hess"]):
        made["hess"] = kernel.sparse_hessian
    elif callable(made["jac"]) and given["hess"] is None and given["hessp"] is None:
        second = SECOND.get(method) if isinstance(method, str) else None
        if second == "hess":
            made["hess"] = kernel.hessian
        elif second == "hessp" or callable(method):
            made["hessp"] = _product(kernel)
    return made


def _pair(kernel: Any) -> Callable[..., tuple[float, Numbers]]:
    """A value and its gradient, of a function that gives both, as SciPy takes them."""

    def pair(x: Numbers, *args: Any) -> tuple[float, Numbers]:
        found = kernel(x, *args)
        return found[0], found[1:]

    return pair


def _product(kernel: Any) -> Callable[..., Numbers]:
    """The Hessian times a direction, as SciPy calls it."""
    hvp = kernel.hvp

    def product(x: Numbers, p: Numbers, *args: Any) -> Numbers:
        return hvp(x, *args, p)  # type: ignore[no-any-return]

    return product
