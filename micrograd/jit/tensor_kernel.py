"""TensorKernel: a compiled function of Tensors as Python sees it. `jit` makes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import SignatureError, TraceError, user_location
from ..locks import Lock
from ..tensor.core import Tensor
from .derivatives import Wanted
from .options import Options
from .tensor_arguments import Leaves
from .tensor_batches import Family
from .tensor_code import STAGES, TensorCode
from .tensor_compiled import Compiled
from .tensor_extra import split
from .trace.tensors import TracedTensor

ELSEWHERE = frozenset(["explain", "ufunc"])
"""What kernels of numbers have beside."""


class TensorKernel:
    """A callable that runs native code, compiled once for the shapes and dtypes of its arguments.

    Tensors that the function closes over are live if they require a gradient, else constants, until
    new numbers are assigned to them. Results are Tensors without a gradient: `grad` and
    `value_and_grad` are kernels too.

    >>> import micrograd
    >>> from micrograd import Tensor
    >>> def f(x: Tensor) -> Tensor:
    ...     return (x * x).sum()
    >>> micrograd.jit(f).value_and_grad(Tensor([1.0, 3.0]))
    (Tensor(10.), Tensor([2., 6.]))
    """

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
        self.name = name if wanted is Wanted.VALUE else f"{name}.{wanted.value.name}"
        self._options, self._wrt, self._wanted, self._freeze = options, wrt, wanted, freeze
        self._signature = inspect.signature(function)
        self._compiled: dict[Any, Compiled] = {}
        self._quick: dict[Any, Compiled] = {}  # of arguments that are all Tensors
        self._families: dict[Any, Family] = {}
        self._latest: Compiled | None = None
        self._derived: dict[Wanted, TensorKernel] = {}
        self._lock = Lock()

    @property
    def grad(self) -> TensorKernel:
        """The gradient of a single number: a Tensor for each argument, or for what `wrt` says."""
        return self._derive(Wanted.GRADIENT)

    @property
    def value_and_grad(self) -> TensorKernel:
        """The value and its gradient."""
        return self._derive(Wanted.BOTH)

    @property
    def jacobian(self) -> TensorKernel:
        """All partials of the results: of shape `result.shape + argument.shape`.

        For each result, a Tensor for each argument, structured as `grad` is.

        >>> from micrograd import Tensor, jit
        >>> jit(lambda x: x * x).jacobian(Tensor([1.0, 3.0]))
        Tensor([[2., 0.],
                [0., 6.]])
        """
        return self._derive(Wanted.JACOBIAN)

    @property
    def hessian(self) -> TensorKernel:
        """The second derivatives of a single number, exactly symmetric: the Jacobian of `grad`."""
        return self._derive(Wanted.HESSIAN)

    @property
    def jvp(self) -> TensorKernel:
        """`(value, tangent)`: it takes the arguments, then a tangent for each; with `wrt`, one
        direction, structured like `grad`.
        """
        return self._derive(Wanted.JVP)

    @property
    def vjp(self) -> TensorKernel:
        """`(value, partials)`: it takes the arguments, then a cotangent like the results."""
        return self._derive(Wanted.VJP)

    @property
    def hvp(self) -> TensorKernel:
        """The Hessian times a direction, given as to `jvp`, structured like `grad`."""
        return self._derive(Wanted.HVP)

    def _derive(self, wanted: Wanted) -> TensorKernel:
        if self._wanted is not Wanted.VALUE:
            raise SignatureError(
                f"{self.name}: derivatives of derivatives of functions of Tensors do not compile "
                "yet; use gradients(..., create_graph=True), uncompiled"
            )
        if wanted not in self._derived:
            self._derived[wanted] = TensorKernel(
                self.function, self._options, self._wrt, wanted, freeze=self._freeze
            )
        return self._derived[wanted]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The result for these arguments."""
        found = self._quick.get(shapes_of(args)) if not kwargs else None
        if found is not None and not found.is_stale:
            self._latest = found
            return found([x._data for x in args])
        bound, leaves, extra = split(
            self.name, self._signature, self._wanted, self._wrt, args, kwargs
        )
        if any(isinstance(x, TracedTensor) for x in leaves.tensors):
            if self._wanted is Wanted.VALUE:
                return self.function(*args, **kwargs)  # becomes a part of what is compiled
            raise TraceError(
                f"{user_location()}: {self.name} is called in a function that is compiled; "
                "derivatives inside of functions of Tensors do not compile yet"
            )
        found = self._compiled.get(leaves.key)
        if found is None or found.is_stale:
            with self._lock:
                found = self._compiled[leaves.key] = self._compile(leaves, bound)
        self._latest = found
        tensors = [*leaves.tensors, *extra]
        if not kwargs and same(args, tensors):
            self._quick[shapes_of(args)] = found
        return found([x._data for x in tensors])

    def _compile(self, leaves: Leaves, bound: inspect.BoundArguments) -> Compiled:
        """The code for a call: that for any number of samples, where there can be such."""
        family = self._families.setdefault(leaves.family, Family(leaves.leads))
        found: Any = family.code(
            leaves, lambda which, samples: Compiled(self, leaves, bound, which, samples)
        )
        if found is not None:
            return found  # type: ignore[no-any-return]
        leaves.require_elements(self.name)
        return Compiled(self, leaves, bound)

    def stages(self) -> Mapping[str, str]:
        """The stages of the compiler as text, of the shapes of the latest call: program, passes,
        simplified, schedule, mlir, llvm_ir, assembly.
        """
        code = self._shown
        return _Stages(code)

    @property
    def _shown(self) -> TensorCode:
        if self._latest is None:
            raise SignatureError(
                f"{self.name} has not been called yet, and its arguments may have any shape; call "
                "it once, then look at it"
            )
        return self._latest.code

    def __getattr__(self, name: str) -> Any:
        if name in ELSEWHERE:
            raise AttributeError(
                f"{name} of functions of Tensors is not there yet; call, grad, value_and_grad and "
                "stages() are"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __str__(self) -> str:
        return self._shown.stage("mlir")

    def __repr__(self) -> str:
        return f"<kernel {self.name}({', '.join(self._signature.parameters)}) of Tensors>"


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


class _Stages(dict[str, str]):
    """Stage -> text, made when it is looked at."""

    def __init__(self, code: TensorCode) -> None:
        super().__init__(dict.fromkeys(STAGES, ""))
        self._code = code

    def __getitem__(self, name: str) -> str:
        if name not in self:
            raise KeyError(f"{name!r} is no stage; there are {', '.join(self)}")
        return self._code.stage(name)
