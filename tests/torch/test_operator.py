"""Kernels as operators of PyTorch: numbers, derivatives, transformations, graphs, errors."""

from __future__ import annotations

import copy
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, Value, exp, fori, jit, sin, take
from micrograd.errors import GraphError, IndexRangeError, SignatureError
from micrograd.nn import MLP

torch = pytest.importorskip("torch")
from torch import library  # noqa: E402

from micrograd.torch import operator  # noqa: E402
from micrograd.torch.dtypes import NUMBERS  # noqa: E402
from micrograd.torch.native import c_interface  # noqa: E402
from micrograd.torch.operator import told  # noqa: E402

from . import random_tensors  # noqa: E402
from .random_operators import check, check_lists  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own

WIDE = torch.float64


def formula(x: Any, y: Any) -> Any:
    return x * exp(-y) + sin(x * y)


def several(x: Any, y: Any) -> Any:
    return {"a": x * y, "b": [x - y, sin(x)]}


def rough(x: np.ndarray, a: Any) -> Any:
    return sum((x[1:] - x[:-1]) ** 3) * a


f = operator(formula)


def numbers(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, dtype=WIDE, generator=generator).requires_grad_()


@pytest.mark.parametrize("seed", range(30))
def test_random_functions(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", range(10))
def test_random_lists(seed: int) -> None:
    check_lists(seed)


def test_the_memory_is_that_of_the_tensors() -> None:
    """Results that a kernel writes are those that PyTorch made room for."""
    x = torch.linspace(0.0, 1.0, 5, dtype=WIDE)
    expected = jit(formula)(x.numpy(), 2.0)
    assert (f(x, 2.0).numpy() == expected).all()
    assert f(x[::2], 2).dtype is WIDE
    assert f(x.float(), 2.0).dtype is torch.float32
    assert f(torch.arange(3), 2.0).dtype is torch.get_default_dtype()
    assert f(x.float(), x).dtype is WIDE
    assert operator(jit(formula, dtype="f64"))(x.float(), 1.0).dtype is WIDE


def test_results_have_the_structure_of_the_function() -> None:
    g = operator(several)
    x, y = numbers(3), numbers(2, 1)
    found = g(x=x, y=y)
    assert found.keys() == {"a", "b"}
    assert found["b"][1].shape == (2, 3)
    torch.testing.assert_close(found["a"], x * y)
    torch.testing.assert_close(found["b"][0], x - y)
    turned = operator(lambda x: np.array([[x, 2 * x], [x * x, x]]))
    assert turned(numbers(5)).shape == (5, 2, 2)


def test_gradients_of_any_order_pass_gradcheck() -> None:
    x, y = numbers(2, 1), numbers(1)
    check, again = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    more = {"check_batched_grad": True, "check_forward_ad": True}
    assert check(f, (x, y), **more)
    assert again(f, (x, y), check_batched_grad=True, check_fwd_over_rev=True)
    assert check(f, (x.T[:, ::2], y.detach()[:, None]))
    assert again(lambda x, y: tuple(operator(several)(x, y)["b"]), (x, y))
    third = torch.autograd.grad
    (one,) = third(f(x, 0.5).sum(), x, create_graph=True)
    (two,) = third(one.sum(), x, create_graph=True)
    (three,) = third(two.sum(), x)
    torch.testing.assert_close(three, -(0.5**3) * torch.cos(x * 0.5))


def test_arrays_are_taken_whole_and_models_take_rows() -> None:
    g = operator(rough)
    x, a = numbers(4), numbers(3)
    torch.testing.assert_close(g(x, a), ((x[1:] - x[:-1]) ** 3).sum() * a)
    assert torch.autograd.gradcheck(g, (x, a))
    assert torch.autograd.gradgradcheck(g, (x, a[0]))
    rows = torch.vmap(g, in_dims=(0, None))(numbers(5, 4), a[0])
    torch.testing.assert_close(rows, torch.stack([g(r, a[0]) for r in numbers(5, 4)]))
    model = MLP(2, [3, 1])
    m = operator(model)
    points = numbers(6, 2)
    expected = [model([float(v) for v in row]).data for row in points]
    assert m(points).tolist() == pytest.approx(expected)
    assert torch.autograd.gradcheck(m, (points,))
    before = m(points)
    for p in model.parameters():
        p.data *= 2.0  # they are live
    assert not torch.equal(m(points), before)
    columns = m(list(points.unbind(-1)))
    torch.testing.assert_close(columns, m(points))


def test_integers_choose_rows() -> None:
    table = [Value(1.0), Value(5.0), Value(7.0)]

    def scaled(x: float, i: int) -> Any:
        return x * x * take(table, i)

    g, x = operator(scaled), numbers(3)
    i = torch.tensor([2, 0, 1])
    torch.testing.assert_close(g(x, i), x * x * torch.tensor([7.0, 1.0, 5.0], dtype=WIDE))
    assert torch.autograd.gradcheck(lambda x: g(x, i), (x,))
    assert torch.autograd.gradgradcheck(lambda x: g(x, i), (x,))


def test_transformations_of_functions() -> None:
    func = torch.func
    x, y = numbers(3).detach(), numbers(4).detach()
    g = lambda x, y: x * torch.exp(-y) + torch.sin(x * y)  # noqa: E731
    for made in (
        lambda f: func.grad(lambda x: f(x, y).sum())(x[0]),
        lambda f: func.vmap(func.vmap(func.grad(f), (None, 0)), (0, None))(x, y),
        lambda f: func.jacrev(f, argnums=1)(x[:, None], y),
        lambda f: func.jacfwd(f)(x[:, None], y),
        lambda f: func.hessian(lambda y: f(x[:, None], y).sum())(y),
        lambda f: func.jvp(f, (x, x), (x, x + 1.0))[1],
        lambda f: func.vmap(f, in_dims=(None, 1), out_dims=1)(x, torch.outer(x, y)),
    ):
        torch.testing.assert_close(made(f), made(g))


BACKENDS = ["eager", "aot_eager", *(["inductor"] if shutil.which("g++") else [])]


@pytest.mark.parametrize("backend", BACKENDS)
def test_graphs_do_not_break(backend: str) -> None:
    g = operator(several, name=f"several_{backend}")

    def whole(x: torch.Tensor, y: torch.Tensor) -> Any:
        if backend == "inductor":  # compiles C++
            return f(x, 1.0).sum()
        found = g(x, y * 2.0)
        return (found["a"] * torch.cos(x) + found["b"][0] + f(x, 1.0)).sum()

    made = torch.compile(whole, backend=backend, fullgraph=True)
    x, y = numbers(3, 2), numbers(2)
    torch.testing.assert_close(made(x, y), whole(x, y))
    ours = torch.autograd.grad(made(x, y), x)
    torch.testing.assert_close(ours, torch.autograd.grad(whole(x, y), x))
    torch._dynamo.reset()


def test_the_ops_are_what_pytorch_wants_ops_to_be() -> None:
    x, y = numbers(3), numbers(3)
    found = library.opcheck(f._op, (x, y.detach(), [-1, -1]))
    assert set(found.values()) == {"SUCCESS"}
    pullback = f._registered.pullback((0, 1)).op
    found = library.opcheck(pullback, (x, y, numbers(3, 1), torch.empty(0, dtype=WIDE), [-1, -1]))
    assert set(found.values()) == {"SUCCESS"}


def test_an_operator_is_made_once_and_named() -> None:
    kernel = jit(formula)
    assert operator(kernel) is operator(kernel)
    assert repr(operator(kernel, name="own")) == "<operator formula of torch.ops.micrograd.own>"
    assert torch.ops.micrograd.own(numbers(2), numbers(2), [-1, -1])[0].shape == (1, 2)


def test_graphs_of_other_processes_find_what_they_name() -> None:
    """PyTorch keeps graphs with the names of pullbacks, and the shapes of what ops give."""
    w = [Value(2.0), Value(3.0)]
    g = operator(lambda x, y: x * y * w[0], name="kept_vjp_0")
    assert torch.ops.micrograd.kept_vjp_0 is not None
    pullback = torch.ops.micrograd.kept_vjp_0_vjp_0_1
    twice = torch.ops.micrograd.kept_vjp_0_vjp_0_1_vjp_2
    assert pullback.default is g._registered.pullback((0, 1)).op._opoverload
    assert twice.default is g._registered.pullback((0, 1)).pullback((2,)).op._opoverload
    for name in ("kept_vjp_1", "none_vjp_0", "kept_vjp_0_vjp_"):
        with pytest.raises(AttributeError, match=name):
            getattr(torch.ops.micrograd, name)
    more = operator(lambda x, y: x * y * w[0] * w[1])
    assert told(g, [-1, -1]) != told(more, [-1, -1])
    torch.testing.assert_close(
        more._op(*numbers(2, 3), told(more, [-1, -1]))[0][0], more(*numbers(2, 3))
    )


def test_results_can_be_changed_in_place() -> None:
    x = numbers(3)
    f(x, 1.0).mul_(2.0).sum().backward()
    y = x.detach().requires_grad_()
    (expected,) = torch.autograd.grad(2.0 * formula_of_torch(y, torch.ones(())).sum(), y)
    torch.testing.assert_close(x.grad, expected)
    x = numbers(3)
    first, second = operator(lambda x: (x * x, x * x * x))(x)
    first.mul_(3.0)
    torch.testing.assert_close(torch.autograd.grad((first + second).sum(), x)[0], 6 * x + 3 * x**2)


def formula_of_torch(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x * torch.exp(-y) + torch.sin(x * y)


@pytest.mark.parametrize("way", ["plain", "function"])
def test_gradients_are_not_computed_with_changed_parameters(way: str) -> None:
    """As PyTorch does not where it has saved a tensor that was changed."""
    w, b, unused = Value(2.0), Value(1.0), Value(3.0)
    kernel = jit(lambda x: x * x * w + b)
    jit(lambda x: x * w * b * unused)(1.0)  # they share a store
    g, x = operator(kernel, name=f"live_{way}"), numbers(3)
    if way == "function":
        result, pull = torch.func.vjp(g, x)
        pullback = lambda: pull(torch.ones_like(result))[0]  # noqa: E731
    else:
        result = g(x)
        pullback = lambda: torch.autograd.grad(result.sum(), x, retain_graph=True)[0]  # noqa: E731
    torch.testing.assert_close(pullback(), 4.0 * x)
    unused.data = 5.0  # of which it does not depend
    torch.testing.assert_close(pullback(), 4.0 * x)
    w.data = 10.0
    with pytest.raises(GraphError, match=rf"torch\.ops\.micrograd\.live_{way} reads have changed"):
        pullback()
    w.data = 2.0
    torch.testing.assert_close(pullback(), 4.0 * x)
    b.data = 2.0
    torch.testing.assert_close(pullback(), 4.0 * x)
    (slope,) = torch.autograd.grad(g(x).sum(), x, create_graph=True)
    w.data = 3.0
    with pytest.raises(GraphError, match="have changed"):
        slope.sum().backward()


def test_gradients_are_not_computed_with_changed_rows() -> None:
    """Of which the graph has only the first, as a number says which is read."""
    rows = [Value(0.5), Value(4.0)]

    def chosen(x: float, i: int) -> Any:
        return x * take(rows, i)

    x = numbers(2)
    result = operator(chosen)(x, torch.tensor([0, 1])).sum()
    rows[1].data = 9.0
    with pytest.raises(GraphError, match="have changed"):
        result.backward()


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_graphs_are_not_computed_with_changed_parameters(backend: str) -> None:
    """What a graph's gradient reads was kept by its call, wherever its partitioner cuts."""
    w, b, rows = Value(2.0), Value(1.0), [Value(0.5), Value(4.0)]
    g = operator(jit(lambda x: x * x * w + b), name=f"live_in_{backend}")

    def chosen(x: float, i: int) -> Any:
        return x * take(rows, i)

    h = operator(jit(chosen), name=f"rows_in_{backend}")

    def whole(x: torch.Tensor, i: torch.Tensor) -> Any:
        return g(g(x)), h(x, i)

    def gradient(results: Any) -> torch.Tensor:
        return torch.autograd.grad(sum(r.sum() for r in results), x)[0]

    x, i = numbers(3), torch.tensor([1, 1, 0])
    made = torch.compile(whole, backend=backend, fullgraph=True)
    for number in (2.0, 5.0):  # with one graph
        w.data = number
        results, expected = made(x, i), whole(x, i)
        torch.testing.assert_close(results, expected)
        torch.testing.assert_close(gradient(results), gradient(expected))
    for changed in (w, rows[1]):
        results = made(x, i)
        changed.data += 1.0
        with pytest.raises(GraphError, match="have changed since"):
            gradient(results)
        changed.data -= 1.0
    results, expected = made(x, i), gradient(whole(x, i))
    b.data = 7.0  # which only values read
    torch.testing.assert_close(gradient(results), expected)
    torch._dynamo.reset()


def test_any_function_has_a_name_for_pytorch() -> None:
    def größe(x: float) -> float:
        return 2.0 * x

    x = numbers(2)
    for g in (operator(größe), operator(jit(größe), name="π")):
        torch.testing.assert_close(g(x), 2.0 * x)
        assert g.name == "größe"


def test_operators_are_copied_with_what_holds_them() -> None:
    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = operator(formula, name="copied")

        def forward(self, x: torch.Tensor) -> Any:
            return self.f(x, 2.0)

    layer, x = Layer(), numbers(2)
    torch.testing.assert_close(copy.deepcopy(layer)(x), layer(x))
    torch.testing.assert_close(pickle.loads(pickle.dumps(layer.f))(x, 2.0), layer(x))


def test_what_is_not_all_floats() -> None:
    def of_rows(i: int) -> Any:
        return take([Value(1.5), Value(5.0)], i)

    g = operator(of_rows)
    found = g(torch.tensor([1, 0]))
    assert found.dtype is torch.get_default_dtype()
    assert found.tolist() == [5.0, 1.5]
    assert operator(jit(of_rows, dtype="f64"))(torch.tensor([1, 0])).dtype is WIDE
    with pytest.raises(IndexRangeError, match=r"\bi\b"):
        g(torch.tensor([2]))
    assert f(torch.ones(3), torch.ones((), dtype=WIDE)).dtype is torch.float32
    assert f(torch.ones((), dtype=WIDE), torch.arange(2)).dtype is WIDE


def test_a_list_is_what_it_is_for_jit() -> None:
    def joined(p: Any, x: float) -> Any:
        return p[0] * x + p[1] if isinstance(p, list) else x

    x, a = numbers(3), numbers(1)
    for g in (operator(joined), operator(lambda p, x: p[0] * x + [*p, 0.0][1])):
        torch.testing.assert_close(g([a, 2.0], x), a * x + 2.0)


@pytest.mark.parametrize("dtype", [torch.float32, WIDE])
def test_dense_tensors_are_passed_by_address(dtype: torch.dtype) -> None:
    """At any number of points, and beside tensors that are not dense."""
    kernel = jit(several, dtype="f64" if dtype is WIDE else "f32")
    g = operator(several, name="dense")
    g(torch.ones(1, dtype=dtype), torch.ones(1, dtype=dtype))
    assert (g._registered.native((-1, -1), dtype) is None) == (c_interface() is None)
    most = g._registered.function([-1, -1]).most_points(NUMBERS[dtype])
    assert most is not None
    for n in (0, 1, 2, 7, 8, 9, 17, 1000, most - 1, most, most + 1):
        x = torch.linspace(-1.0, 1.0, 2 * n, dtype=dtype)
        for a, b in ((x[:n], x[n:]), (x[::2], x[n:]), (x[n:], x.flip(0)[:n])):
            expected = kernel(a.numpy().copy(), b.numpy().copy())
            found = g(a, b)
            np.testing.assert_array_equal(found["a"].numpy(), expected["a"])
            for ours, theirs in zip(found["b"], expected["b"], strict=True):
                np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6, atol=1e-7)
    with pytest.raises(SignatureError, match="do not broadcast"):
        g._op(torch.ones(3, dtype=dtype), torch.ones(2, dtype=dtype), [-1, -1])


def test_random_tensors() -> None:
    for seed in range(50):
        random_tensors.check(seed)


def test_where_pytorch_has_no_interface_for_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python computes all."""
    monkeypatch.setattr("micrograd.torch.native.c_interface", lambda: None)
    w = Value(2.0)
    g = operator(lambda x, y: x * x * y * w, name="by_python")
    x, y = numbers(3), numbers(2, 1)
    torch.testing.assert_close(g(x.detach(), y.detach()), 2.0 * x * x * y)
    torch.testing.assert_close(
        torch.autograd.grad(g(x, y).sum(), y)[0], (2.0 * x * x).sum().expand(2, 1)
    )
    assert torch.autograd.gradgradcheck(g, (x, y))
    assert g._registered.native((-1, -1), WIDE) is None


def test_threads_call_at_once() -> None:
    """The first ones compile."""
    g = operator(lambda x, y: x * sin(y), name="of_threads")

    def gradient(k: int) -> torch.Tensor:
        x = torch.full((9,), float(k), dtype=WIDE, requires_grad=True)
        (found,) = torch.autograd.grad((g(x, x.detach() * 2.0) * g(x.detach(), 1.0)).sum(), x)
        return found

    with ThreadPoolExecutor(8) as threads:
        for k, found in enumerate(threads.map(gradient, range(64))):
            number = torch.tensor(float(k), dtype=WIDE)
            expected = torch.sin(2.0 * number) * number * torch.sin(torch.ones((), dtype=WIDE))
            torch.testing.assert_close(found, expected.expand(9))


def test_what_looks_at_calls_sees_the_op() -> None:
    class Seen(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, op: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            names.append(str(op))
            return op(*args, **kwargs or {})

    names: list[str] = []
    x = numbers(3).detach()
    with Seen():
        f(x, 1.0)
    assert "micrograd.formula.default" in names
    assert not any("native" in name for name in names)
    traced = torch.jit.trace(lambda x: f(x, 1.0), x)
    assert "micrograd_native" not in str(traced.graph)
    torch.testing.assert_close(traced(x + 1.0), f(x + 1.0, 1.0))
    with torch.inference_mode():
        assert f(x, 1.0).is_inference()


def test_errors() -> None:
    x = numbers(3)
    with pytest.raises(SignatureError, match="formula takes 2 arguments, x, y; y is missing"):
        f(x)
    with pytest.raises(SignatureError, match="formula takes 2 arguments, x, y; got 3 of them"):
        f(x, x, x)
    with pytest.raises(SignatureError, match="formula takes 2 arguments, x, y; z is none of them"):
        f(x, z=x)
    with pytest.raises(SignatureError, match="formula takes 2 arguments, x, y; x is given twice"):
        f(x, x=x)
    with pytest.raises(SignatureError, match="formula: y should be a tensor, a number or a list"):
        f(x, "two")
    with pytest.raises(SignatureError, match=r"computes in float32 or float64, got torch\.float16"):
        f(x.half(), 1.0)
    with pytest.raises(SignatureError, match="complex64"):
        f(x.to(torch.complex64), 1.0)
    with pytest.raises(RuntimeError, match=r"broadcast|Shape mismatch"):
        f(x, numbers(2))
    with pytest.raises(SignatureError, match="operator takes a function of numbers"):
        operator(5)  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="is of Tensors; write it of numbers: a parameter"):
        operator(of_tensors)
    with pytest.raises(SignatureError, match="name should be a text, got"):
        operator(formula, name=5)  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="takes no arguments"):
        operator(lambda: 5.0)
    with pytest.raises(SignatureError, match=r"i should hold integers, got torch\.float64"):
        operator(of_index)(x, x)
    with pytest.raises(SignatureError, match="one number"):
        operator(MLP(3, [1]))(torch.tensor(1.0))
    with pytest.raises(SignatureError, match="unequal length"):
        operator(MLP(2, [1]))([[1.0, 2.0], [3.0]])


def test_graphs_of_any_size_take_arrays_whole() -> None:
    """With a graph for each size: the function is another."""

    def whole(p: list[Any], k: float) -> Any:
        return p[0] * 2.0 + p[1] * k

    g = operator(whole)

    def f(x: torch.Tensor) -> Any:
        return g(x, 3.0) + g([x, x], 0.5)

    compiled = torch.compile(f, backend="aot_eager", fullgraph=True, dynamic=True)
    for n in (3, 4):
        x = numbers(n)
        torch.testing.assert_close(compiled(x), f(x))
        compiled(x).sum().backward()
        torch.testing.assert_close(x.grad, torch.autograd.grad(f(x).sum(), x)[0])


def test_what_is_no_index_is_refused() -> None:
    def looked_up(x: float, i: int) -> Any:
        return x * take([Value(1.0), Value(3.0)], i)

    def counted(x: float, n: int) -> Any:
        return fori(n, lambda _, c: c * x, x, limit=5)

    def several(x: float, i: list[int]) -> Any:
        return x * take([Value(1.0), Value(3.0)], i[0])

    x = numbers(2)
    for function in (looked_up, counted):
        g = operator(function)
        torch.testing.assert_close(g(x, np.int64(1)), g(x, 1))
        for bad in (1.9, -0.5, 1.0, np.float64(1.0), torch.tensor(1.0)):
            with pytest.raises(SignatureError, match="integer"):
                g(x, bad)
        with pytest.raises(SignatureError, match="several integers"):
            g(x, [1, 0])
        wide = torch.tensor([2**64 - 1, 1], dtype=torch.uint64)
        for beyond in (2**63, -(2**70), wide, wide[0]):
            with pytest.raises(IndexRangeError):
                g(x, beyond)
        torch.testing.assert_close(g(x, wide[1:]), g(x, 1))
    for given in ([1, 0], torch.tensor([[1, 0]])):
        with pytest.raises(SignatureError, match="several integers"):
            operator(several)(x, given)


@pytest.mark.parametrize("name", ["name", "_dir", "__file__", "mro"])
def test_any_name_will_do(name: str) -> None:
    assert operator(lambda x: x * 2.0, name=name)(torch.tensor(1.5)) == 3.0


def of_tensors(x: Tensor) -> Tensor:
    return x


def of_index(x: float, i: int) -> Any:
    return x * i
