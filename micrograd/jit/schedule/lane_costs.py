"""Group -> what each of its statements costs with one of its dimensions in vector lanes.

Costs are vector operations per iteration of the fused loop. They also say which operands are worth
a copy in the order that they are read in.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from ..ir.program import NUMBER, Access, Apply, Program, Statement, accesses
from .counts import HORIZONTAL, PACK_LIMIT, operations
from .fuse import Group
from .routes import moves

FOLD = 3
"""The same, of each of as many vectors as they have lanes."""
ABREAST_TERMS = 64
"""Terms in the longest sum over lanes that is added up together with others: the more terms, the
less there is to gain, and several long rows are read slower than one after the other."""
PACK_ITERATIONS = 4
"""A loop of at least so many iterations is worth copying its operands for."""


def packs(a: Access, lane: int, group: Group, program: Program, bits: int = 0) -> bool:
    """Whether the group works on a copy of what `a` reads, in the order that it reads it.

    It is worth it for what every iteration reads again, and reads across its grain, or in another
    dtype than the code computes in, of which `bits` is the width.
    """
    if a.parts or a.strides[0] or group.count < PACK_ITERATIONS or lane == 0:
        return False
    if any(s.target.array == a.array for s in group.statements):
        return False
    counts = _counts_of(a, group)
    across = lane > 0 and a.strides[lane] not in (0, 1)
    converts = program.arrays[a.array].dtype not in (NUMBER, f"f{bits}") and bits > 0
    return (across or converts) and prod(counts) <= PACK_LIMIT


def _counts_of(a: Access, group: Group) -> list[int]:
    for s in group.statements:
        if a in accesses(s.expr):
            return [c for c, d in zip(s.domain, a.strides, strict=True) if d]
    return [1]


@dataclass(slots=True)
class LaneCosts:
    """Costs in vector operations per iteration of the fused loop."""

    group: Group
    program: Program
    width: int
    scratch: dict[str, int]

    def best_inner(self, s: Statement) -> tuple[int | None, float]:
        """The cheapest dimension inside an iteration, and its cost; None if there is none."""
        if len(s.domain) == 1:
            return None, float(max(1, operations(s.expr)))
        candidates = [(self.cost(s, d), d) for d in range(1, len(s.domain))]
        cost, lane = min(candidates)
        return lane, cost

    def inside(self) -> tuple[list[tuple[int | None, float]], set[int]]:
        """The lane and the cost of every statement inside an iteration; those to run abreast.

        Sums over lanes into a number per iteration, with all scalar statements: if they can, and
        if it is cheaper.
        """
        inner = [self.best_inner(s) for s in self.group.statements]
        if self.width == 1 or self.group.in_turn:
            return inner, set()
        abreast, together = set(), list(inner)
        has_sums = False
        for k, (s, (lane, cost)) in enumerate(zip(self.group.statements, inner, strict=True)):
            if lane is None:
                if not self._has_own_numbers(s):
                    return inner, set()
                abreast.add(k)
                together[k] = 0, self.cost(s, 0)
            elif self._sums_to_own_numbers(s):
                if s.points // s.domain[0] > ABREAST_TERMS:
                    return inner, set()
                abreast.add(k)
                together[k] = lane, cost - HORIZONTAL + FOLD
                has_sums = True
        cheaper = sum(cost for _, cost in together) < sum(cost for _, cost in inner)
        return (together, abreast) if has_sums and cheaper else (inner, set())

    def _has_own_numbers(self, s: Statement) -> bool:
        """Whether a scalar statement finds those of several iterations in a row."""
        touched = s.accesses
        return all(not a.parts and self.scratch.get(a.array, 1) == 1 for a in touched)

    def _sums_to_own_numbers(self, s: Statement) -> bool:
        """Whether it is a sum into a number per iteration, and several of them are apart.

        Numbers in longer stretches lie too far apart to be the lanes of a vector, and through a
        table two iterations may add to the same one.
        """
        a = s.target
        own = s.accumulate and not a.parts and a.strides[0] and not any(a.strides[1:])
        return bool(own) and self.scratch.get(a.array, 1) == 1

    def straddles(self) -> bool:
        """Whether iterations read rows that begin anywhere, not where vectors do."""
        return any(
            moves(a)[0] % self.width and 1 in moves(a)[1:]
            for s in self.group.statements
            for a in accesses(s.expr)
        )

    def cost(self, s: Statement, lane: int) -> float:
        """The cost of the statement with this dimension in lanes."""
        count = s.domain[lane]
        vectors = ceil(count / self.width)
        points = prod(s.domain[1:])
        repeats = points / count * vectors  # of an iteration's share, where it is across
        # a product and the sum that it goes into are one operation
        fused = isinstance(s.expr, Apply) and s.expr.op.product
        work = max(1, operations(s.expr)) + (s.accumulate is not None and not fused)
        penalty = sum(self._penalty(a, lane) for a in set(accesses(s.expr)))
        total = repeats * (work + penalty)
        stride = s.target.strides[lane]
        invariant = s.target.strides[0] == 0 and s.accumulate is not None
        if s.target.parts:
            return total + repeats * self.width
        if lane == 0:
            private = s.target.array in self.scratch
            return total + (0.0 if private or stride in (0, 1) else repeats * self.width)
        if stride == 0 and not invariant:
            kept = [c for c, d in zip(s.domain[1:], s.target.strides[1:], strict=True) if d]
            return total + HORIZONTAL * prod(kept)
        if stride not in (0, 1):
            scattered = repeats * self.width
            return total + (scattered / self.group.count if invariant else scattered)
        return total

    def _penalty(self, a: Access, lane: int) -> float:
        """What an operand costs beyond being there: a gather takes an operation per lane."""
        if a.parts and any(moves(a)):
            return float(self.width)
        if lane == 0:
            return 0.0 if a.strides[0] in (0, 1) or a.array in self.scratch else float(self.width)
        if a.strides[lane] in (0, 1) or packs(a, lane, self.group, self.program):
            return 0.0
        return float(self.width)
