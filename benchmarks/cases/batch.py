"""The batch workloads: value and all partial derivatives over arrays of points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import batch, rounding
from ..experiment import F32, Bar, Contestant, Experiment

F64 = 1e-12
"""The accuracy asked in float64, where the program does not lose more by cancellation."""

MANY, CACHED, FEW = 1_000_000, 4096, 8
NS = 1e-9


def _bars(program: str, dtype: str, n: int) -> Iterator[Bar]:
    """What ours must reach on one thread."""
    if n > FEW:
        against = {("g", "f64"): 1.05, ("g", "f32"): 1.05, ("bs", "f64"): 0.65, ("bs", "f32"): 0.6}
        if (program, dtype) in against and (program == "g" or n == MANY):
            yield Bar("evaluation", against[program, dtype], "ours", "C")
    each = {"h": 1.8 * NS, "h2": 4.5 * NS}
    if program in each and n == MANY:
        yield Bar("evaluation", each[program], "ours", per="points")
    if program in each and n == FEW:
        yield Bar("evaluation", 0.15e-6, "ours")
    if program == "bs" and n == CACHED and dtype == "f64":
        yield Bar("first", 0.15, "ours")


def _contestants(program: str, dtype: str, n: int) -> Iterator[Contestant]:
    yield Contestant("ours", "ours", "batch.columns")
    yield Contestant("C", "c", "batch.columns")
    if program in ("h2", "bs"):
        plain = {"vector_math": False}
        yield Contestant("C without vector math", "c", "batch.columns", plain)
    yield Contestant("heyoka", "heyoka", "batch.columns")
    yield Contestant("heyoka, fast math", "heyoka", "batch.columns", {"fast_math": True})
    yield Contestant("Dr.Jit", "drjit", "batch.columns")
    yield Contestant("JAX", "jax", "batch.columns")
    if program in ("g", "bs") and n > FEW:
        yield Contestant("torch.compile", "torch", "batch.columns_compiled")
    if n == MANY:
        yield Contestant("PyTorch", "torch", "batch.columns")
    yield Contestant("numba", "numba", "batch.columns")
    if dtype == "f64":
        yield Contestant("CasADi", "casadi", "batch.columns")
        yield Contestant("CasADi, its C", "casadi", "batch.columns_c")
    yield Contestant("NumPy", "numpy", "batch.columns")


def _experiment(
    program: str,
    dtype: str,
    n: int,
    contestants: tuple[Contestant, ...],
    bars: tuple[Bar, ...],
    name: str = "",
) -> Experiment:
    accuracy = F32 if dtype == "f32" else F64
    outputs = "the function" if program in batch.FUNCTIONS else "the value and all partials"

    def setting() -> dict[str, Any]:
        return {"program": program, "n": n, "dtype": dtype}

    return Experiment(
        "functions" if program in batch.FUNCTIONS else f"batch-{program}",
        name or f"N={n}, {dtype}",
        f"{outputs} of {program} at {n} points, arrays in, arrays out; C by a loop in C",
        dtype,
        lambda: rounding.reference(program, n, dtype, accuracy)[0],
        contestants,
        setting,
        accuracy,
        bars,
        lambda: rounding.reference(program, n, dtype, accuracy)[1],
    )


def _two_threads(n: int) -> Experiment:
    """One thread and two of each, in one run."""
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("ours", "ours", "columns", {}),
        ("C", "c", "columns", {}),
        ("Dr.Jit", "drjit", "columns", {}),
        ("JAX", "jax", "columns", {}),
        ("torch.compile", "torch", "columns_compiled", {}),
    ]
    contestants = [
        Contestant(f"{name}, {said}", peer, f"batch.{key}", {**more, "threads": threads})
        for name, peer, key, more in rows
        for said, threads in (("1 thread", 1), ("2 threads", 2))
    ]
    bar = Bar("evaluation", 1 / 1.9, "ours, 2 threads", "ours, 1 thread")
    return _experiment("bs", "f64", n, tuple(contestants), (bar,), f"N={n}, f64, two threads")


def experiments(small: bool, program: str) -> Iterator[Experiment]:
    """Many points, as many as the cache holds, and few; both dtypes where both are asked for."""
    sizes = (100,) if small else (MANY, CACHED, FEW)
    for n in sizes:
        for dtype in ("f64", "f32") if program in ("g", "bs") and n != FEW else ("f64",):
            contestants = tuple(_contestants(program, dtype, n))
            yield _experiment(program, dtype, n, contestants, tuple(_bars(program, dtype, n)))
    if program == "bs":
        yield _two_threads(sizes[0])


def alone(name: str, n: int) -> Experiment:
    """One function over an array."""
    contestants = (
        Contestant("ours", "ours", "batch.columns"),
        Contestant("C", "c", "batch.columns", {"symbol": f"map_{name}"}),
        Contestant("NumPy", "numpy", "batch.columns"),
    )
    bar = Bar("evaluation", 0.8 * NS, "ours", per="points")
    return _experiment(name, "f64", n, contestants, (bar,), f"{name}, N={n}, f64")
