"""Seeds -> programs tried, and what was wrong with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random

from .. import whole_programs
from ..targets import TARGETS, processor
from .choices import Choices
from .kernels import Derived, Form, Mismatch, Tally, check
from .programs import program
from .shrink import shrink

POINTS = (1, 3, 8, 17, 100)
BITS = (128, 256, 512)
SECONDS = 60.0
"""How long a failure is made smaller."""
EACH = 3
"""Ways in which each kernel of a program is compiled."""
SMALL, LARGE = 60, 400
"""Operations of most functions, and of one in eight; and the statements of the programs made of
them: a long one takes as long as many short ones.
"""


@dataclass
class Failure:
    """A kernel that is wrong, and the smallest program found on which it is."""

    seed: int
    form: Form
    error: str
    shown: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.error}\n{self.shown}\n"
            f"again: python -m tests.fuzz --seed {self.seed}"
        )


def cost_of(seed: int) -> int:
    """How large the function of a seed may be."""
    return LARGE if seed % 8 == 7 else SMALL


def forms(derived: Derived, seed: int, each: int = EACH) -> Iterator[Form]:
    """Ways to compile and call each kernel, so many of each."""
    random = Random(seed)
    many = random.choice(POINTS)
    for wanted in derived.wanted:
        strict = random.random() < 0.1
        for k in range(each):
            bits = random.choice(BITS)
            dtype = random.choice(("f8", "f8", "f4"))
            points = random.choice((0, 0, many))
            level = random.choice((None, 0, 0, 0))
            there = [t for t in TARGETS if (p := processor(t)) and p.vector_bits >= bits]
            target = there[(seed + k) % len(there)] if there else "this"
            yield Form(wanted, bits, dtype, strict, points, level, target)


def attempt(
    seed: int,
    tally: Tally,
    each: int = EACH,
    only: int | None = None,
    seconds: float | None = None,
) -> list[Failure]:
    """Try the program of a seed, in at most `only` ways; what fails is made smaller for a while."""
    choices = Choices(seed)
    case = program(choices, cost_of(seed))
    tally.programs += 1
    derived = Derived(case, cost_of(seed))
    ways = list(forms(derived, seed, each))
    if only is not None:
        ways = Random(seed + 1).sample(ways, min(only, len(ways)))
    limit = SECONDS if seconds is None else seconds
    failures = []
    for form in ways:
        error = problem(derived, form, tally)
        if error is not None:
            shown, error = _smallest(choices.made, cost_of(seed), form, error, limit)
            failures.append(Failure(seed, form, error, shown))
    return failures


def problem(derived: Derived, form: Form, tally: Tally) -> str | None:
    """What is wrong with a kernel: numbers, or an error of the compiler; else None."""
    try:
        check(derived, form, tally)
    except Mismatch as mismatch:
        return str(mismatch)
    except Exception as error:  # whatever it is, compiling what was traced must not raise
        return f"{form}: {type(error).__name__}: {error}"
    return None


def whole_program(seed: int, tally: Tally) -> list[str]:
    """What is wrong with a random program of whole numbers (tests/whole_programs.py)."""
    tally.whole_programs += 1
    try:
        whole_programs.check(seed)
    except AssertionError as wrong:
        return [f"{wrong}"]
    except Exception as error:
        return [f"tests.whole_programs, seed {seed}: {type(error).__name__}: {error}"]
    return []


def _smallest(
    choices: Sequence[int], cost: int, form: Form, error: str, seconds: float
) -> tuple[str, str]:
    """The smallest program on which this kernel fails as well, and how it does."""

    def wrong(candidate: Sequence[int]) -> str | None:
        try:
            derived = Derived(program(Choices(given=candidate), cost), cost)
        except Exception:  # shorter choices may give what is no program
            return None
        return problem(derived, form, Tally()) if form.wanted in derived.wanted else None

    best = shrink(choices, lambda candidate: wrong(candidate) is not None, seconds)
    return str(program(Choices(given=best), cost)), wrong(best) or error


def work(connection: Connection, first: int, step: int, until: float, each: int) -> None:
    """Try seeds, and tell of each before and after."""
    seed = first
    while time.time() < until:
        connection.send(("try", seed, None, []))
        tally = Tally()
        try:
            failures = [str(f) for f in attempt(seed, tally, each)]
            failures += whole_program(seed, tally)
        except Exception as error:
            failures = [f"seed {seed}: {type(error).__name__}: {error}"]
        connection.send(("done", seed, tally, failures))
        seed += step
    connection.send(("end", seed, None, []))
