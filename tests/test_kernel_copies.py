"""Copies and pickles of kernels, optimisers and histories: what they were made from goes."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import History, Kernel, Value, fit, grad, jit, tanh
from micrograd.errors import MicrogradError
from micrograd.nn import MLP, Module
from micrograd.optim import SGD, Adam, AdamW, Optimizer, cosine, linear

from .test_copies import NAMES, ROOT, WHOLE

whole = pytest.mark.parametrize("copied", WHOLE, ids=NAMES)
every = pytest.mark.parametrize("copied", [copy.copy, *WHOLE], ids=["copy", *NAMES])

DERIVED = ["grad", "value_and_grad", "jacobian", "hessian"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(7)


@pytest.fixture
def cloudpickle() -> Any:
    """The package, where it is."""
    return pytest.importorskip("cloudpickle")


def plain(x: float, y: float = 2.0) -> Any:
    """x^2 tanh(y)."""
    return x * x * tanh(y)


@jit(strict=True)
def decorated(x: float, y: float = 2.0) -> Any:
    """x^2 tanh(y)."""
    return x * x * tanh(y)


compiled = jit(plain, dtype="f32", threads=1)


class Model(Module):
    """A model that holds kernels of itself."""

    def __init__(self) -> None:
        self.early = jit(self.energy)
        self.mlp = MLP(2, [3, 1])
        self.bound = jit(self.energy, wrt=self.mlp.parameters())
        self.whole = jit(self, dtype="f64")

    def parameters(self) -> list[Value]:
        return self.mlp.parameters()

    def energy(self, x: float, y: float) -> Any:
        return self.mlp([x, y]) ** 2

    def __call__(self, x: float, y: float) -> Any:
        return self.mlp([x, y])


class Scaled:
    """A callable object with a parameter."""

    def __init__(self, factor: float) -> None:
        self.factor = Value(factor)

    def __call__(self, x: float) -> Any:
        return self.factor * x


def weighted(w: Any, x: float) -> Any:
    return w * x


# --- functions ------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("kernel", [compiled, decorated], ids=["compiled", "decorated"])
def test_a_kernel_of_a_function_is_copied(copied: Any, kernel: Any, called: bool) -> None:
    if called:
        kernel(1.0)
    twin = copied(kernel)
    assert isinstance(twin, Kernel)
    for x in (1.5, 3.0):
        assert twin(x) == kernel(x)
        assert twin(x, y=0.5) == kernel(x, 0.5)
        np.testing.assert_array_equal(twin(np.array([x, 2.0])), kernel(np.array([x, 2.0])))
        for name in DERIVED:
            assert getattr(twin, name)(x, 0.5) == getattr(kernel, name)(x, 0.5)
    assert repr(twin) == repr(kernel)
    assert (twin.__name__, twin.__doc__) == (kernel.__name__, kernel.__doc__)
    assert inspect.signature(twin) == inspect.signature(kernel)
    assert twin._options == kernel._options


@every
@pytest.mark.parametrize("name", [*DERIVED, "jvp", "vjp", "hvp"])
@pytest.mark.parametrize("kernel", [compiled, decorated], ids=["compiled", "decorated"])
def test_derived_kernels_are_copied(copied: Any, name: str, kernel: Any) -> None:
    derived = getattr(kernel, name)
    twin = copied(derived)
    extra = {"jvp": (1.0, 2.0), "hvp": (1.0, 2.0), "vjp": (3.0,)}.get(name, ())
    assert twin(1.5, 0.5, *extra) == derived(1.5, 0.5, *extra)
    assert repr(twin) == repr(derived)


def test_a_copy_is_closed_alone() -> None:
    kernel = jit(plain)
    twins = [copy.copy(kernel), copy.deepcopy(kernel), pickle.loads(pickle.dumps(kernel))]
    kernel(1.0)
    kernel.close()
    assert len({t(3.0, 1.0) for t in twins}) == 1
    assert copy.copy(decorated) is not decorated


def test_a_decorated_kernel_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert b"plain" not in pickle.dumps(decorated)


@pytest.mark.parametrize("protocol", range(6))
def test_a_closure_is_refused_by_name(protocol: int) -> None:
    w = Value(2.0)

    def closure(x: float) -> Any:
        return w * x

    for kernel in (jit(closure), jit(closure).grad, jit(functools.partial(closure))):
        text = f"{closure.__module__}.{closure.__qualname__} cannot be pickled: no other process"
        with pytest.raises(pickle.PicklingError, match=re.escape(text)) as caught:
            pickle.dumps([kernel], protocol)
        assert "cloudpickle.dumps(kernel)" in str(caught.value)
        assert isinstance(caught.value, MicrogradError)


def test_cloudpickle_takes_closures_along(cloudpickle: Any) -> None:
    w = Value(2.0)
    kernel = jit(lambda x: w * x * x, wrt=[w])
    kernel(1.0)
    v, twin, derived = cloudpickle.loads(cloudpickle.dumps((w, kernel, kernel.grad)))
    assert (twin(3.0), derived(3.0)) == (18.0, (9.0,))
    v.data = 10.0
    assert (twin(3.0), kernel(3.0)) == (90.0, 18.0)
    assert twin.grad(3.0) == (9.0,)
    assert cloudpickle.loads(cloudpickle.dumps(decorated)) is decorated


def test_leaves_do_not_go_with_a_function_that_goes_by_name() -> None:
    w = Value(2.0)
    kernel = jit(weighted, wrt=[w])
    with pytest.raises(pickle.PicklingError, match="reads leaves of its own, and not Value"):
        pickle.dumps(kernel)
    twin = pickle.loads(pickle.dumps(jit(weighted, wrt=["w"])))
    assert twin.grad(2.0, 5.0) == (5.0,)


def test_leaves_do_not_go_with_it_by_cloudpickle_either(cloudpickle: Any) -> None:
    kernel = jit(weighted, wrt=[Value(2.0)])
    with pytest.raises(pickle.PicklingError, match="reads leaves of its own, and not Value"):
        cloudpickle.dumps(kernel)


@whole
def test_a_partial_and_an_object_go_with_what_they_hold(copied: Any) -> None:
    w = Value(2.0)
    part, thing = functools.partial(weighted, w), Scaled(3.0)
    found = copied((jit(part), jit(thing), part, thing, w))
    assert (found[0](5.0), found[1](5.0)) == (10.0, 15.0)
    found[4].data = 20.0
    found[3].factor.data = 30.0
    assert (found[0](5.0), found[1](5.0)) == (100.0, 150.0)
    assert found[2].args[0] is found[4]
    assert jit(part)(5.0) == 10.0


@pytest.mark.usefixtures("cloudpickle")
def test_a_script_pickles_its_kernels_by_name_and_cloudpickle_by_value(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
import pickle, subprocess, sys
import cloudpickle
from micrograd import jit

@jit
def double(x):
    return 2 * x

assert pickle.loads(pickle.dumps(double)) is double
assert pickle.loads(pickle.dumps(double.grad))(1.0) == 2.0
data = cloudpickle.dumps((double, double.grad))
reader = "import pickle, sys; f, g = pickle.load(sys.stdin.buffer); print(f(4.0), g(4.0))"
print(subprocess.run([sys.executable, "-c", reader], input=data, capture_output=True))
""")
    ran = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert r"stdout=b'8.0 2.0\n', stderr=b''" in ran.stdout, ran.stdout + ran.stderr


