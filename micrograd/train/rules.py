"""An optimiser -> its update as programs, which are compiled like any other.

The rule is run once, on traced Values: it may use ops and `where`, and what would need a number,
such as `if`, is an error with the line of the rule. Adam's, for instance, is

    state p[4096]
    input g[4096]
    input r[2]
    state s0[4096]
    state s1[4096]
    extent n <= 4096
    ...
    t0[i] = add(mul(0.9, s0[i]), mul(0.1, g[i]))  for i < n
    ...
    p[i] = sub(p[i], div(mul(r[0], t0[i]), add(sqrt(t1[i]), r[1])))  for i < n
    s0[i] = t0[i]  for i < n

All new numbers are computed from the old ones. Sums over all parameters are a program of their own,
which runs before; they begin with 0 and go in the order of the parameters.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from .. import ops
from ..cache.remembered import remembered
from ..engine import Value
from ..errors import TrainingError, kind
from ..jit.code import Code, compile_program
from ..jit.emit.interface import Interface
from ..jit.ir.program import (
    Access,
    Apply,
    Expr,
    Program,
    Role,
    Statement,
    accesses,
    dump,
    map_accesses,
    map_statements,
)
from ..jit.target import Target
from ..jit.trace.nodes import nodes
from ..locks import importing
from ..ops import as_float
from ..optimizer import Optimizer
from ..real_types import WIDE, RealType
from ..traced import Traced

MOST = 4096
"""Parameters that one call of the code is for, at most."""
PARAMETER, GRADIENT, RATES, TOTALS = "p", "g", "r", "total"


@dataclass(frozen=True, slots=True)
class Takes:
    """What an update takes beside parameters and gradients: how many rates, which are scalars that
    a step has of its own, how many slots of state, and how many sums over all parameters.

    numbers  what the state is in
    """

    rates: int
    slots: int
    totals: int
    numbers: RealType = WIDE


@dataclass(frozen=True, slots=True)
class Update:
    """An optimiser's rule as programs on `n` parameters in a row, their gradient and state.

    text     of both programs: rules that print alike are alike
    change   the update
    sums     what is added to `total` before, if the rule asks for sums
    """

    text: str
    takes: Takes
    change: Program = field(compare=False)
    sums: Program | None = field(compare=False)


def update_of(optimizer: Optimizer) -> Update:
    """The optimiser's rule, as programs."""
    if type(optimizer).per_step is Optimizer.per_step:  # without asking the schedule
        step = optimizer.scalars(0.0, optimizer.steps)
    else:
        step = optimizer.per_step(optimizer.steps)
    leaves = _Leaves()
    p, g = leaves.new(PARAMETER), leaves.new(GRADIENT)
    rates = tuple(leaves.new(RATES, k) for k in range(len(step)))
    state = [leaves.new(f"s{k}") for k in range(len(optimizer.slots))]
    terms = _numbers(optimizer._terms(p, g, rates, state))
    scale, totals = optimizer._shared([leaves.new(TOTALS, k) for k in range(len(terms))])
    results = optimizer.rule(p, g if scale is None else g * scale, rates, *state, *totals)
    if not isinstance(results, (tuple, list)) or len(results) != 1 + len(state):
        raise TrainingError(
            f"the rule of {type(optimizer).__name__} should give a tuple of {1 + len(state)} "
            f"numbers, the new parameter and its new state "
            f"({', '.join(optimizer.slots) or 'none'}), got {kind(results)}"
        )
    takes = Takes(len(rates), len(state), len(terms))
    change, sums = _change(takes, leaves, _numbers(results)), None
    text = dump(change)
    if terms:
        sums = _sums(takes, leaves, terms)
        text += f"\n\n{dump(sums)}"
    return Update(text, takes, change, sums)


@functools.lru_cache(maxsize=64)
def code_of(
    update: Update, *, sums: bool, gradient: str, target: Target, numbers: RealType = WIDE
) -> Code:
    """Code for one of its programs, on gradients of a dtype. In float64 it is strict, so that it is
    the eager optimiser's, bit for bit.

    numbers   what the update and the state are in; sums are float64 even then
    """
    program = update.sums if sums else update.change
    assert program is not None
    if numbers is not WIDE and not sums:
        program = _without_denormals(program, update.takes, numbers)
    arrays = dict(program.arrays)
    for name in (PARAMETER, RATES, *[TOTALS] * (TOTALS in arrays)):
        arrays[name] = replace(arrays[name], dtype=WIDE.name)
    for k in range(update.takes.slots):
        arrays[f"s{k}"] = replace(arrays[f"s{k}"], dtype=numbers.name)
    arrays[GRADIENT] = replace(arrays[GRADIENT], dtype=gradient)
    if sums or numbers is WIDE:
        target = replace(target, dtype=WIDE.dtype, strict=True)
    rule = replace(program, arrays=arrays)

    def made() -> Program:
        with importing:
            from ..jit.compile import optimized
            from ..jit.ir.verify import verify

        return optimized(verify(rule, "the rule"), target)

    known = remembered("program of a rule", (rule, target), made)
    return compile_program(known, target, Interface(frozenset(), None))


