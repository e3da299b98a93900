"""Emits code that works on columns of integers in memory, all of which are i64 in registers."""

from __future__ import annotations

from lowering.bindings import ir

from .builder import Builder


class Elements:
    """A column of integers of one width in memory."""

    def __init__(self, b: Builder, base: ir.Value, bits: int) -> None:
        self._b, self.base, self._bits = b, base, bits
        self._type = ir.IntegerType.get_signless(bits)

    def __getitem__(self, at: ir.Value | int) -> ir.Value:
        found = self._b.load(self._b.element(self.base, at, self._type), self._type)
        return found if self._bits == 64 else self._b.build("llvm.sext", [self._b.i64], [found])

    def __setitem__(self, at: ir.Value | int, x: ir.Value) -> None:
        if self._bits != 64:
            x = self._b.build("llvm.trunc", [self._type], [x])
        self._b.store(x, self._b.element(self.base, at, self._type))

    def add(self, at: ir.Value | int, x: ir.Value | int) -> ir.Value:
        """Add to one of them; what it has been."""
        before = self[at]
        x = self._b.integer(x) if isinstance(x, int) else x
        self[at] = self._b.integer_op("llvm.add", before, x)
        return before


class Memory:
    """Appends such code where a builder is."""

    def __init__(self, b: Builder) -> None:
        self.b = b

    def column(self, base: ir.Value, bits: int) -> Elements:
        """A column that begins at an address."""
        return Elements(self.b, base, bits)

    def variable(self, x: int) -> Elements:
        """Room for one i64, which is set."""
        found = Elements(self.b, self.b.alloca(1, self.b.i64), 64)
        found[0] = self.b.integer(x)
        return found

    def _word(self, x: ir.Value | int) -> ir.Value:
        return self.b.integer(x) if isinstance(x, int) else x

    def _op(self, name: str, x: ir.Value, y: ir.Value | int) -> ir.Value:
        return self.b.integer_op(f"llvm.{name}", x, self._word(y))

    def plus(self, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The sum."""
        return self._op("add", x, y)

    def minus(self, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The difference."""
        return self._op("sub", x, y)

    def times(self, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The product, modulo two to the power 64."""
        return self._op("mul", x, y)

    def xor(self, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The bits in which they differ."""
        return self._op("xor", x, y)

    def shifted(self, x: ir.Value, by: int) -> ir.Value:
        """The upper bits, further down, zeros above."""
        return self._op("lshr", x, by)

    def beside(self, high: ir.Value, low: ir.Value) -> ir.Value:
        """Two numbers of 32 bits in one."""
        return self._op("or", self._op("shl", high, 32), low)

    def bit(self, x: ir.Value, which: int) -> ir.Value:
        """Whether a bit is set."""
        return self.b.negated(self.equal(self._op("and", x, which), 0))

    def equal(self, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """Whether they are equal."""
        return self.b.compare_integers("eq", x, self._word(y))

    def less(self, x: ir.Value | int, y: ir.Value | int) -> ir.Value:
        """Whether the first is less."""
        return self.b.compare_integers("slt", self._word(x), self._word(y))

    def larger(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The larger one."""
        return self.b.select(self.less(x, y), y, x)
