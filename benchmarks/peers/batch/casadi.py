"""CasADi: scalar symbols, mapped over the points by its virtual machine or through C."""

from __future__ import annotations

import ctypes
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import casadi
import numpy as np

from benchmarks import batch
from benchmarks.native import build
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared
from benchmarks.peers.casadi import versions

__all__ = ["CONTESTANTS", "columns", "columns_c", "versions"]

SYMBOLS = SimpleNamespace(
    **{name: getattr(casadi, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "erf")},
    relu=lambda x: casadi.fmax(x, 0),
)

_LOOP = """
#include "f.c"
#include <time.h>
double seconds(long count, long n, const double *const *in, double *const *out) {{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long k = 0; k < count; k++)
        for (long i = 0; i < n; i++) {{
            const double *arg[{inputs}];
            double *res[{results}];
            for (int j = 0; j < {inputs}; j++) arg[j] = in[j] + i;
            for (int j = 0; j < {results}; j++) res[j] = out[j] + i;
            f(arg, res, 0, 0, 0);
        }}
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec);
}}
"""


def _function(program: str) -> Any:
    """Value and partials of one point."""
    xs = [casadi.SX.sym(f"x{k}") for k in range(len(batch.RANGES[program]))]
    value = batch.PROGRAMS[program](SYMBOLS)(*xs)
    partials = casadi.gradient(value, casadi.vertcat(*xs))
    return casadi.Function("f", xs, [value, *casadi.vertsplit(partials)])


def columns(setting: dict[str, Any]) -> Prepared:
    """Its virtual machine, through `buffer()`."""
    xs, n = columns_of(setting), setting["n"]
    clock = Clock()
    f = _function(setting["program"]).map(n)
    buffer, call = f.buffer()
    out = np.full((len(xs) + 1, n), np.nan)
    for k, x in enumerate(xs):
        buffer.set_arg(k, memoryview(x))
    for k, row in enumerate(out):
        buffer.set_res(k, memoryview(row))
    call()
    phases = {"first": clock()}
    run = python_loop("call()", call=call, kept=(f, buffer, xs, out))
    return prepared(setting, out, run, phases)


def columns_c(setting: dict[str, Any]) -> Prepared:
    """The C that it writes, compiled at -O3, called point by point by a loop in C."""
    xs, n = columns_of(setting), setting["n"]
    out = batch.outputs(setting["program"], n, setting["dtype"])
    clock = Clock()
    folder = Path(mkdtemp(prefix="benchmark-"))
    generator = casadi.CodeGenerator("f.c")
    generator.add(_function(setting["program"]))
    generator.generate(f"{folder}/")
    source = _LOOP.format(inputs=len(xs), results=len(out))
    loaded = ctypes.CDLL(str(build(source, f"-I{folder}")))
    tables = [(ctypes.c_void_p * len(c))(*(x.ctypes.data for x in c)) for c in (xs, out)]
    loop = loaded.seconds
    loop.restype = ctypes.c_double
    loop.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    loop(1, n, *tables)
    phases = {"first": clock()}

    def run(count: int, kept: Any = (loaded, xs, out)) -> float:
        return float(loop(count, n, *tables))

    return prepared(setting, out, run, phases)


CONTESTANTS = {"columns": columns, "columns_c": columns_c}
