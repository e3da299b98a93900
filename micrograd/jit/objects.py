"""Emits what generated code does with CPython's objects: check them, read them, make them.

Every function here builds at the builder's insertion point and may leave it in another block; it
keeps no values of its own, since what one block computes another may not see. Where an object is
not what a fast path takes, control goes to a block that the caller names. The code runs with the
GIL held and nothing in it runs Python code, so a list cannot change while it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lowering.bindings import ir

from .builder import Builder
from .native_callable import LAYOUT, TYPES
from .signature import Container, Structure

ICMP = {"eq": 0, "ne": 1, "slt": 2, "sge": 5, "ult": 6, "ule": 7}
"""The predicates of llvm.icmp that are used here, as MLIR numbers them."""

LOOPED = 8
"""Numbers in a row from so many on are read, and made, in a loop."""

SIGNATURES = {
    "PyErr_Clear": "()",
    "PyEval_RestoreThread": "(!llvm.ptr)",
    "PyEval_SaveThread": "() -> !llvm.ptr",
    "PyFloat_FromDouble": "(f64) -> !llvm.ptr",
    "PyList_New": "(i64) -> !llvm.ptr",
    "PyLong_AsDouble": "(!llvm.ptr) -> f64",
    "PyMethod_New": "(!llvm.ptr, !llvm.ptr) -> !llvm.ptr",
    "PyObject_Vectorcall": "(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> !llvm.ptr",
    "PyTuple_New": "(i64) -> !llvm.ptr",
    "Py_DecRef": "(!llvm.ptr)",
}
"""The functions of native_callable.FUNCTIONS, as MLIR declares them."""


class Objects:
    """Appends code that works on CPython objects to one function of the builder's module."""

    def __init__(self, builder: Builder) -> None:
        self.b = builder
        self.ptr, self.i1, self.i64 = builder.ptr, builder.i1, builder.i64
        self.i32 = builder.i32
        self.i8 = ir.IntegerType.get_signless(8)
        self.f64 = ir.F64Type.get()
        self.number = self.f64 if builder.bits == 64 else ir.F32Type.get()
        self._declared: set[str] = set()

    # -- the module ----------------------------------------------------------------------------

    def function(self, name: str, arguments: Sequence[ir.Type], result: ir.Type) -> ir.Block:
        """Begin a function; its entry block."""
        b = self.b
        text = f"!llvm.func<{result} ({', '.join(map(str, arguments))})>"
        attributes = {
            "sym_name": ir.StringAttr.get(name),
            "function_type": ir.TypeAttr.get(ir.Type.parse(text)),
            "CConv": ir.Attribute.parse("#llvm.cconv<ccc>"),
            "linkage": ir.Attribute.parse("#llvm.linkage<external>"),
            "unnamed_addr": ir.Attribute.parse("0 : i64"),
            "visibility_": ir.Attribute.parse("0 : i64"),
        }
        if b.exact:
            attributes["passthrough"] = ir.Attribute.parse('["no-builtins"]')
        b.enter(b.module.body)
        function = b.build("llvm.func", [], [], attributes, regions=1)
        entry: ir.Block = function.regions[0].blocks.append(*arguments)
        b.begin(entry)
        return entry

    def variable(self, name: str) -> None:
        """A global variable of the module: a pointer, null until somebody sets it."""
        self.b.module.body.append(
            ir.Operation.parse(
                f"llvm.mlir.global external @{name}() : !llvm.ptr {{\n"
                "  %0 = llvm.mlir.zero : !llvm.ptr\n  llvm.return %0 : !llvm.ptr\n}"
            )
        )

    def address(self, name: str) -> ir.Value:
        """The address of a variable of this module."""
        attribute = {"global_name": ir.FlatSymbolRefAttr.get(name)}
        return self.b.build("llvm.mlir.addressof", [self.ptr], [], attribute)

    def object(self, name: str) -> ir.Value:
        """The address of an object of Python's, one of native_callable.symbols()."""
        if name not in self._declared:
            self._declared.add(name)
            self.b.module.body.append(
                ir.Operation.parse(f"llvm.mlir.global external @{name}() : !llvm.ptr")
            )
        return self.address(name)

    def call(self, name: str, *operands: ir.Value) -> ir.Value:
        """Call a function of the C API."""
        if name not in self._declared:
            self._declared.add(name)
            self.b.module.body.append(ir.Operation.parse(f"llvm.func @{name}{SIGNATURES[name]}"))
        result = SIGNATURES[name].partition(" -> ")[2]
        results = [ir.Type.parse(result)] if result else []
        return self.b.build("llvm.call", results, operands, self.b.callee(name, len(operands)))

    # -- words ---------------------------------------------------------------------------------

    def integer(self, n: int) -> ir.Value:
        """An i64 in the present block."""
        value = {"value": ir.IntegerAttr.get(self.i64, n)}
        return self.b.build("llvm.mlir.constant", [self.i64], [], value)

    def null(self) -> ir.Value:
        """The null pointer."""
        return self.b.build("llvm.mlir.zero", [self.ptr], [])

    def integer_op(self, name: str, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """An operation on two i64."""
        y = self.integer(y) if isinstance(y, int) else y
        return self.b.build(f"llvm.{name}", [self.i64], [x, y])

    def compare(self, predicate: str, x: ir.Value, y: ir.Value | int) -> ir.Value:
        """The i1 of a comparison of words."""
        y = self.integer(y) if isinstance(y, int) else y
        attribute = {"predicate": ir.IntegerAttr.get(self.i64, ICMP[predicate])}
        return self.b.build("llvm.icmp", [self.i1], [x, y], attribute)

    def both(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """The i1 of two that hold together."""
        return self.b.build("llvm.and", [self.i1], [x, y])

    def is_null(self, x: ir.Value) -> ir.Value:
        """Whether a pointer is null."""
        return self.compare("eq", x, self.null())

    def at(self, base: ir.Value, offset: int | ir.Value, element: ir.Type | None = None) -> Any:
        """The address so many bytes, or elements of a type, behind `base`."""
        if isinstance(offset, int):
            if offset == 0:
                return base
            offset = self.integer(offset)
        return self.b.element(base, offset, element or self.i8)

    def word(self, base: ir.Value, offset: int = 0) -> ir.Value:
        """The i64 there."""
        return self.b.load(self.at(base, offset), self.i64)

    def pointer(self, base: ir.Value, offset: int = 0) -> ir.Value:
        """The pointer there."""
        return self.b.load(self.at(base, offset), self.ptr)

    def allocate(self, numbers: int) -> ir.Value:
        """Room for so many numbers on the stack; to be called in the function's entry block."""
        attributes = {
            "elem_type": ir.TypeAttr.get(self.number),
            "alignment": ir.IntegerAttr.get(self.i64, 64 if numbers >= LOOPED else 8),
        }
        return self.b.build("llvm.alloca", [self.ptr], [self.integer(max(1, numbers))], attributes)

    # -- control -------------------------------------------------------------------------------

    def require(self, condition: ir.Value, otherwise: ir.Block) -> None:
        """Go on in a new block where the i1 holds, else in `otherwise`, which takes no values."""
        here = self.b.block.create_after()
        self.branch_if(condition, here, otherwise)
        self.b.enter(here)

    def branch_if(self, condition: ir.Value, then: ir.Block, otherwise: ir.Block) -> None:
        """End the present block in one of two others."""
        segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 0, 0])}
        self.b.build("llvm.cond_br", [], [condition], segments, successors=[then, otherwise])

    def leave(self, x: ir.Value) -> None:
        """Return."""
        self.b.build("llvm.return", [], [x])

    def block(self, *types: ir.Type) -> ir.Block:
        """A new block at the end of the function, not entered."""
        return self.b.block.region.blocks.append(*types)

    def loop(self, n: int, body: Callable[[ir.Value | int], None]) -> None:
        """The body for 0 to n - 1: one after the other if they are few, else in a loop."""
        if n < LOOPED:
            for k in range(n):
                body(k)
            return
        with self.b.scope(), self.b.loop(self.b.integer(n)) as index:
            body(index)

    # -- reading -------------------------------------------------------------------------------

    def is_a(self, x: ir.Value, kind: type) -> ir.Value:
        """Whether an object is exactly of a type, whose subclasses do not count."""
        return self.has_type(self.pointer(x, LAYOUT.type), kind)

    def has_type(self, found: ir.Value, kind: type) -> ir.Value:
        """Whether this address is that of the type."""
        return self.compare("eq", found, self.object(TYPES[kind]))

    def read_number(self, x: ir.Value, otherwise: ir.Block) -> ir.Value:
        """The number that a float or an int is; anything else goes to `otherwise`.

        An int of one digit is read here. Another int is left to CPython, whose answer is never -1,
        so that -1 says that it is too large, and an error that is to be forgotten.
        """
        b = self.b
        known, is_float = b.block.create_after(self.f64), b.block.create_after()
        maybe_int, is_int, small, large, overflow = (self.block() for _ in range(5))
        found = self.pointer(x, LAYOUT.type)
        self.branch_if(self.has_type(found, float), is_float, maybe_int)
        b.enter(is_float)
        b.branch(known, [b.load(self.at(x, LAYOUT.float_value), self.f64)])
        b.enter(maybe_int)
        self.branch_if(self.has_type(found, int), is_int, otherwise)
        b.enter(is_int)
        size = self.word(x, LAYOUT.int_size)
        if LAYOUT.int_tagged:
            compact = self.compare("ult", size, 16)
        else:
            compact = self.compare("ule", self.integer_op("add", size, 1), 2)
        self.branch_if(compact, small, large)
        b.enter(small)
        digit = b.load(self.at(x, LAYOUT.int_digit), self.i32)
        digit = b.build("llvm.zext", [self.i64], [digit])
        sign = size
        if LAYOUT.int_tagged:
            sign = self.integer_op("sub", self.integer(1), self.integer_op("and", size, 3))
        value = self.integer_op("mul", sign, digit)
        b.branch(known, [b.build("llvm.sitofp", [self.f64], [value])])
        b.enter(large)
        value = self.call("PyLong_AsDouble", x)
        minus_one = {"value": ir.FloatAttr.get(self.f64, -1.0)}
        failed = b.build(
            "llvm.fcmp",
            [self.i1],
            [value, b.build("llvm.mlir.constant", [self.f64], [], minus_one)],
            {"predicate": ir.IntegerAttr.get(self.i64, 1)},
        )
        segments = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 0, 1])}
        b.build("llvm.cond_br", [], [failed, value], segments, successors=[overflow, known])
        b.enter(overflow)
        self.call("PyErr_Clear")
        b.branch(otherwise)
        b.enter(known)
        return self.narrowed(known.arguments[0])

    def narrowed(self, x: ir.Value) -> ir.Value:
        """A double in the kernel's element type."""
        return x if self.number == self.f64 else self.b.build("llvm.fptrunc", [self.number], [x])

    def widened(self, x: ir.Value) -> ir.Value:
        """A number of the kernel's element type as a double."""
        return x if self.number == self.f64 else self.b.build("llvm.fpext", [self.f64], [x])

    # -- making --------------------------------------------------------------------------------

    def make(
        self, structure: Structure, number: Callable[[int | ir.Value], ir.Value], undo: ir.Block
    ) -> ir.Value:
        """A new object of a structure of tuples, lists and numbers.

        number   gives the leaf with this index, as a double
        undo     where a container is to be freed if CPython has no memory; takes the container, or
                 null
        Each object is put into its container as soon as there is one, so that freeing the outermost
        frees all.
        """
        self._next, self._number, self._undo = 0, number, undo
        return self._make(structure, None)

    def _make(self, structure: Structure, root: ir.Value | None) -> ir.Value:
        if not isinstance(structure, Container):
            self._next += 1
            return self._made(self.call("PyFloat_FromDouble", self._number(self._next - 1)), root)
        kind = "PyList_New" if structure.type is list else "PyTuple_New"
        made = self._made(self.call(kind, self.integer(len(structure.items))), root)
        root = made if root is None else root
        first = self.at(made, LAYOUT.tuple_items)
        if structure.type is list:
            first = self.pointer(made, LAYOUT.list_items)
        if is_flat(structure):
            start = self._next

            def one(k: ir.Value | int) -> None:
                index = k + start if isinstance(k, int) else self.integer_op("add", k, start)
                item = self._made(self.call("PyFloat_FromDouble", self._number(index)), root)
                k = self.integer(k) if isinstance(k, int) else k
                self.b.store(item, self.at(first, k, self.ptr))

            self.loop(len(structure.items), one)
            self._next += len(structure.items)
            return made
        for k, item in enumerate(structure.items):
            self.b.store(self._make(item, root), self.at(first, 8 * k))
        return made

    def _made(self, x: ir.Value, root: ir.Value | None) -> ir.Value:
        """What was just made, unless it is null: then everything is undone."""
        b = self.b
        following = b.block.create_after()
        failed = {"operandSegmentSizes": ir.DenseI32ArrayAttr.get([1, 1, 0])}
        operands = [self.is_null(x), root if root is not None else self.null()]
        b.build("llvm.cond_br", [], operands, failed, successors=[self._undo, following])
        b.enter(following)
        return x


def is_flat(structure: Structure) -> bool:
    """Whether it is a container of nothing but numbers."""
    return isinstance(structure, Container) and not any(
        isinstance(s, Container) for s in structure.items
    )
