"""The integers that a function of numbers takes -> how its index arrays are made of them in C."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ExportError
from ...index_arrays import IndexArray
from ..call.index_arguments import Indices
from ..emit.outer import Made, Term
from ..ir.program import Program


def made_of_integers(
    indices: Indices, names: Sequence[str], program: Program
) -> tuple[dict[str, Made], list[str]]:
    """How the index arrays of a program are made, by their names; and what is wrong if the
    function returns 1, 2, ...

    names   of the arguments in C, which are those of the source, and perhaps others behind

    Raises ExportError for indices that are no sums of multiples of the integers.
    """
    found, wrong = {}, []
    for code, a in enumerate(indices.arrays, 1):
        places = [indices.places[array] for array in a.arrays]
        if a.formula is not None:
            said = a.text(0, [(1, names[p]) for p in places])
            raise ExportError(
                f"rows are looked up by {said}, and what is exported looks up by sums of multiples "
                "of its integers; pass what they come to as an argument of its own"
            )
        columns = zip(*a.elements, strict=True) if a.elements else [()] * len(places)
        terms = tuple(
            Term(place, scale, tuple(column))
            for place, scale, column in zip(places, a.scales, columns, strict=True)
        )
        offsets = (a.offset,) if a.offsets is None else tuple(a.offsets.tolist())
        found[a.name] = Made(
            program.arrays[a.name].dtype,
            len(a.elements),
            terms,
            code,
            0 if a.counts else -a.below,
            a.below,
            0 if a.counts else a.below,
            offsets,
            frozenset(a.unused),
        )
        wrong.append(_wrong(a, [(names[p], indices.is_row[p]) for p in places]))
    return found, wrong


def _wrong(a: IndexArray, names: Sequence[tuple[str, bool]]) -> str:
    """What an index array should not have."""

    def text(k: int) -> str:
        terms = [
            (scale, f"{name}[{element}]" if is_row else name)
            for scale, (name, is_row), element in zip(a.scales, names, a.elements[k], strict=True)
        ]
        return a.text(k, terms)

    used = [k for k in range(len(a.elements)) if k not in a.unused]
    which = text(used[0]) if used else "nothing"
    if len(used) > 1:
        last = text(used[-1])
        which = f"{which} or {last}" if len(used) == 2 else f"one of {which} to {last}"
    if a.counts:
        return f"{which} is not from 0 to {a.below - 1}, how often a loop runs"
    return f"{which} is not from {-a.below} to {a.below - 1}, for a table of {a.below} rows"
