"""Which functions are of Tensors: those that say so, and those that are called with Tensors.

Nothing of Tensors is imported before there is one.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Sequence
from inspect import isclass
from typing import Any

from ..errors import SignatureError
from ..locks import importing
from ..named import is_tensor
from ..nn import Module
from .options import Options
from .trace.source import Source, ValueSource
from .wanted import Wanted


def takes_tensors(function: Any, wrt: Any) -> bool:
    """Whether it is a function of Tensors: by its annotations, by what `wrt` is, or by a model's
    parameters.
    """
    if not callable(function) or isclass(function) or is_tensor(function):
        return False
    if getattr(function, "is_of_tensors", False):
        return True
    if any(map(is_tensor, wrt if isinstance(wrt, (list, tuple)) else [wrt])):
        return True
    if isinstance(function, Module) and any(map(is_tensor, function.parameters())):
        return True
    said = getattr(function, "__annotations__", None) or {}
    return any(map(_says_tensor, said.values()))


def _says_tensor(annotation: Any) -> bool:
    """Whether an annotation names Tensors: `Tensor`, `list[Tensor]`, `Tensor | None`."""
    if isinstance(annotation, str):
        return re.search(r"\bTensor\b", annotation) is not None
    if isclass(annotation) and hasattr(annotation, "__primitive__"):
        return True
    return any(map(_says_tensor, typing.get_args(annotation)))


def has_tensors(x: Any) -> bool:
    """Whether there are Tensors in lists, tuples or dicts, however they are nested."""
    seen: set[int] = set()
    waiting = [x]
    while waiting:
        x = waiting.pop()
        if is_tensor(x):
            return True
        if isinstance(x, (list, tuple, dict)) and id(x) not in seen:
            seen.add(id(x))
            waiting += x.values() if isinstance(x, dict) else x
    return False


def tensor_kernel(
    function: Callable[..., Any], options: Options, wrt: Any, *, wanted: Wanted, freeze: bool
) -> Any:
    """The kernel of a function of Tensors; a model's gradient is for its parameters."""
    with importing:
        from .tensor_kernel import TensorKernel
    if isinstance(function, Module) and wrt is None:
        wrt = function.parameters()
    made = TensorKernel(function, options, wrt, wanted, freeze=freeze)
    return functools.update_wrapper(made, function, updated=())


class TensorCalls:
    """A kernel of a source that may be called with Tensors."""

    name: str
    _source: Source
    _options: Options
    _wanted: Wanted
    _tensor_kernel: Any = None

    def _on_tensors(self, args: Sequence[Any], kwargs: Any, out: Any, where: Any) -> Any:
        """The result for Tensors: that of a kernel of the same function of Tensors, which sorts
        arguments and settings as they are given.
        """
        if out is not None or where is not True:
            raise SignatureError(f"{self.name}: out and where are for numbers, not for Tensors")
        source = self._source
        if isinstance(source, ValueSource) or (
            isinstance(source.function, Module) and source.function.parameters()
        ):
            raise SignatureError(f"{self.name} takes numbers, got Tensors")
        if self._tensor_kernel is None:
            asked = source.wrt[0] if source.wrt and source.alone else source.wrt
            self._tensor_kernel = tensor_kernel(
                source.function, self._options, asked, wanted=self._wanted, freeze=source.freeze
            )
        return self._tensor_kernel(*args, **kwargs)
