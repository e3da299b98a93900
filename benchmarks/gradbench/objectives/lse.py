"""lse: the logarithm of a sum of exponentials, without overflow, of one long array."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import exp, jit, log, maximum

from . import Prepared


def log_sum_exp(x: np.ndarray) -> Any:
    """As it is written for plain numbers: the maximum first, one after the other."""
    top = x[0]
    for v in x[1:]:
        top = maximum(top, v)
    return log(sum(exp(v - top) for v in x)) + top


_log_sum_exp = jit(log_sum_exp)


def primal(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_log_sum_exp, np.array(given["x"])), float


def gradient(given: dict[str, Any]) -> Prepared:
    """Its gradient."""
    return partial(_log_sum_exp.grad, np.array(given["x"])), list
