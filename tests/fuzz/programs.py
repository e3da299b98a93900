"""Choices -> random scalar functions in Python, and arguments for them.

A function takes numbers, lists and nested lists, may read live Values, and is made of stages that
each give a list or a number: maps, windows, gathers, sums, triangles, cross products, recurrences,
sums into elements that were just stored, scatters, chunks of a list with arithmetic of their own,
and code without a pattern. Sizes are near the widths of vectors. Numbers stay about 1 in size, so
that rounding does not decide what comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from micrograd import Value
from micrograd.ops import OPS

from .choices import Choices

Numbers = npt.NDArray[np.float64]

SIZES = (3, 4, 2, 8, 7, 9, 16, 15, 17, 32, 31, 33, 64, 63, 65)
"""Around the widths of vectors; the simplest first."""
BUDGET = 900
"""Operations of a function, about."""

UNARY = (
    "{a}", "(-{a})", "({a} * 0.5)", "tanh({a})", "sin({a})", "cos({a})", "relu({a})",
    "sigmoid({a})", "exp(-({a} * {a}))", "sqrt(1.0 + {a} * {a})", "log(1.5 + {a} * {a})",
    "abs({a})", "({a} ** 2)", "({a} ** 3)", "softplus({a})", "erf({a})", "atan({a})",
    "expm1({a} * 0.25)", "(1.0 / (2.0 + {a} * {a}))", "asin({a} / (1.0 + {a} * {a}))",
    "log1p({a} * {a})", "sinh(0.5 * tanh({a}))", "cosh(sin({a}))", "tan(0.5 * sin({a}))",
)  # fmt: skip
BINARY = (
    "({a} + {b})", "({a} * {b})", "({a} - {b})", "({a} / (1.0 + {b} * {b}))",
    "maximum({a}, {b})", "minimum({a}, {b})", "where({a} < {b}, {b}, {a} * 0.5)",
    "where({a} >= 0.0, {b}, 0.25 * {a})", "({a} * {b} + {a})", "({a} * 0.75 - {b} * 0.25)",
    "atan2({a}, 1.5 + {b} * {b})", "((1.25 + {a} * {a}) ** sin({b}))",
)  # fmt: skip


@dataclass
class Case:
    """A function of arrays of numbers, as text, and the arguments to try it with.

    shapes    of each parameter: (), (n,) or (rows, columns)
    live      the numbers of the Values that it closes over, as `P`
    single    whether it returns one number
    points    f64[numbers of all parameters, points]: the arguments
    """

    text: str
    shapes: list[tuple[int, ...]]
    live: list[float]
    single: bool
    points: Numbers
    values: list[Value] = field(default_factory=list)

    @property
    def function(self) -> Callable[..., Any]:
        """The function; the Values that it reads are new."""
        self.values = [Value(x) for x in self.live]
        scope: dict[str, Any] = {**OPS, "P": self.values}
        exec(self.text, scope)
        return scope["f"]  # type: ignore[no-any-return]

    def arguments(self, numbers: npt.NDArray[Any]) -> list[Any]:
        """The arguments that hold these numbers, one for each or an array for each."""
        flat = numbers.tolist() if numbers.ndim == 1 else list(numbers)
        made: list[Any] = []
        for shape in self.shapes:
            n = int(np.prod(shape))
            mine, flat = flat[:n], flat[n:]
            if len(shape) == 2:
                columns = shape[1]
                mine = [mine[k : k + columns] for k in range(0, n, columns)]
            made.append(mine if shape else mine[0])
        return made

    def __str__(self) -> str:
        live = f"P = {self.live}\n" if self.live else ""
        shown = self.arguments(self.points[:, 0])
        return f"{live}{self.text}\narguments: {shown}"


def program(c: Choices, cost: int = BUDGET) -> Case:
    """A function of about so many operations at most."""
    return _Writer(c, cost).case()


class _Writer:
    """Writes one function."""

    def __init__(self, c: Choices, budget: int) -> None:
        self.c = c
        self.left = budget
        self.lines: list[str] = []
        self.numbers: list[str] = []
        self.lists: dict[str, int] = {}
        self.tables: dict[str, tuple[int, int]] = {}
        self.count = 0

    def case(self) -> Case:
        c = self.c
        shapes: list[tuple[int, ...]] = []
        for k in range(1 + c.below(3)):
            name, kind = f"a{k}", c.pick(("list", "list", "number", "nested"))
            if k == 0 or kind == "list":
                shapes.append((self.size(),))
                self.lists[name] = shapes[-1][0]
            elif kind == "number":
                shapes.append(())
                self.numbers.append(name)
            else:
                shapes.append((1 + c.below(9), min(17, self.size())))
                self.tables[name] = (shapes[-1][0], shapes[-1][1])
        live: list[float] = []
        if c.chance(20):
            live = [c.below(64) / 16.0 - 2.0 for _ in range(1 + c.below(20))]
            self.lists["P"] = len(live)
        for _ in range(1 + c.below(4)):
            if self.left > 0:
                c.pick(self.stages)(self)
        single = c.chance(55)
        result = self.result(single)
        names = ", ".join(f"a{k}" for k in range(len(shapes)))
        text = "\n    ".join([f"def f({names}):", *self.lines, f"return {result}"])
        return Case(text, shapes, live, single, self.points(shapes))

    def size(self) -> int:
        """A length."""
        c = self.c
        n = c.pick(SIZES)
        if c.chance(25):
            n = 1 + c.below(70)
        return 100 + c.below(200) if c.chance(2) else n

    def points(self, shapes: list[tuple[int, ...]]) -> Numbers:
        """Arguments at 100 points, which float32 can hold; some of them special."""
        c = self.c
        rng = np.random.default_rng(c.below(1 << 30))
        total = sum(int(np.prod(shape)) for shape in shapes)
        numbers = rng.uniform(-1.5, 1.5, (total, 100))
        few = c.pick((0, 0, 0, 1, 2))
        if few == 1:  # ties and zeros
            numbers = np.round(numbers * 2.0) / 2.0
        elif few == 2 and total > 1:  # what comes in at one place must not show at others
            special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, 1e-30]
            numbers[rng.integers(total), 1::3] = special[c.below(len(special))]
        return numbers.astype(np.float32).astype(np.float64)

    # -- expressions ----------------------------------------------------------------------------

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def index(self, n: int, loops: dict[str, int]) -> str:
        """An index into n elements."""
        c = self.c
        loop = c.pick(list(loops)) if loops else None
        if loop is None or c.chance(15):
            return str(c.below(n))
        count = loops[loop]
        form = c.below(8)
        if form == 1:
            entries = [c.below(n) for _ in range(min(count, 70))]
            return f"{entries}[{loop} % {len(entries)}]"
        if form == 2 and n >= count:
            return f"{n - 1} - {loop}"
        if form == 3 and n >= count + 1:
            return f"{loop} + {1 + c.below(min(3, n - count))}"
        if form == 4 and n > 2 * (count - 1):
            return f"2*{loop}"
        if form == 5:
            return f"{loop} // 2 % {n}"
        if form == 6 and len(loops) == 2:
            (i, _), (j, columns) = loops.items()
            return f"({columns}*{i} + {j}) % {n}"
        return loop if n >= count else f"{loop} % {n}"

    def atom(self, loops: dict[str, int], own: tuple[str, ...] = ()) -> str:
        """A number that is there."""
        c = self.c
        kind = c.below(10)
        if own and kind in (1, 2, 3):
            return c.pick(own)
        if kind == 4 and self.numbers:
            return c.pick(self.numbers)
        if kind == 5:
            return c.pick(("0.5", "-1.25", "2.0", "1.0"))
        if kind == 6 and loops:
            return f"(0.1 * {c.pick(list(loops))} - 0.3)"
        if kind in (7, 8) and self.tables:
            name = c.pick(list(self.tables))
            rows, columns = self.tables[name]
            return f"{name}[{self.index(rows, loops)}][{self.index(columns, loops)}]"
        name = self.some_list()
        return f"{name}[{self.index(self.lists[name], loops)}]"

    def some_list(self) -> str:
        """A list that is there: often the latest."""
        names = list(self.lists)
        return self.c.pick(names) if self.c.chance(60) else names[-1]

    def expression(
        self, loops: dict[str, int], own: tuple[str, ...] = (), depth: int | None = None
    ) -> str:
        c = self.c
        depth = c.below(4) if depth is None else depth
        if depth == 0:
            return self.atom(loops, own)
        a = self.expression(loops, own, depth - 1)
        if c.chance(35):
            return c.pick(UNARY).format(a=a if len(a) < 60 else f"({a})")
        b = self.expression(loops, own, c.below(depth))
        return c.pick(BINARY).format(a=a, b=b)

    def made(self, name: str, length: int, cost: int) -> None:
        self.lists[name] = length
        self.left -= cost

    def trips(self, most: int = 1 << 30) -> int:
        """How often a loop runs: mostly as a list is long."""
        c = self.c
        n = c.pick(list(self.lists.values())) if c.chance(70) else self.size()
        return max(1, min(n, most, max(2, self.left // 4)))

    # -- stages ---------------------------------------------------------------------------------

    def map(self) -> None:
        name, n = self.name(), self.trips()
        self.lines.append(f"{name} = [{self.expression({'i': n})} for i in range({n})]")
        self.made(name, n, 4 * n)

    def sum(self) -> None:
        name, n = self.name(), self.trips()
        start = f", {self.atom({})}" if self.c.chance(30) else ""
        term = self.expression({"i": n})
        self.lines.append(f"{name} = sum([{term} for i in range({n})]{start})")
        self.numbers.append(name)
        self.left -= 4 * n

    def sum_and_map(self) -> None:
        """What was summed goes into every element of what is summed again."""
        source = self.some_list()
        n = min(self.lists[source], max(2, self.left // 8))
        total, name = self.name(), self.name()
        self.lines.append(f"{total} = sum({source}[:{n}])")
        self.numbers.append(total)
        term = self.expression({"i": n}, (total, f"{source}[0]", f"{source}[i]"))
        self.lines.append(f"{name} = [{term} for i in range({n})]")
        self.made(name, n, 8 * n)

    def sums(self) -> None:
        """A sum for each element: of a row, a window, a triangle, a clipped window."""
        c = self.c
        name, m = self.name(), 2 + c.below(9)
        if c.chance(30):
            m = min(self.size(), 33)
        n = self.trips(max(1, self.left // (3 * m)))
        loops = {"i": n, "j": m}
        inner = c.pick((f"range({m})", "range(i + 1)", f"range(i, {n})",
                        f"range(max(0, i - 2), min({n}, i + 2))"))  # fmt: skip
        if inner != f"range({m})":
            n = min(n, 14)
            loops = {"i": n, "j": n}
            inner = inner if inner == "range(i + 1)" else inner.replace(f"{n}", str(n))
            if "max" in inner:
                inner = f"range(max(0, i - 2), min({n}, i + 2))"
            elif inner != "range(i + 1)":
                inner = f"range(i, {n})"
            m = n // 2 + 1
        term = self.expression(loops)
        outer = c.pick(UNARY).format(a=f"sum([{term} for j in {inner}])")
        if outer.count("sum(") > 1:
            outer = f"sum([{term} for j in {inner}])"
        self.lines.append(f"{name} = [{outer} for i in range({n})]")
        self.made(name, n, 3 * n * m)

    def pairs(self) -> None:
        """An element for each pair: all of them, or a triangle."""
        c = self.c
        n, m = 2 + c.below(8), 2 + c.below(8)
        inner = c.pick((f"range({m})", "range(i)", "range(i + 1)"))
        triangle = "i" in inner.replace("range", "")
        loops = {"i": n, "j": n if triangle else m}
        count = sum(len(range(*(([i] if inner == "range(i)" else [i + 1]) if triangle else [m])))
                    for i in range(n))  # fmt: skip
        name, term = self.name(), self.expression(loops)
        self.lines.append(f"{name} = [{term} for i in range({n}) for j in {inner}]")
        self.made(name, count, 4 * count)

    def recurrence(self) -> None:
        c = self.c
        name, n = self.name(), self.trips(24)
        step = self.expression({"i": n}, ("h", "h", "g"))
        other = self.expression({"i": n}, ("h", "g"), 1)
        self.lines += [
            f"{name}, h, g = [], {self.atom({})}, {self.atom({})}",
            f"for i in range({n}):",
            f"    h = tanh(0.5 * h + {step})",
            *([f"    g = sin(g + {other})"] if c.chance(40) else []),
            f"    {name}.append(h + g)",
        ]
        self.made(name, n, 8 * n)

    def scatter(self) -> None:
        """Sums into elements, here and there, of a list that is there or of zeros."""
        c = self.c
        name, n = self.name(), self.trips()
        source = self.some_list()
        m = 1 + c.below(self.lists[source])
        start = f"{source}[:{m}]" if c.chance(50) else f"[0.0] * {m}"
        term = self.expression({"i": n}, (f"{source}[i % {m}]",))
        at = self.index(m, {"i": n})
        self.lines += [
            f"{name} = {start}",
            f"for i in range({n}):",
            f"    {name}[{at}] = {name}[{at}] + {term}",
        ]
        if "[0.0]" in start:  # numbers have no gradient, and not all are reached
            self.lines.append(f"{name} = [u + {source}[0] for u in {name}]")
        self.made(name, m, 5 * n)

    def chunks(self) -> None:
        """Chunks of a list, in order or by index, each with the same arithmetic."""
        c = self.c
        source = self.some_list()
        length = self.lists[source]
        each = 1 + c.below(min(4, length))
        stride = each + c.below(2)
        most = (length - each) // stride + 1
        order: list[int] | range = range(most)
        if c.chance(50):
            order = [c.below(most) for _ in range(1 + c.below(16))]
        name = self.name()
        own = tuple(f"u[{k}]" for k in range(each))
        lines, made = [], list(own)
        for k in range(1 + c.below(5)):
            lines.append(f"    q{k} = {self.expression({}, tuple(made), 1 + c.below(2))}")
            made.append(f"q{k}")
        cross = each >= 3 and c.chance(50)
        if cross:
            w = self.vector3()
            lines.append(
                f"    w = [u[1]*{w}[2] - u[2]*{w}[1], u[2]*{w}[0] - u[0]*{w}[2], "
                f"u[0]*{w}[1] - u[1]*{w}[0]]"
            )
        results = [c.pick(made) for _ in range(1 + c.below(3))] + ["w[0]", "w[2] + q0"] * cross
        self.lines += [
            f"{name} = []",
            f"for k in {order if isinstance(order, list) else f'range({most})'}:",
            f"    u = {source}[{stride}*k : {stride}*k + {each}]",
            *lines,
            f"    {name} += [{', '.join(results)}]",
        ]
        self.made(name, len(order) * len(results), len(order) * (3 * len(lines) + 6 * cross))

    def vector3(self) -> str:
        """A list of three numbers or more."""
        long = [name for name, n in self.lists.items() if n >= 3]
        return self.c.pick(long)

    def layer(self) -> None:
        """A dense layer: weights from a nested list, or from a flat one, of an input."""
        c = self.c
        source = self.some_list()
        name = self.name()
        if self.tables:
            weights = c.pick(list(self.tables))
            rows, columns = self.tables[weights]
            columns = min(columns, self.lists[source])
            term = f"{weights}[i][j] * {source}[j]"
        else:
            weights = c.pick(list(self.lists))
            columns = min(1 + c.below(9), self.lists[source])
            rows = max(1, self.lists[weights] // columns)
            columns = min(columns, self.lists[weights])
            term = f"{weights}[{columns}*i + j] * {source}[j]"
        rows = max(1, min(rows, self.left // (2 * columns)))
        total = f"sum([{term} for j in range({columns})]) + {self.atom({'i': rows})}"
        self.lines.append(f"{name} = [{c.pick(UNARY[3:8]).format(a=total)} for i in range({rows})]")
        self.made(name, rows, 2 * rows * columns)

    def extreme(self) -> None:
        c = self.c
        source = self.some_list()
        name, op = self.name(), c.pick(("maximum", "minimum"))
        n = min(self.lists[source], max(2, self.left // 3))
        self.lines += [
            f"{name} = {source}[0]",
            f"for i in range(1, {n}):",
            f"    {name} = {op}({name}, {source}[i])",
        ]
        self.numbers.append(name)
        self.left -= 2 * n

    def softmax(self) -> None:
        source = self.some_list()
        n = min(self.lists[source], max(2, self.left // 4))
        total, name = self.name(), self.name()
        self.lines += [
            f"{name} = [exp(tanh({source}[i])) for i in range({n})]",
            f"{total} = sum({name})",
            f"{name} = [u / {total} for u in {name}]",
        ]
        self.numbers.append(total)
        self.made(name, n, 4 * n)

    def slice(self) -> None:
        c = self.c
        source = self.some_list()
        n = self.lists[source]
        form, name = c.below(4), self.name()
        if form == 0:
            start = c.below(n)
            text, length = f"{source}[{start}:]", n - start
        elif form == 1:
            text, length = f"{source}[::-1]", n
        elif form == 2:
            text, length = f"{source}[::2]", (n + 1) // 2
        else:
            other = c.pick(list(self.lists))
            text, length = f"{source} + {other}", n + self.lists[other]
        if length <= 300:
            self.lines.append(f"{name} = {text}")
            self.made(name, length, 1)

    def irregular(self) -> None:
        """Code without a pattern."""
        c = self.c
        name = self.name()
        made: list[str] = []
        for _ in range(2 + c.below(10)):
            q = self.name()
            self.lines.append(f"{q} = {self.expression({}, tuple(made), 1 + c.below(2))}")
            made.append(q)
        self.numbers.append(made[-1])
        self.lines.append(f"{name} = [{', '.join(made)}]")
        self.made(name, len(made), 4 * len(made))

    def product(self) -> None:
        """A product of terms near 1, as a chain."""
        name, n = self.name(), self.trips(40)
        term = self.expression({"i": n}, (), 1)
        self.lines += [
            f"{name} = {self.atom({})}",
            f"for i in range({n}):",
            f"    {name} = {name} * (1.0 + 0.1 * sin({term}))",
        ]
        self.numbers.append(name)
        self.left -= 4 * n

    stages: tuple[Callable[[_Writer], None], ...] = (
        map, sum, sum_and_map, sums, chunks, scatter, pairs, layer, recurrence, softmax, slice,
        extreme, irregular, product, sum_and_map, chunks, sums,
    )  # fmt: skip

    # -- results --------------------------------------------------------------------------------

    def result(self, single: bool) -> str:
        c = self.c
        last = list(self.lists)[-1]
        if single:
            terms = [f"sum({last})"]
            if c.chance(40):
                n = self.lists[last]
                terms = [f"sum([{self.expression({'i': n}, (f'{last}[i]',))} for i in range({n})])"]
            terms += [c.pick(self.numbers) for _ in range(c.below(3)) if self.numbers]
            terms.append(c.pick(("a0[0]", "a0[-1]", "0.0 * a0[0]")))
            return " + ".join(terms)
        form = c.below(5)
        if form == 1 and self.numbers:
            return f"({c.pick(self.numbers)} + a0[0], {last})"
        if form == 2:
            return f"{{'x': {last}, 'y': [{self.expression({})} + a0[0]]}}"
        if form == 3:
            return f"[{last}, {c.pick(list(self.lists))}, a0[:2]]"
        if form == 4 and self.numbers:
            return f"({c.pick(self.numbers)} * a0[0], {self.expression({})} + a0[-1])"
        return f"{last} + [a0[0] * a0[-1]]"
