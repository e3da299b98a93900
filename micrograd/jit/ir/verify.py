"""The verifier of programs: every pass's output goes through it in the tests.

Rules (docs/ir.md has them in words): names are declared; ranks match the domain; indices stay
inside their arrays; ops have their number of operands; inputs, parameters and constants are never
written; an element is assigned once, and only then accumulated into or read; `=` does not reduce;
every element of an output is written.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import CompilerError
from .interpret import distinct, elements, is_recurrence, repeats
from .program import NO_ENTRY, Access, Apply, Expr, Program, Role, Statement, accesses, runs

_READ_ONLY = (Role.INPUT, Role.PARAMETER, Role.CONSTANT)


def verify(program: Program, after: str = "") -> Program:
    """The program itself, if it is well formed.

    Raises CompilerError that names the pass `after` which it was checked, shows the offending
    statement, and says which rule it breaks. Cost: a few operations per point of every domain.
    """
    written = {a.name: np.full(a.size, a.role in _READ_ONLY) for a in program.arrays.values()}
    number = -1
    for run in runs(program.body):
        try:
            if run[0].turn:
                _verify_in_turn(run, program, written)
            for s in run:
                number += 1
                if not s.turn:
                    _verify_statement(s, program, written)
        except _Broken as broken:
            number = max(number, 0)
            stage = f" after {after}" if after else ""
            lo, hi = max(0, number - 2), number + 3
            context = "\n".join(
                f"{'>' if k == number else ' '} {program.body[k]}"
                for k in range(lo, min(hi, len(program.body)))
            )
            raise CompilerError(
                f"program{stage}, statement {number}: {broken}\n{context}"
            ) from None
    for a in program.with_role(Role.OUTPUT):
        if not written[a.name].all():
            missing = int(np.argmin(written[a.name]))
            raise CompilerError(f"program {after}: output element {a.name}[{missing}] is never set")
    for a in program.with_role(Role.CONSTANT):
        if a.data is None or len(a.data) != a.size:
            raise CompilerError(
                f"program {after}: constant {a.name} does not have {a.size} numbers"
            )
    return program


class _Broken(Exception):
    """A rule is broken; the caller adds where."""


def _verify_statement(
    s: Statement, program: Program, written: dict[str, npt.NDArray[np.bool_]]
) -> None:
    _check_target(s, program)
    reads = list(dict.fromkeys(accesses(s.expr)))
    for a in reads:
        _check_bounds(a, s, program)
    if is_recurrence(s, program):
        raise _Broken(f"it reads elements of {s.target.array} that it writes, and not in turn")
    done = written[s.target.array]
    if s.accumulate and done.all() and all(written[a.array].all() for a in reads):
        return  # without a look at every point, of which a reduction may have many
    target, again = distinct(s.target, s.domain, program)
    if not s.accumulate and again:
        raise _Broken("`=` writes one element more than once; reductions accumulate with `+=`")
    for a in reads:
        if not written[a.array].all():
            _require(written[a.array], distinct(a, s.domain, program)[0], a.array, "read")
    if s.accumulate:
        _require(done, target, s.target.array, "accumulated into")
    elif done[target].any():
        raise _Broken(f"{s.target.array}[{int(target[np.argmax(done[target])])}] is assigned twice")
    done[target] = True


def _verify_in_turn(
    run: list[Statement], program: Program, written: dict[str, npt.NDArray[np.bool_]]
) -> None:
    """Check that in every iteration each element is there before it is read or added to."""
    count = run[0].domain[0] if run[0].domain else 0
    late = len(run) * count  # a time that never comes
    times = {
        name: np.where(done, -1, late)
        for name, done in written.items()
        if any(name in {s.target.array, *(a.array for a in accesses(s.expr))} for s in run)
    }
    for k, s in enumerate(run):
        if not s.domain or s.domain[0] != count:
            raise _Broken(f"{s} runs in turn with a loop of {count}")
        _check_target(s, program)
        target = elements(s.target, s.domain, program)
        if not s.accumulate:
            now = _times(s, k, len(run))
            time = times[s.target.array]
            if (time[target] < late).any() or repeats(target, len(time)):
                raise _Broken(f"an element of {s.target.array} is assigned twice")
            time[target] = now
    for k, s in enumerate(run):
        now = _times(s, k, len(run))
        needed = {a: _elements_in_bounds(a, s, program) for a in accesses(s.expr)}
        if s.accumulate:
            needed[s.target] = _elements_in_bounds(s.target, s, program)
        for a, index in needed.items():
            early = times[a.array][index] >= now
            if early.any():
                raise _Broken(f"{a.array}[{int(index[np.argmax(early)])}] is read too early")
    for name, time in times.items():
        written[name] |= time < late


def _times(s: Statement, k: int, statements: int) -> npt.NDArray[np.int64]:
    """When each point of statement k of a run is done."""
    each = s.points // s.domain[0]
    return np.repeat(np.arange(s.domain[0]) * statements + k, each)


def _check_target(s: Statement, program: Program) -> None:
    if any(count < 1 for count in s.domain):
        raise _Broken(f"a trip count of {s.domain} is below 1")
    _verify_ops(s.expr)
    _check_bounds(s.target, s, program)
    if program.arrays[s.target.array].role in _READ_ONLY:
        raise _Broken(f"{s.target.array} is read-only")


def _require(
    done: npt.NDArray[np.bool_], index: npt.NDArray[np.int64], name: str, what: str
) -> None:
    ready = done[index]
    if not ready.all():
        raise _Broken(f"{name}[{int(index[np.argmin(ready)])}] is {what} before it is assigned")


def _check_bounds(a: Access, s: Statement, program: Program) -> None:
    if a.array not in program.arrays:
        raise _Broken(f"array {a.array} is not declared")
    if len(a.strides) != len(s.domain):
        raise _Broken(f"{a} has {len(a.strides)} strides for {len(s.domain)} loops")
    if a.table is not None and a.table not in program.tables:
        raise _Broken(f"table {a.table} is not declared")
    extent = program.arrays[a.array].size
    limit = extent if a.table is None else len(program.tables[a.table])
    spans = [stride * (count - 1) for count, stride in zip(s.domain, a.strides, strict=True)]
    lo = a.offset + sum(x for x in spans if x < 0)
    hi = a.offset + sum(x for x in spans if x > 0)
    if lo < 0 or hi >= limit:
        raise _Broken(f"{a} reaches from {lo} to {hi}, outside 0..{limit - 1}")
    if a.table is not None:
        if NO_ENTRY in program.tables[a.table]:
            raise _Broken(f"table {a.table} has no entries")
        index = elements(a, s.domain, program)
        if index.min() < 0 or index.max() >= extent:
            raise _Broken(f"{a} reaches outside 0..{extent - 1} through its table")


def _elements_in_bounds(a: Access, s: Statement, program: Program) -> npt.NDArray[np.int64]:
    _check_bounds(a, s, program)
    return elements(a, s.domain, program)


def _verify_ops(expr: Expr) -> None:
    stack = [expr]
    while stack:
        e = stack.pop()
        if isinstance(e, Apply):
            if len(e.args) != e.op.arity:
                raise _Broken(f"{e.op.name} takes {e.op.arity} operands, has {len(e.args)}")
            stack.extend(e.args)
        elif not isinstance(e, (Access, float)):
            raise _Broken(f"{e!r} is no expression; literals are floats")
