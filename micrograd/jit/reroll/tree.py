"""The tree of loops that is found in a string of ops, bottom-up.

Its items are ops and loops. A loop is so many blocks of items, and its symbol is that of its body,
without the number of blocks: triangles and ragged loops are one loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..ir.nests import Ints
from .strings import Ops

BASE = 1 << 24
"""Coordinates are `block * BASE + offset + 1`; 0 is no coordinate."""


class Tree:
    """Items, ops first, and those that are part of nothing larger yet, in order.

    symbol      item -> its class
    parent      item -> the loop that it is in, or -1
    block       item -> in which block of the loop
    offset      item -> at which place in the block
    first       loop -> where its items begin in `kids`
    blocks      loop -> how many it has
    kids        items of loops, block by block
    sequence    the items that are in no loop
    place       item -> its place in the sequence
    bodies      symbol of a loop -> the symbols of its body
    bare        symbol -> the same for all that is made of the same ops
    taken_back  loops that were taken back, and their items
    has_switches     whether something breaks its progression once in each loop, or in the last
                     iterations
    switching        whether that is no end of a loop
    """

    def __init__(self, ops: Ops, depth: int, *, switching: bool = False) -> None:
        self.ops = ops
        self.switching = switching
        self.has_switches = False
        n = len(ops)
        room = n + n // 4 + 16
        self.symbol = np.zeros(room, dtype=np.int64)
        self.symbol[:n] = ops.classes(depth)
        self.parent = np.full(room, -1, dtype=np.int64)
        self.block = np.zeros(room, dtype=np.int64)
        self.offset = np.zeros(room, dtype=np.int64)
        self.first = np.zeros(room, dtype=np.int64)
        self.blocks = np.zeros(room, dtype=np.int64)
        self.kids = np.zeros(room, dtype=np.int64)
        self.kept = 0
        self.items = n
        self.sequence = np.arange(n)
        self._seen_last: tuple[Ints, Ints, Ints] | None = None
        self.bodies: dict[int, tuple[int, ...]] = {}
        self._symbol_of: dict[tuple[int, ...], int] = {}
        self._bare_of: dict[tuple[int, ...], int] = {}
        self.symbols = int(self.symbol[:n].max(initial=-1)) + 1
        self.bare = np.zeros(self.symbols, dtype=np.int64)
        self.bare[self.symbol[:n]] = ops.code
        self.place = np.arange(n)
        self.taken_back: list[tuple[int, Ints]] = []

    @property
    def statics(self) -> int:
        """Ops in the bodies of all loops, and outside: what statements are made of."""
        return self.statics_of(self.sequence)

    def statics_of(self, items: Ints) -> int:
        """The same of some items of the sequence."""
        sizes: dict[int, int] = {}
        for symbol, body in self.bodies.items():  # inner ones came first
            sizes[symbol] = sum([sizes.get(inner, 1) for inner in body])
        times = np.bincount(self.symbol[items])
        return sum([sizes.get(k, 1) * int(times[k]) for k in np.flatnonzero(times).tolist()])

    def written(self) -> bytes:
        """All that statics are made of: the same where another look has found the same loops."""
        columns = self.parent, self.block, self.offset, self.blocks
        return np.concatenate([self.sequence, *(c[: self.items] for c in columns)]).tobytes()

    # -- looking -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Note where every item of the sequence is."""
        self.place = np.full(self.items, -1, dtype=np.int64)
        self.place[self.sequence] = np.arange(len(self.sequence))

    def top(self, ops: Ints) -> tuple[Ints, list[Ints]]:
        """The item of the sequence that each op is part of, and the op's coordinates in it,
        innermost first.
        """
        items = ops.copy()
        coordinates: list[Ints] = []
        while True:
            parent = self.parent[items]
            inside = parent >= 0
            if not inside.any():
                return items, coordinates
            here = self.block[items] * BASE + self.offset[items] + 1
            coordinates.append(np.where(inside, here, 0))
            items = np.where(inside, parent, items)

    def first_ops(self, items: Ints, symbol: int) -> tuple[list[Ints], list[Ints]]:
        """For items of one symbol, the ops of their first iterations, one array for each op of the
        body, -1 where a loop runs zero times; and the trip counts of all loops in them.
        """
        if symbol not in self.bodies:
            return [items], []
        known = items >= 0
        counts = np.where(known, self.blocks[items], -1)
        none = counts <= 0
        base = np.where(none, 0, self.first[items])
        found: list[Ints] = []
        trips = [counts]
        for offset, inner in enumerate(self.bodies[symbol]):
            kids = np.where(none, -1, self.kids[base + offset])
            ops, more = self.first_ops(kids, inner)
            found += ops
            trips += more
        return found, trips

    def letters(self) -> Ints:
        """The symbols of the sequence."""
        return self._seen()[1]

    def bare_sequence(self) -> Ints:
        """The sequence as what its items are made of."""
        return self._seen()[2]

    def _seen(self) -> tuple[Ints, Ints, Ints]:
        if self._seen_last is None or self._seen_last[0] is not self.sequence:
            letters = self.symbol[self.sequence]
            self._seen_last = self.sequence, letters, self.bare[letters]
        return self._seen_last

    # -- building ------------------------------------------------------------------------------

    def loop_symbol(self, body: tuple[int, ...]) -> int:
        """The symbol of loops with this body."""
        if body not in self._symbol_of:
            bare = tuple(self.bare[list(body)].tolist())
            number = self._bare_of.setdefault(bare, -1 - len(self._bare_of))
            self._symbol_of[body] = self.symbols
            self.bodies[self.symbols] = body
            self.bare = np.append(self.bare, number)
            self.symbols += 1
        return self._symbol_of[body]

    def reserve(self, items: int) -> None:
        """Make room for more items."""
        while self.items + items > len(self.parent):
            more = len(self.parent)
            self.parent = np.append(self.parent, np.full(more, -1, dtype=np.int64))
            for name in ("symbol", "block", "offset", "first", "blocks", "kids"):
                old = getattr(self, name)
                setattr(self, name, np.append(old, np.zeros(more, dtype=np.int64)))

    def empty(self, like: int, symbol: int) -> int:
        """A new item: a loop of that symbol which runs zero times."""
        self.reserve(1)
        item = self.items
        self.items += 1
        self.symbol[item], self.blocks[item] = symbol, 0
        self.first[item] = self.first[like]
        return item

    def keep(self, kids: Ints) -> None:
        """Append to the items of loops."""
        while self.kept + len(kids) > len(self.kids):
            self.kids = np.append(self.kids, np.zeros(len(self.kids), dtype=np.int64))
        self.kids[self.kept : self.kept + len(kids)] = kids
        self.kept += len(kids)

    def collapse(self, start: Ints, end: Ints, symbols: Ints) -> None:
        """Make loops of stretches of the sequence, in order: where they begin and end, and the
        symbols that the loops have, whose bodies are of one length.
        """
        sequence = self.sequence
        length = end - start
        period = len(self.bodies[int(symbols[0])])
        self.reserve(len(start))
        total = int(length.sum())
        new = self.items + np.arange(len(start))
        before = np.cumsum(length) - length
        where = np.arange(total) + np.repeat(start - before, length)
        items = sequence[where]
        self.parent[items] = np.repeat(new, length)
        blocks = length // period
        numbers = np.arange(int(blocks.sum()))
        numbers -= np.repeat(np.cumsum(blocks) - blocks, blocks)
        self.block[items] = np.repeat(numbers, period)
        self.offset[items] = np.tile(np.arange(period), len(numbers))
        self.first[new] = self.kept + before
        self.keep(items)
        self.blocks[new] = blocks
        self.symbol[new] = symbols
        self.items += len(start)
        keep = np.ones(len(sequence), dtype=bool)
        keep[where] = False
        keep[start] = True
        changed = sequence.copy()
        changed[start] = new
        self.sequence = changed[keep]

    def write_out(self, ops: Ints) -> None:
        """Let the outermost loops of these ops be none: their items stand in the sequence."""
        if not self.taken_back:
            self._whole = self.sequence
        items, _ = self.top(ops)
        for item in dict.fromkeys(items[items >= len(self.ops)].tolist()):
            length = int(self.blocks[item]) * len(self.bodies[int(self.symbol[item])])
            kids = self.kids[self.first[item] : self.first[item] + length]
            self.parent[kids] = -1
            self.taken_back.append((item, kids))
            at = int(self.place[item])
            before, behind = self.sequence[:at], self.sequence[at + 1 :]
            self.sequence = np.concatenate([before, kids, behind])
            self.settle()

    def restore(self) -> None:
        """Put back what was written out."""
        if not self.taken_back:
            return
        for item, kids in self.taken_back:
            self.parent[kids] = item
        self.taken_back, self.sequence = [], self._whole
        self.settle()

    def rearrange(self, pieces: Sequence[Sequence[int] | Ints]) -> None:
        """Let the sequence be these items."""
        self.sequence = np.concatenate([np.asarray(piece, dtype=np.int64) for piece in pieces])
        self.parent[self.sequence] = -1
        self.settle()

    def undo(self, first: int, last: int) -> Callable[[], None]:
        """What makes that which the ops from `first` on are part of what it is now."""
        ops = slice(first, last)
        columns = [x[ops].copy() for x in (self.parent, self.block, self.offset)]

        def undo() -> None:
            self.parent[ops], self.block[ops], self.offset[ops] = columns

        return undo

    def insert(self, places: Sequence[int], items: Sequence[int]) -> None:
        """Put items into the sequence, before what is at these places now."""
        self.sequence = np.insert(self.sequence, list(places), list(items))
        self.settle()


