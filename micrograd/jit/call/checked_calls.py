"""Calls with numbers and with arrays that a Checker compares with the interpreter, some of them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.nests import distinct
from ..trace.signature import Container, count
from .array_code import BatchCode
from .arrays import ArrayCaller
from .check import Checker
from .convention import Caller, Convention

MOST_POINTS = 64
"""Of a call with arrays, so many points are interpreted: the first, the last and some between."""


class CheckedCaller(Caller):
    """Calls with numbers, some of which are compared."""

    def __init__(
        self, convention: Convention, address: int, code: object, checker: Checker
    ) -> None:
        super().__init__(convention, address, code)
        self._function = _compared(self._function, convention, checker)


def _compared(
    compiled: Callable[..., Any], convention: Convention, checker: Checker
) -> Callable[..., Any]:
    """`main`, of what ctypes is given; it holds no caller, which is then freed when dropped."""
    dtype = convention.dtype

    def numbers(address: int, size: int) -> npt.NDArray[Any]:
        return np.array((convention.number * size).from_address(address), dtype=dtype)

    entries = convention.entries

    def call(*passed: Any) -> Any:
        if not checker.due("main"):
            return compiled(*passed)
        columns = [
            np.array((ctypes.c_int64 * count(s)).from_address(x))
            if k in entries
            else numbers(x, count(s))
            if isinstance(s, Container)
            else np.array([x])
            for k, (x, (_, s)) in enumerate(zip(passed, convention.passed, strict=False))
        ]
        value = compiled(*passed)
        results = [np.array([value])] if convention.returns else []
        if convention.written:
            results.append(numbers(passed[-1], convention.written))
        together = np.concatenate([*results, np.zeros(0)]).astype(np.float64)
        checker.compare([c.astype(np.float64)[:, None] for c in columns], together[:, None])
        return value

    return call


class CheckedArrayCaller(ArrayCaller):
    """Calls with arrays, of some of which some points are compared."""

    def __init__(
        self, convention: Convention, code: BatchCode, work: int, checker: Checker
    ) -> None:
        super().__init__(convention, code, work)
        self._checker = checker
        self._due = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As of an ArrayCaller. Raises CheckError."""
        self._due = self._checker.due("arrays")
        return super().__call__(*args, **kwargs)

    def _apply(
        self, inputs: Sequence[Any], outputs: Sequence[Any], where: Any, converts: bool
    ) -> None:
        sizes = self.operands.outputs
        if not outputs:
            return
        shape = outputs[0].shape[:-1] if sizes[0] else outputs[0].shape
        points = int(np.prod(shape))
        narrow = any(o.dtype.itemsize < self.convention.dtype.itemsize for o in outputs)
        if not self._due or not points or narrow:  # what is stored narrow says little
            super()._apply(inputs, outputs, where, converts)
            return
        some = _some(points)
        if where is not True:
            some = some[np.broadcast_to(where, shape).reshape(-1)[some]]
        at = np.unravel_index(some, shape)
        # before the call, whose results may go to where its arguments are
        numbers = _rows(inputs, self.operands.inputs, shape, at)
        super()._apply(inputs, outputs, where, converts)
        if not len(some):
            return
        ends = np.cumsum([count(s) for _, s in self.convention.passed])[:-1]
        with np.errstate(over="ignore"):  # numbers too large for float32 are infinite
            numbers = numbers.astype(self.convention.dtype)
        columns = np.split(numbers, ends)
        for k in self.convention.entries:
            columns[k] = columns[k].view(f"i{columns[k].itemsize}")
        columns = [c.astype(np.float64) for c in columns]
        self._checker.compare(columns, _rows(outputs, sizes, shape, at).astype(np.float64))


def _some(points: int) -> npt.NDArray[np.int64]:
    """Of many points the first and last ones, and some between."""
    if points <= MOST_POINTS:
        return np.arange(points)
    each = MOST_POINTS // 4
    between = np.linspace(each, points - each, MOST_POINTS - 2 * each, dtype=np.int64)
    return distinct(np.concatenate([np.arange(each), between, np.arange(points - each, points)]))


def _rows(
    operands: Sequence[Any], sizes: Sequence[int], shape: tuple[int, ...], at: Any
) -> npt.NDArray[Any]:
    """The numbers of operands at some points: [numbers, points]."""
    rows = []
    for x, size in zip(operands, sizes, strict=True):
        whole = np.broadcast_to(np.asarray(x), (*shape, size) if size else shape)
        rows.append(whole[at].T if size else whole[at][None])
    return np.concatenate([*rows, np.zeros((0, len(at[0]) if at else 1))])
