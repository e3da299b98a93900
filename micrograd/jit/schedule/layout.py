"""Steps, and the arrays that need memory -> where each array lies while the code runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ir.program import Array, Program, Role
from ..target import Target
from .in_results import LARGE, in_results
from .lives import lives
from .workspace import Workspace


@dataclass(slots=True)
class Layout:
    """Where arrays lie that are no arguments.

    registers   those whose elements are SSA values
    workspace   those in memory that lives for one call
    apart       those of few elements that LLVM makes registers of, and how many: each alone
    within      those that lie where a result does, and where
    """

    workspace: Workspace
    registers: set[str] = field(default_factory=set)
    apart: dict[str, int] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """Why, line by line."""
        lines = []
        if self.workspace.places:
            lines.append(
                f"{len(self.workspace.places)} arrays in a workspace of {self.workspace.size} "
                "elements: they are indexed by several loops or shared between functions"
            )
        lines += [
            f"{name} lies in {out}, which is large, and written where {name} is read last"
            for name, out in self.within.items()
        ]
        return lines


def layout(
    program: Program,
    steps: Sequence[Any],
    target: Target,
    kept: Collection[str],
    addressed: Collection[str],
    sizes: Mapping[str, int],
    few: Mapping[str, int],
    *,
    points: bool,
) -> Layout:
    """Where the arrays `kept` lie, which are no arguments.

    addressed   those that need an address
    sizes       how many elements there are at a time
    few         those among them of few elements
    points      whether numbers are vectors of points, whose results may lie apart
    """
    found = Layout(Workspace(target))
    arrays = [program.arrays[name] for name in kept]
    if not points and target.hosted:
        large = LARGE // target.dtype.itemsize
        names = {a.name for a in arrays if _is_numbers(a) and sizes[a.name] == a.size >= large}
        found.within = in_results(steps, program.arrays, names & set(addressed) - few.keys())
    in_turn: dict[str, int] = {}
    for a in arrays:
        if a.is_index:
            found.workspace.add(a.name, -(-8 * a.size // target.dtype.itemsize))
        elif a.name not in addressed:
            found.registers.add(a.name)
        elif a.name in few:
            found.apart[a.name] = sizes[a.name]
        elif points or a.role is not Role.TEMPORARY:
            found.workspace.add(a.name, sizes[a.name])
        elif a.name not in found.within:
            in_turn[a.name] = sizes[a.name]
    found.workspace.add_all(in_turn, lives(steps))
    return found


def _is_numbers(a: Array) -> bool:
    return a.role is Role.TEMPORARY and not a.is_index
