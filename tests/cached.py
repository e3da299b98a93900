"""Random programs compiled, kept, and loaded by another process: the same numbers, bit for bit.

    python -m tests.cached SECONDS SEED [fits]

Each batch of programs is run by three processes: without a cache, with an empty one, and with what
the second has left there, in which nothing is compiled. With `fits` they are losses of samples that
differ in length, trained; the first process and the third then train with losses that differ from
these in one thing each.
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
BATCH = {"kernels": 12, "fits": 3}
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


CHANGES = ("constant", "frozen", "order", "dtype", "strict")


def trained(seed: int, change: str = "") -> str:
    """A digest of what training with the loss of a seed gives, of which something is changed."""
    from .ragged_losses import Drawn

    drawn = Drawn(seed)
    if change == "constant":
        loss = drawn.loss
        one, two = (lambda xs: loss(xs) * 1.25), (lambda xs, ys: loss(xs, ys) * 1.25)
        drawn.loss = one if len(drawn.columns) == 1 else two
    elif change == "frozen":
        del drawn.parameters[0]
    elif change == "order":
        drawn.parameters.reverse()
    elif change == "dtype":
        drawn.strict, drawn.dtype = False, "f32" if drawn.dtype == "f64" else "f64"
    elif change == "strict":
        drawn.strict, drawn.dtype = not drawn.strict, "f64"
    losses, parameters = drawn.compiled(3)
    return hashlib.sha256(np.array([*losses, *parameters]).tobytes()).hexdigest()


def fits(seed: int) -> str:
    """The digest of the loss of a seed as it is."""
    return trained(seed)


def changed(seed: int) -> str:
    """That of the loss of which something is changed."""
    return trained(seed, CHANGES[seed % len(CHANGES)])


KINDS = {"kernels": results, "fits": fits, "changed": changed}
OTHERS = {"kernels": [], "fits": ["changed"]}
"""What is compiled besides, where something was kept."""

Ran = tuple[list[str], int]
"""The digests of a kind, and how often something was compiled for them."""


def worker(first: int, count: int, *kinds: str) -> None:
    """Print the results of these seeds, of each kind, and how often something was compiled."""
    import lowering

    compiled = 0
    right = lowering.compile

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return right(*args, **options)

    lowering.compile = counted
    found: list[Ran] = []
    for kind in kinds:
        compiled = 0
        digests = [KINDS[kind](seed) for seed in range(first, first + count)]
        found.append((digests, compiled))
    print(json.dumps(found))


def ran(
    first: int, count: int, cache: str, folder: str, *kinds: str
) -> list[tuple[list[str], int]]:
    """What a process prints."""
    env = {**os.environ, "MICROGRAD_CACHE": cache, "MICROGRAD_CACHE_DIR": folder}
    command = [sys.executable, "-W", "error", "-m", "tests.cached", "worker"]
    command += [str(first), str(count), *kinds]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Ran] = json.loads(done.stdout)
    return found


def problem(first: int, count: int, again: str = "1", kind: str = "kernels") -> str | None:
    """What is wrong with a batch, if anything is."""
    kinds = kind, *OTHERS[kind]
    with tempfile.TemporaryDirectory() as folder:
        (fresh, _), *others = ran(first, count, "0", folder, *kinds)
        ((stored, compiled),) = ran(first, count, "1", folder, kind)
        (loaded, more), *besides = ran(first, count, again, folder, *kinds)
    if not compiled or (again == "1" and more):
        return f"seeds from {first}: {compiled} compiled, then {more}"
    for k, (one, two, three) in enumerate(zip(fresh, stored, loaded, strict=True)):
        if not one == two == three:
            return f"seed {first + k}: fresh {one}, stored {two}, loaded {three}"
    for (one, _), (two, _) in zip(others, besides, strict=True):
        if one != two:
            return f"seeds from {first}, changed: fresh {one}, beside what was kept {two}"
    return None


def main(seconds: float, seed: int, kind: str = "kernels") -> int:
    """Try batches for a while; 1 if one was wrong."""
    until, tried, batch = time.time() + seconds, 0, BATCH[kind]
    while time.time() < until:
        again = "check" if tried % 3 == 2 else "1"
        wrong = problem(seed + batch * tried, batch, again, kind)
        if wrong:
            print(wrong)
            return 1
        tried += 1
    print(f"{tried * batch} programs")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
    else:
        sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
