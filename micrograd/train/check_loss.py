"""A compiled loss of samples, compared with the interpreter before it is trained with."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.call.check import Checker
from ..jit.ir.program import Role
from ..jit.passes.over_samples import SHARE, WEIGHTS
from ..jit.reroll.reroll import OUTPUT
from .sample_loss import SampleLoss


def check_loss(loss: SampleLoss, data: Sequence[npt.NDArray[Any]], batch: int) -> None:
    """Compare the loss of the first samples, and its gradient, with the interpreter.

    Raises CheckError. Native loops compare nothing, so this is done once, before the first of them.
    """
    program, options = loss.program, loss.options
    checker = Checker(
        "the loss of samples",
        program,
        loss.stores,
        options.dtype,
        strict=options.strict,
        returned=OUTPUT,
        trial=None,
    )
    if not checker.compares:
        return
    some = min(batch, loss.samples, len(data[0]))
    given = {
        WEIGHTS: np.where(np.arange(loss.samples) < some, 1.0 / some, 0.0),
        SHARE: np.ones(1),
    }
    rows = np.arange(loss.samples) % some  # behind the batch the weights are 0
    for k, column in enumerate(data):
        given[f"x{k}"] = column[rows].reshape(-1)
    number = ctypes.c_double if options.target.bits == 64 else ctypes.c_float
    count = ctypes.c_int64(-(-some // loss.multiple) * loss.multiple)
    extents = {a.name: count.value for a in program.with_role(Role.EXTENT)}
    passed: list[Any] = []
    columns: list[npt.NDArray[np.float64]] = []
    written: Any = None
    for a in program.with_role(Role.INPUT, Role.EXTENT, Role.OUTPUT):
        if a.role is Role.EXTENT:
            passed.append(ctypes.addressof(count))
            continue
        block = (number * a.size)(*given.get(a.name, np.zeros(a.size)))
        if a.role is Role.INPUT:
            columns.append(np.array(block, dtype=np.float64)[:, None])
        elif a.name != OUTPUT:
            written = block
        if a.name != OUTPUT:
            passed.append(block[0] if a.name == SHARE else block)
    types = [number if isinstance(x, float) else ctypes.c_void_p for x in passed]
    value = ctypes.CFUNCTYPE(number, *types)(loss.address)(*passed)
    found = np.concatenate([[value], np.array(written, dtype=np.float64)])
    checker.compare(columns, found[:, None], extents)
