"""How those who take part in `micrograd run-digits-benchmark` train, each in a process of
`serve.py`.

All of them train a network of linear layers with ReLU between them by gradient descent, on the
same batches in the same order, from the same weights. A setting has

    data              an .npz file with x [n, inputs] and y [n]
    sizes, seed       of the layers, inputs first, and of the weights
    loss              cross_entropy or max_margin: a mean over the batch
    batch, epochs, lr, dtype, threads

and what comes back is the mean loss of every epoch, each batch before its update.
"""

from __future__ import annotations

import importlib
import math
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Train = Callable[[], tuple[list[float], float]]
"""Trains from the initial weights; the losses of the epochs, and the seconds of the loop alone."""


def real(setting: dict[str, Any]) -> str:
    """The dtype, as packages name it."""
    return str(setting["dtype"]).replace("f", "float")


def data(setting: dict[str, Any]) -> tuple[Any, Any]:
    """x in the dtype, and y: classes, or signs in the dtype."""
    np = importlib.import_module("numpy")
    with np.load(setting["data"]) as file:
        x, y = file["x"].astype(real(setting)), file["y"]
    return x, y if setting["loss"] == "cross_entropy" else y.astype(x.dtype)


def weights(setting: dict[str, Any]) -> list[tuple[Any, Any]]:
    """A weight [inputs, outputs] and a bias [outputs] for every layer. It takes a second for a
    network of 40 million, so everybody draws once.
    """
    np = importlib.import_module("numpy")
    rng, dtype, found = np.random.default_rng(setting["seed"]), real(setting), []
    for inputs, outputs in pairwise(setting["sizes"]):
        weight = rng.standard_normal((inputs, outputs)) * math.sqrt(2.0 / outputs)
        found.append((weight.astype(dtype), np.zeros(outputs, dtype)))
    return found


def batches(setting: dict[str, Any], rows: int) -> list[slice]:
    """The batches of an epoch, the last of which may be smaller."""
    batch = setting["batch"]
    return [slice(k, min(k + batch, rows)) for k in range(0, rows, batch)]


def mean(losses: list[float], setting: dict[str, Any], rows: int) -> list[float]:
    """The losses of all steps as those of epochs."""
    sizes = [s.stop - s.start for s in batches(setting, rows)]
    epochs = [losses[k : k + len(sizes)] for k in range(0, len(losses), len(sizes))]
    return [sum(map(float.__mul__, e, map(float, sizes))) / rows for e in epochs]


# --- this project -----------------------------------------------------------------------------


def native(setting: dict[str, Any]) -> Train:
    """Tensors, the step compiled, all steps in a native loop."""
    from micrograd import fit, losses
    from micrograd.layers import perceptron
    from micrograd.optim import SGD

    x, y = data(setting)
    model = perceptron(setting["sizes"], rng=setting["seed"], dtype=real(setting))
    parameters = model.parameters()
    drawn = [p.numpy().copy() for p in parameters]  # the same as `weights` draws

    def train() -> tuple[list[float], float]:
        for p, numbers in zip(parameters, drawn, strict=True):
            p.data = numbers
        history = fit(
            model,
            SGD(parameters, lr=setting["lr"]),
            data=(x, y),
            loss=getattr(losses, setting["loss"]),
            epochs=setting["epochs"],
            batch_size=min(setting["batch"], len(y)),
            shuffle=False,
            threads=setting["threads"],
        )
        return history.epoch_losses.tolist(), history.seconds

    return train


def scalars(setting: dict[str, Any]) -> Train:
    """Values, the graph built and walked anew in every step: this project's or PyPI's micrograd."""
    from micrograd.nn import MLP

    x, y = data(setting)
    rows, signs = x.tolist(), y.tolist()
    model = MLP(setting["sizes"][0], setting["sizes"][1:])
    drawn = weights(setting)
    for layer, (weight, _) in zip(model.layers, drawn, strict=True):
        for neuron, column in zip(layer.neurons, weight.T.tolist(), strict=True):
            neuron.b.data = 0.0
            for p, number in zip(neuron.w, column, strict=True):
                p.data = number
    parameters = model.parameters()

    def step(s: slice) -> float:
        scores: list[Any] = [model(row) for row in rows[s]]
        found = [(1 + -yi * score).relu() for score, yi in zip(scores, signs[s], strict=True)]
        loss: Any = sum(found) * (1.0 / len(found))
        model.zero_grad()
        loss.backward()
        for p in parameters:
            p.data -= setting["lr"] * p.grad
        return float(loss.data)

    return by_steps(setting, step, len(rows))


def by_steps(
    setting: dict[str, Any],
    step: Callable[[slice], float],
    rows: int,
    begin: Callable[[], Any] = lambda: None,
) -> Train:
    """A loop in Python around steps, each of which gives its loss; `begin` sets the weights."""

    def train() -> tuple[list[float], float]:
        begin()
        began = time.perf_counter()
        parts = batches(setting, rows)
        found = [step(s) for _ in range(setting["epochs"]) for s in parts]
        return mean(found, setting, rows), time.perf_counter() - began

    return train


# --- the others ---------------------------------------------------------------------------------


