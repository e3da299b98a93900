"""Reverse accumulation over a DAG of Tensors: what `Tensor.backward` leaves in `grad`.

Requires that an operand is older than its result: creation order is a topological order then.
Nothing here recurses. The rules are those of the table of primitives, on Tensors: they record what
they do if the gradient is to be differentiated again, and nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..copies import serial as _serial
from ..errors import DataError, GraphError, kind, user_location
from .casting import cast
from .quiet import quietly
from .recording import no_grad, recording


class Cotangents(dict[Any, Any]):
    """By Tensor, the sum of what has come to it.

    in_place   whether a sum may be added to, as nothing is recorded: it is an array of its own,
               and making arrays takes longer than adding where they are large
    """

    def __init__(self, known: dict[Any, Any], *, in_place: bool) -> None:
        super().__init__(known)
        self._in_place = in_place
        self._sums: set[Any] = set()

    def add(self, x: Any, given: Any) -> None:
        """Add to the cotangent of a Tensor."""
        known = self.get(x)
        if known is None:
            self[x] = given
        elif x in self._sums and given.dtype is known.dtype:
            quietly(np.add, known._data, given._data, known._data)
        else:
            self[x] = known + given
            if self._in_place:
                self._sums.add(x)


CROSSING: dict[Any, Callable[..., bool]] = {}
"""The primitive whose operands are Values, and the backward pass through both kinds."""


def differentiate(root: Any, ct: Any, *, create_graph: bool) -> None:
    """Fill `grad` of every Tensor under `root` that requires one."""
    order = interior([root])
    if through_both := _crossing(order, create_graph):
        through_both(root, ct)
        return
    cts = Cotangents({root: ct}, in_place=not create_graph)
    with recording() if create_graph else no_grad():
        for v in order:
            found = cts.pop(v, None)
            v.grad = found
            if found is not None:
                push(v, found, cts)
        add_to_leaves(cts)


def _crossing(order: list[Any], create_graph: bool) -> Callable[..., bool] | None:
    """What differentiates Values too, if there are any among the operands."""
    for v in order:
        if v._primitive in CROSSING:
            if create_graph:
                raise GraphError(
                    f"{user_location()}: this Tensor is computed from Values, whose gradients are "
                    "numbers: they cannot be differentiated again; use backward()"
                )
            return CROSSING[v._primitive]
    return None


def add_to_leaves(cts: Cotangents) -> None:
    """Add to leaves' gradients what has come to them."""
    for leaf, ct in cts.items():
        leaf.grad = ct if leaf.grad is None else leaf.grad + ct


def push(v: Any, ct: Any, cts: Cotangents) -> None:
    """Add to the cotangents of a Tensor's operands what its own, `ct`, gives them."""
    primitive, operands, parameters = v._primitive, v._operands, v._parameters
    for i, x in enumerate(operands):
        if x.__class__ is float:
            continue
        if x._changed > v._serial:
            _check_unchanged(v, x)
        if not x._needs:
            continue
        given = primitive.vjp(ct, v, operands, i, **parameters)
        if given is None:
            continue
        if given.dtype is not x.dtype:
            given = cast(given, dtype=x.dtype)
        cts.add(x, given)
    if v._changed:
        _check_unchanged(v, v)


def _check_unchanged(v: Any, x: Any) -> None:
    """Raise if the gradient of `v` reads numbers of `x`, which are others since."""
    op = v._parameters.get("op")
    is_linear = op is not None and bool(op.coefficients)
    if is_linear or not (v._primitive.reads or v._primitive.is_view):
        return
    name = f"Tensor {x.label!r}" if x.label else f"a Tensor of shape {x.shape}"
    raise GraphError(
        f"{user_location()}: the gradient of {v._op!r} needs the numbers of {name}, whose data was "
        "assigned after that was computed; compute it anew, or assign after backward()"
    )


def interior(roots: Iterable[Any]) -> list[Any]:
    """The Tensors under the roots that are no leaves and require a gradient, youngest first."""
    seen = {v for v in roots if v._primitive is not None}
    stack = list(seen)
    while stack:
        v = stack.pop()
        if v._primitive in CROSSING:
            continue
        for x in v._operands:
            if x.__class__ is float or x._primitive is None:
                continue
            if x._serial >= v._serial:
                raise GraphError(
                    f"{user_location()}: the graph has a cycle through {v._op!r}: an operand is "
                    "younger than its result; build Tensors by arithmetic, do not assign operands"
                )
            if x not in seen:
                seen.add(x)
                stack.append(x)
    return sorted(seen, key=_serial, reverse=True)


def gradients(
    output: Any, inputs: Iterable[Any], cotangent: Any = None, *, create_graph: bool = False
) -> list[Any]:
    """The gradients of a Tensor by others, of which nothing's `grad` is changed.

    inputs          Tensors that require a gradient, leaves or not
    cotangent       as of `backward`
    create_graph    so that what comes back can be differentiated

    >>> from micrograd import Tensor
    >>> x = Tensor([2.0, 3.0], dtype="f64", requires_grad=True)
    >>> slope, = gradients((x**3).sum(), [x], create_graph=True)
    >>> gradients(slope.sum(), [x])
    [Tensor([12., 18.], dtype=float64)]

    What does not depend on an input has a gradient of zeros. Raises what `backward` raises, and
    GraphError for an input that requires no gradient.
    """
    try:
        inputs = [inputs] if hasattr(inputs, "__primitive__") else list(inputs)
    except TypeError:
        inputs = [inputs]
    for x in (output, *inputs):
        if not hasattr(x, "__primitive__"):
            raise DataError(
                f"{user_location()}: gradients are of a Tensor by a list of Tensors, got {kind(x)}"
            )
    for x in inputs:
        if not x.requires_grad:
            raise GraphError(
                f"{user_location()}: a gradient by a Tensor of shape {x.shape} that requires none; "
                "set requires_grad before anything is computed with it"
            )
    cts = Cotangents({output: output._cotangent(cotangent)}, in_place=not create_graph)
    wanted = dict.fromkeys(inputs)
    order = interior([output])
    _crossing(order, create_graph=True)
    with recording() if create_graph else no_grad():
        for v in order:
            found = cts.get(v) if v in wanted else cts.pop(v, None)
            if found is not None:
                push(v, found, cts)
        return [cts[x] if x in cts else x.detach() * 0.0 for x in inputs]
