"""Programs of training steps -> code; what was compiled lately is not compiled again.

A step has no numbers in it but those of its program: parameters, state and rates are arguments. So
trainings of the same loss by the same rule, on batches of the same shapes, share its code.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ..jit.code import Code, compile_program
from ..jit.compile import optimized
from ..jit.emit.interface import Interface
from ..jit.ir.program import Program
from ..jit.target import Target
from ..locks import Lock

MOST_STEPS = 8
"""How many steps are kept compiled."""
_steps: dict[tuple[str, Interface, Target], Code] = {}
"""The latest ones."""
_lock = Lock()


def compiled_step(program: Program, interface: Interface, target: Target) -> Code:
    """The code of a differentiated program, which is made where it is asked for first."""
    key = (_digest(program), interface, target)
    with _lock:
        code = _steps.pop(key, None)
    if code is None:
        code = compile_program(optimized(program, target), target, interface)
    with _lock:
        _steps[key] = code
        while len(_steps) > MOST_STEPS:
            del _steps[next(iter(_steps))]
    return code


def _digest(program: Program) -> str:
    """What two programs that compute the same by the same statements have in common."""
    digest = hashlib.sha256(str(program).encode())
    for a in program.arrays.values():
        digest.update(repr((a.name, a.role, a.shape, a.dtype, a.below)).encode())
        if a.data is not None:
            digest.update(np.ascontiguousarray(a.data).tobytes())
    return digest.hexdigest()
