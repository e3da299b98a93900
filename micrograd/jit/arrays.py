"""Calls with arrays: `main_block` as a NumPy ufunc, and on several threads where that pays.

NumPy broadcasts, converts, walks strides and copies operands that overlap; kernels with arrays
behave like its own functions because they are. A parameter or result that is a sequence of n
numbers is the core dimension `(n)` of a generalised ufunc.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

import lowering

from ..errors import SignatureError, kind
from .calls import Convention
from .emit_block import BLOCK
from .signature import SCALAR, build, count
from .strided import STRIDED, points_in_block, strided_loop
from .threads import run, worthwhile
from .ufunc import MOST_OPERANDS, make_ufunc

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Operands:
    """How the numbers of a kernel are divided among the operands of its ufunc.

    inputs, outputs   the size of each operand's core dimension; 0: it has none
    stacked           all inputs lie along the core dimension of one operand, being too many
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stacked: bool

    @staticmethod
    def of(convention: Convention) -> Operands:
        inputs = tuple(0 if s is SCALAR else count(s) for _, s in convention.parameters)
        returned = (0,) * convention.returns
        written = convention.written or 0
        most = MOST_OPERANDS - len(inputs) - convention.returns
        outputs = (*returned, *(0,) * written) if not any(inputs) and written <= most else None
        if outputs is None:
            outputs = (*returned, written) if written else returned
        stacked = len(inputs) + len(outputs) > MOST_OPERANDS
        if stacked:
            inputs = (sum(max(1, n) for n in inputs),)
        return Operands(inputs, outputs, stacked)

    @property
    def signature(self) -> str | None:
        """As NumPy writes it; None if nothing has a core dimension."""
        if not any([*self.inputs, *self.outputs]):
            return None

        def dims(sizes: Sequence[int]) -> str:
            return ",".join(f"({n or ''})" for n in sizes)

        return f"{dims(self.inputs)}->{dims(self.outputs)}"

    @property
    def columns(self) -> int:
        """How many numbers a point has, results included."""
        return sum(max(1, n) for n in [*self.inputs, *self.outputs])


class BatchCode:
    """The machine code of `main_block`, and what its ufunc loop must know about it."""

    def __init__(self, convention: Convention, native: lowering.NativeModule) -> None:
        self.native = native
        self.dtype = convention.dtype
        bits = self.dtype.itemsize * 8
        operands = Operands.of(convention)
        sizes = [*operands.inputs, *operands.outputs]
        self.address = native.address(BLOCK)
        self.layout = np.array(
            [
                self.address,
                len(sizes),
                sum(max(1, n) for n in operands.inputs),
                operands.columns,
                points_in_block(operands.columns, bits),
                *sizes,
            ],
            dtype=np.int64,
        )
        self.loop = (self.dtype, strided_loop(bits).address(STRIDED), self.layout.ctypes.data)


def ufunc_of(convention: Convention, codes: Sequence[BatchCode], doc: str) -> np.ufunc:
    """The ufunc of a kernel, with a loop per dtype that there is code for."""
    operands = Operands.of(convention)
    return make_ufunc(
        convention.name,
        doc,
        [code.loop for code in codes],
        len(operands.inputs),
        len(operands.outputs),
        operands.signature,
        list(codes),
    )


