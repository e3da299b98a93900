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
COMPARED = 2
"""Epochs that are trained in float64 to compare their losses: more than one, as in the first of a
single batch nothing has been updated; and few, as they are no part of what is measured.
"""
ACCURACY = {"f64": 1e-6, "f32": 1e-3}
"""The largest relative difference from them that is no error; what is timed in float32 is compared
in the first epoch alone, for in deep networks a ReLU of some sample soon is on the other side of 0,
by rounding alone.
"""
ENOUGH, MOST = 0.5, 9
"""A process trains again, once in any case, until that took so many seconds, or so often."""
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
    """A training: seconds from the start of its process to its end, those of the loop alone, and
    the mean loss of every epoch.
    """

    whole: float
    loop: float
    losses: list[float]


@dataclass(slots=True)
class Entrant(Contestant):
    """A contestant with so many workers, and what came of it, by network.

    epochs   that it is timed for, if its budget is for fewer than all
    told     why it was not measured, or not in full
    """

    workers: str = "1"
    epochs: dict[str, int] = field(default_factory=dict)
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
        same: dict[int, list[str]] = {}
        for w in workers:
            same.setdefault(threads(w), []).append(w)
        for n, names in same.items():
            found.append(Entrant(name, package, peers, threads=n, workers="/".join(names)))
    return found


def threads(workers: str) -> int:
    """How many threads that is at most. All of these libraries go by the size of the work, so
    `dynamic` is as many as there are processors.
    """
    return os.cpu_count() or 1 if workers in ("all", "dynamic") else int(workers)


