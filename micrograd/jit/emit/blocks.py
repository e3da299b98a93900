"""Builds operations of the llvm dialect in blocks: integers, memory, loops, branches.

It numbers values: an operation without side effects on the same operands is built once in a scope
(LLVM finds more, but at level 0 nobody else would).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lowering.bindings import ir

ICMP = {"eq": 0, "ne": 1, "slt": 2, "sle": 3, "sgt": 4, "sge": 5, "ult": 6, "ule": 7}
"""The predicates of llvm.icmp, as MLIR numbers them."""
DYNAMIC_INDEX = -(2**31)


class Blocks:
    """Appends operations to the functions of one module."""

    def __init__(self, module: ir.Module) -> None:
        self.module = module
        self.f64 = ir.F64Type.get()
        self.ptr = ir.Type.parse("!llvm.ptr")
        self.i1 = ir.IntegerType.get_signless(1)
        self.i32 = ir.IntegerType.get_signless(32)
        self.i64 = ir.IntegerType.get_signless(64)
        self._scopes: list[dict[Any, Any]] = [{}]
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

    def integer(self, n: int) -> ir.Value:
        """An i64."""
        return self.numbered(
            ("integer", n), lambda: self.constant_op(ir.IntegerAttr.get(self.i64, n), self.i64)
        )

    def integer_op(self, name: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """An i64 operation."""
        key = (name, x, y)
        return self.numbered(key, lambda: self.build(name, [self.i64], [x, y]))

    def constant_op(self, attribute: ir.Attribute, type: ir.Type) -> ir.Value:
        """A constant of a type."""
        return self.build("llvm.mlir.constant", [type], [], {"value": attribute})

    def compare_integers(self, predicate: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of a comparison of integers, or of vectors of them, lane by lane."""
        type = self.i1
        if isinstance(x.type, ir.VectorType):
            type = ir.VectorType.get(x.type.shape, self.i1)
        code = {"predicate": ir.IntegerAttr.get(self.i64, ICMP[predicate])}
        return self.build("llvm.icmp", [type], [x, y], code)

    def negated(self, x: ir.Value) -> ir.Value:
        """The i1 that holds where `x` does not."""
        true = self.constant_op(ir.BoolAttr.get(True), self.i1)
        return self.build("llvm.xor", [self.i1], [x, true])

    def callee(self, name: str, operands: int) -> dict[str, ir.Attribute]:
        """The attributes of a direct llvm.call."""
        return {
            "callee": ir.FlatSymbolRefAttr.get(name),
            "operandSegmentSizes": ir.DenseI32ArrayAttr.get([operands, 0]),
            "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
        }

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
        """What is at the address, which is a multiple of `align`, or as aligned as one element."""
        return self.build("llvm.load", [type], [address], self._aligned(type, align))

    def store(self, x: ir.Value, address: ir.Value, align: int | None = None) -> None:
        """Write to the address, of which the same is known."""
        self.build("llvm.store", [], [x, address], self._aligned(x.type, align))

    def _aligned(self, type: ir.Type, align: int | None) -> dict[str, ir.Attribute] | None:
        """The alignment, if it is not the natural one, which for vectors is that of all of it."""
        if align is None and isinstance(type, ir.VectorType):
            align = type.element_type.width // 8
        return {"alignment": ir.IntegerAttr.get(self.i64, align)} if align else None

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
            again = self.compare_integers("slt", number, count)
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
