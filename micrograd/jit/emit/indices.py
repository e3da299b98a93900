"""Numbers of elements and of iterations: what is affine in loop indices, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.extents import Affine, Entries, Extent
from ..ir.program import Access, Part
from .builder import Builder
from .gathers import is_vector
from .storage import Index, Storage


def scaled(b: Builder, value: Any, factor: int) -> Index:
    """An index value times a constant."""
    if factor == 1:
        return 0, value
    if b.lanes > 1 and is_vector(value):
        return 0, b.integer_op("llvm.mul", value, b.everywhere_integer(b.integer(factor)))
    return 0, b.integer_op("llvm.mul", value, b.integer(factor))


def linear(
    b: Builder,
    offset: int,
    strides: Sequence[int],
    at: Sequence[Index],
    varying: Any = None,
) -> Index:
    """offset + varying + sum(strides * indices)."""
    constant, total = offset, varying
    for stride, (fixed, value) in zip(strides, at, strict=True):
        if not stride:
            continue
        constant += stride * fixed
        if value is not None:
            term = scaled(b, value, stride)[1]
            total = term if total is None else b.integer_op("llvm.add", total, term)
    return constant, total


def element(storage: Storage, a: Access, at: Sequence[Index]) -> Index:
    """The number of the element that an access touches at these indices."""
    b = storage.b
    total = linear(b, a.offset, a.strides, at)
    for part in a.parts:
        constant, value = _part(storage, part, at)
        total = plus(b, total, (constant * part.scale, value and scaled(b, value, part.scale)[1]))
    return total


def plus(b: Builder, x: Index, y: Index) -> Index:
    """The sum of two indices."""
    (constant, value), (more, other) = x, y
    if value is not None and other is not None:
        if is_vector(value) or is_vector(other):
            value, other = (b.everywhere_integer(n) for n in (value, other))
        other = b.integer_op("llvm.add", value, other)
    return constant + more, value if other is None else other


def whole(b: Builder, index: Index) -> Any:
    """An index as one i64."""
    constant, value = index
    if value is None:
        return b.integer(constant)
    if is_vector(value):
        return b.integer_op("llvm.add", value, b.everywhere_integer(b.integer(constant)))
    return b.integer_op("llvm.add", value, b.integer(constant)) if constant else value


def _part(storage: Storage, part: Part, at: Sequence[Index]) -> Index:
    b = storage.b
    index = linear(b, part.offset, part.strides, at)
    if part.is_entry:
        return 0, storage.entry(str(part.by), index)
    by = int(part.by)
    constant, value = index
    if value is None:
        return (constant % by if part.kind == "mod" else constant // by), None
    name = "llvm.urem" if part.kind == "mod" else "llvm.udiv"
    return 0, b.integer_op(name, whole(b, index), b.integer(by))


def trip_count(storage: Storage, extent: int, at: Sequence[Index]) -> int | Any:
    """How often a loop runs, at these indices of loops outside: a number, or an i64 of at least 0.

    at   of those loops first; there may be more
    """
    b = storage.b
    if isinstance(extent, Extent):
        address = storage.bases[extent.name]
        return b.numbered(("extent", extent.name), lambda: b.load(address, b.i64))
    if not isinstance(extent, Affine | Entries):
        return extent
    index = linear(b, extent.offset, extent.strides, at[: len(extent.strides)])
    if isinstance(extent, Entries):
        return storage.entry(extent.array, index)
    if index[1] is None:
        return max(0, index[0])
    operands = [whole(b, index), b.integer(0)]
    return b.numbered(("smax", *operands), lambda: b.build("llvm.intr.smax", [b.i64], operands))
