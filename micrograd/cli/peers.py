"""How those who take part in `micrograd benchmark-moons` train, each in a process of `serve.py`.

All of them train MLP(2, [16, 16, 1]) by full-batch gradient descent on the loss of micrograd's
demo, with its learning rate. The last loss is that before the last update.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable
from typing import Any

Train = Callable[[], tuple[float, float]]
"""Trains from the initial weights; the last loss, and the seconds of the training loop alone."""

HIDDEN = [16, 16, 1]
PENALTY = 1e-4


def learning_rate(step: int, steps: int) -> float:
    """From 1.0 down towards 0.1."""
    return 1.0 - 0.9 * step / steps


def matrices(weights: list[float]) -> list[tuple[Any, Any]]:
    """The numbers of the model, in the order of its parameters, as weights and biases per layer."""
    layers, nin, numbers = [], 2, iter(weights)
    for nout in HIDDEN:
        rows = [[next(numbers) for _ in range(nin + 1)] for _ in range(nout)]
        layers.append(([row[:-1] for row in rows], [row[-1] for row in rows]))
        nin = nout
    return layers


# --- this project -----------------------------------------------------------------------------


def _model(setting: dict[str, Any]) -> Any:
    from micrograd.nn import MLP

    model = MLP(2, HIDDEN)
    for p, number in zip(model.parameters(), setting["weights"], strict=True):
        p.data = number
    return model


def native(setting: dict[str, Any]) -> Train:
    """The scalar loss, compiled, in a native loop."""
    from micrograd import fit, jit
    from micrograd.cli.train import total_loss
    from micrograd.optim import SGD, linear

    model, epochs = _model(setting), setting["epochs"]
    loss, _ = total_loss(model, setting["points"], setting["labels"])
    parameters = model.parameters()
    kernel = jit(loss, wrt=parameters, dtype=setting["dtype"])

    def train() -> tuple[float, float]:
        for p, number in zip(parameters, setting["weights"], strict=True):
            p.data = number
        history = fit(kernel, SGD(parameters, lr=linear(1.0, 0.1, epochs)), steps=epochs)
        return float(history.losses[-1]), history.seconds

    return train


def interpreter(setting: dict[str, Any]) -> Train:
    """The scalar loss, built and walked anew in every step."""
    from micrograd.cli.train import total_loss
    from micrograd.optim import SGD, linear

    def train() -> tuple[float, float]:
        model, epochs = _model(setting), setting["epochs"]
        optimizer = SGD(model.parameters(), lr=linear(1.0, 0.1, epochs))
        loss: Any = None
        began = time.perf_counter()
        for _ in range(epochs):
            loss, _ = total_loss(model, setting["points"], setting["labels"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.data), time.perf_counter() - began

    return train


def interpreter_without_gc(setting: dict[str, Any]) -> Train:
    """The same, Python's cyclic garbage collector being off."""
    train = interpreter(setting)

    def alone() -> tuple[float, float]:
        gc.disable()
        try:
            return train()
        finally:
            gc.enable()

    return alone


# --- the others ---------------------------------------------------------------------------------


def numpy(setting: dict[str, Any]) -> Train:
    """Matrices and a gradient by hand."""
    np = importlib.import_module("numpy")
    real, epochs = np.dtype(setting["dtype"].replace("f", "float")), setting["epochs"]
    x, y = np.array(setting["points"], real), np.array(setting["labels"], real)
    initial = [(np.array(w, real), np.array(b, real)) for w, b in matrices(setting["weights"])]

    def train() -> tuple[float, float]:
        (w0, b0), (w1, b1), (w2, b2) = ((w.copy(), b.copy()) for w, b in initial)
        loss = 0.0
        began = time.perf_counter()
        for k in range(epochs):
            h0 = np.maximum(x @ w0.T + b0, 0)
            h1 = np.maximum(h0 @ w1.T + b1, 0)
            margin = np.maximum(1 - y * (h1 @ w2[0] + b2[0]), 0)
            parameters = (w0, b0, w1, b1, w2, b2)
            loss = margin.mean() + PENALTY * sum((p * p).sum() for p in parameters)
            d2 = ((margin > 0) * -y / len(y)).astype(real)[:, None]
            d1 = (d2 @ w2) * (h1 > 0)
            d0 = (d1 @ w1) * (h0 > 0)
            slopes = (d0.T @ x, d0.sum(0), d1.T @ h0, d1.sum(0), d2.T @ h1, d2.sum(0))
            rate = real.type(learning_rate(k, epochs))
            for p, dp in zip(parameters, slopes, strict=True):
                p -= rate * (dp + real.type(2 * PENALTY) * p)
        return float(loss), time.perf_counter() - began

    return train


