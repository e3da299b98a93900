"""What a legal program is, as data: a table of rules, and for each stage the set that holds there.

A rule has a name, a text (docs/ir.md shows it), and the functions that check it: of `each`
statement; of a statement that runs `alone`, and of a run of statements that run in turn
`together`, given what was written before; of the whole `program`, when everything is written. They
raise Broken. `verify` reads the table; a new rule is one entry, and its name in the stages where it
holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .extents import Extent
from .interpret import elements, is_recurrence
from .order import complete, order_alone, order_in_turn
from .program import NO_ENTRY, Role, Statement, accesses
from .progress import READ_ONLY, Broken, Progress

Each = Callable[[Statement, Progress], None]
Together = Callable[[list[Statement], Progress], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the table."""

    name: str
    text: str
    each: Each | None = None
    alone: Each | None = None
    together: Together | None = None
    program: Callable[[Progress], None] | None = None


# --- each statement -------------------------------------------------------------------------


def _declared(s: Statement, p: Progress) -> None:
    for a in (s.target, *p.reads):
        if a.array not in p.program.arrays:
            raise Broken(f"array {a.array} is not declared")
        if p.program.arrays[a.array].role is Role.EXTENT:
            raise Broken(f"{a.array} is an extent, how often loops run, and no array")
        if a.table is not None and a.table not in p.program.tables:
            raise Broken(f"table {a.table} is not declared")
    for count in s.domain:
        if isinstance(count, Extent):
            known = p.program.arrays.get(count.name)
            if known is None or known.role is not Role.EXTENT or known.size != int(count):
                raise Broken(f"extent {count.name} <= {int(count)} is not declared")


def _ranks(s: Statement, p: Progress) -> None:
    if any(count < 1 for count in s.domain):
        raise Broken(f"a trip count of {s.domain} is below 1")
    for a in (s.target, *p.reads):
        if len(a.strides) != len(s.domain):
            raise Broken(f"{a} has {len(a.strides)} strides for {len(s.domain)} loops")


def _inside(s: Statement, p: Progress) -> None:
    for a in (s.target, *p.reads):
        extent = p.program.arrays[a.array].size
        limit = extent if a.table is None else len(p.program.tables[a.table])
        lo = hi = a.offset
        for count, stride in zip(s.domain, a.strides, strict=True):
            span = stride * (count - 1)
            lo += min(span, 0)
            hi += max(span, 0)
        if lo < 0 or hi >= limit:
            raise Broken(f"{a} reaches from {lo} to {hi}, outside 0..{limit - 1}")
        if a.table is not None:
            if NO_ENTRY in p.program.tables[a.table]:
                raise Broken(f"table {a.table} has no entries")
            index = elements(a, s.domain, p.program)
            if index.min() < 0 or index.max() >= extent:
                raise Broken(f"{a} reaches outside 0..{extent - 1} through its table")


