"""NumPy: a pass over the arrays per operation, the gradient written by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import batch
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.numpy import versions

__all__ = ["CONTESTANTS", "columns", "versions"]

_slow_erf = np.frompyfunc(math.erf, 1, 1)


def _erf(x: Any) -> Any:
    """NumPy has none: element by element, through Python."""
    return _slow_erf(x).astype(x.dtype)


ARRAYS = SimpleNamespace(
    **{name: getattr(np, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh")},
    erf=_erf,
    relu=lambda x: np.maximum(x, 0.0),
    step=lambda x: (x > 0).astype(x.dtype),
)


def columns(setting: dict[str, Any]) -> Prepared:
    """New arrays every time; a function alone writes into one."""
    program, xs = setting["program"], columns_of(setting)
    if program in batch.FUNCTIONS:
        f, out = getattr(np, program), batch.outputs(program, setting["n"], setting["dtype"])
        f(xs[0], out=out[0])
        return prepared(setting, out, python_loop("f(x, out=y)", f=f, x=xs[0], y=out[0]))
    f = batch.BY_HAND[program](ARRAYS)
    code, names = statement(xs)
    return prepared(setting, f(*xs), python_loop(code, f=f, **names))


CONTESTANTS = {"columns": columns}
