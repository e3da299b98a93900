"""Experiment -> results: answers first, then repetitions of all contestants in turn.

A contestant whose answer is wrong is reported as wrong and not timed. Every repetition is a loop of
so many evaluations that a clock can tell; medians over repetitions are what is compared, and a
ratio is the median of the ratios within the repetitions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .experiment import Bar, Contestant, Experiment, worst_error
from .peers.client import OWN, Failed, NotInstalled, OverBudget, Process


@dataclass(frozen=True)
class Plan:
    """How to measure.

    repetitions   samples per contestant
    sample        seconds that one sample should last, at least
    preparations  how often our compiling is measured, where it is quick
    budget        seconds that a contestant may take to prepare, and to be timed
    peers         interpreter per peer, over the installed ones
    only          the peers that may take part; None: all
    """

    repetitions: int = 15
    sample: float = 0.02
    preparations: int = 5
    budget: float = 120.0
    peers: dict[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None
    small: bool = False


SMALL = {"repetitions": 3, "sample": 0.0005, "preparations": 1}


@dataclass(slots=True)
class _Running:
    """A contestant during an experiment, and what will be reported about it."""

    contestant: Contestant
    report: dict[str, Any]
    id: str
    process: Process | None = None
    inner: int = 1

    def ask(self, budget: float, **request: Any) -> dict[str, Any]:
        assert self.process is not None
        request |= {"id": self.id, "key": self.contestant.key}
        return self.process.ask(budget, **request)

    def stop(self, status: str, note: object) -> None:
        self.report |= {"status": status, "note": str(note)}


class Harness:
    """Runs experiments by a plan."""

    def __init__(self, plan: Plan, say: Callable[[str], None] | None = None) -> None:
        self.plan = plan
        self._say = say or (lambda line: print(line, file=sys.stderr, flush=True))
        self._shared: dict[tuple[str, int], Process] = {}

    def case(self, name: str, experiments: Iterable[Experiment]) -> dict[str, Any]:
        """The results of a case's experiments, bars judged."""
        pairs = [(e, self.experiment(e)) for e in experiments]
        done = [result for _, result in pairs]
        for e, result in pairs:
            result["bars"] = [judge(bar, result, done) for bar in e.bars]
        return {"case": name, "experiments": done}

    def experiment(self, e: Experiment) -> dict[str, Any]:
        """The results of one experiment."""
        self._say(f"{e.case}: {e.name}")
        reference, setting = e.reference(), e.setting()
        running = [
            _Running(c, {"name": c.name, "peer": c.peer}, f"{e.case} {e.name} {c.name}")
            for c in e.contestants
        ]
        try:
            for r in running:
                self._prepare(r, e, reference, setting)
            timed = [r for r in running if r.report["status"] == "timed"]
            self._time(timed)
        finally:
            for r in running:
                if r.process is not None and not (self.plan.small or e.table):
                    r.process.close()
        return {
            "name": e.name,
            "table": e.table,
            "row": e.row,
            "what": e.what,
            "dtype": e.dtype,
            "accuracy": e.accuracy,
            "contestants": [r.report for r in running],
        }

    # -- answers -------------------------------------------------------------------------------

    def _prepare(
        self, r: _Running, e: Experiment, reference: list[float], setting: dict[str, Any]
    ) -> None:
        """Have the contestant compile and answer; says in its report whether it may be timed."""
        plan, c = self.plan, r.contestant
        if plan.only is not None and c.peer not in plan.only:
            return r.stop("left out", "not asked for")
        request = {"do": "prepare", "setting": {**setting, **c.setting}}
        try:
            r.process = self.start(c, shared=self.plan.small or bool(e.table))
            r.report["versions"] = r.ask(60.0, do="versions")["versions"]
            began = time.monotonic()
            phases: dict[str, list[float]] = {}
            # peers keep what they have compiled; only a first time is one
            for k in range(plan.preparations if c.peer in OWN else 1):
                said = r.ask(plan.budget, **request)
                for phase, seconds in said["phases"].items():
                    phases.setdefault(phase, []).append(seconds)
                if (time.monotonic() - began) * (k + 2) / (k + 1) > plan.budget / 10:
                    break
        except NotInstalled as error:
            return r.stop("not installed", error)
        except OverBudget as error:
            return r.stop("over budget", error)
        except Failed as error:
            return r.stop(_status(str(error)), error)
        off = worst_error(said["answer"], reference, e.scales() if e.scales else None)
        r.report |= {
            "error": off if off != float("inf") else None,
            "phases": {phase: _summary(samples) for phase, samples in phases.items()},
            "facts": said["facts"],
        }
        accuracy = c.accuracy or e.accuracy
        if c.yardstick:
            return r.stop("timed", "a yardstick: it computes something else")
        if off > accuracy:
            return r.stop("wrong", f"off by {off:.2g}, may be off by {accuracy:.2g}")
        return r.stop("timed", "")

    def start(self, contestant: Contestant, *, shared: bool) -> Process:
        """The contestant's process: one of its own, or one that others may share."""
        threads = int(contestant.setting.get("threads", 1))
        process = self._shared.get((contestant.peer, threads)) if shared else None
        if process is None or not process.alive:
            process = Process(contestant.peer, self.plan.peers, threads)
        if shared:
            self._shared[contestant.peer, threads] = process
        return process

    def close(self) -> None:
        """End what still runs."""
        for process in self._shared.values():
            process.close()

    # -- times ---------------------------------------------------------------------------------

    def _time(self, timed: list[_Running]) -> None:
        """Calibrate each, then take samples in turn."""
        samples: dict[str, list[float]] = {}
        spent = {r.contestant.name: 0.0 for r in timed}
        for r in timed:
            self._calibrate(r)
        for k in range(self.plan.repetitions):
            for r in timed:
                name = r.contestant.name
                too_long = spent[name] > self.plan.budget and k >= 1
                if r.report["status"] != "timed" or too_long:
                    continue
                seconds = self._sample(r, r.inner)
                if seconds is not None:
                    spent[name] += seconds
                    samples.setdefault(name, []).append(seconds / r.inner)
        for r in timed:
            if r.contestant.name in samples:
                summary = _summary(samples[r.contestant.name])
                r.report["evaluation"] = {**summary, "inner": r.inner}

    def _calibrate(self, r: _Running) -> None:
        """Find how many evaluations a sample needs."""
        while r.report["status"] == "timed":
            seconds = self._sample(r, r.inner)
            if seconds is None or seconds >= self.plan.sample:
                return
            growth = min(100.0, 1.2 * self.plan.sample / max(seconds, 1e-9))
            r.inner = max(r.inner + 1, int(r.inner * growth))

    def _sample(self, r: _Running, count: int) -> float | None:
        try:
            return float(r.ask(self.plan.budget, do="time", count=count)["seconds"])
        except (Failed, OverBudget) as error:
            r.stop("over budget" if isinstance(error, OverBudget) else "failed", error)
            return None


