"""Program -> Schedule: where every array lives, which loops the code has, how it is cut into
functions, how hard LLVM shall try; with a reason for each choice.

LLVM's time is more than linear in the length of straight-line code, so long programs are cut
into functions of bounded size whose shared scalars cross through memory, and are compiled at a
lower level; the run time hardly changes, the compile time becomes linear (docs/architecture.md
has the measurements).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from ...locks import importing
from ..ir.extents import Extent
from ..ir.program import Loop, Node, Program, Role, Statement, asks
from ..target import Target
from .counts import operations
from .fuse import Group, Part, fuse
from .lanes import VectorLoop, vectorize
from .layout import layout
from .memory import few_in_nests, shared, touched_in_loops
from .nest import Nest
from .plans import Bounds
from .product import Product
from .repeat import Repeat, flattened, repeated

if TYPE_CHECKING:
    from .quiet import Blocks

CHUNK_OPS = 1000
"""Operations in one function of a program that is cut up."""
WHOLE_OPS = 2000
"""A program of at most so many operations stays whole and is optimised fully."""
WHOLE_LOOPS = 60
"""A program of more loops over index tables, the batches of an irregular graph, is cut up too."""
CHUNK_LOOPS = 40
"""Operations in one function of a program of many loops."""

Step = Statement | VectorLoop | Nest | Product | Repeat


@dataclass(slots=True)
class Schedule:
    """What the emitter follows.

    registers   arrays whose elements are SSA values
    workspace   array -> offset in the workspace, in elements: memory that lives for one call
    functions   the steps of each function, in order
    opt_level   LLVM's level, 0 to 3
    padded      whether run-time extents are multiples of `multiple`
    apart       arrays of few elements that LLVM makes registers of, and how many: each alone
    within      arrays that lie where a result does, and where
    """

    program: Program
    registers: set[str]
    workspace: dict[str, int]
    workspace_size: int
    functions: list[list[Step]]
    opt_level: int
    reasons: list[str] = field(default_factory=list)
    padded: bool = False
    apart: dict[str, int] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)

    @property
    def passes(self) -> str:
        """Which of LLVM's passes run: those for loops only where there are any."""
        return "straight" if all(isinstance(step, Statement) for step in self.steps) else "loops"

    @property
    def steps(self) -> list[Step]:
        """The steps of all functions, and those inside of steps."""
        return [step for steps in self.functions for step in flattened(steps)]

    @property
    def statements(self) -> list[Statement]:
        """All statements, as steps have them, in the order in which they stand."""
        found: list[Statement] = []
        for step in self.steps:
            if isinstance(step, Statement):
                found.append(step)
            elif isinstance(step, Product):  # what it starts with is no statement of its own
                found += [step.contraction, *step.finish, *step.passing]
            elif not isinstance(step, Repeat):  # whose own steps are among these
                found += step.statements
        return found

    @property
    def sizes(self) -> dict[str, int]:
        """How many elements of the arrays in the workspace there are at a time."""
        sizes = {name: self.program.arrays[name].size for name in self.workspace}
        return sizes | _stretches(self.steps)

    @property
    def shared_work(self) -> int:
        """Operations that threads may share."""
        steps = [step for steps in self.functions for step in steps]
        shared = [s for s in steps if isinstance(s, Product | VectorLoop) and s.is_shared]
        return sum(s.work for s in shared)

    @property
    def multiple(self) -> int:
        """Of how many every run-time extent must be a multiple: its iterations may be lanes, and
        no code is made for what is left.
        """
        if not self.padded:
            return 1
        loops = [s for s in self.steps if isinstance(s, VectorLoop)]
        run_time = [s for s in loops if isinstance(s.group.count, Extent) and s.across]
        return max((s.width for s in run_time), default=1)

    def __str__(self) -> str:
        lines = [f"; {reason}" for reason in self.reasons]
        for k, steps in enumerate(self.functions):
            lines.append(f"function {k}: {sum(map(cost, steps))} operations")
            for loop in steps:
                if not isinstance(loop, Statement):
                    lines += loop.lines(self.program.arrays)
        if self.registers:
            names = sorted(self.registers)
            shown = ", ".join(names[:12]) + (f", ... ({len(names)})" if len(names) > 12 else "")
            lines.append(f"registers: {shown}")
        sizes = self.sizes
        lines += [f"workspace[{at}]: {x}[{sizes[x]}]" for x, at in self.workspace.items()]
        return "\n".join([*lines, *(f"apart: {x}[{size}]" for x, size in self.apart.items())])


def schedule(
    program: Program,
    target: Target,
    *,
    returned: str | None = None,
    points: bool = False,
    padded: bool = False,
) -> Schedule:
    """The schedule of a verified program. For a strict target, every sum keeps its order.

    returned   the output that `main` gives by value
    points     numbers become vectors of points, so that no loop has lanes of its own
    padded     run-time extents will be multiples of what the schedule says
    """
    state = {a.name for a in program.with_role(Role.STATE, Role.SCRATCH)}
    bounds = Bounds(target.strict, state)
    program, parts = _parts(program, target, bounds, points)
    steps = list(_steps(parts, program, 1 if points else target.lanes, target))
    made = [s.arrays for s in flattened(steps) if isinstance(s, Repeat | VectorLoop)]
    more = {a.name: a for arrays in made for a in arrays}
    program = replace(program, arrays=program.arrays | more)
    functions, opt_level, reason = _functions(steps)
    elsewhere = shared(functions)
    if returned is not None and len(functions) > 1:
        elsewhere.add(returned)  # a function sets it, main returns it
    loops = [step for step in flattened(steps) if isinstance(step, VectorLoop)]
    tiles = {name for x in loops for name in [*x.tiles, *x.strips, *x.unstored]}
    tiles |= {name for step in steps if isinstance(step, Product) for name in step.unstored}
    sizes = {a.name: a.size for a in program.arrays.values()} | _stretches(flattened(steps))
    addressed = touched_in_loops(parts) | elsewhere | more.keys()
    few = few_in_nests(parts, sizes) if len(functions) == 1 else {}
    kept = [
        a.name
        for a in program.arrays.values()
        if a.role in (Role.TEMPORARY, Role.SCRATCH) or a.name == returned
        if a.name not in tiles
    ]
    found = layout(program, steps, target, kept, addressed, sizes, few, points=points)
    return Schedule(
        program,
        found.registers,
        found.workspace.places,
        found.workspace.size,
        functions,
        opt_level,
        [reason, *found.reasons],
        padded,
        found.apart,
        found.within,
    )


