"""Random losses that look up by tokens in plain Python, compared with the interpreter.

    python -m tests.plain_lookups SECONDS SEED

A loss is drawn as text: tables of parameters, of numbers and of integers, and what it computes
itself, looked up by tokens, by what is beside them, by sums of them and from the end, in loops,
comprehensions, lambdas, methods and other functions; and max and min of numbers taken by `.data`.
It is trained, and its losses and parameters are those of eager steps; then value and gradient are.

A function of another kind does what pure ones do not: it counts, draws random numbers, takes from
queues, changes rows and puts them back, catches errors, asks which row one is, or what it is, also
in ways that cannot be found in its code. It is compiled and called for all integers: numbers and
gradients are those of eager calls with what it reads as it was, or it is refused.
"""

from __future__ import annotations

import itertools
import linecache
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from micrograd import Value, fit, jit
from micrograd.errors import MicrogradError
from micrograd.optim import SGD, Adam

ROWS, WIDTH = 5, 3
HEAD = """
class Model:
    def row(self, k):
        return T[k]
    def first(self, rows, k):
        return rows[k][0]
model = Model()
def pick(xs, k): return xs[k]
tools.pick = pick
def softmax(xs):
    top = {top}
    es = [(x - top).exp() for x in xs]
    total = sum(es)
    return [e / total for e in es]
def scores(row):
    return [sum(a * b for a, b in zip(row, other)) for other in U]
"""
TOPS = (
    "max(x.data for x in xs)",
    "max([x.data for x in xs])",
    "max(*(x.data for x in xs), -5.0)",
    "-min(-x.data for x in xs)",
    "max(0, max(x.data for x in xs))",
)
ROWS_OF = (
    "T[{k}]",
    "model.row({k})",
    "pick(T, {k})",
    "(lambda j: T[j])({k})",
    "[T[j] for j in [{k}]][0]",
    "PAIRS[{k}][1]",
    "U[KINDS[{k}]]",
    "[U[{k}][0], NUMBERS[{k}], T[0][1]]",
    "NAMED[{k}]",
    "[NAMED[{k}].c, *NAMED[{k}]._replace(a=NUMBERS[{k}])[:2]]",
    "tools.pick(NAMED, {k})",
    "(lambda a, b, c: [b, a, c])(*MADE[{k}][0])",
    "[MADE[{k}].row.b, MADE[{k}].row[0], MADE[{k}].sum() * MADE[{k}].scale]",
)
INDICES = ("t", "t", "t", "n", "-t - 1", "t - {rows}", "n - {rows}")
"""t, the token, and n, the next one, are from 0 on, and below the number of rows."""
TERMS = (
    "-softmax(scores({row}))[n].log()",
    "sum(x * y for x, y in zip({row}, {other}))",
    "({row}[1] * T[0][0]).tanh() * NUMBERS[t]",
    "scores({row})[t] * 0.1 * n",
    "model.first(U, n) * {row}[-1] + BIAS[t]",
    "max({row}[0].data, {row}[2].data, 0.25) * {row}[0]",
)
LOOPS = (
    """for t, n in zip(doc, doc[1:]):
        losses.append({term})""",
    """for i in range(len(doc) - 1):
        t, n = doc[i], doc[i + 1]
        losses.append({term})""",
    """losses += [{term} for t, n in zip(doc, doc[1:])]""",
    """def each(t, n):
        return {term}
    losses += [each(*pair) for pair in zip(doc, doc[1:])]""",
)


class Named(NamedTuple):
    """A row whose items have names."""

    a: Any
    b: Any
    c: Any


class Made(NamedTuple):
    """A row in a row, with a method."""

    row: Named
    scale: float

    def sum(self) -> Any:
        return self.row.a + self.row[-1]


class Pair(NamedTuple):
    """Two numbers with names."""

    a: Any
    b: Any

    def sum(self) -> Any:
        return self.a + self.b


