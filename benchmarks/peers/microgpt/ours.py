"""This project: `fit` on documents of different lengths, and a compiled sampler."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.microgpt import SCRIPT, model
from benchmarks.peers.ours import versions
from micrograd import jit
from micrograd.optim import Adam, linear
from micrograd.train.plan import Asked, Batches
from micrograd.train.ragged_plan import of_ragged
from micrograd.train.watch import Watch

__all__ = ["CONTESTANTS", "cold", "sample", "train", "versions"]


def train(setting: dict[str, Any]) -> Prepared:
    """The training loop alone; `first` is all until the first steps are done, compiling too."""
    steps, clock = setting["steps"], Clock()
    gpt = model()
    optimizer = Adam(gpt.parameters(), lr=linear(0.01, 0.0, steps), betas=(0.85, 0.99))
    dtype, long = setting["dtype"], 10**6  # steps: code is chosen as for a long training
    asked = Asked(gpt.loss, optimizer, None, None, dtype, None, long, None, None, None)
    batches = Batches(setting["batch"], 1, False, 0, 1)
    watch = Watch(optimizer, None, False, None, None, False)
    loop = of_ragged(asked, batches, watch, setting["documents"]).loop
    loop.advance(steps)
    phases = {"first": clock()}

    def run(count: int) -> float:
        began = perf_counter()
        loop.advance(loop.step + count * steps)
        return perf_counter() - began

    return Prepared(loop.losses[: setting["answers"]].tolist(), run, phases)


def sample(setting: dict[str, Any]) -> Prepared:
    """A document by one call from Python, all positions of it."""
    gpt, clock = model(), Clock()

    def draw(chances: list[float], temperature: float) -> Any:
        return gpt.sample(chances, temperature)

    kernel = jit(draw, dtype=setting["dtype"])
    chances = setting["chances"]
    answer = list(kernel(chances, 0.5))
    phases = {"first": clock()}
    return Prepared(answer, python_loop("f(x, 0.5)", f=kernel, x=chances), phases)


def cold(setting: dict[str, Any]) -> Prepared:
    """The example as a script, from the start of Python to a trained model."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    data = folder / "words"
    data.write_text("\n".join(setting["words"]) + "\n")
    command = [sys.executable, str(SCRIPT), "--data", str(data), "--samples", "0"]
    command += ["--steps", str(setting["steps"])]

    def run(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            said = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[1])
            if said.returncode:
                raise RuntimeError(f"the new process failed: {said.stderr.strip()[-300:]}")
        return perf_counter() - began

    run(1)
    return Prepared([float(len(setting["words"]))], run)


CONTESTANTS = {f.__name__: f for f in (train, sample, cold)}
