"""TensorCode -> what a page about it is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import Place
from ..ir.nests import Ints
from ..ir.program import Statement
from ..page.model import Class, Drawing, Edge
from ..page.owners import Owners, nodes_of
from ..page.subject import Subject
from .code import TensorCode
from .explain import explain

MOST_ROWS = 300
"""Primitives up to which they are drawn, each by itself."""


def subject_of_tensors(code: TensorCode, name: str) -> Subject:
    """A kernel of Tensors, for the shapes that the code is for."""
    programs = [("trace", code.program)]
    if code.differentiated is not code.program:
        programs.append(("derivative", code.differentiated))

    def places(s: Statement) -> list[Place]:
        found = {code.rows[k].where for k in nodes_of(s).tolist()}
        return sorted({_place(where) for where in found if where})

    def labels(s: Statement) -> list[str]:
        rows = [code.rows[k] for k in sorted(set(nodes_of(s).tolist()))]
        return [r.tensor.label for r in rows if r.tensor is not None and r.tensor.label]

    return Subject(
        name,
        code.signature,
        explain(code).splitlines(),
        code.code,
        programs,
        places,
        "what was recorded has no lines of the user's",
        labels,
        lambda statements: _drawing(code, statements),
    )


def _place(where: str) -> Place:
    file, _, line = where.rpartition(":")
    return Place(file, int(line))


def _drawing(code: TensorCode, statements: Sequence[Statement]) -> Drawing:
    """The primitives under the results, those that are the same on the same operands as one."""
    if len(code.rows) > MOST_ROWS:
        return Drawing(missing=f"{len(code.rows)} primitives, of which {MOST_ROWS} could be read")
    owners = Owners(len(code.rows))
    for k, s in enumerate(statements):
        owners.add(nodes_of(s), k)
    needed: set[int] = set()
    stack = [*code.asked.outputs]
    while stack:
        k = stack.pop()
        if k not in needed:
            needed.add(k)
            stack += [x for x in code.rows[k].operands if not isinstance(x, float)]
    order: Ints = np.array(sorted(needed), dtype=np.int64)
    at = {k: i for i, k in enumerate(order.tolist())}
    classes, edges = [], []
    for k in order.tolist():
        row = code.rows[k]
        label = row.name or "a Tensor" if row.primitive is None else row.primitive.name
        shape = " x ".join(map(str, row.shape))
        own = owners.sets[int(owners.number[k])] if row.primitive is not None else ()
        classes.append(Class(f"{label} {shape}".strip(), 1, own))
        operands = dict.fromkeys(x for x in row.operands if not isinstance(x, float))
        edges += [Edge(at[x], at[k], row.operands.count(x)) for x in operands]
    return Drawing(tuple(classes), tuple(edges))
