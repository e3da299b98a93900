"""The width of vectors is an option of the compiler: every machine can try what others run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value
from micrograd.jit.kernels.kernel import Kernel
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.jit.trace.source import FunctionSource
from micrograd.jit.wanted import Wanted
from micrograd.train.sample_loss import BlockLoss, sample_loss


def product(x: Any, y: Any) -> list[Any]:
    return [a * b + 1.0 for a, b in zip(x, y, strict=True)]


def kernel(function: Any, options: Options) -> Kernel:
    return Kernel(FunctionSource(function, None, freeze=False), options, Wanted.VALUE)


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize(("dtype", "letter"), [(np.float32, "f32"), (np.float64, "f64")])
def test_vectors_are_as_wide_as_asked(bits: int, dtype: Any, letter: str) -> None:
    options = Options.on(Target.host(dtype, vector_bits=bits))
    k = kernel(product, options)
    x, y = [float(i) for i in range(64)], [float(i % 5) for i in range(64)]
    assert k(x, y) == [a * b + 1.0 for a, b in zip(x, y, strict=True)]
    lanes = bits // (8 * np.dtype(dtype).itemsize)
    assert options.target.lanes == lanes
    assert f"vector<{lanes}x{letter}>" in k.stages()["mlir"]
    assert f"vector<{2 * lanes}x{letter}>" not in k.stages()["mlir"]
    rows = [np.array([v, v + 1.0, v - 1.0]) for v in x]
    assert np.array_equal(k(rows, y)[7], [k([v + d for v in x], y)[7] for d in (0.0, 1.0, -1.0)])
    assert f"vector<{lanes}x{letter}>" in k.stages()["arrays_mlir"]


def test_the_default_is_the_machine() -> None:
    assert Target.host().lanes == lowering.vector_bits() // 64


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_of_samples_have_the_width_asked_for(bits: int, dtype: Any) -> None:
    """Of their own numbers: those of float32 were once half as wide."""
    w = [Value(0.1 * k) for k in range(3)]
    options = Options.on(Target.host(dtype, vector_bits=bits))

    def loss(x: Any, y: Any) -> Any:
        return (w[0] * x[0] + w[1] * x[1] + w[2] - y) ** 2

    compiled = sample_loss(loss, [(2,), ()], w, options)
    assert isinstance(compiled, BlockLoss)
    assert compiled.multiple == options.target.lanes
