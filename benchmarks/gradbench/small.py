"""Tiny inputs of our own for every eval, and the answers by eager Values: no suite needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from micrograd import Value

from .objectives import ba, det, gmm, ht, kmeans, llsq, lse, lstm, ode, particle, saddle
from .objectives.descent import argmin_of_numbers
from .tool import plain


def inputs() -> dict[str, Any]:
    """An input for each eval, as the suite sends it."""
    random = np.random.default_rng(42)

    def drawn(*shape: int) -> Any:
        return random.uniform(0.1, 1.0, shape).tolist()

    points = drawn(30, 3)
    return {
        "hello": 3.0,
        "llsq": {"x": drawn(8), "n": 16},
        "lse": {"x": drawn(70)},
        "det": {"A": drawn(16), "ell": 4},
        "ode": {"x": drawn(12), "s": 3},
        "gmm": {
            "d": 2,
            "k": 3,
            "n": 8,
            "m": 1,
            "gamma": 0.7,
            "alpha": drawn(3),
            "mu": drawn(3, 2),
            "q": drawn(3, 2),
            "l": drawn(3, 1),
            "x": drawn(8, 2),
        },
        "ba": {
            "n": 2,
            "m": 3,
            "p": 5,
            "cam": drawn(11),
            "x": [0.3, 0.2, 4.0],
            "w": 0.5,
            "feat": drawn(2),
        },
        "lstm": {
            "main_params": drawn(4, 12),
            "extra_params": drawn(3, 3),
            "state": drawn(4, 3),
            "sequence": drawn(6, 3),
        },
        "ht": _hand(random),
        "kmeans": {"points": points, "centroids": points[-4:]},
        "particle": {"w": 0.0},
        "saddle": {"start": [1.0, 1.0]},
    }


def _hand(random: np.random.Generator) -> dict[str, Any]:
    """A hand of 22 bones and a triangle of skin, on which two points were measured."""
    weights = np.zeros((3, 22))
    weights[[0, 1, 2, 2], [3, 8, 8, 17]] = 1.0, 1.0, 0.25, 0.75
    parents = [-1, *(bone if bone % 4 else 0 for bone in range(20)), 0]

    def moves() -> Any:
        return (np.eye(4) + random.uniform(-0.1, 0.1, (22, 4, 4))).tolist()

    model = {
        "parents": parents,
        "base_relatives": moves(),
        "inverse_base_absolutes": moves(),
        "base_positions": np.hstack([random.random((3, 3)), np.ones((3, 1))]).tolist(),
        "weights": weights.tolist(),
        "triangles": [[0, 1, 2]],
        "is_mirrored": False,
    }
    points = random.random((2, 3)).tolist()
    data = {"model": model, "correspondences": [0, 0], "points": points}
    us = random.uniform(0.1, 0.4, (2, 2)).tolist()
    return {"theta": random.uniform(0.1, 0.5, 26).tolist(), "us": us, "data": data}


def by_values(function: Callable[..., Any], arguments: Sequence[Any], wrt: int) -> list[Any]:
    """The partials of a result by the first `wrt` arguments, as `backward` has them, in a row."""
    given, leaves = [plain(a) for a in arguments], list[Value]()
    for k in range(wrt):
        given[k] = _leaves(given[k], leaves)
    function(*given).backward()
    return [leaf.grad for leaf in leaves]


def _leaves(x: Any, made: list[Value]) -> Any:
    if isinstance(x, list):
        return [_leaves(v, made) for v in x]
    made.append(Value(x))
    return made[-1]


def flat(x: Any) -> Iterator[float]:
    """All numbers of an answer, in order.

    >>> list(flat({"a": [1.0, [2.0]], "b": 3}))
    [1.0, 2.0, 3.0]
    """
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list):
        for v in x:
            yield from flat(v)
    else:
        yield float(x)


def _gmm(alpha: Any, mu: Any, q: Any, l: Any, x: Any) -> Any:  # noqa: E741
    given = inputs()["gmm"]
    return gmm.posterior(alpha, mu, q, l, x, given["gamma"], given["m"])


def _ba(given: dict[str, Any]) -> list[float]:
    """The partials of the first observation, and that of the last weight."""
    numbers = [*given["cam"], *given["x"], given["w"], *given["feat"]]
    rows = [by_values(lambda *a, k=k: ba.error(*a)[k], numbers, ba.ROW) for k in range(2)]
    return [*rows[0], *rows[1], *by_values(ba.weight_error, [given["w"]], 1)]


def _ht(given: dict[str, Any]) -> list[float]:
    """A row for each number: the partials by its own two of `us`, then by the pose."""
    hand, us = ht.Hand(given["data"]), list(np.ravel(given["us"]))
    found = []
    for k in range(3 * len(hand.points)):
        row = by_values(lambda *a, k=k: hand.errors(*a)[k], [given["theta"], us], 2)
        at = len(given["theta"]) + 2 * (k // 3)
        found += [*row[at : at + 2], *row[: len(given["theta"])]]
    return found


def _kmeans(given: dict[str, Any]) -> list[float]:
    """Each centroid less the mean of the points that are nearest to it."""
    points, centroids = np.array(given["points"]), np.array(given["centroids"])
    nearest = ((points[:, None] - centroids) ** 2).sum(2).argmin(1)
    steps = [c - points[nearest == k].mean(0) for k, c in enumerate(centroids)]
    return [float(x) for x in np.ravel(steps)]


MODES = ("rr", "rf", "fr", "ff")
"""What `particle` and `saddle` are called for: the outer and the inner derivative's mode."""


