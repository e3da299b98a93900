"""Random functions that compute, as plain Python does, which rows they look up.

    python -m tests.index_programs SECONDS SEED

A function is drawn as text: integers that are given, alone, in lists and in lists of lists, the
counters of loops, and what these are computed to by sums, products, `%`, `//`, `abs`, `min`, `max`,
comparisons and tables of integers, choose rows of tables of parameters. Its values and gradients
are those of eager calls, one by one and at points of arrays, strict ones bit for bit; so are sums
over rows, and steps of training on documents of different lengths. Where Python raises IndexError,
compiled code does.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from micrograd import Value, fit, fori, jit, total
from micrograd.errors import MicrogradError, TrainingError
from micrograd.optim import SGD

from .plain_lookups import written

ROWS = 5
NUMBERS = "ijk"
NO_PARAMETERS = "does not depend on any parameter"


class Expressions:
    """Integers as text, of names of integers."""

    def __init__(self, r: random.Random, names: list[str], lists: bool) -> None:
        self.random, self.names, self.lists = r, names, lists

    def integer(self, depth: int) -> str:
        """An integer, computed by operations so deep."""
        r = self.random
        if not depth or r.random() < 0.2:
            return r.choice([*self.names, *self.names, str(r.randint(-3, 7))])
        a, b, n = self.integer(depth - 1), self.integer(depth - 1), r.choice([1, 2, 3, 7, -3])
        ways = [
            f"({a} + {b})", f"({a} - {b})", f"(3 * {a})", f"({a} * {b})", f"(-{a})",
            f"abs({a} - {b})", f"min({a}, {b})", f"max({a}, {b}, 1)", f"({a} % {n})",
            f"({a} // {n})", f"divmod({a}, {n})[{r.randrange(2)}]", f"({a} >> 1)", f"({a} & 3)",
            f"(({a} > {b}) + 1)", f"(1 - ({a} == {b}))", f"int({a})", f"({a} ** 2)",
            f"KINDS[{self.place(depth - 1)}]", f"NEAR[{self.place(depth - 1)}][{self.place(0)}]",
            f"ARRAY[{self.place(depth - 1)}, {self.place(0)}]",
        ]  # fmt: skip
        if self.lists:
            ways += [f"ks[{self.place(depth - 1)}]"] * 2
            ways += [f"rows[{self.place(depth - 1)}][{self.place(0)}]"] * 2
        return r.choice(ways)

    def place(self, depth: int) -> str:
        """An index of ROWS rows, which it mostly is."""
        a = self.integer(depth)
        ways = [
            f"{a} % {ROWS}", f"min(max({a}, 0), {ROWS - 1})", f"max(-{ROWS}, min({a}, 1))",
            f"{a} % {ROWS} - {ROWS}", f"(2 * {a}) % {ROWS}", f"({a} + 1) % {ROWS}",
        ]  # fmt: skip
        return self.random.choice(ways if self.random.random() < 0.97 else [a])


class Drawn:
    """A function `f(x, i, j, k, ks, rows)`, as text, and its parameters; `g` has no lists."""

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.parameters = [Value(r.uniform(-1.0, 1.0)) for _ in range(3 * ROWS)]
        p = self.parameters
        self.names: dict[str, Any] = {
            "T": p[:ROWS],
            "U": [p[n : n + 2] for n in range(ROWS, 3 * ROWS, 2)],
            "KINDS": [r.randint(-ROWS, ROWS) for _ in range(ROWS)],
            "NEAR": [[r.randint(-9, 9) for _ in range(ROWS)] for _ in range(ROWS)],
            "fori": fori,
        }
        self.names["ARRAY"] = np.array(self.names["NEAR"])
        self.lists = r.random() < 0.5
        self.text = self._text()

    def _text(self) -> str:
        r = self.random
        arguments = "i: int, j: int, k: int"
        if self.lists:
            arguments += ", ks: list[int], rows: list[list[int]]"
        lines = [f"def f(x: float, {arguments}):", "    y = x * 0.5"]
        for _ in range(r.randint(1, 3)):
            loops = r.choice(["", "", "for", "fori", "fori"])
            names = [*NUMBERS, *["c"] * (2 if loops else 0)]
            if loops == "for":
                lines.append(f"    for c in range({r.randint(1, 4)}):")
                lines.append(f"        y = {self.term(names)}")
            elif loops == "fori":
                n, inner = r.randint(1, 4), r.choice(["", "", "d"])
                if inner:
                    body = f"fori({r.randint(1, 3)}, lambda d, y: {self.term([*names, 'd'])}, y)"
                else:
                    body = self.term(names)
                lines.append(f"    y = fori({n}, lambda c, y: {body}, y)")
            else:
                lines.append(f"    y = {self.term(names)}")
        return "\n".join([*lines, "    return y * 1.0\n"])

    def term(self, names: list[str]) -> str:
        """A number, of the number before."""
        r, made = self.random, Expressions(self.random, names, self.lists)
        place, again = made.place(r.randint(0, 3)), made.place(r.randint(0, 2))
        return r.choice(
            [
                f"y * 0.5 + T[{place}] * x",
                f"y * U[{place}][1] + T[{again}]",
                f"y * 0.3 + sum(U[{place}]) * T[{again}]",
                f"y + x * ({place}) * 0.1",
                f"y - T[{place}] * (({again}) // 2 + 1)",
                f"(y * T[NEAR[{place}][{again}] % {ROWS}]).tanh()",
            ]
        )

    def integers(self) -> tuple[Any, ...]:
        """What is given, behind x."""
        r = self.random
        most = 1 << 40 if r.random() < 0.05 else r.choice([3, 9, 100])
        found: tuple[Any, ...] = tuple(r.randint(-most, most) for _ in NUMBERS)
        if self.lists:
            ks = [r.randint(-9, 9) for _ in range(ROWS)]
            found += ks, [[r.randint(-9, 9) for _ in range(ROWS)] for _ in range(ROWS)]
        return found


def eager(f: Any, parameters: list[Value], x: float, given: Any) -> tuple[float, list[float]]:
    """The value and the gradient, by x first."""
    leaf = Value(x)
    for p in parameters:
        p.grad = 0.0
    out = f(leaf, *given)
    out.backward()
    return out.data, [float(v.grad) for v in [leaf, *parameters]]


def outcome(call: Any) -> Any:
    """What a call gives, or IndexError."""
    try:
        return call()
    except IndexError:
        return IndexError


def agree(found: Any, wanted: Any, near: float) -> bool:
    """Whether both are the same error, or numbers that are near each other."""
    if found is IndexError or wanted is IndexError:
        return found is wanted
    return bool(np.allclose(found, wanted, rtol=near, atol=near))


def problems(seed: int) -> Iterator[str]:
    """What differs between compiled code and the interpreter."""
    drawn = Drawn(seed)
    r, p = drawn.random, drawn.parameters
    with _function(drawn, seed) as f:
        points = [(r.uniform(-1.0, 1.0), drawn.integers()) for _ in range(7)]
        wanted = [outcome(lambda at=at: eager(f, p, *at)) for at in points]  # type: ignore[misc]
        dtype, strict, near = r.choice(
            [("f64", False, 1e-9), ("f64", True, 1e-9), ("f32", False, 2e-3)]
        )
        kernel = jit(f, wrt=["x", *p], dtype=dtype, strict=strict)
        for (x, given), expected in zip(points, wanted, strict=True):
            found = outcome(lambda x=x, given=given: kernel.value_and_grad(x, *given))  # type: ignore[misc]
            if found is IndexError or expected is IndexError:
                if found is not expected:
                    yield f"{found}, not {expected}, at {given}"
                continue
            if max(map(abs, given[:3])) > 1000 and not agree(found[0], expected[0], near):
                continue  # integers that are numbers are rounded
            if not agree(found[0], expected[0], near) or not agree(found[1], expected[1], near):
                yield f"{found}, not {expected}, at {x}, {given}"
            if strict and kernel(x, *given) != expected[0] and abs(expected[0]) < 1e6:
                yield f"strict {kernel(x, *given)}, not {expected[0]}, at {x}, {given}"
        yield from _at_points(drawn, f, points, wanted, near, dtype, strict)
        yield from _sums(drawn, f, points, wanted)


def _function(drawn: Drawn, seed: int) -> Any:
    text = f"{drawn.text}loss = f\n"
    return written(text, dict(drawn.names), seed)


def _at_points(
    drawn: Drawn, f: Any, points: Any, wanted: Any, near: float, dtype: str, strict: bool
) -> Iterator[str]:
    """What is wrong with calls with arrays, of which the lists are the same everywhere."""
    ks = points[0][1][3:]
    same = [(x, (*given[:3], *ks)) for x, given in points if max(map(abs, given[:3])) <= 1000]
    p = drawn.parameters
    wanted = [outcome(lambda at=at: eager(f, p, *at)) for at in same]  # type: ignore[misc]
    if IndexError in wanted or not same:
        return
    kernel = jit(f, wrt=["x"], dtype=dtype, strict=strict)
    columns = [np.array(c) for c in zip(*(given[:3] for _, given in same), strict=True)]
    xs = np.array([x for x, _ in same])
    value, (partial,) = kernel.value_and_grad(xs, *columns, *ks)
    value, partial = (np.broadcast_to(x, xs.shape) for x in (value, partial))
    if not agree(value, [v for v, _ in wanted], near):
        yield f"at points: {value}, not {[v for v, _ in wanted]}"
    if not agree(partial, [g[0] for _, g in wanted], near):
        yield "partials at points"


def _sums(drawn: Drawn, f: Any, points: Any, wanted: Any) -> Iterator[str]:
    """What is wrong with a sum over rows, and with a step of training."""
    if drawn.lists or IndexError in wanted:
        return
    kept = [k for k, (_, given) in enumerate(points) if max(map(abs, given)) <= 1000]
    if not kept:
        return
    p = drawn.parameters
    columns = [np.array([points[k][0] for k in kept])]
    columns += [np.array([points[k][1][n] for k in kept]) for n in range(3)]
    rows = dict(zip("xijk", columns, strict=True))
    value = total(f, rows=["x", "i", "j", "k"])(**rows)
    if not agree(value, sum(wanted[k][0] for k in kept), 1e-9):
        yield f"total {value}"
    before = [v.data for v in p]
    options: Any = {"batch_size": len(kept), "steps": 1, "dtype": "f64"}
    try:
        fit(f, SGD(p, lr=1.0), data=tuple(columns), **options)
    except TrainingError as error:
        if NO_PARAMETERS not in str(error):
            raise
        return
    moved = [x - v.data for x, v in zip(before, p, strict=True)]
    for x, v in zip(before, p, strict=True):
        v.data = x
    expected = np.mean([wanted[k][1][1:] for k in kept], axis=0)
    if not agree(moved, expected, 1e-9):
        yield f"a step of training: {moved}, not {expected}"


DOCUMENTS = """
def loss(doc: list[int]):
    y = T[0] * 0.1
    for k in range(len(doc) - 1):
        i, j = doc[k], doc[k + 1]
        y = {term}
    return y * y
