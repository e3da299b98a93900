"""A body -> the same with what is done for each of many things as one nest, things side by side.

A loop over many things, samples say, that all do the same, may have anything inside: triangles,
maxima, loops in order. Taken one statement at a time, lanes lie along the short loops inside, and
loops in order stand around the one over things. Here all statements that may share the loop over
things go into it, and those loops too; a vector's width of things runs at a time, and what each
thing has for itself stays in the cache with these lanes innermost. Sums over the things are added
up lane by lane, and over the lanes behind the loop (`lane_sums.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from ..ir.extents import Extent, is_number
from ..ir.program import (
    Access,
    Array,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    map_accesses,
    row_major,
    statements,
)
from ..passes.reaching import fresh
from ..target import Target
from .abreast import vectors
from .across import LATENCY, cost_across, laid_across, may_lie_across
from .courses import course, depends, in_a_row, varies
from .fuse import MAX_FUSED
from .lane_sums import LaneSums
from .nest import Nest
from .plans import Bounds, Plan, Uses, split
from .products import matrices
from .routes import refusal
from .things_first import inward, things_first

GAIN, UNCACHED_GAIN = 0.8, 1.25
"""Of the cost of statements one by one, what the nest may cost; and where these pass on more
numbers from one to the other than the cache has room for.
"""
CACHED = 1 << 17
"""So many."""
LEAST_VECTORS = 4
"""Vectors of things from which on it is tried."""
COPIED_READS = 3
"""How often one thing reads what lies across the lanes, from where on that is copied."""


@dataclass(slots=True)
class Member:
    """What a node of the body is inside of the loop over things."""

    node: Node
    inside: list[Node]

    @property
    def statements(self) -> list[Statement]:
        """Those in it, whose first loop is that over things."""
        return list(statements(self.inside))


def side_by_side(program: Program, target: Target) -> tuple[Program, dict[int, Nest]]:
    """The program, in which one loop may be what a nest does, and that nest by the loop's id."""
    refused = [s for s in program.body if isinstance(s, Statement) and s.domain and refusal(s)]
    counts = {s.domain[0] for s in refused if _is_count(s.domain[0])}
    counts |= {count for node in program.body for count in _in_order(node)}
    tried = [c for c in counts if c >= LEAST_VECTORS * target.lanes]
    if target.strict or target.lanes == 1 or len(program.body) > MAX_FUSED:
        return program, {}
    for count in sorted(tried, reverse=True):
        found = _nest(program, count, target)
        if found is not None:
            return found
    return program, {}


def gathered(program: Program, count: int, target: Target) -> tuple[Program, int, float] | None:
    """The program with one loop over so many things, its place in the body, and what its nodes cost
    as they stood; None if nothing would be gained in any case.
    """
    turned, body = things_first(program, count)
    pairs = list(zip(program.body, body, strict=True))
    apart = {id(b) for a, b in pairs if _is_product(a, program.arrays, target)}
    apart |= {id(b) for b in _begun_for_all(body, count)}
    before, group, after = _divided(turned, body, count, apart)
    orders = any(count in _in_order(m.node) for m in group)
    if not orders and not any(refusal(s) for m in group for s in m.statements):
        return None
    members = {id(m.node) for m in group}
    alone = sum(_cost_alone(a, target.lanes) for a, b in pairs if id(b) in members)
    arrays = dict(turned.arrays)
    inside = [*_copied([node for m in group for node in m.inside], arrays, count)]
    whole = [*before, Loop(count, Order.FREE, inside), *after]
    return replace(program, arrays=arrays, body=whole), len(before), alone


def _nest(program: Program, count: int, target: Target) -> tuple[Program, dict[int, Nest]] | None:
    """The nest of so many things, in its place; None if it is not worth it."""
    found = gathered(program, count, target)
    if found is None:
        return None
    program, at, alone = found
    before, loop, after = program.body[:at], program.body[at], program.body[at + 1 :]
    arrays = dict(program.arrays)
    others = {a.array for n in (*before, *after) for s in statements([n]) for a in s.accesses}
    touched = {a.array for s in statements([loop]) for a in s.accesses}
    own = {name for name in touched - others if arrays[name].role is Role.TEMPORARY}
    nest = Nest([loop], "the same for each").narrowed(own)
    width = target.lanes * vectors(nest, count, target)
    if not may_lie_across(nest, target.lanes):
        return None
    gain = GAIN if int(count) * sum(nest.tiles.values()) <= CACHED else UNCACHED_GAIN
    sums = LaneSums(arrays, nest, target.lanes)
    nest = sums.nest
    if int(count) * sum(cost_across(s, nest.tiles, width) for s in nest.statements) >= gain * alone:
        return None
    nest = laid_across(nest, width)
    whole = [*before, *sums.first, nest.body[0], *sums.last, *after]
    return replace(program, arrays=arrays, body=whole), {id(nest.body[0]): nest}


def _begun_for_all(body: Sequence[Node], count: int) -> Iterator[Node]:
    """What the sums over things begin with, which only looks as if each thing had a part of it."""
    summed = set()
    for node in body:
        member = _member(node, count)
        for s in () if member is None else member.statements:
            if s.accumulate is not None and not varies(s.target, 0):
                summed.add(s.target.array)
    for node in body:
        if isinstance(node, Statement) and node.accumulate is None and node.target.array in summed:
            yield node


