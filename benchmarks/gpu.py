"""Whether code for NVIDIA's GPUs is right, and how fast: `python -m benchmarks.gpu [results.json]`.

    python -m benchmarks.gpu --target host --small    the same by this machine, to try the script

Answers first, at numbers of points around those of blocks, against the kernels on the CPU; then
times: of the CPU's kernel, of a call with all copies, of the launches alone, and of JAX and PyTorch
where they are installed, with their arrays on the GPU already, if they see one. It takes less than
five minutes, and fails if an answer is wrong. All of it stands in the JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import jit, total
from micrograd.errors import GpuError
from micrograd.gpu import OnGpu, on_gpu

from .environment import environment
from .gpu_peers import DTYPES, HIDDEN, PEERS, call_price

SECONDS = 4.0
"""For each time that is taken."""
SIZES = (1, 127, 128, 129, 1000, 20_000)
TOLERANCES = {"f64": 1e-10, "f32": 2e-3}
"""Of the largest number of a result."""


# -- what is computed ----------------------------------------------------------------------------


def network_loss(w: Any, x: Any, y: Any) -> Any:
    """Of one row, by a network of two hidden layers, whose numbers lie in a row."""
    numbers = iter(w)
    values = list(x)
    for width in (HIDDEN, HIDDEN):
        values = [
            mg.tanh(sum(next(numbers) * v for v in values) + next(numbers)) for _ in range(width)
        ]
    out = sum(next(numbers) * v for v in values) + next(numbers)
    return (out - y) ** 2


def exact(x: Any, y: Any) -> Any:
    """Arithmetic alone, which a strict kernel rounds as the interpreter does."""
    return mg.sqrt(x * x + y * y) / (1.0 + abs(x - y)) - x * y


PARAMETERS = 3 * HIDDEN + (HIDDEN + 1) * HIDDEN + HIDDEN + 1


def market(n: int, dtype: str) -> list[Any]:
    """Prices, strikes, years and volatilities."""
    numbers = np.random.default_rng(0)
    low, high = np.array([[50.0, 50.0, 0.1, 0.1], [150.0, 150.0, 2.0, 0.6]])
    drawn = numbers.uniform(low, high, size=(n, 4)).astype(DTYPES[dtype])
    return [np.ascontiguousarray(column) for column in drawn.T]


def rows(n: int) -> tuple[Any, Any]:
    """Points of the plane, and on which side of a curve they are."""
    x = np.random.default_rng(1).normal(size=(n, 2))
    return x, np.sign(x[:, 1] - np.sin(2.0 * x[:, 0]))


def weights() -> list[float]:
    """Of the network."""
    drawn: list[float] = (np.random.default_rng(2).normal(size=PARAMETERS) * 0.3).tolist()
    return drawn


# -- answers and times ---------------------------------------------------------------------------


def flat(x: Any) -> Any:
    """All numbers of a result in a row, as float64."""
    if isinstance(x, (list, tuple)):
        return np.concatenate([flat(v) for v in x])
    return np.asarray(x, np.float64).reshape(-1)


def error(found: Any, expected: Any) -> float:
    """The largest difference, over the largest number; inf where nan or inf differ."""
    a, b = flat(found), flat(expected)
    finite = np.isfinite(b)
    if a.shape != b.shape or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    a, b = a[finite], b[finite]
    if not np.isfinite(a).all():
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0) / max(np.abs(b).max(initial=0.0), 1e-300))


def seconds(run: Callable[[], Any], most: float) -> float:
    """The least of as many runs as fit, at least two, behind a first that is not counted."""
    run()
    end, best, count = time.perf_counter() + most, float("inf"), 0
    while count < 2 or time.perf_counter() < end:
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
        count += 1
    return best


class Watched:
    """A device whose launches are waited for, and timed."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.spent = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def launch(self, *args: Any) -> None:
        """Launch, and wait."""
        self._device.wait()
        began = time.perf_counter()
        self._device.launch(*args)
        self._device.wait()
        self.spent += time.perf_counter() - began


def launches(there: OnGpu, run: Callable[[], Any]) -> float:
    """The seconds of the launches of a run, least of five."""
    run()
    watched, device = Watched(there.device), there.device
    best = float("inf")
    there.device = watched
    for _ in range(5):
        watched.spent = 0.0
        run()
        best = min(best, watched.spent)
    there.device = device
    return best


# -- others --------------------------------------------------------------------------------------


