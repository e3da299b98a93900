"""Which line of the user's code made each traced node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat
from operator import attrgetter, is_, is_not, itemgetter
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...engine import Value
from ...errors import Place, TraceError, is_compiler
from ...lines import KEPT
from ...traced import Traced
from ...tracing import Site
from ..ir.graph import Graph

_site = attrgetter("_site")
Ints = npt.NDArray[np.int64]
Narrow = npt.NDArray[np.int32]

BLOCK = 1 << 15
"""Nodes that are looked at at once: what is computed of them takes no new memory."""


@dataclass(frozen=True, slots=True)
class Sites:
    """Where nodes were made.

    which      of the `different` ones, for each node; -1 for those that nobody's line has made
    """

    different: Sequence[Site]
    which: Ints | Narrow


def sites_of(order: Sequence[Value]) -> Sites:
    """Where each of these was made, if it was traced and is no argument, or has kept its line."""
    recorded = np.fromiter(map(is_, map(type, order), repeat(Traced)), bool, len(order))
    recorded &= np.fromiter((v._entry is not None for v in order), bool, len(order))
    each: list[Any] = list(map(_site, compress(order, recorded.tolist())))
    if KEPT:
        kept = np.fromiter((v._serial in KEPT and v._entry is not None for v in order), bool)
        kept &= ~recorded
        traced = iter(each)
        some = compress(zip(order, kept.tolist(), strict=True), (recorded | kept).tolist())
        each = [KEPT[v._serial] if is_kept else next(traced) for v, is_kept in some]
        recorded |= kept
    # in models, a site stands for many nodes, one after the other
    is_new = np.fromiter(map(is_not, each, chain([None], each)), bool, len(each))
    sites = list(compress(each, is_new.tolist()))
    codes = np.fromiter(map(id, map(itemgetter(0), sites)), np.int64, len(sites))
    offsets = np.fromiter(map(itemgetter(1), sites), np.int64, len(sites))
    _, which = np.unique(codes, return_inverse=True)
    _, first, site = np.unique(which << 32 | offsets, return_index=True, return_inverse=True)
    found = np.full(len(order), -1, dtype=np.int64)
    found[recorded] = site[np.cumsum(is_new) - 1]
    return Sites([sites[k] for k in first.tolist()], found)


def note_places(graph: Graph, sites: Sites, position: Ints | Narrow) -> None:
    """Say which line of code made each traced node; none of this package's own is a user's."""
    lines = [line_of(*site) for site in sites.different]
    graph.places = sorted({line for line in lines if line is not None})
    number = {line: k for k, line in enumerate(graph.places)}
    graph.place = np.full(len(graph), -1, dtype=np.int32)
    known = [-1 if line is None else number[line] for line in lines]
    numbers = np.array([*known, -1], dtype=np.int32)
    for start in range(0, len(position), BLOCK):
        some = slice(start, start + BLOCK)
        graph.place[position[some]] = numbers[sites.which[some]]  # the last stands for none


def line_of(code: CodeType, instruction: int) -> Place | None:
    """The line of an instruction, by its offset; None in the compiler itself."""
    if is_compiler(code.co_filename):
        return None
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return Place(code.co_filename, line)
    return None


def escaped(v: Value, order: Sequence[Value] = ()) -> TraceError:
    """What to say of a traced value outside of its function, which is used by one of others."""
    me = v._serial  # and not the object, which a tape makes again
    traced = (u for u in order if u.__class__ is Traced)
    users = (u for u in traced if any(getattr(x, "_serial", None) == me for x in u._operands))
    site = next(map(_site, users), None)
    scope = getattr(v, "_scope", None)
    if scope is not None and not scope.is_over:
        what = (
            f"belongs to {scope.name}, which is being compiled around this function; pass it as an "
            "argument"
        )
    else:
        what = (
            "was traced by another function and escaped from it; return values instead of keeping "
            "them in an outer variable"
        )
    return TraceError(f"{f'{line_of(*site)}: ' if site else ''}{v!r} {what}")
