"""Sums that loops in order make step by step, one version of an array after the other -> one array.

    for k < 9 in order:                                     s[k + l + 1] += mul(x[k], w[k, l])
      t[k + 1, l] = add(mul(x[k], w[k, l]), t[k, l + 1])      for k < 9, l < 9 - k
        for l < 9 - k

Columns that are added up one after the other, factorizations that update what is left of a matrix:
what a step adds to is what the step before has made, perhaps some places further on, and only what
the last step has made is read otherwise. So there is no need for versions, nor of their cotangents.

Requires a verified program; establishes one that computes the same, in the same order of sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ... import ops
from ...errors import CompilerError
from ..ir.extents import Extent
from ..ir.places import Place, apart
from ..ir.points import Unknown, elements
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    map_statements,
)
from ..ir.verify import verify

MOST_POINTS = 1 << 22
"""Of the statements that touch an array: each is looked at."""


def accumulated(program: Program) -> Program:
    """The program with sums in place where their versions are not needed."""
    for update in list(_updates(program.body, ())):
        changed = _in_place(program, update)
        if changed is not None:
            program = changed
    return program


@dataclass(frozen=True, slots=True)
class _Update:
    """A statement that makes each element of one that a loop's iteration before has made.

    before    what it adds to
    term      what it adds
    loop      the number of the loop
    beside    the number of the loop in which what it adds to lies further on; -1: none
    further   by so much
    """

    statement: Statement
    before: Access
    term: Expr
    loop: int
    beside: int
    further: int


def _updates(body: list[Node], path: tuple[Loop, ...]) -> Iterator[_Update]:
    """The updates in some loops."""
    for node in body:
        if isinstance(node, Loop):
            yield from _updates(node.body, (*path, node))
            continue
        for d, loop in enumerate(path):
            found = _update(node, d) if loop.order is Order.FORWARD else None
            if found is not None:
                yield found


def _update(s: Statement, d: int) -> _Update | None:
    """A statement as an update over loop d, if it is one."""
    if s.accumulate is not None or not isinstance(s.expr, Apply) or s.target.parts:
        return None
    coefficients = s.expr.op.coefficients
    if len(coefficients) != 2:
        return None
    for k in (1, 0):
        before, term = s.expr.args[k], s.expr.args[1 - k]
        if not isinstance(before, Access) or before.array != s.target.array or before.parts:
            continue
        if coefficients[k] != 1.0 or before.strides != s.target.strides:
            continue
        gap = before.offset - s.target.offset + s.target.strides[d]
        if coefficients[1 - k] == -1.0:
            term = ops.neg(term)
        if gap == 0:
            return _Update(s, before, term, d, -1, 0)
        for beside in range(d + 1, len(s.domain)):
            stride = s.target.strides[beside]
            if stride and gap % stride == 0 and abs(gap // stride) <= int(s.domain[beside]):
                return _Update(s, before, term, d, beside, gap // stride)
    return None


def _in_place(program: Program, update: _Update) -> Program | None:
    """The program without the versions that an update makes, if nothing else needs them."""
    s, array = update.statement, program.arrays[update.statement.target.array]
    touching = [x for x in program.statements if any(a.array == array.name for a in x.accesses)]
    if array.role is not Role.TEMPORARY or sum(x.points for x in touching) > MOST_POINTS:
        return None
    if any(isinstance(c, Extent) for x in touching for c in x.domain):
        return None
    try:
        merge = _merging(update, array.shape, program)
        if merge is None or not _is_sound(program, update, touching, merge):
            return None
    except Unknown:  # how often loops that ask run
        return None
    program = replace(program, arrays=dict(program.arrays))
    program.arrays[array.name] = replace(array, shape=merge.shape)

    def place(a: Access, domain: tuple[int, ...]) -> Access:
        return merge.access(a, domain) if a.array == array.name else a

    def change(x: Statement) -> Statement:
        expr = update.term if x is s else x.expr
        return replace(
            x,
            target=place(x.target, x.domain),
            expr=map_accesses(expr, lambda a: place(a, x.domain)),
            accumulate=ops.add if x is s else x.accumulate,
        )

    body = map_statements(program.body, change)
    try:
        return verify(replace(program, body=_freed(body, 0)), "accumulators")
    except CompilerError:
        return None


def _freed(body: list[Node], depth: int) -> list[Node]:
    """The body with loops around nothing but one sum as loops of that."""
    result: list[Node] = []
    for node in body:
        if isinstance(node, Statement):
            result.append(node)
            continue
        inner = _freed(node.body, depth + 1)
        only = inner[0] if len(inner) == 1 else None
        if isinstance(only, Statement) and only.accumulate is not None and _is_forward(node):
            result.append(only)
        else:
            result.append(replace(node, body=inner))
    return result


def _is_forward(loop: Loop) -> bool:
    return loop.order is not Order.REVERSE and loop.going is None


@dataclass(frozen=True, slots=True)
class _Merging:
    """Which elements become one: along dimension `gone`, `further` places less of dimension `kept`.

    shape    that of the array then
    """

    before: tuple[int, ...]
    shape: tuple[int, ...]
    gone: int
    kept: int
    further: int

    def access(self, a: Access, domain: tuple[int, ...]) -> Access:
        """The access to the same element."""
        places = apart(a.offset, a.strides, [], self.before, domain)
        assert places is not None
        left = self.places(places)
        offset, strides, size = 0, [0] * len(a.strides), 1
        for p, count in zip(reversed(left), reversed(self.shape), strict=True):
            offset += size * p.offset
            strides = [x + size * y for x, y in zip(strides, p.strides, strict=True)]
            size *= count
        return Access(a.array, offset, tuple(strides))

    def places(self, places: list[Place]) -> list[Place]:
        """The places without the dimension that goes."""
        gone, left = places[self.gone], list(places)
        if self.further:
            kept = places[self.kept]
            strides = zip(kept.strides, gone.strides, strict=True)
            left[self.kept] = Place(
                kept.offset + self.further * gone.offset,
                tuple([x + self.further * y for x, y in strides]),
            )
        del left[self.gone]
        return left

    def numbers(self, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The elements that elements become."""
        at = list(np.unravel_index(found, self.before))
        if self.further:
            at[self.kept] = at[self.kept] + self.further * at[self.gone]
        del at[self.gone]
        total = np.zeros_like(found)
        for index, count in zip(at, self.shape, strict=True):
            total = total * count + index
        return total


