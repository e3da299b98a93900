"""NumPy's functions that Tensors have as methods of the same meaning, by NumPy's own names of what
they take; and those that are functions here.

Options that say nothing, such as `out=None`, are left out; others are errors.
"""

from __future__ import annotations

from functools import cache
from inspect import Parameter, signature
from typing import Any

import numpy as np

from ..errors import DataError, user_location
from .functions import concat, einsum, method_named, stack, tensor_of, tensordot, where
from .numpy_calls import OF_TENSORS, enter, says_nothing

METHODS = {
    "reshape": ("shape",),
    "transpose": ("axes",),
    "swapaxes": ("axis1", "axis2"),
    "moveaxis": ("source", "destination"),
    "expand_dims": ("axis",),
    "squeeze": ("axis",),
    "ravel": (),
    "broadcast_to": ("shape",),
    "flip": ("axis",),
    "split": ("indices_or_sections", "axis"),
    "clip": ("a_min", "a_max"),
    "take": ("indices", "axis"),
    "take_along_axis": ("indices", "axis"),
    "diagonal": ("offset", "axis1", "axis2"),
    "trace": ("offset", "axis1", "axis2"),
}
"""What each takes behind the array, in order."""
_ALIASES = {"min": "a_min", "max": "a_max", "newshape": "shape"}


def _method(name: str, names: tuple[str, ...]) -> Any:
    method = method_named(name)

    def function(x: Any, *args: Any, **how: Any) -> Any:
        if not how and len(args) <= len(names):
            return method(x, *args)
        return method(*_by_place(name, names, (x, *args), how))

    return function


@cache
def _parameters(name: str) -> list[Parameter]:
    return list(signature(getattr(np, name)).parameters.values())


def _by_place(name: str, names: tuple[str, ...], args: Any, how: Any) -> list[Any]:
    """What a method takes, of what NumPy's function was called with."""
    array, *others = _parameters(name)
    bound = signature(getattr(np, name)).bind(*args, **how).arguments
    given = {_ALIASES.get(k, k): v for k, v in bound.items()}
    defaults = {_ALIASES.get(p.name, p.name): p.default for p in others}
    for option, value in given.items():
        is_option = option not in names and option != array.name
        if is_option and not says_nothing(value) and value != defaults[option]:
            raise DataError(
                f"{user_location()}: np.{name} of a Tensor does not take {option}={value!r}; it "
                f"takes {', '.join(names) or 'nothing else'}"
            )
    values = [given.get(n, defaults[n]) for n in names]
    return [given[array.name], *(None if says_nothing(v) else v for v in values)]


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    return concat(arrays, axis)


def _stack(arrays: Any, axis: int = 0) -> Any:
    return stack(arrays, axis)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    return tensordot(a, b, axes)


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        return np.asarray(tensor_of(condition).numpy()).nonzero()
    return where(condition, *choices)


OF_TENSORS |= {getattr(np, name): _method(name, names) for name, names in METHODS.items()}
OF_TENSORS |= {np.where: _where, np.einsum: einsum}
enter(np, (_concatenate, _stack, _tensordot))
