"""Builds llvm-dialect operations: types, constants, memory, loops, and each op of the table.

A thin layer over the MLIR bindings. It numbers values: an operation without side effects on the
same operands is built once in a scope (LLVM finds more, but at level 0 nobody else would).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lowering.bindings import ir

from ..errors import GraphError
from ..ops import OPS, Op

FCMP = {"oeq": 1, "ogt": 2, "oge": 3, "olt": 4, "ole": 5, "one": 6, "une": 13}
"""The predicates of llvm.fcmp that the op table uses, as MLIR numbers them."""

ICMP_SLT = 2
DYNAMIC_INDEX = -(2**31)
CONTRACTED = frozenset({"llvm.fadd", "llvm.fsub", "llvm.fmul"})
REASSOCIATED = "reassoc, contract"


class Builder:
    """Appends operations to the functions of one module. `bits` is 32 or 64: the element type.

    With `exact`, no operation carries a fast-math flag and library calls are left alone.
    """

    def __init__(self, module: ir.Module, bits: int, *, exact: bool) -> None:
        self.module = module
        self.bits = bits
        self.exact = exact
        self.f64 = ir.F64Type.get()
        self.number = self.f64 if bits == 64 else ir.F32Type.get()
        self.ptr = ir.Type.parse("!llvm.ptr")
        self.i1 = ir.IntegerType.get_signless(1)
        self.i64 = ir.IntegerType.get_signless(64)
        self._contract = ir.Attribute.parse("#llvm.fastmath<contract>")
        self._reassociate = ir.Attribute.parse(f"#llvm.fastmath<{REASSOCIATED}>")
        self._predicates = {name: ir.IntegerAttr.get(self.i64, code) for name, code in FCMP.items()}
        self._declared: set[str] = set()
        self._scopes: list[dict[Any, Any]] = [{}]
        self.enter(module.body)

    def enter(self, block: ir.Block) -> None:
        """Build at the end of this block from now on."""
        self.block = block
        self._point = ir.InsertionPoint(block)

    def begin(self, entry: ir.Block) -> None:
        """Build a new function: no value of another one is visible in it."""
        self._scopes = [{}]
        self.enter(entry)

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
        """A number of the element type; nan and the sign of zero are kept."""
        return self.numbered(
            ("constant", x.hex()),
            lambda: self._constant(ir.FloatAttr.get(self.number, x), self.number),
        )

    def integer(self, n: int) -> ir.Value:
        """An i64."""
        return self.numbered(
            ("integer", n), lambda: self._constant(ir.IntegerAttr.get(self.i64, n), self.i64)
        )

    def integer_op(self, name: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """An i64 operation."""
        key = (name, id(x), id(y))
        return self.numbered(key, lambda: self.build(name, [self.i64], [x, y]))

    def _constant(self, attribute: ir.Attribute, type: ir.Type) -> ir.Value:
        return self.build("llvm.mlir.constant", [type], [], {"value": attribute})

    # -- ops of the table ----------------------------------------------------------------------

    def apply(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """The op on numbers. Raises GraphError if its entry says no way to emit it."""
        return self.numbered((op, *map(id, operands)), lambda: self._apply(op, operands))

    def _apply(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        if op is OPS["where"]:
            return self.select(self.truth(operands[0]), operands[1], operands[2])
        if op.mlir is not None:
            flags = {"fastmathFlags": self._contract}
            contracted = not self.exact and op.mlir in CONTRACTED
            return self.build(op.mlir, [self.number], operands, flags if contracted else None)
        if op.predicate is not None:
            condition = self.compare(op, operands)
            return self.select(condition, self.constant(1.0), self.constant(0.0))
        if op.libm is not None:
            return self.call(op.libm if self.bits == 64 else op.libm + "f", operands)
        raise GraphError(f"op {op.name!r} has no emission; see its entry in the op table")

    def compare(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        """The i1 of a comparison."""
        predicate = {"predicate": self._predicates[op.predicate or ""]}
        return self.numbered(
            ("i1", op, *map(id, operands)),
            lambda: self.build("llvm.fcmp", [self.i1], operands, predicate),
        )

    def truth(self, x: ir.Value) -> ir.Value:
        """The i1 of a number: whether it is not zero."""
        return self.compare(OPS["ne"], [x, self.constant(0.0)])

    def select(self, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """x where the i1 holds, else y."""
        key = ("select", id(condition), id(x), id(y))
        operands = [condition, x, y]
        return self.numbered(key, lambda: self.build("llvm.select", [self.number], operands))

    def add(self, x: ir.Value, y: ir.Value, *, reduction: bool = False) -> ir.Value:
        """x + y; a term of a sum over a loop may be reassociated."""
        if reduction and not self.exact:
            return self.build(
                "llvm.fadd", [self.number], [x, y], {"fastmathFlags": self._reassociate}
            )
        return self.apply(OPS["add"], [x, y])

    def call(self, name: str, operands: Sequence[ir.Value]) -> ir.Value:
        """A call of a pure C function of numbers."""
        if name not in self._declared:
            self._declared.add(name)
            numbers = ", ".join(str(self.number) for _ in operands)
            pure = (
                "memory_effects = #llvm.memory_effects<other = none, argMem = none, "
                "inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>, "
                "no_unwind, will_return"
            )
            declare(self.module, f"@{name}({numbers}) -> {self.number} attributes {{{pure}}}")
        return self.build("llvm.call", [self.number], operands, self.callee(name, len(operands)))

    def callee(self, name: str, operands: int) -> dict[str, ir.Attribute]:
        """The attributes of a direct llvm.call."""
        return {
            "callee": ir.FlatSymbolRefAttr.get(name),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([operands, 0]),
            "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
        }

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
        key = ("element", id(base), index if isinstance(index, int) else id(index), str(type))
        return self.numbered(
            key, lambda: self.build("llvm.getelementptr", [self.ptr], [base, *dynamic], attributes)
        )

    def load(self, address: ir.Value, type: ir.Type) -> ir.Value:
        """What is at the address."""
        return self.build("llvm.load", [type], [address])

    def store(self, x: ir.Value, address: ir.Value) -> None:
        """Write to the address."""
        self.build("llvm.store", [], [x, address])

    def load_parameter(self, address: ir.Value) -> ir.Value:
        """A float64 from a parameter store, in the element type."""
        wide = self.load(address, self.f64)
        return wide if self.bits == 64 else self.build("llvm.fptrunc", [self.number], [wide])

    @contextmanager
    def loop(self, count: ir.Value) -> Iterator[ir.Value]:
        """A loop from 0 to `count`, at least 1; inside, the insertion point is its body.

        Blocks: the current one branches to the body, which branches to itself or to the exit,
        where building goes on.
        """
        body = self.block.create_after(self.i64)
        self.branch(body, [self.integer(0)])
        index = body.arguments[0]
        self.enter(body)
        with self.scope():
            yield index
            following = self.build("llvm.add", [self.i64], [index, self.integer(1)])
            less = {"predicate": ir.IntegerAttr.get(self.i64, ICMP_SLT)}
            again = self.build("llvm.icmp", [self.i1], [following, count], less)
        leave = self.block.create_after()
        segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 1, 0])}
        self.build("llvm.cond_br", [], [again, following], segments, successors=[body, leave])
        self.enter(leave)

    def branch(self, block: ir.Block, operands: Sequence[ir.Value] = ()) -> None:
        """An unconditional branch."""
        self.build("llvm.br", [], operands, successors=[block])


def declare(module: ir.Module, signature: str) -> None:
    """Append the declaration of an external function: what follows `llvm.func`."""
    module.body.append(ir.Operation.parse(f"llvm.func {signature}"))
