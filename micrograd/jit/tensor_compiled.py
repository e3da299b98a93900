"""What a compiled function of Tensors is for arguments of one structure, shapes and dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import ShapeError, SignatureError, TraceError, counted, kind, user_location
from ..tensor.casting import is_float
from ..tensor.core import Tensor
from .derivatives import Wanted
from .options import Options
from .tensor_arguments import Leaves, built, items, replaced
from .tensor_asked import leaves_of, require_one_dtype, rows_of, watched_call
from .tensor_code import TensorCode
from .tensor_derivatives import Asked
from .tensor_passing import sizes
from .trace.batches import room_for
from .trace.tensors import TensorScope, number_dtype

OF_ONE = (Wanted.GRADIENT, Wanted.BOTH, Wanted.HESSIAN, Wanted.HVP)
"""Derivatives of a single number."""
_made: Any = Tensor._made
"""The Tensor of an array that nothing else has; of the class."""


class Kernel(Protocol):
    """What a kernel says of itself."""

    name: str
    function: Any
    _options: Options
    _wanted: Wanted
    _wrt: Any
    _freeze: bool


class Compiled:
    """The code, and what its calls give.

    batches   the Tensors whose first axes have one size, whatever that is; it is `samples` now
    """

    def __init__(
        self,
        kernel: Kernel,
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
        results = _results(kernel.name, returned)
        outputs = [scope.row(x) for x in results]
        wrt: list[int] = []
        partials: Any = None
        if wanted is not Wanted.VALUE:
            _require_numbers(kernel.name, wanted, results)
            wrt, partials = rows_of(kernel.name, chosen, alone, scope, leaves)
        extra = _extra(scope, wanted, wrt, outputs)
        options = kernel._options
        dtype = options.dtype if options.fixed else number_dtype(scope.rows)
        target = options.with_dtype(dtype).target
        if target.strict:
            require_one_dtype(kernel.name, scope.rows, dtype)
        self.most = room_for(samples, scope.rows) if batches else 0
        fixed = dtype if options.fixed else None
        what = Asked(wanted, outputs, wrt, extra, fixed)
        most, threads = self.most or None, options.threads
        self.code = TensorCode(scope.rows, what, target, most=most, threads=threads)
        self.apart = frozenset(scope.batch.apart if scope.batch is not None else ())
        self._batch = min(batches, default=-1)
        self._rows = [*range(len(given)), *extra]
        self._extra = [(k, scope.rows[k]) for k in extra]
        self._name = kernel.name
        self._structure = _structure(wanted, returned, partials)
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
        """The result for the numbers of the arguments, and of what stands behind them."""
        if len(given) != len(self._rows):
            raise self._too_many(len(given))
        arrays = dict(zip(self._rows, given, strict=True))
        for k, t in self._closed:
            arrays[k] = t._data
        samples = len(given[self._batch]) if self._batch >= 0 else 0
        for k, row in self._extra:
            expected = sizes(row.shape, samples)
            if arrays[k].shape != expected:
                raise ShapeError(
                    f"{user_location()}: {self._name}: a {row.name} of shape {arrays[k].shape}; it "
                    f"should be {expected}, that of what it belongs to"
                )
        found = self.code(arrays, samples)
        return built(self._structure, iter([_made(Tensor, x) for x in found]))

    def _too_many(self, given: int) -> SignatureError:
        n = len(self._extra)
        what = self._extra[0][1].name if n else "argument"
        like = "results" if what == "cotangent" else "Tensors in wrt"
        return SignatureError(
            f"{user_location()}: {self._name} takes {counted(n, what)}, as there are {like}, got "
            f"{given - len(self._rows) + n}"
        )


def _results(name: str, returned: Any) -> list[Any]:
    """The Tensors that a function returns."""
    results = list(items(returned))
    for x in results:
        if not isinstance(x, Tensor):
            raise TraceError(
                f"{name} should return a Tensor, or a tuple, list or dict of Tensors, got {kind(x)}"
            )
    return results


def _require_numbers(name: str, wanted: Wanted, results: Sequence[Any]) -> None:
    """Raise ShapeError for results that have no such derivative."""
    shown = ", ".join(f"{x.dtype} of shape {x.shape}" for x in results)
    if wanted in OF_ONE:
        if len(results) != 1 or results[0].size != 1 or not is_float(results[0].dtype):
            what = "gradient" if wanted in (Wanted.GRADIENT, Wanted.BOTH) else "Hessian"
            raise ShapeError(
                f"the {what} is of one number, and {name} returns {shown}: use sum() or mean() in "
                "it"
            )
    elif not all(is_float(x.dtype) for x in results):
        raise ShapeError(f"derivatives are of floats, and {name} returns {shown}")


def _extra(
    scope: TensorScope, wanted: Wanted, wrt: Sequence[int], outputs: Sequence[int]
) -> list[int]:
    """Rows for what calls give behind the arguments."""
    name = "cotangent" if wanted is Wanted.VJP else "tangent"
    like = outputs if wanted is Wanted.VJP else wrt if wanted in (Wanted.JVP, Wanted.HVP) else ()
    first = len(scope.rows)
    for row in [scope.rows[k] for k in like]:
        scope.argument(name, row.shape, row.dtype)
    return list(range(first, len(scope.rows)))


def _structure(wanted: Wanted, results: Any, partials: Any) -> Any:
    """The structure of what a call gives, with a Tensor for each array."""

    def rows_of_blocks(rows: Any) -> Any:
        return replaced(rows, lambda: partials)

    match wanted:
        case Wanted.VALUE:
            return results
        case Wanted.BOTH | Wanted.VJP:
            return results, partials
        case Wanted.JVP:
            return results, results
        case Wanted.JACOBIAN:
            return rows_of_blocks(results)
        case Wanted.HESSIAN:
            return rows_of_blocks(partials)
    return partials
