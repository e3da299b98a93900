"""Index sequences as nested affine patterns: the loops in a list of numbers.

A sequence `s` is a nest with trip counts (c1, ..., ck), outermost first, and strides (d1, ..., dk)
if its elements in order are `s[0] + sum(di * ji)` for 0 <= ji < ci, the last index fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

LOOKED_AT = 64
"""Numbers of a sequence that are looked at first."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A common nest of several sequences: `strides[d][s]` is the stride of sequence s in loop d."""

    counts: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    def strides_of(self, sequence: int) -> tuple[int, ...]:
        """The strides of one sequence, outermost loop first."""
        return tuple(row[sequence] for row in self.strides)


def distinct(x: Ints) -> Ints:
    """The numbers of an array, each once, in order.

    np.unique, asked for no more than that, imports numpy.ma: 10 ms, and a child that is forked
    meanwhile would wait for it for ever.

    >>> distinct(np.array([3, 1, 3, 2, 1]))
    array([1, 2, 3])
    """
    ordered: Ints = np.sort(x)
    found: Ints = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return found


def factor(sequences: Ints, inner: int = 1) -> Nest | None:
    """The coarsest common nest of the rows of `sequences` (i64[s, n]); None if there is none.

    The innermost loops multiply to `inner` exactly, which divides n. The innermost stride is the
    first difference; where any row breaks it, all do: the greatest common divisor of the breaks
    is the trip count; the starts of the runs have the rest of the nest.

    >>> factor(np.array([[0, 1, 2, 10, 11, 12]]))
    Nest(counts=(2, 3), strides=((10,), (1,)))
    """
    counts: list[int] = []
    strides: list[tuple[int, ...]] = []
    while sequences.shape[1] > 1:
        step = sequences[:, 1] - sequences[:, 0]
        run = gcd(sequences.shape[1], inner) if inner > 1 else sequences.shape[1]
        for some in _longer(sequences.shape[1]):  # most that are none break early
            broken = np.diff(sequences[:, :some], axis=1) != step[:, None]
            breaks = np.flatnonzero(broken.any(axis=0)) + 1
            run = gcd(run, int(np.gcd.reduce(breaks)))
            if run == 1:
                break
        if run == 1:
            return None
        counts.append(run)
        strides.append(tuple(step.tolist()))
        sequences = sequences[:, ::run]
        inner = max(1, inner // run)
    return Nest(tuple(counts[::-1]), tuple(strides[::-1]))


def _longer(whole: int) -> Iterator[int]:
    """How many of so many to look at first, and then, if these do not say it: all in the end."""
    some = LOOKED_AT
    while some < whole:
        yield some
        some *= LOOKED_AT
    yield whole


def pieces(sequences: Ints, most: int) -> list[tuple[int, int]] | None:
    """Cut the rows of `sequences` into at most `most` ranges that are nests; None if it takes more.

    Each range is grown from its start: the longest run, then the longest row of such runs, and so
    on. This is what finds a ragged end, or a first element that differs.

    >>> pieces(np.array([[7, 0, 1, 2, 3]]), 4)
    [(0, 1), (1, 5)]
    """
    n = sequences.shape[1]
    cuts: list[tuple[int, int]] = []
    start = 0
    while start < n:
        if len(cuts) == most:
            return None
        end = start + _grow(sequences[:, start:])
        cuts.append((start, end))
        start = end
    return cuts


def nests(sequences: Ints) -> Iterator[tuple[tuple[int, ...], list[tuple[int, tuple[int, ...]]]]]:
    """The trip counts of loop nests that run through the rows of `sequences` side by side, and the
    offset and strides of each row.

    >>> list(nests(np.array([[7, 0, 1, 2]])))
    [((), [(7, ())]), ((3,), [(0, (1,))])]
    """
    n = sequences.shape[1]
    for start, end in pieces(sequences, n) or []:
        nest = factor(sequences[:, start:end])
        assert nest is not None
        yield (
            nest.counts,
            [(int(row[start]), nest.strides_of(k)) for k, row in enumerate(sequences)],
        )


def _grow(sequences: Ints) -> int:
    """The length of the nest that the rows begin with.

    A single element that is followed by a longer nest stands alone: [7, 0, 1, 2] begins with 7.
    """
    n = sequences.shape[1]
    size = 1
    while True:
        blocks = n // size
        if blocks < 2:
            return size
        grid = sequences[:, : blocks * size].reshape(len(sequences), blocks, size)
        step = grid[:, 1, 0] - grid[:, 0, 0]
        for some in _longer(blocks):
            expected = grid[:, :1, :] + step[:, None, None] * np.arange(some)[None, :, None]
            same = (grid[:, :some] == expected).all(axis=(0, 2))
            count = some if same.all() else int(np.argmin(same))
            if count < some:
                break
        if count < 2 or (count == 2 and size == 1 and n > 2):
            return size
        size *= count
