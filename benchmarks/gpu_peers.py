"""What JAX and PyTorch run beside our kernels on GPUs: the same functions, in their arrays."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

import micrograd as mg

HIDDEN = 16
DTYPES = {"f64": np.float64, "f32": np.float32}


def call_price(spot: Any, strike: Any, years: Any, volatility: Any, f: Any = mg) -> Any:
    """An option's price without interest, with functions of a module."""
    spread = volatility * f.sqrt(years)
    d = (f.log(spot / strike) + 0.5 * volatility * spread * f.sqrt(years)) / spread
    half = 0.7071067811865476
    return 0.5 * (spot * (1.0 + f.erf(d * half)) - strike * (1.0 + f.erf((d - spread) * half)))


def layers(w: Any, x: Any, tanh: Any) -> Any:
    """The network for rows at once, in arrays of any library: what it gives for each."""
    at, inputs = 0, 2
    for width in (HIDDEN, HIDDEN, 1):
        block = w[at : at + width * (inputs + 1)].reshape(width, inputs + 1)
        x = x @ block[:, :inputs].T + block[:, inputs]
        x = tanh(x) if width > 1 else x
        at, inputs = at + width * (inputs + 1), width
    return x[:, 0]


@contextmanager
def jax_runs(dtype: str) -> Iterator[dict[str, Any]]:
    """What JAX runs: functions of arrays that are where it computes."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", dtype == "f64")
    jnp = jax.numpy
    functions = SimpleNamespace(
        sqrt=jnp.sqrt, log=jnp.log, erf=importlib.import_module("jax.scipy.special").erf
    )

    def price(*market: Any) -> Any:
        return call_price(*market, f=functions)

    def whole(w: Any, x: Any, y: Any) -> Any:
        return jnp.sum((layers(w, x, jnp.tanh) - y) ** 2)

    prices = jax.jit(jax.vmap(jax.value_and_grad(price, argnums=(0, 1, 2, 3))))
    sums = jax.jit(jax.value_and_grad(whole))

    def put(x: Any) -> Any:
        return jnp.asarray(x, DTYPES[dtype])

    yield {
        "device": str(jax.devices()[0]),
        "put": put,
        "price": lambda *a: jax.block_until_ready(prices(*a)),
        "network": lambda *a: jax.block_until_ready(sums(*a)),
    }


@contextmanager
def torch_runs(dtype: str) -> Iterator[dict[str, Any]]:
    """What PyTorch runs, likewise."""
    torch = importlib.import_module("torch")
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def put(x: Any) -> Any:
        kind = torch.float64 if dtype == "f64" else torch.float32
        return torch.as_tensor(np.asarray(x), dtype=kind, device=device)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def price(*market: Any) -> Any:
        leaves = [m.detach().requires_grad_() for m in market]
        value = call_price(*leaves, f=torch)
        partials = torch.autograd.grad(value.sum(), leaves)
        wait()
        return value.detach(), partials

    def network(w: Any, x: Any, y: Any) -> Any:
        w = w.detach().requires_grad_()
        value = ((layers(w, x, torch.tanh) - y) ** 2).sum()
        partials = torch.autograd.grad(value, [w])
        wait()
        return value.detach(), partials

    named = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    yield {"device": named, "put": put, "price": price, "network": network}


PEERS = {"jax": jax_runs, "torch": torch_runs}
