"""The compiler: Values and functions become native kernels.

trace -> Graph -> reroll -> Program -> differentiate, simplify -> schedule -> emit -> MLIR
-> lowering -> machine code
"""

import sys

try:
    from .. import errors  # noqa: F401  first: it looks at whether all files are ours
    from . import recording  # noqa: F401  which traced.py is told of
    from .kernels.functions import grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp
    from .kernels.kernel import Kernel
    from .kernels.mapped import vmap
    from .kernels.totals import total

    if not hasattr(sys.modules["micrograd.engine"].Value, "__apply__"):
        raise ImportError("this Value records no ops", name="micrograd.engine")
except ImportError as error:
    if error.name not in ("micrograd.engine", "micrograd.nn"):
        raise
    from ..distributions import replaced

    raise replaced(f"{error.name.partition('.')[2]}.py") from error

__all__ = [
    "Kernel",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "total",
    "value_and_grad",
    "vjp",
    "vmap",
]


def __dir__() -> list[str]:
    return sorted(__all__)
