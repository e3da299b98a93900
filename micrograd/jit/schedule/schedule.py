"""Program -> Schedule: where every array lives, which loops the code has, how it is cut into
functions, how hard LLVM shall try; with a reason for each choice.

LLVM's time is more than linear in the length of straight-line code, so long programs are cut
into functions of bounded size whose shared scalars cross through memory, and are compiled at a
lower level; the run time hardly changes, the compile time becomes linear (docs/architecture.md
has the measurements).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..ir.extents import Extent
from ..ir.program import Program, Role, Statement
from ..target import Target
from .fuse import Group, Part, fuse
from .lane_costs import operations
from .lanes import VectorLoop, vectorize

CHUNK_OPS = 1000
"""Operations in one function of a program that is cut up."""
WHOLE_OPS = 2000
"""A program of at most so many operations stays whole and is optimised fully."""

WHOLE_LOOPS = 60
"""A program of more loops over index tables, the batches of an irregular graph, is cut up too."""
CHUNK_LOOPS = 40
"""Operations in one function of a program of many loops."""

Step = Statement | VectorLoop


@dataclass(slots=True)
class Schedule:
    """What the emitter follows.

    registers   arrays whose elements are SSA values
    workspace   array -> offset in the workspace, in elements: memory that lives for one call
    functions   the steps of each function, in order
    opt_level   LLVM's level, 0 to 3
    """

    program: Program
    registers: set[str]
    workspace: dict[str, int]
    workspace_size: int
    functions: list[list[Step]]
    opt_level: int
    reasons: list[str] = field(default_factory=list)

    @property
    def multiple(self) -> int:
        """Of how many every run-time extent must be a multiple: its iterations may be lanes."""
        loops = [s for steps in self.functions for s in steps if isinstance(s, VectorLoop)]
        run_time = [s for s in loops if isinstance(s.group.count, Extent) and s.across]
        return max((s.width for s in run_time), default=1)

    def __str__(self) -> str:
        lines = [f"; {reason}" for reason in self.reasons]
        for k, steps in enumerate(self.functions):
            lines.append(f"function {k}: {sum(map(cost, steps))} operations")
            for loop in steps:
                if isinstance(loop, VectorLoop):
                    lines.append(f"  {loop.reason}")
                    lines += [
                        f"    {s}" + ("" if lane is None else f"  ; lanes: {NAMES[lane]}")
                        for s, lane in zip(loop.group.statements, loop.lanes, strict=True)
                    ]
        if self.registers:
            names = sorted(self.registers)
            shown = ", ".join(names[:12]) + (f", ... ({len(names)})" if len(names) > 12 else "")
            lines.append(f"registers: {shown}")
        for name, offset in self.workspace.items():
            lines.append(f"workspace[{offset}]: {name}[{self.program.arrays[name].size}]")
        return "\n".join(lines)


def schedule(
    program: Program, target: Target, *, returned: str | None = None, points: bool = False
) -> Schedule:
    """The schedule of a verified program. For a strict target, every sum keeps its order: nothing
    is fused, nothing has lanes.

    returned   the output that `main` gives by value
    points     numbers become vectors of points, so that no loop has lanes of its own
    """
    parts = fuse(program.body, alone=target.strict)
    steps = list(
        _steps(parts, program, 1 if target.strict or points else target.lanes, target.line)
    )
    total = sum(map(cost, steps))
    reasons = []
    loops = sum(1 for step in steps if isinstance(step, VectorLoop) and step.is_indirect)
    if loops > WHOLE_LOOPS:
        functions = list(_cut(steps, CHUNK_LOOPS))
        opt_level = 0
        reasons.append(
            f"{loops} loops over index tables, more than {WHOLE_LOOPS}: {len(functions)} functions"
            ", at level 0, because they wait for memory more than for instructions"
        )
    elif total <= WHOLE_OPS:
        functions = [steps]
        opt_level = 2
        reasons.append(f"{total} operations: one function, optimised at level 2")
    else:
        functions = list(_cut(steps, CHUNK_OPS))
        opt_level = 0
        reasons.append(
            f"{total} operations, more than {WHOLE_OPS}: {len(functions)} functions of about "
            f"{CHUNK_OPS}, at level 0, because LLVM's time is superlinear in straight-line code"
        )
    tiles = {
        name
        for step in steps
        if isinstance(step, VectorLoop)
        for name in [*step.tiles, *step.strips]
    }
    in_loops = _touched_in_loops(program.body, target.strict)
    shared = _shared(functions)
    if returned is not None and len(functions) > 1:
        shared.add(returned)  # a function sets it, main returns it
    registers, workspace, size = set(), {}, 0
    for a in program.arrays.values():
        if (a.role is not Role.TEMPORARY and a.name != returned) or a.name in tiles:
            continue
        if a.name in in_loops or a.name in shared:
            workspace[a.name] = size
            size += -(-a.size // ALIGNED) * ALIGNED
        else:
            registers.add(a.name)
    if workspace:
        reasons.append(
            f"{len(workspace)} arrays in a workspace of {size} elements: they are indexed by "
            "several loops or shared between functions"
        )
    return Schedule(program, registers, workspace, size, functions, opt_level, reasons)


ALIGNED = 16
"""Arrays of the workspace begin at multiples of so many elements."""
NAMES = "ijklmnopqrstuvw"


def cost(step: Step) -> int:
    """The operations that a step becomes as code: ops, sums, copies."""
    if isinstance(step, VectorLoop):
        return sum(map(cost, step.group.statements))
    return max(1, operations(step.expr) + step.accumulate)


def _steps(parts: list[Part], program: Program, width: int, line: int) -> Iterable[Step]:
    touched = [{a.array for s in part.statements for a in s.accesses} for part in parts]
    everywhere = Counter(name for names in touched for name in names)
    for part, names in zip(parts, touched, strict=True):
        if isinstance(part, Group):
            outside = {name for name in names if everywhere[name] > 1}
            yield vectorize(part, program, width, outside, line)
        else:
            yield from part.statements


def _cut(steps: Iterable[Step], most: int) -> Iterable[list[Step]]:
    chunk: list[Step] = []
    size = 0
    for s in steps:
        chunk.append(s)
        size += cost(s)
        if size >= most:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _touched_in_loops(body: list[Statement], exact: bool) -> set[str]:
    """Arrays that need an address: indexed by a loop, or through a table, or set in a loop.

    A sum over a loop into one element does not, unless it must keep its order: it is added up
    apart, and then to the scalar.
    """
    found: set[str] = set()
    for s in body:
        if s.domain:
            found.update(a.array for a in s.accesses if not a.is_constant)
            if exact or s.turn or not s.accumulate:
                found.add(s.target.array)
        else:
            found.update(a.array for a in s.accesses if a.table is not None)
    return found


def _shared(functions: list[list[Step]]) -> set[str]:
    """Arrays that more than one function touches."""
    if len(functions) == 1:
        return set()
    home: dict[str, int] = {}
    shared = set()
    for k, steps in enumerate(functions):
        for step in steps:
            for s in step.group.statements if isinstance(step, VectorLoop) else [step]:
                for a in s.accesses:
                    if home.setdefault(a.array, k) != k:
                        shared.add(a.array)
    return shared
