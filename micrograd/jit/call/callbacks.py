"""Emits the functions that C libraries call back, around a kernel's `main`.

A kernel takes its numbers as one array, and perhaps an array of data behind it, and gives a number
or writes several. A callback has a signature of C instead; what its counts and lengths say must be
what the kernel was compiled for, else it gives nan, or 0 for failure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

from lowering.bindings import ir

from ..emit.builder import Builder
from ..emit.interface import ENTRY
from ..target import Target

CALLBACK = "callback"
"""The symbol."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What a kernel is called for.

    numbers   how many it takes
    data      how many numbers of data it takes, from the address that the callback is given last
    results   how many numbers it writes; None: it returns one
    """

    numbers: int
    data: int
    results: int | None


def emit_callback(module: ir.Module, signature: str, callback: Callback, target: Target) -> None:
    """Append the function `callback`, of one of SIGNATURES, to the module of a kernel."""
    with ir.Location.unknown():
        _Callback(Builder(module, target), callback).emit(signature)


class _Callback:
    def __init__(self, b: Builder, callback: Callback) -> None:
        self.b = b
        self.callback = callback

    def emit(self, signature: str) -> None:
        """The whole function."""
        types, result, build = SIGNATURES[signature]
        b = self.b
        named = {"double": b.f64, "int": b.i32, "size": b.i64, "*": b.ptr}
        entry = b.function(CALLBACK, [named[t] for t in types], named[result])
        build(self, list(entry.arguments))

    # -- signatures ----------------------------------------------------------------------------

    def of_number(self, given: list[ir.Value]) -> None:
        """double (double, void *): of one number."""
        b = self.b
        room = b.alloca(1, b.f64)
        b.store(given[0], room)
        b.leave(self._value(room, given[1:]))

    def of_counted(self, given: list[ir.Value]) -> None:
        """double (int, double *, void *): of so many numbers in a row."""
        b = self.b
        self._require([(given[0], self.callback.numbers)], lambda: b.leave(b.constant(nan)))
        b.leave(self._value(given[1], given[2:]))

    def of_window(self, given: list[ir.Value]) -> None:
        """int (double *, npy_intp, double *, void *): writes one number for those in a window."""
        b = self.b
        self._require([(given[1], self.callback.numbers)], self._fail)
        b.store(self._value(given[0], given[3:]), given[2])
        self._succeed()

    def of_line(self, given: list[ir.Value]) -> None:
        """int (double *, npy_intp, double *, npy_intp, void *): writes a line for a line."""
        lengths = [(given[1], self.callback.numbers), (given[3], self.callback.results or 1)]
        self._require(lengths, self._fail)
        self._write(given[0], given[2], given[4:])
        self._succeed()

    def of_place(self, given: list[ir.Value]) -> None:
        """int (npy_intp *, double *, int, int, void *): writes where to read for a place."""
        b = self.b
        ranks = [(given[2], self.callback.numbers), (given[3], self.callback.results or 1)]
        self._require(ranks, self._fail)
        room = b.alloca(self.callback.numbers, b.f64)
        for k in range(self.callback.numbers):
            whole = b.load(b.element(given[0], k, b.i64), b.i64)
            number = b.build("llvm.sitofp", [b.f64], [whole])
            b.store(number, b.element(room, k, b.f64))
        self._write(room, given[1], given[4:])
        self._succeed()

    # -- parts ---------------------------------------------------------------------------------

    def _require(self, counts: list[tuple[ir.Value, int]], otherwise: Callable[[], None]) -> None:
        """Go on if these integers are what they should be; else leave as `otherwise` builds it."""
        b = self.b
        for given, expected in counts:
            right, wrong = b.block.create_after(), b.block.create_after()
            same = b.compare_integers("eq", given, b.constant_integer(expected, given.type))
            b.branch_if(same, right, wrong)
            b.enter(wrong)
            otherwise()
            b.enter(right)

    def _passed(self, numbers: ir.Value, data: list[ir.Value]) -> list[ir.Value]:
        return [numbers, *data[: bool(self.callback.data)]]

    def _value(self, numbers: ir.Value, data: list[ir.Value]) -> ir.Value:
        """What `main` gives, which is one number."""
        return self.b.call(ENTRY, self._passed(numbers, data), self.b.f64)

    def _write(self, numbers: ir.Value, to: ir.Value, data: list[ir.Value]) -> None:
        """Write what `main` gives, one number or several, to an address."""
        if self.callback.results is None:
            self.b.store(self._value(numbers, data), to)
        else:
            self.b.call(ENTRY, [*self._passed(numbers, data), to])

    def _succeed(self) -> None:
        self.b.leave(self.b.constant_integer(1, self.b.i32))

    def _fail(self) -> None:
        self.b.leave(self.b.constant_integer(0, self.b.i32))


SIGNATURES: dict[str, tuple[list[str], str, Callable[[_Callback, list[ir.Value]], None]]] = {
    "double (double)": (["double"], "double", _Callback.of_number),
    "double (double, void *)": (["double", "*"], "double", _Callback.of_number),
    "double (int, double *)": (["int", "*"], "double", _Callback.of_counted),
    "double (int, double *, void *)": (["int", "*", "*"], "double", _Callback.of_counted),
    "int (double *, npy_intp, double *, void *)": (
        ["*", "size", "*", "*"],
        "int",
        _Callback.of_window,
    ),
    "int (double *, npy_intp, double *, npy_intp, void *)": (
        ["*", "size", "*", "size", "*"],
        "int",
        _Callback.of_line,
    ),
    "int (npy_intp *, double *, int, int, void *)": (
        ["*", "*", "int", "int", "*"],
        "int",
        _Callback.of_place,
    ),
}
"""What callbacks take and give, as C declares them, and what builds them."""
