"""SciPy's solvers, given compiled functions and compiled derivatives: docs/scipy.md.

    from micrograd.scipy import minimize

Names, arguments, defaults and results are SciPy's. What a solver takes is compiled, once, from one
trace; so are the derivatives that its method takes, where SciPy would take differences.
"""

from __future__ import annotations

try:
    import scipy  # noqa: F401
except ImportError as error:
    raise ImportError(
        "micrograd.scipy needs SciPy, which is not installed; it comes with the extra 'scipy': "
        "pip install 'micrograd-mlir[scipy]'"
    ) from error

from .fitting import curve_fit, least_squares
from .initial_value import solve_ivp
from .low_level import low_level_callable, nquad, quad
from .minimizing import minimize
from .rooting import root, root_scalar

__all__ = [
    "curve_fit",
    "least_squares",
    "low_level_callable",
    "minimize",
    "nquad",
    "quad",
    "root",
    "root_scalar",
    "solve_ivp",
]
