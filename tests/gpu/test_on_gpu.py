"""Kernels that threads of a grid run, on this machine: results, what is refused, and errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import micrograd as mg
from micrograd import Value, fori, jit, nn, total, while_loop
from micrograd.errors import GpuError, GraphError, IndexRangeError, ShapeError, SignatureError
from micrograd.gpu import on_gpu
from micrograd.ops import OPS
from tests.grid_functions import assembled, blocks, check, close, ptxas

needs_ptxas = pytest.mark.skipif(ptxas() is None, reason="NVIDIA's assembler is not installed")


@pytest.mark.parametrize("seed", range(6))
def test_random_kernels(seed: int) -> None:
    check(seed, assemble=seed < 4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.libm and op.arity == 1])
def test_functions_of_the_c_library(name: str, dtype: str) -> None:
    kernel = jit(lambda x: getattr(mg, name)(x), dtype=dtype)
    tiny = np.finfo(dtype).tiny
    edges = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, tiny, tiny / 8, 1e30, -1e30, 710.0]
    x = np.concatenate([edges, np.linspace(-20.0, 20.0, 301), np.logspace(-12, 6, 60)])
    x = x.astype(dtype)
    found, expected = on_gpu(kernel, target="host")(x), kernel(x)
    finite = np.isfinite(expected)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    ulps = np.abs(found[finite] - expected[finite]) / np.spacing(np.abs(expected[finite]))
    assert ulps.max() <= 4.0, x[finite][ulps.argmax()]


def test_two_numbers_of_the_c_library() -> None:
    x = np.linspace(0.1, 9.0, 300)
    for f in (lambda x, y: x**y, lambda x, y: mg.atan2(x, y)):
        kernel = jit(f)
        assert close(on_gpu(kernel, target="host")(x, x[::-1]), kernel(x, x[::-1]), 1e-14)


def test_points_of_any_shape_and_numbers() -> None:
    f = on_gpu(jit(lambda x, y: (x * y, x - y)), target="host")
    x = np.arange(6.0).reshape(2, 3)
    product, difference = f(x, np.array([1.0, 2.0, 3.0]))
    assert np.array_equal(product, x * [1.0, 2.0, 3.0])
    assert np.array_equal(difference, x - [1.0, 2.0, 3.0])
    assert f(3.0, 2.0) == (6.0, 1.0)
    assert f(np.zeros((0, 3)), 1.0)[0].shape == (0, 3)
    assert np.array_equal(f(np.asfortranarray(x.T), 2)[0], x.T * 2)


def test_parameters_are_live() -> None:
    model = nn.MLP(2, [4, 1])
    kernel = jit(model, dtype="f64")
    x = np.random.default_rng(0).normal(size=(300, 2))
    there = on_gpu(kernel, target="host")
    assert close(there(x), kernel(x), 1e-13)
    model.parameters()[0].data += 1.0
    assert close(there(x), kernel(x), 1e-13)


def test_long_constants() -> None:
    table = np.random.default_rng(1).normal(size=3000)
    f = jit(lambda x: sum(mg.sin(x * c) for c in table.tolist()))
    x = np.linspace(0.0, 1.0, 130)
    assert close(on_gpu(f, target="host")(x), f(x), 1e-11)
    assert "c0" in on_gpu(f).assembly(x)


def _newton(x: Any) -> Any:
    return while_loop(lambda q: abs(q * q - x) > 1e-12, lambda q: 0.5 * (q + x / q), x, limit=30)


def _steps(x: Any) -> Any:
    return fori(20, lambda i, s: s + mg.sin(s * x) * 0.1, x)


def _chosen(w: Any, i: int) -> Any:
    return mg.take(w, i) * 2.0


def _whole(q: np.ndarray, x: Any) -> Any:
    return (q * q).sum() * x


def _structured(p: Any) -> Any:
    return [p["u"] * p["v"][0], (p["v"][1], p["u"])]


def _row(w: Any, x: Any) -> Any:
    return mg.exp(w * x[0]) - x[1]


X = np.linspace(0.5, 2.0, 130)
KINDS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "a loop that asks": (jit(_newton).value_and_grad, (X,)),
    "a loop in order": (jit(_steps).value_and_grad, (X,)),
    "a table": (jit(_chosen).value_and_grad, ([1.0, 2.0, 3.0], np.array([0, 2] * 65))),
    "an array taken whole": (jit(_whole), (np.ones((4, 3)), X)),
    "structures": (jit(_structured), ({"u": X, "v": [2.0, X]},)),
    "a model of several results": (jit(nn.MLP(3, [4, 5])), (np.outer(X, [1.0, -1.0, 0.5]),)),
    "a model of several results, once": (jit(nn.MLP(3, [4, 5])), ([0.1, 0.2, 0.3],)),
    "its Jacobian": (jit(nn.MLP(3, [4, 2])).jacobian, (np.outer(X, [1.0, -1.0, 0.5]),)),
    "a Value": (jit(Value(2.0) * 3.0, dtype="f64"), ()),
    "no argument that is used": (jit(lambda x: 3.0), (X,)),
    "no number that is one": (
        jit(lambda x: mg.maximum(x, 1.0) * mg.minimum(x, 2.0)),
        (np.array([np.nan, np.inf, -np.inf, 0.0, -0.0]),),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_kernels(name: str) -> None:
    kernel, arguments = KINDS[name]
    found, expected = on_gpu(kernel, "host")(*arguments), kernel(*arguments)
    assert type(found) is type(expected)
    assert close(found, expected, 1e-5), name


def test_what_llvm_gives_up_on() -> None:
    def f(x: Any) -> Any:
        return fori(30_000, lambda i, s: s + mg.sin(s * x) * 0.001, x)

    with pytest.raises(GraphError, match=r"(?s)f cannot run on a GPU: .*stack frame size"):
        on_gpu(jit(f), "amdgcn").object(np.ones(2))


def test_rows_of_a_table() -> None:
    table = [Value(float(k)) for k in range(5)]

    def loss(w: Any, k: int, y: Any) -> Any:
        return (mg.take(w, k) * 2.0 - y) ** 2

    k = np.array([0, 3, 3, 1] * 40)
    y = np.linspace(0.0, 1.0, len(k))
    whole = total(loss, rows=("k", "y"))
    w = [v.data for v in table]
    with blocks(1):
        found = on_gpu(whole.value_and_grad, target="host")(w, k, y)
    assert close(found, whole.value_and_grad(w, k, y), 1e-12)
    with pytest.raises(IndexRangeError, match="at point 1 is the index 7"):
        on_gpu(whole, target="host")(w, [0, 7], [0.0, 0.0])


def test_rows_with_axes() -> None:
    def loss(w: Any, x: Any) -> Any:
        return (x * w).sum() ** 2

    x = np.random.default_rng(2).normal(size=(140, 2, 3))
    whole = total(loss, x)
    assert close(on_gpu(whole.grad, target="host")(0.5), whole.grad(0.5), 1e-12)
    assert on_gpu(total(loss, rows="x"), target="host")(0.5, np.zeros((0, 2, 3))) == 0.0


def test_sums_do_not_depend_on_the_device_but_on_rows() -> None:
    def loss(w: Any, x: Any) -> Any:
        return mg.exp(w * x)

    x = np.random.default_rng(3).normal(size=1000)
    f = on_gpu(total(loss, x), target="host")
    assert f(0.3) == f(0.3) == on_gpu(total(loss, rows="x"), target="host")(0.3, x)


@needs_ptxas
def test_what_ptx_says() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return (mg.tanh(sum(a * b for a, b in zip(w, x, strict=True))) - y) ** 2

    whole = total(loss, np.ones((300, 3)), np.ones(300)).value_and_grad
    ptx = on_gpu(whole, processor="sm_80").assembly([0.1, 0.2, 0.3])
    assert ".target sm_80" in ptx
    entries = dict(part.split("(", 1) for part in ptx.split(".visible .entry ")[1:])
    assert list(entries) == ["rows", "total"]
    for name, pointers in (("rows", 5), ("total", 3)):
        code = entries[name]
        assert code.count(f".param .u64 .ptr .align 1 {name}_param_") == pointers
        assert f"{name}_param_{pointers + 1}\n" in code  # n and the number of blocks
        assert f"{name}_param_{pointers + 2}" not in code
        assert code.count("bar.sync") == 1
        assert "%ctaid.x" in code
        assert "%tid.x" in code
    said = assembled(ptx, "sm_80")
    assert said.count("used 1 barriers") == 2
    assert said.count(" 0 bytes spill stores, 0 bytes spill loads") == 2


def test_strict_code_fuses_nothing() -> None:
    f = jit(lambda x, y: mg.sqrt(x * y + x) / y, strict=True)
    x = np.linspace(0.1, 3.0, 200)
    assert np.array_equal(on_gpu(f, target="host")(x, x + 1.0), f(x, x + 1.0))
    ptx = on_gpu(f).assembly(x, x)
    assert all(f" {word}" not in ptx for word in ("fma", "\tfma", "mul.f64", "add.f64"))
    assert "mul.rn.f64" in ptx


def test_amd_as_far_as_the_object() -> None:
    f = jit(lambda x: mg.exp(x) * [0.5, 0.25][0])
    for processor in ("gfx90a", "gfx942"):
        there = on_gpu(f, "amdgcn", processor)
        assert f'.amdgcn_target "amdgcn-amd-amdhsa--{processor}"' in there.assembly(np.ones(3))
        assert there.object(np.ones(3)).startswith(b"\x7fELF")
        with pytest.raises(GpuError, match="not launched here"):
            there(np.ones(3))
    with pytest.raises(GpuError, match="object is made for 'amdgcn'"):
        on_gpu(f).object(np.ones(3))


def test_errors() -> None:
    f = jit(lambda x, y: x * y)
    with pytest.raises(SignatureError, match="takes what jit or total gives"):
        on_gpu(lambda x: x)
    with pytest.raises(SignatureError, match="should be one of 'nvptx64', 'amdgcn', 'host'"):
        on_gpu(f, target="cuda")
    with pytest.raises(SignatureError, match="target should be one of"):
        on_gpu(f, target=np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="such as 'sm_80', got 80"):
        on_gpu(f, processor=80)  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="such as 'sm_80', got 'gfx90a'"):
        on_gpu(f, processor="gfx90a")
    with pytest.raises(SignatureError, match="'sm_999' is not a recognized processor"):
        on_gpu(f, processor="sm_999")
    with pytest.raises(SignatureError, match="host has one processor"):
        on_gpu(f, target="host", processor="sm_80")
    with pytest.raises(SignatureError, match="strict"):
        on_gpu(total(lambda w, x: w * x, rows="x", strict=True))
    there = on_gpu(f, target="host")
    with pytest.raises(SignatureError, match="do not broadcast"):
        there(np.ones(2), np.ones(3))
    with pytest.raises(SignatureError, match="not Values"):
        there(Value(1.0), 2.0)
    with pytest.raises(SignatureError, match="y"):
        there(1.0)
    with pytest.raises(ShapeError, match="numbers of rows"):
        on_gpu(total(lambda w, x, y: w * x * y, rows=("x", "y")), "host")(1.0, [1.0], [1.0, 2.0])
    exp = jit(lambda x: mg.exp(x), strict=True)
    said = r"calls exp, and threads of a grid have no C library .*compile without strict=True"
    with pytest.raises(GraphError, match=said):
        on_gpu(exp).assembly(np.ones(2))


def test_more_memory_than_a_thread_has() -> None:
    def f(x: Any) -> Any:
        found = [x * k for k in range(40000)]
        return sum(mg.sin(a) * b for a, b in zip(found, reversed(found), strict=True))

    with pytest.raises(GraphError, match="256 KiB"):
        on_gpu(jit(f).grad).assembly(np.ones(2))


def test_copies_compile_anew() -> None:
    for kernel, arguments in (
        (jit(_newton), (X,)),
        (total(_row, np.outer(X, [1.0, 2.0])).grad, (0.5,)),
    ):
        here = on_gpu(kernel, "host")
        found = here(*arguments)
        copied = pickle.loads(pickle.dumps(here))
        assert close(copied(*arguments), found, 0.0)
    there = on_gpu(jit(_newton), "amdgcn", "gfx942")
    assert "--gfx942" in pickle.loads(pickle.dumps(there)).assembly(X)


def test_it_says_what_it_is() -> None:
    f = jit(lambda x: x * x)
    assert repr(on_gpu(f.grad)).endswith(".grad for nvptx64, sm_75>")
