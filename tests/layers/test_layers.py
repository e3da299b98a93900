"""Layers of Tensors: what they compute, their names and numbers, compiled and trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, jit, nn
from micrograd.checkpoint import load, save
from micrograd.errors import CheckpointError, DataError, ShapeError, TraceError
from micrograd.losses import cross_entropy
from micrograd.optim import Adam
from micrograd.train import fit

RNG = np.random.default_rng(5)


def drawn(*shape: int) -> Tensor:
    return Tensor(RNG.normal(size=shape))


def small(seed: int = 0) -> Any:
    return nn.Sequential(
        nn.Linear(4, 8, rng=seed), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3, rng=seed + 1)
    )


LAYERS = [
    (nn.Linear(4, 3, rng=0), (5, 4)),
    (nn.Linear(4, 3, bias=False, init="uniform", rng=0), (2, 5, 4)),
    (nn.Conv1d(2, 4, 3, padding=1, rng=0), (3, 2, 7)),
    (nn.Conv2d(2, 4, 3, stride=2, groups=2, rng=0), (3, 2, 7, 7)),
    (nn.LayerNorm(4), (5, 4)),
    (nn.LayerNorm((3, 4), affine=False), (5, 3, 4)),
    (nn.RMSNorm(4), (5, 4)),
    (nn.Dropout(0.3, rng=0).eval(), (5, 4)),
    (nn.Flatten(), (5, 2, 3)),
    (nn.MaxPool(2), (1, 2, 4, 4)),
    (nn.AvgPool(2), (1, 2, 4, 4)),
    *[
        (made, (5, 4))
        for made in (
            nn.ReLU(),
            nn.LeakyReLU(),
            nn.Tanh(),
            nn.Sigmoid(),
            nn.Softplus(),
            nn.SiLU(),
            nn.GELU(),
            nn.Softmax(),
            nn.LogSoftmax(0),
        )
    ],
    (small(), (6, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda x: str(x).split("\n")[0])
def test_compiled_is_as_eager(layer: Any, shape: tuple[int, ...]) -> None:
    x = drawn(*shape)

    def run(x: Tensor) -> Tensor:
        return layer(x)

    np.testing.assert_allclose(jit(run)(x).numpy(), layer(x).numpy(), rtol=2e-5, atol=2e-6)


def test_linear_and_norms_are_their_formulas() -> None:
    x = RNG.normal(size=(5, 4))
    linear = nn.Linear(4, 3, rng=0, dtype="f64")
    linear.bias.data = [1.0, 2.0, 3.0]
    expected = x @ linear.weight.numpy() + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(linear(Tensor(x, "f64")).numpy(), expected, rtol=1e-14)
    norm, rms = nn.LayerNorm(4, dtype="f64"), nn.RMSNorm(4, dtype="f64")
    off = x - x.mean(1, keepdims=True)
    expected = off / np.sqrt((off**2).mean(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(norm(Tensor(x, "f64")).numpy(), expected, rtol=1e-13)
    expected = x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(rms(Tensor(x, "f64")).numpy(), expected, rtol=1e-13)


def test_embedding_takes_rows() -> None:
    layer = nn.Embedding(10, 4, rng=0)
    assert (layer([[1, 9]]).numpy() == layer.weight.numpy()[[[1, 9]]]).all()
    with pytest.raises(DataError, match="whole numbers"):
        layer(drawn(3))


def test_a_models_kernel_has_gradients_for_its_parameters() -> None:
    model, x = small(), drawn(6, 4)

    class Loss(nn.Module):
        def __init__(self) -> None:
            self.model = model

        def __call__(self, x: Any) -> Any:
            return (self.model(x) ** 2).sum()

    loss = Loss()
    _, partials = jit(loss).value_and_grad(x)
    loss(x).backward()
    for p, partial in zip(model.parameters(), partials, strict=True):
        np.testing.assert_allclose(partial.numpy(), p.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_names_states_and_files(tmp_path: Path) -> None:
    model, other = small(), small(7)
    names = [name for name, _ in model.named_parameters()]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
    other.load_state_dict(model.state_dict())
    x = drawn(2, 4)
    assert (other(x).numpy() == model(x).numpy()).all()
    for ending in ("npz", "safetensors"):
        path, third = tmp_path / f"model.{ending}", small(9)
        save(model, path)
        load(third, path)
        assert (third(x).numpy() == model(x).numpy()).all()
        assert third.parameters()[0].dtype == np.float32
        with pytest.raises(CheckpointError, match="has shape"):
            load(nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), path)
        alone = [p.detach() * 0.0 for p in model.parameters()]
        save(model.parameters(), path)
        load(alone, path)
        assert (alone[0].numpy() == model.parameters()[0].numpy()).all()
    state = model.state_dict()
    del state["0.bias"]
    with pytest.raises(CheckpointError, match=r"lacks 0\.bias"):
        model.load_state_dict(state)


def test_values_have_names_and_states_too() -> None:
    model, other = nn.MLP(2, [3, 1]), nn.MLP(2, [3, 1])
    other.load_state_dict(model.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in model.parameters()]
    assert (
        dict(model.named_parameters())["layers.0.weight[2, 1]"] is model.layers[0].neurons[2].w[1]
    )


def test_tensors_in_lists_are_parameters_and_data_is_none() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.weights = [Tensor(np.ones(n), requires_grad=True) for n in (2, 3)]
            self.data = [[1.0, 2.0], [3.0, 4.0]]
            self.constants = [Tensor([1.0])]

    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["weights.0", "weights.1"]
    assert [p.size for p in net.parameters()] == [2, 3]
    assert sorted(net.state_dict()) == ["weights.0", "weights.1"]


def test_dropout_is_seeded_and_knows_its_mode() -> None:
    x = Tensor(np.ones(1000))
    one, again = nn.Dropout(0.25, rng=3), nn.Dropout(0.25, rng=3)
    out = one(x).numpy()
    assert (out == again(x).numpy()).all()
    assert not (out == one(x).numpy()).all()
    assert set(out.tolist()) == {0.0, np.float32(1 / 0.75).item()}
    assert 0.2 < (out == 0.0).mean() < 0.3
    assert (nn.Dropout(1.0)(x).numpy() == 0.0).all()


def test_compiled_dropout_says_what_to_do_and_follows_the_mode() -> None:
    drop, x = nn.Dropout(0.5, rng=0), drawn(4)
    kernel = jit(lambda x: drop(x) * 2.0)
    with pytest.raises(TraceError, match="mask"):
        kernel(x)
    drop.eval()
    assert (kernel(x).numpy() == x.numpy() * 2.0).all()
    drop.train()
    with pytest.raises(TraceError, match="mask"):
        kernel(x)
    masked = jit(lambda x, mask: drop(x, mask))
    mask = drop.mask((4,))
    np.testing.assert_array_equal(masked(x, mask).numpy(), drop(x, mask).numpy())


def test_a_model_learns_natively() -> None:
    x = RNG.normal(size=(90, 4))
    classes = x[:, :3].argmax(1)
    model = small()
    history = fit(
        model, Adam(model.parameters(), lr=0.05), data=(x, classes), loss=cross_entropy, epochs=30
    )
    assert (model(Tensor(x)).argmax(1).numpy() == classes).mean() > 0.9
    assert history.losses[-1] < 0.5 * history.losses[0]


def test_networks_by_name() -> None:
    counts = {
        "mlp": 337,
        "normal": 64 * 64 + 64 + 64 * 32 + 32 + 320 + 10,
        "mnist": 784 * 64 + 64 + 64 * 32 + 32 + 320 + 10,
    }
    for name, count in counts.items():
        model = nn.network(name)
        assert sum(p.size for p in model.parameters()) == count
        assert (model.parameters()[0].numpy() == nn.network(name).parameters()[0].numpy()).all()
    with pytest.raises(ShapeError, match="network should be one of"):
        nn.network("short")


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: nn.Linear(4, 3)(drawn(5, 5)), ShapeError, r"takes 4 inputs .* \(5, 5\)"),
        (lambda: nn.Linear(4, 3)(Tensor(np.arange(4))), DataError, "takes floats"),
        (lambda: nn.Linear(0, 3), ShapeError, "inputs"),
        (lambda: nn.Linear(4, 3, init="he"), ShapeError, "init should be one of"),
        (lambda: nn.Linear(4, 3, init=lambda rng, shape: [1.0]), ShapeError, "gave"),
        (lambda: nn.LayerNorm(4)(drawn(5)), ShapeError, "last axes"),
        (lambda: nn.Dropout(1.5), ShapeError, "probability"),
        (lambda: nn.Dropout(0.5)(drawn(4), [1.0]), ShapeError, "should be equal"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ShapeError, "multiples"),
        (lambda: nn.Sequential(3), ShapeError, "callable"),
        (lambda: nn.NoSuchLayer, AttributeError, "NoSuchLayer"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        wrong()
