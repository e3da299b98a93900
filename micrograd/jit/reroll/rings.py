"""Where segments end in rings, whose neighbours are at the other end of the row at either edge, and
in pyramids.

In `u[i - 1]` another row of elements begins behind the first block, in `u[(i + 1) % n]` before the
last one, and in both where a row ends: what several operands say is an end, and what only one of
them says is a switch. Where one operand alone breaks, twice in a row, ends are those of its breaks
that make all rows as long as the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.nests import Ints
from .strings import Bools

FEWEST = 3
"""Segments of which each operand may have a break that is no end."""


def shared_ends(first: Bools, features: Sequence[Bools], most: float) -> Bools | None:
    """Between which blocks two operands break, or more of them, if that is where most segments end,
    and within them each has one more break at most, and two have one in most; None if there are no
    such ends, or more than `most`.

    first      which blocks begin a run
    features   between which blocks each operand breaks
    """
    if len(features) < 2:
        return None
    once = {np.packbits(breaks).tobytes(): breaks for breaks in features}
    each = np.stack(list(once.values()))
    shared: Bools = each.sum(axis=0) >= 2
    starts = first.copy()
    starts[1:] |= shared
    count, ends = int(starts.sum()), int(shared.sum())
    if not FEWEST - 1 <= ends <= most or 2 * ends < count:
        return None
    segment, usual = (np.cumsum(starts) - 1)[1:], 0
    for breaks in each & ~starts[1:]:
        more = int(np.count_nonzero(breaks))
        if more and int(np.bincount(segment[breaks]).max()) > 1:
            return None
        usual += 2 * more >= count
    return shared if usual >= 2 else None


def turned_ends(first: Bools, features: Sequence[Bools], most: float) -> Bools | None:
    """Between which blocks rows end, if operands break twice in each row, at its end and somewhere
    in it, others at ends alone, and rows are of one length in each run; None if it is not so, or
    if there are more ends than `most`.

    first      which blocks begin a run
    features   between which blocks each operand breaks
    """
    if not features:
        return None
    most_often = max(features, key=np.count_nonzero)
    after = np.flatnonzero(most_often & ~first[1:]) + 1
    begins = np.flatnonzero(first)
    run = np.searchsorted(begins, after, side="right") - 1
    lengths = np.diff(np.append(begins, len(first)))
    place, number = after - begins[run], np.arange(len(after)) - np.searchsorted(run, run)
    counts = np.bincount(run, minlength=len(begins))
    rows = counts // 2 + 1
    if (counts % 2 == 0).any() or (lengths % rows).any() or len(after) // 2 > most:
        return None
    length = (lengths // rows)[run]
    inside = number % 2 == 0
    offset = place - length * (number // 2)
    if (offset[~inside] != length[~inside]).any() or (offset[inside] != offset[0]).any():
        return None
    if counts.sum() < FEWEST or not 0 < offset[0] < length.min():
        return None
    ends = np.zeros(len(first) - 1, dtype=bool)
    ends[after[~inside] - 1] = True
    others = [breaks & ~ends & ~first[1:] for breaks in features]
    turns = most_often & ~ends & ~first[1:]
    return ends if all(not x.any() or (x == turns).all() for x in others) else None


def are_alike(first: Bools, ends: Bools) -> bool:
    """Whether all rows that end there are of one length."""
    starts = first.copy()
    starts[1:] |= ends
    lengths = np.diff(np.append(np.flatnonzero(starts), len(starts)))
    return bool((lengths == lengths[0]).all())


def first_rows(run: Ints, inside: Bools, irregular: Bools, ends: Bools) -> Bools:
    """Where the first row of a pyramid ends, which reads what was made before all of them, as each
    of the others reads the row before. So many are no start values of one loop.

    run         of each block
    inside      [operand, block]: whether it is made in the run
    irregular   where it breaks its progression, as it does where rows end
    ends        where what is made before the run ends
    """
    found = np.zeros(ends.shape, dtype=bool)
    begins = np.flatnonzero(np.concatenate([[True], run[1:] != run[:-1]]))
    first = begins[np.cumsum(np.concatenate([[0], run[1:] != run[:-1]]))]
    for row in np.flatnonzero(ends.any(axis=1)).tolist():
        at = np.flatnonzero(ends[row] & ~inside[row, :-1])
        at = at[np.isin(run[at], run[1:][irregular[row] & inside[row, 1:]])]
        before = np.concatenate([[0], np.cumsum(irregular[row] | ends[row])])
        at = at[(at - first[at] + 1 >= FEWEST) & (before[at] == before[first[at]])]
        found[row, at] = True
    return found
