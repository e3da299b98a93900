"""Tables of constants that are looked up lane by lane: in registers, or in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lowering.versions import masked_alignment

from . import avx512
from .lanes import L, Lanes


def lookup(index: Any, numbers: Sequence[float], real: type[L], mask: type[Lanes]) -> L:
    """numbers[index % len(numbers)]; their count is a power of two.

    real, mask   the kinds of what is looked up, and of truth values
    """
    name = avx512.PERMUTATIONS.get((index.bits, len(numbers)))
    if name is None or index.width == 1 or not index.b.target.avx512:
        return _gather(index, numbers, real, mask)
    full = 512 // index.bits
    rows = [index.row(real, numbers[k : k + full]) for k in range(0, len(numbers), full)]

    def permute(given: Sequence[Lanes]) -> L:
        operands = [rows[0].value, given[0].value, *(row.value for row in rows[1:])]
        value = avx512.instruction(index.b, name, operands)
        return real(index.b, value, index.bits, full)

    return avx512.by_register([index], permute)


def _gather(index: Any, numbers: Sequence[float], real: type[L], mask: type[Lanes]) -> L:
    element = real.type_of(index.bits, 1)
    places = index & (len(numbers) - 1)
    at = index.b.offset(index.b.table(numbers, element), places.value, element)
    type = real.type_of(index.bits, index.width)
    if index.width == 1:
        value = index.b.build("llvm.load", [type], [at])
    else:
        every = index.splat(mask, 1)
        name = "llvm.intr.masked.gather"
        aligned = {"alignment": masked_alignment(name, index.bits // 8)}
        value = index.b.build(name, [type], [at, every.value], aligned)
    return real(index.b, value, index.bits, index.width)
