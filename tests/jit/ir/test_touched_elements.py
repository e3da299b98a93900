"""What accesses touch is the same when loops that do not matter are left out."""

from __future__ import annotations

import random

import numpy as np
import pytest

from micrograd.jit.ir.extents import Affine, Entries
from micrograd.jit.ir.points import distinct, elements, ends
from micrograd.jit.ir.program import Access, Part, Program, Role

SIZE = 400
SIDE = 64


def drawn_domain(rng: random.Random) -> tuple[int, ...]:
    """Loops of few iterations, or of none; triangles and ragged ones; the outer ones first."""
    domain: list[int] = []
    for d in range(rng.randrange(5)):
        strides = tuple(rng.choice((0, 0, 1)) for _ in range(d))
        kind = rng.random()
        if d and any(strides) and kind < 0.35:
            most = 2 + sum(s * int(c) for s, c in zip(strides, domain, strict=True))
            domain.append(Affine(rng.randrange(-1, 3), strides, most))
        elif d and any(strides) and kind < 0.6:
            domain.append(Entries("lengths", 0, strides, 3))
        else:
            domain.append(rng.choice((0, 1, 1, 2, 3, 3)) if rng.random() < 0.3 else 2)
    return tuple(domain)


def drawn_access(rng: random.Random, loops: int) -> Access:
    """An access that few of the loops move, some through remainders, quotients and entries."""

    def strides(least: int) -> tuple[int, ...]:
        return tuple(rng.choice((0, 0, 1, 2, least)) for _ in range(loops))

    parts: list[Part] = []
    for _ in range(rng.choice((0, 0, 1, 2))):
        kind = rng.choice(("mod", "div", "entry"))
        by = "table" if kind == "entry" else rng.randrange(1, 4)
        parts.append(Part(kind, by, rng.randrange(3), strides(3), rng.choice((1, 2, -1))))
    return Access("a", 100, strides(-1), tuple(parts))


@pytest.mark.parametrize("block", range(4))
def test_loops_that_do_not_matter_are_left_out(block: int) -> None:
    """Its ends, its elements, and whether there is one twice, by every point and by fewer."""
    rng = random.Random(block)
    for _ in range(500):
        program = Program()
        program.declare("a", Role.TEMPORARY, SIZE)
        lengths = np.array([rng.randrange(4) for _ in range(SIDE)])
        program.declare("lengths", Role.CONSTANT, SIDE, lengths, dtype="i32")
        table = np.array([rng.randrange(9) for _ in range(SIDE)])
        program.declare("table", Role.CONSTANT, SIDE, table, dtype="i32")
        domain = drawn_domain(rng)
        access = drawn_access(rng, len(domain))
        every = elements(access, domain, program)
        least, most = (int(every.min()), int(every.max())) if len(every) else (0, -1)
        assert ends(access, domain, program) == (least, most), (access, domain)
        index, again = distinct(access, domain, program)
        assert set(index.tolist()) == set(every.tolist()), (access, domain)
        assert again == (len(set(every.tolist())) < len(every)), (access, domain)
