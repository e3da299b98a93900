"""This project: kernels called with arrays, and a sum over rows."""

from __future__ import annotations

from functools import partial
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt

import micrograd
from benchmarks import data
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.ours import versions
from micrograd import Table, jit, take
from micrograd import total as sum_over_rows

__all__ = ["CONTESTANTS", "gather", "implied", "scatter", "total", "versions"]


def gather(setting: dict[str, Any]) -> Prepared:
    """Rows of a table, an array for each of their numbers."""
    table, at, _ = data.rows_of(setting)
    rows, out = Table(table.tolist()), np.empty((data.WIDTH, setting["n"]))

    def row(i: int) -> list[Any]:
        return list(rows[i])

    clock = Clock()
    f = jit(row, threads=1)
    f(at, out=out)
    phases = {"first": clock()}
    run = python_loop("f(at, out=out)", f=f, at=at, out=out)
    return Prepared(data.digest(out), run, phases, {"points": setting["n"]})


def scatter(setting: dict[str, Any]) -> Prepared:
    """The gradient of a sum over rows of data by the table that they choose from."""
    table, at, weights = data.rows_of(setting)

    def term(table: npt.NDArray[np.float64], weights: Any, i: int) -> Any:
        return sum(x * w for x, w in zip(take(table, i), weights, strict=True))

    clock = Clock()
    f = sum_over_rows(term, weights, at, threads=1).grad
    answer = data.digest([f(table)])
    phases = {"first": clock()}
    run = python_loop("f(table)", f=f, table=table)
    return Prepared(answer, run, phases, {"points": setting["n"]})


def total(setting: dict[str, Any]) -> Prepared:
    """A loss, summed over rows, and its gradient."""
    rows, p = data.samples(setting["n"])
    clock, began = Clock(), process_time()
    f = sum_over_rows(partial(data.loss, micrograd), rows, threads=1).value_and_grad
    value, partials = f(p)
    phases = {"first": clock(), "first, CPU": process_time() - began}
    run = python_loop("f(p)", f=f, p=p)
    return Prepared(data.digest([[value], partials]), run, phases, {"points": setting["n"]})


def implied(setting: dict[str, Any]) -> Prepared:
    """Newton for each quote, until its price is met."""
    given, out = data.quotes(setting["n"])[:4], np.empty(setting["n"])

    def newton(price: Any, spot: Any, strike: Any, years: Any) -> Any:
        return data.newton(micrograd, price, spot, strike, years)

    clock = Clock()
    f = jit(newton, threads=1)
    f(*given, out=out)
    phases = {"first": clock()}
    names = dict(zip("pskt", given, strict=True))
    run = python_loop("f(p, s, k, t, out=out)", f=f, out=out, **names)
    return Prepared(data.digest([out]), run, phases, {"points": setting["n"]})


CONTESTANTS = {"gather": gather, "scatter": scatter, "total": total, "implied": implied}
