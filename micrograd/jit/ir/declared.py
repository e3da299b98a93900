"""What a statement names, and how far it reaches: the rules that look at one statement alone."""

from __future__ import annotations

import numpy as np

from ...real_types import REAL_TYPES
from .extents import INDEX_NAMES, Affine, Entries, Extent
from .places import span
from .points import elements, ends, is_box, reach
from .program import INDEX, NUMBER, Access, Part, Role, Statement
from .progress import Broken, Progress, is_known

_DTYPES = (NUMBER, *REAL_TYPES, *INDEX)
_BITS = {"i32": 31, "i64": 63}
"""Entries of compiled index arrays are signed numbers."""


def arrays(p: Progress) -> None:
    """Constants have their numbers, and index arrays entries that accesses may go through."""
    for a in p.program.arrays.values():
        if a.dtype not in _DTYPES:
            raise Broken(f"{a.name} has the dtype {a.dtype}, which is none of {', '.join(_DTYPES)}")
        if not a.shape or min(a.shape) < 0:
            raise Broken(f"{a.name} has the shape {a.shape}, not of one dimension or more")
        if a.role is Role.CONSTANT and (a.data is None or np.size(a.data) != a.size):
            raise Broken(f"constant {a.name} does not have {a.size} numbers")
        if not a.is_index:
            if a.below:
                raise Broken(f"{a.name} is no index array, so no number bounds its entries")
            continue
        most = 2 ** _BITS[a.dtype]
        if a.role is Role.CONSTANT:
            entries = np.asarray(a.data)
            if entries.size and (entries.min() < 0 or int(entries.max()) >= most):
                raise Broken(f"an entry of {a.name} is not from 0 to {most - 1}")
        elif a.role not in (Role.INPUT, Role.TEMPORARY):
            raise Broken(f"index array {a.name} is neither a constant nor an input nor a count")
        elif not 0 < a.below <= most:
            raise Broken(f"the entries of {a.name} are below {a.below}, which is not 1 to {most}")


def declared(s: Statement, p: Progress) -> None:
    """What a statement names is declared, and used as what it is."""
    named = p.program.arrays
    for a in (s.target, *p.reads):
        known = named.get(a.array)
        if known is None:
            raise Broken(f"array {a.array} is not declared")
        if known.role is Role.EXTENT:
            raise Broken(f"{a.array} is an extent, how often loops run, and no array")
        if known.dtype in INDEX:
            raise Broken(f"{a.array} is an index array, whose entries are no numbers")
        for name in a.index_arrays if a.parts else ():
            _index_array(name, p)
    for count in s.domain:
        if isinstance(count, Extent):
            known = named.get(count.name)
            if known is None or known.role is not Role.EXTENT or known.size != int(count):
                raise Broken(f"extent {count.name} <= {int(count)} is not declared")
        elif isinstance(count, Entries):
            _index_array(count.array, p)


def _index_array(name: str, p: Progress) -> None:
    known = p.program.arrays.get(name)
    if known is None:
        raise Broken(f"array {name} is not declared")
    if not known.is_index:
        raise Broken(f"{name} is no index array, of dtype {' or '.join(INDEX)}")


def ranks(s: Statement, p: Progress) -> None:
    """Domains and strides fit the loops."""
    if p.loops:
        around = tuple([loop.extent for loop in p.loops])
        if s.domain[: len(around)] != around:
            first, those = (", ".join(map(str, x)) for x in (s.domain[: len(around)], around))
            raise Broken(f"its domain begins with ({first}), but the loops around are ({those})")
    loops = len(s.domain)
    for a in (s.target, *p.reads):
        if len(a.strides) != loops:
            raise Broken(f"{a} has {len(a.strides)} strides for {loops} loops")
        for part in a.parts:
            if len(part.strides) != loops:
                raise Broken(f"{part} in {a} has {len(part.strides)} strides for {loops} loops")


