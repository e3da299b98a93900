"""Statements, and loops around them in a tree: the body of a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from math import prod
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ...cache.keys import WRITTEN
from ...ops import Op
from .expressions import Access, Expr, accesses, format_expr
from .extents import INDEX_NAMES
from .text import Arrays, access_text, count_text

Nodes: TypeAlias = "Sequence[int] | npt.NDArray[np.int64]"
Derivative: TypeAlias = Literal["", "adjoint", "tangent"]


@dataclass(slots=True)
class Statement:
    """`target = expr` or `target += expr`, for every point of the domain, last index fastest.

    The domain has all loops, those around the statement first. Indices that the target leaves out
    are reduced over, in order; `accumulate` is the op that they are reduced by. `origin` are the
    nodes of the graph that it stands for, which know their lines of the user's code; `derivative`
    says whether it computes their values, or derivatives of these, and which.
    """

    target: Access
    expr: Expr
    domain: tuple[int, ...] = ()
    accumulate: Op | None = None
    origin: Nodes = field(default=(), compare=False, repr=False)
    derivative: Derivative = field(default="", compare=False, repr=False)

    def beside(
        self,
        target: Access,
        expr: Expr,
        domain: tuple[int, ...] = (),
        accumulate: Op | None = None,
        *,
        derivative: Derivative | None = None,
    ) -> Statement:
        """Another statement, which stands for the same nodes; `derivative`: if it is another."""
        derivative = self.derivative if derivative is None else derivative
        return Statement(target, expr, domain, accumulate, self.origin, derivative)

    def taking(self, others: Sequence[Statement]) -> Statement:
        """The statement, which stands for what others do besides."""
        nodes = [np.asarray(s.origin, dtype=np.int64) for s in (self, *others)]
        return replace(self, origin=np.concatenate(nodes))

    def __str__(self) -> str:
        return self.text(0)

    def text(self, depth: int, arrays: Arrays | None = None) -> str:
        """As it is printed inside of `depth` loops; with places, if the arrays are given."""
        domain = self.domain
        counts = list(map(str, domain[depth:]))
        shown: Callable[[Access], str] = str
        if arrays is not None:

            def shown(a: Access) -> str:
                return access_text(a, arrays, domain)

            counts = [count_text(domain[d], domain[:d], arrays) for d in range(depth, len(domain))]
        loops = ", ".join([f"{n} < {c}" for n, c in zip(INDEX_NAMES[depth:], counts, strict=False)])
        sign = "=" if self.accumulate is None else f"{self.accumulate.reduces}="
        text = f"{shown(self.target)} {sign} {format_expr(self.expr, shown)}"
        return f"{text}  for {loops}" if loops else text

    @property
    def points(self) -> int:
        """How often the assignment runs, at most."""
        return prod(map(int, self.domain))

    @property
    def accesses(self) -> list[Access]:
        """Where it writes, then where it reads, left to right."""
        return [self.target, *accesses(self.expr)]


# what was traced otherwise may be the same program
_SAID = [f.name for f in fields(Statement) if f.compare]
WRITTEN[Statement] = lambda s: (Statement, tuple([getattr(s, name) for name in _SAID]))


class Order(Enum):
    """In which order a loop's iterations run; its value is what the printer says."""

    FREE = ""  # in any: no iteration needs what another has computed
    FORWARD = " in order"
    REVERSE = " in reverse order"


@dataclass(slots=True)
class Loop:
    """Runs its body, statements and loops, once for every value of its index.

    going   the number that says before each iteration whether there is one: while it is not 0. Then
            the extent is the entry of an index array, which the loop sets to how often it has run
    """

    extent: int
    order: Order
    body: list[Node]
    going: Access | None = None

    def __str__(self) -> str:
        return "\n".join(lines([self]))


Node: TypeAlias = Statement | Loop


def lines(
    body: Sequence[Node], arrays: Arrays | None = None, outside: tuple[int, ...] = ()
) -> Iterator[str]:
    """Statements and loops as they are printed inside of loops with these extents."""
    depth = len(outside)
    space = "  " * depth
    for node in body:
        if isinstance(node, Statement):
            yield space + node.text(depth, arrays)
            continue
        count = str(node.extent) if arrays is None else count_text(node.extent, outside, arrays)
        inside = (*outside, node.extent)
        while_ = ""
        if node.going is not None:
            going = str(node.going) if arrays is None else access_text(node.going, arrays, inside)
            while_ = f" while {going}"
        yield f"{space}for {INDEX_NAMES[depth]} < {count}{node.order.value}{while_}:"
        yield from lines(node.body, arrays, inside)


def statements(body: Sequence[Node]) -> Iterator[Statement]:
    """All statements of a tree, in the order in which they stand."""
    for node in body:
        if isinstance(node, Loop):
            yield from statements(node.body)
        else:
            yield node


def asks(body: Sequence[Node]) -> bool:
    """Whether a loop in a tree goes on as long as a condition holds."""
    return any(isinstance(n, Loop) and (n.going is not None or asks(n.body)) for n in body)


def loops(body: Sequence[Node]) -> Iterator[Loop]:
    """All loops of a tree, each before those inside of it."""
    for node in body:
        if isinstance(node, Loop):
            yield node
            yield from loops(node.body)


def map_statements(
    body: Sequence[Node], change: Callable[[Statement], Statement | None]
) -> list[Node]:
    """The tree with every statement replaced by what `change` makes of it, if anything.

    Loops around nothing are left out.
    """
    result: list[Node] = []
    for node in body:
        if isinstance(node, Statement):
            made = change(node)
            if made is not None:
                result.append(made)
        elif inner := map_statements(node.body, change):
            result.append(replace(node, body=inner))
    return result


def row_major(counts: Sequence[int], inner: int = 1) -> tuple[int, ...]:
    """The strides of a dense array over loops, whose innermost `inner` points share an element.

    >>> row_major((5, 3, 2)), row_major((5, 3, 2), inner=2)
    ((6, 2, 1), (3, 1, 0))
    """
    strides, points = [], 1
    for count in reversed(counts):
        strides.append(points // inner if points >= inner else 0)
        points *= count
    return tuple(reversed(strides))
