"""The integers among the arguments of a call -> the index arrays that `main` takes.

Every index is looked at before compiled code runs, which reads whatever it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IndexRangeError, SignatureError, kind
from ...index_arrays import IndexArray
from ..ir.graph import FIRST_OP, INPUT, Graph
from ..trace.signature import Container, Structure, row

FEW = 32
"""Indices up to so many are computed one by one: NumPy takes longer."""
_INTEGERS = {int}
_INT64 = np.dtype(np.int64)


@dataclass(frozen=True)
class Indices:
    """The index arrays of a kernel.

    arrays   in the order of `main`, behind the arguments of the source
    places   which parameters the arrays of integers are, by the names of these
    names    of the parameters of the source
    is_row   whether each is several numbers
    unread   which parameters are an integer of which code reads nothing but the index
    each     what calls with arrays have many of, for errors
    """

    arrays: Sequence[IndexArray]
    places: Mapping[str, int]
    names: Sequence[str]
    is_row: Sequence[bool]
    unread: frozenset[int]
    each: str = "point"

    @property
    def parameters(self) -> list[tuple[str, Structure]]:
        """What `main` takes, as parameters."""
        return [(a.name, row(list, len(a.elements))) for a in self.arrays]

    def entries(self, name: str, arguments: Sequence[Any]) -> list[npt.NDArray[np.int64]]:
        """Each index array for the arguments of a call with numbers: i64[n].

        name   of the kernel, for errors

        Raises SignatureError for what is no integer, IndexRangeError for an index of no row.
        """
        straight = self._straight(arguments)
        if straight is not None:
            return straight
        few = [self._few(a, arguments) for a in self.arrays]
        rows: Sequence[Any] = self._rows(name, arguments) if None in few else few
        return [np.ascontiguousarray(numbers, dtype=np.int64) for numbers in rows]

    @cached_property
    def _plain(self) -> list[tuple[int, int, int]] | None:
        """Of index arrays that are the integers of one argument each, as these lie: which it is,
        how many there are of it, 0 for one alone, and below what they are; None if one is another.
        """
        if not all(a.is_plain for a in self.arrays):
            return None
        places = [self.places[a.arrays[0]] for a in self.arrays]
        return [
            (place, len(a.elements) * self.is_row[place], a.below)
            for a, place in zip(self.arrays, places, strict=True)
        ]

    def _straight(self, arguments: Sequence[Any]) -> list[npt.NDArray[np.int64]] | None:
        """The index arrays where arguments are what they are made of, and all of it is of rows."""
        found = []
        for place, width, below in self._plain or ():
            x = arguments[place]
            if x.__class__ is not np.ndarray or x.dtype is not _INT64 or not x.size:
                return None
            if not x.flags.c_contiguous or (width and x.shape[-1] != width):
                return None
            if x.view(np.uint64).max() >= below:  # what is negative is large
                return None
            found.append(x if width else x[..., None])
        return found or None

    def _few(self, a: IndexArray, arguments: Sequence[Any]) -> list[int] | None:
        """The numbers of the rows of few indices of integers of Python, if all are of rows."""
        if len(a.elements) > FEW:
            return None
        given = []
        for array in a.arrays:
            x = arguments[self.places[array]]
            if x.__class__ is int:
                x = (x,)
            elif x.__class__ not in (list, tuple) or not _INTEGERS.issuperset(map(type, x)):
                return None
            given.append(x)
        return a.rows(given)

    def _rows(self, name: str, arguments: Sequence[Any]) -> list[npt.NDArray[Any]]:
        """The numbers of the rows of each index array, [..., n]."""
        found = []
        for a in self.arrays:
            given = {array: self._integers(name, array, arguments) for array in set(a.arrays)}
            said = a.said(given)
            if not a.fits(said):
                self._check(name, a, said)
                said = a.counted(said)
            found.append(said)
        return found

    def columns(
        self, name: str, arguments: Sequence[Any], dtype: np.dtype[Any]
    ) -> list[npt.NDArray[Any]]:
        """The same for the arguments of a call with arrays: [..., n] integers as wide as numbers of
        a dtype, as which they go through NumPy, that does not look at them.

        Raises SignatureError also for a table of more rows than these integers count.
        """
        found = []
        own = np.dtype(f"i{dtype.itemsize}")
        most = int(np.iinfo(own).max)
        for a, rows in zip(self.arrays, self._rows(name, arguments), strict=True):
            if a.below > most:
                raise SignatureError(
                    f"{name}: a table of {a.below} rows is too long for calls with arrays in "
                    f"{dtype}, which counts to {most}; compile it with dtype='f64'"
                )
            found.append(rows.astype(own, copy=False).view(dtype))
        return found

    def _integers(self, name: str, array: str, arguments: Sequence[Any]) -> npt.NDArray[Any]:
        """The integers of an argument, [..., n]."""
        place = self.places[array]
        x, said = arguments[place], f"{name}: {self.names[place]}"
        counts = all(a.counts for a in self.arrays if array in a.arrays)
        use = "how often a loop runs" if counts else "an index of rows"
        if isinstance(x, (list, tuple)):
            leaves = [_whole(v, f"{said}[{k}]", use) for k, v in enumerate(x)]
            return np.stack(np.broadcast_arrays(*leaves), axis=-1)
        return _whole(x, said, use) if self.is_row[place] else _whole(x, said, use)[..., None]

    def _check(self, name: str, a: IndexArray, said: npt.NDArray[Any]) -> None:
        wrong = a.is_outside(said)
        if not wrong.any():
            return
        *point, k = (int(x) for x in np.argwhere(wrong)[0])
        at = f" at {self.each} {point[0] if len(point) == 1 else tuple(point)}" if point else ""
        terms = [
            (scale, self._element(array, element))
            for scale, array, element in zip(a.scales, a.arrays, a.elements[k], strict=True)
        ]
        index = said[(*point, k)]
        raise IndexRangeError(f"{name}: {a.text(k, terms)}{at} {a.outside(index)}")

    def _element(self, array: str, element: int) -> str:
        text = self.names[self.places[array]]
        return f"{text}[{element}]" if self.is_row[self.places[array]] else text


def indices_of(
    graph: Graph, parameters: Sequence[tuple[str, Structure]], each: str = "point"
) -> Indices | None:
    """The index arrays of a graph, of which the first parameters are the source's; None if there
    are none.
    """
    if not graph.indices:
        return None
    given = graph.given
    source = parameters[: len(given)]
    is_row = [isinstance(s, Container) for _, s in source]
    places = {name: k for k, name in enumerate(given)}
    integers = {places[array] for a in graph.indices for array in a.arrays}
    read = {places.get(name) for name in _read(graph)}
    unread = frozenset(k for k in integers - read if not is_row[k])
    return Indices(graph.indices, places, [name for name, _ in source], is_row, unread, each)


def _read(graph: Graph) -> set[str]:
    """The inputs that something is computed of; all, if loops may read them."""
    names, sizes = zip(*graph.inputs, strict=True)
    if graph.regions:
        return set(names)
    used = np.zeros(len(graph), dtype=bool)
    used[graph.outputs] = True
    for column in (graph.x, graph.y, graph.z):
        used[column[(graph.codes >= FIRST_OP) & (column >= 0)]] = True
    leaves = graph.x[used & (graph.codes == INPUT)]
    return {names[k] for k in set(np.searchsorted(np.cumsum(sizes), leaves, "right").tolist())}


def _whole(x: Any, said: str, use: str) -> npt.NDArray[Any]:
    """Integers as an array, of objects where 64 bits do not do.

    use   what they are for, if it is an error
    """
    found = np.asarray(x)
    if found.dtype.kind in "iub":
        return found if found.dtype.kind != "b" else found.astype(np.int64)
    if found.dtype.kind == "O" and all(isinstance(v, int) for v in found.flat):
        return found
    if not found.size:  # an empty list is of no dtype
        return found.astype(np.int64)
    raise SignatureError(
        f"{said} is {use}, so it should be an integer, got "
        f"{kind(x) if not found.ndim else f'an array of {found.dtype}'}"
    )
