"""What is measured: an experiment is one workload at one setting, and who computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who: a name for the table, a peer (a module of `peers`), and a key of its CONTESTANTS.

    setting    is added to the experiment's, over the wire
    accuracy   of its answer, relative, if not the experiment's
    yardstick  it computes something else, for comparison; its answer is not checked
    """

    name: str
    peer: str
    key: str
    setting: dict[str, Any] = field(default_factory=dict)
    accuracy: float | None = None
    yardstick: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """What must be reached: a metric of a contestant is at most `limit`, or `limit` x another's.

    metric     'evaluation' (seconds), the name of a phase (seconds) or of a fact
    against    another contestant of the experiment; or, with `elsewhere`, of that experiment of the
               same case
    per        divide both by this fact (seconds per node)
    plus       seconds that are added to `limit` x another's; what is measured is the part of both
    """

    metric: str
    limit: float
    contestant: str
    against: str | None = None
    elsewhere: str | None = None
    per: str | None = None
    plus: float = 0.0

    def __str__(self) -> str:
        per = f" per {self.per.rstrip('s')}" if self.per else ""
        if self.against is None:
            seconds = "" if self.metric == "statements" else " s"
            limit = f"{self.limit:g}{seconds}"
            if seconds and self.limit < 1e-3:
                limit = f"{self.limit * 1e6:g} us" if self.limit >= 1e-6 else ns(self.limit)
            elif seconds and self.limit < 0.1:
                limit = f"{self.limit * 1e3:g} ms"
        else:
            where = f" at {self.elsewhere}" if self.elsewhere else ""
            limit = f"{self.limit:g} x {self.against}{where}"
            if self.plus:
                limit += f" + {self.plus * 1e6:g} us"
        return f"{self.metric}{per}, {self.contestant}: at most {limit}"


def ns(seconds: float) -> str:
    """Nanoseconds, for people."""
    return f"{seconds * 1e9:.3g} ns"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One workload at one setting; all contestants compute the same numbers.

    what        what one evaluation is
    reference   gives the answer, in float64
    accuracy    how far an answer may be off: relative, to each number and to the largest
    scales      what it is relative to instead, number by number
    table, row  the table of the report that shows it in a row, with others; such experiments share
                their contestants' processes
    """

    case: str
    name: str
    what: str
    dtype: str
    reference: Callable[[], list[float]]
    contestants: tuple[Contestant, ...]
    setting: Callable[[], dict[str, Any]] = dict
    accuracy: float = 1e-9
    bars: tuple[Bar, ...] = ()
    scales: Callable[[], list[float]] | None = None
    table: str = ""
    row: str = ""


F32 = 2e-4
"""The accuracy asked of an answer computed in float32."""


def both_collectors(
    key: str, name: str = "PyPI micrograd", peer: str = "micrograd"
) -> tuple[Contestant, ...]:
    """An interpreter twice: Python's cyclic garbage collector is most of micrograd's time."""
    return tuple(
        Contestant(f"{name}, gc {said}", peer, key, {"gc": on})
        for said, on in (("on", True), ("off", False))
    )


def worst_error(
    answer: Iterable[float], reference: list[float], scales: list[float] | None = None
) -> float:
    """The largest difference, relative to the number or to a thousandth of the largest.

    scales   what each is relative to, if not that

    nan and answers of another length are infinitely wrong.

    >>> worst_error([1.0, 2.0], [1.0, 2.5])
    0.2
    >>> worst_error([1.0], [1.0, 2.0])
    inf
    """
    got = list(answer)
    if len(got) != len(reference):
        return float("inf")
    # the value and its derivatives may differ by orders of magnitude: each has its own scale
    floor = 1e-3 * max((abs(x) for x in reference[1:]), default=0.0)
    worst = 0.0
    for k, (x, y) in enumerate(zip(got, reference, strict=True)):
        scale = scales[k] if scales else max(abs(y), floor if k else 0.0)
        error = 0.0 if x == y else abs(x - y) / scale if scale else float("inf")
        if not error <= worst:
            worst = error if error == error else float("inf")
    return worst
