"""NumPy's `@`, and the BLAS in its wheel called from C, whose names are private."""

from __future__ import annotations

import ctypes
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.native import build
from benchmarks.peers import Prepared, python_loop
from benchmarks.peers.numpy import versions
from benchmarks.peers.products import RATE, ends, operands, turned

__all__ = ["CONTESTANTS", "versions"]

_LOOP = """
typedef void gemm(int, int, int, long, long, long, REAL, const void *, long, const void *, long,
                  REAL, void *, long);
void loop(gemm *f, long count, int ta, int tb, long m, long n, long k, REAL scale, const void *a,
          long lda, const void *b, long ldb, REAL old, void *c) {
    while (count--)
        f(101, ta ? 112 : 111, tb ? 112 : 111, m, n, k, scale, a, lda, b, ldb, old, c, n);
}
"""


def product(setting: dict[str, Any]) -> Prepared:
    """Array expressions."""
    left, right, result = operands(setting)
    if setting["what"] == "update":
        rate = result.dtype.type(RATE)

        def once() -> None:
            np.subtract(result, rate * (left.T @ right), out=result)

    else:
        factor = right.T if setting["what"] == "back" else right

        def once() -> None:
            np.matmul(left, factor, out=result)

    once()
    return Prepared(ends(result), python_loop("once()", once=once))


def blas(setting: dict[str, Any]) -> Prepared:
    """One call of `gemm` an evaluation, in a loop in C.

    Raises FileNotFoundError where NumPy was built with another one.
    """
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    found = sorted(folder.glob("libscipy_openblas64_*"))
    if not found:
        raise FileNotFoundError(f"there is no libscipy_openblas64_* in {folder}")
    single = setting["dtype"] == "f32"
    gemm = ctypes.CDLL(str(found[0]))[f"scipy_cblas_{'s' if single else 'd'}gemm64_"]
    real = ctypes.c_float if single else ctypes.c_double
    loop = ctypes.CDLL(str(build(_LOOP, f"-DREAL={'float' if single else 'double'}"))).loop
    left, right, result = operands(setting)
    ta, tb = turned(setting)
    m, n = result.shape
    k = left.shape[0] if ta else left.shape[1]
    update = setting["what"] == "update"
    passed = (
        *(int(ta), int(tb), ctypes.c_long(m), ctypes.c_long(n), ctypes.c_long(k)),
        *(real(-RATE if update else 1.0), ctypes.c_void_p(left.ctypes.data)),
        *(ctypes.c_long(left.shape[1]), ctypes.c_void_p(right.ctypes.data)),
        *(ctypes.c_long(right.shape[1]), real(1.0 if update else 0.0)),
        ctypes.c_void_p(result.ctypes.data),
    )

    def run(count: int, kept: Any = (left, right, result)) -> float:
        then = perf_counter()
        loop(gemm, ctypes.c_long(count), *passed)
        return perf_counter() - then

    run(1)
    return Prepared(ends(result), run)


CONTESTANTS = {"product": product, "blas": blas}
