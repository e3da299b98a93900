"""gmm: the posterior of a mixture of Gaussians, given a Wishart prior, at n points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from micrograd import Kernel, exp, jit, log, maximum, total

from . import Prepared

SHARED = ("alpha", "mu", "q", "l")


def log_sum_exp(xs: Sequence[Any]) -> Any:
    """log(sum(exp(x))), without overflow."""
    top = xs[0]
    for x in xs[1:]:
        top = maximum(top, x)
    return log(sum(exp(x - top) for x in xs)) + top


def log_likelihood(alpha: Any, mu: Any, q: Any, l: Any, x: Any) -> Any:  # noqa: E741
    """Of one point: the sum of the components, each a triangle of its inverse covariance."""
    terms = []
    for weight, mean, diagonal, below in zip(alpha, mu, q, l, strict=True):
        centred = [a - b for a, b in zip(x, mean, strict=True)]
        scaled = [exp(a) * b for a, b in zip(diagonal, centred, strict=True)]
        k = 0
        for i in range(len(x)):
            for j in range(i + 1, len(x)):
                scaled[j] = scaled[j] + below[k] * centred[i]
                k += 1
        terms.append(weight + sum(diagonal) - 0.5 * sum(a * a for a in scaled))
    return log_sum_exp(terms)


def log_prior(q: Any, l: Any, gamma: float, m: int) -> Any:  # noqa: E741
    """Of the inverse covariances, by Wishart."""
    d = len(q[0])
    n = d + m + 1
    gammas = sum(math.lgamma(0.5 * (n - j)) for j in range(d))
    c = n * d * (math.log(gamma) - 0.5 * math.log(2.0))
    c -= 0.25 * d * (d - 1) * math.log(math.pi) + gammas
    out = 0.0
    for diagonal, below in zip(q, l, strict=True):
        norm = sum(exp(a) * exp(a) for a in diagonal) + sum(a * a for a in below)
        out = out + 0.5 * gamma * gamma * norm - m * sum(diagonal)
    return len(q) * c - out


def posterior(alpha: Any, mu: Any, q: Any, l: Any, x: Any, gamma: float, m: int) -> Any:  # noqa: E741
    """Its logarithm."""
    n, d = len(x), len(x[0])
    likelihood = total(log_likelihood, x)(alpha, mu, q, l)
    constant = -0.5 * n * d * math.log(2.0 * math.pi)
    return constant + likelihood - n * log_sum_exp(alpha) + log_prior(q, l, gamma, m)


@cache
def kernel(gamma: float, m: int) -> Kernel:
    """Compiled for a prior."""

    def objective(
        alpha: np.ndarray,
        mu: np.ndarray,
        q: np.ndarray,
        l: np.ndarray,  # noqa: E741
        x: np.ndarray,
    ) -> Any:
        return posterior(alpha, mu, q, l, x, gamma, m)

    return jit(objective, wrt=list(SHARED))


def arguments(given: dict[str, Any]) -> list[np.ndarray]:
    """The parameters and the points."""
    return [np.array(given[name]) for name in (*SHARED, "x")]


def objective(given: dict[str, Any]) -> Prepared:
    """The value."""
    return partial(kernel(given["gamma"], given["m"]), *arguments(given)), float


def jacobian(given: dict[str, Any]) -> Prepared:
    """Its gradient by all parameters."""
    run = partial(kernel(given["gamma"], given["m"]).grad, *arguments(given))
    return run, lambda partials: dict(zip(SHARED, partials, strict=True))
