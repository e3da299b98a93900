"""micrograd, compiled: scalar autograd that becomes MLIR, then native code.

>>> from micrograd import Value, jit
>>> x = Value(3.0, label="x")
>>> square = jit(x * x, wrt=[x], dtype="f64")
>>> square.value_and_grad(5.0)
(25.0, (10.0,))
"""

__version__ = "0.1.0"  # before all else: errors.py looks for it

from . import ops
from .engine import Value
from .jit import (
    Kernel,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    value_and_grad,
    vjp,
)
from .jit.call.threads import get_threads, set_threads
from .ops import *  # noqa: F403
from .train import History, fit

__all__ = [
    "History",
    "Kernel",
    "Value",
    "fit",
    "get_threads",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "set_threads",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__
