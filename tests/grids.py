"""Random recurrences in two dimensions, as Python source: `def f(x, y)` over lists of numbers.

    python -m tests.grids SECONDS [FIRST_SEED]

Cells need some of the cells around them, mostly such as come before on a diagonal; edges are made
in some way of their own; rows and columns run up or down, or columns are outside; tables are dicts,
lists of rows, or the last rows alone, and there may be three of them; what comes out is a corner,
an edge, the largest cell, or all. Each is compiled for vectors of 128, 256 and 512 bits, as
wavefronts wherever that is legal, and compared with `Value.backward`; strict, bit for bit.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from random import Random
from unittest import mock

from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.wavefronts import Diagonals, wavefronts

from .by_values import BITS, arguments, campaign, compared, exactly, interpreted, same

SIZES = (9, 11, 12, 13, 15, 16, 17, 18, 24)
BEFORE = ((1, 1), (1, 0), (0, 1), (2, 0), (0, 2), (1, 2), (2, 1))
BESIDE = (1, -1)
"""A neighbour that is on the same diagonal: rows cannot be left."""


@dataclass
class Table:
    """How a table is written down: a dict, a list of rows, or its last rows."""

    name: str
    kind: str
    turned: int
    """1, or -1 where rows and columns run down."""

    def cell(self, i: int, j: int) -> str:
        """A cell so many rows and columns before."""
        row, column = (
            name if not k else f"{name} {'-' if k * self.turned > 0 else '+'} {abs(k)}"
            for name, k in (("i", i), ("j", j))
        )
        if self.kind == "dict":
            return f"{self.name}[{row}, {column}]"
        if self.kind == "rows":
            return f"{self.name}[{row}][{column}]"
        return f"{self.name}[-{i + 1}][{column}]"

    def last(self, row: str, column: str) -> str:
        """A cell when all is done."""
        if self.kind == "dict":
            return f"{self.name}[{row}, {column}]"
        return f"{self.name}[{'-1' if self.kind == 'last' else row}][{column}]"

    def begin(self, n: int, m: int) -> str:
        """What is there before all rows."""
        if self.kind == "rows":
            return f"{self.name} = [[0.0] * {m} for _ in range({n})]"
        return f"{self.name} = {'{}' if self.kind == 'dict' else '[[], [], []]'}"

    def row(self, m: int) -> str:
        """What is done before each row of one that has its last rows alone."""
        return f"{self.name} = [*{self.name}[-2:], [0.0] * {m}]"


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n, m = r.choice(SIZES), r.choice(SIZES)
    near = r.sample(BEFORE, r.choice([1, 2, 3, 3]))
    if r.random() < 0.7:
        near = [*BEFORE[1:3], *near[2:], *r.choice([[], BEFORE[:1]])]
    down, outside = r.random() < 0.25, r.choice(["i", "i", "j"])
    if outside == "i" and r.random() < 0.1:
        near.append(BESIDE)
    kind = r.choice(["dict", "rows", "last"])
    if kind == "last" and (down or outside == "j"):
        kind = "rows"
    names = ["d", "p", "q"] if r.random() < 0.3 else ["d"]
    tables = [Table(name, kind, -1 if down else 1) for name in names]
    edge = r.choice(["x[i] * y[j]", "0.1 * (i + j)", "0.5", "x[i] - y[j]"])
    cost = r.choice(["(x[i] - y[j]) ** 2", "x[i] * y[j]", "tanh(x[i] + y[j])", "0.3 * x[j]"])
    last = max(max(abs(i), abs(j)) for i, j in near)
    inside = f"{last} <= i < {n} and {last} <= j < {m - (BESIDE in near)}"
    if down:
        inside = f"{int(BESIDE in near)} <= j and i < {n - last} and j < {m - last}"
    whole = tables[0]
    far, side = (str(n - 1), str(m - 1)), (str(n - 1), "0")
    if down:
        far, side = ("0", "0"), ("0", str(m - 1))
    out = r.choice(
        [
            whole.last(*far),
            f"{whole.last(*far)} + 0.1 * {whole.last(*side)}",
            f"sum({whole.last(far[0], 'k')} for k in range({m}))",
            "t",
            "e",
        ][: r.choice([3, 3, 5])]
    )
    own = {
        "t": "t = t + " + whole.cell(0, 0),
        "e": f"e = maximum(e, {whole.cell(0, 0)})" if kind != "last" else "e = e + x[i]",
    }
    extra = [own[out]] if out in own else []
    if r.random() < 0.15:
        extra.append("e = e + 0.1 * " + whole.cell(0, 0))
    loops = [("i", n), ("j", m)] if outside == "i" else [("j", m), ("i", n)]
    heads = [f"for {v} in {'reversed' * down}{'(' * down}range({c}){')' * down}:" for v, c in loops]
    cells = []
    for t in reversed(tables):
        made = _made(r, _near(r, t, tables, near))
        cells.append(f"{t.cell(0, 0)} = {0.5 if t is whole else 0.3} * {cost} + {made}")
    body = [
        *(f"    {t.begin(n, m)}" for t in tables),
        "    t, e = 0.0, 0.0",
        f"    {heads[0]}",
        *(f"        {t.row(m)}" for t in tables if t.kind == "last"),
        f"        {heads[1]}",
        f"            if not ({inside}):",
        *(f"                {t.cell(0, 0)} = {edge}" for t in tables),
        "                continue",
        *(f"            {line}" for line in [*cells, *extra]),
        f"    return {out} + e + x[0] * y[0]",
    ]
    return "\n".join(["def f(x, y):", *body])


def _near(r: Random, table: Table, tables: list[Table], near: list[tuple[int, int]]) -> list[str]:
    """The cells that one is made of: of the first of several tables those of the others, too."""
    if len(tables) == 1:
        return [table.cell(*cell) for cell in near]
    if table is tables[0]:
        return [*(table.cell(*cell) for cell in near[:2]), *(t.cell(0, 0) for t in tables[1:])]
    cell = r.choice(near)
    return [tables[0].cell(*cell), table.cell(*cell)]


def _made(r: Random, cells: list[str]) -> str:
    """What a cell is made of others by."""
    kind = r.randrange(6)
    if kind == 0:
        best = cells[0]
        for c in cells[1:]:
            best = f"{r.choice(['minimum', 'maximum'])}({best}, {c})"
        return f"0.9 * {best}"
    if kind == 1:
        return f"log({' + '.join(f'exp(0.5 * {c})' for c in cells)})"
    if kind == 2:
        return f"tanh({' * x[i] + '.join(cells)})"
    if kind == 3 and len(cells) > 1:
        return f"where({cells[0]} < {cells[1]}, {cells[0]}, 0.5 * {cells[-1]})"
    if kind == 4:
        return " + ".join(f"{r.choice(['0.3', '0.2 * y[j]', '-0.25'])} * {c}" for c in cells)
    return f"sin({' - '.join(cells)}) * {r.choice(['0.5', 'y[j]', 'x[i]'])}"


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a program became wavefronts, at each width, and strict.

    Raises AssertionError if a number is not what it should be.
    """
    x, y = arguments(seed)
    found = []
    with mock.patch.object(Diagonals, "pays", return_value=True):
        for k in [*compared(source(seed), seed, bits), *exactly(source(seed), seed, bits[:1])]:
            program, target = k._shown.transformed, k._options.target
            diagonal = wavefronts(program, target)
            found.append(diagonal is not program)
            if found[-1]:
                verify(diagonal, "wavefronts", stage="schedulable")
                same(
                    interpreted(diagonal, x, y),
                    interpreted(program, x, y),
                    f"interpreted\n{source(seed)}",
                )
    return found


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "wavefronts", float(sys.argv[1]), first)