def _parts(
    program: Program, target: Target, bounds: Bounds, points: bool
) -> tuple[Program, list[Part | Product]]:
    """What becomes code, in order, and the program with the arrays that this needs."""
    parts: list[Part | Product] = []
    pieces: Iterable[list[Node] | Product] = [program.body]
    nests: dict[int, Nest] = {}
    if not points and any(isinstance(x, Loop) or x.domain for x in program.body):
        with importing:
            from .absorb import with_products
            from .side_by_side import side_by_side
        if not asks(program.body):
            program, nests = side_by_side(program, target)
        program, pieces = with_products(program, target)
    for piece in pieces:
        if isinstance(piece, Product):
            parts.append(piece)
            continue
        for inside, nodes in groupby(piece, lambda node: nests.get(id(node))):
            parts += fuse(list(nodes), bounds) if inside is None else [inside]
    return program, parts


def _functions(steps: list[Step]) -> tuple[list[list[Step]], int, str]:
    """The steps of each function, LLVM's level, and why."""
    total = sum(map(cost, steps))
    inside = flattened(steps)
    loops = sum(1 for step in inside if isinstance(step, VectorLoop) and step.is_indirect)
    if loops > WHOLE_LOOPS:
        functions = list(_cut(steps, CHUNK_LOOPS))
        reason = (
            f"{loops} loops over index tables, more than {WHOLE_LOOPS}: {len(functions)} functions"
            ", at level 0, because they wait for memory more than for instructions"
        )
    elif total <= WHOLE_OPS:
        return [steps], 2, f"{total} operations: one function, optimised at level 2"
    else:
        functions = list(_cut(steps, CHUNK_OPS))
        reason = (
            f"{total} operations, more than {WHOLE_OPS}: {len(functions)} functions of about "
            f"{CHUNK_OPS}, at level 0, because LLVM's time is superlinear in straight-line code"
        )
    return functions, 0, reason


def cost(step: Step) -> int:
    """The operations that a step becomes as code: ops, sums, copies."""
    if isinstance(step, VectorLoop):
        return sum(map(cost, step.group.statements))
    if isinstance(step, Nest | Product | Repeat):
        return sum(map(cost, step.statements))
    return max(1, operations(step.expr) + (step.accumulate is not None))


def _stretches(steps: Iterable[Step]) -> dict[str, int]:
    """The arrays of which there is one iteration's stretch in memory, so long."""
    tiles = [step.tiles for step in steps if isinstance(step, Nest | Repeat)]
    return {name: length for found in tiles for name, length in found.items()}


def _steps(
    parts: list[Part | Product],
    program: Program,
    width: int,
    target: Target,
    elsewhere: Collection[str] = (),
) -> Iterable[Step]:
    """The steps that parts become; `elsewhere`: arrays that others touch, too."""
    touched = [{a.array for s in part.statements for a in s.accesses} for part in parts]
    everywhere = Counter(name for names in touched for name in names)
    everywhere.update(elsewhere)
    quiet = _blocks(parts, program, elsewhere) if width > 1 else {}
    for k, (part, names) in enumerate(zip(parts, touched, strict=True)):
        if isinstance(part, Group):
            outside = {name for name in names if everywhere[name] > 1}
            found = quiet.get(k)
            if found is None:
                yield vectorize(part, program, width, outside, target)
                continue
            for steps, body in ((found.steps, found.program.body), (found.at_once, found.quick)):
                inner = fuse(body, Bounds(target.strict))
                steps += _steps([*inner], found.program, width, target, [*program.arrays])
            ordered: list[Step] = [found]
            if found.rest is not None:
                ordered.append(vectorize(found.rest, program, width, program.arrays, target))
            yield from reversed(ordered) if found.backwards else ordered
        elif isinstance(part, Nest) and part.courses:
            yield part
        elif isinstance(part, Nest):
            once = {name for name in names if everywhere[name] == 1}
            nest = part.narrowed({x for x in once if program.arrays[x].role is Role.TEMPORARY})
            inside = repeated(nest.body, program.arrays, nest.tiles)
            if inside is None:
                nest = nest.plan(width, target.strict, program.arrays)
                if width > 1 and not target.strict:
                    with importing:
                        from .across import across
                    nest = across(nest, target)
                yield nest
                continue
            state = {a.name for a in program.with_role(Role.STATE, Role.SCRATCH)}
            pieces = fuse(inside.program.body, Bounds(target.strict, state))
            others = names - nest.tiles.keys()
            inside.steps += _steps([*pieces], inside.program, width, target, others)
            yield inside
        elif isinstance(part, Product):
            yield part
        else:
            yield from part.statements


def _blocks(
    parts: Sequence[Part | Product], program: Program, elsewhere: Collection[str]
) -> dict[int, Blocks]:
    if not any(isinstance(part, Group) and part.in_turn for part in parts):
        return {}
    with importing:
        from .quiet import in_blocks
    return in_blocks(parts, program, elsewhere)


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
