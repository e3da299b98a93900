"""One sample of a larger network, from the scalar code: h-h-h-1."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from .. import reference, workloads
from ..experiment import Bar, Contestant, Experiment


def inputs(h: int) -> list[float]:
    """The sample."""
    rng = random.Random(h + 1)
    return [rng.uniform(-1, 1) for _ in range(h)]


def answer(h: int) -> list[float]:
    """The score and its partial derivatives."""
    parameters = workloads.parameters_of(h, (h, h, 1), seed=h)
    return reference.score(parameters, h, (h, h, 1), inputs(h))


def experiments(small: bool) -> Iterator[Experiment]:
    """Three sizes."""
    for h in (4,) if small else (32, 64, 128):
        d = {"dtype": "f64"}

        bars = (Bar("first", 0.4, "ours"), Bar("evaluation", 1.3, "ours", "C, loops"))
        yield Experiment(
            "mlp_h",
            f"h={h}",
            "the score of one sample and its partial derivatives for all parameters, from C",
            "f64",
            partial(answer, h),
            (
                Contestant("ours", "ours", "mlp_h", {**d, "from": "C"}),
                Contestant("C, loops", "c", "mlp_h", d),
                Contestant("numba", "numba", "mlp_h", d),
                Contestant("JAX, arrays, in its own loop", "jax", "mlp_h_loop", d),
                Contestant("JAX, arrays, from Python", "jax", "mlp_h", d),
                Contestant("PyTorch, arrays", "torch", "mlp_h", d),
            ),
            partial(dict, h=h, x=inputs(h)),
            bars=bars if h == 128 else (),
        )
