"""A function, compiled for vectors of several widths, against the interpreter on its very program.

check_widths(f, [0.5, 2])     value and gradient of f(0.5, 2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from micrograd import jit
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Role

from .by_values import BITS, same
from .targets import assumed


def check_widths(
    f: Callable[..., Any], given: Sequence[Any], *, strict: bool = False, what: str = ""
) -> None:
    """Raises AssertionError if a number is not what the interpreter says."""
    for width in BITS:
        with assumed(vector_bits=width):
            kernel = jit(f, strict=strict).value_and_grad
            found = np.array(list(_flat(kernel(*given))))
        code = kernel._shown
        program, indices = code.transformed, code.convention.indices
        columns: list[Any] = [np.ravel(x) for x in given]
        columns += indices.entries("f", given) if indices is not None else []
        names = [a.name for a in program.with_role(Role.INPUT)]
        stores = {f"p{k}": np.array(store._data) for k, store in enumerate(code.stores)}
        results = interpret(program, stores | dict(zip(names, columns, strict=True)))
        expected = np.concatenate([np.ravel(x) for x in results.values()])
        same(found, expected, f"{what}, strict: {strict}, {width} bits\n{program}")


def _flat(x: Any) -> Iterator[float]:
    if isinstance(x, (tuple, list)):
        for each in x:
            yield from _flat(each)
    else:
        yield x
