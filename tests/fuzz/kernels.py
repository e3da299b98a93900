"""A function -> the kernels that can be derived of it, each compared with the interpreter.

The interpreter runs the very program that was scheduled. Strict float64 must be equal to it;
elsewhere a number may be as far away as rounding can explain (micrograd/jit/ir/bounds.py), and nan
and infinities must be the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from micrograd.jit.call.check import same, within
from micrograd.jit.executable import Executable
from micrograd.jit.ir.bounds import interpret_bounded
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.program import Program, Role
from micrograd.jit.ir.rounding import Bounded
from micrograd.jit.kernels.kernel import Kernel
from micrograd.jit.options import Options
from micrograd.jit.target import Target
from micrograd.jit.trace.signature import SCALAR, Container, Structure, count, structure_of
from micrograd.jit.trace.source import FunctionSource
from micrograd.jit.wanted import Wanted

from ..targets import processor
from .programs import Case

Numbers = npt.NDArray[np.float64]

OF_ONE = frozenset(
    {Wanted.GRADIENT, Wanted.BOTH, Wanted.HESSIAN, Wanted.SPARSE_HESSIAN, Wanted.HVP}
)
"""What is derived of one result only."""
MOST_PARTIALS = 3000
"""Larger matrices of derivatives are left out: they take too long."""
MOST_INTERPRETED = 3000
"""Runs of statements up to which `interpret` confirms the interpreter with bounds."""


@dataclass(frozen=True)
class Form:
    """How a kernel is compiled and called.

    bits     of vectors
    points   how many points of arrays it is called at; 0: with numbers
    level    LLVM's, instead of that of the schedule; None: as it is
    target   the processor that the code is for, see tests/targets.py
    """

    wanted: Wanted
    bits: int
    dtype: str
    strict: bool
    points: int
    level: int | None
    target: str = "this"

    def __str__(self) -> str:
        how = f"{self.points} points" if self.points else "numbers"
        strict = ", strict" if self.strict else ""
        level = "" if self.level is None else f", LLVM level {self.level}"
        return (
            f"{self.wanted.value.name}, {self.dtype}{strict}, vectors of {self.bits} bits, {how}"
            f"{level}, for {self.target}"
        )


class Mismatch(Exception):
    """Compiled code that is wrong."""


class TooLong(Exception):
    """A program of more statements than there is time for."""


@dataclass
class Tally:
    """What was compared.

    vague    numbers that rounding could have made anything
    """

    programs: int = 0
    whole_programs: int = 0
    kernels: int = 0
    numbers: int = 0
    vague: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: Tally) -> Tally:
        self.programs += other.programs
        self.whole_programs += other.whole_programs
        self.kernels += other.kernels
        self.numbers += other.numbers
        self.vague += other.vague
        self.kinds += other.kinds
        return self


class Derived:
    """A case, traced once, and the kernels of it whose programs are not too long."""

    def __init__(self, case: Case, most_statements: int) -> None:
        self.case = case
        self.most_statements = most_statements
        self.source = FunctionSource(case.function, None, freeze=False)
        arguments = case.arguments(case.points[:, 0])
        self.structures = tuple(
            structure_of(x, p.name) for x, p in zip(arguments, self.source.parameters, strict=True)
        )
        self.recording = self.source.record(self.structures)
        self.results = len(self.recording.trace.graph.outputs)
        self.partials = len(self.recording.wrt)
        self._expected: dict[tuple[Wanted, str, int, str], dict[str, Bounded]] = {}

    @property
    def wanted(self) -> list[Wanted]:
        """What can be derived, and is not too large."""
        found = [w for w in Wanted if self.results == 1 or w not in OF_ONE]
        if self.results * self.partials > MOST_PARTIALS:
            found.remove(Wanted.JACOBIAN)
        if self.partials**2 > MOST_PARTIALS and Wanted.HESSIAN in found:
            found.remove(Wanted.HESSIAN)
        return found

    def extra(self, wanted: Wanted) -> tuple[Structure, ...]:
        """The structures of the parameters behind those of the function."""
        if wanted in (Wanted.JVP, Wanted.HVP):
            return self.structures
        return (self.recording.result,) if wanted is Wanted.VJP else ()

    def arguments(self, wanted: Wanted, points: int) -> list[Numbers]:
        """The numbers of each parameter: f64[size, points]."""
        structures = [*self.structures, *self.extra(wanted)]
        sizes = list(map(count, structures))
        given = self.case.points
        more = sum(sizes) - len(given)
        rng = np.random.default_rng(more)
        directions = rng.uniform(-1.0, 1.0, (more, given.shape[1])).astype(np.float32)
        numbers = np.concatenate([given, directions])[:, : max(1, points)]
        return np.split(numbers, np.cumsum(sizes)[:-1])

    def executable(self, form: Form) -> Executable:
        """The kernel, scheduled. Raises TooLong."""
        found, bits = processor(form.target), form.bits
        target = Target.host(form.dtype, strict=form.strict, vector_bits=bits, processor=found)
        options = Options.on(target)
        kernel = Kernel(self.source, options, form.wanted)
        names = [p.name for p in kernel._parameters]
        structures = [*self.structures, *self.extra(form.wanted)]
        parameters = list(zip(names, structures, strict=True))
        found = Executable(kernel.name, self.recording, parameters, form.wanted, options)
        if len(found.transformed.statements) > self.most_statements:
            found.close()
            raise TooLong
        found.has_entry = False  # that is tried by tests of its own, and takes as long again
        if form.level is not None:
            found.schedule.opt_level = form.level
        return found

    def expected(self, form: Form, found: Executable) -> dict[str, Bounded]:
        """What the interpreter makes of the arguments."""
        program = found.transformed
        key = (form.wanted, form.dtype, form.points, str(program))
        if key not in self._expected:
            names = [a.name for a in program.with_role(Role.INPUT)]
            columns = self.arguments(form.wanted, form.points)
            given: dict[str, Any] = dict(zip(names, columns, strict=True))
            for k, store in enumerate(found.stores):
                given[f"p{k}"] = np.array(store._data)
            points = max(1, form.points)
            dtype = np.dtype(form.dtype)
            bounded = interpret_bounded(program, given, dtype, points)
            work = sum(s.points for s in program.statements)
            if work <= MOST_INTERPRETED:
                self._confirm(program, given, bounded, dtype)
            self._expected[key] = bounded
        return self._expected[key]

    def _confirm(
        self, program: Program, given: dict[str, Any], bounded: dict[str, Bounded], dtype: Any
    ) -> None:
        """Assert that the interpreter with bounds is `interpret`, at the last point."""
        one = {
            name: np.asarray(x, dtype=dtype).astype(float).reshape(len(x), -1)[:, -1]
            for name, x in given.items()
        }
        for name, numbers in interpret(program, one).items():
            found = bounded[name].value[:, -1]
            if not same(numbers, found).all():
                raise Mismatch(f"interpret_bounded is not interpret: {found} and {numbers}")


def check(derived: Derived, form: Form, tally: Tally) -> None:
    """Compile and call one kernel. Raises Mismatch."""
    try:
        executable = derived.executable(form)
    except TooLong:
        return
    try:
        expected = derived.expected(form, executable)
        columns = derived.arguments(form.wanted, form.points)
        dtype = np.dtype(form.dtype)
        call = at_points if form.points else at_numbers
        found = call(executable, [c.astype(dtype) for c in columns])
        tally.kernels += 1
        tally.kinds[f"{form.wanted.value.name} {'rows' if form.points else 'numbers'}"] += 1
        for name, numbers in found.items():
            compare(form, executable.transformed, name, numbers, expected[name], tally)
    finally:
        executable.close()


def compare(
    form: Form, program: Program, name: str, found: Numbers, expected: Bounded, tally: Tally
) -> None:
    """Raises Mismatch where numbers are not what they should be."""
    value, error = expected.value, expected.error
    if form.strict and form.dtype == "f8":
        right = same(found, value)
        vague = np.zeros(found.shape, dtype=bool)
    else:
        vague = ~(error < 1e-2 * np.maximum(1.0, np.abs(value)))
        right = within(found, expected)
    tally.numbers += found.size
    tally.vague += int(vague.sum())
    if right.all():
        return
    k, point = np.argwhere(~right)[0]
    raise Mismatch(
        f"{form}: {name}[{k}] at point {point} is {found[k, point]!r}, should be "
        f"{value[k, point]!r}, give or take {2 * error[k, point]:.3g}; {(~right).sum()} of "
        f"{found.size} numbers are wrong"
    )


def at_numbers(executable: Executable, columns: Sequence[Numbers]) -> dict[str, Numbers]:
    """`main`, called with the first point: each output as f64[size, 1]."""
    convention = executable.convention
    passed: list[Any] = []
    kept = []
    for column, (_, structure) in zip(columns, convention.parameters, strict=True):
        if isinstance(structure, Container):
            # memory of just that size, so that a tool may see what is read beyond
            kept.append(np.ascontiguousarray(column[:, 0]))
            passed.append(kept[-1].ctypes.data)
        else:
            passed.append(float(column[0, 0]))
    written = np.full(convention.written or 0, np.nan, dtype=convention.dtype)
    if convention.written is not None:
        passed.append(written.ctypes.data)
    value = convention.prototype(executable.address)(*passed)
    return _by_output(executable, value, written[:, None].astype(np.float64))


def at_points(executable: Executable, columns: Sequence[Numbers]) -> dict[str, Numbers]:
    """The kernel mapped over all points: each output as f64[size, points]."""
    if not any(a.size for a in executable.transformed.with_role(Role.OUTPUT)):
        return {}  # the entries of a Hessian of zeros: kernels do not ask for these
    arrays = executable.arrays
    arguments: list[Any] = [
        column[0] if structure is SCALAR else list(column)
        for column, (_, structure) in zip(columns, executable.convention.parameters, strict=True)
    ]
    points = columns[0].shape[1]
    out = np.full((arrays.results, points), np.nan, dtype=executable.convention.dtype)
    arrays(arguments, (points,), out if arrays.results > 1 else out[0])
    rows = out.astype(np.float64)
    if executable.convention.returns:
        return _by_output(executable, rows[0], rows[1:])
    return _by_output(executable, None, rows)


def _by_output(executable: Executable, value: Any, written: Numbers) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for a in executable.transformed.with_role(Role.OUTPUT):
        if a.name == executable.interface.returned:
            found[a.name] = np.atleast_2d(np.asarray(value, dtype=np.float64))
        else:
            found[a.name] = written
    return found