def of_peers(case: Case, most: float) -> dict[str, Any]:
    """Errors and times of those that are installed."""
    found: dict[str, Any] = {}
    for name, runs in PEERS.items():
        if importlib.util.find_spec(name) is None:
            found[name] = "not installed"
            continue
        with runs(case.dtype) as peer:
            given = [peer["put"](x) for x in case.all_arguments]
            run = peer[case.peers]
            answer = run(*given)
            numbers = [np.asarray(v.cpu() if name == "torch" else v) for v in leaves(answer)]
            found[name] = {
                "device": peer["device"],
                "error": error(numbers, case.expected()),
                "seconds": seconds(lambda run=run, given=given: run(*given), most),  # type: ignore[misc]
            }
    return found


def leaves(x: Any) -> list[Any]:
    """The arrays of a result, in order."""
    return [v for item in x for v in leaves(item)] if isinstance(x, (list, tuple)) else [x]


# -- cases ---------------------------------------------------------------------------------------


@dataclass
class Case:
    """A kernel, its arguments, and what others compute for the same.

    all_arguments   rows that the kernel is given for good among them
    peers           the name of what they run; '': nothing
    """

    name: str
    kernel: Any
    arguments: Sequence[Any]
    all_arguments: Sequence[Any]
    dtype: str
    peers: str = ""
    strict: bool = False

    def expected(self) -> Any:
        """What the CPU gives."""
        return self.kernel(*self.arguments)


def made(name: str, dtype: str, n: int) -> Case:
    """A case of n points or rows."""
    if name == "price":
        kernel = jit(lambda s, k, t, v: call_price(s, k, t, v), dtype=dtype).value_and_grad
        given = market(n, dtype)
        return Case("price and its gradient", kernel, given, given, dtype, "price")
    if name == "exact":
        given = market(n, dtype)[:2]
        return Case("strict arithmetic", jit(exact, dtype=dtype, strict=True), given, given, dtype,
                    strict=True)  # fmt: skip
    x, y = rows(n)
    kernel = total(network_loss, x, y, dtype=dtype).value_and_grad
    w = weights()
    return Case("gradient of a network", kernel, [w], [w, x, y], dtype, "network")


KINDS = (
    ("exact", "f64"),
    ("price", "f64"),
    ("price", "f32"),
    ("network", "f64"),
    ("network", "f32"),
)


def answers(target: str, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Each case at each size: how far from the CPU's, and whether that is near enough."""
    found = []
    for name, dtype in KINDS:
        for n in sizes:
            case = made(name, dtype, n)
            away = error(on_gpu(case.kernel, target)(*case.arguments), case.expected())
            right = away <= (0.0 if case.strict else TOLERANCES[dtype])
            found.append({"case": case.name, "dtype": dtype, "n": n, "error": away, "right": right})
    return found


def times(target: str, n: int, most: float) -> list[dict[str, Any]]:
    """Each case that others have, too, with times."""
    found = []
    for name, dtype in KINDS:
        case = made(name, dtype, n)
        if not case.peers:
            continue
        there = on_gpu(case.kernel, target)
        began = time.perf_counter()
        answer = there(*case.arguments)
        first = time.perf_counter() - began
        found.append(
            {
                "case": case.name,
                "dtype": dtype,
                "n": n,
                "error": error(answer, case.expected()),
                "first call": first,
                "call": seconds(lambda c=case, t=there: t(*c.arguments), most),  # type: ignore[misc]
                "launches": launches(there, lambda c=case, t=there: t(*c.arguments)),  # type: ignore[misc]
                "cpu": seconds(case.expected, most),
                "peers": of_peers(case, most),
            }
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the results down if a file is named; 1 if an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("file", nargs="?", help="for the results, as JSON")
    parser.add_argument("--target", default="nvptx64", choices=("nvptx64", "host"))
    parser.add_argument("--small", action="store_true", help="few points, to try the script")
    given = parser.parse_args(arguments)
    n, most = (1000, 0.01) if given.small else (1 << 20, SECONDS)
    result: dict[str, Any] = {"target": given.target, "environment": environment()}
    try:
        result["answers"] = answers(given.target, SIZES[:5] if given.small else SIZES)
        result["times"] = times(given.target, n, most)
    except GpuError as failed:
        print(failed, file=sys.stderr)
        result["failed"] = str(failed)
    if given.file:
        Path(given.file).write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    right = all(x["right"] for x in result.get("answers", []))
    right = right and all(x["error"] <= TOLERANCES[x["dtype"]] for x in result.get("times", []))
    return int("failed" in result or not right)


if __name__ == "__main__":
    sys.exit(main())
