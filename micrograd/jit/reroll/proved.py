"""A written program -> the same, with gathers for lookups, if it computes what the graph does."""

from __future__ import annotations

from ...checking import is_checking
from ...errors import CompilerError
from ..ir.program import Program
from .gathers import gathered
from .prove import computed, illegal, mismatch
from .writer import Writer


def proved(program: Program, writer: Writer, output: str, *, sure: bool = True) -> Program | None:
    """The program that a writer has written, with gathers for lookups, if it computes what the
    graph does. Raises CompilerError under `check` if it does not, though it is sure to.
    """
    said = program, writer.operands.values, writer.claims
    wrong, found = mismatch(*said, output), program
    if wrong is None and writer.graph.indices:
        with_gathers = gathered(program, computed(*said))
        if with_gathers is None:
            return None
        found = with_gathers
    wrong = wrong or illegal(found)
    if wrong is not None and sure and is_checking():
        raise CompilerError(f"the loops found in the trace are not its own: {wrong}")
    return found if wrong is None else None
