"""Nest -> operations: trees of loops as they stand, in every order and of every extent.

Statements in them are emitted by `NestStatement`; here are the loops around.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ..ir.extents import Entries
from ..ir.program import Access, Loop, Node, Order, Statement, asks, statements
from ..schedule.courses import Course, varies
from ..schedule.nest import Nest, is_condition
from . import turned_rows
from .builder import Builder
from .indices import element, linear, trip_count
from .interrupts import Listening, is_long, work_of
from .nest_rows import NestRows
from .nest_statement import NestStatement
from .operands import Operands, Piece
from .packs import fill
from .recurrences import Pairs, handed_on, recurrences
from .scratch import Memory, Scratch, layout
from .shared_points import SharedPoints, together
from .storage import Index, Storage


def trailing_copies(loop: Loop) -> int:
    """How many statements at the end of a body make what it has computed its next state."""
    found = 0
    for node in reversed(loop.body):
        if not isinstance(node, Statement) or not isinstance(node.expr, Access):
            break
        found += 1
    return found


class NestEmitter:
    """Emits a nest into the function whose arrays `storage` knows."""

    def __init__(self, builder: Builder, nest: Nest, storage: Storage) -> None:
        self.b = builder
        self.storage = storage
        self.nest = nest
        self.memory = Memory(builder, storage)
        self.courses = {id(s): c for s, c in zip(nest.statements, nest.courses, strict=True)}
        self.levels = {id(s): c for s, c in zip(nest.statements, nest.levels, strict=True)}
        self.whole = Piece()
        self.alive: Any = None  # where points of a vector are in the innermost loop that asks
        long = builder.target.hosted and asks(nest.body) and is_long(nest.body)
        self.listening = Listening(builder, storage.memory) if long else None
        self.copies: dict[tuple[int, Access], Scratch] = {}

    def emit(self) -> None:
        """The whole."""
        first, nest = self.nest.body[0], self.nest
        if isinstance(first, Loop) and any(course.across for course in nest.courses):
            self._vectors(first, nest.courses[0].width)
        else:
            self._nodes(nest.body, [])

    def _vectors(self, loop: Loop, width: int) -> None:
        """The outermost loop, so many iterations at a time, and then what is left."""
        b = self.b
        count = trip_count(self.storage, loop.extent, [])
        step = b.integer(width)
        full = count // width if isinstance(count, int) else b.integer_op("llvm.udiv", count, step)
        with b.each(full) as k:
            self._piece(loop.body, Piece((0, b.integer_op("llvm.mul", k, step)), width))
        if isinstance(count, int):
            if left := count % width:
                self._piece(loop.body, Piece((count - left, None), width, there=left))
            return
        done = b.integer_op("llvm.mul", full, step)
        with b.each(b.integer_op("llvm.sub", count, done)) as k:
            self._piece(loop.body, Piece((0, b.integer_op("llvm.add", done, k))))

    def _piece(self, body: Sequence[Node], piece: Piece) -> None:
        """The body of the outermost loop, for some iterations at once."""
        self.whole = piece
        self._nodes(body, [piece.start])

    def _nodes(self, body: Sequence[Node], at: list[Index]) -> None:
        """What stands inside of loops whose indices are `at`."""
        rest = self._alternatives(body)
        while rest:
            row = takewhile(lambda nodes: len(nodes) == 1, rest)
            count = together([node for (node,) in row], self.courses, len(at), self.storage)
            taken, rest = rest[:count], rest[count:]
            with self.b.made_for(*(s for nodes in taken for s in statements(nodes))):
                if count > 1:
                    self._sharing([s for (s,) in taken if isinstance(s, Statement)], at)
                else:
                    self._first(taken[0], at)

    def _sharing(self, members: Sequence[Statement], at: list[Index]) -> None:
        """Statements that share their loops."""
        sides = min(self.courses[id(s)].sides for s in members)
        made = [self._form(NestStatement, s, at) for s in members]
        first = self._form(SharedPoints, members[0], at)
        assert isinstance(first, SharedPoints)
        first.course = replace(first.course, sides=sides)
        first.members = made
        first.emit()

    def _alternatives(self, body: Sequence[Node]) -> list[list[Node]]:
        """The nodes in a row, loops that run once or not at all, and only one of them, together."""
        found: list[list[Node]] = []
        flags: Any = None  # where one of the last alternatives runs
        for node in body:
            own = self._flags(node)
            if flags is not None and own is not None and not (flags & own).any():
                found[-1].append(node)
                flags = flags | own
            else:
                found.append([node])
                flags = own
        return found

    def _flags(self, node: Node) -> Any:
        """Where a loop runs, if the entries of an array say that: once, or not at all."""
        if not isinstance(node, Loop) or not is_condition(node):
            return None
        extent = node.extent
        assert isinstance(extent, Entries)
        stride = extent.strides[0] if extent.strides else 0
        data = self.storage.program.arrays[extent.array].data
        simple = data is not None and stride == 1 and not any(extent.strides[1:])
        return data[extent.offset :] > 0 if simple and data is not None else None

    def _first(self, alternatives: Sequence[Node], at: list[Index]) -> None:
        """The first of the alternatives that runs; without others, a node as it stands."""
        node, *others = alternatives
        if not isinstance(node, Loop) or not is_condition(node):
            self._node(node, at)
            return
        self._copy(node, at)
        b = self.b
        count = trip_count(self.storage, node.extent, at)
        b.either(
            b.compare_integers("slt", b.integer(0), count),
            lambda: self._nodes(node.body, [*at, (0, None)]),
            (lambda: self._first(others, at)) if others else None,
        )

    def _node(self, node: Node, at: list[Index]) -> None:
        """A statement or a loop inside of loops whose indices are `at`."""
        b = self.b
        self._copy(node, at)
        if isinstance(node, Statement):
            form = NestStatement if self.courses[id(node)].rows == 1 else NestRows
            self._form(form, node, at).emit()
            return
        if node.going is not None:
            self._asking(node, node.going, at)
            return
        count = trip_count(self.storage, node.extent, at)
        if asks([node]):
            heeds = self.listening
            with b.each(count) as index, b.when(heeds.goes_on) if heeds else nullcontext():
                self._nodes(node.body, [*at, self._turned(node, count, index)])
            return
        with b.when(b.compare_integers("slt", b.integer(0), self._value(count))):
            self._loop(node, count, at)

    def _form(self, form: type[NestStatement], s: Statement, at: list[Index]) -> NestStatement:
        """What emits a statement inside of loops whose indices are `at`."""
        course = self.courses[id(s)]
        copies = {a: self.copies[id(s), a] for a in course.copied}
        tiles, lanes = self._tiles(course), self.nest.lanes.get(s.target.array)
        return form(self.storage, s, course, at, copies, tiles, self.whole, lanes)

    def _loop(self, node: Loop, count: int | Any, at: list[Index]) -> None:
        """A loop that runs at least once. What an iteration reads of the one before is in
        registers.
        """
        b, storage = self.b, self.storage
        pairs = self._recurrences(node, len(at))
        first = [*at, self._turned(node, count, None)]
        initial = []
        writing = {s.target: s for s in statements(node.body)}
        for a, target in pairs.items():
            s = writing[target]
            course = self.courses[id(s)]
            operands = Operands(storage, s, course, {}, self._tiles(course))
            initial.append(operands.fetch(a, first, self.whole))

        def iteration(there: Index, carried: list[Any]) -> list[Any]:
            return handed_on(storage, pairs, carried, lambda: self._nodes(node.body, [*at, there]))

        n, squares = b.target.lanes, 0
        rows = turned_rows.rows_of(storage, node, len(at), pairs, self.whole)
        if rows and isinstance(count, int):
            squares = count // n

        def square(index: Any, carried: list[Any]) -> list[Any]:
            """As many iterations as a vector has lanes."""
            done = b.integer_op("llvm.mul", index, b.integer(n))
            along = [self._turned(node, count, done, k) for k in range(n)]
            with turned_rows.holding(storage, rows) as held:
                for there in along:
                    carried = iteration(there, carried)
            for a, written in held.items():
                ends = [*at, along[0]], [*at, along[-1]]
                turned_rows.write(storage, a, written, ends, self.whole, node.order)
            return carried

        def single(index: Any, carried: list[Any]) -> list[Any]:
            return iteration(self._turned(node, count, index, squares * n), carried)

        if isinstance(count, int):
            carried = b.repeat(squares, square, initial)
            b.repeat(count - squares * n, single, carried)
        else:
            b.loop_carried(count, initial, single)

    def _turned(self, loop: Loop, count: int | Any, done: Any, more: int = 0) -> Index:
        """The index of an iteration before which so many, and some more, have been done."""
        b = self.b
        if loop.order is not Order.REVERSE:
            return more, done
        last = b.integer_op("llvm.sub", self._value(count), b.integer(1))
        return -more, last if done is None else b.integer_op("llvm.sub", last, done)

    def _tiles(self, course: Course) -> Collection[str]:
        """The arrays that have the lanes of every element, one after the other."""
        return self.nest.tiles if course.across else ()

    def _recurrences(self, loop: Loop, depth: int) -> Pairs:
        """What an iteration of a loop inside of so many others reads of the one before."""
        single: list[Statement] = []
        others: set[str] = set()
        for s in statements(loop.body):
            course, target = self.courses[id(s)], s.target
            tiled = target.array in self._tiles(course)
            apart = course.lane is None or tiled or varies(target, course.lane)
            if len(s.domain) == depth + 1 and apart and self.storage.is_exact(target.array):
                single.append(s)
            else:
                others.add(target.array)
        return recurrences(single, others, depth, -1 if loop.order is Order.REVERSE else 1)

    def _asking(self, loop: Loop, going: Access, at: list[Index]) -> None:
        """A loop that goes on as long as a number is not 0, and notes how often it has run."""
        b, storage = self.b, self.storage
        listening = self.listening
        counter = storage.memory.allocate(1, b.i64, 8)
        b.store(b.integer(0), counter)

        outer, alive = self.alive, None

        def holds() -> Any:
            nonlocal alive
            done = b.load(counter, b.i64)
            more = b.compare_integers("slt", done, b.integer(int(loop.extent)))
            number = storage.load(going.array, element(storage, going, [*at, (0, done)]), 1)
            alive = b.truth(number)
            if outer is not None:
                alive = b.build("llvm.and", [alive.type], [alive, outer])
            if listening is not None:
                more = b.both(more, listening.goes_on)
            return b.both(more, b.anywhere(alive))

        with b.as_long_as(holds):
            done = b.load(counter, b.i64)
            self.alive = alive if b.lanes > 1 else None
            copies = trailing_copies(loop)
            self._nodes(loop.body[: len(loop.body) - copies], [*at, (0, done)])
            with storage.only(self.alive):  # points that are through keep what they have
                self._nodes(loop.body[len(loop.body) - copies :], [*at, (0, done)])
            self.alive = outer
            b.store(b.integer_op("llvm.add", done, b.integer(1)), counter)
            if listening is not None:
                listening.count(work_of(loop, len(at) + 1))
        if isinstance(loop.extent, Entries):
            place = linear(b, loop.extent.offset, loop.extent.strides, at)
            storage.note(loop.extent.array, place, b.load(counter, b.i64))

    def _copy(self, node: Node, at: Sequence[Index]) -> None:
        """Make the copies that what follows reads, and that are made here."""
        for s in statements([node]):
            course = self.courses[id(s)]
            for a, level in self.levels[id(s)].items():
                if level != len(at):
                    continue
                assert course.lane is not None
                counts = tuple(map(int, s.domain))
                first = len(counts) - len(course.around) - len(course.inside)
                first -= not course.sums_lanes
                strides, size = layout(a, counts, course.lane, course.width, first)
                copy = Scratch(self.storage.allocate(size), ("copy", id(s), a), strides)
                rest: list[Index] = [(0, None)] * (len(counts) - level)
                fill(self.memory, a, copy, counts, course.lane, course.width, [*at, *rest], first)
                self.copies[id(s), a] = copy

    def _value(self, count: int | Any) -> Any:
        return self.b.integer(count) if isinstance(count, int) else count
