"""Sums whose points are turned round: every element has the same terms, last to first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.points import elements, points
from micrograd.jit.ir.program import Access, Loop, Node, Order, Program, Statement, statements
from micrograd.jit.passes.last_first import last_first

HEAD = """input a[400]
const index[8] i32 = 3 1 4 1 5 9 2 6
temp t[400]
output out[1]

t[i] = 0.0  for i < 400
"""


def terms(node: Node, program: Program) -> dict[int, list[int]]:
    """By element of the target, what is read for it, in the order in which it is added."""
    (s,) = statements([node])
    orders = []
    while isinstance(node, Loop):
        orders.append(node.order)
        (node,) = node.body
    columns = points(s.domain, program)
    keys = [-c if o is Order.REVERSE else c for o, c in zip(orders, columns, strict=False)]
    assert isinstance(s.expr, Access)
    order = np.lexsort([*reversed([*keys, *columns[len(keys) :]])])
    found: dict[int, list[int]] = defaultdict(list)
    target, read = elements(s.target, s.domain, program), elements(s.expr, s.domain, program)
    for k in order.tolist():
        found[int(target[k])].append(int(read[k]))
    return found


def drawn(r: Random) -> str:
    """A sum over up to three loops, into elements of any kind."""
    counts = [str(r.choice([1, 2, 3, 5])) for _ in range(r.randrange(1, 4))]
    if len(counts) > 1 and r.random() < 0.3:
        counts[-1] = "i + 1"
    names = "ijk"[: len(counts)]
    affine = " + ".join([f"{r.choice([0, 1, 2, 5, 20])}*{n}" for n in names])
    kind = r.random()
    if kind < 0.2:
        affine = f"({affine}) mod 7"
    elif kind < 0.3:
        affine = "index[i]"
    read = " + ".join([f"{7**d}*{n}" for d, n in enumerate(names)])
    domain = ", ".join(f"{n} < {c}" for n, c in zip(names, counts, strict=True))
    return f"t[{affine}] += a[{read}]  for {domain}"


@pytest.mark.parametrize("seed", range(200))
def test_every_element_has_its_terms_last_to_first(seed: int) -> None:
    text = drawn(Random(seed))
    program = parse(f"{HEAD}{text}\nout = t\n")
    s = program.body[1]
    assert isinstance(s, Statement)
    turned = last_first(s, 0)
    forward = terms(s, program)
    assert terms(turned, program) == {e: found[::-1] for e, found in forward.items()}, text


def test_rows_stay_rows() -> None:
    program = parse(f"{HEAD}t[j] += a[20*i + j]  for i < 5, j < 20\nout = t\n")
    s = program.body[1]
    assert isinstance(s, Statement)
    assert str(last_first(s, 0)) == "t[j] += a[-20*i + j + 80]  for i < 5, j < 20"


def test_ragged_sums_become_loops_in_reverse() -> None:
    program = parse(f"{HEAD}t[i] += a[i + 9*j]  for i < 5, j < i\nout = t\n")

    def orders(node: Node) -> Iterator[Order]:
        if isinstance(node, Loop):
            yield node.order
            for inner in node.body:
                yield from orders(inner)

    s = program.body[1]
    assert isinstance(s, Statement)
    assert list(orders(last_first(s, 0))) == [Order.REVERSE, Order.REVERSE]
