"""Random statements in a row, of nests, that run over the same points or nearly so.

    python -m tests.shared_points SECONDS [FIRST_SEED]

They write and read a few arrays, at the same element or beside it, forwards and back, so that some
may share their loops and others must not. Numbers are whole, so that results are exact. Compiled
for every width of vectors, and compared with the interpreter.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any
from unittest import mock

from micrograd.jit.emit import nest
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify

from .by_values import campaign
from .jit.emit.nested import FORMS, Form, Nested
from .nested_programs import random_inputs

COUNTS = (1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 37, 64, 65)
ROUNDS, ROWS, ROOM = 3, 4, 5
"""Iterations of the loop around, rows of the arrays, and how far a place is off, at most."""


def source(r: Random) -> str:
    """The text of a program."""
    count = r.choice(COUNTS)
    size = 2 * count + ROOM
    names = [f"s{k}" for k in range(r.choice([2, 3, 4]))]
    deep = r.random() < 0.25
    domains = [str(count), str(count), f"-1*i + {count}" if count > ROUNDS else "k + 1", "steps"]
    usual = r.choice(domains[: 2 if deep else 4]).replace("k + 1", str(count))
    usual = f"k < {ROWS}, j < {usual}" if deep else f"j < {usual}"
    steps = {s: r.choice(["j"] * 5 + ["2*j"]) for s in names}
    places = {s: (r.choice(["k"] if deep else ["0", "i"]), r.randrange(3)) for s in names}
    turned = {s for s in names if deep and r.random() < 0.3}
    order = r.choice([" in order", " in order", " in reverse order"])

    def element(name: str) -> str:
        """The one that most statements touch, or one beside it."""
        row, off = places[name]
        kind = r.random()
        if kind < 0.15:
            off = r.randrange(ROOM)
        if name in turned:
            return f"{name}[j + {off}, k]"
        if kind > 0.95:
            return f"{name}[{row}, -1*j + {size - 1}]"
        if kind > 0.92 and not deep:
            return f"{name}[i + 1, j + {off}]"
        return f"{name}[{row}, {steps[name]} + {off}]"

    body = []
    for _ in range(r.randint(2, 7)):
        target = r.choice(names)
        others = [s for s in names if s != target]
        known = [f"x[j + {r.randrange(ROOM)}]", "w[i]", "2.0", "z[2*j + 1]"]
        read = [r.choice([*known, *(3 * [*map(element, others)])]) for _ in range(2)]
        value = f"{r.choice(['add', 'sub', 'maximum'])}({', '.join(read)})"
        kept = f"minimum(9.0, maximum(-9.0, {value}))"
        domain = usual if r.random() < 0.85 or deep else f"j < {count}"
        op = r.choice(["=", "=", "+="])
        body.append(f"  {element(target)} {op} {kept}  for {domain}")
    return "\n".join(
        [
            f"input x[{size}]",
            f"input w[{ROUNDS}]",
            f"input z[{2 * size}]",
            f"extent steps <= {count}",
            *(
                f"state {s}[{f'{size}, {ROWS}' if s in turned else f'{ROWS}, {size}'}]"
                for s in names
            ),
            "",
            f"for i < {ROUNDS}{order}:",
            *body,
        ]
    )


def random_program(seed: int) -> Program:
    """One of them, verified."""
    return verify(parse(source(Random(seed))))


def check(seed: int, form: Form | None = None) -> list[bool]:
    """Whether statements share loops.

    Raises AssertionError if a number is not what it should be.
    """
    program, found, together = random_program(seed), [False], nest.together

    def counted(*given: Any) -> int:
        count = together(*given)
        found.append(count > 1)
        return count

    with mock.patch.object(nest, "together", counted):
        compiled = Nested(program, form or FORMS[seed % len(FORMS)], level=2 * (seed % 4 == 0))
        for k in range(2):
            compiled.check(random_inputs(program, Random(seed + k), whole=True), signs=True)
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "sharing points", float(sys.argv[1]), first)
