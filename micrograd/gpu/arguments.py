"""Arguments of a call -> an array for each input of the program, and whether each point has its
own: what one point has lies in a row, what all have in columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SignatureError
from ..jit.call.arguments import broadcast, flatten
from ..jit.call.binding import bound
from ..jit.call.quiet import quiet
from ..jit.emit.interface import STORED
from ..jit.executable import Executable
from ..jit.ir.program import Role
from ..jit.kernels.kernel import Kernel
from ..jit.kernels.rows import Rows, rows_of
from ..jit.kernels.totals import Total
from ..jit.trace.signature import SCALAR, Structure

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Given:
    """What a call is given.

    executable  the recording for the structures of the arguments
    columns     what each input of the program is given
    shape       of the points
    fixed       whether the arrays of rows are the same in every call
    """

    executable: Executable
    columns: Sequence[Any]
    shape: tuple[int, ...]
    fixed: bool = False

    @property
    def count(self) -> int:
        """How many points there are."""
        return prod(self.shape)

    @cached_property
    def moving(self) -> tuple[bool, ...]:
        """For each input of the program, whether each point has its own."""
        return tuple(
            bool(x.ndim > (structure is not SCALAR))
            if isinstance(x, np.ndarray)
            else any(np.ndim(v) for v in ([x] if structure is SCALAR else x))
            for x, (_, structure) in zip(
                self.columns, self.executable.convention.passed, strict=True
            )
        )

    def is_fixed(self, k: int) -> bool:
        """Whether an input is the same in every call."""
        inputs = self.executable.transformed.with_role(Role.INPUT)
        return self.fixed and self.moving[k] and not inputs[k].is_index

    def numbers(self, k: int) -> Array:
        """What the code reads for an input: [size], or [size, n] if it moves."""
        a = self.executable.transformed.with_role(Role.INPUT)[k]
        dtype = np.dtype(STORED.get(a.dtype, self.executable.convention.dtype))
        moves, x = self.moving[k], self.columns[k]
        is_number = self.executable.convention.passed[k][1] is SCALAR
        return quiet().run(_laid_out, x, a.size, is_number, moves, self.shape, dtype)


def of_points(kernel: Kernel, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
    """The arguments of a kernel that maps over arrays."""
    variant, given = kernel._sorted(args, kwargs)
    parameters = variant._given(len(given))
    key, columns, shapes, values = flatten(variant.name, parameters, given, variant._is_value)
    _check_numbers(variant.name, values)
    executable = variant._executables.get(key) or variant._compile(key)
    shape = broadcast(variant.name, shapes) if shapes else ()
    return _given(executable, columns, shape)


def of_rows(
    total: Total,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    made: dict[tuple[Structure, ...], Executable],
) -> Given:
    """The arguments of a sum over rows.

    made   the recordings of one row that there are, by the structures of all parameters
    """
    places = [p.name for p in total._parameters]
    named = bound(total.name, total._parameters, places, args, kwargs)
    given = dict(zip(places, named, strict=True))
    rows: Rows | None = total._data
    if rows is None:
        rows = rows_of(total.name, {name: given.pop(name) for name in total._rows})
    shared = [p for p in total._parameters if p.name in given]
    structures, columns, _, values = flatten(total.name, shared, list(given.values()), False)
    _check_numbers(total.name, values or rows.has_values)
    names = [p.name for p in shared]
    known = {**dict(zip(names, structures, strict=True)), **rows.structures}
    numbers = {**dict(zip(names, columns, strict=True)), **rows.arrays}
    order = [p.name for p in (*total._source.parameters, *total._extra)]
    key = tuple([known[name] for name in order])
    if key not in made:
        recording, parameters = total._recorded(key), list(zip(order, key, strict=True))
        made[key] = Executable(total.name, recording, parameters, total._wanted, total._options)
    columns = [numbers[name] for name in order]
    fixed = total._data is not None
    return _given(made[key], columns, (rows.count,), rows=True, fixed=fixed)


def _check_numbers(name: str, values: bool) -> None:
    if values:
        raise SignatureError(f"{name}: a GPU takes numbers and arrays of them, not Values")


def _given(
    executable: Executable,
    columns: Sequence[Any],
    shape: tuple[int, ...],
    *,
    rows: bool = False,
    fixed: bool = False,
) -> Given:
    convention = executable.convention
    indices = convention.indices
    columns = list(columns)
    if indices is not None:
        behind = len(indices.names)
        columns[behind:behind] = indices.entries(convention.name, columns)
    if rows:
        columns = [
            x.reshape(len(x), prod(x.shape[1:])) if isinstance(x, np.ndarray) and x.ndim > 2 else x
            for x in columns
        ]
    return Given(executable, columns, shape, fixed)


def _laid_out(
    x: Any, size: int, is_number: bool, moves: bool, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array:
    if not moves:
        return np.ascontiguousarray([x] if is_number else x, dtype).reshape(-1)
    if is_number or not isinstance(x, np.ndarray):
        leaves = [x] if is_number else x
        own = [np.broadcast_to(np.asarray(v, dtype), shape).reshape(-1) for v in leaves]
        return np.ascontiguousarray(np.stack(own))
    rows = np.broadcast_to(x, (*shape, size))
    return np.ascontiguousarray(rows.reshape(-1, size).T, dtype)
