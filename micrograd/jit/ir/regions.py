"""Region: a loop of a graph, whose body is a range of the graph's nodes; or a program that is
called there, that of a kernel.

What changes from iteration to iteration is a leaf of the body: an input of the graph, whose array
has the loop's name. What the loop leaves behind is an input of the graph, too, which is read behind
it; so is what a program gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .program import Program

STATE, INDEX, ROW = "state", "index", "row"
"""What a body reads: the state, the number of the iteration, and its row of the rows."""
BEGIN = "begin"
"""The first state, as what is around the loop reads it."""
RESULT, ROWS, SUM = "result", "rows", "sum"
"""What is read behind a loop: the state at the end, what every iteration gave, and sums of it."""

Column = str | tuple[int, ...]
"""What iterations read, one after the other: nodes, or a whole array of the graph."""


@dataclass(frozen=True, slots=True)
class Region:
    """A loop, or a call.

    number   its own: its arrays are named by it
    parent   the number of the loop whose body it is in, or -1
    nodes    of its body, and of the loops in it
    most     how often it runs; if `going` is set, at most
    begin    the nodes that the state is first
    rows     the columns that the iterations read
    widths   how much of each an iteration reads
    after    the nodes that the state is after an iteration
    each     the nodes that an iteration gives besides
    sums     the nodes that are summed over the iterations; then there is nothing else, and
             iterations may run in any order
    going    the node that says whether there is one more iteration, if one does
    called   the program that is called, once, of the numbers that `begin` are, input after input;
             None for a loop
    """

    number: int
    parent: int
    nodes: range
    most: int
    begin: tuple[int, ...]
    rows: tuple[Column, ...]
    widths: tuple[int, ...]
    after: tuple[int, ...]
    each: tuple[int, ...]
    sums: tuple[int, ...]
    going: tuple[int, ...]
    called: Program | None = None

    @property
    def given(self) -> list[int]:
        """The nodes that it needs before it begins."""
        return [*self.begin, *(x for nodes in self.rows if isinstance(nodes, tuple) for x in nodes)]

    @property
    def made(self) -> list[int]:
        """The nodes of the body that are read behind an iteration."""
        return [*self.after, *self.each, *self.sums, *self.going]

    @property
    def ends(self) -> list[int]:
        """The nodes that it needs or computes, as they are said."""
        return [*self.given, *self.made]

    def renumbered(self, number: Sequence[int], before: Sequence[int]) -> Region:
        """The same in a graph without some nodes.

        number   what each node is there
        before   how many nodes before each are there, and in all
        """

        def there(nodes: tuple[int, ...]) -> tuple[int, ...]:
            return tuple([int(number[i]) for i in nodes])

        nodes = range(int(before[self.nodes.start]), int(before[self.nodes.stop]))
        rows = tuple([x if isinstance(x, str) else there(x) for x in self.rows])
        begin, after, each, sums, going = map(
            there, (self.begin, self.after, self.each, self.sums, self.going)
        )
        changed = replace(self, nodes=nodes, begin=begin, rows=rows, after=after)
        return replace(changed, each=each, sums=sums, going=going)

    def __str__(self) -> str:
        def listed(nodes: Column) -> str:
            return nodes if isinstance(nodes, str) else " ".join(f"%{i}" for i in nodes)

        if self.called is not None:
            return f"loop{self.number}: a program of {listed(self.begin)}, at %{self.nodes.start}"
        text = f"loop{self.number}: %{self.nodes.start} to %{self.nodes.stop - 1}, "
        text += (
            f"at most {self.most} times while {listed(self.going)}"
            if self.going
            else (f"{self.most} times")
        )
        if not self.sums:
            text += f", from {listed(self.begin)} by {listed(self.after)}"
        if self.rows:
            text += f", over {' and '.join(map(listed, self.rows))}"
        if self.each:
            text += f", giving {listed(self.each)}"
        if self.sums:
            text += f", summing {listed(self.sums)}"
        return text


@dataclass(frozen=True, slots=True)
class Counter:
    """The index of one of `below` rows: `offset` and the counters of loops times their scales; with
    an index array, its entry at that place.
    """

    below: int
    offset: int
    scales: Mapping[int, int]
    array: str = ""


def regions_in(regions: Sequence[Region], r: Region) -> list[Region]:
    """The regions in a loop, and in those in it, of all, which are in the order they begin in."""
    found = {r.number}
    for x in regions:
        if x.parent in found:
            found.add(x.number)
    return [x for x in regions if x.number in found and x is not r]


def array(number: int, part: str) -> str:
    """The name of an array of a loop: no name in Python, so no other array has it.

    >>> array(0, STATE)
    'loop0.state'
    """
    return f"loop{number}.{part}"


def part_of(name: str) -> tuple[int, str] | None:
    """The loop that an array is of, and which of its arrays it is; None for all others.

    >>> part_of("loop12.result"), part_of("x")
    ((12, 'result'), None)
    """
    loop, dot, part = name.partition(".")
    return (int(loop.removeprefix("loop")), part) if dot else None
