"""Random sums over rows whose iterations lie in lanes, as Python source, divided into passes at
random places: `def f(x, y)`.

    python -m tests.divided SECONDS [FIRST_SEED]

Each is compiled for vectors of 128, 256 and 512 bits and for float32, and compared with
`Value.backward`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest import mock

from micrograd.jit.schedule import lanes
from micrograd.jit.schedule.lanes import VectorLoop

from .by_values import BITS, campaign, compared

COUNTS = (64, 65, 70, 96, 97, 103, 111, 120)
UNARY = ["exp(0.5 * {})", "tanh({})", "sin({})", "log({} * {} + 1.5)", "sqrt({} * {} + 0.5)", "-{}"]
BINARY = ["{} * {}", "{} + {}", "{} - {}", "{} / ({} * 0.25 + 3.0)", "maximum({}, {})"]


def source(seed: int) -> str:
    """The function of a seed."""
    r = Random(seed)
    count, width = r.choice(COUNTS), r.choice([1, 2, 3, 5])
    lines = [
        "def f(x, y):",
        "    found = 0.0 * x[0]",
        f"    for i in range({count}):",
        "        p = x[i]",
        f"        q = [x[(i + {r.randrange(1, 9)} * j) % 120] * y[j] for j in range({width})]",
    ]
    single, several = ["p"], ["q"]
    for k in range(r.randrange(3, 9)):
        kind = r.random()
        if kind < 0.35:
            op, a = r.choice(UNARY + BINARY), f"{r.choice(several)}[j]"
            b = r.choice([r.choice(single), f"y[j + {k}]", f"{r.choice(several)}[j]"])
            lines.append(f"        v{k} = [{_applied(op, a, b)} for j in range({width})]")
            several.append(f"v{k}")
        elif kind < 0.6:
            lines.append(f"        v{k} = sum({r.choice(several)})")
            single.append(f"v{k}")
        else:
            op, a = r.choice(UNARY + BINARY), r.choice(single)
            b = r.choice([r.choice(single), f"y[{k + 20}]", f"{r.choice(several)}[0]"])
            lines.append(f"        v{k} = {_applied(op, a, b)}")
            single.append(f"v{k}")
    end = r.choice([single[-1], f"{single[-1]} + sum({several[-1]})"])
    return "\n".join([*lines, f"        found = found + {end}", "    return found"])


def _applied(op: str, a: str, b: str) -> str:
    return op.format(*([a, b] if op in BINARY else [a] * op.count("{}")))


@contextmanager
def at_random(seed: int) -> Iterator[None]:
    """Inside, loops over vectors of iterations are divided anywhere, into blocks of few vectors."""
    r = Random(seed)

    def divided(statements: Any, scratch: Any, count: int, width: int) -> list[int]:
        often, number, found = r.choice([0.1, 0.3, 0.6]), 0, []
        for k in range(len(statements)):
            number += k > 0 and r.random() < often
            found.append(number)
        return found

    with (
        mock.patch.object(lanes, "divided", divided),
        mock.patch.object(lanes, "STRIP_NUMBERS", r.choice([100, 400, 6000])),
    ):
        yield


def check(seed: int, bits: tuple[int, ...] = BITS) -> list[bool]:
    """Whether a loop is divided, at each width.

    Raises AssertionError if a number is not what it should be.
    """
    with at_random(seed):
        kernels = compared(source(seed), 10 * seed + 1, bits, narrow=1e-4)
    steps = [k._shown.code.schedule.steps for k in kernels]
    return [
        any(isinstance(x, VectorLoop) and x.across and len(x.passes) > 1 for x in each)
        for each in steps
    ]


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    campaign(check, "divided", float(sys.argv[1]), first)
