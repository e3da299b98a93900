"""This project: `fit` of Tensors, and the loop that it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.client import environment
from benchmarks.peers.networks import DTYPES, images, squares, timed, weights
from benchmarks.peers.ours import versions
from micrograd import Tensor, fit, value_and_grad
from micrograd.jit.emit import product_library
from micrograd.jit.options import Options
from micrograd.losses import cross_entropy
from micrograd.optim import SGD
from micrograd.train import tensor_programs
from micrograd.train.tensor_loop import TensorLoop

__all__ = ["CONTESTANTS", "digits", "function", "versions", "whole"]


def _loss(x: Any, y: Any, *parameters: Any) -> Any:
    for k in range(0, len(parameters), 2):
        x = x @ parameters[k] + parameters[k + 1]
        x = x.relu() if k + 2 < len(parameters) else x
    return cross_entropy(x, y)


def _compile_something() -> None:
    """So that what is imported and made once in a process is; but no step, and no product."""
    w, x = Tensor(np.ones((32, 32)), requires_grad=True), np.ones((16, 32))
    y = np.zeros(16, np.int64)

    def loss(x: Tensor, y: Tensor) -> Any:
        return _loss(x, y, w, w[0], w, w[1])

    value_and_grad(loss, wrt=[w], threads=1)(Tensor(x), Tensor(y))
    fit(loss, SGD([w], lr=0.0), data=(x, y), epochs=1, batch_size=16)
    tensor_programs._steps.clear()
    with product_library._lock:
        product_library._codes.clear()


def digits(setting: dict[str, Any]) -> Prepared:
    """The loop alone; `first` is the first call of `fit` without it."""
    start, data = weights(setting), images(setting)
    _compile_something()
    parameters = [Tensor(w, requires_grad=True) for w in start]

    def loss(x: Tensor, y: Tensor) -> Any:
        return _loss(x, y, *parameters)

    def again() -> None:
        for p, w in zip(parameters, start, strict=True):
            p.data = w

    optimizer = SGD(parameters, lr=setting["rate"])
    epochs, size, threads = setting["epochs"], setting["batch"], setting.get("threads", 1)
    how = {"epochs": epochs, "batch_size": size, "shuffle": False, "threads": threads}
    clock = Clock()
    history = fit(loss, optimizer, data=data, **how)
    phases = {"first": clock() - history.seconds}
    answer = [*history.losses, squares(p.numpy() for p in parameters)]
    options = Options.given(np.dtype(DTYPES[setting["dtype"]]), False, None, None)
    loop = TensorLoop(optimizer, loss, list(data), options, batch=size, threads=threads)
    steps = len(history.losses)

    def prepared() -> None:
        again()
        loop.prepare(loop.step + steps)

    return Prepared(answer, timed(prepared, lambda _: loop.advance(loop.step + steps)), phases)


def function(setting: dict[str, Any]) -> Prepared:
    """The loss of all samples and its gradient, by `value_and_grad`."""
    parameters = [Tensor(w, requires_grad=True) for w in weights(setting)]
    x, y = map(Tensor, images(setting))
    _compile_something()

    def loss(x: Tensor, y: Tensor) -> Any:
        return _loss(x, y, *parameters)

    clock = Clock()
    f = value_and_grad(loss, wrt=parameters, threads=1)
    value, grads = f(x, y)
    phases = {"first": clock()}
    answer = [float(value), *(squares([g.numpy()]) for g in grads)]
    return Prepared(answer, python_loop("f(x, y)", f=f, x=x, y=y), phases)


def whole(setting: dict[str, Any]) -> Prepared:
    """A process of `micrograd train-digits`, from its start to its end, in the environment that a
    user has.
    """
    command = [sys.executable, "-m", "micrograd", "train-digits"]
    for option in ("network", "epochs", "length"):
        command += [f"--{option}", str(setting[option])]
    user = {k: v for k, v in os.environ.items() if k not in environment(1)}

    def train() -> str:
        return subprocess.run(
            command, env=user, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    losses = [float(x) for x in re.findall(r"^epoch \d+ loss ([^,\s]+)", train(), re.MULTILINE)]

    def run(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            train()
        return perf_counter() - began

    return Prepared(losses[: setting["compared"]], run)


CONTESTANTS = {"digits": digits, "function": function, "whole": whole}
