"""C by hand: c/batch.c, called by a loop in C."""

from __future__ import annotations

import ctypes
from typing import Any

from benchmarks import batch
from benchmarks.native import library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.batch import columns_of, prepared
from benchmarks.peers.c import versions

__all__ = ["CONTESTANTS", "columns", "versions"]


def columns(setting: dict[str, Any]) -> Prepared:
    """With glibc's vector functions, or with `vector_math` False without them."""
    program, n = setting["program"], setting["n"]
    flags = [] if setting.get("vector_math", True) else ["-DSCALAR_MATH"]
    if setting.get("threads", 1) > 1:
        flags += [f"-DTHREADS={setting['threads']}", "-fopenmp"]
    clock = Clock()
    loaded = library("batch.c", {"f32": "float", "f64": "double"}[setting["dtype"]], *flags)
    phases = {"compile": clock()}
    xs, out = columns_of(setting), batch.outputs(program, n, setting["dtype"])
    tables = [(ctypes.c_void_p * len(c))(*(x.ctypes.data for x in c)) for c in (xs, out)]
    f = getattr(loaded, "batch_" + setting.get("symbol", program))
    f.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    f(n, *tables)
    loop = loaded.seconds
    loop.argtypes = [ctypes.c_void_p, ctypes.c_long, *f.argtypes]
    loop.restype = ctypes.c_double
    kept = (loaded, xs, out)

    def run(count: int, kept: Any = kept) -> float:
        return float(loop(f, count, n, *tables))

    return prepared(setting, out, run, phases)


CONTESTANTS = {"columns": columns}
