"""Random functions and what is derived of them, exported for other machines and run there: as the
interpreter has them, within what rounding can explain.

    python -m tests.export.fuzz SECONDS SEED [MACHINE ...]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import lowering
from micrograd import jit
from micrograd.errors import MicrogradError
from micrograd.jit.export import passed as parameters
from micrograd.jit.export.export import export
from micrograd.jit.export.of_numbers import of_numbers
from micrograd.jit.ir.bounds import interpret_bounded
from micrograd.jit.ir.program import Role
from micrograd.jit.kernels.kernel import Kernel
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.jit.vectormath import EXPANSIONS
from micrograd.jit.wanted import SPARSE
from micrograd.ops import OPS

from ..fuzz.choices import Choices
from ..fuzz.kernels import Derived, Form, Mismatch, Tally, compare
from ..fuzz.programs import program
from ..jit.vectormath.test_vectormath import WIDE, accuracy
from .drivers import Call, exported, invocations, numbers
from .machines import MACHINES, Machine

STATEMENTS = 60
"""More statements than this are left out, for time."""
TOGETHER = 12
"""Functions in a program."""


def kernels(seed: int, machine: Machine) -> list[tuple[Form, Any, Derived]]:
    """Two of the kernels of a seed's function, for a machine."""
    random = Random(seed)
    derived = Derived(program(Choices(seed), 60), STATEMENTS)
    wanted = [w for w in derived.wanted if w not in SPARSE]
    found = []
    for each in random.sample(wanted, min(2, len(wanted))):
        dtype, strict = random.choice(("f8", "f8", "f4")), random.random() < 0.25
        processor = lowering.machine(machine.target)
        target = Target.host(dtype, strict=strict, processor=processor)
        kernel = Kernel(derived.source, Options.on(target), each)
        executable = kernel._compile((*derived.structures, *derived.extra(each)))
        if len(executable.transformed.statements) <= STATEMENTS:
            form = Form(each, target.vector_bits, dtype, strict, 0, None, machine.target)
            found.append((form, executable, derived))
    return found


def check(seeds: Sequence[int], machine: Machine, tally: Tally, folder: Path) -> None:
    """Export what is derived of the functions of these seeds, and run it. Raises Mismatch."""
    made, calls = [], []
    for seed in seeds:
        random = Random(-seed)
        tally.programs += 1
        for form, executable, derived in kernels(seed, machine):
            columns = derived.arguments(form.wanted, 0)
            given = [c[:, 0].astype(form.dtype).astype(float) for c in columns]
            passed = random.random() < 0.5 and bool(executable.stores)
            how = "passed" if passed else "baked"
            target = executable.options.target
            name = f"f{len(calls)}"
            whole = of_numbers(executable, target, name, parameters=how)
            export(whole, folder, overwrite=False)
            more = [parameters.passed(executable, None).numbers] if passed else []
            by_value = [
                x[0] if not hasattr(s, "items") else x
                for x, s in zip(given, executable.structures, strict=True)
            ]
            calls.append(Call(None, [tuple(by_value)], more))
            made.append((seed, form, executable, given))
    expected = [[0.0] * _size(executable) for _, _, executable, _ in made]
    found = numbers(machine.run(invocations(calls, folder), folder), expected)
    for (seed, form, executable, given), row in zip(made, found, strict=True):
        try:
            _compare(form, executable, given, np.array(row), tally)
        except Mismatch as error:
            raise Mismatch(f"seed {seed}: {error}") from None


def all_ops(xs: Any, ys: Any) -> Any:
    """Each op of each number of two rows."""
    return [
        [op(x, y) if op.arity == 2 else op(x) for x, y in zip(xs, ys, strict=True)]
        for op in EXPANSIONS
    ]


def check_vector_math(machine: Machine, bits: int, count: int, folder: Path, seed: int = 6) -> None:
    """Compute every op of vector math at so many points. Raises Mismatch beyond its bound."""
    columns = accuracy.points(OPS["pow"], bits, 1 + count // 10, seed=seed)
    xs, ys = (x[:: len(x) // count][:count] for x in columns)
    kernel = jit(all_ops, dtype=f"f{bits}")
    kernel([0.5] * count, [0.5] * count)
    calls = [Call(kernel, [(xs, ys)])]
    exported(calls, folder, target=machine.target)
    made = invocations(calls, folder)
    (found,) = numbers(machine.run(made, folder), [[0.0] * count * len(EXPANSIONS)])
    for op, got in zip(EXPANSIONS, np.split(np.array(found), len(EXPANSIONS)), strict=True):
        rows = [xs, ys][: op.arity]
        errors = accuracy.errors(op, got.astype(f"f{bits // 8}"), rows)
        k = int(np.argmax(errors))
        if errors[k] > (2.0 if op.name in WIDE else 1.0):
            at = [float(x[k]) for x in rows]
            raise Mismatch(f"{op.name} at {at} is {got[k]!r}: {errors[k]:.3g} ulp away")


def _size(executable: Any) -> int:
    return sum(a.size for a in executable.transformed.with_role(Role.OUTPUT))


def _compare(form: Form, executable: Any, given: Any, row: Any, tally: Tally) -> None:
    known = executable.transformed
    names = [a.name for a in known.with_role(Role.INPUT)]
    memory = {name: x[:, None] for name, x in zip(names, given, strict=True)}
    for k, store in enumerate(executable.stores):
        memory[f"p{k}"] = np.array(store._data)
    bounded = interpret_bounded(known, memory, np.dtype(form.dtype), 1)
    tally.kernels += 1
    tally.kinds[form.wanted.value.name] += 1
    returned, start = executable.interface.returned, 0
    outputs = sorted(known.with_role(Role.OUTPUT), key=lambda a: a.name != returned)
    # another machine's library rounds otherwise, so that no code there is strict
    loose = Form(form.wanted, form.bits, form.dtype, False, 0, None, form.target)
    for a in outputs:
        compare(loose, known, a.name, row[start : start + a.size, None], bounded[a.name], tally)
        start += a.size


def main(seconds: float, seed: int, names: Sequence[str]) -> int:
    """Try machines in turn until the time is over; the number of failures."""
    machines = [MACHINES[name] for name in names or MACHINES if not MACHINES[name].missing]
    end, tally, failures = time.monotonic() + seconds, Tally(), 0
    while time.monotonic() < end:
        for machine in machines:
            seeds = range(seed, seed + TOGETHER // 2)
            with tempfile.TemporaryDirectory() as folder:
                bits = 32 if seed % 4 else 64
                try:
                    check(seeds, machine, tally, Path(folder))
                    if seed % 3 == 0:
                        check_vector_math(machine, bits, 331, Path(folder, "ops"), seed)
                except (Mismatch, AssertionError, MicrogradError) as error:
                    failures += 1
                    print(f"{machine.target}, seeds from {seed}: {error}", flush=True)
            seed += TOGETHER // 2
    print(f"{tally.programs} functions, {tally.kernels} kernels, {tally.numbers} numbers, ", end="")
    print(f"{tally.vague} vague, {failures} failures, up to seed {seed}; {dict(tally.kinds)}")
    return failures


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]) > 0)
