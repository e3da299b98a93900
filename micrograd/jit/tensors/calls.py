"""Which functions are of Tensors: those that say so, and those that are called with Tensors.

Nothing of Tensors is imported before there is one.
"""

from __future__ import annotations

import ctypes
import functools
import re
import typing
from collections.abc import Callable, Sequence
from inspect import isclass
from typing import Any

import numpy as np

from ...errors import SignatureError, TensorsNeeded
from ...locks import importing
from ...named import is_tensor
from ...nn import Module
from ..options import Options
from ..trace.source import FunctionSource, Source, ValueSource
from ..wanted import SPARSE, Wanted


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
        from .kernel import TensorKernel
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
    _latest: Any
    _answered: ctypes.c_size_t
    _tensor_kernel: Any = None

    def _on_tensors(self, args: Sequence[Any], kwargs: Any, out: Any, where: Any) -> Any:
        """The result for Tensors: that of a kernel of the same function of Tensors, which sorts
        arguments and settings as they are given.
        """
        source = self._source
        if isinstance(source, ValueSource) or (
            isinstance(source.function, Module) and source.function.parameters()
        ):
            raise SignatureError(f"{self.name} takes numbers, got Tensors")
        return self._noted(self._by_tensors(source, out, where)(*args, **kwargs))

    def _on_numbers(self, given: Sequence[Any], out: Any, where: Any) -> Any:
        """The result of a function of numbers that computes with Tensors: numbers among the
        arguments become Tensors of one, and arrays are taken whole, as the function does.
        """
        source = self._source
        if isinstance(source, ValueSource):
            raise TensorsNeeded(
                f"{self.name} depends on elements of Tensors; compile a function that computes it"
            )
        kernel, n = self._by_tensors(source, out, where), len(source.parameters)
        numbers = [of_floats(x) for x in given]
        extra: Sequence[Any] = numbers[n:]
        if self._wanted in (Wanted.JVP, Wanted.HVP) and isinstance(kernel._wrt, list):
            extra = [tuple(extra)] if source.wrt is None else extra  # like `wrt`

        def call(*args: Any, **settings: Any) -> Any:
            return kernel(*args, *extra, **settings)

        return self._noted(source.taken.call(call, numbers[:n]))

    def _noted(self, result: Any) -> Any:
        """The result of a call with Tensors, after which no other call is the latest."""
        if self._tensor_kernel._latest is not None:
            self._latest, self._answered.value = None, 0
        return result

    def _by_tensors(self, source: FunctionSource, out: Any, where: Any) -> Any:
        """The kernel of Tensors."""
        if out is not None or where is not True:
            raise SignatureError(f"{self.name}: out and where are for numbers, not for Tensors")
        if self._wanted in SPARSE:
            raise SignatureError(
                f"{self.name} is of functions of numbers; of Tensors there are jacobian and hessian"
            )
        if self._tensor_kernel is None:
            asked: Any = source.wrt
            if asked is None and any(p.named for p in source.parameters):
                asked = [p.name for p in source.parameters if not p.named]
            if asked and source.alone:
                asked = asked[0]
            self._tensor_kernel = tensor_kernel(
                source.function, self._options, asked, wanted=self._wanted, freeze=source.freeze
            )
        return self._tensor_kernel


def of_floats(x: Any) -> Any:
    """An argument with floats for whole numbers, which functions of numbers tell apart from none.

    >>> of_floats([1, {"a": 2.5}])
    [1.0, {'a': 2.5}]
    """
    if isinstance(x, (int, np.number, np.bool_)):
        return float(x)
    if isinstance(x, np.ndarray) and x.dtype.kind in "biu":
        return x.astype(np.float64)
    if type(x) in (list, tuple):
        return type(x)(map(of_floats, x))
    return {k: of_floats(v) for k, v in x.items()} if type(x) is dict else x
