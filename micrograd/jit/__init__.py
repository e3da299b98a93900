"""The compiler: Values and functions become native kernels.

trace -> Graph -> reroll -> Program -> differentiate, simplify -> schedule -> emit -> MLIR
-> lowering -> machine code
"""

from .kernel import Kernel, grad, jit, value_and_grad

__all__ = ["Kernel", "grad", "jit", "value_and_grad"]