class ArrayCaller:
    """A kernel that maps over arrays.

    work   operations at one point, by which work is divided among threads
    """

    def __init__(self, convention: Convention, native: lowering.NativeModule, work: int) -> None:
        self.convention = convention
        self.native = native
        self.work = work
        self.code = BatchCode(convention, native)
        self.operands = Operands.of(convention)
        self.ufunc = ufunc_of(convention, [self.code], convention.name)
        n = len(self.operands.inputs) + len(self.operands.outputs)
        self._dtypes = (convention.dtype,) * n
        self.results = sum(max(1, n) for n in self.operands.outputs)

    def __call__(
        self,
        arguments: Sequence[Any],
        shape: tuple[int, ...],
        out: Any = None,
        where: Any = True,
        threads: int | None = None,
    ) -> Any:
        """The kernel at every point.

        arguments   per parameter a number or an array; for a container a list of them, or one
                    array with the numbers along its last axis
        shape       what they broadcast to
        out         an array, or a tuple of arrays in the order of the results; or one array with
                    the results along its first axis, which is then what is returned
        """
        inputs = self._inputs(arguments, shape)
        flat, returned = self._results(shape, out, where)
        self._run(inputs, flat, shape, where, threads)
        if returned is not None:
            return returned
        return self._structured(flat)

    # -- operands ------------------------------------------------------------------------------

    def _inputs(self, arguments: Sequence[Any], shape: tuple[int, ...]) -> list[Array]:
        parameters = self.convention.parameters
        if self.operands.stacked:
            leaves = [
                leaf
                for x, (_, s) in zip(arguments, parameters, strict=True)
                for leaf in ([x] if s is SCALAR else _leaves(x))
            ]
            return [_stack(leaves, self.convention.dtype)]
        return [
            np.asarray(x) if s is SCALAR else _rows(x, self.convention.dtype)
            for x, (_, s) in zip(arguments, parameters, strict=True)
        ]

    def _results(self, shape: tuple[int, ...], out: Any, where: Any) -> tuple[list[Array], Any]:
        """An array per result, and what the call returns if not their structure."""
        name, n = self.convention.name, self.results
        if out is None:
            block = np.empty((n, *shape), dtype=self.convention.dtype)
            return list(block), None
        if isinstance(out, tuple):
            if len(out) != n:
                raise SignatureError(
                    f"{name} gives {n} array{'s' * (n != 1)}; out has {len(out)} of them"
                )
            arrays, returned = list(out), None
        elif n > 1 or (isinstance(out, np.ndarray) and out.shape == (1, *shape) != shape):
            self._check(out, (n, *shape))
            arrays, returned = list(out), out
        else:
            arrays, returned = [out], out
        for array in arrays:
            if array is not None:
                self._check(array, shape)
        given = [np.empty(shape, self.convention.dtype) if a is None else a for a in arrays]
        if n > 1 and any(
            np.may_share_memory(a, b) and np.shares_memory(a, b)
            for k, a in enumerate(given)
            for b in given[:k]
            if returned is None
        ):
            raise SignatureError(f"{name}: the arrays of out overlap; give each memory of its own")
        return given, returned

    def _check(self, out: Any, shape: tuple[int, ...]) -> None:
        """Raises SignatureError unless `out` can receive results of this shape."""
        dtype = self.convention.dtype
        if not isinstance(out, np.ndarray):
            got = kind(out)
        elif out.shape != shape:
            got = f"one of shape {out.shape}"
        elif not np.can_cast(dtype, out.dtype, "same_kind"):
            got = f"one of {out.dtype}, which {dtype} results do not fit"
        elif not out.flags.writeable:
            got = "a read-only one"
        else:
            return
        raise SignatureError(
            f"{self.convention.name}: out should be a writeable array of shape {shape}, got {got}"
        )

    def _structured(self, flat: list[Array]) -> Any:
        if self.convention.result is SCALAR:
            return flat[0]
        return build(self.convention.result, iter(flat))

    # -- running ---------------------------------------------------------------------------------

    def _run(
        self,
        inputs: list[Array],
        flat: list[Array],
        shape: tuple[int, ...],
        where: Any,
        threads: int | None,
    ) -> None:
        parts = worthwhile(prod(shape) * self.work, threads)
        jobs = _split(inputs, self.operands.inputs, flat, where, shape, parts)
        run([partial(self._apply, *job) for job in jobs])

    def _apply(self, inputs: list[Array], flat: list[Array], where: Any) -> None:
        """The ufunc on some of the points."""
        outputs, copies = self._outputs(flat)
        more: dict[str, Any] = {}
        masked = where is not True
        if masked and self.operands.signature is None:
            more["where"] = where
        elif masked:
            # NumPy's generalised ufuncs take no mask
            fresh = [np.empty_like(o) for o in outputs]
            self.ufunc(*inputs, out=tuple(fresh), signature=self._dtypes, casting="unsafe")
            for target, source, size in zip(outputs, fresh, self.operands.outputs, strict=True):
                mask = np.asarray(where)
                np.copyto(target, source, where=mask[..., None] if size else mask)
            self._copy_back(copies)
            return
        self.ufunc(*inputs, out=tuple(outputs), signature=self._dtypes, casting="unsafe", **more)
        self._copy_back(copies)

    def _outputs(self, flat: list[Array]) -> tuple[list[Array], list[tuple[Array, list[Array]]]]:
        """The operands that the results go to, and what must be copied from them afterwards."""
        outputs: list[Array] = []
        copies = []
        k = 0
        for size in self.operands.outputs:
            if not size:
                outputs.append(flat[k])
                k += 1
                continue
            rows = flat[k : k + size]
            k += size
            together = _together(rows)
            if together is None:
                together = np.empty((size, *rows[0].shape), dtype=self.convention.dtype)
                copies.append((together, rows))
            outputs.append(np.moveaxis(together, 0, -1))
        return outputs, copies

    @staticmethod
    def _copy_back(copies: list[tuple[Array, list[Array]]]) -> None:
        for source, rows in copies:
            for row, values in zip(rows, source, strict=True):
                row[...] = values


