"""Our side of GradBench: JSON lines in, JSON lines out; `python -m benchmarks.gradbench.tool`.

An evaluation's first run traces and compiles; all runs are reported, in order.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from micrograd import set_threads

OBJECTIVES = "benchmarks.gradbench.objectives"


def answers(lines: Iterable[str]) -> Iterator[str]:
    """An answer to each line.

    >>> line = '{"id": 1, "kind": "evaluate", "module": "hello", "function": "double", "input": 4}'
    >>> json.loads(next(answers([line])))["output"]
    8.0
    """
    for line in lines:
        message = json.loads(line)
        yield json.dumps({"id": message["id"]} | _answer(message))


def _answer(message: dict[str, Any]) -> dict[str, Any]:
    try:
        match message["kind"]:
            case "start":
                return {"tool": "micrograd-mlir"}
            case "define":
                importlib.import_module(f"{OBJECTIVES}.{message['module']}")
                return {"success": True}
            case "evaluate":
                return evaluate(message["module"], message["function"], message["input"])
    except Exception:  # the eval is told, and goes on
        return {"success": False, "error": traceback.format_exc()}
    return {}


def evaluate(module: str, function: str, given: Any) -> dict[str, Any]:
    """A function's answer and how long each run took, as often as the input says."""
    prepare = getattr(importlib.import_module(f"{OBJECTIVES}.{module}"), function)
    wanted = given if isinstance(given, dict) else {}
    least, seconds = wanted.get("min_runs", 1), wanted.get("min_seconds", 0.0)
    started = time.perf_counter_ns()
    run, answer = prepare(given)
    timings = [{"name": "prepare", "nanoseconds": time.perf_counter_ns() - started}]
    runs, elapsed = 0, 0
    while runs < least or elapsed < seconds * 1e9:
        busy, started = time.process_time_ns(), time.perf_counter_ns()
        result = run()
        took = time.perf_counter_ns() - started
        timings.append({"name": "evaluate", "nanoseconds": took})
        if runs:  # the first has compiled
            elapsed += took
        else:
            used = time.process_time_ns() - busy
            timings.append({"name": "first, CPU", "nanoseconds": used})
        runs += 1
    return {"success": True, "output": plain(answer(result)), "timings": timings}


def plain(x: Any) -> Any:
    """The same of Python's own numbers and lists, as JSON has them.

    >>> plain({"a": (np.float64(1.0), np.eye(2))})
    {'a': [1.0, [[1.0, 0.0], [0.0, 1.0]]]}
    """
    if isinstance(x, np.ndarray | np.generic):
        return x.tolist()
    if isinstance(x, dict):
        return {key: plain(v) for key, v in x.items()}
    if isinstance(x, list | tuple):
        return [plain(v) for v in x]
    return x


if __name__ == "__main__":
    set_threads(1)  # as the suite runs its tools
    for line in answers(sys.stdin):
        print(line, flush=True)
