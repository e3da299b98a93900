"""What must be written before what is read, and once: the rules of order among statements."""

from __future__ import annotations

import numpy as np

from .interpret import elements, repeats
from .program import Role, Statement, accesses
from .progress import Bools, Broken, Ints, Progress


def order_alone(s: Statement, p: Progress) -> None:
    """What a statement reads is written, what it assigns is not, and written from there on."""
    for a in p.reads:
        if not p.written[a.array].all():
            _require(p.written[a.array], p.distinct(a, s)[0], a.array, "read")
    done = p.written[s.target.array]
    if s.accumulate:
        if not done.all():  # without a look at every point, of which a reduction may have many
            _require(done, p.distinct(s.target, s)[0], s.target.array, "accumulated into")
        return
    target = p.distinct(s.target, s)[0]
    if done[target].any():
        raise Broken(f"{s.target.array}[{int(target[np.argmax(done[target])])}] is assigned twice")
    done[target] = True


def _require(done: Bools, index: Ints, name: str, what: str) -> None:
    ready = done[index]
    if not ready.all():
        raise Broken(f"{name}[{int(index[np.argmin(ready)])}] is {what} before it is assigned")


def order_in_turn(run: list[Statement], p: Progress) -> None:
    """In every iteration each element is there before it is read or added to."""
    late = len(run) * run[0].domain[0]  # a time that never comes
    named = {a.array for s in run for a in s.accesses}
    times = {name: np.where(p.written[name], -1, late) for name in named}
    for k, s in enumerate(run):
        target = elements(s.target, s.domain, p.program)
        if not s.accumulate:
            time = times[s.target.array]
            if (time[target] < late).any() or repeats(target, len(time)):
                raise Broken(f"an element of {s.target.array} is assigned twice", k)
            time[target] = _times(s, k, len(run))
    for k, s in enumerate(run):
        now = _times(s, k, len(run))
        for a in dict.fromkeys([*accesses(s.expr), *([s.target] if s.accumulate else [])]):
            index = elements(a, s.domain, p.program)
            early = times[a.array][index] >= now
            if early.any():
                raise Broken(f"{a.array}[{int(index[np.argmax(early)])}] is read too early", k)
    for name, time in times.items():
        p.written[name] |= time < late


def _times(s: Statement, k: int, statements: int) -> Ints:
    """When each point of statement k of a run is done."""
    each = s.points // s.domain[0]
    return np.repeat(np.arange(s.domain[0]) * statements + k, each)


def complete(p: Progress) -> None:
    """Every element of an output is written."""
    for a in p.program.with_role(Role.OUTPUT):
        if not p.written[a.name].all():
            missing = int(np.argmin(p.written[a.name]))
            raise Broken(f"output element {a.name}[{missing}] is never set")
