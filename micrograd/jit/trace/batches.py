"""Batch: how many samples a call has, where one trace is for any number of them.

It stands in shapes in the place of the size of an axis, and goes through the shape rules. What is
the same for every number is computed: whether two axes have as many elements, products with
numbers and their quotients, and the number itself as a Tensor (`x.sum() / n`). What is the same for
all but some, as whether it is 5, is so, and those are noted: calls with as many samples go their
own way. All else raises SizeNeeded, and then there is a trace for every size.

It is no int, because Python takes the number of an int without asking it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NoReturn

from ...errors import TraceError, user_location
from ..ir.extents import Extent

NAME = "batch"
"""Of the extent in programs."""


class SizeNeeded(TraceError):
    """Something depends on the size of the batch, which a trace for any size does not know."""


class Batch:
    """`factor` times as many as there are samples.

    >>> n = Batch(None)
    >>> n == n, n * 6 // 3 == n * 2, n == 5, sorted(n.apart)
    (True, True, False, [5])
    >>> n // 2
    Traceback (most recent call last):
    ...
    micrograd.jit.trace.batches.SizeNeeded: ...: // of the size of a batch
    """

    __slots__ = ("apart", "factor", "scope")

    def __init__(self, scope: Any, factor: int = 1, apart: set[int] | None = None) -> None:
        self.scope = scope
        self.factor = factor
        self.apart: set[int] = set() if apart is None else apart
        """Numbers of samples for which what was asked is another way."""

    def __number__(self) -> Any:
        """The number as a Tensor of no axes."""
        return self.scope.samples(self)

    def __repr__(self) -> str:
        return NAME if self.factor == 1 else f"{self.factor}*{NAME}"

    def _times(self, factor: int) -> Any:
        return Batch(self.scope, factor, self.apart) if factor else 0

    def _is_other(self, other: int) -> bool:
        """Whether it is no such number: but of as many samples it would be."""
        if other >= 0 and other % self.factor == 0:
            self.apart.add(other // self.factor)
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Batch):
            if other.factor != self.factor:
                self.apart.add(0)
            return other.factor == self.factor
        return isinstance(other, (int, float)) and not self._is_other(int(other))

    def __bool__(self) -> bool:
        return self._is_other(0)

    def __lt__(self, other: Any) -> bool:
        if isinstance(other, int) and other <= 0:
            return False
        _needed("<")

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __gt__(self, other: Any) -> bool:
        if isinstance(other, int) and other <= 0:
            return other < 0 or self._is_other(0)
        _needed(">")

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int) and other >= 0:
            return self._times(self.factor * other)
        return self._on_number("*", other, lambda n: n * other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        by = _by(self, other)
        if not by or self.factor % by:
            _needed("//")
        if isinstance(other, Batch):
            self.apart.add(0)
            return self.factor // by
        return self._times(self.factor // by)

    def __mod__(self, other: Any) -> Any:
        by = _by(self, other)
        if not by or self.factor % by:
            _needed("%")
        if isinstance(other, Batch):
            self.apart.add(0)
        return 0

    def __add__(self, other: Any) -> Any:
        if isinstance(other, int) and other == 0:
            return self
        return self._on_number("+", other, lambda n: n + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, int) and other == 0:
            return self
        if isinstance(other, Batch) and other.factor == self.factor:
            return 0
        return self._on_number("-", other, lambda n: n - other)

    def __rsub__(self, other: Any) -> Any:
        return self._on_number("-", other, lambda n: other - n)

    def __truediv__(self, other: Any) -> Any:
        return self.__number__() / (other.__number__() if isinstance(other, Batch) else other)

    def __rtruediv__(self, other: Any) -> Any:
        return other / self.__number__()

    def __pow__(self, other: Any) -> Any:
        return self._on_number("**", other, lambda n: n**other)

    def _on_number(self, sign: str, other: Any, compute: Any) -> Any:
        """What is no size any more."""
        if isinstance(other, (int, Batch)):
            _needed(sign)
        return compute(self.__number__())

    # what takes a number of Python's

    def __index__(self) -> NoReturn:
        _needed("a number of Python's")

    __int__ = __float__ = __index__

    def __hash__(self) -> NoReturn:
        _needed("a hash")

    def __str__(self) -> NoReturn:
        _needed("a text")

    def __format__(self, spec: str) -> NoReturn:
        _needed("a text")


def _by(batch: Batch, other: Any) -> int:
    """The number by which factors are divided; 0 for what is none."""
    if isinstance(other, Batch):
        return other.factor
    return other if isinstance(other, int) and other > 0 else 0


def _needed(what: str) -> NoReturn:
    raise SizeNeeded(f"{user_location()}: {what} of the size of a batch")


def has_batch(shape: Sequence[Any]) -> bool:
    """Whether an axis is as long as the batch."""
    return any(n.__class__ is Batch for n in shape)


MOST = 1024
"""Samples that code for any number of them has room for, unless the first calls have more."""
WIDEST = 1 << 20
"""Elements up to which an array is so large that fewer samples have to do."""


def room_for(samples: int, rows: Sequence[Any]) -> int:
    """How many samples a batch has at most: passes look at every element of an array."""
    most = MOST
    for shape in _shapes(rows):
        axes = len([n for n in shape if n.__class__ is Batch])
        if axes:
            wide = max(1, prod(n if n.__class__ is int else n.factor for n in shape))
            most = min(most, int((WIDEST / wide) ** (1 / axes)))
    return max(2 * samples, most)


def _shapes(rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The shapes of rows, and of those of functions that they call."""
    seen = set()
    for r in rows:
        yield r.shape
        callee, samples = r.parameters.get("callee"), r.parameters.get("samples")
        if callee is not None and id(callee) not in seen:
            seen.add(id(callee))
            lead = () if samples is None else (samples,)
            for shape in _shapes(callee.rows):
                yield (*lead, *shape)


def with_extents(x: Any, extent: Extent) -> Any:
    """A shape, or parameters of a primitive, with the extent for the batch's size.

    Raises SizeNeeded for a multiple of it, over which no loop runs.
    """
    if isinstance(x, Batch):
        if x.factor != 1:
            raise SizeNeeded(f"an axis merged of the batch and {x.factor} elements")
        return extent
    if isinstance(x, tuple):
        return tuple([with_extents(y, extent) for y in x])
    if isinstance(x, dict):
        return {name: with_extents(y, extent) for name, y in x.items()}
    return x
