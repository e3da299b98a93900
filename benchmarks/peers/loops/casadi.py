"""CasADi: scalar symbols (SX), reverse mode, evaluated by its virtual machine."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import casadi
import numpy as np

from benchmarks.peers import Clock, Prepared, python_loop
from benchmarks.peers.casadi import versions
from benchmarks.peers.loops import work_of

__all__ = ["CONTESTANTS", "versions"]

FUNCTIONS = SimpleNamespace(
    **{n: getattr(casadi, n) for n in ("exp", "log", "sqrt", "sin", "cos", "tanh")},
    maximum=casadi.fmax,
    minimum=casadi.fmin,
    where=casadi.if_else,
)


def _evaluated(setting: dict[str, Any], results: Callable[[Any, Any], list[Any]]) -> Prepared:
    """By `buffer()`, which skips CasADi's Python conversions."""
    work = work_of(setting)
    clock = Clock()
    inputs = casadi.SX.sym("x", len(work.numbers))
    root = work.program(FUNCTIONS)([inputs[k] for k in range(len(work.numbers))])
    phases = {"trace": clock()}
    f = casadi.Function("f", [inputs], results(root, inputs))
    buffer, call = f.buffer()
    x = np.array(work.numbers)
    out = [np.zeros(f.nnz_out(k)) for k in range(f.n_out())]
    buffer.set_arg(0, memoryview(x))
    for k, array in enumerate(out):
        buffer.set_res(k, memoryview(array))
    call()
    phases["first"] = clock()
    shaped = [a.reshape(f.size_out(k)[::-1]).T.reshape(-1) for k, a in enumerate(out)]
    run = python_loop("call()", call=call, kept=(f, buffer, x, out))
    return Prepared(np.concatenate(shaped).tolist(), run, phases)


def traced(setting: dict[str, Any]) -> Prepared:
    """Value and gradient."""
    return _evaluated(setting, lambda y, x: [y, casadi.densify(casadi.gradient(y, x))])


def jacobian(setting: dict[str, Any]) -> Prepared:
    """The dense Jacobian."""

    def dense(y: Any, x: Any) -> list[Any]:
        return [casadi.densify(casadi.jacobian(casadi.vertcat(*y), x))]

    return _evaluated(setting, dense)


def sparse(setting: dict[str, Any]) -> Prepared:
    """The entries of the sparse Jacobian: of its transpose, whose columns are its rows."""

    def transposed(y: Any, x: Any) -> list[Any]:
        return [casadi.jacobian(casadi.vertcat(*y), x).T]

    work = work_of(setting)
    clock = Clock()
    inputs = casadi.SX.sym("x", len(work.numbers))
    root = work.program(FUNCTIONS)([inputs[k] for k in range(len(work.numbers))])
    phases = {"trace": clock()}
    f = casadi.Function("f", [inputs], transposed(root, inputs))
    buffer, call = f.buffer()
    x, out = np.array(work.numbers), np.zeros(f.nnz_out(0))
    buffer.set_arg(0, memoryview(x))
    buffer.set_res(0, memoryview(out))
    call()
    phases["first"] = clock()
    return Prepared(
        out.tolist(), python_loop("call()", call=call, kept=(f, buffer, x, out)), phases
    )


CONTESTANTS = {f.__name__: f for f in (traced, jacobian, sparse)}
