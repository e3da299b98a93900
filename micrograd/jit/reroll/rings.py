"""Where segments end in rings, whose neighbours are at the other end of the row at either edge.

In `u[i - 1]` another row of elements begins behind the first block, in `u[(i + 1) % n]` before the
last one, and in both where a row ends: what several operands say is an end, and what only one of
them says is a switch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    each = np.unique(np.stack(features), axis=0)
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
