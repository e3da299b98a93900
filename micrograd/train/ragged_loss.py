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
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..checking import is_checking
from ..engine import Value
from ..errors import CompilerError, TraceError, TrainingError
from ..jit.compile import normal, program_of
from ..jit.emit.interface import STORED
from ..jit.fingerprint import of_graph, of_program
from ..jit.ir.program import Array, Program, Role
from ..jit.ir.verify import verify
from ..jit.options import Options
from ..jit.reroll.general import General, Sizes, generalised
from ..jit.reroll.longer import Unlike
from ..jit.reroll.outputs import OUTPUT
from ..jit.reroll.reroll import reroll, reroll_strictly
from ..jit.trace.trace import Trace, without_collecting
from ..losses import expectations
from ..store import Store, adopt
from .check_loss import check_class
from .data import ColumnLabels
from .ragged_data import Ints, RaggedData
from .ragged_indices import RaggedIndices
from .sample_loss import Penalty, SampleValue, SingleLoss, column_labels, penalty_loss, trace_sample

SMALL = 9
"""Sizes that are enough to see loops at."""
SampleCode: TypeAlias = SingleLoss | SampleValue


@dataclass(slots=True)
class ClassCode:
    """What samples of a class are computed by: code, and what it is given beside their numbers.

    indices   of the rows of tables that it takes, for each index array of the loss i64[samples, n]
    """

    loss: SampleCode
    given: list[npt.NDArray[Any]]
    indices: list[Ints]

    @property
    def words(self) -> list[int]:
        """The address of the code, and those of what it is given."""
        return [self.loss.address, *(a.ctypes.data for a in self.given)]


