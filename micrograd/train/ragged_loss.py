"""A loss of one sample, whose samples differ in length -> native code for each class of them.

The loss is traced at its largest sizes and next to them, and made one program with run-time trip
counts (jit/reroll/general.py). For a class of samples that program is used once it is proved to be
what the loss is at their sizes (jit/fingerprint.py): that takes a trace, and no compiling. What is
no such program, and a class for which it is another, has code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import CompilerError, TraceError, TrainingError
from ..jit.compile import normal, program_of
from ..jit.emit.interface import STORED
from ..jit.fingerprint import of_graph, of_program
from ..jit.ir.program import Program, Role
from ..jit.ir.verify import verify
from ..jit.options import Options
from ..jit.reroll.general import General, Sizes, generalised
from ..jit.reroll.longer import Unlike
from ..jit.reroll.outputs import OUTPUT
from ..jit.reroll.reroll import reroll, reroll_strictly
from ..jit.trace.trace import Trace, without_collecting
from ..store import Store, adopt
from .ragged_data import RaggedData
from .sample_loss import Penalty, SingleLoss, penalty_loss, trace_sample


@dataclass(slots=True)
class ClassCode:
    """What samples of a class are computed by: code, and what it is given beside their numbers."""

    loss: SingleLoss
    given: list[npt.NDArray[Any]]

    @property
    def words(self) -> list[int]:
        """The address of the code, and those of what it is given."""
        return [self.loss.address, *(a.ctypes.data for a in self.given)]


class RaggedLoss:
    """A loss of samples that differ in length, with code for each class that is asked for.

    extras   how many arguments its codes have between data and weight
    own      the sizes whose classes have code of their own, though others share one
    """

    address = 0
    """There is one for each class."""

    def __init__(
        self,
        function: Callable[..., Any],
        data: RaggedData,
        parameters: Sequence[Value],
        options: Options,
        penalty: Value | None = None,
    ) -> None:
        self.function = function
        self.data = data
        self.parameters = parameters
        self.options = options
        adopt(parameters)
        self.penalty: Penalty | None = None
        if penalty is not None:
            self.penalty = penalty_loss(penalty, parameters, options)
        self.own: list[Sizes] = []
        self._traced: dict[Sizes, Trace] = {}
        self._general: General | None = None
        self._shared: SingleLoss | None = None
        self._stores: list[Store] = []
        with without_collecting():
            if len(data.sizes) > 1:
                self._generalise()

    def code(self, sizes: Sizes) -> ClassCode:
        """The code for a class. Raises TrainingError or TraceError if the loss is none there."""
        with without_collecting():
            found = self._traced.pop(sizes, None) or self._trace(sizes)
            if self._general is not None and self._shared is not None:
                given = self._general.given(sizes)
                if self._proves(found, given):
                    return ClassCode(self._shared, self._arguments(given))
            if self._general is not None:
                self.own.append(sizes)
            return self._code_of_its_own(found)

    @property
    def extras(self) -> int:
        """How many arguments codes have between the data and the weight."""
        return 0 if self._general is None else len(self._given_names(self._general.program))

    def _trace(self, sizes: Sizes) -> Trace:
        return trace_sample(self.function, self.data.shapes(sizes), self.parameters)

    def _generalise(self) -> None:
        most = tuple(max(column) for column in zip(*self.data.sizes, strict=True))
        known = set(self.data.sizes)
        around = [most]
        for k, size in enumerate(most):
            if size < 2:
                return
            around.append((*most[:k], size - 1, *most[k + 1 :]))
        programs = []
        for sizes in around:
            try:
                found = self._trace(sizes)
            except (TraceError, TrainingError):
                if sizes in known:
                    raise
                return
            if sizes in known:
                self._traced[sizes] = found
            strict = self.options.strict
            programs.append((reroll_strictly if strict else reroll)(found.graph))
            if sizes is most or not self._stores:
                first = found
                self._stores = found.stores
        with suppress(Unlike, CompilerError):  # then each class has code of its own
            general = generalised(programs, around)
            program = verify(general.program, "generalised", stage="rerolled")
            if program.found.strategy != "straight":
                program = normal(program, self.options.target)
            program = self._with_weights_last(program)
            shared = SingleLoss(program, first, self.parameters, self.options, self.penalty)
            if shared.address:
                self._general, self._shared = general, shared

    def _with_weights_last(self, program: Program) -> Program:
        """The program, its arguments in order: data, then what depends on sizes."""
        last = self._given_names(program)
        arrays = {name: a for name, a in program.arrays.items() if name not in last}
        arrays |= {name: program.arrays[name] for name in last}
        return replace(program, arrays=arrays, body=list(program.body))

    def _given_names(self, program: Program) -> list[str]:
        """What depends on sizes only, in order."""
        columns = {f"x{k}" for k in range(len(self.data.columns))}
        given = program.with_role(Role.INPUT, Role.EXTENT)
        return [a.name for a in given if a.name not in columns]

    def _arguments(self, given: dict[str, Any]) -> list[npt.NDArray[Any]]:
        assert self._general is not None
        program = self._general.program
        found = []
        for name in self._given_names(program):
            a = program.arrays[name]
            dtype: Any = STORED.get(a.dtype, self.options.dtype)
            if a.role is Role.EXTENT:
                dtype = np.int64
            found.append(np.array(given[name], dtype=dtype).reshape(-1))
        return found

    def _proves(self, found: Trace, given: dict[str, Any]) -> bool:
        """Whether the shared program is what was traced."""
        assert self._general is not None
        places = {id(store): k for k, store in enumerate(self._stores)}
        if any(id(store) not in places for store in found.stores):
            return False
        columns = {f"x{k}": -1 - k for k in range(len(self.data.columns))}
        keys = {f"p{k}": places[id(store)] for k, store in enumerate(found.stores)}
        shared = {f"p{k}": k for k in range(len(self._stores))}
        wanted = of_graph(found.graph, _unsigned(keys | columns))
        try:
            general = of_program(self._general.program, OUTPUT, _unsigned(shared | columns), given)
        except (ValueError, IndexError):  # sizes that it is not for
            return False
        return wanted == general

    def _code_of_its_own(self, found: Trace) -> ClassCode:
        program = program_of(found.graph, self.options.target)
        given = []
        if self._general is not None:
            for name in self._given_names(self._general.program):
                a = self._general.program.arrays[name]
                program.arrays[name] = a
                given.append(np.zeros(a.size, np.int64))
        loss = SingleLoss(program, found, self.parameters, self.options, self.penalty)
        return ClassCode(loss, given)


def _unsigned(keys: dict[str, int]) -> dict[str, int]:
    return {name: key % (1 << 64) for name, key in keys.items()}
