"""Random programs around long loops in order: what can run in segments, and what cannot.

    program = random_program(Random(seed))
    given = random_inputs(program, Random(seed))

Units are few, steps are from 4 to 40. There are loops that carry values over one or two steps,
lines of single steps before, between and behind them, loops inside of steps, sums over steps, and
arrays that are read in ways that no segment allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from micrograd.jit.ir.extents import Varying
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import (
    GIVEN,
    Access,
    Loop,
    Node,
    Order,
    Program,
    Role,
    Statement,
    map_accesses,
)

OPS = ("add", "mul", "sub", "tanh", "sin", "maximum", "cos")


@dataclass
class _Drawing:
    """A program that is being drawn.

    rows   arrays with a row for each step: how many units, and which row is there in step i
    """

    r: Random
    steps: int
    declared: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rows: dict[str, tuple[int, str]] = field(default_factory=dict)

    def new(self, role: str, *shape: int, rest: str = "") -> str:
        name = f"{role[0]}{len(self.declared)}"
        self.declared.append(f"{role} {name}[{', '.join(map(str, shape))}]{rest}")
        return name

    def leaf(self, step: str, unit: str | None, units: int, more: list[str]) -> str:
        """Something to read in a step, at a unit of so many."""
        r = self.r
        kind = r.random()
        if more and kind < 0.5:
            return r.choice(more)
        if self.rows and kind < 0.8:
            name = r.choice(list(self.rows))
            width, row = self.rows[name]
            place = unit if unit is not None and width >= units else str(r.randrange(width))
            return f"{name}[{row.format(step)}, {place}]"
        if kind < 0.85:
            return f"x[({step} + {r.randrange(3)}) mod 5, 0]"
        if kind < 0.9:
            return f"x[t[{step}], 1]"
        if kind < 0.95:
            return f"x[{step} + {r.randrange(2)}, {unit if unit is not None and units <= 3 else 2}]"
        return r.choice([f"w[{r.randrange(4)}]", str(r.choice([0.5, -1.0, 2.0]))])

    def expr(self, step: str, unit: str | None, units: int, more: list[str], depth: int = 2) -> str:
        if depth == 0 or self.r.random() < 0.1:
            return self.leaf(step, unit, units, more)
        op = self.r.choice(OPS)
        count = 2 if op in ("add", "mul", "sub", "maximum") else 1
        args = [self.expr(step, unit, units, more, depth - 1) for _ in range(count)]
        text = f"{op}({', '.join(args)})"
        return f"sin({text})" if op in ("add", "mul", "sub") else text

    def mapped(self) -> None:
        """A line that computes every step by itself, or a sum in every step."""
        units = self.r.choice([1, 1, 2, 3])
        name = self.new("temp", self.steps, units)
        place, where_ = ("j", f", j < {units}") if units > 1 else ("0", "")
        unit = "j" if units > 1 else None
        every = f"i < {self.steps}{where_}"
        if self.r.random() < 0.3:
            self.lines.append(f"{name}[i, {place}] = 0.5  for {every}")
            inner = self.expr("i", "k", 2, [])
            self.lines.append(f"{name}[i, {place}] += {inner}  for {every}, k < 2")
        else:
            self.lines.append(
                f"{name}[i, {place}] = {self.expr('i', unit, units, [])}  for {every}"
            )
        self.rows[name] = units, "{}"

    def recurrence(self) -> None:
        """A loop in order: what it carries, over how many steps; what it computes on the way."""
        r, steps = self.r, self.steps
        units, back = r.choice([1, 1, 2, 3]), r.choice([1, 1, 1, 2])
        place, where_ = ("j", f"  for j < {units}") if units > 1 else ("0", "")
        unit = "j" if units > 1 else None
        carried = [self.new("temp", steps + back, units) for _ in range(r.choice([1, 1, 2]))]
        for name in carried:
            for k in range(back):
                first = f"w[{r.randrange(4)}]" if r.random() < 0.7 else f"x[{k}, {r.randrange(3)}]"
                self.lines.append(f"{name}[{k}, {place}] = {first}{where_}")
        order, before, after = "in order", "i", f"i + {back}"
        if r.random() < 0.1 and back == 1:
            order, before, after = "in reverse order", "i + 1", "i"
            for name in carried:
                self.lines = [line.replace(f"{name}[0,", f"{name}[{steps},") for line in self.lines]
        self.lines.append(f"for i < {steps} {order}:")
        more = [f"{name}[{before}, {place}]" for name in carried]
        if back == 2:
            more += [f"{name}[i + 1, {place}]" for name in carried]
        local = []
        for _ in range(r.randrange(3)):
            name = self.new("temp", steps, units)
            expr = self.expr("i", unit, units, more)
            self.lines.append(f"  {name}[i, {place}] = {expr}{where_}")
            more.append(f"{name}[i, {place}]")
            local.append(name)
        if r.random() < 0.25:
            more.append(self.inner(more))
        if r.random() < 0.3:
            self.lines.append(
                f"  total += {self.expr('i', None, 1, [m.replace('j', '0') for m in more])}"
            )
        for name in carried:
            self.lines.append(
                f"  {name}[{after}, {place}] = {self.expr('i', unit, units, more)}{where_}"
            )
        for name in local:
            self.rows[name] = units, "{}"
        for name in carried:
            row = "{}" if r.random() < 0.5 else f"{{}} + {back}"
            self.rows[name] = units, row

    def inner(self, more: list[str]) -> str:
        """A loop in order inside of a step, perhaps as often as the step says."""
        count = self.r.choice(["3", "2", "t[i]"])
        name = self.new("temp", self.steps, 5)
        start = self.r.choice(more).replace("j", "0")
        self.lines.append(f"  {name}[i, j] = {start}  for j < 5")
        if count == "t[i]":
            total = self.new("temp", self.steps)
            self.lines.append(f"  {total}[i] = 0.25")
            self.lines.append(f"  {total}[i] += sin({name}[i, j])  for j < t[i]")
            return f"{total}[i]"
        again = self.new("temp", self.steps, 4)
        self.lines.append(f"  {again}[i, 0] = {start}")
        self.lines.append(f"  for j < {count} in order:")
        self.lines.append(f"    {again}[i, j + 1] = sin(mul({again}[i, j], {name}[i, j]))")
        return f"{again}[i, {count}]"


def random_program(r: Random) -> Program:
    """A program with inputs `x` and `w`, and the output `out`."""
    steps = r.choice([4, 6, 7, 9, 12, 16, 23, 25, 30, 40])
    d = _Drawing(r, steps)
    d.lines.append("total = 0.0")
    for _ in range(r.randrange(1, 5)):
        d.recurrence() if r.random() < 0.5 else d.mapped()
    d.recurrence()
    for _ in range(r.randrange(3)):
        d.mapped()
    d.lines.append("out = mul(total, 0.5)")
    for name, (units, row) in d.rows.items():
        kind = r.random()
        if kind < 0.3:
            d.lines.append(f"total += {name}[{row.format('i')}, 0]  for i < {steps}")
        elif kind < 0.6:
            row = row.format(steps - 1).replace(f"{steps - 1} + 1", str(steps))
            row = row.replace(f"{steps - 1} + 2", str(steps + 1))
            d.lines.append(f"out += mul(0.5, {name}[{row}, {r.randrange(units)}])")
        elif kind < 0.65:
            d.lines.append(f"out += {name}[{r.randrange(steps)}, 0]")
        elif kind < 0.7:
            d.lines.append(f"out += {name}[t[i], 0]  for i < {min(3, steps)}")
        elif kind < 0.75:
            d.lines.append(f"out += {name}[-1*i + {steps - 1}, 0]  for i < {steps}")
    used = sorted(d.lines, key=lambda line: line.startswith("out"))
    entries = " ".join(str(r.randrange(min(4, steps))) for _ in range(steps))
    return parse(
        "\n".join(
            [
                f"input x[{steps + 1}, 3]",
                "input w[4]",
                f"const t[{steps}] i32 = {entries}",
                "temp total[1]",
                *d.declared,
                "output out[1]",
                "",
                *used,
            ]
        )
    )


def each_thing(program: Program, count: int) -> Program:
    """What a random program does, for each of so many things: all have `w` in common, and add to
    the same sums.
    """
    shared = {"total", "out", "w", *(a.name for a in program.with_role(Role.CONSTANT))}
    arrays = {
        name: a if name in shared else replace(a, shape=(count, *a.shape))
        for name, a in program.arrays.items()
    }

    def change(s: Statement) -> Statement:
        def each(a: Access) -> Access:
            stride = 0 if a.array in shared else program.arrays[a.array].size
            around = a.around(0)
            return replace(around, strides=(stride, *around.strides[1:]))

        domain = (count, *[_inside(c) for c in s.domain])
        return replace(s, target=each(s.target), expr=map_accesses(s.expr, each), domain=domain)

    def within(node: Node) -> Node:
        if isinstance(node, Statement):
            return change(node)
        return replace(node, extent=_inside(node.extent), body=[within(x) for x in node.body])

    begin, *rest = program.body
    things: list[Node] = []
    after: list[Node] = []
    for node in rest:
        if not isinstance(node, Statement) or node.target.array != "out":
            things.append(within(node))
        else:
            after.append(node if node.accumulate is None else change(node))
    body = [begin, Loop(count, Order.FREE, things), *after]
    return replace(program, arrays=arrays, body=body)


def _inside(count: int) -> int:
    """A trip count inside of one more loop."""
    return count.around(0) if isinstance(count, Varying) else count


def random_inputs(program: Program, r: Random) -> dict[str, Any]:
    """Numbers for it."""
    return {
        a.name: [r.choice([r.uniform(-1.5, 1.5), r.uniform(-1.5, 1.5), 0.0, -0.0])
                 for _ in range(a.size)]
        for a in program.with_role(*GIVEN)
    }  # fmt: skip
