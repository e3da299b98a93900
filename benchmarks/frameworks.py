"""What a call costs beyond the frameworks' own: `python -m benchmarks.frameworks [results.json]`.

An operator of PyTorch is called in turns with a custom op of the same schema that computes nothing,
and one of JAX, under `jax.jit`, with a handler in C++ that does nothing. Where a framework, or what
compiles C++, is not installed, its part is left out.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from micrograd import exp

from .environment import write_down

POINTS, CALLS, ROUNDS = 8, 300, 30
TORCH_BAR, JAX_BAR = 3.0, 1.1
"""Microseconds over an empty custom op, and times of an empty call through XLA's FFI."""

EMPTY = """
#include "xla/ffi/api/ffi.h"
namespace ffi = xla::ffi;
static ffi::Error nothing(ffi::AnyBuffer, ffi::AnyBuffer, ffi::Result<ffi::AnyBuffer>) {
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(empty, nothing, ffi::Ffi::Bind().Arg<ffi::AnyBuffer>()
    .Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>());
"""


def _wave(x: Any, y: Any) -> Any:
    return x * exp(-y)


def _in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Microseconds of a call, round by round."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            for _ in range(CALLS):
                call()
            found[name].append((time.perf_counter() - begun) / CALLS * 1e6)
    return found


def _report(found: Mapping[str, list[float]], **more: Any) -> dict[str, Any]:
    medians = {name: round(median(times), 2) for name, times in found.items()}
    return {**more, "microseconds (medians)": medians}


def of_torch(rounds: int = ROUNDS) -> dict[str, Any]:
    """The custom op over an empty one, and the whole call of the operator."""
    import torch

    from micrograd.torch import operator

    wave, name = operator(_wave, name="frameworks_wave"), "micrograd_benchmarks::empty"
    schema = "(Tensor x0, Tensor x1, int[] cores) -> Tensor"
    empty = torch.library.custom_op(
        name, lambda x0, x1, cores: x0.new_empty((1, *x0.shape)), mutates_args=(), schema=schema
    )
    x = torch.linspace(0.0, 1.0, POINTS, dtype=torch.float64)
    y, cores = x + 1.0, [-1, -1]
    assert torch.allclose(wave(x, y), x * torch.exp(-y), rtol=1e-14)
    calls = {
        "op": lambda: wave._op(x, y, cores),
        "empty op": lambda: empty(x, y, cores),
        "operator, whole": lambda: wave(x, y),
    }
    found = _in_turns(calls, rounds)
    over = median(a - b for a, b in zip(found["op"], found["empty op"], strict=True))
    return _report(found, **{"bar": TORCH_BAR, "microseconds over an empty op": round(over, 2)})


def of_jax(rounds: int = ROUNDS) -> dict[str, Any]:
    """A call under `jax.jit` over one of a handler that does nothing."""
    import jax

    from micrograd.jax import operator

    jax.config.update("jax_enable_x64", True)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "empty.cc"), Path(folder, "empty.so")
        source.write_text(EMPTY)
        how = ["-O2", "-w", "-std=c++17", "-shared", "-fPIC", f"-I{jax.ffi.include_dir()}"]
        subprocess.run(["c++", *how, str(source), "-o", str(library)], check=True)
        handler = ctypes.CDLL(str(library)).empty
        jax.ffi.register_ffi_target("micrograd_empty", jax.ffi.pycapsule(handler), platform="cpu")
    x = jax.numpy.linspace(0.0, 1.0, POINTS)
    y = x + 1.0
    nothing = jax.ffi.ffi_call("micrograd_empty", jax.ShapeDtypeStruct(x.shape, x.dtype))
    ours, theirs = jax.jit(operator(_wave)), jax.jit(lambda x, y: nothing(x, y))
    np.testing.assert_allclose(ours(x, y), np.asarray(x) * np.exp(-np.asarray(y)), rtol=1e-14)
    calls = {
        "call": lambda: ours(x, y).block_until_ready(),
        "empty call": lambda: theirs(x, y).block_until_ready(),
    }
    found = _in_turns(calls, rounds)
    times = median(a / b for a, b in zip(found["call"], found["empty call"], strict=True))
    return _report(found, **{"bar": JAX_BAR, "times of an empty call": round(times, 3)})


def main() -> None:
    """Measure, print, and write the results down if a file is named."""
    result: dict[str, Any] = {"points": POINTS}
    if find_spec("torch"):
        result["torch"] = of_torch()
    if find_spec("jax"):
        result["jax"] = of_jax()
    write_down(result, "".join(sys.argv[1:2]))


if __name__ == "__main__":
    main()
