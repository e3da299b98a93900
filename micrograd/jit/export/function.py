"""A function as C sees it: what it takes and gives, in words and in types; and its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from ..code import Code
from ..emit.outer import ARRAY, INTEGER, NUMBER, Outer
from ..emit.outer_rows import OverRows

WHOLE = "int64_t"
"""The type of integers in C."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument in C.

    size       how many elements are at its address; None: it is a number, by value
    rows       the argument that says how often there are as many, one row after the other; '': once
    written    whether the function writes it, and reads nothing of it
    default    of a number, if it has one
    says       what it is
    """

    name: str
    c_type: str
    size: int | None
    says: str
    written: bool = False
    default: float | None = None
    rows: str = ""

    def called(self, name: str) -> Argument:
        """The same, which has another name in Python."""
        return replace(self, says=f"{name} in Python: {self.says}")

    @property
    def is_whole(self) -> bool:
        """Whether it is of integers."""
        return self.c_type == WHOLE

    @property
    def declaration(self) -> str:
        """As it stands in the prototype."""
        if self.size is None:
            return f"{self.c_type} {self.name}"
        of = f"{'' if self.written else 'const '}{self.c_type}"
        if self.rows:
            return f"{of} {self.name}[]"
        # no array of C is empty
        return f"{of} {self.name}[{self.size}]" if self.size else f"{of} *{self.name}"


@dataclass(frozen=True, slots=True)
class Function:
    """A function in C.

    call       the same in Python
    number     what it computes in
    returns    whether it returns a number, which `returned` describes
    numbers    of parameters that are passed: what they are now, by the names of their arguments
    codes      what is wrong if the function returns 1, 2, ... and writes nothing; 0 if all is well.
               Without codes it returns none
    memory     bytes that a call takes from malloc, and on the stack for arrays
    """

    name: str
    call: str
    number: str
    arguments: Sequence[Argument]
    returns: bool
    returned: str
    numbers: Mapping[str, npt.NDArray[Any]]
    codes: Sequence[str] = ()
    memory: tuple[int, int] = (0, 0)

    @property
    def counts(self) -> set[str]:
        """The arguments that say how many rows there are."""
        return {a.rows for a in self.arguments if a.rows}

    @property
    def prototype(self) -> str:
        """As C declares it."""
        arguments = ", ".join(a.declaration for a in self.arguments) or "void"
        returned = "int" if self.codes else self.number if self.returns else "void"
        return f"{returned} {self.name}({arguments})"


@dataclass(frozen=True, slots=True)
class Exported:
    """A function in C, and its code.

    function   but for the memory that a call takes, which the code tells
    outer      what C calls, if that is around the code
    """

    function: Function
    code: Code
    outer: Outer | OverRows | None = None


def kinds_of(function: Function) -> list[str]:
    """How each of its arguments is passed."""
    return [
        ARRAY if a.size is not None else INTEGER if a.is_whole else NUMBER
        for a in function.arguments
    ]


def guard(name: str) -> str:
    """The macro that says that a function's header was read."""
    return f"MICROGRAD_{name.upper()}_H"


def around(name: str) -> set[str]:
    """What the header and the example of a function call their own."""
    return {name, guard(name), f"{name}_parameters", f"{name}_parameters_", "printf", "main", WHOLE}
