"""Arrays that a call of a compiled function of Tensors passes: those given, checked, and new ones
for what it gives.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError, user_location
from ...real_types import BY_DTYPE
from ...tensor.primitive import Shape
from ..call.objects_entry import Passed
from ..call.team import ALONE, Team
from ..trace.batches import Batch, has_batch
from .derivatives import Result

Array = npt.NDArray[Any]
empty = np.empty
Finish = Callable[[Array, int], Array]
"""From an array that code has written, and the number of samples, to what is given."""
Fetch = Callable[[Sequence[Array], int], Array]
"""From the arrays that a call gives, and the number of samples, to what is passed."""


_ALONE = ALONE.address


@dataclass(slots=True)
class Passing:
    """How calls of `main` pass their arguments, in a list: arrays as they are given, which code
    looks at; what is made of others; and new ones for what it writes.

    main     of_objects, of ctypes
    direct   the places of arrays that are passed as they are
    convert  what is passed of them, where code cannot read them
    made     what is made of others
    rooms    the shapes of what it writes
    """

    main: Any
    address: int
    dtype: np.dtype[Any]
    direct: list[int]
    convert: list[Fetch]
    made: list[Fetch]
    rooms: list[Shape]

    @staticmethod
    def at(of_objects: int, *what: Any) -> Passing:
        """That by the function at an address (objects_entry.py)."""
        word = ctypes.c_void_p
        prototype = ctypes.CFUNCTYPE(ctypes.c_int64, word, word, ctypes.c_int64, word, word)
        return Passing(prototype(of_objects), *what)

    def __call__(self, arrays: Sequence[Array], samples: int, threads: int) -> list[Array]:
        """Run it, on so many threads; what was passed."""
        passed = [arrays[k] for k in self.direct]
        passed += [make(arrays, samples) for make in self.made]
        dtype = self.dtype
        passed += [empty(shape, dtype) for shape in self.rooms]
        if threads == 1:
            if not self.main(id(passed), id(dtype), samples, _ALONE, self.address):
                self._convert(passed, arrays, samples)
                self.main(id(passed), None, samples, _ALONE, self.address)
            return passed
        self._convert(passed, arrays, samples)
        team = Team(threads)
        with team.helped():
            self.main(id(passed), None, samples, team.address, self.address)
        return passed

    def _convert(self, passed: list[Array], arrays: Sequence[Array], samples: int) -> None:
        for k, fetch in enumerate(self.convert):
            passed[k] = fetch(arrays, samples)


class Direct:
    """Calls that pass arrays as they are, and give back new ones: most calls, at the least cost."""

    def __init__(self, passing: Passing, results: Sequence[int]) -> None:
        self._main, self._address, self._dtype = passing.main, passing.address, passing.dtype
        self._places, self._rooms, self._results = passing.direct, passing.rooms, list(results)

    def __call__(self, operands: Sequence[Any]) -> list[Array] | None:
        """The arrays of the results for Tensors; None where code cannot read one as it is."""
        dtype = self._dtype
        passed = [operands[k]._data for k in self._places]
        for shape in self._rooms:
            passed.append(empty(shape, dtype))
        if not self._main(id(passed), id(dtype), 0, _ALONE, self._address):
            return None
        return [passed[k] for k in self._results]


@dataclass(slots=True)
class ByAddress(Passing):
    """The same through ctypes alone, where objects are not as generated code would read them.

    entry   how each argument is passed
    """

    entry: Sequence[Passed]

    def __call__(self, arrays: Sequence[Array], samples: int, threads: int) -> list[Array]:
        """Run it, on one thread; what was passed."""
        makers = [*self.convert, *self.made]
        passed = [make(arrays, samples) for make in makers]
        passed += [np.empty(shape, self.dtype) for shape in self.rooms]
        given = [
            passed[p.place]
            if p.place is not None
            else np.array(samples * (p.factor or 1), self.dtype if p.factor else np.int64)
            for p in self.entry
        ]
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(given) + 1))
        prototype(self.address)(*(x.ctypes.data for x in given), _ALONE)
        return passed


def numbers(place: int, name: str, dtype: np.dtype[Any]) -> Fetch:
    """The numbers of an array, as code reads them."""

    def fetch(arrays: Sequence[Array], samples: int) -> Array:
        given = arrays[place]
        if given.dtype is dtype and given.flags.c_contiguous and given.flags.aligned:
            return given
        if given.dtype.kind == "i" and (abs(given) > BY_DTYPE[dtype].whole).any():
            raise DataError(
                f"{user_location()}: {name} has whole numbers above {BY_DTYPE[dtype].whole}, "
                f"which are no numbers of {dtype}"
            )
        return np.require(given, dtype, ["C", "A"])

    return fetch


def padded(fetch: Fetch, shape: Sequence[Any], most: int) -> Fetch:
    """The same with room for `most` samples along axes that are not the first."""
    whole = (0, *(most if isinstance(n, Batch) else n for n in shape[1:]))

    def spread(arrays: Sequence[Array], samples: int) -> Array:
        given = fetch(arrays, samples)
        out = np.zeros((given.shape[0], *whole[1:]), given.dtype)
        out[tuple(map(slice, given.shape))] = given
        return out

    return spread


def entries(place: int, name: str, below: int) -> Fetch:
    """Indices as code reads them: every one is looked at, and negative ones count from the end."""

    def fetch(arrays: Sequence[Array], samples: int) -> Array:
        given = arrays[place]
        found = np.where(given < 0, given + below, given)
        wrong = (found < 0) | (found >= below)
        if wrong.any():
            raise IndexError(
                f"{user_location()}: index {given[wrong].flat[0]} of {name} is out of range: the "
                f"axis has {below} elements"
            )
        return np.ascontiguousarray(found, np.int64)

    return fetch


def sizes(shape: Sequence[Any], samples: int) -> Shape:
    """A shape for so many samples."""
    return tuple([samples if isinstance(n, Batch) else n for n in shape])


def zeros(shape: Shape, dtype: Any) -> Finish:
    """What is 0 whatever code has written."""
    return lambda written, samples: np.zeros(sizes(shape, samples), dtype)


def finish(result: Result, size: int, written: np.dtype[Any]) -> Finish | None:
    """What a result is, of an array of so many elements that code has written: of so many samples
    as there are. None: the array.
    """
    shape, dtype, first = result.shape, result.dtype, result.first
    if has_batch(shape):
        return lambda written, samples: np.array(
            written[tuple(map(slice, sizes(shape, samples)))], dtype, order="C"
        )
    count = prod(shape)
    if count == size:
        return None if dtype is written else lambda written, samples: written.astype(dtype)
    return lambda written, samples: np.asarray(written[first : first + count], dtype).reshape(shape)