def _without_denormals(program: Program, takes: Takes, numbers: RealType) -> Program:
    """The program, which sets state that is below all normal numbers to 0.

    Averages of gradients that have become 0 fade: in float32 they are denormal after some hundred
    steps, do not get to 0 by rounding, and take some processors a hundred cycles at every step.
    """
    tiny, slots = float(np.finfo(numbers.dtype).tiny), {f"s{k}" for k in range(takes.slots)}

    def flushed(s: Statement) -> Statement:
        if s.target.array not in slots:
            return s
        vanishes = Apply(ops.lt, (Apply(ops.absolute, (s.expr,)), tiny))
        return replace(s, expr=Apply(ops.where, (vanishes, 0.0, s.expr)))

    return replace(program, body=map_statements(program.body, flushed))


class _Leaves:
    """What the rule is run on: traced Values; by serial number, the elements that they are."""

    def __init__(self) -> None:
        self.places: dict[int, Access] = {}

    def new(self, array: str, offset: int = 0) -> Traced:
        """The traced Value that stands for an element."""
        leaf = Traced(f"{array}[{offset}]" if offset else array)
        self.places[leaf._serial] = Access(array, offset)
        return leaf


def _numbers(given: Any) -> list[Value | float]:
    return [x if isinstance(x, Value) else as_float(x) for x in given]


def _change(takes: Takes, leaves: _Leaves, results: Sequence[Value | float]) -> Program:
    """The program that sets parameters and state."""
    writer = _Writer(takes, leaves, Role.STATE, Role.INPUT)
    exprs = writer.expressions(results)
    names = [PARAMETER, *(f"s{k}" for k in range(takes.slots))]
    for k, expr in enumerate(exprs):
        if any(a.array in names[:k] for a in accesses(expr)):  # which is set before
            exprs[k] = writer.named(expr)
    for name, expr in zip(names, exprs, strict=True):
        if expr != Access(name):
            writer.assign(Access(name), expr)
    return writer.program


def _sums(takes: Takes, leaves: _Leaves, terms: Sequence[Value | float]) -> Program:
    """The program that adds up."""
    writer = _Writer(takes, leaves, Role.INPUT, Role.STATE)
    for k, term in enumerate(writer.expressions(terms)):
        target = Access(TOTALS, k, (0,))
        writer.program.assign(target, writer.each(term), (writer.count,), accumulate=ops.add)
    return writer.program


class _Writer:
    """Writes programs: what was traced becomes expressions, in which a scalar is an access without
    loops, and so is, until it is assigned, the element of a parameter.

    own, totals   the roles of parameters and state, and of sums
    """

    def __init__(self, takes: Takes, leaves: _Leaves, own: Role, totals: Role) -> None:
        self.places = leaves.places
        self.program = program = Program()
        program.declare(PARAMETER, own, MOST)
        program.declare(GRADIENT, Role.INPUT, MOST)
        program.declare(RATES, Role.INPUT, max(1, takes.rates))
        for k in range(takes.slots):
            program.declare(f"s{k}", own, MOST)
        if takes.totals:
            program.declare(TOTALS, totals, takes.totals)
        self.temporaries = 0
        self.count = program.extent("n", MOST)

    def expressions(self, results: Sequence[Value | float]) -> list[Expr]:
        """The results; what is used more than once, and scalars among parameters, have names."""
        found = nodes(results)
        used = chain(results, *(v._operands for v in found))
        uses = Counter(x._serial for x in used if isinstance(x, Value))
        made: dict[int, Expr] = {}

        def operand(x: Value | float) -> Expr:
            return made[x._serial] if isinstance(x, Value) else x

        for v in found:
            if v._entry is None:
                place = self.places.get(v._serial)
                made[v._serial] = v.data if place is None else place
                continue
            args = tuple([operand(x) for x in v._operands])
            if any(map(self._is_each, args)):
                args = tuple([x if self._is_each(x) else self._scalar(x) for x in args])
            expr = Apply(v._entry, args)
            made[v._serial] = self.named(expr) if uses[v._serial] > 1 else expr
        return [operand(x) for x in results]

    def named(self, expr: Expr) -> Access:
        """The expression as a temporary."""
        size = MOST if self._is_each(expr) else 1
        name = f"t{self.temporaries}"
        self.temporaries += 1
        target = Access(self.program.declare(name, Role.TEMPORARY, size).name)
        self.assign(target, expr)
        return target

    def assign(self, target: Access, expr: Expr) -> None:
        """A statement; for every parameter, where the target is an array of them."""
        if self._is_each(target):
            self.program.assign(self.each(target), self.each(expr), (self.count,))
        else:
            self.program.assign(target, expr)

    def _scalar(self, expr: Expr) -> Expr:
        """What is the same for all parameters, computed once."""
        return self.named(expr) if isinstance(expr, Apply) else expr

    def _is_each(self, expr: Expr) -> bool:
        """Whether it differs between parameters."""
        return any(self.program.arrays[a.array].size == MOST for a in accesses(expr))

    def each(self, expr: Expr) -> Any:
        """The expression in a loop over parameters."""

        def access(a: Access) -> Access:
            return Access(a.array, a.offset, (int(self._is_each(a)),))

        return map_accesses(expr, access)