def _in_order(node: Node) -> set[int]:
    """Of how many things each has a loop in order of its own."""
    if isinstance(node, Statement):
        return set()
    if node.order is not Order.FREE:
        counts = {s.domain[1] for s in statements([node]) if len(s.domain) == 2}
    else:
        inner = [n for n in node.body if isinstance(n, Loop) and n.order is not Order.FREE]
        counts = {node.extent} if inner else set()
    return {c for c in counts if _is_count(c)}


def _is_count(c: int) -> bool:
    """Whether it may be a number of things: a number, or one that the call says."""
    return is_number(c) or isinstance(c, Extent)


def _is_product(node: Node, arrays: Mapping[str, Array], target: Target) -> bool:
    """Whether it is a product of two matrices, which has code of its own."""
    m = matrices(node, arrays, target) if isinstance(node, Statement) else None
    return m is not None and m.pays and m.left.array in arrays and m.right.array in arrays


def _divided(
    program: Program, body: Sequence[Node], count: int, apart: Collection[int]
) -> tuple[list[Node], list[Member], list[Node]]:
    """What runs before the loop over things, in it, and after it.

    apart   the ids of nodes that are not for it
    """
    state = {a.name for a in program.with_role(Role.STATE, Role.SCRATCH)}
    bounds = Bounds(state=state)
    plan = Plan((), (), (), count, "", bounds)
    inside, behind = Uses(bounds), Uses(bounds)
    before: list[Node] = []
    group: list[Member] = []
    after: list[Node] = []
    for node in body:
        own = list(statements([node]))
        member = _member(node, count) if id(node) not in apart else None
        if member is not None and all(map(behind.commutes, member.statements)):
            touched = {name: set(places) for name, places in plan.touched.items()}
            joined = touched, plan.written, plan.read, list(plan.group)
            if all(_joins(plan, s) for s in member.statements):
                group.append(member)
                for s in member.statements:
                    inside.add(s)
                continue
            plan.touched, plan.written, plan.read, plan.group = joined
        if all(inside.commutes(s) and behind.commutes(s) for s in own):
            before.append(node)
            continue
        after.append(node)
        for s in own:
            behind.add(s)
    return before, group, after


def _joins(plan: Plan, s: Statement) -> bool:
    joins = plan.joins(s)
    if joins:
        plan.group.append(s)
    return joins


def _member(node: Node, count: int) -> Member | None:
    """The node inside of a loop over so many things; None if it has no such loop."""
    if isinstance(node, Loop):
        inside = inward(node, count)
    else:
        own = split(node, count)
        inside = None if own is None else [own]
    if inside is None:
        return None
    for s in statements(inside):
        scattered = s.accumulate is not None and any(p.strides[0] for p in s.target.parts)
        if scattered or any(depends(c, 0) for c in s.domain):
            return None
    return Member(node, inside)


def _cost_alone(node: Node, width: int) -> float:
    """What a node costs as it stands, at least."""
    if isinstance(node, Statement):
        return course(node, 0, width, strict=False).cost
    inner = list(statements([node]))
    cost = sum(course(s, 1, width, strict=False).cost for s in inner)
    return int(node.extent) * cost * (LATENCY if _waits(node, inner) else 1.0)


def _waits(node: Loop, inner: Sequence[Statement]) -> bool:
    """Whether things wait in a loop in order, as what lies beside each other is not theirs."""
    along = 1 if node.order is not Order.FREE else 0
    if along == 0 and not _in_order(node):
        return False
    return any(abs(a.strides[along]) > 1 for s in inner if len(s.domain) > 1 for a in s.accesses)


def _copied(inside: Sequence[Node], arrays: dict[str, Array], count: int) -> Iterator[Node]:
    """The body, with copies of what is read again and again and lies across the lanes."""
    written = {s.target.array for s in statements(inside)}
    names: dict[tuple[Access, tuple[int, ...]], Access] = {}
    body: list[Node] = []

    def change(s: Statement) -> Statement:
        def copy(a: Access) -> Access:
            kept = [d for d in range(1, len(s.domain)) if a.strides[d]]
            counts = [s.domain[d] for d in kept]
            reads = s.points // count // max(1, prod(map(int, counts)))
            if (
                a.array in written
                or a.parts
                or not varies(a, 0)
                or in_a_row(a, 0)
                or not all(map(is_number, counts))
                or reads < COPIED_READS
            ):
                return a
            domain = (count, *counts)
            less = Access(a.array, a.offset, (a.strides[0], *(a.strides[d] for d in kept)))
            key = less, domain
            if key not in names:
                program = Program(arrays)
                shape = tuple(map(int, domain))
                name = program.declare(fresh(program, f"own_{a.array}"), Role.TEMPORARY, shape)
                names[key] = Access(name.name, 0, row_major(domain))
                body.append(s.beside(names[key], less, domain))
            to = dict(zip([0, *kept], names[key].strides, strict=True))
            return Access(names[key].array, 0, tuple(to.get(d, 0) for d in range(len(s.domain))))

        return replace(s, expr=map_accesses(s.expr, copy))

    def through(node: Node) -> Node:
        if isinstance(node, Loop):
            return replace(node, body=[through(inner) for inner in node.body])
        return change(node)

    rest = [through(node) for node in inside]
    yield from body
    yield from rest
