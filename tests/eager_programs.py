"""Random arithmetic of eager Values, run by machine code and by Python's definitions, compared.

By itself: python -m tests.eager_programs SECONDS SEED
"""

from __future__ import annotations

import gc
import math
import operator
import random
import struct
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from micrograd import Value, ops
from micrograd.engine import DEFINED
from micrograd.jit.call import value_slots
from micrograd.opdef import Op
from micrograd.store import adopt


class Own(Value):
    """A user's class."""


class Other(Value):
    """A user's class with operators of its own."""

    def __radd__(self, other: Any) -> Any:
        return "own"

    def __mul__(self, other: Any) -> Any:
        return super().__mul__(other) + 1.0


class Odd:
    """Knows what to do with a Value."""

    def __radd__(self, other: Any) -> str:
        return "odd"

    __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __radd__


NUMBERS: list[Any] = [
    *(0.0, -0.0, 1.0, 2.0, -1.5, 0.1, 5e-324, 1e-310, 1e308, -1e308, 745.5, -746.0),
    *(math.inf, -math.inf, math.nan, 0, 1, -1, 2, 3, -7, 2**29, 2**31, 2**53, 2**53 + 1, -(2**63)),
    *(2**70, 10**400, -(10**400), True, False, np.float64(2.5), np.float64("nan"), np.float32(0.1)),
    *(np.int64(3), np.bool_(True), Fraction(1, 3)),
]
OTHERS: list[Any] = [
    *("a", b"b", None, [1.0], (), {}, 1j, np.complex128(1j), Odd(), object),
    *(np.array([1.0, 2.0]), np.array(3.0), Ellipsis, NotImplemented),
]
_CALL: Any = Op.__dict__["__call__"]


def _by_python(name: str, x: Any, y: Any) -> Any:
    """What CPython does for an operator of which Values have Python's methods alone."""
    if isinstance(x, np.ndarray):  # which asks for the ufunc
        return vars(operator)[name](x, y)
    reflected = name.replace("__", "__r", 1)
    if isinstance(x, Value) and not (
        type(x) is Value and isinstance(y, Other) and reflected in vars(type(y))
    ):
        own = vars(type(x)).get(name, DEFINED[name])
        made = own(x, y)
        if made is not NotImplemented:
            return made
    return vars(type(y)).get(reflected, DEFINED[reflected])(y, x)


def _in_place(name: str, x: Any, y: Any) -> Any:
    assign = name.replace("__", "__i", 1)
    if not isinstance(x, Value):
        return vars(operator)[assign](x, y)
    made = DEFINED[assign](x, y)
    return _by_python(name, x, y) if made is NotImplemented else made


OF_NUMPY = {f"__{name}__": vars(operator)[name] for name in ("lt", "le", "gt", "ge")}
FLIPPED = {"__lt__": "__gt__", "__le__": "__ge__", "__gt__": "__lt__", "__ge__": "__le__"}


def _compared(names: tuple[str, str], x: Any, y: Any) -> Any:
    if isinstance(x, (np.generic, np.ndarray)):
        return OF_NUMPY[names[0]](x, y)
    later = (type(x) is not type(y) and isinstance(y, type(x))) or not isinstance(x, Value)
    return DEFINED[names[1]](y, x) if later else DEFINED[names[0]](x, y)


Step = tuple[Callable[..., Any], Callable[..., Any], int]
"""By machine code, by Python, and of how many operands."""


def _steps() -> list[Step]:
    found: list[Step] = []
    for op in ops.OPS.values():
        call: Step = (op, lambda *xs, op=op: _CALL(op, *xs), op.arity)
        found.append(call)
        if op.operator is not None and op.arity == 1:
            found.append((vars(operator)[op.operator], DEFINED[op.operator], 1))
        elif op.operator is not None and op.predicate is None:
            name = op.operator
            found.append((vars(operator)[name], lambda x, y, n=name: _by_python(n, x, y), 2))
            assign = name.replace("__", "__i", 1)
            found.append((vars(operator)[assign], lambda x, y, n=name: _in_place(n, x, y), 2))
        elif op.predicate in ("olt", "ole", "ogt", "oge"):
            pair = op.operator, FLIPPED[op.operator]
            found.append((vars(operator)[op.operator], lambda x, y, p=pair: _compared(p, x, y), 2))
        if op.name in DEFINED and op.arity <= 2:
            name = op.name
            found.append((lambda v, *w, n=name: getattr(v, n)(*w), DEFINED[name], op.arity))
    return found


STEPS = _steps()


def bits(x: Any) -> Any:
    """A float, told apart from every other one."""
    return struct.pack("d", x) if type(x) is float else (type(x), str(x))


def described(made: Any, places: dict[int, Any]) -> Any:
    """What a result is, operands by their places."""
    if not isinstance(made, Value):
        return bits(made) if not isinstance(made, np.ndarray) else [*map(type, made.flat)]
    operands = [places.get(id(x), bits(x)) for x in made._operands]
    return type(made), bits(made._data), made._entry, operands, bits(made.grad), made.label


def given(f: Callable[..., Any], operands: list[Any], places: dict[int, Any]) -> Any:
    """The result, or None, and what it is, or what is raised."""
    try:
        made = f(*operands)
    except Exception as error:
        return None, (type(error), str(error).partition(": ")[2])
    return made, described(made, places)


def compare(seed: int, steps: int = 300) -> int:
    """Compute at random, both ways; how much of it gave Values."""
    r = random.Random(seed)
    known: list[Any] = [Value(r.choice(NUMBERS[:15])) for _ in range(4)]
    known += [Value(r.uniform(-2.0, 2.0)) for _ in range(6)]
    if r.random() < 0.3:
        adopt(known[: r.randint(1, 5)])
    if r.random() < 0.3:
        known += [Own(0.5), Other(1.5)]
    if r.random() < 0.3:
        for v in r.sample(known, 3):
            v.label = "a name"
    values = 0
    for _ in range(steps):
        code, definition, n = r.choice(STEPS)
        operands = [r.choice(known) for _ in range(n)]
        if n > 1 and r.random() < 0.4:
            operands[r.randrange(n)] = r.choice(NUMBERS if r.random() < 0.9 else OTHERS)
        if not isinstance(operands[0], Value) and not any(isinstance(x, Value) for x in operands):
            continue
        if hasattr(code, "__code__") and not isinstance(operands[0], Value):
            continue  # a method
        places = {id(x): k for k, x in enumerate([*known, *operands]) if isinstance(x, Value)}
        before = next_serial()
        found, seen = given(code, operands, places)
        between = next_serial()
        expected, meant = given(definition, operands, places)
        assert seen == meant, (code, operands)
        assert next_serial() - between == between - before, (code, operands)
        if isinstance(found, Value) and isinstance(expected, Value):
            values += 1
            if r.random() < 0.5 and abs(found._data) < 1e6:
                known[r.randrange(4, len(known))] = found
    return values


def next_serial() -> int:
    """The serial number that a Value made now has."""
    return Value(0.0)._serial


def main() -> None:
    """For so many seconds, from a seed on."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    assert value_slots.begin()
    end, values, first = time.monotonic() + seconds, 0, seed
    while time.monotonic() < end:
        values += compare(seed)
        seed += 1
    gc.collect()
    print(f"{seed - first} programs, {values} Values")


if __name__ == "__main__":
    main()
