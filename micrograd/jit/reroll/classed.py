"""Graph -> Structure by machine code: the same classes, numbered as NumPy numbers them."""

from __future__ import annotations

import numpy as np

from ...lookups import ENTRY
from ..ir.classed import Classified, Classifier, Unclassified
from ..ir.graph import Graph, code_of
from .structure import CLASS_BITS, MAX_INLINED, Ints, Structure, facts_of, leaf_classes

_ENTRY = code_of(ENTRY)


def by_code(classify: Classifier, graph: Graph, most: int, deepest: int) -> Structure | None:
    """The structure of a graph without tables; None if no machine code can be made.

    Raises TooMany.
    """
    facts = facts_of(graph.codes)
    cls = np.full(len(graph), -1, dtype=np.int32)
    position = np.zeros(len(graph), dtype=np.int32)
    leaves = leaf_classes(graph, facts, cls, position)
    given = Unclassified(
        graph.codes,
        (graph.x, graph.y, graph.z),
        np.union1d(graph.outputs, np.flatnonzero(graph.codes == _ENTRY)).astype(np.int64),
        cls,
        position,
        len(leaves),
        facts.cheap,
        facts.commutative,
        most,
        MAX_INLINED,
        1 << CLASS_BITS,
        deepest,
    )
    found = classify(given)
    return None if found is None else _structure(graph, found, leaves)


def _structure(graph: Graph, found: Classified, leaves: dict[int, str | None]) -> Structure:
    """The same with classes in the order of depth, of which sums come first."""
    known = len(leaves)
    own = slice(known, None)
    by_depth = np.lexsort((found.oldest[own], ~found.is_sum[own], found.depths[own])) + known
    number = np.arange(len(found.depths) + 1, dtype=np.int32)
    number[by_depth] = number[own][:-1]
    number[-1] = -1  # what -1 becomes
    kept = by_depth[~found.is_inlined[by_depth]]
    offsets: Ints = np.full(len(found.depths), -1, dtype=np.int64)
    offsets[kept] = np.cumsum(found.sizes[kept], dtype=np.int64) - found.sizes[kept]
    listed = np.split(found.listed(offsets), offsets[kept][1:])
    np.take(number, found.cls, out=found.cls, mode="wrap")
    order = number[kept].tolist()
    members: dict[int, Ints] = dict(zip(order, listed, strict=True)) if order else {}
    sums = dict[int, Ints]()
    for cls in number[kept[found.is_sum[kept]]].tolist():
        numbers: Ints = np.searchsorted(found.sums, members[cls])
        sums[cls] = numbers
    terms = _in_order(found)
    return Structure(
        graph, found.cls, found.position, members, sums, terms, found.first, leaves, order
    )


def _in_order(found: Classified) -> Ints:
    """The terms of each sum, ordered by class, then as written."""
    terms, first = found.terms.astype(np.int64), found.first
    kinds = found.cls[terms]
    falls = kinds[1:] < kinds[:-1]
    falls[first[1:-1] - 1] = False
    if falls.any():
        owner = np.repeat(np.arange(len(first) - 1), np.diff(first))
        terms = terms[np.lexsort((kinds, owner))]
    return terms
