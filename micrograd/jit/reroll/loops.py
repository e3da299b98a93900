"""Graph -> Program by its loop tree: loops that carry values, triangles, ragged loops, nests.

The trace is looked at as a string (`strings`), in which loops are found bottom-up (`recognise`);
each op of their bodies becomes a static with iteration vectors (`statics`), whose operands are
affine accesses (`operands`); what needs the iteration before runs in loops in order (`distribute`).
The program is proved against the graph before it is used (`prove`).

Requires a verified graph; establishes a verified program with the same outputs. The operations,
and the order of every sum, are the graph's own.
"""

from __future__ import annotations

from collections.abc import Collection

from ..ir.graph import Graph
from ..ir.program import Program
from .apart import Claimed, with_copies
from .arranged import Arrange, arranged
from .as_traced import as_traced
from .beginning import MANY, beginning, is_outside, settled_statics
from .distribute import distribute, sums_in_order
from .homes import Number
from .in_order import in_creation_order
from .operands import Operands
from .peel import peeled
from .proved import proved
from .recognise import STEPS, TURNING, Look, recognise
from .statics import NoLoops, Static, digest, statics_of
from .strings import Ops
from .tree import Tree
from .writer import Writer

DEPTHS = (1, 2)
"""Depths of local classes by which loops are looked for."""
LOOKS = tuple(map(Look, DEPTHS))
"""How they are looked for first."""
PEELED = 6
"""How often first iterations of loops are put before them."""
FEW = 20
"""Statements of a program for which no shorter one is looked for."""
GOOD = 60
"""The same, if they are hardly more than what the loops are made of."""
LARGEST = 600
"""Ops of loops that are found in other ways, and statements."""
FAR = 4
"""So many times more items than there may be statements: then no other look finds few enough."""


def looped(
    graph: Graph,
    output: str,
    most: int,
    *,
    in_order: bool = False,
    behind: Collection[str] = (),
) -> Program | None:
    """The program of the loops in the graph; None if it would have more than `most` statements.

    in_order   also None if its derivatives would not be added up in the order of the trace
    behind     arrays of leaves whose derivatives are added to others
    """
    search = _Search(graph, output, behind, in_order=in_order)
    best = search.program(most)
    if best is not None and len(best.statements) <= GOOD:
        return best
    fewer = most if best is None else len(best.statements) - 1
    if in_order:
        best = with_copies(search.unordered, best, behind, output, most)
    else:
        best = search.in_its_loops(fewer) or best
    if most <= GOOD or (best is not None and len(best.statements) <= GOOD):
        return best
    return search.otherwise(most if best is None else len(best.statements) - 1) or best


