"""C by hand: c/data.c, called by a loop in C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.native import library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.c import versions

__all__ = ["CONTESTANTS", "versions"]


def _prepared(symbol: str, setting: dict[str, Any], given: Any, at: Any, out: Any) -> Prepared:
    """A function over these columns; `out`: what it writes, of which the answer is made."""
    clock = Clock()
    loaded = library("data.c", "double")
    phases = {"compile": clock()}
    n = setting["n"]
    tables = [(ctypes.c_void_p * len(xs))(*(x.ctypes.data for x in xs)) for xs in (given, out)]
    f = getattr(loaded, symbol)
    f.argtypes = [ctypes.c_long, *[ctypes.c_void_p] * 3]
    f(n, tables[0], at.ctypes.data, tables[1])
    loop = loaded.seconds
    loop.argtypes = [ctypes.c_void_p, ctypes.c_long, *f.argtypes]
    loop.restype = ctypes.c_double
    kept = (loaded, given, at, out)

    def run(count: int, kept: Any = kept) -> float:
        return float(loop(f, count, n, tables[0], at.ctypes.data, tables[1]))

    shown = out[0].reshape(n, data.WIDTH).T if symbol == "gather_rows" else out
    return Prepared(data.digest(shown), run, phases, {"points": n})


def gather(setting: dict[str, Any]) -> Prepared:
    """Into columns, as ours gives them."""
    table, at, _ = data.rows_of(setting)
    out = [*np.empty((data.WIDTH, setting["n"]))]
    return _prepared("gather", setting, [table], at, out)


def gather_rows(setting: dict[str, Any]) -> Prepared:
    """Into rows, which is easier."""
    table, at, _ = data.rows_of(setting)
    return _prepared("gather_rows", setting, [table], at, [np.empty(setting["n"] * data.WIDTH)])


def scatter(setting: dict[str, Any]) -> Prepared:
    """The gradient by the table."""
    table, at, weights = data.rows_of(setting)
    given = [table, weights, np.array([float(setting["rows"])])]
    return _prepared("scatter", setting, given, at, [np.empty_like(table)])


def total(setting: dict[str, Any]) -> Prepared:
    """A loss, summed over rows that are given as columns, and its gradient."""
    rows, p = data.samples(setting["n"])
    given, none = [*rows.T.copy(), p], np.empty(0, dtype=np.int64)
    return _prepared("total", setting, given, none, [np.empty(1), np.empty_like(p)])


def implied(setting: dict[str, Any]) -> Prepared:
    """Newton in vectors of eight, until all of one are there."""
    given, none = [*data.quotes(setting["n"])[:4]], np.empty(0, dtype=np.int64)
    return _prepared("implied", setting, given, none, [np.empty(setting["n"])])


CONTESTANTS = {f.__name__: f for f in (gather, gather_rows, scatter, total, implied)}
