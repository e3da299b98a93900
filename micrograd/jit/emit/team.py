"""Threads that share the work of a call: what they say to each other.

A team is a row of words in memory, by the names in WORDS. The thread whose call it is, its leader,
hands out a job at a time: a function of an address and of the number of a part, for so many parts.
Leader and helpers take one part after the other, and the leader goes on when all are done. Nobody
waits for a helper that has not come yet, or that was sent elsewhere: it is needed only for the part
that it has taken.

`work` has the number of parts in its upper half, and that of the next part in the lower one, so a
helper that takes a part knows whether there is one, whatever job has begun meanwhile. Before a
part is done no other job can begin: function and arguments belong to it.

Establishes

    share(team, function, arguments, parts)   of a module, where it is needed
    @help(team)                               a helper: works until the call is over
"""

from __future__ import annotations

from lowering.bindings import ir

from ..dialect.blocks import new_module
from ..target import Target
from .builder import Builder

HELP = "help"
"""The symbol."""
WORDS = {"threads": 0, "function": 1, "arguments": 2, "work": 8, "done": 16, "over": 24}
"""Where they are; what is written often has a cache line of its own."""
SIZE = 32
"""Words of a team."""
SPINS = 5000
"""How often a thread looks before it offers its processor to others."""
_HALF = 32


def threads_of(b: Builder, team: ir.Value) -> ir.Value:
    """How many threads there are, the leader among them."""
    return b.load(_word(b, team, "threads"), b.i64)


def share(b: Builder, team: ir.Value, function: str, arguments: ir.Value, parts: ir.Value) -> None:
    """Call `function(arguments, part)` for every part; a single one without the team."""
    if "share" not in b.shared:
        b.shared["share"] = "share"
        with b.inside():
            _define_share(b.twin(1))
    b.call("share", [team, b.address(function), arguments, parts])


def emit_help(target: Target) -> ir.Module:
    """The module of `help`."""
    with new_module() as module:
        b = Builder(module, target)
        b.declare("sched_yield", "() -> i32")
        entry = b.function(HELP, [b.ptr])
        (team,) = entry.arguments
        stays = _variable(b, entry, 1)
        spins = _variable(b, entry, SPINS)
        with b.as_long_as(lambda: _holds(b, "ne", b.load(stays, b.i64), 0)):
            over = b.atomic_load(_word(b, team, "over"))
            there = b.block.create_after()
            nothing = there.create_after()
            next_round = nothing.create_after()
            number, parts = _halves(b, b.atomic_load(_word(b, team, "work")))
            b.branch_if(b.compare_integers("ult", number, parts), there, nothing)
            b.enter(there)
            with b.scope():
                _take(b, team)
                b.store(b.integer(SPINS), spins)
            b.branch(next_round)
            b.enter(nothing)
            with b.scope():
                b.store(b.integer_op("llvm.sub", b.integer(1), over), stays)
                _pause(b, spins)
            b.branch(next_round)
            b.enter(next_round)
        b.leave()
    return module


def _define_share(b: Builder) -> None:
    b.declare("sched_yield", "() -> i32")
    attributes = {"no_inline": ir.UnitAttr.get()}
    entry = b.function("share", [b.ptr, b.ptr, b.ptr, b.i64], internal=True, attributes=attributes)
    team, function, arguments, parts = entry.arguments
    spins = _variable(b, entry, SPINS)
    with b.when(_holds(b, "eq", parts, 1)):
        b.call(function, [arguments, b.integer(0)])
        b.leave()
        b.enter(b.block.create_after())  # nothing gets there
    b.store(function, _word(b, team, "function"))
    b.store(arguments, _word(b, team, "arguments"))
    b.atomic_store(b.integer(0), _word(b, team, "done"))
    above = b.integer_op("llvm.shl", parts, b.integer(_HALF))
    work, done = (_word(b, team, name) for name in ("work", "done"))
    b.atomic_store(above, work)

    def some() -> ir.Value:
        number, parts = _halves(b, b.atomic_load(work))
        return b.compare_integers("ult", number, parts)

    with b.as_long_as(some):
        _take(b, team)
    with b.as_long_as(lambda: b.compare_integers("ne", b.atomic_load(done), parts)):
        _pause(b, spins)
    b.leave()


def _take(b: Builder, team: ir.Value) -> None:
    """Do a part, unless others have taken the last one."""
    number, parts = _halves(b, b.atomic_add(1, _word(b, team, "work")))
    with b.when(b.compare_integers("ult", number, parts)):
        function = b.load(_word(b, team, "function"), b.ptr)
        b.call(function, [b.load(_word(b, team, "arguments"), b.ptr), number])
        b.atomic_add(1, _word(b, team, "done"))


def _pause(b: Builder, spins: ir.Value) -> None:
    """Let some time go by: nothing at first, then what others do on this processor."""
    left = b.build("llvm.sub", [b.i64], [b.load(spins, b.i64), b.integer(1)])
    b.store(left, spins)
    with b.when(_holds(b, "slt", left, 0)):
        b.call("sched_yield", [], b.i32)


def _halves(b: Builder, work: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The number of the next part, and how many parts there are."""
    half = b.integer((1 << _HALF) - 1)
    parts = b.build("llvm.lshr", [b.i64], [work, b.integer(_HALF)])
    return b.build("llvm.and", [b.i64], [work, half]), parts


def _word(b: Builder, team: ir.Value, name: str) -> ir.Value:
    return b.element(team, WORDS[name], b.i64)


def _holds(b: Builder, predicate: str, x: ir.Value, n: int) -> ir.Value:
    return b.compare_integers(predicate, x, b.integer(n))


def _variable(b: Builder, entry: ir.Block, n: int) -> ir.Value:
    """An integer on the stack."""
    with b.inside(ir.InsertionPoint.at_block_begin(entry)):
        place = b.alloca(1, b.i64)
        b.store(b.constant_integer(n), place)
    return place
