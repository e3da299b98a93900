"""VectorLoop -> operations: the loop, its passes over blocks, and its scratch memory.

Within an iteration the code is straight where it is short, and reads what it has just written
from registers.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowering.bindings import ir

from ..ir.program import Access, Program, accesses
from ..schedule.lane_costs import packs
from ..schedule.lanes import Pass, VectorLoop
from .builder import Builder
from .scratch import UNROLLED_POINTS, Memory, Scratch, layout, tiling
from .shuffles import transpose
from .statement import Iteration, StatementEmitter, Surroundings, pack_key
from .storage import Index, Storage, in_pieces
from .sums import Accumulators


class LoopEmitter:
    """Emits one VectorLoop into the function whose arrays `storage` knows.

    count   how many iterations run, if that is known only then: at least 1, at most the group's,
            and a multiple of the width where lanes are iterations
    """

    def __init__(
        self,
        builder: Builder,
        program: Program,
        loop: VectorLoop,
        storage: Storage,
        count: ir.Value | None = None,
    ) -> None:
        self.b = builder
        self.program = program
        self.loop = loop
        self.group = loop.group
        self.count = count
        self.memory = Memory(builder, storage)
        self.around = Surroundings(loop, self.memory, Accumulators(self.memory, loop))
        self.start: Index = (0, None)

    def emit(self) -> None:
        """The whole: scratch, blocks, and the sums behind them."""
        loop = self.loop
        self._allocate()
        for s, lane in zip(self.group.statements, loop.lanes, strict=True):
            if not self.b.target.strict:
                self.around.accumulators.prepare(s, lane)
        if self.count is not None:
            self._counted(self.count)
            self.around.accumulators.flush()
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
        """Every pass over a block: several iterations side by side, and then those left."""
        b = self.b
        self.start = start
        for each in self.loop.passes:
            size = self._size(each)
            self._pack_operands(each)
            step = each.unroll * size
            full = b.integer_op("llvm.udiv", count, b.integer(step))
            done = b.integer_op("llvm.mul", full, b.integer(step))
            self._repeat(each, full, (0, None), each.unroll, size)
            least = size if self.loop.across else 1
            if step > least:
                rest = b.integer_op("llvm.sub", count, done)
                left = b.integer_op("llvm.udiv", rest, b.integer(least))
                self._repeat(each, left, (0, done), 1, least)
        self.memory.forget()

    def _repeat(self, each: Pass, times: ir.Value, first: Index, copies: int, width: int) -> None:
        """The body so many times, perhaps not once, on from iteration `first` of the block."""
        b = self.b
        with b.when(b.compare_integers("slt", b.integer(0), times)), b.loop(times) as number:
            self.memory.forget()
            _, at = self.memory.scaled(number, copies * width)
            if first[1] is not None:
                at = b.integer_op("llvm.add", first[1], at)
            self._body(each, (first[0], at), copies, width)
        self.memory.forget()

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
        for name, size in loop.strips.items():
            base = storage.allocate(size * loop.block, in_pieces=name in pieces)
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
                narrow = self.b.bits == 32
                if key in self.around.packs or not packs(
                    a, lane, self.group, self.program, narrow=narrow
                ):
                    continue
                strides, size = layout(a, s.domain, lane, self.loop.width)
                base = self.memory.storage.allocate(size)
                self.around.packs[key] = pack = Scratch(base, ("pack", key), strides)
                self._pack(a, pack, s.domain, lane)

    def _pack(self, a: Access, pack: Scratch, domain: tuple[int, ...], lane: int) -> None:
        """Copy what `a` reads, with `lane` along its rows.

        Where its rows lie along another dimension in memory, squares are transposed.
        """
        memory, size = self.memory, self.loop.width
        dims = [d for d in range(1, len(domain)) if a.strides[d]]
        lane_at = dims.index(lane) if lane in dims else None
        across = lane_at is not None and a.strides[lane] != 1
        row = next((k for k, d in enumerate(dims) if across and a.strides[d] == 1), None)
        for box, width in tiling([domain[d] for d in dims], lane_at, size):
            if row is not None and width == size:
                full, left = divmod(box[row][1], size)
                squares = [*box[:row], (0, full, size), *box[row + 1 :]]
                for index in memory.points(squares, UNROLLED_POINTS // size):
                    self._pack_square(a, pack, _at(domain, dims, index), lane, dims[row])
                box[row] = (full * size, left, 1)
            for index in memory.points(box):
                at = _at(domain, dims, index)
                value = memory.fetch(a, at, lane if width > 1 else None, width)
                memory.store(pack, at, value, width)
        memory.forget()

    def _pack_square(
        self, a: Access, pack: Scratch, at: Sequence[Index], lane: int, row: int
    ) -> None:
        """Copy what `a` reads in a vector's width of steps along `lane` and along `row`."""
        memory, size = self.memory, self.loop.width
        rows = [memory.fetch(a, _moved(at, lane, k), row, size) for k in range(size)]
        for k, column in enumerate(transpose(self.b, rows)):
            memory.store(pack, _moved(at, row, k), column, size)


def _at(domain: Sequence[int], dims: Sequence[int], index: Sequence[Index]) -> list[Index]:
    """An index for every dimension of a domain; 0 for those that are not given."""
    at: list[Index] = [(0, None)] * len(domain)
    for d, i in zip(dims, index, strict=True):
        at[d] = i
    return at


def _moved(at: Sequence[Index], d: int, steps: int) -> list[Index]:
    """The index so many steps along one dimension."""
    there = list(at)
    fixed, value = there[d]
    there[d] = (fixed + steps, value)
    return there
