"""What machine code is asked that finds the classes of the nodes of a large graph, and its answer.

It stands here so that neither who asks (reroll/classed.py) nor who enters it imports the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .graph import Column

Narrow = npt.NDArray[np.int32]
"""Columns of nodes and of classes: there is memory for no graph of more nodes than that."""


@dataclass(slots=True)
class Unclassified:
    """A graph of which the leaves have classes.

    codes, operands   the graph's columns
    kept              nodes that are used twice more than as operands
    cls, position     of each node: of leaves what they are, of others -1, and 0
    known             how many classes leaves have
    cheap, commutative  of each code, whether its op is
    arrays            so many classes may need arrays, at most
    inlined           an inlined expression has fewer nodes
    classes, deepest  there are fewer classes than that, and none is deeper
    """

    codes: Column
    operands: tuple[Column, Column, Column]
    kept: Column
    cls: Narrow
    position: Narrow
    known: int
    cheap: npt.NDArray[np.bool_]
    commutative: npt.NDArray[np.bool_]
    arrays: int
    inlined: int
    classes: int
    deepest: int


@dataclass(slots=True)
class Classified:
    """The classes, in the order of their oldest members, but those of leaves first. Columns of
    classes have an entry for each.

    cls, position     of each node: its class, -1 of what is joined into a sum; its place there
    depths            of classes, on the longest way from a leaf; sums count once
    oldest, sizes     their first members, and how many there are
    is_sum, is_inlined  whether they are sums; whether they are part of their users' expressions
    sums              the last `+` of each sum of more than two terms
    first, terms      terms[first[i]:first[i + 1]] are the terms of sum i, as they are added
    listed            the members of all classes, oldest first: of each from that index on, if it
                      is not negative
    """

    cls: Narrow
    position: Narrow
    depths: Narrow
    oldest: Narrow
    sizes: Narrow
    is_sum: npt.NDArray[np.bool_]
    is_inlined: npt.NDArray[np.bool_]
    sums: Narrow
    first: Narrow
    terms: Narrow
    listed: Callable[[Column], Column]


class TooMany(Exception):
    """There are more classes than there may be, or deeper ones."""


Classifier: TypeAlias = "Callable[[Unclassified], Classified | None]"

CLASSIFIERS: list[Classifier] = []
"""What tells nodes apart faster than NumPy; None: there is no machine code. Raises TooMany."""
