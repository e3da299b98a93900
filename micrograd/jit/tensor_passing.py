"""Arrays that a call of a compiled function of Tensors passes: those given, checked, and new ones
for what it gives.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, user_location
from ..tensor.primitive import Shape
from .call.ndarrays import ARRAY, usable
from .call.team import ALONE, Team
from .tensor_derivatives import Result
from .trace.batches import Batch, has_batch

Array = npt.NDArray[Any]
WHOLE = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}
"""Whole numbers below this are numbers of the dtype."""
Finish = Callable[[Array, int], Array]
"""From an array that code has written, and the number of samples, to what is given."""
Fetch = Callable[[Mapping[int, Array], int], Array]
"""From the arrays of live rows, and the number of samples, to what is passed."""
_word = ctypes.c_size_t.from_address


def _address(array: Array) -> int:
    return int(array.ctypes.data)


def _address_in_place(array: Array) -> int:
    return _word(id(array) + ARRAY.data).value


@dataclass(slots=True)
class Passing:
    """How calls of `main` pass their arguments.

    fetch    for each argument, the array that is passed
    address  where an array's numbers are
    """

    main: Callable[..., None]
    fetch: list[Fetch]
    address: Callable[[Array], int]

    @staticmethod
    def of(address: int, fetch: list[Fetch]) -> Passing:
        """That of the function at an address, whose last argument is a team."""
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(fetch) + 1))
        return Passing(prototype(address), fetch, _address_in_place if usable() else _address)

    def __call__(self, arrays: Mapping[int, Array], samples: int, threads: int) -> list[Array]:
        """Run it, on so many threads; what was passed."""
        passed = [fetch(arrays, samples) for fetch in self.fetch]
        if threads == 1:
            self.main(*map(self.address, passed), ALONE.address)
            return passed
        team = Team(threads)
        with team.helped():
            self.main(*map(self.address, passed), team.address)
        return passed


def numbers(row: int, name: str, dtype: np.dtype[Any]) -> Fetch:
    """The numbers of a row, as code reads them."""

    def fetch(arrays: Mapping[int, Array], samples: int) -> Array:
        given = arrays[row]
        if given.dtype is dtype and given.flags.c_contiguous:
            return given
        if given.dtype.kind == "i" and (abs(given) > WHOLE[dtype]).any():
            raise DataError(
                f"{user_location()}: {name} has whole numbers above {WHOLE[dtype]}, "
                f"which are no numbers of {dtype}"
            )
        return np.ascontiguousarray(given, dtype)

    return fetch


def padded(fetch: Fetch, shape: Sequence[Any], most: int) -> Fetch:
    """The same with room for `most` samples along axes that are not the first."""
    whole = (0, *(most if isinstance(n, Batch) else n for n in shape[1:]))

    def spread(arrays: Mapping[int, Array], samples: int) -> Array:
        given = fetch(arrays, samples)
        out = np.zeros((given.shape[0], *whole[1:]), given.dtype)
        out[tuple(map(slice, given.shape))] = given
        return out

    return spread


def entries(row: int, name: str, below: int) -> Fetch:
    """Indices as code reads them: every one is looked at, and negative ones count from the end."""

    def fetch(arrays: Mapping[int, Array], samples: int) -> Array:
        given = arrays[row]
        found = np.where(given < 0, given + below, given)
        wrong = (found < 0) | (found >= below)
        if wrong.any():
            raise IndexError(
                f"{user_location()}: index {given[wrong].flat[0]} of {name} is out of range: the "
                f"axis has {below} elements"
            )
        return np.ascontiguousarray(found, np.int64)

    return fetch


def count(factor: int, dtype: Any) -> Fetch:
    """The number of samples, or a multiple."""
    return lambda arrays, samples: np.array(factor * samples, dtype)


def new(shape: Shape, dtype: Any) -> Fetch:
    """An array for what the code writes."""
    return lambda arrays, samples: np.empty(shape, dtype)


def sizes(shape: Sequence[Any], samples: int) -> Shape:
    """A shape for so many samples."""
    return tuple([samples if isinstance(n, Batch) else n for n in shape])


def zeros(shape: Shape, dtype: Any) -> Finish:
    """What is 0 whatever code has written."""
    return lambda written, samples: np.zeros(sizes(shape, samples), dtype)


def finish(result: Result, size: int) -> Finish:
    """What a result is, of an array of so many elements that code has written: of so many samples
    as there are.
    """
    shape, dtype, first = result.shape, result.dtype, result.first
    if has_batch(shape):
        return lambda written, samples: np.array(
            written[tuple(map(slice, sizes(shape, samples)))], dtype, order="C"
        )
    count = prod(shape)
    if count == size:
        return lambda written, samples: (
            written if written.dtype is dtype else np.asarray(written, dtype)
        )
    return lambda written, samples: np.asarray(written[first : first + count], dtype).reshape(shape)
