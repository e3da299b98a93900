"""heyoka: a compiled function of the value and its derivatives; its vector math is SLEEF."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import heyoka
import numpy as np

from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared
from benchmarks.peers.heyoka import versions

__all__ = ["CONTESTANTS", "columns", "versions"]

heyoka.set_nthreads(1)
EXPRESSIONS = SimpleNamespace(
    **{name: getattr(heyoka, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "erf")},
    relu=heyoka.relu,
)


def columns(setting: dict[str, Any]) -> Prepared:
    """Compact mode off; with `fast_math`, if asked for."""
    xs = np.array(columns_of(setting))
    out = batch.outputs(setting["program"], setting["n"], setting["dtype"])
    clock = Clock()
    symbols = heyoka.make_vars(*(f"x{k}" for k in range(len(xs))))
    value = batch.PROGRAMS[setting["program"]](EXPRESSIONS)(*symbols)
    tensors = heyoka.diff_tensors([value], diff_args=symbols, diff_order=1)
    f = heyoka.cfunc(
        [value, *tensors.gradient],
        symbols,
        compact_mode=False,
        fast_math=setting.get("fast_math", False),
        fp_type=batch.DTYPES[setting["dtype"]] if setting["dtype"] == "f32" else float,
    )
    f(xs, outputs=out)
    phases = {"first": clock()}
    return prepared(setting, out, python_loop("f(x, outputs=out)", f=f, x=xs, out=out), phases)


CONTESTANTS = {"columns": columns}
