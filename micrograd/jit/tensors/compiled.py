"""What a compiled function of Tensors is for arguments of one structure, shapes and dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from ...copies import next_serial
from ...engine import Value
from ...errors import ShapeError, SignatureError, TraceError, counted, kind, user_location
from ...tensor.casting import is_float
from ...tensor.core import Tensor
from ...tensor.recording import leaves_of
from ...tensor.values import of_values, renewed
from ..options import Options
from ..trace.batches import room_for
from ..trace.tensors import TensorScope, current_scope, number_dtype
from ..wanted import Wanted
from .arguments import Leaves, built, items, of_tensors, replaced
from .asked import require_one_dtype, rows_of, watched_call
from .callee import Callee
from .derivatives import Asked
from .outlines import Outline
from .passing import Direct, sizes

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


class Traced:
    """A call of a kernel's function, recorded, and what is asked of it.

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
        alone = isinstance(asked, (str, Tensor, Value))
        chosen = None if asked is None else [asked] if alone else list(asked)
        live = [w for w in chosen or () if isinstance(w, (Tensor, Value))]
        scope = TensorScope(kernel.name, live, kernel._freeze, outer=current_scope())
        self.scope = scope
        given = [
            (scope.batched if k in batches else scope.argument)(n, x.shape, x.dtype)
            for k, (n, x) in enumerate(zip(leaves.names, leaves.tensors, strict=True))
        ]
        call = inspect.BoundArguments(bound.signature, built(leaves.tree, iter(given)))

        def function(*args: Any, **kwargs: Any) -> Any:
            return of_tensors(kernel.function(*args, **kwargs), number_dtype(scope.rows))

        begun = next_serial()
        returned, watched = watched_call(scope, function, call)
        # what was made inside is nobody's to assign to
        self.read = [x for x in leaves_of(watched) if x._serial < begun]
        results = results_in(kernel.name, returned)
        outputs = [scope.row(x) for x in results]
        wrt: list[int] = []
        partials: Any = None
        if wanted is not Wanted.VALUE:
            _require_numbers(kernel.name, wanted, results)
            wrt, partials = rows_of(kernel.name, chosen, alone, scope, leaves)
        extra = _extra(scope, wanted, wrt, outputs)
        options = kernel._options
        dtype = options.dtype if options.fixed else number_dtype(scope.rows)
        target = options.with_dtype(dtype).target.of_tensors
        if target.strict:
            require_one_dtype(kernel.name, scope.rows, dtype)
        self.most = room_for(samples, scope.rows) if batches else 0
        self.extra = [scope.rows[k] for k in extra]
        self.closed = [
            (k, r.tensor) for k, r in enumerate(scope.rows) if r.tensor is not None and r.live
        ]
        self.callee = Callee(
            kernel.name,
            scope.rows,
            Asked(wanted, outputs, wrt, extra, dtype if options.fixed else None),
            [*range(len(given)), *extra, *(k for k, _ in self.closed)],
            target,
            most=self.most or None,
            threads=options.threads,
            check=options.check,
        )
        self.name = kernel.name
        self.structure = _structure(wanted, returned, partials)

    def require(self, given: Sequence[Any], arguments: int, samples: int = 0) -> None:
        """Raise for Tensors behind the arguments that are not what is expected there."""
        extra = given[arguments:]
        if len(extra) != len(self.extra):
            raise self._too_many(len(extra))
        for x, row in zip(extra, self.extra, strict=True):
            expected = sizes(row.shape, samples) if samples else row.shape
            if x.shape != expected:
                raise ShapeError(
                    f"{user_location()}: {self.name}: a {row.name} of shape {x.shape}; it should "
                    f"be {expected}, that of what it belongs to"
                )

    def _too_many(self, given: int) -> SignatureError:
        n = len(self.extra)
        what = self.extra[0].name if n else "argument"
        like = "results" if what == "cotangent" else "Tensors in wrt"
        return SignatureError(
            f"{user_location()}: {self.name} takes {counted(n, what)}, as there are {like}, got "
            f"{given}"
        )


