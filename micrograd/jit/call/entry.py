"""Emits `entry`, the function that CPython runs when a kernel is called (PEP 590).

    PyObject *entry(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)

It stands beside `main` in the kernel's module, so that LLVM may inline main into it. It takes
positional arguments that are exactly floats (Python's or NumPy's) and ints, lists and tuples of
them, and arrays that lie in a row, in the structure that main was compiled for, and makes the
result. Everything else it passes on, to the function in the module's variable `next`, the last of
which calls `Kernel.__call__`: keywords, defaults, subclasses, other numbers, arrays and structures,
and everything that is an error.
Where `main` takes long, other threads run meanwhile, one of which may close the kernel; then the
variable `calls` says how many are in there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from lowering.bindings import ir

from ..emit.builder import Builder
from ..target import Target
from ..trace.signature import Container, Structure, count
from .callable import LAYOUT, available
from .convention import Convention
from .cpython import Objects
from .ndarrays import ALIGNED, ARRAY, CONTIGUOUS, dimensions, usable
from .walk import table_of

ENTRY_POINT = "entry"
NEXT = "next"
CALLS = "calls"

ON_STACK = 4096
"""Numbers, arguments and results together, up to which they are on the stack; more are allocated
for the call."""

MOST_PARTS = 24
"""Parts of a structure that are emitted one by one; one of more is walked through by a table."""

LINE = 64
"""Bytes of a cache line, at which large blocks begin."""

MOST_INLINE = 4
"""Numbers in a row up to so many are read, if they are floats, and made without a call."""

GIL_FREE_WORK = 100_000
"""Operations from which on a kernel lets other threads run: some ten times what that costs."""


def has_entry(convention: Convention) -> bool:
    """Whether `entry` can be emitted: for numbers, lists and tuples, and arrays."""
    structures = [s for _, s in convention.parameters]
    known = all(_is_plain(s) or _is_array(s) for s in structures) and _is_made(convention.result)
    around = convention.result if convention.returns else None
    while isinstance(around, Container):  # what main returns is not in memory, as others need it
        if around.type is np.ndarray or _parts(around) > MOST_PARTS:
            return False
        around = next((item for item in around.items if count(item)), None)
    return available() and known


def _is_plain(s: Structure) -> bool:
    """Whether it is a number, or lists and tuples of them."""
    if not isinstance(s, Container):
        return True
    plain = s.type in (list, tuple)
    return plain and (s.is_flat or all(map(_is_plain, dict.fromkeys(s.items))))


def _is_array(s: Structure) -> bool:
    return isinstance(s, Container) and s.type is np.ndarray and usable()


def _is_made(s: Structure) -> bool:
    """Whether a result is made here: arrays must not be among too many parts."""
    if _is_plain(s) or _is_array(s):
        return True
    within = isinstance(s, Container) and s.type in (list, tuple) and _parts(s) <= MOST_PARTS
    return within and all(map(_is_made, s.items))  # type: ignore[union-attr]


def _is_flat(s: Structure) -> bool:
    """Whether it is a container of nothing but numbers."""
    return isinstance(s, Container) and s.is_flat


@functools.lru_cache(maxsize=256)
def _parts(s: Structure) -> int:
    """How many pieces of code a structure becomes: numbers in a row are one."""
    if not isinstance(s, Container) or s.is_flat:
        return 1
    return 1 + sum(map(_parts, s.items))


def _runs(structures: Sequence[Structure]) -> Iterator[tuple[int, int]]:
    """The bounds of numbers in a row, and of containers one by one."""
    start = 0
    for k, s in enumerate(structures):
        if isinstance(s, Container):
            if start < k:
                yield start, k
            yield k, k + 1
            start = k + 1
    if start < len(structures):
        yield start, len(structures)


def emit_entry(
    module: ir.Module, convention: Convention, main: str, target: Target, *, work: int
) -> None:
    """Append `entry` and `next` to the module of a kernel whose `main` takes `work` operations."""
    with ir.Location.unknown():
        objects = Objects(Builder(module, target))
        _Entry(objects, convention).emit(main, release=work > GIL_FREE_WORK)


class _Entry:
    def __init__(self, objects: Objects, convention: Convention) -> None:
        self.o = objects
        self.b = objects.b
        self.convention = convention
        self.parameters = [s for _, s in convention.parameters]

    def emit(self, main: str, *, release: bool) -> None:
        o, b = self.o, self.b
        o.b.pointer_variable(NEXT)
        if release:
            o.b.pointer_variable(CALLS)
        self._emit_tables()
        start = o.function(ENTRY_POINT, [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
        _, args, nargsf, kwnames = start.arguments
        self.other, self.undo, following = o.block(), o.block(o.ptr), o.block()
        written = self.convention.written
        taken = sum(map(count, self.parameters))
        numbers = taken + (written or 0)
        self.allocated: ir.Value | None = None
        if numbers <= ON_STACK:
            room = o.allocate(taken)
            self.output = None if written is None else o.allocate(written)
        given = o.compare("eq", o.integer_op("and", nargsf, 2**63 - 1), len(self.parameters))
        o.require(o.b.both(given, o.is_null(kwnames)), following)
        if numbers > ON_STACK:
            room = self._allocate(numbers + LINE // o.number_size, following)
            self.output = None if written is None else o.at(room, taken * o.number_size)
        passed = self._arguments(args, room)
        if self.output is not None:
            passed.append(self.output)
        if release:
            self._count(1)
        thread = o.call("PyEval_SaveThread") if release else None
        self.value = b.call(main, passed, o.number if self.convention.returns else None)
        if thread is not None:
            o.call("PyEval_RestoreThread", thread)
            self._count(-1)
        self._make_result()
        b.enter(self.undo)
        o.call("Py_DecRef", self.undo.arguments[0])
        self._leave(o.null())
        b.enter(self.other)
        self._free()
        b.branch(following)
        b.enter(following)
        next_ = b.load(o.b.address(NEXT), o.ptr)
        # it takes the place of this function, whose code may be gone when it returns
        b.leave(b.call(next_, list(start.arguments), o.ptr, tail="musttail"))

    def _emit_tables(self) -> None:
        """Constants about structures: tables to walk through them, shapes of arrays."""
        self.places: dict[Structure, int] = {}
        stack = [*self.parameters, self.convention.result]
        while stack:
            s = stack.pop()
            if not isinstance(s, Container) or s in self.places:
                continue
            if s.type is np.ndarray:
                self.places[s] = 0
                self.b.data(self._table_name(s), np.array(s.keys, dtype=np.int64), self.b.i64)
            elif _parts(s) > MOST_PARTS and _is_plain(s):
                words, self.places[s] = table_of(s)
                self.b.data(self._table_name(s), words, self.b.i64)
            elif not s.is_flat:
                stack += s.items

    def _table_name(self, s: Structure) -> str:
        return f"structure{list(self.places).index(s)}"

    def _allocate(self, n: int, failed: ir.Block) -> ir.Value:
        """Room for n numbers, less what it takes to begin at a cache line, until `_free`."""
        o, b = self.o, self.b
        self.allocated = o.call("PyMem_RawMalloc", o.integer(n * o.number_size))
        o.require(o.b.negated(o.is_null(self.allocated)), failed)
        address = b.build("llvm.ptrtoint", [o.i64], [self.allocated])
        ahead = o.integer_op("and", o.integer_op("sub", o.integer(0), address), LINE - 1)
        return o.at(self.allocated, ahead)

    def _free(self) -> None:
        if self.allocated is not None:
            self.o.call("PyMem_RawFree", self.allocated)

    def _leave(self, x: ir.Value) -> None:
        self._free()
        self.o.b.leave(x)

    def _count(self, change: int) -> None:
        """Change how many calls are in `main` without Python's lock, while holding it."""
        o, b = self.o, self.b
        at = o.b.address(CALLS)
        b.store(o.integer_op("add", b.load(at, o.i64), change), at)

    # -- arguments -----------------------------------------------------------------------------

    def _arguments(self, args: ir.Value, room: ir.Value) -> list[ir.Value]:
        """What `main` gets; arguments that do not fit go to `other`."""
        o = self.o
        passed = []
        leaf = 0
        for start, end in _runs(self.parameters):
            to = o.at(room, leaf * o.number_size)
            name, s = self.convention.parameters[start]
            if isinstance(s, Container):
                x = o.pointer(args, 8 * start)
                passed.append(self._container(x, s, to, name in self.convention.sequences))
            else:
                passed += self._scalars(o.at(args, 8 * start), end - start, to)
            leaf += sum(count(s) for _, s in self.convention.parameters[start:end])
        return passed

    def _scalars(self, items: ir.Value, n: int, room: ir.Value) -> list[ir.Value]:
        """Numbers in a row: at once if all are floats, else by way of `room`."""
        o, b = self.o, self.b
        if n > MOST_INLINE:
            self._read_numbers(items, n, room)
            return self._loaded(room, n)
        objects = [o.pointer(items, 8 * k) for k in range(n)]
        floats = [o.is_a(x, float) for x in objects]
        known = b.block.create_after(*[o.number] * n)
        fast, slow = b.block.create_after(), o.block()
        o.b.branch_if(o.all(floats), fast, slow)
        b.enter(fast)
        read = [b.load(o.at(x, LAYOUT.float_value), o.f64) for x in objects]
        b.branch(known, [o.narrowed(x) for x in read])
        b.enter(slow)
        self._read_numbers(items, n, room)
        b.branch(known, self._loaded(room, n))
        b.enter(known)
        return list(known.arguments)

    def _read_numbers(self, items: ir.Value, n: int, to: ir.Value) -> None:
        o = self.o
        o.require(o.call("read_numbers", items, o.integer(n), to), self.other)

    def _loaded(self, room: ir.Value, n: int) -> list[ir.Value]:
        o = self.o
        return [self.b.load(o.at(room, k * o.number_size), o.number) for k in range(n)]

    def _container(self, x: ir.Value, s: Container, room: ir.Value, is_sequence: bool) -> ir.Value:
        """The address of the numbers of an argument: `room`, or where an array has them."""
        if s.type is np.ndarray:
            return self._array(x, s.keys, room)
        if is_sequence and usable():
            return self._sequence(x, len(s.items), room)
        self._read(x, s, room)
        return room

    def _read(self, x: ir.Value, s: Container, room: ir.Value) -> None:
        """Copy the leaves of an object of this structure to `room`."""
        o = self.o
        if s in self.places:
            table = o.b.address(self._table_name(s))
            found = o.call("read_object", x, table, o.integer(self.places[s]), room)
            o.require(o.compare("ne", found, -1), self.other)
            return
        o.require(o.is_a(x, s.type), self.other)
        o.require(o.compare("eq", o.word(x, LAYOUT.size), len(s.items)), self.other)
        items = o.pointer(x, LAYOUT.list_items) if s.type is list else o.at(x, LAYOUT.tuple_items)
        if s.is_flat:
            self._read_numbers(items, len(s.items), room)
            return
        leaf = 0
        for start, end in _runs(s.items):
            to = o.at(room, leaf * o.number_size)
            item = s.items[start]
            if isinstance(item, Container):
                self._read(o.pointer(items, 8 * start), item, to)
            else:
                self._read_numbers(o.at(items, 8 * start), end - start, to)
            leaf += sum(map(count, s.items[start:end]))

    def _sequence(self, x: ir.Value, n: int, room: ir.Value) -> ir.Value:
        """The address of the numbers of a list, a tuple or an array: its own data, or `room`."""
        o = self.o
        is_list, no_list, is_tuple, array = (o.block() for _ in range(4))
        items, known = o.block(o.ptr), o.block(o.ptr)
        o.b.branch_if(o.is_a(x, list), is_list, no_list)
        o.b.enter(no_list)
        o.b.branch_if(o.is_a(x, tuple), is_tuple, array)
        for block in (is_list, is_tuple):
            o.b.enter(block)
            o.require(o.compare("eq", o.word(x, LAYOUT.size), n), self.other)
            if block is is_list:
                o.go_to(items, o.pointer(x, LAYOUT.list_items))
            else:
                o.go_to(items, o.at(x, LAYOUT.tuple_items))
        o.b.enter(items)
        self._read_numbers(items.arguments[0], n, room)
        o.go_to(known, room)
        o.b.enter(array)
        o.go_to(known, self._array(x, (n,), room))
        o.b.enter(known)
        address: ir.Value = known.arguments[0]
        return address

    def _array(self, x: ir.Value, shape: Sequence[int], room: ir.Value) -> ir.Value:
        """The address of the numbers of an array of this shape: its own data, or `room`."""
        o = self.o
        known, converted = o.block(o.ptr), o.block()
        o.require(o.is_a(x, np.ndarray), self.other)
        o.require(o.compare("eq", dimensions(o, x), len(shape)), self.other)
        sizes = o.pointer(x, ARRAY.shape)
        for d, size in enumerate(shape):
            o.require(o.compare("eq", o.word(sizes, 8 * d), size), self.other)
        descr, data = o.pointer(x, ARRAY.descr), o.pointer(x, ARRAY.data)
        has = o.integer_op("and", o.word(x, ARRAY.flags), CONTIGUOUS | ALIGNED)
        o.require(o.compare("eq", has, CONTIGUOUS | ALIGNED), self.other)
        own, other = ("float64", "float32") if o.number == o.f64 else ("float32", "float64")
        o.b.branch_if(o.compare("eq", descr, o.object(own)), known, converted, [data])
        o.b.enter(converted)
        o.require(o.compare("eq", descr, o.object(other)), self.other)
        o.call("convert", data, o.integer(prod(shape)), room)
        o.go_to(known, room)
        o.b.enter(known)
        address: ir.Value = known.arguments[0]
        return address

    # -- results -------------------------------------------------------------------------------

    def _make_result(self) -> None:
        """Make the result and return it, or free it if CPython has no memory for all of it.

        Each object goes into its container as soon as there is one, made or not, so that freeing
        the outermost frees all.
        """
        o = self.o
        if not isinstance(self.convention.result, Container):
            first = 0 - self.convention.returns
            alone = self.allocated is None
            self._leave(o.call("PyFloat_FromDouble", self._number(first), last=alone))
            return
        self.leaf = 0
        self.made: list[ir.Value] = []
        root = self._make(self.convention.result, None)
        if self.made:
            o.require(o.all(self.made), self.undo, root)
        self._leave(root)

    def _make(self, s: Structure, root: ir.Value | None, slot: ir.Value | None = None) -> ir.Value:
        """A new object for the leaves from `leaf` on, stored in `slot`; it may be null."""
        o = self.o
        first = self.leaf - self.convention.returns
        if not isinstance(s, Container):
            self.leaf += 1
            return self._noted(o.call("PyFloat_FromDouble", self._number(first)), slot)
        n = o.integer(len(s.items))
        if s in self.places:
            table = o.b.address(self._table_name(s))
            self.leaf += s.leaves
            if s.type is np.ndarray:
                shape = o.int32(len(s.keys)), table
                return self._noted(o.call("new_array", self._place(first), n, *shape), slot)
            place = o.integer(self.places[s])
            return self._noted(o.call("new_object", table, place, self._place(first)), slot)
        kind = "list" if s.type is list else "tuple"
        run = len(s.items) > MOST_INLINE and _is_flat(s)
        if run and first >= 0 and self.output is not None:
            self.leaf += len(s.items)
            return self._noted(o.call(f"new_{kind}", self._place(first), n), slot)
        made = o.call("PyList_New" if s.type is list else "PyTuple_New", n)
        if slot is not None:
            self.b.store(made, slot)
        root = made if root is None else root
        exists = o.b.negated(o.is_null(made))
        o.require(exists, self.undo, root)
        items = o.at(made, LAYOUT.tuple_items)
        if s.type is list and s.items:
            items = o.pointer(made, LAYOUT.list_items)
        for k, item in enumerate(s.items):
            self._make(item, root, o.at(items, 8 * k))
        return made

    def _noted(self, made: ir.Value, slot: ir.Value | None) -> ir.Value:
        """An object that is looked at in the end."""
        if slot is not None:
            self.b.store(made, slot)
        self.made.append(self.o.b.negated(self.o.is_null(made)))
        return made

    def _place(self, k: int) -> ir.Value:
        if self.output is None:
            return self.o.null()  # there are no numbers to read
        return self.o.at(self.output, k * self.o.number_size)

    def _number(self, k: int) -> ir.Value:
        """A number of the output, or for -1 what `main` returned, as a double."""
        o = self.o
        return o.widened(self.value if k < 0 else self.b.load(self._place(k), o.number))
