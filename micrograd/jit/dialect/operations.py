"""Builds operations of the llvm dialect one by one: constants, integers, comparisons, memory.

It numbers values: an operation without side effects on the same operands is built once in a scope
(LLVM finds more, but at level 0 nobody else would).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from lowering.arithmetic import FLOAT_PREDICATES, INTEGER_PREDICATES
from lowering.bindings import ir

from ...real_types import BY_BITS, WIDE
from ..target import Target

ICMP = {name: code for code, name in enumerate(INTEGER_PREDICATES)}
"""The predicates of llvm.icmp, as MLIR numbers them."""
FCMP = {name: code for code, name in enumerate(FLOAT_PREDICATES)}
"""The same of llvm.fcmp."""
_NOTHING = object()
DYNAMIC_INDEX = -(2**31)
"""What stands among the constant indices of an address for one that is an operand."""


def float_type(bits: int) -> ir.Type:
    """The type of numbers so wide."""
    return ir.Type.parse(BY_BITS[bits].name)


def vector_of(type: ir.Type, width: int) -> ir.Type:
    """The type of so many of a type: a vector, or the type itself for 1."""
    return type if width == 1 else ir.VectorType.get([width], type)


class Operations:
    """Appends operations to the functions of one module."""

    def __init__(self, module: ir.Module, target: Target) -> None:
        self.module = module
        self.target = target
        self.f64 = float_type(WIDE.bits)
        self.ptr = ir.Type.parse("!llvm.ptr")
        self.i1 = ir.IntegerType.get_signless(1)
        self.i32 = ir.IntegerType.get_signless(32)
        self.i64 = ir.IntegerType.get_signless(64)
        self.spaces = (0, 0) if target.grid is None else (target.grid.private, target.grid.shown)
        """The address spaces of a thread's own memory, and of global variables."""
        self._known: dict[Any, Any] = {}
        self._scopes: list[list[Any]] = [
            []
        ]  # the keys of what is known, by where that is forgotten
        self._attributes: dict[Any, dict[str, ir.Attribute]] = {}
        self.origins: Any = None
        """Says what operations are made for, if that is asked (emit/origins.py)."""
        self.enter(module.body)

    # -- where, and what is known there --------------------------------------------------------

    def enter(self, block: ir.Block) -> None:
        """Build at the end of this block from now on."""
        self.block = block
        self._point = ir.InsertionPoint(block)

    def begin(self, entry: ir.Block) -> None:
        """Build a new function: no value of another one is visible in it."""
        self._known, self._scopes = {}, [[]]
        self.enter(entry)

    @contextmanager
    def inside(self, point: ir.InsertionPoint | None = None) -> Iterator[None]:
        """Build elsewhere for a while, at a point or in another function: no value is visible."""
        kept = self.block, self._point, self._known, self._scopes
        if point is not None:
            self.block, self._point = point.block, point
        self._known, self._scopes = {}, [[]]
        try:
            yield
        finally:
            self.block, self._point, self._known, self._scopes = kept

    def made_for(self, *statements: Any) -> AbstractContextManager[None]:
        """A block in which operations are made for these statements."""
        return nullcontext() if self.origins is None else self.origins.of(statements)

    def repeated(self, times: int | None) -> AbstractContextManager[None]:
        """A block in which operations are made that run so often; None: nobody knows."""
        return nullcontext() if self.origins is None else self.origins.repeated(times)

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
        value = self._known.get(key, _NOTHING)
        if value is _NOTHING:
            value = self._known[key] = build()
            self._scopes[-1].append(key)
        return value

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Values numbered inside are forgotten outside, where they do not dominate."""
        self._scopes.append([])
        try:
            yield
        finally:
            for key in self._scopes.pop():
                del self._known[key]

    # -- integers ------------------------------------------------------------------------------

    def constant_op(self, attribute: ir.Attribute, type: ir.Type) -> ir.Value:
        """A constant of a type, in the present block."""
        return self.build("llvm.mlir.constant", [type], [], {"value": attribute})

    def constant_integer(self, n: int, type: ir.Type | None = None) -> ir.Value:
        """An i64, or an integer of a type, in the present block."""
        type = type or self.i64
        return self.constant_op(ir.IntegerAttr.get(type, n), type)

    def integer(self, n: int) -> ir.Value:
        """An i64."""
        return self.numbered(("integer", n), lambda: self.constant_integer(n))

    def integer_op(self, name: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """An operation of two i64, or of two vectors of them."""
        key = (name, x, y)
        return self.numbered(key, lambda: self.build(name, [x.type], [x, y]))

    def compare_integers(self, predicate: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of a comparison of integers or addresses, or of vectors of them, lane by lane."""
        return self._compare("llvm.icmp", ICMP[predicate], x, y)

    def compare_numbers(self, predicate: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """The same of floating-point numbers."""
        return self._compare("llvm.fcmp", FCMP[predicate], x, y)

    def _compare(self, name: str, code: int, x: ir.Value, y: ir.Value) -> ir.Value:
        type = self.i1
        if isinstance(x.type, ir.VectorType):
            type = ir.VectorType.get(x.type.shape, self.i1)
        return self.build(name, [type], [x, y], {"predicate": ir.IntegerAttr.get(self.i64, code)})

    def negated(self, x: ir.Value) -> ir.Value:
        """The i1 that holds where `x` does not."""
        true = self.constant_op(ir.BoolAttr.get(True), self.i1)
        return self.build("llvm.xor", [self.i1], [x, true])

    def both(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of two that hold together."""
        return self.build("llvm.and", [self.i1], [x, y])

    def anywhere(self, x: ir.Value) -> ir.Value:
        """The i1 of whether an i1 holds in any lane."""
        if not isinstance(x.type, ir.VectorType):
            return x
        return self.build("llvm.intr.vector.reduce.or", [self.i1], [x])

    # -- memory --------------------------------------------------------------------------------

    def alloca(self, count: int, type: ir.Type, align: int | None = None) -> ir.Value:
        """The address of room on the stack for so many elements of a type."""
        attributes: dict[str, ir.Attribute] = {"elem_type": ir.TypeAttr.get(type)}
        if align is not None:
            attributes["alignment"] = ir.IntegerAttr.get(self.i64, align)
        return self._anywhere(
            self.spaces[0],
            lambda type: self.build(
                "llvm.alloca", [type], [self.constant_integer(count)], attributes
            ),
        )

    def address(self, name: str) -> ir.Value:
        """The address of a global, in the present block."""
        symbol = {"global_name": ir.FlatSymbolRefAttr.get(name)}
        return self._anywhere(
            self.spaces[1], lambda type: self.build("llvm.mlir.addressof", [type], [], symbol)
        )

    @property
    def in_space(self) -> dict[str, ir.Attribute]:
        """What says of a global variable in which address space it is, if there are several."""
        space = self.spaces[1]
        return {"addr_space": ir.IntegerAttr.get(self.i32, space)} if space else {}

    def _anywhere(self, space: int, build: Callable[[ir.Type], ir.Value]) -> ir.Value:
        """An address in a space, which `build` gives as one of a type, as one among all."""
        if not space:
            return build(self.ptr)
        address = build(ir.Type.parse(f"!llvm.ptr<{space}>"))
        return self.build("llvm.addrspacecast", [self.ptr], [address])

    def offset(self, base: ir.Value, index: ir.Value | int, type: ir.Type) -> ir.Value:
        """The address of `base[index]` in the present block, or a vector of such."""
        dynamic = [] if isinstance(index, int) else [index]
        result = self.ptr
        if dynamic and isinstance(dynamic[0].type, ir.VectorType):
            result = ir.Type.parse(f"vector<{dynamic[0].type.shape[0]}x!llvm.ptr>")
        raw = DYNAMIC_INDEX if dynamic else index
        attributes = self._attributes.get((raw, type))
        if attributes is None:
            attributes = self._attributes[raw, type] = {
                "rawConstantIndices": ir.DenseI32ArrayAttr.get([raw]),
                "elem_type": ir.TypeAttr.get(type),
            }
        return self.build("llvm.getelementptr", [result], [base, *dynamic], attributes)

    def element(self, base: ir.Value, index: ir.Value | int, type: ir.Type) -> ir.Value:
        """The address of `base[index]`."""
        if index == 0:
            return base
        key = ("element", base, index, type)
        return self.numbered(key, lambda: self.offset(base, index, type))

    def at(self, base: ir.Value, index: tuple[int, ir.Value | None], type: ir.Type) -> ir.Value:
        """The address of `base[constant + value]`; the part that varies is computed once."""
        constant, value = index
        if value is not None:
            base = self.element(base, value, type)
        return self.element(base, constant, type)

    def opaque(self, address: ir.Value, *times: ir.Value) -> ir.Value:
        """The same address, which LLVM cannot tell to be the same, so what is there stays there; it
        may be another one whenever a number of `times` is.
        """
        constraints = ",".join(["=r", "0", *("r" for _ in times)])
        text = {"asm_string": ir.StringAttr.get(""), "constraints": ir.StringAttr.get(constraints)}
        return self.build("llvm.inline_asm", [self.ptr], [address, *times], text)

    def load(self, address: ir.Value, type: ir.Type, align: int | None = None) -> ir.Value:
        """What is at the address, which is a multiple of `align`, or as aligned as one element."""
        return self.build("llvm.load", [type], [address], self._aligned(type, align))

    def store(self, x: ir.Value, address: ir.Value, align: int | None = None) -> None:
        """Write to the address, of which the same is known."""
        self.build("llvm.store", [], [x, address], self._aligned(x.type, align))

    def atomic_load(self, address: ir.Value) -> ir.Value:
        """An i64 that another thread sets, and behind it all that it has written before."""
        return self.build("llvm.load", [self.i64], [address], self._ordered("acquire"))

    def atomic_store(self, x: ir.Value, address: ir.Value) -> None:
        """Set an i64 for other threads, behind all that was written before."""
        self.build("llvm.store", [], [x, address], self._ordered("release"))

    def atomic_add(self, n: int, address: ir.Value) -> ir.Value:
        """Add to an i64 that other threads see, behind all that was written before; the old one."""
        add = {"bin_op": ir.IntegerAttr.get(self.i64, 1), **self._ordered("acq_rel")}
        operands = [address, self.constant_integer(n)]
        return self.build("llvm.atomicrmw", [self.i64], operands, add)

    def _ordered(self, ordering: str) -> dict[str, ir.Attribute]:
        code = {"acquire": 4, "release": 5, "acq_rel": 6}[ordering]
        return {
            "ordering": ir.IntegerAttr.get(self.i64, code),
            "alignment": ir.IntegerAttr.get(self.i64, 8),
        }

    def _aligned(self, type: ir.Type, align: int | None) -> dict[str, ir.Attribute] | None:
        """The alignment, if it is not the natural one, which for vectors is that of all of it."""
        if align is None and isinstance(type, ir.VectorType):
            align = type.element_type.width // 8
        if not align:
            return None
        attributes = self._attributes.get(align)
        if attributes is None:
            attributes = {"alignment": ir.IntegerAttr.get(self.i64, align)}
            self._attributes[align] = attributes
        return attributes