class Turned(NamedTuple):
    """Two numbers that are read in another order than they lie."""

    a: Any
    b: Any

    def __getitem__(self, k: Any) -> Any:
        return tuple.__getitem__(self, 1 - k)


class Drawn:
    """A loss, its parameters and its documents."""

    def __init__(self, seed: int) -> None:
        r = random.Random(seed)
        self.parameters: list[Value] = []

        def values(n: int) -> list[Value]:
            made = [Value(r.uniform(-0.8, 0.8)) for _ in range(n)]
            self.parameters.extend(made)
            return made

        def row() -> str:
            index = r.choice(INDICES).format(rows=ROWS)
            return r.choice(ROWS_OF).format(k=index)

        loops = []
        for _ in range(r.choice([1, 1, 2, 3])):
            term = r.choice(TERMS).format(row=row(), other=row())
            loops.append("    " + r.choice(LOOPS).format(term=term))
        body = "\n".join(loops)
        self.text = (
            HEAD.format(top=r.choice(TOPS))
            + f"def loss(doc: list[int]):\n    losses = []\n{body}\n"
            + "    return sum(losses) * (1 / len(losses))\n"
        )
        rows = [values(WIDTH) for _ in range(ROWS)]
        self.names: dict[str, Any] = {
            "T": rows if r.random() < 0.6 else tuple(map(tuple, rows)),
            "U": [values(WIDTH) for _ in range(ROWS)],
            "BIAS": values(ROWS),
            "NUMBERS": [r.uniform(-1, 1) for _ in range(ROWS)],
            "KINDS": [r.randrange(-ROWS, ROWS) for _ in range(ROWS)],
            "PAIRS": [(k, values(WIDTH)) for k in range(ROWS)],
            "NAMED": [Named(*values(WIDTH)) for _ in range(ROWS)],
            "MADE": [Made(Named(*values(WIDTH)), 0.5 * k) for k in range(ROWS)],
            "tools": SimpleNamespace(others=[]),
        }
        lengths = r.choice([[2, 3, 4, 6], [5], [2], [9, 17, 8], [3, 4, 5, 6, 7, 8, 9]])
        self.documents = [
            [r.randrange(ROWS) for _ in range(r.choice(lengths))]
            for _ in range(r.choice([1, 5, 9]))
        ]
        self.dtype = r.choice(["f64", "f64", "f32"])
        self.strict = r.random() < 0.2 and self.dtype == "f64"
        self.make: Callable[[list[Value]], Any] = r.choice(
            [lambda p: SGD(p, lr=0.05), lambda p: Adam(p, lr=0.01)]
        )


@contextmanager
def written(text: str, names: dict[str, Any], number: int) -> Iterator[Any]:
    """The function `loss` of a text, whose lines Python knows."""
    file = f"<plain lookups {number}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    try:
        exec(compile(text, file, "exec", dont_inherit=True), names)
        yield names["loss"]
    finally:
        del linecache.cache[file]


def problems(seed: int) -> Iterator[str]:
    """What differs between compiled code and the interpreter."""
    drawn = Drawn(seed)
    with written(drawn.text, dict(drawn.names), seed) as loss:
        code, first = loss.__code__, [p.data for p in drawn.parameters]
        steps = len(drawn.documents) + 2
        optimizer: Any = drawn.make(drawn.parameters)
        losses = []
        for k in range(steps):
            optimizer.zero_grad()
            found: Any = loss(drawn.documents[k % len(drawn.documents)])
            found.backward()
            losses.append(found.data)
            optimizer.step()
        wanted = [p.data for p in drawn.parameters]
        for p, x in zip(drawn.parameters, first, strict=True):
            p.data = x
        options: dict[str, Any] = {
            "batch_size": 1,
            "shuffle": False,
            "dtype": drawn.dtype,
            "strict": drawn.strict,
        }
        history = fit(
            loss, drawn.make(drawn.parameters), data=drawn.documents, steps=steps, **options
        )
        close: Any = (
            {"rtol": 1e-9, "atol": 1e-10} if drawn.dtype == "f64" else {"rtol": 2e-3, "atol": 2e-4}
        )
        if not np.allclose(history.losses, losses, **close):
            yield f"losses: {history.losses}, not {losses}"
        if not np.allclose([p.data for p in drawn.parameters], wanted, **close):
            yield "parameters"
        document = drawn.documents[-1]
        found = loss(document)
        for p in drawn.parameters:
            p.grad = 0
        found.backward()
        value, partials = jit(loss, wrt=drawn.parameters).value_and_grad(document)
        if not np.allclose(value, found.data, rtol=1e-9, atol=1e-10):
            yield f"value: {value}, not {found.data}"
        if not np.allclose(partials, [p.grad for p in drawn.parameters], rtol=1e-9, atol=1e-10):
            yield "gradient"
        if loss.__code__ is not code:
            yield "code"


