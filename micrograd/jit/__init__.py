"""The compiler: Values and functions become native kernels.

trace -> Graph -> reroll -> Program -> differentiate, simplify -> schedule -> emit -> MLIR
-> lowering -> machine code
"""

from .fit import fit
from .functions import grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp
from .history import History
from .kernel import Kernel

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
