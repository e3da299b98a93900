"""Program -> Program: what the condition of a loop has computed of a state, the next iteration does
not compute again.

Requires a program whose loops that go on as long as a condition holds keep one iteration's numbers
(carried.py): what an iteration makes the next state is copied at its end, behind the condition,
which is computed of it. Expressions in such a loop are numbered; one that the condition computes of
the next state, and the body of the state, is kept from iteration to iteration, and begins with what
the condition before the loop has computed.

    for i < 100 in order while going:         t = erf(h)
      b = erf(h)                              kept = t
      next_h = sub(h, b)                      for i < 100 in order while going:
      c = erf(next_h)               becomes     next_h = sub(h, kept)
      next_going = gt(c, 0.1)                   c = erf(next_h)
      h = next_h                                next_going = gt(c, 0.1)
      going = next_going                        h = next_h
                                                going = next_going
                                                kept = c

Establishes a program with the same outputs, bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Program,
    Role,
    Statement,
    accesses,
    asks,
    map_accesses,
)
from .kept_rows import with_kept_rows
from .loop_numbers import Numbers
from .reaching import fresh
from .reused import is_slow

CHEAP_OPS = 3
"""Operations, none of them slow, that are done again instead of being kept."""


def without_repeats(program: Program) -> Program:
    """The program whose loops compute such expressions once; itself if it has none."""
    if not asks(program.body):
        return program
    program = with_kept_rows(program)
    made = replace(program, arrays=dict(program.arrays))
    body = _body(made, program.body)
    return program if body is None else replace(made, body=body)


def _body(program: Program, body: Sequence[Node], depth: int = 0) -> list[Node] | None:
    """What nodes inside of so many loops become; None if nothing changes."""
    found: list[Node] = []
    before: list[Statement] = []  # since the last loop
    changed = False
    for node in body:
        if isinstance(node, Statement):
            before.append(node)
            found.append(node)
            continue
        inner = _body(program, node.body, depth + 1)
        if inner is not None:
            node, changed = replace(node, body=inner), True
        new: list[Node] = [node]
        if node.going is not None:
            new = _Repeated(program, node, before, depth).written()
        changed = changed or new != [node]
        found += new
        before = []
    return found if changed else None


class _Repeated:
    """A loop that goes on as long as a condition holds, without what it would compute again.

    before   the statements right before it
    """

    def __init__(
        self, program: Program, loop: Loop, before: Sequence[Statement], depth: int
    ) -> None:
        self.program, self.loop, self.depth = program, loop, depth
        self.inside = [s for s in loop.body if isinstance(s, Statement)]
        self.copies: list[Statement] = []
        following = self._following()
        self.numbers = Numbers(depth, following, {s.target.array for s in self.inside})
        written = Counter(s.target.array for s in program.statements)
        self.single = {name for name, times in written.items() if times == 1}
        self.first: dict[int, Access] = {}
        self.same: dict[Access, Access] = {}  # what is computed twice in an iteration
        added = {s.target.array for s in program.statements if s.accumulate}
        if added.isdisjoint(following.values()):
            for s in before:
                name, numbers = s.target.array, self.numbers
                if not self._is_point(s, depth):
                    continue
                if name in numbers.states:
                    here = numbers.place(s.target, inside=False)
                    numbers.initial[here] = numbers.of(s.expr, inside=False)
                elif name in self.single and program.arrays[name].size == 1:
                    number = self.numbers.define(s.target, s.expr, inside=False)
                    self.first.setdefault(number, s.target)

    def _following(self) -> dict[str, str]:
        """What the copies at the end make the state; these are taken away."""
        sources = set()
        found: dict[str, str] = {}
        while self.inside and isinstance(expr := self.inside[-1].expr, Access):
            s = self.inside[-1]
            if s.target.array in sources or s.accumulate or expr.of(s.target.array) != s.target:
                break
            sources.add(expr.array)
            found[expr.array] = s.target.array
            self.copies.insert(0, self.inside.pop())
        return found

    def _is_point(self, s: Statement, depth: int) -> bool:
        return len(s.domain) == depth and s.accumulate is None

    def written(self) -> list[Node]:
        """The loop, behind what is kept of before it."""
        if len(self.inside) + len(self.copies) < len(self.loop.body):
            return [self.loop]
        again = self._again() if self.first or self.numbers.initial else {}
        kept: dict[Access, Access] = {}
        body: list[Statement] = []
        needed = {self._place(a) for s in self.copies for a in accesses(s.expr)}
        costs = self._costs(again)
        ends: list[Statement] = []
        starts: list[Statement] = []
        for s in reversed(self.inside):
            if s.target in self.same:
                continue
            target = self._place(s.target)
            if target in again:
                if target not in needed:
                    continue
                if costs[target] > CHEAP_OPS:
                    kept[s.target] = self._keep(s, *again[target], starts, ends)
                    continue
            needed.update(self._place(self.same.get(a, a)) for a in accesses(s.expr))
            body.insert(0, s)
        if not kept:
            return [self.loop]
        kept |= {a: kept.get(b, b) for a, b in self.same.items()}
        body = [replace(s, expr=map_accesses(s.expr, lambda a: kept.get(a, a))) for s in body]
        return [*starts, replace(self.loop, body=[*body, *self.copies, *ends])]

    def _place(self, a: Access) -> Access:
        return self.numbers.place(a, inside=True)

    def _again(self) -> dict[Access, tuple[Statement, Expr]]:
        """The elements that the condition has computed in the iteration before: the statement that
        does, and what is the same before the loop.
        """
        numbers, of_state = self.numbers, dict[int, Statement]()
        outside = self._read_elsewhere()
        found: dict[Access, tuple[Statement, Expr]] = {}
        for s in self.inside:
            name = s.target.array
            own = name in self.single and name not in numbers.following
            if not own or not self._is_point(s, self.depth + 1):
                continue
            number = numbers.define(s.target, s.expr, inside=True)
            later = numbers.later[number]
            if number in of_state and name not in outside:
                self.same[s.target] = of_state[number].target
                continue
            first = self._first(numbers.begun[later]) if later != -1 else None
            if later not in (-1, number) and later in of_state and first is not None:
                found[self._place(of_state[later].target)] = s, first
            of_state.setdefault(number, s)
        return {a: x for a, x in found.items() if a.array not in outside}

    def _first(self, number: int) -> Expr | None:
        """What is the same before the loop: an element, or a number; None if nothing is."""
        if number == -1:
            return None
        found = self.first.get(number)
        return self.numbers.number_of(number) if found is None else found

    def _read_elsewhere(self) -> set[str]:
        own = {id(s) for s in self.loop.body}
        others = [s for s in self.program.statements if id(s) not in own]
        return {a.array for s in others for a in s.accesses}

    def _costs(self, again: dict[Access, tuple[Statement, Expr]]) -> dict[Access, float]:
        """How many operations such elements take of what is there."""
        costs: dict[Access, float] = {}
        for s in self.inside:
            if (target := self._place(s.target)) in again:
                read = [self._place(self.same.get(a, a)) for a in accesses(s.expr)]
                own = [costs.get(a, 0.0) for a in read]
                costs[target] = sum(own) + _cost(s.expr)
        return costs

    def _keep(
        self,
        s: Statement,
        again: Statement,
        first: Expr,
        starts: list[Statement],
        ends: list[Statement],
    ) -> Access:
        """What is kept of a statement: it begins with an element, and ends as that of another."""
        array = self.program.arrays[s.target.array]
        name = fresh(self.program, f"kept_{array.name}")
        self.program.arrays[name] = replace(array, name=name, role=Role.SCRATCH)
        here, at = s.target.of(name), self.depth
        outer = Access(name, here.offset, (*here.strides[:at], *here.strides[at + 1 :]))
        starts.append(s.beside(outer, first, s.domain[:at]))
        ends.append(s.beside(here, again.target, s.domain))
        return here


def _cost(expr: Expr) -> float:
    """How many operations an expression has; infinitely many if one is slow."""
    if not isinstance(expr, Apply):
        return 0
    return (inf if is_slow(expr) else 1) + sum(map(_cost, expr.args))
