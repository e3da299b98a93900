"""Loops in order -> what an iteration reads of the one before: it is handed on in a register.

In memory it would wait for its own store, iteration after iteration. It is stored all the same,
for what reads it behind the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..ir.program import Access, Statement
from .storage import Storage

Pairs = dict[Access, Access]
"""What an iteration reads, and what the one before has written there."""


def recurrences(
    direct: Iterable[Statement], others: Collection[str], depth: int, step: int
) -> Pairs:
    """The recurrences of a loop inside of `depth` others, whose index goes by `step`.

    direct   the statements without loops of their own that it runs each time, once
    others   the arrays that anything else in it writes, and those that are not in memory
    """
    reads: dict[Access, None] = {}
    written: dict[str, set[Access]] = {}
    for s in direct:
        reads |= dict.fromkeys(s.accesses)
        written.setdefault(s.target.array, set()).add(s.target)
    found: Pairs = {}
    for name, targets in written.items():
        target, *more = targets
        if more or name in others or target.parts or not target.strides[depth]:
            continue
        before = replace(target, offset=target.offset - step * target.strides[depth])
        if before in reads:
            found[before] = target
    return found


def handed_on(
    storage: Storage, pairs: Pairs, carried: Sequence[Any], build: Callable[[], None]
) -> list[Any]:
    """What an iteration that reads what is `carried`, and that `build` builds, hands on."""
    with storage.keeping(pairs.values(), zip(pairs, carried, strict=True)) as kept:
        build()
        return [kept[target] for target in pairs.values()]
