"""Float64 answers of the batch programs, each with how far rounding alone may move it.

`Rounded` carries a number and a first-order bound of its error, in units of the roundoff (a running
error analysis: N. Higham, Accuracy and Stability of Numerical Algorithms, 3.3). `Dual` carries
derivatives, forward. The batches subtract what is nearly equal (g has poles where c = d, the tails
of the normal distribution are 1 + erf(x)), so that no relative tolerance fits all of their points;
this one grows with the cancellation, and only there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import batch

ALLOWED = 8.0
"""How many times the bound an answer may be off: peers order their operations differently."""


class Rounded:
    """An array of numbers, and of bounds of their errors in units of the roundoff."""

    def __init__(self, value: Any, bound: Any = 0.0) -> None:
        self.value, self.bound = value, bound

    def __add__(self, other: Any) -> Rounded:
        other = _rounded(other)
        value = self.value + other.value
        return Rounded(value, self.bound + other.bound + abs(value))

    def __neg__(self) -> Rounded:
        return Rounded(-self.value, self.bound)

    def __mul__(self, other: Any) -> Rounded:
        other = _rounded(other)
        x, y = self.value, other.value
        return Rounded(x * y, abs(x) * other.bound + abs(y) * self.bound + abs(x * y))

    def inverse(self) -> Rounded:
        """1 / x."""
        value = 1.0 / self.value
        return Rounded(value, self.bound * value * value + abs(value))

    def map(self, f: Any, slope: Any) -> Rounded:
        """A function, whose derivative times the bound is its bound."""
        value = f(self.value)
        return Rounded(value, abs(slope) * self.bound + abs(value))


def _rounded(x: Any) -> Rounded:
    return x if isinstance(x, Rounded) else Rounded(x)


@dataclass(slots=True)
class Dual:
    """A number and its derivatives for the inputs."""

    value: Rounded
    tangents: Sequence[Rounded]

    def __add__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value + other, self.tangents)
        pairs = zip(self.tangents, other.tangents, strict=True)
        return Dual(self.value + other.value, [s + t for s, t in pairs])

    def __mul__(self, other: Any) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value * other, [t * other for t in self.tangents])
        pairs = zip(self.tangents, other.tangents, strict=True)
        x, y = self.value, other.value
        return Dual(x * y, [s * y + t * x for s, t in pairs])

    def __neg__(self) -> Dual:
        return self * -1.0

    def __sub__(self, other: Any) -> Dual:
        return self + -other

    def __truediv__(self, other: Any) -> Dual:
        return self * (other.inverse() if isinstance(other, Dual) else 1.0 / other)

    def __rtruediv__(self, other: float) -> Dual:
        return self.inverse() * other

    __radd__, __rmul__ = __add__, __mul__

    def inverse(self) -> Dual:
        """1 / x."""
        value = self.value.inverse()
        slope = -(value * value)
        return Dual(value, [t * slope for t in self.tangents])

    def map(self, f: Any) -> Dual:
        """A function of the value; its slope is a number computed from a rounded one, too."""
        x = self.value
        slope, bend = (derivative(x.value) for derivative in _DERIVATIVES[f])
        rounded = Rounded(slope, abs(bend) * x.bound + abs(slope))
        return Dual(x.map(f, slope), [t * rounded for t in self.tangents])


def _relu(x: Any) -> Any:
    return np.maximum(x, 0.0)


def _bell(x: Any) -> Any:
    return 2.0 / math.sqrt(math.pi) * np.exp(-x * x)


_erf = np.vectorize(math.erf, otypes=[float])
_DERIVATIVES: dict[Any, tuple[Any, Any]] = {
    np.sqrt: (lambda x: 0.5 / np.sqrt(x), lambda x: -0.25 / (x * np.sqrt(x))),
    np.exp: (np.exp, np.exp),
    np.log: (lambda x: 1.0 / x, lambda x: -1.0 / (x * x)),
    np.sin: (np.cos, lambda x: -np.sin(x)),
    np.tanh: (
        lambda x: 1.0 / np.cosh(x) ** 2,
        lambda x: -2.0 * np.tanh(x) / np.cosh(x) ** 2,
    ),
    _erf: (_bell, lambda x: -2.0 * x * _bell(x)),
    _relu: (lambda x: (x > 0) * 1.0, lambda x: 0.0),
}
"""The functions that programs use: first and second derivative."""


def _on_duals(f: Any) -> Any:
    return lambda x: x.map(f)


DUALS = SimpleNamespace(
    sqrt=_on_duals(np.sqrt),
    exp=_on_duals(np.exp),
    log=_on_duals(np.log),
    sin=_on_duals(np.sin),
    tanh=_on_duals(np.tanh),
    erf=_on_duals(_erf),
    relu=_on_duals(_relu),
)
"""The namespace that makes a program compute with `Dual`s."""


def columns(name: str, xs: Sequence[Any]) -> list[Rounded]:
    """The value and the partial derivatives of a program, at arrays of points."""
    one, zero = Rounded(1.0), Rounded(0.0)
    k = range(len(xs) if name not in batch.FUNCTIONS else 0)
    arguments = [Dual(Rounded(x), [one if i == j else zero for j in k]) for i, x in enumerate(xs)]
    found = batch.PROGRAMS[name](DUALS)(*arguments)
    shape = np.shape(found.value.value)
    return [
        Rounded(np.broadcast_to(c.value, shape), np.broadcast_to(c.bound, shape))
        for c in (found.value, *found.tangents)
    ]


@functools.cache
def reference(name: str, n: int, dtype: str, accuracy: float) -> tuple[list[float], list[float]]:
    """The digest of the right answer, and what an error of each of its numbers is relative to.

    That is the number itself, unless rounding may move it by more than `accuracy` of it.
    """
    xs = [x.astype(np.float64) for x in batch.inputs(name, n, dtype)]
    about = np.finfo(batch.DTYPES[dtype])
    unit, tiny = float(about.eps) / 2, float(about.tiny)
    numbers: list[float] = []
    scales: list[float] = []
    for column in columns(name, xs):
        numbers += batch.digest([column.value])
        off = ALLOWED * (unit * column.bound + tiny) / accuracy
        at = batch.chosen(n)
        scales += np.maximum(abs(column.value[at]), off[at]).tolist()
        scales.append(1.0)
    return numbers, scales
