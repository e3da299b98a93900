"""Tables of constants that are looked up lane by lane: in registers, or in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lowering.versions import masked_alignment

from . import avx512
from .lanes import L, Lanes


def lookup(
    index: Any, columns: Sequence[Sequence[float]], real: type[L], mask: type[Lanes]
) -> list[L]:
    """numbers[index % len(numbers)] of every column; their count is a power of two, one for all.

    real, mask   the kinds of what is looked up, and of truth values
    """
    count = len(columns[0])
    name = avx512.PERMUTATIONS.get((index.bits, count))
    if name is None or index.width == 1 or not index.b.target.avx512:
        return _from_memory(index & (count - 1), columns, real, mask)
    full = 512 // index.bits

    def permuted(numbers: Sequence[float]) -> L:
        rows = [index.row(real, numbers[k : k + full]) for k in range(0, count, full)]

        def permute(given: Sequence[Lanes]) -> L:
            operands = [rows[0].value, given[0].value, *(row.value for row in rows[1:])]
            value = avx512.instruction(index.b, name, operands)
            return real(index.b, value, index.bits, full)

        return avx512.by_register([index], permute)

    return [permuted(numbers) for numbers in columns]


def _from_memory(
    places: Any, columns: Sequence[Sequence[float]], real: type[L], mask: type[Lanes]
) -> list[L]:
    """By pairs of columns, and what is left over by itself."""
    if places.width == 1 or len(columns) == 1:
        return [_gather(places, numbers, real, mask) for numbers in columns]
    first, second, *others = columns
    pair = _pair(places, first, second, real)
    return pair + (_from_memory(places, others, real, mask) if others else [])


def _pair(places: Any, first: Sequence[float], second: Sequence[float], real: type[L]) -> list[L]:
    """Two columns, from a table of pairs: a load for each lane has what two gathers have."""
    b, bits, width = places.b, places.bits, places.width
    element, two = real.type_of(bits, 1), real.type_of(bits, 2)
    table = b.table([x for both in zip(first, second, strict=True) for x in both], element)
    index, found = places << 1, []
    for k in range(width):
        lane = b.build("llvm.extractelement", [index.element(bits)], [index.value, b.integer(k)])
        found.append(real(b, b.load(b.offset(table, lane, element), two), bits, 2))
    found += found[-1:] * ((1 << (width - 1).bit_length()) - width)  # of which nothing is taken
    while len(found) > 1:
        lanes = range(2 * found[0].width)
        found = [x.shuffle(x, y, lanes) for x, y in zip(found[::2], found[1::2], strict=True)]
    (all,) = found
    return [all.shuffle(all, all, range(side, 2 * width, 2)) for side in (0, 1)]


def _gather(places: Any, numbers: Sequence[float], real: type[L], mask: type[Lanes]) -> L:
    element = real.type_of(places.bits, 1)
    at = places.b.offset(places.b.table(numbers, element), places.value, element)
    type = real.type_of(places.bits, places.width)
    if places.width == 1:
        value = places.b.build("llvm.load", [type], [at])
    else:
        every = places.splat(mask, 1)
        name = "llvm.intr.masked.gather"
        aligned = {"alignment": masked_alignment(name, places.bits // 8)}
        value = places.b.build(name, [type], [at, every.value], aligned)
    return real(places.b, value, places.bits, places.width)
