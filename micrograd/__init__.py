"""micrograd, compiled: scalar autograd that becomes MLIR, then native code.

>>> from micrograd import Value, jit
>>> x = Value(3.0, label="x")
>>> square = jit(x * x, wrt=[x], dtype="f64")
>>> square.value_and_grad(5.0)
(25.0, (10.0,))
"""

__version__ = "0.1.0"  # before all else: errors.py looks for it

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    vmap,
)
from .jit.call.threads import get_threads, set_threads
from .ops import *  # noqa: F403
from .train import History, fit

if TYPE_CHECKING:
    from .tensor import Tensor, no_grad

LATER = {"Tensor": "tensor", "no_grad": "tensor"}
"""What is imported when it is asked for, from these modules."""


def __getattr__(name: str) -> Any:
    if name in ("matrix", "tensor"):
        return import_module(f"{__name__}.{name}")
    if name in LATER:
        found = getattr(import_module(f"{__name__}.{LATER[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *LATER})


__all__ = [
    "History",
    "Kernel",
    "Tensor",
    "Value",
    "fit",
    "get_threads",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "no_grad",
    "set_threads",
    "value_and_grad",
    "vjp",
    "vmap",
]
__all__ += ops.__all__
