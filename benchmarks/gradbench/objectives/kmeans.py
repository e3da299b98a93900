"""kmeans: the squared distances of points to the nearest centroids, and Newton's step for these."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import jit, minimum, total

from . import Prepared


def nearest(centroids: np.ndarray, point: list[Any]) -> Any:
    """How far a point is from the nearest centroid, squared."""
    least = None
    for centroid in centroids:
        far = sum((a - b) ** 2 for a, b in zip(point, centroid, strict=True))
        least = far if least is None else minimum(least, far)
    return least


def distances(centroids: np.ndarray, points: np.ndarray) -> Any:
    """Those of all points, summed."""
    return total(nearest, points)(centroids)


def slopes(centroids: np.ndarray, points: np.ndarray) -> Any:
    """The gradient, and the Hessian times ones."""
    ones = [1.0] * centroids.size
    return total(lambda c, point: _newton(c, point, ones), points)(centroids)


_distances = jit(distances, wrt="centroids")
_newton = jit(nearest, wrt="centroids").grad.jvp
_slopes = jit(slopes)


def arguments(given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The centroids and the points."""
    return np.array(given["centroids"]), np.array(given["points"])


def cost(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_distances, *arguments(given)), float


def dir(given: dict[str, Any]) -> Prepared:
    """The gradient, divided by the diagonal of the Hessian, which has nothing beside it."""
    both = partial(_slopes, *arguments(given))

    def run() -> np.ndarray:
        first, second = both()
        return first / second

    return run, np.asarray