# --- values and models ----------------------------------------------------------------------------


@whole
@pytest.mark.parametrize("called", [False, True])
def test_a_kernel_of_a_value_is_copied_with_its_graph(copied: Any, called: bool) -> None:
    w, b = Value(2.0, label="w"), Value(1.0, label="b")
    kernel = jit(tanh(w * 0.5) + b * w, wrt=[w, b], dtype="f64", strict=True)
    if called:
        kernel()
        kernel.value_and_grad(1.0, 1.0)
    twin, v = copied((kernel, w))
    assert twin.value_and_grad() == kernel.value_and_grad()
    assert twin(b=0.25, w=0.5) == kernel(0.5, 0.25)
    v.data = 7.0
    assert twin() == kernel(7.0, 1.0)
    assert kernel() == kernel(2.0, 1.0)
    assert repr(twin) == repr(kernel)


@whole
@pytest.mark.parametrize("turned", [False, True])
def test_a_kernel_reads_the_copy_that_it_is_copied_with(copied: Any, turned: bool) -> None:
    model = MLP(2, [3, 1])
    kernel = jit(model, dtype="f64")
    before = kernel.value_and_grad([0.5, -0.25])
    pair = (kernel, model) if turned else (model, kernel)
    found = copied(pair)
    twin, other = found[::-1] if turned else found
    assert other.value_and_grad([0.5, -0.25]) == before
    for p in twin.parameters():
        p.data += 1.0
    assert other([0.5, -0.25]) == pytest.approx(twin([0.5, -0.25]).data, rel=1e-14)
    assert kernel.value_and_grad([0.5, -0.25]) == before