class Loops:
    """New loops of a tree, which are entered all at once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.kids: list[int] = []
        self.parents: list[int] = []
        self.blocks: list[int] = []
        self.offsets: list[int] = []
        self.columns: list[tuple[int, int, int]] = []

    def add(self, kids: list[int], count: int, symbol: int, like: int) -> int:
        """A loop of that symbol, as `like` is, with these items, of so many iterations."""
        tree = self.tree
        item, n = tree.items + len(self.columns), len(kids)
        first = tree.kept + len(self.kids) if n else int(tree.first[like])
        self.columns.append((symbol, count, first))
        if n:
            period = n // count
            self.kids += kids
            self.parents += [item] * n
            self.blocks += [k // period for k in range(n)]
            self.offsets += [*range(period)] * count
        return item

    def finish(self) -> None:
        """Enter them."""
        tree, n = self.tree, len(self.columns)
        tree.reserve(n)
        new, kids = slice(tree.items, tree.items + n), np.array(self.kids, dtype=np.int64)
        columns = np.array(self.columns, dtype=np.int64).reshape(-1, 3).T
        tree.symbol[new], tree.blocks[new], tree.first[new] = columns
        tree.parent[kids], tree.block[kids] = self.parents, self.blocks
        tree.offset[kids] = self.offsets
        tree.items += n
        tree.keep(kids)
