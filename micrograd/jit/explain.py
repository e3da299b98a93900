"""Executable -> text: what the compiler made of a program, in words, for `kernel.explain()`.

Everything is read off what was compiled: the graph, its program, what differentiation made of it
and the schedule. Nothing is compiled, and nothing is measured.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from .derivatives import Wanted
from .executable import Executable
from .ir.graph import CONSTANT, FIRST_OP, Graph
from .ir.program import INDEX_NAMES, Access, Program, Role, Statement, accesses, runs
from .reroll.classes import Ints, Structure, analyse
from .reroll.reroll import SMALL
from .schedule.contractions import contractions
from .schedule.lanes import VectorLoop
from .schedule.schedule import Schedule
from .trace.stale import Stale

SHOWN = 16
"""Entries of a list; what is longer says how many there are."""
STALE = "constants read from .data (detach(x) would follow x)"
WIDEST = 60
"""Characters of a statement."""

_TEMPORARY = re.compile(r"t(\d+)")  # named after a node, or a class of nodes


def explain(executable: Executable, stale: Sequence[Stale] = ()) -> str:
    """What became of the values: statements, contractions, loops, data, and what is left over.

    stale   constants that were read from Values
    """
    program, graph = executable.program, executable.graph
    batches = _is_batched(program)
    lines = [_headline(executable)]
    if not batches:
        lines += _section("contractions", [str(c) for c in contractions(_statements(executable))])
        lines += _section("repeats in time", _steps(program))
    lines += _section("loops", _loops(executable.schedule, executable.options.dtype.name))
    lines += _section("data", _data(executable))
    lines += _section(STALE, [str(constant) for constant in stale])
    left = _left(executable, batches) or ["nothing"]
    lines.append(f"did not reroll: {left[0]}")
    lines += [f"  {line}" for line in left[1:]]
    lines.append(f"code: {executable.schedule.reasons[0]}")
    if not batches:
        lines += _section("where it comes from", _origins(program, graph))
    return "\n".join(lines)


def _section(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    if len(entries) == 1:
        return [f"{title}: {entries[0]}"]
    more = len(entries) - SHOWN
    shown = [f"  {entry}" for entry in entries[:SHOWN]]
    return [f"{title}:", *shown, *([f"  ... and {more} more"] if more > 0 else [])]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


# -- how much -------------------------------------------------------------------------------


def _headline(executable: Executable) -> str:
    forward = len(executable.program.body)
    text = f"{_count(len(executable.graph), 'value')} became {_count(forward, 'statement')}"
    parameters = {name for name, _ in executable.graph.parameters}
    wrt = {element[0] for element in executable.wrt if element}
    n = _count(len(executable.wrt), "parameter" if wrt <= parameters else "number")
    if executable.wanted is Wanted.VALUE:
        single = len(executable.graph.outputs) == 1 and wrt
        return text + (f"; value_and_grad adds the gradient of {n}." if single else ".")
    words = executable.wanted.value.words
    return f"{text} forward, {len(executable.transformed.body):,} {words} of {n}."


def _statements(executable: Executable) -> list[Statement]:
    """The statements as they are most readable: forward before expansion, then the gradient's."""
    body = executable.transformed.body
    needed = {s.target.array for s in body}
    own = {s.target.array for s in executable.program.body}
    forward = [s for s in executable.program.body if s.target.array in needed]
    return forward + [s for s in body if s.target.array not in own]


# -- loops ----------------------------------------------------------------------------------


def _loops(schedule: Schedule, dtype: str) -> list[str]:
    loops = [step for steps in schedule.functions for step in steps if isinstance(step, VectorLoop)]
    loops.sort(key=lambda loop: -sum(s.points for s in loop.group.statements))
    if len(loops) <= SHOWN:
        return [
            f"{_count(loop.group.count, 'iteration')} of "
            f"{_count(len(loop.group.statements), 'statement')}, {_manner(loop, dtype)}"
            for loop in loops
        ]
    counts: dict[str, list[int]] = {}
    for loop in loops:
        counts.setdefault(_manner(loop, dtype), []).append(loop.group.count)
    return [
        f"{_count(len(n), 'loop')} of {_range(n)}, {manner}"
        for manner, n in sorted(counts.items(), key=lambda item: -len(item[1]))
    ]


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return (f"{low:,} to " if low < high else "") + _count(high, "iteration")


