"""The eager backward pass on rows: more rows, in which the gradient has the bits of `backward()`.

Derivatives of programs (jit/passes/reverse.py) add cotangents as Values do, point by point. Eager
Tensors add whole arrays, and each primitive has a rule of its own, in primitives again. Strict code
of Tensors is of these: the rules are run on Tensors without numbers, youngest row first, so each
sum has the operands and the order that it has in eager code.

Requires rows without calls of other functions, whose derivatives are those of programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tensor.casting import cast, is_float
from ...tensor.core import Tensor
from .tensor_lowering import lowered
from .tensor_program import TensorProgram
from .tensors import Row, TensorScope, TracedTensor


def is_recordable(rows: Sequence[Row]) -> bool:
    """Whether all rows are of primitives whose rules can be run."""
    return not any("callee" in r.parameters for r in rows)


def pulled_back(
    rows: Sequence[Row], seeds: Sequence[tuple[int, int | None]], wrt: Sequence[int]
) -> tuple[list[Row], list[int | None]]:
    """The rows and behind them those of a gradient; and for each of `wrt` the row of its own, None
    where nothing flows to it.

    seeds   the rows that it is of, with those of their cotangents, which are added up where a row
            comes again; None: ones
    """
    scope = TensorScope("the gradient", rows=list(rows))
    needed = _needed(rows, wrt)
    tensors = [TracedTensor(scope, k, r.shape, r.dtype) for k, r in enumerate(rows)]
    cotangents: dict[int, Any] = {}
    for k, seed in seeds:
        if k in needed:
            _add(cotangents, k, tensors[seed] if seed is not None else _ones(scope, rows[k]))
    for k in reversed(range(len(rows))):
        ct = cotangents.get(k) if k in wrt else cotangents.pop(k, None)
        if ct is not None and rows[k].primitive is not None:
            _push(k, ct, tensors, needed, cotangents)
    found = [cotangents.get(k) for k in wrt]
    return scope.rows, [None if ct is None else scope.row(ct) for ct in found]


def with_gradient(
    rows: Sequence[Row], of: tuple[int, str], wrt: Sequence[int], prefix: str, most: int | None
) -> tuple[TensorProgram, dict[int, str]]:
    """The program of a number, which is an output of a name, and of its gradient; and by row of
    `wrt` the output that its own is in. None is, where rows call functions.
    """
    result, name = of
    if not is_recordable(rows):
        return lowered(rows, [result], most, exact=True, names=[name]), {}
    every, found = pulled_back(rows, [(result, None)], wrt)
    partials = {x: k for x, k in zip(wrt, found, strict=True) if k is not None}
    names = {x: f"{prefix}{x}" for x in partials}
    outputs = [result, *partials.values()]
    made = lowered(every, outputs, most, exact=True, names=[name, *names.values()])
    return made, names


def _ones(scope: TensorScope, row: Row) -> Any:
    """What the gradient of one number begins with."""
    ones = Tensor(np.ones(row.shape), row.dtype)
    return TracedTensor(scope, scope.row(ones), row.shape, row.dtype)


def _needed(rows: Sequence[Row], wrt: Sequence[int]) -> set[int]:
    """The rows that a gradient flows through, as eager Tensors that require one."""
    found = set(wrt)
    for k, row in enumerate(rows):
        op = row.parameters.get("op")
        flows = op is None or op.differentiable
        if (
            flows
            and is_float(row.dtype)
            and any(x in found for x in row.operands if type(x) is int)
        ):
            found.add(k)
    return found


def _push(
    k: int, ct: Any, tensors: Sequence[Any], needed: set[int], cotangents: dict[int, Any]
) -> None:
    """Add to the cotangents of a row's operands what its own gives them."""
    row = ct._scope.rows[k]
    operands = tuple([x if isinstance(x, float) else tensors[x] for x in row.operands])
    for i, x in enumerate(row.operands):
        if x not in needed or isinstance(x, float):
            continue
        given = row.primitive.vjp(ct, tensors[k], operands, i, **row.parameters)
        if given is None:
            continue
        if given.dtype is not tensors[x].dtype:
            given = cast(given, dtype=tensors[x].dtype)
        _add(cotangents, x, given)


def _add(cotangents: dict[int, Any], k: int, given: Any) -> None:
    known = cotangents.get(k)
    cotangents[k] = given if known is None else known + given
