"""Code -> how long a call of it takes, measured by a loop in machine code around calls."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering

from ..call.team import ALONE
from ..code import Code
from ..emit.interface import STORED
from ..ir.program import Array, Role
from ..target import c_type

ROUNDS = 15
SHORTEST = 1e-3
"""Seconds of a round, at least."""
LONGEST = 0.4
"""Seconds of all rounds, about."""
SEED = 0


def clock_of(code: Code) -> Callable[[], tuple[float, str]]:
    """Measures a call of `main`, on numbers between 0 and 1, entries of index arrays that there
    may be, loops as long as they can be, and parameters as they are. Cost: half a second.
    """

    def clock() -> tuple[float, str]:
        loop = _Loop.around(code)
        calls, round_ = 1, loop.seconds(1)
        while round_ < SHORTEST:
            calls *= 4
            round_ = loop.seconds(calls)
        rounds = max(1, min(ROUNDS, int(LONGEST / round_)))
        seconds = median(loop.seconds(calls) / calls for _ in range(rounds))
        times = f"{calls:,} calls in a row" if calls > 1 else "a call"
        return seconds, f"median of {rounds} times {times}, on random numbers, by one thread"

    return clock


@dataclass(slots=True)
class _Loop:
    """Calls of a function again and again, on the same arguments; `held` is what these point to."""

    native: lowering.NativeModule
    function: Any
    address: int
    arguments: list[Any]
    held: list[Any]

    @classmethod
    def around(cls, code: Code) -> _Loop:
        """The loop around `main`."""
        interface, dtype = code.interface, code.target.dtype
        number = "float" if dtype.itemsize == 4 else "double"
        types, passed, kinds = [], [], list[Any]()
        held: list[Any] = [code.native]
        rng = np.random.default_rng(SEED)
        for a in interface.arguments(code.program):
            block = _block(a, dtype, rng)
            held.append(block)
            by_value = a.name in interface.by_value
            types.append(number if by_value else "ptr")
            passed.append(block[0].item() if by_value else block.ctypes.data)
            kinds.append(c_type(dtype) if by_value else ctypes.c_void_p)
        if interface.team:
            types.append("ptr")
            passed.append(ALONE.address)
            kinds.append(ctypes.c_void_p)
        result = number if interface.returned else "void"
        native = lowering.compile_ir(_repeated(result, types), isolate=False)
        function = native.function("repeat", None, ctypes.c_int64, ctypes.c_void_p, *kinds)
        return cls(native, function, code.address, passed, held)

    def seconds(self, calls: int) -> float:
        """How long so many calls take."""
        start = time.perf_counter()
        self.function(calls, self.address, *self.arguments)
        return time.perf_counter() - start


def _block(a: Array, dtype: np.dtype[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """The memory of an argument."""
    if a.role is Role.EXTENT:
        return np.array([a.size], dtype=np.int64)
    kind = np.dtype(STORED.get(a.dtype, dtype))
    if a.is_index:
        return rng.integers(0, max(1, a.below), a.size).astype(kind)
    if a.role in (Role.OUTPUT, Role.STATE):
        return np.zeros(a.size, kind)
    return rng.random(a.size).astype(kind)


def _repeated(result: str, types: list[str]) -> str:
    """A function in LLVM IR that calls another, which has a result and arguments of these types."""
    arguments = [f"{t} %a{k}" for k, t in enumerate(types)]
    return f"""define void @repeat({", ".join(["i64 %n", "ptr %f", *arguments])}) {{
entry:
  br label %again
again:
  %k = phi i64 [ 0, %entry ], [ %next, %again ]
  {"" if result == "void" else "%r = "}call {result} %f({", ".join(arguments)})
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %again, label %end
end:
  ret void
}}
"""
