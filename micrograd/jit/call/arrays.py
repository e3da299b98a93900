"""Calls with arrays: `main_block` as a NumPy ufunc, and on several threads where that pays.

NumPy broadcasts, converts, walks strides and copies operands that overlap; kernels with arrays
behave like its own functions because they are. A parameter or result that is a sequence of n
numbers is the core dimension `(n)` of a generalised ufunc.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import SignatureError, kind
from ..trace.signature import SCALAR, build, count, row
from .array_code import BatchCode, Operands, ufunc_of
from .convention import Convention
from .layout import leaves_of, moved_last, new_rows, side_by_side
from .quiet import quiet
from .threads import SPLIT_WORK, run, worthwhile

Array = npt.NDArray[Any]
Copies: TypeAlias = Sequence[tuple[Array, list[Array]]]

_READY = frozenset({np.ndarray, float})  # what a ufunc is given as it is


class ArrayCaller:
    """A kernel that maps over arrays.

    work   operations at one point, by which work is divided among threads

    Its ufunc owns the code, so that a call that runs keeps it.
    """

    def __init__(self, convention: Convention, code: BatchCode, work: int) -> None:
        self.convention = convention
        self.work = work
        self.code = code
        self.native = code.native
        self.operands = Operands.of(convention)
        self.ufunc = ufunc_of(convention, [self.code], convention.name)
        self.dtype = convention.dtype
        self._is_double = self.dtype == np.float64
        n = len(self.operands.inputs) + len(self.operands.outputs)
        self._dtypes = (self.dtype,) * n
        self._structures = [s for _, s in convention.passed if count(s)]
        self._converts_shapes = any(self.operands.inputs)
        # whether the operands are others than the arguments
        self._arranges = self.operands.stacked or len(self._structures) < len(convention.passed)
        self._has_cores = any(self.operands.outputs)
        self.results = sum(max(1, n) for n in self.operands.outputs)
        together = self.operands.outputs == (self.results,) and self._has_cores
        self._gives_row = together and convention.result == row(list, self.results)

    def __call__(
        self,
        arguments: Sequence[Any],
        shape: tuple[int, ...],
        out: Any = None,
        where: Any = True,
        threads: int | None = None,
        last: bool = False,
    ) -> Any:
        """The kernel at every point.

        arguments   per parameter a number or an array; for a container a list of them, or one
                    array with the numbers along its last axis
        shape       what they broadcast to
        out         an array, or a tuple of arrays in the order of the results; or one array with
                    the results along its first axis, which is then what is returned
        last        whether a new list of results shall be one array with them along its last axis,
                    if that is no more work

        What overflows on the way is inf, without a warning, as in arithmetic.
        """
        indices = self.convention.indices
        if indices is not None:
            columns = indices.columns(self.convention.name, arguments, self.dtype)
            behind, unread = len(indices.names), indices.unread
            given = [0.0 if k in unread else x for k, x in enumerate(arguments[:behind])]
            arguments = [*given, *columns, *arguments[behind:]]
        if where is True and self._are_as_computed(arguments, out):
            return self._mapped(arguments, shape, out, where, threads, last, False)
        return quiet().run(self._mapped, arguments, shape, out, where, threads, last, True)

    def _are_as_computed(self, arguments: Sequence[Any], out: Any) -> bool:
        """Whether all numbers are of the kernel's own dtype, so that none is converted."""
        dtype, is_double = self.dtype, self._is_double
        for x in arguments:
            if x.__class__ is np.ndarray:
                if x.dtype is not dtype:
                    return False
            elif x.__class__ is not float or not is_double:
                return False
        return out is None or (out.__class__ is np.ndarray and out.dtype is dtype)

    def _mapped(
        self,
        arguments: Sequence[Any],
        shape: tuple[int, ...],
        out: Any,
        where: Any,
        threads: int | None,
        last: bool,
        converts: bool,
    ) -> Any:
        converts = converts or self._arranges
        inputs = self._inputs(arguments) if converts else arguments
        n, returned = self.results, out
        copies: Copies = ()
        if isinstance(out, tuple):
            rows, returned = self._separate(out, shape), None
            outputs, copies = self._gathered(rows)
        elif n == 1:
            if out is None:
                out = np.empty(shape, self.dtype)
            else:
                if isinstance(out, np.ndarray) and out.shape == (1, *shape) != shape:
                    out = out[0, ...]
                self._check(out, shape)
            rows = [out]
            outputs = [out[..., None]] if self._has_cores else rows
        elif last and out is None and self._gives_row:
            returned = np.empty((*shape, n), self.dtype)
            outputs = [returned]
        else:
            if out is None:
                out = new_rows(n, shape, self.dtype)
            else:
                self._check(out, (n, *shape))
            rows = list(out) if shape else [out[k, ...] for k in range(n)]
            outputs = self._parts(out) if self._has_cores else rows
        work = prod(shape) * self.work
        parts = 1 if work < SPLIT_WORK else worthwhile(work, threads)
        if parts == 1:
            self._apply(inputs, outputs, where, converts)
        else:
            inputs = [_apart(x, outputs) for x in inputs]
            jobs = self._split(inputs, outputs, where, shape, parts)
            run([partial(quiet().run, self._apply, *job, converts) for job in jobs])
        for source, targets in copies:
            for target, values in zip(targets, source, strict=True):
                target[...] = values
        if returned is not None:
            return returned
        if self.convention.result is SCALAR:
            return rows[0]
        return build(self.convention.result, iter(rows))

    # -- operands ------------------------------------------------------------------------------

    def _inputs(self, arguments: Sequence[Any]) -> list[Any]:
        dtype = self.dtype
        structures = self._structures
        if len(arguments) != len(structures):
            arguments = [
                x for x, (_, s) in zip(arguments, self.convention.passed, strict=True) if count(s)
            ]
        if not self._converts_shapes:
            return [x if x.__class__ in _READY else np.asarray(x) for x in arguments]
        if self.operands.stacked:
            leaves = [
                leaf
                for x, s in zip(arguments, structures, strict=True)
                for leaf in ([x] if s is SCALAR else leaves_of(x))
            ]
            return [side_by_side(leaves, dtype)]
        return [
            x if x.__class__ in _READY else side_by_side(x, dtype) if size else np.asarray(x)
            for x, size in zip(arguments, self.operands.inputs, strict=True)
        ]

    def _separate(self, out: Sequence[Any], shape: tuple[int, ...]) -> list[Array]:
        """The arrays of a tuple, with new ones where it has None."""
        name, n = self.convention.name, self.results
        if len(out) != n:
            raise SignatureError(
                f"{name} gives {n} array{'s' * (n != 1)}; out has {len(out)} of them"
            )
        for array in out:
            if array is not None:
                self._check(array, shape)
        given = [np.empty(shape, self.convention.dtype) if a is None else a for a in out]
        if any(
            np.may_share_memory(a, b) and np.shares_memory(a, b)
            for k, a in enumerate(given)
            for b in given[:k]
        ):
            raise SignatureError(f"{name}: the arrays of out overlap; give each memory of its own")
        return given

    def _parts(self, block: Array) -> list[Array]:
        """The operands that receive the results, of an array with these along its first axis."""
        operands, k = [], 0
        for size in self.operands.outputs:
            operands.append(moved_last(block[k : k + size]) if size else block[k, ...])
            k += max(1, size)
        return operands

    def _gathered(self, rows: list[Array]) -> tuple[list[Array], Copies]:
        """The operands for results in these arrays, and what must be copied from them afterwards:
        arrays with results along the first axis, and where those go.
        """
        operands: list[Array] = []
        copies = []
        k = 0
        for size in self.operands.outputs:
            if not size:
                operands.append(rows[k])
                k += 1
                continue
            some = rows[k : k + size]
            k += size
            together = np.empty((size, *rows[0].shape), dtype=self.convention.dtype)
            copies.append((together, some))
            operands.append(moved_last(together))
        return operands, copies

    def _check(self, out: Any, shape: tuple[int, ...]) -> None:
        """Raises SignatureError unless `out` can receive results of this shape."""
        dtype = self.convention.dtype
        if out.__class__ is not np.ndarray and (
            not isinstance(out, np.ndarray) or hasattr(out, "mask")
        ):
            got = kind(out)
        elif out.shape != shape:
            got = f"one of shape {out.shape}"
        elif out.dtype is not dtype and not np.can_cast(dtype, out.dtype, "same_kind"):
            got = f"one of {out.dtype}, which {dtype} results do not fit"
        elif not out.flags.writeable:
            got = "a read-only one"
        else:
            return
        raise SignatureError(
            f"{self.convention.name}: out should be a writeable array of shape {shape}, got {got}"
        )

    # -- running ---------------------------------------------------------------------------------

    def _apply(
        self, inputs: Sequence[Any], outputs: Sequence[Array], where: Any, converts: bool
    ) -> None:
        """The ufunc on some of the points.

        converts   whether something may be of another dtype; else NumPy need not be told what to do
        """
        ufunc, dtypes = self.ufunc, self._dtypes
        if not converts:
            ufunc(*inputs, out=tuple(outputs))
        elif where is True:
            ufunc(*inputs, out=tuple(outputs), signature=dtypes, casting="unsafe")
        elif self.operands.signature is None:
            ufunc(*inputs, out=tuple(outputs), signature=dtypes, casting="unsafe", where=where)
        else:  # NumPy's generalised ufuncs take no mask
            fresh = [np.empty_like(o) for o in outputs]
            ufunc(*inputs, out=tuple(fresh), signature=dtypes, casting="unsafe")
            mask = np.asarray(where)
            for target, source, size in zip(outputs, fresh, self.operands.outputs, strict=True):
                np.copyto(target, source, where=mask[..., None] if size else mask)

    def _split(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Array],
        where: Any,
        shape: tuple[int, ...],
        parts: int,
    ) -> Iterator[tuple[list[Any], list[Array], Any]]:
        """The work in at most so many parts, along the longest axis."""
        axis = max(range(len(shape)), key=shape.__getitem__)
        from_end = len(shape) - axis  # operands of fewer dimensions are aligned at the last one
        length = shape[axis]
        parts = min(parts, length)
        bounds = [length * k // parts for k in range(parts + 1)]

        def cut(x: Any, core: int, part: slice) -> Any:
            if x.__class__ is float:
                return x
            at = x.ndim - bool(core) - from_end
            if at < 0 or x.shape[at] == 1:
                return x
            return x[(slice(None),) * at + (part,)]

        for low, high in pairwise(bounds):
            part = slice(low, high)
            yield (
                [cut(x, n, part) for x, n in zip(inputs, self.operands.inputs, strict=True)],
                [cut(x, n, part) for x, n in zip(outputs, self.operands.outputs, strict=True)],
                where if where is True else cut(np.asarray(where), 0, part),
            )


def _apart(x: Any, outputs: Sequence[Array]) -> Any:
    """The input, or a copy where one part of the work would write what another has yet to read.

    NumPy copies operands that overlap, but sees only one part.
    """
    if any(np.may_share_memory(x, o) and not _is_same(x, o) for o in outputs):
        return x.copy()
    return x


def _is_same(x: Array, y: Array) -> bool:
    """Whether two arrays have the same elements at the same places."""
    a, b = x.__array_interface__, y.__array_interface__
    return all(a[key] == b[key] for key in ("data", "shape", "typestr")) and x.strides == y.strides