EFFECTS_HEAD = """
import bisect, copy, heapq, random, operator, contextlib, pickle, json, itertools
import functools, collections
class Box:
    __slots__ = ("seen", "rows")
    def __init__(self): self.seen, self.rows = 0, R
    def row(self, k):
        self.seen += 1
        return self.rows[k]
    @property
    def first(self): return self.rows[0]
    @staticmethod
    def pick(xs, k): return xs[k]
    def __call__(self, k): return self.row(k)[1]
class Child(Box):
    def row(self, k): return super().row(k)
box = Child()
@contextlib.contextmanager
def switched():
    on[0] = 0.0
    try:
        yield
    finally:
        on[0] = 1.0
def same(a, b): return a is b
def deep(k, depth):
    count[0] += 1
    return N[k] if depth == 0 else deep(k, depth - 1)
def swallow(f, other):
    try:
        return f()
    except Exception:
        return other
def hidden(module, name): return getattr(module, "".join(name))
def told(x): return x.data if hasattr(x, "data") else x
def bump(row, by):
    row[0] = row[0] + by
"""
STEPS = (
    "count[0] += 1",
    "y = y + x * N[{i}] * count[0]",
    "y = y + on[0] * N[{i}]",
    "on[0] = on[0] + 1.0",
    "on[0] *= 0.5",
    "y = y * random.random()",
    "mask = [random.random() < 0.5 for _ in range(3)]; y = y + sum(R[{i}]) * mask[0]",
    "y = y + x * queue.pop() * N[{i}]",
    "queue.append(2.0)",
    "log.append(len(log))",
    "y = y + deep({i}, 2)",
    "y = y + sum(box.row({i}))",
    "y = y + box({i}) * box.seen",
    "y = y + Box.pick(T, {i})[1]",
    "with switched(): y = y + on[0] * x + N[{i}]",
    "if not done: done.append(1); y = y + N[{i}]",
    "y = y + [x, y, x * y][{i}]",
    "y = y + ([x] * 3)[{i}]",
    "y = y + KINDS[{i}] * x",
    "y = y + N[KINDS[{i}]]",
    "y = y + max(v.data for v in (x, y, x * x)) * N[{i}]",
    "y = y + max([v.data for v in (x, y)], default=3.0)",
    "row = R[{i}]; old = row[0]; row[0] = old * 2; y = y + R[{i}][0]; row[0] = old",
    "row = R[{i}]; old = R[0][0]; R[0][0] = 9.0; y = y + row[0]; R[0][0] = old",
    "row = R[{i}]; bump(row, 1.0); y = y + R[1][0]; bump(row, -1.0)",
    "row = R[{i}]; row.append(1.0); y = y + len(R[0]); row.pop()",
    "row = R[{i}]; row += [1.0]; y = y + sum(R[0]); del row[2:]",
    "row = R[{i}]; list.append(row, 1.0); y = y + len(R[0]); list.pop(row)",
    "row = R[{i}]; row.__setitem__(0, 9.0); y = y + R[0][0]; list.__setitem__(row, 0, 1.0)",
    "row = R[{i}]; operator.setitem(row, 0, 9.0); y = y + R[0][0]; operator.setitem(row, 0, 1.0)",
    "rows = copy.deepcopy([R[{i}], R[0]]); rows[0].append(2.0); y = y + len(rows[1])",
    "rows = [[1.0]]; list.append(rows[0], y); y = y + rows[0][1] * N[{i}]",
    "row = list(R[{i}]); row[0] = 4.0; y = y + sum(row)",
    "row = copy.copy(R[{i}]); row += [4.0]; y = y + sum(row)",
    "rows = [[x, 1.0], [y, 2.0], [x, x]]; rows[0][1] = 5.0; y = y + sum(rows[{i}])",
    "rows = [[x, 1.0], [y, 2.0], [x, x]]; y = y + rows[{i}][0]; rows[0][0] = y; y = y + rows[0][0]",
    "y = y * (10.0 if R[{i}] is R[0] else 1.0)",
    "y = y * (10.0 if T[{i}] is T[0] else 1.0)",
    "y = y * (10.0 if same(R[{i}], R[1]) else 1.0)",
    "y = y + PAIR[{i}].b * x + PAIR[{i}].sum()",
    "y = y + sum(PAIR[{i}]._replace(a=x)) + sum(PAIR[{i}]._asdict().values())",
    "y = y * (10.0 if PAIR[{i}] is PAIR[0] else 1.0)",
    "y = y * (10.0 if same(PAIR[{i}], PAIR[1]) else 1.0)",
    "y = y * (10.0 if hidden(operator, ['is', '_'])(PAIR[{i}], PAIR[0]) else 1.0)",
    "y = y * (10.0 if PAIR[{i}] == PAIR[0] else 1.0)",
    "y = y + PAIR.index(PAIR[{i}]) + PAIR.count(PAIR[{i}])",
    "y = y + len({{PAIR[{i}], PAIR[0]}})",
    "y = y * (2.0 if isinstance(PAIR[{i}], tuple) else 3.0)",
    "y = y * (2.0 if type(PARTS[{i}]) is tuple else 3.0) + PARTS[{i}][0]",
    "y = y + len(type(PAIR[{i}]).__name__) * PAIR[{i}][1]",
    "y = y + TURNED[{i}][0] * x",
    "a, b = TURNED[{i}]; y = y + a",
    "a, b = PAIR[{i}]; y = y + a * b * x",
    "y = y + SPACE.at(SPACE.rows, {i})[0]",
    "row = SPACE.at(SPACE.rows, {i}); row.append(2.0); y = y + len(SPACE.rows[0]); row.pop()",
    "y = y * (10.0 if R[{i}] is not R[1] is not None else 1.0)",
    "y = y * (10.0 if operator.is_(R[{i}], R[1]) else 1.0)",
    "y = y * {{id(R[0]): 2.0}}.get(id(R[{i}]), 3.0)",
    "y = y * (10.0 if R[{i}] is None or R is None else 1.0)",
    "y = y * (10.0 if isinstance(R[{i}], list) else 1.0)",
    "y = y * (10.0 if isinstance(MIXED[{i}], list) else 1.0)",
    "y = y + sum(RAGGED[{i}])",
    "y = y + swallow(lambda: sum(RAGGED[{i}]), 7.0)",
    "y = y + swallow(lambda: N[KINDS[{i}] + 1], 7.0)",
    "y = y + swallow(lambda: D[{i}], 7.0)",
    "y = y + swallow(lambda: N[{i}], 7.0)",
    "y = y + swallow(lambda: N[int({i})], 7.0)",
    "y = y + swallow(lambda: 3.0 if {i} == 1 else 4.0, 7.0)",
    "y = y + swallow(lambda: bump(R[{i}], 1.0) or 1.0, 7.0)",
    "y = y + swallow(lambda: 1.0 if R[{i}] is R[0] else 2.0, 7.0)",
    """try:
        y = y + N[{i}] * missing
    except NameError:
        y = y + 1.0""",
    "y = y + sum(1.0 for row in R if row == R[{i}])",
    "y = y + R.index(R[{i}])",
    "y = y + (lambda j: N[j])({i}) + (lambda j: (lambda k: N[k])(j))({i})",
    "m = max; y = y + m(1.0, 2.0) + N[{i}]",
    "y = y * (10.0 if hidden(operator, ['is', '_'])(R[{i}], R[0]) else 1.0)",
    "hidden(operator, 'setitem')(R[{i}], 0, 9.0); y = y + R[0][0]; R[:] = [[1.0, 2.0], [3.0, 4.0], "
    "[5.0, 6.0]]",
    "y = y + len(hidden(collections, 'Counter')(map(hidden(__builtins__, ['i', 'd']) if not "
    "isinstance(__builtins__, dict) else __builtins__['i' + 'd'], [R[{i}], R[0]]))) * x",
    "a, b = pickle.loads(pickle.dumps([T[{i}], T[0]])); y = y * (10.0 if a is b else 1.0)",
    "a, b = pickle.loads(pickle.dumps([R[{i}], R[0]])); a.append(1.0); y = y * len(b)",
    "y = y * {{'0': 2.0}}.get(str({i}), 3.0) + N[{i}]",
    "y = y * {{'w0': 2.0}}.get(f'w{{{i}}}', 3.0) + N[{i}]",
    "y = y * (2.0 if isinstance({i}, int) else 3.0) + N[{i}]",
    "y = y * (2.0 if type(N[{i}]) is float else 3.0)",
    "y = y * (2.0 if isinstance(y.data, float) else 3.0) + N[{i}]",
    "y = y * len(repr(N[{i}]))",
    "y = y + len(json.dumps(R[{i}], default=lambda v: 'traced'))",
    "y = y * (2.0 if any(map(operator.is_, R, itertools.repeat(R[{i}]))) else 3.0)",
    "y = y * functools.reduce(lambda a, r: a + (hidden(operator, ['is_'])(r, R[{i}])), R, 1)",
    "y = y + [sum(r) for r in sorted(R, key=lambda r: hidden(operator, ['is_'])(r, R[{i}]))][0]",
    "y = y + (2.0 if callable(getattr(N[{i}], 'back' + 'ward', None)) else 1.0)",
    "y = y + told(N[{i}]) * x",
    "y = y + N[{i}].__class__(2.0) * 0.5",
    "row = R[{i}]; vars()['row'].append(3.0); y = y + len(R[0]); vars()['row'].pop()",
    "y = y + next(k for k, r in enumerate(R) if hidden(operator, ['eq'])(r, R[{i}]))",
    "y = y + sum(R[{i}]) * (4.0 if hidden(R, ['__contains__'])(R[{i}]) else 1.0)",
    "y = y + hidden(R, ['in', 'dex'])(R[{i}])",
    "heap = [3.0, 1.0]; heapq.heapify(heap); y = y + heapq.heappop(heap) * N[{i}]",
    "row = R[{i}]; heapq.heappush(row, 0.5); y = y + row[0]; row.remove(0.5)",
    "row = R[{i}]; bisect.insort(row, 9.0); y = y + R[0][-1]; row.pop()",
    "list(map(heapq.heapify, [R[{i}]])); y = y + sum(R[1])",
    "rows = copy.deepcopy([R[{i}], R[0]]); rows[0].append(4.0); y = y + len(rows[1])",
    "spare = copy.deepcopy(N); y = y + spare[{i}] * x",
    "row = R[{i}]; operator.setitem(row, 0, 7.0); y = y + R[0][0]",
    "push = heapq.heappush; row = R[{i}]; push(row, 8.0); y = y + len(R[2]); row.remove(8.0)",
    "y = y * (2.0 if operator.is_not(R[{i}], R[0]) else 3.0)",
    "y = y + N[ROWS[{i}][1]] * R[ROWS[{i}][0]][1]",
    "a, b = ROWS[{i}]; y = y * N[a] + T[b][0]",
    "y = y * N[range(2, -1, -1)[{i}]] + range(5, 8)[{i}]",
    "y = y + N[NUMPY[{i}]] * NUMPY[{i}]",
    "y = y * (1.0 / N[{i}]) + KINDS[{i}] ** 2",
    "y = y * (1.0 / KINDS[{i}])",
)


