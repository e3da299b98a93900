"""What goes through indices as a program: an access with an entry of an index array for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...ops import add
from ...tensor.primitive import Shape
from ..ir.program import Access, Expr, Part
from .tensor_rule import Lowering, rule


@rule("gather")
def _gather(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    operand, *indices = row.operands
    axis, shape = row.parameters["axis"], low.shape_of(operand)
    after = axis + len(indices)
    x = low.held(values[0], shape)
    if any(s < 0 for s in x.strides[axis:after]) or any(
        any(p.strides[axis:after]) for p in x.parts
    ):
        x = low.stored(x, shape)
    middle = (0,) * len(low.shape_of(indices[0]))

    def strides(by: Shape) -> Shape:
        return (*by[:axis], *middle, *by[after:])

    parts = tuple(replace(p, strides=strides(p.strides)) for p in x.parts)
    found = Access(x.array, x.offset, strides(x.strides), parts)
    return _indexed(low, found, indices, shape[axis:after], x.strides[axis:after], axis)


def _indexed(
    low: Lowering, x: Access, indices: Sequence[int], sizes: Shape, strides: Shape, axis: int
) -> Access:
    """An access to what is at indices along axes of these sizes and strides; its own axes from
    `axis` on are those of the indices.
    """
    offset, by, parts = x.offset, list(x.strides), list(x.parts)
    for index, size, stride in zip(indices, sizes, strides, strict=True):
        at = low.index(index, size)
        if not stride:
            continue
        if at.array:
            places = (*(0,) * axis, *at.strides, *(0,) * (len(by) - axis - len(at.strides)))
            parts.append(Part("entry", at.array, at.offset, places, stride))
            continue
        offset += stride * at.offset
        for k, step in enumerate(at.strides):
            by[axis + k] += stride * step
    return Access(x.array, offset, tuple(by), tuple(parts))


@rule("scatter_add")
def _scatter_add(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    operand, *indices = row.operands
    axis, sizes = row.parameters["axis"], row.parameters["sizes"]
    out = low.array(row)
    low.emit(out, 0.0, row.shape)
    by, after = out.strides, axis + len(sizes)
    rank = len(low.shape_of(indices[0]))
    whole = Access(out.array, 0, (*by[:axis], *(0,) * rank, *by[after:]))
    target = _indexed(low, whole, indices, sizes, by[axis:after], axis)
    low.emit(target, values[0], low.shape_of(operand), add)
    return out
