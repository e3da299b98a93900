"""What must be written before what is read, and once: the rules of order among statements."""

from __future__ import annotations

import numpy as np

from .extents import Entries
from .points import elements, is_apart, touched
from .program import Access, Role, Statement
from .progress import Bools, Broken, Ints, Progress, is_known
from .touches import ASSIGNED, READ, Touches, clash, common, first_iteration, row_numbers, touches


def order_alone(s: Statement, p: Progress) -> None:
    """What a statement reads is written, what it assigns is not, and written from there on."""
    for a in p.reads:
        if not p.written[a.array].all():
            require(p.written[a.array], p.distinct(a)[0], a.array, "read")
    done = p.written[s.target.array]
    if s.accumulate is not None:
        if not done.all():  # without a look at every point, of which a reduction may have many
            require(done, p.distinct(s.target)[0], s.target.array, "accumulated into")
        return
    target = p.distinct(s.target)[0]
    if done[target].any() and s.target.array not in p.state:
        raise Broken(f"{s.target.array}[{int(target[np.argmax(done[target])])}] is assigned twice")
    done[target] = True


def require(done: Bools, index: Ints, name: str, what: str) -> None:
    """That elements are written before something is done to them."""
    ready = done[index]
    if not ready.all():
        raise Broken(f"{name}[{int(index[np.argmin(ready)])}] is {what} before it is assigned")


def assigned_once(s: Statement, p: Progress) -> None:
    """What a statement assigns in its own loops, each element of it once."""
    if s.accumulate is not None:
        return
    for name in s.target.index_arrays:
        if not is_known(name, p.program):
            raise Broken(
                f"`=` writes through entries of {name}, which are not known and may be equal; "
                "accumulate, as with `+=`"
            )
    if len(p.loops) == len(p.domain):  # one point
        return
    if not p.loops:
        again = p.distinct(s.target)[1]
    else:
        depth = len(p.loops)
        domain = first_iteration([s.target], p.domain, depth) or p.domain
        again = touches(s.target, domain, depth, p.program, count=True).again
    if again:
        raise Broken("`=` writes one element more than once; reductions accumulate with `+=`")


def not_carried(s: Statement, p: Progress) -> None:
    """In its own loops a statement reads nothing that it writes, but state at the same point."""
    name = s.target.array
    own = [a for a in p.reads if a.array == name]
    if not own:
        return
    if name in p.state:
        # `=` writes no element at two points, as `assigned_once` holds, so the same is at the same
        others = [a for a in own if a != s.target or s.accumulate is not None]
        if any(_at_other_points(s.target, a, p) for a in others):
            raise Broken(f"it reads elements of {name} that it writes at other points")
        return
    if p.loops:
        depth = len(p.loops)
        domain = first_iteration([s.target, *own], p.domain, depth) or p.domain
        if depth == len(domain) and _is_known(own, s, p):  # one point
            written = elements(s.target, domain, p.program)
            carried = any(bool((elements(a, domain, p.program) == written).any()) for a in own)
        else:
            written = _codes(touches(s.target, domain, depth, p.program), s.target, p)
            read = [_codes(touches(a, domain, depth, p.program), a, p) for a in own]
            carried = any(common(written, codes) for codes in read)
    else:
        mask = touched(p.distinct(s.target)[0], p.program.arrays[name].size)
        carried = any(bool(mask[p.distinct(a)[0]].any()) for a in own)
    if carried:
        raise Broken(f"it reads elements of {name} that it writes in its own loops")


def _is_known(own: list[Access], s: Statement, p: Progress) -> bool:
    """Whether it is known where a statement runs, and what it touches of what it writes."""
    names = {name for a in (s.target, *own) for name in a.index_arrays}
    names.update(count.array for count in s.domain if isinstance(count, Entries))
    return all(is_known(name, p.program) for name in names)


def _codes(found: Touches, a: Access, p: Progress) -> Ints:
    """A number for each element and iteration of the loops around the statement."""
    iterations = found.numbers(0, row_numbers(p.domain[: len(p.loops)]))
    return iterations * p.program.arrays[a.array].size + found.index


def _at_other_points(target: Access, read: Access, p: Progress) -> bool:
    """Whether elements are read at other points than they are written at, or written at two."""
    if read == target and is_apart(target, p.domain):
        return False
    depth, every = len(p.loops), len(p.domain)
    outside = (0,) * depth
    both = [touches(a, p.domain, every, p.program) for a in (target, read)]
    codes = [_codes(found, a, p) for found, a in zip(both, (target, read), strict=True)]
    points = [found.numbers(0, (*outside, *row_numbers(p.domain[depth:]))) for found in both]
    kinds = np.repeat([ASSIGNED, READ], [len(x) for x in codes])
    return clash(np.concatenate(codes), np.concatenate(points), kinds) is not None


def complete(p: Progress) -> None:
    """Every element of an output is written; as far as loops over run-time extents go, if so."""
    for a in p.program.with_role(Role.OUTPUT):
        if not p.written[a.name].all():
            missing = int(np.argmin(p.written[a.name]))
            raise Broken(f"output element {a.name}[{missing}] is never set")
        levels = p.needs[a.name].levels if a.name in p.needs else {}
        for (name, _), needs in levels.items():
            if needs.any() and p.program.arrays[name].role is not Role.EXTENT:
                missing = int(np.argmax(needs))
                raise Broken(f"output element {a.name}[{missing}] may be never set, as {name} says")
