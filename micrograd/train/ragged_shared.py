"""A program for samples of all sizes, and at which it is what the loss is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..cache.remembered import remembered
from ..errors import CompilerError
from ..jit.fingerprint import of_graph, of_program
from ..jit.ir.graph import said
from ..jit.ir.program import Program
from ..jit.reroll.general import General, Sizes, generalised
from ..jit.reroll.longer import Unlike
from ..jit.reroll.outputs import OUTPUT
from ..jit.target import Target
from ..jit.trace.trace import Trace
from ..locks import importing
from ..store import Store
from .sample_loss import SampleValue, SingleLoss


def shared_program(
    traces: Sequence[Trace], around: Sequence[Sizes], most: Sizes, target: Target
) -> Shared | None:
    """The program that these traces are at their sizes; None if there is none."""

    def made() -> tuple[General, Program] | None:
        with importing:
            from ..jit.compile import normal
            from ..jit.ir.verify import verify
            from ..jit.reroll.reroll import reroll, reroll_strictly

        with suppress(Unlike, CompilerError):  # then each class has code of its own
            programs = [
                reroll_strictly(found.graph, arrays_of(found))
                if target.strict
                else reroll(found.graph)
                for found in traces
            ]
            general = generalised(programs, around, most)
            program = verify(general.program, "generalised", stage="rerolled")
            if program.found.strategy != "straight":
                program = normal(program, target)
            return general, program
        return None

    graphs = [found.digest() or said(found.graph) for found in traces]
    made_from = graphs, list(around), most, target
    known = remembered("program of all lengths", made_from, made)
    return None if known is None else Shared(*known, traces[0].stores, made_from)


def arrays_of(found: Trace) -> list[str]:
    """The arrays whose derivatives are added to those of other samples."""
    return [name for name, _ in found.outline.parameters]


@dataclass(slots=True)
class Shared:
    """A program for samples of all sizes, and as it is differentiated.

    stores      that the arrays p0, p1, ... of the program are in
    made_from   what tells it from others, in other processes, too
    codes       what it is compiled to, by its arguments: the names of data and index arrays; None,
                if it cannot be
    proved      whether it is what was traced, by sizes and digests or fingerprints
    """

    general: General
    program: Program
    stores: list[Store]
    made_from: Any
    codes: dict[tuple[str, ...], SingleLoss | SampleValue | None] = field(default_factory=dict)
    proved: dict[Any, bool] = field(default_factory=dict)

    def proves(self, found: Trace, sizes: Sizes, leaves: Sequence[str]) -> bool:
        """Whether the program is what was traced at these sizes.

        leaves   the names of the data and of index arrays
        """
        places = {id(store): k for k, store in enumerate(self.stores)}
        if found.outline.regions or any(id(store) not in places for store in found.stores):
            return False
        own = [places[id(store)] for store in found.stores]
        digest = found.digest()
        if digest is None:
            return self._equals(found, sizes, leaves, own)
        key = sizes, *leaves, *own, digest
        if key not in self.proved:
            self.proved[key] = remembered(
                "proof",
                (self.made_from, sizes, list(leaves), own, digest),
                lambda: self._equals(found, sizes, leaves, own),
            )
        return self.proved[key]

    def _equals(
        self, found: Trace, sizes: Sizes, leaves: Sequence[str], own: Sequence[int]
    ) -> bool:
        """The same, by its nodes.

        own   the places of its stores among all
        """
        columns = {name: -1 - k for k, name in enumerate(leaves)}
        keys = {f"p{k}": place for k, place in enumerate(own)}
        wanted = of_graph(found.graph, _unsigned(keys | columns))
        key = sizes, *leaves, *wanted
        if key not in self.proved:
            known = _unsigned({f"p{k}": k for k in range(len(self.stores))} | columns)
            try:
                given = self.general.given(sizes)
                self.proved[key] = wanted == of_program(self.general.program, OUTPUT, known, given)
            except (ValueError, IndexError):  # sizes that it is not for
                self.proved[key] = False
        return self.proved[key]


def _unsigned(keys: dict[str, int]) -> dict[str, int]:
    return {name: key % (1 << 64) for name, key in keys.items()}
