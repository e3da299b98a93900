"""Random programs that look rows up by integers, compared with the interpreter.

    python -m tests.lookup_programs SECONDS SEED

A program has tables of parameters, of numbers, of what it computes, and of all of these, whose rows
are numbers, lists or lists of lists; integers, alone and in lists; and blocks, one after the other
or in loops long enough to be rerolled, each of which takes rows at forms of the integers and goes
on with them. Value and gradient are compared, one by one and at points of arrays; and a step of
training.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrograd import Table, Value, exp, fit, jit, maximum, sin, take, tanh
from micrograd.optim import SGD

from .at_widths import check_widths

Numbers = list[Any]


class Unfit(Exception):
    """There are no integers for a program of which no index is out of range."""


def _flat(row: Any) -> Numbers:
    return [x for part in row for x in _flat(part)] if isinstance(row, list | tuple) else [row]


@dataclass
class Kind:
    """Of a table: where its entries come from, how many rows it has, and what these are like."""

    of: str
    rows: int
    shape: tuple[int, ...]


class Lookups:
    """A program, drawn from a seed: `f(x, i, tokens)`."""

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.loop = r.choice([0, 0, 1, 2, 5, 9, 16])
        self.tokens = self.loop + r.randint(1, 3)
        self.kinds = [self._kind() for _ in range(r.randint(1, 3))]
        self.uses_points = r.random() < 0.5
        self.parameters: list[Value] = []
        self.tables = [self._table(kind) for kind in self.kinds]
        self.weights = self._values(4)
        self.blocks = [self._block() for _ in range(r.randint(1, 3))]
        self.in_loop = [self._block() for _ in range(r.randint(1, 2))]
        self.named = r.random() < 0.5

    def _kind(self) -> Kind:
        r = self.random
        of = r.choice(["parameters", "parameters", "numbers", "computed", "computed", "mixed"])
        shape = r.choice([(), (1,), (2,), (3,), (5,), (16,), (2, 2)])
        return Kind(of, r.choice([1, 2, 3, 4, 7, 27]), shape)

    def _values(self, n: int) -> list[Value]:
        made = [Value(self.random.uniform(-1.0, 1.0)) for _ in range(n)]
        self.parameters += made
        return made

    def _table(self, kind: Kind) -> list[Any]:
        """The rows of a table as they are before the function computes of them."""
        r, n = self.random, kind.rows * int(np.prod(kind.shape, dtype=int))
        if kind.of == "numbers":
            entries: Numbers = [r.uniform(-1.0, 1.0) for _ in range(n)]
        else:
            entries = list(self._values(n))
            if r.random() < 0.2:
                r.shuffle(entries)
        if kind.of == "mixed":
            entries = [float(k) if r.random() < 0.3 else x for k, x in enumerate(entries)]
        return _rows(entries, kind)

    def _block(self) -> dict[str, Any]:
        r = self.random
        return {
            "table": r.randrange(len(self.kinds)),
            "form": r.choice([(1, 0), (1, 0), (1, 0), (1, -1), (2, 0), (-1, 0), (1, 1)]),
            "by": r.choice(["i", "token", "token", "both"]),
            "again": r.random() < 0.3,
            "how": r.choice(["sum", "product", "tanh", "softmax", "maximum", "plain"]),
        }

    # -- what it computes ------------------------------------------------------------------------

    def __call__(self, x: Numbers, i: Any, tokens: Numbers) -> Any:
        """The result of the program."""
        tables = [
            self._computed(table, kind, x)
            for table, kind in zip(self.tables, self.kinds, strict=True)
        ]
        state = x[0] * self.weights[0]
        for block in self.blocks:
            state = self._run(block, tables, state, i, tokens[-1], x)
        for t in range(self.loop):
            for block in self.in_loop:
                state = self._run(block, tables, state, i, tokens[t], x)
        return state

    def _computed(self, table: list[Any], kind: Kind, x: Numbers) -> Any:
        if kind.of != "computed":
            return Table(table) if self.named else table
        entries = [
            p * x[k % len(x)] + tanh(p) if k % 2 < len(x) else sin(p)
            for k, p in enumerate(_flat(table))
        ]
        return _rows(entries, kind)

    def _run(
        self, block: dict[str, Any], tables: list[Any], state: Any, i: Any, token: Any, x: Numbers
    ) -> Any:
        scale, offset = block["form"]
        index = {"i": i, "token": token, "both": 2 * token - i}[block["by"]]
        table, w = tables[block["table"]], self.weights
        row = _flat(take(table, scale * index + offset))
        match block["how"]:
            case "sum":
                state = state + sum(row) * w[1]
            case "product":
                state = sum(a * (state + w[k % 4]) for k, a in enumerate(row)) * 0.3
            case "tanh":
                state = tanh(state + row[0] * row[-1])
            case "maximum":
                state = maximum(state, *row) if len(row) > 1 else state * row[0]
            case "softmax":
                powers = [exp(a * w[2] - state * 0.1) for a in [*row, w[3], state * 0.5]]
                whole = sum(powers)
                state = state * 0.5 + take([p / whole for p in powers], token)
            case _:
                state = state * 0.7 + row[0]
        if block["again"]:
            state = state + x[-1] * sum(_flat(take(table, index)))
        return tanh(state * 0.3)

    # -- what it is given ------------------------------------------------------------------------

    def arguments(self, r: random.Random) -> tuple[Numbers, int, list[int]]:
        """Numbers and integers of which no index is out of range."""
        least = min([kind.rows for kind in self.kinds])
        for _ in range(1000):
            x = [r.uniform(-1.0, 1.0) for _ in range(2)]
            i, *tokens = (r.randint(-least, least) for _ in range(1 + self.tokens))
            try:
                self(x, i, tokens)
            except IndexError:
                least = max(1, least - 1)
                continue
            return x, i, tokens
        raise Unfit


def _rows(entries: Numbers, kind: Kind) -> list[Any]:
    every = iter(entries)

    def row(shape: tuple[int, ...]) -> Any:
        return [row(shape[1:]) for _ in range(shape[0])] if shape else next(every)

    return [row(kind.shape) for _ in range(kind.rows)]


def by_hand(p: Lookups, given: Any) -> tuple[float, list[float]]:
    """The value and the gradient by the interpreter: of the parameters, then of x."""
    x, i, tokens = given
    leaves = [Value(v) for v in x]
    for v in p.parameters:
        v.grad = 0.0
    out = p(leaves, i, tokens)
    if not isinstance(out, Value):
        return float(out), [0.0] * (len(p.parameters) + len(x))
    out.backward()
    return out.data, [float(v.grad) for v in [*p.parameters, *leaves]]


def close(found: Any, wanted: Any, dtype: str) -> bool:
    """Whether numbers are equal up to rounding."""
    found, wanted = np.ravel(np.array(found, float)), np.ravel(np.array(wanted, float))
    slack = 1e-9 if dtype == "f64" else 2e-3
    return bool(np.allclose(found, wanted, rtol=slack, atol=slack, equal_nan=True))


def problems(seed: int) -> Iterator[str]:
    """What is wrong with the compiled program of a seed, if anything is."""
    p, r = Lookups(seed), random.Random(seed + 1)
    n = p.tokens

    def f(x: list[float], i: int, tokens: list[int]) -> Any:
        return p(x, i, tokens)

    dtype, strict = r.choice([("f64", False), ("f64", True), ("f32", False), ("f32", True)])
    kernel = jit(f, wrt=[*p.parameters, "x"], dtype=dtype, strict=strict)
    some = [p.arguments(r) for _ in range(5)]
    for x, i, tokens in some:
        value, partials = by_hand(p, (x, i, tokens))
        found, gradient = kernel.value_and_grad(x, i, tokens)
        if not close(found, value, dtype):
            yield f"value {found} of {dtype} {strict} at {i} {tokens}: {value}"
        if not close([*gradient[:-1], *gradient[-1]], partials, dtype):
            yield f"gradient of {dtype} {strict} at {i} {tokens}"
        if strict and dtype == "f64" and found != value:
            yield f"strict value {found} is not {value}"
    check_widths(f, some[0], strict=strict, what=f"seed {seed}")
    yield from _at_points(p, some, dtype, strict)
    yield from _trained(p, some, dtype, strict, n)


def _at_points(p: Lookups, some: Any, dtype: str, strict: bool) -> Iterator[str]:
    """What is wrong at points of arrays."""
    if len(some[0][2]) > 6:
        return
    names = [f"k{k}" for k in range(p.tokens)]
    text = f"def g(x: float, y: float, i: int, {', '.join(f'{n}: int' for n in names)}): "
    space: dict[str, Any] = {"p": p}
    exec(f"{text}return p([x, y], i, [{', '.join(names)}])", space)
    kernel = jit(space["g"], wrt=p.parameters, dtype=dtype, strict=strict)
    columns = np.array([[i, *tokens] for _, i, tokens in some]).T
    numbers = np.array([x for x, _, _ in some]).T
    value, gradient = kernel.value_and_grad(*numbers, *columns)
    partials = np.broadcast_to(
        np.array([np.broadcast_to(g, len(some)) for g in gradient]).T,
        (len(some), len(p.parameters)),
    )
    for k, given in enumerate(some):
        wanted, expected = by_hand(p, given)
        if not close(np.broadcast_to(value, len(some))[k], wanted, dtype):
            yield f"value of {dtype} {strict} at point {k}: {value} for {wanted}"
        if not close(partials[k], expected[: len(p.parameters)], dtype):
            yield f"gradient of {dtype} {strict} at point {k}"


def _trained(p: Lookups, some: Any, dtype: str, strict: bool, n: int) -> Iterator[str]:
    """What is wrong with a step of training."""
    data = tuple(np.array(column) for column in zip(*some, strict=True))
    before = [v.data for v in p.parameters]
    wanted = np.zeros(len(before))
    for given in some:
        wanted += by_hand(p, given)[1][: len(before)]
    loss = _used(p)
    how: Any = {"dtype": dtype, "strict": strict, "batch_size": len(some), "steps": 1}
    fit(loss, SGD(p.parameters, lr=1.0), data=data, **how)
    moved = np.array(before) - [v.data for v in p.parameters]
    for v, x in zip(p.parameters, before, strict=True):
        v.data = x
    if not close(moved, wanted / len(some), dtype):
        yield f"gradient of training of {dtype} {strict}"


def _used(p: Lookups) -> Callable[..., Any]:
    """The loss of a sample."""
    return lambda x, i, tokens: p(x, i, tokens)


def main(seconds: float, seed: int) -> int:
    """Try programs for so long; how many are wrong."""
    end, tried, wrong = time.time() + seconds, 0, 0
    while time.time() < end:
        try:
            found = list(problems(seed))
        except Unfit:
            found = []
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        for text in found:
            print(f"seed {seed}: {text}", flush=True)
        wrong, tried, seed = wrong + bool(found), tried + 1, seed + 1
    print(f"{tried} programs, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])) > 0)
