"""How `main` is called: the one description of what it takes, in which order, and what it gives."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ShapeError, SignatureError
from ...real_types import REAL_TYPES, WIDE
from ..ir.program import GIVEN, Array, Program, Role
from ..target import c_type

ENTRY = "main"
"""The symbol."""
BLOCK = "main_block"
"""The symbol of the code for arrays, which takes a table of columns and a number of points."""
PASSED = (Role.INPUT, Role.EXTENT, Role.STATE, Role.OUTPUT)
"""What `main` takes, or gives."""
STORED: Mapping[str, npt.DTypeLike] = {
    "i32": np.int32,
    "i64": np.int64,
    **{name: t.dtype for name, t in REAL_TYPES.items()},
}
"""What the elements of arrays are in memory, where they are not numbers of the target."""
_C_NAMES = {"i32": "int32_t", "i64": "int64_t", **{n: t.c for n, t in REAL_TYPES.items()}}


@dataclass(frozen=True, slots=True)
class Interface:
    """Which inputs of a program come by value, and which output is the result of `main`.

    All else goes by address: numbers, the 32-bit or 64-bit entries of index arrays, and trip counts
    that are known only then, which are 64-bit integers. State is rewritten where it lies.

    padded   whether trip counts that are known only then are at least 1, and multiples of the
             schedule's `multiple`
    team     whether the last argument is the address of a team of threads (team.py)
    """

    by_value: frozenset[str]
    returned: str | None
    padded: bool = False
    team: bool = False

    def arguments(self, program: Program) -> list[Array]:
        """The arrays that are arguments, in order.

        Live parameters are none, as code reads them where they lie; but copies of them are.
        """
        copies = [a for a in program.with_role(Role.PARAMETER) if a.dtype != WIDE.name]
        found = program.with_role(*PASSED)
        return [a for a in found if a.name != self.returned] + copies

    def prototype(self, program: Program, dtype: np.dtype[Any]) -> Any:
        """The type of `main`, for ctypes."""
        number = c_type(dtype)
        types = [
            number if a.name in self.by_value else ctypes.c_void_p for a in self.arguments(program)
        ]
        types += [ctypes.c_void_p] * self.team
        return ctypes.CFUNCTYPE(number if self.returned else None, *types)

    def declaration(self, program: Program, dtype: np.dtype[Any], names: Sequence[str]) -> str:
        """`main` as C declares it, its inputs by these names."""
        c = c_type(dtype).__name__.removeprefix("c_")
        named = dict(zip([a.name for a in program.with_role(Role.INPUT)], names, strict=True))
        arguments = []
        for a in self.arguments(program):
            type = _C_NAMES.get(a.dtype, c)
            text = f"{type} {named.get(a.name, a.name)}"
            if a.name not in self.by_value:
                text = "const " * (a.role is Role.INPUT) + f"{text}[{a.size}]"
            arguments.append(text)
        result = c if self.returned else "void"
        return f"{result} {ENTRY}({', '.join(arguments) or 'void'})"

    def call(
        self,
        address: int,
        program: Program,
        dtype: np.dtype[Any],
        given: Mapping[str, Any],
        team: int = 0,
    ) -> dict[str, npt.NDArray[np.float64]]:
        """What the `main` at an address gives, by name: its outputs, and its state.

        given   numbers for inputs, entries for index arrays, which are checked, and integers for
                trip counts; inputs that are left out are 0
        team    the address of a team, if `main` takes one
        """
        blocks = {a.name: _block(a, dtype, given) for a in program.with_role(*PASSED)}
        passed = [
            blocks[a.name][0] if a.name in self.by_value else blocks[a.name].ctypes.data
            for a in self.arguments(program)
        ]
        passed += [team] * self.team
        value = self.prototype(program, dtype)(address)(*passed)
        if self.returned:
            blocks[self.returned][0] = value
        given_back = program.with_role(Role.OUTPUT, Role.STATE)
        return {a.name: blocks[a.name].astype(np.float64) for a in given_back}


def _block(a: Array, dtype: np.dtype[Any], given: Mapping[str, Any]) -> npt.NDArray[Any]:
    """The memory of an argument, with what is given for it."""
    if a.role is Role.EXTENT:
        return np.array([given[a.name]], dtype=np.int64)
    if a.is_index and a.name in given:
        return entries(a, given[a.name])
    block = np.zeros(a.size, STORED.get(a.dtype, dtype))
    if a.role in GIVEN and a.name in given:
        block[:] = np.reshape(given[a.name], a.size)
    return block


def entries(a: Array, given: npt.ArrayLike) -> npt.NDArray[Any]:
    """What is given for an index array, as compiled code reads it: every entry is looked at.

    Raises SignatureError for numbers that are not whole, and for an entry that is not from 0 to
    what the array says; ShapeError for another number of entries.

    >>> tokens = Array("tokens", Role.INPUT, (2, 2), dtype="i32", below=27)
    >>> entries(tokens, [[0, 26], [3, 1]])
    array([ 0, 26,  3,  1], dtype=int32)
    >>> entries(tokens, [[0, 26], [27, 1]])
    Traceback (most recent call last):
    ...
    micrograd.errors.SignatureError: tokens[1, 0] is 27, but entries of tokens are from 0 to 26
    """
    found = np.asarray(given)
    if found.size != a.size:
        raise ShapeError(f"{a.name} has {a.size} entries, got {found.size}")
    if found.size and found.dtype.kind not in "iu":
        raise SignatureError(f"entries of {a.name} are whole numbers, got {found.dtype}")
    found = found.reshape(a.shape)
    wrong = (found < 0) | (found >= a.below)
    if wrong.any():
        place = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise SignatureError(
            f"{a.name}[{', '.join(map(str, place))}] is {found[place]}, "
            f"but entries of {a.name} are from 0 to {a.below - 1}"
        )
    return np.ascontiguousarray(found.reshape(-1), dtype=STORED[a.dtype])
