"""Schedule -> groups: what runs together, as lines with the numbers of their statements, and what
was decided about it, in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ...errors import counted
from ..emit.origins import Origins
from ..explain import manner
from ..ir.extents import INDEX_NAMES
from ..ir.program import Array, Loop, Node, Statement, statements
from ..ir.statements import lines as printed
from ..ir.text import count_text
from ..schedule.counts import operations
from ..schedule.lanes import VectorLoop
from ..schedule.nest import Nest
from ..schedule.product import Product
from ..schedule.repeat import Repeat
from ..schedule.schedule import Schedule, Step
from .model import Line

SCALAR = "one number at a time"


@dataclass(slots=True)
class Draft:
    """A group without figures.

    lanes   of each statement, by its number, in words
    """

    title: str
    reasons: list[str]
    lines: list[Line] = field(default_factory=list)
    lanes: dict[int, str] = field(default_factory=dict)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of its statements."""
        return tuple(self.lanes)


def groups_of(schedule: Schedule, origins: Origins, dtype: str) -> Iterator[Draft]:
    """All groups, in the order in which they run."""
    writer = _Writer(origins, dtype)
    for k, steps in enumerate(schedule.functions):
        for is_plain, some in groupby(steps, lambda step: isinstance(step, Statement)):
            found = list(some)
            if is_plain:
                yield writer.straight(found, schedule.program.arrays)
                continue
            for step in found:
                draft = writer.step(step, schedule.program.arrays)
                if len(schedule.functions) > 1:
                    draft.reasons.append(f"in function {k} of {len(schedule.functions)}")
                yield draft


def domain_of(s: Statement, arrays: Mapping[str, Array]) -> str:
    """The loops of a statement, in words."""
    counts = [count_text(n, s.domain[:d], arrays) for d, n in enumerate(s.domain)]
    named = [f"{name} < {n}" for name, n in zip(INDEX_NAMES, counts, strict=False)]
    return f"for {', '.join(named)}" if named else "once"


