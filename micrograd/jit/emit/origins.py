"""Which statements operations are made for, and how often they run: said by lines and columns of a
file that does not exist.

Statements of a schedule are numbered in the order in which they stand. What is made for one of them
has its number, from 1 on, as its line; what is made for several together, as a loop's counter, has
a line behind those, which this knows; what is made for none, line 0. Columns stand for how often
operations run in a call, as far as loops say it; column 0: that is known only then. Both go through
MLIR and LLVM down to the assembly, and no stage needs to know what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lowering.bindings import ir

from ..ir.program import Statement
from ..schedule.schedule import Schedule

FILE = "program"
"""The file's name."""
MOST_COLUMNS = 60_000
"""What debug metadata can say."""


class Origins:
    """The lines of a schedule's statements, and the columns of how often something runs.

    statements   in the order of their numbers
    """

    def __init__(self, schedule: Schedule) -> None:
        self.statements = schedule.statements
        self._numbers: dict[int, tuple[int, ...]] = {
            id(s): (k,) for k, s in enumerate(self.statements)
        }
        self._sets: list[tuple[int, ...]] = [(k,) for k in range(len(self.statements))]
        self._lines = {some: line for line, some in enumerate(self._sets, 1)}
        self._columns: dict[int | None, int] = {None: 0}
        self._now: tuple[int, int | None] = 0, 1  # the line, and how often

    def at(self, line: int) -> tuple[int, ...]:
        """The numbers of the statements, from 0 on, that a line stands for."""
        return self._sets[line - 1] if 0 < line <= len(self._sets) else ()

    def often(self, column: int) -> int | None:
        """How often in a call what has a column runs; None: that is known only then."""
        return {c: times for times, c in self._columns.items()}.get(column)

    def numbers(self, statements: Iterable[Statement]) -> tuple[int, ...]:
        """Their numbers, ascending; those that are none of the schedule's have none."""
        return tuple(sorted({k for s in statements for k in self._numbers.get(id(s), ())}))

    def share(self, alike: Iterable[Sequence[Statement]]) -> None:
        """Let statements of loops that are one function, each at its place, stand together."""
        for same in zip(*alike, strict=True):
            together = self.numbers(same)
            self._numbers |= {id(s): together for s in same}

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
        with self._set(line, self._now[1]):
            yield

    @contextmanager
    def of_none(self) -> Iterator[None]:
        """A block in which operations are made for no statement, once in a call."""
        with self._set(0, 1):
            yield

    @contextmanager
    def repeated(self, times: int | None) -> Iterator[None]:
        """A block in which operations are made that run so often each time; None: that is known
        only then.
        """
        line, often = self._now
        with self._set(line, None if times is None or often is None else often * times):
            yield

    @contextmanager
    def _set(self, line: int, often: int | None) -> Iterator[None]:
        before, self._now = self._now, (line, often)
        column = self._columns.get(often)
        if column is None:
            many = len(self._columns) > MOST_COLUMNS
            column = 0 if many else self._columns.setdefault(often, len(self._columns))
        try:
            with ir.Location.file(FILE, line, column):
                yield
        finally:
            self._now = before
