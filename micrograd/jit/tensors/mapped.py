"""`vmap` of functions of Tensors: the function of one sample is recorded, and called for all
samples in the function that is compiled.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ...errors import SignatureError, user_location
from ...tensor.core import Tensor
from ..axes import Axes, bind, spread
from ..options import Options
from ..trace.tensors import Row, TensorScope, current_scope
from ..wanted import Wanted
from .arguments import built, flattened
from .asked import watched_call
from .callee import Callee
from .calls import tensor_kernel
from .compiled import results_in
from .derivatives import Asked


class Made(Protocol):
    """What `vmap` gives."""

    __name__: str
    function: Any

    @property
    def options(self) -> Options:
        """How to compile it."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The results of all samples."""

    def kernel(self, what: str, make: Callable[[], Any]) -> Any:
        """A kernel that is made once."""


def kernel_of(made: Made) -> Any:
    """The kernel of Tensors that records it."""
    return made.kernel(
        "tensors",
        lambda: tensor_kernel(made, made.options, None, wanted=Wanted.VALUE, freeze=False),
    )


def with_tensors(x: Any, dtype: Any) -> Any:
    """Arguments with Tensors of a dtype for arrays."""
    if isinstance(x, np.ndarray):
        return Tensor(x, dtype)
    if type(x) in (list, tuple):
        return type(x)([with_tensors(y, dtype) for y in x])
    return {k: with_tensors(y, dtype) for k, y in x.items()} if type(x) is dict else x


def mapped(made: Made, axes: Axes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The results of all samples: recorded, or those of a kernel that records them."""
    scope = current_scope()
    if scope is not None:
        return _recorded(made, axes, scope, args, kwargs)
    return kernel_of(made)(*args, **kwargs)


def _recorded(
    made: Made, said: Axes, outer: TensorScope, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    bound = bind(made.__name__, made.function, args, kwargs)
    found = flattened(made.__name__, bound.arguments)
    axes: list[Any] = []
    for (name, x), axis in zip(found.tree.items(), said.of(bound), strict=True):
        axes += [a for y, a in spread(x, axis, made.__name__, name) if isinstance(y, Tensor)]
    samples = said.samples(found.names, [x.shape for x in found.tensors], axes)
    operands, inner = [], TensorScope(made.__name__, outer=outer)
    given = []
    for name, x, axis in zip(found.names, found.tensors, axes, strict=True):
        x = x if not axis else x.moveaxis(axis, 0)
        operands.append(x)
        given.append(inner.argument(name, x.shape if axis is None else x.shape[1:], x.dtype))
    call = inspect.BoundArguments(bound.signature, built(found.tree, iter(given)))
    returned, _ = watched_call(inner, made.function, call)
    outputs = [inner.row(x) for x in results_in(made.__name__, returned)]
    closed = [(k, r.tensor) for k, r in enumerate(inner.rows) if r.tensor is not None and r.live]
    rows = [*range(len(given)), *(k for k, _ in closed)]
    callee = Callee(made.__name__, inner.rows, Asked(Wanted.VALUE, outputs), rows, None)
    places = tuple([k for k, axis in enumerate(axes) if axis is not None])
    results = outer.calls(callee, [*operands, *(t for _, t in closed)], places, samples)
    varying = _varying(inner.rows, places)
    moved = []
    places_of = spread(returned, said.out_axes, made.__name__, "the result", "out_axes")
    where = [axis for _, axis in places_of]
    for x, axis, k in zip(results, where, outputs, strict=True):
        if axis is None and k in varying:
            raise SignatureError(
                f"{user_location()}: {made.__name__}: out_axes=None is for what is the same for "
                "all samples, and this result is not"
            )
        moved.append(x[0] if axis is None else x.moveaxis(0, axis) if axis else x)
    return built(returned, iter(moved))


def _varying(rows: Sequence[Row], mapped: Sequence[int]) -> set[int]:
    """The rows that depend on a sample."""
    found = set(mapped)
    for k, row in enumerate(rows):
        if any(x in found for x in row.operands if not isinstance(x, float)):
            found.add(k)
    return found
