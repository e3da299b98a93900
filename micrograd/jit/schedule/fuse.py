"""Statements and loops -> parts: what shares an outer loop, and in which order the parts run.

Requires the body of a verified program; establishes an order that computes the same, where every
statement with loops is in one `Group`: a loop whose iterations run the group's statements one
after the other; or in a `Nest`, which stands as it was.

What may share a loop, plans.py says. A statement between two members of a group that does not fit
moves before the loop or behind it, where its operands allow. If strict, sums do not commute, and
each that has loops stands by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..ir.extents import is_number
from ..ir.program import Loop, Node, Order, Statement, accesses, asks
from ..ir.stretches import private, stretches
from .nest import Nest
from .plans import Bounds, Plan, arrays_read, kind, near_readers
from .routes import flat, forward, refusal

MAX_FUSED = 400
"""More statements with loops than this are not searched for what to fuse."""


@dataclass(slots=True)
class Group:
    """A loop of `count` iterations around statements whose first dimension it is.

    private   array -> the length of the stretch that belongs to one iteration
    in_turn   whether an iteration may need what the one before it has computed
    """

    count: int
    statements: list[Statement]
    private: dict[str, int] = field(default_factory=dict)
    in_turn: bool = False


@dataclass(slots=True)
class Straight:
    """Statements without loops."""

    statements: list[Statement]


Part = Group | Straight | Nest


def fuse(body: Sequence[Node], bounds: Bounds) -> list[Part]:
    """The parts of a program, in order.

    A loop in order is a group as it stands, and nothing moves past it, nor past a nest.
    """
    parts: list[Part] = []
    between: list[Statement] = []
    for node in body:
        part = _part(node, bounds.strict)
        if isinstance(part, list):
            between += part
        else:
            parts += [*_between(between, bounds), part]
            between = []
    return _merge_straight(parts + _between(between, bounds))


def _part(node: Node, strict: bool) -> list[Statement] | Group | Nest:
    """What a node is for vector loops: statements, or a loop in order; else a nest."""
    if isinstance(node, Statement) and not node.domain and not refusal(node):
        return [node]
    if asks([node]):
        return Nest([node], "a loop goes on as long as a condition holds")
    order = node.order if isinstance(node, Loop) else Order.FREE
    found = flat([node] if order is Order.FREE else node.body, strict)  # type: ignore[union-attr]
    if found is None:
        inside = "loops in order inside" if order is Order.FREE else "loops inside, in their order"
        return Nest([node], inside)
    reason = next(filter(None, map(refusal, found)), "")
    if reason and (strict or order is not Order.FREE):
        return Nest([node], reason)
    if strict and any(s.accumulate and s.domain for s in found):
        return Nest([node], "sums keep their order")
    if order is Order.FREE or not found:
        return found
    if order is Order.REVERSE:
        if not is_number(found[0].domain[0]):
            return Nest([node], "from a last iteration that is not known")
        found = list(map(forward, found))
    return _in_turn(found)


def _between(body: list[Statement], bounds: Bounds) -> list[Part]:
    loops = sum(1 for s in body if s.domain)
    # batches read the array that they write elsewhere: nothing could be fused
    alone = any(a.array == s.target.array and a != s.target for s in body for a in accesses(s.expr))
    return _singly(body) if alone or loops > MAX_FUSED else _parts(body, bounds)


def _in_turn(run: list[Statement]) -> Group:
    targets = {s.target.array for s in run}
    return Group(run[0].domain[0], run, private(targets, stretches(run)), in_turn=True)


def _parts(body: list[Statement], bounds: Bounds) -> list[Part]:
    """Group the statements, the most profitable loop first; what is around it, likewise."""
    todo = [body]
    done: list[Part] = []
    while todo:
        part = todo.pop()
        kinds, reads = list(map(kind, part)), list(map(arrays_read, part))
        loops = {(s.domain[0], k): None for s, k in zip(part, kinds, strict=True) if k != "alone"}
        plans = [Plan(part, kinds, reads, count, k, bounds) for count, k in loops]
        plans += [
            Plan(part, kinds, reads, p.count, k, bounds, p.blocked)
            for p, (_, k) in zip(plans, loops, strict=True)
            if p.blocked
        ]
        best = max(plans, key=lambda plan: plan.profit, default=None)
        if best is None or not best.group:  # what reads what it writes shares with nothing
            done += _singly(part)
        elif best.before or best.after:
            todo += [best.after, best.group, best.before]
        else:
            done.append(_shared(best))
    return done


def _shared(plan: Plan) -> Part:
    """The loop that a plan's group shares."""
    body, reason = plan.group, refusal(plan.group[0])
    if not reason:
        return Group(plan.count, near_readers(body, plan.bounds), plan.private())
    return Nest(list(body) if len(body) == 1 else [Loop(plan.count, Order.FREE, [*body])], reason)


def _singly(body: Sequence[Statement]) -> list[Part]:
    """Every statement by itself."""
    parts: list[Part] = []
    for s in body:
        if reason := refusal(s):
            parts.append(Nest([s], reason))
        else:
            parts.append(Group(s.domain[0], [s]) if s.domain else Straight([s]))
    return parts


def _merge_straight(parts: Iterable[Part]) -> list[Part]:
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, Straight) and merged and isinstance(merged[-1], Straight):
            merged[-1].statements += part.statements
        else:
            merged.append(part)
    return merged