def extents(s: Statement, p: Progress) -> None:
    """Trip counts are at least 0, and at most what they say."""
    for d, count in enumerate(s.domain):
        if int(count) < 0:
            raise Broken(f"a trip count of {tuple(map(int, s.domain))} is below 0")
        if isinstance(count, Extent) and count.name in INDEX_NAMES[:d]:
            raise Broken(f"extent {count} has the name of the index of a loop outside")
        if not isinstance(count, Affine | Entries):
            continue
        if isinstance(count, Affine) and not any(count.strides):
            raise Broken(f"extent {count} depends on no loop, so it is a number")
        if len(count.strides) != d:
            raise Broken(f"extent {count} has {len(count.strides)} strides for {d} loops outside")
        most = _most(count, p, d)
        if most > int(count):
            raise Broken(f"extent {count} is {most} in places, more than the {int(count)} it says")


def _most(count: Affine | Entries, p: Progress, depth: int) -> int:
    """How much a trip count is at most."""
    domain = p.domain[:depth]
    if isinstance(count, Affine):
        number = Access("", count.offset, count.strides)
        _, high = reach(number, domain, p.program)
        if high <= int(count) or is_box(domain):
            return high if all(domain) else 0
        return int(elements(number, domain, p.program).max(initial=0))
    a = p.program.arrays[count.array]
    part = Part("entry", count.array, count.offset, count.strides)
    _position(part, str(count), p, domain)
    if a.data is None:
        return a.below - 1
    if int(np.max(a.data, initial=0)) <= int(count):
        return int(count)
    found = elements(Access("", 0, (0,) * depth, (part,)), domain, p.program)
    return int(found.max(initial=0))


def inside(s: Statement, p: Progress) -> None:
    """Accesses stay inside their arrays."""
    for a in (s.target, *p.reads):
        size = p.program.arrays[a.array].size
        if not p.domain and not a.parts and 0 <= a.offset < size:
            continue
        for part in a.parts:
            _position(part, f"{part} in {a}", p, p.domain)
        low, high = reach(a, p.domain, p.program)
        if low >= 0 and high < size:
            continue
        low, high = _reach(a, p, p.domain, size - 1)
        if low < 0 or high >= size:
            raise Broken(f"{a} reaches from {low} to {high}, outside 0..{size - 1}")


def _position(part: Part, said: str, p: Progress, domain: tuple[int, ...]) -> None:
    """The number that a part is of lies where it has a remainder, a quotient or an entry."""
    last: float = float("inf")
    if part.is_entry:
        last = p.program.arrays[str(part.by)].size - 1
    elif part.kind not in ("mod", "div"):
        raise Broken(f"{part.kind} in {said} is not mod, div or entry")
    elif not isinstance(part.by, int) or part.by < 1:
        raise Broken(f"{said}: the number behind {part.kind} is below 1")
    number = Access("", part.offset, part.strides)
    low, high = reach(number, domain, p.program)
    if low >= 0 and high <= last:
        return
    low, high = _reach(number, p, domain, last)
    if low < 0 or high > last:
        if part.is_entry:
            raise Broken(f"{said} reaches from {low} to {high}, outside 0..{last} of {part.by}")
        raise Broken(f"{said}: the number before {part.kind} is as low as {low}, which is below 0")


def _reach(a: Access, p: Progress, domain: tuple[int, ...], last: float) -> tuple[int, int]:
    """The first and the last element that an access touches, or near to these; (0, -1) for none.

    By the ends of triangles, if these are inside; else by every point.
    """
    if not a.parts:
        low, high = (a.offset + x for x in span(a.strides, domain))
        if low >= 0 and high <= last:
            return low, high
    unknown = [part for part in a.parts if part.is_entry and not is_known(str(part.by), p.program)]
    parts = tuple([part for part in a.parts if part not in unknown])
    low, high = ends(Access(a.array, a.offset, a.strides, parts), domain, p.program)
    if high < low:
        return low, high
    for part in unknown:
        wide = part.scale * (p.program.arrays[str(part.by)].below - 1)
        low, high = low + min(wide, 0), high + max(wide, 0)
    return low, high
