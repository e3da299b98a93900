"""That what stands for a number of any iteration of a loop is used in that loop only.

The leaves of a body, its state, counter and rows, are other numbers in each iteration, and none
when the loop is over; so is what a loop inside of it leaves behind. Where a function keeps one in
an outer variable and uses it behind the loop, no number is right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import TraceError, user_location
from .graph import FIRST_OP, INPUT, Graph
from .regions import RESULT, ROWS, SUM, part_of


def check_inside(graph: Graph) -> None:
    """Raises TraceError for a leaf of a loop's body that is used outside of it.

    Cost: some operations on whole columns, and the ends of the loops one by one.
    """
    if not graph.regions:
        return
    loop = _loops_of_leaves(graph)
    start = np.array([r.nodes.start for r in graph.regions])
    stop = np.array([r.nodes.stop for r in graph.regions])
    for column in (graph.x, graph.y, graph.z):
        users = np.flatnonzero((graph.codes >= FIRST_OP) & (column >= 0))
        of = loop[column[users]]
        users, of = users[of >= 0], of[of >= 0]
        outside = users[(users < start[of]) | (users >= stop[of])]
        if len(outside):
            raise used_outside(graph, int(outside[0]))

    def check(nodes: Sequence[int], around: set[int]) -> None:
        if not around.issuperset(loop[list(nodes)].tolist() if nodes else ()):
            raise used_outside(graph)

    around = {-1: {-1}}  # the loops that each is in, and itself
    for r in graph.regions:  # in the order in which they begin
        around[r.number] = {r.number, *around[r.parent]}
        check(r.given, around[r.parent])
        check(r.made, around[r.number])
    check(graph.outputs, around[-1])


def _loops_of_leaves(graph: Graph) -> npt.NDArray[np.int64]:
    """The loop that each node has a number in only, as a leaf of its body; -1 for all others."""
    parents = [r.parent for r in graph.regions]
    of_arrays, sizes = [], []
    for name, size in graph.inputs:
        part = part_of(name)
        loop = part[0] if part else -1
        if part and part[1] in (RESULT, ROWS, SUM):  # which whatever is around the loop reads
            loop = parents[loop]
        of_arrays.append(loop)
        sizes.append(size)
    found = np.full(len(graph), -1, dtype=np.int64)
    leaves = np.flatnonzero(graph.codes == INPUT)
    found[leaves] = np.repeat(np.array(of_arrays, dtype=np.int64), sizes)[graph.x[leaves]]
    return found


def used_outside(graph: Graph, node: int = -1) -> TraceError:
    """What to say of it, at the line that made a node; -1: at the user's."""
    place = int(graph.place[node]) if node >= 0 and len(graph.place) else -1
    where = graph.places[place] if place >= 0 else user_location()
    return TraceError(
        f"{where}: a value of a loop's body is used outside of the loop, where it has no number; "
        "give it back in the state, or let scan collect it"
    )
