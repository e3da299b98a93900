"""High limits of loops that go on as long as a condition holds, and lower ones in their place.

What a program is made of does not depend on how often such a loop may run at most, but sizes do,
and how long it takes to look at every element. So a graph is compiled with lower limits, and the
program that is scheduled gets its limits back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import TraceError, user_location
from .counted import counted, counts
from .extents import Entries
from .graph import Graph
from .program import Access, Loop, Node, Program, Role, Statement

HIGH = 4096
"""Limits above are lowered."""
LOWEST = 131
"""Lowered limits are from here on: more than are written out, and each another number."""
MOST_NUMBERS = 1 << 24
"""What an array may have with a row for each iteration."""


def lowered(graph: Graph) -> tuple[Graph, dict[int, int]]:
    """The graph with lower limits, each for one loop; and by these what they were."""
    taken = {r.most for r in graph.regions} | {size for _, size in graph.inputs}
    limits: dict[int, int] = {}
    regions, low = [], LOWEST
    for r in graph.regions:
        if r.going and r.most > HIGH:
            while low in taken:
                low += 1
            taken.add(low)
            limits[low] = r.most
            r = replace(r, most=low)
        regions.append(r)
    return (replace(graph, regions=regions) if limits else graph), limits


def raised(program: Program, limits: Mapping[int, int]) -> Program | None:
    """The program with the limits that its loops have; None if more changes than sizes: where loops
    whose rows are kept are in others.

    Raises TraceError if the rows that are kept would be too many.
    """
    arrays = dict(program.arrays)
    known, rows = counts(program), counted(program)
    high = {name: limits[n] for name in known if (n := arrays[name].below - 1) in limits}
    for name, high_limit in high.items():
        if arrays[name].size != 1:
            return None
        arrays[name] = replace(arrays[name], below=high_limit + 1)
    for s in program.statements:
        for a in s.accesses:
            if _is_by_row(a, s.domain, limits, high):
                kept = rows.get(a.array)
                constant = arrays[a.array].role is Role.CONSTANT
                if constant or kept is None or len(kept.domain) > 1:
                    return None
    for name, at in rows.items():
        if _is_of(last := at.domain[-1], high):
            assert isinstance(last, Entries)
            most = high[last.array]
            size = (most + at.before) * at.strides[-1]
            _check(size, most)
            arrays[name] = replace(arrays[name], shape=(size,))
    return replace(program, arrays=arrays, body=_body(program.body, limits, high, ()))


def _is_of(extent: int, high: Mapping[str, int]) -> bool:
    return isinstance(extent, Entries) and extent.array in high


def _is_by_row(
    a: Access, domain: tuple[int, ...], limits: Mapping[int, int], high: Mapping[str, int]
) -> bool:
    """Whether an access moves with a loop whose limit is another one here."""
    every = [a.strides, *(p.strides for p in a.parts)]
    moved = {d for strides in every for d, stride in enumerate(strides) if stride}
    return any(_is_of(domain[d], high) or domain[d] in limits for d in moved)


def _check(size: int, most: int) -> None:
    if size > MOST_NUMBERS:
        each = -(-size // (most + 1))
        gib = size * 8 / 2**30
        raise TraceError(
            f"{user_location()}: derivatives of a loop with limit={most:,} would keep up to "
            f"{size:,} numbers of one kind for all its iterations, {gib:,.2f} GiB in f64, of at "
            f"most {MOST_NUMBERS:,}; give while_loop a limit of at most "
            f"{MOST_NUMBERS // each - 1:,}, or ask for jvp, which keeps none"
        )


def _body(
    body: Sequence[Node], limits: Mapping[int, int], high: Mapping[str, int], path: tuple[int, ...]
) -> list[Node]:
    """The body with high limits; `path`: the extents of the loops around, as they become."""
    found: list[Node] = []
    for node in body:
        if isinstance(node, Statement):
            inner = (_extent(count, high) for count in node.domain[len(path) :])
            found.append(replace(node, domain=(*path, *inner)))
            continue
        extent = _extent(node.extent, high)
        if node.going is not None and not isinstance(extent, Entries):
            extent = limits.get(extent, extent)
        inside = _body(node.body, limits, high, (*path, extent))
        found.append(Loop(extent, node.order, inside, node.going))
    return found


def _extent(count: int, high: Mapping[str, int]) -> int:
    """A trip count, with how much it is at most."""
    if isinstance(count, Entries) and count.array in high:
        return Entries(count.array, count.offset, count.strides, high[count.array])
    return count
