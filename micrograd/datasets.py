"""The data sets of the demos: points in the plane and their classes, as NumPy arrays.

The same seed gives the same data; no global random generator is read or changed.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .checks import amount, whole
from .errors import DataError

MOST_SAMPLES = 2**31
"""More than fit into memory."""

Points: TypeAlias = npt.NDArray[np.float64]
Classes: TypeAlias = npt.NDArray[np.int64]


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
