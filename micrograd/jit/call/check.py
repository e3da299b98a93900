"""Results of compiled code and the interpreter's -> CheckError where they differ too much.

`checked_calls.py` asks, for `jit(..., check=True)`. The first call of a kernel's code, and then
one in every EVERY, is interpreted too (`bounds.py`), on the same arguments; numbers that rounding
cannot explain raise CheckError, with the statement that first goes wrong where it can be found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import CheckError
from ..ir.bounds import interpret_bounded
from ..ir.points import elements
from ..ir.program import Loop, Program, Role, Statement, accesses, asks, statements
from ..ir.rounding import Bounded
from ..schedule.counts import operations

Numbers = npt.NDArray[np.float64]
Trial = Callable[[Program, Sequence[Numbers]], Mapping[str, Numbers]]
"""Compiles a program like another one and runs it: its outputs, for these inputs."""

EVERY = 1000
"""The interpreter takes about as long as so many calls, so checking doubles their time."""
MOST_SECONDS = 5.0
"""A program that would be interpreted for longer, by an estimate, is not compared."""
MOST_TRIALS = 40
"""How many arrays are looked at, each in a program compiled anew, to find a statement."""
SHOWN = 60
"""Lines of a program that an error shows."""


def seconds_to_interpret(program: Program) -> float:
    """Roughly, for a few points."""
    total = 0.0
    for node in program.body:
        in_order = isinstance(node, Loop)
        for s in statements([node]):
            own = any(a.array == s.target.array for a in accesses(s.expr))
            steps = s.points if own or in_order else 1
            total += (1 + operations(s.expr)) * (2e-5 * steps + 1e-7 * s.points)
    return total


class Checker:
    """What is known about a kernel's code, and how often it was called.

    name      of the kernel, for errors
    stores    of its live parameters, in order
    returned  the output that `main` gives by value
    trial     how to find the statement that goes wrong
    """

    def __init__(
        self,
        name: str,
        program: Program,
        stores: Sequence[Any],
        dtype: np.dtype[Any],
        *,
        strict: bool,
        returned: str | None,
        trial: Trial | None,
    ) -> None:
        self.name = name
        self.program = program
        self.stores = stores
        self.dtype = dtype
        self.exact = strict and dtype == np.float64
        outputs = [a.name for a in program.with_role(Role.OUTPUT)]
        self.outputs = sorted(outputs, key=lambda n: n != returned)
        self.trial = trial
        # how often a loop runs may hang on one rounding
        self.compares = seconds_to_interpret(program) <= MOST_SECONDS and not asks(program.body)
        self._calls: dict[str, int] = {}

    def due(self, code: str) -> bool:
        """Whether this call of a code, `main` or arrays, is one to compare."""
        before = self._calls.get(code, 0)
        self._calls[code] = before + 1
        return self.compares and before % EVERY == 0

    def given(self, columns: Sequence[Numbers]) -> dict[str, Any]:
        """The arrays that the interpreter takes: f64[size, points] for each input, and stores."""
        names = [a.name for a in self.program.with_role(Role.INPUT)]
        stores = {f"p{k}": np.array(store._data) for k, store in enumerate(self.stores)}
        return stores | dict(zip(names, columns, strict=True))

    def compare(
        self,
        columns: Sequence[Numbers],
        found: Numbers,
        extents: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Raises CheckError unless results are those of the interpreter.

        columns   the numbers of each parameter, f64[size, points]
        found     the results in order, f64[results, points]
        extents   the run-time trip counts
        """
        points = found.shape[1]
        if points > 1 and any(a.is_index for a in self.program.with_role(Role.INPUT)):
            for k in range(points):  # which go through other entries
                self.compare([c[:, k : k + 1] for c in columns], found[:, k : k + 1], extents)
            return
        given = self.given(columns) | dict(extents)
        expected = interpret_bounded(self.program, given, self.dtype, points)
        start = 0
        for name in self.outputs:
            size = self.program.arrays[name].size
            wrong = np.argwhere(~self._agrees(found[start : start + size], expected[name]))
            if len(wrong):
                k, point = wrong[0].tolist()
                inputs = [np.ascontiguousarray(column[:, point]) for column in columns]
                numbers = float(found[start + k, point]), expected[name], (k, point)
                raise self._error(name, inputs, *numbers)
            start += size

    def _agrees(self, found: Numbers, expected: Bounded) -> npt.NDArray[np.bool_]:
        return same(found, expected.value) if self.exact else within(found, expected)

    def _error(
        self,
        output: str,
        inputs: Sequence[Numbers],
        found: float,
        expected: Bounded,
        at: tuple[int, int],
    ) -> CheckError:
        k, _ = at
        value, error = float(expected.value[at]), float(expected.error[at])
        statement = self._first_wrong(inputs) or _writer(self.program, output, {k})
        allowed = "strict results are equal" if self.exact else f"rounding explains {2 * error:.2g}"
        shown = "\n".join(f"  {_short(x)}" for x in inputs) or "  none"
        return CheckError(
            f"{self.name}: compiled code gives {found!r} as {output}[{k}], the interpreter "
            f"{value!r} ({allowed}).\n"
            "This is a fault of the compiler, and not of the program; please report it. "
            "strict=True may avoid it.\n"
            f"the statement that goes wrong first, as far as can be found:\n  {statement}\n"
            f"numbers of the arguments:\n{shown}\n"
            f"program:\n{_marked(self.program, statement)}",
            program=str(self.program),
            statement=str(statement),
            found=found,
            expected=value,
        )

    def _first_wrong(self, inputs: Sequence[Numbers]) -> Statement | None:
        """The first statement whose array is wrong in code that gives that array too.

        One array at a time: code that gives more arrays is other code, and may be right.
        """
        program, trial = self.program, self.trial
        if trial is None:
            return None
        temporaries = [
            name
            for name in dict.fromkeys(s.target.array for s in program.statements)
            if program.arrays[name].role is Role.TEMPORARY
        ]
        columns = [column[:, None] for column in inputs]
        for name in temporaries[:MOST_TRIALS]:
            shown = Program(dict(program.arrays), program.body)
            shown.arrays[name] = replace(shown.arrays[name], role=Role.OUTPUT)
            expected = interpret_bounded(shown, self.given(columns), self.dtype)
            try:
                found = trial(shown, inputs)
            except Exception:  # an error beside the one that is reported
                return None
            wrong = {
                array: np.flatnonzero(~self._agrees(found[array][:, None], expected[array])[:, 0])
                for array in found
            }
            written = np.concatenate(
                [elements(s.target, s.domain, program) for s in program.statements
                 if s.target.array == name]
            )  # fmt: skip
            of_this = set(wrong[name].tolist()) & set(written.tolist())
            if of_this and any(len(wrong[output]) for output in self.outputs):
                return _writer(program, name, of_this)
        return None


