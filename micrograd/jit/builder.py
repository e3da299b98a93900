"""Builds llvm-dialect operations: types, constants, memory, loops, and each op of the table.

A thin layer over the MLIR bindings. It numbers values: an operation without side effects on the
same operands is built once in a scope (LLVM finds more, but at level 0 nobody else would).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lowering.bindings import ir

from ..errors import GraphError
from ..ops import OPS, Op
from .program import Apply, Expr
from .vectormath import expansion
from .vectormath.library import Library

FCMP = {"oeq": 1, "ogt": 2, "oge": 3, "olt": 4, "ole": 5, "one": 6, "une": 13}
"""The predicates of llvm.fcmp that the op table uses, as MLIR numbers them."""

ICMP_SLT = 2
DYNAMIC_INDEX = -(2**31)
CONTRACTED = frozenset({"llvm.fadd", "llvm.fsub", "llvm.fmul"})
REASSOCIATED = "reassoc, contract"


class Builder:
    """Appends operations to the functions of one module. `bits` is 32 or 64: the element type.

    With `exact`, no operation carries a fast-math flag and library calls are left alone.

    lanes   how many elements one number of the program is. More than 1: every number is a vector,
            of that number at so many points of a batch, and memory holds such vectors; parameters,
            constant data and index tables are the same for all points, and stay single elements.
    """

    def __init__(self, module: ir.Module, bits: int, *, exact: bool, lanes: int = 1) -> None:
        self.module = module
        self.bits = bits
        self.exact = exact
        self.lanes = lanes
        self.f64 = ir.F64Type.get()
        self.element_type = self.f64 if bits == 64 else ir.F32Type.get()
        self.number = (
            self.element_type if lanes == 1 else ir.VectorType.get([lanes], self.element_type)
        )
        self.ptr = ir.Type.parse("!llvm.ptr")
        self.i1 = ir.IntegerType.get_signless(1)
        self.i32 = ir.IntegerType.get_signless(32)
        self.i64 = ir.IntegerType.get_signless(64)
        self._vectors: dict[int, ir.Type] = {1: self.number}
        self._truths: dict[int, ir.Type] = {
            1: self.i1 if lanes == 1 else ir.VectorType.get([lanes], self.i1)
        }
        self._widths: dict[str, int] = {str(self.number): 1}
        self._contract = ir.Attribute.parse("#llvm.fastmath<contract>")
        self._reassociate = ir.Attribute.parse(f"#llvm.fastmath<{REASSOCIATED}>")
        self._predicates = {name: ir.IntegerAttr.get(self.i64, code) for name, code in FCMP.items()}
        self._declared: set[str] = set()
        self._scopes: list[dict[Any, Any]] = [{}]
        self._library = Library(self)
        self._tables: dict[tuple[str, ...], str] = {}
        self.enter(module.body)

    def enter(self, block: ir.Block) -> None:
        """Build at the end of this block from now on."""
        self.block = block
        self._point = ir.InsertionPoint(block)

    def enter_at_start(self, block: ir.Block, after: Any = None) -> None:
        """Build at the start of a block, or behind an operation, for what must dominate all."""
        self.block = block
        if after is None:
            self._point = ir.InsertionPoint.at_block_begin(block)
        else:
            self._point = ir.InsertionPoint.after(after)

    def begin(self, entry: ir.Block) -> None:
        """Build a new function: no value of another one is visible in it."""
        self._scopes = [{}]
        self.enter(entry)

    @contextmanager
    def inside(self, point: ir.InsertionPoint) -> Iterator[None]:
        """Build at a place of another function for a while: no value of this one is visible."""
        kept = self.block, self._point, self._scopes
        self.block, self._point, self._scopes = point.block, point, [{}]
        try:
            yield
        finally:
            self.block, self._point, self._scopes = kept

    # -- types ---------------------------------------------------------------------------------

    def vector(self, width: int) -> ir.Type:
        """The type of `width` numbers: a vector, or the element type for 1."""
        if width not in self._vectors:
            self._vectors[width] = ir.VectorType.get([width], self.element_type)
            self._truths[width] = ir.VectorType.get([width], self.i1)
            self._widths[str(self._vectors[width])] = width
        return self._vectors[width]

    def width(self, x: ir.Value) -> int:
        """How many numbers a value of a number or vector type holds."""
        return self._widths[str(x.type)]

    # -- operations --------------------------------------------------------------------------

    def build(
        self,
        name: str,
        results: Sequence[ir.Type],
        operands: Sequence[ir.Value],
        attributes: dict[str, ir.Attribute] | None = None,
        **more: Any,
    ) -> Any:
        """One operation at the insertion point: its result, or the operation if it has none."""
        op = ir.Operation.create(
            name,
            results=results,
            operands=operands,
            attributes=attributes or {},
            ip=self._point,
            **more,
        )
        return op.result if results else op

    def numbered(self, key: Any, build: Callable[[], Any]) -> Any:
        """The value of `key` if this scope has it, else what `build` gives."""
        for scope in reversed(self._scopes):
            if key in scope:
                return scope[key]
        value = self._scopes[-1][key] = build()
        return value

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Values numbered inside are forgotten outside, where they do not dominate."""
        self._scopes.append({})
        try:
            yield
        finally:
            self._scopes.pop()

    def constant(self, x: float) -> ir.Value:
        """A number; nan and the sign of zero are kept."""
        return self.numbered(
            ("constant", x.hex()), lambda: self._constant(self._attribute(x), self.number)
        )

    def _attribute(self, x: float) -> ir.Attribute:
        element = ir.FloatAttr.get(self.element_type, x)
        return element if self.lanes == 1 else ir.DenseElementsAttr.get_splat(self.number, element)

    def integer(self, n: int) -> ir.Value:
        """An i64."""
        return self.numbered(
            ("integer", n), lambda: self._constant(ir.IntegerAttr.get(self.i64, n), self.i64)
        )

    def integer_op(self, name: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """An i64 operation."""
        key = (name, x, y)
        return self.numbered(key, lambda: self.build(name, [self.i64], [x, y]))

    def _constant(self, attribute: ir.Attribute, type: ir.Type) -> ir.Value:
        return self.build("llvm.mlir.constant", [type], [], {"value": attribute})

    # -- ops of the table ----------------------------------------------------------------------

    def apply(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """The op on numbers. Raises GraphError if its entry says no way to emit it."""
        return self.numbered((op, *operands), lambda: self._apply(op, operands))

    def _apply(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        if op is OPS["where"]:
            return self.select(self.truth(operands[0]), operands[1], operands[2])
        if op.mlir is not None:
            flags = {"fastmathFlags": self._contract}
            contracted = not self.exact and op.mlir in CONTRACTED
            return self.build(op.mlir, [operands[0].type], operands, flags if contracted else None)
        vector = isinstance(operands[0].type, ir.VectorType)
        if not self.exact and (vector or op.libm is None) and (expand := expansion(op)):
            return self._library.call(op, expand, operands)
        width = self.width(operands[0])
        if op.predicate is not None:
            truth = self.compare(op, operands)
            one, zero = (self.splat(self.constant(x), width) for x in (1.0, 0.0))
            return self.select(truth, one, zero)
        if op.libm is not None:
            name = op.libm if self.bits == 64 else op.libm + "f"
            lanes = width * self.lanes
            if lanes == 1:
                return self.call(name, operands)
            type = operands[0].type
            value = self.build("llvm.mlir.poison", [type], [])
            for k in range(lanes):
                lane = self.call(name, [self.extract(x, k) for x in operands])
                value = self.build("llvm.insertelement", [type], [value, lane, self.integer(k)])
            return value
        raise GraphError(f"op {op.name!r} has no emission; see its entry in the op table")

    def expression(self, expr: Expr, value: Callable[[Expr], ir.Value], width: int = 1) -> ir.Value:
        """A literal or an applied op, `width` lanes wide; `value` gives the operands."""
        if isinstance(expr, float):
            return self.splat(self.constant(expr), width)
        assert isinstance(expr, Apply)
        if expr.op is OPS["where"]:
            condition, x, y = expr.args
            if isinstance(condition, Apply) and condition.op.predicate is not None:
                truth = self.compare(condition.op, [value(c) for c in condition.args])
            else:
                truth = self.truth(value(condition))
            return self.select(truth, value(x), value(y))
        return self.apply(expr.op, [value(x) for x in expr.args])

    def compare(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """The i1 of a comparison."""
        predicate = {"predicate": self._predicates[op.predicate or ""]}
        return self.numbered(
            ("i1", op, *operands),
            lambda: self.build(
                "llvm.fcmp", [self._truths[self.width(operands[0])]], operands, predicate
            ),
        )

    def truth(self, x: ir.Value) -> ir.Value:
        """The i1 of a number: whether it is not zero."""
        return self.compare(OPS["ne"], [x, self.splat(self.constant(0.0), self.width(x))])

    def select(self, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """x where the i1 holds, else y."""
        key = ("select", condition, x, y)
        operands = [condition, x, y]
        return self.numbered(key, lambda: self.build("llvm.select", [x.type], operands))

    def add(self, x: ir.Value, y: ir.Value, *, reduction: bool = False) -> ir.Value:
        """x + y; a term of a sum over a loop may be reassociated."""
        if reduction and not self.exact:
            return self.build("llvm.fadd", [x.type], [x, y], {"fastmathFlags": self._reassociate})
        return self.apply(OPS["add"], [x, y])

    def call(self, name: str, operands: Sequence[ir.Value]) -> ir.Value:
        """A call of a pure C function of numbers."""
        if name not in self._declared:
            self._declared.add(name)
            numbers = ", ".join(str(self.element_type) for _ in operands)
            pure = (
                "memory_effects = #llvm.memory_effects<other = none, argMem = none, "
                "inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>, "
                "no_unwind, will_return"
            )
            result = self.element_type
            declare(self.module, f"@{name}({numbers}) -> {result} attributes {{{pure}}}")
        callee = self.callee(name, len(operands))
        return self.build("llvm.call", [self.element_type], operands, callee)

    def callee(self, name: str, operands: int) -> dict[str, ir.Attribute]:
        """The attributes of a direct llvm.call."""
        return {
            "callee": ir.FlatSymbolRefAttr.get(name),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([operands, 0]),
            "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
        }

    # -- vectors -------------------------------------------------------------------------------

    def splat(self, x: ir.Value, width: int) -> ir.Value:
        """A vector with the same number in every lane."""
        if width == 1:
            return x
        type = self.vector(width)
        return self.numbered(("splat", x, width), lambda: self._splat(x, type, width))

    def _splat(self, x: ir.Value, type: ir.Type, width: int) -> ir.Value:
        poison = self.numbered(
            ("poison", width), lambda: self.build("llvm.mlir.poison", [type], [])
        )
        first = self.build("llvm.insertelement", [type], [poison, x, self.integer(0)])
        mask = {"mask": ir.DenseI32ArrayAttr.get([0] * width)}
        return self.build("llvm.shufflevector", [type], [first, poison], mask)

    def assemble(self, lanes: Sequence[ir.Value]) -> ir.Value:
        """A vector of the given numbers; one number stays one."""
        if len(lanes) == 1:
            return lanes[0]
        type = self.vector(len(lanes))
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

    # -- memory and loops ----------------------------------------------------------------------

    def element(self, base: ir.Value, index: ir.Value | int, type: ir.Type) -> ir.Value:
        """The address of `base[index]`."""
        if index == 0:
            return base
        dynamic = [] if isinstance(index, int) else [index]
        raw = index if isinstance(index, int) else DYNAMIC_INDEX
        attributes = {
            "rawConstantIndices": ir.DenseI32ArrayAttr.get([raw]),
            "elem_type": ir.TypeAttr.get(type),
        }
        key = ("element", base, index, str(type))
        return self.numbered(
            key, lambda: self.build("llvm.getelementptr", [self.ptr], [base, *dynamic], attributes)
        )

    def at(self, base: ir.Value, index: tuple[int, ir.Value | None], type: ir.Type) -> ir.Value:
        """The address of `base[constant + value]`; the part that varies is computed once."""
        constant, value = index
        if value is not None:
            base = self.element(base, value, type)
        return self.element(base, constant, type)

    def opaque(self, address: ir.Value) -> ir.Value:
        """The same address, which LLVM cannot tell to be the same, so what is there stays there."""
        text = {"asm_string": ir.StringAttr.get(""), "constraints": ir.StringAttr.get("=r,0")}
        return self.build("llvm.inline_asm", [self.ptr], [address], text)

    def load(self, address: ir.Value, type: ir.Type, align: int | None = None) -> ir.Value:
        """What is at the address, which is a multiple of `align`, or naturally aligned."""
        attributes = {"alignment": ir.IntegerAttr.get(self.i64, align)} if align else None
        return self.build("llvm.load", [type], [address], attributes)

    def store(self, x: ir.Value, address: ir.Value, align: int | None = None) -> None:
        """Write to the address."""
        attributes = {"alignment": ir.IntegerAttr.get(self.i64, align)} if align else None
        self.build("llvm.store", [], [x, address], attributes)

    def load_parameter(self, address: ir.Value, width: int = 1) -> ir.Value:
        """Float64 numbers in a row from a parameter store, in the element type."""
        type = self.f64 if width == 1 else ir.VectorType.get([width], self.f64)
        wide = self.load(address, type, 8)
        if self.bits == 64:
            self.vector(width)
            return self.everywhere(wide)
        narrow = self.element_type if width == 1 else self.vector(width)
        return self.everywhere(self.build("llvm.fptrunc", [narrow], [wide]))

    def everywhere(self, x: ir.Value) -> ir.Value:
        """A single element as a number: the same at all points of the batch."""
        if self.lanes == 1:
            return x
        return self.numbered(("everywhere", x), lambda: self._splat(x, self.number, self.lanes))

    def less(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of x < y, of i64."""
        less = {"predicate": ir.IntegerAttr.get(self.i64, ICMP_SLT)}
        return self.build("llvm.icmp", [self.i1], [x, y], less)

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """What is built inside runs only if the i1 holds."""
        then = self.block.create_after()
        leave = then.create_after()
        segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 0, 0])}
        self.build("llvm.cond_br", [], [condition], segments, successors=[then, leave])
        self.enter(then)
        with self.scope():
            yield
        self.branch(leave)
        self.enter(leave)

    def table(self, numbers: Sequence[float], type: ir.Type) -> ir.Value:
        """The address of a table of constants in the module; equal tables are one."""
        key = (str(type), *(x.hex() for x in numbers))
        if key not in self._tables:
            name = self._tables[key] = f"table.{len(self._tables)}"
            data = np.array(numbers, dtype=f"f{type.width // 8}")
            ir.Operation.create(
                "llvm.mlir.global",
                attributes={
                    "sym_name": ir.StringAttr.get(name),
                    "global_type": ir.TypeAttr.get(
                        ir.Type.parse(f"!llvm.array<{len(numbers)} x {type}>")
                    ),
                    "value": ir.DenseElementsAttr.get(data, type=type),
                    "linkage": ir.Attribute.parse("#llvm.linkage<internal>"),
                    "constant": ir.UnitAttr.get(),
                },
                regions=1,
                ip=ir.InsertionPoint.at_block_begin(self.module.body),
            )
        symbol = {"global_name": ir.FlatSymbolRefAttr.get(self._tables[key])}
        return self.numbered(
            ("table", key), lambda: self.build("llvm.mlir.addressof", [self.ptr], [], symbol)
        )

    @contextmanager
    def loop(self, count: ir.Value) -> Iterator[ir.Value]:
        """A loop from 0 to `count`, at least 1; inside, the insertion point is its body."""
        with self._loop(count, []) as (index, _, _):
            yield index

    def loop_carried(
        self,
        count: ir.Value,
        initial: Sequence[ir.Value],
        body: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
    ) -> list[ir.Value]:
        """A loop that carries values: `body` gets the index and them, and gives the next ones."""
        with self._loop(count, initial) as (index, carried, following):
            following += body(index, carried)
        return following

    @contextmanager
    def _loop(
        self, count: ir.Value, initial: Sequence[ir.Value]
    ) -> Iterator[tuple[ir.Value, list[ir.Value], list[ir.Value]]]:
        """The current block branches to the body, which branches to itself or to the exit."""
        types = [self.i64, *(x.type for x in initial)]
        body = self.block.create_after(*types)
        self.branch(body, [self.integer(0), *initial])
        index, *carried = list(body.arguments)
        following: list[ir.Value] = []
        self.enter(body)
        with self.scope():
            yield index, carried, following
            number = self.build("llvm.add", [self.i64], [index, self.integer(1)])
            again = self.less(number, count)
        leave = self.block.create_after()
        passed = [number, *following]
        segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, len(passed), 0])}
        successors = [body, leave]
        self.build("llvm.cond_br", [], [again, *passed], segments, successors=successors)
        self.enter(leave)

    def branch(self, block: ir.Block, operands: Sequence[ir.Value] = ()) -> None:
        """An unconditional branch."""
        self.build("llvm.br", [], operands, successors=[block])


def declare(module: ir.Module, signature: str) -> None:
    """Append the declaration of an external function: what follows `llvm.func`."""
    module.body.append(ir.Operation.parse(f"llvm.func {signature}"))
