"""The arrays with a row for each iteration of a loop that goes on as long as a condition holds.

How often such a loop runs is known when it has run. The rows are there for as many iterations as
there may be; those behind the last that there was are not touched.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

from .extents import Entries, Varying, is_number
from .program import Access, Program, loops, row_major

Domain = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """How an array lies by rows.

    domain    the loops around, and the one whose iterations have a row each
    strides   how far a row moves with each of them; the last is how long it is
    before    whether there is one more row in front, which the first iteration begins with
    """

    domain: Domain
    strides: tuple[int, ...]
    before: bool


def counts(program: Program) -> set[str]:
    """The arrays that say how often loops have run."""
    every = (loop.extent for loop in loops(program.body) if loop.going is not None)
    return {extent.array for extent in every if isinstance(extent, Entries)}


def counted(program: Program, without: Collection[int] = ()) -> dict[str, Counted]:
    """The arrays of which nothing touches a row behind the last iteration's.

    without   statements, by their ids, that are not looked at
    """
    known = counts(program)
    if not known:
        return {}
    places: dict[str, set[tuple[Access, Domain]]] = {}
    for s in program.statements:
        for a in s.accesses if id(s) not in without else ():
            places.setdefault(a.array, set()).add((a, s.domain))
    found = {}
    for name, some in places.items():
        depths = [(depth, a, domain) for a, domain in some for depth in _rows(a, domain, known)]
        if depths:
            depth, a, domain = max(depths, key=lambda each: each[0])
            rows = _counted(program, name, domain[: depth + 1], a.strides[: depth + 1])
            if rows is not None and all(_is_within(rows, a, domain) for a, domain in some):
                found[name] = rows
    return found


def _rows(a: Access, domain: Domain, known: set[str]) -> list[int]:
    """The loops of these that an access moves with."""
    return [
        d
        for d, (stride, extent) in enumerate(zip(a.strides, domain, strict=True))
        if stride and isinstance(extent, Entries) and extent.array in known
    ]


def _counted(
    program: Program, name: str, domain: Domain, strides: tuple[int, ...]
) -> Counted | None:
    """The rows that these loops have, if the array is made of these rows alone."""
    outer, size = [int(x) for x in domain[:-1]], program.arrays[name].size
    if any(isinstance(x, Varying) and not isinstance(x, Entries) for x in domain):
        return None
    if not prod(outer):
        return None
    each, left = divmod(size, prod(outer))
    rows, rest = divmod(each, strides[-1]) if strides[-1] > 0 else (0, 1)
    more = rows - int(domain[-1])
    if left or rest or more not in (0, 1):
        return None
    if strides[:-1] != tuple([each * x for x in row_major(outer)]):
        return None
    return Counted(domain, strides, more == 1)


def _is_within(rows: Counted, a: Access, domain: Domain) -> bool:
    """Whether an access touches rows of iterations that there were, or the one in front."""
    depth, length, last = len(rows.strides) - 1, rows.strides[-1], rows.domain[-1]
    assert isinstance(last, Entries)
    if domain[:depth] != rows.domain[:depth] or a.strides[:depth] != rows.strides[:depth]:
        return False
    inside = domain[: depth + 1] == rows.domain and a.strides[depth] == length
    if a.parts:  # the row that is left behind the loop, if there is one in front
        (part, *others) = a.parts
        outer = tuple([*last.strides, *(0 for _ in range(depth))][:depth])
        same = part.is_entry and part.by == last.array and part.offset == last.offset
        moves = part.strides[:depth] == outer and not any(part.strides[depth:])
        if others or not same or not moves or part.scale != length or inside or not rows.before:
            return False
    first = depth + 1 if inside else depth
    moved = tuple(zip(a.strides[first:], domain[first:], strict=True))
    if not all(is_number(count) for stride, count in moved if stride):
        return False
    low = a.offset + sum(min(0, stride * (int(count) - 1)) for stride, count in moved)
    high = a.offset + sum(max(0, stride * (int(count) - 1)) for stride, count in moved)
    return low >= 0 and high < length * (2 if inside and rows.before else 1)
