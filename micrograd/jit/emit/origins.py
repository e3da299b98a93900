"""Which statements operations are made for: said by the lines of a file that does not exist.

Statements of a schedule are numbered in the order in which they stand. What is made for one of them
has its number, from 1 on, as its line; what is made for several together, as a loop's counter, has
a line behind those, which this knows; what is made for none, line 0. Lines go through MLIR and LLVM
down to the assembly, and no stage needs to know what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lowering.bindings import ir

from ..ir.program import Statement
from ..schedule.schedule import Schedule

FILE = "program"
"""The file's name."""


class Origins:
    """The lines of a schedule's statements.

    statements   in the order of their numbers
    """

    def __init__(self, schedule: Schedule) -> None:
        self.statements = schedule.statements
        self._numbers = {id(s): k for k, s in enumerate(self.statements)}
        self._sets: list[tuple[int, ...]] = [(k,) for k in range(len(self.statements))]
        self._lines = {some: line for line, some in enumerate(self._sets, 1)}

    def at(self, line: int) -> tuple[int, ...]:
        """The numbers of the statements, from 0 on, that a line stands for."""
        return self._sets[line - 1] if 0 < line <= len(self._sets) else ()

    def numbers(self, statements: Iterable[Statement]) -> tuple[int, ...]:
        """Their numbers, ascending; those that are none of the schedule's have none."""
        return tuple(sorted({k for s in statements if (k := self._numbers.get(id(s))) is not None}))

    @contextmanager
    def of(self, statements: Iterable[Statement]) -> Iterator[None]:
        """A block in which operations are made for these statements, as far as they are known."""
        some = self.numbers(statements)
        if not some:
            yield
            return
        line = self._lines.get(some)
        if line is None:
            self._sets.append(some)
            line = self._lines[some] = len(self._sets)
        with _line(line):
            yield

    @staticmethod
    @contextmanager
    def of_none() -> Iterator[None]:
        """A block in which operations are made for no statement."""
        with _line(0):
            yield


def _line(number: int) -> ir.Location:
    return ir.Location.file(FILE, number, 0)
