"""Random loops in order along rows of many things, beside the interpreter.

    python -m tests.turned_rows SECONDS [FIRST_SEED]

Each thing has rows that loops in order fill, forwards or back, from what they have written just
before, elsewhere in the row, or in other rows. Numbers are whole, so that results are exact.
Compiled for every width of vectors, with things in lanes wherever that is legal.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any
from unittest import mock

from micrograd.jit.emit import turned_rows
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import across

from .by_values import campaign
from .jit.emit.nested import FORMS, Form, Nested
from .nested_programs import random_inputs

THINGS = (4, 5, 8, 9, 16, 17, 19, 24, 32, 33, 40)
COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40)
SPARE = 4
"""Elements of a row beside those that a loop fills, before and behind them."""


def source(r: Random) -> str:
    """The text of a program."""
    things, count = r.choice(THINGS), r.choice(COUNTS)
    size = count + 2 * SPARE
    steps = r.choice([str(count)] * 4 + ["steps"])
    order = r.choice(["in order", "in reverse order"])
    names = ["a", "b", "c"][: r.choice([1, 1, 2, 3])]
    direction = {s: r.choice([1, 1, -1]) for s in names}
    place = {s: SPARE + (count - 1 if d < 0 else 0) for s, d in direction.items()}
    lies = {s: r.choice(["[i, {}]"] * 5 + ["[{}, i]"]) for s in names}

    def element(name: str, ahead: int) -> str:
        """What a name's statement writes so many iterations later."""
        step = direction[name]
        further = ahead * step * (1 if order == "in order" else -1)
        return name + lies[name].format(f"{step}*j + {place[name] + further}")

    def read(before: list[str]) -> str:
        """A number, nearly always what was written just before."""
        name = r.choice(names)
        others = ["x[i]", f"y[i, j + {r.randrange(3)}]", "2.0", element(name, -2)]
        if name in before:
            others.append(element(name, 0))
        if name in added:
            others.append(element(name, 1))
        return r.choice([*[element(name, -1)] * 6, *others])

    added = set(names) if steps == "steps" else {s for s in names if r.random() < 0.15}
    body, last = [], r.choice([[], [], [r.choice(names)]])
    for k, name in enumerate([*names, *(s for s in last if s in added)]):
        before = [s for s in names[:k] if s != name]
        value = f"{r.choice(['add', 'sub', 'maximum'])}({read(before)}, {read(before)})"
        op = "+=" if name in added else "="
        body.append(f"    {element(name, 0)} {op} minimum(9.0, maximum(-9.0, {value}))")

    def begun(name: str) -> list[str]:
        """What is there before the loop: all that it does not set."""
        at, end = lies[name], count + SPARE
        parts = [("j", size)] if name in added else [("j", SPARE), (f"j + {end}", SPARE)]
        return [f"{name}{at.format(j)} = 1.0  for i < {things}, j < {n}" for j, n in parts]

    sizes = {s: (things, size) if lies[s][1] == "i" else (size, things) for s in names}
    return "\n".join(
        [
            f"input x[{things}]",
            f"input y[{things}, {size}]",
            f"extent steps <= {count}",
            *(f"temp {s}[{m}, {n}]" for s, (m, n) in sizes.items()),
            *(f"output out{s}[{m}, {n}]" for s, (m, n) in sizes.items()),
            "",
            *(line for s in names for line in begun(s)),
            f"for i < {things}:",
            f"  for j < {steps} {order}:",
            *body,
            *(f"out{s}[i, j] = {s}[i, j]  for i < {m}, j < {n}" for s, (m, n) in sizes.items()),
        ]
    )


def random_program(seed: int) -> Program:
    """One of them, verified."""
    return verify(parse(source(Random(seed))))


def check(seed: int, form: Form | None = None) -> list[bool]:
    """Whether rows are turned in some loop.

    Raises AssertionError if a number is not what it should be.
    """
    program, found, straight = random_program(seed), [False], turned_rows.STRAIGHT_OPS

    def rows_of(*given: Any) -> Any:
        rows = turn(*given)
        found.append(bool(rows))
        return rows

    turn = turned_rows.rows_of
    with (
        mock.patch.object(across, "LATENCY", 1000.0),
        mock.patch.object(turned_rows, "rows_of", rows_of),
        mock.patch.object(turned_rows, "STRAIGHT_OPS", Random(seed).choice([straight, 1000])),
    ):
        compiled = Nested(program, form or FORMS[seed % len(FORMS)], level=2 * (seed % 4 == 0))
        for k in range(2):
            compiled.check(random_inputs(program, Random(seed + k), whole=True), signs=True)
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "turned", float(sys.argv[1]), first)
