"""Data sets and their batches, as NumPy arrays: points in the plane, and images of digits.

The same seed gives the same data; no global random generator is read or changed. Nothing is
downloaded: what is not computed comes from an installed package or from files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import amount, flag, whole
from .errors import DataError, kind
from .images import Classes, digits, mnist

__all__ = [
    "Dataloader",
    "digits",
    "mnist",
    "moons",
    "train_validation_split",
    "yin_yang",
]


def __dir__() -> list[str]:
    return sorted(__all__)


MOST_SAMPLES = 2**31
"""More than fit into memory."""

Points: TypeAlias = npt.NDArray[np.float64]
Arrays: TypeAlias = tuple[npt.NDArray[Any], ...]


def moons(samples: int, noise: float = 0.1, seed: int = 1337) -> tuple[Points, Classes]:
    """Two interleaved half circles: f64[samples, 2], and classes -1 and 1, in random order.

    noise   the standard deviation of what is added to every coordinate

    The numbers are those of scikit-learn's `make_moons`, which takes a second to import; with the
    default seed they are those of micrograd's demo.
    """
    samples = whole("samples", samples, DataError, most=MOST_SAMPLES)
    noise = amount("noise", noise, DataError)
    rng = np.random.RandomState(whole("seed", seed, DataError, least=0, most=2**32 - 1))
    outer = np.linspace(0.0, np.pi, samples // 2)
    inner = np.linspace(0.0, np.pi, samples - samples // 2)
    x = np.concatenate([np.cos(outer), 1.0 - np.cos(inner)])
    y = np.concatenate([np.sin(outer), 1.0 - np.sin(inner) - 0.5])
    classes = np.where(np.arange(samples) < len(outer), -1, 1)
    order = np.arange(samples)
    rng.shuffle(order)
    points = np.stack([x, y], axis=1)[order]
    return points + rng.normal(scale=noise, size=points.shape), classes[order]


def yin_yang(samples: int, seed: int = 1337) -> tuple[Points, Classes]:
    """The yin-yang figure: f64[samples, 2] within a circle of radius 2 around the origin, and
    classes 0 (yin), 1 (yang) and 2 (the two dots), equally frequent on average.

    Source: Kriener, Goeltz and Petrovici 2021, The Yin-Yang dataset; there the circle has radius
    0.5, and its dots 0.1. Scaled to the origin as networks like it.

    >>> points, classes = yin_yang(300)
    >>> points.shape, sorted(set(classes.tolist()))
    ((300, 2), [0, 1, 2])
    """
    samples = whole("samples", samples, DataError, most=MOST_SAMPLES)
    rng = np.random.default_rng(whole("seed", seed, DataError, least=0))
    wanted = rng.integers(0, 3, samples)
    points = np.empty((samples, 2))
    missing = np.arange(samples)
    while len(missing):  # a fresh guess for every point that is not of its class yet
        points[missing] = rng.uniform(-2.0, 2.0, (len(missing), 2))
        missing = missing[_yin_yang_class(points[missing]) != wanted[missing]]
    return points, wanted


def _yin_yang_class(points: Points) -> Classes:
    """The class of every point; -1 outside of the figure."""
    x, y = points.T
    left, right = np.hypot(x + 1.0, y), np.hypot(x - 1.0, y)
    # yin is the upper half, without the half circle on the right, with that on the left
    yin = np.where(y > 0.0, right > 1.0, left <= 1.0)
    found = np.where(yin, 0, 1)
    found[(left < 0.4) | (right < 0.4)] = 2
    found[np.hypot(x, y) > 2.0] = -1
    return found


def _rows(arrays: tuple[Any, ...]) -> tuple[Arrays, int]:
    """The arrays, and how many rows each of them has."""
    try:
        found = tuple(np.asarray(x) for x in arrays)
    except (TypeError, ValueError) as error:
        raise DataError(f"arrays should be arrays of numbers: {error}") from error
    for x, given in zip(found, arrays, strict=True):
        if x.dtype.kind not in "biuf" or not x.ndim:
            raise DataError(f"arrays should be arrays of real numbers, got {kind(given)}")
    counts = [len(x) for x in found]
    if not counts or len(set(counts)) > 1 or not counts[0]:
        raise DataError(
            f"arrays should be one array or more, of equally many rows, got {counts or 'none'}"
        )
    return found, counts[0]


def train_validation_split(
    *arrays: Any, share: float = 0.2, seed: int | None = None
) -> tuple[Arrays, Arrays]:
    """The rows of arrays in two parts, (train_a, train_b, ...) and (validation_a, ...).

    arrays   each of [n, ...]: row k of one belongs to row k of the others
    share    how much of the rows is for validation: round(share * n) of them
    seed     of the random order; None takes the last rows, in order and without a copy

    Raises DataError if the arrays differ in their rows, or a part would be empty.

    >>> train_validation_split(np.arange(5), share=0.4)
    ((array([0, 1, 2]),), (array([3, 4]),))
    """
    found, rows = _rows(arrays)
    part = amount("share", share, DataError)
    kept = rows - round(min(part, 1.0) * rows)
    if not 0.0 < part < 1.0 or not 0 < kept < rows:
        raise DataError(
            f"share should be between 0 and 1, with rows for both parts, got {part} of {rows} rows"
        )
    if seed is None:
        return tuple(x[:kept] for x in found), tuple(x[kept:] for x in found)
    order = np.random.default_rng(whole("seed", seed, DataError, least=0)).permutation(rows)
    return tuple(x[order[:kept]] for x in found), tuple(x[order[kept:]] for x in found)


class Dataloader:
    """The rows of arrays in batches: iterating it gives tuples of arrays, each [batch_size, ...].

    arrays      each of [n, ...]: row k of one belongs to row k of the others
    shuffle     every iteration has an order of its own; a new loader of the same seed repeats them
    drop_last   leaves out the last batch if it is smaller

    Raises DataError if the arrays differ in their rows, or there would be no batch.

    >>> loader = Dataloader(np.arange(5), batch_size=2, shuffle=False)
    >>> len(loader), [x.tolist() for (x,) in loader]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.arrays, self.rows = _rows(arrays)
        self.batch_size = whole("batch_size", batch_size, DataError)
        self.shuffle = flag("shuffle", shuffle, DataError)
        self.drop_last = flag("drop_last", drop_last, DataError)
        self.seed = whole("seed", seed, DataError, least=0)
        self._iterations = 0
        if self.drop_last and self.batch_size > self.rows:
            raise DataError(
                f"batch_size should be at most the number of rows, {self.rows}, where drop_last "
                f"is set, got {self.batch_size}"
            )

    def __len__(self) -> int:
        """How many batches an iteration gives."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[Arrays]:
        """The batches; of arrays in order, they are views."""
        order = None
        if self.shuffle:
            order = np.random.default_rng([self.seed, self._iterations]).permutation(self.rows)
        self._iterations += 1
        return self._batches(order)

    def _batches(self, order: npt.NDArray[np.int64] | None) -> Iterator[Arrays]:
        for k in range(len(self)):
            rows = slice(k * self.batch_size, (k + 1) * self.batch_size)
            yield tuple(x[rows if order is None else order[rows]] for x in self.arrays)
