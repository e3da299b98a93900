"""JAX: arrays where the program is regular, scalars where it is not; jit of value_and_grad."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import workloads
from benchmarks.peers import Clock, Prepared, flat, python_loop

jax.config.update("jax_enable_x64", True)
jax.jit(lambda x: x + 1.0)(1.0)
_DTYPES = {"f32": jnp.float32, "f64": jnp.float64}


def versions() -> dict[str, str]:
    """Of JAX."""
    return {"jax": jax.__version__}


class Scalar:
    """A number of JAX with the methods that the shared programs use."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __add__(self, other: Any) -> Scalar:
        return Scalar(self.x + (other.x if isinstance(other, Scalar) else other))

    def __mul__(self, other: Any) -> Scalar:
        return Scalar(self.x * (other.x if isinstance(other, Scalar) else other))

    def relu(self) -> Scalar:
        """Rectify."""
        return Scalar(jnp.maximum(self.x, 0.0))


def _readme(a: Any, b: Any) -> Any:
    c = 3.0 * a + 4.0 * b + 3.0
    d = 12.0 * (a * b + b**3) + 4.0 * jnp.maximum(b + a, 0.0) + jnp.maximum(b - a, 0.0)
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def call(setting: dict[str, Any]) -> Prepared:
    """Value and partial derivatives, as Python floats."""
    a, b = setting["a"], setting["b"]
    compiled = jax.jit(jax.value_and_grad(_readme, argnums=(0, 1)))

    def once() -> tuple[float, tuple[float, float]]:
        value, (da, db) = compiled(a, b)
        return float(value), (float(da), float(db))

    clock = Clock()
    answer = flat(*once())
    return Prepared(answer, python_loop("once()", once=once), {"first": clock()})


def _layers(numbers: list[float], nin: int, nouts: Any, dtype: Any) -> list[Any]:
    found, position = [], 0
    for n, outs in zip((nin, *nouts), nouts, strict=False):
        flat_rows = np.array(numbers[position : position + outs * (n + 1)])
        found.append(jnp.asarray(flat_rows.reshape(outs, n + 1), dtype))
        position += outs * (n + 1)
    return found


def _mlp(layers: Any, x: Any) -> Any:
    for k, layer in enumerate(layers):
        x = x @ layer[:, :-1].T + layer[:, -1]
        x = jnp.maximum(x, 0.0) if k + 1 < len(layers) else x
    return x


def w7(setting: dict[str, Any]) -> Prepared:
    """Inference; a list in, a float out."""
    dtype, x = _DTYPES[setting["dtype"]], setting["x"]
    parameters = workloads.parameters_of(*workloads.W7, seed=workloads.W7_SEED)
    layers = _layers(parameters, *workloads.W7, dtype)
    compiled = jax.jit(_mlp)

    def once() -> float:
        return float(compiled(layers, np.array(x, dtype))[0])

    clock = Clock()
    answer = [once()]
    return Prepared(answer, python_loop("once()", once=once), {"first": clock()})


def _stepped(loss: Callable[[Any], Any], layers: list[Any], *, loop: bool) -> Prepared:
    """Value and gradient of `loss(layers)`.

    loop   inside a compiled loop whose every step needs the one before; else a call from Python
    """
    step = jax.jit(jax.value_and_grad(loss))
    clock = Clock()
    value, grads = jax.block_until_ready(step(layers))
    phases = {"first": clock()}
    answer = flat(value, np.concatenate([np.asarray(g).reshape(-1) for g in grads]))

    @jax.jit
    def many(count: Any, layers: Any, rate: Any) -> Any:
        def body(_: Any, carried: Any) -> Any:
            layers, total = carried
            value, grads = jax.value_and_grad(loss)(layers)
            moved = [w - rate * g for w, g in zip(layers, grads, strict=True)]
            return moved, total + value

        return jax.lax.fori_loop(0, count, body, (layers, jnp.zeros((), layers[0].dtype)))

    rate = jnp.zeros((), layers[0].dtype)  # known at run time only: the step is not optimised away

    def run(count: int) -> float:
        began = perf_counter()
        if loop:
            jax.block_until_ready(many(count, layers, rate))
        else:
            for _ in range(count):
                jax.block_until_ready(step(layers))
        return perf_counter() - began

    run(1)
    return Prepared(answer, run, phases)


def _moons(setting: dict[str, Any], *, loop: bool) -> Prepared:
    dtype = _DTYPES[setting["dtype"]]
    points, labels = jnp.array(setting["points"], dtype), jnp.array(setting["labels"], dtype)
    parameters = workloads.parameters_of(*workloads.MOONS, seed=1337)

    def loss(layers: Any) -> Any:
        margins = 1.0 - labels * _mlp(layers, points)[:, 0]
        squares = sum(jnp.sum(w * w) for w in layers)
        return jnp.mean(jnp.maximum(margins, 0.0)) + 1e-4 * squares

    return _stepped(loss, _layers(parameters, *workloads.MOONS, dtype), loop=loop)


def moons(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient, a call each."""
    return _moons(setting, loop=False)


def moons_loop(setting: dict[str, Any]) -> Prepared:
    """The demo's loss and gradient, in a compiled loop."""
    return _moons(setting, loop=True)


def _mlp_h(setting: dict[str, Any], *, loop: bool) -> Prepared:
    h = setting["h"]
    parameters = workloads.parameters_of(h, (h, h, 1), seed=h)
    x = jnp.array(setting["x"])
    layers = _layers(parameters, h, (h, h, 1), jnp.float64)
    return _stepped(lambda layers: _mlp(layers, x)[0], layers, loop=loop)


def mlp_h(setting: dict[str, Any]) -> Prepared:
    """The score and gradient of a larger network, a call each."""
    return _mlp_h(setting, loop=False)


def mlp_h_loop(setting: dict[str, Any]) -> Prepared:
    """The score and gradient of a larger network, in a compiled loop."""
    return _mlp_h(setting, loop=True)


def irregular(setting: dict[str, Any]) -> Prepared:
    """A random DAG, from the scalar code."""
    dag = workloads.Dag(setting["n"])

    def program(inputs: Any) -> Any:
        leaves = [Scalar(inputs[k]) for k in range(len(dag.inputs))]
        return dag.build(leaves, lambda v: Scalar(jnp.tanh(v.x))).x

    step, x = jax.jit(jax.value_and_grad(program)), jnp.array(dag.inputs)
    clock = Clock()
    answer = flat(*jax.block_until_ready(step(x)))
    phases = {"first": clock()}
    run = python_loop("wait(step(x))", wait=jax.block_until_ready, step=step, x=x)
    return Prepared(answer, run, phases)


CONTESTANTS = {f.__name__: f for f in (call, w7, moons, moons_loop, mlp_h, mlp_h_loop, irregular)}
