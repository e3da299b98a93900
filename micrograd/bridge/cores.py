"""What an argument is at a point, as a function of numbers gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import SignatureError
from ..jit.trace.signature import SCALAR, Container, Structure, array_of


@dataclass(frozen=True, slots=True)
class Items:
    """A list, or a tuple: the cores of what it holds."""

    type: type
    cores: tuple[Core, ...]


Core: TypeAlias = tuple[int, ...] | Items | None
"""The shape of an array; None: a number."""


def structure_of(core: Core) -> Structure:
    """The structure of what the function gets.

    >>> structure_of((2, 3)).leaves
    6
    >>> str(structure_of(Items(tuple, (None, (3,)))))
    'tuple of 2'
    """
    if isinstance(core, Items):
        return Container(core.type, (), tuple(map(structure_of, core.cores)))
    return SCALAR if core is None else array_of(core)


def core_of(name: str, x: Any, shape_of: Callable[[Any], tuple[int, ...]]) -> Core:
    """The core of an argument, perhaps a list or a tuple.

    name       of the function, for errors
    shape_of   is called with what is in no list, in order, and gives its shape
    """
    if isinstance(x, (list, tuple)):
        if not x:
            raise SignatureError(f"{name} takes no empty lists, of which nothing can be computed")
        made = tuple if isinstance(x, tuple) else list
        return Items(made, tuple([core_of(name, v, shape_of) for v in x]))
    return shape_of(x) or None


def is_rows(x: Any) -> bool:
    """Whether it is a list of lists, which are rows of numbers where a row is taken."""
    return isinstance(x, (list, tuple)) and all(isinstance(v, (list, tuple)) for v in x)