def _steps(program: Program) -> list[str]:
    """The loops whose statements run in turn, since a step needs what the one before computed."""
    turns = [run for run in runs(program.body) if run[0].turn]
    return [
        f"{_count(run[0].domain[0], 'step')} of {_count(len(run), 'statement')}, which run in turn "
        "and hand values on to the next step"
        for run in turns
    ]


def _manner(loop: VectorLoop, dtype: str) -> str:
    """What is vectorised over what, and in how many passes."""
    inside = sorted({lane for lane in loop.lanes if lane is not None})
    if loop.width == 1 or not inside:
        return f"one {dtype} at a time" + ", in turn" * loop.group.in_turn
    names = [INDEX_NAMES[lane] for lane in inside]
    text = "vectorised over " + (f"the iterations ({names[0]})" if loop.across else _and(names))
    text += f", {loop.width} lanes of {dtype}"
    if None in loop.lanes:
        text += f", {_count(loop.lanes.count(None), 'statement')} scalar"
    if len(loop.passes) > 1:
        text += f"; {len(loop.passes)} passes over blocks of {_count(loop.block, 'iteration')}"
    return text


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# -- data -----------------------------------------------------------------------------------


def _data(executable: Executable) -> list[str]:
    program = executable.transformed
    found = []
    written = int((executable.graph.codes == CONSTANT).sum())
    arrays = program.with_role(Role.CONSTANT)
    if arrays:
        kept = sum(a.size for a in arrays)
        found.append(f"{_count(kept, 'constant')} in {_count(len(arrays), 'array')}")
        if written > kept:
            found[-1] += f"; {written - kept:,} more are folded into the statements"
    elif written:
        found.append(f"{_count(written, 'constant')}, folded into the statements")
    if program.tables:
        entries = sum(len(table) for table in program.tables.values())
        tables = _count(len(program.tables), "index table")
        found.append(f"{tables} with {entries:,} entries, for what is read in no affine order")
    return found


# -- what is left ---------------------------------------------------------------------------


def _is_batched(program: Program) -> bool:
    """Whether the program is one of batches: all values in one array, read through tables."""
    return any(
        a.array == s.target.array and a.table is not None
        for s in program.body
        if s.domain
        for a in accesses(s.expr)
    )


def _left(executable: Executable, batches: bool) -> list[str]:
    program, graph = executable.program, executable.graph
    operations = int((graph.codes >= FIRST_OP).sum())
    if batches and any(s.turn for s in program.body):
        return [
            f"no loops are shared by enough of the {operations:,} operations, which are deep and "
            "narrow, so one loop runs them from a table, each node in turn"
        ]
    if batches:
        return [
            f"no loops are shared by enough of the {operations:,} operations, so they are batched: "
            f"{_count(len(program.body), 'loop')} over what has the same depth and op"
        ]
    if not any(s.domain for s in program.body):
        return [_why_straight(graph, operations, executable.options.strict)]
    found = []
    if any(s.turn for s in program.body):
        around = [s for s in program.body if not s.domain]
        return [f"{_count(len(around), 'statement')} before and behind the steps"]
    outputs = {a.name for a in program.with_role(Role.OUTPUT)}
    assigned = [s for s in program.body if not s.accumulate and s.target.array not in outputs]
    pieces = Counter(s.target.array for s in assigned)
    for name, n in pieces.items():
        if n > 1:
            found.append(f"{name} as a whole: its pattern breaks, it is computed in {n} pieces")
    for s in program.body:
        names = sorted({a.array for a in accesses(s.expr) if a.table is not None})
        if names:
            found.append(
                f"the order in which {s.target.array} reads {', '.join(names)}: it is not affine, "
                "so it is an index table"
            )
    return found if len(found) <= SHOWN else [*found[:SHOWN], f"... and {len(found) - SHOWN} more"]


