"""The graph of a loss of one sample -> its programs. What is found in the cache is not made here,
and nothing of all this imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..jit.compile import optimized, program_of
from ..jit.ir.graph import Graph
from ..jit.ir.program import Program
from ..jit.ir.verify import verify
from ..jit.passes.cotangents import GRADIENT
from ..jit.passes.in_place import in_place
from ..jit.passes.over_samples import over_samples
from ..jit.passes.reverse import gradient
from ..jit.target import Target
from ..jit.trace.trace import Element


def differentiated(
    program: Program,
    of: Element,
    wrt: Sequence[Element | None],
    target: Target,
    before: str | None,
) -> Program:
    """The value of an element and its gradient.

    before   an input that the gradient begins with, which then lies where the gradient does
    """
    made = gradient(program, of, wrt, keep_value=True, target=target)
    made = optimized(verify(made, "differentiate"), target)
    return made if before is None else verify(in_place(made, GRADIENT, before), "in_place")


def value(program: Program, target: Target) -> Program:
    """The value alone."""
    return optimized(verify(program, "rerolled"), target)


def block(graph: Graph, target: Target, small: int) -> Program | None:
    """The loss of a block of samples, if it has that form.

    small   graphs of fewer nodes are not searched for loops
    """
    made = over_samples(program_of(graph, target, small))
    return None if made is None else verify(made, "over_samples")


def looped(graph: Graph, target: Target, behind: Sequence[str] = ()) -> Program:
    """The loops in a graph.

    behind   arrays whose derivatives are added to those of other samples
    """
    return program_of(graph, target, behind=behind)
