"""An optimiser's rule -> statements in the program of a training step of Tensors.

The rule is run once, on traced Values, as in rules.py; each parameter then has the statements that
set its state and itself, in loops over its elements:

    s0[i, j] = add(mul(0.9, s0[i, j]), ct_w[i, j])  for i < 64, j < 32
    w[i, j] = sub(w[i, j], mul(rates, s0[i, j]))  for i < 64, j < 32

State is set before what reads its new numbers, where nothing needs the old ones any more, so that
there are no other arrays between a gradient and its parameter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import ops
from ..engine import Value
from ..errors import TrainingError, kind
from ..jit.ir.program import Access, Apply, Expr, Program, Role, accesses, map_accesses, row_major
from ..jit.passes.reaching import fresh
from ..jit.trace.nodes import nodes
from ..ops import as_float
from ..optimizer import Optimizer
from ..traced import Traced

RATES, TOTAL = "rates", "total"
_OWN = "own:"
"""What the arrays of one parameter are called before it is known which."""


@dataclass(frozen=True, slots=True)
class Places:
    """The arrays of a parameter: its own, that of its gradient, and its state.

    value   the gradient, in loops over the parameter's elements, where it is in no array
    """

    parameter: str
    gradient: str
    state: Sequence[str]
    value: Expr | None = None


class TensorUpdate:
    """The rule of an optimiser, to be written into a program."""

    def __init__(self, optimizer: Optimizer) -> None:
        if type(optimizer).per_step is Optimizer.per_step:  # without asking the schedule
            step = optimizer.scalars(0.0, optimizer.steps)
        else:
            step = optimizer.per_step(optimizer.steps)
        self.rates = len(step)
        self.places: dict[int, Access] = {}
        p, g = self._leaf(f"{_OWN}p"), self._leaf(f"{_OWN}g")
        rates = tuple([self._leaf(RATES, k) for k in range(len(step))])
        state = [self._leaf(f"{_OWN}s{k}") for k in range(len(optimizer.slots))]
        self.terms = _numbers(optimizer._terms(p, g, rates, state))
        sums = [self._leaf(TOTAL, k) for k in range(len(self.terms))]
        scale, totals = optimizer._shared(sums)
        made = optimizer.rule(p, g if scale is None else g * scale, rates, *state, *totals)
        if not isinstance(made, (tuple, list)) or len(made) != 1 + len(state):
            raise TrainingError(
                f"the rule of {type(optimizer).__name__} should give a tuple of {1 + len(state)} "
                f"numbers, the new parameter and its new state, got {kind(made)}"
            )
        self.results = _numbers(made)

    def _leaf(self, array: str, offset: int = 0) -> Traced:
        leaf = Traced(array)
        self.places[leaf._serial] = Access(array, offset)
        return leaf

    def declare(self, program: Program) -> None:
        """Enter what the statements read beside parameters, gradients and state."""
        rates, total = (fresh(program, name) for name in (RATES, TOTAL))
        self.names = {RATES: rates, TOTAL: total}
        program.declare(rates, Role.INPUT, max(1, self.rates))
        if self.terms:
            program.declare(total, Role.TEMPORARY, len(self.terms))
            for k in range(len(self.terms)):
                program.assign(Access(total, k), 0.0)

    def add_up(self, program: Program, of: Places) -> None:
        """Append what adds a parameter's terms to the sums over all parameters."""
        writer = _Writer(self, program, of)
        for k, term in enumerate(writer.expressions(self.terms, {})):
            target = writer.looped(Access(TOTAL, k), on_all=False)
            program.assign(target, writer.looped(term), writer.shape, accumulate=ops.add)

    def write(self, program: Program, of: Places) -> None:
        """Append what sets a parameter and its state."""
        writer = _Writer(self, program, of)
        early = self._early()
        new, *states = writer.expressions(self.results, early)
        late = [(f"{_OWN}s{k}", x) for k, x in enumerate(states) if k not in early.values()]
        final = [*late, (f"{_OWN}p", new)]
        for k, (_, expr) in enumerate(final):
            set_before = {name for name, _ in final[:k]}
            if any(a.array in set_before for a in accesses(expr)):
                final[k] = (final[k][0], writer.named(expr))
        for name, expr in final:
            if expr != Access(name):
                writer.assign(Access(name), expr)

    def _early(self) -> dict[int, int]:
        """The nodes that are set as the new state as soon as they are computed, and of which slot:
        where no other node reads the old one.
        """
        found = nodes(self.results)
        early: dict[int, int] = {}
        for k, result in enumerate(self.results[1:]):
            if not isinstance(result, Value) or result._entry is None or result._serial in early:
                continue
            old = f"{_OWN}s{k}"
            reads = [v for v in found if any(self._is(x, old) for x in v._operands)]
            others = [v for v in reads if v is not result and not _feeds_only(v, result, found)]
            if not others and not any(self._is(x, old) for x in self.results):
                early[result._serial] = k
        return early

    def _is(self, x: Any, array: str) -> bool:
        place = self.places.get(x._serial) if isinstance(x, Value) else None
        return place is not None and place.array == array