def _together(rows: list[Array]) -> Array | None:
    """One array whose rows these are, if they are equally far apart in memory."""
    first = rows[0]
    addresses = [r.__array_interface__["data"][0] for r in rows]
    step = addresses[1] - addresses[0] if len(rows) > 1 else 0
    alike = all(r.strides == first.strides and r.dtype == first.dtype for r in rows)
    if not alike or any(b - a != step for a, b in pairwise(addresses)):
        return None
    return np.lib.stride_tricks.as_strided(first, (len(rows), *first.shape), (step, *first.strides))


def _leaves(x: Any) -> list[Any]:
    """The numbers of a container that is given as a list or as the last axis of an array."""
    return [x[..., k] for k in range(x.shape[-1])] if isinstance(x, np.ndarray) else list(x)


def _rows(x: Any, dtype: np.dtype[Any]) -> Array:
    """A container as one array with its numbers along the last axis."""
    return x if isinstance(x, np.ndarray) else _stack(x, dtype)


def _stack(leaves: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    shape = np.broadcast_shapes(*(np.shape(leaf) for leaf in leaves))
    stacked = np.empty((len(leaves), *shape), dtype=dtype)
    for row, leaf in zip(stacked, leaves, strict=True):
        row[...] = leaf
    return np.moveaxis(stacked, 0, -1)


def _split(
    inputs: list[Array],
    cores: Sequence[int],
    flat: list[Array],
    where: Any,
    shape: tuple[int, ...],
    parts: int,
) -> Iterator[tuple[list[Array], list[Array], Any]]:
    """The work in at most so many parts, along the longest axis."""
    if parts < 2:
        yield inputs, flat, where
        return
    axis = max(range(len(shape)), key=shape.__getitem__)
    from_end = len(shape) - axis  # operands of fewer dimensions are aligned at the last one
    length = shape[axis]
    parts = min(parts, length)
    bounds = [length * k // parts for k in range(parts + 1)]

    def cut(x: Array, core: int, part: slice) -> Array:
        at = x.ndim - bool(core) - from_end
        if at < 0 or x.shape[at] == 1:
            return x
        return x[(slice(None),) * at + (part,)]

    for low, high in pairwise(bounds):
        part = slice(low, high)
        yield (
            [cut(x, core, part) for x, core in zip(inputs, cores, strict=True)],
            [cut(x, 0, part) for x in flat],
            where if where is True else cut(np.asarray(where), 0, part),
        )
