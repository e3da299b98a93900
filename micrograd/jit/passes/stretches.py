"""With respect to what a program is differentiated: elements in a row, not one by one.

A network has millions of parameters, and a few arrays of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..trace.trace import Element


class Stretch(NamedTuple):
    """`length` elements of an array, from `first` on."""

    array: str
    first: int
    length: int


def stretches(wrt: Sequence[Element | Stretch | None]) -> Iterator[Stretch | None]:
    """Elements as stretches, as long as they are.

    >>> list(stretches([("a", 0), ("a", 1), ("b", 1), None, Stretch("b", 0, 5)]))
    [Stretch(array='a', first=0, length=2), Stretch(array='b', first=1, length=1), None, \
Stretch(array='b', first=0, length=5)]
    """
    name, first, count = "", 0, 0
    for each in wrt:
        if count and each.__class__ is tuple and each[1] == first + count and each[0] == name:
            count += 1
            continue
        if count:
            yield Stretch(name, first, count)
        count = 0
        if each is None or isinstance(each, Stretch):
            yield each
        else:
            (name, first), count = each, 1
    if count:
        yield Stretch(name, first, count)
