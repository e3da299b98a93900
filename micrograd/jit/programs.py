"""Recording -> the programs of what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..cache.keys import fields_of
from ..cache.remembered import remembered
from ..locks import importing, lazy_property
from .ir.graph import Graph, said
from .ir.program import Program
from .target import Target
from .trace.recordings import Recording
from .wanted import Extra, Wanted

_NOT_SAID = frozenset({"trace", "captured", "sparse"})
"""What no program depends on: Values, the stores of their numbers, and what is found with it."""


@dataclass
class Programs:
    """Each is made when it is asked for; the last is kept between processes, so that the others are
    made to be looked at only.

    name    of the kernel, for errors
    extra   the parameters behind those of the source
    """

    name: str
    recording: Recording
    wanted: Wanted
    extra: Extra
    target: Target

    @lazy_property
    def _lowered(self) -> tuple[Graph, dict[int, int]]:
        """The graph with lower limits of its loops, and what they are."""
        with importing:
            from .ir.limits import lowered
        return lowered(self.recording.trace.graph)

    @lazy_property
    def rerolled(self) -> Program:
        """The loops of the graph."""
        return self._rerolled(self._lowered[0])

    def _rerolled(self, graph: Graph) -> Program:
        with importing:
            from .compile import program_of
        return program_of(graph, self.target)

    @lazy_property
    def differentiated(self) -> Program:
        """The program of what is wanted."""
        program = self._differentiated(self.rerolled)
        limits = self._lowered[1]
        for low, limit in limits.items():
            note = f"a loop with limit={limit:,} is looked at as one with limit={low}"
            program = replace(program, notes=[*program.notes, note])
        return program

    def _differentiated(self, rerolled: Program) -> Program:
        if self.wanted is Wanted.VALUE:
            return rerolled
        with importing:
            from .derivatives import program_for
            from .ir.verify import verify
        program = program_for(
            self.wanted, self.name, rerolled, self.recording, self.extra, self.target
        )
        return program if program is rerolled else verify(program, self.wanted.value.name)

    @lazy_property
    def optimized(self) -> Program:
        """The program as it is scheduled."""
        program, found = remembered("program", self._made_from, self._optimized)
        self.recording.sparse.update(found)
        return program

    @property
    def _made_from(self) -> tuple[Any, ...]:
        recording = fields_of(self.recording, without=_NOT_SAID)
        graph = said(self.recording.trace.graph)
        return graph, recording, self.wanted.name, self.extra, self.target

    def _optimized(self) -> tuple[Program, dict[str, Any]]:
        """The program, and which entries there are of what is sparse."""
        with importing:
            from .compile import optimized
        program = optimized(self.differentiated, self.target)
        if limits := self._lowered[1]:
            with importing:
                from .ir.limits import raised
            high = raised(program, limits)
            if high is None:  # more depends on the limits than sizes
                whole = self._differentiated(self._rerolled(self.recording.trace.graph))
                high = optimized(whole, self.target)
            program = high
        name = self.wanted.value.name
        return program, {k: x for k, x in self.recording.sparse.items() if k == name}
