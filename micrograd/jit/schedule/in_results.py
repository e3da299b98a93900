"""Steps -> which temporaries lie where a result does, so that large ones need no other memory.

    e[i] = exp(x[i]) ...  s += e[i] ...  out[i] = mul(e[i], c)

Here `e` can lie where `out` does: what writes an element of the result is the last that reads the
same element of the temporary. So less goes through the caches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..ir.program import NUMBER, Access, Array, Role, Statement, accesses, row_major
from .lanes import VectorLoop
from .lives import touched_in

LARGE = 1 << 18
"""Bytes of arrays that are large. Smaller ones stay in the caches near a core, where memory of
their own has the better alignment.
"""


def in_results(
    steps: Sequence[Any], arrays: Mapping[str, Array], names: Collection[str]
) -> dict[str, str]:
    """Those temporaries among `names` that lie in a result, and in which; in each lies one at most.

    Requires results that overlap nothing else.
    """
    touched = list(map(touched_in, steps))
    found: dict[str, str] = {}
    for k, step in enumerate(steps):
        earlier = {name for before in touched[:k] for name in before}
        later = {name for behind in touched[k + 1 :] for name in behind}
        for s in step.statements if isinstance(step, VectorLoop) else ():
            out, alone = s.target, touched[k].count
            if not _is_whole(s, arrays[out.array]) or out.array in earlier | later:
                continue
            if alone(out.array) != 1:
                continue
            for a in dict.fromkeys(accesses(s.expr)):
                same = a.of(out.array) == out and arrays[a.array].size == arrays[out.array].size
                reads = len([x for x in accesses(s.expr) if x == a])
                last = alone(a.array) == reads and a.array not in later
                if same and last and a.array in names and a.array not in found:
                    found[a.array] = out.array
                    break
    return found


def _is_whole(s: Statement, array: Array) -> bool:
    """Whether a statement sets every element of a result, one after the other."""
    return (
        array.role is Role.OUTPUT
        and array.dtype == NUMBER
        and s.accumulate is None
        and all(type(count) is int for count in s.domain)
        and s.points == array.size
        and s.target == Access(array.name, 0, row_major(s.domain))
    )
