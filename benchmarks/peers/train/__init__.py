"""Training the moons classifier: a module per project, as in the folder above.

A setting has `points` and `labels`, a `form` and `steps`:

    whole   all samples in every step, the rate 1 - 0.9 k / steps at step k
    epoch   steps of `size` samples at a constant `rate`, in the order of the indices `order`, which
            is what `shuffled` gives for `seed`; ours and C shuffle themselves

An answer is the loss of every step, before its update, and the sum of the squared parameters at the
end. Every evaluation starts from the same parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import workloads

__all__ = ["parameters", "rates", "shuffled", "timed"]


def shuffled(n: int, seed: int) -> list[int]:
    """The order of n samples that `fit` takes in its first epoch: Fisher-Yates, by splitmix64.

    >>> shuffled(5, seed=1337)
    [1, 2, 0, 4, 3]
    """
    order, state, word = list(range(n)), seed, (1 << 64) - 1
    for last in range(n - 1, -1, -1):
        state = state + 0x9E3779B97F4A7C15 & word
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & word
        z = (z ^ z >> 27) * 0x94D049BB133111EB & word
        j = (z ^ z >> 31) * (last + 1) >> 64
        order[last], order[j] = order[j], order[last]
    return order


def parameters() -> list[float]:
    """Where every training starts."""
    return workloads.parameters_of(*workloads.MOONS, seed=1337)


def rates(setting: dict[str, Any]) -> list[float]:
    """The rate of each step."""
    steps = setting["steps"]
    if setting["form"] == "epoch":
        return [setting["rate"]] * steps
    return [1.0 - 0.9 * k / steps for k in range(steps)]


def timed(once: Callable[[], float]) -> Callable[[int], float]:
    """A loop around a training that tells itself how many seconds it took."""
    return lambda count: sum(once() for _ in range(count))
