"""Calls `main` through ctypes: the way for every call that its entry (entry.py) passes on.

A call is: numbers in the order of the parameters, a container as an array of its leaves, and the
outputs that `main` writes through a pointer. What comes back has the structure of the result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SignatureError, kind
from .signature import SCALAR, Container, Structure, build, count

_PLAIN = {float, int}


@dataclass(frozen=True, slots=True)
class Convention:
    """How `main` is called.

    parameters  their names and structures, in order
    result      the structure of what a call gives; its leaves in order are the value that `main`
                returns, if it does, and then what it writes
    returns     whether it returns a number
    written     how many numbers it writes through its last argument; None: it has no such argument
    sequences   the parameters that may be lists, tuples or arrays, whatever their structure says
    """

    name: str
    parameters: Sequence[tuple[str, Structure]]
    result: Structure
    returns: bool
    written: int | None
    dtype: np.dtype[Any]
    sequences: frozenset[str] = frozenset()

    @property
    def number(self) -> Any:
        """The C type of a number."""
        return ctypes.c_double if self.dtype.itemsize == 8 else ctypes.c_float

    @property
    def prototype(self) -> Any:
        """The type of `main`, for ctypes."""
        types = [
            ctypes.c_void_p if isinstance(s, Container) else self.number for _, s in self.parameters
        ]
        types += [ctypes.c_void_p] * (self.written is not None)
        return ctypes.CFUNCTYPE(self.number if self.returns else None, *types)


class Caller:
    """`main` at an address, as a Python function; calls keep its `code`."""

    def __init__(self, convention: Convention, address: int, code: object) -> None:
        self.convention = convention
        number, written = convention.number, convention.written
        function = convention.prototype(address)
        function.code = code  # which a call that runs keeps
        self._function: Callable[..., Any] = function
        self._buffer = None if written is None else number * written
        self._blocks = [
            number * count(s) if isinstance(s, Container) else None
            for _, s in convention.parameters
        ]
        flat = Container(tuple, (), (SCALAR,) * (written or 0))
        self._is_flat = convention.result in (flat, Container(tuple, (), (SCALAR, flat)))

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
                or len(x) != len(s.items)  # type: ignore[union-attr]
                or not {v.__class__ for v in x} <= _PLAIN
            ):
                return False
        return True

    def call(self, arguments: Sequence[Any], out: npt.NDArray[Any] | None = None) -> Any:
        """Call `main`: scalars as they are, the leaves of a container as an array.

        `out` receives the output that comes through a pointer, and is then returned in its place.
        """
        passed = self._passed(arguments)
        if self._buffer is None:
            if out is not None:
                raise SignatureError(f"{self.convention.name} gives one number, which needs no out")
            value = self._function(*passed)
            return value if self.convention.result is SCALAR else self.wrap(iter([value]))
        if out is not None:
            address = self._checked(out).__array_interface__["data"][0]
            value = self._function(*passed, address)
            return (value, out) if self.convention.returns else out
        buffer = self._buffer()
        value = self._function(*passed, buffer)
        if self._is_flat:
            return (value, tuple(buffer)) if self.convention.returns else tuple(buffer)
        return self.wrap(iter([value, *buffer] if self.convention.returns else buffer))

    def _passed(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments as ctypes takes them."""
        try:
            return [
                float(x) if block is None else block(*x)
                for x, block in zip(arguments, self._blocks, strict=True)
            ]
        except OverflowError as error:
            raise OverflowError(f"{self.convention.name}: {error}") from None

    def wrap(self, numbers: Iterator[Any]) -> Any:
        """Results, the value first, in the structure that the function gave them."""
        return build(self.convention.result, numbers)

    def _checked(self, out: Any) -> npt.NDArray[Any]:
        convention = self.convention
        if isinstance(out, np.ndarray):
            fits = out.shape == (convention.written,) and out.dtype == convention.dtype
            flags = out.flags
            if fits and flags.c_contiguous and flags.writeable:
                return out
            got = f"{out.dtype} of shape {out.shape}"
        else:
            got = kind(out)
        raise SignatureError(
            f"{convention.name}: out should be a writeable, contiguous {convention.dtype} array of "
            f"shape ({convention.written},), got {got}"
        )

    def replace(self, function: Callable[..., Any]) -> None:
        """Call this from now on."""
        self._function = function
