"""The workloads over data: rows looked up by integers, and loops until something holds."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
WIDTH = 16
INPUTS, UNITS = 9, 5
"""Of the loss that is summed over rows: 9 inputs and a target, 5 * 9 + 5 parameters."""
TOLERANCE = 1e-9
"""How far from its price a quote may be where Newton stops."""


def rows_of(setting: dict[str, Any]) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """A table, the rows of it that are looked up, and a weight for each number of these."""
    r = np.random.default_rng(7)
    table = r.normal(size=(setting["rows"], WIDTH))
    at = r.integers(0, setting["rows"], setting["n"])
    return table, at, r.normal(size=(setting["n"], WIDTH))


def quotes(n: int) -> tuple[Array, Array, Array, Array, Array]:
    """Prices of calls, spots, strikes, years, and the volatilities that the prices are from."""
    r = np.random.default_rng(11)
    spot, strike = r.uniform(80.0, 120.0, n), r.uniform(80.0, 120.0, n)
    years, vol = r.uniform(0.5, 2.0, n), r.uniform(0.15, 0.6, n)
    spread = vol * np.sqrt(years)
    d1 = np.log(spot / strike) / spread + 0.5 * spread
    n1, n2 = (0.5 * (1.0 + np.vectorize(erf)(d * sqrt(0.5))) for d in (d1, d1 - spread))
    return spot * n1 - strike * n2, spot, strike, years, vol


def samples(n: int) -> tuple[Array, Array]:
    """Rows of the inputs and the target of a loss, and the parameters: weights, then those out."""
    r = np.random.default_rng(13)
    return r.normal(size=(n, INPUTS + 1)), r.normal(size=UNITS * (INPUTS + 1)) * 0.5


def loss(m: Any, p: Any, row: Any) -> Any:
    """The square by which a layer of tanh misses the target of a row."""
    given, out = row[:INPUTS], p[UNITS * INPUTS :]
    units = [p[INPUTS * j : INPUTS * (j + 1)] for j in range(UNITS)]
    hidden = [m.tanh(sum(w * x for w, x in zip(unit, given, strict=True))) for unit in units]
    return (sum(v * h for v, h in zip(out, hidden, strict=True)) - row[INPUTS]) ** 2


def digest(columns: Any) -> list[float]:
    """A few numbers in which every number, and its place, has a part."""
    found = []
    for column in columns:
        x = np.asarray(column, dtype=np.float64).ravel()
        found += [float(x @ np.cos(np.arange(len(x)))), float(np.abs(x).sum())]
    return found


def answer(setting: dict[str, Any]) -> list[float]:
    """What all contestants give, by NumPy."""
    if setting["what"] == "implied":
        return digest([quotes(setting["n"])[4]])
    if setting["what"] == "total":
        rows, p = samples(setting["n"])
        given, weights, out = rows[:, :INPUTS], p[: UNITS * INPUTS].reshape(UNITS, -1), p[-UNITS:]
        hidden = np.tanh(given @ weights.T)
        off = hidden @ out - rows[:, INPUTS]
        back = 2.0 * off[:, None] * out * (1.0 - hidden**2)
        partials = np.concatenate([(back.T @ given).ravel(), 2.0 * off @ hidden])
        return digest([[float(off @ off)], partials])
    table, at, weights = rows_of(setting)
    if setting["what"] == "gather":
        return digest(table[at].T)
    gradient = np.zeros_like(table)
    np.add.at(gradient, at, weights)
    return digest([gradient])


def newton(m: Any, price: Any, spot: Any, strike: Any, years: Any) -> Any:
    """The volatility of a call's price; `m` has `while_loop` and functions of its numbers."""
    root, moneyness = m.sqrt(years), m.log(spot / strike)

    def at(vol: Any) -> tuple[Any, Any, Any]:
        """A volatility, how far its price is off, and by how much that changes with it."""
        spread = vol * root
        d1 = moneyness / spread + 0.5 * spread
        n1, n2 = (0.5 * (1.0 + m.erf(d * sqrt(0.5))) for d in (d1, d1 - spread))
        slope = spot * root * 0.39894228040143267794 * m.exp(-0.5 * (d1 * d1))
        return vol, spot * n1 - strike * n2 - price, slope

    def step(s: Any) -> tuple[Any, Any, Any]:
        vol, off, slope = s
        return at(vol - off / slope)

    return m.while_loop(lambda s: abs(s[1]) > TOLERANCE, step, at(0.5))[0]
