"""Random losses that look up by tokens in plain Python, compared with the interpreter.

    python -m tests.plain_lookups SECONDS SEED

A loss is drawn as text: tables of parameters, of numbers and of integers, and what it computes
itself, looked up by tokens, by what is beside them, by sums of them and from the end, in loops,
comprehensions, lambdas, methods and other functions; and max and min of numbers taken by `.data`.
It is trained, and its losses and parameters are those of eager steps; then value and gradient are.
"""

from __future__ import annotations

import linecache
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from micrograd import Value, fit, jit
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


def main(seconds: float, seed: int) -> None:
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for problem in problems(seed + tried):
            print(f"seed {seed + tried}: {problem}", flush=True)
        tried += 1
    print(f"{tried} programs from seed {seed}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
