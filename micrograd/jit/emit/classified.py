"""The classes of the nodes of a large graph, by the machine code of class_code.py: one pass over
them, oldest first, and a table of hashes, in place of a pass of NumPy over each level.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering

from ..ir.classed import Classified, TooMany, Unclassified
from ..ir.graph import Column
from .class_code import CHEAP, COMMUTATIVE, INLINED, NONE, SUM, ClassCode
from .host_code import HostCode


@dataclass(frozen=True, slots=True)
class _Code:
    """The functions, and what keeps them alive."""

    module: Any
    count: Callable[..., None]
    join: Callable[..., int]
    classify: Callable[..., int]
    list: Callable[..., None]


def classified(given: Unclassified) -> Classified | None:
    """The classes; None if no machine code can be made.

    Raises TooMany.
    """
    code = _CODE.get()
    if code is None:
        return None
    n = len(given.codes)
    graph: list[npt.NDArray[Any]] = [
        np.ascontiguousarray(column) for column in (given.codes, *given.operands)
    ]
    codes, x, y, z = (column.ctypes.data for column in graph)
    used = np.zeros(n, dtype=np.int32)
    code.count(n, codes, x, y, z, used.ctypes.data)
    used[given.kept] += 2
    root = np.full(n, -1, dtype=np.int32)
    sums, first = np.zeros((2, n + 1), dtype=np.int32)
    joined = (column.ctypes.data for column in (used, root, given.position, sums, first))
    count = code.join(n, codes, x, y, *joined)
    sums, first = sums[:count].copy(), first[: count + 1].copy()
    facts = given.cheap * CHEAP + given.commutative * COMMUTATIVE
    entries = 1 << (2 * given.classes).bit_length()
    of_nodes: list[npt.NDArray[Any]] = [
        *graph,
        used,
        root,
        given.cls,
        given.position,
        facts.astype(np.int8),
    ]
    of_sums: list[npt.NDArray[Any]] = [
        first,
        first.copy(),
        np.empty(first[-1], np.int32),
        np.zeros(count, np.int32),
    ]
    hashes: list[npt.NDArray[Any]] = [
        np.zeros(count, np.int64),
        *(np.zeros(entries, np.int64) for _ in range(2)),
    ]
    of_classes = [np.zeros(given.classes + 1, np.int32) for _ in range(5)]
    columns = [*of_nodes, *of_sums, *hashes, np.zeros(entries, np.int32), *of_classes]
    limits = n, given.known, given.classes, given.arrays, given.inlined, given.deepest, entries - 1
    addresses = np.array([column.ctypes.data for column in columns], dtype=np.int64)
    numbers = np.array(limits, dtype=np.int64)
    classes = code.classify(numbers.ctypes.data, addresses.ctypes.data)
    if classes == NONE:
        raise TooMany
    depth, _, kind, oldest, many = (column[1 : classes + 1] for column in of_classes)

    def listed(offsets: Column) -> Column:
        members = np.empty(int(many[offsets >= 0].sum()), dtype=np.int64)
        places = given.cls, given.position, np.append(offsets, -1)
        code.list(n, *(column.ctypes.data for column in places), members.ctypes.data)
        return members

    own = given.cls, given.position, depth, oldest, many, kind & SUM != 0, kind & INLINED != 0
    return Classified(*own, sums, first, of_sums[2], listed)


def _functions(made: lowering.NativeModule) -> _Code:
    def function(name: str, result: Any, count: int) -> Callable[..., Any]:
        return ctypes.CFUNCTYPE(result, *[ctypes.c_size_t] * count)(made.address(name))

    return _Code(
        made,
        function("count", None, 6),
        function("join", ctypes.c_ssize_t, 9),
        function("classify", ctypes.c_ssize_t, 2),
        function("list", None, 5),
    )


_CODE = HostCode("classified", lambda b: ClassCode(b).emit(), _functions)
