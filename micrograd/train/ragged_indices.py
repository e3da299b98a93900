"""What a loss looks up in tables by integers of its data -> index arrays, for all samples.

An index array is known by what it is computed of. It has one name in the traces of all classes, and
is one argument of their code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import TrainingError
from ..index_arrays import IndexArray
from ..jit.ir.graph import Graph
from .ragged_data import Ints, RaggedData, Sizes


class RaggedIndices:
    """The index arrays of a loss.

    names   in order
    """

    def __init__(self, data: RaggedData) -> None:
        self.data = data
        self._names: dict[Any, str] = {}
        self._of_several: dict[Any, tuple[IndexArray, set[tuple[int, ...]]]] = {}
        self._is_fixed = False

    @property
    def names(self) -> list[str]:
        """Of all of them."""
        return list(self._names.values())

    def fix(self) -> None:
        """Let there be no more of them."""
        self._is_fixed = True

    def name(self, graph: Graph, sizes: Sizes) -> None:
        """Call the index arrays of a trace what they are called in all traces.

        Raises TrainingError for an index that is out of range, as far as that is known, and for an
        index array that there is at some sizes only.
        """
        renamed = {}
        for index in graph.indices:
            self._check_everywhere(index)
            key = (
                index.below,
                index.offset,
                index.scales,
                index.arrays,
                index.number,
                index.formula,
            )
            if len(index.arrays) > 1 and not index.number:
                _, apart = self._of_several.setdefault(key, (index, set()))
                apart |= {tuple(k - e[0] for k in e) for e in index.used}
            if key not in self._names:
                if self._is_fixed:
                    raise TrainingError(
                        f"the loss of a sample of length {_shown(sizes)} looks rows up by an index "
                        "that it does not compute for the longest sample; compute it for all"
                    )
                self._names[key] = f"at{len(self._names)}"
            renamed[index.name] = index.name = self._names[key]
        graph.inputs = [(renamed.get(name, name), size) for name, size in graph.inputs]

    def of_class(self, sizes: Sizes, found: Sequence[IndexArray]) -> list[Ints]:
        """The entries of all index arrays for the samples of a class, i64[samples, n].

        Raises TrainingError for an index that is out of range.
        """
        rows = np.flatnonzero(self.data.classes == self.data.sizes.index(sizes))
        given = {
            f"x{k}": column.rows(rows)
            for k, column in enumerate(self.data.columns)
            if column.integers is not None
        }
        entries = {name: np.zeros((len(rows), 1), dtype=np.int64) for name in self.names}
        for index in found:
            said = index.said(given)
            wrong = index.is_outside(said)
            if wrong.any():
                row, k = (int(x) for x in np.argwhere(wrong)[0])
                self._refuse(index, int(rows[row]), k, said[row, k])
            entries[index.name] = index.counted(said)
        return list(entries.values())

    def suspects(self) -> list[Sizes]:
        """The sizes of samples in which a sum of several integers may be an index of no row, if
        integers that are added are as far apart as in the traces that there were.
        """
        return [
            sizes
            for number, sizes in enumerate(self.data.sizes)
            if self._of_several and self._is_suspect(np.flatnonzero(self.data.classes == number))
        ]

    def _is_suspect(self, rows: Ints) -> bool:
        for index, apart in self._of_several.values():
            given = {name: self.data.columns[int(name[1:])].rows(rows) for name in index.arrays}
            for steps in apart:
                pairs = list(zip(steps, index.arrays, strict=True))
                ends = (given[name].shape[1] - step for step, name in pairs)
                places = range(max(0, *(-step for step in steps)), min(ends))
                elements = [tuple(k + step for step in steps) for k in places]
                sums = replace(index, elements=elements, unused=set())
                if elements and sums.is_outside(sums.said(given)).any():
                    return True
        return False

    def _check_everywhere(self, index: IndexArray) -> None:
        """Look at all samples before anything is trained, where each integer is an index."""
        if len(index.arrays) != 1 or index.number:
            return
        column = self.data.columns[int(index.arrays[0][1:])]
        integers = column.integers
        assert integers is not None
        each = replace(index, elements=[(0,)], unused=set(), leaves=[])
        said = each.said({index.arrays[0]: integers[:, None]})[:, 0]
        wrong = np.flatnonzero(index.is_outside(said))
        rows = np.searchsorted(column.starts, wrong, side="right") - 1
        elements = wrong - column.starts[rows]
        used = np.isin(elements, [k for (k,) in index.used])
        if used.any():
            first = int(np.argmax(used))
            k = index.elements.index((int(elements[first]),))
            self._refuse(index, int(rows[first]), k, said[wrong[first]])

    def _refuse(self, index: IndexArray, row: int, k: int, said: Any) -> None:
        """Raises TrainingError for the index at place k of a sample."""
        columns = [self.data.columns[int(array[1:])] for array in index.arrays]
        named = [c.place(row, e) for c, e in zip(columns, index.elements[k], strict=True)]
        text = index.text(k, list(zip(index.scales, named, strict=True)))
        raise TrainingError(f"{text} {index.outside(said)}")


def _shown(sizes: Sizes) -> str:
    return str(sizes[0]) if len(sizes) == 1 else str(sizes)
