"""Modules of the emitter, translated by `lowering` and by MLIR itself: both run, and agree."""

from __future__ import annotations

import ctypes
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lowering
from lowering.bindings import context, ir
from lowering.upstream import is_available, upstream
from micrograd import Value, exp, jit, maximum, sin, tanh, where
from micrograd.jit.executable import Executable
from micrograd.nn import MLP
from tests.lowering.oracle import reference_ir


def readme() -> Executable:
    """Scalars by value, a pointer for the partials."""
    kernel = jit(lambda a, b: (a * b + b**3 + tanh(a)) / (1.0 + exp(-b)), dtype="f64")
    kernel.value_and_grad(-0.5, 2.0)
    return shown(kernel.value_and_grad)


def strict() -> Executable:
    """No fast-math flags, no builtins."""
    kernel = jit(lambda a, b: where(a > b, a**2, maximum(a, sin(b))), dtype="f64", strict=True)
    kernel.grad(-0.5, 2.0)
    return shown(kernel.grad)


def network() -> Executable:
    """Loops over vectors, parameters, float32, a pointer argument."""
    random.seed(3)
    kernel = jit(MLP(5, [18, 7, 1]))
    kernel.value_and_grad([0.1 * k for k in range(5)])
    return shown(kernel.value_and_grad)


def samples() -> Executable:
    """A fused loop over samples, with accumulators and constant data."""
    random.seed(4)
    model = MLP(2, [8, 8, 1])
    points = [(math.cos(k), math.sin(2.0 * k)) for k in range(40)]
    loss = sum((model(list(map(Value, p))) - p[0] * p[1]) ** 2 for p in points)
    kernel = jit(loss, wrt=model.parameters(), dtype="f64")
    kernel.value_and_grad()
    return shown(kernel.value_and_grad)


def recurrence() -> Executable:
    """A loop in turn, and the reversed one."""

    def walk(x: Any, v: Any) -> Any:
        for _ in range(60):
            x, v = x + 0.01 * v, v - 0.01 * sin(x)
        return x

    kernel = jit(walk, dtype="f64")
    kernel.value_and_grad(1.0, 0.0)
    return shown(kernel.value_and_grad)


def batches() -> Executable:
    """Loops over index tables outside the module."""
    rng = random.Random(5)
    leaves = [Value(rng.uniform(-1, 1)) for _ in range(30)]
    nodes = list(leaves)
    for _ in range(4000):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append(
            rng.choice([lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x.tanh()])(a, b)
        )
    kernel = jit(sum(nodes[-50:]), wrt=leaves, dtype="f64")
    kernel.value_and_grad()
    return shown(kernel.value_and_grad)


def shown(kernel: Any) -> Executable:
    """What a kernel has compiled."""
    found: Executable = kernel._shown
    return found


KERNELS = [readme, strict, network, samples, recurrence, batches]


@pytest.mark.skipif(not is_available(), reason="these bindings do not translate")
@pytest.mark.parametrize("made", KERNELS)
def test_mlir_translates_what_the_emitter_emits(made: Callable[[], Executable]) -> None:
    """What is compiled is then MLIR's translation; ours computes the same."""
    executable = made()
    module = ir.Module.parse(executable.code.mlir, context())
    theirs = upstream(module)
    assert theirs is not None
    outcomes = []
    for text in (theirs, lowering.translate(module)):
        with lowering.compile_ir(text, **levels(executable)) as native:
            outcomes.append(results(executable, native))
    assert outcomes[0] == outcomes[1] == results(executable, executable.native)


@pytest.mark.parametrize("made", KERNELS)
def test_both_translations_compute_the_same(made: Callable[[], Executable]) -> None:
    executable = made()
    ours = results(executable, executable.native)
    reference = reference_ir(ir.Module.parse(executable.code.mlir, context()))
    with lowering.compile_ir(reference, **levels(executable)) as native:
        assert results(executable, native) == ours
    assert all(math.isfinite(x) for x in ours)
    assert any(x != 0.0 for x in ours)


def levels(executable: Executable) -> dict[str, Any]:
    """How its code was made."""
    schedule = executable.schedule
    how = {"opt_level": schedule.opt_level, "passes": schedule.passes}
    return {**how, "vectorize": False, "unroll": False}


def results(executable: Executable, native: lowering.NativeModule | None) -> list[float]:
    """What `main` of a native module gives, with its pointers to parameters and data set."""
    assert native is not None
    for k, store in enumerate(executable.stores):
        if f"p{k}" in native.symbols:
            ctypes.c_void_p.from_address(native.address(f"p{k}")).value = store.address
    for name, data in executable.code.data.items():
        ctypes.c_void_p.from_address(native.address(name)).value = data.ctypes.data
    entry = executable.convention.prototype(native.address("main"))
    sizes = executable.pointer_outputs
    outputs = [np.full(size, np.nan, dtype=executable.options.dtype) for size in sizes]
    inputs = [
        np.linspace(-1.0, 1.0, len(s.items)).astype(executable.options.dtype)
        if hasattr(s, "items")
        else 0.3 + k
        for k, (_, s) in enumerate(executable.parameters)
    ]
    passed = [x.ctypes.data if isinstance(x, np.ndarray) else x for x in [*inputs, *outputs]]
    value = entry(*passed)
    return [*([] if value is None else [value]), *(float(x) for o in outputs for x in o)]
