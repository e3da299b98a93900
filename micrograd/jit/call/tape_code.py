"""Emits the recorder: what CPython runs for arithmetic of traced Values, in place of methods that
are written in Python.

    PyObject *NAME.slot(PyObject *v, PyObject *w)                               `v + w`
    PyObject *power.slot(PyObject *v, PyObject *w, PyObject *modulus)
    PyObject *NAME.slot(PyObject *v)                                            `-v`, `abs(v)`
    PyObject *compare(PyObject *v, PyObject *w, int which)
    PyObject *NAME.method(PyObject *self, PyObject *args, PyObject *kwargs)     `v.tanh()`
    PyObject *call(PyObject *op, PyObject *args, PyObject *kwargs)              `exp(x)`
    void mark(i64 n, const i32 *x, const i32 *y, const i32 *z, i8 *live)

Each appends a row to the tape of the scope (tape.py says what is in it) and makes the traced Value,
of which operands and `_site` are left out: they are on the tape. What it cannot record it leaves
to Python's definition, which it calls: operands of other scopes and of other types, source files
that the tape does not know yet, and all errors. It leaves no error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lowering.bindings import ir

from ...ops import Op
from .callable import LAYOUT
from .definitions import MOST_OPERANDS
from .tape_rows import LITERAL, Rows

COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")
"""In the order of CPython's numbers for them."""
CALLED = 512
"""Entries of the table of ops that can be called: pairs of an op, and its arity and number."""


