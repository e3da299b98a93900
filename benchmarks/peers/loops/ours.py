"""This project: traced as Values and compiled, beside what the interpreter says."""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np

import micrograd
from benchmarks.native import Driver
from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.loops import normals, sampled, work_of
from benchmarks.peers.ours import size, versions
from benchmarks.scalar_programs import MATURITIES, RATES, libor
from micrograd import Value, jit

__all__ = ["CONTESTANTS", "versions"]


def traced(setting: dict[str, Any]) -> Prepared:
    """Value and gradient, called by a loop in C; `first` is from the traced Value on."""
    work = work_of(setting)
    clock = Clock()
    leaves = [Value(x) for x in work.numbers]
    root = work.program(micrograd)(leaves)
    phases = {"trace": clock()}
    began = process_time()
    kernel = jit(root, wrt=leaves, dtype="f64", strict=setting.get("strict", False)).value_and_grad
    kernel()
    phases |= {"first": clock(), "first, CPU": process_time() - began}
    return driven(kernel, [None], phases, setting)


def driven(
    kernel: Any, arguments: list[Any], phases: dict[str, float], setting: dict[str, Any]
) -> Prepared:
    """A compiled kernel, called by a loop in C."""
    driver = Driver(kernel.address, kernel.signature, arguments)
    facts = {**size(kernel), "steps": setting["sizes"][0] if setting["sizes"] else 1}

    def run(count: int, kernel: Any = kernel) -> float:  # its code goes when it is dropped
        return driver.run(count)

    return Prepared(driver.answer(), run, phases, facts)


def jacobian(setting: dict[str, Any]) -> Prepared:
    """The dense Jacobian, called by a loop in C; `first` is tracing too."""
    work = work_of(setting)
    clock, began = Clock(), process_time()
    kernel = jit(work.program(micrograd)).jacobian
    kernel(work.numbers)
    phases = {"first": clock(), "first, CPU": process_time() - began}
    return driven(kernel, [work.numbers, None], phases, setting)


def sparse(setting: dict[str, Any]) -> Prepared:
    """The entries of the sparse Jacobian, called by a loop in C; `first` is tracing too."""
    work = work_of(setting)
    clock, began = Clock(), process_time()
    kernel = jit(work.program(micrograd)).sparse_jacobian.entries
    kernel(work.numbers)
    phases = {"first": clock(), "first, CPU": process_time() - began}
    return driven(kernel, [work.numbers, None], phases, setting)


def paths(setting: dict[str, Any]) -> Prepared:
    """LIBOR over arrays of paths: values, and partial derivatives of the initial rates."""
    n = setting["sizes"][0]
    columns = list(np.array(normals(n)).reshape(n, MATURITIES).T.copy())
    initial, out = work_of({"program": "libor", "sizes": []}).numbers[:RATES], np.empty((81, n))
    clock, began = Clock(), process_time()
    kernel = jit(libor(micrograd), wrt="initial").value_and_grad
    kernel(initial, columns, out=out)
    phases = {"first": clock(), "first, CPU": process_time() - began}
    run = python_loop("f(p, x, out=o)", f=kernel, p=initial, x=columns, o=out)
    return Prepared(out[:, sampled(n)].T.reshape(-1), run, phases, {"paths": n})


CONTESTANTS = {f.__name__: f for f in (traced, jacobian, sparse, paths)}
