"""`backprop`: the backward pass as a recursion, with exact or with numerical derivatives.

Input: a Value. Output: the `grad` of every Value under it, as `backward` leaves it.

It reads as the recursion that one would write first: a Value hands to each operand what it got
itself, times its derivative by that operand, and the operand does the same. Two things make it fit
for every graph. A Value waits until all that use it have handed something down, so that each is
visited once, not once for every path. And the calls are generators on a list, not frames on
Python's stack, so that a graph may be of any depth.

Shares are added in the order in which `backward` adds them, so exact ones give its very numbers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from .backward import UNSET, interior, number_of
from .checks import amount
from .errors import GraphError, user_location

Share = Callable[[Any, int, list[float]], float]
"""Of a Value, the place of an operand and the numbers of all: what that operand is handed."""

_age: Callable[[tuple[int, float]], int] = itemgetter(0)


def exact(v: Any, i: int, numbers: list[float]) -> float:
    """What operand `i` is handed by its rule in the op table."""
    share: float = v._entry.vjp[i](v.grad, v._data, *numbers)
    return share


def numerical(h: float) -> Share:
    """What an operand is handed by one rule for every op: `(f(.., x + h, ..) - f(.., x, ..)) / h`.

    Raises GraphError for an `h` that is not above 0; the rule, for a number so large that adding
    `h` does not change it.
    """
    h = amount("h", h, GraphError)
    if h == 0.0:
        raise GraphError("h should be above 0, as differences are divided by it, got 0")

    def share(v: Any, i: int, numbers: list[float]) -> float:
        x = numbers[i]
        moved = x + h
        if moved == x and math.isfinite(x):
            raise GraphError(
                f"{user_location()}: h={h} is lost beside {x}, an operand of {v!r} (op {v._op!r}): "
                "their sum is the operand again, and every difference 0; pass a larger h"
            )
        f = v._entry.eval
        difference: float = f(*numbers[:i], moved, *numbers[i + 1 :]) - f(*numbers)
        return difference / h * float(v.grad)

    return share


def backpropagate(root: Any, share: Share) -> None:
    """Fill `grad` of every Value under `root`: interior ones anew, of leaves by adding to it.

    Raises GraphError for a cycle, and for elements of Tensors. Cost: linear in the graph, but for
    sorting by age.
    """
    missing: defaultdict[Any, int] = defaultdict(int)
    for v in interior(root):
        for i in _flowing(v):
            missing[v._operands[i]] += 1
    if any(hasattr(x, "_tensor") for x in (root, *missing)):
        raise GraphError(
            f"{user_location()}: this graph goes through Tensors, and numerical derivatives are of "
            "ops on Values; use backward(), or backprop() without numerical=True"
        )
    received: defaultdict[Any, list[tuple[int, float]]] = defaultdict(list)

    def visit(v: Any) -> Iterator[Any]:
        """The recursion; it yields the calls of itself."""
        if v is root:
            v.grad = 1
        elif v._entry is not None:
            v.grad = UNSET
        for _, ct in sorted(received.pop(v, ()), key=_age, reverse=True):
            v.grad += ct
        if v._entry is None:
            return
        numbers = [number_of(x) for x in v._operands]
        for i in _flowing(v):
            x = v._operands[i]
            received[x].append((v._serial, share(v, i, numbers)))
            missing[x] -= 1
            if not missing[x]:
                yield visit(x)

    _run(visit(root))


def _flowing(v: Any) -> Iterator[int]:
    """The places of the operands that a derivative flows to: nothing does to a literal, nor where
    the table says so, as through a comparison or `detach`.
    """
    for i, rule in enumerate(v._entry.vjp):
        if rule is not None and v._operands[i].__class__ is not float:
            yield i


def _run(call: Iterator[Any]) -> None:
    """Run a recursion whose calls are what its generators yield, on a list instead of the stack."""
    stack = [call]
    while stack:
        inner = next(stack[-1], None)
        if inner is None:
            stack.pop()
        else:
            stack.append(inner)
