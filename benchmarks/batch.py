"""The programs of the batch workloads, and their data: what all contestants share.

A program is written once, for numbers of any kind: it takes a namespace with `sqrt`, `exp`, `log`,
`sin`, `cos`, `tanh`, `erf` and `relu`, and gives a function of numbers. `BY_HAND` has the same with
all partial derivatives, for those that differentiate nothing; there the namespace has `step` too,
1 above 0 and else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
MU = 0.1


def g(m: Any) -> Callable[..., Any]:
    """The expression of micrograd's README."""
    relu = m.relu

    def g(a: Any, b: Any) -> Any:
        c = a + b
        d = a * b + b * b * b
        c = c + c + 1.0
        c = c + 1.0 + c + (-a)
        d = d + d * 2.0 + relu(b + a)
        d = d + 3.0 * d + relu(b - a)
        e = c - d
        f = e * e
        return f / 2.0 + 10.0 / f

    return g


def _hamiltonian(root: Any, px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> Any:
    d = y * y + z * z
    u, w = x - MU, x - MU + 1.0
    r1, r2 = root(u * u + d), root(w * w + d)
    kinetic = 0.5 * (px * px + py * py + pz * pz)
    return kinetic + y * px - x * py - (1.0 - MU) / r1 - MU / r2


def h(m: Any) -> Callable[..., Any]:
    """The Hamiltonian of the restricted three-body problem."""
    root = m.sqrt

    def h(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> Any:
        return _hamiltonian(root, px, py, pz, x, y, z)

    return h


def h2(m: Any) -> Callable[..., Any]:
    """The Hamiltonian among transcendental functions."""
    root, tanh, sin, exp, log = m.sqrt, m.tanh, m.sin, m.exp, m.log

    def h2(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> Any:
        energy = _hamiltonian(root, px, py, pz, x, y, z)
        return energy * tanh(px) + sin(x * y) * exp(-(z * z)) + log(1.0 + x * x + y * y)

    return h2


def bs(m: Any) -> Callable[..., Any]:
    """The Black-Scholes price of a European call."""
    root, exp, log, erf = m.sqrt, m.exp, m.log, m.erf
    half = sqrt(0.5)

    def bs(s: Any, k: Any, t: Any, r: Any, sigma: Any) -> Any:
        spread = sigma * root(t)
        d1 = (log(s / k) + (r + 0.5 * (sigma * sigma)) * t) / spread
        d2 = d1 - spread
        n1 = 0.5 * (1.0 + erf(d1 * half))
        n2 = 0.5 * (1.0 + erf(d2 * half))
        return s * n1 - k * exp(-(r * t)) * n2

    return bs


# -- by hand --------------------------------------------------------------------------------------


def _g_by_hand(m: Any) -> Callable[..., Any]:
    relu, step = m.relu, m.step

    def g(a: Any, b: Any) -> Any:
        e = 3.0 * a + 4.0 * b + 3.0 - 12.0 * b * (a + b * b) - 4.0 * relu(b + a) - relu(b - a)
        f = e * e
        inverse = 1.0 / f
        de = e - 20.0 * e * inverse * inverse
        four, one = 4.0 * step(b + a), step(b - a)
        da = de * (3.0 - 12.0 * b - four + one)
        db = de * (4.0 - 12.0 * a - 36.0 * b * b - four - one)
        return 0.5 * f + 10.0 * inverse, da, db

    return g


def _h_by_hand(m: Any) -> Callable[..., Any]:
    root, mu = m.sqrt, MU

    def h(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> Any:
        d = y * y + z * z
        u, w = x - mu, x - mu + 1.0
        q1, q2 = 1.0 / root(u * u + d), 1.0 / root(w * w + d)
        m1, m2 = (1.0 - mu) * q1, mu * q2
        k1, k2 = m1 * q1 * q1, m2 * q2 * q2
        value = 0.5 * (px * px + py * py + pz * pz) + y * px - x * py - m1 - m2
        dx, dy = k1 * u + k2 * w - py, px + y * (k1 + k2)
        return value, px + y, py - x, pz, dx, dy, z * (k1 + k2)

    return h


def _h2_by_hand(m: Any) -> Callable[..., Any]:
    root, tanh, sin, cos, exp, log, mu = m.sqrt, m.tanh, m.sin, m.cos, m.exp, m.log, MU

    def h2(px: Any, py: Any, pz: Any, x: Any, y: Any, z: Any) -> Any:
        d = y * y + z * z
        u, w = x - mu, x - mu + 1.0
        q1, q2 = 1.0 / root(u * u + d), 1.0 / root(w * w + d)
        m1, m2 = (1.0 - mu) * q1, mu * q2
        k1, k2 = m1 * q1 * q1, m2 * q2 * q2
        energy = 0.5 * (px * px + py * py + pz * pz) + y * px - x * py - m1 - m2
        t, s, c, fall, q = tanh(px), sin(x * y), cos(x * y), exp(-z * z), 1.0 + x * x + y * y
        return (
            energy * t + s * fall + log(q),
            (px + y) * t + energy * (1.0 - t * t),
            (py - x) * t,
            pz * t,
            (k1 * u + k2 * w - py) * t + c * y * fall + 2.0 * x / q,
            (px + y * (k1 + k2)) * t + c * x * fall + 2.0 * y / q,
            z * (k1 + k2) * t - 2.0 * z * s * fall,
        )

    return h2


def _bs_by_hand(m: Any) -> Callable[..., Any]:
    root_of, exp, log, erf = m.sqrt, m.exp, m.log, m.erf
    half, norm = sqrt(0.5), 1.0 / sqrt(2.0 * pi)

    def bs(s: Any, k: Any, t: Any, r: Any, sigma: Any) -> Any:
        root = root_of(t)
        spread = sigma * root
        d1 = (log(s / k) + (r + 0.5 * sigma * sigma) * t) / spread
        d2 = d1 - spread
        n1, n2 = 0.5 * (1.0 + erf(d1 * half)), 0.5 * (1.0 + erf(d2 * half))
        discount = exp(-r * t)
        owed = k * discount * n2
        density = s * norm * exp(-0.5 * d1 * d1)
        dt = 0.5 * density * sigma / root + r * owed
        return s * n1 - owed, n1, -discount * n2, dt, t * owed, density * root

    return bs


def _function(name: str) -> Callable[[Any], Callable[[Any], Any]]:
    return lambda m: lambda x: getattr(m, name)(x)


_UNIT = ((0.1, 1.0),) * 6
FUNCTIONS = {"exp": (-10.0, 10.0), "log": (0.01, 100.0), "sin": (-10.0, 10.0), "tanh": (-4.0, 4.0)}
"""Functions that are measured alone, and where."""

PROGRAMS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "g": g,
    "h": h,
    "h2": h2,
    "bs": bs,
    **{name: _function(name) for name in FUNCTIONS},
}
BY_HAND = {"g": _g_by_hand, "h": _h_by_hand, "h2": _h2_by_hand, "bs": _bs_by_hand}
RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "g": ((-5.0, 5.0), (0.5, 5.0)),
    "h": _UNIT,
    "h2": _UNIT,
    "bs": ((50.0, 150.0), (50.0, 150.0), (0.1, 2.0), (0.0, 0.1), (0.1, 0.6)),
    **{name: (interval,) for name, interval in FUNCTIONS.items()},
}


# -- data -----------------------------------------------------------------------------------------


def results(name: str) -> int:
    """How many columns come out: the value and, but for a function alone, all partials."""
    return 1 if name in FUNCTIONS else 1 + len(RANGES[name])


def _aligned(shape: tuple[int, ...], dtype: Any, offset: int) -> Array:
    """An array that begins `offset` bytes, a multiple of 64, after a page's start."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 8192, np.uint8)
    start = -raw.ctypes.data % 4096 + offset % 4096
    return raw[start : start + size].view(dtype).reshape(shape)


def inputs(name: str, n: int, dtype: str) -> list[Array]:
    """The columns that go in: drawn uniformly, seed 42, and rounded to the dtype.

    They begin at a cache line, each somewhere else in its page: else a store to one column holds up
    loads of the others, or does not, by the luck of the allocator.
    """
    rng = np.random.default_rng(42)
    columns = []
    for k, (low, high) in enumerate(RANGES[name]):
        column = _aligned((n,), DTYPES[dtype], 320 * (k + 1))
        column[:] = rng.uniform(low, high, n)
        columns.append(column)
    return columns


def outputs(name: str, n: int, dtype: str) -> Array:
    """The buffer for the columns that come out, full of nan, so that a gap does not pass."""
    buffer = _aligned((results(name), n), DTYPES[dtype], 0)
    buffer[:] = np.nan
    return buffer


def digest(columns: Sequence[Any]) -> list[float]:
    """What is compared of an answer: about a thousand points of each column, and its mean.

    The mean is of x / (1 + |x|), which no single number dominates; a nan anywhere makes it one.
    """
    found: list[float] = []
    for column in columns:
        x = np.asarray(column, np.float64).reshape(-1)
        found += x[chosen(x.size)].tolist()
        found.append(float(np.mean(x / (1.0 + np.abs(x)))))
    return found


def chosen(n: int) -> npt.NDArray[np.intp]:
    """The points that are compared one by one: the ends, and evenly between them."""
    ends = np.arange(min(n, 40))
    return np.unique(np.concatenate([ends, n - 1 - ends, np.arange(0, n, max(1, n // 997))]))
