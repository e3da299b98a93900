"""`python -m tests.fuzz.loops`: random programs that are loops, end to end through the public API.

    --seed N      the program of that seed alone, in all ways
    --seconds S   as many programs as fit
    --start N     the first seed

The eager engine says what is right: `backward`, and for what it cannot say the traced graph run
node by node. Ends with 1 if a number was wrong, or something raised.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

import micrograd
from micrograd import Value, fit, jit
from micrograd.jit import executable
from micrograd.jit.compile import program_of
from micrograd.jit.reroll.loops import looped
from micrograd.jit.reroll.outputs import OUTPUT
from micrograd.jit.reroll.reroll import straight_line
from micrograd.optim import SGD

from ..loop_parts import MORE
from ..loop_sources import LENGTH, PARTS, source
from ..loop_tables import TABLES

Numbers = Any
NAMES = ("exp", "log", "sin", "tanh", "maximum", "minimum", "relu", "where")
LONGEST = 60.0


class Wrong(Exception):
    """A number that is not what it should be."""


def function(text: str, **names: Any) -> Callable[..., Any]:
    scope = {n: getattr(micrograd, n) for n in NAMES} | names
    exec(text, scope)
    return scope["f"]  # type: ignore[no-any-return]


class Case:
    """One program, its arguments, and what eager Values say of it."""

    def __init__(self, seed: int) -> None:
        self.r = r = Random(seed)
        self.text = source(seed, (*PARTS, *MORE, *TABLES))
        if r.random() < 0.2:  # results of all kinds
            self.many = self.text.replace("return a + 0.5 * b", "return [a, b, a * b]")
        else:
            self.many = self.text.replace("return a + 0.5 * b", "return (a, b)")
        self.f = function(self.text)
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.uniform(-1.2, 1.2, (2, LENGTH))
        kind = r.random()
        if kind < 0.1:
            self.x, self.y = np.round(2 * self.x) / 2, np.round(2 * self.y) / 2
        elif kind < 0.15:
            self.x[r.randrange(LENGTH)] = r.choice([math.nan, math.inf, -math.inf, 1e300])
        self.value, self.partials = self.eager(self.f, self.x, self.y)

    def eager(self, f: Any, x: Any, y: Any) -> tuple[float, Numbers]:
        u, v = [Value(float(k)) for k in x], [Value(float(k)) for k in y]
        out = f(u, v)
        out.backward()
        return out.data, np.array([k.grad for k in u + v])


def flat(x: Any) -> Numbers:
    if isinstance(x, (tuple, list)):
        return np.concatenate([flat(e) for e in x]) if len(x) else np.zeros(0)
    return np.asarray(x, dtype=np.float64).reshape(-1)


def same(
    what: str, found: Any, expected: Any, exact: bool = False, tolerance: float = 1e-8
) -> None:
    found, expected = flat(found), flat(expected)
    if found.shape != expected.shape:
        raise Wrong(f"{what}: {found.shape} numbers, should be {expected.shape}")
    if exact:
        right = (found == expected) | (np.isnan(found) & np.isnan(expected))
    else:
        with np.errstate(all="ignore"):
            finite = expected[np.isfinite(expected)]
            scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
            right = np.abs(found - expected) <= tolerance * scale
            right |= (found == expected) | (np.isnan(found) & np.isnan(expected))
            if scale > 1e8:
                right[:] = True
    if not right.all():
        k = int(np.argmin(right))
        raise Wrong(
            f"{what}: number {k} is {found[k]!r}, should be {expected[k]!r}; "
            f"{int((~right).sum())} of {right.size} are wrong"
        )


# -- ways ---------------------------------------------------------------------------------------


def default(c: Case) -> None:
    k = jit(c.f)
    same("value", k(c.x.tolist(), c.y.tolist()), c.value)
    same("value_and_grad", k.value_and_grad(c.x.tolist(), c.y.tolist()), [c.value, c.partials])


def gradient(c: Case) -> None:
    same("grad", jit(c.f).grad(c.x.tolist(), c.y.tolist()), c.partials)


def strict(c: Case) -> None:
    k = jit(c.f, strict=True)
    same("strict", k.value_and_grad(c.x.tolist(), c.y.tolist()), [c.value, c.partials], True)


def strict_loops(c: Case) -> None:
    """Strict code of the loops that carry values."""
    before = program_of

    def chosen(graph: Any, target: Any) -> Any:
        return looped(graph, OUTPUT, 10_000) or straight_line(graph, strict=True)

    executable.program_of = chosen  # type: ignore[attr-defined]
    try:
        k = jit(c.f, strict=True)
        same("strict loops", k(c.x.tolist(), c.y.tolist()), c.value, True)
        found = k.value_and_grad(c.x.tolist(), c.y.tolist())
    finally:
        executable.program_of = before  # type: ignore[attr-defined]
    same("strict loops, value", found[0], c.value, True)
    same("strict loops, partials", found[1], c.partials, tolerance=1e-10)


def loops(c: Case) -> None:
    """The loops, also where classes would have been chosen."""
    before = program_of

    def chosen(graph: Any, target: Any) -> Any:
        return looped(graph, OUTPUT, 10_000) or straight_line(graph)

    executable.program_of = chosen  # type: ignore[attr-defined]
    try:
        found = jit(c.f).value_and_grad(c.x.tolist(), c.y.tolist())
        same("loops", found, [c.value, c.partials])
        bits = c.r.random() < 0.5
        if bits:
            d = np.random.default_rng(1).uniform(-1, 1, (2, LENGTH))
            found = jit(c.f).jvp(c.x.tolist(), c.y.tolist(), *d.tolist())
            if np.isfinite(c.partials).all():
                same("loops, jvp", found, [c.value, c.partials @ d.reshape(-1)])
    finally:
        executable.program_of = before  # type: ignore[attr-defined]


def single(c: Case) -> None:
    x, y = c.x.astype(np.float32), c.y.astype(np.float32)
    value, partials = c.eager(c.f, x, y)
    found = jit(c.f, dtype="f32").value_and_grad(x.tolist(), y.tolist())
    if np.isfinite(partials).all() and np.abs(partials).max() < 1e3:
        same("f32", found, [value, partials], tolerance=3e-3)


def forward(c: Case) -> None:
    d = np.random.default_rng(1).uniform(-1, 1, (2, LENGTH))
    found = jit(c.f).jvp(c.x.tolist(), c.y.tolist(), *d.tolist())
    if np.isfinite(c.partials).all():
        same("jvp", found, [c.value, c.partials @ d.reshape(-1)])


def _one_by_one(make: Callable[[], Any]) -> Any:
    """The same of the graph as it stands."""
    before = program_of
    executable.program_of = lambda graph, target: straight_line(graph)  # type: ignore[attr-defined]
    try:
        return make()
    finally:
        executable.program_of = before  # type: ignore[attr-defined]


def second(c: Case) -> None:
    d = np.random.default_rng(2).uniform(-1, 1, (2, LENGTH))
    arguments = [c.x.tolist(), c.y.tolist(), *d.tolist()]
    found = jit(c.f).hvp(*arguments)
    if np.isfinite(c.partials).all():
        same("hvp", found, _one_by_one(lambda: jit(c.f).hvp(*arguments)))


def matrix(c: Case) -> None:
    d = np.random.default_rng(2).uniform(-1, 1, 6)
    short = function(c.text.replace("def f(x, y):", "def f(p, x, y):\n    x = p + x[6:]"))
    arguments = [c.x[:6].tolist(), c.x.tolist(), c.y.tolist()]
    found = flat(jit(short, wrt="p").hessian(*arguments)).reshape(6, 6)
    expected = flat(jit(short, wrt="p").hvp(*arguments, d.tolist()))
    if np.isfinite(c.partials).all():
        same("hessian", found @ d, expected)
        same("hessian.T", found.T @ d, expected)


def rows(c: Case) -> None:
    g = function(c.many)
    u, v = [Value(float(k)) for k in c.x], [Value(float(k)) for k in c.y]
    outs = list(g(u, v))
    expected = []
    for o in outs:
        for e in u + v:
            e.grad = 0.0
        if isinstance(o, Value):
            o.backward()
        expected.append([e.grad for e in u + v])
    values = [o.data if isinstance(o, Value) else o for o in outs]
    k = jit(g)
    same("values", k(c.x.tolist(), c.y.tolist()), values)
    found = k.jacobian(c.x.tolist(), c.y.tolist())
    sides = np.array(expected)
    blocks = [sides[:, :LENGTH], sides[:, LENGTH:]] if isinstance(found[0], list) else sides
    same("jacobian", found, blocks)
    w = [0.5, -1.5, 2.0][: len(values)]
    with np.errstate(all="ignore"):
        if np.isfinite(expected).all():
            cotangent = type(k(c.x.tolist(), c.y.tolist()))(w)
            back = k.vjp(c.x.tolist(), c.y.tolist(), cotangent)
            back = back[1] if len(flat(back)) != 2 * LENGTH else back
            same("vjp", back, np.array(w) @ np.array(expected))


def mapped(c: Case) -> None:
    points = c.r.choice([1, 3, 8, 17, 40])
    rng = np.random.default_rng(points)
    x = c.x[:, None] + 0.2 * rng.uniform(-1, 1, (LENGTH, points))
    y = c.y[:, None] + 0.2 * rng.uniform(-1, 1, (LENGTH, points))
    dtype = c.r.choice(["f64", "f64", "f32"])
    if dtype == "f32":
        x, y = x.astype(np.float32).astype(float), y.astype(np.float32).astype(float)
    found = jit(c.f, dtype=dtype).value_and_grad(list(x), list(y))
    partials = np.stack([np.asarray(e) for side in found[1] for e in side])
    for k in {0, points - 1, points // 2}:
        value, expected = c.eager(c.f, x[:, k], y[:, k])
        tolerance = 1e-8 if dtype == "f64" else 3e-3
        if dtype == "f64" or (np.isfinite(expected).all() and np.abs(expected).max() < 1e3):
            numbers = [np.asarray(found[0])[k], partials[:, k]]
            what = f"mapped {dtype}, point {k} of {points}"
            same(what, numbers, [value, expected], tolerance=tolerance)


def live(c: Case) -> None:
    """Parameters that the function closes over, also frozen, and as a Value's leaves."""
    p = [Value(float(k)) for k in c.x]
    text = c.text.replace("def f(x, y):", "def f(y):\n    x = P")
    g = function(text, P=p)
    k = jit(g, wrt=p[:7])
    _, expected = c.eager(c.f, c.x, c.y)
    same("live", k.value_and_grad(c.y.tolist()), [c.value, expected[:7]])
    for e in p:
        e.data *= 0.75
    value, expected = c.eager(c.f, 0.75 * c.x, c.y)
    same("live, changed", k.value_and_grad(c.y.tolist()), [value, expected[:7]])
    frozen = jit(g, freeze=True)
    same("frozen", frozen.value_and_grad(c.y.tolist()), [value, expected[LENGTH:]])
    out = c.f(p, [Value(float(k)) for k in c.y])
    some = [p[0], p[3], p[1]]
    kernel = jit(out, wrt=some, dtype="f64")
    same("of a Value", kernel.value_and_grad(), [value, expected[[0, 3, 1]]])


