"""The structure of a Jacobian: a block for each item of its rows and of its columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .ir.nests import Ints
from .trace.signature import Container, Structure, array_of, count


def blocks(rows: Structure, columns: Container, *, alone: bool = False) -> tuple[Structure, Ints]:
    """The structure of a Jacobian of `rows` by `columns`, and the row and column of each leaf.

    A tuple or dict of rows stays one; a number, list or array of rows becomes a tuple with a block
    for each item of `columns`, which has the structure of the one with that of the other at each
    number. Two arrays make an array. An item that is `alone` has its block without the tuple.

    >>> from micrograd.jit.trace.signature import SCALAR
    >>> pair = Container(list, (), (SCALAR, SCALAR))
    >>> structure, places = blocks(pair, Container(tuple, (), (SCALAR, pair)))
    >>> places.tolist()
    [[0, 1, 0, 0, 1, 1], [0, 0, 1, 2, 1, 2]]
    """
    if isinstance(rows, Container) and rows.type not in (list, np.ndarray):
        structures: list[Structure] = []
        places: list[Ints] = [np.zeros((2, 0), dtype=np.int64)]
        known = {item: blocks(item, columns, alone=alone) for item in dict.fromkeys(rows.items)}
        start = 0
        for item in rows.items:
            structure, inner = known[item]
            structures.append(structure)
            places.append(inner + np.array([[start], [0]]))
            start += count(item)
        return replace(rows, items=tuple(structures)), np.concatenate(places, axis=1)
    made: list[Structure] = []
    places, first = [np.zeros((2, 0), dtype=np.int64)], 0
    for item in columns.items:
        made.append(_product(rows, item))
        grid = np.indices((count(rows), count(item)), dtype=np.int64).reshape(2, -1)
        places.append(grid + np.array([[0], [first]]))
        first += count(item)
    structure = made[0] if alone else Container(tuple, (), tuple(made))
    return structure, np.concatenate(places, axis=1)


def _product(rows: Structure, columns: Structure) -> Structure:
    """The structure of the rows with that of the columns in the place of each number."""
    if not isinstance(rows, Container):
        return columns
    if not isinstance(columns, Container):
        return rows
    if rows.type is not np.ndarray:
        return replace(rows, items=tuple(_product(x, columns) for x in rows.items))
    if columns.is_flat and columns.type in (np.ndarray, list, tuple):
        shape = columns.keys if columns.type is np.ndarray else (len(columns.items),)
        return array_of(rows.keys + shape)
    return Container(list, (), (columns,) * len(rows.items))
