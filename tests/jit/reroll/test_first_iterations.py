"""First iterations of triangles around loops: attention over the positions so far, head by head.

`python -m tests.jit.reroll.test_first_iterations SECONDS SEED` tries more of them.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

from micrograd import detach, exp, maximum
from micrograd.jit.reroll.loops import looped
from micrograd.jit.reroll.recognise import Look, recognise
from micrograd.jit.reroll.strings import Ops
from micrograd.jit.reroll.tree import Loops

from ...regular import floats, traced
from .test_loops import found

Function = Callable[..., Any]


def attention(
    positions: int, heads: int, size: int, *, first: int = 0, top: bool = True, turned: bool = False
) -> Function:
    """Softmax of products with what earlier positions have, head by head, and what it weighs.

    first    how many of them the first position looks at, besides itself
    top      whether the largest is subtracted
    turned   whether weighed sums are made position by position
    """
    width = heads * size

    def weighed(weights: list[Any], values: list[list[Any]], here: range) -> list[Any]:
        if not turned:
            return [sum(w * v[j] for w, v in zip(weights, values, strict=True)) for j in here]
        sums: list[Any] = [0.0 for _ in here]
        for w, v in zip(weights, values, strict=True):
            sums = [s + w * v[j] for s, j in zip(sums, here, strict=True)]
        return sums

    def f(x: list[Any], w: list[Any]) -> Any:
        rows: list[list[Any]] = []
        total = 0.0
        for t in range(positions + first):
            rows.append([x[t * width + j] * w[j] for j in range(width)])
            if t < first:
                continue
            out: list[Any] = []
            for h in range(heads):
                here = range(h * size, h * size + size)
                scores = [sum(x[t * width + j] * r[j] for j in here) / 2.0 for r in rows]
                if top:
                    most = detach(reduce(maximum, scores))
                    scores = [s - most for s in scores]
                powers = [exp(s) for s in scores]
                norm = sum(powers)
                out += weighed([p / norm for p in powers], rows, here)
            total = total + sum(out[j] * w[width - 1 - j] for j in range(width))
        return total

    return f


def tried(rng: random.Random) -> int:
    """The statements of the loops of one of them, compared with the interpreter; 0 if none."""
    positions, heads, size = rng.randint(2, 14), rng.randint(1, 5), rng.randint(1, 5)
    first = rng.choice((0, 0, 1, 2))
    f = attention(
        positions, heads, size, first=first, top=rng.random() < 0.7, turned=rng.random() < 0.3
    )
    width = heads * size
    t = traced(f, floats((positions + first) * width, rng.randrange(99)), floats(width, 1))
    if looped(t.graph, "out", 10_000) is None:
        return 0
    return len(found(t).statements)


@pytest.mark.parametrize("sizes", [(8, 4, 4), (13, 4, 4), (9, 5, 3), (10, 4, 5)])
def test_a_first_position_is_a_first_iteration(sizes: tuple[int, int, int]) -> None:
    positions, heads, size = sizes
    t = traced(attention(*sizes), floats(positions * heads * size, 0), floats(heads * size, 1))
    text = str(found(t))
    assert f"for i < {positions}, j < {heads}, k < i\n" in text
    assert f"for i < {positions}, j < {heads}, k < i + 1" in text
    assert not re.search(rf"< {positions - 1}\b", text)


def test_random_ones_are_the_traces() -> None:
    rng = random.Random(5)
    assert sum(tried(rng) > 0 for _ in range(12)) >= 8


def test_what_is_built_can_be_undone() -> None:
    t = traced(attention(6, 2, 3), floats(36, 0), floats(6, 1))
    tree = recognise(Ops(t.graph), Look(1))
    before = tree.sequence.copy(), tree.parent.copy(), tree.block.copy(), tree.offset.copy()
    undo = tree.undo(0, len(tree.ops))
    loops = Loops(tree)
    item = loops.add([*range(12)], 6, tree.loop_symbol((0, 1)), 0)
    loops.finish()
    tree.rearrange([[item], tree.sequence[1:]])
    assert tree.top(np.array([3]))[0].tolist() == [tree.sequence[0]]
    undo()
    tree.rearrange([before[0]])
    after = tree.sequence, tree.parent, tree.block, tree.offset
    n = len(tree.ops)
    assert all(np.array_equal(a[:n], b[:n]) for a, b in zip(before, after, strict=True))


def main(seconds: float, seed: int) -> None:
    """Try until the time is over; says how many there were, and how many had loops."""
    rng, end = random.Random(seed), time.monotonic() + seconds
    count = looping = 0
    while time.monotonic() < end:
        count += 1
        looping += tried(rng) > 0
    print(f"{count} programs, {looping} with loops")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
