"""Value -> the constants in its graph that were read from the `.data` of computed Values.

Python hands such a number on without a word: `x - max(v.data for v in row)` is recorded as `x`
minus a literal. It is known for what it is because it is the very object that a Value of the same
graph made when it was computed. What goes through NumPy or arithmetic on the way is another object,
and stays unknown; so does what an op passes on in machine code, where every Value has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...engine import Value
from .nodes import nodes


@dataclass(frozen=True, slots=True)
class Stale:
    """A number that was read from `source`, and the Values that have it as an operand: as a literal
    or in a leaf that is a constant.
    """

    number: float
    source: Value
    users: tuple[Value, ...]

    def __str__(self) -> str:
        name = f"{self.source.label!r}" if self.source.label else "a Value"
        ops = ", ".join(dict.fromkeys(f"{v._op!r}" for v in self.users))
        n = len(self.users)
        return (
            f"{self.number:.6g}, of {name} computed by {self.source._op!r}, "
            f"in {n:,} operation{'s' * (n != 1)} ({ops})"
        )


def stale(value: Value, wrt: Sequence[Value]) -> list[Stale]:
    """The constants that were read from Values which depend on a leaf of `wrt`.

    Only what is certain. Cost: linear in the graph.
    """
    order = nodes([value])
    depending = set(wrt)
    users: dict[int, list[Value]] = {}
    for v in order:
        for x in v._operands:
            if x.__class__ is float:
                users.setdefault(id(x), []).append(v)
            elif x._entry is None and x not in depending:
                users.setdefault(id(x._data), []).append(v)
    found = []
    for v in order:
        if v._entry is None:
            continue
        if not depending.isdisjoint(x for x in v._operands if isinstance(x, Value)):
            depending.add(v)
        using = users.pop(id(v._data), None)
        # the oldest that has the number made it, if it is older than all that use it
        if using and v in depending and v._serial < using[0]._serial and _made(v):
            found.append(Stale(v._data, v, tuple(dict.fromkeys(using))))
    return found


def _made(v: Value) -> bool:
    """Whether the op made the number of `v`: it is no operand, and no constant of the op.

    False also if leaves have changed since, so that the op does not give this number now.
    """
    assert v._entry is not None
    held = [x._data if isinstance(x, Value) else x for x in v._operands]
    numbers = [x + -0.0 for x in held]  # the same numbers, as objects that nobody else has
    once, again = v._entry.eval(*numbers), v._entry.eval(*numbers)
    return once == v._data and once is not again
