"""The compiler: Values and functions become native kernels.

trace -> Graph -> reroll -> Program -> differentiate, simplify -> schedule -> emit -> MLIR
-> lowering -> machine code
"""

from .fit import fit
from .history import History
from .kernel import Kernel, grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp

__all__ = [
    "History",
    "Kernel",
    "fit",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "value_and_grad",
    "vjp",
]
