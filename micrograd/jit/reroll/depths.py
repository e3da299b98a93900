"""How deep the nodes of a graph are: by the longest way from a leaf, on which sums count once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..ir.graph import DEPTHS, FIRST_OP, MADE_DEPTHS, is_take
from ..ir.nests import Ints

Bools = npt.NDArray[np.bool_]

MAX_DEPTH = 4000
"""A deeper graph is not analysed level by level."""
FEW = 1000
"""Nodes that Python looks at by itself, though there is machine code."""
MANY = 20_000
"""Nodes that Python looks at by itself; machine code takes as long to make."""


def depths(
    codes: Ints,
    columns: list[Ints],
    joined: Bools,
    most: int = MAX_DEPTH,
    tables: Sequence[tuple[int, int]] = (),
) -> Ints | None:
    """The depth of each node: leaves 0, a sum one more than its deepest term; None if one is deeper
    than `most`. The entries of a table have one depth, and what is taken of it is deeper.
    """
    if tables:
        return _with_tables(codes, columns, joined, most, tables)
    if MADE_DEPTHS and len(codes) > FEW:
        found = MADE_DEPTHS[0](codes, columns, joined)
        if found is not None:
            return None if found.max() > most else found
    if DEPTHS and len(codes) > MANY:
        if _depths(codes[:MANY], [c[:MANY] for c in columns], joined[:MANY], most) is None:
            return None
        found = DEPTHS[0](codes, columns, joined)
        if found is not None:
            return None if found.max() > most else found
    return _depths(codes, columns, joined, most)


def _with_tables(
    codes: Ints,
    columns: list[Ints],
    joined: Bools,
    most: int,
    tables: Sequence[tuple[int, int]],
) -> Ints | None:
    """The depths where each entry of a table also needs the one before it, at no cost, and what is
    taken of the table needs its last one.
    """
    x, y, z = columns[0], columns[1].copy(), columns[2].copy()
    links, last = joined.copy(), np.full(len(codes) + 1, -1, dtype=np.int64)
    for first, count in tables:
        y[first + 1 : first + count] = np.arange(first, first + count - 1)
        links[first : first + count - 1] = True
        last[first : first + count] = first + count - 1
    takes = np.flatnonzero(is_take(codes))
    takes = takes[last[x[takes]] >= 0]
    z[takes] = last[x[takes]]
    found = depths(codes, [x, y, z], links, most)
    if found is not None:
        for first, count in tables:
            found[first : first + count] = found[first + count - 1]
    return found


def _depths(codes: Ints, columns: list[Ints], joined: Bools, most: int) -> Ints | None:
    depth = [0] * (len(codes) + 1)  # the last entry stands for an absent operand, -1
    rows = zip(codes.tolist(), *(c.tolist() for c in columns), joined.tolist(), strict=True)
    for node, (code, x, y, z, link) in enumerate(rows):
        if code >= FIRST_OP:
            d = depth[x]
            if y >= 0:
                if depth[y] > d:
                    d = depth[y]
                if z >= 0 and depth[z] > d:
                    d = depth[z]
            if d > most:
                return None
            depth[node] = d if link else d + 1
    return None if max(depth) > most else np.array(depth[:-1], dtype=np.int64)
