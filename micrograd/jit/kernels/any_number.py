"""Kernels of functions that take any number of arguments, `f(*xs)`: one for each number."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from copy import deepcopy
from types import FunctionType, MethodType
from typing import Any, Self

from ...errors import SignatureError
from ...locks import Lock
from ..bound import kept_under
from ..derived import Derived
from ..options import Options
from ..trace.pickles import global_name
from ..trace.source import FunctionSource
from ..wanted import Wanted
from .kernel import Kernel


def takes_any_number(function: Any) -> bool:
    """Whether it is a function with `*args`, and no `**kwargs`."""
    if not isinstance(function, (FunctionType, MethodType)):
        return False
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD not in kinds


class AnyNumber(Derived):
    """A kernel of a function of any number of arguments, which are parameters as others are.

    options, freeze, wrt   as of each kernel
    wanted                 the derivatives that it is, one of the other

    >>> from micrograd import jit
    >>> total = jit(lambda first, *rest: sum(rest, first * first))
    >>> total(3.0), total(3.0, 1.0, 2.0), total.grad(3.0, 1.0, 2.0)
    (9.0, 12.0, (6.0, 1.0, 1.0))
    """

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        freeze: bool,
        wrt: Any = None,
        wanted: tuple[Wanted, ...] = (),
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self._options, self._freeze, self._wrt, self._wanted = options, freeze, wrt, wanted
        self._kernels: dict[int, Any] = {}
        self._derived: dict[Wanted, Self] = {}
        self._latest: Any = None
        self._lock = Lock()

    def _derive(self, wanted: Wanted) -> Self:
        with self._lock:
            if wanted not in self._derived:
                self._derived[wanted] = self._of(self.function, (*self._wanted, wanted))
            return self._derived[wanted]

    def _of(self, function: Callable[..., Any], wanted: tuple[Wanted, ...]) -> Self:
        return type(self)(function, self._options, self._freeze, self._wrt, wanted)

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """The kernel of a method, one per instance, kept with its attributes."""
        if instance is None or not isinstance(self.function, FunctionType):
            return self
        name = f"{[w.value.name for w in self._wanted]}"
        key = kept_under(self.function, name, self._options, self._freeze, self._wrt)
        kept: dict[str, Any] = instance.__dict__
        if key not in kept:
            kept[key] = self._of(MethodType(self.function, instance), self._wanted)
        found: Self = kept[key]
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._of(deepcopy(self.function, memo), self._wanted)

    def __reduce__(self) -> Any:
        if name := global_name(self):
            return name
        given = self.function, self._options, self._freeze, self._wrt, self._wanted
        return type(self), given

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The result for these arguments."""
        self._latest = kernel = self._kernel(self._by_place(len(args)))
        return kernel(*args, **kwargs)

    def _by_place(self, given: int) -> int:
        """How many of them are the function's by place, where others stand behind."""
        for wanted in reversed(self._wanted):
            if wanted is Wanted.VJP:
                given -= 1
            elif wanted in (Wanted.JVP, Wanted.HVP):
                given //= 2
        return given

    def _kernel(self, n: int) -> Any:
        """That of n arguments by place."""
        with self._lock:
            if n not in self._kernels:
                source = FunctionSource(
                    with_arguments(self.function, n), self._wrt, freeze=self._freeze
                )
                kernel = Kernel(source, self._options, Wanted.VALUE)
                for wanted in self._wanted:
                    kernel = kernel._derive(wanted)
                self._kernels[n] = kernel
            return self._kernels[n]

    def __getattr__(self, name: str) -> Any:
        """What else is asked is of the kernel that was called last."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if self._latest is None:
            raise SignatureError(
                f"{self.function.__name__} takes any number of arguments, and has not been called "
                "yet; call it once, then look at it"
            )
        return getattr(self._latest, name)

    def _repr_html_(self) -> str | None:
        """What notebooks show: the kernel that was called last."""
        return None if self._latest is None else self._latest._repr_html_()

    def __str__(self) -> str:
        return repr(self) if self._latest is None else str(self._latest)

    def __repr__(self) -> str:
        names = "".join(f".{w.value.name}" for w in self._wanted)
        return f"<kernel {self.function.__name__}{names}{inspect.signature(self.function)}>"


def with_arguments(function: Callable[..., Any], n: int) -> Callable[..., Any]:
    """The function with a parameter for each of n arguments by place.

    >>> inspect.signature(with_arguments(lambda a, *rest, scale=1: 0, 3))
    <Signature (a, rest_0, rest_1, /, *, scale=1)>
    """
    signature = inspect.signature(function)
    parameters: list[inspect.Parameter] = []
    for p in signature.parameters.values():
        if p.kind is not p.VAR_POSITIONAL:
            parameters.append(p)
            continue
        first, stem = len(parameters), f"{p.name}_"
        while any(name.startswith(stem) for name in signature.parameters):
            stem += "_"
        parameters += [
            p.replace(name=f"{stem}{k}", kind=p.POSITIONAL_ONLY) for k in range(n - first)
        ]
        if n > first:
            parameters[:first] = [q.replace(kind=q.POSITIONAL_ONLY) for q in parameters[:first]]

    @functools.wraps(function)
    def fixed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    fixed.__annotations__ = {
        p.name: p.annotation for p in parameters if p.annotation is not p.empty
    }
    fixed.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return fixed
