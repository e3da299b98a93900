"""`micrograd benchmark-moons`: momograd's benchmark, answers first, then rounds of all in turn.

Source of the workload: https://github.com/dorjeduck/momograd, micrograd's demo without noise, the
training loop alone timed, for growing numbers of samples.
"""

from __future__ import annotations

import math
import random
import time
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ..datasets import moons
from ..nn import MLP
from .contestants import Contestant, check_peers
from .peers import HIDDEN
from .progress import Progress

SEED = 1337
REFERENCE = "NumPy"
"""The peer whose float64 result the others' is compared with: plain, and always there."""
ACCURACY = 1e-6
"""The largest relative difference from it that is no error."""


@dataclass(slots=True)
class Entrant(Contestant):
    """A contestant and what came of it, by size. The interpreted ones compute in float64 only.

    spent         seconds of its timed samples
    first         seconds from data to the first result, by size
    losses        last losses in float64, by size
    samples       seconds of the training loop in every round, by size
    """

    spent: float = 0.0
    first: dict[int, float] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    samples: dict[int, list[float]] = field(default_factory=dict)


def contestants() -> list[Entrant]:
    """All that may take part, the slowest first."""
    return [
        Entrant("interpreter", interpreted=True),
        Entrant("interpreter, gc off", interpreted=True),
        Entrant("PyTorch", "torch"),
        Entrant(REFERENCE),
        Entrant("JAX", "jax"),
        Entrant("numba", "numba"),
        Entrant("this project"),
    ]


def setting(samples: int, epochs: int) -> dict[str, Any]:
    """Data and initial weights, the same for all: the demo's, without noise."""
    points, labels = moons(samples, 0.0, SEED)
    random.seed(SEED)
    weights = [p.data for p in MLP(2, HIDDEN).parameters()]
    return {
        "points": points.tolist(),
        "labels": labels.tolist(),
        "weights": weights,
        "epochs": epochs,
    }


class Sweep:
    """The benchmark with its arguments: sizes, epochs, rounds, dtype, budget."""

    def __init__(self, arguments: Namespace, progress: Progress) -> None:
        self.sizes: list[int] = arguments.samples
        self.epochs: int = arguments.epochs
        self.rounds: int = arguments.rounds
        self.dtype: str = arguments.dtype
        self.budget: float = arguments.budget
        self.all = contestants()
        self._pythons = dict(arguments.peer)
        self._progress = progress

    def run(self) -> None:
        """Have everybody answer, then time them in turn."""
        check_peers(self._pythons, self.all)
        try:
            for c in self.all:
                c.start(self._pythons.get(c.package))
            for size in self.sizes:
                self._answers(size)
            for k in range(self.rounds):
                for size in self.sizes:
                    for c in self._able():
                        if c.interpreted and not self._affordable(c, size, k):
                            continue
                        self._sample(c, size)
                        self._progress.advance()
        finally:
            for c in self.all:
                c.end()

    def _able(self) -> list[Entrant]:
        return [c for c in self.all if c.process is not None and not c.status]

    def _answers(self, size: int) -> None:
        """Compare all last losses of a size with the reference, in float64; then prepare."""
        given = setting(size, self.epochs)
        self._progress.say(f"{size} samples: comparing answers")
        for c in sorted(self._able(), key=lambda c: c.name != REFERENCE):
            if c.interpreted:  # its answer is compared when it is timed
                c.ask(do="prepare", id=str(size), dtype="f64", **given)
                continue
            c.ask(do="prepare", id="answer", dtype="f64", **given)
            answer = {} if c.status else c.ask(do="train", id="answer")
            if answer and self._right(c, size, answer["loss"]):
                began = time.perf_counter()
                if c.ask(do="prepare", id=str(size), dtype=self.dtype, **given) or not c.status:
                    c.ask(do="train", id=str(size))  # the first time compiles
                c.first[size] = time.perf_counter() - began

    def _right(self, c: Entrant, size: int, loss: float) -> bool:
        """Whether a last loss is that of the reference; says in `status` if it is not."""
        c.losses[size] = loss
        reference = next(o for o in self.all if o.name == REFERENCE).losses.get(size, math.nan)
        if not abs(loss - reference) <= ACCURACY * abs(reference):
            c.status = f"wrong: last loss {loss!r} for {size} samples, should be {reference!r}"
        return not c.status

    def _affordable(self, c: Entrant, size: int, k: int) -> bool:
        """Whether the budget allows another sample, by what the last size took."""
        if k and size not in c.samples:
            return False
        known = {s: median(v) for s, v in c.samples.items()}
        if not known:
            return self.budget > 0.0
        nearest = min(known, key=lambda s: abs(s - size))
        return c.spent + known[nearest] * size / nearest <= self.budget

    def _sample(self, c: Entrant, size: int) -> None:
        answer = c.ask(do="train", id=str(size))
        if not answer:
            return
        c.spent += answer["seconds"]
        if c.interpreted and not self._right(c, size, answer["loss"]):
            return
        c.samples.setdefault(size, []).append(answer["seconds"])

    # -- results -------------------------------------------------------------------------------

    def times(self) -> dict[str, dict[int, float]]:
        """The median seconds by contestant and size, of those who have any."""
        found = {c.name: {s: median(v) for s, v in c.samples.items()} for c in self.all}
        return {name: by_size for name, by_size in found.items() if by_size}

    def first(self) -> dict[str, dict[int, float]]:
        """The seconds from data to the first result, of those who prepare something."""
        return {c.name: c.first for c in self.all if c.first}

    def notes(self) -> Iterable[str]:
        """What is to be said about those who were not measured, or not everywhere."""
        for c in self.all:
            if c.status:
                yield f"{c.name}: {c.status}"
                continue
            taken = {size: len(c.samples.get(size, ())) for size in self.sizes}
            left = [str(size) for size, n in taken.items() if not n]
            fewer = [f"{size} ({n})" for size, n in taken.items() if 0 < n < self.rounds]
            told = [f"not measured at {', '.join(left)} samples"] * bool(left)
            told += [f"in fewer rounds at {', '.join(fewer)} samples"] * bool(fewer)
            if told:
                yield (
                    f"{c.name}: {' and '.join(told)}, because of its budget of {self.budget:g} s"
                    " (--budget)"
                )
