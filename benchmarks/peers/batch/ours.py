"""This project: a kernel called with arrays."""

from __future__ import annotations

from typing import Any

import micrograd
from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.ours import versions

__all__ = ["CONTESTANTS", "columns", "versions"]


def columns(setting: dict[str, Any]) -> Prepared:
    """All results in one buffer; `first` is tracing, compiling and the first call."""
    xs = columns_of(setting)
    out = batch.outputs(setting["program"], setting["n"], setting["dtype"])
    program = batch.PROGRAMS[setting["program"]](micrograd)
    clock = Clock()
    f = micrograd.jit(program, dtype=setting["dtype"], threads=setting.get("threads", 1))
    f, into = (f.value_and_grad, out) if len(out) > 1 else (f, out[0])
    f(*xs, out=into)
    phases = {"first": clock()}
    code, names = statement(xs, out="out")
    return prepared(setting, out, python_loop(code, f=f, out=into, **names), phases)


CONTESTANTS = {"columns": columns}
