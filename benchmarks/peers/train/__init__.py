"""Training the moons classifier: a module per project, as in the folder above.

A setting has `points` and `labels`, a `form` and `steps`:

    whole   all samples in every step, the rate 1 - 0.9 k / steps at step k
    epoch   steps of `size` samples in the order of the indices `order`, at a constant `rate`

An answer is the loss of every step, before its update, and the sum of the squared parameters at the
end. Every evaluation starts from the same parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import workloads

__all__ = ["parameters", "rates", "timed"]


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
