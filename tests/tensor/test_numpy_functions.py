"""NumPy's functions on Tensors: the numbers that NumPy gives, and a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import add, mul
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, grad, hessian, jit
from micrograd.errors import DataError, ShapeError, TraceError

RNG = np.random.default_rng(8)
V, W = RNG.normal(size=3), RNG.normal(size=3)
A, B = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
C, D = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(5, 4, 2))
ZERO = np.array(1.5)
POSITIVE = RNG.uniform(0.1, 2.0, size=(3, 4))
HOLES = np.arange(12).reshape(3, 4) % 5 != 3
MASK = np.arange(12).reshape(3, 4) % 5 != 2

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "atleast_1d": (np.atleast_1d, (ZERO,)),
    "atleast_2d of a vector": (np.atleast_2d, (V,)),
    "atleast_2d of a number": (np.atleast_2d, (ZERO,)),
    "vstack of vectors": (lambda *xs: np.vstack(xs), (V, W)),
    "vstack of matrices and an array": (lambda x: np.vstack([x, B]), (A,)),
    "hstack of vectors": (lambda *xs: np.hstack(xs), (V, W)),
    "hstack of matrices": (lambda *xs: np.hstack(xs), (A, B)),
    "column_stack": (lambda *xs: np.column_stack(xs), (V, A, W)),
    "dstack of vectors": (lambda *xs: np.dstack(xs), (V, W)),
    "dstack of matrices": (lambda *xs: np.dstack(xs), (A, B)),
    "append": (lambda x: np.append(x, B), (A,)),
    "append along an axis": (lambda x, y: np.append(x, y, axis=1), (A, B)),
    "tile": (lambda x: np.tile(x, 3), (V,)),
    "tile to more axes": (lambda x: np.tile(x, (2, 1, 3)), (A,)),
    "tile along the last axis": (lambda x: np.tile(x, 2), (C,)),
    "repeat": (lambda x: np.repeat(x, 2), (A,)),
    "repeat each so often": (lambda x: np.repeat(x, [0, 2, 1], axis=0), (A,)),
    "roll": (lambda x: np.roll(x, 2), (A,)),
    "roll along an axis": (lambda x: np.roll(x, -1, axis=1), (A,)),
    "roll along two": (lambda x: np.roll(x, (1, 2), axis=(0, 1)), (A,)),
    "array_split": (lambda x: np.array_split(x, 3, axis=1)[0], (A,)),
    "array_split, the last": (lambda x: np.array_split(x, 3, axis=-1)[2], (A,)),
    "array_split at places": (lambda x: np.array_split(x, [1], axis=1)[1], (A,)),
    "diag of a vector": (np.diag, (V,)),
    "diag of a vector, above": (lambda x: np.diag(x, 1), (V,)),
    "diag of a vector, below": (lambda x: np.diag(x, -2), (V,)),
    "diag of a matrix": (np.diag, (A,)),
    "diag of a matrix, above": (lambda x: np.diag(x, 2), (A,)),
    "diag of a matrix, below": (lambda x: np.diag(x, -1), (A,)),
    "tril": (np.tril, (A,)),
    "tril of several": (lambda x: np.tril(x, 1), (C,)),
    "triu": (lambda x: np.triu(x, -1), (A,)),
    "copy": (np.copy, (A,)),
    "dot of vectors": (np.dot, (V, W)),
    "dot of matrices": (lambda x, y: np.dot(x, y.T), (A, B)),
    "dot of a number": (np.dot, (ZERO, A)),
    "dot of more axes": (np.dot, (C, D)),
    "dot of more axes and a vector": (lambda x: np.dot(x, np.arange(4.0)), (C,)),
    "dot of a matrix and more axes": (np.dot, (A, D)),
    "dot as a method": (lambda x, y: x.dot(y), (C, D)),
    "inner of vectors": (np.inner, (V, W)),
    "inner of matrices": (np.inner, (A, B)),
    "inner of more axes": (np.inner, (C, A)),
    "vdot": (np.vdot, (A, B)),
    "norm": (np.linalg.norm, (A,)),
    "norm of rows": (lambda x: np.linalg.norm(x, axis=1, keepdims=True), (A,)),
    "norm, 1": (lambda x: np.linalg.norm(x, 1), (V,)),
    "norm, inf": (lambda x: np.linalg.norm(x, np.inf, axis=0), (A,)),
    "norm, -inf": (lambda x: np.linalg.norm(x, -np.inf), (V,)),
    "diff": (np.diff, (A,)),
    "diff twice": (lambda x: np.diff(x, 2, axis=0), (A,)),
    "average": (np.average, (A,)),
    "average with weights": (lambda x: np.average(x, weights=B**2), (A,)),
    "average with weights of an axis": (lambda x: np.average(x, 0, weights=V**2), (A,)),
    "average with weights that are learnt": (lambda x, w: np.average(x, 0, weights=w**2), (A, W)),
    "ptp": (np.ptp, (A,)),
    "ptp of an axis": (lambda x: np.ptp(x, axis=1), (A,)),
    "cumsum": (np.cumsum, (A,)),
    "cumsum along an axis": (lambda x: np.cumsum(x, axis=1), (C,)),
    "cumprod": (lambda x: np.cumprod(x, 0), (A,)),
    "add.accumulate": (lambda x: np.add.accumulate(x, 1), (A,)),
    "maximum.accumulate": (lambda x: np.maximum.accumulate(x, 1), (A,)),
    "multiply.outer": (np.multiply.outer, (V, A)),
    "sort": (np.sort, (A,)),
    "sort along an axis": (lambda x: np.sort(x, axis=0), (A,)),
    "sort of all": (lambda x: np.sort(x, axis=None), (A,)),
    "median": (np.median, (A,)),
    "median along an axis": (lambda x: np.median(x, axis=1, keepdims=True), (C,)),
    "median along two": (lambda x: np.median(x, axis=(0, 2)), (C,)),
    "quantile": (lambda x: np.quantile(x, [0.0, 0.3, 1.0], axis=1), (A,)),
    "percentile": (lambda x: np.percentile(x, 40.0), (A,)),
    "interp": (lambda x, f: np.interp(x, [-1.0, 0.1, 0.9], f), (A, V)),
    "interp with ends": (lambda x: np.interp(x, [-0.5, 0.5], [1.0, 4.0], 0.0, 9.0), (A,)),
    "kron": (np.kron, (A, V)),
    "kron of matrices": (np.kron, (A, B[:2])),
    "cross": (np.cross, (V, W)),
    "cross along an axis": (lambda x, y: np.cross(x, y, axis=0), (A, B)),
    "convolve": (np.convolve, (V, A[0])),
    "convolve, same": (lambda x, y: np.convolve(x, y, "same"), (A[0], V)),
    "convolve, valid": (lambda x, y: np.convolve(x, y, mode="valid"), (A[0], V)),
    "correlate": (np.correlate, (V, A[0])),
    "correlate, full": (lambda x, y: np.correlate(x, y, "full"), (A[0], V)),
    "correlate, same": (lambda x, y: np.correlate(x, y, "same"), (A[0], V)),
    "multi_dot": (lambda *xs: np.linalg.multi_dot(xs), (A, B.T, V)),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 5), (A[:, :3],)),
    "outer of matrices": (np.outer, (A, V)),
    "vecdot": (np.vecdot, (A, B)),
    "polyval": (np.polyval, (V, A)),
    "vander": (np.vander, (V,)),
    "vander, increasing": (lambda x: np.vander(x, 4, increasing=True), (V,)),
    "gradient": (np.gradient, (A[0],)),
    "gradient along an axis": (lambda x: np.gradient(x, 0.5, axis=0), (A,)),
    "trapezoid": (lambda x: np.trapezoid(x, dx=0.5), (A,)),
    "trapezoid at places": (lambda x: np.trapezoid(x, V, axis=0), (A,)),
    "ediff1d": (np.ediff1d, (A,)),
    "cov": (np.cov, (A,)),
    "cov of columns": (lambda x, y: np.cov(x, y, rowvar=False, ddof=0), (A, B)),
    "corrcoef": (np.corrcoef, (A,)),
    "diagonal above": (lambda x: np.diagonal(x, 1), (A,)),
    "diagonal of other axes": (lambda x: np.diagonal(x, -1, 2, 1), (C,)),
    "trace below": (lambda x: np.trace(x, offset=-1), (A,)),
    "matrix_norm": (np.linalg.matrix_norm, (C,)),
    "vector_norm": (lambda x: np.linalg.vector_norm(x, axis=1), (A,)),
    "fliplr": (np.fliplr, (A,)),
    "flipud": (np.flipud, (A,)),
    "rot90": (np.rot90, (A,)),
    "rot90 thrice": (lambda x: np.rot90(x, 3, (1, 2)), (C,)),
    "rot90 twice": (lambda x: np.rot90(x, 2), (A,)),
    "atleast_3d": (np.atleast_3d, (A,)),
    "hsplit": (lambda x: np.hsplit(x, 2)[1], (A,)),
    "vsplit": (lambda x: np.vsplit(x, 3)[1], (A,)),
    "unstack": (lambda x: np.unstack(x, axis=1)[2], (A,)),
    "diagflat": (np.diagflat, (A,)),
    "matrix_transpose": (np.matrix_transpose, (C,)),
    "meshgrid": (lambda *xs: np.multiply(*np.meshgrid(*xs)), (V, A[0])),
    "meshgrid, ij": (lambda *xs: np.multiply(*np.meshgrid(*xs, indexing="ij")), (V, A[0])),
    "delete": (lambda x: np.delete(x, [0, 2], axis=1), (A,)),
    "compress": (lambda x: np.compress([True, False, True], x, axis=0), (A,)),
    "resize": (lambda x: np.resize(x, (2, 7)), (A,)),
    "select": (lambda x: np.select([x > 1.0, x < 0.0], [x * x, -x], 0.5), (A,)),
    "linspace": (lambda x, y: np.linspace(x, y, 5), (V, W)),
    "linspace along an axis": (lambda x: np.linspace(x, 1.0, 3, endpoint=False, axis=1), (V,)),
    "pad, edge": (lambda x: np.pad(x, ((1, 2), (0, 1)), mode="edge"), (A,)),
    "pad, wrap": (lambda x: np.pad(x, 2, mode="wrap"), (A,)),
    "pad, reflect": (lambda x: np.pad(x, (1, 2), mode="reflect"), (A,)),
    "log2": (np.log2, (POSITIVE,)),
    "log10": (np.log10, (POSITIVE,)),
    "exp2": (np.exp2, (A,)),
    "cbrt": (np.cbrt, (A,)),
    "logaddexp": (np.logaddexp, (A, B)),
    "logaddexp2": (np.logaddexp2, (A, B[0])),
    "copysign": (lambda x: np.copysign(x, B), (A,)),
    "heaviside": (lambda x: np.heaviside(x, 0.5) * x, (A,)),
    "arcsinh": (np.arcsinh, (A,)),
    "arccosh": (np.arccosh, (POSITIVE + 1.0,)),
    "arctanh": (lambda x: np.arctanh(x / 4.0), (A,)),
    "sinc": (np.sinc, (A,)),
    "nan_to_num": (np.nan_to_num, (A,)),
    "nansum": (lambda x: np.nansum(np.where(HOLES, x, np.nan), axis=1), (A,)),
    "nanmean": (lambda x: np.nanmean(np.where(HOLES, x, np.nan), axis=1), (A,)),
    "nanstd": (lambda x: np.nanstd(np.where(HOLES, x, np.nan)), (A,)),
    "nanmax": (lambda x: np.nanmax(np.where(HOLES, x, np.nan), axis=0), (A,)),
    "sum of some": (lambda x: np.sum(x, axis=1, where=MASK), (A,)),
    "mean of some": (lambda x: np.mean(x, axis=0, where=MASK), (A,)),
    "std of some": (lambda x: np.std(x, axis=1, where=MASK, ddof=1), (A,)),
    "max and a number": (lambda x: np.max(x, axis=0, initial=0.5), (A,)),
    "broadcast_arrays": (lambda *xs: np.multiply(*np.broadcast_arrays(*xs)), (A, A[:, :1])),
}


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_numpys_and_gradients_are_those_of_differences(name: str) -> None:
    f, arrays = CASES[name]
    expected = f(*arrays)
    leaves = [Tensor(x, "f64", requires_grad=True) for x in arrays]
    found = f(*leaves)
    assert isinstance(found, Tensor)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)
    ct = RNG.normal(size=expected.shape)
    found.backward(ct)
    h = 1e-6
    for k, x in enumerate(leaves):
        along = RNG.normal(size=x.shape)
        ends = [f(*arrays[:k], arrays[k] + s * h * along, *arrays[k + 1 :]) for s in (1, -1)]
        difference = ((ends[0] - ends[1]) * ct).sum() / (2 * h)
        assert x.grad is not None
        assert (x.grad.numpy() * along).sum() == pytest.approx(difference, rel=1e-6, abs=1e-8)


BY_ORDER = ("sort", "median", "quantile", "percentile")


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(BY_ORDER)])
def test_they_compile(name: str) -> None:
    f, arrays = CASES[name]
    kernel = jit(lambda xs: f(*xs))
    np.testing.assert_allclose(
        kernel([Tensor(x, "f64") for x in arrays]).numpy(), f(*arrays), rtol=1e-13
    )


def test_a_norm_of_zeros_has_no_slope() -> None:
    x = Tensor([0.0, 0.0], requires_grad=True)
    np.linalg.norm(x).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0]
    y = Tensor([np.nan, 1.0])
    assert np.isnan(np.linalg.norm(y).item())


OTHERS: dict[str, Callable[[Any], Any]] = {
    "np.linalg.norm": lambda x: np.linalg.norm(x, 2),
    "np.diff": lambda x: np.diff(x, prepend=0.0),
    "np.average": lambda x: np.average(x, keepdims=True),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_options_are_of_the_numbers_where_no_gradient_is_lost(name: str) -> None:
    f = OTHERS[name]
    np.testing.assert_array_equal(f(Tensor(A, "f64")), f(A))
    with pytest.raises(DataError, match=f"{name} is no function of Tensors, and the gradient"):
        f(Tensor(A, requires_grad=True))


REDUCTIONS = ("sum", "prod", "max", "min", "mean", "var", "std", "any", "all")
OPTIONS: list[dict[str, Any]] = [
    {"where": MASK},
    {"where": MASK[0]},
    {"where": MASK, "initial": 0.25},
    {"initial": 0.25},
    {"dtype": np.float32},
    {"ddof": 1, "where": MASK},
    {"correction": 1},
    {"out": None, "keepdims": np._NoValue},
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, of means of nothing
@pytest.mark.parametrize("options", OPTIONS, ids=lambda how: " ".join(how))
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_have_numpys_options(name: str, options: dict[str, Any]) -> None:
    f = getattr(np, name)
    array = MASK.T.reshape(3, 4) if name in ("any", "all") else A
    x = Tensor(array, None if array.dtype == bool else "f64")
    for axis in (None, 0, -1):
        how = {"axis": axis, "keepdims": axis == 0} | options
        try:
            expected = f(array, **how)
        except TypeError:
            return  # nor has NumPy
        except ValueError:
            with pytest.raises(DataError, match=f"np.{name} with where= needs initial="):
                f(x, **how)
            return
        found = f(x, **how)
        assert isinstance(found, Tensor)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("f", [np.arcsinh, np.arccosh])
def test_inverses_of_hyperbolic_functions_far_from_0(f: Any, dtype: str) -> None:
    x = np.array([1.5, 3e7, 2e8, 1e30, np.inf], dtype)
    given = Tensor(x, dtype, requires_grad=True)
    found = f(given)
    np.testing.assert_allclose(found.numpy(), f(x), rtol=4 * np.finfo(dtype).eps)
    found[:-1].sum().backward()
    assert given.grad is not None
    one = x[:-1].astype(float) ** 2 + (1.0 if f is np.arcsinh else -1.0)
    np.testing.assert_allclose(given.grad.numpy()[:-1], one**-0.5, rtol=1e-5)


@pytest.mark.parametrize("n", [1, 3])
def test_interp_of_one_place_and_of_a_step_at_the_end(n: int) -> None:
    xp, fp, x = np.array([0.0, 1.0, 1.0])[:n], np.array([2.0, 3.0, 5.0])[:n], [-1.0, 0.0, 0.5, 1, 2]
    found = np.interp(Tensor(x, dtype="float64"), xp, fp)
    assert found.tolist() == np.interp(x, xp, fp).tolist()


BY_PLACE: dict[str, Callable[[Any], Any]] = {
    "nan_to_num": lambda x: np.nan_to_num(x, True, 2.5),
    "cross": lambda x: np.cross(x, B.T[:3, :3] ** 2, 0),
    "linspace": lambda x: np.linspace(x, B[:, :3], 5, True, False),
    "median": lambda x: np.median(x, 0, None, False, True),
    "quantile": lambda x: np.quantile(x, 0.3, 1, None, False, "linear", True),
}


@pytest.mark.parametrize("name", BY_PLACE)
def test_by_place_they_take_what_numpys_take(name: str) -> None:
    x = A[:, :3].copy()
    if name == "nan_to_num":
        x[1, 1] = np.nan
    found = np.asarray(BY_PLACE[name](Tensor(x, dtype="float64")))
    assert found.shape == np.shape(BY_PLACE[name](x))
    np.testing.assert_allclose(found, BY_PLACE[name](x), rtol=1e-12)


def test_reductions_write_nowhere() -> None:
    with pytest.raises(DataError, match=r"np.sum of a Tensor does not take out="):
        np.sum(Tensor(A), out=np.zeros(()))


def test_functions_are_called_by_their_whole_names() -> None:
    with pytest.raises(DataError, match=r"np\.linalg\.inv is no function of Tensors"):
        np.linalg.inv(Tensor(A[:, :3], requires_grad=True))


def test_shapes_that_do_not_match_name_the_function() -> None:
    x = Tensor(C)
    with pytest.raises(ShapeError, match=r"@ of shapes \(2, 3, 4\) and \(3, 4\): the last axis"):
        x.dot(Tensor(A))
    with pytest.raises(ShapeError, match=r"einsum 'ij,kj->ik' of shapes \(3, 4\) and \(2, 3\)"):
        np.einsum("ij,kj->ik", Tensor(A), Tensor(C[0, :2, :3]))
    with pytest.raises(ShapeError, match=r"shape \(0,\) has none along axis 0"):
        Tensor(np.ones((2, 0))).argmax()


@pytest.mark.parametrize("f", [np.sort, np.median, lambda x: np.quantile(x, 0.5)])
def test_what_goes_by_the_order_of_numbers_does_not_compile(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TraceError, match=r"goes by the order of numbers, which are not there"):
        jit(lambda x: f(x))(Tensor(V))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_scans_with_zeros_have_their_derivatives(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 6, rng.integers(1, 4)))
    axis = int(rng.integers(len(shape)))
    x = np.where(rng.random(shape) < 0.2, 0.0, rng.normal(size=shape))
    weights = Tensor(rng.normal(size=shape), "f64")

    def loss(t: Any) -> Any:
        return (getattr(t * 1.5, name)(axis).tanh() * weights).sum()

    def by_hand(t: Any) -> Any:
        parts, found = [t[(slice(None),) * axis + (k,)] * 1.5 for k in range(shape[axis])], []
        for part in parts:
            both = add if name == "cumsum" else mul
            found.append(both(found[-1], part) if found else part)
        return (np.stack(found, axis).tanh() * weights).sum()

    leaf, other = (Tensor(x, "f64", requires_grad=True) for _ in range(2))
    loss(leaf).backward()
    by_hand(other).backward()
    assert leaf.grad is not None
    assert other.grad is not None
    expected = other.grad.numpy()
    for found in (leaf.grad, grad(loss)(Tensor(x, "f64")), jit(loss, strict=True).grad(leaf)):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-13)
    second = hessian(by_hand)(Tensor(x, "f64")).numpy()
    found = hessian(loss)(Tensor(x, "f64")).numpy()
    np.testing.assert_allclose(found, second, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_ties_of_scans_are_split_one_after_the_other(name: str, seed: int, strict: bool) -> None:
    """As where each element is compared with what there is so far."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, rng.integers(1, 40)) / 2.0
    weights = rng.normal(size=x.size)
    op = getattr(np, name)

    def one_by_one(values: list[Any]) -> Any:
        found = values[:1]
        for v in values[1:]:
            found.append(op(found[-1], v))
        return sum(f * w for f, w in zip(found, weights.tolist(), strict=True))

    values = [Value(v) for v in x]
    one_by_one(values).backward()

    def loss(t: Any) -> Any:
        return (op.accumulate(t) * Tensor(weights, "f64")).sum()

    leaf = Tensor(x, "f64", requires_grad=True)
    loss(leaf).backward()
    assert leaf.grad is not None
    for found in (leaf.grad, jit(loss, strict=strict).grad(Tensor(x, "f64"))):
        np.testing.assert_allclose(found.numpy(), [v.grad for v in values], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("base", [2.0, 0.1, 3.0, 10.0])
def test_powers_of_a_number_have_double_precision(base: float) -> None:
    x = Tensor([0.3, -1.7], "f64", requires_grad=True)
    (base**x).sum().backward()
    assert x.grad is not None
    expected = [base**v * math.log(base) for v in (0.3, -1.7)]
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-15)