@dataclass(slots=True)
class _Writer:
    origins: Origins
    dtype: str

    def straight(self, steps: Sequence[Step], arrays: Mapping[str, Array]) -> Draft:
        """Statements that stand alone."""
        draft = Draft(f"straight line of {counted(len(steps), 'statement')}", [])
        draft.reasons.append("no loop is around them: they are computed number by number")
        for s in steps:
            assert isinstance(s, Statement)
            self._statement(draft, s, s.text(0, arrays), SCALAR)
        return draft

    def step(self, step: Step, arrays: Mapping[str, Array]) -> Draft:
        """A step that is no statement."""
        if isinstance(step, VectorLoop):
            return self._loop(step, arrays)
        if isinstance(step, Nest):
            return self._nest(step, arrays)
        if isinstance(step, Product):
            return self._product(step, arrays)
        assert isinstance(step, Repeat)
        return self._repeat(step)

    def _loop(self, loop: VectorLoop, arrays: Mapping[str, Array]) -> Draft:
        group = loop.group
        in_turn = " in order" * group.in_turn
        draft = Draft(f"loop of {_count(group.count)}{in_turn}", [manner(loop, self.dtype)])
        draft.reasons.append(loop.reason.partition(": ")[2])
        if loop.is_shared:
            draft.reasons.append("threads share its iterations")
        if loop.tiles:
            draft.reasons.append(f"in registers or the first cache: {', '.join(loop.tiles)}")
        if loop.strips:
            draft.reasons.append(f"handed on from pass to pass: {', '.join(loop.strips)}")
        numbers = self.origins.numbers(group.statements)
        draft.lines.append(Line(f"for {INDEX_NAMES[0]} < {group.count!s}{in_turn}:", numbers))
        for s, lane in zip(group.statements, loop.lanes, strict=True):
            lanes = SCALAR if lane is None or loop.width == 1 else _lanes(lane, loop.width)
            self._statement(draft, s, f"  {s.text(1, arrays)}", lanes)
        return draft

    def _nest(self, nest: Nest, arrays: Mapping[str, Array]) -> Draft:
        first = nest.body[0]
        what = f"loop of {_count(first.extent)}" if isinstance(first, Loop) else "loops"
        draft = Draft(f"{what}, as it stands", [nest.reason])
        across = [course.width for course in nest.courses if course.across]
        if across:
            draft.reasons.append(f"{across[0]} iterations of it at a time, in lanes of vectors")
        if nest.tiles:
            names = ", ".join(nest.tiles)
            draft.reasons.append(f"only one iteration's part is kept of {names}")
        courses = iter(nest.courses)
        texts = printed(nest.body, arrays)
        for node, text in zip(_walk(nest.body), texts, strict=True):
            if isinstance(node, Loop):
                numbers = self.origins.numbers(list(statements([node])))
                draft.lines.append(Line(text, numbers))
                continue
            course = next(courses)
            lanes = SCALAR if course.lane is None else _lanes(course.lane, course.width)
            if course.copied:
                copied = ", ".join(dict.fromkeys(a.array for a in course.copied))
                lanes += f", from a copy of {copied}"
            self._statement(draft, node, text, lanes)
        return draft

    def _product(self, product: Product, arrays: Mapping[str, Array]) -> Draft:
        title, *lines = [line.strip() for line in product.lines(arrays)]
        head, _, how = title.partition(": ")
        draft = Draft(f"{head} of matrices" if head else "product", [*how.split(", ")])
        lanes = "a tile of the result in registers, columns in lanes"
        everything = [product.contraction, *product.finish, *product.passing]
        of = {f"finish: {s.text(0, arrays)}": s for s in product.finish}
        of |= {f"in passing: {s.text(0, arrays)}": s for s in product.passing}
        of[product.contraction.text(0, arrays)] = product.contraction
        for line in lines:
            s = of.pop(line, None)
            if s is not None:
                self._statement(draft, s, line, lanes)
            elif line.startswith("start"):
                draft.lines.append(Line(line, self.origins.numbers(everything[:1])))
            else:
                draft.reasons.append(line)
        return draft

    def _repeat(self, repeat: Repeat) -> Draft:
        order = " in reverse order" if repeat.backwards else " in order"
        draft = Draft(f"loop of {counted(repeat.count, 'iteration')}{order}", [])
        if repeat.moves:
            moves = ", ".join(f"{name} by {n}" for name, n in repeat.moves.items())
            draft.reasons.append(f"every iteration is the same, with arrays moved on: {moves}")
        head = Line(f"for {INDEX_NAMES[0]} < {repeat.count}{order}:")
        draft.lines.append(head)
        self._inside(draft, repeat.steps, repeat)
        if repeat.condition is not None:
            text = f"  at once, where {repeat.condition} for i < {repeat.points}:"
            at = len(draft.lines)
            draft.lines.append(Line(text))
            before = set(draft.lanes)
            self._inside(draft, repeat.at_once, repeat)
            draft.lines[at] = Line(text, tuple(k for k in draft.lanes if k not in before))
        draft.lines[0] = Line(head.text, draft.numbers)
        return draft

    def _inside(self, draft: Draft, steps: Sequence[Step], repeat: Repeat) -> None:
        arrays = repeat.program.arrays
        for step in steps:
            if isinstance(step, Statement):
                self._statement(draft, step, f"  {step.text(0, arrays)}", SCALAR)
                continue
            inner = self.step(step, arrays)
            draft.lines += [Line(f"  {line.text}", line.statements) for line in inner.lines]
            draft.reasons += [f"inside, {inner.title}: {reason}" for reason in inner.reasons]
            draft.lanes |= inner.lanes

    def _statement(self, draft: Draft, s: Statement, text: str, lanes: str) -> None:
        (number,) = self.origins.numbers([s])
        draft.lines.append(Line(text, (number,)))
        draft.lanes[number] = lanes


def work_of(s: Statement) -> int:
    """How many operations each point of a statement takes."""
    return max(1, operations(s.expr) + (s.accumulate is not None))


def _walk(body: Sequence[Node]) -> Iterator[Node]:
    for node in body:
        yield node
        if isinstance(node, Loop):
            yield from _walk(node.body)


def _count(count: int) -> str:
    return counted(count, "iteration") if type(count) is int else f"{count!s} iterations"


def _lanes(lane: int, width: int) -> str:
    return f"{width} of {INDEX_NAMES[lane]} in the lanes of a vector"