def pycrograd(setting: dict[str, Any]) -> Train:
    """pycrograd's own network, loss and optimiser, without its penalty, which trains nothing."""
    sys.path.insert(0, setting["pycrograd"])
    nn = importlib.import_module("pycrograd.nn")
    tensor = importlib.import_module("pycrograd.tensor").Tensor
    is_mlp = setting["loss"] == "max_margin"
    model = nn.MLP() if is_mlp else nn.MLPDigits()
    x, y = data(setting)
    inputs = [tensor.create_vector(row) for row in x.tolist()]
    targets = y.tolist()
    if not is_mlp:
        targets = [tensor.create_zeroed(rows=1, cols=10) for _ in y]
        for target, k in zip(targets, y.tolist(), strict=True):
            target[0, k] = 1.0
    for (weight, bias), drawn in zip(model.parameters().values(), weights(setting), strict=True):
        for p, numbers in ((weight, drawn[0].T), (bias, drawn[1])):
            p.data.data[:] = type(p.data.data)("f", numbers.reshape(-1).tolist())
    loss_of = nn.max_margin_loss if is_mlp else nn.cross_entropy_loss
    optimizer = nn.SGD(learning_rate=setting["lr"], parameters_dict=model.parameters())

    def step(s: slice) -> float:
        loss = loss_of([model(x) for x in inputs[s]], targets[s])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return by_steps(setting, step, len(inputs))


def numpy(setting: dict[str, Any]) -> Train:
    """Matrices and a gradient by hand."""
    np = importlib.import_module("numpy")
    x, y = data(setting)
    drawn = weights(setting)
    layers: list[Any] = []
    rate = x.dtype.type(setting["lr"])

    def slope(scores: Any, labels: Any) -> tuple[float, Any]:
        """The loss, and its derivative by the scores."""
        n = len(labels)
        if setting["loss"] == "max_margin":
            margin = np.maximum(1 - labels * scores[:, 0], 0)
            return float(margin.mean()), ((margin > 0) * -labels / x.dtype.type(n))[:, None]
        shifted = scores - scores.max(axis=1, keepdims=True)
        chances = np.exp(shifted)
        sums = chances.sum(axis=1, keepdims=True)
        there = (np.arange(n), labels)
        loss = float((np.log(sums)[:, 0] - shifted[there]).mean())
        chances /= sums
        chances[there] -= 1
        chances /= n
        return loss, chances

    def step(s: slice) -> float:
        kept = [x[s]]
        for k, (w, b) in enumerate(layers):
            h = kept[-1] @ w
            h += b
            kept.append(np.maximum(h, 0, out=h) if k < len(layers) - 1 else h)
        loss, d = slope(kept.pop(), y[s])
        for k in reversed(range(len(layers))):
            w, b = layers[k]
            dw, db = kept[k].T @ d, d.sum(axis=0)
            d = (d @ w.T) * (kept[k] > 0) if k else d
            dw *= rate
            w -= dw
            b -= rate * db
        return loss

    def begin() -> None:
        layers[:] = [(w.copy(), b.copy()) for w, b in drawn]

    return by_steps(setting, step, len(y), begin)


def torch(setting: dict[str, Any]) -> Train:
    """PyTorch, eager, as its users write it."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(setting["threads"])
    x, y = map(torch.from_numpy, data(setting))
    layers: list[Any] = []
    for shape in pairwise(setting["sizes"]):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, *shape, dtype=x.dtype)
        layers += [torch.nn.ReLU()] * bool(layers) + [layer]
    model, drawn = torch.nn.Sequential(*layers), weights(setting)
    optimizer = torch.optim.SGD(model.parameters(), lr=setting["lr"])

    def step(s: slice) -> float:
        scores = model(x[s])
        if setting["loss"] == "max_margin":
            loss = torch.relu(1 - y[s] * scores[:, 0]).mean()
        else:
            loss = torch.nn.functional.cross_entropy(scores, y[s])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    def begin() -> None:
        with torch.no_grad():
            for layer, (w, b) in zip(layers[::2], drawn, strict=True):
                layer.weight.copy_(torch.from_numpy(w).T)
                layer.bias.copy_(torch.from_numpy(b))

    return by_steps(setting, step, len(y), begin)


def jax(setting: dict[str, Any]) -> Train:
    """JAX: all the steps in one compiled scan."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", setting["dtype"] == "f64")
    jnp = jax.numpy
    x, y = data(setting)
    rows, batch = len(y), min(setting["batch"], len(y))
    full = rows // batch * batch

    def loss_of(layers: Any, x: Any, y: Any) -> Any:
        for k, (w, b) in enumerate(layers):
            x = x @ w + b
            x = x if k == len(layers) - 1 else jax.nn.relu(x)
        if setting["loss"] == "max_margin":
            return jax.nn.relu(1 - y * x[:, 0]).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1).mean()

    def step(layers: Any, rows: Any) -> Any:
        loss, slopes = jax.value_and_grad(loss_of)(layers, *rows)
        return jax.tree_util.tree_map(lambda p, d: p - setting["lr"] * d, layers, slopes), loss

    parts = (
        jnp.array(x[:full]).reshape(-1, batch, x.shape[1]),
        jnp.array(y[:full]).reshape(-1, batch),
    )
    rest = jnp.array(x[full:]), jnp.array(y[full:])

    def epoch(layers: Any, _: Any) -> Any:
        layers, losses = jax.lax.scan(step, layers, parts)
        if full < rows:
            layers, last = step(layers, rest)
            losses = jnp.append(losses, last)
        return layers, losses

    def epochs(layers: Any) -> Any:
        return jax.lax.scan(epoch, layers, length=setting["epochs"])

    drawn = weights(setting)
    compiled = jax.jit(epochs, donate_argnums=0).lower(drawn).compile()

    def train() -> tuple[list[float], float]:
        first = jax.tree_util.tree_map(jnp.array, drawn)
        began = time.perf_counter()
        losses = compiled(first)[1].block_until_ready()
        seconds = time.perf_counter() - began
        return mean([float(v) for v in losses.reshape(-1)], setting, rows), seconds

    return train


PEERS: dict[str, Callable[[dict[str, Any]], Train]] = {
    "micrograd": scalars,
    "pycrograd": pycrograd,
    "NumPy": numpy,
    "PyTorch": torch,
    "JAX": jax,
    "this project": native,
}
