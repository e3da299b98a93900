"""The points of domains, and the elements that accesses touch at them: everything written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from threading import local

import numpy as np
import numpy.typing as npt

from .extents import Affine, Entries, Extent, is_number
from .program import Access, Part, Program, Statement, accesses

Ints = npt.NDArray[np.int64]


class Unknown(Exception):
    """What an index array holds is known only when the code runs."""


def points(domain: tuple[int, ...], program: Program) -> list[Ints]:
    """The indices of every point of the domain, in order: for each loop i64[points].

    A run-time extent counts as the most that it can be. Raises Unknown where a loop's extent is an
    entry that is not known.

    >>> [list(map(int, x)) for x in points((3, Affine(0, (1,), 2)), Program())]
    [[1, 2, 2], [0, 0, 1]]
    """
    kept = _KEPT.points if _KEPT.program is program else None
    if kept is not None and domain in kept:
        return kept[domain]
    columns: list[Ints] = []
    total = 1
    if kept is not None and len(domain) > 1:
        columns = points(domain[:-1], program)
        total = len(columns[0])
    for count in domain[len(columns) :]:
        if isinstance(count, Affine | Entries):
            counts = _counts(count, columns, total, program)
        else:
            counts = np.full(total, int(count), dtype=np.int64)
        columns = [np.repeat(x, counts) for x in columns]
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        columns.append(np.arange(total) - np.repeat(ends - counts, counts))
    if kept is not None:
        kept[domain] = columns
    return columns


class _Kept(local):
    """The points of domains of a program that were found, while they are kept."""

    program: Program | None = None
    points: dict[tuple[int, ...], list[Ints]]


_KEPT = _Kept()


@contextmanager
def points_kept(program: Program) -> Iterator[None]:
    """Inside, the points of each domain of a program, which stays as it is, are found once."""
    before = _KEPT.program, getattr(_KEPT, "points", {})
    _KEPT.program, _KEPT.points = program, {}
    try:
        yield
    finally:
        _KEPT.program, _KEPT.points = before


def _counts(count: Affine | Entries, columns: list[Ints], total: int, program: Program) -> Ints:
    """How often the loop runs for every point of the loops around it."""
    numbers = np.full(total, count.offset, dtype=np.int64)
    for stride, column in zip(count.strides, columns, strict=False):
        numbers += stride * column
    if isinstance(count, Entries):
        return _entries(count.array, numbers, program)
    return np.maximum(numbers, 0)


def _entries(array: str, at: Ints, program: Program) -> Ints:
    data = program.arrays[array].data
    if data is None:
        raise Unknown(array)
    found: Ints = np.asarray(data, dtype=np.int64)[at]
    return found


def is_box(domain: tuple[int, ...]) -> bool:
    """Whether every loop runs as often whatever the others' indices are."""
    return not any(isinstance(count, Affine | Entries) for count in domain)


def elements(access: Access, domain: tuple[int, ...], program: Program) -> Ints:
    """The element that the access touches at every point of the domain, in order: i64[points].

    Raises Unknown where that is not known before the code runs.
    """
    columns = None if is_box(domain) else points(domain, program)
    index = _affine(access.offset, access.strides, domain, columns)
    for part in access.parts:
        index = index + part.scale * _part(part, domain, columns, program)
    return index


def _part(
    part: Part, domain: tuple[int, ...], columns: list[Ints] | None, program: Program
) -> Ints:
    number = _affine(part.offset, part.strides, domain, columns)
    if part.is_entry:
        return _entries(str(part.by), number, program)
    found: Ints = number % int(part.by) if part.kind == "mod" else number // int(part.by)
    return found


def _affine(
    offset: int, strides: tuple[int, ...], domain: tuple[int, ...], columns: list[Ints] | None
) -> Ints:
    index: Ints = np.full((1,), offset, dtype=np.int64)
    if columns is None:
        total = 1
        for count, stride in zip(reversed(domain), reversed(strides), strict=True):
            if stride != total and count != 1:
                break
            total *= int(count)
        else:  # one element after the other
            return np.arange(offset, offset + total)
        for count, stride in zip(domain, strides, strict=True):
            index = (index[:, None] + stride * np.arange(int(count))).reshape(-1)
        return index
    index = np.full(len(columns[0]), offset, dtype=np.int64)
    for column, stride in zip(columns, strides, strict=True):
        index += stride * column
    return index


def reach(access: Access, domain: tuple[int, ...], program: Program) -> tuple[int, int]:
    """The first and the last element that the access may touch, by the extents alone.

    Exact for boxes; else the elements may lie closer together.
    """
    low = high = access.offset

    def spread(strides: tuple[int, ...], scale: int = 1) -> tuple[int, int]:
        spans = [scale * d * max(0, c - 1) for d, c in zip(strides, domain, strict=True)]
        return sum(min(x, 0) for x in spans), sum(max(x, 0) for x in spans)

    down, up = spread(access.strides)
    low, high = low + down, high + up
    for part in access.parts:
        first, last = (part.offset + x for x in spread(part.strides))
        if part.kind == "mod":
            first, last = 0, int(part.by) - 1
        elif part.kind == "div":
            first, last = first // int(part.by), last // int(part.by)
        else:
            a = program.arrays[str(part.by)]
            known = a.data is not None and a.size > 0
            first = int(a.data.min()) if known else 0  # type: ignore[union-attr]
            last = int(a.data.max()) if known else a.below - 1  # type: ignore[union-attr]
        first, last = sorted((part.scale * first, part.scale * last))
        low, high = low + first, high + last
    return low, high


