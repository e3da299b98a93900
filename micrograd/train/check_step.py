"""A compiled training step of Tensors, compared with the interpreter before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..jit.call.check import Checker
from ..jit.call.team import ALONE
from ..jit.ir.program import NUMBER, Role
from ..jit.options import Options
from .tensor_step import LOSS, STEP, TensorStep


def check_step(
    step: TensorStep, given: Mapping[str, Any], extents: Mapping[str, int], options: Options
) -> None:
    """Compare the loss of a batch, and the parameters and state behind the step, on copies.

    given     numbers of data, parameters, state and rates, by array
    extents   the number of samples, where the step is for any

    Raises CheckError. Native loops compare nothing, so this is done once, before the first of them.
    """
    program = step.program
    checker = Checker(
        "the training step",
        program,
        (),
        options.dtype,
        strict=False,  # functions of strict steps are NumPy's, not Python's
        returned=LOSS,
        trial=None,
    )
    if not checker.compares:
        return
    states = [a.name for a in program.with_role(Role.STATE)]
    # the interpreter does not round what is stored in fewer bits, and nothing reads it afterwards
    checker.outputs += [name for name in states if program.arrays[name].dtype == NUMBER]
    with np.errstate(all="ignore"):  # what float32 does not hold is inf or 0
        numbers = {
            a.name: _as_read(given[a.name], options.dtype, a.is_index).reshape(-1)
            for a in program.with_role(Role.INPUT, Role.STATE)
        }
    passed = numbers | dict(extents)
    found = STEP.call(step.code.address, program, options.dtype, passed, ALONE.address)
    columns = [numbers[a.name][:, None] for a in program.with_role(Role.INPUT)]
    results = np.concatenate([found[name] for name in checker.outputs])
    memory: dict[str, Any] = {name: numbers[name] for name in states}
    checker.compare(columns, results[:, None], memory | dict(extents))


def _as_read(numbers: Any, dtype: Any, is_index: bool) -> Any:
    array = np.asarray(numbers)
    return array if is_index else array.astype(dtype).astype(np.float64)
