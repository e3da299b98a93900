"""JAX: the whole loop compiled, by lax.scan."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import workloads
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.jax import _DTYPES, _layers, _mlp, versions
from benchmarks.peers.train import parameters, rates

__all__ = ["CONTESTANTS", "moons", "versions"]


def _loss(layers: Any, points: Any, labels: Any) -> Any:
    margins = 1.0 - labels * _mlp(layers, points)[:, 0]
    squares = sum(jnp.sum(w * w) for w in layers)
    return jnp.mean(jnp.maximum(margins, 0.0)) + 1e-4 * squares


def _descend(layers: Any, rate: Any, points: Any, labels: Any) -> Any:
    value, grads = jax.value_and_grad(_loss)(layers, points, labels)
    return [w - rate * g for w, g in zip(layers, grads, strict=True)], value


@jax.jit
def _whole(layers: Any, rates: Any, points: Any, labels: Any) -> Any:
    return jax.lax.scan(lambda w, rate: _descend(w, rate, points, labels), layers, rates)


@jax.jit
def _epoch(layers: Any, rates: Any, points: Any, labels: Any, order: Any) -> Any:
    def step(layers: Any, given: Any) -> Any:
        rate, rows = given
        return _descend(layers, rate, points[rows], labels[rows])

    return jax.lax.scan(step, layers, (rates, order.reshape(rates.size, -1)))


def moons(setting: dict[str, Any]) -> Prepared:
    """One call trains."""
    dtype = _DTYPES[setting["dtype"]]
    layers = _layers(parameters(), *workloads.MOONS, dtype)
    arguments = [
        jnp.array(rates(setting), dtype),
        jnp.array(setting["points"], dtype),
        jnp.array(setting["labels"], dtype),
    ]
    if setting["form"] == "epoch":
        arguments.append(jnp.array(setting["order"]))
    train = _epoch if setting["form"] == "epoch" else _whole
    clock = Clock()
    final, losses = jax.block_until_ready(train(layers, *arguments))
    phases = {"first": clock()}
    squares = sum(float((np.asarray(w, np.float64) ** 2).sum()) for w in final)
    run = python_loop(
        "wait(train(layers, *arguments))",
        wait=jax.block_until_ready,
        train=train,
        layers=layers,
        arguments=arguments,
    )
    return Prepared([*map(float, losses), squares], run, phases)


CONTESTANTS = {"moons": moons}
