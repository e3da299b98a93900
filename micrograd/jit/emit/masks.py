"""Vectors of which only the first lanes are there: no more is read or written than those."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lowering.bindings import ir
from lowering.versions import masked_alignment

from .builder import Builder


def first(b: Builder, width: int, count: ir.Value) -> ir.Value:
    """The mask of the first `count` of so many lanes."""
    return _below(b, np.arange(width), count)


def last(b: Builder, width: int, count: ir.Value) -> ir.Value:
    """The mask of the last `count` of so many lanes."""
    return _below(b, np.arange(width)[::-1], count)


def _below(b: Builder, numbers: npt.NDArray[np.int64], count: ir.Value) -> ir.Value:
    """The mask of the lanes whose number is below a count."""
    width = len(numbers)
    type = ir.VectorType.get([width], b.i32)
    entries = ir.DenseElementsAttr.get(np.array(numbers, dtype=np.int32), type=type)
    lane = b.constant_op(entries, type)
    short = b.build("llvm.trunc", [b.i32], [count])
    poison = b.build("llvm.mlir.poison", [type], [])
    one = b.build("llvm.insertelement", [type], [poison, short, b.integer(0)])
    zeros = {"mask": ir.DenseI32ArrayAttr.get([0] * width)}
    limit = b.build("llvm.shufflevector", [type], [one, poison], zeros)
    return b.compare_integers("ult", lane, limit)


def load(b: Builder, address: ir.Value, mask: ir.Value, otherwise: ir.Value) -> ir.Value:
    """The numbers in a row that are there; lanes that are not have those of another vector."""
    type = otherwise.type
    name = "llvm.intr.masked.load"
    aligned = {"alignment": masked_alignment(name, type.element_type.width // 8)}
    return b.build(name, [type], [address, mask, otherwise], aligned)


def store(b: Builder, x: ir.Value, address: ir.Value, mask: ir.Value) -> None:
    """Write those numbers in a row that are there."""
    name = "llvm.intr.masked.store"
    aligned = {"alignment": masked_alignment(name, x.type.element_type.width // 8)}
    b.build(name, [], [x, address, mask], aligned)
