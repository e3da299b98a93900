"""Constraints of `minimize`, with their functions and derivatives compiled."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize

from ..errors import SignatureError
from ..jit import Kernel, jit
from .flat import Unknowns, flat, is_sparse


def compiled_constraints(given: Any, x: Unknowns, *, second: bool) -> Any:
    """The constraints as SciPy takes them, of functions that are compiled.

    x        what the functions get
    second   whether the method takes second derivatives
    """
    if isinstance(given, (list, tuple)):
        return [_compiled(each, x, second=second) for each in given]
    return _compiled(given, x, second=second)


def _compiled(given: Any, x: Unknowns, *, second: bool) -> Any:
    if isinstance(given, optimize.NonlinearConstraint):
        return _nonlinear(given, x, second=second)
    if isinstance(given, Mapping) and callable(given.get("fun")):
        args = given.get("args", ())
        args = args if isinstance(args, tuple) else (args,)
        kernel = flat(given["fun"], x, args)
        passed = args if isinstance(given["fun"], Kernel) else ()
        made = {**given, "fun": kernel, "args": passed}
        if is_sparse(given.get("jac")):
            raise SignatureError(
                "a constraint that is a dict, as SLSQP and COBYLA take it, has no sparse Jacobian; "
                "jac='sparse' is for a scipy.optimize.NonlinearConstraint and trust-constr"
            )
        if given.get("jac") is None:
            made["jac"] = kernel.jacobian
        return made
    return given


def _nonlinear(given: Any, x: Unknowns, *, second: bool) -> Any:
    """A NonlinearConstraint; the derivatives that are as its class has them by default are
    compiled, and those that are asked for as sparse matrices.
    """
    kernel = flat(given.fun, x)
    made = copy.copy(given)
    made.fun = kernel
    if is_sparse(given.jac):
        made.jac = kernel.sparse_jacobian
    elif given.jac == "2-point":
        made.jac = kernel.jacobian
    if is_sparse(given.hess) or (second and _is_default(given.hess)):

        def weighted(x: np.ndarray, v: np.ndarray) -> Any:
            return sum(kernel(x) * v)

        along = jit(weighted, wrt="x")
        made.hess = along.sparse_hessian if is_sparse(given.hess) else along.hessian
    return made


def _is_default(hess: Any) -> bool:
    """Whether nobody said what the Hessian is: it is approximated by BFGS then, as made without
    arguments.
    """
    if type(hess) is not optimize.BFGS:
        return False
    plain = optimize.BFGS()
    return all(
        type(getattr(hess, name, None)) is type(value) and getattr(hess, name) == value
        for name, value in vars(plain).items()
    )
