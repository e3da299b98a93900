"""What iterations hand on in registers, beside the interpreter.

    python -m tests.jit.emit.test_recurrences SECONDS [FIRST_SEED]

draws loops in order that read what they have written, at every distance, forwards and back.
"""

from __future__ import annotations

import sys
import time
from random import Random

import pytest

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify

from ...nested_programs import random_inputs
from .nested import FORMS, Form, Nested

COUNTS = (1, 2, 3, 4, 7, 8, 9, 16, 17, 31)
ROOM = 4
"""How far accesses are beside the index, at most."""
SETS = 12
"""Programs that are drawn for each form."""


class _Maker:
    """Draws a program of one loop in order, or of one inside of another loop."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = random.choice(COUNTS)
        self.size = 2 * (self.count + ROOM + 1)
        self.deep = random.random() < 0.4
        self.names = [f"s{k}" for k in range(random.randint(1, 3))]
        self.rows = {s: self.deep and random.random() < 0.6 for s in self.names}
        self.usual = random.choice([1, 1, 1, -1, 2])
        self.order = random.choice(["in order", "in reverse order"])
        self.targets: dict[str, str] = {}
        self.before: dict[str, str] = {}

    def make(self) -> str:
        """The text."""
        r, n = self.random, self.count
        body = [self.statement() for _ in range(r.randint(1, 5))]
        if r.random() < 0.5:
            row = r.choice(
                [f"tail[i, j] = {self.read()}", f"s0[0, i + j + {ROOM - 1}] = x[i + {ROOM}]"]
            )
            body.insert(r.randint(0, len(body)), f"{row}  for j < 3")
        counts = [str(n), "steps"] + (["k + 1"] if self.deep and n > 2 else [])
        lines = [f"for i < {r.choice(counts)} {self.order}:", *("  " + line for line in body)]
        if self.deep:
            around = r.choice(["", " in order", " in reverse order"])
            lines = [f"for k < 3{around or ' in order'}:", *("  " + line for line in lines)]
        sizes = [f"{3 if self.rows[s] else 1}, {self.size}" for s in self.names]
        states = [f"state {s}[{size}]" for s, size in zip(self.names, sizes, strict=True)]
        head = [f"input x[{self.size}]", f"extent steps <= {n}", f"state tail[{n}, 5]", *states]
        return "\n".join([*head, "", *lines])

    def place(self, name: str, step: int) -> str:
        """An element beside the index."""
        return self.element(name, step, self.low(step))

    def low(self, step: int) -> int:
        """How far an element is beside the index, at random."""
        return ROOM + max(0, -step * self.count) + self.random.choice([0, 0, 1, 1, -1, 2])

    def element(self, name: str, step: int, low: int) -> str:
        """The element of the index by so many, and so many further."""
        return f"{name}[{'k' if self.rows[name] else '0'}, {step}*i + {low}]"

    def written(self, name: str, step: int) -> str:
        """What a state's first statement writes, and from then on the others that draw no other; it
        is noted what the iteration before has written there.
        """
        if name not in self.targets:
            low = self.low(step)
            self.targets[name] = self.element(name, step, low)
            back = -step if self.order == "in order" else step
            self.before[name] = self.element(name, step, low + back)
        return self.targets[name]

    def read(self) -> str:
        """A number, nearly always of a state."""
        if self.random.random() < 0.2:
            return self.random.choice(["x[i]", "2.0"])
        name = self.random.choice(self.names)
        if name in self.before and self.random.random() < 0.4:
            return self.before[name]
        return self.place(name, self.usual)

    def statement(self) -> str:
        """One that keeps numbers small, so that all of them are exact."""
        r = self.random
        name = r.choice(self.names)
        step = self.usual if r.random() < 0.9 else -self.usual
        target = self.written(name, step)
        if r.random() < 0.1:
            target = self.place(name, self.usual)
        op = r.choice(["add", "sub", "maximum"])
        kept = f"minimum(9.0, maximum(-9.0, {op}({self.read()}, {self.read()})))"
        return f"{target} {r.choice(['=', '=', '+='])} {kept}"


def random_program(random: Random) -> Program:
    """One of them, verified."""
    program = parse(_Maker(random).make())
    verify(program)
    return program


def check(seed: int, form: Form | None = None) -> None:
    """Compile the program of a seed, and compare."""
    program = random_program(Random(seed))
    compiled = Nested(program, form or FORMS[seed % len(FORMS)], level=2 if seed % 4 == 0 else 0)
    compiled.check(random_inputs(program, Random(seed), whole=True), signs=True)


@pytest.mark.parametrize("form", FORMS)
def test_loops_give_what_the_interpreter_does(form: Form) -> None:
    for seed in range(SETS):
        check(seed + 1000 * FORMS.index(form), form)


def main(seconds: float, seed: int) -> None:
    """Check one program after the other; print how many, and what was found."""
    end, first, wrong = time.monotonic() + seconds, seed, 0
    while time.monotonic() < end:
        try:
            check(seed)
        except Exception as failed:
            wrong += 1
            print(f"seed {seed}: {type(failed).__name__}: {failed}"[:3000], flush=True)
        seed += 1
    print(f"{seed - first} programs, {wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
