"""Program -> Schedule: where every array lives, how the code is cut into functions, how hard
LLVM shall try; with a reason for each choice.

LLVM's time is more than linear in the length of straight-line code, so long programs are cut
into functions of bounded size whose shared scalars cross through memory, and are compiled at a
lower level; the run time hardly changes, the compile time becomes linear (docs/architecture.md
has the measurements).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .program import Access, Apply, Expr, Program, Role, Statement, accesses

CHUNK_OPS = 1000
"""Operations in one function of a program that is cut up."""
WHOLE_OPS = 2000
"""A program of at most so many operations stays whole and is optimised fully."""


@dataclass(slots=True)
class Schedule:
    """What the emitter follows.

    registers   arrays whose elements are SSA values
    workspace   array -> offset in the workspace, in elements: memory that lives for one call
    chunks      the statements of each function, in order
    opt_level   LLVM's level, 0 to 3
    """

    program: Program
    registers: set[str]
    workspace: dict[str, int]
    workspace_size: int
    chunks: list[list[Statement]]
    opt_level: int
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"; {reason}" for reason in self.reasons]
        for k, chunk in enumerate(self.chunks):
            lines.append(
                f"function {k}: {len(chunk)} statements, {sum(map(cost, chunk))} operations"
            )
        if self.registers:
            names = sorted(self.registers)
            shown = ", ".join(names[:12]) + (f", ... ({len(names)})" if len(names) > 12 else "")
            lines.append(f"registers: {shown}")
        for name, offset in self.workspace.items():
            lines.append(f"workspace[{offset}]: {name}[{self.program.arrays[name].size}]")
        return "\n".join(lines)


def schedule(program: Program, *, returned: str | None = None) -> Schedule:
    """The schedule of a verified program; `returned` is the output that `main` gives by value."""
    operations = sum(map(cost, program.body))
    reasons = []
    if operations <= WHOLE_OPS:
        chunks = [program.body]
        opt_level = 2
        reasons.append(f"{operations} operations: one function, optimised at level 2")
    else:
        chunks = list(_cut(program.body))
        opt_level = 0
        reasons.append(
            f"{operations} operations, more than {WHOLE_OPS}: {len(chunks)} functions of about "
            f"{CHUNK_OPS}, at level 0, because LLVM's time is superlinear in straight-line code"
        )
    local = [
        a.name for a in program.arrays.values() if a.role is Role.TEMPORARY or a.name == returned
    ]
    in_loops = _touched_in_loops(program.body)
    shared = _shared(chunks)
    if returned is not None and len(chunks) > 1:
        shared.add(returned)  # a function sets it, main returns it
    registers, workspace, size = set(), {}, 0
    for name in local:
        if name in in_loops or name in shared:
            workspace[name] = size
            size += program.arrays[name].size
        else:
            registers.add(name)
    if workspace:
        reasons.append(
            f"{len(registers)} arrays in registers, {len(workspace)} in a workspace of {size} "
            "elements: they are indexed by loops or shared between functions"
        )
    return Schedule(program, registers, workspace, size, chunks, opt_level, reasons)


def cost(s: Statement) -> int:
    """The operations that a statement becomes as code: its ops, a sum, a copy."""
    return max(1, _ops(s.expr) + s.accumulate)


def _ops(expr: Expr) -> int:
    count, stack = 0, [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            count += 1
            stack.extend(e.args)
    return count


def _cut(body: list[Statement]) -> Iterable[list[Statement]]:
    chunk: list[Statement] = []
    size = 0
    for s in body:
        chunk.append(s)
        size += cost(s)
        if size >= CHUNK_OPS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _touched(s: Statement) -> Iterable[Access]:
    yield s.target
    yield from accesses(s.expr)


def _touched_in_loops(body: list[Statement]) -> set[str]:
    """Arrays that are not only scalars to the code: indexed by a loop, or written in one."""
    found = set()
    for s in body:
        if s.domain:
            found.add(s.target.array)
            found.update(a.array for a in accesses(s.expr) if not a.is_constant)
        else:
            found.update(a.array for a in _touched(s) if a.table is not None)
    return found


def _shared(chunks: list[list[Statement]]) -> set[str]:
    """Arrays that more than one chunk touches."""
    if len(chunks) == 1:
        return set()
    home: dict[str, int] = {}
    shared = set()
    for k, chunk in enumerate(chunks):
        for s in chunk:
            for a in _touched(s):
                if home.setdefault(a.array, k) != k:
                    shared.add(a.array)
    return shared
