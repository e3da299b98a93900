"""ht: a hand of 22 bones, posed by 26 numbers; how far its skin is from measured points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from micrograd import cos, jit, sin, sqrt

from . import Prepared

FINGERS, JOINTS = 5, 4
"""Fingers, and bones of each, of which the last does not bend."""

Matrix = Sequence[Sequence[Any]]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The sum of the products."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def product(a: Matrix, b: Matrix) -> list[list[Any]]:
    """Of two matrices."""
    columns = list(zip(*b, strict=True))
    return [[dot(row, column) for column in columns] for row in a]


def turned(x: Any, z: Any) -> list[list[Any]]:
    """The turn of a bone around x, then z: no finger turns around y."""
    about_x = [[1.0, 0.0, 0.0], [0.0, cos(x), -sin(x)], [0.0, sin(x), cos(x)]]
    about_z = [[cos(z), -sin(z), 0.0], [sin(z), cos(z), 0.0], [0.0, 0.0, 1.0]]
    return [[*row, 0.0] for row in product(about_z, about_x)] + [[0.0, 0.0, 0.0, 1.0]]


def turned_about(axis: Sequence[Any]) -> list[list[Any]]:
    """The turn around an axis, by an angle that is its length."""
    angle = sqrt(sum(v * v for v in axis))
    x, y, z = (v / angle for v in axis)
    s, c = sin(angle), cos(angle)
    d = 1.0 - c
    return [
        [x * x + (1.0 - x * x) * c, x * y * d - z * s, x * z * d + y * s],
        [x * y * d + z * s, y * y + (1.0 - y * y) * c, y * z * d - x * s],
        [x * z * d - y * s, z * y * d + x * s, z * z + (1.0 - z * z) * c],
    ]


def bends(theta: Sequence[Any], bones: int) -> list[tuple[Any, Any]]:
    """By what every bone is turned: of a finger the second two ways, those behind it one way."""
    found: list[tuple[Any, Any]] = [(0.0, 0.0)] * bones
    for finger in range(FINGERS):
        bone, at = JOINTS * finger + 2, JOINTS * finger + 6
        found[bone] = theta[at], theta[at + 1]
        found[bone + 1], found[bone + 2] = (theta[at + 2], 0.0), (theta[at + 3], 0.0)
    return found


class Hand:
    """A model of a hand, and what was measured; the points of its skin as functions of its pose."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.model = data["model"]
        self.points, self.nearest = data["points"], data["correspondences"]

    def bones(self, theta: Sequence[Any]) -> list[Matrix]:
        """Where each bone takes what is around it, each moved with its parent."""
        placed: list[Matrix] = []
        turns = bends(theta, len(self.model["parents"]))
        parts = zip(self.model["base_relatives"], self.model["parents"], turns, strict=True)
        for relative, parent, turn in parts:
            own = product(relative, turned(*turn))
            placed.append(own if parent == -1 else product(placed[parent], own))
        rest = self.model["inverse_base_absolutes"]
        return [product(a, b)[:3] for a, b in zip(placed, rest, strict=True)]

    def vertex(self, v: int, bones: list[Matrix], turn: Matrix, shift: Sequence[Any]) -> list[Any]:
        """Where a point of the skin is: where its bones take it, weighted; then the whole hand."""
        weights, base = self.model["weights"][v], self.model["base_positions"][v]
        pulls = [(w, bone) for w, bone in zip(weights, bones, strict=True) if w]
        at = [sum(w * dot(bone[k], base) for w, bone in pulls) for k in range(3)]
        if self.model["is_mirrored"]:
            at[0] = -at[0]
        return [dot(row, at) + s for row, s in zip(turn, shift, strict=True)]

    def errors(self, theta: Sequence[Any], us: Sequence[Any]) -> list[Any]:
        """How far each measured point is from its vertex; with `us`, from that point of its
        triangle.
        """
        bones, turn, shift = self.bones(theta), turned_about(theta[:3]), theta[3:6]
        found: list[Any] = []
        for k, (point, near) in enumerate(zip(self.points, self.nearest, strict=True)):
            if len(us):
                u, v = us[2 * k], us[2 * k + 1]
                corners = self.model["triangles"][near]
                a, b, c = (self.vertex(corner, bones, turn, shift) for corner in corners)
                at = [u * x + v * y + (1.0 - u - v) * z for x, y, z in zip(a, b, c, strict=True)]
            else:
                at = self.vertex(near, bones, turn, shift)
            found += [p - x for p, x in zip(point, at, strict=True)]
        return found


def compiled(given: dict[str, Any]) -> tuple[Any, np.ndarray, np.ndarray]:
    """The errors, compiled for a hand, and where they are asked for."""
    hand = Hand(given["data"])

    def errors(theta: np.ndarray, us: np.ndarray) -> np.ndarray:
        return np.array(hand.errors(theta, us))

    return errors, np.array(given["theta"]), np.ravel(given.get("us") or [])


def objective(given: dict[str, Any]) -> Prepared:
    """The errors."""
    errors, theta, us = compiled(given)
    return partial(jit(errors), theta, us), np.asarray


def jacobian(given: dict[str, Any]) -> Prepared:
    """The partials by the pose; before them those by each point's own two numbers of `us`.

    A point's error depends on its own alone, so one direction is the partials by all first ones.
    """
    errors, theta, us = compiled(given)
    by_theta, by_us = jit(errors, wrt="theta").jacobian, jit(errors, wrt="us").jvp
    directions = [np.tile(along, len(us) // 2) for along in ([1.0, 0.0], [0.0, 1.0])]

    def run() -> Any:
        own = [by_us(theta, us, along)[1] for along in directions if len(us)]
        return by_theta(theta, us), own

    def answer(result: Any) -> Any:
        shared, own = result
        return [[*pair, *row] for *pair, row in zip(*own, shared, strict=True)]

    return run, answer
