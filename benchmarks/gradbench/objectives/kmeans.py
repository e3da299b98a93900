"""kmeans: the squared distances of points to the nearest centroids, and Newton's step for these."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from micrograd import Tensor, jit, minimum

from . import Prepared


def nearest(centroids: Any, point: Any) -> Any:
    """How far a point is from the nearest centroid, squared."""
    least = None
    for centroid in centroids:
        far = sum((a - b) * (a - b) for a, b in zip(point, centroid, strict=True))
        least = far if least is None else minimum(least, far)
    return least


def distances(centroids: np.ndarray, points: np.ndarray) -> Any:
    """Those of all points, summed."""
    return sum(nearest(centroids, point) for point in points)


@jit(dtype="f64")
def tensor_distances(centroids: Tensor, points: Tensor) -> Tensor:
    """The same of Tensors."""
    apart = centroids - points.reshape(points.shape[0], 1, points.shape[1])
    return (apart * apart).sum(2).min(1).sum()


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
    given_ = [centroids, points, np.ones(centroids.shape), np.zeros(points.shape)]
    tensors = [Tensor(x, dtype="f64") for x in given_]

    def run() -> Tensor:
        (first, _), (second, _) = tensor_distances.grad.jvp(*tensors)
        return first / second

    return run, np.asarray
