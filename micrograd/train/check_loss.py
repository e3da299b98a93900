"""A compiled loss of samples, compared with the interpreter before it is trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit.call.check import Checker
from ..jit.ir.program import Role
from ..jit.passes.over_samples import SHARE, WEIGHTS
from ..jit.reroll.outputs import OUTPUT
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
    names = [f"x{k}" for k in range(len(data) - len(loss.indices))]
    names += [index.name for index in loss.indices]
    for name, column in zip(names, data, strict=True):
        given[name] = column[rows].reshape(-1)
    count = -(-some // loss.multiple) * loss.multiple
    extents = {a.name: count for a in program.with_role(Role.EXTENT)}
    with np.errstate(all="ignore"):  # what float32 does not hold is inf or 0
        columns = [
            given.get(a.name, np.zeros(a.size)).astype(options.dtype).astype(np.float64)
            for a in program.with_role(Role.INPUT)
        ]
    passed = dict(zip([a.name for a in program.with_role(Role.INPUT)], columns, strict=True))
    found = loss.interface.call(loss.address, program, options.dtype, passed | extents)
    results = np.concatenate([found[name] for name in checker.outputs])
    checker.compare([x[:, None] for x in columns], results[:, None], extents)
