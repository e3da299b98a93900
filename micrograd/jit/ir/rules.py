"""What a legal program is, as data: a table of rules, and for each stage the set that holds there.

A rule has a name, a text (docs/ir.md shows it), and the functions that check it: of the declared
`arrays`, before all else; of `each` statement; of a statement that stands `alone`, and of a tree of
loops `together`, given what was written before; of the whole `program`, when everything is written.
They raise Broken. `verify` reads the table; a new rule is one entry, and its name in the stages
where it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .declared import arrays, declared, extents, inside, ranks
from .extents import Entries
from .iterations import order_in_loops
from .order import assigned_once, complete, not_carried, order_alone
from .program import Loop, Role, Statement, accesses, loops
from .progress import READ_ONLY, Broken, Progress
from .varying import there_alone, there_in_loops

Each = Callable[[Statement, Progress], None]
Together = Callable[[Loop, Progress], None]
Whole = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the table."""

    name: str
    text: str
    arrays: Whole | None = None
    each: Each | None = None
    alone: Each | None = None
    together: Together | None = None
    program: Whole | None = None


# --- each statement -------------------------------------------------------------------------


def _operands(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if len(e.args) != e.op.arity:
            raise Broken(f"{e.op.name} takes {e.op.arity} operands, has {len(e.args)}")
    for leaf in p.leaves:
        if not isinstance(leaf, float):
            raise Broken(f"{leaf!r} is no expression; literals are floats")


def _accumulates(s: Statement, p: Progress) -> None:
    op = s.accumulate
    if op is not None and (not op.reduces or op.identity is None):
        raise Broken(f"{op.name} is no op that a statement reduces by: it has no identity")


def _given(s: Statement, p: Progress) -> None:
    if p.program.arrays[s.target.array].role in READ_ONLY:
        raise Broken(f"{s.target.array} is read-only")


# --- what stages add ------------------------------------------------------------------------


def _entries(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if not e.op.in_table:
            raise Broken(f"{e.op.name} is no op of the table, so it has no derivative")


def _unread(p: Progress) -> None:
    outputs = {a.name for a in p.program.with_role(Role.OUTPUT)}
    for k, s in enumerate(p.program.statements):
        for a in accesses(s.expr):
            if a.array in outputs:
                raise Broken(f"output {a.array} is read", k)


def _folded(s: Statement, p: Progress) -> None:
    for e in p.applied:
        if all(isinstance(x, float) for x in e.args):
            raise Broken(f"{e} is a number, and is not folded")


def _needed(p: Progress) -> None:
    found = p.program.statements
    read = set[str]()
    for s in found:
        read.update(a.array for a in accesses(s.expr))
        read.update(name for a in s.accesses if a.parts for name in a.index_arrays)
        read.update(c.array for c in s.domain if isinstance(c, Entries))
    read.update(loop.going.array for loop in loops(p.program.body) if loop.going is not None)
    for array in p.program.with_role(Role.TEMPORARY, Role.CONSTANT):
        if array.name not in read:
            writers = [k for k, s in enumerate(found) if s.target.array == array.name]
            raise Broken(f"nothing reads {array.name}", writers[0] if writers else None)


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


# --- the table ------------------------------------------------------------------------------

_LIST = (
    Rule(
        "arrays",
        "A constant has as many numbers as its size. An index array is a constant, of entries of "
        "at least 0 that fit its dtype, or an input whose entries are below a number, or how often "
        "loops have run.",
        arrays=arrays,
    ),
    Rule(
        "declared",
        "Every array and extent that is named is declared, as what it is used as: extents and "
        "accesses go through index arrays, and statements read and write no others.",
        each=declared,
    ),
    Rule(
        "ranks",
        "A domain has first the loops around the statement, and an access, and what of it is not "
        "affine, one stride per loop.",
        each=ranks,
    ),
    Rule(
        "extents",
        "A trip count is at least 0; what it depends on are loops outside of it, and it is never "
        "more than what it says that it is at most.",
        each=extents,
    ),
    Rule(
        "inside",
        "An access stays inside its array for every point of the domain; so does what goes through "
        "an index array, there too. Remainders and quotients are of numbers of at least 0, by "
        "numbers of at least 1.",
        each=inside,
    ),
    Rule(
        "operands",
        "An op has its number of operands; an expression is an access, a float or an op.",
        each=_operands,
    ),
    Rule(
        "accumulates",
        "A statement reduces by an op that has an identity.",
        each=_accumulates,
    ),
    Rule("given", "Inputs, parameters and constants are never written.", each=_given),
    Rule(
        "carried",
        "In its own loops a statement reads no element that it writes, but of state the one that "
        "it writes at the same point.",
        each=not_carried,
    ),
    Rule(
        "once",
        "`=` writes each element once in the statement's own loops, and not through entries that "
        "are not known; what reduces is `+=` and its like.",
        each=assigned_once,
    ),
    Rule(
        "order",
        "An element is assigned by `=` once, but of state. Only then may it be read, or added "
        "to; in loops, iteration by iteration. In a loop of any order, no iteration uses what "
        "another one writes; they may all reduce into it by one op.",
        alone=order_alone,
        together=order_in_loops,
    ),
    Rule(
        "there",
        "What is assigned in iterations that there may not be, by numbers that are given when the "
        "code runs, is used in such iterations only, or through entries that are given.",
        alone=there_alone,
        together=there_in_loops,
    ),
    Rule(
        "complete",
        "Every element of an output is written, whatever the entries of index arrays are; in loops "
        "that are as long as an extent says, as many as it says.",
        program=complete,
    ),
    Rule("entries", "Every op is an entry of the op table, so it has a derivative.", each=_entries),
    Rule("unread", "No output is read.", program=_unread),
    Rule("folded", "No op is applied to numbers only.", each=_folded),
    Rule("needed", "Every temporary and constant is read.", program=_needed),
    Rule(
        "emission",
        "Every op has an emission of its own, or is one that vector math writes whole.",
        each=_emission,
    ),
    Rule("exact", "No op is one that is given as other ops, not even to vector math.", each=_exact),
)

RULES = {rule.name: rule for rule in _LIST}
"""Every rule by name, in the order in which they are checked."""

_ALWAYS = ("arrays", "declared", "ranks", "extents", "inside", "operands", "accumulates", "given",
           "carried", "once", "order", "there", "complete")  # fmt: skip
_SIMPLE = ("folded", "needed")

STAGES: dict[str, tuple[str, ...]] = {
    "program": _ALWAYS,
    "rerolled": (*_ALWAYS, "entries", "unread"),
    "simplified": (*_ALWAYS, *_SIMPLE),
    "expanded": (*_ALWAYS, "emission"),
    "schedulable": (*_ALWAYS, *_SIMPLE, "emission"),
    "schedulable strictly": (*_ALWAYS, *_SIMPLE, "emission", "exact"),
}
"""The rules of each stage: what every pass takes and gives; what reroll gives and differentiation
takes; what simplify and expand establish; what the scheduler and the emitter require."""
