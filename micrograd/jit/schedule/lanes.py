"""Group -> VectorLoop: which dimension becomes vector lanes, and how far to unroll.

Either the lanes are iterations of the fused loop (many samples at a time), or every statement has
lanes of its own inside an iteration (the units of a layer), and several iterations are unrolled
side by side so that they share what they load and hide each other's latencies. Where a statement
reads lane by lane what another has just stored as vectors, the loop is divided into passes over
blocks of iterations. Short sums over lanes run in passes of their own, a vector's width of
iterations abreast: a tree of shuffles adds them up into one vector, in whose lanes the scalar
statements run. A small cost model in vector operations per iteration decides; its figures are part
of the printed schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from ..ir.extents import INDEX_NAMES, is_number
from ..ir.program import Array, Program, Role, Statement, accesses
from ..ir.stretches import private, stretches
from ..target import Target
from .counts import functions, operations
from .divided import divided
from .forwarded import forwarded
from .fuse import Group
from .lane_costs import LaneCosts
from .routes import moves
from .scaled import scaled
from .summed import summed

STRIP_NUMBERS = 6000
"""Numbers that passes hand on, in a block: they share the L1 cache with what else is read."""
SHARED_WORK = 1024 * 1024
"""Operations from which on threads share a loop: some tens of microseconds."""
UNROLLED_OPS = 100
"""Vector operations in the body of a loop after unrolling it."""
MOST_UNROLLED = 4
"""Iterations, or vectors of them, side by side at most."""
WRITTEN_OUT = 25
"""Operations of a function of the C library as arithmetic, about."""


@dataclass(slots=True)
class Pass:
    """Statements of a group, by number, that run in one loop over a block of iterations.

    unroll   iterations (or vectors of iterations) side by side
    abreast  whether a vector's width of iterations runs at a time: sums over lanes are added up
             together, and become the lanes in which the scalar statements run
    """

    statements: list[int]
    unroll: int
    abreast: bool = False


@dataclass(slots=True)
class VectorLoop:
    """A group, and how it is vectorised.

    lanes    per statement the dimension of its domain that lies in vector lanes (0 is the fused
             loop: for all statements, or for those in passes abreast that have no other); None:
             the statement is scalar
    width    numbers in a vector
    passes   run one after the other over each block of iterations
    block    iterations in a block: what passes hand on stays in the L1 cache
    tiles    private arrays that nothing outside needs, by the length of an iteration's stretch,
             and that live in one pass
    strips   the same, but handed from pass to pass
    unstored arrays that no statement needs any more
    arrays   what statements of its own copy into: some of the tiles and strips
    cost     vector operations an iteration, about
    """

    group: Group
    lanes: list[int | None]
    width: int
    passes: list[Pass]
    block: int
    tiles: dict[str, int]
    strips: dict[str, int]
    reason: str
    unstored: set[str]
    arrays: list[Array]
    cost: float

    def lines(self, arrays: Mapping[str, Array]) -> Iterator[str]:
        """As it is printed: the reason, then the statements with what lies in their lanes."""
        yield f"  {self.reason}{', for threads to share' * self.is_shared}"
        depth = int(self.group.in_turn)
        if depth:
            yield f"    for {INDEX_NAMES[0]} < {self.group.count!s} in order:"
        for s, lane in zip(self.group.statements, self.lanes, strict=True):
            text = "    " + "  " * depth + s.text(depth, arrays)
            yield text if lane is None else f"{text}  ; lanes: {INDEX_NAMES[lane]}"

    @property
    def statements(self) -> list[Statement]:
        """Those in it, in the order in which they stand."""
        return self.group.statements

    @property
    def work(self) -> int:
        """Operations, at most."""
        return sum(s.points * max(1, operations(s.expr)) for s in self.group.statements)

    @property
    def is_shared(self) -> bool:
        """Whether threads may share it: each iteration writes what no other one touches."""
        statements = self.group.statements
        if self.group.in_turn or not is_number(self.group.count) or self.work < SHARED_WORK:
            return False
        if any(s.accumulate is not None for s in statements):
            return False
        written = {s.target.array for s in statements} - {*self.tiles, *self.strips}
        return written <= private(written, stretches(statements)).keys()

    @property
    def is_indirect(self) -> bool:
        """Whether every statement goes through an index table."""
        return all(map(_is_indirect, self.group.statements))

    @property
    def across(self) -> bool:
        """Whether the lanes are iterations of the fused loop."""
        return all(lane == 0 for lane in self.lanes)


def vectorize(
    group: Group, program: Program, width: int, outside: Collection[str], target: Target
) -> VectorLoop:
    """The cheapest plan; `outside` are the arrays that other parts of the program touch."""
    scratch = {
        name: size
        for name, size in group.private.items()
        if name not in outside and program.arrays[name].role is Role.TEMPORARY
    }
    model = LaneCosts(group, program, width, scratch)
    inner, abreast = model.inside()
    inside = sum(cost for _, cost in inner)
    across = sum(model.cost(s, 0) for s in group.statements)
    scalar = group.in_turn or all(map(_is_indirect, group.statements))
    by_iteration = across < inside and not scalar
    gone, made = set[str](), list[Array]()
    if by_iteration:
        group, gone = _straightened(group, scratch)
        group, numbers, made = _in_passes(group, program, width, scratch, target)
        scratch |= {a.name: a.size // a.shape[0] for a in made}
        model = LaneCosts(group, program, width, scratch)
        lanes: list[int | None] = [0] * len(group.statements)
        costs = [model.cost(s, 0) * width for s in group.statements]
        abreast = set()
    else:
        if width == target.line and len(abreast) == len(inner) and model.straddles():
            width //= 2
            inner, abreast = LaneCosts(group, program, width, scratch).inside()
        lanes = [lane for lane, _ in inner]
        costs = [cost for _, cost in inner]
        numbers = [0] * len(lanes) if group.in_turn else _pass_numbers(group, lanes, abreast)
    steps = max(1, group.count // width) if by_iteration else group.count
    strips = _strips(group, numbers, abreast, scratch)
    tiles = {name: size for name, size in scratch.items() if name not in strips}
    handed = sum(strips.values())
    block = _block(group.count, handed, width, even=by_iteration)
    passes = []
    for number in sorted(set(numbers)):
        members = [k for k, n in enumerate(numbers) if n == number]
        together = members[0] in abreast
        cost = sum(costs[k] + _called(group.statements[k], lanes[k], width) for k in members)
        unroll = 1 if scalar or together else _unrolling(cost, steps)
        if handed and by_iteration:
            unroll = _dividing(unroll, block // width)
        passes.append(Pass(members, unroll, together))
    reason = (
        f"loop of {group.count}, {len(group.statements)} statements: "
        + ("in order, " if group.in_turn else "")
        + ("iterations in lanes" if by_iteration else "lanes within an iteration")
        + f" ({across:.1f} vector operations an iteration across, {inside:.1f} within), "
        + f"{len(passes)} pass{'es' * (len(passes) > 1)} over blocks of {block}, "
        + f"{', '.join(str(width if p.abreast else p.unroll) for p in passes)} side by side"
        + ", sums over lanes added up together" * any(p.abreast for p in passes)
    )
    return VectorLoop(
        group, lanes, width, passes, block, tiles, strips, reason, gone, made, min(across, inside)
    )


def _in_passes(
    group: Group, program: Program, width: int, scratch: Mapping[str, int], target: Target
) -> tuple[Group, list[int], list[Array]]:
    """A group whose iterations lie in lanes, the pass of each statement, and the arrays that are
    made for it.
    """
    body, count = group.statements, group.count
    if not is_number(count) or target.strict:
        return group, [0] * len(body), []
    found = summed(body, scratch, program.arrays, target.registers, width)
    if found is None:
        return group, divided(body, scratch, count, width), []
    own = {*scratch, *(a.name for a in found.arrays)}
    first = divided(found.first, own, count, width, passes=True)
    return replace(group, statements=found.statements), found.numbered(first), found.arrays


def _strips(
    group: Group, numbers: Sequence[int], abreast: Collection[int], scratch: Mapping[str, int]
) -> dict[str, int]:
    """Of the arrays that iterations have for themselves, those that passes hand on."""
    home: dict[str, int] = {}
    strips: dict[str, int] = {}
    for k, (s, number) in enumerate(zip(group.statements, numbers, strict=True)):
        for name in [x for x in dict.fromkeys(a.array for a in s.accesses) if x in scratch]:
            if home.setdefault(name, number) != number or k in abreast:
                strips[name] = scratch[name]
    return strips


def _straightened(group: Group, own: Collection[str]) -> tuple[Group, set[str]]:
    """A group whose iterations lie in lanes with less in memory, and the arrays that go."""
    found, gone = forwarded(group.statements, own)
    found = [replace(s, expr=scaled(s.expr)) if s.accumulate else s for s in found]
    return replace(group, statements=found), gone


def _is_indirect(s: Statement) -> bool:
    """Whether it goes through an index table: it waits for memory, whatever is unrolled."""
    return any(a.parts for a in s.accesses)


def _called(s: Statement, lane: int | None, width: int) -> float:
    """Operations that functions of the C library are in a step, beyond the one that each counts:
    written out they fill the processor by themselves, and are long.
    """
    points = 1 if lane == 0 else s.points // s.domain[0]
    vectors = points if not lane else points // s.domain[lane] * ceil(s.domain[lane] / width)
    return WRITTEN_OUT * vectors * functions(s.expr)


def _block(count: int, handed: int, width: int, *, even: bool) -> int:
    """Iterations in a block, of which each hands so many numbers on; `even`: of whole vectors."""
    if not handed:
        return int(count)
    block = min(int(count), max(4 * width, STRIP_NUMBERS // handed // width * width))
    return _even(block // width, count // width) * width if even else block


def _even(most: int, vectors: int) -> int:
    """How many vectors of iterations are in a block: at most so many, and if half as many at least
    divide them all, so that no code is made for what would be left; else a multiple of those that
    are side by side.
    """
    rounded = most // MOST_UNROLLED * MOST_UNROLLED or most
    return next((k for k in range(most, most // 2, -1) if vectors % k == 0), rounded)


def _dividing(unroll: int, vectors: int) -> int:
    """About as many vectors side by side as planned, so that none of a block are left."""
    near = range(unroll + 1, unroll // 2, -1) if unroll > 1 else ()
    return next((k for k in near if vectors % k == 0), unroll)


def _unrolling(cost: float, steps: int) -> int:
    unroll = 1
    while unroll < MOST_UNROLLED and 2 * unroll * cost <= UNROLLED_OPS and steps >= 2 * unroll:
        unroll *= 2
    return unroll


def _pass_numbers(group: Group, lanes: list[int | None], abreast: Collection[int]) -> list[int]:
    """The pass of each statement: odd for those `abreast`, even for others.

    A vector that was just stored and is loaded number by number makes every load wait for the
    store (it cannot be forwarded in part), so such a reader goes into a later pass. A statement
    that only sets a start value joins the pass of what adds to it.
    """
    statements = group.statements
    odd = [k in abreast for k in range(len(statements))]
    numbers = [int(is_odd) for is_odd in odd]
    for k, s in enumerate(statements):
        for j in range(k):
            later = _follows(statements[j], s)
            if later:
                least = numbers[j] + _waits(statements[j], s, lanes[j], lanes[k])
                numbers[k] = max(numbers[k], least + (least % 2 != odd[k]))
    written = {s.target.array for s in statements}
    for k in reversed(range(len(statements))):
        s = statements[k]
        if s.accumulate or any(a.array in written for a in accesses(s.expr)):
            continue
        users = [
            numbers[j] - _waits(s, statements[j], lanes[k], lanes[j])
            for j in range(k + 1, len(statements))
            if _follows(s, statements[j])
        ]
        most = min(users, default=numbers[k])
        numbers[k] = max(numbers[k], most - (most % 2 != odd[k]))
    return numbers


def _follows(first: Statement, second: Statement) -> bool:
    """Whether the second must come after the first."""
    reads = {a.array for a in accesses(second.expr)}
    if first.target.array in reads or second.target.array in {
        a.array for a in accesses(first.expr)
    }:
        return True
    same = first.target.array == second.target.array
    return same and not (first.accumulate and second.accumulate and not moves(first.target)[0])


def _waits(writer: Statement, reader: Statement, written: int | None, read: int | None) -> bool:
    """Whether the reader takes single numbers out of vectors that the writer stores."""
    if written is None or not read or not moves(writer.target)[written]:
        return False
    return any(
        a.array == writer.target.array and moves(a)[read] == 0 and any(moves(a)[written:])
        for a in accesses(reader.expr)
    )
