"""VectorLoop -> operations: the loop, its passes over blocks, and its scratch memory.

Within an iteration the code is straight where it is short, and reads what it has just written
from registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lowering.bindings import ir

from ..ir.extents import Extent
from ..ir.program import accesses
from ..schedule.lane_costs import packs
from ..schedule.lanes import Pass, VectorLoop
from ..schedule.summed import constants
from .builder import Builder
from .packs import fill
from .parts import Part, ranges
from .recurrences import Pairs, handed_on, recurrences
from .scratch import Memory, Scratch, layout
from .statement import Iteration, StatementEmitter, Surroundings, pack_key
from .storage import Index, Storage, in_pieces
from .sums import Accumulators

MOST_BLOCKS = 64
"""Into how many blocks a loop is divided that threads share, if it is not yet."""


class LoopEmitter:
    """Emits one VectorLoop into the function whose arrays `storage` knows."""

    def __init__(self, builder: Builder, loop: VectorLoop, storage: Storage) -> None:
        self.b = builder
        self.storage = storage
        self.loop = loop
        self.group = loop.group
        self.memory = Memory(builder, storage)
        padded = storage.schedule.padded
        self.least = self.loop.width if self.loop.across and padded else 1
        accumulators = Accumulators(self.memory, loop, padded)
        self.around = Surroundings(loop, self.memory, accumulators)
        self.start: Index = (0, None)

    def emit(self, part: Part = None) -> None:
        """The whole: scratch, blocks, and the sums behind them; or a part of what is shared."""
        loop = self.loop
        self._allocate()
        for s, lane in zip(self.group.statements, loop.lanes, strict=True):
            if not self.b.target.strict:
                self.around.accumulators.prepare(s, lane)
        count = self.group.count
        if isinstance(count, Extent):  # known only when it runs
            self._counted(self.b.load(self.storage.bases[count.name], self.b.i64))
            self.around.accumulators.flush()
            return
        if part is not None:
            self._in_parts(part)
            return
        blocks, left = divmod(self.group.count, loop.block)
        if blocks > 1:
            for each in loop.passes:  # once, not in every block
                self._pack_operands(each)
            with self.b.loop(self.b.integer(blocks)) as number:
                self._passes(self.memory.scaled(number, loop.block), loop.block)
        elif blocks:
            self._passes((0, None), loop.block)
        if left:
            self._passes((blocks * loop.block, None), left)
        self.around.accumulators.flush()

    def _in_parts(self, part: Part) -> None:
        """The blocks that a part has; the last part has what is left behind them, too."""
        b, loop = self.b, self.loop
        assert part is not None
        step = max(each.unroll * self._size(each) for each in loop.passes)
        block = loop.block
        if block == self.group.count:
            block = -(-self.group.count // (MOST_BLOCKS * step)) * step
        blocks, left = divmod(self.group.count, block)
        mine, _ = ranges(b, part, (b.integer(blocks), b.integer(1)), "rows")
        for each in loop.passes:
            self._pack_operands(each)
        with b.each(b.integer_op("llvm.sub", mine.end, mine.first)) as k:
            number = b.integer_op("llvm.add", mine.first, k)
            self._passes(self.memory.scaled(number, block), block)
        if left:
            last = b.integer_op("llvm.sub", part[1], b.integer(1))
            with b.when(b.compare_integers("eq", part[0], last)):
                self._passes((blocks * block, None), left)

    def _counted(self, count: ir.Value) -> None:
        """Blocks of iterations, as many as `count` needs."""
        b, loop = self.b, self.loop
        if loop.block == int(self.group.count):
            self._counted_passes((0, None), count)
            return
        block = loop.block // loop.width * loop.width if loop.across else loop.block
        for each in loop.passes:
            self._pack_operands(each)
        above = b.integer_op("llvm.add", count, b.integer(block - 1))
        with b.loop(b.integer_op("llvm.udiv", above, b.integer(block))) as number:
            start = self.memory.scaled(number, block)
            rest = b.integer_op("llvm.sub", count, start[1])
            some = b.build("llvm.intr.umin", [b.i64], [rest, b.integer(block)])
            self._counted_passes(start, some)

    def _counted_passes(self, start: Index, count: ir.Value) -> None:
        """Every pass over a block: several iterations side by side, and then what is left: whole
        vectors, and single ones unless there are none.
        """
        b = self.b
        self.start = start
        for each in self.loop.passes:
            size = self._size(each)
            self._pack_operands(each)
            done: ir.Value | None = None
            steps = [(each.unroll, size), (1, size if self.loop.across else 1), (1, self.least)]
            for copies, width in dict.fromkeys(steps):
                step = b.integer(copies * width)
                rest = count if done is None else b.integer_op("llvm.sub", count, done)
                times = b.integer_op("llvm.udiv", rest, step)
                self._repeat(each, times, (0, done), copies, width)
                now = b.integer_op("llvm.mul", times, step)
                done = now if done is None else b.integer_op("llvm.add", done, now)
        self.memory.forget()

    def _repeat(self, each: Pass, times: ir.Value, first: Index, copies: int, width: int) -> None:
        """The body so many times, perhaps not once, on from iteration `first` of the block."""
        b = self.b
        with b.when(b.compare_integers("slt", b.integer(0), times)):
            self._loop(each, times, first, copies, width)

    def _loop(self, each: Pass, times: ir.Value, first: Index, copies: int, width: int) -> None:
        """The same at least once. What an iteration reads of the one before is in registers."""
        b, storage = self.b, self.storage

        def iteration(number: ir.Value) -> None:
            self.memory.forget()
            _, at = self.memory.scaled(number, copies * width)
            if first[1] is not None:
                at = b.integer_op("llvm.add", first[1], at)
            with self._anew(self._read_anew(each), number):
                self._body(each, (first[0], at), copies, width)

        pairs = self._recurrences(each) if copies == width == 1 else {}
        at = self._absolute(first)
        initial = [self.memory.fetch(a, [at], None, 1) for a in pairs]
        b.loop_carried(
            times,
            initial,
            lambda number, carried: handed_on(storage, pairs, carried, lambda: iteration(number)),
        )
        self.memory.forget()

    @contextmanager
    def _anew(self, names: set[str], iteration: ir.Value) -> Iterator[None]:
        """Inside, which is an iteration of a loop, arrays are read, and not once for all."""
        storage, bases = self.storage, self.storage.bases
        again = {x: self.b.opaque(bases[x], iteration) for x in sorted(names) if x in bases}
        storage.bases = bases | again
        yield
        storage.bases = bases

    def _read_anew(self, each: Pass) -> set[str]:
        """Arrays of which each iteration reads the same numbers, more than there are registers for.
        A vector of each would be kept, and what is kept in memory takes as many times the memory as
        the vector has lanes; writing elsewhere may look to processors like writing there.
        """
        if not self.loop.across or self.loop.width == 1:
            return set()
        read = [self.group.statements[k] for k in each.statements]
        if sum(map(constants, read)) <= self.b.target.registers:
            return set()
        return {a.array for s in read for a in accesses(s.expr) if not a.parts and not a.strides[0]}

    def _recurrences(self, each: Pass) -> Pairs:
        """What an iteration of a pass reads of the one before."""
        if not self.group.in_turn:
            return {}
        single, others = [], {*self.loop.tiles, *self.loop.strips}
        for k in each.statements:
            s = self.group.statements[k]
            if len(s.domain) == 1 and self.storage.is_exact(s.target.array):
                single.append(s)
            else:
                others.add(s.target.array)
        return recurrences(single, others, 0, 1)

    def _passes(self, start: Index, count: int) -> None:
        """Every pass over a block of `count` iterations from `start` on."""
        self.start = start
        for each in self.loop.passes:
            size = self._size(each)
            self._pack_operands(each)
            self.memory.forget()
            step = each.unroll * size
            full, left = divmod(count, step)
            if full > 1:
                self._loop(each, self.b.integer(full), (0, None), each.unroll, size)
            elif full:
                self._body(each, (0, None), each.unroll, size)
            done = full * step
            while left >= size:
                self._body(each, (done, None), 1, size)
                done, left = done + size, left - size
            if left:
                self._body(each, (done, None), 1, left)
        self.memory.forget()

    def _size(self, each: Pass) -> int:
        """The iterations in one step of a pass that is not unrolled."""
        return self.loop.width if self.loop.across or each.abreast else 1

    def _body(self, each: Pass, first: Index, copies: int, width: int) -> None:
        """`copies` iterations side by side, statement by statement, from `first` of the block."""
        for k in each.statements:
            for copy in range(copies):
                local = (first[0] + copy * width, first[1])
                iteration = Iteration(local, self._absolute(local), copy, width)
                s, lane = self.group.statements[k], self.loop.lanes[k]
                with self.b.made_for(s):
                    StatementEmitter(self.around, s, lane, iteration).emit()

    def _absolute(self, local: Index) -> Index:
        """The iteration of the fused loop that is `local` in its block."""
        (constant, value), (start, base) = local, self.start
        if base is not None and value is not None:
            value = self.b.integer_op("llvm.add", base, value)
        return constant + start, base if value is None else value

    def _allocate(self) -> None:
        """Tiles for every copy of the passes that touch them; strips for a block."""
        loop, storage = self.loop, self.memory.storage
        lanes = loop.width if loop.across else 1
        pieces = in_pieces(self.group.statements)
        for each in loop.passes:
            members = [self.group.statements[k] for k in each.statements]
            touched = {a.array for s in members for a in s.accesses}
            for name, size in loop.tiles.items():
                for copy in range(each.unroll if name in touched else 0):
                    self.around.tiles[name, copy] = Scratch(
                        storage.allocate(size * lanes, in_pieces=name in pieces), (name, copy)
                    )
        rows = -(-loop.block // lanes) * lanes
        for name, size in loop.strips.items():
            base = storage.allocate(size * rows, in_pieces=name in pieces)
            self.around.strips[name] = Scratch(base, name)

    def _pack_operands(self, each: Pass) -> None:
        """Make the packs of what the statements of a pass read, unless they are made.

        Just before the pass: packs that LLVM keeps in registers would occupy them from there on.
        """
        for k in each.statements:
            s, lane = self.group.statements[k], self.loop.lanes[k]
            if not lane:
                continue
            for a in dict.fromkeys(accesses(s.expr)):
                key = pack_key(a, s.domain, lane)
                bits, program = self.b.bits, self.storage.program
                if key in self.around.packs or not packs(a, lane, self.group, program, bits):
                    continue
                strides, size = layout(a, s.domain, lane, self.loop.width)
                base = self.memory.storage.allocate(size)
                self.around.packs[key] = pack = Scratch(base, ("pack", key), strides)
                at: list[Index] = [(0, None)] * len(s.domain)
                with self.b.made_for(s):
                    fill(self.memory, a, pack, s.domain, lane, self.loop.width, at)
