"""`micrograd run-digits-benchmark`: pycrograd's and mocrograd's benchmark, answers first, then
rounds of all in turn, every training in a process of its own.

Source of the workload and of what was published: https://github.com/TomasJani/pycrograd and
https://github.com/TomasJani/mocrograd.
"""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .contestants import Contestant, check_peers
from .progress import Progress
from .report import duration
from .tasks import Task, moons_task, shared_task

SEED, RATE = 1337, 0.01
REFERENCE = "NumPy"
"""The peer whose float64 losses the others' are compared with: plain, and always there."""
ACCURACY = {"f64": 1e-6, "f32": 1e-3}
"""The largest relative difference from them that is no error: of all epochs in float64, but in
float32 of the first one, for in deep networks a ReLU of some sample soon is on the other side of 0,
by rounding alone.
"""
SLOW = {"micrograd": ("mlp",), "pycrograd": ("mlp", "normal")}
"""The networks that interpreters take part in; for others they are too slow."""


@dataclass(slots=True)
class Case:
    """A network, its data, and how it is trained."""

    name: str
    task: Task
    batch: int
    loss: str

    @property
    def rows(self) -> int:
        """Samples that are trained on."""
        return len(self.task.train[1])


def cases(names: Iterable[str], length: int) -> list[Case]:
    """The networks with their shares of the length: a tenth for longer, a hundredth for bigger."""
    found = []
    for name in names:
        if name == "mlp":
            task = moons_task("mlp", max(1, length // 10), SEED)
            found.append(Case(name, task, 10, "max_margin"))
        else:
            found.append(Case(name, shared_task(name, length), 32, "cross_entropy"))
    return found


@dataclass(slots=True)
class Sample:
    """A training: seconds from the start of its process to its end, and those of the loop alone."""

    whole: float
    loop: float


@dataclass(slots=True)
class Entrant(Contestant):
    """A contestant with so many workers, and what came of it, by network.

    losses   in float64, of every epoch
    told     why it was not measured
    """

    workers: str = "1"
    losses: dict[str, list[float]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As tables name it."""
        return self.name if self.threads == 1 else f"{self.name}, {self.workers} workers"

    def median(self, case: str, what: str) -> float | None:
        """The median seconds for a network, `whole` or `loop`."""
        found = [getattr(s, what) for s in self.samples.get(case, ())]
        return median(found) if found else None


def entrants(workers: Sequence[str]) -> list[Entrant]:
    """All that may take part, the slowest first."""
    peers = "network_peers"
    found = [
        Entrant("micrograd", "micrograd", peers, interpreted=True),
        Entrant("pycrograd", "pycrograd", peers, interpreted=True),
    ]
    for name, package in (
        (REFERENCE, ""),
        ("PyTorch", "torch"),
        ("JAX", "jax"),
        ("this project", ""),
    ):
        same: dict[int | None, list[str]] = {}
        for w in workers:
            same.setdefault(threads(w, name == "this project"), []).append(w)
        for n, names in same.items():
            found.append(Entrant(name, package, peers, threads=n, workers="/".join(names)))
    return found


def threads(workers: str, is_ours: bool) -> int | None:
    """How many threads that is; None: as many as a library likes, by the size of the work. This
    project always goes by that, and takes at most so many.
    """
    if workers == "all" or (workers == "dynamic" and is_ours):
        return os.cpu_count() or 1
    return None if workers == "dynamic" else int(workers)


class NetworkSweep:
    """The benchmark with its arguments, files of data in a folder."""

    def __init__(self, arguments: Namespace, folder: Path, progress: Progress) -> None:
        self.epochs: int = arguments.epochs
        self.rounds: int = arguments.rounds
        self.dtype: str = arguments.dtype
        self.budget: float = arguments.budget
        self.cases = cases(arguments.network, arguments.length)
        self.all = entrants(arguments.threads)
        self._pycrograd: Path | None = arguments.pycrograd
        self._pythons = dict(arguments.peer)
        self._folder, self._progress = folder, progress

    def run(self) -> None:
        """Compare the answers of all, then time them in turn."""
        check_peers(self._pythons, self.all)
        for case in self.cases:
            self._write(case, "all", case.rows)
            self._write(case, "step", min(case.batch, case.rows))
            self._answers(case)
            for _ in range(self.rounds):
                for c in self._able(case):
                    self._sample(c, case)

    def _write(self, case: Case, part: str, rows: int) -> None:
        x, y = case.task.train
        np.savez(self._folder / f"{case.name}-{part}.npz", x=x[:rows], y=y[:rows])

    def _able(self, case: Case) -> Iterator[Entrant]:
        for c in self.all:
            takes_part = case.name in SLOW.get(c.name, (case.name,))
            if takes_part and not c.status and case.name not in c.told:
                yield c

    def _setting(self, case: Case, dtype: str, part: str, epochs: int) -> dict[str, Any]:
        return {
            "data": str(self._folder / f"{case.name}-{part}.npz"),
            "sizes": case.task.sizes,
            "seed": SEED,
            "loss": case.loss,
            "batch": case.batch,
            "epochs": epochs,
            "lr": RATE,
            "dtype": dtype,
            "pycrograd": str(self._pycrograd),
        }

    def _train(self, c: Entrant, times: int = 1, **setting: Any) -> tuple[list[Any], float]:
        """What it answers when it trains so many times in a new process, each time from the same
        weights; and the seconds from the start of the process to the first answer.
        """
        began, whole = time.perf_counter(), 0.0
        answers: list[Any] = []
        try:
            if c.start(self._pythons.get(c.package)):
                c.ask(do="prepare", id="", threads=c.threads, **setting)
            while c.process and not c.status and len(answers) < times:
                answers.append(c.ask(do="train", id=""))
                whole = whole or time.perf_counter() - began
        finally:
            c.end()
        return [] if c.status else answers, whole

    def _answers(self, case: Case) -> None:
        """Compare the losses of all epochs in float64 with those of the reference."""
        self._progress.say(f"{case.name}: comparing answers")
        for c in sorted(self._able(case), key=lambda c: c.name != REFERENCE):
            if c.name == "pycrograd" and self._pycrograd is None:
                c.status = "no folder was given (--pycrograd)"
            elif c.interpreted:  # its answer is compared when it is timed
                self._afford(c, case)
            else:
                answers, _ = self._train(c, **self._setting(case, "f64", "all", self.epochs))
                for answer in answers:
                    self._right(c, case, answer["loss"], "f64")

    def _afford(self, c: Entrant, case: Case) -> None:
        """Have it take a step, and say that it is too slow if so."""
        answers, _ = self._train(c, **self._setting(case, "f64", "step", 1))
        steps = self.epochs * -(-case.rows // case.batch)
        for answer in answers:
            if steps * answer["seconds"] > self.budget:
                c.told[case.name] = (
                    f"{steps} steps of {duration(answer['seconds'])} are more than its budget of "
                    f"{self.budget:g} s (--budget)"
                )

    def _right(self, c: Entrant, case: Case, losses: list[float], dtype: str) -> bool:
        """Whether losses are those of the reference in float64; says in `status` if not."""
        known = next(o for o in self.all if o.name == REFERENCE).losses
        expected = known.setdefault(case.name, losses)
        epochs = 1 if dtype == "f32" else len(expected)
        close = np.isclose(losses[:epochs], expected[:epochs], rtol=ACCURACY[dtype], atol=0.0)
        if not close.all():
            k = int(np.argmin(close))
            c.status = (
                f"wrong: loss {losses[k]!r} of epoch {k + 1} of {case.name} in {dtype}, should be "
                f"{expected[k]!r}"
            )
        elif dtype == "f64":
            c.losses[case.name] = losses
        return not c.status

    def _sample(self, c: Entrant, case: Case) -> None:
        """Have it train, twice if it compiles or warms up: the loop is timed the last time."""
        setting = self._setting(case, self.dtype, "all", self.epochs)
        answers, whole = self._train(c, 1 if c.interpreted else 2, **setting)
        accuracy = {"pycrograd": "f32", "micrograd": "f64"}.get(c.name, self.dtype)
        if answers and all(self._right(c, case, a["loss"], accuracy) for a in answers):
            sample = Sample(whole, answers[-1]["seconds"])
            c.samples.setdefault(case.name, []).append(sample)
        self._progress.advance()

    def notes(self) -> Iterator[str]:
        """What is to be said about those who were not measured, or not everywhere."""
        for c in self.all:
            if c.status:
                yield f"{c.label}: {c.status}"
            for case, why in c.told.items():
                yield f"{c.label}: not measured on {case}, {why}"
            left = [
                case.name for case in self.cases if case.name not in SLOW.get(c.name, (case.name,))
            ]
            if left and not c.status:
                yield f"{c.label}: takes no part in {', '.join(left)}, for which it is too slow"
