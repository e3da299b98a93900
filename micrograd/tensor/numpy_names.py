"""NumPy's functions that are recorded: those that Tensors have by the same meaning.

Options that NumPy passes on though nobody gave them are left out; others the method refuses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .functions import (
    concat,
    einsum,
    method_named,
    stack,
    tensordot,
    where,
)
from .numpy_calls import OF_TENSORS


def _without(*defaults: str) -> Any:
    """A wrapper that leaves out options of NumPy that say nothing: `out=None`, `dtype=None`."""

    def wrap(name: str) -> Any:
        method = method_named(name)

        def function(x: Any, *args: Any, **how: Any) -> Any:
            for option in defaults:
                if how.get(option, np) is None or how.get(option) is np._NoValue:
                    del how[option]
            return method(x, *args, **how)

        return function

    return wrap


for _name in [
    "reshape",
    "transpose",
    "swapaxes",
    "moveaxis",
    "expand_dims",
    "squeeze",
    "ravel",
    "broadcast_to",
    "flip",
    "split",
    "clip",
    "take",
    "take_along_axis",
    "diagonal",
    "trace",
]:
    OF_TENSORS[getattr(np, _name)] = _without("out", "order")(_name)
OF_TENSORS |= {
    np.concatenate: lambda xs, axis=0: concat(xs, axis),
    np.stack: lambda xs, axis=0: stack(xs, axis),
    np.where: where,
    np.einsum: einsum,
    np.tensordot: tensordot,
}
