"""NumPy's reductions of Tensors, with the options that they have beside `axis` and `keepdims`.

`dtype` is that of the elements before, as of NumPy's sums; `where` chooses among them; `initial` is
folded in. Options that NumPy passes on though nobody gave them are left out.
"""

from __future__ import annotations

import math
from functools import cache
from inspect import Signature, signature
from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, user_location
from .casting import DEFAULT
from .functions import method_named, tensor_of, where
from .numpy_calls import OF_TENSORS, says_nothing

USUAL = frozenset({"axis", "keepdims"})
"""What methods of Tensors take."""
_OP = {"sum": ops.add, "prod": ops.mul, "max": ops.maximum, "min": ops.minimum}
_OF_NOTHING = {"sum": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


def _reduction(name: str) -> Any:
    method = method_named(name)

    def function(x: Any, *args: Any, **how: Any) -> Any:
        if not args and how.keys() <= USUAL and how.get("keepdims") is not np._NoValue:
            return method(x, **how)
        given = _given(name, (x, *args), how)
        x = tensor_of(given.pop("a"))
        chosen = given.pop("where", None)
        if "dtype" in given:
            x = x.astype(given.pop("dtype"))
        if chosen is not None:
            return _of_some(name, x, chosen, given)
        first = given.pop("initial", None)
        found = method(x, **given)
        return found if first is None else _OP[name](found, first)

    return function


@cache
def _signature(name: str) -> Signature:
    return signature(getattr(np, name))


def _given(name: str, args: Any, how: Any) -> dict[str, Any]:
    """The arguments by name, but for those that say nothing."""
    given = _signature(name).bind(*args, **how).arguments
    found = {k: v for k, v in given.items() if k == "a" or not says_nothing(v)}
    if found.get("where") is True:
        del found["where"]
    if "correction" in found:
        found["ddof"] = found.pop("correction")
    for option in ("out", "mean"):
        if option in found:
            raise DataError(
                f"{user_location()}: np.{name} of a Tensor does not take {option}=; use what it "
                "returns without"
            )
    return found


def _of_some(name: str, x: Any, chosen: Any, how: dict[str, Any]) -> Any:
    """A reduction of the elements that a mask chooses."""
    chosen = tensor_of(chosen).broadcast_to(*x.shape)
    axis, keep = how.get("axis"), how.get("keepdims", False)
    first, ddof = how.get("initial"), how.get("ddof", 0)
    if name in ("any", "all"):
        return method_named(name)((x & chosen) if name == "any" else (x | ~chosen), axis, keep)
    if name in _OP:
        if first is None and math.isinf(_OF_NOTHING[name]):
            raise DataError(
                f"{user_location()}: np.{name} with where= needs initial=, as there may be no "
                "elements"
            )
        fill = first if math.isinf(_OF_NOTHING[name]) else _OF_NOTHING[name]
        found = method_named(name)(where(chosen, x, fill), axis, keep)
        return found if first is None else _OP[name](found, first)
    count = chosen.astype(DEFAULT).sum(axis, keepdims=True)
    off = where(chosen, x, 0.0).sum(axis, keepdims=True) / count
    if name in ("var", "std"):
        off = where(chosen, x - off, 0.0)
        off = (off * off).sum(axis, keepdims=True) / (count - ddof).maximum(0.0)
        off = off if name == "var" else ops.sqrt(off)
    return off if keep else off.squeeze(axis)


for _name in ("sum", "prod", "max", "min", "mean", "var", "std", "argmax", "argmin", "any", "all"):
    OF_TENSORS[getattr(np, _name)] = _reduction(_name)
OF_TENSORS[np.amax], OF_TENSORS[np.amin] = OF_TENSORS[np.max], OF_TENSORS[np.min]
