"""What generators of programs have in common whose size, or number of steps, is to be chosen: how
many statements a seed's program has at a size, and what its kernel computes, beside `backward`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from micrograd import jit

from .by_values import function
from .regular import Traced, traced
from .updated_in_place import GROWN, checked


@dataclass(frozen=True, slots=True)
class SizedPrograms:
    """The programs of all seeds.

    source        the text of a seed's function of two lists, of a size
    numbers       what it is called with
    sizes         two that programs are compared at: their statements should be as many
    compiled_at   those that they are compiled at
    """

    source: Callable[[int, int], str]
    numbers: Callable[[int, int], tuple[list[float], list[float]]]
    sizes: tuple[int, int]
    compiled_at: Sequence[int]

    def made(self, seed: int, n: int) -> Traced:
        """The trace of one."""
        return traced(function(self.source(seed, n)), *self.numbers(seed, n))

    def statements(self, seed: int, n: int, *, strict: bool = False) -> int:
        """How many statements its program has. Raises AssertionError if it is not what the trace
        is.
        """
        return checked(self.made(seed, n), self.source(seed, n), strict=strict)

    def compiled(self, seed: int, n: int, *, strict: bool, dtype: str) -> None:
        """Raises AssertionError if its value and gradient are others than those of `backward`: if
        strict, in any bit.
        """
        t, text = self.made(seed, n), self.source(seed, n)
        kernel = jit(function(text), dtype=dtype, strict=strict)
        value, partials = kernel.value_and_grad(*self.numbers(seed, n))
        found = np.array([value, *np.concatenate([np.ravel(x) for x in partials])], dtype=float)
        expected = np.array([t.outputs[0].data, *t.partials()])
        scale = max(1.0, float(np.nanmax(np.abs(expected))))
        if strict and dtype == "f64":
            assert np.array_equal(found, expected, equal_nan=True), text
        elif dtype == "f64":
            assert np.allclose(found / scale, expected / scale, atol=1e-9, equal_nan=True), text
        elif scale < 1e3:  # where single precision says something
            assert np.allclose(found / scale, expected / scale, atol=1e-2, equal_nan=True), text

    def main(self, seconds: str, seed: str = "0", what: str = "") -> None:
        """One program after the other, strict and not: whether it grows from one of the sizes to
        the other; or, if asked for `what`, compiled.
        """
        end, k, seen = time.monotonic() + float(seconds), int(seed), Counter[str]()
        while time.monotonic() < end:
            if what:
                n = self.compiled_at[k % len(self.compiled_at)]
                for strict, dtype in ((False, "f64"), (True, "f64"), (False, "f32")):
                    self.compiled(k, n, strict=strict, dtype=dtype)
                seen[what] += 1
                k += 1
                continue
            for strict in (False, True):
                counts = [self.statements(k, n, strict=strict) for n in self.sizes]
                seen["strict" if strict else "default"] += 1
                if counts[1] > GROWN * counts[0] + 2:
                    seen["strict ones that grow" if strict else "that grow"] += 1
                    print(f"seed {k}{', strict' if strict else ''}: {counts}")
            k += 1
        print(f"{dict(seen)}, before seed {k}")