@whole
def test_a_model_that_holds_its_kernels_is_copied_with_them(copied: Any) -> None:
    model = Model()
    model.early(1.0, 2.0)
    model.bound.grad(1.0, 2.0)
    model.hessian = model.early.hessian  # type: ignore[attr-defined]
    model.product = model.whole.hvp  # type: ignore[attr-defined]
    twin = copied(model)
    for p in twin.parameters():
        p.data += 0.5
    expected = twin(1.0, 2.0).data
    assert twin.whole(1.0, 2.0) == pytest.approx(expected, rel=1e-14)
    assert twin.early(1.0, 2.0) == pytest.approx(expected**2, rel=1e-14)
    loss = twin.energy(1.0, 2.0)
    loss.backward()
    partials = twin.bound.grad(1.0, 2.0)
    assert partials == pytest.approx([p.grad for p in twin.parameters()], rel=1e-13)
    assert twin.product._parameters == model.product._parameters  # type: ignore[attr-defined]
    assert twin.hessian(1.0, 2.0) == jit(twin.energy).hessian(1.0, 2.0)
    assert model.whole(1.0, 2.0) == pytest.approx(model(1.0, 2.0).data, rel=1e-14)


def test_a_function_is_not_copied_nor_what_it_reads() -> None:
    """As in Python: a function is one object, whose copy is itself."""
    model = MLP(2, [3, 1])

    def squared(x: float) -> Any:
        return model([x, x]) ** 2

    twin, f, kernel = copy.deepcopy((model, squared, jit(squared, wrt=model.parameters())))
    twin.parameters()[-1].data = 100.0
    assert f is squared
    assert kernel.value_and_grad(1.0)[0] == pytest.approx(squared(1.0).data, rel=1e-14)


# --- training -------------------------------------------------------------------------------------


def losses(model: MLP, optimizer: Optimizer, compiled: bool, best: list[Any]) -> list[float]:
    """Train so fast that the loss comes to rise, and keep the best copy of the model."""
    x = np.linspace(-1, 1, 16)
    points = list(zip(x.tolist(), np.sin(3 * x).tolist(), strict=True))

    def loss(a: Any, b: Any) -> Any:
        return (model([a, 1.0]) - b) ** 2

    seen = []

    def look(value: float) -> None:
        seen.append(value)
        if value == min(seen):
            best[:] = [copy.deepcopy(model), copy.deepcopy(optimizer), value]

    if compiled:

        def mean() -> float:
            return float(np.mean([loss(a, b).data for a, b in points]))

        fit(
            loss,
            optimizer,
            data=(x, np.sin(3 * x)),
            steps=30,
            batch_size=16,
            every=1,
            dtype="f64",
            callback=lambda history: look(mean()),
        )
        return seen
    for _ in range(30):
        optimizer.zero_grad()
        total: Any = sum(loss(a, b) for a, b in points) / 16.0
        total.backward()
        optimizer.step()
        look((sum(loss(a, b) for a, b in points) / 16.0).data)  # type: ignore[union-attr]
    return seen


