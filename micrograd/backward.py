"""Reverse accumulation over a DAG of Values: the sums that `Value.backward` leaves in `grad`.

Requires that an operand is older than its result: creation order is a topological order then.
Nothing here recurses, and a structural zero of a rule is no path: 0 * inf would be nan.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import repeat
from typing import Any

from .errors import GraphError

UNSET = -0.0  # the identity of addition: -0.0 + x is x, the sign of a zero included

MANY = 100
"""So many Values, and more, are found by machine code, if there is any."""
INTERIOR: list[Callable[[Any], list[Any] | None]] = []
"""That code: what gives `interior` of a Value, or None if it cannot say."""

MIXED: list[Callable[[Any], bool]] = []
"""Once there are Values of Tensors' elements: the backward pass through both kinds, which says
whether there was anything but Values."""


def differentiate(root: Any) -> None:
    """Fill `grad` of every Value under `root`: interior ones anew, of leaves by adding to it.

    Raises GraphError for a cycle.
    """
    if MIXED and MIXED[0](root):
        return
    order = interior(root)
    for v in order:
        v.grad = UNSET
    root.grad = 1
    for v in order:
        ct = v.grad
        rules: tuple[Any, ...] = v._entry.vjp
        x, y = v._operand, v._other
        if y is not None and rules[0] is not None and rules[1] is not None:
            if x.__class__ is float:
                y.grad += rules[1](ct, v._data, x, y._data)
            elif y.__class__ is float:
                x.grad += rules[0](ct, v._data, x._data, y)
            else:
                a = x._data
                b = y._data
                x.grad += rules[0](ct, v._data, a, b)
                y.grad += rules[1](ct, v._data, a, b)
        elif len(rules) == 1:
            if rules[0] is not None:
                x.grad += rules[0](ct, v._data, x._data)
        else:
            operands = v._operands
            data = [number_of(x) for x in operands]
            for x, rule in zip(operands, rules, strict=True):
                if rule is not None and x.__class__ is not float:
                    x.grad += rule(ct, v._data, *data)


def number_of(x: Any) -> float:
    """The number of an operand, a Value or a float."""
    return x if x.__class__ is float else x._data


def interior(root: Any) -> list[Any]:
    """The non-leaf Values that a derivative of `root` flows through, youngest first.

    Raises GraphError for a cycle.
    """
    order = _found(root, MANY if INTERIOR else sys.maxsize)
    if order is None:
        order = INTERIOR[0](root)
    return order or _found(root, sys.maxsize) or []


def _found(root: Any, most: int) -> list[Any] | None:
    """The same, or None if there are more than `most`."""
    if root._entry is None:
        return []
    found = {root._serial: root}
    operands: tuple[Any, ...]
    stack = [root]
    push, pop = stack.append, stack.pop
    for _ in repeat(None, most):
        if not stack:
            return [found[serial] for serial in sorted(found, reverse=True)]
        v = pop()
        serial, rules = v._serial, v._entry.vjp
        x, y = v._operand, v._other
        if y is not None and rules[0] is not None and rules[1] is not None:
            operands = (x, y)
        elif y is None and len(rules) == 1 and rules[0] is not None:
            operands = (x,)
        else:
            operands = tuple(v._operands[i] for i in v._entry.differentiable)
        for x in operands:
            if x.__class__ is not float and x._entry is not None:
                older = x._serial
                if older >= serial:
                    raise cycle_error(v)
                if older not in found:
                    found[older] = x
                    push(x)
    return None


def cycle_error(v: Any) -> GraphError:
    """The error for a Value that depends on itself, or on a younger one."""
    name = f"{v.label!r} " if v.label else ""
    return GraphError(
        f"the graph has a cycle through {name}{v!r} (op {v._op!r}): an operand is younger than "
        "its result; build Values by arithmetic, do not assign their operands"
    )
