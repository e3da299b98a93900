"""How far the statements of a program were checked, which the rules of stages read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .interpret import distinct
from .program import Access, Apply, Expr, Program, Role, Statement

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
    """A program and what is written so far; and what the rules ask of the statement at hand."""

    program: Program
    written: dict[str, Bools] = field(default_factory=dict)
    reads: list[Access] = field(default_factory=list)
    applied: list[Apply] = field(default_factory=list)
    leaves: list[Expr] = field(default_factory=list)
    _found: dict[Access, tuple[Ints, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for a in self.program.arrays.values():
            self.written[a.name] = np.full(a.size, a.role in READ_ONLY)

    def begin(self, s: Statement) -> None:
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

    def distinct(self, a: Access, s: Statement) -> tuple[Ints, bool]:
        """The elements that an access of this statement touches, and whether one twice."""
        if a not in self._found:
            self._found[a] = distinct(a, s.domain, self.program)
        return self._found[a]
