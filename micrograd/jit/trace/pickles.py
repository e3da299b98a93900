"""How the function of a kernel goes into a pickle: by its name, as every function of Python does.

What a name cannot say, a lambda or a closure, goes with `cloudpickle` only, which takes functions
along by value; with anything else it is refused here, by name, and not somewhere within.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from ...engine import Value
from ...errors import PickleError
from ...named import is_tensor

_BY_VALUE = {"cloudpickle", "dill"}
"""Packages that pickle functions by value where no other process can import them."""


@dataclass(frozen=True, slots=True)
class FunctionOf:
    """A function whose name is that of a kernel, which decorates it; it goes as that kernel."""

    kernel: Any

    @property
    def function(self) -> Callable[..., Any]:
        """The function."""
        return _compiled_by(self.kernel)  # type: ignore[no-any-return]


def portable(function: Any, wrt: Sequence[Any] | None) -> Any:
    """What stands for the function of a kernel in a pickle.

    wrt   what its gradient is with respect to, which goes with it

    Raises PickleError for a function that only cloudpickle can pickle; for one that goes by name
    while leaves in `wrt` would go by value: the function would not read them any more.
    """
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not isinstance(inner, FunctionType):
        return function
    name = f"{inner.__module__}.{inner.__qualname__}"
    found = _named(inner)
    decorated = found is not inner and _compiled_by(found) is inner
    if _goes_by_value(inner.__module__) or (found is not inner and not decorated):
        if not _by_value():
            raise PickleError(
                f"the kernel of {name} cannot be pickled: no other process can import that "
                "function by its name. Define it at the top of a module, or pickle the kernel "
                "with cloudpickle, which takes functions along: cloudpickle.dumps(kernel)"
            )
        return function
    leaf = next((w for w in wrt or () if isinstance(w, Value) or is_tensor(w)), None)
    if leaf is not None:
        raise PickleError(
            f"the kernel of {name} cannot be pickled: the function goes by its name, so in another "
            f"process it reads leaves of its own, and not {leaf!r} of wrt. Compile a model, a "
            "method of one, or a function that gets the leaves as arguments"
        )
    return FunctionOf(found) if decorated and inner is function else function


def _compiled_by(kernel: Any) -> Any:
    """The function that a kernel compiles, of numbers or of Tensors; None for what is no kernel."""
    return getattr(getattr(kernel, "_source", kernel), "function", None)


def global_name(kernel: Any) -> str | None:
    """The qualified name under which a module has the kernel; None: under none."""
    if _named(kernel) is not kernel or _goes_by_value(kernel.__module__):
        return None
    return kernel.__qualname__  # type: ignore[no-any-return]


def _named(x: Any) -> Any:
    """What the module of `x` has under the qualified name of `x`, if anything."""
    found: Any = sys.modules.get(getattr(x, "__module__", None) or "")
    for part in getattr(x, "__qualname__", "<locals>").split("."):
        found = getattr(found, part, None)
    return found


def _goes_by_value(module: str) -> bool:
    """Whether the module is a script, which workers of joblib do not have, and this can help it."""
    return module == "__main__" and _by_value()


def _by_value() -> bool:
    """Whether the pickler at work is one that takes functions along by value."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        parts = str(frame.f_globals.get("__name__", "")).split(".")
        if _BY_VALUE.intersection(parts):
            return True
    return False
