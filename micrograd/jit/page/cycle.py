"""How long a cycle of this processor is, measured: a chain of products of integers, of 3 each."""

from __future__ import annotations

import ctypes
import functools
import time

import lowering

LATENCY = 3
"""Cycles from an integer product to the next one that needs it, on x86-64 and 64-bit ARM alike."""
LINKS = 200_000
ROUNDS = 9

_CHAIN = """define i64 @chain(i64 %x, i64 %n) {
entry:
  br label %again
again:
  %k = phi i64 [ 0, %entry ], [ %next, %again ]
  %y = phi i64 [ %x, %entry ], [ %z, %again ]
  %z = mul i64 %y, %y
  %next = add i64 %k, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %again, label %end
end:
  ret i64 %z
}
"""


@functools.cache
def cycle() -> float:
    """Seconds of a cycle; the shortest that was seen. Cost: some milliseconds, once."""
    native = lowering.compile_ir(_CHAIN, opt_level=1, vectorize=False, unroll=False, isolate=False)
    chain = native.function("chain", ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        chain(3, LINKS)
        best = min(best, time.perf_counter() - start)
    return best / (LINKS * LATENCY)
