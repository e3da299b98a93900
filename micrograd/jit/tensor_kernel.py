"""TensorKernel: a compiled function of Tensors as Python sees it. `jit` makes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ShapeError, SignatureError, TraceError, kind, user_location
from ..locks import Lock
from ..tensor.casting import is_float
from ..tensor.core import Tensor
from .derivatives import Wanted
from .options import Options
from .tensor_arguments import Leaves, built, flattened
from .tensor_asked import leaves_of, require_one_dtype, rows_of, watched_call
from .tensor_batches import Family
from .tensor_code import STAGES, TensorCode
from .trace.batches import room_for
from .trace.tensors import TensorScope, TracedTensor, number_dtype

WANTED = (Wanted.VALUE, Wanted.GRADIENT, Wanted.BOTH)


ELSEWHERE = frozenset(["jacobian", "hessian", "jvp", "vjp", "hvp", "explain", "ufunc"])
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
        if wanted not in WANTED:
            raise SignatureError(
                f"{wanted.value.name} of functions of Tensors does not compile yet; grad and "
                "value_and_grad do"
            )
        self.function = function
        name = getattr(function, "__name__", type(function).__name__)
        self.name = name if wanted is Wanted.VALUE else f"{name}.{wanted.value.name}"
        self._options, self._wrt, self._wanted, self._freeze = options, wrt, wanted, freeze
        self._signature = inspect.signature(function)
        self._compiled: dict[Any, _Compiled] = {}
        self._quick: dict[Any, _Compiled] = {}  # of arguments that are all Tensors
        self._families: dict[Any, Family] = {}
        self._latest: _Compiled | None = None
        self._derived: dict[Wanted, TensorKernel] = {}
        self._lock = Lock()

    @property
    def grad(self) -> TensorKernel:
        """The gradient of a single number: a Tensor for each argument, or for what `wrt` says."""
        return self._with(Wanted.GRADIENT)

    @property
    def value_and_grad(self) -> TensorKernel:
        """The value and its gradient."""
        return self._with(Wanted.BOTH)

    def _with(self, wanted: Wanted) -> TensorKernel:
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
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise SignatureError(f"{user_location()}: {self.name}: {error}") from None
        leaves = flattened(self.name, bound.arguments)
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
        if not kwargs and same(args, leaves.tensors):
            self._quick[shapes_of(args)] = found
        return found([x._data for x in leaves.tensors])

    def _compile(self, leaves: Leaves, bound: inspect.BoundArguments) -> _Compiled:
        """The code for a call: that for any number of samples, where there can be such."""
        family = self._families.setdefault(leaves.family, Family(leaves.leads))
        found: Any = family.code(
            leaves, lambda which, samples: _Compiled(self, leaves, bound, which, samples)
        )
        if found is not None:
            return found  # type: ignore[no-any-return]
        leaves.require_elements(self.name)
        return _Compiled(self, leaves, bound)

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


_made: Any = Tensor._made
"""The Tensor of an array that nothing else has; of the class."""


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


class _Compiled:
    """What a kernel is for arguments of one structure, of these shapes and dtypes.

    batches   the Tensors whose first axes have one size, whatever that is; it is `samples` now
    """

    def __init__(
        self,
        kernel: TensorKernel,
        leaves: Leaves,
        bound: Any,
        batches: frozenset[int] = frozenset(),
        samples: int = 0,
    ) -> None:
        wanted = kernel._wanted
        asked = kernel._wrt
        alone = isinstance(asked, (str, Tensor))
        chosen = None if asked is None else [asked] if alone else list(asked)
        live = [w for w in chosen or () if isinstance(w, Tensor)]
        scope = TensorScope(kernel.name, live, kernel._freeze)
        given = [
            (scope.batched if k in batches else scope.argument)(n, x.shape, x.dtype)
            for k, (n, x) in enumerate(zip(leaves.names, leaves.tensors, strict=True))
        ]
        call = inspect.BoundArguments(bound.signature, built(leaves.tree, iter(given)))
        returned, watched = watched_call(scope, kernel.function, call)
        self._is_tuple = type(returned) in (tuple, list)
        results = list(returned) if self._is_tuple else [returned]
        for x in results:
            if not isinstance(x, Tensor):
                raise TraceError(
                    f"{kernel.name} should return a Tensor or a tuple of Tensors, got {kind(x)}"
                )
        outputs = [scope.row(x) for x in results]
        self._kind = type(returned)
        wrt = None
        if wanted is not Wanted.VALUE:
            if len(outputs) != 1 or results[0].size != 1 or not is_float(results[0].dtype):
                raise ShapeError(
                    f"the gradient is of one number, and {kernel.name} returns "
                    f"{', '.join(f'{x.dtype} of shape {x.shape}' for x in results)}: use sum() or "
                    "mean() in it"
                )
            wrt, self._shape = rows_of(kernel.name, chosen, alone, scope, leaves)
        options = kernel._options
        dtype = options.dtype if options.fixed else number_dtype(scope.rows)
        target = options.with_dtype(dtype).target
        if target.strict:
            require_one_dtype(kernel.name, scope.rows, dtype)
        keeps = wanted is not Wanted.GRADIENT
        self.most = room_for(samples, scope.rows) if batches else 0
        self.code = TensorCode(
            scope.rows,
            outputs,
            wrt,
            target,
            keep_value=keeps,
            fixed=options.fixed,
            most=self.most or None,
            threads=options.threads,
        )
        self.apart = frozenset(scope.batch.apart if scope.batch is not None else ())
        self._batch = min(batches, default=-1)
        self._wanted = wanted
        self._note(scope, () if kernel._freeze else leaves_of(watched), frozen=kernel._freeze)

    def _note(self, scope: TensorScope, read: Sequence[Tensor], *, frozen: bool) -> None:
        """Keep the Tensors that are closed over: those that are read at every call, and constants
        with what their numbers are now.
        """
        self._closed = [
            (k, r.tensor) for k, r in enumerate(scope.rows) if r.tensor is not None and r.live
        ]
        self._frozen = [
            (r.tensor, r.tensor._changed)
            for r in scope.rows
            if r.tensor is not None and not r.live and not frozen
        ]
        self._frozen += [(t, t._changed) for t in read]
        self._modes = scope.modes

    @property
    def is_stale(self) -> bool:
        """Whether a constant has new numbers, or a layer another mode."""
        return any(t._changed != changed for t, changed in self._frozen) or any(
            module.training != mode for module, mode in self._modes
        )

    def __call__(self, given: Sequence[Any]) -> Any:
        """The result for the numbers of the arguments."""
        arrays = dict(enumerate(given))
        for k, t in self._closed:
            arrays[k] = t._data
        samples = len(given[self._batch]) if self._batch >= 0 else 0
        results, partials = self.code(arrays, samples)
        made = [_made(Tensor, x) for x in results]
        value = self._kind(made) if self._is_tuple else made[0] if made else None
        if self._wanted is Wanted.VALUE:
            return value
        gradient = built(self._shape, iter([_made(Tensor, x) for x in partials]))
        gradient = gradient["grad"]
        return gradient if self._wanted is Wanted.GRADIENT else (value, gradient)
