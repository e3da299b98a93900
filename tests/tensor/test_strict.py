"""Strict kernels of Tensors give what eager Tensors give, bit for bit, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit, ops, vjp
from micrograd.jit.emit import numpy_loops

from ..by_values import BITS
from ..targets import assumed
from .programs import STEPS, draw, weights

if np.lib.NumpyVersion(np.__version__) < "2.0.0":
    pytest.skip("as docs/tensor.md says, it holds with NumPy 2", allow_module_level=True)

DTYPES = ["float32", "float64"]
OF_FLOATS = [op for op in ops.OPS.values() if not op.choice]
IN_ORDER = sorted(set(STEPS) - {"matmul", "einsum", "conv"})
"""The steps of random programs but for products of matrices."""
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e-40, 1e-45, 1.0, -1.0, 2.0, 0.5]


def same_bits(found: Any, expected: Any, said: Any = "") -> None:
    """Raise unless two arrays are equal to the last bit, nan being nan."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), said
    np.testing.assert_array_equal(found, expected, err_msg=str(said))
    if found.dtype.kind == "f":
        signs = np.signbit(found) == np.signbit(expected)
        assert (signs | np.isnan(expected)).all(), said


def numbers(shape: tuple[int, ...], dtype: str, seed: int) -> Tensor:
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.normal(size=shape) * rng.choice([1e-3, 1.0, 10.0, 100.0], size=shape))
    special = rng.random(shape) < 0.2
    x[special] = rng.choice(SPECIAL, special.sum())
    return Tensor(x, dtype=dtype, requires_grad=True)


Many = Sequence[tuple[Callable[..., Any], Sequence[Tensor]]]


def by_both(many: Many, said: Any = "") -> None:
    """Compare values of functions, and gradients for a cotangent, eager and strict; all of them in
    one kernel.
    """

    def together(given: list[Any]) -> list[Any]:
        return [f(*xs) for (f, _), xs in zip(many, given, strict=True)]

    given = [list(xs) for _, xs in many]
    expected = together(given)
    for found, wanted in zip(jit(together, strict=True)(given), expected, strict=True):
        same_bits(found.numpy(), wanted.numpy(), said)
    many = [m for m, y in zip(many, expected, strict=True) if y.requires_grad]
    if not many:
        return
    given = [list(xs) for _, xs in many]
    expected = together(given)
    cts = [Tensor(weights(y.shape, 1), dtype=y.dtype) for y in expected]
    for y, ct, xs in zip(expected, cts, given, strict=True):
        for x in xs:
            x.zero_grad()
        y.backward(ct)
    _, partials = vjp(together, strict=True)(given, cts)
    for xs, found in zip(given, partials, strict=True):
        for x, g in zip(xs, found, strict=True):
            if x.grad is not None:
                same_bits(g.numpy(), x.grad.numpy(), said)


def on(op: ops.Op, *layout: Callable[[Any], Any]) -> Callable[..., Any]:
    """An op of Tensors that lie in some way."""
    if op.arity == 1:
        return lambda x: op(layout[0](x))
    return lambda x, y: op(layout[0](x), layout[-1](y))


LAYOUTS: dict[str, tuple[list[tuple[int, ...]], Sequence[Callable[[Any], Any]]]] = {
    "rows": ([(5, 37), (5, 37)], [lambda x: x]),
    "columns": ([(3, 7), (3, 7)], [lambda x: x.T]),
    "steps": ([(3, 41), (3, 41)], [lambda x: x[:, 1::3]]),
    "backwards": ([(33,), (33,)], [lambda x: x[::-1], lambda x: x[::-2][[*range(17), *range(16)]]]),
    "broadcast": ([(4, 1), (7,)], [lambda x: x]),
    "one": ([(1,), (1, 1)], [lambda x: x]),
    "numbers": ([(), ()], [lambda x: x]),
}


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_op_however_its_operands_lie(name: str, dtype: str, bits: int) -> None:
    shapes, layout = LAYOUTS[name]
    many = [
        (on(op, *layout), [numbers(s, dtype, 2 * k + i) for i, s in enumerate(shapes[: op.arity])])
        for k, op in enumerate(OF_FLOATS)
    ]
    with assumed(vector_bits=bits):
        by_both(many, name)


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_programs(dtype: str) -> None:
    """Of few numbers along each axis, so that sums are in order, and without matrix products."""
    for seed in range(8):
        program = draw(seed, 6, IN_ORDER)
        leaves = [Tensor(x, dtype=dtype, requires_grad=True) for x in program.leaves]
        by_both([(lambda *xs, p=program: p.run(xs, "tensor")[-1], leaves)], program)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("bounds", [(float("nan"), 1.0), (0.0, float("nan"))])
def test_bounds_that_are_no_numbers_leave_none(bounds: tuple[float, float], strict: bool) -> None:
    x = Tensor([-1.0, 0.5, 2.0])
    for f in (lambda x: x.clip(*bounds), jit(lambda x: x.clip(*bounds), strict=strict)):
        assert np.isnan(f(x).numpy()).all()


def test_cotangents_of_what_is_returned_twice_are_added_up() -> None:
    def twice(x: Any) -> Any:
        y = x * x
        return y, x, y

    x = Tensor([2.0, 3.0])
    cts = Tensor([1.0, 10.0]), Tensor([0.5, 0.25]), Tensor([100.0, 1000.0])
    _, partial = jit(twice, strict=True).vjp(x, cts)
    assert partial.tolist() == [404.5, 6060.25]


def test_sums_of_negative_zeros() -> None:
    for shape, axis in (((2,), None), ((), None), ((3, 1), 1), ((2, 3), 0), ((1,), 0)):
        x = Tensor(-np.zeros(shape))
        found = jit(lambda x, axis=axis: x.sum(axis), strict=True)(x).numpy()
        same_bits(found, x.sum(axis).numpy())


def test_numbers_in_a_row_say_what_a_power_is() -> None:
    """NumPy takes a square root where all exponents are one half in one place of memory."""
    half = Tensor([0.5])
    every: list[Any] = []
    for e in (half, half.reshape(()), half.broadcast_to((6, 5)), Tensor(np.full((6, 1), 0.5))):
        x = numbers((6, 5), "float32", 0)
        same_bits((x**e).numpy(), (x ** Tensor(np.full((6, 5), 0.5))).numpy())
        every.append((lambda x, e=e: x**e, [x]))
        live = Tensor(e.numpy(), requires_grad=True)
        every.append((lambda x, e: x**e, [numbers((6, 5), "float32", 0), live]))
    for number in (2.0, 0.5, -1.0, 0.0, 1.0, 3.0, -0.5):
        every.append((lambda x, e=number: x**e, [numbers((6, 5), "float32", 0)]))
    by_both(every)


def test_without_such_loops_the_c_library_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a NumPy lays its functions out in another way, the last digit is the C library's."""
    assert all(
        numpy_loops.loop_of(op.ufunc or "", 64) for op in OF_FLOATS if numpy_loops.computes(op)
    )
    monkeypatch.setattr(numpy_loops, "loop_of", lambda ufunc, bits: None)
    x = Tensor(np.linspace(0.1, 2.0, 9), dtype="f64")
    found = jit(lambda x: x.exp() + x.tanh(), strict=True)(x)
    np.testing.assert_allclose(found.numpy(), (x.exp() + x.tanh()).numpy(), rtol=1e-15)
