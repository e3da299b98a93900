"""A loop in order around loops of its own, as steps that are scheduled by themselves.

Each iteration sees the same statements, on arrays that have moved: of what iterations have for
themselves there is one stretch, which stays where it is; all else begins a stride further on. So
what is inside becomes vector loops as if it stood alone. Long loops in segments are such loops
(passes/checkpoints.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..ir.extents import Varying
from ..ir.program import (
    Access,
    Array,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Statement,
    asks,
    map_accesses,
    statements,
)


@dataclass(slots=True)
class Repeat:
    """Steps that run `count` times, one after the other.

    backwards   whether from the last iteration to the first
    program     the arrays as one iteration sees them, and its body
    moves       by how many elements arrays move with each iteration, those that do
    tiles       arrays of which there is one iteration's stretch, so long
    steps       of the schedule
    condition   where it holds in all of so many points, an iteration takes the steps of `at_once`
                instead; None: there are none
    arrays      that this needs beside those of the program
    """

    count: int
    backwards: bool
    program: Program
    moves: dict[str, int]
    tiles: dict[str, int]
    steps: list[Any]
    condition: Expr | None = None
    points: int = 0
    at_once: list[Any] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)

    @property
    def statements(self) -> list[Statement]:
        """Those in it, as an iteration sees them."""
        return list(statements(self.program.body))

    def lines(self, arrays: Mapping[str, Array]) -> Iterator[str]:
        """As it is printed: what moves, then the steps."""
        moving = ", ".join(f"{name} by {step}" for name, step in self.moves.items())
        order = " in reverse order" * self.backwards
        yield f"  {self.count} times{order}" + (f", moving {moving}:" if moving else ":")
        yield from self._shown(self.steps)
        if self.condition is not None:
            yield f"  at once, where {self.condition} for i < {self.points}:"
            yield from self._shown(self.at_once)

    def _shown(self, steps: list[Any]) -> Iterator[str]:
        for step in steps:
            if isinstance(step, Statement):
                yield f"    {step.text(0, self.program.arrays)}"
            else:
                yield from (f"  {line}" for line in step.lines(self.program.arrays))


def repeated(body: list[Node], arrays: Mapping[str, Array], tiles: dict[str, int]) -> Repeat | None:
    """The loop that a body is, without its steps; None if it has no loop in order inside, or if an
    iteration sees another program than the one before.

    tiles   arrays of which statements touch one iteration's stretch, so long
    """
    if len(body) != 1 or not isinstance(body[0], Loop):
        return None
    loop = body[0]
    inside = [node for node in loop.body if isinstance(node, Loop) and node.order is not Order.FREE]
    if loop.order is Order.FREE or type(loop.extent) is not int or not inside or asks(body):
        return None
    moves: dict[str, int] = {}
    for s in statements(body):
        if any(isinstance(count, Varying) for count in s.domain):
            return None
        for name, stride in _strides(s):
            if stride < 0 or moves.setdefault(name, stride) != stride:
                return None
    seen = {
        name: replace(a, shape=(tiles.get(name, a.size - moves.get(name, 0) * (loop.extent - 1)),))
        for name, a in arrays.items()
        if name in tiles or moves.get(name)
    }
    program = Program({**arrays, **seen}, [_inside(node) for node in loop.body])
    moving = {name: stride for name, stride in moves.items() if stride}
    return Repeat(loop.extent, loop.order is Order.REVERSE, program, moving, tiles, [])


def _strides(s: Statement) -> Iterator[tuple[str, int]]:
    """By how much what a statement touches moves with its outermost loop; -1: in another way."""
    for a in s.accesses:
        yield a.array, a.strides[0]
        for part in a.parts:
            if part.is_entry:
                yield str(part.by), part.strides[0]
            elif part.strides[0]:
                yield a.array, -1


def _inside(node: Node) -> Node:
    """A node without the outermost loop."""
    if isinstance(node, Loop):
        return Loop(node.extent, node.order, [_inside(each) for each in node.body])

    def first(a: Access) -> Access:
        return a.within(0)

    return replace(
        node,
        target=first(node.target),
        expr=map_accesses(node.expr, first),
        domain=node.domain[1:],
    )


def flattened(steps: list[Any]) -> Iterator[Any]:
    """Steps, and those inside of them."""
    for step in steps:
        yield step
        if isinstance(step, Repeat):
            yield from flattened([*step.steps, *step.at_once])
