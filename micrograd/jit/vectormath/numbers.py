"""The arithmetic that expansions are written in: numbers, integers and masks of any width.

A `Real`, `Integer` or `Mask` is an SSA value, a scalar or a vector, and its operators append
operations of the llvm dialect, lane by lane. Everything is told from the type of the value, so the
same expansion serves scalars and vectors of every width, in float32 and float64. No operation
carries a fast-math flag: what is written is what is rounded, and a product is fused with a sum
only where `fma` stands. A processor without fused arithmetic gets more instructions for the same
bounds of the errors. Python numbers are constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lowering.bindings import ir

from ..dialect.blocks import Blocks
from ..dialect.operations import FCMP, ICMP, float_type
from . import scaling, tables
from .exact import fused
from .lanes import Lanes


class Real(Lanes):
    """Floating-point numbers.

    `<` and its like are false for nan; `==` keeps Python's meaning, so equality is `equals`.
    """

    __slots__ = ()
    floating = True

    @classmethod
    def element(cls, bits: int) -> ir.Type:
        """The type of a number."""
        return float_type(bits)

    @classmethod
    def of(cls, b: Blocks, value: ir.Value) -> Real:
        """The numbers in a value of a floating-point type or of a vector of one."""
        type = value.type
        vector = isinstance(type, ir.VectorType)
        element = type.element_type if vector else type
        return cls(b, value, element.width, type.shape[0] if vector else 1)

    def constant(self, x: float) -> Real:
        """x in every lane; in float32 it is rounded."""
        return self.splat(Real, x)

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
        return fused(self, self.real(y), self.real(z))

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

    def with_sign_of(self, y: Real) -> Real:
        """This number, of which the sign bit is 0, with the sign of y."""
        sign = self.constant(-0.0).as_integer()
        return (self.as_integer() | (y.as_integer() & sign)).as_real()

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

        |self| < 4; n: of less than three times the largest exponent. One instruction of AVX-512,
        elsewhere two products with powers of two.
        """
        return scaling.scale(self, n)

    def split(self) -> tuple[Real, Real]:
        """A mantissa m and an exponent e, so that this is m * 2**e and 1 <= m < 2.

        Of 0 they are 1 and -inf, and of inf 1 and inf; of less than 0 or nan m is nan. Two
        instructions of AVX-512, which take denormal numbers too.
        """
        return scaling.split(self)

    def convert(self, bits: int) -> Real:
        """The same numbers in float32 or float64."""
        if bits == self.bits:
            return self
        name = "llvm.fpext" if bits > self.bits else "llvm.fptrunc"
        return self._apply(Real, name, [self], bits=bits)


class Integer(Lanes):
    """Integers as wide as the numbers they go with: i64 beside float64, i32 beside float32."""

    __slots__ = ()

    def constant(self, n: int) -> Integer:
        """n in every lane."""
        return self.splat(Integer, n)

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

    def to_real(self) -> Real:
        """The integers as numbers; for those below 2**50 (2**21): the inverse of `nearest`."""
        shift = self.as_real().constant(self.shift)
        return (self + shift.as_integer()).as_real() - shift

    def lookup(self, *columns: Sequence[float]) -> list[Real]:
        """numbers[self % len(numbers)] of each column; their count is a power of two, one for all.

        Where a column fits into two registers of AVX-512 it is one permutation of them, elsewhere
        two of them are loads of pairs from memory, and one is a gather.
        """
        return tables.lookup(self, columns, Real, Mask)


class Mask(Lanes):
    """Truth values."""

    __slots__ = ()

    @classmethod
    def element(cls, bits: int) -> ir.Type:
        """i1, beside numbers of any width."""
        return ir.IntegerType.get_signless(1)

    def __and__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.and", [self, y])

    def __or__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.or", [self, y])

    def __xor__(self, y: Mask) -> Mask:
        return self._apply(Mask, "llvm.xor", [self, y])

    def __invert__(self) -> Mask:
        return self ^ self.splat(Mask, 1)

    def select(self, x: S, y: S | float) -> S:
        """x where the mask holds, else y."""
        other = y if isinstance(y, Lanes) else x.splat(type(x), y)
        return x._apply(type(x), "llvm.select", [self, x, other])


S = TypeVar("S", Real, Integer)