"""


def trained(seed: int) -> Iterator[str]:
    """What is wrong with training on documents of different lengths."""
    drawn = Drawn(seed)
    drawn.lists, r, p = False, drawn.random, drawn.parameters
    text = DOCUMENTS.format(term=drawn.term(["i", "j", "j"]).replace("x", "0.7"))
    lengths = r.choice([[2, 3, 4, 6], [5], [1, 2], [9, 17, 8]])
    documents = [
        [r.randint(0, 9) for _ in range(r.choice(lengths))] for _ in range(r.randint(1, 6))
    ]
    with written(text.replace("ma0.7", "max"), dict(drawn.names), seed) as loss:
        before = [v.data for v in p]
        optimizer: Any = SGD(p, lr=0.02)
        losses = []

        def steps() -> Any:
            for k in range(len(documents) + 1):
                optimizer.zero_grad()
                found = loss(documents[k % len(documents)])
                found.backward()
                losses.append(found.data)
                optimizer.step()
            return losses

        wanted, after = outcome(steps), [v.data for v in p]
        for x, v in zip(before, p, strict=True):
            v.data = x
        count = len(documents) + 1
        options: Any = {"batch_size": 1, "shuffle": False, "dtype": "f64", "steps": count}
        try:
            history = fit(loss, SGD(p, lr=0.02), data=documents, **options)
        except IndexError:
            if wanted is not IndexError:
                raise
            return
        except MicrogradError as error:
            if wanted is not IndexError and NO_PARAMETERS not in str(error):
                yield f"{type(error).__name__}: {error}"
            return
        if not agree(history.losses, wanted, 1e-8) or not agree([v.data for v in p], after, 1e-8):
            yield f"losses {history.losses}, not {wanted}"


def main(seconds: float, seed: int) -> int:
    """Try programs for so long; how many are wrong."""
    end, tried, wrong = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        try:
            found = list((trained if tried % 4 == 3 else problems)(seed + tried))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        for text in found:
            print(f"seed {seed + tried}: {text[:600]}", flush=True)
        wrong, tried = wrong + bool(found), tried + 1
    print(f"{tried} programs, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])) > 0)
