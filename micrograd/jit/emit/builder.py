"""Builds operations on numbers and vectors of them, among them each op of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lowering.bindings import ir

from ...errors import GraphError
from ...locks import importing, lazy_property
from ...ops import OPS, Op
from ...real_types import BY_BITS, REAL_TYPES
from ..dialect.blocks import Blocks
from ..dialect.operations import float_type, vector_of
from ..ir.program import Access, Apply, Array, Expr
from ..target import Target
from .extremes import both_ways

if TYPE_CHECKING:
    from ..vectormath.library import Expansion, Library

REASSOCIATED = "reassoc, contract"


def _expansion(op: Op) -> Expansion | None:
    """How vectors of an op are written in arithmetic."""
    with importing:
        from ..vectormath import expansion
    return expansion(op)


class Builder(Blocks):
    """Appends operations to the functions of one module, on numbers of the target.

    For a strict target no operation carries a fast-math flag and library calls are left alone.

    lanes   how many elements one number of the program is. More than 1: every number is a vector,
            of that number at so many points of a batch, and memory holds such vectors; parameters,
            constant data and index tables are the same for all points, and stay single elements.
    whole   whether the module has all that it needs: constants of any length are part of it
    """

    def __init__(
        self, module: ir.Module, target: Target, *, lanes: int = 1, whole: bool = False
    ) -> None:
        super().__init__(module, target)
        self.whole = whole
        self.bits = bits = target.bits
        self.lanes = lanes
        self.element_type = float_type(bits)
        self.number = vector_of(self.element_type, lanes)
        self._types = {
            "i32": self.i32,
            "i64": self.i64,
            **{name: float_type(t.bits) for name, t in REAL_TYPES.items()},
        }
        self._vectors: dict[int, ir.Type] = {1: self.number}
        self._widths: dict[ir.Type, int] = {self.number: 1}
        self._contract = ir.Attribute.parse("#llvm.fastmath<contract>")
        self._reassociate = ir.Attribute.parse(f"#llvm.fastmath<{REASSOCIATED}>")
        self._original: Builder | None = None

    def external(self, name: str) -> ir.Value:
        """The address of what is outside of the module, in the present block."""
        if self.is_new(name):
            text = f"llvm.mlir.global external @{name}() : !llvm.ptr"
            self.module.body.append(ir.Operation.parse(text))
        return self.address(name)

    def twin(self, lanes: int) -> Builder:
        """A builder for the same module whose numbers have so many lanes."""
        twin = Builder(self.module, self.target, lanes=lanes, whole=self.whole)
        twin._declared, twin._tables = self._declared, self._tables
        twin._original, twin.origins = self, self.origins
        twin.shared = self.shared
        return twin

    @lazy_property
    def _library(self) -> Library:
        """The functions of expansions, which twins share."""
        with importing:
            from ..vectormath.library import Library
        return Library(self, self._original._library if self._original else None)

    def type_of(self, a: Array) -> ir.Type:
        """The type of one element of an array in memory, of numbers or of entries."""
        return self._types.get(a.dtype, self.element_type)

    def vector(self, width: int) -> ir.Type:
        """The type of `width` numbers: a vector, or the element type for 1."""
        if width not in self._vectors:
            self._vectors[width] = ir.VectorType.get([width], self.element_type)
            self._widths[self._vectors[width]] = width
        return self._vectors[width]

    def width(self, x: ir.Value) -> int:
        """How many numbers a value of a number or vector type holds."""
        return self._widths[x.type]

    def constant(self, x: float) -> ir.Value:
        """A number; nan and the sign of zero are kept."""
        return self.numbered(
            ("constant", x.hex()), lambda: self.constant_op(self._attribute(x), self.number)
        )

    def _attribute(self, x: float) -> ir.Attribute:
        element = ir.FloatAttr.get(self.element_type, x)
        return element if self.lanes == 1 else ir.DenseElementsAttr.get_splat(self.number, element)

    def constant_vector(self, x: float, width: int, element: ir.Type) -> ir.Value:
        """The same number in all lanes of a vector, of an element type."""
        type = vector_of(element, width)
        attribute = ir.DenseElementsAttr.get_splat(type, ir.FloatAttr.get(element, x))
        return self.constant_op(attribute, type)

    def apply(self, op: Op, operands: Sequence[ir.Value], *, literal: bool = False) -> ir.Value:
        """The op on numbers; `literal`: the last one is a literal that is part of the op.

        Raises GraphError if its entry says no way to emit it.
        """
        return self.numbered((op, *operands), lambda: self._apply(op, operands, literal))

    def _apply(self, op: Op, operands: Sequence[ir.Value], literal: bool) -> ir.Value:
        if op.choice:
            return self.select(self.truth(operands[0]), operands[1], operands[2])
        if self.target.arrays and (found := self._by_numpy(op, operands, literal)) is not None:
            return found
        if op.orders_zeros and self.target.processor.family.takes_second:
            return both_ways(self, op, *operands)
        if op.mlir is not None:
            contracted = op.contracts and not self.target.strict
            flags = {"fastmathFlags": self._contract} if contracted else None
            return self.build(op.mlir, [operands[0].type], operands, flags)
        single = self.target.hosted and not isinstance(operands[0].type, ir.VectorType)
        if not (self.target.strict or (single and op.libm)) and (expand := _expansion(op)):
            return self._library.call(op, expand, operands)
        width = self.width(operands[0])
        if op.predicate is not None:
            truth = self.compare(op, operands)
            one, zero = (self.splat(self.constant(x), width) for x in (1.0, 0.0))
            return self.select(truth, one, zero)
        if op.libm is not None:
            type, lanes = operands[0].type, width * self.lanes
            if lanes == 1:
                return self._by_libm(op, operands)
            value = self.build("llvm.mlir.poison", [type], [])
            for k in range(lanes):
                lane = self._by_libm(op, [self.extract(x, k) for x in operands])
                value = self.build("llvm.insertelement", [type], [value, lane, self.integer(k)])
            return value
        if op.expand is not None:
            symbols = [Access(f"x{k}") for k in range(op.arity)]
            known: dict[Expr, ir.Value] = dict(zip(symbols, operands, strict=True))

            def value(e: Expr) -> ir.Value:
                return known[e] if e in known else self.expression(e, value, width)

            return value(op.expand(*symbols))
        raise GraphError(f"op {op.name!r} has no emission; see its entry in the op table")

    def _by_libm(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """One number by the C library; of eager Tensors in double precision, as they have it."""
        name = op.libm or ""
        if not self.target.arrays:
            return self.call_pure(name + BY_BITS[self.bits].suffix, operands)
        wide = [self.converted(x, self.f64) for x in operands]
        return self.converted(self.call_pure(name, wide), self.element_type)

    def expression(self, expr: Expr, value: Callable[[Expr], ir.Value], width: int = 1) -> ir.Value:
        """A literal or an applied op, `width` lanes wide; `value` gives the operands."""
        if isinstance(expr, float):
            return self.splat(self.constant(expr), width)
        assert isinstance(expr, Apply)
        if expr.op.choice:
            condition, x, y = expr.args
            if isinstance(condition, Apply) and condition.op.predicate is not None:
                truth = self.compare(condition.op, [value(c) for c in condition.args])
            else:
                truth = self.truth(value(condition))
            return self.select(truth, value(x), value(y))
        literal = expr.op.repeats is not None and isinstance(expr.args[1], float)
        return self.apply(expr.op, [value(x) for x in expr.args], literal=literal)

    def _by_numpy(self, op: Op, operands: Sequence[ir.Value], literal: bool) -> ir.Value | None:
        """The op as eager Tensors have it from NumPy; None if arithmetic has the same bits."""
        with importing:
            from . import numpy_loops
        return (
            numpy_loops.emit(self, op, operands, literal=literal)
            if numpy_loops.computes(op)
            else None
        )

    def compare(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """The i1 of a comparison."""
        x, y = operands
        predicate = op.predicate or ""
        return self.numbered(("i1", op, x, y), lambda: self.compare_numbers(predicate, x, y))

    def truth(self, x: ir.Value) -> ir.Value:
        """The i1 of a number: whether it is not zero."""
        return self.compare(OPS["ne"], [x, self.splat(self.constant(0.0), self.width(x))])

    def prefetch(self, address: ir.Value, *, written: bool = False) -> None:
        """Have the processor fetch a line that is going to be read, or written; any address will
        do.
        """
        number = ir.IntegerType.get_signless(32)
        numbers = {"rw": int(written), "hint": 3, "cache": 1}
        attributes = {name: ir.IntegerAttr.get(number, n) for name, n in numbers.items()}
        self.build("llvm.intr.prefetch", [], [address], attributes)

    def select(self, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """x where the i1 holds, else y."""
        key = ("select", condition, x, y)
        operands = [condition, x, y]
        return self.numbered(key, lambda: self.build("llvm.select", [x.type], operands))

    def multiply_add(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """x * y + z, fused if that is an instruction. Not for strict targets."""
        name = "llvm.intr.fma" if self.target.fma else "llvm.intr.fmuladd"
        return self.build(name, [x.type], [x, y, z])

    def add(self, x: ir.Value, y: ir.Value, *, reduction: bool = False) -> ir.Value:
        """x + y; a term of a sum over a loop may be reassociated."""
        if reduction and not self.target.strict:
            return self.build("llvm.fadd", [x.type], [x, y], {"fastmathFlags": self._reassociate})
        return self.apply(OPS["add"], [x, y])

    def call_pure(self, name: str, operands: Sequence[ir.Value]) -> ir.Value:
        """A call of a pure C function of numbers."""
        type = operands[0].type
        numbers = ", ".join(str(type) for _ in operands)
        pure = (
            "memory_effects = #llvm.memory_effects<other = none, argMem = none, "
            "inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>, "
            "no_unwind, will_return"
        )
        self.declare(name, f"({numbers}) -> {type} attributes {{{pure}}}")
        return self.call(name, operands, type)

    def splat(self, x: ir.Value, width: int) -> ir.Value:
        """A vector with the same number in every lane."""
        if width == 1:
            return x
        type = self.vector(width)
        return self.numbered(("splat", x, width), lambda: self._splat(x, type, width))

    def _splat(self, x: ir.Value, type: ir.Type, width: int) -> ir.Value:
        poison = self.numbered(("poison", type), lambda: self.build("llvm.mlir.poison", [type], []))
        first = self.build("llvm.insertelement", [type], [poison, x, self.integer(0)])
        mask = {"mask": ir.DenseI32ArrayAttr.get([0] * width)}
        return self.build("llvm.shufflevector", [type], [first, poison], mask)

    def everywhere_integer(self, n: ir.Value) -> ir.Value:
        """An i64 as the same for all points, where lanes are points; one for each stays it."""
        if isinstance(n.type, ir.VectorType):
            return n
        type = ir.VectorType.get([self.lanes], self.i64)
        return self.numbered(("splat", n), lambda: self._splat(n, type, self.lanes))

    def assemble(self, lanes: Sequence[ir.Value]) -> ir.Value:
        """A vector of the given numbers; one number stays one."""
        if len(lanes) == 1:
            return lanes[0]
        return self._assemble(lanes, self.vector(len(lanes)))

    def _assemble(self, lanes: Sequence[ir.Value], type: ir.Type) -> ir.Value:
        value = self.build("llvm.mlir.poison", [type], [])
        for k, x in enumerate(lanes):
            value = self.build("llvm.insertelement", [type], [value, x, self.integer(k)])
        return value

    def extract(self, x: ir.Value, lane: int) -> ir.Value:
        """One lane of a vector."""
        return self.numbered(
            ("lane", x, lane),
            lambda: self.build("llvm.extractelement", [self.element_type], [x, self.integer(lane)]),
        )

    def add_lanes(self, x: ir.Value) -> ir.Value:
        """The sum of the lanes of a vector, in no particular order."""
        if self.width(x) == 1:
            return x
        flags = {"fastmathFlags": self._reassociate}
        operands = [self.constant(-0.0), x]
        return self.build("llvm.intr.vector.reduce.fadd", [self.number], operands, flags)

    def load_row(self, address: ir.Value, type: ir.Type, width: int = 1) -> ir.Value:
        """`width` elements of a type in a row, as numbers of the program."""
        return self.converted(self.load(address, vector_of(type, width), type.width // 8))

    def gather(self, addresses: Sequence[ir.Value], type: ir.Type) -> ir.Value:
        """Elements of a type here and there, as numbers; they are converted all at once."""
        lanes = [self.load(address, type, type.width // 8) for address in addresses]
        if len(lanes) == 1:
            return self.converted(lanes[0])
        return self.converted(self._assemble(lanes, vector_of(type, len(lanes))))

    def store_row(self, x: ir.Value, address: ir.Value, type: ir.Type) -> None:
        """Write numbers in a row, as elements of a type."""
        self.store(self.converted(x, type), address, type.width // 8)

    def converted(self, x: ir.Value, to: ir.Type | None = None) -> ir.Value:
        """Elements of any float type as those of another, by default as numbers."""
        element = to or self.element_type
        width = x.type.shape[0] if isinstance(x.type, ir.VectorType) else 1
        type = vector_of(element, width) if to or width == 1 else self.vector(width)
        if x.type == type:
            return x
        known = x.type.element_type if width > 1 else x.type
        name = "llvm.fptrunc" if known.width > element.width else "llvm.fpext"
        return self.build(name, [type], [x])

    def everywhere(self, x: ir.Value) -> ir.Value:
        """A single element as a number: the same at all points of the batch."""
        if self.lanes == 1:
            return x
        return self.numbered(("everywhere", x), lambda: self._splat(x, self.number, self.lanes))
