"""The rule of `call`: the program of another function becomes a part of this one.

Its inputs become what the call gives, whose numbers lie in a row; its other arrays get new names.
If it is called for every sample of a batch, what depends on a sample gets one more dimension, the
first one, and its statements one more loop around them; the rest is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from ...errors import TraceError
from ...tensor.primitive import Shape
from ..ir.extents import Entries, Extent, Varying, is_number
from ..ir.program import (
    Access,
    Apply,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    accesses,
    map_accesses,
    row_major,
    statements,
)
from .batches import NAME, with_extents
from .tensor_rule import Lowering, is_costly, rule


@rule("call")
def _call(low: Lowering, row: Any, values: Sequence[Expr]) -> Expr:
    how = row.parameters
    key = (id(how["callee"]), row.operands, str(how["samples"]), how["mapped"])
    if key not in low.inlined:
        low.inlined[key] = _inlined(low, row)
    found: Expr = low.inlined[key][how["output"]]
    return found


def _inlined(low: Lowering, row: Any) -> list[Expr]:
    """The results as expressions, behind the statements that compute them."""
    callee, samples = row.parameters["callee"], row.parameters["samples"]
    if samples is not None and samples == 1:
        samples = None  # one more axis, and nothing else
    made = callee.derived(low.most)
    inline = _Inline(low, made.program, samples)
    places = [*callee.operands, *callee.counts]
    for given in made.given:
        k = places.index(given.row)
        mapped = samples is not None and k in row.parameters["mapped"]
        inline.give(given, row.operands[k], mapped)
    inline.vary()
    siblings = {
        r.parameters["output"]: r
        for r in low.called(callee, row.operands)
        if r.parameters["mapped"] == row.parameters["mapped"]
    }
    shapes = [with_extents(r.shape, Extent(NAME, low.most or 0)) for r in made.results]
    whole = {}
    for number, (result, shape) in enumerate(zip(made.results, shapes, strict=True)):
        name, sibling = result.array, siblings.get(number)
        if name and sibling is not None and name not in whole and not result.first:
            varies = samples is None or name in inline.varying
            if varies and prod(map(int, shape)) == made.program.arrays[name].size:
                whole[name] = low.array(sibling)
    inline.declare({name: a.array for name, a in whole.items()})
    inline.run()
    lead: Shape = () if row.parameters["samples"] is None else (row.parameters["samples"],)
    results = zip(made.results, shapes, strict=True)
    return [inline.result(r.array, r.first, shape, lead) for r, shape in results]


@dataclass(slots=True)
class _At:
    """Where numbers of an array are in this program: from an element of another one on; and how far
    the next sample's are.
    """

    array: str
    offset: int = 0
    step: int = 0


class _Inline:
    """The inlining of one program.

    samples   how many times everything that depends on a sample is computed; None: it is no batch
    """

    def __init__(self, low: Lowering, program: Program, samples: Any) -> None:
        self.low, self.program, self.samples = low, program, samples
        self.at: dict[str, _At] = {}
        self.numbers: dict[str, float] = {}  # inputs that are a literal
        self.varying: set[str] = set()

    # -- arrays --------------------------------------------------------------------------------

    def give(self, given: Any, operand: int | float, mapped: bool) -> None:
        """Say what an input is."""
        low, size = self.low, self.program.arrays[given.name].size
        if isinstance(operand, float):
            self.numbers[given.name] = operand
            return
        shape = low.shape_of(operand)
        if given.below:
            at = low.index(operand, given.below, table=True)
            if at.strides != row_major(shape) or at.parts:
                raise TraceError(
                    "indices that are a transposition or a slice do not go through derivatives "
                    "and vmap in functions that are compiled; pass them in that shape"
                )
        else:
            expr = low.expr(operand)
            if isinstance(expr, float):
                self.numbers[given.name] = expr
                return
            at = low.held(expr, shape)
            if at.parts or not _in_a_row(at, shape):
                at = low.stored(at, shape)
        self.at[given.name] = _At(at.array, at.offset, size if mapped else 0)
        if mapped:
            self.varying.add(given.name)

    def vary(self) -> None:
        """Find what depends on a sample."""
        before = -1
        while before < len(self.varying):
            before = len(self.varying)
            for node in self.program.body:
                some = list(statements([node]))
                read = {name for s in some for name in _touched(s)}
                read |= {c.array for c in _counts(node) if isinstance(c, Entries)}
                if not self.varying.isdisjoint(read):
                    self.varying |= {s.target.array for s in some}

    def declare(self, known: dict[str, str]) -> None:
        """Give new names to the arrays that are no inputs, but for those that have one."""
        for a in self.program.arrays.values():
            if a.role is Role.EXTENT or a.name in self.at or a.name in self.numbers:
                continue
            step = a.size if a.name in self.varying and self.samples is not None else 0
            name = known.get(a.name) or self.low.named("t")
            self.at[a.name] = _At(name, 0, step)
            if a.name in known:
                continue
            if a.role is Role.CONSTANT:
                self.low.program.arrays[name] = replace(a, name=name)
            else:
                lead = (int(self.samples),) if step else ()
                shape = (*lead, *(n for n in a.shape if n != 1)) or (1,)
                self.low.program.declare(name, Role.TEMPORARY, shape)

    def result(self, name: str, first: int, shape: Shape, lead: Shape) -> Expr:
        """An array of the result, of all samples."""
        if not name:
            return 0.0
        at = self.at[name]
        axes = (at.step,) * len(lead)
        return Access(at.array, at.offset + first, (*axes, *row_major(shape)))

    # -- statements ----------------------------------------------------------------------------

    def run(self) -> None:
        """Append the statements."""
        for node in self.program.body:
            varies = any(s.target.array in self.varying for s in statements([node]))
            self.low.program.body.append(self._node(node, varies and self.samples is not None))

    def _node(self, node: Node, varies: bool) -> Node:
        if not varies:
            return self._moved(node, lambda strides: strides, ())
        around = self._moved(node, lambda strides: (0, *strides), (self.samples,))
        if isinstance(around, Statement):
            return replace(around, expr=self._hoisted(around.expr, around.domain))
        return Loop(self.samples, Order.FREE, [around])

    def _hoisted(self, expr: Expr, domain: Shape) -> Expr:
        """The expression with what is costly and the same for all samples computed before."""
        if not isinstance(expr, Apply) or not is_costly(expr):
            return expr
        read = list(accesses(expr))
        strides = [by for a in read for by in (a.strides, *(p.strides for p in a.parts))]
        loops = [d for d in range(len(domain)) if any(by[d] for by in strides)]
        if 0 in loops or not all(is_number(domain[d]) for d in loops):
            return Apply(expr.op, tuple([self._hoisted(x, domain) for x in expr.args]))
        shape = tuple(domain[d] for d in loops)
        name = self.low.named("t")
        self.low.program.declare(name, Role.TEMPORARY, shape or 1)
        inner = map_accesses(expr, lambda a: a.with_strides(lambda by: tuple(by[d] for d in loops)))
        self.low.program.assign(Access(name, 0, row_major(shape)), inner, shape)
        around = dict(zip(loops, row_major(shape), strict=True))
        return Access(name, 0, tuple(around.get(d, 0) for d in range(len(domain))))

    def _moved(
        self, node: Node, more: Callable[[tuple[int, ...]], tuple[int, ...]], outer: Shape
    ) -> Node:
        """The node on the arrays of this program, with one more loop around it or none."""
        if isinstance(node, Loop):
            body = [self._moved(inner, more, outer) for inner in node.body]
            return Loop(self._count(node.extent, outer), node.order, body)

        def access(a: Access) -> Expr:
            if a.array in self.numbers:
                return self.numbers[a.array]
            at, strides = self.at[a.array], more(a.strides)
            if outer:
                strides = (at.step, *strides[1:])
            parts = []
            for p in a.parts:
                by, offset, inner = p.by, p.offset, more(p.strides)
                if p.is_entry:
                    table = self.at[str(p.by)]
                    by, offset = table.array, offset + table.offset
                    inner = (table.step, *inner[1:]) if outer else inner
                parts.append(replace(p, by=by, offset=offset, strides=inner))
            return Access(at.array, a.offset + at.offset, strides, tuple(parts))

        target = access(node.target)
        assert isinstance(target, Access)
        domain = (*outer, *(self._count(n, outer) for n in node.domain))
        return Statement(target, map_accesses(node.expr, access), domain, node.accumulate)

    def _count(self, count: Any, outer: Shape) -> Any:
        """A trip count of the program, here."""
        if not isinstance(count, Varying):
            return count
        if outer:
            count = count.around(0)
        if isinstance(count, Entries):
            at = self.at[count.array]
            strides = (at.step, *count.strides[1:]) if outer else count.strides
            return Entries(at.array, count.offset + at.offset, strides, int(count))
        return count


def _in_a_row(at: Access, shape: Shape) -> bool:
    """Whether the numbers lie one after the other; axes of one element do not matter."""
    pairs = zip(at.strides, row_major(shape), shape, strict=True)
    return all(by == plain or (n.__class__ is int and n == 1) for by, plain, n in pairs)


def _touched(s: Statement) -> set[str]:
    """The arrays that a statement reads, also through index arrays."""
    return {name for a in s.accesses for name in (a.array, *a.index_arrays)}


def _counts(node: Node) -> list[Any]:
    """The trip counts in a node."""
    if isinstance(node, Loop):
        return [node.extent, *(c for inner in node.body for c in _counts(inner))]
    return list(node.domain)
