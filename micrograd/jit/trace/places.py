"""Which line of the user's code made each traced node."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, compress, repeat
from operator import attrgetter, is_, is_not, itemgetter
from pathlib import Path
from types import CodeType

import numpy as np
import numpy.typing as npt

from ...engine import Value
from ...errors import TraceError, is_compiler
from ...traced import Traced
from ..ir.graph import FIRST_OP, Graph

_site = attrgetter("_site")
Ints = npt.NDArray[np.int64]


def note_places(graph: Graph, order: list[Value], position: Ints) -> None:
    """Say which line of code made each traced node; none of this package's own is a user's."""
    recorded = graph.codes[position] >= FIRST_OP
    recorded &= np.fromiter(map(is_, map(type, order), repeat(Traced)), bool, len(order))
    each = list(map(_site, compress(order, recorded.tolist())))
    # in models, a site stands for many nodes, one after the other
    is_new = np.fromiter(map(is_not, each, chain([None], each)), bool, len(each))
    sites = list(compress(each, is_new.tolist()))
    codes = np.fromiter(map(id, map(itemgetter(0), sites)), np.int64, len(sites))
    offsets = np.fromiter(map(itemgetter(1), sites), np.int64, len(sites))
    _, which = np.unique(codes, return_inverse=True)
    _, first, site = np.unique(which << 32 | offsets, return_index=True, return_inverse=True)
    lines = [line_of(*sites[k]) for k in first.tolist()]
    graph.places = sorted({line for line in lines if line}, key=_by_line)
    number = {line: k for k, line in enumerate(graph.places)}
    graph.place = np.full(len(graph), -1, dtype=np.int64)
    if lines:
        numbers = np.array([number.get(line, -1) for line in lines], dtype=np.int64)
        graph.place[position[recorded]] = numbers[site][np.cumsum(is_new) - 1]


def line_of(code: CodeType, instruction: int) -> str:
    """The `file:line` of an instruction, by its offset; '' in the compiler itself."""
    path = Path(code.co_filename)
    if is_compiler(code.co_filename):
        return ""
    for start, end, line in code.co_lines():
        if start <= instruction < end and line is not None:
            return f"{path.name}:{line}"
    return ""


def _by_line(place: str) -> tuple[str, int]:
    name, _, line = place.rpartition(":")
    return name, int(line)


def escaped(v: Value, order: Sequence[Value] = ()) -> TraceError:
    """What to say of a traced value outside of its function, which is used by one of others."""
    users = (u for u in order if u.__class__ is Traced and any(x is v for x in u._operands))
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
    return TraceError(f"{line_of(*site) + ': ' if site else ''}{v!r} {what}")
