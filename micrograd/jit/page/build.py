"""Subject -> Page: everything about a kernel that a page shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..compile import passes
from ..ir.program import Program
from ..ir.program import Statement as ProgramStatement
from .estimate import Estimate, estimate_of
from .groups import Draft, domain_of, groups_of, work_of
from .listings import Listings, listings_of
from .model import Group, Line, Listing, Page, Pass, Statement, Time
from .owners import pairs_of
from .sources import sources_of
from .subject import Clock, Subject

WIDEST = 400
"""Characters of a line."""
MOST_LINES = 5000
"""Lines of a listing."""
MOST_OF_PASS = 400
"""Lines of a program, of which there is one for each pass."""


def page_of(subject: Subject, clock: Clock | None = None) -> Page:
    """All that a page shows. Cost: the kernel is compiled once more, and run if there is a clock.

    clock   measures a call
    """
    code = subject.code
    listings = listings_of(code)
    arrays, statements = code.schedule.program.arrays, listings.origins.statements
    drafts = list(groups_of(code.schedule, listings.origins, code.target.dtype.name))
    estimate = estimate_of(code, drafts, listings)
    sources, places = sources_of([subject.places(s) for s in statements], estimate.shares)
    home = {n: k for k, draft in enumerate(drafts) for n in draft.numbers}
    lanes = {n: text for draft in drafts for n, text in draft.lanes.items()}
    adjoint_of, adjoints = pairs_of(statements)
    found = [
        Statement(
            number=k,
            text=_short(s.text(0, arrays).partition("  for ")[0]),
            domain=domain_of(s, arrays),
            lanes=lanes[k],
            role=s.derivative or ("value" if len(s.origin) else "compiler"),
            source=places[k],
            labels=tuple(subject.labels(s)),
            adjoint_of=adjoint_of.get(k, ()),
            adjoints=adjoints.get(k, ()),
            points=s.points,
            operations=work_of(s),
            share=estimate.shares[k],
            group=home[k],
        )
        for k, s in enumerate(statements)
    ]
    shown, cut = _cut(listings, drafts)
    programs = tuple(_passes(subject))
    if not sources:
        cut.append(f"source: {subject.unplaced}")
    return Page(
        title=subject.title,
        signature=subject.signature,
        words=tuple(subject.words),
        sources=sources,
        groups=tuple(_group(d, statements, estimate, k) for k, d in enumerate(drafts)),
        statements=tuple(found),
        mlir=shown[0],
        llvm_ir=shown[1],
        assembly=shown[2],
        passes=programs,
        drawing=subject.drawing(statements),
        measured=_measured(clock),
        estimated=estimate.time,
        cut=tuple(cut),
    )


def _measured(clock: Clock | None) -> Time:
    if clock is None:
        return Time(None, "it was not run")
    seconds, how = clock()
    return Time(seconds, how)


def _group(
    draft: Draft, statements: Sequence[ProgramStatement], estimate: Estimate, k: int
) -> Group:
    own = [statements[n] for n in draft.numbers]
    return Group(
        title=draft.title,
        reasons=tuple(draft.reasons),
        lines=tuple(map(_shortened, draft.lines)),
        statements=draft.numbers,
        operations=sum(s.points * work_of(s) for s in own),
        seconds=estimate.seconds[k],
        share=sum(estimate.shares[n] for n in draft.numbers),
        estimate=estimate.words[k],
    )


def _passes(subject: Subject) -> Iterator[Pass]:
    """The program behind each pass."""
    code = subject.code
    named = [*subject.programs, *passes(subject.programs[-1][1], code.target)]
    last = named[-1][1]
    if code.program is not last and str(code.program) != str(last):
        named.append(("loops over diagonals or columns", code.program))
    scheduled = code.schedule.program
    if scheduled is not code.program and str(scheduled) != str(code.program):
        named.append(("things side by side, products", scheduled))
    for name, program in named:
        yield Pass(name, tuple(_text(program)))


def _text(program: Program) -> Iterator[str]:
    lines = str(program).splitlines()
    yield from map(_short, lines[:MOST_OF_PASS])
    if len(lines) > MOST_OF_PASS:
        yield f"... {len(lines) - MOST_OF_PASS:,} more lines"


# -- how much -------------------------------------------------------------------------------------


def _cut(listings: Listings, drafts: Sequence[Draft]) -> tuple[list[Listing], list[str]]:
    """MLIR, LLVM IR and assembly as far as they are shown, and what is not."""
    cut = [
        "what calls from Python take besides: the code that reads arguments and makes results",
        "metadata of LLVM IR, directives of the assembly",
    ]
    found = []
    for name, whole in (
        ("MLIR", listings.mlir),
        ("LLVM IR", listings.llvm_ir),
        ("assembly", listings.assembly),
    ):
        lines = [_shortened(line) for line in whole.lines[:MOST_LINES]]
        left = len(whole.lines) - len(lines)
        if left > 0:
            cut.append(f"{name}: {left:,} lines more than {MOST_LINES:,}")
            lines.append(Line(f"... {left:,} more lines"))
        found.append(replace(whole, lines=tuple(lines)))
    if any(len(line.text) > WIDEST for each in found for line in each.lines):
        cut.append(f"what of lines is behind the first {WIDEST} characters")
    return found, cut


def _shortened(line: Line) -> Line:
    return line if len(line.text) <= WIDEST else replace(line, text=_short(line.text))


def _short(text: str) -> str:
    left = len(text) - WIDEST
    return text if left <= 0 else f"{text[:WIDEST]} ... {left:,} more characters"
