"""What threads share: which part of a product, or of a loop, each of them does.

A part has whole tiles of rows and of columns, and all of the sums in them, so results are the same
for any number of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lowering.bindings import ir

from .builder import Builder
from .call_memory import CallMemory
from .product_pieces import Count, Cut, least, times, value
from .team import share, threads_of

SMALL_PART = 4 * 1024 * 1024
"""Products of numbers in a part: where there are more, each thread takes several parts, lest all
wait for the slowest.
"""
MOST_PARTS = 4
"""Parts for each thread, at most."""


Part: TypeAlias = "tuple[ir.Value, ir.Value] | None"
"""The number of a part, and how many there are; None: there is but one."""


def call_once(
    b: Builder,
    key: Hashable,
    values: Sequence[ir.Value],
    build: Callable[[Builder, CallMemory, Sequence[ir.Value], Part], None],
    team: ir.Value | None,
    work: int,
    mark: str = "",
    explicit: bool = False,
) -> None:
    """Call a function of the module that is built where it is needed first, for each key.

    build   its body, from its memory, what is passed for `values`, and the part that it does
    mark    what LLVM is told of each value
    explicit   whether LLVM's passes have nothing to do in it
    team    of threads that share it
    work    products of numbers in all
    """
    each = max(1, min(MOST_PARTS, work // SMALL_PART)) if team is not None else 0
    key = (key, each)
    types = [x.type for x in values] + [b.i64] * (2 if team is not None else 0)
    name = b.shared.get(key)
    if name is None:
        name = b.shared[key] = f"product{len(b.shared)}"
        with b.inside():
            w = b.twin(1)
            plain = b.explicit if explicit else {"no_inline": ir.UnitAttr.get()}
            attributes = dict(plain)
            if mark:
                marks = [mark] * len(values) + ["{}"] * (len(types) - len(values))
                attributes["arg_attrs"] = ir.Attribute.parse(f"[{', '.join(marks)}]")
            entry = w.function(name, types, internal=True, attributes=attributes)
            passed = list(entry.arguments)
            memory = CallMemory(w, entry)
            build(w, memory, passed, (passed[-2], passed[-1]) if team is not None else None)
            memory.release()
            w.leave()
            if team is not None:
                _define_parts(b, name, types[:-2], each, plain)
    if team is None:
        b.call(name, values)
    else:
        b.call(f"{name}.parts", [*values, team])


def _define_parts(
    b: Builder, name: str, types: Sequence[ir.Type], each: int, attributes: dict[str, ir.Attribute]
) -> None:
    """Define `name.parts(values*, team)`, which calls a function of these values, of a part's
    number and of that of parts, for every part.

    each   parts for each thread
    """
    w = b.twin(1)
    part = f"{name}.part"
    entry = w.function(part, [w.ptr, w.i64], internal=True, attributes=attributes)
    base, number = entry.arguments
    given = [w.load(w.offset(base, k, w.i64), t) for k, t in enumerate([*types, w.i64])]
    w.call(name, [*given[:-1], number, given[-1]])
    w.leave()
    entry = w.function(f"{name}.parts", [*types, w.ptr], internal=True, attributes=attributes)
    *values, team = entry.arguments
    room = w.alloca(len(types) + 1, w.i64)
    threads = threads_of(w, team)
    several = w.compare_integers("ne", threads, w.integer(1))
    parts = w.integer_op("llvm.mul", threads, w.integer(each))
    parts = w.select(several, parts, w.integer(1))
    for k, x in enumerate([*values, parts]):
        w.store(x, w.offset(room, k, w.i64))
    share(w, team, part, room, parts)
    w.leave()


@dataclass(frozen=True, slots=True)
class Range:
    """From the first tile to before the last."""

    first: ir.Value
    end: ir.Value


def ranges(
    b: Builder,
    part: tuple[ir.Value, ir.Value],
    tiles: tuple[ir.Value, ir.Value],
    first: str | None,
) -> tuple[Range, Range]:
    """The tiles of rows, and of columns, that a part has; perhaps none.

    part    its number, and how many there are
    tiles   of rows, and of columns, how many there are
    first   "rows" or "columns": what is divided first; None: what makes the largest part smaller
    """
    number, parts = part
    grids = {}
    for name, (one, other) in (("rows", (0, 1)), ("columns", (1, 0))):
        if first in (None, name):
            many = least(b, tiles[one], parts)
            few = least(b, tiles[other], b.integer_op("llvm.udiv", parts, _some(b, many)))
            grids[name] = (many, few) if name == "rows" else (few, many)
    grid = grids.get("rows") or grids["columns"]
    if first is None:
        sizes = {
            name: times(b, *(_above(b, n, m) for n, m in zip(tiles, g, strict=True)))
            for name, g in grids.items()
        }
        better = b.compare_integers("ult", sizes["rows"], sizes["columns"])
        pairs = zip(grids["rows"], grids["columns"], strict=True)
        grid = tuple([b.build("llvm.select", [b.i64], [better, x, y]) for x, y in pairs])
    down, across = grid
    row = b.integer_op("llvm.udiv", number, _some(b, across))
    column = b.integer_op("llvm.urem", number, _some(b, across))
    return _range(b, row, down, tiles[0]), _range(b, column, across, tiles[1])


def _some(b: Builder, n: ir.Value) -> ir.Value:
    """At least 1."""
    return b.build("llvm.intr.umax", [b.i64], [n, b.integer(1)])


def _above(b: Builder, n: ir.Value, m: ir.Value) -> ir.Value:
    """n / m, rounded up."""
    m = _some(b, m)
    more = b.integer_op("llvm.add", n, b.integer_op("llvm.sub", m, b.integer(1)))
    return b.integer_op("llvm.udiv", more, m)


def _range(b: Builder, k: ir.Value, pieces: ir.Value, count: ir.Value) -> Range:
    """Piece k of so many; behind the last, nothing."""
    pieces = _some(b, pieces)
    ends = [k, b.integer_op("llvm.add", k, b.integer(1))]
    ends = [b.integer_op("llvm.udiv", times(b, count, x), pieces) for x in ends]
    return Range(*[least(b, x, count) for x in ends])


def clipped(b: Builder, cuts: Sequence[Cut], within: Range | None) -> list[tuple[Cut, Count]]:
    """Of each cut, what is within a range of tiles, and the number of its first tile there."""
    if within is None:
        return [(cut, 0) for cut in cuts]
    found: list[tuple[Cut, Count]] = []
    before: Count = 0
    for cut in cuts:
        behind = added(b, before, cut.count)
        first, end = (
            b.build("llvm.intr.smin", [b.i64], [x, value(b, behind)])
            for x in (within.first, within.end)
        )
        first, end = (
            b.build("llvm.intr.smax", [b.i64], [x, value(b, before)]) for x in (first, end)
        )
        start = b.integer_op("llvm.sub", first, value(b, before))
        count = b.integer_op("llvm.sub", end, first)
        found.append((Cut(cut.first, count, cut.size, cut.last), start))
        before = behind
    return found


def tiles_in(b: Builder, cuts: Sequence[Cut]) -> ir.Value:
    """How many tiles there are."""
    count: Count = 0
    for cut in cuts:
        count = added(b, count, cut.count)
    return value(b, count)


def added(b: Builder, x: Count, y: Count) -> Count:
    """The sum."""
    if isinstance(x, int) and isinstance(y, int):
        return x + y
    return b.integer_op("llvm.add", value(b, x), value(b, y))
