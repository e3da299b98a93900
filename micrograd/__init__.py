"""micrograd, compiled: scalar autograd that becomes MLIR, then native code.

>>> from micrograd import Value, jit
>>> x = Value(3.0, label="x")
>>> square = jit(x * x, wrt=[x], dtype="f64")
>>> square.value_and_grad(5.0)
(25.0, (10.0,))
"""

__version__ = "0.1.0"  # before all else: errors.py looks for it

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lowering.late import late

from . import ops
from .engine import Value
from .ops import *  # noqa: F403

if TYPE_CHECKING:  # from where they are defined: the folders are not read before this is
    from .jit.call.threads import get_threads, set_threads
    from .jit.kernels.fixed_points import fixed_point
    from .jit.kernels.functions import grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp
    from .jit.kernels.kernel import Kernel
    from .jit.kernels.mapped import vmap
    from .jit.kernels.totals import total
    from .jit.loops import fori, scan, while_loop
    from .lines import keep_lines
    from .tables import Table, take
    from .tensor import Tensor, no_grad
    from .train.fit import fit
    from .train.history import History

if not hasattr(Value, "__apply__"):
    from .distributions import replaced

    raise replaced("engine.py")

LATER = {
    "History": "train",
    "Kernel": "jit",
    "Table": "tables",
    "Tensor": "tensor",
    "fit": "train",
    "fixed_point": "jit.kernels.fixed_points",
    "fori": "jit.loops",
    "get_threads": "jit.call.threads",
    "grad": "jit",
    "hessian": "jit",
    "hvp": "jit",
    "jacobian": "jit",
    "jit": "jit",
    "jvp": "jit",
    "keep_lines": "lines",
    "no_grad": "tensor",
    "scan": "jit.loops",
    "set_threads": "jit.call.threads",
    "take": "tables",
    "total": "jit",
    "value_and_grad": "jit",
    "vjp": "jit",
    "vmap": "jit",
    "while_loop": "jit.loops",
}
"""What is imported when it is asked for, from these modules: the compiler takes longest."""


def __getattr__(name: str) -> Any:
    if name in ("matrix", "tensor", "train"):
        return late(f"{__name__}.{name}")
    if name in LATER:
        found = getattr(late(f"{__name__}.{LATER[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


MODULES = ("checkpoint", "datasets", "losses", "matrix", "nn", "optim", "tensor", "train")
"""Modules that users import from, beside what this one has."""


def __dir__() -> list[str]:
    return sorted([*__all__, *MODULES])


class _Package(ModuleType):
    """This module, in which `jit` is the function: Python would put the folder of that name in its
    place, whenever that is imported.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, getattr(value, "jit", value) if name == "jit" else value)


sys.modules[__name__].__class__ = _Package

__all__ = [
    "History",
    "Kernel",
    "Table",
    "Tensor",
    "Value",
    "fit",
    "fixed_point",
    "fori",
    "get_threads",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "keep_lines",
    "no_grad",
    "scan",
    "set_threads",
    "take",
    "total",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
__all__ += ops.__all__
