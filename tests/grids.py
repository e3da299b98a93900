"""Random recurrences in two dimensions, as Python source: `def f(x, y)` over lists of numbers.

    python -m tests.grids SECONDS [FIRST_SEED]

Cells need some of the cells around them, mostly such as come before on a diagonal; edges are made
in some way of their own; rows and columns run up or down; what comes out is a corner, an edge, or
all. Each is compiled for vectors of 128, 256 and 512 bits, as wavefronts wherever that is legal,
and compared with `Value.backward`.
"""

from __future__ import annotations

import sys
from random import Random
from unittest import mock

from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule.wavefronts import Diagonals, wavefronts

from .by_values import BITS, arguments, campaign, compared, interpreted, same

SIZES = (8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 24)
BEFORE = ((1, 1), (1, 0), (0, 1), (2, 0), (0, 2), (1, 2), (2, 1))
BESIDE = (1, -1)
"""A neighbour that is on the same diagonal: rows cannot be left."""


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    n, m = r.choice(SIZES), r.choice(SIZES)
    near = r.sample(BEFORE, r.choice([1, 2, 2, 3, 3, 4]))
    if r.random() < 0.1:
        near.append(BESIDE)
    cells = [_cell(i, j) for i, j in near]
    edge = r.choice(["x[i] * y[j]", "0.1 * (i + j)", "0.5", "x[i] - y[j]"])
    cost = r.choice(["(x[i] - y[j]) ** 2", "x[i] * y[j]", "tanh(x[i] + y[j])", "0.3 * x[j]"])
    last = max(max(abs(i), abs(j)) for i, j in near)
    inside = f"{last} <= i < {n} and {last} <= j < {m - (BESIDE in near)}"
    rows, columns = r.choice([("range({})", "range({})")] * 3 + [("reversed(range({}))",) * 2])
    if rows.startswith("reversed"):
        cells = [c.replace("i - ", "i + ").replace("j - ", "j + ") for c in cells]
        inside = f"{int(BESIDE in near)} <= j and i < {n - last} and j < {m - last}"
    made = _made(r, cells)
    out = r.choice(
        [
            "d[C]",
            "d[C] + 0.1 * d[0, 0]",
            "sum(d.values())",
            f"sum(d[{n - 1}, j] for j in range({m}))",
        ]
    ).replace("C", f"{n - 1}, {m - 1}" if rows == "range({})" else "0, 0")
    extra = ["            e = e + 0.1 * d[i, j]"] if r.random() < 0.15 else []
    return "\n".join(
        [
            "def f(x, y):",
            "    d, e = {}, 0.0",
            f"    for i in {rows.format(n)}:",
            f"        for j in {columns.format(m)}:",
            f"            if not ({inside}):",
            f"                d[i, j] = {edge}",
            "                continue",
            f"            d[i, j] = 0.5 * {cost} + {made}",
            *extra,
            f"    return {out} + e + x[0] * y[0]",
        ]
    )


def _cell(i: int, j: int) -> str:
    """A cell so many rows and columns before."""
    places = [name if not k else f"{name} {'-' if k > 0 else '+'} {abs(k)}"
              for name, k in (("i", i), ("j", j))]  # fmt: skip
    return f"d[{', '.join(places)}]"


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
    """Whether a program became wavefronts, at each width.

    Raises AssertionError if a number is not what it should be.
    """
    x, y = arguments(seed)
    found = []
    with mock.patch.object(Diagonals, "pays", return_value=True):
        for k in compared(source(seed), seed, bits):
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
