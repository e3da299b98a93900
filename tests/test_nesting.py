"""Kernels on Values, in traced functions and in each other, to any order.

What is right is said by the compiled derivatives of the functions themselves, by differences, and
by formulas.
"""

from __future__ import annotations

import functools
import gc
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, atan2, exp, grad, hessian, jit, minimum, sin, tanh, where
from micrograd.errors import SignatureError, TraceError
from micrograd.jit import Kernel
from micrograd.jit.kernels import prepared
from micrograd.nn import MLP
from micrograd.ops import OPS

SMOOTH: list[Callable[..., Any]] = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - 0.5 * y,
    lambda x, y: x / (1.5 + y * y),
    lambda x, y: micrograd.sin(x) * y,
    lambda x, y: micrograd.exp(0.3 * x - y * y),
    lambda x, y: micrograd.tanh(x) + y,
    lambda x, y: micrograd.log(2.0 + x * x) * y,
    lambda x, y: (1.0 + x * x) ** 1.5 - y,
    lambda x, y: where(x > y, x * x, x * y),
    lambda x, y: micrograd.softplus(x) * micrograd.sigmoid(y),
]


def some_function(seed: int) -> Callable[..., Any]:
    """A random function of two numbers and a list of two."""
    rng = random.Random(seed)
    steps = [(rng.choice(SMOOTH), rng.random(), rng.random()) for _ in range(rng.randint(3, 9))]

    def f(x: Any, y: Any, z: Any) -> Any:
        pool = [x, y, *z]
        for op, i, j in steps:
            pool.append(op(pool[int(i * len(pool))], pool[-1 - int(j * min(3, len(pool)))]))
        return pool[-1] + 0.1 * pool[-2] * x

    return f


def numbers(x: Any) -> list[float]:
    """The numbers in nested containers and arrays, in order."""
    if isinstance(x, Value):
        return [x.data]
    if isinstance(x, np.ndarray):
        return numbers(x.tolist())
    if isinstance(x, dict):
        return numbers(list(x.values()))
    return [v for item in x for v in numbers(item)] if isinstance(x, (list, tuple)) else [float(x)]


AT = (0.4, -0.7, [0.9, 0.2])
FLAT = [0.4, -0.7, 0.9, 0.2]
EXTRA: dict[str, tuple[Any, ...]] = {
    "jvp": (1.0, -0.5, [0.3, 2.0]),
    "hvp": (1.0, -0.5, [0.3, 2.0]),
    "vjp": (1.5,),
}
DERIVED = ["grad", "value_and_grad", "jacobian", "hessian", "jvp", "vjp", "hvp"]


