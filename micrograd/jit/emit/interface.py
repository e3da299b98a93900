"""How `main` is called: the one description of what it takes, in which order, and what it gives."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.program import Array, Program, Role
from ..target import c_type

ENTRY = "main"
"""The symbol."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Which inputs of a program come by value, and which output is the result of `main`.

    All else goes by address. The trip counts that are known only then are 64-bit integers.
    """

    by_value: frozenset[str]
    returned: str | None

    def arguments(self, program: Program) -> list[Array]:
        """The arrays that are arguments, in order."""
        found = program.with_role(Role.INPUT, Role.EXTENT, Role.OUTPUT)
        return [a for a in found if a.name != self.returned]

    def prototype(self, program: Program, dtype: np.dtype[Any]) -> Any:
        """The type of `main`, for ctypes."""
        number = c_type(dtype)
        types = [
            number if a.name in self.by_value else ctypes.c_void_p for a in self.arguments(program)
        ]
        return ctypes.CFUNCTYPE(number if self.returned else None, *types)

    def declaration(self, program: Program, dtype: np.dtype[Any], names: Sequence[str]) -> str:
        """`main` as C declares it, its inputs by these names."""
        c = c_type(dtype).__name__.removeprefix("c_")
        named = dict(zip([a.name for a in program.with_role(Role.INPUT)], names, strict=True))
        arguments = []
        for a in self.arguments(program):
            text = f"{c} {named.get(a.name, a.name)}"
            if a.name not in self.by_value:
                text = "const " * (a.role is Role.INPUT) + f"{text}[{a.size}]"
            arguments.append(text)
        result = c if self.returned else "void"
        return f"{result} {ENTRY}({', '.join(arguments) or 'void'})"

    def call(
        self, address: int, program: Program, dtype: np.dtype[Any], given: Mapping[str, Any]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """The outputs of the `main` at an address, by name.

        given   numbers for inputs, and integers for trip counts; inputs that are left out are 0
        """
        blocks: dict[str, Any] = {
            a.name: ctypes.c_int64(given[a.name])
            if a.role is Role.EXTENT
            else (c_type(dtype) * a.size)(*given.get(a.name, ()))
            for a in program.with_role(Role.INPUT, Role.EXTENT, Role.OUTPUT)
        }
        passed = [
            blocks[a.name][0] if a.name in self.by_value else ctypes.addressof(blocks[a.name])
            for a in self.arguments(program)
        ]
        value = self.prototype(program, dtype)(address)(*passed)
        if self.returned:
            blocks[self.returned][0] = value
        outputs = program.with_role(Role.OUTPUT)
        return {a.name: np.array(blocks[a.name], dtype=np.float64) for a in outputs}
