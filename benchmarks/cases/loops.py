"""Programs whose loops carry values, run over triangles, or reduce: beside C by hand and CasADi."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..experiment import Bar, Contestant, Experiment
from ..peers.loops import normals, sampled, work_of
from ..scalar_programs import MATURITIES, RATES
from .moons import moons_reference, moons_setting

MOST = 60
"""Statements of a program."""


@dataclass(frozen=True)
class Row:
    """A program at some sizes, and what it must reach: of C's time, and CPU seconds of compiling.

    small   the sizes that show that it runs
    """

    program: str
    sizes: tuple[int, ...]
    small: tuple[int, ...]
    evaluation: float
    first: float
    casadi: bool = True

    def name(self, sizes: tuple[int, ...]) -> str:
        """For the table."""
        return " ".join([self.program, *map(str, sizes)])


ROWS = (
    Row("lstm", (100,), (4,), 0.15, 1.0),
    Row("lstm", (64,), (5,), 0.15, 1.0, casadi=False),
    Row("lstm", (256,), (6,), 0.15, 2.0, casadi=False),
    Row("lstm", (1024,), (7,), 0.5, 5.0, casadi=False),
    Row("libor", (), (), 1.2, 1.0),
    Row("soft_dtw", (100,), (5,), 1.0, 1.5),
    Row("cholesky", (40,), (5,), 1.2, 0.5),
    Row("cholesky", (100,), (6,), 1.2, 3.0, casadi=False),
    Row("lorenz", (10_000,), (5,), 1.2, 5.0, casadi=False),
    Row("gmm", (2, 5, 1000), (2, 3, 4), 0.2, 2.0),
    Row("gmm", (10, 25, 1000), (3, 3, 4), 0.5, 10.0, casadi=False),
    Row("attention", (16, 16, 4), (4, 4, 2), 1.0, 0.5),
    Row("attention", (64, 64, 4), (5, 4, 2), 1.0, 3.0, casadi=False),
    Row("log_sum_exp", (10_000,), (10,), 1.2, 0.5),
    Row("log_sum_exp", (640_000,), (12,), 1.2, 3.0, casadi=False),
)


def by_values(setting: dict[str, Any]) -> list[float]:
    """The value and gradient as `backward` has them, node by node."""
    import micrograd

    work = work_of(setting)
    leaves = [micrograd.Value(x) for x in work.numbers]
    root = work.program(micrograd)(leaves)
    root.backward()
    return [root.data, *(v.grad for v in leaves)]


def rows_by_values(setting: dict[str, Any]) -> list[float]:
    """The Jacobian, a row by `backward` for each result."""
    import micrograd

    work = work_of(setting)
    leaves = [micrograd.Value(x) for x in work.numbers]
    jacobian = []
    for row in work.program(micrograd)(leaves):
        for v in leaves:
            v.grad = 0.0
        row.backward()
        jacobian += [v.grad for v in leaves]
    return jacobian


def paths_by_values(paths: int) -> list[float]:
    """The value and the partial derivatives of the initial rates, of some paths."""
    import micrograd

    work, numbers, answer = work_of({"program": "libor", "sizes": []}), normals(paths), []
    for k in sampled(paths):
        path = numbers[k * MATURITIES : (k + 1) * MATURITIES]
        leaves = [micrograd.Value(x) for x in (*work.numbers[:RATES], *path)]
        root = work.program(micrograd)(leaves)
        root.backward()
        answer += [root.data, *(v.grad for v in leaves[:RATES])]
    return answer


def traced(row: Row, sizes: tuple[int, ...]) -> Experiment:
    """A row of the table."""
    setting = {"program": row.program, "sizes": sizes}
    bars = [
        Bar("evaluation", row.evaluation, "ours", "C"),
        Bar("first, CPU", row.first, "ours"),
    ]
    first = next(r for r in ROWS if r.program == row.program)
    if row.program != "gmm":
        bars.append(Bar("statements", MOST, "ours"))
    if row is not first and row.program != "gmm":
        where = first.name(first.small if sizes == row.small else first.sizes)
        bars.append(Bar("statements", 1.0, "ours", "ours", elsewhere=where))
        if row.program == "lstm":
            bars.append(Bar("evaluation", 1.3, "ours", "ours", elsewhere=where, per="steps"))
    return Experiment(
        "loops",
        row.name(sizes),
        "the value and all partial derivatives; ours and C called by a loop in C",
        "f64",
        partial(by_values, setting),
        (
            Contestant("ours", "ours", "loops.traced"),
            Contestant("C", "c", "loops.traced"),
            *([Contestant("CasADi", "casadi", "loops.traced")] if row.casadi else []),
        ),
        partial(dict, setting),
        accuracy=1e-8,
        bars=tuple(bars),
    )


def bundle(small: bool) -> Experiment:
    """The Jacobian of bundle adjustment."""
    sizes = (2, 3, 4) if small else (2, 20, 40)
    setting = {"program": "bundle", "sizes": sizes}
    return Experiment(
        "loops",
        f"bundle {sizes[0]} {sizes[1]} {sizes[2]}",
        "the dense Jacobian; `first` of ours is tracing, too",
        "f64",
        partial(rows_by_values, setting),
        (
            Contestant("ours", "ours", "loops.jacobian"),
            Contestant("C", "c", "loops.jacobian"),
            Contestant("CasADi", "casadi", "loops.jacobian"),
        ),
        partial(dict, setting),
        accuracy=1e-8,
        bars=(Bar("evaluation", 1.0, "ours", "CasADi"), Bar("first, CPU", 0.5, "ours")),
    )


def paths(small: bool) -> Experiment:
    """LIBOR over many paths."""
    n = 40 if small else 100_000
    return Experiment(
        "loops",
        f"libor, {n} paths",
        "values, and partial derivatives of the initial rates for each path; `first` is tracing, "
        "too, and the first call",
        "f64",
        partial(paths_by_values, n),
        (Contestant("ours", "ours", "loops.paths"), Contestant("C", "c", "loops.paths")),
        partial(dict, program="libor", sizes=(n,)),
        accuracy=1e-8,
        bars=(Bar("evaluation", 0.3, "ours", "C"), Bar("first, CPU", 1.0, "ours")),
    )


def strict(small: bool) -> Experiment:
    """The demo of micrograd, bit for bit."""
    n = 4 if small else 100
    compiled = {"dtype": "f64", "from": "C"}
    return Experiment(
        "loops",
        f"moons {n}, strict",
        "the loss of micrograd's demo and its 337 partial derivatives, by a loop in C",
        "f64",
        moons_reference(n),
        (
            Contestant("ours", "ours", "moons", compiled),
            Contestant("ours, strict", "ours", "moons", {**compiled, "strict": True}),
        ),
        moons_setting(n),
        bars=(Bar("evaluation", 3.0, "ours, strict", "ours"), Bar("first", 1.0, "ours, strict")),
    )


def experiments(small: bool) -> Iterator[Experiment]:
    """Every program, at its sizes."""
    for row in ROWS:
        yield traced(row, row.small if small else row.sizes)
    yield bundle(small)
    yield paths(small)
    yield strict(small)