class Recorder(Rows):
    """Appends what CPython calls to the module."""

    def emit(
        self,
        binary: Mapping[str, Op],
        unary: Mapping[str, Op],
        methods: Mapping[str, Op],
        compared: Sequence[Op],
    ) -> None:
        """All of them: operators of two operands and of one, and methods, by name; comparisons in
        order.
        """
        self._emit_rows()
        for n in (1, 2):
            self._called_method(n)
        self._pass_on()
        self._operator()
        for name, op in binary.items():
            self._binary_slot(name, op)
        for name, op in unary.items():
            self._unary_slot(name, op)
        for name, op in methods.items():
            self._method(name, op)
        self._compare(compared)
        self._call()
        self._mark()
        self._release()

    def _made(self, op: Op | ir.Value, operands: Sequence[ir.Value]) -> ir.Value:
        code = self.o.integer(self.codes[op]) if isinstance(op, Op) else op
        return self.o.b.call(f"recorded.{len(operands)}", [*operands, code], self.o.ptr)

    def _operator(self) -> None:
        """What an operator of two operands gives, by its code and by Python's methods for it: of
        traced Values, and of others.
        """
        o, b = self.o, self.o.b
        types = [o.ptr, o.ptr, o.i64, *[o.ptr] * 4]
        v, w, code, left, right, own_left, own_right = self._internal("operator", types, o.ptr)
        first, plain, second, live, own = (o.block() for _ in range(5))
        self.o.or_else(self._made(code, [v, w]))
        b.branch_if(o.is_a(v, "Traced"), first, plain)
        b.enter(first)
        b.leave(self._passed_on(left, [v, w]))
        b.enter(plain)
        neither = o.block()
        b.branch_if(o.is_a(w, "Traced"), second, neither)
        b.enter(second)
        b.leave(self._passed_on(right, [w, v]))
        b.enter(neither)
        found = o.pointer(v, LAYOUT.type)
        b.branch_if(o.has_type(found, "Value"), own, live)
        b.enter(live)
        other = o.block()
        b.branch_if(o.has_type(found, "Live"), own, other)
        b.enter(own)
        b.leave(self._passed_on(own_left, [v, w]))
        b.enter(other)
        b.leave(self._passed_on(own_right, [w, v]))

    def _binary_slot(self, name: str, op: Op) -> None:
        o, b = self.o, self.o.b
        types = [o.ptr] * (3 if name == "__pow__" else 2)
        v, w, *modulus = o.function(f"{name}.slot", types, o.ptr).arguments
        if modulus:
            three = o.block()
            o.require(o.compare("eq", modulus[0], o.object("_Py_NoneStruct")), three)
        names = [name, name.replace("__", "__r", 1)]
        methods = [o.object(f"{kind}.{n}") for kind in ("Traced", "Value") for n in names]
        b.leave(b.call("operator", [v, w, o.integer(self.codes[op]), *methods], o.ptr))
        if modulus:
            b.enter(three)
            for kind, of in (("Traced", "Traced"), ("Value", "Value"), ("Live", "Value")):
                yes, no = o.block(), o.block()
                b.branch_if(o.is_a(v, kind), yes, no)
                b.enter(yes)
                b.leave(self._passed_on(o.object(f"{of}.{name}"), [v, w, *modulus]))
                b.enter(no)
            unknown = o.object("_Py_NotImplementedStruct")
            o.call("Py_IncRef", unknown)
            b.leave(unknown)

    def _unary_slot(self, name: str, op: Op) -> None:
        o, b = self.o, self.o.b
        (v,) = o.function(f"{name}.slot", [o.ptr], o.ptr).arguments
        self.o.or_else(self._made(op, [v]))
        b.leave(self._passed_on(o.object(f"Traced.{name}"), [v]))

    def _compare(self, compared: Sequence[Op]) -> None:
        o, b = self.o, self.o.b
        v, w, which = o.function("compare", [o.ptr, o.ptr, o.i32], o.ptr).arguments
        code: ir.Value = o.integer(self.codes[compared[0]])
        for k, op in enumerate(compared[1:], 1):
            is_it = b.compare_integers("eq", which, o.int32(k))
            code = b.build("llvm.select", [o.i64], [is_it, o.integer(self.codes[op]), code])
        self.o.or_else(self._made(code, [v, w]))
        b.leave(b.call(o.object("compare.python"), [v, w, which], o.ptr))

    def _called_method(self, n: int) -> None:
        """What a method of n operands gives, by its code and by Python's function for it."""
        o, b = self.o, self.o.b
        types = [o.ptr, o.ptr, o.ptr, o.i64, o.ptr]
        self_, args, kwargs, code, definition = self._internal(f"method.{n}", types, o.ptr)
        other, failed = o.block(), o.block()
        given = o.compare("eq", o.word(args, LAYOUT.size), n - 1)
        o.require(b.both(o.is_null(kwargs), given), other)
        items = [o.pointer(args, LAYOUT.tuple_items + 8 * k) for k in range(n - 1)]
        self.o.or_else(self._made(code, [self_, *items]))
        o.go_to(other)
        b.enter(other)
        method = o.call("PyMethod_New", definition, self_)
        o.require(b.negated(o.is_null(method)), failed)
        result = o.call("PyObject_Call", method, args, kwargs)
        o.call("Py_DecRef", method)
        b.leave(result)
        b.enter(failed)
        b.leave(o.null())

    def _method(self, name: str, op: Op) -> None:
        """An op of one operand or two as a method of this name."""
        o, b = self.o, self.o.b
        start = o.function(f"{name}.method", [o.ptr] * 3, o.ptr)
        definition = o.object(f"Traced.{name}")
        passed = [*start.arguments, o.integer(self.codes[op]), definition]
        b.leave(b.call(f"method.{op.arity}", passed, o.ptr))

    def _call(self) -> None:
        """An op, called with as many operands as it has."""
        o, b = self.o, self.o.b
        start = o.function("call", [o.ptr] * 3, o.ptr)
        op, args, kwargs = start.arguments
        other = o.block()
        o.require(o.is_null(kwargs), other)
        found = [o.object("op_calls"), o.integer(CALLED - 1), op]
        entry = b.call("lookup", found, o.ptr)
        o.require(b.negated(o.is_null(entry)), other)
        word = o.word(entry, 8)
        n, code = o.integer_op("lshr", word, LITERAL), o.integer_op("and", word, 2**LITERAL - 1)
        o.require(o.compare("eq", o.word(args, LAYOUT.size), n), other)
        for count in range(1, MOST_OPERANDS + 1):
            this, further = o.block(), o.block()
            b.branch_if(o.compare("eq", n, count), this, further)
            b.enter(this)
            items = [o.pointer(args, LAYOUT.tuple_items + 8 * k) for k in range(count)]
            self.o.or_else(self._made(code, items))
            o.go_to(other)
            b.enter(further)
        o.go_to(other)
        b.enter(other)
        b.leave(b.call(o.object("call.python"), [op, args, kwargs], o.ptr))

    # -- what Python calls ---------------------------------------------------------------------

    def _mark(self) -> None:
        """Of rows, oldest first: live are those that a live one has for an operand."""
        o, b = self.o, self.o.b
        start = o.function("mark", [o.i64, *[o.ptr] * 4], None)
        n, *columns, live = start.arguments
        one = b.constant_integer(1, o.i8)
        with o.loop(n) as k:
            row = o.integer_op("sub", o.integer_op("sub", n, 1), k)
            is_live = b.compare_integers("eq", b.load(o.at(live, row), o.i8), one)
            with b.when(is_live):
                for column in columns:
                    operand = b.load(o.at(column, row, o.i32), o.i32)
                    operand = b.build("llvm.sext", [o.i64], [operand])
                    with b.when(o.compare("sge", operand, 0)):
                        b.store(one, o.at(live, operand))
        b.leave()

    def _release(self) -> None:
        """Decrement the reference counts of so many objects."""
        o, b = self.o, self.o.b
        start = o.function("release", [o.ptr, o.i64], None)
        objects, n = start.arguments
        with o.loop(n) as k:
            o.call("Py_DecRef", b.load(o.at(objects, k, o.ptr), o.ptr))
        b.leave()
