"""Numbers at some sizes -> functions of the sizes that they may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Sizes = tuple[int, ...]


@dataclass(frozen=True, order=True, slots=True)
class Form:
    """`start + sum(slopes * sizes)`, a whole number.

    >>> form_of([16, 15], [(8,), (7,)])
    Form(start=8, slopes=(1,))
    """

    start: int
    slopes: tuple[int, ...]

    def __call__(self, sizes: Sizes) -> int:
        return self.start + sum(a * n for a, n in zip(self.slopes, sizes, strict=True))

    def __add__(self, other: Form) -> Form:
        slopes = tuple(a + b for a, b in zip(self.slopes, other.slopes, strict=True))
        return Form(self.start + other.start, slopes)

    def __mul__(self, factor: int) -> Form:
        return Form(self.start * factor, tuple(a * factor for a in self.slopes))

    @property
    def is_constant(self) -> bool:
        """Whether it is the same at all sizes."""
        return not any(self.slopes)


def form_of(values: Sequence[int], sizes: Sequence[Sizes]) -> Form:
    """The form with these values; each of `sizes` but the first has one that is smaller by one."""
    slopes = [0] * len(sizes[0])
    for value, each in zip(values[1:], sizes[1:], strict=True):
        slopes[_smaller(each, sizes[0])] = values[0] - value
    return Form(values[0] - Form(0, tuple(slopes))(sizes[0]), tuple(slopes))


def _smaller(sizes: Sizes, most: Sizes) -> int:
    return next(k for k, (n, m) in enumerate(zip(sizes, most, strict=True)) if n != m)


Function = Callable[[float], float]
_KINDS: dict[str, tuple[Function, Function]] = {
    "n": (lambda x: x, lambda n: n),
    "1 / n": (lambda x: 1.0 / x, lambda n: 1.0 / n),
    "sqrt(n)": (lambda x: x * x, math.sqrt),
    "1 / sqrt(n)": (lambda x: 1.0 / (x * x), lambda n: 1.0 / math.sqrt(n)),
    "n ** -0.5": (lambda x: 1.0 / (x * x), lambda n: float(n**-0.5)),
    "n ** 0.5": (lambda x: x * x, lambda n: float(n**0.5)),
    "log(n)": (math.exp, math.log),
}
"""Functions of a whole number, behind their inverses."""


@dataclass(frozen=True, slots=True)
class Number:
    """`scale` times a function, of _KINDS, of a form of the sizes.

    >>> part = number_of([0.3 / 4, 0.3 / 3], [(4,), (3,)])
    >>> part.kind, part.scale, part((2,))
    ('1 / n', 0.3, 0.15)
    """

    kind: str
    form: Form
    scale: float = 1.0
    divided: bool = False

    def __call__(self, sizes: Sizes) -> float:
        try:
            if self.divided:
                return self.scale / self.form(sizes)
            return self.scale * _KINDS[self.kind][1](self.form(sizes))
        except (ValueError, ZeroDivisionError):
            return math.nan


def number_of(values: Sequence[float], sizes: Sequence[Sizes]) -> Number | None:
    """A function of the sizes that has these values, to the last bit; None if none is known.

    The plainest one is taken: multiples of functions come last, and of what is affine at the end.
    """
    plain = [(kind, scale) for kind in _KINDS for scale in (1.0, -1.0)]
    multiples = [
        (kind, scale)
        for kind in reversed(_KINDS)
        for scale in _scales(values[0], sizes[0], _KINDS[kind][1])
    ]
    for kind, scale in (*plain, *multiples):
        try:
            whole = [round(_KINDS[kind][0](v / scale)) for v in values]
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        form = form_of(whole, sizes)
        for divided in (False, True) if kind == "1 / n" else (False,):
            found = Number(kind, form, scale, divided)
            if [found(s).hex() for s in sizes] == [v.hex() for v in values]:
                return found
    return None


def _scales(value: float, sizes: Sizes, function: Function) -> list[float]:
    """What a multiple of the function of one of the sizes, or of all, would be multiplied by."""
    sums = {m + c for m in (*sizes, sum(sizes)) for c in (-1, 0, 1)}
    found: list[float] = []
    for n in sorted(sums):
        try:
            scale = value / function(float(n))
        except (ValueError, OverflowError, ZeroDivisionError):
            continue
        found += [scale, round(scale, 12)]
    return [scale for scale in found if scale and math.isfinite(scale)]
