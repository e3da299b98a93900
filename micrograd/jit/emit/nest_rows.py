"""One statement of a nest -> its loops, with several iterations of one of them side by side.

Each addition of a sum in its order waits for the one before: sums beside it fill the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .nest_statement import NestStatement
from .operands import Piece
from .storage import Index


class NestRows(NestStatement):
    """Emits a statement whose course has rows: iterations of the last loop around."""

    def emit(self) -> None:
        """The whole: so many rows at a time, and then single ones."""
        b, course = self.b, self.course
        *outer, d = course.around
        assert course.lane is not None
        full, left = divmod(self.s.domain[d], course.rows)

        def point(at: Sequence[Index], _: list[Any]) -> list[Any]:
            def block(i: Any, _: list[Any]) -> list[Any]:
                first = b.integer_op("llvm.mul", i, b.integer(course.rows))
                self._rows(at, [(d, (k, first)) for k in range(course.rows)])
                return []

            b.repeat(full, block)
            for k in range(left):
                self._rows(at, [(d, (full * course.rows + k, None))])
            return []

        self._loops(outer, [d, course.lane, *course.inside], self.start, point)

    def _rows(self, at: Sequence[Index], rows: Sequence[tuple[int, Index]]) -> None:
        """Those rows, all along the loop that lies in lanes."""

        def beside(there: Sequence[Index], pieces: Sequence[Piece], _: list[Any]) -> list[Any]:
            return self._pieces(there, [replace(p, row=x) for x in rows for p in pieces], [])

        self._along(at, beside)
