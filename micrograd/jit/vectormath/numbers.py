"""The arithmetic that expansions are written in: numbers, integers and masks of any width.

A `Real`, `Integer` or `Mask` is an SSA value, a scalar or a vector, and its operators append
operations of the llvm dialect, lane by lane. Everything is told from the type of the value, so the
same expansion serves scalars and vectors of every width, in float32 and float64. No operation
carries a fast-math flag: what is written is what is rounded, and a product is fused with a sum
only where `fma` stands. A processor without fused arithmetic gets more instructions for the same
bounds of the errors. Python numbers are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from lowering.bindings import ir
from lowering.versions import masked_alignment

from ..dialect.blocks import Blocks
from ..dialect.operations import FCMP, ICMP, float_type, vector_of
from . import avx512


class _Lanes:
    """A value and its shape. bits: the width of a lane's number; width: how many lanes."""

    __slots__ = ("b", "bits", "value", "width")

    def __init__(self, b: Blocks, value: ir.Value, bits: int, width: int) -> None:
        self.b = b
        self.value = value
        self.bits = bits
        self.width = width

    @property
    def format(self) -> tuple[int, int]:
        """How many binary places numbers so wide have, and their largest exponent."""
        return (52, 1023) if self.bits == 64 else (23, 127)

    @property
    def shift(self) -> float:
        """What, added to a number, rounds it to an integer that is the low bits of the sum."""
        return 1.5 * 2.0 ** self.format[0]

    def _apply(
        self,
        kind: type[L],
        name: str,
        operands: Sequence[_Lanes],
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
            return self.b.build(name, [_type(kind, bits, self.width)], values, given)

        key = ("lanes", kind, bits, name, *values, *attributes.values())
        return kind(self.b, self.b.numbered(key, build), bits, self.width)

    def shuffle(self: L, x: L, y: L, lanes: Sequence[int]) -> L:
        """The given lanes, counted through x and then y; x itself if they are its own."""
        if list(lanes) == list(range(x.width)):
            return x
        mask = {"mask": ir.DenseI32ArrayAttr.get(list(lanes))}
        type = _type(x.__class__, x.bits, len(lanes))
        value = x.b.build("llvm.shufflevector", [type], [x.value, y.value], mask)
        return x.__class__(x.b, value, x.bits, len(lanes))

    def _constant(self, kind: type[L], x: float | int) -> L:
        def build() -> ir.Value:
            element, type = _type(kind, self.bits, 1), _type(kind, self.bits, self.width)
            attribute = (
                ir.FloatAttr.get(element, x)
                if kind is Real
                else ir.IntegerAttr.get(element, _signed(int(x), self.bits))
            )
            if self.width > 1:
                attribute = ir.DenseElementsAttr.get_splat(type, attribute)
            return self.b.constant_op(attribute, type)

        shown = float(x).hex() if kind is Real else x
        key = ("lanes constant", kind, shown, self.bits, self.width)
        return kind(self.b, self.b.numbered(key, build), self.bits, self.width)


L = TypeVar("L", bound=_Lanes)


class Real(_Lanes):
    """Floating-point numbers.

    `<` and its like are false for nan; `==` keeps Python's meaning, so equality is `equals`.
    """

    __slots__ = ()

    @classmethod
    def of(cls, b: Blocks, value: ir.Value) -> Real:
        """The numbers in a value of a floating-point type or of a vector of one."""
        type = value.type
        vector = isinstance(type, ir.VectorType)
        element = type.element_type if vector else type
        bits = 64 if isinstance(element, ir.F64Type) else 32
        return cls(b, value, bits, type.shape[0] if vector else 1)

    def constant(self, x: float) -> Real:
        """x in every lane; in float32 it is rounded."""
        return self._constant(Real, x)

    def _with(self, name: str, *others: Real | float) -> Real:
        return self._apply(Real, name, [self, *(self.real(x) for x in others)])

    def real(self, x: Real | float) -> Real:
        """x itself, or a constant of the shape of this number."""
        return x if isinstance(x, Real) else self.constant(x)

    def __add__(self, y: Real | float) -> Real:
        return self._with("llvm.fadd", y)

    def __sub__(self, y: Real | float) -> Real:
        return self._with("llvm.fsub", y)

    def __mul__(self, y: Real | float) -> Real:
        return self._with("llvm.fmul", y)

    def __truediv__(self, y: Real | float) -> Real:
        return self._with("llvm.fdiv", y)

    def __radd__(self, x: float) -> Real:
        return self.constant(x) + self

    def __rsub__(self, x: float) -> Real:
        return self.constant(x) - self

    def __rmul__(self, x: float) -> Real:
        return self.constant(x) * self

    def __rtruediv__(self, x: float) -> Real:
        return self.constant(x) / self

    def __neg__(self) -> Real:
        return self._with("llvm.fneg")

    def __abs__(self) -> Real:
        return self._with("llvm.intr.fabs")

    def fma(self, y: Real | float, z: Real | float) -> Real:
        """self * y + z, rounded once, or nearly so where the processor cannot fuse them."""
        if self.b.target.fma:
            return self._with("llvm.intr.fma", y, z)
        return _fused(self, self.real(y), self.real(z))

    def times_plus(self, y: Real | float, z: Real | float) -> Real:
        """self * y + z, rounded once or twice, whichever is one instruction less."""
        return self.fma(y, z) if self.b.target.fma else self * y + z

    def sqrt(self) -> Real:
        """The square root, correctly rounded."""
        return self._with("llvm.intr.sqrt")

    def round(self) -> Real:
        """The nearest integer, as a number; a half goes to the even one."""
        return self._with("llvm.intr.roundeven")

    def floor(self) -> Real:
        """The integer below, as a number."""
        return self._with("llvm.intr.floor")

    def copysign(self, y: Real | float) -> Real:
        """The magnitude of this number with the sign of y."""
        return self._with("llvm.intr.copysign", y)

    def minimum(self, y: Real | float) -> Real:
        """The smaller number; y if either is nan."""
        y = self.real(y)
        return (self < y).select(self, y)

    def maximum(self, y: Real | float) -> Real:
        """The larger number; y if either is nan."""
        y = self.real(y)
        return (self > y).select(self, y)

    def _compare(self, predicate: str, y: Real | float) -> Mask:
        code = FCMP[predicate]
        return self._apply(Mask, "llvm.fcmp", [self, self.real(y)], predicate=code)

    def __lt__(self, y: Real | float) -> Mask:
        return self._compare("olt", y)

    def __le__(self, y: Real | float) -> Mask:
        return self._compare("ole", y)

    def __gt__(self, y: Real | float) -> Mask:
        return self._compare("ogt", y)

    def __ge__(self, y: Real | float) -> Mask:
        return self._compare("oge", y)

    def equals(self, y: Real | float) -> Mask:
        """Where both are the same number; 0.0 equals -0.0, and nan nothing."""
        return self._compare("oeq", y)

    def is_nan(self) -> Mask:
        """Where this is no number."""
        return self._compare("uno", self)

    def as_integer(self) -> Integer:
        """The bits."""
        return self._apply(Integer, "llvm.bitcast", [self])

    def nearest(self, factor: float | None = None, *, parts: int = 1) -> tuple[Real, Integer]:
        """The integer nearest to self, or to self * factor: as a number, and as an integer.

        With `parts`, a power of two, it is the nearest multiple of 1/parts, and their count.
        The integer must be below 2**50 (2**21).

        Adding 1.5 * 2**52 rounds to an integer, which then is the low bits of the sum: two
        additions, where a conversion of float64 is a scalar one before AVX-512.
        """
        shift = self.constant(self.shift / parts)
        shifted = self + shift if factor is None else self.times_plus(factor, shift)
        return shifted - shift, shifted.as_integer() - shift.as_integer()

    def scale(self, n: Real) -> Real:
        """self * 2**floor(n), rounded once where the result is no normal number.

        n: of less than three times the largest exponent. One instruction of AVX-512, elsewhere
        two products with powers of two.
        """
        if self.width > 1 and self.b.target.avx512:
            return self._instruction(avx512.scale, n)
        _, k = (n.floor() * 0.5).floor().nearest()
        rest = n.floor().nearest()[1] - k
        return self * k.power_of_two() * rest.power_of_two()

    def split(self) -> tuple[Real, Real]:
        """A mantissa m and an exponent e, so that this is m * 2**e and 1 <= m < 2.

        Of 0 they are 1 and -inf, and of inf 1 and inf; of less than 0 or nan m is nan. Two
        instructions of AVX-512, which take denormal numbers too.
        """
        if self.width > 1 and self.b.target.avx512:
            return self._instruction(avx512.mantissa), self._instruction(avx512.exponent)
        places, bias = self.format
        tiny = self < 2.0 ** (1 - bias)
        bits = tiny.select(self * 2.0 ** (places + 2), self).as_integer()
        # the exponent, by putting it below the places of a larger number
        shift = self.constant(2.0**places)
        offset = tiny.select(shift + float(bias + places + 2), shift + float(bias))
        e = (bits.shift_right(places) | shift.as_integer()).as_real() - offset
        e = (self < float("inf")).select(e, self)
        e = self.equals(0.0).select(self.constant(float("-inf")), e)
        one = self.constant(1.0).as_integer()
        m = (bits & ((1 << places) - 1) | one).as_real()
        return (self >= 0.0).select(m, self.constant(float("nan"))), e

    def _instruction(self, build: Callable[..., ir.Value], *others: Real) -> Real:
        """What an instruction of AVX-512 gives."""

        def apply(xs: Sequence[Real]) -> Real:
            return xs[0].__class__.of(self.b, build(self.b, *(x.value for x in xs)))

        return avx512.by_register([self, *others], apply)

    def convert(self, bits: int) -> Real:
        """The same numbers in float32 or float64."""
        if bits == self.bits:
            return self
        name = "llvm.fpext" if bits > self.bits else "llvm.fptrunc"
        return self._apply(Real, name, [self], bits=bits)


class Integer(_Lanes):
    """Integers as wide as the numbers they go with: i64 beside float64, i32 beside float32."""

    __slots__ = ()

    def constant(self, n: int) -> Integer:
        """n in every lane."""
        return self._constant(Integer, n)

    def _with(self, name: str, y: Integer | int) -> Integer:
        y = y if isinstance(y, Integer) else self.constant(y)
        return self._apply(Integer, name, [self, y])

    def __add__(self, y: Integer | int) -> Integer:
        return self._with("llvm.add", y)

    def __sub__(self, y: Integer | int) -> Integer:
        return self._with("llvm.sub", y)

    def __mul__(self, y: Integer | int) -> Integer:
        return self._with("llvm.mul", y)

    def __rsub__(self, x: int) -> Integer:
        return self.constant(x) - self

    def __and__(self, y: Integer | int) -> Integer:
        return self._with("llvm.and", y)

    def __or__(self, y: Integer | int) -> Integer:
        return self._with("llvm.or", y)

    def __xor__(self, y: Integer | int) -> Integer:
        return self._with("llvm.xor", y)

    def __lshift__(self, y: Integer | int) -> Integer:
        return self._with("llvm.shl", y)

    def __rshift__(self, y: Integer | int) -> Integer:
        """Shifts copies of the sign in."""
        return self._with("llvm.ashr", y)

    def shift_right(self, y: Integer | int) -> Integer:
        """Shifts zeros in."""
        return self._with("llvm.lshr", y)

    def _compare(self, predicate: str, y: Integer | int) -> Mask:
        y = y if isinstance(y, Integer) else self.constant(y)
        return self._apply(Mask, "llvm.icmp", [self, y], predicate=ICMP[predicate])

    def __lt__(self, y: Integer | int) -> Mask:
        return self._compare("slt", y)

    def __le__(self, y: Integer | int) -> Mask:
        return self._compare("sle", y)

    def __gt__(self, y: Integer | int) -> Mask:
        return self._compare("sgt", y)

    def __ge__(self, y: Integer | int) -> Mask:
        return self._compare("sge", y)

    def equals(self, y: Integer | int) -> Mask:
        """Where both are the same integer."""
        return self._compare("eq", y)

    def below(self, y: Integer | int) -> Mask:
        """Where this is less, both read as unsigned."""
        return self._compare("ult", y)

    def as_real(self) -> Real:
        """The number that has these bits."""
        return self._apply(Real, "llvm.bitcast", [self])

    def power_of_two(self) -> Real:
        """2.0**self, for exponents of normal numbers."""
        places, bias = self.format
        return ((self + bias) << places).as_real()

    def to_real(self) -> Real:
        """The integers as numbers; for those below 2**50 (2**21): the inverse of `nearest`."""
        shift = self.as_real().constant(self.shift)
        return (self + shift.as_integer()).as_real() - shift

    def lookup(self, numbers: Sequence[float]) -> Real:
        """numbers[self % len(numbers)]; their count is a power of two.

        Where the table fits into two registers of AVX-512 it is one permutation of them, elsewhere
        a gather from memory.
        """
        name = avx512.PERMUTATIONS.get((self.bits, len(numbers)))
        if name is None or self.width == 1 or not self.b.target.avx512:
            return self._gather(numbers)
        full = 512 // self.bits
        rows = [self._row(numbers[k : k + full]) for k in range(0, len(numbers), full)]

        def permute(index: Sequence[_Lanes]) -> Real:
            operands = [rows[0].value, index[0].value, *(row.value for row in rows[1:])]
            value = avx512.instruction(self.b, name, operands)
            return Real(self.b, value, self.bits, full)

        return avx512.by_register([self], permute)

    def _row(self, numbers: Sequence[float]) -> Real:
        """A vector register of constants."""
        width = len(numbers)

        def build() -> ir.Value:
            data = np.array(numbers, dtype=f"f{self.bits // 8}")
            elements = str(ir.DenseElementsAttr.get(data)).rpartition(" : ")[0]
            type = _type(Real, self.bits, width)
            return self.b.constant_op(ir.Attribute.parse(f"{elements} : {type}"), type)

        key = ("lanes row", tuple(numbers), self.bits)
        return Real(self.b, self.b.numbered(key, build), self.bits, width)

    def _gather(self, numbers: Sequence[float]) -> Real:
        element = _type(Real, self.bits, 1)
        index = self & (len(numbers) - 1)
        at = self.b.offset(self.b.table(numbers, element), index.value, element)
        type = _type(Real, self.bits, self.width)
        if self.width == 1:
            value = self.b.build("llvm.load", [type], [at])
        else:
            every = self._constant(Mask, 1)
            name = "llvm.intr.masked.gather"
            aligned = {"alignment": masked_alignment(name, self.bits // 8)}
            value = self.b.build(name, [type], [at, every.value], aligned)
        return Real(self.b, value, self.bits, self.width)


class Mask(_Lanes):
    """Truth values."""

    __slots__ = ()

    def __and__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.and", [self, y])

    def __or__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.or", [self, y])

    def __xor__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.xor", [self, y])

    def __invert__(self) -> Mask:
        return self ^ self._constant(Mask, 1)

    def select(self, x: S, y: S | float) -> S:
        """x where the mask holds, else y."""
        other = y if isinstance(y, _Lanes) else x._constant(type(x), y)
        return x._apply(type(x), "llvm.select", [self, x, other])


S = TypeVar("S", Real, Integer)


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """c[0] + c[1] x + c[2] x**2 + ..., by Horner's rule, in fused steps where there are such."""
    *lower, highest = coefficients
    sum = x.constant(highest)
    for c in reversed(lower):
        sum = sum.times_plus(x, c)
    return sum


def two_sum(x: Real, y: Real) -> tuple[Real, Real]:
    """x + y and its rounding error, where |x| >= |y|. Source: T. J. Dekker, 1971."""
    sum = x + y
    return sum, y - (sum - x)


def sum_exactly(x: Real, y: Real) -> tuple[Real, Real]:
    """x + y and its rounding error. Source: D. E. Knuth, The Art of Computer Programming, 4.2.2."""
    sum = x + y
    part = sum - x
    return sum, (x - (sum - part)) + (y - part)


def two_product(x: Real, y: Real) -> tuple[Real, Real]:
    """x * y and its rounding error."""
    product = x * y
    return product, x.fma(y, -product)


def _fused(x: Real, y: Real, z: Real) -> Real:
    """x * y + z without fused arithmetic.

    Products of float32 are exact in float64. Those of float64 are made the sum of two numbers, from
    halves of the factors, and so is what they are added to. Source: T. J. Dekker, A Floating-Point
    Technique for Extending the Available Precision, 1971. Where a half is infinite, for numbers
    beyond 2**996, the product is rounded.
    """
    if x.bits == 32:
        return (x.convert(64) * y.convert(64) + z.convert(64)).convert(32)
    product = x * y
    (a, b), (c, d) = _halves(x), _halves(y)
    lost = ((a * c - product) + a * d + b * c) + b * d
    sum, error = sum_exactly(product, z)
    correction = error + lost
    # nan where something is infinite; 0 would make 0.0 of -0.0
    return (abs(correction) > 0.0).select(sum + correction, sum)


def _halves(x: Real) -> tuple[Real, Real]:
    """The 26 upper places of a float64, and the others: numbers whose products are exact."""
    spread = x * (2.0**27 + 1.0)
    high = spread - (spread - x)
    return high, x - high


def _signed(n: int, bits: int) -> int:
    n &= 2**bits - 1
    return n - (n >> bits - 1 << bits)


def _type(kind: type[_Lanes], bits: int, width: int) -> ir.Type:
    if kind is Real:
        element = float_type(bits)
    else:
        element = ir.IntegerType.get_signless(1 if kind is Mask else bits)
    return vector_of(element, width)
