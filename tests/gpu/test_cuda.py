"""Calls of NVIDIA's driver: of an imitation everywhere, and of the driver where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import jit, nn, total
from micrograd.errors import GpuError
from micrograd.gpu import calls, cuda, on_gpu
from tests.gpu.imitation import Imitation
from tests.grid_functions import blocks, close


def loss(w: Any, x: Any, y: Any) -> Any:
    return (mg.tanh(sum(a * b for a, b in zip(w, x, strict=True))) - y) ** 2


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Imitation]:
    """What puts an imitation in place of the driver, for a kernel and its arguments."""

    def put(kernel: Any, *args: Any) -> Imitation:
        here = on_gpu(kernel, target="host")
        made = Imitation(here._code_for(*args).native)
        monkeypatch.setitem(calls._DEVICES, "nvptx64", lambda: cuda.Cuda(made))
        return made

    return put


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_points(driver: Callable[..., Imitation], dtype: str) -> None:
    f = jit(lambda x, y: (x * mg.exp(-y), x - y), dtype=dtype).jacobian
    x = np.linspace(-1.0, 1.0, 300)
    made = driver(f, x, 0.5)
    there = on_gpu(f)
    for y in (0.5, -1.0):
        assert close(there(x, y), f(x, y), 1e-6 if dtype == "f32" else 1e-14)
    assert made.launched == [("each", 3), ("each", 3)]
    assert there(x[:0], 0.5)[0][0].shape == (0,)
    assert len(made.launched) == 2  # nothing is launched for no points
    assert not made.memory


def test_sums(driver: Callable[..., Imitation]) -> None:
    numbers = np.random.default_rng(0)
    x, y = numbers.normal(size=(700, 3)), numbers.normal(size=700)
    whole = total(loss, x, y).value_and_grad
    w = [0.1, 0.2, -0.3]
    made = driver(whole, w)
    there = on_gpu(whole)
    with blocks(4):
        first = there(w)
        copied = made.copied
        assert close(first, whole(w), 1e-12)
        assert there([0.0, 0.0, 0.0]) != first
        assert there(w) == first
    assert made.launched == [("rows", 4), ("total", 4)] * 3
    assert made.copied - copied == 2 * 3 * 8  # the rows stay there
    assert len(made.memory) == 2
    del there
    assert not made.memory


def test_parameters_and_long_constants(driver: Callable[..., Imitation]) -> None:
    model = nn.MLP(2, [4, 1])
    table = np.random.default_rng(1).normal(size=1500).tolist()
    kernel = jit(lambda a, b: model([a, b]) + sum(mg.sin(a * c) for c in table))
    x = np.linspace(0.0, 1.0, 140)
    driver(kernel, x, x)
    there = on_gpu(kernel)
    assert close(there(x, x), kernel(x, x), 1e-11)
    model.parameters()[0].data += 1.0
    assert close(there(x, x), kernel(x, x), 1e-11)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("cuMemAlloc_v2", 2, "to give 2400 bytes of memory: cuMemAlloc_v2 gave "
         "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        ("cuLaunchKernel", 719, "to launch each: cuLaunchKernel gave CUDA_ERROR_LAUNCH_FAILED"),
        ("cuCtxSynchronize", 719, "while it computed: cuCtxSynchronize gave CUDA_ERROR_LAUNCH"),
        ("cuInit", 999, "to start: cuInit gave 999"),
        ("cuModuleLoadDataEx", 218, "cuModuleLoadDataEx gave CUDA_ERROR_INVALID_PTX: a PTX JIT"),
    ],
)  # fmt: skip
def test_failures_have_their_names(
    driver: Callable[..., Imitation], name: str, code: int, told: str
) -> None:
    f = jit(lambda x: x * x)
    x = np.ones(300)
    made = driver(f, x)
    made.fails[name] = code
    there = on_gpu(f)
    with pytest.raises(GpuError, match=told):
        there(x)
    assert not made.memory
    del made.fails[name]
    assert close(there(x), x, 0.0)


def test_what_the_driver_says_of_code() -> None:
    made = cuda.Cuda(Imitation())
    with pytest.raises(GpuError, match="INVALID_PTX: a PTX JIT compilation failed\nptxas fatal"):
        cuda.Loaded(made, "nothing")


def test_no_gpu_and_no_function() -> None:
    with pytest.raises(GpuError, match="finds no GPU"):
        cuda.Cuda(Imitation(gpus=0))
    with pytest.raises(GpuError, match="has no cuInit; it is too old"):
        cuda.Cuda(object())


def _has_driver() -> str:
    try:
        return "" if cuda.Cuda().name else "no name"
    except GpuError as error:
        return str(error)


@pytest.mark.skipif(bool(_has_driver()), reason=f"no launch: {_has_driver()}")
def test_on_a_gpu() -> None:
    numbers = np.random.default_rng(0)
    x, y = numbers.normal(size=(70_000, 3)), numbers.normal(size=70_000)
    whole = total(loss, x, y).value_and_grad
    w = [0.1, 0.2, -0.3]
    assert close(on_gpu(whole)(w), whole(w), 1e-12)
    f = jit(lambda x: mg.sin(x) * mg.exp(x)).value_and_grad
    for n in (1, 127, 128, 129, 100_000):
        assert close(on_gpu(f)(y[:1].repeat(n)), f(y[:1].repeat(n)), 1e-13)