def _feeds_only(v: Value, result: Value, found: Sequence[Value]) -> bool:
    """Whether a node is read by nothing but what the result is computed from."""
    inside = {x._serial for x in nodes([result])}
    waiting, seen = [v], {v._serial}
    while waiting:
        x = waiting.pop()
        if x is result:
            continue
        for user in found:
            if any(y is x for y in user._operands) and user._serial not in seen:
                if user._serial not in inside:
                    return False
                seen.add(user._serial)
                waiting.append(user)
    return True


class _Writer:
    """Writes the statements of one parameter."""

    def __init__(self, rule: TensorUpdate, program: Program, of: Places) -> None:
        self.rule, self.program, self.of = rule, program, of
        self.shape = program.arrays[of.parameter].shape
        self.names = {**rule.names, f"{_OWN}p": of.parameter}
        self.names |= {f"{_OWN}s{k}": name for k, name in enumerate(of.state)}
        self.names[f"{_OWN}g"] = of.gradient

    def expressions(self, results: Sequence[Value | float], early: dict[int, int]) -> list[Expr]:
        """The results; what is used more than once, and numbers for all elements, have names."""
        found = nodes(results)
        uses = Counter(
            x._serial
            for xs in (results, *(v._operands for v in found))
            for x in xs
            if isinstance(x, Value)
        )
        made: dict[int, Expr] = {}

        def operand(x: Value | float) -> Expr:
            return made[x._serial] if isinstance(x, Value) else x

        for v in found:
            if v._entry is None:
                place = self.rule.places.get(v._serial)
                made[v._serial] = v.data if place is None else place
                continue
            args = tuple([operand(x) for x in v._operands])
            if any(map(self._is_each, args)):
                args = tuple([x if self._is_each(x) else self._scalar(x) for x in args])
            expr: Expr = Apply(v._entry, args)
            if v._serial in early:
                target = Access(f"{_OWN}s{early[v._serial]}")
                self.assign(target, expr)
                expr = target
            elif uses[v._serial] > 1:
                expr = self.named(expr)
            made[v._serial] = expr
        return [operand(x) for x in results]

    def named(self, expr: Expr) -> Access:
        """The expression as a temporary."""
        each = self._is_each(expr)
        own = fresh(self.program, f"u{len(self.program.arrays)}")
        name = f"{_OWN}{own}" if each else own
        self.names[name] = own
        self.program.declare(own, Role.TEMPORARY, self.shape if each else (1,))
        self.assign(Access(name), expr)
        return Access(name)

    def assign(self, target: Access, expr: Expr) -> None:
        """A statement; for every element, where the target is of the parameter."""
        if self._is_each(target):
            to = self.looped(target)
            assert isinstance(to, Access)
            self.program.assign(to, self.looped(expr), self.shape)
        else:
            self.program.assign(target, expr)

    def _scalar(self, expr: Expr) -> Expr:
        return self.named(expr) if isinstance(expr, Apply) else expr

    def _is_each(self, expr: Expr) -> bool:
        return any(a.array.startswith(_OWN) for a in accesses(expr))

    def looped(self, expr: Any, *, on_all: bool = True) -> Any:
        """The expression in loops over the parameter's elements, with the arrays' names."""

        def access(a: Access) -> Expr:
            if a.array == f"{_OWN}g" and self.of.value is not None:
                return self.of.value
            each = a.array.startswith(_OWN) and on_all
            strides = row_major(self.shape) if each else (0,) * len(self.shape)
            return Access(self.names.get(a.array, a.array), a.offset, strides)

        return map_accesses(expr, access)


def _numbers(given: Any) -> list[Value | float]:
    return [x if isinstance(x, Value) else as_float(x) for x in given]