class RaggedLoss:
    """A loss of samples that differ in length, with code for each class that is asked for.

    indices  of the index arrays that it looks rows of tables up by
    extras   how many arguments its codes have between data, with these, and weight
    own      the sizes whose classes have code of their own, though others share one
    has_limits   whether it has loops that run as often as it takes, up to a limit
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
        *,
        code: type[SampleCode] | None = None,
    ) -> None:
        self.function = function
        self.data = data
        self.parameters = parameters
        self.options = options
        adopt(parameters)
        self.penalty: Penalty | None = None
        if penalty is not None:
            self.penalty = penalty_loss(penalty, parameters, options)
        self._code = code or SingleLoss
        self.own: list[Sizes] = []
        self.has_limits = False
        self._traced: dict[Sizes, Trace] = {}
        self._expected: dict[Sizes, list[ColumnLabels]] = {}
        self._general: General | None = None
        self._shared: SampleCode | None = None
        self._stores: list[Store] = []
        self.indices = RaggedIndices(data)
        with without_collecting():
            if len(data.sizes) > 1:
                self._generalise()
            if self._general is None:
                for sizes in data.sizes:
                    self._traced[sizes] = self._traced.get(sizes) or self._trace(sizes)
        self.indices.fix()

    def code(self, sizes: Sizes) -> ClassCode:
        """The code for a class.

        Raises TrainingError or TraceError if the loss is none there, or for an index that is out
        of range, or a label that it does not take; CheckError, where the environment asks for it,
        if the code computes something else for the first sample than the interpreter.
        """
        made = self._class_code(sizes)
        if is_checking():
            check_class(made.loss, self.data, sizes, made.given, made.indices)
        return made

    def _class_code(self, sizes: Sizes) -> ClassCode:
        with without_collecting():
            found = self._traced.pop(sizes, None) or self._trace(sizes)
            for labels in self._expected[sizes]:
                self.data.check_labels(sizes, labels)
            indices = self.indices.of_class(sizes, found.graph.indices)
            if self._general is not None and self._shared is not None:
                given = self._general.given(sizes)
                if self._proves(found, given):
                    return ClassCode(self._shared, self._arguments(given), indices)
                self.own.append(sizes)
            loss, spare = self._code_of_its_own(found)
            return ClassCode(loss, spare, indices)

    @property
    def extras(self) -> int:
        """How many arguments codes have between the data and the weight."""
        return 0 if self._general is None else len(self._given(self._general.program))

    def _trace(self, sizes: Sizes) -> Trace:
        integers = [column.integers is not None for column in self.data.columns]
        shapes = self.data.shapes(sizes)
        with expectations() as expected:
            found = trace_sample(self.function, shapes, self.parameters, None, integers)
        self.has_limits |= any(region.going for region in found.graph.regions)
        self._expected[sizes] = column_labels(found, expected)
        self.indices.name(found.graph, sizes)
        return found

    def _generalise(self) -> None:
        """Find one program for all classes, from traces at small sizes, or else at the largest."""
        most = tuple(max(column) for column in zip(*self.data.sizes, strict=True))
        small = tuple(min(size, SMALL) for size in most)
        for first in dict.fromkeys((small, most)):
            around = [first]
            for k, size in enumerate(first):
                around.append((*first[:k], size - 1, *first[k + 1 :]))
            if min(map(min, around)) and self._generalises(around, most):
                return

    def _generalises(self, around: Sequence[Sizes], most: Sizes) -> bool:
        """Whether there is a program for all classes, found from these."""
        try:
            traces = [self._traced.get(sizes) or self._trace(sizes) for sizes in around]
        except (TraceError, TrainingError):
            if around[0] in self.data.sizes:
                raise
            return False
        for sizes, found in zip(around, traces, strict=True):
            if sizes in self.data.sizes:
                self._traced[sizes] = found
        if any(found.graph.regions for found in traces):  # fingerprints know no loops in a graph
            return False
        with suppress(Unlike, CompilerError):  # then each class has code of its own
            programs = [
                reroll_strictly(found.graph, _parameters(found))
                if self.options.strict
                else reroll(found.graph)
                for found in traces
            ]
            self._general = general = generalised(programs, around, most)
            program = verify(general.program, "generalised", stage="rerolled")
            self._stores = traces[0].stores
            if not self._is_for(most):
                raise Unlike("it is another one at the largest sizes")
            if program.found.strategy != "straight":
                program = normal(program, self.options.target)
            program = self._arranged(program, self._given(general.program))
            self._shared = self._code(
                program, traces[0], self.parameters, self.options, self.penalty
            )
            if self._shared.address:
                return True
        self._general = self._shared = None
        return False

    def _is_for(self, sizes: Sizes) -> bool:
        """Whether the program is proved for the largest sizes, if there are such samples."""
        if sizes not in self.data.sizes:
            return True
        found = self._traced[sizes] = self._traced.get(sizes) or self._trace(sizes)
        assert self._general is not None
        return self._proves(found, self._general.given(sizes))

    def _arranged(self, program: Program, given: Sequence[Array]) -> Program:
        """The program, its arguments in order: data, indices, then what depends on sizes."""
        arrays = dict(program.arrays)
        names = [*self._columns, *self.indices.names]
        first = {name: arrays.pop(name, _unused(name)) for name in names}
        first |= {a.name: arrays.pop(a.name, a) for a in given}
        return replace(program, arrays=first | arrays, body=list(program.body))

    @property
    def _columns(self) -> list[str]:
        return [f"x{k}" for k in range(len(self.data.columns))]

    def _given(self, program: Program) -> list[Array]:
        """What depends on sizes only, in order."""
        others = {*self._columns, *self.indices.names}
        return [a for a in program.with_role(Role.INPUT, Role.EXTENT) if a.name not in others]

    def _arguments(self, given: dict[str, Any]) -> list[npt.NDArray[Any]]:
        assert self._general is not None
        found = []
        for a in self._given(self._general.program):
            dtype: Any = STORED.get(a.dtype, self.options.dtype)
            if a.role is Role.EXTENT:
                dtype = np.int64
            found.append(np.array(given[a.name], dtype=dtype).reshape(-1))
        return found

    def _proves(self, found: Trace, given: dict[str, Any]) -> bool:
        """Whether the shared program is what was traced."""
        assert self._general is not None
        places = {id(store): k for k, store in enumerate(self._stores)}
        if found.graph.regions or any(id(store) not in places for store in found.stores):
            return False
        leaves = [*self._columns, *self.indices.names]
        columns = {name: -1 - k for k, name in enumerate(leaves)}
        keys = {f"p{k}": places[id(store)] for k, store in enumerate(found.stores)}
        shared = {f"p{k}": k for k in range(len(self._stores))}
        wanted = of_graph(found.graph, _unsigned(keys | columns))
        try:
            general = of_program(self._general.program, OUTPUT, _unsigned(shared | columns), given)
        except (ValueError, IndexError):  # sizes that it is not for
            return False
        return wanted == general

    def _code_of_its_own(
        self, found: Trace
    ) -> tuple[SingleLoss | SampleValue, list[npt.NDArray[Any]]]:
        """Code for one class, and what it is given and does not look at."""
        given = [] if self._general is None else self._given(self._general.program)
        program = program_of(found.graph, self.options.target, behind=_parameters(found))
        program = self._arranged(program, given)
        loss = self._code(program, found, self.parameters, self.options, self.penalty)
        return loss, [np.zeros(a.size, np.int64) for a in given]


def _parameters(found: Trace) -> list[str]:
    """The arrays whose derivatives are added to those of other samples."""
    return [name for name, _ in found.graph.parameters]


def _unused(name: str) -> Array:
    """An index array that nothing is looked up by."""
    return Array(name, Role.INPUT, dtype="i64", below=1)


def _unsigned(keys: dict[str, int]) -> dict[str, int]:
    return {name: key % (1 << 64) for name, key in keys.items()}
