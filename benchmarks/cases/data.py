"""Rows of tables by random integers, the gradient by such a table, and Newton until convergence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..data import answer
from ..experiment import Bar, Contestant, Experiment

WHAT = {
    "gather": ("rows of 16 by random index, an array for each number", 1.1, ("gather_rows",)),
    "scatter": ("the gradient by the table that the rows are of", 1.1, ()),
    "total": ("a loss of 10 numbers, its sum over rows, and its 50 partials", 1.1, ()),
    "implied": ("the volatility of each quote, by Newton to 1e-9", 1.2, ()),
}
FIRST = {"total": (("first, CPU", 0.3),)}
MANY, SUMMED = 1_000_000, 100_000
TABLES = (27, 1000)


def _experiment(what: str, n: int, **more: Any) -> Experiment:
    said, limit, others = WHAT[what]
    setting = {"what": what, "n": n, **more}
    where = "".join(f", {key}={value:,}" for key, value in more.items())
    named = {"gather_rows": "C, into rows"}
    return Experiment(
        "data",
        f"{what}, N={n:,}{where}",
        said,
        "f64",
        partial(answer, setting),
        (
            Contestant("ours", "ours", f"data.{what}"),
            Contestant("C", "c", f"data.{what}"),
            *(Contestant(named[key], "c", f"data.{key}", yardstick=True) for key in others),
        ),
        partial(dict, setting),
        accuracy=1e-7 if what == "implied" else 1e-9,
        bars=(
            Bar("evaluation", limit, "ours", "C"),
            *(Bar(k, x, "ours") for k, x in FIRST.get(what, ())),
        ),
    )


def experiments(small: bool) -> Iterator[Experiment]:
    """A small table, as of tokens, and one that is larger than the first cache."""
    n = 800 if small else MANY
    for rows in TABLES[:1] if small else TABLES:
        yield _experiment("gather", n, rows=rows)
        yield _experiment("scatter", n, rows=rows)
    yield _experiment("total", n if small else SUMMED)
    yield _experiment("implied", n)
