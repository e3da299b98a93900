"""Random functions of numbers that look rows up by integers, or loop as often as these say,
exported for this machine and called in C: the bits of the kernels, and a code where Python raises.

    python -m tests.export.integers SECONDS SEED
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from micrograd import Value, fori, jit, tanh
from micrograd.errors import IndexRangeError
from micrograd.jit.export import passed as parameters

from ..lookup_programs import Lookups, Unfit
from . import trials
from .drivers import Call, bits
from .test_native import printed
from .test_parameters import of_header

TOGETHER = 8
"""Functions in a program of C."""
FAR = (10**6, -(10**6), 2**62, -(2**62), 2**63 - 1, -(2**63))
"""Integers of no row."""


def looped(r: random.Random) -> tuple[Any, Any]:
    """A function whose loop runs as often as an integer says, and what draws its arguments."""
    most, w = r.randint(1, 9), Value(r.uniform(-1.0, 1.0))

    def f(x: float, n: int) -> Any:
        return fori(n, lambda i, s: tanh(s * w + x), x, limit=most)

    return f, lambda: (r.uniform(-1.0, 1.0), r.randint(0, most))


def looking_up(seed: int, r: random.Random) -> tuple[Any, Any]:
    """A function that takes rows of tables, and what draws its arguments."""
    p = Lookups(seed)

    def f(x: list[float], i: int, tokens: list[int]) -> Any:
        return p(x, i, tokens)

    return f, lambda: p.arguments(r)


class Case:
    """A kernel of a seed, and calls of it, of which some raise."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        r = random.Random(seed)
        if r.random() < 0.25:
            function, draw = looped(r)
        else:
            function, draw = looking_up(seed, r)
        self.dtype, strict = r.choice(("f64", "f64", "f32")), r.random() < 0.3
        kernel = jit(function, dtype=self.dtype, strict=strict)
        kernel(*draw())
        how = r.choice(("", "value_and_grad", "jacobian"))
        self.kernel: Any = getattr(kernel, how) if how else kernel
        self.how = {"parameters": r.choice(("baked", "passed"))}
        self.points = [draw() for _ in range(2)]
        for _ in range(2):
            *first, last = draw()
            wrong = r.choice((*FAR, 3, -3, 8))
            if isinstance(last, list):
                last[r.randrange(len(last))] = wrong
            self.points.append((*first, wrong if isinstance(last, int) else last))
        self.results = [self._result(point) for point in self.points]
        self.raises = [isinstance(x, str) for x in self.results]
        executable = self.kernel._latest
        live = bool(executable.live_elements)
        self.folds = live and not strict and self.how["parameters"] == "baked"
        numbers = parameters.passed(executable, None).numbers
        self.live = [numbers] if self.how["parameters"] == "passed" and len(numbers) else []

    def _result(self, point: Any) -> Any:
        """What Python gives, or says."""
        try:
            (row,) = Call(self.kernel, [point], looks=True).expected()
        except IndexRangeError as error:
            return str(error)
        return row


def check(seeds: Sequence[int], folder: Path, tally: Counter[str]) -> None:
    """Export what is derived of the functions of these seeds, and call it in C. Raises
    AssertionError for other numbers, and where C and Python do not agree of integers.
    """
    calls, made, libraries, expected = [], [], [], []
    for seed in seeds:
        try:
            case = Case(seed)
        except Unfit:
            continue
        call = Call(case.kernel, case.points, case.live, case.how, looks=True)
        files = call.kernel.export(folder, name=f"f{len(calls)}", **case.how)
        libraries += [file for file in files if file.suffix == ".a"]
        size = len(next(x for x in case.results if isinstance(x, list)))
        expected += [[0.0] * size if isinstance(x, str) else x for x in case.results]
        calls.append(call)
        made.append(case)
        tally["functions"] += 1
        tally["refused"] += sum(case.raises)
    found = iter(printed(calls, libraries, folder, expected))
    for k, case in enumerate(made):
        said = of_header(folder / f"f{k}.h")
        for want in case.results:
            got = next(found)
            if isinstance(want, str):
                _check_code(case, got, want, said)
            elif case.folds:
                close = {"f64": 1e-9, "f32": 1e-3}[case.dtype]
                assert all(
                    abs(x - y) <= close * (1 + abs(y)) for x, y in zip(got, want, strict=True)
                )
            else:
                assert bits([got]) == bits([want]), f"seed {case.seed}: {got}, not {want}"


def _check_code(case: Case, got: Sequence[float], want: str, said: str) -> None:
    """That a call wrote nothing, and returned the code of the table that Python names."""
    code, *rest = got
    assert code, f"seed {case.seed}: Python says {want}"
    assert not any(rest)
    text = said.partition(f"{int(code)} if ")[2].partition("; ")[0]
    if "table of" in want:
        rows = want.partition("table of ")[2].partition(" rows")[0]
        assert f"for a table of {rows} rows" in text, f"seed {case.seed}: {text}, {want}"
    else:
        assert "how often a loop runs" in text, f"seed {case.seed}: {text}, {want}"


if __name__ == "__main__":
    trials.main(check, TOGETHER)