def _slope(value: Callable[[Any], float], at: Sequence[float]) -> list[float]:
    """The gradient by central differences."""
    found = []
    for k, x in enumerate(at):
        below, above = ([*at[:k], x + h, *at[k + 1 :]] for h in (-1e-5, 1e-5))
        found.append((value(above) - value(below)) / 2e-5)
    return found


def _particle(given: dict[str, Any]) -> list[float]:
    """By a force that is written down, and differences."""

    def force(x: float, y: float, w: float) -> tuple[float, float]:
        charges = [(x - 10.0, y - 10.0 + w), (x - 10.0, y)]
        cubes = [-(np.hypot(*d) ** -3.0) for d in charges]
        return tuple(sum(c * d[k] for c, d in zip(cubes, charges, strict=True)) for k in (0, 1))

    def square(w: Sequence[float]) -> float:
        return float(particle.missed(force, w[0]))

    return argmin_of_numbers(square, lambda w: _slope(square, w), [given["w"]])


def _saddle(given: dict[str, Any]) -> list[float]:
    """By an inner gradient that is written down, and differences."""
    start = given["start"]

    def highest(p: Sequence[float]) -> list[float]:
        return argmin_of_numbers(
            lambda q: -saddle.height(*p, *q), lambda q: [2.0 * a for a in q], start
        )

    def greatest(p: Sequence[float]) -> float:
        return float(saddle.height(*p, *highest(p)))

    p = argmin_of_numbers(greatest, lambda p: _slope(greatest, p), start)
    return [*p, *highest(p)]


def references() -> dict[tuple[str, str], list[float]]:
    """The answers to `inputs`, by functions of evals."""
    given = inputs()
    llsq_, lse_ = llsq.arguments(given["llsq"]), [given["lse"]["x"]]
    det_, gmm_ = [given["det"]["A"]], gmm.arguments(given["gmm"])
    lstm_, ode_ = lstm.arguments(given["lstm"]), (given["ode"]["x"], given["ode"]["s"])
    camera = [*given["ba"]["cam"], *given["ba"]["x"], given["ba"]["w"], *given["ba"]["feat"]]

    def last(x: Any) -> Any:
        return ode.end(x, ode_[1])[-1]

    def number(x: Any) -> float:
        return float(x.data if isinstance(x, Value) else x)

    found: dict[tuple[str, str], list[Any]] = {
        ("hello", "square"): [9.0],
        ("hello", "double"): [6.0],
        ("llsq", "primal"): [llsq.squares(*llsq_)],
        ("llsq", "gradient"): by_values(llsq.squares, llsq_, 1),
        ("lse", "primal"): [lse.log_sum_exp(*map(_values, lse_))],
        ("lse", "gradient"): by_values(lse.log_sum_exp, lse_, 1),
        ("det", "primal"): [det.determinant(*det_)],
        ("det", "gradient"): by_values(det.determinant, det_, 1),
        ("ode", "primal"): ode.end(*ode_),
        ("ode", "gradient"): by_values(last, ode_[:1], 1),
        ("gmm", "objective"): [_gmm(*map(_values, gmm_))],
        ("gmm", "jacobian"): by_values(_gmm, gmm_, 4),
        ("ba", "objective"): [*ba.error(*map(Value, camera)), ba.weight_error(given["ba"]["w"])],
        ("ba", "jacobian"): _ba(given["ba"]),
        ("lstm", "objective"): [lstm.loss(*map(_values, lstm_))],
        ("lstm", "jacobian"): by_values(lstm.loss, lstm_, 2),
        ("ht", "objective"): ht.Hand(given["ht"]["data"]).errors(
            given["ht"]["theta"], list(np.ravel(given["ht"]["us"]))
        ),
        ("ht", "jacobian"): _ht(given["ht"]),
        ("kmeans", "cost"): [kmeans.distances(*map(_values, kmeans.arguments(given["kmeans"])))],
        ("kmeans", "dir"): _kmeans(given["kmeans"]),
    }
    charge, point = _particle(given["particle"]), _saddle(given["saddle"])
    found |= {("particle", mode): charge for mode in MODES}
    found |= {("saddle", mode): point for mode in MODES}
    return {key: [number(x) for x in numbers] for key, numbers in found.items()}


def _values(x: Any) -> Any:
    return _leaves(plain(x), [])


def numbers(eval_: str, answer: Any) -> list[float]:
    """What of an answer `references` has: of `ba` not where its numbers stand, nor how many."""
    if eval_ == "ba":
        if "vals" in answer:
            return list(flat(answer["vals"]))
        return list(flat([answer["reproj_error"]["elements"], answer["w_err"]["element"]]))
    return list(flat(answer))
