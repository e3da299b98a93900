"""One statement in one iteration of a vector loop -> operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from ..ir.program import Access, Expr, Statement
from ..schedule.counts import operations
from ..schedule.lanes import VectorLoop
from ..schedule.routes import moves
from .builder import Builder
from .scratch import UNROLLED_POINTS, UNROLLED_TERMS, Memory, Range, Scratch, layout, tiling
from .shuffles import fold, shuffle, widen
from .storage import Index
from .sums import Accumulator, Accumulators

SHORT_TERM = 4
"""Operations in a term, at most, several of which are computed before they are added to sums."""


@dataclass(slots=True)
class Surroundings:
    """A vector loop and the scratch memory around it.

    tiles   (array, copy) -> what an iteration computes for itself
    strips  array -> what one pass hands on to the next, for a block of iterations
    packs   pack_key -> copies of what every iteration reads, laid out in lanes
    """

    plan: VectorLoop
    memory: Memory
    accumulators: Accumulators
    tiles: dict[tuple[str, int], Scratch] = field(default_factory=dict)
    strips: dict[str, Scratch] = field(default_factory=dict)
    packs: dict[Any, Scratch] = field(default_factory=dict)


def pack_key(a: Access, domain: tuple[int, ...], lane: int) -> Any:
    """What accesses that read the same numbers in the same layout have in common."""
    moves = [(d, c) if d else None for d, c in zip(a.strides, domain, strict=True)]
    rows = tuple(m for d, m in enumerate(moves) if m and d != lane)
    return (a.array, a.offset, rows, moves[lane])


@dataclass(frozen=True, slots=True)
class Iteration:
    """Where in the loop a statement is emitted.

    local   the iteration, counted within its block
    index   the iteration, counted within the loop
    copy    which of the iterations that are side by side it is
    width   the iterations in it, where lanes are iterations
    """

    local: Index
    index: Index
    copy: int
    width: int


class StatementEmitter:
    """Emits one statement; `lane` is the dimension that lies in vector lanes, None for scalars."""

    def __init__(
        self, around: Surroundings, s: Statement, lane: int | None, iteration: Iteration
    ) -> None:
        self.around = around
        self.memory = around.memory
        self.b = around.memory.b
        self.s = s
        self.lane = lane
        self.iteration = iteration
        self.width = 1

    def emit(self) -> None:
        """The statement: boxes of full vectors, then of what is left."""
        s, lane = self.s, self.lane
        if lane and self.iteration.width > 1:
            self._sums_abreast()
            return
        for box, width in tiling(s.domain[1:], lane - 1 if lane else None, self.around.plan.width):
            self.width = self.iteration.width if lane == 0 else width
            dims = list(range(1, len(s.domain)))
            if s.accumulate is None:
                for index in self.memory.points(box):
                    at = self._at(dims, index)
                    self._write(at, self._value(s.expr, at), self.width)
                continue
            kept = [d for d in dims if moves(s.target)[d]]
            summed = [d for d in dims if d not in kept]
            terms = prod(box[d - 1][1] for d in summed)
            sums = max(1, min(UNROLLED_POINTS, UNROLLED_TERMS // terms))
            for index in self.memory.points([box[d - 1] for d in kept], sums):
                self._sum(kept, index, summed, [box[d - 1] for d in summed])

    def _at(self, dims: Sequence[int], index: Sequence[Index]) -> list[Index]:
        """An index for every dimension of the statement; 0 for those that are not given."""
        at: list[Index] = [(0, None)] * len(self.s.domain)
        at[0] = self.iteration.index
        for d, i in zip(dims, index, strict=True):
            at[d] = i
        return at

    # -- sums ----------------------------------------------------------------------------------

    def _sum(
        self, kept: Sequence[int], index: Sequence[Index], summed: Sequence[int], box: list[Range]
    ) -> None:
        """Add the terms of one target element, or of one vector of them, to it.

        Long sums run in several chains, so that they wait for the adder's throughput and not for
        its latency; in exact order, in one that begins with the target.
        """
        b, s = self.b, self.s
        target = self._at(kept, index)
        accumulator = self.around.accumulators.find(s, self.width)
        horizontal = self._is_horizontal(accumulator)
        apart = horizontal or bool(s.target.parts)
        sums: list[Any] = [None] * self._chains(box)
        if not apart:
            sums[0] = self._read_target(target, accumulator, self.width)
        dims = [*kept, *summed]
        total = _tree(b, self._terms(dims, list(index), box, sums))
        if s.target.parts:
            lane = self.lane if self.width > 1 else None
            elements = self.memory.elements(s.target, target, lane, self.width)
            self.memory.held.add(s.target, total, elements)
        elif horizontal:
            before = self._read_target(target, accumulator, 1)
            total = b.add(before, b.add_lanes(total), reduction=True)
            self._write_target(target, accumulator, total, 1)
        else:
            self._write_target(target, accumulator, total, self.width)

    def _terms(
        self, dims: Sequence[int], index: list[Index], box: list[Range], sums: list[Any]
    ) -> list[Any]:
        """The chains after the terms of a box have been added to them, in turn."""
        b = self.b
        if prod(count for _, count, _ in box) <= UNROLLED_POINTS:
            for number, inner in enumerate(self.memory.points(box)):
                term = self._value(self.s.expr, self._at(dims, [*index, *inner]))
                k = number % len(sums)
                sums[k] = term if sums[k] is None else b.add(sums[k], term, reduction=True)
            return [x for x in sums if x is not None]
        (start, count, step), *rest = box
        # chains are for terms that are there before the sum that they are added to
        turns = 1 if rest or operations(self.s.expr) > SHORT_TERM else len(sums)
        zero = b.splat(b.constant(-0.0), self.width)

        def body(i: Any, carried: list[Any]) -> list[Any]:
            self.memory.forget()
            first, value = self.memory.scaled(i, turns * step)
            if turns == 1:
                return self._terms(dims, [*index, (first + start, value)], rest, carried)
            places = [(first + start + k * step, value) for k in range(turns)]
            terms = [self._value(self.s.expr, self._at(dims, [*index, at])) for at in places]
            return [b.add(x, term, reduction=True) for x, term in zip(carried, terms, strict=True)]

        full, left = divmod(count, turns)
        initial = [zero if x is None else x for x in sums]
        result = b.loop_carried(b.integer(full), initial, body)
        self.memory.forget()
        if left:
            done = (start + full * turns * step, left, step)
            result = self._terms(dims, index, [done], result)
        return result

    def _sums_abreast(self) -> None:
        """Sums over lanes for several iterations: a row of partial sums each, added up together."""
        start, rows = self.iteration, []
        for k in range(start.width):
            local, index = ((i + k, value) for i, value in (start.local, start.index))
            each = StatementEmitter(self.around, self.s, self.lane, Iteration(local, index, 0, 1))
            rows.append(each._row())
        StatementEmitter(self.around, self.s, 0, start)._add(fold(self.b, rows))

    def _row(self) -> Any:
        """The terms of an iteration, added up to a full vector."""
        b, s, width = self.b, self.s, self.around.plan.width
        dims, row = range(1, len(s.domain)), None
        # what is left first: it is widened once, and the rest is added to it
        for box, left in reversed(list(tiling(s.domain[1:], (self.lane or 0) - 1, width))):
            self.width = left
            sums: list[Any] = [None] * self._chains(box)
            sums[0] = row
            row = _tree(b, self._terms(dims, [], box, sums))
            row = row if left == width else widen(b, row, width)
        return row

    def _chains(self, box: Sequence[Range]) -> int:
        """How many sums side by side a long sum is."""
        terms = prod(count for _, count, _ in box)
        return 1 if self.b.target.strict or terms < 8 else 2 if terms < 32 else 4

    def _add(self, x: Any) -> None:
        """Add a vector, with iterations in lanes, to the target."""
        self.width = self.iteration.width
        at = self._at([], [])
        if self.width < self.b.width(x):
            x = shuffle(self.b, x, x, range(self.width))
        before = self._read_target(at, None, self.width)
        self._write_target(at, None, self.b.add(before, x, reduction=True), self.width)

    def _is_horizontal(self, accumulator: Accumulator | None) -> bool:
        """Whether the lanes add up to one number here."""
        if self.lane is None or self.width == 1:
            return False
        if accumulator is not None and accumulator.width > 1:
            return False
        if self.lane == 0 and self._scratch(self.s.target) is not None:
            return False
        return moves(self.s.target)[self.lane] == 0

    def _read_target(self, at: Sequence[Index], accumulator: Accumulator | None, width: int) -> Any:
        if accumulator is not None:
            return self.memory.load(accumulator.scratch, at, width)
        return self._read(self.s.target, at, width)

    def _write_target(
        self, at: Sequence[Index], accumulator: Accumulator | None, value: Any, width: int
    ) -> None:
        if accumulator is not None:
            self.memory.store(accumulator.scratch, at, value, width)
        else:
            self._write(at, value, width)

    # -- operands ------------------------------------------------------------------------------

    def _value(self, expr: Expr, at: Sequence[Index]) -> Any:
        if isinstance(expr, Access):
            return self._read(expr, at, self.width)
        return self.b.expression(expr, lambda x: self._value(x, at), self.width)

    def _scratch(self, a: Access) -> Scratch | None:
        """The scratch that holds what `a` touches, addressed like `a`; None if it is no scratch."""
        around, plan = self.around, self.around.plan
        size = plan.tiles.get(a.array) or plan.strips.get(a.array)
        if size is not None:
            lowest = a.offset + sum(
                d * (c - 1) for d, c in zip(a.strides[1:], self.s.domain[1:], strict=True) if d < 0
            )
            offset = a.offset - lowest // size * size
            if a.array in plan.tiles:
                tile = around.tiles[a.array, self.iteration.copy]
                lanes = plan.width if plan.across else 1
                strides = (0, *(d * lanes for d in a.strides[1:]))
                return Scratch(tile.base, tile.name, strides, offset * lanes)
            strip = around.strips[a.array]
            lanes = plan.width if plan.across else 1  # vectors of iterations, one after the other
            first = self.memory.linear(offset * lanes, [size], [self.iteration.local])
            strides = (0, *(d * lanes for d in a.strides[1:]))
            return Scratch(strip.base, strip.name, strides, *first)
        if around.packs and self.lane and not a.parts:
            pack = around.packs.get(pack_key(a, self.s.domain, self.lane))
            if pack is not None and not a.strides[0]:
                strides, _ = layout(a, self.s.domain, self.lane, plan.width)
                return Scratch(pack.base, pack.name, strides)
        return None

    def _read(self, a: Access, at: Sequence[Index], width: int) -> Any:
        b, memory, lane = self.b, self.memory, self.lane
        m = self._scratch(a)
        if m is None:
            kept = memory.storage.kept.get(a)
            if kept is not None:
                return kept
            counts = self.s.domain if lane == 0 else ()
            return memory.fetch(a, at, lane if width > 1 else None, width, counts)
        stride = 1 if lane == 0 or width == 1 else m.strides[lane or 0]
        if stride == 1:
            return memory.load(m, at, width)
        if stride == 0:
            return b.splat(memory.load(m, at, 1), width)
        return b.assemble([memory.load(m, self._along(at, k), 1) for k in range(width)])

    def _write(self, at: Sequence[Index], value: Any, width: int) -> None:
        memory, lane = self.memory, self.lane
        m = self._scratch(self.s.target)
        if m is None:
            elements = memory.elements(self.s.target, at, lane if width > 1 else None, width)
            memory.held.write(self.s.target, value, elements)
        elif width == 1 or lane == 0 or m.strides[lane or 0] == 1:
            memory.store(m, at, value, width)
        else:
            for k in range(width):
                memory.store(m, self._along(at, k), self.b.extract(value, k), 1)

    def _along(self, at: Sequence[Index], k: int) -> list[Index]:
        """The index of lane k."""
        there = list(at)
        fixed, value = there[self.lane or 0]
        there[self.lane or 0] = (fixed + k, value)
        return there


def _tree(b: Builder, sums: list[Any]) -> Any:
    while len(sums) > 1:
        pairs = [b.add(sums[k], sums[k + 1], reduction=True) for k in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[len(sums) // 2 * 2 :]
    return sums[0]
