"""One number in place of an array, and NumPy's functions of whole arrays, which it is not for.

A function that is mapped over arrays is traced with one number for each. NumPy takes a number for
an array without axes, of which the sum is the number itself; of the array it is another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import TraceError, user_location

_OF_ARRAYS = frozenset(
    getattr(np, name)
    for name in str.split(
        "all any average argmax argmin cumprod cumsum dot inner max mean median min ndim prod ptp "
        "shape size sort std sum var vdot"
    )
) | {np.linalg.norm}
"""What NumPy makes of an array as a whole, and by itself would make of one number."""


def unmapped(name: str, x: Any) -> Any:
    """`x` itself; raises TraceError if it is a Value that one number in place of an array gave."""
    stack, seen = [x], set()
    while stack:
        v = stack.pop()
        if id(v) in seen or not hasattr(v, "_operands"):
            continue
        seen.add(id(v))
        stack.extend(v._operands)
        if v._entry is None and getattr(v, "_mapped", False):
            raise TraceError(
                f"{user_location()}: {name} of {v.label!r}, which is one number in place of an "
                "array, since arrays are mapped over; to take an array whole, annotate its "
                "parameter (x: np.ndarray), or pass a list"
            )
    return x


def apply_function(function: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """NumPy's function of traced Values; raises TraceError where it takes whole arrays."""
    if function in _OF_ARRAYS:
        for x in arguments:
            unmapped(f"np.{function.__name__}", x)
    return function._implementation(*arguments, **options)
