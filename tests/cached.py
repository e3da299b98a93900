"""Random programs compiled, kept, and loaded by another process: the same numbers, bit for bit.

    python -m tests.cached SECONDS SEED

Each batch of programs is run by three processes: without a cache, with an empty one, and with what
the second has left there, in which nothing is compiled.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
BATCH = 12
"""Programs of a batch."""
COST = 60
"""Operations of a program, about."""
WAYS = (
    {"dtype": "f64"},
    {"dtype": "f32"},
    {"dtype": "f64", "strict": True},
)


def numbers_of(x: Any) -> list[bytes]:
    """The bits of all numbers of a result."""
    if isinstance(x, dict):
        x = [*x.values()]
    if isinstance(x, (list, tuple)):
        return [bits for item in x for bits in numbers_of(item)]
    return [np.asarray(x).tobytes()]


def results(seed: int) -> str:
    """A digest of what kernels of the program of a seed give."""
    from micrograd import jit

    from .fuzz.choices import Choices
    from .fuzz.programs import program

    case = program(Choices(seed), COST)
    function, digest = case.function, hashlib.sha256()
    given = case.arguments(case.points[:, 0])
    kernel = jit(function, **WAYS[seed % len(WAYS)])
    kinds = [kernel, kernel.value_and_grad if case.single else kernel.vjp]
    with np.errstate(all="ignore"):
        value = kernel(*given)
        for each in kinds:
            extra = [value] if each.name.endswith("vjp") else []
            digest.update(b"".join(numbers_of(each(*given, *extra))))
        if not any(case.shapes):
            digest.update(b"".join(numbers_of(kernel(*case.points))))
    return digest.hexdigest()


def worker(first: int, count: int) -> None:
    """Print the results of these seeds, and how often something was compiled."""
    import lowering

    compiled = 0
    right = lowering.compile

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return right(*args, **options)

    lowering.compile = counted
    found = [results(seed) for seed in range(first, first + count)]
    print(json.dumps([found, compiled]))


def ran(first: int, count: int, cache: str, folder: str) -> tuple[list[str], int]:
    """What a process prints."""
    env = {**os.environ, "MICROGRAD_CACHE": cache, "MICROGRAD_CACHE_DIR": folder}
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.cached",
        "worker",
        str(first),
        str(count),
    ]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, compiled = json.loads(done.stdout)
    return found, compiled


def problem(first: int, count: int, again: str = "1") -> str | None:
    """What is wrong with a batch, if anything is."""
    with tempfile.TemporaryDirectory() as folder:
        fresh, _ = ran(first, count, "0", folder)
        stored, compiled = ran(first, count, "1", folder)
        loaded, more = ran(first, count, again, folder)
    if not compiled or (again == "1" and more):
        return f"seeds from {first}: {compiled} compiled, then {more}"
    for k, (one, two, three) in enumerate(zip(fresh, stored, loaded, strict=True)):
        if not one == two == three:
            return f"seed {first + k}: fresh {one}, stored {two}, loaded {three}"
    return None


def main(seconds: float, seed: int) -> int:
    """Try batches for a while; 1 if one was wrong."""
    until, tried = time.time() + seconds, 0
    while time.time() < until:
        again = "check" if tried % 3 == 2 else "1"
        wrong = problem(seed + BATCH * tried, BATCH, again)
        if wrong:
            print(wrong)
            return 1
        tried += 1
    print(f"{tried * BATCH} programs")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(*map(int, sys.argv[2:]))
    else:
        sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
