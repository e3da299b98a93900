"""Random programs whose statements are asked where they come from: the numbers that statements
write are compared with those of the nodes that they are said to stand for, adjoints with what they
are said to be adjoint to, and instructions with those that are made without any lines.

    python -m tests.statement_origins SECONDS SEED
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from lowering.bindings import context
from micrograd import jit, ops
from micrograd.jit.emit.function import emit
from micrograd.jit.emit.native import listing
from micrograd.jit.ir.graph import CONSTANT, FIRST_OP, PARAMETER, Graph, op_of
from micrograd.jit.ir.interpret import _run
from micrograd.jit.ir.program import GIVEN, Access, Apply, Expr, Program, Role, Statement, accesses
from micrograd.jit.page.listings import assembly_lines, listings_of
from micrograd.jit.page.owners import nodes_of, pairs_of

from .fuzz.choices import Choices
from .fuzz.programs import program as drawn
from .loop_sources import LENGTH, function, source
from .written_loops import Drawn

MOST_PARTIALS = 64
"""Of larger matrices of derivatives, the program is not made."""
MOST_STATEMENTS = 400
"""Of programs that are compiled here; more take too long."""
Numbers = dict[str, Any]


def node_values(graph: Graph, given: Numbers) -> np.ndarray:
    """The number of every node of a graph without loops."""
    leaves = {
        code: [float(x) for name, _ in declared for x in np.ravel(given[name])]
        for code, declared in ((PARAMETER, graph.parameters), (PARAMETER + 1, graph.inputs))
    }
    values: list[float] = []
    for code, *operands in graph.rows():
        if code == CONSTANT:
            values.append(float(graph.constants[operands[0]]))
        elif code < FIRST_OP:
            values.append(leaves[code][operands[0]])
        else:
            op = op_of(code)
            values.append(op.eval(*(values[i] for i in operands[: op.arity])))
    return np.array(values)


def memory_of(program: Program, given: Numbers) -> dict[str, np.ndarray]:
    """What all arrays hold when a program has run; nan where nothing was written."""
    program = program.running(given)
    memory = {}
    for a in program.arrays.values():
        if a.is_index:
            continue
        if a.role in GIVEN:
            memory[a.name] = np.array(given[a.name], dtype=np.float64).reshape(a.size)
        elif a.role is Role.CONSTANT:
            memory[a.name] = np.array(a.data, dtype=np.float64).reshape(a.size)
        else:
            memory[a.name] = np.full(a.size, np.nan)
    _run(program, memory)
    return memory


def check_values(graph: Graph, program: Program, given: Numbers, *, exact: bool) -> None:
    """Every number that statements of the value write is that of a node that they stand for.

    exact   no sum was taken apart, so sums on the way are numbers of nodes, too
    """
    values = node_values(graph, given)
    leaves = values[graph.codes < FIRST_OP]
    memory = memory_of(program, given)
    writers: dict[str, list[Statement]] = {}
    for s in program.statements:
        if not s.derivative:
            writers.setdefault(s.target.array, []).append(s)
    for name, some in writers.items():
        if any(s.derivative for s in program.statements if s.target.array == name):
            continue
        nodes = np.unique(np.concatenate([nodes_of(s) for s in some]))
        known = np.concatenate([values[nodes], leaves, [0.0, 1.0]])
        found = memory[name][np.isfinite(memory[name])]
        known = known[np.isfinite(known)]
        distance = np.abs(found[:, None] - known[None, :]).min(axis=1, initial=np.inf)
        scale = 1e-300 if exact else 1e-9 * np.maximum(1.0, np.abs(found))
        assert (distance <= scale).all(), (name, [str(s) for s in some], found[distance > scale])


def check_adjoints(before: Program, program: Program) -> None:
    """What adjoints stand for are the statements whose cotangents they send, or fill."""
    writers: dict[str, set[int]] = {}
    readers: dict[str, set[int]] = {}
    for s in before.statements:
        nodes = set(nodes_of(s).tolist())
        writers.setdefault(s.target.array, set()).update(nodes)
        for a in accesses(s.expr):
            readers.setdefault(a.array, set()).update(nodes)
    adjoints = [s for s in program.statements if s.derivative == "adjoint" and len(s.origin)]
    for s in adjoints:
        names = {a.array for a in s.accesses if a.array.startswith("ct_")}
        own = set(nodes_of(s).tolist())
        named = {n.removeprefix("ct_") for n in names}
        near = set().union(*(writers.get(n, set()) | readers.get(n, set()) for n in named))
        if named & (writers.keys() | readers.keys()):
            assert own & near, (str(s), sorted(own)[:5], sorted(named))


def check_everything_computed_has_an_origin(statements: Sequence[Statement]) -> None:
    for s in statements:
        if s.target.array == "hessian":  # made symmetric, which nobody has written
            continue
        if s.derivative == "tangent" and isinstance(s.expr, Apply) and s.expr.op.choice:
            continue  # of a copy into the gradient, which says where it reaches
        if s.target.array == "grad" and _begins_with_zero(s.expr):
            continue  # as `backward` begins, which nobody has written
        if not isinstance(s.expr, Access | float):
            assert len(s.origin), str(s)


def _begins_with_zero(expr: Expr) -> bool:
    """Whether it is a cotangent and 0.0, as partials of strict kernels are."""
    if not isinstance(expr, Apply) or expr.op is not ops.add:
        return False
    return isinstance(expr.args[0], Access) and expr.args[1] == 0.0


def check_instructions(code: Any) -> None:
    """Lines change no instruction, and every line is of statements that there are."""
    listings = listings_of(code)
    with context():
        module = emit(code.schedule, code.interface, code.target, listings.origins)
        how = {"opt_level": code.schedule.opt_level, "passes": code.schedule.passes}
        _, plain = listing(module, code.target, **how)
    without = [line.text for line in assembly_lines(plain, lambda line: ())]
    assert [line.text for line in listings.assembly.lines] == without
    count = len(listings.origins.statements)
    for stage in (listings.mlir, listings.llvm_ir, listings.assembly):
        assert all(0 <= k < count for line in stage.lines for k in line.statements)


def check_pairs(statements: Sequence[Statement]) -> None:
    """Adjoints of statements are those that are adjoint to them."""
    of, adjoints = pairs_of(statements)
    for k, some in of.items():
        assert statements[k].derivative == "adjoint"
        for n in some:
            assert not statements[n].derivative
            assert k in adjoints[n]
            assert set(nodes_of(statements[k]).tolist()) & set(nodes_of(statements[n]).tolist())


def case(seed: int) -> tuple[Callable[..., Any], list[Any]]:
    """A function and its arguments: drawn line by line, of loops that are found, or written."""
    rng, kind = Random(seed), seed % 5
    if kind in (1, 3):
        x, y = ([rng.uniform(-1.5, 1.5) for _ in range(LENGTH)] for _ in "xy")
        return function(source(seed)), [x, y]
    if kind == 4:
        return Drawn(seed, depth=1 + seed % 2).function, [[rng.uniform(-1.0, 1.0) for _ in "abc"]]
    made = drawn(Choices(seed), 300)
    return made.function, made.arguments(made.points[:, 0])


def check(seed: int, *, matrices: bool = True) -> None:
    """Compare one function, of a kind that the seed says, and derivatives of it."""
    f, arguments = case(seed)
    strict = bool(seed // 5 % 2)
    kernel = jit(f, strict=strict, dtype="f64")
    kernel(*arguments)
    e = kernel._shown
    numbers = map(np.ravel, map(_flat, arguments))
    given: Numbers = dict(zip(e.graph.given, numbers, strict=True))
    given |= {f"p{k}": store.array for k, store in enumerate(e.stores)} | e.graph.data
    flat = not e.graph.regions and not e.graph.indices
    if flat:
        check_values(e.graph, e.program, given, exact=strict)
        check_values(e.graph, e.transformed, given, exact=False)
    made = [e]
    if len(e.graph.outputs) == 1 and len(e.wrt):
        both = kernel.value_and_grad
        both(*arguments)
        made.append(both._shown)
        if flat:
            check_values(both._shown.graph, both._shown.transformed, given, exact=False)
        check_adjoints(both._shown.program, both._shown.differentiated)
    if matrices and len(e.wrt) * len(e.graph.outputs) <= MOST_PARTIALS:
        other = kernel.hessian if len(e.graph.outputs) == 1 and seed % 3 == 0 else kernel.jacobian
        other(*arguments)
        made.append(other._shown)
    for each in made:
        statements = each.code.schedule.statements
        check_everything_computed_has_an_origin(statements)
        check_pairs(statements)
        if len(statements) <= MOST_STATEMENTS:
            check_instructions(each.code)


def _flat(x: Any) -> list[float]:
    return [y for each in x for y in _flat(each)] if isinstance(x, list) else [float(x)]


if __name__ == "__main__":
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try:
            check(seed + done)
        except Exception:
            print(f"seed {seed + done}")
            raise
        done += 1
    print(f"{done} functions")
