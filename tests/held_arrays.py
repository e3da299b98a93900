"""Arrays of another library in containers, as arguments of kernels, against NumPy's there."""

from __future__ import annotations

import random
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from micrograd import jit

Pair = namedtuple("Pair", "x y")


class Own(list[Any]):
    """A list of a class of one's own."""


MADE: list[Callable[[list[Any]], Any]] = [
    list,
    tuple,
    Own,
    lambda items: {f"k{k}": x for k, x in enumerate(items)},
    lambda items: OrderedDict(enumerate(items)),
    lambda items: Pair(items[0], items[-1]),
]


def numbers(x: Any) -> Iterator[Any]:
    """What is in containers and arrays, in order."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.ndim):
        for item in x:
            yield from numbers(item)
    else:
        yield x


def mapped(p: Any, k: Any) -> Any:
    """A sum with a weight for each number, and what `k` is."""
    return sum(x * (j + 1.0) for j, x in enumerate(numbers(p))) + k


def as_list(p: list[Any], k: float) -> Any:
    """The same, of an argument that is taken whole."""
    return mapped(p, k)


def as_array(p: np.ndarray[Any, Any], k: float) -> Any:
    """The same, of an argument that is taken whole."""
    return mapped(p, k)


def check(seed: int, foreign: Callable[[random.Random, np.ndarray[Any, Any]], Any]) -> None:
    """A random argument, with arrays of NumPy and with what `foreign` makes of some of them."""
    rng, source = random.Random(seed), np.random.default_rng(seed)
    shape = tuple(rng.randint(1, 3) for _ in range(rng.randint(0, 3)))

    def argument(depth: int) -> tuple[Any, Any]:
        if depth == 0 or (depth < 3 and rng.random() < 0.5):
            if rng.random() < 0.3:
                number = source.normal()
                return number, number
            own = [n if rng.random() < 0.8 else 1 for n in shape[rng.randint(0, len(shape)) :]]
            x = source.integers(-9, 9, own) * rng.choice([1, 0.5])
            return x, foreign(rng, x) if rng.random() < 0.7 else x
        made = rng.choice(MADE)
        pairs = [argument(depth - 1) for _ in range(rng.randint(1, 3))]
        return made([x for x, _ in pairs]), made([y for _, y in pairs])

    ours, theirs = argument(3)
    function = rng.choice([mapped, as_list, as_array])
    k = rng.choice([1.0, np.arange(3.0)[: shape[-1]] if shape else 2.0])
    found, expected = (jit(function)(x, k) for x in (theirs, ours))
    where = f"seed {seed}, {function.__name__}"
    assert type(found) is type(expected), where
    np.testing.assert_array_equal(found, expected, err_msg=where)
