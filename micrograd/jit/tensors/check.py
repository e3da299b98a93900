"""Calls of functions of Tensors that are compared with the interpreter, some of them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..call.check import Checker, Numbers
from ..call.team import ALONE
from ..code import compile_program
from ..emit.interface import Interface
from ..ir.points import elements
from ..ir.program import Program, Role
from ..target import Target


class TensorChecker:
    """The first call of a code, and then one in so many, as docs/checking.md says.

    samples   the inputs that are the number of samples, and how often that counts
    """

    def __init__(
        self,
        name: str,
        program: Program,
        interface: Interface,
        target: Target,
        samples: Mapping[str, int],
    ) -> None:
        self._samples = samples
        self._program, self._interface, self._target = program, interface, target
        here = weakref.ref(self)

        def trial(shown: Program, inputs: Sequence[Numbers]) -> dict[str, Numbers]:
            checker = here()
            return checker._trial(shown, inputs) if checker is not None else {}

        self._checker = Checker(
            name,
            program,
            (),
            target.dtype,
            strict=target.strict and not target.arrays,  # functions are NumPy's, not Python's
            returned=None,
            trial=None if program.with_role(Role.EXTENT) else trial,
        )

    def check(self, numbers: Mapping[str, npt.NDArray[Any]], samples: int) -> None:
        """Raise CheckError unless what was written is what the interpreter gives.

        numbers   of the arrays by name, but for the number of samples
        """
        if not self._checker.due("main"):
            return
        columns = []
        for a in self._program.with_role(Role.INPUT):
            if a.name not in numbers:
                columns.append(np.array([[self._samples[a.name] * float(samples)]]))
                continue
            column = np.full((a.size, 1), 0.0 if a.is_index else np.nan)
            given = np.asarray(numbers[a.name], np.float64).reshape(-1, 1)
            column[: len(given)] = given  # there is room for more samples
            columns.append(column)
        extents = {a.name: samples for a in self._program.with_role(Role.EXTENT)}
        outputs = [self._written(numbers[n], n, samples) for n in self._checker.outputs]
        self._checker.compare(columns, np.concatenate(outputs)[:, None], extents)

    def _written(self, found: npt.NDArray[Any], name: str, samples: int) -> Numbers:
        """The numbers of an output; nan where there are no samples, as the interpreter has it."""
        program = self._program
        if program.with_role(Role.EXTENT):
            size = program.arrays[name].size
            known = Program(dict(program.arrays), list(program.body)).running(
                {a.name: samples for a in program.with_role(Role.EXTENT)}
                | {a.name: np.zeros(a.size) for a in program.index_arrays if a.below}
            )
            mask = np.zeros(size, dtype=bool)
            for s in known.statements:
                if s.target.array == name:
                    mask[elements(s.target, s.domain, known)] = True
            return np.where(mask, found.reshape(-1), np.nan)
        return found.reshape(-1).astype(np.float64)

    def _trial(self, program: Program, inputs: Sequence[Numbers]) -> dict[str, Numbers]:
        """What a program like this one gives, compiled in the same way but for more outputs."""
        code = compile_program(program, self._target, self._interface)
        names = [a.name for a in program.with_role(Role.INPUT)]
        given = dict(zip(names, inputs, strict=True))
        call = self._interface.call
        return call(code.address, program, self._target.dtype, given, ALONE.address)
