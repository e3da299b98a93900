"""A function that looks up in plain Python, called as it is: its trace does the same, or an error.

What is recorded for `table[i]` and `max` is right by itself, but Python may tell by other ways what
a row or a number is, in code that nobody has read. So before such a trace is used, the function is
called with numbers, as if it were not compiled; its results and their gradients should be those of
the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite, isnan
from threading import get_ident
from typing import Any

import numpy as np

from ...copies import next_serial
from ...engine import Value
from ...errors import MicrogradError, TraceError, user_location
from ...tracing import ATTEMPTS, FROZEN, THREADS
from ..trace.eager_loops import Counts, counted
from ..trace.nodes import listed
from ..trace.parameters import array_names
from ..trace.recordings import Recording
from ..trace.signature import SCALAR, Structure, build, count, result_structure
from ..trace.source import FunctionSource
from ..trace.trace import Trace, without_collecting
from .plain_points import MOST_WORK, Point, cost, iterations_in, points, work
from .replayed import Replay, backward

SAME = 1e-9
"""By how much of their size two results may differ: functions of Python round otherwise."""
BESIDE = 1e-12
"""By how much of the largest one partials may."""
SMALL = 1e-14
"""By how much of the largest number that they are computed of results may."""

WRITE = "write micrograd.take(table, i) for table[i]"
Called = Callable[[Mapping[str, list[Any]]], list[Any]]
"""Calls a function with Values and integers, by the names of arrays, and gives what it returns."""


_OF_NUMBERS = ArithmeticError, ValueError, TypeError
"""What Python raises where a number is out of a function's domain; a root of -1 is complex."""


class Comparison:
    """A function, and its trace.

    integers   which arguments are such
    name       of the function, for errors
    wrt        beside those of the trace, leaves that have no partial in it; None: no others are
               looked at; (): all are
    outputs    of the trace, how many are the function's; None: all
    points     how many were compared
    cost       of one, at most
    """

    def __init__(
        self,
        found: Trace,
        call: Called,
        integers: Mapping[str, bool],
        name: str,
        wrt: Collection[Value] | None,
        outputs: int | None = None,
    ) -> None:
        self.found, self.call, self.integers, self.name = found, call, integers, name
        self.wrt, self.outputs = wrt, outputs
        self.points = self.cost = 0

    def at(self, point: Point, said: str, *, partials: bool = True) -> None:
        """Raise TraceError unless the function gives what its trace gives, and the same partials.

        said       where, in errors
        partials   whether these are compared
        """
        with without_collecting(), _as_if_not_compiled():
            self.points += self._at(point, said, partials)

    def _at(self, point: Point, said: str, partials: bool) -> bool:
        """The same; whether the function gives numbers there."""
        given = {
            k: list(x) if self.integers[k] else [Value(v) for v in x]
            for k, x in point.given.items()
        }
        begun = next_serial()
        numbers = {k: [float(v) for v in x] for k, x in point.given.items()}
        graph = self.found.graph

        def replayed(most: int | None) -> Replay:
            if work(graph, most) > MOST_WORK:
                raise too_long(self.name)
            return Replay(self.found, numbers, point.entries, self.outputs, most)

        counts = Counts(0)
        try:
            with counted(iterations_in(graph, MOST_WORK)) as counts:
                results = self.call(given)
        except Exception as error:
            if counts.left < 0:
                raise too_long(self.name) from None
            if isinstance(error, _OF_NUMBERS) and not all(map(isfinite, replayed(None).results)):
                return False  # as 1/0, which is an error in Python, and inf when it is compiled
            text = f"it raises {type(error).__name__}: {error}"
            raise self._differs(said, text) from error
        if counts.left < 0:  # where the function caught that
            raise too_long(self.name)
        replay = replayed(counts.most)
        self.cost = max(self.cost, cost(graph, counts.most))
        self._compare_numbers(results, replay, said, lambda: self.call(given))
        if not partials:
            return True
        first = min(self.found.inputs, default=begun)  # leaves made since then are of the trace
        elements = {v: at for v, at in self.found.elements.items() if v._serial < first}
        for name, some in given.items():
            elements |= {v: (name, k) for k, v in enumerate(some) if isinstance(v, Value)}
        found = replay.partials()
        known = {v: found.get(element, 0.0) for v, element in elements.items()}
        self._compare_partials(_partials(results, begun), known, said)
        return True

    def _compare_numbers(
        self, results: Sequence[Any], replay: Replay, said: str, again: Callable[[], Any]
    ) -> None:
        expected = replay.results
        if len(results) != len(expected):
            text = f"it gives {len(results)} numbers, and compiled {len(expected)}"
            raise self._differs(said, text)
        numbers = list(map(_number, results))
        for x, y in zip(numbers, expected, strict=True):
            if _are_near(x, y, SMALL * replay.largest):
                continue
            if not all(map(_same, numbers, map(_number, again()))):
                raise TraceError(
                    f"{user_location()}: {self.name} gives other numbers each time that it is "
                    "called, as it counts or draws; where it looks rows up by table[i], it is "
                    "called to compare it with what is compiled; count and draw outside of it, or "
                    f"{WRITE}"
                )
            raise self._differs(said, f"it gives {x!r}, and compiled {y!r}")

    def _compare_partials(
        self, partials: Mapping[Value, float], known: Mapping[Value, float], said: str
    ) -> None:
        largest = max((abs(x) for x in partials.values() if isfinite(x)), default=0.0)
        for v in dict.fromkeys([*known, *(v for v in partials if self._is_asked(v))]):
            x, y = partials.get(v, 0.0), known.get(v, 0.0)
            if not _are_near(x, y, BESIDE * largest):
                raise self._differs(said, f"its gradient has {x!r}, and compiled {y!r}")

    def _is_asked(self, leaf: Value) -> bool:
        return self.wrt is not None and (not self.wrt or leaf in self.wrt)

    def _differs(self, said: str, text: str) -> TraceError:
        return TraceError(
            f"{user_location()}: {self.name}{said and f', {said},'} is not what is compiled: "
            f"{text}. It depends on something else than the number of an integer, or of what is "
            "looked up by it, as on which row that is, its type or its text, or on what changes "
            f"from call to call; {WRITE}"
        )


