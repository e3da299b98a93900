"""VectorLoop -> operations: the loop, its passes over blocks, and its scratch memory.

Within an iteration the code is straight where it is short, and reads what it has just written
from registers.
"""

from __future__ import annotations

from .accumulate import Accumulators
from .builder import Builder
from .emit_statement import Iteration, StatementEmitter, Surroundings, pack_key
from .program import Access, Program, Statement, accesses
from .scratch import Memory, Scratch, layout, tiling
from .storage import Index, Storage
from .vectorize import Pass, VectorLoop, packs


class LoopEmitter:
    """Emits one VectorLoop into the function whose arrays `storage` knows."""

    def __init__(
        self, builder: Builder, program: Program, loop: VectorLoop, storage: Storage
    ) -> None:
        self.b = builder
        self.program = program
        self.loop = loop
        self.group = loop.group
        self.memory = Memory(builder, storage)
        self.around = Surroundings(loop, self.memory, Accumulators(self.memory, loop))
        self.start: Index = (0, None)

    def emit(self) -> None:
        """The whole: scratch, blocks, and the sums behind them."""
        loop = self.loop
        self._allocate()
        for s, lane in zip(self.group.statements, loop.lanes, strict=True):
            if lane:
                for a in dict.fromkeys(accesses(s.expr)):
                    if packs(a, lane, self.group, self.program, narrow=self.b.bits == 32):
                        self._pack(a, s, lane)
            if not self.b.exact:
                self.around.accumulators.prepare(s, lane or 0)
        blocks, left = divmod(self.group.count, loop.block)
        if blocks > 1:
            with self.b.loop(self.b.integer(blocks)) as number:
                self._passes(self.memory.scaled(number, loop.block), loop.block)
        elif blocks:
            self._passes((0, None), loop.block)
        if left:
            self._passes((blocks * loop.block, None), left)
        self.around.accumulators.flush()

    def _passes(self, start: Index, count: int) -> None:
        """Every pass over a block of `count` iterations from `start` on."""
        self.start = start
        size = self.loop.width if self.loop.across else 1
        for each in self.loop.passes:
            self.memory.forget()
            step = each.unroll * size
            full, left = divmod(count, step)
            if full > 1:
                with self.b.loop(self.b.integer(full)) as number:
                    self.memory.forget()
                    self._body(each, self.memory.scaled(number, step), each.unroll, size)
                self.memory.forget()
            elif full:
                self._body(each, (0, None), each.unroll, size)
            done = full * step
            while left >= size:
                self._body(each, (done, None), 1, size)
                done, left = done + size, left - size
            if left:
                self._body(each, (done, None), 1, left)
        self.memory.forget()

    def _body(self, each: Pass, first: Index, copies: int, width: int) -> None:
        """`copies` iterations side by side, statement by statement, from `first` of the block."""
        for k in each.statements:
            for copy in range(copies):
                local = (first[0] + copy * width, first[1])
                iteration = Iteration(local, self._absolute(local), copy, width)
                s, lane = self.group.statements[k], self.loop.lanes[k]
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
        for each in loop.passes:
            members = [self.group.statements[k] for k in each.statements]
            touched = {a.array for s in members for a in [s.target, *accesses(s.expr)]}
            for name, size in loop.tiles.items():
                for copy in range(each.unroll if name in touched else 0):
                    self.around.tiles[name, copy] = Scratch(
                        storage.allocate(size * lanes), (name, copy)
                    )
        for name, size in loop.strips.items():
            self.around.strips[name] = Scratch(storage.allocate(size * loop.block), name)

    def _pack(self, a: Access, s: Statement, lane: int) -> None:
        """Copy what `a` reads, with `lane` along its rows."""
        key = pack_key(a, s.domain, lane)
        if key in self.around.packs:
            return
        memory = self.memory
        strides, size = layout(a, s.domain, lane, self.loop.width)
        self.around.packs[key] = pack = Scratch(
            memory.storage.allocate(size), ("pack", key), strides
        )
        dims = [d for d in range(1, len(s.domain)) if a.strides[d]]
        lane_at = dims.index(lane) if lane in dims else None
        for box, width in tiling([s.domain[d] for d in dims], lane_at, self.loop.width):
            for index in memory.points(box):
                at: list[Index] = [(0, None)] * len(s.domain)
                for d, i in zip(dims, index, strict=True):
                    at[d] = i
                value = memory.fetch(a, at, lane if width > 1 else None, width)
                memory.store(pack, at, value, width)
        memory.forget()
