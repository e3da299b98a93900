"""Program -> Program: in loops that keep all iterations, what a condition computes of a state is
where the next iteration has the same.

Requires a verified program. Gradients need what each iteration has computed, so arrays of a loop
that goes on as long as a condition holds have a row for each. An expression that the condition has
of the next state, and the body of the state, is one array then, of one more row: the first is what
was computed before the loop.

    t[i] = erf(h[i])                        kept = first
    h[i + 1] = sub(h[i], t[i])              for i < count[0] in order while going[i]:
    c[i] = erf(h[i + 1])          becomes     h[i + 1] = sub(h[i], kept[i])
    going[i + 1] = gt(c[i], 0.1)              kept[i + 1] = erf(h[i + 1])
                                              going[i + 1] = gt(kept[i + 1], 0.1)

Establishes a program with the same outputs, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..ir.program import (
    Access,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    loops,
    map_accesses,
    map_statements,
    statements,
)
from .loop_numbers import Numbers
from .reaching import fresh
from .simplify import dce

KEPT = (Role.TEMPORARY, Role.OUTPUT)
"""Arrays that nothing is in before a statement has set it."""
NEXT = "'"
"""Behind the name of a state, while expressions are numbered: what it is in the next iteration."""


def with_kept_rows(program: Program) -> Program:
    """The program with such arrays; itself if it has none."""
    pairs: dict[int, list[_Pair]] = {}  # by where the loop stands
    for at, node in enumerate(program.body):
        if isinstance(node, Loop) and node.going is not None and node.order is Order.FORWARD:
            pairs[at] = list(_pairs(program, node, program.body[:at]))
    return dce(_merged(program, pairs)) if any(pairs.values()) else program


@dataclass(frozen=True, slots=True)
class _Pair:
    """A statement of the state, one of the next state that computes the same, and what the first
    one is in the first iteration.
    """

    now: Statement
    later: Statement
    first: Expr


class _Rows:
    """The elements of arrays that the iterations of a loop set, one each; by name, the array and
    where in a row it stands.
    """

    def __init__(self, program: Program, loop: Loop) -> None:
        self.program = program
        self.inside = [s for s in loop.body if isinstance(s, Statement)]
        self.written = {s.target.array for s in statements(loop.body)}
        set_by: dict[str, list[Statement]] = {}
        for s in self.inside:
            set_by.setdefault(s.target.array, []).append(s)
        self.strides: dict[str, int] = {}
        self.of: dict[str, Statement] = {}
        for array, found in set_by.items():
            strides = {_stride(s) for s in found}
            if len(strides) == 1 and all(_is_row(s, loop, program) for s in found):
                self.strides[array] = strides.pop()
                names = [self._name(s.target) for s in found]
                if len(set(names)) == len(names):
                    self.of.update(zip(names, found, strict=True))
        self.times = Counter(self._name(s.target) for s in program.statements)
        reads = [a for s in self.inside for a in accesses(s.expr)]
        self.states = {self._name(a) for a in reads if self.steps(a) == -1}

    def _name(self, a: Access) -> str:
        stride = self.strides.get(a.array)
        return a.array if stride is None else f"{a.array}.{a.offset % stride}"

    def steps(self, a: Access) -> int | None:
        """How many iterations later an element is set than this one; None if it moves otherwise."""
        row = self.of.get(self._name(a))
        if row is None or a.parts:
            return None
        fixed = not a.strides  # before the loop: as in its first iteration
        same = fixed or a.strides == row.target.strides
        return (a.offset - row.target.offset) // _stride(row) if same else None

    def named(self, a: Access) -> Access:
        """An element without its iteration; itself if that moves it otherwise."""
        name, steps = self._name(a), self.steps(a)
        if name in self.states and steps in (-1, 0):
            return Access(name + NEXT * (steps + 1))
        return Access(name) if steps == 0 else a

    def is_first(self, a: Access) -> bool:
        """Whether it is a state before the loop."""
        name = self._name(a)
        return name in self.states and self.times[name] == 2 and self.steps(a) == -1

    def is_stable(self, a: Access) -> bool:
        """Whether an element keeps its number, once it has one."""
        role = self.program.arrays[a.array].role
        given = role in (Role.INPUT, Role.PARAMETER, Role.CONSTANT)
        return given or (self.times[self._name(a)] == 1 and role in KEPT)

    def numbers(self, before: Sequence[Node]) -> tuple[Numbers, dict[int, Access]]:
        """The numbers of what is known before the loop, and elements that have it."""
        following = {name + NEXT: name for name in self.states}
        own = {name for name in self.of if name not in self.states}
        numbers = Numbers(0, following, {*self.written, *own, *following})
        first: dict[int, Access] = {}
        for s in (s for s in before if isinstance(s, Statement) and not s.domain):
            if not all(self.is_first(a) or self.is_stable(a) for a in accesses(s.expr)):
                continue
            expr = map_accesses(s.expr, lambda a: self.named(a) if self.is_first(a) else a)
            if self.is_first(s.target):
                numbers.initial[self.named(s.target)] = numbers.of(expr, inside=False)
            elif self.is_stable(s.target) and self.program.arrays[s.target.array].size == 1:
                first.setdefault(numbers.define(s.target, expr, inside=False), s.target)
        return numbers, first


def _pairs(program: Program, loop: Loop, before: Sequence[Node]) -> Iterator[_Pair]:
    """Those of a loop that no other is around."""
    rows = _Rows(program, loop)
    numbers, first = rows.numbers(before)
    times = Counter(s.target.array for s in program.statements)
    asked = {loop.going.array for loop in loops(program.body) if loop.going is not None}
    of_state: dict[int, Statement] = {}
    for s in rows.inside:
        place = rows.named(s.target)
        alone = times[s.target.array] == 1 and s.target.array not in asked
        if not alone or place is s.target or place.array.endswith(NEXT):
            continue
        number = numbers.define(place, map_accesses(s.expr, rows.named), inside=True)
        later = numbers.later[number]
        now = of_state.get(later) if later not in (-1, number) else None
        begun = numbers.begun[later] if now is not None else -1
        start: Expr | None = first.get(begun)
        if start is None and begun != -1:
            start = numbers.number_of(begun)
        if now is not None and start is not None and _stride(now) == _stride(s):
            del of_state[later]
            yield _Pair(now, s, start)
            continue
        of_state.setdefault(number, s)


def _is_row(s: Statement, loop: Loop, program: Program) -> bool:
    """Whether a statement sets an element of its own in every iteration."""
    kept = program.arrays[s.target.array].role is Role.TEMPORARY
    plain = s.accumulate is None and not s.target.parts
    return kept and plain and s.domain == (loop.extent,) and _stride(s) > 0


def _stride(s: Statement) -> int:
    return s.target.strides[0]


def _merged(program: Program, pairs: Mapping[int, Sequence[_Pair]]) -> Program:
    """The program in which both of each pair are one array."""
    arrays = dict(program.arrays)
    moves: dict[str, tuple[str, int]] = {}  # the array instead, and how much farther in it
    starts: dict[int, list[Statement]] = {}
    gone: set[int] = set()
    origins: dict[int, Statement] = {}
    for at, found in pairs.items():
        for pair in found:
            now, later, stride = pair.now.target, pair.later.target, _stride(pair.now)
            a = arrays.pop(now.array)
            del arrays[later.array]
            name = fresh(replace(program, arrays=arrays), f"kept_{now.array}")
            arrays[name] = replace(a, name=name, shape=(a.size + stride,))
            moves[now.array] = name, 0
            moves[later.array] = name, now.offset + stride - later.offset
            start = pair.now.beside(Access(name, now.offset), pair.first)
            starts.setdefault(at, []).append(start)
            gone.add(id(pair.now))
            origins[id(pair.later)] = pair.now

    def moved(x: Access) -> Access:
        if x.array not in moves:
            return x
        name, farther = moves[x.array]
        return Access(name, x.offset + farther, x.strides, x.parts)

    def changed(s: Statement) -> Statement | None:
        if id(s) in gone:
            return None
        result = replace(s, target=moved(s.target), expr=map_accesses(s.expr, moved))
        return result.taking([origins[id(s)]]) if id(s) in origins else result

    body: list[Node] = []
    for at, node in enumerate(program.body):
        body += [*starts.get(at, ()), *map_statements([node], changed)]
    return replace(program, arrays=arrays, body=body)
