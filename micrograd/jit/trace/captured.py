"""What a function that is traced reads of functions around it, which are being traced themselves.

    jit(lambda x: grad(lambda y: x * y * y)(x + 1.0))

Here the inner function is traced first, when it is called: the x that it reads is an input of its
graph then, and given by the outer function, in whose graph that graph is put in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...engine import Value
from ...lookups import Lookup
from ...traced import Scope, Traced
from ...tracing import FROZEN, THREADS
from .loops import operands_of

CAPTURED = "captured"
"""The array that they are, unless a parameter has this name."""


def captured(
    outputs: Sequence[Any], scope: Scope, first: int, inputs: Collection[str]
) -> dict[str, list[Value]]:
    """The values of functions around that those under the outputs are computed from, in the order
    in which they were made, by the array that they are; nothing, if there are none.

    scope    of the function itself
    first    a serial number from the time when it began
    inputs   its other arrays
    """
    if not THREADS and not FROZEN:
        return {}
    stack = [v for v in (*outputs, *operands_of(scope.loops)) if isinstance(v, Value)]
    seen = {v._serial for v in stack}
    found: dict[int, Value] = {}
    while stack:
        v = stack.pop()
        if isinstance(v, Traced):
            is_older = v._serial < first
            is_around = v._scope is not scope and not v._scope.is_over
            # rows that integers of those functions choose are looked up there, see rows.py
            if is_around and (is_older or isinstance(v._entry, Lookup)):
                found[v._serial] = v
            if is_older or v._serial in found:
                continue
        for x in v._operands:
            if x.__class__ is not float and x._serial not in seen:
                seen.add(x._serial)
                stack.append(x)
    name = CAPTURED
    while name in inputs:
        name += "_"
    return {name: [found[serial] for serial in sorted(found)]} if found else {}
