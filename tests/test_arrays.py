"""Kernels over arrays behave like NumPy's ufuncs, and touch no memory but their operands'."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd
from micrograd import Value, fit, get_threads, jit, ops, set_threads
from micrograd.errors import KernelClosed, SignatureError
from micrograd.jit.call import threads
from micrograd.nn import MLP
from micrograd.optim import SGD

from .guarded import guarded, needs_guards
from .targets import assumed
from .test_random_programs import bounded

DTYPES = {"f32": np.float32, "f64": np.float64}


def mixed(x: Any, y: Any) -> Any:
    """Arithmetic, a choice, a division by a constant and transcendental ops."""
    z = ops.relu(x - y) + x * y / 3.0
    return z + ops.exp(-(x * x)) * ops.where(x < y, x, ops.tanh(y))


KERNELS = {name: jit(mixed, dtype=name) for name in DTYPES}
GRADIENTS = {name: k.value_and_grad for name, k in KERNELS.items()}


def rounding(dtype: str) -> float:
    """How far results may be apart that differ in the order of sums and in fused products."""
    return 2e-6 if dtype == "f32" else 4e-15


def one_by_one(kernel: Any, *arrays: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """What the kernel gives for single numbers, results first."""
    points = np.broadcast_arrays(*arrays)
    rows = []
    for point in zip(*(p.reshape(-1).tolist() for p in points), strict=True):
        found = kernel(*point)
        rows.append([found] if isinstance(found, float) else [found[0], *found[1]])
    count = 1 if not rows else len(rows[0])
    table = np.array(rows, dtype=np.float64).reshape(-1, count)
    return table.T.reshape(count, *points[0].shape)


def draw_numbers(n: int, seed: int, dtype: Any) -> npt.NDArray[Any]:
    return np.random.default_rng(seed).normal(size=n).astype(dtype)


# --- shapes, strides, types ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65, 1000])
def test_every_size_is_what_single_calls_give(dtype: str, n: int) -> None:
    x, y = (draw_numbers(n, seed, DTYPES[dtype]) for seed in (1, 2))
    value, (dx, dy) = GRADIENTS[dtype](x, y)
    assert value.shape == dx.shape == dy.shape == (n,)
    assert value.dtype == DTYPES[dtype]
    if n:
        expected = one_by_one(GRADIENTS[dtype], x, y)
        np.testing.assert_allclose([value, dx, dy], expected, rtol=1e-5, atol=rounding(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_point_does_not_depend_on_the_others(dtype: str) -> None:
    x, y = (draw_numbers(100, seed, DTYPES[dtype]) for seed in (3, 4))
    whole = KERNELS[dtype](x, y)
    for start, stop in [(0, 1), (5, 13), (17, 100), (99, 100)]:
        np.testing.assert_array_equal(
            KERNELS[dtype](x[start:stop], y[start:stop]), whole[start:stop]
        )
    reversed_ = KERNELS[dtype](x[::-1], y[::-1])
    np.testing.assert_array_equal(reversed_[::-1], whole)


def test_broadcasting() -> None:
    f = KERNELS["f64"]
    x, y = draw_numbers(4, 1, float), draw_numbers(3, 2, float)
    table = f(x[:, None], y)
    assert table.shape == (4, 3)
    assert table[2, 1] == f(x[2:3], y[1:2])[0]
    np.testing.assert_array_equal(f(x, 0.5), f(x, np.full(4, 0.5)))
    assert f(np.ones((0, 3)), np.ones((1, 3))).shape == (0, 3)
    assert isinstance(f(np.array(1.0), 2.0), float)


def test_integers_and_other_numbers_are_converted() -> None:
    f = KERNELS["f32"]
    whole = np.arange(5)
    expected = f(whole.astype(np.float32), np.float32(2.0))
    for dtype in (np.int8, np.uint16, np.int64, np.float16, np.float64, ">f4", "<f8", ">i4"):
        found = f(whole.astype(dtype), 2)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(f(whole > 2, 2), f((whole > 2).astype(np.float32), 2))


@pytest.mark.parametrize(
    "bad", [np.array(["1"]), np.array([None]), np.array([1j]), np.array([b"1"])]
)
def test_what_are_no_numbers_is_refused(bad: Any) -> None:
    with pytest.raises(SignatureError, match="x should hold real numbers, got an array of"):
        KERNELS["f64"](bad, 1.0)


def test_dtype() -> None:
    x = draw_numbers(20, 1, float)
    wide = KERNELS["f32"](x, x, dtype=np.float64)
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, KERNELS["f64"](x, x))
    assert KERNELS["f32"](x, x, dtype="f32").dtype == np.float32
    with pytest.raises(SignatureError, match="dtype should be float32 or float64"):
        KERNELS["f32"](x, x, dtype=int)


# --- arrays of other libraries -----------------------------------------------------------------


class Foreign:
    """An array of a library that has DLPack, and nothing else that NumPy knows."""

    def __init__(self, numbers: Any) -> None:
        self._numbers = np.array(numbers)

    def __dlpack__(self, **how: Any) -> Any:
        return self._numbers.__dlpack__(**how)

    def __dlpack_device__(self) -> Any:
        return self._numbers.__dlpack_device__()

    def __repr__(self) -> str:
        return "Foreign()"


class Elsewhere(Foreign):
    def __dlpack__(self, **how: Any) -> Any:
        raise BufferError("its memory is elsewhere.")


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4"])
def test_arrays_of_other_libraries_are_taken_as_those_of_numpy(dtype: str) -> None:
    def squares(x: np.ndarray) -> Any:
        return sum(x * x)

    x, rows = np.arange(5).astype(dtype), np.arange(15.0).reshape(3, 5)
    for kernel in KERNELS.values():
        expected = kernel(x, 0.5)
        for _ in range(2):
            np.testing.assert_array_equal(kernel(Foreign(x), 0.5), expected)
        assert kernel(Foreign(x[3]), 0.5) == expected[3]
    whole, net = jit(squares), jit(MLP(5, [2]))
    for _ in range(2):
        assert whole(Foreign(x)) == whole(x)
        np.testing.assert_array_equal(net(Foreign(rows)), net(rows))
    np.testing.assert_array_equal(whole.grad(Foreign(x)), 2.0 * x)


def test_arrays_that_cannot_be_shared() -> None:
    with pytest.raises(
        SignatureError, match=r"in this machine's memory as x, got Elsewhere .*: it"
    ):
        KERNELS["f64"](Elsewhere([1.0]), 2.0)
    with pytest.raises(SignatureError, match="x should hold real numbers, got an array of compl"):
        KERNELS["f64"](Foreign([1.0j]), 2.0)


# --- out and where -----------------------------------------------------------------------------


def test_out_receives_the_result() -> None:
    f, x = KERNELS["f64"], draw_numbers(40, 1, float)
    expected = f(x, 1.0)
    out = np.empty(40)
    assert f(x, 1.0, out=out) is out
    np.testing.assert_array_equal(out, expected)
    wide = np.empty((2, 80))[:, ::-2]
    assert f(x, np.array([[1.0], [1.0]]), out=wide) is wide
    np.testing.assert_array_equal(wide, [expected, expected])
    single = np.empty(40, np.float32)
    f(x, 1.0, out=single)
    np.testing.assert_array_equal(single, expected.astype(np.float32))


def test_out_of_several_results() -> None:
    f, x = GRADIENTS["f64"], draw_numbers(40, 1, float)
    value, (dx, dy) = f(x, 1.0)
    block = np.empty((3, 40))
    assert f(x, 1.0, out=block) is block
    np.testing.assert_array_equal(block, [value, dx, dy])
    rows = tuple(np.empty(40) for _ in range(3))
    found, (first, second) = f(x, 1.0, out=rows)
    assert found is rows[0]
    assert first is rows[1]
    assert second is rows[2]
    np.testing.assert_array_equal(rows, block)


def test_results_share_one_buffer() -> None:
    value, (dx, dy) = GRADIENTS["f64"](np.ones(8), np.ones(8))
    assert value.base is dx.base is dy.base is not None


@pytest.mark.parametrize("shape", [(1 << 16,), (64, 1031)])
def test_long_results_begin_at_cache_lines(shape: tuple[int, ...]) -> None:
    x = np.linspace(-2.0, 2.0, int(np.prod(shape))).reshape(shape)
    value, (dx, dy) = GRADIENTS["f64"](x, 0.5)
    assert value.base is dx.base is dy.base is not None
    rows = [value, dx, dy]
    addresses = [r.__array_interface__["data"][0] for r in rows]
    assert all(a % 64 == 0 for a in addresses)
    assert len({a % 4096 for a in addresses}) == 3
    assert all(r.flags.c_contiguous and r.shape == shape for r in rows)
    few = GRADIENTS["f64"](x.reshape(-1)[:100], 0.5)
    np.testing.assert_allclose([r.reshape(-1)[:100] for r in rows], [few[0], *few[1]], rtol=1e-14)


def test_a_mask_of_no_dimension() -> None:
    f = jit(lambda x, y: x * y, dtype="f64")
    assert f(2.0, 3.0, where=np.array(True)) == 6.0
    value, (dx, dy) = f.value_and_grad(2.0, 3.0, where=np.array(True))
    assert (value, dx, dy) == (6.0, 3.0, 2.0)


def test_a_ufunc_keeps_what_its_code_reads() -> None:
    weights = [micrograd.Value(float(k)) for k in range(40)]
    f = jit(lambda x: sum((w * x for w in weights), 0.0), dtype="f64")
    assert f(np.ones(2)).tolist() == [780.0] * 2
    ufunc = f.ufunc
    f.close()
    del f
    weights[0].data = 5.0
    assert ufunc(np.ones(2)).tolist() == [785.0] * 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [5, 8, 100])
def test_out_may_be_an_input(dtype: str, n: int) -> None:
    x = draw_numbers(n, 1, DTYPES[dtype])
    expected = KERNELS[dtype](x, x)
    for shift in (0, 1, 3):
        memory = np.zeros(n + 3, DTYPES[dtype])
        memory[:n] = x
        out = memory[shift : shift + n]
        KERNELS[dtype](memory[:n], memory[:n].copy(), out=out)
        np.testing.assert_array_equal(out, expected)


def test_outs_that_overlap_each_other() -> None:
    memory = np.empty(50)
    with pytest.raises(SignatureError, match="the arrays of out overlap"):
        GRADIENTS["f64"](np.ones(40), 1.0, out=(memory[:40], memory[10:], np.empty(40)))


BAD_OUT = [
    (np.empty(3), r"shape \(2,\), got one of shape \(3,\)"),
    (np.empty((1, 2, 1)), r"got one of shape \(1, 2, 1\)"),
    (np.empty(2, int), "got one of int64, which float64 results do not fit"),
    (np.broadcast_to(0.0, (2,)), "got a read-only one"),
    ([0.0, 0.0], "got list"),
    ((np.empty(2), np.empty(2)), "f gives 1 array; out has 2 of them"),
]


@pytest.mark.parametrize(("out", "message"), BAD_OUT, ids=[m for _, m in BAD_OUT])
def test_bad_out(out: Any, message: str) -> None:
    def f(x: Any) -> Any:
        return x * 2.0

    with pytest.raises(SignatureError, match=message):
        jit(f, dtype="f64")(np.ones(2), out=out)


def test_where_leaves_the_rest_alone() -> None:
    x = draw_numbers(50, 1, float)
    mask = x > 0.0
    for f, n in ((KERNELS["f64"], 1), (GRADIENTS["f64"], 3)):
        expected = np.array(one_by_one(f, x, np.ones(50)))
        out = np.full((n, 50), 7.0)
        f(x, 1.0, out=out if n > 1 else out[0], where=mask)
        np.testing.assert_array_equal(out[:, ~mask], 7.0)
        np.testing.assert_allclose(out[:, mask], expected[:, mask], rtol=1e-12, atol=1e-14)


def test_where_of_a_kernel_of_rows() -> None:
    net = jit(MLP(3, [4, 1]), dtype="f64")
    x = draw_numbers(30, 5, float).reshape(10, 3)
    mask = x[:, 0] > 0.0
    out = np.full(10, 7.0)
    net(x, out=out, where=mask)
    np.testing.assert_array_equal(out[~mask], 7.0)
    np.testing.assert_array_equal(out[mask], net(x)[mask])


def test_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(SignatureError, match=r"\(2,\), \(3,\), do not broadcast"):
        KERNELS["f64"](np.ones(2), np.ones(3))
    with pytest.raises(SignatureError, match="mixed takes 2 arguments"):
        KERNELS["f64"](np.ones(2))


def test_a_kernel_without_inputs_takes_no_arrays() -> None:
    kernel = jit(micrograd.Value(2.0) * 3.0)
    with pytest.raises(SignatureError, match="takes 0 arguments"):
        kernel(np.ones(3))


# --- sequences ---------------------------------------------------------------------------------


def test_rows() -> None:
    model = MLP(3, [4, 2])
    net = jit(model, dtype="f64")
    x = draw_numbers(60, 1, float).reshape(4, 5, 3)
    first, second = np.moveaxis(net(x), -1, 0)
    assert first.shape == (4, 5)
    a, b = net(x[1, 2].tolist())
    assert abs(first[1, 2] - a) < 1e-14
    assert abs(second[1, 2] - b) < 1e-14
    np.testing.assert_array_equal(net(np.asfortranarray(x))[..., 0], first)
    np.testing.assert_array_equal(net(x[::-1, ::2])[..., 0], first[::-1, ::2])


def test_gradient_of_a_model_over_rows() -> None:
    model = MLP(2, [4, 1])
    kernel = jit(model, dtype="f64").value_and_grad
    x = draw_numbers(40, 1, float).reshape(20, 2)
    _, partials = kernel(x)
    assert len(partials) == len(model.parameters())
    _, single = kernel(x[3].tolist())
    np.testing.assert_allclose([p[3] for p in partials], single, rtol=1e-12, atol=1e-14)


def test_more_operands_than_a_ufunc_takes() -> None:
    names = [f"x{k}" for k in range(40)]
    scope: dict[str, Any] = {}
    exec(f"def many({', '.join(names)}): return {' * '.join(names)} * 1.0", scope)
    kernel = jit(scope["many"], dtype="f64")
    columns = [draw_numbers(9, k, float) for k in range(40)]
    np.testing.assert_allclose(kernel(*columns), np.prod(columns, axis=0), rtol=1e-13)
    value, partials = kernel.value_and_grad(*columns)
    np.testing.assert_allclose(partials[7], value / columns[7], rtol=1e-13)


def test_parameters_are_live_in_arrays_too() -> None:
    random.seed(7)
    model = MLP(2, [3, 1])
    for dtype in DTYPES:
        net = jit(model, dtype=dtype)
        x = draw_numbers(40, 1, float).reshape(20, 2)
        before = net(x)
        model.layers[-1].neurons[0].b.data += 1.0
        np.testing.assert_allclose(net(x), before + 1.0, rtol=1e-5)


def test_strict_is_the_interpreter() -> None:
    kernel = jit(mixed, dtype="f64", strict=True).value_and_grad
    x, y = draw_numbers(37, 1, float), draw_numbers(37, 2, float)
    np.testing.assert_array_equal(
        np.array([kernel(x, y)[0], *kernel(x, y)[1]]), one_by_one(kernel, x, y)
    )


# --- the ufunc ---------------------------------------------------------------------------------


def test_ufunc() -> None:
    ufunc = KERNELS["f32"].ufunc
    assert isinstance(ufunc, np.ufunc)
    assert ufunc.nin == 2
    assert ufunc.types == ["ff->f", "dd->d"]
    x = draw_numbers(10, 1, float)
    np.testing.assert_array_equal(ufunc(x, 2), KERNELS["f64"](x, 2))
    assert ufunc(np.float32(1), np.float32(2)).dtype == np.float32
    np.testing.assert_array_equal(ufunc.outer(x, x), KERNELS["f64"](x[:, None], x))
    assert GRADIENTS["f64"].ufunc.nout == 3
    added = jit(lambda x, y: x + y, dtype="f64").ufunc
    assert added.reduce(x) == pytest.approx(x.sum())
    np.testing.assert_allclose(added.accumulate(x), np.cumsum(x))
    np.testing.assert_allclose(added.reduce(x.reshape(2, 5), axis=0), x[:5] + x[5:])


def test_ufunc_of_a_model() -> None:
    ufunc = jit(MLP(3, [2, 1])).ufunc
    assert ufunc.signature == "(3)->()"
    assert ufunc(np.ones((5, 3))).shape == (5,)


def test_a_ufunc_outlives_its_kernel() -> None:
    ufunc = jit(lambda x: x * 2.0, dtype="f64").ufunc
    for _ in range(20):
        jit(lambda x: x * 3.0)(np.ones(3))
    np.testing.assert_array_equal(ufunc(np.ones(3)), 2.0)


def test_nothing_warns() -> None:
    f = jit(lambda x: 1.0 / x + ops.log(x) + ops.exp(x), dtype="f64")
    with np.errstate(all="raise"):
        found = f(np.array([0.0, -1.0, np.inf, 1000.0, np.nan]))
        f.ufunc(np.array([0.0, -1.0, np.inf]))
    assert np.isnan(found[1])


BIG = 1e300
DOUBLE: Any = lambda x: x * 2.0  # noqa: E731
WEIGHT = Value(BIG)


def whole(x: np.ndarray) -> Any:  # type: ignore[type-arg]
    return x[0] * x[1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: jit(DOUBLE, dtype="f32")(BIG),
        lambda: jit(DOUBLE, dtype="f32")(np.array([BIG, 1.0])),
        lambda: jit(DOUBLE, dtype="f32")(np.array([BIG, 1.0] * 4)[::2]),
        lambda: jit(DOUBLE, dtype="f32")(np.full((3, 2), BIG)[:, 1]),
        lambda: jit(DOUBLE, dtype="f32")(np.full(600_000, BIG)),
        lambda: jit(DOUBLE, dtype="f64")(np.array([BIG]), dtype="f32"),
        lambda: jit(DOUBLE, dtype="f64")(np.array([BIG]), out=np.zeros(1, np.float32)),
        lambda: jit(DOUBLE, dtype="f32")(np.array([1e30]), out=np.zeros(1, np.float16)),
        lambda: jit(DOUBLE, dtype="f32")(np.full(2, BIG), where=np.array([True, False])),
        lambda: jit(DOUBLE, dtype="f32").grad(np.array([BIG])) * np.array([np.inf]),
        lambda: jit(lambda x: (x, x), dtype="f32")(np.array([BIG]), out=(None, np.zeros(1)))[0],
        lambda: jit(lambda x, y: x * y, dtype="f32")(np.ones(2, np.float32), BIG),
        lambda: jit(lambda x, y: x * y, dtype="f32")(np.ones(2, np.float32), 10**300),
        lambda: jit(lambda x, y: x * y, dtype="f32").vjp(1.0, 2.0, BIG)[1][0],
        lambda: jit(lambda v: v[0] * v[1], dtype="f32")([np.array([BIG]), BIG]),
        lambda: jit(whole, dtype="f32")(np.full(2, BIG)),
        lambda: jit(lambda x: WEIGHT * x, dtype="f32")(1.0),
        lambda: jit(lambda x: WEIGHT * x, dtype="f32")(np.ones(3)),
        lambda: jit(lambda x: BIG * x, dtype="f32")(np.ones(3)),
        lambda: jit(lambda x: sum(x * (BIG * k) for k in range(1, 200)), dtype="f32")(1.0),
        lambda: jit(lambda x: sum(x * (BIG * k) for k in range(1, 200)), dtype="f32")(np.ones(3)),
        lambda: jit(MLP(2, [1]), dtype="f32")(np.full((4, 2), BIG)) * np.inf,
        lambda: jit(DOUBLE, dtype="f64")(np.array([np.longdouble("1e4000")])),
    ],
)
def test_what_overflows_is_inf_without_a_warning(call: Any) -> None:
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = call()
    assert np.isinf(np.reshape(found, -1)[0]) or np.isnan(np.reshape(found, -1)[0])


def test_what_underflows_is_zero_without_a_warning() -> None:
    with np.errstate(all="raise"):
        assert jit(DOUBLE, dtype="f32")(np.array([1e-300, 1.0])).tolist() == [0.0, 2.0]


def test_data_of_fit_that_overflows_is_converted_without_a_numpy_warning() -> None:
    w = Value(1.0)
    data = np.full(4, np.longdouble("1e4000"))
    with np.errstate(all="raise"), pytest.warns(RuntimeWarning, match="was not finite") as caught:
        fit(lambda x: w * x, SGD([w]), data=data, steps=1, validation=data, metric=lambda x: x)
    assert len(caught) == 1


@pytest.mark.parametrize("bad", ["a", None, 1, np.array([1, 0]), [0.0, 1.0], [[True], [True] * 2]])
def test_a_mask_that_is_none(bad: Any) -> None:
    f = jit(DOUBLE)
    for x in (np.ones(2), 1.0):
        with pytest.raises(SignatureError, match="where should be an array of booleans, or True"):
            f(x, where=bad)


def test_a_mask_of_numbers_is_refused() -> None:
    f = jit(DOUBLE)
    assert f(1.0) == 2.0
    with pytest.raises(SignatureError, match="where chooses among the points of arrays"):
        f(1.0, where=False)
    out = np.zeros(2)
    f(np.ones(2), where=[True, False], out=out)
    f(np.ones(2), where=False, out=out)
    assert out.tolist() == [2.0, 0.0]


def test_closed() -> None:
    f = jit(lambda x: x * 2.0)
    f(np.ones(3))
    f.close()
    with pytest.raises(KernelClosed):
        f(np.ones(3))


# --- memory ------------------------------------------------------------------------------------


@needs_guards
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at_end", [True, False], ids=["end", "start"])
def test_nothing_is_touched_beyond_the_operands(dtype: str, at_end: bool) -> None:
    f = GRADIENTS[dtype]
    for n in [*range(70), 129]:
        x, y = (guarded(draw_numbers(n, k, DTYPES[dtype]), at_end=at_end) for k in (1, 2))
        out = guarded(np.zeros((3, n), DTYPES[dtype]), at_end=at_end)
        f(x, y, out=out)
        value, (dx, dy) = f(x.copy(), y.copy())
        np.testing.assert_array_equal(out, [value, dx, dy])


@needs_guards
@bounded(150)
@given(st.data())
def test_any_strides(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(sorted(DTYPES)))
    n = data.draw(st.integers(0, 3 * emit_points(dtype) + 1))
    at_end = data.draw(st.booleans())

    def view(seed: int) -> npt.NDArray[Any]:
        step = data.draw(st.sampled_from([1, 1, 2, 3, 7, -1, -2]))
        reach = max(1, (n - 1) * abs(step) + 1)
        memory = guarded(draw_numbers(reach, seed, DTYPES[dtype]), at_end=at_end)
        return memory[::step][:n] if n else memory[:0]

    x, y, out = view(1), view(2), view(3)
    before = one_by_one(KERNELS[dtype], x, y)[0] if n else np.zeros(0)
    KERNELS[dtype](x, y, out=out)
    np.testing.assert_allclose(out, before, rtol=1e-5, atol=rounding(dtype))
    contiguous = KERNELS[dtype](x.copy(), y.copy())
    np.testing.assert_array_equal(out, contiguous)


def emit_points(dtype: str) -> int:
    """Points in a vector."""
    import lowering

    return lowering.vector_bits() // (32 if dtype == "f32" else 64)


def test_unaligned_memory() -> None:
    raw = np.zeros(8 * 20 + 1, np.uint8)
    x = raw[1:].view(np.float64)
    x[...] = draw_numbers(20, 1, float)
    assert not x.flags.aligned
    np.testing.assert_array_equal(KERNELS["f64"](x, 1.0), KERNELS["f64"](x.copy(), 1.0))


def test_results_past_the_cache() -> None:
    with assumed(last_cache=64):
        f = jit(mixed, dtype="f64").value_and_grad
    x, y = draw_numbers(1003, 1, float), draw_numbers(1003, 2, float)
    expected = GRADIENTS["f64"](x, y)
    raw = np.empty(3 * 1024 + 8)
    start = -(raw.ctypes.data // 8) % 8
    aligned = raw[start : start + 3 * 1024].reshape(3, 1024)[:, :1003]
    for out in (aligned, np.empty((3, 1003)), raw[1:3010].reshape(3, 1003)):
        f(x, y, out=out)
        np.testing.assert_array_equal(out, [expected[0], *expected[1]])


def test_calls_leave_no_memory_behind() -> None:
    code = (
        "import resource, numpy as np\n"
        "from micrograd import jit\n"
        "f = jit(lambda x, y: x * y + x, dtype='f64').value_and_grad\n"
        "x, out = np.ones(16), np.empty((3, 16))\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "def calls(n):\n"
        "    for _ in range(n):\n"
        "        f(x, x, out=out); f(x[::2], 2.0); f(1.0, 2.0)\n"
        "calls(2000); before = peak(); calls(30000); print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2000  # KiB; a hundred bytes a call would be 9,000


# --- threads -----------------------------------------------------------------------------------


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SPLIT_WORK", 100)
    x, y = draw_numbers(1001, 1, float), draw_numbers(7, 2, float)
    one = jit(mixed, dtype="f64", strict=True, threads=1).value_and_grad
    many = jit(mixed, dtype="f64", strict=True, threads=5).value_and_grad
    for shape in ((x, 1.0), (x[:, None], y), (y[:, None], x), (x[::-3], x[::-3])):
        (a, da), (b, db) = one(*shape), many(*shape)
        np.testing.assert_array_equal([a, *da], [b, *db])
    net = jit(MLP(3, [4, 1]), threads=3)
    rows = draw_numbers(900, 3, float).reshape(300, 3)
    np.testing.assert_array_equal(net(rows), jit_single(net, rows))
    mask = x > 0
    out = np.zeros(1001)
    jit(mixed, dtype="f64", threads=3)(x, 1.0, out=out, where=mask)
    assert not out[~mask].any()
    assert out[mask].any()


def test_parts_that_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SPLIT_WORK", 100)
    f = jit(lambda x, y: x * 2.0 + y, dtype="f64", threads=4)
    for source, target in [(slice(-1), slice(1, None)), (slice(None), slice(None, None, -1))]:
        x = draw_numbers(100_000, 4, float)
        expected = x[source] * 2.0 + 1.0
        f(x[source], 1.0, out=x[target])
        np.testing.assert_array_equal(x[target], expected)
    x = draw_numbers(1000, 4, float)
    expected = x * 2.0 + x
    assert f(x, x, out=x) is x
    np.testing.assert_array_equal(x, expected)


def jit_single(net: Any, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([net(rows[k : k + 1]) for k in range(len(rows))])


def test_work_counts_what_loops_do() -> None:
    """A long sum is one statement, whose work was taken for that of one operation."""

    def f(x: Any) -> Any:
        return sum(x * x + k * 0.5 for k in range(1000))

    kernel = jit(f, dtype="f64")
    kernel(np.ones(3))
    executable = kernel._shown
    assert len(executable.transformed.statements) < 10
    assert executable.arrays.work >= 1000
    assert threads.worthwhile(10_000 * executable.arrays.work, 2) == 2


def test_work_is_divided_by_its_size() -> None:
    assert threads.worthwhile(1000, 8) == 1
    assert threads.worthwhile(100 * threads.SPLIT_WORK, 8) == 8
    assert threads.worthwhile(3 * threads.SPLIT_WORK, 8) == 3
    assert threads.worthwhile(100 * threads.SPLIT_WORK, 1) == 1


def test_an_error_in_a_thread_arrives() -> None:
    def fail() -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        threads.run([lambda: None, fail])
    with pytest.raises(ValueError, match="here"):
        threads.run([fail, lambda: None])


def test_set_threads() -> None:
    assert get_threads() == threads.cores()
    set_threads(3)
    try:
        assert get_threads() == 3
    finally:
        set_threads(None)
    for bad in (0, -1, 1.5, "2", True):
        with pytest.raises(SignatureError, match="threads should be a whole number, 1 or more"):
            set_threads(bad)  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="threads should be"):
        jit(mixed, threads=0)


def test_threads_call_while_others_compile() -> None:
    kernel = jit(mixed, dtype="f64")
    x = draw_numbers(333, 1, float)
    expected = kernel(x, 0.5)
    wrong: list[Any] = []

    def call() -> None:
        for _ in range(200):
            if not np.array_equal(kernel(x, 0.5), expected):
                wrong.append("array")
            kernel(1.0, 0.5)

    def compile_() -> None:
        for k in range(3):
            factor = float(k)
            found = jit(lambda v, factor=factor: v * factor, dtype="f64")(x)
            if not np.array_equal(found, x * factor):
                wrong.append("compiled")

    running = [threading.Thread(target=t) for t in [call] * 8 + [compile_] * 2]
    for t in running:
        t.start()
    for t in running:
        t.join()
    assert not wrong


def test_stages_of_calls_with_arrays() -> None:
    kernel = jit(mixed, dtype="f64")
    assert "arrays_mlir" not in kernel.stages()
    kernel(np.ones(3), 1.0)
    stages = kernel.stages()
    assert "@main_block" in stages["arrays_mlir"]
    assert "vector<" in stages["arrays_mlir"]
    assert "main_block" in stages["arrays_assembly"]


def test_ufunc_of_what_was_called_with_a_sequence() -> None:
    def f(x: list[Any]) -> Any:
        return x[0] * 2.0 + x[1]

    kernel = jit(f)
    with pytest.raises(SignatureError, match="has not been called yet"):
        _ = kernel.ufunc
    kernel([1.0, 2.0])
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(kernel.ufunc(rows), rows[:, 0] * 2.0 + rows[:, 1])
    assert kernel.ufunc(rows.astype(np.float32)).dtype == np.float32
