"""Random programs with derivatives: recurrences, triangles, gathers, reductions, in trees of loops.

They are drawn as text. Every array is written as a whole before it is read, so any place of it may
be read; and numbers stay small, so that with whole numbers all is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, Role

WHOLE = ("add", "sub", "mul", "maximum", "minimum", "relu", "neg", "abs")
"""Ops whose results on whole numbers are whole, and derivatives multiples of a power of two."""
SMOOTH = ("add", "sub", "mul", "tanh", "sin", "sigmoid", "atan")
WILD = ("add", "mul", "log", "sqrt", "maximum", "div", "relu", "exp")
"""Ops with poles and kinks, whose derivatives are infinite somewhere."""
FEATURES = ("loop", "nested", "square", "triangle", "ragged", "gather", "input gather", "mod",
            "reduce", "extent", "free", "disjoint", "empty", "choice")  # fmt: skip


@dataclass
class Drawing:
    """A program that is being drawn.

    sizes   array -> its shape, of those that may be read
    """

    random: Random
    table: tuple[str, ...]
    features: frozenset[str]
    declared: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def has(self, feature: str, odds: float = 1.0) -> bool:
        """Whether a feature is drawn here."""
        found = feature in self.features and self.random.random() < odds
        if found:
            self.used.add(feature)
        return found

    def new(self, prefix: str, shape: tuple[int, ...], rest: str = "", role: str = "temp") -> str:
        name = f"{prefix}{len(self.declared)}"
        self.declared.append(f"{role} {name}[{', '.join(map(str, shape))}]{rest}")
        return name

    def index_array(self, size: int, below: int, *, known: bool) -> str:
        """An index array of so many entries, all of which are below a number."""
        if not known:
            return self.new("given", (size,), f" i64 < {below}", "input")
        entries = [self.random.randrange(below) for _ in range(size)]
        return self.new("table", (size,), f" i32 = {' '.join(map(str, entries))}", "const")

    def place(self, size: int, loops: dict[str, int]) -> str:
        """An index below `size`, of loops that run so often at most."""
        r = self.random
        fitting = [n for n, count in loops.items() if count <= size]
        kind = r.random()
        if loops and kind < 0.15 and self.has("mod"):
            name, shift = r.choice(list(loops)), r.randrange(3)
            return f"({name} + {shift}) mod {size}"
        if loops and kind < 0.25 and self.has("mod"):
            name = r.choice(list(loops))
            return f"({name}) div {-(-loops[name] // size) or 1}"
        if loops and kind < 0.45:
            name = r.choice(list(loops))
            known = not self.has("input gather", 0.4)
            if not known or self.has("gather"):
                return f"{self.index_array(loops[name] or 1, size, known=known)}[{name}]"
        if fitting and kind < 0.9:
            name = r.choice(fitting)
            room = size - loops[name]
            if kind > 0.85 and loops[name]:
                return f"-1*{name} + {loops[name] - 1}"
            return f"{name} + {r.randrange(room + 1)}" if room and r.random() < 0.4 else name
        return str(r.randrange(size))

    def access(self, loops: dict[str, int], names: list[str] | None = None) -> str:
        name = self.random.choice(names or list(self.sizes))
        return f"{name}[{', '.join(self.place(n, loops) for n in self.sizes[name])}]"

    def expr(self, loops: dict[str, int], leaves: list[str], depth: int = 2) -> str:
        """An expression of these leaves and others."""
        r = self.random
        if depth == 0 or r.random() < 0.15:
            if leaves and r.random() < 0.6:
                return r.choice(leaves)
            return self.access(loops) if r.random() < 0.9 else str(float(r.randrange(-2, 3)))
        if loops and r.random() < 0.1 and self.has("choice"):
            name, count = r.choice(list(loops.items()))
            data = " ".join(str(float(r.randrange(2))) for _ in range(count or 1))
            condition = f"{self.new('mask', (count or 1,), ' = ' + data, 'const')}[{name}]"
            x, y = (self.expr(loops, leaves, depth - 1) for _ in "xy")
            return f"where({condition}, {x}, {y})"
        op = r.choice(self.table)
        arity = 2 if op in ("add", "sub", "mul", "maximum", "minimum", "div") else 1
        operands = ", ".join(self.expr(loops, leaves, depth - 1) for _ in range(arity))
        return f"{op}({operands})"

    def count(self) -> int:
        return 0 if self.has("empty", 0.05) else self.random.randrange(1, 5)

    def domain(self, depth: int = 0, most: int = 3) -> tuple[list[str], dict[str, int]]:
        """Loops as text, and how often they run at most."""
        texts: list[str] = []
        loops: dict[str, int] = {}
        for name in "ijklmn"[depth : depth + self.random.randrange(1, most + 1)]:
            outer = [n for n in loops if loops[n]]
            kind = self.random.random()
            if outer and kind < 0.25 and self.has("triangle"):
                other = self.random.choice(outer)
                text, loops[name] = self.random.choice(
                    [(f"{other} + 1", loops[other]), (other, loops[other] - 1),
                     (f"-1*{other} + {loops[other]}", loops[other])]
                )  # fmt: skip
            elif outer and kind < 0.45 and self.has("ragged"):
                other = self.random.choice(outer)
                known = not self.has("input gather", 0.3)
                table = self.index_array(loops[other], 4, known=known)
                text, loops[name] = f"{table}[{other}]", 3
            elif kind < 0.55 and self.has("extent"):
                most_ = self.random.randrange(1, 5)
                extent = f"n{len(self.declared)}"
                self.declared.append(f"extent {extent} <= {most_}")
                text, loops[name] = extent, most_
            else:
                loops[name] = self.count()
                text = str(loops[name])
            texts.append(f"{name} < {text}")
        return texts, loops

    # -- what makes arrays ---------------------------------------------------------------------

    def mapped(self) -> None:
        """An array, element by element."""
        shape = tuple(self.random.randrange(1, 5) for _ in range(self.random.randrange(1, 3)))
        name = self.new("a", shape)
        loops = dict(zip("ij", shape, strict=False))
        where_ = ", ".join(f"{n} < {c}" for n, c in loops.items())
        self.lines.append(f"{name}[{', '.join(loops)}] = {self.expr(loops, [])}  for {where_}")
        self.sizes[name] = shape

    def halves(self) -> None:
        """An array whose parts are written by different statements."""
        first, second = self.random.randrange(1, 4), self.random.randrange(1, 4)
        name = self.new("p", (first + second,))
        for start, count in ((0, first), (first, second)):
            loops = {"i": count}
            place = f"i + {start}" if start else "i"
            self.lines.append(f"{name}[{place}] = {self.expr(loops, [])}  for i < {count}")
        self.sizes[name] = (first + second,)

    def reduction(self) -> None:
        """An array of start values, and what is reduced into it."""
        sign, start = self.random.choice(
            [("+", "0.0"), ("+", "0.0"), ("max", "-inf"), ("min", "inf"), ("*", "1.0")]
            if self.has("reduce")
            else [("+", "0.0")]
        )
        shape = tuple(self.random.randrange(1, 4) for _ in range(self.random.randrange(1, 3)))
        name = self.new("r", shape)
        own = ", ".join("ij"[: len(shape)])
        where_ = ", ".join(f"{n} < {c}" for n, c in zip("ij", shape, strict=False))
        start = self.random.choice(
            [start, "1.0", self.access(dict(zip("ij", shape, strict=False)))]
        )
        self.lines.append(f"{name}[{own}] = {start}  for {where_}")
        for _ in range(self.random.choice([1, 1, 2])):
            texts, loops = self.domain()
            places = ", ".join(self.place(n, loops) for n in shape)
            if sign != "+" and "given" in places:
                places = ", ".join(str(self.random.randrange(n)) for n in shape)
            depth = 1 if sign in "+*" and self.table is WHOLE else 2
            expr = self.expr(loops, [], depth)
            self.lines.append(f"{name}[{places}] {sign}= {expr}  for {', '.join(texts)}")
        self.sizes[name] = shape

    def recurrence(self) -> None:
        """Arrays whose elements follow from those before, in a tree of loops."""
        back = self.random.random() < 0.3
        steps = self.count()
        text = str(steps)
        if not back and self.has("extent", 0.2):
            text = f"n{len(self.declared)}"
            self.declared.append(f"extent {text} <= {steps}")
        width = self.random.randrange(1, 4)
        names = [self.new("h", (steps + 1, width)) for _ in range(self.random.randrange(1, 3))]
        first, after, before = (steps, "i", "i + 1") if back else (0, "i + 1", "i")
        copies: list[str] = []
        for name in names:
            if text != str(steps):  # what no step reaches is there as well
                name_, read = name, self.new("s", (steps + 1, width))
                self.lines.append(
                    f"{name_}[{first}, j] = {self.expr({'j': width}, [], 1)}  for j < {width}"
                )
                self.lines.append(f"{read}[i, j] = 0.0  for i < {steps + 1}, j < {width}")
                copies.append(read)
                continue
            self.lines.append(
                f"{name}[{first}, j] = {self.expr({'j': width}, [], 1)}  for j < {width}"
            )
        order = "in reverse order" if back else "in order"
        self.lines.append(f"for i < {text} {order}:")
        loops = {"i": steps, "j": width}
        done: list[str] = []
        for name in names:
            leaves = [f"{n}[{before}, {self.place(width, {'j': width})}]" for n in names]
            leaves += [f"{n}[{after}, {self.place(width, {'j': width})}]" for n in done]
            if self.has("nested", 0.4):
                self.lines.append(
                    f"  {name}[{after}, j] = {self.expr(loops, leaves, 1)}  for j < {width}"
                )
                texts, inner = self.domain(2, 2)
                inner = {**loops, **inner}
                leaves = [f"{n}[{before}, {self.place(width, inner)}]" for n in names]
                expr = self.expr(inner, leaves, 1)
                self.lines.append(
                    f"  {name}[{after}, j] += {expr}  for j < {width}, {', '.join(texts)}".replace(
                        "k <", "k <"
                    )
                )
            else:
                self.lines.append(
                    f"  {name}[{after}, j] = {self.expr(loops, leaves)}  for j < {width}"
                )
            done.append(name)
        if text != str(steps):
            for name, copy in zip(names, copies, strict=True):
                self.lines.append(
                    f"{copy}[i + 1, j] += {name}[i + 1, j]  for i < {text}, j < {width}"
                )
                self.sizes[copy] = (steps + 1, width)
            return
        for name in names:
            self.sizes[name] = (steps + 1, width)

    def table_of_two(self) -> None:
        """A recurrence in two dimensions, as of an edit distance."""
        rows, columns = self.count(), self.count()
        name = self.new("d", (rows + 1, columns + 1))
        self.lines.append(f"{name}[i, 0] = {self.expr({'i': rows + 1}, [], 1)}  for i < {rows + 1}")
        self.lines.append(
            f"{name}[0, j + 1] = {self.expr({'j': columns}, [], 1)}  for j < {columns}"
        )
        back = self.random.choice(["in order", "in order"])
        self.lines.append(f"for i < {rows} {back}:")
        self.lines.append(f"  for j < {columns} in order:")
        leaves = [f"{name}[i, j]", f"{name}[i + 1, j]", f"{name}[i, j + 1]"]
        loops = {"i": rows, "j": columns}
        if self.has("reduce", 0.3):
            self.lines.append(f"    {name}[i + 1, j + 1] = {self.expr(loops, leaves, 1)}")
            sign = self.random.choice(["max", "min", "+"])
            texts, inner = self.domain(2, 1)
            expr = self.expr({**loops, **inner}, [], 1)
            self.lines.append(f"    {name}[i + 1, j + 1] {sign}= {expr}  for {texts[0]}")
        else:
            self.lines.append(f"    {name}[i + 1, j + 1] = {self.expr(loops, leaves)}")
        self.sizes[name] = (rows + 1, columns + 1)

    def free(self) -> None:
        """Statements in a loop of any order."""
        rows, width = self.count(), self.random.randrange(1, 4)
        a, b, c = (
            self.new("f", (rows or 1, width)),
            self.new("g", (rows or 1,)),
            self.new("e", (width,)),
        )
        if not rows:
            return
        self.lines.append(f"{c}[i] = 0.0  for i < {width}")
        loops = {"i": rows, "j": width}
        self.lines.append(f"for i < {rows}:")
        self.lines.append(f"  {a}[i, j] = {self.expr(loops, [])}  for j < {width}")
        self.lines.append(f"  {b}[i] = {self.expr({'i': rows}, [], 1)}")
        other = self.place(width, {"j": width})
        self.lines.append(f"  {b}[i] += mul({a}[i, j], {a}[i, {other}])  for j < {width}")
        self.lines.append(
            f"  {c}[j] += {self.expr(loops, [f'{a}[i, j]', f'{b}[i]'], 1)}  for j < {width}"
        )
        self.sizes.update({a: (rows, width), b: (rows,), c: (width,)})


def random_program(random: Random, table: tuple[str, ...], features: frozenset[str]) -> Any:
    """A program, and the features that are in it."""
    d = Drawing(random, table, features)
    for name in ("x", "y"):
        d.declared.append(f"input {name}[{3 if name == 'x' else '2, 3'}]")
        d.sizes[name] = (3,) if name == "x" else (2, 3)
    kinds = [d.mapped, d.reduction]
    special = {"loop": d.recurrence, "square": d.table_of_two, "free": d.free, "disjoint": d.halves}
    for feature, kind in special.items():
        kinds += [kind] * 2 * (feature in features)
    for _ in range(random.randrange(1, 5)):
        random.choice(kinds)()
    d.declared.append("output out[1]")
    d.lines.append(f"out[0] = {d.access({})}")
    for _ in range(random.randrange(3)):
        name = random.choice(list(d.sizes))
        shape = d.sizes[name]
        where_ = ", ".join(f"{n} < {c}" for n, c in zip("ij", shape, strict=False))
        d.lines.append(f"out[0] += {name}[{', '.join('ij'[: len(shape)])}]  for {where_}")
    return parse("\n".join([*d.declared, "", *d.lines])), d.used


def random_data(random: Random, program: Program, numbers: list[float]) -> dict[str, Any]:
    """What a program is given: numbers of these, entries and extents of all that are allowed."""
    given: dict[str, Any] = {}
    for a in program.with_role(Role.INPUT, Role.EXTENT):
        if a.role is Role.EXTENT:
            given[a.name] = random.choice([a.size, random.randrange(a.size + 1)])
        elif a.is_index:
            given[a.name] = [random.randrange(a.below) for _ in range(a.size)]
        else:
            given[a.name] = [random.choice(numbers) for _ in range(a.size)]
    return given