def trained(c: Case) -> None:
    """fit of a loss of samples, strict and not, against the eager engine."""
    if not np.isfinite(c.partials).all() or np.abs(c.partials).max() > 1e2:
        return
    n, width = c.r.choice([1, 2, 3, 5, 8, 9, 13, 40]), 8
    rng = np.random.default_rng(n)
    data, target = rng.uniform(-1, 1, (n, width)), rng.uniform(-1, 1, n)
    text = c.text.replace(
        "def f(x, y):", f"def f(row, goal):\n    x = P\n    y = row + Q[{width}:]"
    ).replace("return a + 0.5 * b", "return (a + 0.5 * b - goal) ** 2")
    strict = c.r.random() < 0.5
    losses, ends = [], []
    for kind in range(2):
        p, q = [Value(float(k)) for k in c.x], [float(k) for k in c.y]
        g = function(text, P=p, Q=q)
        optimizer = SGD(p, lr=1e-3)
        if kind:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                how: Any = {"shuffle": False, "dtype": "f64", "strict": strict}
                history = fit(g, optimizer, data=(data, target), batch_size=n, steps=2, **how)
            losses.append(history.losses.tolist())
        else:
            found = []
            for _ in range(2):
                each = [
                    g([float(v) for v in row], float(t))
                    for row, t in zip(data, target, strict=True)
                ]
                loss = sum(each) * (1.0 / n)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                found.append(loss.data)
            losses.append(found)
        ends.append([k.data for k in p])
    same(f"fit, strict={strict}, losses", losses[1], losses[0], strict, 1e-7)
    same(f"fit, strict={strict}, parameters", ends[1], ends[0], strict, 1e-7)