def nested(kernel: Kernel, leaves: Leaves, extra: Sequence[Any], bound: Any) -> Any:
    """The result of a call in a function that is compiled, recorded there."""
    scope = current_scope()
    assert scope is not None
    traced = Traced(kernel, leaves, bound)
    given = [*leaves.tensors, *extra]
    traced.require(given, len(leaves.tensors))
    closed = [t for _, t in traced.closed]
    return built(traced.structure, iter(scope.calls(traced.callee, [*given, *closed])))


class Compiled:
    """The code, and what its calls give."""

    def __init__(
        self,
        kernel: Kernel,
        leaves: Leaves,
        bound: Any,
        batches: frozenset[int] = frozenset(),
        samples: int = 0,
    ) -> None:
        traced = self._traced = Traced(kernel, leaves, bound, batches, samples)
        scope = traced.scope
        self.outline = Outline.of(leaves, bound, batches)
        self.samples = samples  # of the latest call
        self.most = traced.most
        self.callee = traced.callee
        self.code = self.callee.code
        self.apart = frozenset(scope.batch.apart if scope.batch is not None else ())
        self._batch = min(batches, default=-1)
        self._arguments = len(leaves.tensors)
        self._rows = self.callee.operands
        self._closed = [t for _, t in traced.closed]
        self._has_values = any(t._primitive is of_values for t in self._closed)
        self._structure = traced.structure
        self._direct: Direct | None = None
        self._is_one = isinstance(traced.structure, Tensor)
        self._is_value = kernel._wanted is Wanted.VALUE
        self._note(scope, () if kernel._freeze else traced.read, kernel._freeze)

    def _note(self, scope: TensorScope, read: Sequence[Tensor], frozen: bool) -> None:
        """Keep the Tensors that are constants, with what their numbers are now."""
        held = [r.tensor for r in scope.rows if r.tensor is not None and not r.live] + scope.held
        self._frozen = [(t, t._changed) for t in held if not frozen]
        self._frozen += [(t, t._changed) for t in read]
        self._modes = scope.modes

    def wider(self, leaves: Leaves) -> Any:
        """The dtype that numbers of the call should have had, which were made of a narrower one;
        None: they are right.
        """
        wanted = number_dtype(self.callee.rows)
        rounded = any(is_float(x.dtype) and x.dtype != wanted for x in leaves.tensors)
        return wanted if leaves.made and rounded else None

    @property
    def is_stale(self) -> bool:
        """Whether a constant has new numbers, or a layer another mode."""
        for t, changed in self._frozen:
            if t._changed != changed:
                return True
        modes = self._modes
        return bool(modes) and any(module.training != mode for module, mode in modes)

    def __call__(self, given: Sequence[Any]) -> Any:
        """The result for the arguments, and what stands behind them."""
        closed = self._closed
        if self._has_values:
            closed = [renewed(t) if t._primitive is of_values else t for t in closed]
        operands = (*given, *closed)
        direct = self._direct
        found = direct(operands) if direct and len(operands) == len(self._rows) else None
        if found is None:
            found = self._called(given, operands)
        for x in operands if self._is_value else given:
            if x._needs:
                made = self.callee.remembered(operands, found)
                break
        else:
            if self._is_one:
                return _made(Tensor, found[0])
            made = [_made(Tensor, x) for x in found]
        return made[0] if self._is_one else built(self._structure, iter(made))

    def _called(self, given: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """The arrays of the results, of arguments that were not looked at yet."""
        samples = given[self._batch].shape[0] if self._batch >= 0 else 0
        self.samples = samples
        if len(operands) != len(self._rows) or self._traced.extra:
            self._traced.require(given, self._arguments, samples)
        found = self.code([x._data for x in operands], samples)
        if not self._traced.extra:  # whose shapes are looked at in every call
            self._direct = self.code.direct
        return found


def results_in(name: str, returned: Any) -> list[Any]:
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
        what = "gradient" if wanted in (Wanted.GRADIENT, Wanted.BOTH) else "Hessian"
        if len(results) != 1 or results[0].size != 1:
            raise ShapeError(
                f"the {what} is of one number, and {name} returns {shown}: use sum() or mean() in "
                "it"
            )
        if not is_float(results[0].dtype):
            raise ShapeError(
                f"the {what} is of a float, and {name} returns {shown}: whole numbers and truth "
                "values have no derivative"
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
