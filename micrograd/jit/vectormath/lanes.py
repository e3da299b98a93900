"""Values with a number in every lane, scalars too: how operations, constants and tables are built.

An operation is built once in a scope; everything is told from the width of a number, the number of
lanes and the kind of what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

import numpy as np

from lowering.bindings import ir

from ...real_types import BY_BITS
from ..dialect.blocks import Blocks
from ..dialect.operations import float_type, vector_of

ALIGNED = 32
"""The alignment in bytes of vectors of constants."""


class Lanes:
    """A value and its shape. bits: the width of a lane's number; width: how many lanes."""

    __slots__ = ("b", "bits", "value", "width")
    floating: ClassVar[bool] = False

    def __init__(self, b: Blocks, value: ir.Value, bits: int, width: int) -> None:
        self.b = b
        self.value = value
        self.bits = bits
        self.width = width

    @property
    def format(self) -> tuple[int, int]:
        """How many binary places numbers so wide have, and their largest exponent."""
        kind = BY_BITS[self.bits]
        return kind.fraction, kind.exponent

    @property
    def shift(self) -> float:
        """What, added to a number, rounds it to an integer that is the low bits of the sum."""
        return 1.5 * 2.0 ** self.format[0]

    def _apply(
        self,
        kind: type[L],
        name: str,
        operands: Sequence[Lanes],
        *,
        bits: int | None = None,
        **attributes: int,
    ) -> L:
        """A lane-wise operation, built once in a scope; attributes are i64."""
        bits = bits or self.bits
        values = [x.value for x in operands]

        def build() -> ir.Value:
            i64 = ir.IntegerType.get_signless(64)
            given = {k: ir.IntegerAttr.get(i64, n) for k, n in attributes.items()}
            return self.b.build(name, [kind.type_of(bits, self.width)], values, given)

        key = ("lanes", kind, bits, name, *values, *attributes.values())
        return kind(self.b, self.b.numbered(key, build), bits, self.width)

    def shuffle(self: L, x: L, y: L, lanes: Sequence[int]) -> L:
        """The given lanes, counted through x and then y; x itself if they are its own."""
        if list(lanes) == list(range(x.width)):
            return x
        mask = {"mask": ir.DenseI32ArrayAttr.get(list(lanes))}
        type = x.type_of(x.bits, len(lanes))
        value = x.b.build("llvm.shufflevector", [type], [x.value, y.value], mask)
        return x.__class__(x.b, value, x.bits, len(lanes))

    def splat(self, kind: type[L], x: float | int) -> L:
        """x in every lane, in the shape of this value."""
        wide = self.b.target.loads_constants and self.width * self.bits >= 256
        if kind.floating and wide and x != 0.0:  # 0 is made of nothing
            return kind(self.b, self._loaded(float(x)), self.bits, self.width)

        def build() -> ir.Value:
            element, type = kind.type_of(self.bits, 1), kind.type_of(self.bits, self.width)
            attribute = (
                ir.FloatAttr.get(element, x)
                if kind.floating
                else ir.IntegerAttr.get(element, _signed(int(x), self.bits))
            )
            if self.width > 1:
                attribute = ir.DenseElementsAttr.get_splat(type, attribute)
            return self.b.constant_op(attribute, type)

        shown = float(x).hex() if kind.floating else x
        key = ("lanes constant", kind, shown, self.bits, self.width)
        return kind(self.b, self.b.numbered(key, build), self.bits, self.width)

    def _loaded(self, x: float) -> ir.Value:
        """x in every lane, loaded from the module. LLVM does not know what it loads, so it does not
        make one number and a broadcast of it.
        """
        element = float_type(self.bits)
        aligned = ir.IntegerAttr.get(ir.IntegerType.get_signless(64), ALIGNED)
        unknown = {"externally_initialized": ir.UnitAttr.get(), "alignment": aligned}
        table = self.b.table([x] * self.width, element, **unknown)

        def build() -> ir.Value:
            return self.b.load(table, vector_of(element, self.width), ALIGNED)

        return self.b.numbered(("lanes loaded", table, self.width), build)

    def row(self, kind: type[L], numbers: Sequence[float]) -> L:
        """A vector register of constants."""
        width = len(numbers)

        def build() -> ir.Value:
            data = np.array(numbers, dtype=f"f{self.bits // 8}")
            type = kind.type_of(self.bits, width)
            return self.b.constant_op(ir.DenseElementsAttr.get(data, type=type), type)

        key = ("lanes row", tuple(numbers), self.bits)
        return kind(self.b, self.b.numbered(key, build), self.bits, width)

    @classmethod
    def type_of(cls, bits: int, width: int) -> ir.Type:
        """The type of values of so many lanes."""
        return vector_of(cls.element(bits), width)

    @classmethod
    def element(cls, bits: int) -> ir.Type:
        """The type of a lane."""
        return ir.IntegerType.get_signless(bits)


L = TypeVar("L", bound=Lanes)


def _signed(n: int, bits: int) -> int:
    n &= 2**bits - 1
    return n - (n >> bits - 1 << bits)
