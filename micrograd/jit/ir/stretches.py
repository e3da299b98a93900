"""The stretch of an array that one iteration of a loop has for itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .program import Access, Statement


def stretch(a: Access, domain: tuple[int, ...]) -> tuple[int, int] | None:
    """(stride, first multiple) if every iteration touches a stretch of `stride` elements only.

    The stride is below 0 where iterations go from the last stretch to the first.
    """
    stride = a.strides[0]
    size = abs(stride)
    if a.parts or not stride:
        return None
    spans = [d * max(0, c - 1) for d, c in zip(a.strides[1:], domain[1:], strict=True)]
    low = a.offset + sum(x for x in spans if x < 0)
    high = a.offset + sum(x for x in spans if x > 0)
    return (stride, low // size) if low // size == high // size else None


def stretches(body: Iterable[Statement]) -> dict[str, set[tuple[int, int] | None]]:
    """The stretches of every array that the statements touch."""
    found: dict[str, set[tuple[int, int] | None]] = {}
    for s in body:
        for a in s.accesses:
            found.setdefault(a.array, set()).add(stretch(a, s.domain))
    return found


def private(
    written: Collection[str], touched: dict[str, set[tuple[int, int] | None]]
) -> dict[str, int]:
    """The arrays, of those written, that iterations touch in stretches of their own, so long."""
    found = {}
    for name, (
        only,
        *others,
    ) in touched.items():
        if name in written and only is not None and not others:
            found[name] = abs(only[0])
    return found