def within(found: Numbers, expected: Bounded) -> npt.NDArray[np.bool_]:
    """Whether numbers are as near as rounding allows; nan and infinities must be the same.

    Twice the bound: that of compiled code, and that of the interpreter, which rounds too.
    """
    value, error = expected.value, expected.error
    with np.errstate(all="ignore"):
        near = np.abs(found - value) <= 2.0 * error
    alike = (found == value) | (np.isnan(found) & np.isnan(value))
    return np.asarray(alike | near | ~np.isfinite(error))


def same(x: Numbers, y: Numbers) -> npt.NDArray[np.bool_]:
    """Whether numbers are equal, signs of zeros included; nan is nan."""
    alike = (x == y) & (np.signbit(x) == np.signbit(y))
    return np.asarray(alike | (np.isnan(x) & np.isnan(y)))


def _writer(program: Program, array: str, wrong: set[int]) -> Statement:
    """The last statement that writes one of these elements."""
    for s in reversed(program.statements):
        if s.target.array == array:
            written = elements(s.target, s.domain, program)
            if wrong & set(written.tolist()):
                return s
    return program.statements[-1]


def _marked(program: Program, statement: Statement) -> str:
    """The program as text, or the lines around the statement, which is marked."""
    head = str(replace(program, body=[])).splitlines()
    body = [("> " if s is statement else "  ") + str(s) for s in program.statements]
    at = next((k for k, s in enumerate(program.statements) if s is statement), 0)
    start = max(0, min(at - SHOWN // 2, len(body) - SHOWN))
    some = body[start : start + SHOWN]
    before = [f"  ... {start} statements"] * bool(start)
    left = len(body) - start - len(some)
    after = [f"  ... {left} statements"] * bool(left)
    if len(head) > SHOWN:
        head = [*head[:SHOWN], "..."]
    return "\n".join([*(f"  {line}" for line in head), *before, *some, *after])


def _short(x: Numbers) -> str:
    numbers = x.tolist()
    return repr(numbers) if len(numbers) <= 80 else f"{numbers[:80]!r} ... ({len(numbers)})"