def _status(error: str) -> str:
    """What to call a contestant that reports this error."""
    named = {"NoCompiler": "no C compiler", "NotImplementedError": "not there yet"}
    return next((status for name, status in named.items() if name in error), "failed")


def _summary(samples: list[float]) -> dict[str, Any]:
    return {
        "median": median(samples),
        "min": min(samples),
        "max": max(samples),
        "samples": samples,
    }


# -- bars ----------------------------------------------------------------------------------------


def judge(bar: Bar, result: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    """The bar as it was met: `measured` is None where something was not measured."""
    other = result
    if bar.elsewhere is not None:
        other = next((r for r in results if r["name"] == bar.elsewhere), {"contestants": []})
    mine = _metric(bar, result, bar.contestant)
    limit = 1.0 if bar.plus else bar.limit
    measured: float | None = None
    if bar.against is None:
        measured = median(mine) if mine else None
    else:
        theirs = _metric(bar, other, bar.against)
        if bar.plus:
            theirs = [bar.limit * x + bar.plus for x in theirs]
        if mine and theirs and other is result and len(mine) == len(theirs):
            measured = median(x / y for x, y in zip(mine, theirs, strict=True))
        elif mine and theirs:
            measured = median(mine) / median(theirs)
    return {
        "bar": str(bar),
        "metric": bar.metric,
        "limit": limit,
        "ratio": bar.against is not None,
        "measured": measured,
        "met": None if measured is None else measured <= limit,
    }


def _metric(bar: Bar, result: dict[str, Any], name: str) -> list[float]:
    """The samples of the bar's metric; none if it was not measured."""
    for report in result["contestants"]:
        if report["name"] != name or report["status"] != "timed":
            continue
        found = report.get("evaluation") if bar.metric == "evaluation" else None
        found = found or report["phases"].get(bar.metric)
        samples = found["samples"] if found else [report["facts"].get(bar.metric)]
        scale = report["facts"].get(bar.per) if bar.per else 1
        if scale and None not in samples:
            return [x / scale for x in samples]
    return []
