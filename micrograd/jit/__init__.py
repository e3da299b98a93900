"""The compiler: Values and functions become native kernels.

trace -> Graph -> reroll -> Program -> differentiate, simplify -> schedule -> emit -> MLIR
-> lowering -> machine code
"""

from .fit import History, fit
from .kernel import Kernel, grad, jit, value_and_grad

__all__ = ["History", "Kernel", "fit", "grad", "jit", "value_and_grad"]
