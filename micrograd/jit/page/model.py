"""What a page about a kernel shows, as plain values: texts, numbers and tuples of them.

The statements of the final program, as it was scheduled, are numbered from 0; a line of any stage
says which of them it belongs to, and so which lines of other stages belong together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stage.

    statements   the numbers of the statements that it is of, ascending; of what belongs to none,
                 as what is done before all loops, none
    """

    text: str
    statements: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file of the user.

    number   from 1
    share    of the estimated time, from 0 to 1: that of each statement, split evenly over the lines
             that it comes from
    """

    number: int
    text: str
    statements: tuple[int, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """The part of a file that statements come from, or all of it.

    path   as Python knows it
    """

    path: str
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the final program.

    text         as it is printed, without what is around it
    domain       the loops that it runs in, in words
    lanes        what lies in the lanes of vectors, in words
    role         "value", "adjoint", "tangent" or "compiler": what it is a part of; what is of the
                 compiler stands for no line, as a sum over samples that a kernel adds
    source       the lines that it comes from, as indices into `Page.sources` and line numbers
    labels       what the user has called the values that it computes
    adjoint_of   of an adjoint, the statements whose cotangents it computes, as far as they are left
    adjoints     of others, their adjoints
    points       how often it runs in a call, at most
    operations   each time
    share        of the estimated time, from 0 to 1
    group        the index of the group that it is in
    """

    number: int
    text: str
    domain: str
    lanes: str
    role: str = "value"
    source: tuple[tuple[int, int], ...] = ()
    labels: tuple[str, ...] = ()
    adjoint_of: tuple[int, ...] = ()
    adjoints: tuple[int, ...] = ()
    points: int = 1
    operations: int = 1
    share: float = 0.0
    group: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """What is done together: a loop with all in it, a product of matrices, or a straight line.

    title        what it is, in words
    reasons      what was decided about it and why, in words
    lines        as it is printed, loops in it with their bodies indented behind them
    statements   their numbers
    operations   of a call, at most
    seconds      estimated, of a call; None: there is no estimate
    share        of the estimated time of the call, from 0 to 1
    estimate     what the estimate says of it, in words
    """

    title: str
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]
    statements: tuple[int, ...]
    operations: int
    seconds: float | None = None
    share: float = 0.0
    estimate: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A stage as lines, or in words why there is none.

    missing   '' where there are lines
    """

    lines: tuple[Line, ...]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """The program behind a pass, as lines; the first is what everything begins with."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Class:
    """Nodes of the graph that are the same operation on operands of the same classes.

    statements   that they became
    """

    label: str
    count: int
    statements: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """That nodes of a class are operands of nodes of another.

    start, end   indices into the classes
    count        how many such operands there are
    """

    start: int
    end: int
    count: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph folded by class, or in words why there is none."""

    classes: tuple[Class, ...] = ()
    edges: tuple[Edge, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds of a call, or None, and how they were found, or why not, in words."""

    seconds: float | None
    how: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything about a kernel that a page shows.

    title       the name of the kernel
    signature   `main` as C declares it
    words       what was found, a sentence or a line of a list each
    cut         what was left out, in words
    """

    title: str
    signature: str
    words: tuple[str, ...]
    sources: tuple[Source, ...]
    groups: tuple[Group, ...]
    statements: tuple[Statement, ...]
    mlir: Listing
    llvm_ir: Listing
    assembly: Listing
    passes: tuple[Pass, ...]
    drawing: Drawing
    measured: Time
    estimated: Time
    cut: tuple[str, ...] = ()
