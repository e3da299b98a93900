"""How far the statements of a program were checked, which the rules of stages read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .extents import Entries
from .points import distinct
from .program import Access, Apply, Expr, Loop, Program, Role, Statement

if TYPE_CHECKING:
    from .varying import Needs

READ_ONLY = (Role.INPUT, Role.PARAMETER, Role.CONSTANT)
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Broken(Exception):
    """A rule is broken. `at`: by which statement, counted in what the rule was asked about."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


@dataclass(slots=True)
class Progress:
    """A program and what is written so far; and what the rules ask of the statement at hand.

    `loops` are those around the statement, and `domain` is its own, where a loop whose extent is
    an entry that is not known runs as often as it may at most. `needs` says of elements that are
    there only if given numbers are large enough, how large; `as_needed` by which accesses, and in
    which loops, they were assigned.
    """

    program: Program
    written: dict[str, Bools] = field(default_factory=dict)
    state: set[str] = field(default_factory=set)
    needs: dict[str, Needs] = field(default_factory=dict)
    as_needed: set[tuple[Access, tuple[int, ...]]] = field(default_factory=set)
    loops: tuple[Loop, ...] = ()
    domain: tuple[int, ...] = ()
    reads: list[Access] = field(default_factory=list)
    applied: list[Apply] = field(default_factory=list)
    leaves: list[Expr] = field(default_factory=list)
    _found: dict[Access, tuple[Ints, bool]] = field(default_factory=dict)

    def start(self) -> None:
        """Nothing is written yet but what is given."""
        for a in self.program.arrays.values():
            rewritten = a.role in (Role.STATE, Role.SCRATCH)
            given = a.role in READ_ONLY or rewritten
            self.written[a.name] = np.full(0 if a.role is Role.EXTENT else a.size, given)
            if rewritten:
                self.state.add(a.name)

    def begin(self, s: Statement, loops: tuple[Loop, ...] = ()) -> None:
        """Take a statement to pieces: what it reads, the ops it applies, and everything else."""
        reads: dict[Access, None] = {}
        self.applied, self.leaves, self._found = [], [], {}
        stack: list[Expr] = [s.expr]
        while stack:
            e = stack.pop()
            if isinstance(e, Access):
                reads[e] = None
            elif isinstance(e, Apply):
                self.applied.append(e)
                stack.extend(reversed(e.args))
            else:
                self.leaves.append(e)
        self.reads = list(reads)
        self.loops = loops
        self.domain = s.domain and at_most(s.domain, self.program)

    def distinct(self, a: Access) -> tuple[Ints, bool]:
        """The elements that an access of this statement touches, and whether one twice."""
        if not self.domain and not a.parts:
            return np.array((a.offset,)), False
        if a not in self._found:
            self._found[a] = distinct(a, self.domain, self.program)
        return self._found[a]


def is_known(array: str, program: Program) -> bool:
    """Whether an index array's entries are known before the code runs."""
    a = program.arrays.get(array)
    return a is not None and a.data is not None


def at_most(domain: tuple[int, ...], program: Program) -> tuple[int, ...]:
    """The domain with as many iterations as there may be of loops whose extents are not known."""
    if not any(isinstance(c, Entries) and not is_known(c.array, program) for c in domain):
        return domain
    return tuple(
        [int(c) if isinstance(c, Entries) and not is_known(c.array, program) else c for c in domain]
    )