def nest(flat: list[Any]) -> tuple[Any, Any, list[Any]]:
    return flat[0], flat[1], list(flat[2:4])


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_kernels_on_values_are_kernels_on_numbers(seed: int, strict: bool) -> None:
    f = jit(some_function(seed), strict=strict)
    leaves = [Value(v) for v in FLAT]
    for name in ["__call__", *DERIVED]:
        kernel = getattr(f, name) if name != "__call__" else f
        extra = EXTRA.get(name, ())
        found = kernel(*nest(leaves), *extra)
        expected = kernel(*AT, *extra)
        assert numbers(found) == pytest.approx(numbers(expected), rel=1e-12, abs=1e-14)
        traced = jit(lambda x, y, z, k=kernel, e=extra: k(x, y, z, *e))(*AT)
        assert numbers(traced) == pytest.approx(numbers(expected), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_second_derivatives_by_nesting_are_the_hessian(seed: int) -> None:
    f = jit(some_function(seed))
    expected = np.array(numbers(f.hessian(*AT)))
    assert numbers(jit(f.grad).jacobian(*AT)) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert numbers(f.grad.jacobian(*AT)) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    rows = []
    for k in range(4):  # eager: the gradient of each partial
        leaves = [Value(v) for v in FLAT]
        partials = f.grad(*nest(leaves))
        flat = [partials[0], partials[1], *partials[2]]
        flat[k].backward()
        rows += [float(v.grad) for v in leaves]
    blocks = numbers(f.hessian(*AT))
    matrix = hessian(lambda v: some_function(seed)(v[0], v[1], v[2:]))(FLAT)
    assert rows == pytest.approx(numbers(matrix), rel=1e-11, abs=1e-13)
    assert sorted(blocks) == pytest.approx(sorted(rows), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("seed", range(8))
def test_third_derivatives_are_differences_of_the_second(seed: int) -> None:
    g = some_function(seed)
    f = jit(lambda v: g(v[0], v[1], v[2:]))
    third = np.array(f.hessian.jacobian(FLAT))
    assert third.shape == (4, 4, 4)
    h = 1e-5
    for k in range(4):
        ahead, behind = (
            np.array(f.hessian([v + sign * h * (i == k) for i, v in enumerate(FLAT)]))
            for sign in (1, -1)
        )
        assert third[:, :, k] == pytest.approx((ahead - behind) / (2 * h), rel=1e-6, abs=1e-6)
    assert third == pytest.approx(third.transpose(2, 0, 1), rel=1e-9, abs=1e-12)
    along = [0.5, -1.0, 2.0, 0.25]
    expected = third @ along
    assert np.array(f.hessian.jvp(FLAT, along)[1]) == pytest.approx(expected, rel=1e-10)
    eager = [Value(v) for v in FLAT]
    sum(sum(row) for row in f.hessian(eager)).backward()
    assert [v.grad for v in eager] == pytest.approx(third.sum((0, 1)), rel=1e-10, abs=1e-13)


def test_any_order() -> None:
    f: Any = lambda x: x**6  # noqa: E731
    expected = [x * 2.0**k for k, x in ((5, 6), (4, 30), (3, 120), (2, 360), (1, 720), (0, 720))]
    for value in [*expected, 0.0]:
        f = grad(f)
        assert f(2.0) == pytest.approx(value, rel=1e-14)
    assert f(np.array([1.0, 2.0])).tolist() == [0.0, 0.0]
    kernel = jit(lambda x: exp(2.0 * x))
    assert kernel.grad.grad.grad(0.5) == pytest.approx(8.0 * math.e)
    assert kernel.hessian.hessian(0.5) == pytest.approx(16.0 * math.e)


def test_a_kernel_in_a_function() -> None:
    k = jit(lambda x: x * x * x)
    assert jit(lambda x: k(x) + 1.0)(2.0) == 9.0
    assert jit(lambda x: k(x) + 1.0).value_and_grad(2.0) == (9.0, 12.0)
    assert jit(lambda x: k(sin(x)) * k.grad(x)).grad(0.5) == pytest.approx(
        3 * math.sin(0.5) ** 2 * math.cos(0.5) * 0.75 + math.sin(0.5) ** 3 * 3.0
    )
    assert jit(k)(2.0) == 8.0
    assert jit(k.grad)(2.0) == 12.0
    assert jit(k, dtype="f32")._options.dtype == jit(jit(k, dtype="f32"))._options.dtype
    xs = np.linspace(-1.0, 1.0, 7)
    np.testing.assert_allclose(jit(lambda x: k(x) + k.grad(x))(xs), xs**3 + 3.0 * xs * xs)
    two = jit(lambda x, y: x * x * y)
    assert jit(lambda x: two(x, x)).grad(3.0) == 27.0
    assert jit(lambda x: two.grad(x, x)[0]).grad(3.0) == 12.0  # 2xy at y = x
    assert jit(lambda x: two(y=x, x=2.0)).grad(3.0) == 4.0


@pytest.mark.parametrize("freeze", [False, True])
def test_a_kernel_called_with_numbers_may_read_what_is_around(freeze: bool) -> None:
    def f(x: Any) -> Any:
        return grad(lambda y: x * y * y)(2.0)

    assert jit(f, freeze=freeze).value_and_grad(3.0) == (12.0, 4.0)


def test_structures_of_nested_kernels() -> None:
    def polar(p: dict[str, Any]) -> Any:
        return {"x": p["r"] * sin(p["a"]), "all": (p["r"], [p["a"]])}

    k = jit(polar)
    found = jit(lambda r, a: k({"r": r, "a": a}))(2.0, 0.5)
    assert found == {"x": 2.0 * math.sin(0.5), "all": (2.0, [0.5])}

    def energy(x: np.ndarray) -> Any:
        return (x * x).sum() * x[0]

    whole = jit(energy)
    x = np.array([1.0, 2.0, 3.0])

    def outer(x: np.ndarray) -> Any:
        return whole.grad(x).sum() + whole(x)

    assert jit(outer)(x) == whole.grad(x).sum() + whole(x)
    np.testing.assert_allclose(
        jit(outer).grad(x), whole.hessian(x).sum(axis=0) + whole.grad(x), rtol=1e-14
    )
    values = np.array([Value(v) for v in x])
    matrix = whole.hessian(values)
    assert [[v.data for v in row] for row in matrix] == whole.hessian(x).tolist()


def test_the_gradient_flows_through_an_eager_call() -> None:
    k = jit(lambda x, y: sin(x) * y)
    a, b = Value(0.5), Value(3.0)
    out = tanh(k(a * b, b)) * 2.0
    out.backward()
    c, d = Value(0.5), Value(3.0)
    (tanh(sin(c * d) * d) * 2.0).backward()
    assert (a.grad, b.grad) == pytest.approx((c.grad, d.grad))
    assert isinstance(k(Value(1.0), 2.0), Value)
    assert isinstance(k(1.0, 2.0), float)


def test_values_are_mapped_over_with_arrays() -> None:
    k = jit(lambda x, y: x * x * y)
    a = Value(3.0)
    out = k(a, np.array([[1.0], [2.0]]))
    assert out.shape == (2, 1)
    out.sum().backward()
    assert a.grad == 18.0
    values = np.array([Value(1.0), Value(2.0)])
    value, (dx, dy) = k.value_and_grad(values, 5.0)
    assert [v.data for v in value] == [5.0, 20.0]
    assert [v.data for v in dx] == [10.0, 20.0]
    assert [v.data for v in dy] == [1.0, 4.0]


def test_what_does_not_depend_on_the_argument_is_a_value_too() -> None:
    k = jit(lambda x: 3.0 * x)
    partial = k.grad(Value(2.0))
    assert isinstance(partial, Value)
    assert partial.data == 3.0
    assert grad(grad(lambda x: 3.0 * x))(2.0) == 0.0
    assert jit(lambda x: k.grad(x))(2.0) == 3.0
    assert jit(lambda x: k.grad(x).relu() * x).grad(2.0) == 3.0
    assert jit(lambda x: k.hessian(x) + x).grad(2.0) == 1.0
    assert not jit(lambda x: k.grad(x) * x)._shown.graph.parameters  # nothing became live


def test_nested_kernels_read_live_parameters() -> None:
    random.seed(4)
    model = MLP(2, [4, 1])
    k = jit(model, dtype="f64")
    x = [0.3, -0.8]
    outer = jit(lambda v: k(v) ** 2)
    inside: Any = jit(lambda v: model(v) ** 2)
    for _ in range(2):
        assert outer(x) == pytest.approx(inside(x), rel=1e-14)
        assert outer.grad(x) == pytest.approx(inside.grad(x), rel=1e-14)
        model.layers[0].neurons[0].w[0].data += 0.5
    by_parameters = jit(lambda v: k(v) ** 2, wrt=model.parameters())
    expected = jit(lambda v: model(v) ** 2, wrt=model.parameters())
    assert by_parameters.grad(x) == pytest.approx(expected.grad(x), rel=1e-13)
    model.zero_grad()
    k([Value(v) for v in x]).backward()
    assert [p.grad for p in model.parameters()] == pytest.approx(k.grad(x), rel=1e-14)
    # the input's gradient of the squared norm of the parameters' one
    norm = jit(lambda v: sum(g * g for g in k.grad(v)))
    h = 1e-6
    ahead, behind = (norm([x[0] + s * h, x[1]]) for s in (1, -1))
    assert norm.grad(x)[0] == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)


def test_kernels_of_values_nest() -> None:
    w, c = Value(3.0), Value(2.0)
    k = jit(w * w * w * c, wrt=[w], dtype="f64")
    assert k.grad(Value(2.0))[0].data == 24.0
    assert jit(lambda x: k.grad(x)[0] + k(x)).value_and_grad(2.0) == (40.0, 48.0)
    assert jit(k).grad(2.0) == 24.0
    assert k.grad.jacobian(2.0) == k.hessian(2.0) == ((24.0,),)
    assert k() == 54.0


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_ops_are_functions(op: Any) -> None:
    at = {1: (0.3,), 2: (0.7, 1.3), 3: (1.0, 0.4, 0.6)}[op.arity]
    kernel = jit(op, strict=True)
    assert kernel(*at) == op(*at)
    values = list(map(Value, at))
    op(*values).backward()
    partials = jit(op, wrt=op.names).grad(*at)
    assert partials == pytest.approx([v.grad for v in values], rel=1e-13)
    if op.arity == 1:
        assert grad(op)(*at) == partials[0]
    assert kernel.name == op.name


def test_functions_of_numpy_are_the_ops_of_their_name() -> None:
    assert grad(np.tanh)(0.5) == grad(tanh)(0.5) == pytest.approx(1 - math.tanh(0.5) ** 2)
    assert jit(np.arctan2)(1.0, 2.0) == math.atan2(1.0, 2.0)
    with pytest.raises(SignatureError, match=r"np\.arctanh has no derivative here.*tanh"):
        grad(np.arctanh)


def test_functions_of_math_say_what_to_take() -> None:
    with pytest.raises(TypeError, match=r"float\(\).*micrograd\.exp"):
        grad(math.exp)(1.0)


def test_out_and_where_are_for_numbers() -> None:
    k = jit(lambda x: x * x)
    with pytest.raises(SignatureError, match="out and where are for numbers"):
        k(Value(1.0), out=np.empty(1))


def test_nothing_is_compiled_for_values(monkeypatch: pytest.MonkeyPatch) -> None:
    import lowering

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("compiled")

    monkeypatch.setattr(lowering, "compile", refuse)
    k = jit(lambda x: x * x * x)
    assert k.hessian(Value(2.0)).data == 12.0


def test_a_function_that_calls_itself_is_an_error_not_a_deadlock() -> None:
    kernels: list[Kernel] = []

    def f(x: Any) -> Any:
        return kernels[0](x) + 1.0

    kernels.append(jit(f))
    with pytest.raises(RecursionError):
        kernels[0](1.0)


# --- one trace for all that is derived ----------------------------------------------------------


def test_all_that_is_derived_is_of_one_trace() -> None:
    scale, calls = 2.0, []

    @jit
    def f(x: Any) -> Any:
        calls.append(scale)
        return scale * x * x

    assert f(1.0) == 2.0
    scale = 3.0
    assert f.value_and_grad(1.0) == f.vjp(1.0, 1.0) == f.jvp(1.0, 1.0) == (2.0, 4.0)
    assert f.grad(1.0) == f.jacobian(1.0) == f.hessian(1.0) == f.hvp(1.0, 1.0) == 4.0
    assert f(1.0, dtype="f32") == f.grad(1.0, dtype="f32") / 2.0 == 2.0
    assert f.ufunc(1.0) == f(np.array([1.0]))[0] == f(Value(1.0)).data == 2.0
    assert calls == [2.0]
    assert jit(lambda x: f(x))(1.0) == 2.0


def test_the_constants_of_a_value_are_of_one_time() -> None:
    x, c = Value(1.0), Value(2.0)
    k = jit(x * c, wrt=[x])
    assert k(1.0) == 2.0
    c.data = 3.0
    assert (k(), k.value_and_grad(1.0), k.value_and_grad()) == (2.0, (2.0, (2.0,)), (2.0, (2.0,)))
    assert k(1.0, dtype="f64") == 2.0
    assert jit(x * c, wrt=[x])(1.0) == 3.0


# --- methods and settings -----------------------------------------------------------------------


class Scaled:
    """A class with compiled methods."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.w = Value(scale)

    @jit
    def times(self, x: Any) -> Any:
        return self.scale * x * x

    @jit(dtype="f32", wrt="y")
    def live(self, x: Any, y: Any = 1.0) -> Any:
        return self.w * x * y

    @staticmethod
    @jit
    def plain(x: Any) -> Any:
        return x + 1.0

    @classmethod
    def made(cls) -> Any:
        return cls(1.0).times(2.0)


def test_methods_bind() -> None:
    a, b = Scaled(2.0), Scaled(5.0)
    assert (a.times(3.0), b.times(3.0)) == (18.0, 45.0)
    assert (a.times.grad(3.0), b.times.grad(3.0)) == (12.0, 30.0)
    assert a.times(np.array([1.0, 2.0])).tolist() == [2.0, 8.0]
    assert a.times is a.times
    assert a.times is not b.times
    assert (a.times.__name__, repr(a.times)) == ("times", "<kernel times(x) -> float64>")
    assert (a.live(3.0), a.live(3.0, y=2.0), a.live.grad(3.0)) == (6.0, 12.0, 6.0)
    a.w.data = 10.0
    assert a.live(3.0) == 30.0
    assert Scaled.plain(1.0) == a.plain(1.0) == 2.0
    assert Scaled.made() == 4.0
    assert isinstance(Scaled.times, Kernel)
    assert jit(a.times)(3.0) == jit(lambda x: a.times(x))(3.0) == 18.0
    assert grad(a.times)(3.0) == 12.0


def of_three(self: Any, x: Any, y: Any) -> Any:
    return self.scale * x * y * y


def of_tensors(self: Any, x: Any, y: Any) -> Any:
    return (x * y * y).sum()


def of_any(self: Any, *xs: Any) -> Any:
    return xs[0] * 0.1


class Several:
    """A class that has functions compiled in several ways."""

    scale = 0.1
    wide, narrow = jit(of_three), jit(of_three, dtype="f32")
    by_x, by_y = grad(of_three, wrt="x"), grad(of_three, wrt="y")
    any_wide, any_narrow = jit(of_any), jit(of_any, dtype="f32")
    of_x, of_y = grad(of_tensors, wrt="x"), grad(of_tensors, wrt="y")


def test_a_function_is_a_method_in_several_ways() -> None:
    a, tenth = Several(), float(np.float32(0.1))
    assert [f(1.0, 1.0) for f in (a.wide, a.narrow, a.wide)] == [0.1, tenth, 0.1]
    assert (a.by_x(2.0, 3.0), a.by_y(2.0, 3.0)) == (pytest.approx(0.9), pytest.approx(1.2))
    assert [f(1.0) for f in (a.any_wide, a.any_narrow)] == [0.1, tenth]
    x, y = micrograd.Tensor([2.0]), micrograd.Tensor([3.0])
    assert [f(x, y).tolist() for f in (a.of_x, a.of_y)] == [[9.0], [12.0]]
    assert a.wide is a.wide
    assert a.by_x is not a.by_y


def doubled(self: Any) -> Any:
    return 2.0 * self.w


class Spring:
    """Compiled methods that are called in all the ways that methods are."""

    def __init__(self, k: float) -> None:
        self.k = k
        self.w = Value(k)

    @jit
    def energy(self, x: Any) -> Any:
        return self.k * x * x

    @property
    @jit
    def stiffness(self) -> Any:
        return self.w * self.w

    @functools.cached_property
    @jit
    def kept(self) -> Any:
        return self.w + 1.0

    @jit
    def scaled(self, x: Any, by: Any = 2.0, sign: str = "+") -> Any:
        return self.k * x * by * (1.0 if sign == "+" else -1.0)

    force = energy.grad  # type: ignore[attr-defined]
    slope = energy.grad.grad  # type: ignore[attr-defined]
    again = jit(energy)
    half = functools.partialmethod(scaled, by=0.5)
    twice = property(jit(doubled))
    third = jit(lambda me, x: me.k * x / 3.0)


def test_methods_that_are_called_through_the_class() -> None:
    a, b = Spring(2.0), Spring(5.0)
    energy: Any = Spring.energy
    assert energy(a, 3.0) == energy(a, x=3.0) == functools.partial(energy, a)(3.0) == 18.0
    assert list(map(energy, [a, b], [1.0, 2.0])) == [2.0, 20.0]
    assert energy(b, np.array([1.0, 2.0])).tolist() == [5.0, 20.0]
    assert energy.grad(a, 3.0) == a.force(3.0) == Spring.force(a, 3.0) == 12.0
    assert energy.grad.grad(b, 3.0) == a.slope(3.0) + 6.0 == Spring.slope(b, 3.0) == 10.0
    assert energy.value_and_grad(a, 3.0) == (18.0, 12.0)
    assert energy.hessian(a, 3.0) == 4.0
    assert energy.jvp(a, 3.0, 10.0) == (18.0, 120.0)
    assert (a.again(3.0), Spring.again(b, 3.0), a.half(3.0)) == (18.0, 45.0, 3.0)
    assert Spring.scaled(a, 3.0, sign="-", by=4.0) == -24.0
    assert (a.third(3.0), Spring.third(b, 3.0)) == (2.0, 5.0)
    assert energy(a, 3.0, dtype="f32") == 18.0
    assert energy(a, np.array([1.0]), out=np.zeros(1)).tolist() == [2.0]
    assert energy(a, Value(3.0)).data == 18.0
    assert jit(lambda x: energy(a, x) + b.energy(x)).grad(1.0) == 14.0
    for wrong in (energy, energy.grad):
        with pytest.raises(SignatureError, match=r"takes 1 argument \(x\), got 2"):
            wrong(a, 3.0, 4.0)


def test_a_parameter_may_be_named_self() -> None:
    assert jit(lambda self, x: self * x)(self=2.0, x=3.0) == 6.0


def test_properties_are_compiled() -> None:
    a, b = Spring(2.0), Spring(5.0)
    assert (a.stiffness, b.stiffness, a.twice, b.twice, a.kept) == (4.0, 25.0, 4.0, 10.0, 3.0)
    a.w.data = 3.0
    assert (a.stiffness, b.stiffness, a.twice, a.kept) == (9.0, 25.0, 6.0, 3.0)


def test_what_is_no_method_does_not_bind() -> None:
    @jit
    def f(x: Any, y: Any) -> Any:
        return x * y

    with pytest.raises(SignatureError, match="x should be a number, an array, or a list"):
        f(object(), 1.0)
    with pytest.raises(SignatureError, match="self should be a number, an array, or a list"):
        Spring.energy("a", 1.0)  # type: ignore[arg-type, call-arg]


def test_bound_kernels_go_with_their_instance() -> None:
    import weakref

    a = Scaled(2.0)
    assert a.times(3.0) == 18.0
    native, instance = weakref.ref(a.times._shown.native), weakref.ref(a)
    del a
    gc.collect()
    assert instance() is None
    assert native() is None


def test_copies_of_an_instance_have_methods_of_their_own() -> None:
    import copy
    import pickle

    a = Scaled(2.0)
    assert a.times(3.0) == 18.0
    for b in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        b.scale = 7.0
        assert b.times(3.0) == 63.0
        assert b.times._source.function.__self__ is b
        assert a.times(3.0) == 18.0
    assert pickle.loads(pickle.dumps(a.times))(3.0) == 18.0


def test_instances_without_attributes_are_refused() -> None:
    class Slots:
        __slots__ = ()

        @jit
        def f(self, x: Any) -> Any:
            return x

    with pytest.raises(SignatureError, match=r'instances of Slots have no room .*"__dict__"'):
        _ = Slots().f


def configured(
    x: Any, negative: bool = False, mode: str = "add", scale: Any = 2.0, *, shift: Any = 0.0
) -> Any:
    y = x * scale + shift if mode == "add" else x * shift
    return -y if negative else y


def test_settings_and_names() -> None:
    k = jit(configured)
    for args, kwargs in [
        ((3.0,), {}),
        ((3.0, True), {}),
        ((3.0, True, "other"), {"shift": 4.0}),
        ((3.0, False, "add", 7.0), {}),
        ((3.0,), {"negative": True}),
        ((3.0,), {"mode": "other", "shift": 5.0}),
        ((3.0,), {"scale": 5.0, "negative": True}),
        ((3.0, True, "add", 5.0), {}),  # one setting as by default, beside one that is not
        ((3.0,), {"negative": True, "mode": "add"}),
        ((3.0, False, "other"), {"scale": 7.0, "shift": 2.0}),
        ((), {"x": 3.0, "shift": -1.0}),
    ]:
        for _ in range(2):
            assert k(*args, **kwargs) == configured(*args, **kwargs)
    x = np.array([1.0, 2.0])
    assert k(x, True).tolist() == configured(x, True).tolist()
    assert k.grad(3.0) == (2.0, 3.0)  # with respect to what may be given by position
    assert k.grad(3.0, True, shift=1.0) == (-2.0, -3.0)
    assert jit(configured, wrt="shift").grad(3.0, True) == -1.0
    assert k.jvp(3.0, 5.0, 1.0, 0.0, negative=True) == (-15.0, -5.0)
    assert k(Value(3.0), negative=True).data == -6.0
    assert jit(lambda x: k(x, True)).grad(3.0) == -2.0
    assert k(3.0, dtype="f32", negative=True) == -6.0


def test_settings_that_are_the_same_make_one_trace() -> None:
    """By name in any order, and equal to the default without being it."""
    traced = []

    def f(x: Any, a: Any = None, b: str = "mean", c: tuple[float, ...] = (1.0, 2.0)) -> Any:
        traced.append((a, b, c))
        return x * sum(c)

    k = jit(f)
    assert (
        k(1.0, a="p", b="q") == k(1.0, b="q", a="p") == k(1.0, "p", "q") == k(x=1.0, b="q", a="p")
    )
    assert len(traced) == 1
    assert k(1.0) == k(1.0, b="".join(["me", "an"]), c=tuple([1.0, 2.0])) == k(1.0, a=None)
    assert k.grad(1.0, c=tuple([1.0, 2.0]), b="mean") == 3.0
    assert len(traced) == 2


def test_settings_that_are_equal_and_not_the_same_make_two() -> None:
    def f(x: Any, shift: tuple[Any, ...] = ()) -> Any:
        return x * sum(math.copysign(1.0, s) for s in shift) * (2.0 if True in shift[:1] else 1.0)

    k = jit(f)
    assert (k(1.0, shift=(0.0, 0.0)), k(1.0, shift=(0.0, -0.0))) == (2.0, 0.0)
    assert k(1.0, shift=((0.0,) * 2)) == 2.0

    def g(x: Any, flags: tuple[Any, ...] = ()) -> Any:
        return x * 2.0 if flags and flags[0] is True else x

    k = jit(g)
    assert (k(1.0, flags=(1,)), k(1.0, flags=(True,)), k(1.0, flags=(1.0,))) == (1.0, 2.0, 1.0)


def test_a_setting_is_traced_once_for_each_value_for_all_that_is_derived() -> None:
    calls = []

    def f(x: Any, n: int | None = None, kind: str = "a") -> Any:
        calls.append((n, kind))
        return x * (1.0 if n is None else n) + (kind == "b")

    k = jit(f)
    for _ in range(2):
        assert (k(2.0), k(2.0, kind="b"), k.grad(2.0, kind="b"), k(2.0, None, "a")) == (2, 3, 1, 2)
        assert k.value_and_grad(2.0, kind="b") == (3.0, 1.0)
    assert calls == [(None, "a"), (None, "b")]
    assert k(2.0, 5.0) == k(2.0, n=5.0) == 10.0  # a number is an argument
    assert k.grad(2.0, n=5.0) == 5.0
    assert [n for n, _ in calls[2:]] == [n for n, _ in calls[2:] if n is not None]


def test_true_and_one_are_different_settings() -> None:
    k = jit(lambda x, n=False: x if n is True else 2.0 * x if n == 1 else -x)
    assert (k(3.0), k(3.0, True), k(3.0, 1), k(3.0, n=False)) == (-3.0, 3.0, 6.0, -3.0)


def test_none_for_a_number_is_a_setting() -> None:
    k = jit(lambda x, scale=2.0: x if scale is None else x * scale)
    assert (k(3.0), k(3.0, None), k(3.0, scale=None), k(3.0, 5.0)) == (6.0, 3.0, 3.0, 15.0)
    assert (k.grad(3.0), k.grad(3.0, None)) == ((2.0, 3.0), 1.0)


def test_a_list_by_default_is_an_argument_when_it_is_given() -> None:
    weights = [1.0, 2.0]
    k = jit(lambda x, w=weights: x * w[0] + w[1])
    assert (k(3.0), k(3.0, [5.0, 7.0]), k(3.0, w=[0.0, 1.0])) == (5.0, 22.0, 1.0)


def test_names_that_must_be_given() -> None:
    def f(x: Any, *, y: Any) -> Any:
        return x * y

    k = jit(f)
    assert k(2.0, y=3.0) == 6.0
    assert k.grad(2.0, y=3.0) == 3.0
    assert k(np.array([1.0, 2.0]), y=3.0).tolist() == [3.0, 6.0]
    for call in (lambda: k(2.0), lambda: k(2.0, 3.0), lambda: k(2.0, y=3.0, z=1.0)):
        with pytest.raises(SignatureError, match=r"f takes 2 arguments \(x, y\), got "):
            call()


def test_a_setting_that_cannot_be_a_key() -> None:
    with pytest.raises(SignatureError, match=r"mode configures the function, .* hashable; got set"):
        jit(configured)(1.0, mode={1})


def test_methods_of_values_are_functions() -> None:
    assert jit(lambda x: sum(map(Value.relu, x))).grad([1.0, -2.0, 3.0]) == [1.0, 0.0, 1.0]
    assert jit(Value.exp)(0.0) == 1.0
    assert Value.tanh(Value(0.0)).data == 0.0
    with pytest.raises(AttributeError, match="'float' object"):
        Value.tanh(3.0)  # type: ignore[arg-type]


class Row(list[Any]):
    """A list of the user's own."""


def test_a_list_of_the_users_own_is_a_list() -> None:
    k = jit(lambda x: sum(x.copy()) * x[0])
    assert k(Row([2.0, 3.0])) == k([2.0, 3.0]) == 10.0
    assert k.grad(Row([2.0, 3.0])) == [7.0, 2.0]
    assert jit(lambda x: Row([x, x * x]))(3.0) == [3.0, 9.0]


def test_an_array_or_none_is_taken_whole() -> None:
    def first(x: np.ndarray | None = None, scale: Any = 1.0) -> Any:
        return scale if x is None else x[0] * x[1] * scale

    k = jit(first)
    assert k(np.array([2.0, 3.0])) == 6.0
    assert jit(first, wrt="x").grad(np.array([2.0, 3.0])).tolist() == [3.0, 2.0]

    def mapped(x: float | np.ndarray) -> Any:
        return x * 2.0

    assert jit(mapped)(np.array([2.0, 3.0])).tolist() == [4.0, 6.0]


def test_arrays_of_kernels_in_traced_functions_are_arrays_of_values() -> None:
    w = Value(2.0)
    k = jit(lambda x: w * x)
    assert jit(lambda x: x * k(np.arange(3.0)).max())(1.0) == 4.0
    assert jit(lambda x: np.clip(k(np.arange(3.0)), 1.0, 3.0).sum() * x)(1.0) == 6.0
    twice = jit(lambda x: 2 * x)
    found = np.maximum(twice(np.array([Value(1.0), Value(math.nan)])), 0.0)
    assert [str(v.data) for v in found] == ["2.0", "nan"]


def test_backward_in_a_compiled_function_is_refused() -> None:
    w = Value(3.0)

    def f(x: Any) -> Any:
        (w * w).backward()
        return x * w.grad

    with pytest.raises(TraceError, match=r"backward\(\) in a function that is being compiled"):
        jit(f)(1.0)


def test_settings_that_hold_values_are_told_apart_by_identity() -> None:
    a, b = Value(3.0), Value(5.0)

    @jit
    def f(x: Any, ps: Any = (a, b)) -> Any:
        return x * ps[0] - ps[1]

    assert jit(lambda x: f(x, ps=(b, a)))(2.0) == 7.0
    assert jit(lambda x: f(x, ps=(a, b)))(2.0) == 1.0


def test_equal_numbers_are_computed_once() -> None:
    """Each point of a derivative asks for the same conditions, and for the same cotangents."""

    def nearest(x: Any, y: Any, z: Any) -> Any:
        return minimum(minimum((x - y) ** 2, (y - z) ** 2), (z - x) ** 2)

    newton = jit(nearest).grad.jvp
    at, along = (0.5, 1.25, -0.75), (1.0, 1.0, 1.0)

    def both(x: Any, y: Any, z: Any) -> list[Any]:
        gradient, moved = newton(x, y, z, *along)
        return [*gradient, *moved]

    compiled = jit(both)
    nodes = [line.split("= ") for line in compiled.stages()["graph"].splitlines() if "= " in line]
    assert len(nodes) > 20
    made = [what for _, what in nodes if what.split()[0] not in ("const", "input")]
    assert len(set(made)) == len(made)
    gradient, moved = newton(*map(Value, at), *along)
    assert list(compiled(*at)) == pytest.approx([v.data for v in (*gradient, *moved)], rel=1e-15)
    assert list(compiled(*at)) == pytest.approx(numbers(newton(*at, *along)), rel=1e-15)


def test_zeros_of_both_signs_are_two_numbers() -> None:
    def f(x: Any) -> Any:
        return atan2(x * 0.0, -1.0) + atan2(x * -0.0, -1.0)

    kernel = jit(f, strict=True)
    assert jit(lambda x: kernel(x), strict=True)(1.0) == kernel(1.0) == 0.0
    assert kernel(Value(1.0)).data == 0.0


def test_what_a_program_touches_is_kept_between_calls_up_to_an_amount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def f(x: Any, z: Any) -> Any:
        return sum(sin(a * x) for a in z)

    def called(size: int) -> list[float]:
        inner = jit(f)
        leaves = [Value(0.1 * k) for k in range(size)]
        found = sum(inner(leaves[0] + 0.5 * k, leaves) for k in range(3))
        found.backward()
        (nested,) = inner._nested.values()
        kept.append(nested.prepared._kept)
        return [found.data, *[v.grad for v in leaves]]

    kept: list[int] = []
    expected = [called(2), called(20)]
    assert 0 < kept[0] < kept[1]
    most = kept[0]
    monkeypatch.setattr(prepared, "MOST_KEPT", most)
    assert [called(2), called(20)] == expected
    assert kept[2] == most
    assert kept[3] <= most
