"""What a page is made of, whatever kind the kernel is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import Place
from ..code import Code
from ..executable import Executable
from ..explain import explain
from ..ir.graph import Graph
from ..ir.program import Program, Statement
from ..trace.stale import Stale
from .drawing import drawing_of
from .model import Drawing

Clock = Callable[[], tuple[float, str]]
"""Gives the seconds of a call, and how they were measured, in words."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A kernel as pages see it.

    words      what was found, a line each
    programs   by the names of what gave them, in order; the last is what is optimised
    places     of the nodes or rows that a statement stands for: lines of the user's code
    unplaced   why there are none, if there are none
    labels     of the nodes that a statement stands for
    drawing    of the final program's statements
    """

    title: str
    signature: str
    words: Sequence[str]
    code: Code
    programs: Sequence[tuple[str, Program]]
    places: Callable[[Statement], Sequence[Place]]
    unplaced: str
    labels: Callable[[Statement], Sequence[str]]
    drawing: Callable[[Sequence[Statement]], Drawing]


def subject_of(executable: Executable, stale: Sequence[Stale] = ()) -> Subject:
    """A kernel of numbers."""
    e = executable
    programs = [("reroll", e.program)]
    if e.differentiated is not e.program:
        programs.append((e.wanted.value.name, e.differentiated))
    words = explain(e, stale).splitlines()
    if "arrays_mlir" in e.stage_names:
        words.append("calls with arrays: they run code of their own, which stages() shows")
    return subject_of_graph(e.name, e.c_prototype, words, e.code, e.graph, programs)


def subject_of_graph(
    title: str,
    signature: str,
    words: Sequence[str],
    code: Code,
    graph: Graph,
    programs: Sequence[tuple[str, Program]],
) -> Subject:
    """What was found in a graph."""

    def places(s: Statement) -> list[Place]:
        if not graph.places or not len(s.origin):
            return []
        found = np.unique(graph.place[np.asarray(s.origin, dtype=np.int64)])
        return [graph.places[k] for k in found.tolist() if k >= 0]

    def labels(s: Statement) -> list[str]:
        if not graph.labels or not len(s.origin):
            return []
        nodes = set(np.asarray(s.origin).tolist()) & graph.labels.keys()
        return list(dict.fromkeys(graph.labels[n] for n in sorted(nodes)))

    return Subject(
        title,
        signature,
        words,
        code,
        programs,
        places,
        "" if graph.places else UNPLACED,
        labels,
        lambda statements: drawing_of(graph, statements),
    )


UNPLACED = (
    "these Values were computed before they were compiled, and do not know their lines; compute "
    "them in `with micrograd.keep_lines():`, or compile a function of what they depend on"
)
