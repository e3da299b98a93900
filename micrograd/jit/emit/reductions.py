"""What a reduction makes of numbers, and of the lanes of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...ops import Op
from .builder import Builder
from .shuffles import shuffle, widen


@dataclass(frozen=True, slots=True)
class Reduction:
    """By an op that has an identity; none for statements that assign, which do not ask."""

    b: Builder
    op: Op | None

    def combined(self, x: Any, y: Any) -> Any:
        """Two partial results as one."""
        assert self.op is not None
        if self.op.reduces == "+":
            return self.b.add(x, y, reduction=True)
        return self.b.apply(self.op, [x, y])

    def tree(self, values: Sequence[Any]) -> Any:
        """Partial results as one, by pairs."""
        values = list(values)
        while len(values) > 1:
            pairs = [self.combined(values[k], values[k + 1]) for k in range(0, len(values) - 1, 2)]
            values = pairs + values[len(values) // 2 * 2 :]
        return values[0]

    def across(self, x: Any) -> Any:
        """The lanes of a vector reduced to one number."""
        b, op = self.b, self.op
        width = b.width(x)
        assert op is not None
        assert op.identity is not None
        if op.reduces == "+":
            return b.add_lanes(x)
        if width & (width - 1):
            width = 1 << width.bit_length()
            x = widen(b, x, width, op.identity)
        while width > 2:
            width //= 2
            low, high = (shuffle(b, x, x, range(k, k + width)) for k in (0, width))
            x = self.combined(low, high)
        return self.combined(b.extract(x, 0), b.extract(x, 1))

    def first(self, x: Any, n: int | None) -> Any:
        """The vector, of which no more than the first lanes count, if so many are said."""
        if n is None:
            return x
        b, op = self.b, self.op
        assert op is not None
        assert op.identity is not None
        width = b.width(x)
        nothing = b.splat(b.constant(op.identity), width)
        return shuffle(b, x, nothing, [k if k < n else width + k for k in range(width)])

    def into(self, partial: Any, x: Any) -> Any:
        """A number, or the lanes of a vector, and those of one that has some times as many: these
        first, so that what comes next waits for one operation with what is there.
        """
        b = self.b
        width = b.width(partial)
        if width == 1:
            return self.combined(partial, self.across(x))
        parts = [shuffle(b, x, x, range(k, k + width)) for k in range(0, b.width(x), width)]
        while len(parts) > 1:
            pairs = map(self.combined, parts[::2], parts[1::2])
            parts = [*pairs, *parts[len(parts) // 2 * 2 :]]
        return self.combined(partial, parts[0])