def test_slopes_at_the_places_of_interp() -> None:
    """A place begins the next piece; the last one ends it."""
    at, places, values = [-2.0, -1.0, 0.0, 0.5, 2.0, 3.0], [-1.0, 0.0, 2.0], [-0.5, 1.0, 0.5]
    x = Tensor(at, "f64", requires_grad=True)
    np.interp(x, places, values).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 1.5, -0.25, -0.25, -0.25, 0.0])
    for strict in (False, True):
        k = jit(lambda x: np.interp(x, places, values).sum(), strict=strict)
        np.testing.assert_array_equal(k.grad(Tensor(at, "f64")).numpy(), x.grad.numpy())


def test_scans_are_of_batches_of_any_size() -> None:
    total = jit(lambda x: (x.cumsum(1) ** 2).sum())
    for n in (3, 5, 1, 8):
        x = RNG.normal(size=(n, 4))
        leaf = Tensor(x, "f64", requires_grad=True)
        (leaf.cumsum(1) ** 2).sum().backward()
        assert leaf.grad is not None
        np.testing.assert_allclose(total.grad(leaf).numpy(), leaf.grad.numpy(), rtol=1e-12)


NAMED: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: np.reshape(x, shape=(4, 3), order="C"),
    "transpose": lambda x: np.transpose(x, axes=(1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, axis1=0, axis2=1),
    "moveaxis": lambda x: np.moveaxis(x, source=0, destination=1),
    "expand_dims": lambda x: np.expand_dims(x, axis=1),
    "squeeze": lambda x: np.squeeze(x[None], axis=0),
    "ravel": lambda x: np.ravel(x, order="C"),
    "broadcast_to": lambda x: np.broadcast_to(x, shape=(2, 3, 4), subok=False),
    "flip": lambda x: np.flip(x, axis=1),
    "split": lambda x: np.split(x, indices_or_sections=2, axis=1)[1],
    "clip": lambda x: np.clip(x, a_min=-0.5, a_max=0.5),
    "clip by other names": lambda x: np.clip(x, min=-0.5, max=0.5),
    "clip below": lambda x: np.clip(x, a_min=None, a_max=0.5, out=None),
    "take": lambda x: np.take(x, indices=[0, 2], axis=1),
    "take of all": lambda x: np.take(x, indices=[0, 7]),
    "take_along_axis": lambda x: np.take_along_axis(x, indices=np.array([[1], [0], [3]]), axis=1),
    "diagonal": lambda x: np.diagonal(x, axis2=0, axis1=1, offset=1),
    "trace": lambda x: np.trace(x, offset=1, dtype=None),
    "concatenate": lambda x: np.concatenate((x, x), axis=1, dtype=None),
    "stack": lambda x: np.stack([x, x], axis=1),
    "tensordot": lambda x: np.tensordot(a=x, b=B, axes=2),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_methods_take_has_numpys_names(name: str) -> None:
    f = NAMED[name]
    found = f(Tensor(A, "f64", requires_grad=True))
    assert found.requires_grad
    np.testing.assert_allclose(found.numpy(), f(A), rtol=1e-13)


def test_options_that_methods_do_not_have_are_named() -> None:
    with pytest.raises(DataError, match=r"np.ravel of a Tensor does not take order='F'"):
        np.ravel(Tensor(A), order="F")
    with pytest.raises(DataError, match=r"np.take of a Tensor does not take mode='wrap'"):
        np.take(Tensor(A), [0], mode="wrap")
    places = np.where(Tensor(A) > 0.0)
    np.testing.assert_array_equal(places, np.where(A > 0.0))