def _why_straight(graph: Graph, operations: int, strict: bool) -> str:
    text = f"straight line, {_count(operations, 'operation')}: "
    if strict:
        return text + "strict keeps the order of every sum, and rerolling groups terms by kind"
    if len(graph) <= SMALL:
        return text + f"the graph is small ({len(graph)} nodes; to {SMALL} it is the better code)"
    return text + "no pattern is shared by enough nodes"


# -- where it comes from --------------------------------------------------------------------


def _origins(program: Program, graph: Graph) -> list[str]:
    """The forward statements with the labels and the lines of the code that they stand for.

    Where there are too many, the lines with how many statements each became.
    """
    if not graph.labels and not graph.places:
        return []
    noted = [(str(s), _note(graph, nodes)) for s, nodes in _nodes_of(program, graph)]
    noted = [(text, note) for text, note in noted if note]
    if len(noted) > SHOWN:
        uses = Counter(note for _, note in noted)
        return [f"{note}: {_count(n, 'statement')}" for note, n in uses.most_common()]
    short = [t if len(t) <= WIDEST else t[: WIDEST - 4] + " ..." for t, _ in noted]
    width = max(map(len, short), default=0)
    return [f"{t:{width}}  # {note}" for t, (_, note) in zip(short, noted, strict=True)]


def _nodes_of(program: Program, graph: Graph) -> Iterator[tuple[Statement, Ints]]:
    """Each statement that computes a temporary, and the nodes of the graph that it computes."""
    if any(s.turn for s in program.body):
        yield from _nodes_of_steps(program)
        return
    structure = analyse(graph) if any(s.domain for s in program.body) else None
    for s in program.body:
        named = _TEMPORARY.fullmatch(s.target.array)
        if named is None:
            continue
        number = int(named[1])
        if structure is None:
            yield s, np.array([number])
        elif number in structure.members:
            yield s, _expression(structure, _written(s, structure.members[number]))


def _nodes_of_steps(program: Program) -> Iterator[tuple[Statement, Ints]]:
    """The statements of steps, and the node of the first step that each begins with."""
    start = {s.target.array: s.expr.array for s in program.body if isinstance(s.expr, Access)}
    for s in program.body:
        named = _TEMPORARY.fullmatch(start.get(s.target.array, ""))
        if s.turn and named:
            yield s, np.array([int(named[1])])


def _written(s: Statement, members: Ints) -> Ints:
    """The members of a class that the statement assigns: its own piece of them."""
    a: Access = s.target
    n = prod(c for c, d in zip(s.domain, a.strides, strict=True) if d)
    return members[a.offset : a.offset + n]


def _expression(structure: Structure, nodes: Ints) -> Ints:
    """The nodes, and those that are inlined into their expressions."""
    found = [nodes]
    while len(nodes):
        sums = structure.sums[nodes]
        sums = sums[sums >= 0]
        terms = [structure.terms[structure.first[i] : structure.first[i + 1]] for i in sums]
        columns = (structure.x[nodes], structure.y[nodes], structure.z[nodes])
        operands = np.unique(np.concatenate([*columns, *terms]))
        operands = operands[operands >= 0]
        nodes = operands[structure.inlined[operands]]
        found.append(nodes)
    return np.concatenate(found)


def _note(graph: Graph, nodes: Ints) -> str:
    """The labels of these nodes, and the lines that they come from."""
    labels = []
    if graph.labels:
        labels = list(dict.fromkeys(graph.labels[n] for n in nodes.tolist() if n in graph.labels))
    places: list[str] = []
    if graph.places:
        places = [graph.places[k] for k in np.unique(graph.place[nodes]).tolist() if k >= 0]
    return ", ".join([*_few(labels), *_few(places)])


def _few(texts: list[str]) -> list[str]:
    return texts if len(texts) <= 3 else [*texts[:2], f"... {texts[-1]}"]