WAYS = (
    default, gradient, strict, strict_loops, loops, single, forward, second, matrix, rows, mapped,
    live, trained,
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.loops", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--start", type=int, default=int(time.time()) * 1000)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--way")
    given = parser.parse_args()
    seed = given.start if given.seed is None else given.seed
    until = time.time() + given.seconds
    failures, programs, done = 0, 0, Counter[str]()
    slowest: list[tuple[float, float, int, int, str]] = []

    def late(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    while time.time() < until:
        try:
            case = Case(seed)
        except Exception as error:
            print(f"seed {seed}: no program: {type(error).__name__}: {error}", flush=True)
            if given.seed is not None:
                traceback.print_exc()
                print(source(seed, (*PARTS, *MORE, *TABLES)))
                return 1
            seed += 1
            continue
        programs += 1
        ways = WAYS if given.seed is not None else Random(seed).sample(WAYS, given.each)
        if given.way:
            ways = [w for w in WAYS if w.__name__ == given.way]
        for way in ways:
            began = time.process_time()
            signal.alarm(int(LONGEST))
            try:
                way(case)
                done[way.__name__] += 1
            except Exception as error:
                signal.alarm(0)
                failures += 1
                print(
                    f"\nseed {seed}, {way.__name__}: {type(error).__name__}: {str(error)[:1500]}",
                    flush=True,
                )
                if given.seed is not None:
                    print(case.text)
                    if not isinstance(error, Wrong):
                        traceback.print_exc()
            signal.alarm(0)
            seconds = time.process_time() - began
            slowest.append((seconds, seconds, 0, seed, way.__name__))
            slowest = sorted(slowest, reverse=True)[:10]
        if given.seed is not None:
            break
        seed += 1
    print(
        f"{programs} programs, {sum(done.values())} ways {dict(done)}, "
        f"{failures} failures; to seed {seed}"
    )
    for seconds, _, _, number, name in slowest:
        print(f"  {seconds:.2f} s: seed {number}, {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
