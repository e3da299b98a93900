"""Lists of another library's arrays as arguments of operators, against the kernel with NumPy's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd import jit
from micrograd.nn import MLP

from .held_arrays import as_array, as_list, mapped

Given = tuple[Callable[..., Any], tuple[Any, ...]]


def lengths(p: list[Any], k: float) -> Any:
    """What tells a list from an array: `p + p` is as long as both."""
    return mapped(p + p, k) * len(p)


def given(seed: int) -> Given:
    """A function, and arguments of NumPy's arrays in lists and tuples."""
    rng, source = random.Random(seed), np.random.default_rng(seed)
    points = tuple(rng.randint(1, 3) for _ in range(rng.randint(0, 2)))
    function = rng.choice([mapped, as_list, as_array, lengths, None])
    k = source.normal(size=points) if rng.random() < 0.7 else 0.1

    def leaf() -> Any:
        if rng.random() < 0.3:
            return source.normal()
        if function is mapped or function is None:
            return source.normal(size=[n if rng.random() < 0.8 else 1 for n in points])
        return source.normal(size=[rng.randint(1, 3) for _ in range(rng.randint(0, 2))])

    def listed(depth: int) -> Any:
        made: Any = rng.choice([list, tuple]) if function is not lengths or depth < 2 else list
        nests = function is not None and depth > 0
        return made(
            listed(depth - 1) if nests and rng.random() < 0.3 else leaf()
            for _ in range(2 if function is None else rng.randint(1, 3))
        )

    if function is None:
        model = MLP(2, [2, 1])
        if rng.random() < 0.5:
            return model, (source.normal(size=(rng.randint(1, 3), 2)).tolist(),)
        return model, (listed(0),)
    return function, (listed(2), k)


def converted(x: Any, array: Callable[[Any], Any]) -> Any:
    """The same with other arrays."""
    if isinstance(x, (list, tuple)):
        return type(x)(converted(v, array) for v in x)
    return array(x) if isinstance(x, np.ndarray) else x


def arrays(x: Any) -> list[Any]:
    """The arrays in lists, in order."""
    if isinstance(x, (list, tuple)):
        return [a for v in x for a in arrays(v)]
    return [x] if hasattr(x, "shape") else []


def gradients(f: Callable[..., Any], args: tuple[Any, ...]) -> list[Any]:
    """Differences of the sum of the results, by each array of NumPy among the arguments."""
    found, step = [], 1e-6
    for x in arrays(args):
        g = np.zeros(np.shape(x))
        for at in np.ndindex(g.shape):
            before = float(x[at])
            values = []
            for d in (step, -step):
                x[at] = before + d
                values.append(np.sum(f(*args)))
            x[at] = before
            g[at] = (values[0] - values[1]) / (2 * step)
        found.append(g)
    return found


def check(
    seed: int,
    operator: Callable[[Any], Any],
    array: Callable[[Any], Any],
    gradient: Callable[[Any, tuple[Any, ...]], list[Any]],
) -> None:
    """A random function and its lists.

    array      makes an array of the other library, in float64
    gradient   of the sum of what an operator gives, by each of the arrays in its arguments
    """
    function, args = given(seed)
    kernel = jit(function, dtype="f64")
    theirs, expected = converted(args, array), kernel(*args)
    found = operator(kernel)(*theirs)
    assert tuple(found.shape) == np.shape(expected), seed
    np.testing.assert_allclose(found.tolist(), expected, 1e-12, 1e-12, err_msg=f"seed {seed}")
    partials = gradient(operator(kernel), theirs)
    for k, (x, y) in enumerate(zip(partials, gradients(kernel, args), strict=True)):
        np.testing.assert_allclose(x, y, 1e-5, 1e-5, err_msg=f"seed {seed}, array {k}")
