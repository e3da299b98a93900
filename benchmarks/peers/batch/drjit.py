"""Dr.Jit: arrays traced, differentiated in reverse mode, compiled to one kernel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from benchmarks import batch
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.batch import columns_of, prepared, statement
from benchmarks.peers.drjit import drjit, versions

__all__ = ["CONTESTANTS", "columns", "versions"]

from drjit.llvm import ad

ARRAYS = SimpleNamespace(
    **{name: getattr(drjit, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "erf")},
    relu=lambda x: drjit.maximum(x, 0),
)


def columns(setting: dict[str, Any]) -> Prepared:
    """The program frozen: traced once, later calls start the kernel."""
    threads = setting.get("threads", 1)
    drjit.set_thread_count(threads)
    array = ad.Float if setting["dtype"] == "f32" else ad.Float64
    xs = [array(x) for x in columns_of(setting)]
    drjit.eval(*xs)
    f = batch.PROGRAMS[setting["program"]](ARRAYS)

    @drjit.freeze
    def once(*xs: Any) -> list[Any]:
        leaves = [array(x) for x in xs]
        drjit.enable_grad(*leaves)
        value = f(*leaves)
        drjit.backward(value)
        return [drjit.detach(value), *(drjit.grad(x) for x in leaves)]

    def computed(*xs: Any) -> list[Any]:
        found = once(*xs)
        drjit.eval(*found)
        drjit.sync_thread()
        return found

    clock = Clock()
    answer = computed(*xs)
    phases = {"first": clock()}
    code, names = statement(xs)
    run = python_loop(code, f=computed, **names)
    return prepared(setting, [c.numpy() for c in answer], run, phases)


CONTESTANTS = {"columns": columns}
