"""Machine code for eager Values on trial: what it computes is what Python does, to the last bit,
before anybody relies on it.
"""

from __future__ import annotations

import math
import operator
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from ... import engine
from ...engine import DEFINED, Value
from ...ops import Op
from ...store import adopt
from .callable import Unexpected

_FEW = (0.0, -0.0, 1.0, -1.5, 0.1, 3.7, 1e-310, 1e300, math.inf, math.nan)
_MANY = (*_FEW, 0.5, -0.9, 2.0, 5e-324, 709.9, -36.7, -745.2, -1e300, -math.inf)
_OTHERS = (2, -3, 0, True, 2**31, 2**53 + 1, 10**400, 1.5, "no number", None)
_NEW: Any = engine._new


def try_out(ops: Sequence[Op], methods: dict[str, Any]) -> None:
    """Raises Unexpected unless operators, methods and ops give what their definitions do."""
    made, tried = [0], 0

    def counting(kind: Any) -> Any:
        made[0] += 1
        return _NEW(kind)

    for code, definition, operands in _cases(ops, methods):
        tried += 1
        values = [x for x in operands if isinstance(x, Value)]
        before = [sys.getrefcount(x) for x in values]
        engine._new = counting
        try:
            found = _given(code, operands)
        finally:
            engine._new = _NEW
        expected = _given(definition, operands)
        if not _same(found, expected):
            raise Unexpected("machine code computes something else than Python does")
        del found, expected
        if [sys.getrefcount(x) for x in values] != before:
            raise Unexpected("machine code counts references otherwise than Python does")
    if 2 * made[0] > tried:
        raise Unexpected("machine code leaves too much to Python")


def _cases(
    ops: Sequence[Op], methods: dict[str, Any]
) -> Iterator[tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]]:
    """What machine code does, what Python does, and operands."""
    call: Any = Op.__dict__["__call__"]
    few, many = [Value(x) for x in _FEW], [Value(x) for x in _MANY]
    live = [Value(0.3), Value(-2.5)]
    adopt(live)
    many += live
    pairs = [*product(few, few), *zip(few, _MANY, strict=False), *product(few[3:5], _OTHERS)]
    plain = len(pairs)
    pairs += [*product(live, [*live, few[3], 2]), *product(few[3:5], live)]
    for op in ops:
        of_op: Sequence[tuple[Any, ...]] = [(x,) for x in many] if op.arity == 1 else pairs
        if op.arity == 3:
            of_op = [(*pair, few[k % 9]) for k, pair in enumerate(pairs)]
            of_op += [(few[3], 2, 1.5), (0, few[2], -7), (True, 1, few[4]), (few[3], "a", 1.0)]
        if op.operator is not None and not (op.predicate is not None and op.commutative):
            spelt = operator.__dict__[op.operator]
            compares = op.predicate is not None  # which begins with the subclass, if there is one
            for operands in of_op[: plain if compares else None]:
                yield spelt, DEFINED[op.operator], operands
        for operands in of_op if op.operator is None else of_op[-3:]:
            yield op, lambda *xs, op=op: call(op, *xs), operands
        if op.arity == 2 and op.operator is not None and op.predicate is None:
            for name, flipped in (("__r", True), ("__i", False)):
                name = op.operator.replace("__", name, 1)
                spelt = operator.__dict__[op.operator if flipped else name]
                for x, y in pairs[-35:]:
                    yield (
                        (lambda v, w, f=spelt: f(w, v)) if flipped else spelt,
                        DEFINED[name],
                        (x, y),
                    )
    for name, definition in methods.items():
        for operands in [(x,) for x in many] if definition.op.arity == 1 else pairs[::9]:
            yield lambda v, *w, name=name: getattr(v, name)(*w), definition, operands


def _given(f: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """What it gives, or the class of what it raises."""
    try:
        return f(*operands)
    except Exception as error:
        return error.__class__


def _same(found: Any, expected: Any) -> bool:
    """Whether one is as the other, which was made next, to the last bit."""
    if found.__class__ is not expected.__class__:
        return False
    if found.__class__ is float:
        return struct.pack("d", found) == struct.pack("d", expected)
    if found.__class__ is not Value:
        return found is expected or bool(found == expected)
    return (
        _same(found._data, expected._data)
        and found._entry is expected._entry
        and found._serial == expected._serial - 1
        and (found.grad, found.label) == (0, "") == (expected.grad, expected.label)
        and len(found._operands) == len(expected._operands)
        and all(
            x is y or (x.__class__ is y.__class__ is float and _same(x, y))
            for x, y in zip(found._operands, expected._operands, strict=True)
        )
    )