def too_long(name: str) -> TraceError:
    """The error for a function that cannot be compared."""
    return TraceError(
        f"{user_location()}: {name} looks rows up by table[i], and is called before that is "
        f"compiled, to see that it is right; but it takes more than {MOST_WORK} operations, "
        f"which is too long; {WRITE}"
    )


def _partials(results: Sequence[Any], begun: int) -> dict[Value, float]:
    """The partials of a weighted sum of results, by the leaves, which keep their own; those made
    since then have none.
    """
    values = [v for v in results if isinstance(v, Value)]
    leaves = listed(values).leaves if values else []
    before = [v.grad for v in leaves]
    try:
        for v in leaves:
            v.grad = 0
        backward(results)
        return {v: float(v.grad) for v in leaves if v._serial < begun}
    finally:
        for v, grad in zip(leaves, before, strict=True):
            v.grad = grad


def _number(x: Any) -> float:
    return float(x.data if isinstance(x, Value) else x)


def _are_near(x: float, y: float, beside: float) -> bool:
    return _same(x, y) or abs(x - y) <= max(SAME * max(abs(x), abs(y)), beside)


def _same(x: float, y: float) -> bool:
    return x == y or (isnan(x) and isnan(y))


@contextmanager
def _as_if_not_compiled() -> Iterator[None]:
    """Inside, this thread compiles nothing."""
    thread = get_ident()
    every: Any = THREADS, FROZEN, ATTEMPTS
    before = [threads.pop(thread, None) for threads in every]
    try:
        yield
    finally:
        for threads, mine in zip(every, before, strict=True):
            if mine is not None:
                threads[thread] = mine


def check_recording(
    source: FunctionSource,
    made: Recording,
    structures: Sequence[Structure],
    near: Sequence[Any],
) -> None:
    """Compare a function with what was recorded of it for arguments of these structures.

    near   what it is called with first, if that is known

    Raises TraceError if they differ, and where that cannot be known.
    """
    name, arrays = source.name, array_names(source.parameters)
    if made.captured and get_ident() in ATTEMPTS:
        return  # the function around is compared, which calls this one
    if made.captured:
        raise TraceError(
            f"{user_location()}: {name} looks rows up by table[i], and reads values of the "
            "function around it, which is compiled: so it cannot be called by itself, to see that "
            f"this is right; {WRITE}"
        )
    if work(made.trace.graph, 1) > MOST_WORK:
        raise too_long(name)
    by_array = {arrays[p.name]: s for p, s in zip(source.parameters, structures, strict=True)}
    integers = {arrays[p.name]: p.integer for p in source.parameters}

    def call(given: Mapping[str, list[Any]]) -> list[Any]:
        results: list[Any] = []
        arguments = [build(s, iter(given[array]), exact=True) for array, s in by_array.items()]
        for k, (array, x) in enumerate(zip(by_array, arguments, strict=True)):
            if integers[array] and isinstance(x, np.ndarray):
                arguments[k] = x.astype(np.int64)
        result_structure(source.taken.call(source.function, arguments), results.append, name)
        return results

    sizes = {array: count(s) for array, s in by_array.items()}
    first = _first_numbers(near, by_array)
    said = {arrays[p.name]: p.name for p in source.parameters}
    check = Comparison(made.trace, call, integers, name, None if source.freeze else ())
    for at in points(made.trace, sizes, integers, first, lambda: check.cost):
        whole = [f"{said[k]} = {_shown(x)}" for k, x in at.given.items() if integers[k]]
        check.at(at, f"called with {', '.join(whole)}" if whole else "")
    if not check.points:
        raise TraceError(
            f"{user_location()}: {name} looks rows up by table[i], and no integers were found for "
            f"which there are rows, to see that this is right; {WRITE}"
        )


def _first_numbers(
    near: Sequence[Any], structures: Mapping[str, Structure]
) -> dict[str, list[float]] | None:
    """The numbers of the arguments of a call, of arrays the first; None if there are none."""
    if len(near) != len(structures):
        return None
    found = {}
    for x, (array, s) in zip(near, structures.items(), strict=True):
        column = [x] if s is SCALAR else list(x)
        if isinstance(x, np.ndarray) and s is not SCALAR:
            column = list(x.reshape(-1, x.shape[-1])[0]) if x.size else []
        numbers = [v.reshape(-1)[0] if np.size(v) and np.ndim(v) else v for v in column]
        try:
            found[array] = [float(v) for v in numbers]
        except (TypeError, ValueError, MicrogradError):
            return None
        if len(found[array]) != count(s) or not all(map(isfinite, found[array])):
            return None
    return found


def _shown(numbers: Sequence[Any]) -> str:
    return str(numbers[0] if len(numbers) == 1 else list(numbers))
