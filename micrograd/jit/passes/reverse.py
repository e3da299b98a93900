"""Program -> Program: reverse-mode differentiation (vector-Jacobian product).

Requires a verified program. Establishes a verified program with one more output, `grad`: the
derivative of one output element with respect to chosen elements of inputs and parameters, in the
order asked for.

The derivative of an access is the access, written to: `T[f] = e(A[g])` gives
`ct_A[g] += rule(ct_T[f])` over the same domain, so dimensions that A did not have become
reductions, a gather becomes a scatter-add, and a triangle remains one. Statements are visited last
to first and operands left to right, as `Value.backward` does; a loop becomes the loop in the other
order around its body, last to first. So in exact order both add the same numbers in the same order.
An element is assigned once: what an iteration has computed is still there when the reversed loop
needs it, and no cotangent is ever set back to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...ops import add, where
from ..ir.points import distinct
from ..ir.program import (
    Access,
    Array,
    Expr,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    statements,
)
from ..target import Target
from ..trace.trace import Element
from .chains import chained
from .checkpoints import Segments, in_segments
from .cotangents import GRADIENT as GRADIENT
from .cotangents import Cotangents
from .final import require_kept
from .flows import Flow, active, flows, holding, leading
from .last_first import last_first
from .loop_flows import LoopFlows
from .reaching import Bools, known_elements
from .reused import reused
from .shifts import detached
from .stretches import Stretch, stretches

OPPOSITE = {
    Order.FREE: Order.FREE,
    Order.FORWARD: Order.REVERSE,
    Order.REVERSE: Order.FORWARD,
}


def gradient(
    program: Program,
    of: Element,
    wrt: Sequence[Element | Stretch | None],
    *,
    keep_value: bool = False,
    target: Target | None = None,
) -> Program:
    """The program that computes `grad[k] = d of / d wrt[k]`; a stretch is as many as it has.

    With `keep_value` the outputs of `program` stay outputs; else they become temporaries.
    An element that `of` does not depend on, or that is None, has the gradient 0.

    target   which says how much long loops keep of their steps (None: all of it), and if strict,
             that what is added to one cotangent comes last point first, and to 0.0
    """
    stretched = list(stretches(wrt))
    begun = _begun(program, of, {e.array for e in stretched if e}, target)
    program, result = begun.program, begun.result
    if not keep_value:
        for a in program.with_role(Role.OUTPUT):
            result.arrays[a.name] = Array(a.name, Role.TEMPORARY, a.shape)
    strict = target is not None and target.strict
    whole = None if strict else _whole_array(program, stretched)
    backward = _Backward(begun, {whole: GRADIENT} if whole else {})
    backward.strict = strict
    backward.run(of, program.body)
    if whole:
        backward.declare(whole)
        backward.complete(whole, np.arange(program.arrays[whole].size), 0.0)
    else:
        backward.gather(stretched)
    return result


def with_cotangents(
    program: Program, of: Element, wrt: Sequence[str]
) -> tuple[Program, dict[str, str]]:
    """The program with the derivatives of an element by all elements of arrays; and which arrays
    these are in, by those of `wrt`: temporaries of the same shapes.
    """
    begun = _begun(program, of, set(wrt), None)
    program, result = begun.program, begun.result
    backward = _Backward(begun, {})
    backward.run(of, program.body)
    for name in wrt:
        backward.declare(name)
        backward.complete(name, np.arange(program.arrays[name].size), 0.0)
    return result, {name: backward.name_of(name) for name in wrt}


@dataclass(slots=True)
class _Begun:
    """A program whose sums and loops can be differentiated, and what the backward half is appended
    to; the arrays that derivatives go through, those whose cotangents are asked for, and what is
    computed again.
    """

    program: Program
    result: Program
    depending: set[str]
    asked: set[str]
    segments: Segments


def _begun(program: Program, of: Element, seeds: set[str], target: Target | None) -> _Begun:
    strict = target is not None and target.strict
    if target is not None and not strict:
        program = detached(program, of[0], seeds)
    program = chained(program, seeds, of[0], leading(program, of[0]))
    program = reused(program, active(program, seeds), strict=strict)
    segments = Segments()
    if target is not None:
        program, segments = in_segments(program, target, seeds)
    depending = active(program, seeds) & leading(program, of[0])
    reads = [a.array for s in program.statements if s.target.array in depending for a in s.accesses]
    require_kept(program, depending.union(reads))
    result = Program(dict(program.arrays), list(program.body), notes=segments.notes)
    return _Begun(program, result, depending, {of[0], *seeds}, segments)


def _whole_array(program: Program, wrt: Sequence[Stretch | None]) -> str | None:
    """The array that `wrt` is the whole of, if it is: its cotangent is the gradient."""
    if len(wrt) != 1 or wrt[0] is None:
        return None
    name = wrt[0].array
    return name if wrt[0] == Stretch(name, 0, program.arrays[name].size) else None


class _Backward(Cotangents):
    """The backward half, built node by node onto the end of a program."""

    def __init__(self, begun: _Begun, names: dict[str, str]) -> None:
        program = begun.result
        super().__init__(program, names, begun.asked)
        self.active = begun.depending
        self.segments = begun.segments
        self.strict = False
        self.depth = 0  # how many loops there are around what is written
        self.accumulated = {s.target.array for s in program.statements if s.accumulate}

    def run(self, of: Element, body: Sequence[Node]) -> None:
        """Send the cotangents of all that an element depends on."""
        if of[0] in self.active:
            every = statements(body)
            self.sender = next((s for s in every if s.target.array == of[0]), None)
            self.send(Flow(Access(*of), 1.0), ())
            for node in reversed(body):
                self.node(node)

    def assign(
        self, target: Access, expr: Expr, domain: tuple[int, ...] = (), *, again: bool = False
    ) -> None:
        super().assign(target, expr, domain, again=again)
        last = self.body[-1]
        if again and self.strict and isinstance(last, Statement):
            self.body[-1] = last_first(last, self.depth)

    def node(self, node: Node) -> None:
        """Send the cotangents of what a statement or a loop has computed on to what it read."""
        if isinstance(node, Loop):
            self.loop(node)
        elif node.target.array in self.active:
            self.statement(node)

    def statement(self, s: Statement) -> None:
        """The same of a statement that stands alone."""
        self.sender = s
        target = self.cotangent(s.target)
        live: Bools | None = None
        if s.domain == () and not s.target.parts:
            if not self.is_reached(s.target):
                return
        else:
            self.declare(s.target.array)
            index, _ = distinct(target, s.domain, self.program)
            reached = self.reached[target.array]
            if not reached[index].any():
                return
            if not reached[index].all():
                every = known_elements(target, s.domain, self.program)
                live = None if every is None else reached[every]
            self.complete(s.target.array, index)
        for flow in self.flows(s) or []:
            self.send(flow, s.domain, live)

    def loop(self, loop: Loop) -> None:
        """The same of a loop: what its cotangents need is there before it begins."""
        found = LoopFlows(self, loop, self.flows)
        if found.sent:
            home = self.body
            for node in self._reversed([loop], found, None):  # none, if nothing flows on
                assert isinstance(node, Loop)
                body = self.segments.again(loop, node.body, self.program)
                home.append(Loop(node.extent, node.order, body))
            self.body = home

    def _reversed(
        self, body: Sequence[Node], found: LoopFlows, path: tuple[int, ...] | None
    ) -> list[Node]:
        """A body backwards; of what was sent, the last is the body's.

        path   where the loop around it stands, as `found.zeros` says; None: there is none
        """
        result: list[Node] = []
        for k, node in reversed(list(enumerate(body))):
            if isinstance(node, Loop):
                here = () if path is None else (*path, k)
                self.depth += 1
                inner = self._reversed(node.body, found, here)
                self.depth -= 1
                if inner:
                    inner = [*found.zeros.get(here, ()), *inner]
                    free = node.order is Order.FREE
                    order = Order.REVERSE if free and self.strict else OPPOSITE[node.order]
                    result.append(Loop(node.extent, order, inner))
            elif node.target.array in self.active:
                self.body, self.sender = result, node
                one = found.sent.pop()
                for flow, single in zip(one.flows, one.assigns, strict=True):
                    ct = self.masked(flow, node.domain, one.live)
                    self.assign(self.cotangent(flow.to), ct, node.domain, again=not single)
        return result

    def flows(self, s: Statement) -> list[Flow] | None:
        """What a statement sends on; None if it has no cotangent."""
        if s.target.array not in self.active:
            return None
        is_final = s.target.array not in self.accumulated
        return flows(s, self.cotangent(s.target), self.active, self.program, is_final=is_final)

    def masked(self, flow: Flow, domain: tuple[int, ...], live: Bools | None) -> Expr:
        """The cotangent that flows, or the zero of addition where nothing does."""
        ct = flow.cotangent
        for condition in flow.conditions:
            ct = where(condition, ct, -0.0)
        if live is not None and not isinstance(ct, Access):  # which has that zero already
            ct = where(self.mask(live, domain), ct, -0.0)
        return ct

    def send(self, flow: Flow, domain: tuple[int, ...], live: Bools | None = None) -> None:
        """Add to the cotangent of what was read; the first to arrive is assigned.

        live   the points of the domain where there is a cotangent, if not all of them. At the
               others nothing flows, not even a zero: 0 * inf is nan.
        """
        a = flow.to
        target = self.cotangent(a)
        done = self.declare(a.array)
        if domain == () and not a.parts:
            self.assign(target, self.masked(flow, (), None), again=bool(done[a.offset]))
            done[a.offset] = 1
            some = holding(flow.conditions, (), self.program)
            self.reached[target.array][a.offset] |= some is None or bool(some.all())
            return
        index, again = distinct(a, domain, self.program)
        mask = np.frombuffer(done, dtype=np.uint8)
        first = not again and self.is_sure(a.array, domain) and not mask[index].any()
        if not first:
            self.complete(a.array, index)
        self.assign(target, self.masked(flow, domain, live), domain, again=not first)
        mask[index] = 1
        some = holding(flow.conditions, domain, self.program)
        if live is not None:
            some = live if some is None else some & live
        every = None if some is None else known_elements(a, domain, self.program)
        if some is not None and every is not None:
            index = every[some]
        self.reached[target.array][index] = True

    def gather(self, wrt: Sequence[Stretch | None]) -> None:
        """Collect the cotangents of elements of several arrays into the gradient."""
        self.sender = None
        k = 0
        for each in wrt:
            runs = [(0, 1, False)] if each is None else self._runs(each)
            for first, count, reached in runs:
                strides, domain = ((1,), (count,)) if count > 1 else ((), ())
                value: Expr = 0.0
                if each is not None and reached:
                    value = self.cotangent(Access(each.array, first, strides))
                    if self.strict:  # `grad` begins with 0.0, so it is never -0.0
                        value = add(value, 0.0)
                self.assign(Access(GRADIENT, k, strides), value, domain)
                k += count
        self.program.declare(GRADIENT, Role.OUTPUT, k)

    def _runs(self, each: Stretch) -> list[tuple[int, int, bool]]:
        """Its parts of which all elements are reached, or none: first, count, whether they are."""
        last = each.first + each.length
        reached = self.reached.get(self.name_of(each.array))
        if reached is None:
            return [(each.first, each.length, False)]
        found = reached[each.first : last]
        edges = [0, *(np.flatnonzero(found[1:] != found[:-1]) + 1).tolist(), each.length]
        return [
            (each.first + start, end - start, bool(found[start])) for start, end in pairwise(edges)
        ]