def _merging(update: _Update, shape: tuple[int, ...], program: Program) -> _Merging | None:
    """How elements become one; None if an access does not come apart into dimensions."""
    s, name = update.statement, update.statement.target.array
    if update.further < 0 or len(shape) < 2:
        return None
    places = apart(s.target.offset, s.target.strides, [], shape, s.domain)
    if places is None:
        return None
    gone = _only(places, update.loop)
    kept = _only(places, update.beside) if update.further else -1
    if gone is None or kept is None or gone == kept:
        return None
    most = 0
    for x in program.statements:
        for a in x.accesses:
            if a.array != name:
                continue
            if a.parts or apart(a.offset, a.strides, [], shape, x.domain) is None:
                return None
            at = np.unravel_index(elements(a, x.domain, program), shape)
            if update.further:
                most = max(most, int((at[kept] + update.further * at[gone]).max(initial=0)))
    wide = [most + 1 if d == kept else count for d, count in enumerate(shape)]
    del wide[gone]
    return _Merging(shape, tuple(wide), gone, kept, update.further)


def _only(places: list[Place], loop: int) -> int | None:
    """The one dimension that a loop moves in, by 1."""
    moved = [d for d, p in enumerate(places) if p.strides[loop]]
    return moved[0] if len(moved) == 1 and places[moved[0]].strides[loop] == 1 else None


def _is_sound(
    program: Program, update: _Update, touching: list[Statement], merge: _Merging
) -> bool:
    """Whether only what is not updated any more is read, and each sum begins once."""
    s, name = update.statement, update.statement.target.array
    size = program.arrays[name].size
    updated = np.zeros(size, dtype=bool)
    updated[elements(update.before, s.domain, program)] = True
    begun = []
    for x in touching:
        others = [a for a in accesses(x.expr) if a.array == name]
        if x is s:
            others.remove(update.before)
        for a in others:
            if updated[elements(a, x.domain, program)].any():
                return False
        if x is s or x.target.array != name:
            continue
        if x.accumulate is not None:
            return False
        begun.append(elements(x.target, x.domain, program))
    starts = merge.numbers(np.concatenate(begun)) if begun else np.zeros(0, dtype=np.int64)
    return len(np.unique(starts)) == len(starts)
