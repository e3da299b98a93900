"""SciPy's callbacks beside C by hand, and sparse derivatives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from ..experiment import Bar, Contestant, Experiment
from .loops import rows_by_values

BOTH = ("ours", "c")
NAMES = {"ours": "ours", "c": "C"}


def point(n: int) -> list[float]:
    """Where Rosenbrock's function is evaluated."""
    return [1.0 + 0.5 * (k % 7 - 3) / 3 for k in range(n)]


def rosenbrock(n: int) -> list[float]:
    """The value and the gradient."""
    x = point(n)
    value, gradient = 0.0, [0.0] * n
    for k, (a, b) in enumerate(pairwise(x)):
        far, off = b - a * a, 1.0 - a
        value += 100.0 * far * far + off * off
        gradient[k] -= 400.0 * far * a + 2.0 * off
        gradient[k + 1] += 200.0 * far
    return [value, *gradient]


def rosenbrock_hessian(n: int) -> list[float]:
    """The entries of the Hessian, row by row."""
    x, entries = point(n), []
    for k in range(n):
        diagonal = 200.0 if k else 0.0
        if k < n - 1:
            diagonal += 1200.0 * x[k] ** 2 - 400.0 * x[k + 1] + 2.0
        entries += [-400.0 * x[k - 1]] if k else []
        entries += [diagonal]
        entries += [-400.0 * x[k]] if k < n - 1 else []
    return entries


def contestants(key: str, names: tuple[str, ...] = BOTH) -> tuple[Contestant, ...]:
    """Ours and C by hand."""
    return tuple(Contestant(NAMES[peer], peer, key) for peer in names)


def experiments(small: bool) -> Iterator[Experiment]:
    """Callbacks first."""
    n = 10
    yield Experiment(
        "scipy",
        "quad",
        "quad of x*x from 0 to 1, 21 calls of a LowLevelCallable",
        "f64",
        lambda: [1.0 / 3.0],
        contestants("scipy.quad"),
        bars=(Bar("evaluation", 1.0, "ours", "C", plus=21e-6),),
    )
    yield Experiment(
        "scipy",
        "callback of minimize",
        f"the value, then the gradient, of Rosenbrock's function of {n} numbers, as minimize calls "
        "them; C through ctypes",
        "f64",
        partial(rosenbrock, n),
        contestants("scipy.callback"),
        partial(dict, point=point(n)),
        bars=(Bar("evaluation", 1.0, "ours", "C", plus=1e-6),),
    )
    n = 50 if small else 10_000
    yield Experiment(
        "scipy",
        f"Rosenbrock's Hessian, n={n}",
        f"Rosenbrock's sparse Hessian of {n} numbers, from Python; C, the entries, by a loop in C",
        "f64",
        partial(rosenbrock_hessian, n),
        contestants("scipy.hessian"),
        partial(dict, point=point(n)),
        bars=(Bar("evaluation", 5e-3, "ours"), Bar("first", 2.0, "ours")),
    )
    for sizes in ((2, 3, 4),) if small else ((2, 20, 40), (10, 200, 1000)):
        setting = {"program": "bundle", "sizes": sizes}

        def entries(setting: dict[str, object] = setting) -> list[float]:
            return [v for v in rows_by_values(setting) if v]

        yield Experiment(
            "scipy",
            f"sparse bundle {' '.join(map(str, sizes))}",
            f"the entries of the sparse Jacobian of {sizes[2]} observations, by a loop in C",
            "f64",
            entries,
            (
                *contestants("loops.sparse"),
                Contestant("CasADi", "casadi", "loops.sparse"),
            ),
            partial(dict, setting),
            accuracy=1e-8,
            bars=(Bar("evaluation", 1.0, "ours", "C"),),
        )
