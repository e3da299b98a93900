"""numba: a loop over the columns, the gradient written by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.numba import fast, versions

__all__ = ["CONTESTANTS", "columns", "versions"]

SCALARS = SimpleNamespace(
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "erf")},
    relu=fast(lambda x: x if x > 0 else 0.0 * x),
    step=fast(lambda x: 1.0 if x > 0 else 0.0),
)

_LOOP = """
def columns({arguments}, out):
    for i in range(out.shape[1]):
        {results} = f({reads})
        {writes}
"""


def columns(setting: dict[str, Any]) -> Prepared:
    """One thread, fastmath; the loop is written out for the number of columns."""
    program, xs = setting["program"], columns_of(setting)
    out = batch.outputs(program, setting["n"], setting["dtype"])
    names = [f"x{k}" for k in range(len(xs))]
    rows = [f"y{k}" for k in range(len(out))]
    source = _LOOP.format(
        arguments=", ".join(names),
        results=", ".join(rows),
        reads=", ".join(f"{name}[i]" for name in names),
        writes="; ".join(f"out[{k}, i] = {row}" for k, row in enumerate(rows)),
    )
    made: dict[str, Any] = {"f": fast(batch.BY_HAND[program](SCALARS))}
    exec(source, made)
    f = fast(made["columns"])
    clock = Clock()
    f(*xs, out)
    phases = {"first": clock()}
    code, given = statement([*xs, out])
    return prepared(setting, out, python_loop(code, f=f, **given), phases)


CONTESTANTS = {"columns": columns}
