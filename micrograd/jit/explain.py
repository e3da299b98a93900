"""Executable -> text: what the compiler made of a program, in words, for `kernel.explain()`.

Everything is read off what was compiled: the graph, its program, what differentiation made of it
and the schedule. Nothing is compiled, and nothing is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..errors import counted
from .executable import Executable
from .ir.extents import INDEX_NAMES
from .ir.graph import CONSTANT, Graph
from .ir.nests import Ints
from .ir.program import Apply, Loop, Order, Program, Role, Statement, statements
from .schedule.contractions import contractions
from .schedule.lanes import VectorLoop
from .schedule.schedule import Schedule
from .trace.stale import Stale
from .wanted import Wanted

SHOWN = 16
"""Entries of a list; what is longer says how many there are."""
STALE = "constants read from .data (detach(x) would follow x)"
WIDEST = 60
"""Characters of a statement."""


def explain(executable: Executable, stale: Sequence[Stale] = (), rows: int = 0) -> str:
    """What became of the values: statements, contractions, loops, data, and what is left over.

    stale   constants that were read from Values
    rows    of a sum over rows of data, how many are computed at a time; 0: it is no such sum
    """
    program, graph = executable.program, executable.graph
    batches = program.found.strategy in ("batches", "table")
    lines = [_headline(executable)]
    if rows:
        at_a_time = "one at a time" if rows == 1 else f"up to {counted(rows, 'row')} at a time"
        lines.append(f"for each row of the data, {at_a_time}, however many there are")
    if not batches:
        lines += section("contractions", [str(c) for c in contractions(_statements(executable))])
        lines += section("repeats in time", in_turn(program))
        lines += section("long loops", executable.differentiated.notes)
    found = loops_of(executable.schedule, executable.options.dtype.name)
    if rows > 1:
        found = [line.replace(counted(rows, "iteration"), "the rows") for line in found]
    lines += section("loops", found)
    lines += section("data", _data(executable))
    lines += section(STALE, [str(constant) for constant in stale])
    left = program.found.left or ["nothing"]
    lines.append(f"did not reroll: {left[0]}")
    lines += [f"  {line}" for line in left[1:SHOWN]]
    if len(left) > SHOWN:
        lines.append(f"  ... and {len(left) - SHOWN} more")
    lines.append(f"code: {executable.schedule.reasons[0]}")
    if not batches:
        lines += section("where it comes from", _origins(program, graph))
    return "\n".join(lines)


def section(title: str, entries: Sequence[str]) -> list[str]:
    """The lines of a list under its title; of none, none."""
    if not entries:
        return []
    if len(entries) == 1:
        return [f"{title}: {entries[0]}"]
    more = len(entries) - SHOWN
    shown = [f"  {entry}" for entry in entries[:SHOWN]]
    return [f"{title}:", *shown, *([f"  ... and {more} more"] if more > 0 else [])]


# -- how much -------------------------------------------------------------------------------


def _headline(executable: Executable) -> str:
    forward = len(executable.program.statements)
    text = f"{counted(len(executable.graph), 'value')} became {counted(forward, 'statement')}"
    parameters = {name for name, _ in executable.graph.parameters}
    wrt = {element[0] for element in executable.wrt if element}
    n = counted(len(executable.wrt), "parameter" if wrt <= parameters else "number")
    if executable.wanted is Wanted.VALUE:
        single = len(executable.graph.outputs) == 1 and wrt
        return text + (f"; value_and_grad adds the gradient of {n}." if single else ".")
    words = executable.wanted.value.words
    return f"{text} forward, {len(executable.transformed.statements):,} {words} of {n}."


def _statements(executable: Executable) -> list[Statement]:
    """The statements as they are most readable: forward before expansion, then the gradient's."""
    body = executable.transformed.statements
    needed = {s.target.array for s in body}
    own = {s.target.array for s in executable.program.statements}
    forward = [s for s in executable.program.statements if s.target.array in needed]
    return forward + [s for s in body if s.target.array not in own]


# -- loops ----------------------------------------------------------------------------------


