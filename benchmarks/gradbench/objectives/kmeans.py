"""kmeans: the squared distances of points to the nearest centroids, and Newton's step for these."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import jit, minimum

from . import Prepared


def nearest(centroids: Any, point: Any) -> Any:
    """How far a point is from the nearest centroid, squared."""
    least = None
    for centroid in centroids:
        far = sum((a - b) ** 2 for a, b in zip(point, centroid, strict=True))
        least = far if least is None else minimum(least, far)
    return least


def distances(centroids: np.ndarray, points: np.ndarray) -> Any:
    """Those of all points, summed."""
    return sum(nearest(centroids, point) for point in points)


_distances = jit(distances, wrt="centroids")


def arguments(given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The centroids and the points."""
    return np.array(given["centroids"]), np.array(given["points"])


def cost(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(_distances, *arguments(given)), float


def dir(given: dict[str, Any]) -> Prepared:
    """The gradient, divided by the diagonal of the Hessian, which has nothing beside it."""
    centroids, points = arguments(given)
    ones = np.ones(centroids.size)

    def run() -> np.ndarray:
        first = _distances.grad(centroids, points)
        return first / _distances.hvp(centroids, points, ones).reshape(first.shape)

    return run, np.asarray
