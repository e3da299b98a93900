"""JAX: all steps compiled, by lax.scan; or a step, in a loop in Python."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.jax import versions
from benchmarks.peers.networks import batches, images, squares, timed, weights

__all__ = ["CONTESTANTS", "digits", "function", "versions"]


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    for k in range(0, len(parameters), 2):
        x = x @ parameters[k] + parameters[k + 1]
        x = jnp.maximum(x, 0.0) if k + 2 < len(parameters) else x
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(x) * y, axis=1))


def _given(setting: dict[str, Any]) -> tuple[list[Any], Any, Any]:
    start = [jnp.asarray(w) for w in weights(setting)]
    x, y = images(setting)
    return start, jnp.asarray(x), jax.nn.one_hot(y, setting["sizes"][-1], dtype=x.dtype)


def digits(setting: dict[str, Any]) -> Prepared:
    """Memory of parameters is donated; `scan`: one call trains. `first` is a first training less a
    second one.
    """
    start, x, y = _given(setting)
    rate, epochs, size = setting["rate"], setting["epochs"], setting["batch"]

    def step(parameters: Any, given: Any) -> Any:
        value, grads = jax.value_and_grad(_loss)(parameters, *given)
        return [p - rate * g for p, g in zip(parameters, grads, strict=True)], value

    whole = len(x) // size * size

    def epoch(parameters: Any, given: Any) -> Any:
        rows = [a[:whole].reshape(-1, size, a.shape[1]) for a in given]
        parameters, losses = jax.lax.scan(step, parameters, tuple(rows))
        if whole < len(x):
            parameters, last = step(parameters, [a[whole:] for a in given])
            losses = jnp.concatenate([losses, last[None]])
        return parameters, losses

    def all_epochs(parameters: Any, *given: Any) -> Any:
        def once(parameters: Any, _: Any) -> Any:
            return epoch(parameters, given)

        parameters, losses = jax.lax.scan(once, parameters, None, length=epochs)
        return parameters, losses.reshape(-1)

    scanned = jax.jit(all_epochs, donate_argnums=0)
    stepped = jax.jit(lambda parameters, *given: step(parameters, given), donate_argnums=0)
    steps = [(x[s], y[s]) for s in batches(setting)]

    def train(parameters: Any) -> Any:
        if setting["scan"]:
            return jax.block_until_ready(scanned(parameters, x, y))
        losses = []
        for _ in range(epochs):
            for given in steps:
                parameters, loss = stepped(parameters, *given)
                losses.append(loss)
        return jax.block_until_ready((parameters, losses))

    def again() -> Any:
        return jax.block_until_ready([w.copy() for w in start])

    given = again()
    clock = Clock()
    final, losses = train(given)
    first, given = clock(), again()
    clock()
    train(given)
    phases = {"first": first - clock()}
    return Prepared([*map(float, losses), squares(final)], timed(again, train), phases)


def function(setting: dict[str, Any]) -> Prepared:
    """The loss of all samples and its gradient, compiled."""
    start, x, y = _given(setting)
    clock = Clock()
    compiled = jax.jit(jax.value_and_grad(_loss))
    value, grads = jax.block_until_ready(compiled(start, x, y))
    phases = {"first": clock()}
    run = python_loop(
        "wait(f(start, x, y))", wait=jax.block_until_ready, f=compiled, start=start, x=x, y=y
    )
    return Prepared([float(value), *(squares([g]) for g in grads)], run, phases)


CONTESTANTS = {"digits": digits, "function": function}
