"""C by hand: c/loops/*.c, forward and backward, called by a loop in C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from benchmarks.native import Driver, library
from benchmarks.peers import Clock, Prepared
from benchmarks.peers.c import versions
from benchmarks.peers.loops import normals, sampled, work_of
from benchmarks.scalar_programs import RATES

__all__ = ["CONTESTANTS", "versions"]


def traced(setting: dict[str, Any]) -> Prepared:
    """Value and gradient."""
    n = len(work_of(setting).numbers)
    return _prepared(setting, f"double value_and_grad(const double p[{n}], double grad[{n}])")


def jacobian(setting: dict[str, Any]) -> Prepared:
    """The dense Jacobian."""
    n, rows = len(work_of(setting).numbers), 2 * setting["sizes"][-1]
    prototype = f"void value_and_grad(const double p[{n}], double jacobian[{rows * n}])"
    return _prepared(setting, prototype)


def sparse(setting: dict[str, Any]) -> Prepared:
    """The entries of the sparse Jacobian."""
    n, entries = len(work_of(setting).numbers), 28 * setting["sizes"][-1]
    prototype = f"void value_and_grad(const double p[{n}], double entries[{entries}])"
    return _prepared(setting, prototype, "-DSPARSE")


def _prepared(setting: dict[str, Any], prototype: str, *more: str) -> Prepared:
    work, clock = work_of(setting), Clock()
    flags = [*more, *(f"-D{name}={value}" for name, value in work.sizes.items())]
    loaded = library(f"loops/{setting['program']}.c", "double", *flags)
    phases = {"compile": clock()}
    if work.data:
        loaded.set_data((ctypes.c_double * len(work.data))(*work.data))
    address = ctypes.cast(loaded.value_and_grad, ctypes.c_void_p).value
    assert address is not None
    driver = Driver(address, prototype, [work.numbers, None])

    def run(count: int, loaded: Any = loaded) -> float:
        return driver.run(count)

    return Prepared(driver.answer(), run, phases)


def paths(setting: dict[str, Any]) -> Prepared:
    """LIBOR, path after path."""
    n, clock = setting["sizes"][0], Clock()
    loaded = library("loops/libor.c", "double")
    phases = {"compile": clock()}
    given = np.array(work_of({"program": "libor", "sizes": []}).numbers[:RATES]), normals(n)
    arrays = [*map(np.asarray, given), np.empty(n), np.empty((n, RATES))]
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
    loaded.paths.argtypes = [ctypes.c_long, *[ctypes.c_void_p] * 4]
    loaded.paths(n, *pointers)
    answer = np.concatenate([arrays[2][:, None], arrays[3]], axis=1)[sampled(n)].reshape(-1)

    def run(count: int, arrays: Any = arrays) -> float:
        clock = Clock()
        for _ in range(count):
            loaded.paths(n, *pointers)
        return clock()

    return Prepared(answer, run, phases)


CONTESTANTS = {f.__name__: f for f in (traced, jacobian, sparse, paths)}
