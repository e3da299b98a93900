"""This project: a kernel called with arrays."""

from __future__ import annotations

import contextlib
from typing import Any

import micrograd
from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.ours import versions
from micrograd.errors import SignatureError

__all__ = ["CONTESTANTS", "columns", "versions"]


def set_threads(n: int) -> None:
    """Let kernels use so many threads; until they can, there is one."""
    if hasattr(micrograd, "set_threads"):
        micrograd.set_threads(n)
    elif n > 1:
        raise NotImplementedError("kernels run on one thread")


def columns(setting: dict[str, Any]) -> Prepared:
    """All results in one buffer; `first` is tracing, compiling and the first call."""
    set_threads(setting.get("threads", 1))
    xs = columns_of(setting)
    out = batch.outputs(setting["program"], setting["n"], setting["dtype"])
    clock = Clock()
    f = micrograd.jit(batch.PROGRAMS[setting["program"]](micrograd), dtype=setting["dtype"])
    if len(out) == 1:
        f(*xs, out=out[0])
        phases = {"first": clock()}
        code, names = statement(xs, out="out")
        return prepared(setting, out, python_loop(code, f=f, out=out[0], **names), phases)
    f = f.value_and_grad
    with contextlib.suppress(SignatureError, TypeError):
        f(*xs, out=out)
        phases = {"first": clock()}
        code, names = statement(xs, out="out")
        return prepared(setting, out, python_loop(code, f=f, out=out, **names), phases)
    value, partials = f(*xs)  # several results do not go into one buffer yet
    phases = {"first": clock()}
    code, names = statement(xs)
    return prepared(setting, [value, *partials], python_loop(code, f=f, **names), phases)


CONTESTANTS = {"columns": columns}
