"""What each primitive of Tensors is as a program: an expression, or statements that write an array.

A rule takes where statements go, the row, and the expressions of its operands, over their axes. It
returns the expression of the result, over its own. What moves elements is other accesses to the
same array, and no statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ...ops import OPS, Op, add, where
from ...tensor.casting import BOOL
from ...tensor.contraction import parts_of
from ...tensor.primitive import Shape
from ..ir.extents import is_number
from ..ir.program import Access, Apply, Expr, Loop, Node, Order
from .batches import SizeNeeded
from .tensor_rule import RULES as RULES
from .tensor_rule import Lowering, is_costly, rule
from .views import NotAffine, reshaped, sliced, spread, transposed, widened, windowed

# --- what moves elements ----------------------------------------------------------------------


@rule("cast")
def _cast(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    (x,) = values
    if np.dtype(row.dtype) == BOOL and low.dtype_of(row.operands[0]) != BOOL:
        return Apply(OPS["ne"], (x, 0.0))
    return x


@rule("reshape")
def _reshape(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    old = low.shape_of(row.operands[0])
    try:
        return reshaped(values[0], old, row.shape)
    except NotAffine:
        return reshaped(low.stored(values[0], old), old, row.shape)


@rule("transpose")
def _transpose(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    return transposed(values[0], row.parameters["order"])


@rule("slice")
def _slice(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    return sliced(values[0], row.parameters["places"])


@rule("broadcast_to")
def _broadcast_to(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    return _spread(low, values[0], low.shape_of(row.operands[0]), row.shape)


def _spread(low: Lowering, x: Expr, old: Shape, new: Shape) -> Expr:
    """Broadcast: what would be computed again is computed first."""
    if isinstance(x, Apply) and prod(old) != prod(new):
        x = low.held(x, old)
    return spread(x, old, new)


@rule("windows")
def _windows(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    (x,) = values
    how = row.parameters
    if isinstance(x, Apply):
        x = low.held(x, low.shape_of(row.operands[0]))
    return windowed(x, how["axis"], how["stride"], how["dilation"])


@rule("concat")
def _concat(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    out, axis, start = low.array(row), row.parameters["axis"], 0
    for x, operand in zip(values, row.operands, strict=True):
        shape = low.shape_of(operand)
        part = replace(out, offset=start * out.strides[axis])
        low.emit(part, x, shape)
        start += shape[axis]
    return out


@rule("embed")
def _embed(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    places = [(p, 1, 1) if isinstance(p, int) else p for p in row.parameters["places"]]
    out = low.array(row)
    inside: list[tuple[int, int, int]] = []  # of the axes before
    for axis, (n, (start, size, step)) in enumerate(zip(row.shape, places, strict=True)):
        after = [(0, m, 1) for m in row.shape[axis + 1 :]]
        for run in _outside(n, start, size, step):
            box = [*inside, run, *after]
            low.emit(_part(out, box), 0.0, tuple(count for _, count, _ in box))
        inside.append((start, size, step))
    x = values[0]
    kept = [a for a, p in enumerate(row.parameters["places"]) if not isinstance(p, int)]
    x = widened(x, kept, len(row.shape))
    low.emit(_part(out, inside), x, tuple(size for _, size, _ in inside))
    return out


def _outside(n: int, start: int, size: int, step: int) -> list[tuple[int, int, int]]:
    """The elements of an axis that a slice leaves out, as slices that are not empty."""
    if step < 0:
        start, step = start + (size - 1) * step, -step
    last = start + (size - 1) * step
    runs = [(0, start, 1), *((start + r, size - 1, step) for r in range(1, step) if size > 1)]
    return [run for run in [*runs, (last + 1, n - last - 1, 1)] if run[1]]


def _part(out: Access, box: Sequence[tuple[int, int, int]]) -> Access:
    found = sliced(out, list(box))
    assert isinstance(found, Access)
    return found


# --- what computes ----------------------------------------------------------------------------


@rule("elementwise")
def _elementwise(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    spreads = [
        x if isinstance(x, float) else _spread(low, x, low.shape_of(k), row.shape)
        for x, k in zip(values, row.operands, strict=True)
    ]
    return Apply(row.parameters["op"], tuple(spreads))


@rule("clip")
def _clip(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    """As NumPy has it: 0 stays the zero that it is, and nan nan."""
    x = low.held(values[0], row.shape)
    least, most = row.parameters["low"], row.parameters["high"]
    above = Apply(where, (Apply(OPS["lt"], (x, least)), least, x))
    return Apply(where, (Apply(OPS["lt"], (most, above)), most, above))


def _reduced(
    low: Lowering,
    row: Any,
    expr: Expr,
    shape: Shape,
    kept: Sequence[int],
    op: Op,
    first: float,
) -> Expr:
    """A reduction over the axes of an expression that are not kept, in order, after `first`."""
    rest = [a for a in range(len(shape)) if a not in kept]
    out = low.array(row)
    low.emit(out, first, tuple(shape[a] for a in kept))
    target = replace(out, strides=(*out.strides, *(0 for _ in rest)))
    order = (*kept, *rest)
    low.emit(target, transposed(expr, order), tuple(shape[a] for a in order), op)
    return out


@rule("reduce")
def _reduce(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    shape, axes, op = low.shape_of(row.operands[0]), row.parameters["axes"], row.parameters["op"]
    kept = [a for a in range(len(shape)) if a not in axes]
    assert op.identity is not None
    first = op.identity + 0.0 if low.exact else op.identity  # NumPy's sum of -0.0 is 0.0
    if all(shape[a] == 1 for a in axes):
        places = [0 if a in axes else (0, n, 1) for a, n in enumerate(shape)]
        x = sliced(values[0], places)
        return Apply(op, (x, first)) if low.exact and first == 0.0 else x
    x = low.held(values[0], shape) if is_costly(values[0]) else values[0]
    return _reduced(low, row, x, shape, kept, op, first)


@rule("scan")
def _scan(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    """In order along the axis. Axes behind it are loops inside, those before it around."""
    axis, shape = row.parameters["axis"], row.shape
    n = shape[axis]
    if not is_number(n):
        raise SizeNeeded("a scan over samples")
    x = low.held(values[0], shape)
    if n == 1:
        return x
    box = [(0, m, 1) for m in shape]

    def along(v: Expr, start: int, count: int) -> Any:
        box[axis] = (start, count, 1)
        return sliced(v, box)

    out = low.array(row)
    before, behind = shape[:axis], shape[axis + 1 :]
    low.emit(along(out, 0, 1), along(x, 0, 1), (*before, 1, *behind))
    later = Apply(row.parameters["op"], (along(out, 0, n - 1), along(x, 1, n - 1)))
    low.emit(along(out, 1, n - 1), later, (*before, n - 1, *behind))
    if n > 2:
        node: Node = low.program.body.pop()
        for extent, order in ((n - 1, Order.FORWARD), *((m, Order.FREE) for m in before[::-1])):
            if extent != 1:
                node = Loop(extent, order, [node])
        low.program.body.append(node)
    return out


@rule("contract")
def _contract(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    a, b, out = parts_of(row.parameters["subscripts"])
    sizes: dict[str, int] = {}
    for labels, operand in zip((a, b), row.operands, strict=True):
        sizes |= zip(labels, low.shape_of(operand), strict=True)
    summed = [s for s in a if s not in out]
    order = [*out, *summed]
    factors = []
    for labels, x, operand in zip((a, b), values, row.operands, strict=True):
        missing = prod(sizes[s] for s in order if s not in labels)
        if isinstance(x, Apply) and missing > 1:
            x = low.held(x, low.shape_of(operand))
        factors.append(widened(x, [order.index(s) for s in labels], len(order)))
    product = Apply(OPS["mul"], tuple(factors))
    shape = tuple(sizes[s] for s in order)
    if all(sizes[s] == 1 for s in summed):
        return sliced(product, [*((0, sizes[s], 1) for s in out), *(0 for _ in summed)])
    return _reduced(low, row, product, shape, range(len(out)), add, 0.0 if low.exact else -0.0)


@rule("overlap_add")
def _overlap_add(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    how, shape = row.parameters, low.shape_of(row.operands[0])
    out = low.array(row)
    low.emit(out, 0.0, row.shape)
    target = windowed(out, how["axis"], how["stride"], how["dilation"])
    last = len(shape) - 1  # which comes first, so that each element is added to in its order
    order = (last, *range(last))
    target = transposed(target, order)
    assert isinstance(target, Access)
    low.emit(target, transposed(values[0], order), tuple(shape[a] for a in order), add)
    return out


@rule("arg_reduce")
def _arg_reduce(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    """The least place of an element that is the reduction, or is nan."""
    axis, op, shape = row.parameters["axis"], row.parameters["op"], low.shape_of(row.operands[0])
    x = low.held(values[0], shape)
    assert op.identity is not None
    kept = [a for a in range(len(shape)) if a != axis]
    best = _reduced(low, replace(row, name=""), x, shape, kept, op, op.identity)
    n = shape[axis]
    place = widened(low.constant(np.arange(n, dtype=float)), [axis], len(shape))
    found = where(OPS["eq"](x, widened(best, kept, len(shape))), place, float(n))
    found = where(OPS["eq"](x, x), found, place)
    return _reduced(low, row, found, shape, kept, OPS["minimum"], np.inf)
