"""Emits `entry`, the function that CPython runs when a kernel is called (PEP 590).

    PyObject *entry(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)

It stands beside `main` in the kernel's module, so that LLVM may inline main into it. It takes
positional arguments that are exactly floats and ints, and lists and tuples of them, in the
structure that main was compiled for, and makes the result. Everything else it passes on, to the
function in the module's variable `next`, or if that is null to `Kernel.__call__`: keywords,
defaults, subclasses, NumPy's numbers, arrays, other structures and everything that is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count as counter

from lowering.bindings import ir

from .builder import Builder
from .calls import Convention
from .native_callable import GENERAL, LAYOUT, available
from .objects import Objects, is_flat
from .signature import Container, Structure, count

ENTRY_POINT = "entry"
NEXT = "next"

MOST_NUMBERS = 4096
"""Kernels that take or give more numbers than this are called through ctypes: they would need more
of the stack, and the call is not what their time goes to."""

MOST_OBJECTS = 200
"""Nor are structures of more parts that are emitted one by one."""

GIL_FREE_WORK = 100_000
"""Operations from which on a kernel lets other threads run: some ten times what that costs."""


def has_entry(convention: Convention) -> bool:
    """Whether `entry` can be emitted: numbers, lists and tuples, not too many of them."""
    structures = [s for _, s in convention.parameters] + [convention.result]
    numbers = sum(map(count, structures))
    return (
        available()
        and numbers <= MOST_NUMBERS
        and all(map(_is_plain, structures))
        and sum(map(_parts, structures)) <= MOST_OBJECTS
    )


def _is_plain(s: Structure) -> bool:
    if not isinstance(s, Container):
        return True
    return s.type in (list, tuple) and all(map(_is_plain, s.items))


def _parts(s: Structure) -> int:
    """How many pieces of code a structure becomes: flat runs are loops."""
    if not isinstance(s, Container) or is_flat(s):
        return 1
    return 1 + sum(map(_parts, s.items))


def emit_entry(
    module: ir.Module, convention: Convention, main: str, *, exact: bool, work: int
) -> None:
    """Append `entry` and `next` to the module of a kernel whose `main` takes `work` operations."""
    with ir.Location.unknown():
        objects = Objects(Builder(module, 8 * convention.dtype.itemsize, exact=exact))
        _Entry(objects, convention).emit(main, release=work > GIL_FREE_WORK)


class _Entry:
    def __init__(self, objects: Objects, convention: Convention) -> None:
        self.o = objects
        self.b = objects.b
        self.convention = convention

    def emit(self, main: str, *, release: bool) -> None:
        o, b = self.o, self.b
        o.variable(NEXT)
        start = o.function(ENTRY_POINT, [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
        self_, args, nargsf, kwnames = start.arguments
        self.other, self.undo = o.block(), o.block(o.ptr)
        passed = self._unpack(args, nargsf, kwnames)
        written = self.convention.written
        output = passed[-1] if written is not None else None
        if release:
            thread = o.call("PyEval_SaveThread")
        results = [o.number] if self.convention.returns else []
        value = b.build("llvm.call", results, passed, b.callee(main, len(passed)))
        if release:
            o.call("PyEval_RestoreThread", thread)
        first = int(self.convention.returns)

        def number(k: int | ir.Value) -> ir.Value:
            """The result with this number, the value first."""
            if isinstance(k, int):
                if k < first:
                    return o.widened(value)
                k = o.integer(k - first)
            elif first:
                k = o.integer_op("sub", k, first)
            assert output is not None
            return o.widened(b.load(o.at(output, k, o.number), o.number))

        o.leave(o.make(self.convention.result, number, self.undo))
        b.enter(self.undo)
        o.call("Py_DecRef", self.undo.arguments[0])
        o.leave(o.null())
        b.enter(self.other)
        pass_on(o, [self_, args, nargsf, kwnames])

    def _unpack(self, args: ir.Value, nargsf: ir.Value, kwnames: ir.Value) -> list[ir.Value]:
        """What `main` gets; arguments that do not fit go to `other`."""
        o = self.o
        parameters = [s for _, s in self.convention.parameters]
        rooms = {
            k: o.allocate(count(s)) for k, s in enumerate(parameters) if isinstance(s, Container)
        }
        written = self.convention.written
        output = [] if written is None else [o.allocate(written)]
        given = o.compare("eq", o.integer_op("and", nargsf, 2**63 - 1), len(parameters))
        o.require(o.both(given, o.is_null(kwnames)), self.other)
        passed: list[ir.Value] = []
        for k, s in enumerate(parameters):
            x = o.pointer(args, 8 * k)
            if isinstance(s, Container):
                self._read(x, s, rooms[k], counter())
                passed.append(rooms[k])
            else:
                passed.append(o.read_number(x, self.other))
        return passed + output

    def _read(self, x: ir.Value, s: Structure, room: ir.Value, leaf: counter[int]) -> None:
        """Copy the leaves of an object of this structure into `room`."""
        o, b = self.o, self.b
        if not isinstance(s, Container):
            b.store(o.read_number(x, self.other), o.at(room, o.integer(next(leaf)), o.number))
            return
        o.require(o.is_a(x, s.type), self.other)
        o.require(o.compare("eq", o.word(x, LAYOUT.size), len(s.items)), self.other)
        items = o.pointer(x, LAYOUT.list_items) if s.type is list else o.at(x, LAYOUT.tuple_items)
        if not is_flat(s):
            for k, item in enumerate(s.items):
                self._read(o.pointer(items, 8 * k), item, room, leaf)
            return
        start = [next(leaf) for _ in s.items][:1]

        def one(k: ir.Value | int) -> None:
            index = o.integer(k) if isinstance(k, int) else k
            item = b.load(o.at(items, index, o.ptr), o.ptr)
            to = o.at(o.at(room, o.integer(start[0]), o.number), index, o.number)
            b.store(o.read_number(item, self.other), to)

        o.loop(len(s.items), one)


def pass_on(o: Objects, arguments: Sequence[ir.Value]) -> None:
    """Let the next function have the call: that in `next`, or the general one, as a method."""
    b = o.b
    following = b.load(o.address(NEXT), o.ptr)
    known, last = o.block(), o.block()
    o.branch_if(o.is_null(following), last, known)
    b.enter(known)
    segments = {
        "operandSegmentSizes": ir.DenseI32ArrayAttr.get([5, 0]),
        "op_bundle_sizes": ir.DenseI32ArrayAttr.get([]),
    }
    o.leave(b.build("llvm.call", [o.ptr], [following, *arguments], segments))
    b.enter(last)
    self_, args, nargsf, kwnames = arguments
    method = o.call("PyMethod_New", o.object(GENERAL), self_)
    failed, bound = o.block(), o.block()
    o.branch_if(o.is_null(method), failed, bound)
    b.enter(bound)
    result = o.call("PyObject_Vectorcall", method, args, nargsf, kwnames)
    o.call("Py_DecRef", method)
    o.leave(result)
    b.enter(failed)
    o.leave(o.null())