@pytest.mark.parametrize("compiled", [False, True])
def test_the_best_model_so_far_is_kept_by_deepcopy(compiled: bool) -> None:
    model = MLP(2, [4, 1])
    best: list[Any] = []
    seen = losses(model, Adam(model.parameters(), lr=0.5), compiled, best)
    kept, optimizer, value = best
    assert value == min(seen) < seen[-1]
    x = np.linspace(-1, 1, 16)
    found = np.mean([(kept([a, 1.0]).data - np.sin(3 * a)) ** 2 for a in x])
    assert found == pytest.approx(value, rel=1e-12)
    kernel = jit(kept, dtype="f64")
    rows = np.stack([x, np.ones(16)], axis=1)
    assert np.mean((kernel(rows) - np.sin(3 * x)) ** 2) == pytest.approx(value, rel=1e-12)
    # goes on from there, apart from the original
    numbers = [p.data for p in model.parameters()]
    loss = sum((kept([a, 1.0]) - float(np.sin(3 * a))) ** 2 for a in x.tolist())
    other = Adam(kept.parameters(), lr=0.01)
    assert fit(loss, other, steps=50, dtype="f64").losses[-1] < 16 * value
    assert [p.data for p in model.parameters()] == numbers
    assert optimizer.steps == 1 + seen.index(min(seen))


@whole
@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, lr=linear(0.1, 0.01, 20), momentum=0.9, nesterov=True),
        lambda p: Adam(p, lr=cosine(0.1, 0.01, 20, warmup=2)),
        lambda p: AdamW(p, lr=0.1),
    ],
    ids=["sgd", "adam", "adamw"],
)
def test_optimizers_are_copied_with_their_state(copied: Any, make: Callable[..., Any]) -> None:
    def loss(model: MLP) -> Any:
        return sum((model([k * 0.5, 1.0]) - float(k)) ** 2 for k in range(4))

    model = MLP(2, [3, 1])
    optimizer = make(model.parameters())
    fit(loss(model), optimizer, steps=5, dtype="f64")
    twin, other = copied((model, optimizer))
    assert other.parameters == twin.parameters()
    assert (repr(other), other.steps) == (repr(optimizer), 5)
    assert [other.schedule(k) for k in range(25)] == [optimizer.schedule(k) for k in range(25)]
    numbers = [p.data for p in model.parameters()]
    state = {name: s.copy() for name, s in optimizer.state.items()}
    losses = fit(loss(twin), other, steps=5, dtype="f64", strict=True).losses
    assert [p.data for p in model.parameters()] == numbers
    assert all((optimizer.state[name] == s).all() for name, s in state.items())
    expected = fit(loss(model), optimizer, steps=5, dtype="f64", strict=True).losses
    assert losses.tolist() == expected.tolist()
    assert [p.data for p in twin.parameters()] == [p.data for p in model.parameters()]


@every
def test_histories_are_copied(copied: Any) -> None:
    w = Value(1.0)
    history = fit((w - 3.0) ** 2, SGD([w], lr=0.1), steps=5, dtype="f64")
    twin = copied(history)
    assert isinstance(twin, History)
    assert repr(twin) == repr(history)
    np.testing.assert_array_equal(twin.losses, history.losses)
    assert (twin.stopped, twin.seconds, twin.best) == (history.stopped, history.seconds, None)


def test_an_error_with_a_history_is_pickled() -> None:
    error = pickle.loads(pickle.dumps(MicrogradError("text")))
    assert (type(error), str(error)) == (MicrogradError, "text")


# --- machine code ---------------------------------------------------------------------------------


@every
def test_machine_code_is_not_copied(copied: Any) -> None:
    with lowering.compile_ir("define i32 @f(i32 %x) { ret i32 %x }") as native:
        with pytest.raises(TypeError, match=r"NativeModule .* compile its llvm_ir again"):
            copied(native)
        assert native.symbols == ("f",)


def test_a_gradient_by_name() -> None:
    kernel = grad(plain)
    assert pickle.loads(pickle.dumps(kernel))(2.0, 1.0) == kernel(2.0, 1.0)
