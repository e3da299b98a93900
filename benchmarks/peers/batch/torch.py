"""PyTorch, eager and compiled: reverse mode over arrays."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # `first` shall be one

import torch

from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.torch import versions

__all__ = ["CONTESTANTS", "columns", "columns_compiled", "versions"]

ARRAYS = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "erf")},
    relu=torch.relu,
)


def _columns(setting: dict[str, Any], *, compiled: bool) -> Prepared:
    torch.set_num_threads(setting.get("threads", 1))
    xs = [torch.from_numpy(x) for x in columns_of(setting)]
    f = batch.PROGRAMS[setting["program"]](ARRAYS)
    ones = torch.ones_like(xs[0])

    def both(*xs: Any) -> tuple[Any, Any]:
        value, vjp = torch.func.vjp(f, *xs)
        return value, vjp(ones)

    def eager(*xs: Any) -> tuple[Any, Any]:
        leaves = [x.detach().requires_grad_(True) for x in xs]
        value = f(*leaves)
        return value, torch.autograd.grad(value, leaves, ones)

    once = torch.compile(both) if compiled else eager
    clock = Clock()
    value, partials = once(*xs)
    phases = {"first": clock()}
    code, names = statement(xs)
    answer = [c.detach().numpy() for c in (value, *partials)]
    return prepared(setting, answer, python_loop(code, f=once, **names), phases)


def columns(setting: dict[str, Any]) -> Prepared:
    """Eager: a pass per operation, recorded every time."""
    return _columns(setting, compiled=False)


def columns_compiled(setting: dict[str, Any]) -> Prepared:
    """`torch.compile` of value and vector-Jacobian product; needs a C++ compiler."""
    return _columns(setting, compiled=True)


CONTESTANTS = {"columns": columns, "columns_compiled": columns_compiled}
