"""Random programs whose iterations read and write elements of their own, again and again, and what
the interpreter says of them.

    python -m tests.held_elements SECONDS [FIRST_SEED]

Each has arrays of a few elements for each iteration, which are set, added to and read back by
statements of one loop: one by one, in rows, every other one, backwards, through tables, and all
of them by a loop behind. Numbers are whole, so results are equal in whatever order they are added.
"""

from __future__ import annotations

import sys
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from micrograd import ops
from micrograd.jit.emit.held import Held
from micrograd.jit.emit.storage import Elements
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Access, Apply, Expr, Program, Role, Statement, entry
from micrograd.jit.ir.verify import verify

from .by_values import campaign
from .whole_programs import Compiled, arguments

COUNTS = (4, 7, 8, 9, 16, 17, 24, 40)
FORMS = [(64, 512, False), (64, 256, False), (32, 512, False), (64, 256, True), (32, 256, True)]


class _Maker:
    """Draws a program over one loop of `count`, with rows of `own` elements each."""

    def __init__(self, seed: int) -> None:
        self.random = r = Random(seed)
        self.count, self.own = r.choice(COUNTS), r.choice([2, 3, 4, 6, 9])
        self.program = Program()
        self.names = [f"a{k}" for k in range(r.randint(1, 3))]
        size = self.count * self.own
        self.program.declare("x", Role.INPUT, size)
        for name in self.names:
            self.program.declare(name, Role.TEMPORARY, size)
        self.tables = [self._table(k) for k in range(r.randint(0, 2))]

    def make(self) -> Program:
        """The program."""
        r, program, whole = self.random, self.program, (self.count, self.own)
        for name in self.names:
            expr = self._expression(("x",), (0, 1))
            program.body.append(Statement(Access(name, 0, (self.own, 1)), expr, whole))
        for _ in range(r.randint(3, 12)):
            self._statement()
        for name in self.names:
            program.declare(f"out_{name}", Role.OUTPUT, self.count * self.own)
            behind = self.count * self.own - 1
            target = Access(f"out_{name}", 0, (1,))
            program.body.append(Statement(target, Access(name, behind, (-1,)), (behind + 1,)))
        return verify(program, "its drawing")

    def _table(self, k: int) -> str:
        """Of places in the own row."""
        r, own = self.random, self.own
        places = [i * own + r.randrange(own) for i in range(self.count) for _ in range(own)]
        return self.program.table(f"index{k}", places)

    def _statement(self) -> None:
        """What adds to some elements of an array."""
        name = self.random.choice(self.names)
        offset, strides = self._row()
        target = Access(name, offset, strides)
        small = self._expression((*self.names, "x"), (offset, strides[-1]), name)
        bounded = Apply(ops.maximum, (-9.0, Apply(ops.minimum, (small, 9.0))))
        self.program.body.append(Statement(target, bounded, (self.count, self._many), ops.add))

    def _row(self) -> tuple[int, tuple[int, int]]:
        """The places of some of the own elements, in a row or not."""
        r, own = self.random, self.own
        self._many = r.randint(1, own)
        stride = r.choice([1, -1, 2]) if self._many > 1 else 1
        while (self._many - 1) * abs(stride) >= own:
            self._many -= 1
        lowest = r.randrange(own - (self._many - 1) * abs(stride))
        first = lowest + (self._many - 1) * (stride < 0)
        return first, (own, stride)

    def _expression(self, names: tuple[str, ...], target: tuple[int, int], own: str = "") -> Expr:
        """Sums and products of what may be read where these elements are set."""
        return Apply(
            self.random.choice([ops.add, ops.sub, ops.mul]),
            (self._read(names, target, own), self._read(names, target, own)),
        )

    def _read(self, names: tuple[str, ...], target: tuple[int, int], own: str) -> Expr:
        r = self.random
        name = r.choice(names)
        if name == own:  # other elements than those that are set may be set before, or behind
            name = "x"
        if self.tables and r.random() < 0.3:
            return entry(name, r.choice(self.tables), target[0], (self.own, target[1]))
        if r.random() < 0.5:
            return Access(name, r.randrange(self.own), (self.own, 0))
        return Access(name, target[0], (self.own, target[1]))


def check(seed: int) -> list[bool]:
    """Whether reads found something held. Raises AssertionError where numbers differ."""
    program = _Maker(seed).make()
    given = arguments(program, seed)
    expected, hits = interpret(program, given), []
    read = Held.read

    def counted(held: Held, a: Access, e: Elements) -> Any:
        before = dict(held._known)
        found = read(held, a, e)
        hits.append(before == held._known and e.width > 1 and e.stride not in (0, 1))
        return found

    bits, vector_bits, exact = FORMS[seed % len(FORMS)]
    with mock.patch.object(Held, "read", counted):
        compiled = Compiled(program, bits, vector_bits, exact=exact, level=0)
    found = compiled.run(given)
    for name, x in expected.items():
        assert np.array_equal(found[name].astype(float), x), f"seed {seed}: {name}\n{program}"
    return hits


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "with elements in registers", float(sys.argv[1]), first)
