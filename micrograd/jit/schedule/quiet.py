"""Loops in order that carry a maximum, or what flows back to one: blocks in which nothing happens.

    for i < 9999 in order:                          32 times i at once, if all(gt(m[0], x[i])):
      m[i + 1] = maximum(m[i], x[i])                  m[i + 1] = m[0]

Where the number carried stays what it is for all iterations of a block, which one comparison of
vectors tells, they are done at once; else one after the other. Results are the same, bit for bit.
Of a block that is done at once nothing but the last number is written, if nothing else reads others
but loops over the same blocks by the same comparison, as those are in which the cotangent flows
back. They need not compare: which blocks are done at once is noted, a number for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Apply,
    Array,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
)
from .fuse import Group
from .repeat import Repeat, repeated
from .routes import forward
from .signs import adds_nothing, without_negative_zero
from .stays import GREATER, condition_of, under

BLOCK = 32
"""Iterations that are done at once."""
FEWEST = 8 * BLOCK
"""Iterations of a loop, at least."""


@dataclass(slots=True)
class Blocks(Repeat):
    """A loop in blocks: one as it stands, what does the same at once, and what is left of it.

    rest   the last iterations, or, of a loop from the last to the first, those that run first
    """

    quick: list[Node] = field(default_factory=list)
    rest: Group | None = None


@dataclass(slots=True)
class Quiet:
    """A loop that may become blocks; statements and accesses by the iteration from the first on.

    rows       its statements
    carried    that of the number that it carries
    condition  when an iteration certainly leaves that number as it is
    sparse     whether of blocks where it does only the last number is written
    told       the array in which is noted which blocks these are, by this loop or the one before
    notes      whether by this one
    """

    group: Group
    backwards: bool
    rows: list[Statement]
    carried: Statement
    condition: Expr
    sparse: bool = False
    told: str = ""
    notes: bool = False

    @property
    def name(self) -> str:
        """The array of the number that is carried."""
        return self.carried.target.array

    @property
    def before(self) -> Access:
        """What an iteration begins with."""
        return _earlier(self.carried.target, -1 if self.backwards else 1)

    @property
    def last(self) -> int:
        """The iteration of a block that runs last."""
        return 0 if self.backwards else BLOCK - 1

    def spares(self, statements: Iterable[Statement]) -> bool:
        """Whether statements write none of the numbers of the blocks, and read none but such as
        blocks end with.
        """
        for s in statements:
            read = accesses(s.expr) if s.accumulate is None else [s.target, *accesses(s.expr)]
            if not all(map(self._is_certain, read)) or self._iteration(s.target) is not None:
                return False
        return True

    def _is_certain(self, a: Access) -> bool:
        iteration = self._iteration(a)
        return iteration is None or (iteration >= 0 and iteration % BLOCK == self.last)

    def _iteration(self, a: Access) -> int | None:
        """Which one, of those in blocks, writes what an access is to; -1: any; None: none."""
        if a.array != self.name:
            return None
        if any(a.strides) or a.parts:
            return -1
        (stride,), offset = self.carried.target.strides, self.carried.target.offset
        iteration, between = divmod(a.offset - offset, stride)
        inside = 0 <= iteration < int(self.group.count) // BLOCK * BLOCK
        return iteration if inside and not between else None

    def blocks(self, program: Program, sparse: Collection[str]) -> Blocks | None:
        """The loop in blocks, without its steps; None if iterations see other programs.

        sparse   arrays of which loops do not write all numbers
        """
        count, order = int(self.group.count), Order.REVERSE if self.backwards else Order.FORWARD
        whole, rest = divmod(count, BLOCK)

        def in_blocks(a: Access) -> Access:
            (step,) = a.strides
            return Access(a.array, a.offset, (step * BLOCK, step))

        def first(a: Access) -> Access:
            """In a block as it is seen by one: what is carried is what the block begins with."""
            if a.array == self.name:
                at = BLOCK - 1 if self.backwards else 0
                return replace(a, offset=a.offset + a.strides[0] * at, strides=(0,))
            return replace(a, strides=(0,)) if a.array in sparse else a

        def at_once(x: Statement) -> Statement:
            expr = map_accesses(under(x.expr, self.condition), first)
            if x is self.carried and self.sparse:
                assert isinstance(expr, Access)
                at = x.target.offset + x.target.strides[0] * self.last
                return replace(
                    x,
                    target=Access(x.target.array, at),
                    expr=Access(expr.array, expr.offset),
                    domain=(),
                )
            return replace(x, expr=expr, domain=(BLOCK,))

        inner = [_changed(x, in_blocks, (whole, BLOCK)) for x in self.rows]
        without = without_negative_zero(program)
        quick: list[Node] = [x for x in map(at_once, self.rows) if not adds_nothing(x, without)]
        begin = 0 if self.backwards else whole * BLOCK
        left = [_later(x, begin, rest) for x in self.group.statements]
        repeat = repeated([Loop(whole, order, [Loop(BLOCK, order, [*inner])])], program.arrays, {})
        if repeat is None:
            return None
        return self._noting(
            Blocks(
                repeat.count,
                repeat.backwards,
                repeat.program,
                repeat.moves,
                repeat.tiles,
                [],
                map_accesses(self.condition, first),
                BLOCK,
                quick=quick,
                rest=Group(rest, left, in_turn=True) if rest else None,
            )
        )

    def _noting(self, blocks: Blocks) -> Blocks:
        """The blocks, which note whether they are done at once, or do as it is noted."""
        if not self.told:
            return blocks
        inside = blocks.program
        blocks.moves = {**blocks.moves, self.told: 1}
        blocks.program = replace(inside, arrays={**inside.arrays, self.told: _note(self.told, 1)})
        if self.notes:
            inside.body.append(Statement(Access(self.told), 0.0))
            blocks.quick.append(Statement(Access(self.told), 1.0))
            blocks.arrays.append(_note(self.told, blocks.count))
        else:
            blocks.condition = Apply(GREATER, (Access(self.told, 0, (0,)), 0.0))
            blocks.points = 1
        return blocks


def in_blocks(
    parts: Sequence[Any], program: Program, elsewhere: Collection[str]
) -> dict[int, Blocks]:
    """The loops in blocks among the parts of a program, by their numbers.

    elsewhere   arrays that others touch, too
    """
    groups = {k: x for k, x in enumerate(parts) if isinstance(x, Group) and x.in_turn}
    found = {k: quiet for k, x in groups.items() if (quiet := _quiet(x)) is not None}
    for k, quiet in found.items():
        temporary = program.arrays[quiet.name].role is Role.TEMPORARY
        if temporary and quiet.name not in elsewhere:
            quiet.sparse = all(
                _spares(quiet, k, j, found.get(j), parts) for j in range(len(parts)) if j != k
            )
    _tell(found, parts, program)
    made = _made(found, program)
    if None in made.values():  # a loop that would have to find out does not
        for quiet in found.values():
            quiet.sparse, quiet.told, quiet.notes = False, "", False
        made = _made(found, program)
    return {k: blocks for k, blocks in made.items() if blocks is not None}


def _tell(found: Mapping[int, Quiet], parts: Sequence[Any], program: Program) -> None:
    """Let loops that leave numbers out note in which blocks, for those that read them."""
    for k, quiet in found.items():
        readers = [
            other
            for j, other in found.items()
            if j > k and any(a.array == quiet.name for s in parts[j].statements for a in s.accesses)
        ]
        name = f"{quiet.name}_stays"
        is_told = quiet.sparse and not quiet.backwards
        if is_told and readers and name not in program.arrays:
            quiet.told, quiet.notes = name, True
            for other in readers:
                other.told = name


def _note(name: str, blocks: int) -> Array:
    return Array(name, Role.TEMPORARY, (blocks,))


def _made(found: Mapping[int, Quiet], program: Program) -> dict[int, Blocks | None]:
    sparse = {quiet.name for quiet in found.values() if quiet.sparse}
    return {k: quiet.blocks(program, sparse) for k, quiet in found.items()}


def _spares(
    quiet: Quiet, number: int, other: int, reader: Quiet | None, parts: Sequence[Any]
) -> bool:
    """Whether another part reads nothing of what a loop, if sparse, leaves out.

    A loop over the same blocks, at once under the same condition, reads in such blocks what they
    begin with, which is what there would be.
    """
    name, statements = quiet.name, parts[other].statements
    if not any(a.array == name for s in statements for a in s.accesses):
        return True
    if reader is None or quiet.backwards or other < number:
        return quiet.spares(statements)
    if reader.condition != quiet.condition or reader.group.count != quiet.group.count:
        return False
    seen = {a for s in reader.rows for a in accesses(s.expr) if a.array == name}
    tested = {a.array for a in accesses(quiet.condition)} - {name}
    between = {s.target.array for part in parts[number + 1 : other] for s in part.statements}
    between |= {s.target.array for s in quiet.rows if s is not quiet.carried}
    own = {s.target.array for s in reader.rows}
    return seen == {quiet.before} and tested.isdisjoint(between | own) and name not in own


def _quiet(group: Group) -> Quiet | None:
    """What a loop is if it may become blocks; None if it carries something else."""
    body, count = group.statements, group.count
    if not is_number(count) or count < FEWEST or not all(_is_plain(s, count) for s in body):
        return None
    found = _carried(body)
    if found is None:
        return None
    s, condition = found
    backwards = s.target.strides[0] < 0
    test = Statement(s.target, condition, s.domain)
    rows, (turned,) = body, [test]
    if backwards:
        rows, turned = [forward(x) for x in body], forward(test)
    return Quiet(group, backwards, rows, rows[body.index(s)], turned.expr)


def _earlier(a: Access, iterations: int) -> Access:
    return replace(a, offset=a.offset - a.strides[0] * iterations)


def _carried(body: Sequence[Statement]) -> tuple[Statement, Expr] | None:
    """The statement of the number that is carried, all that is, and when it stays what it is."""
    written = {s.target.array for s in body}
    carried = [s for s in body if any(a.array == s.target.array for a in accesses(s.expr))]
    if len(carried) != 1 or carried[0].accumulate is not None or len(written) < len(body):
        return None
    (s,) = carried
    before = _earlier(s.target, 1)
    inside = {a for x in body for a in accesses(x.expr) if a.array in written}
    condition = condition_of(s.expr, before)
    if inside != {before} or condition is None or under(s.expr, condition) != before:
        return None
    return s, condition


def _is_plain(s: Statement, count: int) -> bool:
    """Whether it is over numbers of iterations, each of which writes an element of its own."""
    own = s.domain == (count,) and bool(s.target.strides[0])
    return own and not any(a.parts for a in s.accesses)


def _changed(
    s: Statement, change: Callable[[Access], Access], domain: tuple[int, ...]
) -> Statement:
    return replace(s, target=change(s.target), expr=map_accesses(s.expr, change), domain=domain)


def _later(s: Statement, first: int, count: int) -> Statement:
    """The statement from an iteration on."""
    return _changed(s, lambda a: replace(a, offset=a.offset + a.strides[0] * first), (count,))
