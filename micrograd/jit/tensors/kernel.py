"""TensorKernel: a compiled function of Tensors as Python sees it. `jit` makes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import SignatureError
from ...locks import Lock, importing
from ...notebook.text import Text
from ...tensor.core import Tensor
from ..axes import signature_of
from ..derived import Derived
from ..export.exported import Exportable
from ..options import Options
from ..page.paged import Paged
from ..shown import Shown
from ..trace.tensors import SCOPES, current_scope
from ..wanted import Wanted
from .arguments import Leaves
from .batches import Family
from .code import STAGES, TensorCode
from .compiled import Compiled, nested
from .copyable import TensorCopyable
from .extra import split, with_extra
from .methods import TensorMethods

if TYPE_CHECKING:
    from ..export.function import Exported
    from ..page.subject import Subject
    from ..target import Target


class TensorKernel(Derived, TensorMethods, TensorCopyable, Shown, Paged, Exportable):
    """A callable that runs native code, compiled once for the shapes and dtypes of its arguments.

    Tensors that the function closes over are live if they require a gradient, else constants, until
    new numbers are assigned to them. Results have gradients as those of the function have, so
    kernels nest; `grad`, `jacobian` and other derivatives are kernels too.

    >>> import micrograd
    >>> from micrograd import Tensor
    >>> def f(x: Tensor) -> Tensor:
    ...     return (x * x).sum()
    >>> micrograd.jit(f).value_and_grad(Tensor([1.0, 3.0]))
    (Tensor(10.), Tensor([2., 6.]))
    """

    is_of_tensors = True

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        wrt: Any = None,
        wanted: Wanted = Wanted.VALUE,
        *,
        freeze: bool = False,
    ) -> None:
        self.function = function
        name = getattr(function, "__name__", type(function).__name__)
        if isinstance(function, TensorKernel):
            name = function.name
        self.name: str = name if wanted is Wanted.VALUE else f"{name}.{wanted.value.name}"
        self._options, self._wrt, self._wanted, self._freeze = options, wrt, wanted, freeze
        self._begin()

    def _begin(self) -> None:
        """Nothing is compiled yet."""
        self._signature = signature_of(self.function)
        self.__signature__ = with_extra(self._signature, self._wanted)
        self._compiled: dict[Any, Compiled] = {}
        self._quick: dict[Any, Compiled] = {}  # of arguments that are all Tensors
        self._families: dict[Any, Family] = {}
        self._latest: Compiled | None = None
        self._number_dtype: Any = None  # of arguments that are no Tensors; None: the usual
        self._derived: dict[Wanted, TensorKernel] = {}
        self._lock = Lock()

    def _derive(self, wanted: Wanted) -> TensorKernel:
        """That of a derivative is one of a function that calls this kernel."""
        if wanted not in self._derived:
            function = self.function if self._wanted is Wanted.VALUE else self
            self._derived[wanted] = TensorKernel(
                function, self._options, self._wrt, wanted, freeze=self._freeze
            )
        return self._derived[wanted]

    def _of(self, function: Any) -> TensorKernel:
        """A kernel of another function that is compiled as this one is."""
        return TensorKernel(function, self._options, self._wrt, self._wanted, freeze=self._freeze)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The result for these arguments."""
        if SCOPES and current_scope() is not None:
            return self._nested(args, kwargs)
        found = self._quick.get(shapes_of(args)) if not kwargs else None
        if found is not None and not found.is_stale:
            self._latest = found
            return found(args)
        bound, leaves, extra = self._split(args, kwargs)
        found = self._compiled.get(leaves.key)
        if found is None or found.is_stale:
            with self._lock:
                found = self._compile(leaves, bound)
                wider = found.wider(leaves) if self._number_dtype is None else None
                if wider is not None:
                    self._number_dtype = wider
                    bound, leaves, extra = self._split(args, kwargs)
                    found = self._compile(leaves, bound)
                self._compiled[leaves.key] = found
        self._latest = found
        tensors = [*leaves.tensors, *extra]
        if not kwargs and same(args, tensors):
            self._quick[shapes_of(args)] = found
        return found(tensors)

    def _nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that becomes a part of what is compiled."""
        if self._wanted is Wanted.VALUE:
            return self.function(*args, **kwargs)
        bound, leaves, extra = self._split(args, kwargs)
        return nested(self, leaves, extra, bound)

    def _split(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[inspect.BoundArguments, Leaves, list[Any]]:
        return split(
            self.name, self._signature, self._wanted, self._wrt, args, kwargs, self._number_dtype
        )

    def _compile(self, leaves: Leaves, bound: inspect.BoundArguments) -> Compiled:
        """The code for a call: that for any number of samples, where there can be such."""
        family = self._families.get(leaves.family)
        if family is not None:
            found: Any = family.code(
                leaves, lambda which, samples: Compiled(self, leaves, bound, which, samples)
            )
            if found is not None:
                return found  # type: ignore[no-any-return]
        leaves.require_elements(self.name)
        found = Compiled(self, leaves, bound)
        # a call that is refused is not the first one
        self._families.setdefault(leaves.family, Family(leaves.leads))
        return found  # type: ignore[no-any-return]

    def stages(self) -> Mapping[str, str]:
        """The stages of the compiler as text, of the shapes of the latest call: program, passes,
        simplified, schedule, mlir, llvm_ir, assembly.
        """
        code = self._shown
        return _Stages(code)

    def _made(self) -> TensorCode | None:
        return None if self._latest is None else self._latest.code

    def _explained(self, made: Any) -> Text:
        with importing:
            from .explain import explain
        return Text(explain(made))

    def _subject(self) -> Subject:
        with importing:
            from .subject import subject_of_tensors
        return subject_of_tensors(self._shown, self.name)

    @property
    def _shown(self) -> TensorCode:
        if self._latest is None:
            raise _uncalled(self.name)
        return self._latest.code

    @property
    def _own_target(self) -> Target:
        return self._options.target

    def _exported(self, target: Target, name: str, parameters: str) -> Exported:
        with importing:
            from .exporting import of_tensors
        latest, options = self._latest, replace(self._options, chosen=target)
        if latest is None:
            raise _uncalled(self.name)
        kernel = TensorKernel(self.function, options, self._wrt, self._wanted, freeze=self._freeze)
        return of_tensors(kernel, latest.outline, latest.samples, name, parameters=parameters)

    def __str__(self) -> str:
        return self._shown.stage("mlir")

    def __repr__(self) -> str:
        return f"<kernel {self.name}({', '.join(self._signature.parameters)}) of Tensors>"


def _uncalled(name: str) -> SignatureError:
    return SignatureError(
        f"{name} has not been called yet, and its arguments may have any shape; call it once, then "
        "look at it"
    )


def shapes_of(args: Sequence[Any]) -> Any:
    """The shapes and dtypes of arguments that are all Tensors of numbers; else None."""
    found: list[Any] = []
    for x in args:
        if x.__class__ is not Tensor:
            return None
        found += (x._data.shape, x._data.dtype)
    return tuple(found)


def same(args: Sequence[Any], tensors: Sequence[Any]) -> bool:
    """Whether the arguments are these Tensors, and there are no others."""
    return len(args) == len(tensors) and all(
        x is t and x.__class__ is Tensor for x, t in zip(args, tensors, strict=True)
    )


class _Stages(dict[str, Text]):
    """Stage -> text, made when it is looked at."""

    def __init__(self, code: TensorCode) -> None:
        super().__init__(dict.fromkeys(STAGES, Text()))
        self._code = code

    def __getitem__(self, name: str) -> Text:
        if name not in self:
            raise KeyError(f"{name!r} is no stage; there are {', '.join(self)}")
        return Text(self._code.stage(name))