def _operands(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if len(e.args) != e.op.arity:
            raise Broken(f"{e.op.name} takes {e.op.arity} operands, has {len(e.args)}")
    for leaf in p.leaves:
        if not isinstance(leaf, float):
            raise Broken(f"{leaf!r} is no expression; literals are floats")


def _given(s: Statement, p: Progress) -> None:
    if p.program.arrays[s.target.array].role in READ_ONLY:
        raise Broken(f"{s.target.array} is read-only")


def _data(p: Progress) -> None:
    for a in p.program.with_role(Role.CONSTANT):
        if a.data is None or len(a.data) != a.size:
            raise Broken(f"constant {a.name} does not have {a.size} numbers")


# --- statements in order --------------------------------------------------------------------


def _not_carried(s: Statement, p: Progress) -> None:
    name = s.target.array
    if any(a.array == name for a in p.reads) and is_recurrence(s, p.program):
        raise Broken(f"it reads elements of {name} that it writes, and not in turn")


def _one_loop(run: list[Statement], p: Progress) -> None:
    count = run[0].domain[0] if run[0].domain else 0
    for k, s in enumerate(run):
        if not s.domain or s.domain[0] != count:
            raise Broken(f"{s} runs in turn with a loop of {count}", k)


def _no_reduction(s: Statement, p: Progress) -> None:
    if not s.accumulate and p.distinct(s.target, s)[1]:
        raise Broken("`=` writes one element more than once; reductions accumulate with `+=`")


# --- what stages add ------------------------------------------------------------------------


def _entries(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if not e.op.in_table:
            raise Broken(f"{e.op.name} is no op of the table, so it has no derivative")


def _unread(p: Progress) -> None:
    outputs = {a.name for a in p.program.with_role(Role.OUTPUT)}
    for k, s in enumerate(p.program.body):
        for a in accesses(s.expr):
            if a.array in outputs:
                raise Broken(f"output {a.array} is read", k)


def _folded(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if all(isinstance(x, float) for x in e.args):
            raise Broken(f"{e} is a number, and is not folded")


def _needed(p: Progress) -> None:
    read, tables = set[str](), set[str | None]()
    for s in p.program.body:
        tables.add(s.target.table)
        for a in accesses(s.expr):
            read.add(a.array)
            tables.add(a.table)
    for array in p.program.with_role(Role.TEMPORARY, Role.CONSTANT):
        if array.name not in read:
            writers = [k for k, s in enumerate(p.program.body) if s.target.array == array.name]
            raise Broken(f"nothing reads {array.name}", writers[0] if writers else None)
    for name in p.program.tables:
        if name not in tables:
            raise Broken(f"nothing reads through table {name}")


def _emission(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if not e.op.emittable:
            raise Broken(f"{e.op.name} has no emission; see its entry in the op table")
        if e.op.expand is not None and not e.op.whole:
            raise Broken(f"{e.op.name} has no emission of its own, and is not expanded")


def _exact(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if e.op.expand is not None:
            raise Broken(f"{e.op.name} is not expanded, as strict results require")


def _symbols(p: Progress) -> None:
    for name in p.program.tables:
        if name in p.program.arrays:
            raise Broken(f"{name} is an array and a table")


REACH = 2**31
"""Entries of index tables are 32-bit numbers in compiled code."""


def _reach(s: Statement, p: Progress) -> None:
    for a in (s.target, *p.reads):
        if a.table is not None and p.program.arrays[a.array].size > REACH:
            raise Broken(f"{a} goes through a table, whose entries are below {REACH}")


# --- the table ------------------------------------------------------------------------------

_LIST = (
    Rule("declared", "Every array, table and extent that is named is declared.", each=_declared),
    Rule(
        "ranks",
        "An access has one stride per loop of its statement, and every trip count is at least 1.",
        each=_ranks,
    ),
    Rule(
        "inside",
        "An access stays inside its array for every point of the domain; through a table, its "
        "position stays inside the table and the table's entries inside the array.",
        each=_inside,
    ),
    Rule(
        "operands",
        "An op has its number of operands; an expression is an access, a float or an op.",
        each=_operands,
    ),
    Rule(
        "given",
        "Inputs, parameters and constants are never written, and a constant has as many numbers as "
        "its size.",
        each=_given,
        program=_data,
    ),
    Rule(
        "carried",
        "A statement reads no element that it writes itself, unless it runs in turn; the first "
        "loops of what runs together have one trip count.",
        alone=_not_carried,
        together=_one_loop,
    ),
    Rule("once", "`=` writes each element once; what reduces is `+=`.", alone=_no_reduction),
    Rule(
        "order",
        "An element is assigned by `=` once. Only then may it be read, or accumulated into by "
        "`+=`; in turn, iteration by iteration.",
        alone=order_alone,
        together=order_in_turn,
    ),
    Rule("complete", "Every element of an output is written.", program=complete),
    Rule("entries", "Every op is an entry of the op table, so it has a derivative.", each=_entries),
    Rule("unread", "No output is read.", program=_unread),
    Rule("folded", "No op is applied to numbers only.", each=_folded),
    Rule("needed", "Every temporary, constant and table is read.", program=_needed),
    Rule(
        "emission",
        "Every op has an emission of its own, or is one that vector math writes whole.",
        each=_emission,
    ),
    Rule("symbols", "No table has the name of an array.", program=_symbols),
    Rule(
        "reach",
        "An array that is read or written through a table has at most 2**31 elements.",
        each=_reach,
    ),
    Rule("exact", "No op is one that is given as other ops, not even to vector math.", each=_exact),
)

RULES = {rule.name: rule for rule in _LIST}
"""Every rule by name, in the order in which they are checked."""

_ALWAYS = ("declared", "ranks", "inside", "operands", "given", "carried", "once", "order",
           "complete")  # fmt: skip
_SIMPLE = ("folded", "needed")
_CODE = ("emission", "symbols", "reach")

STAGES: dict[str, tuple[str, ...]] = {
    "program": _ALWAYS,
    "rerolled": (*_ALWAYS, "entries", "unread"),
    "simplified": (*_ALWAYS, *_SIMPLE),
    "expanded": (*_ALWAYS, "emission"),
    "schedulable": (*_ALWAYS, *_SIMPLE, *_CODE),
    "schedulable strictly": (*_ALWAYS, *_SIMPLE, *_CODE, "exact"),
}
"""The rules of each stage: what every pass takes and gives; what reroll gives and differentiation
takes; what simplify and expand establish; what the scheduler and the emitter require."""
