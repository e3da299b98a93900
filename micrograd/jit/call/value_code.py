"""Emits the arithmetic of eager Values: what CPython runs in place of methods that are written in
Python.

    PyObject *NAME.slot(PyObject *v, PyObject *w)                               `v + w`, `v += w`
    PyObject *__pow__.slot(PyObject *v, PyObject *w, PyObject *modulus)         `v ** w`
    PyObject *NAME.slot(PyObject *v)                                            `-v`, `abs(v)`
    PyObject *compare(PyObject *v, PyObject *w, int which)                      `v < w`
    PyObject *method(PyObject *self, PyObject *const *args, i64 nargsf, PyObject *names)
    PyObject *call(PyObject *op, PyObject *args, PyObject *kwargs)              `exp(v)`
    int traverse(PyObject *v, int visit(PyObject *, void *), void *arg)         for the collector
    double OP.number(double x, ...)                                             the op on numbers

Each makes the Value of an op on Values, which are no subclass's, and numbers. What else it is given
it leaves to Python's definition, which it calls; and so it does where what comes out is no finite
number, for there Python's functions go ways of their own. It leaves no error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lowering.bindings import ir

from ...ops import Op
from .callable import ARRAYS_AT, LAYOUT
from .cpython import Objects
from .value_making import Making, Places

ENTRY = 24
"""Bytes of an entry of the table of ops: the op, its function on numbers, its arity."""
CALLED = 256
"""Entries of that table, which is one of hashes."""
ORDER = ("__lt__", "__le__", "", "", "__gt__", "__ge__")
"""The comparisons that make Values, by CPython's numbers for them; `==` and `!=` are Python's."""


class Arithmetic(Making):
    """Appends what CPython calls to the module of `o`; definition: where a method has Python's."""

    def __init__(self, o: Objects, places: Places, definition: int) -> None:
        super().__init__(o, places)
        self.definition = definition

    def emit(
        self,
        ops: Sequence[Op],
        binary: Mapping[str, Op],
        in_place: Mapping[str, Op],
        unary: Mapping[str, Op],
    ) -> None:
        """All of them: ops of three operands at most; operators by name."""
        self._emit_making(ops)
        self._pass_on()
        self._operator()
        for name, op in binary.items():
            self._binary_slot(name, op)
        for name, op in in_place.items():
            self._in_place_slot(name, op)
        for name, op in unary.items():
            self._unary_slot(name, op)
        self._compare({op.operator: op for op in ops if op.predicate is not None})
        self._entry_of()
        self._apply()
        self._method()
        self._call()
        self._traverse()

    def _made(self, op: Op, operands: Sequence[ir.Value]) -> ir.Value:
        found = [self.o.object(f"op.{op.name}"), self.o.b.address(f"{op.name}.number")]
        return self.o.b.call(f"apply.{op.arity}", [*found, *operands], self.o.ptr)

    # -- operators -----------------------------------------------------------------------------

    def _operator(self) -> None:
        """What Python's methods for an operator of two operands give: that of the first one if it
        is a Value, else the reflected one. What is traced has its own, which CPython calls next.
        """
        o, b = self.o, self.o.b
        v, w, left, right = self._internal("operator", [o.ptr] * 4, o.ptr)
        own, traced, first, second = (o.block() for _ in range(4))
        b.branch_if(self._is_value(v), own, second)
        b.enter(own)
        b.branch_if(o.is_a(w, "Traced"), traced, first)
        b.enter(traced)
        b.leave(self._not_implemented())
        for block, method, pair in ((first, left, [v, w]), (second, right, [w, v])):
            b.enter(block)
            b.leave(self._passed_on(method, pair))

    def _binary_slot(self, name: str, op: Op) -> None:
        o, b = self.o, self.o.b
        types = [o.ptr] * (3 if name == "__pow__" else 2)
        v, w, *modulus = o.function(f"{name}.slot", types, o.ptr).arguments
        if modulus:
            three = o.block()
            o.require(o.compare("eq", modulus[0], o.object("_Py_NoneStruct")), three)
        self.o.or_else(self._made(op, [v, w]))
        methods = [o.object(n) for n in (name, name.replace("__", "__r", 1))]
        b.leave(b.call("operator", [v, w, *methods], o.ptr))
        if modulus:
            b.enter(three)
            unknown = o.block()
            o.require(self._is_value(v), unknown)
            b.leave(self._passed_on(o.object(name), [v, w, *modulus]))
            b.enter(unknown)
            b.leave(self._not_implemented())

    def _not_implemented(self) -> ir.Value:
        found = self.o.object("_Py_NotImplementedStruct")
        self.o.call("Py_IncRef", found)
        return found

    def _in_place_slot(self, name: str, op: Op) -> None:
        """As the operator, unless there is a label, which the result takes over."""
        o, b = self.o, self.o.b
        types = [o.ptr] * (3 if name == "__ipow__" else 2)
        v, w = list(o.function(f"{name}.slot", types, o.ptr).arguments)[:2]
        python = o.block()
        o.require(self._is_value(v), python)
        label = o.pointer(v, self.places.label)
        o.require(o.compare("eq", label, o.object("no_label")), python)
        self.o.or_else(self._made(op, [v, w]))
        o.go_to(python)
        b.enter(python)
        b.leave(self._passed_on(o.object(name), [v, w]))

    def _unary_slot(self, name: str, op: Op) -> None:
        o, b = self.o, self.o.b
        (v,) = o.function(f"{name}.slot", [o.ptr], o.ptr).arguments
        self.o.or_else(self._made(op, [v]))
        b.leave(self._passed_on(o.object(name), [v]))

    def _compare(self, compared: Mapping[str | None, Op]) -> None:
        o, b = self.o, self.o.b
        v, w, which = o.function("compare", [o.ptr, o.ptr, o.i32], o.ptr).arguments
        for k, name in enumerate(ORDER):
            if name:
                this, further = o.block(), o.block()
                b.branch_if(b.compare_integers("eq", which, o.int32(k)), this, further)
                b.enter(this)
                self.o.or_else(self._made(compared[name], [v, w]))
                o.go_to(further)
                b.enter(further)
        b.leave(b.call(o.object("compare.python"), [v, w, which], o.ptr))

    # -- ops by their addresses ----------------------------------------------------------------

    def _entry_of(self) -> None:
        """The entry of an op in the table; null if it has none."""
        o, b = self.o, self.o.b
        (op,) = self._internal("entry", [o.ptr], o.ptr)
        absent, table = o.block(), o.object("op_table")
        first = o.integer_op("lshr", b.build("llvm.ptrtoint", [o.i64], [op]), 4)
        b.leave(o.probed(table, op, first, ENTRY, CALLED - 1, absent))
        b.enter(absent)
        b.leave(o.null())

    def _apply(self) -> None:
        """The Value of the op of an entry on so many operands; null where Python must say."""
        o, b = self.o, self.o.b
        entry, count, operands = self._internal("apply", [o.ptr, o.i64, o.ptr], o.ptr)
        python, known = o.block(), o.block()
        b.branch_if(o.is_null(entry), python, known)
        b.enter(known)
        o.require(o.compare("eq", o.word(entry, 16), count), python)
        for n in (1, 2, 3):
            this, further = o.block(), o.block()
            b.branch_if(o.compare("eq", count, n), this, further)
            b.enter(this)
            found = [o.pointer(entry), o.pointer(entry, 8)]
            items = [o.pointer(operands, 8 * k) for k in range(n)]
            b.leave(b.call(f"apply.{n}", [*found, *items], o.ptr))
            b.enter(further)
        o.go_to(python)
        b.enter(python)
        b.leave(o.null())

    def _method(self) -> None:
        """A method that is an op: the object says which entry of the table."""
        o, b = self.o, self.o.b
        start = o.function("method", [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
        self_, args, nargsf, names = start.arguments
        python = o.block()
        o.require(o.is_null(names), python)
        count = o.integer_op("and", nargsf, 2**63 - 1)
        self.o.or_else(b.call("apply", [o.pointer(self_, ARRAYS_AT), count, args], o.ptr))
        o.go_to(python)
        b.enter(python)
        definition = o.pointer(self_, self.definition)
        b.leave(o.call("PyObject_Vectorcall", definition, args, nargsf, names))

    def _call(self) -> None:
        """An op, called with as many operands as it has."""
        o, b = self.o, self.o.b
        op, args, kwargs = o.function("call", [o.ptr] * 3, o.ptr).arguments
        python = o.block()
        o.require(o.is_null(kwargs), python)
        found = [b.call("entry", [op], o.ptr), o.word(args, LAYOUT.size)]
        self.o.or_else(b.call("apply", [*found, o.at(args, LAYOUT.tuple_items)], o.ptr))
        o.go_to(python)
        b.enter(python)
        previous = o.pointer(o.object("call.python"))
        b.leave(b.call(previous, [op, args, kwargs], o.ptr))

    # -- garbage -------------------------------------------------------------------------------

    def _traverse(self) -> None:
        """Show the collector what a Value refers to, which Python would look for in a list of its
        slots. What refers to nothing is passed over: numbers, the label that it begins with.
        """
        o, b, p = self.o, self.o.b, self.places
        v, visit, arg = o.function("traverse", [o.ptr] * 3, o.i32).arguments
        ended, none = o.block(o.i32), o.object("_Py_NoneStruct")
        passed_over = {p.other: none, p.grad: o.object("zero"), p.label: o.object("no_label")}
        for place in (LAYOUT.type, p.entry, p.operand, p.other, p.home, p.grad, p.label):
            x, shown, rest = o.pointer(v, place), o.block(), o.block()
            here = o.compare("ne", x, passed_over[place]) if place in passed_over else None
            is_one = b.negated(o.is_null(x))
            b.branch_if(is_one if here is None else b.both(is_one, here), shown, rest)
            b.enter(shown)
            answer = b.call(visit, [x, arg], o.i32)
            b.branch_if(b.compare_integers("ne", answer, o.int32(0)), ended, rest, [answer])
            b.enter(rest)
        b.leave(o.int32(0))
        b.enter(ended)
        b.leave(ended.arguments[0])
