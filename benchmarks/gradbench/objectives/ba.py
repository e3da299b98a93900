"""ba: bundle adjustment; how far observations are off, and the sparse Jacobian of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from micrograd import cos, jit, sin, sqrt

from . import Prepared

CAMERA, POINT = 11, 3
ROW = CAMERA + POINT + 1
"""Partials of a number of an observation: by its camera, its point and its weight."""


def cross(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """The cross product."""
    x, y, z = a
    return [y * b[2] - z * b[1], z * b[0] - x * b[2], x * b[1] - y * b[0]]


def rotated(rotation: Sequence[Any], point: Sequence[Any]) -> list[Any]:
    """A point turned: `rotation` is along the axis, and as long as the angle."""
    angle = sqrt(sum(v * v for v in rotation))
    axis = [v / angle for v in rotation]
    c, s = cos(angle), sin(angle)
    along = sum(a * b for a, b in zip(axis, point, strict=True)) * (1.0 - c)
    aside = cross(axis, point)
    return [p * c + q * s + a * along for p, q, a in zip(point, aside, axis, strict=True)]


def projected(camera: Sequence[Any], point: Sequence[Any]) -> tuple[Any, Any]:
    """Where a camera sees a point."""
    place, (length, u0, v0, k1, k2) = camera[3:6], camera[6:]
    x, y, z = rotated(camera[:3], [a - b for a, b in zip(point, place, strict=True)])
    u, v = x / z, y / z
    r = u * u + v * v
    stretched = 1.0 + k1 * r + k2 * r * r
    return u * stretched * length + u0, v * stretched * length + v0


def error(
    r1: Any, r2: Any, r3: Any, c1: Any, c2: Any, c3: Any, length: Any, u0: Any, v0: Any, k1: Any,
    k2: Any, x: Any, y: Any, z: Any, weight: Any, seen_u: Any, seen_v: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """How far off an observation is, weighted."""
    u, v = projected((r1, r2, r3, c1, c2, c3, length, u0, v0, k1, k2), (x, y, z))
    return weight * (u - seen_u), weight * (v - seen_v)


def weight_error(weight: Any) -> Any:
    """What a weight costs."""
    return 1.0 - weight * weight


BY = str.split("r1 r2 r3 c1 c2 c3 length u0 v0 k1 k2 x y z weight")
_error, _weight_error = jit(error, wrt=BY), jit(weight_error)


class Observations:
    """What observations there are: of n cameras and m points, the same ones again and again."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.n, self.m, self.p = (given[k] for k in "nmp")
        self.cameras = np.tile(np.array(given["cam"])[:, None], self.n)
        self.points = np.tile(np.array(given["x"])[:, None], self.m)
        self.weights = np.full(self.p, float(given["w"]))
        self.seen = np.tile(np.array(given["feat"])[:, None], self.p)
        self.camera = np.arange(self.p) % self.n
        self.point = np.arange(self.p) % self.m

    def columns(self) -> list[np.ndarray]:
        """The arguments of `error` for every observation, each looked up by its numbers."""
        cameras = [row.take(self.camera) for row in self.cameras]
        points = [row.take(self.point) for row in self.points]
        return [*cameras, *points, self.weights, *self.seen]


def objective(given: dict[str, Any]) -> Prepared:
    """The errors of all observations and weights."""
    all_ = Observations(given)

    def run() -> Any:
        return _error(*all_.columns()), _weight_error(all_.weights)

    def answer(result: Any) -> Any:
        (u, v), w = result
        return {
            "reproj_error": {"elements": [u[0], v[0]], "repeated": all_.p},
            "w_err": {"element": w[0], "repeated": all_.p},
        }

    return run, answer


def jacobian(given: dict[str, Any]) -> Prepared:
    """The partials that are not zero by structure. Where they stand is known before."""
    all_ = Observations(given)

    def run() -> Any:
        return _error.jacobian(*all_.columns()), _weight_error.grad(all_.weights)

    def answer(result: Any) -> Any:
        rows, by_weight = result
        weights = CAMERA * all_.n + POINT * all_.m
        first = [*range(CAMERA), *(CAMERA * all_.n + k for k in range(POINT)), weights]
        return {
            "rows": [*range(0, 2 * ROW * ROW, ROW), (2 * ROW + 1) * all_.p],
            "cols": [*first, *first, weights + all_.p - 1],
            "vals": [*(partial[0] for row in rows for partial in row), by_weight[-1]],
        }

    return run, answer
