"""nn: micrograd's constructors, printed forms, draws and numbers.

Numbers named after PyPI micrograd were printed by version 0.1.0 of it, on the same seeds.
"""

from __future__ import annotations

import gc
import random
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, nn
from micrograd.errors import ShapeError
from micrograd.nn import MLP, Layer, Module, Neuron


def test_representations() -> None:
    assert repr(Neuron(3)) == "ReLUNeuron(3)"
    assert repr(Neuron(3, nonlin=False)) == "LinearNeuron(3)"
    assert repr(Layer(2, 2, nonlin=False)) == "Layer of [LinearNeuron(2), LinearNeuron(2)]"
    relu = ", ".join(["ReLUNeuron(3)"] * 4)
    assert repr(MLP(3, [4, 1])) == f"MLP of [Layer of [{relu}], Layer of [LinearNeuron(4)]]"


def test_neuron_draws_what_micrograd_draws() -> None:
    random.seed(1337)
    neuron = Neuron(3)
    assert [w.data for w in neuron.w] == [
        0.23550571390294128, 0.06653114721000164, -0.26830328150124894,
    ]  # fmt: skip
    assert neuron.b.data == 0


def test_mlp_draws_and_orders_parameters_as_micrograd() -> None:
    random.seed(42)
    numbers = [p.data for p in MLP(3, [4, 4, 1]).parameters()]
    assert len(numbers) == 41
    assert numbers[:6] == [
        0.2788535969157675, -0.9499784895546661, -0.4499413632617615, 0,
        -0.5535785237023545, 0.4729424283280248,
    ]  # fmt: skip
    assert numbers[-6:] == [
        0, 0.6949887326949196, 0.20745206273378214, 0.6142565465487604, 0.45946357338763577, 0,
    ]  # fmt: skip


def test_layer_of_two_gives_a_list_of_micrograds_numbers() -> None:
    random.seed(5)
    out = Layer(2, 2, nonlin=False)([1.0, -2.0])
    assert [v.data for v in out] == [-0.7213445672635137, -1.179414003976808]
    assert all(v._op == "+" for v in out)


def test_mlp_computes_micrograds_number() -> None:
    random.seed(10)
    net = MLP(10, [30, 20, 10, 1])
    args = random.sample(range(-100, 100), 10)
    assert args == [14, 19, 49, 39, 89, -24, 68, 96, -100, -12]
    assert net(args).data == 1107.3591858949858


def test_tiny_regression_trains_as_micrograd() -> None:
    """250 steps, to the last bit: the same sums in the same order, forward and backward."""
    xs = [[2, 3, -1], [3, -1, 0.5], [0.5, 1, 1], [1, 1, -1]]
    ys = [1, -1, -1, 1]
    random.seed(1337)
    net = MLP(3, [4, 4, 1])
    losses = []
    for _ in range(250):
        loss: Any = sum((net(x) - y) ** 2 for x, y in zip(xs, ys, strict=True))
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p.data -= 0.01 * p.grad
        losses.append(loss.data)
    # 1e-12: micrograd sums cotangents in the order of a depth-first walk; over 250 steps of a
    # contracting iteration the rounding differences stay near one ulp each
    assert losses[0] == 18.432196474034008
    assert losses[1] == pytest.approx(3.0303889145680563, rel=1e-12)
    assert losses[249] == pytest.approx(0.0033486529767859066, rel=1e-12)


def moons() -> tuple[Any, Any, MLP]:
    """The data and the model of micrograd's demo (W1)."""
    make_moons = pytest.importorskip("sklearn.datasets").make_moons
    np.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    return X, y * 2 - 1, MLP(2, [16, 16, 1])


def moons_loss(X: Any, y: Any, model: MLP) -> tuple[Value, float]:
    """The loss as the demo writes it, and the accuracy."""
    inputs = [list(map(Value, xrow)) for xrow in X]
    scores = list(map(model, inputs))
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum(p * p for p in model.parameters())
    hits = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
    return data_loss + reg_loss, sum(hits) / len(hits)


def test_moons_demo_in_the_interpreter() -> None:
    """100 steps of training end where micrograd's end."""
    X, y, model = moons()
    assert len(model.parameters()) == 337
    gc.disable()  # nothing here makes a cycle, and walking 100 steps of Values costs time
    try:
        total, _ = moons_loss(X, y, model)
        assert total.data == 0.8958441028683222
        for k in range(100):
            total, accuracy = moons_loss(X, y, model)
            model.zero_grad()
            total.backward()
            for p in model.parameters():
                p.data -= (1.0 - 0.9 * k / 100) * p.grad
            if k == 1:
                # 1e-12, 1e-10: sums of gradients in another order than micrograd's walk, which
                # the large learning rate amplifies over the steps
                assert total.data == pytest.approx(1.7235905336972022, rel=1e-12)
    finally:
        gc.enable()
    assert total.data == pytest.approx(0.0109783701354927, rel=1e-10)
    assert accuracy == 1.0


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_wrong_number_of_inputs(n: int) -> None:
    net = MLP(3, [2, 1])
    with pytest.raises(ShapeError, match=rf"ReLUNeuron\(3\) takes 3 inputs, got {n}"):
        net([1.0] * n)
    with pytest.raises(ShapeError, match=rf"LinearNeuron\(3\) takes 3 inputs, got {n}"):
        Neuron(3, nonlin=False)(np.ones(n))


def test_numbers_values_and_arrays_are_inputs() -> None:
    random.seed(3)
    net = MLP(2, [3, 1])
    expected = net([0.5, -1.0]).data
    assert net([Value(0.5), Value(-1.0)]).data == expected
    assert net(np.array([0.5, -1.0])).data == expected
    assert net((0.5, -1)).data == expected


def test_gradient_reaches_the_inputs() -> None:
    random.seed(3)
    x = [Value(0.5), Value(-1.0)]
    neuron = Neuron(2, nonlin=False)
    neuron(x).backward()
    assert [v.grad for v in x] == [w.data for w in neuron.w]
    assert [w.grad for w in neuron.w] == [0.5, -1.0]
    assert neuron.b.grad == 1.0


def test_zero_grad() -> None:
    net = MLP(2, [2, 1])
    (net([1.0, 2.0]) * 2).backward()
    assert any(p.grad for p in net.parameters())
    net.zero_grad()
    assert not any(p.grad for p in net.parameters())


def test_module_of_ones_own() -> None:
    class Pair(Module):
        def __init__(self) -> None:
            self.a, self.b = Value(1.0), Value(2.0)

        def parameters(self) -> list[Value]:
            return [self.a, self.b]

    pair = Pair()
    (pair.a * pair.b).backward()
    pair.zero_grad()
    assert [p.grad for p in pair.parameters()] == [0, 0]
    assert nn.Module().parameters() == []


def test_a_layer_of_one_neuron_between_others() -> None:
    random.seed(4)
    model = MLP(2, [1, 3, 1, 1])
    x = [0.5, -2.0]
    out: Any = x
    for layer in model.layers:
        out = layer(out if isinstance(out, list) else [out])
    assert model(x).data == out.data
    assert jit(model, dtype="f64")(x) == pytest.approx(out.data, rel=1e-15)
    assert isinstance(MLP(2, [3])(x), list)
