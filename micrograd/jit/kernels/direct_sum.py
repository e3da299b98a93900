"""Calls of the code for a sum over rows whose arguments lie as it reads them: whole arrays of its
dtype, lists and tuples of floats. What is the same for all such calls is found out once, for the
usual way costs more than code for few rows does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..call.convention import address, maker
from ..call.threads import worthwhile
from ..emit.interface import STORED
from ..trace.signature import SCALAR, Container, Structure
from .row_code import NOTHING, PARTS, RowCode
from .rows import Rows

_FLOATS = {float, np.float64}
Take = Callable[[Any], Any]
"""What an argument is as an array; None if it does not lie as the code reads it."""


class DirectSum:
    """Such calls of one code.

    rows    the parameters of rows, by their numbers
    places  where in a call the argument of each parameter stands; None: it is known
    known   the rows that are known, by the numbers of their parameters
    """

    def __init__(
        self,
        code: RowCode,
        rows: Collection[int],
        places: Sequence[int | None],
        known: Mapping[int, npt.NDArray[Any]],
    ) -> None:
        self.code, self.places, self.known = code, places, known
        self.arguments = sum(place is not None for place in places)
        unread = code.indices.unread if code.indices is not None else frozenset[int]()
        self._takes = [
            self._row(s, k in unread) if k in rows else self._shared(s, k in unread)
            for k, s in enumerate(code.structures)
        ]
        self._rows = [k for k in rows if k not in known]
        self._count = len(next(iter(known.values()))) if known else 0
        self._kinds = [
            STORED[code.transformed.arrays[a.name].dtype]
            for a in (code.indices.arrays if code.indices is not None else ())
        ]
        self._behind = len(code.graph.given)
        names = code.names
        places_of = {a.name: k for k, a in enumerate(code.passed)}
        self._to = [places_of[name] for name in names]
        offsets = np.cumsum([0, *code.sizes])[:-1].tolist()
        self._states = [
            (places_of[a.name], 8 * at) for a, at in zip(code.summed, offsets, strict=True)
        ]
        self._numbers = sum(code.sizes)
        self._table = ctypes.c_int64 * len(code.passed)
        self._make = maker(code.result)

    def _row(self, structure: Structure, unread: bool) -> Take:
        """Rows of numbers, or of integers of which nothing but indices is made."""
        dtype = self.code.options.dtype
        shape = _shape(structure)

        def take(x: Any) -> Any:
            if x.__class__ is not np.ndarray or x.ndim != 1 + len(shape) or x.shape[1:] != shape:
                return None
            if unread:
                return NOTHING if x.dtype.kind in "iu" else None
            return x if x.dtype is dtype and x.flags.c_contiguous else None

        return take

    def _shared(self, structure: Structure, unread: bool) -> Take:
        """A number, or some in a list, a tuple or an array."""
        dtype = self.code.options.dtype
        if unread:
            return lambda x: NOTHING if x.__class__ is int else None
        if structure is SCALAR:
            return lambda x: np.array(x, dtype) if x.__class__ in _FLOATS else None
        assert isinstance(structure, Container)
        kind: Any = structure.type
        shape, n = structure.keys, len(structure.items)

        def whole(x: Any) -> Any:
            fits = x.__class__ is np.ndarray and x.dtype is dtype and x.shape == shape
            return x if fits and x.flags.c_contiguous else None

        def items(x: Any) -> Any:
            fits = x.__class__ is kind and len(x) == n and _FLOATS.issuperset(map(type, x))
            return np.array(x, dtype) if fits else None

        if kind is np.ndarray:
            return whole
        return items if structure.is_flat and kind in (list, tuple) else lambda x: None

    def __call__(self, arguments: Sequence[Any]) -> Any:
        """The result; None if it is no such call."""
        code, known = self.code, self.known
        if len(arguments) != self.arguments:
            return None
        columns = [known[k] if p is None else arguments[p] for k, p in enumerate(self.places)]
        given = [
            code.known[k] if k in known else take(x)
            for k, (take, x) in enumerate(zip(self._takes, columns, strict=True))
        ]
        if any([x is None for x in given]):
            return None
        counts = {len(columns[k]) for k in self._rows}
        rows = counts.pop() if counts else self._count
        if counts or not rows or worthwhile(code.work * rows, code.options.threads) > 1:
            return None
        if code.indices is not None:
            entries = code.indices.entries(code.name, columns)
            pairs = zip(entries, self._kinds, strict=True)
            given[self._behind : self._behind] = [x.astype(kind, copy=False) for x, kind in pairs]
        return self._run(given, rows)

    def _run(self, given: Sequence[npt.NDArray[Any]], rows: int) -> Any:
        code = self.code
        blocks = -(-rows // code.size)
        parts = 1 if code.options.strict else min(blocks, PARTS)
        sums = np.zeros((parts, self._numbers))
        first, stride = address(sums), 8 * self._numbers
        table = self._table()
        for k, x in zip(self._to, given, strict=True):
            table[k] = address(x)
        function, held = code.running()
        at = ctypes.addressof(table)
        for part in range(parts):
            for k, offset in self._states:
                table[k] = first + part * stride + offset
            function(at, rows, blocks * part // parts, blocks * (part + 1) // parts)
        del held
        return self._make(code.rounded(np.add.accumulate(sums)[-1] if parts > 1 else sums[0]))


def direct_sum(
    code: RowCode,
    rows: Collection[str],
    data: Rows | None,
    places: Sequence[str],
) -> DirectSum | None:
    """That of a code; None if it keeps values.

    rows    the parameters of rows
    data    those that are known
    places  the parameters of a call
    """
    if code.keeps_values:
        return None
    order = [name for name, _ in code.parameters]
    known = {} if data is None else data.arrays
    return DirectSum(
        code,
        [k for k, name in enumerate(order) if name in rows],
        [places.index(name) if name in places else None for name in order],
        {k: known[name] for k, name in enumerate(order) if name in known},
    )


def _shape(structure: Structure) -> tuple[int, ...]:
    """The shape of a row of this structure."""
    if structure is SCALAR:
        return ()
    assert isinstance(structure, Container)
    return structure.keys if structure.type is np.ndarray else (len(structure.items),)