def torch(setting: dict[str, Any]) -> Train:
    """PyTorch, eager, as its users write it."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    real, epochs = getattr(torch, setting["dtype"].replace("f", "float")), setting["epochs"]
    x = torch.tensor(setting["points"], dtype=real)
    y = torch.tensor(setting["labels"], dtype=real)
    initial = [torch.tensor(a, dtype=real) for pair in matrices(setting["weights"]) for a in pair]
    nn = torch.nn
    model = nn.Sequential(
        nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
    ).to(real)
    parameters = list(model.parameters())

    def train() -> tuple[float, float]:
        with torch.no_grad():
            for p, a in zip(parameters, initial, strict=True):
                p.copy_(a)
        optimizer = torch.optim.SGD(parameters, lr=1.0)
        loss: Any = None
        began = time.perf_counter()
        for k in range(epochs):
            optimizer.param_groups[0]["lr"] = learning_rate(k, epochs)
            loss = torch.relu(1 - y * model(x)[:, 0]).mean()
            loss = loss + PENALTY * sum((p * p).sum() for p in parameters)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.item()), time.perf_counter() - began

    return train


def jax(setting: dict[str, Any]) -> Train:
    """JAX, all the steps in one compiled scan."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", setting["dtype"] == "f64")
    jnp, epochs = jax.numpy, setting["epochs"]
    real = jnp.float64 if setting["dtype"] == "f64" else jnp.float32
    x, y = jnp.array(setting["points"], real), jnp.array(setting["labels"], real)
    initial = [(jnp.array(w, real), jnp.array(b, real)) for w, b in matrices(setting["weights"])]
    rates = jnp.array([learning_rate(k, epochs) for k in range(epochs)], real)

    def total(layers: Any) -> Any:
        h = x
        for k, (w, b) in enumerate(layers):
            h = h @ w.T + b
            h = h if k == len(layers) - 1 else jax.nn.relu(h)
        loss = jax.nn.relu(1 - y * h[:, 0]).mean()
        return loss + PENALTY * sum((p * p).sum() for p in jax.tree_util.tree_leaves(layers))

    def step(layers: Any, rate: Any) -> Any:
        loss, slopes = jax.value_and_grad(total)(layers)
        return jax.tree_util.tree_map(lambda p, d: p - rate * d, layers, slopes), loss

    scan = jax.jit(lambda layers: jax.lax.scan(step, layers, rates)[1][-1])

    def train() -> tuple[float, float]:
        began = time.perf_counter()
        loss = float(scan(initial))
        return loss, time.perf_counter() - began

    return train


def _descend(x: Any, y: Any, rates: Any, penalty: Any, one: Any, weights: Any) -> Any:
    w0, b0, w1, b1, w2, b2 = weights
    n, hidden = len(y), len(b0)
    h0, h1, d1 = 0 * b0, 0 * b1, 0 * b1
    loss = 0 * one
    for k in range(len(rates)):
        g0, c0, g1, c1 = 0 * w0, 0 * b0, 0 * w1, 0 * b1
        g2, c2 = 0 * w2, 0 * b2
        loss = 0 * one
        for s in range(n):
            for j in range(hidden):
                h0[j] = max(w0[j, 0] * x[s, 0] + w0[j, 1] * x[s, 1] + b0[j], 0 * one)
            score = b2[0]
            for j in range(hidden):
                total = b1[j]
                for i in range(hidden):
                    total += w1[j, i] * h0[i]
                h1[j] = max(total, 0 * one)
                score += w2[0, j] * h1[j]
            margin = one - y[s] * score
            if margin <= 0:
                continue
            loss += margin / n
            d2 = -y[s] / n
            c2[0] += d2
            for j in range(hidden):
                g2[0, j] += d2 * h1[j]
                d1[j] = d2 * w2[0, j] if h1[j] > 0 else 0 * one
                c1[j] += d1[j]
                for i in range(hidden):
                    g1[j, i] += d1[j] * h0[i]
            for i in range(hidden):
                if h0[i] > 0:
                    d0 = 0 * one
                    for j in range(hidden):
                        d0 += d1[j] * w1[j, i]
                    c0[i] += d0
                    g0[i, 0] += d0 * x[s, 0]
                    g0[i, 1] += d0 * x[s, 1]
        squares = (w0 * w0).sum() + (w1 * w1).sum() + (w2 * w2).sum()
        squares += (b0 * b0).sum() + (b1 * b1).sum() + (b2 * b2).sum()
        loss += penalty * squares
        rate, decay = rates[k], 2 * penalty
        w0 -= rate * (g0 + decay * w0)
        w1 -= rate * (g1 + decay * w1)
        w2 -= rate * (g2 + decay * w2)
        b0 -= rate * (c0 + decay * b0)
        b1 -= rate * (c1 + decay * b1)
        b2 -= rate * (c2 + decay * b2)
    return loss


def numba(setting: dict[str, Any]) -> Train:
    """Loops in Python, compiled by numba, the gradient by hand."""
    np, numba = importlib.import_module("numpy"), importlib.import_module("numba")
    real, epochs = np.dtype(setting["dtype"].replace("f", "float")), setting["epochs"]
    x, y = np.array(setting["points"], real), np.array(setting["labels"], real)
    initial = [np.array(a, real) for pair in matrices(setting["weights"]) for a in pair]
    rates = np.array([learning_rate(k, epochs) for k in range(epochs)], real)
    penalty, one = real.type(PENALTY), real.type(1.0)

    compiled = numba.njit(fastmath={"contract", "reassoc"})(_descend)

    def train() -> tuple[float, float]:
        weights = tuple(a.copy() for a in initial)
        began = time.perf_counter()
        loss = float(compiled(x, y, rates, penalty, one, weights))
        return loss, time.perf_counter() - began

    return train


PEERS: dict[str, Callable[[dict[str, Any]], Train]] = {
    "interpreter": interpreter,
    "interpreter, gc off": interpreter_without_gc,
    "this project": native,
    "NumPy": numpy,
    "PyTorch": torch,
    "JAX": jax,
    "numba": numba,
}