def distinct(access: Access, domain: tuple[int, ...], program: Program) -> tuple[Ints, bool]:
    """The elements that the access touches, and whether it touches one of them more than once.

    Loops that the access does not depend on are left out, so the cost is that of the elements, not
    of the points: a weight that a million points read is looked up once. What is not known before
    the code runs counts as every element in reach, more than once.
    """
    size = program.arrays[access.array].size
    every = (access.strides, *[part.strides for part in access.parts])
    kept = _involved(domain, every)
    counts = _only(domain, kept)
    own = access.with_strides(lambda strides: tuple([strides[d] for d in kept]))
    again = len(kept) < len(domain) and prod(map(int, domain)) > prod(map(int, counts))
    try:
        index = elements(own, counts, program)
    except Unknown:
        low, high = reach(access, domain, program)
        return np.arange(max(low, 0), min(high + 1, size)), True
    again = again and len(index) > 0
    return index, again or (not is_apart(own, counts) and repeats(index, size))


def ends(access: Access, domain: tuple[int, ...], program: Program) -> tuple[int, int]:
    """The first and the last element that the access touches; (0, -1) if it touches none.

    Loops that move it evenly, whatever the other indices are, count by their ends alone. Raises
    Unknown where that is not known before the code runs.
    """
    kept = _involved(domain, [part.strides for part in access.parts])
    others = [d for d in range(len(domain)) if d not in kept]
    if any(int(domain[d]) < 1 for d in others):
        return 0, -1
    own = access.with_strides(lambda strides: tuple([strides[d] for d in kept]))
    index = elements(own, _only(domain, kept), program)
    if not len(index):
        return 0, -1
    spans = [access.strides[d] * (int(domain[d]) - 1) for d in others]
    low, high = sum(min(x, 0) for x in spans), sum(max(x, 0) for x in spans)
    return int(index.min()) + low, int(index.max()) + high


def _involved(domain: tuple[int, ...], every: Sequence[tuple[int, ...]]) -> list[int]:
    """The loops that some strides depend on, or run never, or have no extent of their own; and
    those on which such an extent depends.
    """
    kept: set[int] = set()
    for d in reversed(range(len(domain))):
        count = domain[d]
        if isinstance(count, Affine | Entries):
            kept.add(d)
            kept.update([k for k, stride in enumerate(count.strides) if stride])
        elif (count != 1 and any(strides[d] for strides in every)) or not count:
            kept.add(d)
    return sorted(kept)


def _only(domain: tuple[int, ...], kept: Sequence[int]) -> tuple[int, ...]:
    """A domain without the other loops, on which none of these depends."""
    if len(kept) == len(domain):
        return domain
    counts: list[int] = []
    for d in kept:
        count = domain[d]
        if isinstance(count, Affine):
            strides = tuple([count.strides[k] for k in kept if k < d])
            count = Affine(count.offset, strides, int(count))
        elif isinstance(count, Entries):
            strides = tuple([count.strides[k] for k in kept if k < d])
            count = Entries(count.array, count.offset, strides, int(count))
        counts.append(count)
    return tuple(counts)


def touched(index: Ints, size: int) -> npt.NDArray[np.bool_]:
    """Which of `size` elements an index sequence names."""
    mask = np.zeros(size, dtype=bool)
    mask[index] = True
    return mask


def repeats(index: Ints, size: int) -> bool:
    """Whether an index sequence names one of `size` elements twice."""
    return len(index) > 1 and int(touched(index, size).sum()) < len(index)


def is_recurrence(s: Statement, program: Program) -> bool:
    """Whether an iteration may read what an earlier iteration wrote."""
    own = [a for a in accesses(s.expr) if a.array == s.target.array]
    if not own:
        return False
    size = program.arrays[s.target.array].size
    written = touched(distinct(s.target, s.domain, program)[0], size)
    return any(bool(written[distinct(a, s.domain, program)[0]].any()) for a in own)


def counted(domain: tuple[int, ...], program: Program) -> int:
    """How many points a domain has; a run-time extent counts as the most that it can be."""
    if all(map(is_number, domain)) or all(is_number(c) or isinstance(c, Extent) for c in domain):
        return prod(map(int, domain))
    columns = points(domain, program)
    return len(columns[0])


def is_apart(a: Access, counts: Sequence[int]) -> bool:
    """Whether an access touches another element at every point, as its strides alone say.

    >>> is_apart(Access("a", 0, (5, 1)), (3, 5)), is_apart(Access("a", 0, (5, 1)), (3, 6))
    (True, False)
    """
    if a.parts:
        return False
    reach = 0
    for stride, count in sorted(zip(map(abs, a.strides), map(int, counts), strict=True)):
        if count > 1 and stride <= reach:
            return False
        reach += stride * max(0, count - 1)
    return True
