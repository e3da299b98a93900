"""Elements of arrays whose numbers differ from point to point, in code whose lanes are points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowering.bindings import ir
from lowering.versions import masked_alignment

from ..dialect.operations import vector_of
from ..ir.program import Access, Program, Role, accesses
from .builder import Builder

ROW = 4
"""Elements in a row that are loaded at once."""

Index = tuple[int, ir.Value]
"""A constant, and a vector of i64."""


def is_vector(index: ir.Value | None) -> bool:
    """Whether an index has a number for each point."""
    return index is not None and isinstance(index.type, ir.VectorType)


def indices(b: Builder, numbers: ir.Value) -> ir.Value:
    """The integers that stand in the places of numbers, as i64: they are as wide as those."""
    lanes = [] if b.lanes == 1 else [b.lanes]
    wide, own = (
        ir.VectorType.get(lanes, x) if lanes else x
        for x in (b.i64, ir.IntegerType.get_signless(b.bits))
    )
    found = b.build("llvm.bitcast", [own], [numbers])
    return found if own == wide else b.build("llvm.sext", [wide], [found])


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


def gather_rows(b: Builder, base: ir.Value, index: Index, type: ir.Type) -> list[ir.Value]:
    """The same for `ROW` elements that lie in a row from these on: as vectors of each point's, and
    these crosswise.
    """
    constant, value = index
    blocks: list[list[ir.Value]] = []
    for first in range(0, b.lanes, ROW):
        rows = []
        for k in range(first, first + ROW):
            address = b.element(b.element(base, _place(b, value, k), type), constant, type)
            row = b.load(address, vector_of(type, ROW), type.width // 8)
            rows.append(b.converted(row, b.element_type))
        blocks.append(_crosswise(b, rows))
    while len(blocks) > 1:
        width = range(2 * blocks[0][0].type.shape[0])
        blocks = [
            [_shuffled(b, x, y, width) for x, y in zip(*pair, strict=True)]
            for pair in zip(blocks[::2], blocks[1::2], strict=True)
        ]
    return blocks[0]


def _crosswise(b: Builder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """The columns of a square of `ROW` by `ROW` numbers."""
    halves = [
        [_shuffled(b, x, y, lanes) for lanes in ((0, 4, 2, 6), (1, 5, 3, 7))]
        for x, y in (rows[:2], rows[2:])
    ]
    return [
        _shuffled(b, halves[0][k], halves[1][k], lanes)
        for lanes in ((0, 1, 4, 5), (2, 3, 6, 7))
        for k in range(2)
    ]


def _shuffled(b: Builder, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
    """A vector of lanes of two, which may be as many as points are."""
    mask = {"mask": ir.DenseI32ArrayAttr.get(list(lanes))}
    type = vector_of(b.element_type, len(lanes))
    return b.build("llvm.shufflevector", [type], [x, y], mask)


def rows_of(program: Program) -> dict[Access, int]:
    """Of accesses through index arrays that read rows of what never changes, from which element on
    the part of the row is that they belong to.
    """
    places: dict[tuple[object, ...], dict[int, Access]] = {}
    for s in program.statements:
        for a in accesses(s.expr):
            role = program.arrays[a.array].role
            if a.parts and role in (Role.PARAMETER, Role.CONSTANT) and not any(a.strides):
                places.setdefault((a.array, a.strides, a.parts), {})[a.offset] = a
    found: dict[Access, int] = {}
    for there in places.values():
        for start in sorted(there):
            row = [there.get(start + k) for k in range(ROW)]
            if not any(a is None or a in found for a in row):
                found.update((a, start) for a in row if a is not None)
    return found


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
