"""Parameters of an optimiser -> where they, their partials and their state lie in memory, for
native loops to read and write them there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import compress, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import Value
from ..errors import TrainingError, kind
from ..jit.executable import Executable
from ..optimizer import Optimizer
from ..store import addresses

Numbers = npt.NDArray[np.float64]


def runs_of(
    parameters: Sequence[Value], places: Sequence[int] | npt.NDArray[np.int64], most: int
) -> npt.NDArray[np.int64]:
    """Parameters that lie in a row in memory, in the gradient and in the state: i64[runs, 4].

    places   where each parameter's partial is in the gradient
    most     parameters in a run

    They must be live.
    """
    columns = np.stack([addresses(parameters), np.array(places), np.arange(len(parameters))])
    next_to = (np.diff(columns) == np.array([[8], [1], [1]])).all(axis=0)
    starts = np.concatenate([[0], np.flatnonzero(~next_to) + 1, [len(parameters)]])
    first = np.concatenate([np.arange(a, b, most) for a, b in pairwise(starts)])
    counts = np.diff(first, append=len(parameters))
    return np.ascontiguousarray(np.vstack([columns[:, first], counts]).T)


def places_of(parameters: Sequence[Value], kernel: Executable) -> npt.NDArray[np.int64]:
    """Where the partial of each parameter is in the gradient that a kernel writes.

    Raises TrainingError for a parameter that is not there.
    """
    starts = {f"p{k}": store.address for k, store in enumerate(kernel.stores)}
    there = np.array(
        [
            starts[e[0]] + 8 * e[1] if e is not None and e[0] in starts else 0
            for e in kernel.wrt or (None,)  # of no partial, one that is nowhere
        ],
        dtype=np.int64,
    )
    live = [p._plain is not None for p in parameters]
    wanted = np.full(len(parameters), -1, dtype=np.int64)
    wanted[live] = addresses(list(compress(parameters, live)))
    order = np.argsort(there, kind="stable")
    places: npt.NDArray[np.int64] = order[
        np.minimum(np.searchsorted(there, wanted, sorter=order), len(there) - 1)
    ]
    missing = np.flatnonzero(there[places] != wanted)
    if len(missing):
        k = int(missing[0])
        label = f" ({parameters[k].label})" if parameters[k].label else ""
        raise TrainingError(
            f"parameter {k}{label} of the optimizer is not one that the kernel has a gradient for; "
            "give both the same: jit(loss, wrt=model.parameters()), and an optimizer of "
            "model.parameters()"
        )
    return places


def column_of(optimizer: Optimizer, name: str) -> Numbers:
    """The state of that name, where native code can read and write it.

    Raises TrainingError if a callback has put something else there.
    """
    column: Any = optimizer.state[name]
    n = len(optimizer.parameters)
    if not (
        isinstance(column, np.ndarray)
        and column.dtype == np.float64
        and column.shape == (n,)
        and column.flags.carray
    ):
        raise TrainingError(
            f"state[{name!r}] of the optimizer should be an array of {n} float64 numbers, got "
            f"{kind(column)}; change its elements: optimizer.state[{name!r}][:] = ..."
        )
    return column


class Unrounded:
    """Parameters as they are now, at `runs_of` them, for those that an update in narrower numbers
    leaves as they are to stay so: it writes them as it has read them, rounded.
    """

    def __init__(self, runs: npt.NDArray[np.int64]) -> None:
        self._there = [
            np.ctypeslib.as_array((ctypes.c_double * int(count)).from_address(int(address)))
            for address, _, _, count in runs
        ]
        self._before = [column.copy() for column in self._there]

    def restore(self, dtype: np.dtype[Any]) -> None:
        """Let those that are what they were, but for rounding to `dtype`, be what they were."""
        with np.errstate(all="ignore"):
            for now, before in zip(self._there, self._before, strict=True):
                same = now == before.astype(dtype)
                now[same] = before[same]
