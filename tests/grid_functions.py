"""Random kernels and sums over rows by threads of a grid, on this machine, against the kernels, and
against Values row by row; what they are for GPUs is assembled, if NVIDIA's assembler is there.

python -m tests.grid_functions SECONDS [FIRST_SEED]
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import Value, jit, total
from micrograd.gpu import calls, on_gpu
from micrograd.jit.emit.grid import THREADS

from .row_functions import KINDS, ONE, TWO

SIZES = (0, 1, 2, 31, THREADS - 1, THREADS, THREADS + 1, 2 * THREADS, 3 * THREADS + 5)
STRICT_ONE = (abs, mg.relu, mg.sqrt, lambda x: x * 0.5, lambda x: -x)
STRICT_KINDS = tuple(
    k for k in KINDS if k.__name__ in ("_elementwise", "_polynomial", "_triangle", "_unused")
)
WANTED = ("", "grad", "value_and_grad", "jacobian", "hessian")


@contextmanager
def blocks(most: int) -> Iterator[None]:
    """Grids of so many blocks at most, so that threads take several points."""
    kept = calls.MOST_BLOCKS, calls.MOST_SUMMED
    calls.MOST_BLOCKS = calls.MOST_SUMMED = most
    try:
        yield
    finally:
        calls.MOST_BLOCKS, calls.MOST_SUMMED = kept


def ptxas() -> str | None:
    """NVIDIA's assembler: on the path, or in its wheel."""
    found = shutil.which("ptxas")
    if found is None:
        wheels = [Path(p).glob("nvidia/**/bin/ptxas") for p in sys.path if p]
        found = next((str(p) for some in wheels for p in some), None)
    return found


def assembled(ptx: str, processor: str = "sm_75") -> str:
    """What the assembler says of functions and their registers. Raises if it rejects them."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "kernel.ptx")
        source.write_text(ptx)
        command = [ptxas() or "ptxas", f"-arch={processor}", "-v", "-o", f"{source}.o", source]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        return done.stderr


def close(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether the numbers of two results of the same structure agree, inf and nan included."""
    x, y = _flat(found), _flat(expected)
    with np.errstate(all="ignore"):
        scale = 1.0 + max((np.abs(v[np.isfinite(v)]).max(initial=0.0) for v in y), default=0.0)
    return len(x) == len(y) and all(
        a.shape == b.shape
        and np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
        for a, b in zip(x, y, strict=True)
    )


def _flat(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)):
        return [v for item in x for v in _flat(item)]
    return [np.asarray(x, np.float64)]


def check(seed: int, *, assemble: bool = False) -> None:
    """Draw a function and data; compare it at points, or its sums."""
    rng = random.Random(seed)
    with blocks(rng.choice((1, 2, 3, 1 << 10))):
        (_check_points if seed % 2 else _check_rows)(seed, rng, assemble)


def _drawn(rng: random.Random, strict: bool) -> tuple[Any, Any]:
    made = rng.choice(STRICT_KINDS if strict else KINDS)
    one = STRICT_ONE if strict else ONE
    return made, [(rng.choice(one), rng.choice(TWO)) for _ in range(rng.randint(1, 4))]


def _check_points(seed: int, rng: random.Random, assemble: bool) -> None:
    """A kernel of numbers and lists, some of them the same at all points."""
    numbers = np.random.default_rng(seed)
    strict = rng.random() < 0.3
    dtype = rng.choice(("f64", "f32"))
    made, steps = _drawn(rng, strict)
    n, m = rng.choice((1, 2, 3, 13)), rng.choice((1, 2, 3, 14))
    size, wanted = rng.choice(SIZES), rng.choice(WANTED if n < 5 else WANTED[:3])
    told = (
        f"seed {seed}: {made.__name__}, {size} points of {n} and {m}, {wanted=} {dtype} {strict=}"
    )

    def f(w: Any, x: Any, y: Any) -> Any:
        return made(w, x, y, steps)

    kernel = jit(f, wrt="w", dtype=dtype, strict=strict)
    kernel = getattr(kernel, wanted) if wanted else kernel
    shape = (size,) if rng.random() < 0.7 or size % 2 else (size // 2, 2)
    same = rng.random()
    w = [v if rng.random() < same else numbers.normal(size=shape) for v in numbers.normal(size=n)]
    x = [numbers.normal(size=shape if rng.random() < 0.9 else shape[-1:]) for _ in range(m)]
    y = numbers.normal(size=shape)
    arguments = w, x, y if rng.random() < 0.8 else 0.25
    found, expected = on_gpu(kernel, target="host")(*arguments), kernel(*arguments)
    tolerance = 0.0 if strict else 1e-4 if dtype == "f32" else 1e-10
    assert close(found, expected, tolerance), f"{told}: {found} is not {expected}"
    if assemble:
        _assemble(kernel, arguments, told)


def _check_rows(seed: int, rng: random.Random, assemble: bool) -> None:
    """A sum over rows, and a derivative of it."""
    numbers = np.random.default_rng(seed)
    dtype = rng.choice(("f64", "f32"))
    made, steps = _drawn(rng, False)
    n, m, rows = rng.choice((1, 2, 3, 13)), rng.choice((1, 2, 9, 14)), rng.choice(SIZES)
    told = f"seed {seed}: {made.__name__}, {rows} rows of {m}, {n} parameters, {dtype}"

    def f(w: Any, x: Any, y: Any) -> Any:
        return made(w, x, y, steps)

    w = (numbers.normal(size=n) * 0.5).tolist()
    x = numbers.normal(size=(rows, m)).astype(np.float32).astype(np.float64)
    y = numbers.normal(size=rows).astype(np.float32).astype(np.float64)
    known = rng.random() < 0.5
    whole = total(f, x, y, dtype=dtype) if known else total(f, rows=("x", "y"), dtype=dtype)
    behind = () if known else (x, y)
    leaves = [Value(v) for v in w]
    value = sum(f(leaves, a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True))
    expected, partials = 0.0, [0.0] * n
    if isinstance(value, Value):
        value.backward()
        expected, partials = value.data, [float(v.grad) for v in leaves]
    tolerance = 3e-4 if dtype == "f32" else 1e-10
    both = on_gpu(whole.value_and_grad, target="host")
    for _ in range(2):  # what is there already is not added to
        found = both(w, *behind)
        assert close(found, (expected, partials), tolerance), f"{told}: {found} is not {expected}"
    assert close(on_gpu(whole, target="host")(w, *behind), expected, tolerance), told
    if rng.random() < 0.3 and dtype == "f64":
        along = numbers.normal(size=n).tolist()
        product = on_gpu(whole.hvp, target="host")(w, *behind, along)
        assert close(product, whole.hvp(w, *behind, along), 1e-9), told
    if assemble:
        _assemble(whole.value_and_grad, (w, *behind), told)


def _assemble(kernel: Any, arguments: Any, told: str) -> None:
    try:
        if ptxas():
            assembled(on_gpu(kernel).assembly(*arguments))
        code = on_gpu(kernel, target="amdgcn").object(*arguments)
        assert code.startswith(b"\x7fELF")
    except BaseException as error:
        error.add_note(told)
        raise


def main(seconds: float, first: int) -> None:
    """Try seeds from the first on, for so long."""
    end, seed = time.monotonic() + seconds, first
    while time.monotonic() < end:
        check(seed, assemble=seed % 5 == 0)
        seed += 1
    print(f"{seed - first} kernels and sums agree; assembled by {ptxas()}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
