"""Emits `entry`, the function that CPython runs when a kernel is called (PEP 590).

    PyObject *entry(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)

It stands beside `main` in the kernel's module, so that LLVM may inline main into it. It takes
positional arguments that are exactly floats (Python's or NumPy's) and ints, also as indices of
rows, lists and tuples of them, and arrays that lie in a row, in the structure that main was
compiled for, and makes the result, or writes it to the array of `out=`. Everything else it passes
on, to the function in the module's variable `next`, the last of which calls `Kernel.__call__`:
other keywords, defaults, subclasses, other numbers, arrays and structures, and everything that is
an error. A call that it answers it notes: the address of `next`, by which the kernel knows it, in
the word at `answered`.
Where `main` takes long, other threads run meanwhile, one of which may close the kernel; then the
variable `calls` says how many are in there.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from ...real_types import BY_BITS
from ..emit.builder import Builder
from ..target import Target
from ..trace.signature import Container, count
from .convention import Convention
from .cpython import Objects
from .entry_arguments import Arguments
from .entry_frame import LINE
from .entry_indices import IndexEntries
from .entry_results import Results
from .ndarrays import ARRAY, given_out, points_of, usable

ENTRY_POINT = "entry"
NEXT = "next"
ANSWERED = "answered"
CALLS = "calls"

ON_STACK = 4096
"""Numbers, arguments and results together, up to which they are on the stack; more are allocated
for the call."""

INLINED_WORK = 100
"""Operations up to which a call of `main` is worth avoiding, which not all of LLVM's passes ask."""
GIL_FREE_WORK = 100_000
"""Operations from which on a kernel lets other threads run: some ten times what that costs."""


def emit_entry(
    module: ir.Module, convention: Convention, main: str, target: Target, *, work: int
) -> None:
    """Append `entry` and `next` to the module of a kernel whose `main` takes `work` operations."""
    with ir.Location.unknown():
        objects = Objects(Builder(module, target))
        _Entry(objects, convention).emit(main, release=work > GIL_FREE_WORK)
        for op in module.body if work <= INLINED_WORK else ():
            if "sym_name" in op.attributes and op.attributes["sym_name"].value == main:
                op.attributes["always_inline"] = ir.UnitAttr.get()


class _Entry(Arguments, IndexEntries, Results):
    """The whole function around a call of `main`."""

    def emit(self, main: str, *, release: bool) -> None:
        o, b = self.o, self.b
        o.b.pointer_variable(NEXT)
        o.b.pointer_variable(ANSWERED)
        if release:
            o.b.pointer_variable(CALLS)
        self._emit_tables()
        start = o.function(ENTRY_POINT, [o.ptr, o.ptr, o.i64, o.ptr], o.ptr)
        _, args, nargsf, kwnames = start.arguments
        self.other, self.undo, following = o.block(), o.block(o.ptr), o.block()
        self.whole = self._whole_array()
        written = self.convention.written if self.whole is None else None
        taken = sum(map(count, self.parameters))
        numbers = taken + (written or 0)
        self.allocated = None
        if numbers <= ON_STACK:
            room = o.allocate(taken)
            self.output = None if written is None else o.allocate(written)
        places = self._room_for_indices()
        given = o.compare("eq", o.integer_op("and", nargsf, 2**63 - 1), len(self.parameters))
        self.out = None
        if self._takes_out:
            o.require(given, following)
            self._given_out(args, kwnames, following)
        else:
            o.require(o.b.both(given, o.is_null(kwnames)), following)
        if numbers > ON_STACK:
            room = self._allocate(numbers + LINE // o.number_size, following)
            self.output = None if written is None else o.at(room, taken * o.number_size)
        passed = self._arguments(args, room)
        entries = self._indices(args, places)
        self._add_output(passed)
        behind = self.convention.entries.start
        passed[behind:behind] = entries
        b.store(o.b.address(NEXT), b.load(o.b.address(ANSWERED), o.ptr))
        if release:
            self._count(1)
        thread = o.call("PyEval_SaveThread") if release else None
        self.value = b.call(main, passed, o.number if self.convention.returns else None)
        if thread is not None:
            o.call("PyEval_RestoreThread", thread)
            self._count(-1)
        if self.out is not None:
            self._give_out()
        self._make_result()
        b.enter(self.undo)
        o.call("Py_DecRef", self.undo.arguments[0])
        self._let_go_of_array()
        self._leave(o.null())
        b.enter(self.other)
        self._free()
        b.branch(following)
        b.enter(following)
        next_ = b.load(o.b.address(NEXT), o.ptr)
        # it takes the place of this function, whose code may be gone when it returns
        b.leave(b.call(next_, list(start.arguments), o.ptr, tail="musttail"))

    @property
    def _takes_out(self) -> bool:
        """Whether an array of `out=` can be where `main` writes, and all that a call returns."""
        c = self.convention
        return c.takes_out and bool(c.written) and not c.returns and usable()

    def _given_out(self, args: ir.Value, kwnames: ir.Value, following: ir.Block) -> None:
        """Note the array of `out=` and where its numbers are; both null where there is none."""
        o, b = self.o, self.b
        some, known = o.block(), o.block(o.ptr, o.ptr)
        b.branch_if(o.is_null(kwnames), known, some, [o.null(), o.null()])
        b.enter(some)
        dtype = o.object(str(BY_BITS[b.bits].dtype))
        out = given_out(o, args, o.integer(len(self.parameters)), kwnames, dtype, following)
        fits = o.compare("eq", points_of(o, out, following), self.convention.written)
        o.require(fits, following)
        b.branch(known, [out, o.pointer(out, ARRAY.data)])
        b.enter(known)
        self.out, self.given = known.arguments

    def _add_output(self, passed: list[ir.Value]) -> None:
        """Pass where `main` writes, if it does."""
        if self.out is not None:
            self._check_apart(passed)
        if self.whole is not None:
            self._make_array(self.whole)
        elif self.out is not None:
            self.output = self.b.select(self.o.is_null(self.out), self.output, self.given)
        if self.output is not None:
            passed.append(self.output)

    def _check_apart(self, passed: Sequence[ir.Value]) -> None:
        """Let `main` write nothing that it reads: arguments in memory lie apart from `out`."""
        o, b = self.o, self.b
        assert self.convention.written is not None
        to, apart = b.build("llvm.ptrtoint", [o.i64], [self.given]), []
        for x, s in zip(passed, self.parameters, strict=True):
            if not isinstance(s, Container) or not count(s):
                continue
            source = b.build("llvm.ptrtoint", [o.i64], [x])
            ahead, behind = o.integer_op("sub", to, source), o.integer_op("sub", source, to)
            apart.append(o.compare("uge", ahead, count(s) * o.number_size))
            apart.append(o.compare("uge", behind, self.convention.written * o.number_size))
        if apart:
            o.require(o.all(apart), self.other)

    def _give_out(self) -> None:
        """Return the array of `out=`, if there is one."""
        o, b = self.o, self.b
        given, none = o.block(), o.block()
        b.branch_if(o.is_null(self.out), none, given)
        b.enter(given)
        o.call("Py_IncRef", self.out)
        self._leave(self.out)
        b.enter(none)

    def _count(self, change: int) -> None:
        """Change how many calls are in `main` without Python's lock, while holding it."""
        o, b = self.o, self.b
        at = o.b.address(CALLS)
        b.store(o.integer_op("add", b.load(at, o.i64), change), at)
