"""Program -> Program: long loops in order in segments, whose steps can be computed again.

The reverse of a loop needs what every step has computed. Where that is more than the target keeps
(`Target.kept`), n steps become segments of the divisor of n that is nearest to its square root, or
of the root itself and what is left over:

    for s < segments in order:
      h_part[s, 0] = h_kept[s]
      for t < length in order:
        h_part[s, t + 1] = f(h_part[s, t])
      h_kept[s + 1] = h_part[s, length]

Only one segment's part is needed at a time, and the checkpoints `h_kept`. Differentiation then puts
the steps once more before the reverse of each segment (`Segments.again`). That is the same
arithmetic, and sums have the same order, so not a bit changes, unless other lines share the
segments: none does if the target is strict.

Requires a program whose reductions can be differentiated; establishes a verified one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...errors import counted
from ..ir.extents import is_number
from ..ir.program import (
    Access,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    asks,
    map_accesses,
    map_statements,
    statements,
)
from ..target import Target
from .cuts import Cut
from .flows import active
from .reaching import fresh
from .segments import lines_around, touches
from .steps_first import steps_first
from .turned import turned


@dataclass(slots=True)
class Segments:
    """The loops over segments, and which arrays each computes again; what was not cut, and why."""

    loops: list[tuple[Node, set[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def again(self, loop: Loop, backwards: list[Node], program: Program) -> list[Node]:
        """The reverse of a loop's body, behind what computes the steps of a segment once more."""
        parts = next((names for each, names in self.loops if each is loop), set())
        names = {}
        for name in [name for name in program.arrays if name in parts]:
            names[name] = fresh(program, f"{name}_again")
            program.arrays[names[name]] = replace(program.arrays[name], name=names[name])
        if not names:
            return backwards

        def once_more(s: Statement) -> Statement | None:
            return _renamed(s, names) if s.target.array in names else None

        steps = map_statements(loop.body, once_more)
        return [*steps, *map_statements(backwards, lambda s: _renamed(s, names))]


def _renamed(s: Statement, names: dict[str, str]) -> Statement:
    """The statement on arrays of other names."""

    def change(a: Access) -> Access:
        return a.of(names.get(a.array, a.array))

    return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))


def in_segments(program: Program, target: Target, seeds: set[str]) -> tuple[Program, Segments]:
    """The program with its long loops in order cut into segments: of those that derivatives by the
    seeds flow through.
    """
    found = Segments()
    done: list[Node] = []
    program = _in_order(program, target, seeds)
    while True:
        long = [k for k, x in _long(program, target, seeds) if not any(x is y for y in done)]
        if not long:
            return program, found
        loop = program.body[long[0]]
        assert isinstance(loop, Loop)
        done.append(loop)
        cut = _cut(program, long[0], target, done)
        if isinstance(cut, str):
            found.notes.append(f"{counted(int(loop.extent), 'step')} are kept: {cut}")
            continue
        program = cut.rewritten()
        found.notes.append(cut.note)
        for before, after in cut.changed:
            done = [after if node is before else node for node in done]
            found.loops = [(after if x is before else x, parts) for x, parts in found.loops]
        done += cut.made
        found.loops.append((cut.loop, cut.parts))


def _in_order(program: Program, target: Target, seeds: set[str]) -> Program:
    """The program whose long loops run in order, as far as that is possible: those in reverse
    order, and those in order inside of loops over many things.
    """
    if not target.strict:
        program = _outside(program, target, seeds)
    for k, loop in _long(program, target, seeds):
        if loop.order is Order.REVERSE and is_number(loop.extent):
            program = turned(program, k, strict=target.strict) or program
    return program


def _outside(program: Program, target: Target, seeds: set[str]) -> Program:
    """The program whose long loops in order are around loops over things, not inside of them."""
    for k, loop in reversed(_long(program, target, seeds)):
        if loop.order is Order.FREE:
            program = steps_first(program, k) or program
    return program


def _long(program: Program, target: Target, seeds: set[str]) -> list[tuple[int, Loop]]:
    """The loops that derivatives flow through whose steps leave more than is kept, with their
    places.
    """
    return [
        (k, node)
        for k, node in enumerate(program.body)
        if isinstance(node, Loop)
        and not asks([node])
        and _kept([node], program) * target.dtype.itemsize > target.kept
        and not active(program, seeds).isdisjoint(touches(node, rows=False))
    ]


def _kept(nodes: list[Node], program: Program) -> int:
    """How many numbers lines leave in arrays of their own."""
    written = {s.target.array for s in statements(nodes)}
    return sum(a.size for a in program.with_role(Role.TEMPORARY) if a.name in written)


def _cut(program: Program, at: int, target: Target, done: Sequence[Node]) -> Cut | str:
    """How a loop is cut; or why it is not."""
    loop = program.body[at]
    assert isinstance(loop, Loop)
    if loop.order is Order.REVERSE:
        return "they run from last to first, over arrays that cannot lie the other way round"
    if loop.order is Order.FREE:
        return "they run in any order"
    if type(loop.extent) is not int:
        return "how many there are is known only when the code runs"
    joining = [] if target.strict else _others(program.body, done)
    lines = lines_around(program.body, at, joining)
    rows = lines.rows(program)
    saved = sum(program.arrays[name].size for name in rows)
    if not saved:
        return "all that they compute is read outside of them, or not step by step"
    if 2 * saved < _kept(lines.members, program):
        kept = {s.target.array for s in statements(lines.members)} - rows.keys()
        most = max(sorted(kept), key=lambda name: program.arrays[name].size)
        return f"{most} is read outside of them, or not step by step"
    return Cut(program, lines, rows)


def _others(body: Sequence[Node], done: Sequence[Node]) -> list[int]:
    """The places of lines that are in no segments."""
    return [k for k, node in enumerate(body) if not any(node is x for x in done)]
