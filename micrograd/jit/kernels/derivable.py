"""The kernels that a kernel of numbers has: of derivatives, which have some too, and of methods."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, Self, cast
from weakref import ref

import numpy as np

from ...engine import Value
from ...errors import SignatureError
from ..bound import kept_under
from ..derived import Derived
from ..tensors.calls import TensorCalls
from ..trace.parameters import Parameter
from ..trace.signature import PLAIN
from ..trace.source import FunctionSource, Source, ValueSource
from ..wanted import Wanted
from .sparse import SparseKernel

_ARGUMENTS = (float, int, Value, list, tuple, Mapping, np.ndarray, str, types.NoneType)
"""What is never taken for an instance of the class that has a method."""
AT_SIGHT = PLAIN | {np.ndarray, list, tuple}
"""Most of what it is, by type."""


_BUILTIN = frozenset({*PLAIN, np.ndarray, list, tuple, dict, str, types.NoneType, Value})


class Derivable(Derived, TensorCalls):
    """A kernel of a source, from which others are derived; each is made once."""

    _source: Source
    _parameters: Sequence[Parameter]
    _options: Any
    _wanted: Wanted
    _lock: Any
    _derived: dict[Wanted, Self]
    _of_classes: dict[Any, Self]
    _parent: Callable[[], Self | None]
    name: str
    _may_bind = False

    def _check_open(self) -> None:
        raise NotImplementedError

    def _like(self, source: Source, wanted: Wanted) -> Self:
        """A kernel that is compiled as this one is."""
        raise NotImplementedError

    def _derive(self, wanted: Wanted) -> Self:
        made = self._derived.get(wanted)
        if made is not None:
            self._check_open()
            return made
        with self._lock:
            self._check_open()
            if wanted not in self._derived:
                source = self._source
                if self._wanted is not Wanted.VALUE:
                    source = FunctionSource(cast(Any, self), self._wrt, freeze=False)
                made = self._derived[wanted] = self._like(source, wanted)
                made._parent = ref(self)  # not to keep it, and its code
            return self._derived[wanted]

    @property
    def _wrt(self) -> Any:
        """What derivatives of this derivative are with respect to: what it is with respect to."""
        asked = self._source.asked
        if asked is None and len(self._parameters) == len(self._source.parameters):
            return None
        if isinstance(self._source, ValueSource):
            names = [p.name for p in self._source.parameters]
            return names[0] if self._source.alone else names
        if asked is None:
            names = [p.name for p in self._source.parameters if not p.named]
            return names[0] if self._source.alone else names
        return asked[0] if self._source.alone else asked

    @property
    def made_of_it(self) -> dict[Any, Any]:
        """What others have made of it: kept as long as it is, and not in copies of it."""
        found: dict[Any, Any] = vars(self).setdefault("_made", {})
        return found

    @property
    def sparse_jacobian(self) -> SparseKernel:
        """The kernel of the Jacobian as a `scipy.sparse.csr_array`: docs/derivatives.md.

        A row is of a number of the result, a column of one that it is differentiated by.

        >>> from micrograd import jit
        >>> jit(lambda x: [x[0] * x[1], x[2] ** 2]).sparse_jacobian([2.0, 3.0, 4.0]).toarray()
        array([[3., 2., 0.],
               [0., 0., 8.]])
        """
        return self._sparse(Wanted.SPARSE_JACOBIAN)

    @property
    def sparse_hessian(self) -> SparseKernel:
        """The kernel of the Hessian as a `scipy.sparse.csr_array`, exactly symmetric.

        >>> from micrograd import jit
        >>> jit(lambda x: x[0] * x[1] + x[2] ** 2).sparse_hessian([2.0, 3.0, 4.0]).toarray()
        array([[0., 1., 0.],
               [1., 0., 0.],
               [0., 0., 2.]])
        """
        return self._sparse(Wanted.SPARSE_HESSIAN)

    def _sparse(self, wanted: Wanted) -> SparseKernel:
        entries: Any = self._derive(wanted)
        found: SparseKernel = entries.made_of_it.setdefault("sparse", SparseKernel(entries))
        return found

    # -- methods -------------------------------------------------------------------------------

    @property
    def _is_method(self) -> bool:
        """Whether it compiles a function of a class, whose first argument is an instance: that is
        known where it was taken from the class, or from how the function was written.
        """
        function = getattr(self._source, "function", None)
        if isinstance(function, Derivable):
            return self._may_bind or function._is_method
        if not isinstance(function, FunctionType):
            return False
        outer, _, _ = function.__qualname__.rpartition(".")
        code = function.__code__
        named_so = code.co_argcount > 0 and code.co_varnames[0] in ("self", "cls")
        in_class = bool(outer) and not outer.endswith("<locals>")
        return self._may_bind or named_so or in_class

    def _binds(self, args: tuple[Any, ...]) -> bool:
        """Whether the first of the arguments is the instance whose method is called: it could be no
        argument of a kernel, nor a setting.
        """
        if not args:
            return False
        if isinstance(args[0], _ARGUMENTS) or hasattr(args[0], "__float__"):
            return type(args[0]) not in _BUILTIN and self._is_method_of(type(args[0]))
        return self._is_method

    def _is_method_of(self, cls: type) -> bool:
        """Whether a class has the function that this compiles, compiled, as a method."""
        function = getattr(self._source, "function", None)
        while isinstance(function, Derivable):
            function = getattr(function._source, "function", None)
        found = inspect.getattr_static(cls, getattr(function, "__name__", ""), None)
        return isinstance(found, Derivable) and found._source.function is function  # type: ignore[union-attr]

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """The kernel of a method, if it compiles a function that a class has; one per instance.

        It is kept with the instance's attributes, and goes when the instance goes. Through the
        class, `A.f`, it is the function, and binds when it is called: see `_binds`.
        """
        function = getattr(self._source, "function", None)
        if instance is None:
            self._may_bind = True
            return self
        if isinstance(function, Derivable) and function._is_method:
            inner: Any = function.__get__(instance, owner)
            if self._wanted is not Wanted.VALUE:
                return cast(Self, inner._derive(self._wanted))
            return self._like(cast(Any, self._source).of(inner), self._wanted)
        if not isinstance(function, FunctionType):
            return self
        method = MethodType(function, instance)
        kept: dict[Any, Any] | None = getattr(instance, "__dict__", None)
        if isinstance(instance, type):
            kept = self._of_classes
        if kept is None:
            raise SignatureError(
                f"{self.name} is a compiled method, which is kept with its instance, and instances "
                f'of {type(instance).__name__} have no room for it: put "__dict__" into __slots__'
            )
        source = cast(FunctionSource, self._source)
        key = kept_under(function, self.name, self._options, source.freeze, source.wrt)
        kernel: Self | None = kept.get(key)
        if kernel is None or kernel._source.function != method:  # type: ignore[union-attr]
            kept[key] = kernel = self._like(source.of(method), self._wanted)
            functools.update_wrapper(cast(Any, kernel), method, updated=())
        return kernel
