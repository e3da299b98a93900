"""Programs run on Values, point by point: what their derivatives are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from micrograd import Value
from micrograd.jit.ir.points import elements
from micrograd.jit.ir.program import GIVEN, Access, Expr, Program, Role, Statement, accesses
from micrograd.jit.ir.running import run_in_order
from micrograd.jit.trace.trace import Element


@dataclass
class Ran:
    """What a program's arrays held when it was through: Values, or floats where nothing flows."""

    arrays: dict[str, list[Any]]
    leaves: dict[str, list[Value]]

    def gradient(self, of: Element, wrt: Sequence[Element]) -> list[float]:
        """The derivatives of an element, as `Value.backward` has them."""
        leaves = [self.leaves[name][k] for name, k in wrt]
        for values in self.leaves.values():
            for v in values:
                v.grad = 0.0
        root = self.arrays[of[0]][of[1]]
        if isinstance(root, Value):
            root.backward()
        return [float(v.grad) for v in leaves]

    def tangents(self, of: str, along: Mapping[Element, float]) -> list[float]:
        """The derivatives of an array along a direction, which reaches no other leaves."""
        found = {self.leaves[name][k]: t for (name, k), t in along.items()}
        for v in _in_order(self.arrays[of]):
            t = _tangent(v, found)
            if t is not None:
                found[v] = t
        return [found.get(v, 0.0) if isinstance(v, Value) else 0.0 for v in self.arrays[of]]


def run_on_values(program: Program, given: Mapping[str, Any]) -> Ran:
    """Run a program on Values. What data of it decides is chosen: nothing flows to the rest."""
    program = program.running(given)
    arrays: dict[str, list[Any]] = {}
    leaves: dict[str, list[Value]] = {}
    for a in program.arrays.values():
        if a.is_index or a.role is Role.EXTENT:
            continue
        if a.role in GIVEN:
            numbers = [float(v) for row in [given[a.name]] for v in _flat(row)]
            leaves[a.name] = [Value(v) for v in numbers]
            arrays[a.name] = list(leaves[a.name])
        elif a.data is not None:
            arrays[a.name] = a.data.reshape(-1).tolist()
        else:
            arrays[a.name] = [None] * a.size
    run_in_order(program, lambda s: _Run(s, program, arrays).run)
    return Ran(arrays, leaves)


def _flat(x: Any) -> list[Any]:
    return [v for row in x for v in _flat(row)] if hasattr(x, "__len__") else [x]


class _Run:
    def __init__(self, s: Statement, program: Program, arrays: dict[str, list[Any]]) -> None:
        self.s, self.arrays = s, arrays
        self.target = elements(s.target, s.domain, program).tolist()
        self.read = {a: elements(a, s.domain, program).tolist() for a in accesses(s.expr)}

    def run(self, points: range) -> None:
        home = self.arrays[self.s.target.array]
        for point in points:
            v = self.value(self.s.expr, point)
            at = self.target[point]
            home[at] = v if self.s.accumulate is None else self.s.accumulate(home[at], v)

    def value(self, expr: Expr, point: int) -> Any:
        if isinstance(expr, float):
            return expr
        if isinstance(expr, Access):
            found = self.arrays[expr.array][self.read[expr][point]]
            assert found is not None, f"{expr} is read before it is written"
            return found
        if expr.op.choice:
            condition = self.value(expr.args[0], point)
            if isinstance(condition, float):
                return self.value(expr.args[1 if condition != 0.0 else 2], point)
        return expr.op(*[self.value(x, point) for x in expr.args])


def _in_order(roots: Sequence[Any]) -> list[Value]:
    """The Values that others are made of, and these, oldest first."""
    seen = {v for v in roots if isinstance(v, Value)}
    stack = list(seen)
    while stack:
        for x in stack.pop()._operands:
            if isinstance(x, Value) and x not in seen:
                seen.add(x)
                stack.append(x)
    return sorted((v for v in seen if v._entry is not None), key=lambda v: v._serial)


def _tangent(v: Any, found: Mapping[Value, float]) -> float | None:
    """The tangent of a Value; None if no direction reaches it."""
    numbers = [x if isinstance(x, float) else x.data for x in v._operands]
    tangents = [found.get(x) if isinstance(x, Value) else None for x in v._operands]
    if v._entry.choice:
        if tangents[1] is None and tangents[2] is None:
            return None
        return tangents[1 if numbers[0] != 0.0 else 2] or 0.0
    total: float | None = None
    for t, rule in zip(tangents, v._entry.vjp, strict=True):
        if t is not None and rule is not None:
            term = rule(t, v.data, *numbers)
            total = term if total is None else total + term
    return total
