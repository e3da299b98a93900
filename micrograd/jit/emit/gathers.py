"""Elements of arrays whose numbers differ from point to point, in code whose lanes are points."""

from __future__ import annotations

import numpy as np

from lowering.bindings import ir
from lowering.versions import masked_alignment

from ..dialect.operations import vector_of
from .builder import Builder


def is_vector(index: ir.Value | None) -> bool:
    """Whether an index has a number for each point."""
    return index is not None and isinstance(index.type, ir.VectorType)


def indices(b: Builder, numbers: ir.Value) -> ir.Value:
    """The whole numbers of a vector as i64."""
    type = ir.VectorType.get([b.lanes], b.i64)
    return b.build("llvm.fptosi", [type], [numbers])


def gather(b: Builder, base: ir.Value, index: ir.Value, type: ir.Type) -> ir.Value:
    """The numbers at these elements of an array of a type; where the array has a vector for each of
    its elements, each lane its own.
    """
    element = type.element_type if isinstance(type, ir.VectorType) else type
    found = vector_of(element, b.lanes)
    addresses = _addresses(b, base, index, type)
    name = "llvm.intr.masked.gather"
    aligned = {"alignment": masked_alignment(name, element.width // 8)}
    return b.converted(b.build(name, [found], [addresses, _every(b)], aligned), b.element_type)


def scatter(b: Builder, x: ir.Value, base: ir.Value, index: ir.Value, type: ir.Type) -> None:
    """Write each lane of a number to its own element of an array of vectors."""
    name = "llvm.intr.masked.scatter"
    aligned = {"alignment": masked_alignment(name, b.bits // 8)}
    b.build(name, [], [x, _addresses(b, base, index, type), _every(b)], aligned)


def _addresses(b: Builder, base: ir.Value, index: ir.Value, type: ir.Type) -> ir.Value:
    if not isinstance(type, ir.VectorType):
        return b.offset(base, index, type)
    own = np.arange(b.lanes, dtype=np.int64)
    lane = b.constant_op(ir.DenseElementsAttr.get(own, type=b.i64), index.type)
    lanes = b.everywhere_integer(b.integer(b.lanes))
    place = b.integer_op("llvm.add", b.integer_op("llvm.mul", index, lanes), lane)
    return b.offset(base, place, type.element_type)


def _every(b: Builder) -> ir.Value:
    """The mask of all lanes."""
    type = ir.VectorType.get([b.lanes], b.i1)
    return b.constant_op(ir.DenseElementsAttr.get_splat(type, ir.BoolAttr.get(True)), type)
