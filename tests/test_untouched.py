"""Nothing flows to a value that only a comparison reads: not even a zero, for 0 * inf is nan."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from micrograd import Value, jit, log, where


def some_only_compared(v: Sequence[Any]) -> Any:
    """Of many alike, one in five only decides between others."""
    logs = [log(x) for x in v]
    kept = [y for k, y in enumerate(logs) if k % 5]
    odd = [y for k, y in enumerate(logs) if not k % 5]
    return sum(kept) + sum(where(y > 0.0, a, 2.0 * a) for y, a in zip(odd, kept, strict=False))


def none_but_compared(v: Sequence[Any]) -> Any:
    """A whole class of values decides and nothing else."""
    return sum(where(log(x) > 0.0, y, y * y) for x, y in zip(v[::2], v[1::2], strict=False))


def irregular(v: Sequence[Any]) -> Any:
    """A large graph without a pattern, some of whose logarithms are only compared."""
    rng = random.Random(2)
    nodes = [x + 0.0 for x in v]
    for _ in range(4000):
        a, b = rng.choice(nodes), rng.choice(nodes)
        nodes.append((a * 0.5).tanh() if rng.random() < 0.3 else (a + b) * 0.25)
    deciding = [log(x) for x in v[::5]]
    chosen = zip(deciding, nodes[-40:], nodes, strict=False)
    return sum(where(d > 0.0, a, b) for d, a, b in chosen) + 0.001 * sum(v)


@pytest.mark.parametrize("f", [some_only_compared, none_but_compared, irregular])
@pytest.mark.parametrize("strict", [False, True])
def test_gradient_is_finite_where_only_a_comparison_is_not(
    f: Callable[[Sequence[Any]], Any], strict: bool
) -> None:
    """The logarithm of 0 has the derivative inf, which meets no cotangent."""
    numbers = [0.0 if k % 5 == 0 else 0.5 + 0.01 * k for k in range(100)]
    leaves = [Value(x) for x in numbers]
    output = f(leaves)
    output.backward()
    expected = [float(x.grad) for x in leaves]
    assert all(map(math.isfinite, expected))
    kernel = jit(f(leaves), wrt=leaves, dtype="f64", strict=strict)
    _, partials = kernel.value_and_grad()
    # some hundred terms of size 1, in another order
    assert list(partials) == pytest.approx(expected, rel=1e-12, abs=1e-12)
