"""Elements of arrays whose numbers differ from point to point, in code whose lanes are points."""

from __future__ import annotations

import numpy as np

from lowering.bindings import ir
from lowering.versions import masked_alignment

from ..dialect.operations import vector_of
from .builder import Builder

Index = tuple[int, ir.Value]
"""A constant, and a vector of i64."""


def is_vector(index: ir.Value | None) -> bool:
    """Whether an index has a number for each point."""
    return index is not None and isinstance(index.type, ir.VectorType)


def indices(b: Builder, numbers: ir.Value) -> ir.Value:
    """The whole numbers of a vector as i64."""
    type = ir.VectorType.get([b.lanes], b.i64)
    return b.build("llvm.fptosi", [type], [numbers])


def gather(b: Builder, base: ir.Value, index: Index, type: ir.Type) -> ir.Value:
    """The numbers at these elements of an array of a type; where the array has a vector for each of
    its elements, each lane its own.

    One by one: processors' own gathers take as many loads, and more besides.
    """
    element = type.element_type if isinstance(type, ir.VectorType) else type
    constant, value = index
    places = _places(b, value, type)
    lanes = b.build("llvm.mlir.poison", [vector_of(element, b.lanes)], [])
    for k in range(b.lanes):
        place = _place(b, places, k)
        address = b.element(b.element(base, place, element), constant, type)
        x = b.load(address, element, element.width // 8)
        lanes = b.build("llvm.insertelement", [lanes.type], [lanes, x, b.integer(k)])
    return b.converted(lanes, b.element_type)


def _place(b: Builder, places: ir.Value, k: int) -> ir.Value:
    """That of one lane."""
    return b.numbered(
        ("place", places, k),
        lambda: b.build("llvm.extractelement", [b.i64], [places, b.integer(k)]),
    )


def scatter(b: Builder, x: ir.Value, base: ir.Value, index: Index, type: ir.Type) -> None:
    """Write each lane of a number to its own element of an array of vectors."""
    name = "llvm.intr.masked.scatter"
    aligned = {"alignment": masked_alignment(name, b.bits // 8)}
    constant, value = index
    base = b.element(base, constant, type)
    addresses = b.offset(base, _places(b, value, type), type.element_type)
    b.build(name, [], [x, addresses, _every(b)], aligned)


def _places(b: Builder, index: ir.Value, type: ir.Type) -> ir.Value:
    """The places of elements, counted in numbers."""
    if not isinstance(type, ir.VectorType):
        return index
    own = np.arange(b.lanes, dtype=np.int64)
    lane = b.constant_op(ir.DenseElementsAttr.get(own, type=index.type), index.type)
    lanes = b.everywhere_integer(b.integer(b.lanes))
    return b.integer_op("llvm.add", b.integer_op("llvm.mul", index, lanes), lane)


def _every(b: Builder) -> ir.Value:
    """The mask of all lanes."""
    type = ir.VectorType.get([b.lanes], b.i1)
    return b.constant_op(ir.DenseElementsAttr.get_splat(type, ir.BoolAttr.get(True)), type)
