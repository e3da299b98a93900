"""Calls `main` through ctypes: the way for every call that its entry (entry.py) passes on.

A call is: numbers in the order of the parameters, a container as an array of its leaves, and the
outputs that `main` writes through a pointer. What comes back has the structure of the result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SignatureError, kind
from ..target import c_type
from ..trace.signature import SCALAR, Container, Structure, build, count, is_plain
from .index_arguments import Indices
from .ndarrays import ARRAY, usable
from .quiet import quiet

_PLAIN = {float, int}
FEW = 64
"""Numbers up to which ctypes converts a list faster than NumPy."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How objects of Python become what `main` takes, and what it gives becomes one.

    parameters  their names and structures, in order
    result      the structure of what a call gives; its leaves in order are the value that `main`
                returns, if it does, and then what it writes
    returns     whether it returns a number
    written     how many numbers it writes through its last argument; None: it has no such argument
    prototype   the type of `main`, for ctypes
    sequences   the parameters that may be lists, tuples or arrays, whatever their structure says
    indices     the index arrays that `main` takes behind the arguments of the source
    takes_out   whether `out=` says where to write, and is no argument of the source
    """

    name: str
    parameters: Sequence[tuple[str, Structure]]
    result: Structure
    returns: bool
    written: int | None
    dtype: np.dtype[Any]
    prototype: Any
    sequences: frozenset[str] = frozenset()
    indices: Indices | None = None
    takes_out: bool = False

    @property
    def passed(self) -> Sequence[tuple[str, Structure]]:
        """What `main` takes, index arrays among it."""
        if self.indices is None:
            return self.parameters
        behind = len(self.indices.names)
        return [*self.parameters[:behind], *self.indices.parameters, *self.parameters[behind:]]

    @property
    def entries(self) -> range:
        """Which of these are index arrays."""
        behind = len(self.indices.names) if self.indices is not None else 0
        return range(behind, behind + len(self.passed) - len(self.parameters))

    @property
    def number(self) -> Any:
        """The C type of a number."""
        return c_type(self.dtype)


class Caller:
    """`main` at an address, as a Python function; calls keep its `code`."""

    def __init__(self, convention: Convention, address: int, code: object) -> None:
        self.convention = convention
        function = convention.prototype(address)
        function.code = code  # which a call that runs keeps
        self._function: Callable[..., Any] = function
        number = convention.number
        self._blocks = [
            None if s is SCALAR else number * count(s) for _, s in convention.parameters
        ]
        written = convention.written
        self._results = None if written is None else number * (convention.returns + written)

    def fits(self, arguments: Sequence[Any]) -> bool:
        """Whether these are plain numbers, and flat lists or tuples of them, that fit `main`."""
        parameters = self.convention.parameters
        if len(arguments) != len(parameters):
            return False
        for x, (_, s) in zip(arguments, parameters, strict=True):
            kind = x.__class__
            if kind is float or kind is int:
                if s is not SCALAR:
                    return False
            elif (
                s is SCALAR
                or kind is not s.type  # type: ignore[union-attr]
                or kind not in (list, tuple)
                or len(x) != len(s.items)  # type: ignore[union-attr]
                or not _PLAIN.issuperset(map(type, x))
            ):
                return False
        return True

    def call(self, arguments: Sequence[Any], out: npt.NDArray[Any] | None = None) -> Any:
        """Call `main`: scalars as they are, the leaves of a container as an array.

        arguments   numbers; for a container a list or tuple of its leaves, or an array of them
        out         receives the output that comes through a pointer, and is returned in its place
        """
        convention = self.convention
        passed, kept = self._passed(arguments)
        if self._results is None:
            if out is not None:
                raise SignatureError(f"{convention.name} gives one number, which needs no out")
            value = self._function(*passed)
            if convention.result is SCALAR:
                return value
            return made(convention.result, np.array([value]))
        if out is not None:
            to = self._checked(out)
            own = any(isinstance(x, np.ndarray) and np.may_share_memory(x, to) for x in kept)
            written = np.empty_like(to) if own else to  # all is read before any of it is written
            value = self._function(*passed, address(written))
            if own:
                to[:] = written
            return (value, out) if convention.returns else out
        results = self._results()
        at = convention.returns * ctypes.sizeof(convention.number)
        value = self._function(*passed, ctypes.addressof(results) + at)
        del kept  # what `main` read lives until here
        if convention.returns:
            results[0] = value
        return made(convention.result, np.frombuffer(results, convention.dtype))

    def _passed(self, arguments: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The arguments as ctypes takes them, and the memory that they point to."""
        dtype, indices = self.convention.dtype, self.convention.indices
        passed: list[Any] = []
        kept: list[Any] = []
        try:
            for x, block in zip(arguments, self._blocks, strict=True):
                if block is None:
                    passed.append(float(x))
                    continue
                if len(x) <= FEW and x.__class__ in (list, tuple):
                    kept.append(block(*x))
                    passed.append(ctypes.addressof(kept[-1]))
                    continue
                if not isinstance(x, np.ndarray) and not is_plain(x):
                    x = list(map(float, x))
                kept.append(quiet().run(np.ascontiguousarray, x, dtype))
                passed.append(address(kept[-1]))
        except OverflowError as error:
            raise OverflowError(f"{self.convention.name}: {error}") from None
        if indices is not None:
            entries = indices.entries(self.convention.name, arguments)
            behind = len(indices.names)
            passed[behind:behind] = map(address, entries)
            kept += entries
        return passed, kept

    def _checked(self, out: Any) -> npt.NDArray[Any]:
        convention = self.convention
        if isinstance(out, np.ndarray):
            fits = out.shape == (convention.written,) and out.dtype == convention.dtype
            flags = out.flags
            if fits and flags.c_contiguous and flags.writeable and flags.aligned:
                return out
            got = f"{out.dtype} of shape {out.shape}"
            if fits and not flags.writeable:
                got = "a read-only one"
            elif fits:
                got = f"one with strides {out.strides}" if flags.aligned else "one out of place"
        else:
            got = kind(out)
        raise SignatureError(
            f"{convention.name}: out should be a writeable, contiguous {convention.dtype} array of "
            f"shape ({convention.written},), got {got}"
        )

    def replace(self, function: Callable[..., Any]) -> None:
        """Call this from now on."""
        self._function = function


def address(x: npt.NDArray[Any]) -> int:
    """Where an array's numbers are: NumPy takes eight times as long to say it."""
    if usable():
        return ctypes.c_size_t.from_address(id(x) + ARRAY.data).value
    found: int = x.__array_interface__["data"][0]
    return found


def made(structure: Structure, numbers: npt.NDArray[Any]) -> Any:
    """The object of this structure with these numbers as its leaves; of an array, a copy."""
    return maker(structure)(numbers)


def maker(structure: Structure) -> Callable[[npt.NDArray[Any]], Any]:
    """The function that makes such objects."""
    if isinstance(structure, Container) and structure.type is np.ndarray:
        shape = structure.keys
        return lambda numbers: numbers.astype(np.float64).reshape(shape)
    if isinstance(structure, Container) and not structure.is_flat:
        makers, start = [], 0
        for s in structure.items:
            makers.append((maker(s), start, start + count(s)))
            start += count(s)
        whole = replace(structure, items=(SCALAR,) * len(makers))
        return lambda numbers: build(
            whole, iter([make(numbers[first:end]) for make, first, end in makers])
        )
    return lambda numbers: build(structure, iter(numbers.tolist()))