def loops_of(schedule: Schedule, dtype: str) -> list[str]:
    """The vector loops, the largest first; of many, how many there are of each kind."""
    loops = [step for step in schedule.steps if isinstance(step, VectorLoop)]
    loops.sort(key=lambda loop: -sum(s.points for s in loop.group.statements))
    if len(loops) <= SHOWN:
        return [
            f"{counted(loop.group.count, 'iteration')} of "
            f"{counted(len(loop.group.statements), 'statement')}, {manner(loop, dtype)}"
            for loop in loops
        ]
    counts: dict[str, list[int]] = {}
    for loop in loops:
        counts.setdefault(manner(loop, dtype), []).append(loop.group.count)
    return [
        f"{counted(len(n), 'loop')} of {_range(n)}, {manner}"
        for manner, n in sorted(counts.items(), key=lambda item: -len(item[1]))
    ]


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return (f"{low:,} to " if low < high else "") + counted(high, "iteration")


def in_turn(program: Program) -> list[str]:
    """The loops in order, since a step needs what the one before computed."""
    loops = [
        node for node in program.body if isinstance(node, Loop) and node.order is not Order.FREE
    ]
    return [
        f"{'at most ' * (loop.going is not None)}{counted(int(loop.extent), 'step')} of "
        f"{counted(len(list(statements(loop.body))), 'statement')}, which run in turn "
        "and hand values on to the next step"
        for loop in loops
    ]


def manner(loop: VectorLoop, dtype: str) -> str:
    """In words, what is vectorised over what, and in how many passes."""
    inside = sorted({lane for lane in loop.lanes if lane is not None})
    if loop.width == 1 or not inside:
        return f"one {dtype} at a time" + ", in turn" * loop.group.in_turn
    names = [INDEX_NAMES[lane] for lane in inside]
    text = "vectorised over " + (f"the iterations ({names[0]})" if loop.across else _and(names))
    text += f", {loop.width} lanes of {dtype}"
    if None in loop.lanes:
        alone = f"{loop.lanes.count(None):,} of {counted(len(loop.lanes), 'statement')}"
        text += f", but {alone} one at a time"
    if len(loop.passes) > 1:
        text += f"; {len(loop.passes)} passes over blocks of {counted(loop.block, 'iteration')}"
    return text


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# -- data -----------------------------------------------------------------------------------


def _data(executable: Executable) -> list[str]:
    program = executable.transformed
    found = []
    written = int((executable.graph.codes == CONSTANT).sum())
    constants = program.with_role(Role.CONSTANT)
    arrays = [a for a in constants if not a.is_index]
    tables = [a for a in constants if a.is_index]
    if arrays:
        kept = sum(a.size for a in arrays)
        found.append(f"{counted(kept, 'constant')} in {counted(len(arrays), 'array')}")
        if written > kept:
            found[-1] += f"; {written - kept:,} more are folded into the statements"
    elif written:
        found.append(f"{counted(written, 'constant')}, folded into the statements")
    if tables:
        found.append(
            f"{counted(len(tables), 'index table')} with {sum(a.size for a in tables):,} entries, "
            "for what is read in no affine order"
        )
    return found


# -- where it comes from --------------------------------------------------------------------


def _origins(program: Program, graph: Graph) -> list[str]:
    """The forward statements with the labels and the lines of the code that they stand for.

    Where there are too many, the lines with how many statements each became.
    """
    if not graph.labels and not graph.places:
        return []
    noted = [
        (str(s), _note(graph, np.asarray(s.origin, dtype=np.int64)))
        for s in program.statements
        if len(s.origin) and (s.accumulate is not None or isinstance(s.expr, Apply))
    ]
    noted = [(text, note) for text, note in noted if note]
    if len(noted) > SHOWN:
        uses = Counter(note for _, note in noted)
        return [f"{note}: {counted(n, 'statement')}" for note, n in uses.most_common()]
    short = [t if len(t) <= WIDEST else t[: WIDEST - 4] + " ..." for t, _ in noted]
    width = max(map(len, short), default=0)
    return [f"{t:{width}}  # {note}" for t, (_, note) in zip(short, noted, strict=True)]


def _note(graph: Graph, nodes: Ints) -> str:
    """The labels of these nodes, and the lines that they come from."""
    labels = []
    if graph.labels:
        labels = list(dict.fromkeys(graph.labels[n] for n in nodes.tolist() if n in graph.labels))
    places: list[str] = []
    if graph.places:
        places = [str(graph.places[k]) for k in np.unique(graph.place[nodes]).tolist() if k >= 0]
    return ", ".join([*_few(labels), *_few(places)])


def _few(texts: list[str]) -> list[str]:
    return texts if len(texts) <= 3 else [*texts[:2], f"... {texts[-1]}"]
