"""Compiled functions of Tensors that a class has bind, as functions do."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any, Self, cast

from ...errors import SignatureError
from ..bound import kept_under
from ..options import Options


class TensorMethods:
    """A kernel of Tensors that may be a method."""

    name: str
    function: Any
    _options: Options
    _freeze: bool
    _wrt: Any

    def _of(self, function: Any) -> Self:
        """A kernel of another function that is compiled as this one is."""
        raise NotImplementedError

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """The kernel of a method, if it compiles a function that a class has; one per instance,
        kept with the attributes of that. Through the class it is the function.
        """
        function = self.function
        if instance is None or not isinstance(function, (FunctionType, TensorMethods)):
            return self
        method: Any = function.__get__(instance, owner)
        if method is function:
            return self
        kept: dict[Any, Any] | None = getattr(instance, "__dict__", None)
        if kept is None:
            raise SignatureError(
                f"{self.name} is a compiled method, which is kept with its instance, and instances "
                f'of {type(instance).__name__} have no room for it: put "__dict__" into __slots__'
            )
        key = kept_under(function, self.name, self._options, self._freeze, self._wrt)
        kernel: Self | None = kept.get(key)
        if kernel is None or kernel.function != method:
            kept[key] = kernel = self._of(method)
            functools.update_wrapper(cast(Any, kernel), method, updated=())
        return kernel
