"""Compiles func, arith, scf and math, not the llvm dialect: MLIR's own passes lower them.

    python examples/dialects.py

It needs MLIR's own bindings; with jaxlib's, which have few passes, it says so and ends.
"""

from __future__ import annotations

import ctypes
import math

import lowering
from lowering.bindings import context, ir, package

NEWTON = """
func.func @root(%a: f64, %steps: index) -> f64 {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %half = arith.constant 0.5 : f64
  %x = scf.for %i = %zero to %steps step %one iter_args(%x = %a) -> f64 {
    %quotient = arith.divf %a, %x : f64
    %sum = arith.addf %x, %quotient : f64
    %next = arith.mulf %half, %sum : f64
    scf.yield %next : f64
  }
  return %x : f64
}
"""


def main() -> None:
    if package() != "mlir":
        print(f"{package()} does not have the passes: pip install 'xtc-mlir-python-bindings'")
        return
    native = lowering.compile(ir.Module.parse(NEWTON, context()), pipeline="memref")
    root = native.function("root", ctypes.c_double, ctypes.c_double, ctypes.c_int64)
    for steps in (2, 4, 8):
        found = root(2.0, steps)
        print(f"{steps} steps: {found:.15f}, off by {abs(found - math.sqrt(2.0)):.1e}")


if __name__ == "__main__":
    main()
