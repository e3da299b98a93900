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
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import CompilerError
from ..jit.emit.interface import STORED
from ..jit.ir.program import Array, Program, Role
from ..jit.options import Options
from ..jit.reroll.general import Sizes
from ..jit.trace.trace import Trace, without_collecting
from ..locks import importing
from ..losses import expectations
from ..store import addresses, adopt
from .check_loss import check_class
from .data import ColumnLabels
from .plain_rows import LossComparison
from .ragged_data import Ints, RaggedData
from .ragged_indices import RaggedIndices
from .ragged_shared import Shared, arrays_of, shared_program
from .sample_loss import (
    SampleValue,
    SingleLoss,
    column_labels,
    digest,
    kept,
    penalty_loss,
    rerolled,
)
from .sample_trace import depends, no_parameters, trace_sample

if TYPE_CHECKING:
    from .abreast_loss import AbreastLoss

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
        self.penalty = None if penalty is None else penalty_loss(penalty, parameters, options)
        self._code = code or SingleLoss
        self.own: list[Sizes] = []
        self.has_limits = self._depends = False
        self._traced: dict[Sizes, Trace] = {}
        self._compared: set[Sizes] = set()
        self._expected: dict[Sizes, list[ColumnLabels]] = {}
        self._shared: Shared | None = None
        self._shared_code: SampleCode | None = None
        self.indices = RaggedIndices(data)
        with without_collecting():
            if len(data.sizes) > 1:
                self._generalise()
            if self._shared is None:
                for sizes in data.sizes:
                    self._traced[sizes] = self._traced.get(sizes) or self._trace(sizes)
            self._check_depends()
            self.indices.fix()
            for sizes in self.indices.suspects():
                found = self._traced.get(sizes) or self._trace(sizes)
                self.indices.of_class(sizes, found.outline.indices)
            if any(found.is_plain for found in self._traced.values()):
                self._compare(data.covering())

    def _check_depends(self) -> None:
        """Raises TrainingError for a loss that depends on no parameter, whatever the sizes are."""
        for sizes in self.data.sizes:
            if self._depends or self._code is SampleValue:
                return
            self._traced[sizes] = self._traced.get(sizes) or self._trace(sizes)
        if not self._depends:
            raise no_parameters()

    def code(self, sizes: Sizes) -> ClassCode:
        """The code for a class.

        Raises TrainingError or TraceError if the loss is none there, or for an index that is out
        of range, or a label that it does not take; CheckError, where that is asked for, if the code
        computes something else for the first sample than the interpreter.
        """
        made = self._class_code(sizes)
        if self.options.check:
            check_class(made.loss, self.data, sizes, made.given, made.indices)
        return made

    def _class_code(self, sizes: Sizes) -> ClassCode:
        with without_collecting():
            found = self._traced.pop(sizes, None) or self._trace(sizes)
            if found.is_plain and not self._compared:
                self._compare(self.data.covering())
            for labels in self._expected[sizes]:
                self.data.check_labels(sizes, labels)
            indices = self.indices.of_class(sizes, found.outline.indices)
            if self._shared is not None:
                assert self._shared_code is not None
                if self._shared.proves(found, sizes, self._leaves):
                    given = self._arguments(self._shared.general.given(sizes))
                    return ClassCode(self._shared_code, given, indices)
                self.own.append(sizes)
                if found.is_plain and sizes not in self._compared:
                    self._traced[sizes] = found
                    self._compare(
                        [int(np.argmax(self.data.classes == self.data.sizes.index(sizes)))]
                    )
            loss, spare = self._code_of_its_own(found)
            return ClassCode(loss, spare, indices)

    def abreast(self) -> AbreastLoss | None:
        """The code for several samples, if there is a program for all that has such a form."""
        shared = self._shared
        if shared is None or self.options.strict or self._code is not SingleLoss:
            return None
        with importing:
            from .abreast_loss import abreast_loss

        given = self._given(shared.general.program)
        program, names = self._arranged(shared.program, given), [a.name for a in given]
        with without_collecting():
            made_of = shared.stores, self._leaves, names, self.parameters, self.options
            return abreast_loss(program, *made_of)

    def is_shared(self, code: ClassCode) -> bool:
        """Whether a class has the code that others have, too."""
        return code.loss is self._shared_code

    @property
    def extras(self) -> int:
        """How many arguments codes have between the data and the weight."""
        return 0 if self._shared is None else len(self._given(self._shared.general.program))

    def _trace(self, sizes: Sizes) -> Trace:
        integers = [column.integers is not None for column in self.data.columns]
        shapes = self.data.shapes(sizes)
        with expectations() as expected:
            found = trace_sample(
                self.function, shapes, self.parameters, None, integers, self.data.called(sizes)
            )
        self._depends |= sizes in self.data.sizes and depends(found, self.parameters)
        self.has_limits |= any(region.going for region in found.outline.regions)
        self._expected[sizes] = column_labels(found, expected)
        self.indices.name(found.outline, sizes)
        found.digest()  # as long as its nodes are unread
        return found

    def _compare(self, rows: Sequence[int]) -> None:
        """Compare the loss, which looks up in plain Python, with its traces, by rows of data."""
        comparison, data = LossComparison(self.function, self.parameters), self.data

        def compare(row: int, *, partials: bool) -> None:
            sizes = data.sizes[int(data.classes[row])]
            found = self._traced[sizes] = self._traced.get(sizes) or self._trace(sizes)
            self._compared.add(sizes)
            called = "called with " + " and ".join(f"{c.called}[{row}]" for c in data.columns)
            comparison.row(found, data.shapes(sizes), data.row(row), called, partials=partials)

        comparison.rows(sorted(rows, key=data.numbers), compare)

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
        traces = []
        for sizes in around:
            is_asked = sizes in self.data.sizes
            try:
                found = self._traced.get(sizes) or self._trace(sizes)
            except Exception:
                if is_asked:
                    raise
                return False  # a loss may be for the sizes of its data only
            if is_asked:
                self._traced[sizes] = found
            traces.append(found)
        key = *(digest(found) for found in traces), *around, most, self._code, self._key
        shared = kept(key, lambda: self._shared_at(traces, around, most))
        if shared is None:
            return False
        if most in self.data.sizes:
            found = self._traced[most] = self._traced.get(most) or self._trace(most)
            if not shared.proves(found, most, self._leaves):
                return False
        leaves = tuple(self._leaves)
        if leaves not in shared.codes:
            program = self._arranged(shared.program, self._given(shared.general.program))
            code = None
            with suppress(CompilerError):
                code = self._code(program, traces[0], self.parameters, self.options, self.penalty)
            shared.codes[leaves] = code
        self._shared_code = shared.codes[leaves]
        self._shared = shared if self._shared_code is not None else None
        return self._shared is not None

    def _shared_at(
        self, traces: Sequence[Trace], around: Sequence[Sizes], most: Sizes
    ) -> Shared | None:
        """The program that these traces are at their sizes; None if there is none."""
        if any(found.outline.regions for found in traces):  # fingerprints know no loops in a graph
            return None
        return shared_program(traces, around, most, self.options.target)

    @property
    def _key(self) -> Any:
        """What code depends on beside the graph."""
        return addresses(self.parameters).tobytes(), self.options, self.penalty is None

    def _arranged(self, program: Program, given: Sequence[Array]) -> Program:
        """The program, its arguments in order: data, indices, then what depends on sizes."""
        arrays = dict(program.arrays)
        first = {name: arrays.pop(name, _unused(name)) for name in self._leaves}
        first |= {a.name: arrays.pop(a.name, a) for a in given}
        return replace(program, arrays=first | arrays, body=list(program.body))

    @property
    def _leaves(self) -> list[str]:
        """The data, and the index arrays."""
        return [*(f"x{k}" for k in range(len(self.data.columns))), *self.indices.names]

    def _given(self, program: Program) -> list[Array]:
        """What depends on sizes only, in order."""
        others = set(self._leaves)
        return [a for a in program.with_role(Role.INPUT, Role.EXTENT) if a.name not in others]

    def _arguments(self, given: dict[str, Any]) -> list[npt.NDArray[Any]]:
        assert self._shared is not None
        found = []
        for a in self._given(self._shared.general.program):
            dtype: Any = STORED.get(a.dtype, self.options.dtype)
            if a.role is Role.EXTENT:
                dtype = np.int64
            found.append(np.array(given[a.name], dtype=dtype).reshape(-1))
        return found

    def _code_of_its_own(
        self, found: Trace
    ) -> tuple[SingleLoss | SampleValue, list[npt.NDArray[Any]]]:
        """Code for one class, and what it is given and does not look at."""
        shared = self._shared
        given = [] if shared is None else self._given(shared.general.program)

        def made() -> SampleCode:
            program = rerolled(found.graph, self.options.target, arrays_of(found))
            program = self._arranged(program, given)
            return self._code(program, found, self.parameters, self.options, self.penalty)

        names = *self._leaves, *((a.name, a.size, a.dtype) for a in given)
        loss = kept((digest(found), names, self._code, self._key), made)
        return loss, [np.zeros(a.size, np.int64) for a in given]


def _unused(name: str) -> Array:
    """An index array that nothing is looked up by."""
    return Array(name, Role.INPUT, dtype="i64", below=1)