class _Search:
    """Looks for the loops of a graph in several ways."""

    def __init__(
        self, graph: Graph, output: str, behind: Collection[str], *, in_order: bool
    ) -> None:
        self.graph = graph
        self.output = output
        self.behind = behind
        self.in_order = in_order
        self.ops = Ops(graph)
        self.trees: dict[Look, Tree] = {}
        self._failed: dict[tuple[bytes, bool], int] = {}
        self._statics: dict[Look, int] = {}
        self._narrowed = False
        self._without: dict[tuple[int, bool, bool, frozenset[int]], int] = {}
        self.unordered: list[Claimed] = []

    def tree(self, look: Look) -> Tree:
        """The tree, as it was found."""
        if look not in self.trees:
            self.trees[look] = recognise(self.ops, look)
        self.trees[look].restore()
        return self.trees[look]

    def statics(self, look: Look) -> int:
        """Of how many ops its loops are made."""
        if look not in self._statics:
            self._statics[look] = self.tree(look).statics
        return self._statics[look]

    def program(self, most: int) -> Program | None:
        """The shortest program, as far as their statics tell before they are made."""
        one, two = LOOKS
        left = len(self.tree(one).sequence)
        if left > most and (is_outside(self.tree(one)) or left > FAR * max(most, GOOD)):
            look = self.tree(one).has_switches and len(self.ops) <= MANY
            return self._switching(most) if look else None
        statics = self.statics(one)
        tried = min(most, max(FEW, min(GOOD, statics + statics // 4)))
        best = self._program(one, tried)
        if best is not None:
            few = len(best.statements) <= FEW
            if not few and len(best.statements) > statics:  # much is copied
                best = self._switching(len(best.statements) - 1) or best
            if few or not self._is_shorter(two, one):
                return best
            return self._program(two, len(best.statements) - 1) or best
        best = self._switching(most)
        if best is not None:
            return best
        first, second = sorted(LOOKS, key=self.statics)
        bound = min(most, max(FEW, self.statics(second)))
        if first is two or bound > 2 * tried:
            best, tried = self._program(first, bound), bound
        if best is None:
            best = self._program(second, most)
        if best is None and tried < most:
            best = self._program(first, most)
        return best

    def in_its_loops(self, most: int) -> Program | None:
        """The program in the trace's own loops, where as many of their own as there can be have
        none that is short enough.
        """
        if len(self.ops) > MANY:
            return None
        for look in sorted(self.trees, key=self.statics):
            if self.statics(look) > most:
                break
            found = self._peeled(look, statics_of(self.tree(look)), most)
            if found is not None:
                return found
        return None

    def otherwise(self, most: int) -> Program | None:
        """A shorter program of the loops that are found in other ways."""
        if len(self.ops) > MANY:
            return None
        self.unordered, most, longest = [], min(most, LARGEST), None
        known = {self._loops_of(look) for look in self.trees}
        for look in (STEPS, *TURNING):
            if self.statics(look) > 2 * most or self._loops_of(look) in known:
                continue
            found = self._program(look, most)
            if found is not None and len(found.statements) <= most:
                if look is not STEPS or len(found.statements) <= 2 * GOOD:
                    return found
                longest, most = found, len(found.statements) - 1
        if longest is None and self.in_order:
            return with_copies(self.unordered, None, self.behind, self.output, most)
        return longest

    def _is_shorter(self, look: Look, other: Look) -> bool:
        """Whether one finds loops of fewer ops than another; of a long trace, in its beginning."""
        some = beginning(self.graph)
        if some is None:
            return self.statics(look) < self.statics(other)
        one, two = (recognise(some, x) for x in (look, other))
        return settled_statics(one) < settled_statics(two)

    def _switching(self, most: int) -> Program | None:
        """The program of what is updated in place, where that is made of no more ops."""
        best = None
        for plain in LOOKS:
            look = plain._replace(switching=True)
            if self.tree(plain).has_switches and self.statics(look) <= self.statics(plain):
                fewer = 2 * self.statics(look) <= self.statics(plain)
                good = max(GOOD, self.statics(look)) if fewer else GOOD
                best = self._program(look, min(most, good)) or best
            if best is not None:
                most = len(best.statements) - 1
                if most < min(FEW, 2 * self.statics(look)):  # little is copied
                    break
        return best

    def _program(self, look: Look, most: int) -> Program | None:
        """The program of the loops that a look found, unless another has found the same in vain."""
        if self._failed and self._failed.get(self._loops_of(look), -1) >= most:
            return None
        found = self._ordered(look, most) if self.in_order else self._free(look, most)
        if found is None:
            self._failed[self._loops_of(look)] = most
        return found

    def _loops_of(self, look: Look) -> tuple[bytes, bool]:
        """What tells the loops that a look has found."""
        return self.tree(look).written(), look.switching

    def _free(self, look: Look, most: int) -> Program | None:
        """The program with as many loops of their own as there can be."""
        found = arranged(self.tree(look), most, distribute, inline=True)
        if found is None or len(found[0].tasks) > most:
            return None
        writer = Writer(self.graph, *found)
        return proved(writer.program(self.output), writer, self.output)

    def _ordered(self, look: Look, most: int) -> Program | None:
        """The program of the first form whose derivatives are added up as the trace's are."""
        statics: list[Static] = []
        made: tuple[int, tuple[int | None, ...]] | None = None
        by_the_way: tuple[list[Static], set[int]] | None = None
        self._narrowed = False
        for arrange in (distribute, as_traced):
            found = arranged(self.tree(look), most, arrange, inline=False)
            if found is None:
                continue
            operands, steps = found
            statics, before = operands.statics, made
            made = digest(statics), tuple(operands.depths)
            if made == before:
                continue
            by_the_way = by_the_way or (statics, sums_in_order(steps, operands.tasks))
            operands.merge()
            for way, inline in FORMS:
                program = self._in_order(operands, most, way, inline=inline)
                if program is not None:
                    return program
        own = statics_of(self.tree(look)) if len(self.tree(look).sequence) <= most else []
        program = self._peeled(look, own, most) if own else None
        if program is None and statics and len(statics) != len(own):
            program = self._peeled(look, statics, most)
        if program is None and self._narrowed:
            program = self._peeled(look, own, most, whole=True)
        if program is None and by_the_way is not None and by_the_way[1]:
            program = self._peeled(look, by_the_way[0], most, in_turn=by_the_way[1])
        return program

    def _peeled(
        self,
        look: Look,
        statics: list[Static],
        most: int,
        *,
        whole: bool = False,
        in_turn: Collection[int] = (),
    ) -> Program | None:
        """The same in the trace's own loops, where first iterations that begin with what is used
        elsewhere, too, stand before them.

        whole     copies are made in all loops of what reads them: what several reads of one give is
                  not added up by itself first then
        in_turn   statics that are no sums, but added to where the loops' other values are made
        """
        key = digest(statics), look.switching, whole, frozenset(in_turn)
        if self._without.get(key, 0) >= most:
            return None
        self._without[key] = most
        ops, outputs, prefixes = self.ops, self.ops.outputs, set(in_turn)
        for _ in range(PEELED):
            try:
                operands = Operands(
                    ops, statics, outputs, most, prefixes, switching=look.switching, whole=whole
                )
            except NoLoops as failed:
                if prefixes.issuperset(failed.prefixes):
                    return None
                prefixes.update(failed.prefixes)
                continue
            self._narrowed |= operands.narrowed
            operands.merge()
            for inline in (True, False):
                program = self._in_order(operands, most, as_traced, inline=inline)
                if program is not None:
                    return program
            before = len(statics)
            for task in operands.tasks:
                if task.begins is not None and not isinstance(task.operands[0], Number):
                    statics = peeled(statics, task.begins)
            if not before < len(statics) <= most:
                return None
            prefixes = set()  # statics have other numbers now
        return None

    def _in_order(
        self, operands: Operands, most: int, way: Arrange, *, inline: bool
    ) -> Program | None:
        """The program of the tasks in one form, if its derivatives are in order."""
        if inline:
            operands.inline()
        else:
            operands.write_out()
        if len(operands.tasks) > most:
            return None
        try:
            writer = Writer(self.graph, operands, way(operands))
        except NoLoops:
            return None
        program = writer.program(self.output)
        found = proved(program, writer, self.output, sure=way is distribute)
        if found is None:
            return None
        said = Claimed(program, operands.values, writer.claims)
        if not self.in_order or in_creation_order(*said, found, self.behind):
            return found
        self.unordered.append(said)
        return None


FORMS: tuple[tuple[Arrange, bool], ...] = (
    (distribute, True), (distribute, False), (as_traced, True), (as_traced, False),
)  # fmt: skip
"""Those of strict programs as they are tried: the loops, and whether what one operand needs is part
of its expression, if it was computed long before, too."""
