"""Programs of nested loops, compiled for a target and run beside their interpreter.

    python -m tests.jit.emit.nested SECONDS [FIRST_SEED]

draws whole-number programs, whose sums are exact in every order.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from lowering.bindings import ir
from micrograd.jit.call.team import Team
from micrograd.jit.code import compile_program
from micrograd.jit.emit.function import emit
from micrograd.jit.emit.interface import Interface
from micrograd.jit.emit.making import set_pointer
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.schedule import courses, workspace
from micrograd.jit.target import Target

from ...nested_programs import random_inputs, random_program

FORMS = [
    (bits, vector_bits, strict)
    for bits in (64, 32)
    for vector_bits in (128, 256, 512)
    for strict in (False, True)
]
"""The width of a number, that of vectors, and whether sums keep their order."""

Form = tuple[int, int, bool]


class Nested:
    """A program, compiled in one form; `damage` changes the text of its code, so that tests can
    show that they notice; `threads`: that share its work, 0: code that only one runs.
    """

    def __init__(
        self,
        program: Program,
        form: Form,
        *,
        level: int = 2,
        damage: Callable[[str], str] | None = None,
        threads: int = 0,
    ) -> None:
        bits, vector_bits, strict = form
        self.program = program
        self.dtype = np.dtype(f"f{bits // 8}")
        self.interface = Interface(frozenset(), None, team=bool(threads))
        self.team = Team(max(1, threads))
        target = Target.host(self.dtype, strict=strict, vector_bits=vector_bits)

        def emitted(*given: Any) -> ir.Module:
            module = emit(*given)
            return module if damage is None else ir.Module.parse(damage(str(module)))

        self.code = compile_program(program, target, self.interface, emit=emitted)
        self.schedule = self.code.schedule
        self.schedule.opt_level = level

    def run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What it gives for these numbers."""
        native, kept = self.code.native, []
        for a in self.program.with_role(Role.PARAMETER):
            if a.name in native.symbols:
                kept.append(np.ascontiguousarray(given[a.name], np.float64))
                set_pointer(native, a.name, kept[-1].ctypes.data)
        address, team = self.code.address, self.team
        with team.helped():
            return self.interface.call(address, self.program, self.dtype, given, team.address)

    def check(
        self,
        given: Mapping[str, Any],
        *,
        signs: bool = False,
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Assert that it gives what the interpreter does, or did; `signs`: those of zeros, too."""
        found = self.run(given)
        expected = interpret(self.program, given) if expected is None else expected
        assert found.keys() == expected.keys()
        for name, numbers in expected.items():
            same = (found[name] == numbers) | (np.isnan(found[name]) & np.isnan(numbers))
            if signs:
                same &= np.isnan(numbers) | (np.signbit(found[name]) == np.signbit(numbers))
            assert same.all(), (
                f"{name} differs at {np.flatnonzero(~same)[:8]}: {found[name][~same][:8]}, not "
                f"{numbers[~same][:8]}\n{self.program}\n\n{self.schedule}"
            )


def check(seed: int, form: Form | None = None) -> int:
    """Compile the program of a seed in one form, and compare; how many of its loops are nests."""
    program = random_program(Random(seed), whole=True)
    form = form or FORMS[seed % len(FORMS)]
    level = 2 if seed % 5 == 0 else 0  # LLVM takes most of the time
    long = 1 if seed % 3 == 0 else courses.LONG_SUM  # then all sums run beside others
    reused = 0 if seed % 2 == 0 else workspace.REUSED  # then arrays lie where others have been
    with (
        mock.patch.object(courses, "LONG_SUM", long),
        mock.patch.object(workspace, "REUSED", reused),
    ):
        compiled = Nested(program, form, level=level, threads=seed // len(FORMS) % 4)
    strict = form[-1]
    compiled.check(random_inputs(program, Random(seed), whole=True), signs=strict)
    return str(compiled.schedule).count("as it stands")


def main(seconds: float, seed: int) -> None:
    """Check one program after the other; print how many, and what was found."""
    end, first, wrong, nests = time.monotonic() + seconds, seed, 0, 0
    while time.monotonic() < end:
        try:
            nests += check(seed)
        except Exception as failed:
            wrong += 1
            print(f"seed {seed}: {type(failed).__name__}: {failed}"[:3000], flush=True)
        seed += 1
    print(f"{seed - first} programs, {nests} nests, {wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