def effects(seed: int) -> tuple[list[str], bool]:
    """What differs between a compiled function with side effects and Python, and whether it was
    refused.
    """
    r = random.Random(seed)
    steps = [r.choice(STEPS).format(i=r.choice(["i", "i", "i", "j", "-i - 1"]))
             for _ in range(r.choice([1, 1, 2, 4]))]  # fmt: skip
    text = (
        EFFECTS_HEAD
        + "def loss(x: float, i: int, j: int):\n    y = x * 1.5\n"
        + "".join(f"    {step}\n" for step in steps)
        + "    return y * 1.0\n"
    )
    points = [(r.uniform(0.5, 2.0), i, j) for i, j in itertools.product(range(-3, 3), repeat=2)]
    r.shuffle(points)

    def names() -> dict[str, Any]:
        return {
            "N": [2.0, 5.0, 7.0],
            "R": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            "T": [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)],
            "MIXED": [(1.0, 2.0), [3.0, 4.0], [5.0, 6.0]],
            "RAGGED": [[1.0], [2.0, 3.0], [4.0]],
            "PAIR": [Pair(1.0, 2.0), Pair(1.0, 2.0), Pair(5.0, 6.0)],
            "PARTS": [(1.0, 2.0), Pair(1.0, 2.0), Turned(5.0, 6.0)],
            "TURNED": [Turned(1.0, 2.0), Turned(3.0, 4.0), Turned(5.0, 6.0)],
            "SPACE": SimpleNamespace(rows=[[1.0], [2.0], [3.0]], at=lambda rows, k: rows[k]),
            "KINDS": [2, 0, 1],
            "ROWS": [[0, 2], [1, 1], [2, 0]],
            "NUMPY": [np.int64(1), np.int64(2), np.int64(0)],
            "D": {0: 2.0, 1: 3.0, 2: 4.0},
            "count": [0], "on": [1.0], "queue": [3.0] * 999, "log": [], "done": [],
        }  # fmt: skip

    found: list[str] = []
    with written(text, names(), seed) as loss:
        random.seed(seed)
        kernel: Any = jit(loss).value_and_grad
        for k, (x, i, j) in enumerate(points):
            try:
                value, partials = kernel(x, i, j)
            except (MicrogradError, IndexError):
                if not k:
                    return [], True
                continue
            with written(text, names(), -1 - seed) as eager:
                random.seed(seed)
                v = Value(x)
                try:
                    wanted: Any = eager(v, i, j)
                except ZeroDivisionError:  # compiled, it is as IEEE has it
                    if np.isfinite(value):
                        return [f"{value} for 1/0, at {x, i, j}:\n{text[-900:]}"], False
                    continue
                wanted.backward()
            if not np.allclose([value, partials[0]], [wanted.data, v.grad], rtol=1e-9, atol=1e-10):
                told = f"{value}, {partials[0]}, not {wanted.data}, {v.grad}, at {x, i, j}"
                return [*found, f"{told}:\n{text[-900:]}"], False
        if str(loss.__globals__["R"]) != str(names()["R"]):
            found.append(f"left {loss.__globals__['R']}:\n{text[-900:]}")
    return found, False


def main(seconds: float, seed: int) -> None:
    end, tried, refused = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        for problem in problems(seed + tried) if tried % 20 == 0 else ():
            print(f"seed {seed + tried}: {problem}", flush=True)
        found, no = effects(seed + tried)
        refused += no
        for problem in found:
            print(f"effects, seed {seed + tried}: {problem}", flush=True)
        tried += 1
    print(f"{tried} programs with side effects from seed {seed}, {refused} refused, and pure ones")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