class NetworkSweep:
    """The benchmark with its arguments, files of data in a folder."""

    def __init__(self, arguments: Namespace, folder: Path, progress: Progress) -> None:
        self.epochs: int = arguments.epochs
        self.rounds: int = arguments.rounds
        self.dtype: str = arguments.dtype
        self.budget: float = arguments.budget
        self.cases = cases(arguments.network, arguments.length)
        self.all = entrants(arguments.threads)
        self.interrupted = ""
        self._expected: dict[str, list[float]] = {}  # losses of the reference in float64, by case
        self._pycrograd: Path | None = arguments.pycrograd
        self._pythons = dict(arguments.peer)
        self._folder, self._progress = folder, progress

    def run(self) -> None:
        """Compare the answers of all, then time them in turn. Raises KeyboardInterrupt for Ctrl-C,
        with what was measured until then.
        """
        check_peers(self._pythons, self.all)
        for case in self.cases:
            self._write(case, "all", case.rows)
            self._write(case, "step", min(case.batch, case.rows))
            self._answers(case)
        for k in range(self.rounds):
            for case in self.cases:
                when = f"round {k + 1} of {self.rounds}, {case.name}"
                self.interrupted = f"interrupted in {when}"
                for c in self._able(case):
                    if not c.interpreted or self._affordable(c, case):
                        self._sample(c, case, when)
                    self._progress.advance()
        self.interrupted = ""

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

    def _train(self, c: Entrant, again: bool = False, **setting: Any) -> tuple[list[Any], float]:
        """What it answers when it trains in a new process, perhaps again and again, each time from
        the same weights; and the seconds from the start of the process to the first answer.
        """
        began, whole = time.perf_counter(), 0.0
        answers: list[Any] = []
        try:
            if c.start(self._pythons.get(c.package)):
                c.ask(do="prepare", id="", threads=c.threads, **setting)
            while c.process and not c.status and (again or not answers):
                answers.append(c.ask(do="train", id=""))
                whole = whole or time.perf_counter() - began
                spent = sum(a.get("seconds", 0.0) for a in answers[1:])
                again = again and (spent == 0.0 or spent < ENOUGH) and len(answers) < MOST
        finally:
            c.end()
        return [] if c.status else answers, whole

    def _answers(self, case: Case) -> None:
        """Compare losses in float64 with those of the reference, for each package once: what is
        timed with other workers is compared as it is timed.
        """
        self._progress.say(f"{case.name}: comparing answers")
        known: set[str] = set()
        for c in sorted(self._able(case), key=lambda c: c.name != REFERENCE):
            if c.name == "pycrograd" and self._pycrograd is None:
                c.status = "no folder was given (--pycrograd)"
            elif c.interpreted:  # its answer is compared when it is timed
                self._afford(c, case)
            elif c.name not in known:
                known.add(c.name)
                answers, _ = self._train(c, **self._setting(case, "f64", "all", COMPARED))
                for answer in answers:
                    self._right(c, case, answer["loss"], "f64")

    def _afford(self, c: Entrant, case: Case) -> None:
        """Have it take a step, and find for how many epochs of such steps its budget is."""
        answers, _ = self._train(c, **self._setting(case, "f64", "step", 1))
        steps = -(-case.rows // case.batch)
        for answer in answers:
            epoch = steps * answer["seconds"]
            c.epochs[case.name] = epochs = min(int(self.budget / epoch), self.epochs)
            if not epochs:
                c.told[case.name] = f"not measured: an epoch takes {duration(epoch)}, more than"
            elif epochs < self.epochs:
                c.told[case.name] = f"{epochs} of {self.epochs} epochs measured, the others "
                c.told[case.name] += f"reckoned: one takes {duration(epoch)}, and more would exceed"

    def _affordable(self, c: Entrant, case: Case) -> bool:
        """Whether its budget is for one more training."""
        spent = [s.loop for s in c.samples.get(case.name, ())]
        if not spent:
            return c.epochs[case.name] > 0
        return c.epochs[case.name] == self.epochs and sum(spent) + spent[-1] <= self.budget

    def _right(self, c: Entrant, case: Case, losses: list[float], dtype: str) -> bool:
        """Whether losses are those of the reference in float64; says in `status` if not."""
        expected = self._expected.setdefault(case.name, losses)
        epochs = 1 if dtype == "f32" else min(len(expected), len(losses))
        close = np.isclose(losses[:epochs], expected[:epochs], rtol=ACCURACY[dtype], atol=0.0)
        if not close.all():
            k = int(np.argmin(close))
            c.status = (
                f"wrong: loss {losses[k]!r} of epoch {k + 1} of {case.name} in {dtype}, should be "
                f"{expected[k]!r}"
            )
        return not c.status

    def _sample(self, c: Entrant, case: Case, when: str) -> None:
        """Have it train, and again if it compiles or warms up: what the loop takes is the median
        of these times.
        """
        epochs = c.epochs.get(case.name, self.epochs)
        setting = self._setting(case, self.dtype, "all", epochs)
        answers, whole = self._train(c, not c.interpreted, **setting)
        accuracy = {"pycrograd": "f32", "micrograd": "f64"}.get(c.name, self.dtype)
        if answers and all(self._right(c, case, a["loss"], accuracy) for a in answers):
            loop = median(a["seconds"] for a in answers[1:] or answers)
            more = loop * (self.epochs / epochs - 1.0)
            sample = Sample(whole + more, loop + more, answers[-1]["loss"])
            c.samples.setdefault(case.name, []).append(sample)
            took = f"{duration(sample.whole)}, of which training {duration(sample.loop)}"
            self._progress.say(f"{when}: {c.label} {took}")

    def notes(self) -> Iterator[str]:
        """What is to be said about those who were not measured, or not everywhere."""
        if self.interrupted:
            yield self.interrupted
        for c in self.all:
            if c.status:
                yield f"{c.label}: {c.status}"
            for case, why in c.told.items():
                yield f"{c.label}: {case}: {why} its budget of {self.budget:g} s (--budget)"
            left = [
                case.name for case in self.cases if case.name not in SLOW.get(c.name, (case.name,))
            ]
            if left and not c.status:
                yield f"{c.label}: takes no part in {', '.join(left)}, for which it is too slow"
