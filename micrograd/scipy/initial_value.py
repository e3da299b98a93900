"""`solve_ivp`: SciPy's, with the right-hand side, its Jacobian and events compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy import integrate

from ..jit import Kernel
from .flat import Numbers, Unknowns, flat, is_sparse, unknowns

IMPLICIT = ("RADAU", "BDF", "LSODA")
"""The methods that take a Jacobian."""


def solve_ivp(
    fun: Callable[..., Any],
    t_span: tuple[float, float],
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: tuple[Any, ...] | None = None,
    *,
    jac: Any = None,
    **options: Any,
) -> Any:
    """`scipy.integrate.solve_ivp` of a right-hand side that is compiled, with its Jacobian.

    fun      a function of t, y, and `args`, that gives as many numbers as y has, in its structure
    y0       as x0 of `minimize`
    events   functions that give one number; they are compiled, and keep their attributes
    jac      by default compiled, where the method takes one; "sparse": compiled, as a sparse
             matrix, which Radau and BDF take; what else is given is passed on

    The result's `y` is an array of a row for each number; `structured` is y0 with a row in the
    place of each.

    >>> from micrograd.scipy import solve_ivp
    >>> found = solve_ivp(lambda t, y: [y[1], -y[0]], (0.0, 3.0), [1.0, 0.0], rtol=1e-9)
    >>> found.success, round(float(found.y[0, -1]), 6)
    (True, -0.989992)
    """
    given = () if args is None else tuple(args)
    y, start = unknowns(y0, "y0", as_array=not isinstance(fun, Kernel))
    kernel = flat(fun, y, given, time=True)
    named = method.upper() if isinstance(method, str) else ""
    if jac is None and named in IMPLICIT:
        jac = kernel.jacobian
    elif is_sparse(jac):
        jac = kernel.sparse_jacobian
    if jac is not None:
        options["jac"] = jac
    found = integrate.solve_ivp(
        kernel,
        t_span,
        start,
        method,
        t_eval,
        dense_output,
        _events(events, y, given),
        vectorized=False,
        args=given if isinstance(fun, Kernel) and given else None,
        **options,
    )
    found["structured"] = y.structured(found.y)
    return found


def _events(events: Any, y: Unknowns, args: tuple[Any, ...]) -> Any:
    """Events as SciPy takes them, of functions that are compiled."""
    if events is None:
        return None
    if callable(events):
        return _event(events, y, args)
    return [_event(each, y, args) for each in events]


def _event(event: Any, y: Unknowns, args: tuple[Any, ...]) -> Any:
    kernel = flat(event, y, args, time=True, scalar=True)
    taken = args if isinstance(event, Kernel) else ()

    def compiled(t: float, y: Numbers, *_: Any) -> float:
        return kernel(t, y, *taken)  # type: ignore[no-any-return]

    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(compiled, name, getattr(event, name))
    return compiled
