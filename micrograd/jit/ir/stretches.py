"""The stretch of an array that one iteration of a loop has for itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .extents import Affine
from .program import Access, Array, Loop, Order, Statement, map_accesses, statements

Stretches = dict[str, set[tuple[int, int] | None]]


def stretch(a: Access, domain: tuple[int, ...], depth: int = 0) -> tuple[int, int] | None:
    """(stride, first multiple) if every iteration touches a stretch of `stride` elements only.

    The stride is below 0 where iterations go from the last stretch to the first.

    depth   the number of the loop; those around it do not move the access
    """
    stride = a.strides[depth]
    size = abs(stride)
    if a.parts or not stride or any(a.strides[:depth]):
        return None
    low = a.offset - _most([-d for d in a.strides], domain, depth)
    high = a.offset + _most(a.strides, domain, depth)
    return (stride, low // size) if low // size == high // size else None


def _most(strides: Sequence[int], domain: tuple[int, ...], depth: int) -> int:
    """The most, or more, that strides inside of loop number `depth` add up to at a point.

    By how often loops run at most; and by what their trip counts say, from the innermost on.

    >>> _most([8, 1, 1], (5, 4, Affine(4, (0, -1), 4)), 0)
    3
    """
    inner = range(depth + 1, len(domain))
    box = sum(max(0, strides[k]) * max(0, int(domain[k]) - 1) for k in inner)
    if not any(isinstance(domain[k], Affine) for k in inner):
        return box
    left, total = list(strides), 0
    for k in reversed(inner):
        count, stride = domain[k], left[k]
        if stride <= 0:
            continue
        if not isinstance(count, Affine) or any(count.strides[: depth + 1]):
            total += stride * max(0, int(count) - 1)
            continue
        total += stride * (count.offset - 1)
        for outer, by in enumerate(count.strides):
            left[outer] += stride * by
    return min(box, total)


def stays(a: Access, domain: Sequence[int], row: int, arrays: Mapping[str, Array]) -> bool:
    """Whether every loop moves an access by whole rows, of so many elements, or inside of one,
    never out of it.
    """
    reach = a.offset % row
    low = high = reach
    for stride, count in zip(a.strides, domain, strict=True):
        if stride % row:
            span = stride * max(0, int(count) - 1)
            low, high = low + min(0, span), high + max(0, span)
    for p in a.parts:
        if not p.is_entry:
            return False
        if p.scale % row:
            below = arrays[str(p.by)].below
            span = p.scale * (below - 1)
            if below < 1:
                return False
            low, high = low + min(0, span), high + max(0, span)
    return low >= 0 and high < row


def stretches(body: Iterable[Statement], depth: int = 0) -> Stretches:
    """The stretches of every array that the statements touch."""
    found: Stretches = {}
    for s in body:
        for a in s.accesses:
            found.setdefault(a.array, set()).add(stretch(a, s.domain, depth))
    return found


def private(written: Collection[str], touched: Stretches) -> dict[str, int]:
    """The arrays, of those written, that iterations touch in stretches of their own, so long."""
    found = {}
    for name, (
        only,
        *others,
    ) in touched.items():
        if name in written and only is not None and not others:
            found[name] = abs(only[0])
    return found


@dataclass(frozen=True, slots=True)
class Own:
    """The loop of which each iteration has a stretch of an array for itself.

    path      where that loop stands: its place in the body of the loop around it, and so on
    counts    how often the loops run, from the outermost to that one
    offset    the first element of the stretch where all indices are 0
    strides   by how much it moves with the index of each loop
    """

    path: tuple[int, ...]
    counts: tuple[int, ...]
    offset: int
    strides: tuple[int, ...]

    @property
    def length(self) -> int:
        """How long the stretch is."""
        return abs(self.strides[-1])


def own(loop: Loop, names: Collection[str]) -> dict[str, Own]:
    """The arrays, of these, that iterations of a loop have stretches of; by the innermost loop in
    order inside of it whose iterations have.
    """
    return dict(
        _own(loop, Own((), (loop.extent,), 0, ()), dict.fromkeys(names, Own((), (), 0, ())))
    )


def _own(loop: Loop, here: Own, names: dict[str, Own]) -> Iterator[tuple[str, Own]]:
    """`here`: where the loop stands; `names`: what iterations of the loop around have of arrays."""
    depth = len(here.path)
    found: dict[str, Own] = {}
    for name, (only, *others) in stretches(statements([loop]), depth).items():
        if name in names and only is not None and not others:
            stride, number = only
            outer = names[name]
            offset = outer.offset + number * abs(stride)
            found[name] = replace(here, offset=offset, strides=(*outer.strides, stride))
    yield from found.items()
    touched = [{a.array for s in statements([node]) for a in s.accesses} for node in loop.body]
    for k, node in enumerate(loop.body):
        if isinstance(node, Loop) and node.order is not Order.FREE:
            around = set().union(*touched[:k], *touched[k + 1 :])
            alone = {name: x for name, x in found.items() if name not in around}
            inner = Own((*here.path, k), (*here.counts, node.extent), 0, ())
            yield from _own(_moved(node, found, depth), inner, alone)


def _moved(loop: Loop, tiles: Collection[str], depth: int) -> Loop:
    body = [
        _moved(node, tiles, depth) if isinstance(node, Loop) else within(node, tiles, depth)
        for node in loop.body
    ]
    return replace(loop, body=body)


def within(s: Statement, tiles: Collection[str], depth: int) -> Statement:
    """The statement with one iteration's stretch of arrays in place of the whole."""

    def change(a: Access) -> Access:
        found = stretch(a, s.domain, depth) if a.array in tiles else None
        if found is None:
            return a
        stride, number = found
        strides = (*a.strides[:depth], 0, *a.strides[depth + 1 :])
        return Access(a.array, a.offset - number * abs(stride), strides)

    return replace(s, target=change(s.target), expr=map_accesses(s.expr, change))
