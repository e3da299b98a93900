"""Counters of loops that run as often as an integer says which is given when the code runs.

Input: the index of a row, of such counters. Output: whether it is one of a row in all iterations,
or a formula for it. A sum of one that counts up and an offset is an index by itself: calls let the
loop run no more often than there are rows. All others are computed for each iteration that there
may be, before compiled code runs, and are 0 in those that do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import integers
from .computed_indices import form_of, formula_of
from .integers import Formula
from .lookups import Form, Lookups


@dataclass(slots=True)
class Bound:
    """How often a loop runs, of which the counter is known.

    formula     an integer; None if it is none of the function that the loop is in
    is_checked  whether calls look at it, so that it is at most `lookups.counters` of its counter
    rows        of the table that has let it run less often; 0 if none has
    chooses     whether rows are looked up by its counter
    """

    formula: Formula
    is_checked: bool
    rows: int = 0
    chooses: bool = False


def largest(n: Any, lookups: Lookups) -> int | None:
    """The largest that a number of iterations can be; None if nothing is known of it."""
    form = form_of(n, lookups.counters)
    ends = None if form is None else lookups.ends(form)
    return None if ends is None else max(0, ends[1])


def is_of_rows(form: Form, rows: int, lookups: Lookups) -> bool:
    """Whether an index is one of so many rows in every iteration of bounded loops, or of none of
    them; if need be, it is from now on, as calls let the loop run less often.
    """
    _, terms = form
    bounded = [term for term in terms if term[0] in lookups.bounds]
    for counter in _of_bounded(terms, lookups):
        lookups.bounds[counter].chooses = True
    if not all(serial in lookups.counters for serial, _ in terms):
        return not bounded and not any(_of_bounded(terms, lookups))
    ends = lookups.ends(form) if bounded else None
    if ends is None or 0 <= ends[0] <= ends[1] < rows or -rows <= ends[0] <= ends[1] < 0:
        return True
    (counter, scale), *others = bounded
    bound = lookups.bounds[counter]
    if others or scale < 0 or ends[0] < 0 or not bound.is_checked:
        return False
    less = -((rows - 1 - ends[1]) // scale)
    lookups.counters[counter] = max(0, lookups.counters[counter] - less)
    bound.rows = rows
    return True


def guarded(formula: Formula, lookups: Lookups) -> Formula | None:
    """The formula of an index that is 0 in iterations which do not run; None where it is not known
    which these are.
    """
    found, seen, waiting = formula, set[int](), [formula]
    while waiting:
        for counter in _of_bounded([(x, 1) for x in integers.given_to(waiting.pop())], lookups):
            if counter in seen:
                continue
            seen.add(counter)
            lookups.bounds[counter].chooses = True
            often = lookups.bounds[counter].formula
            if often is None:
                return None
            found = "if", ("lt", ("given", counter), often), found
            waiting.append(often)
    return found


def _of_bounded(terms: Any, lookups: Lookups) -> Iterator[int]:
    """The bounded counters that integers are, or are chosen by."""
    for serial, _ in terms:
        chosen_by = lookups.moving[serial].counters if serial in lookups.moving else ((serial, 1),)
        yield from (counter for counter, _ in chosen_by if counter in lookups.bounds)


def bound_of(n: Any, lookups: Lookups, *, is_checked: bool) -> Bound | None:
    """What is known of a loop that runs n times; None if n is no integer that is."""
    formula = formula_of(n, lookups)
    return Bound(formula, is_checked) if is_checked or formula is not None else None
