"""How often loops run, where an integer says it that is given when the compiled code runs.

Such a loop's counter is an index of rows. Calls look at the integer, if it is computed of those
that they are given: it is 0 or more, and no more than a limit, nor than the counter may count. One
that is no sum, of a counter by which no row is looked up, is a number as others are: what is
exported computes it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...bounded_counters import bound_of, largest
from ...computed_indices import form_of, formula_of, numbered, outside
from ...engine import Value
from ...index_arrays import IndexArray
from ...integers import Formula, given_to
from ...lookups import Lookups
from ...traced import Scope, Traced

Given = tuple[Scope, Sequence[int], int, tuple[int, ...], Formula]
"""The function of integers, and these, by serial numbers; an offset and scales, or a formula."""


@dataclass(slots=True)
class GivenCount:
    """How often a loop runs.

    n         the integer, as the function says it which the loop is in
    given     the same, of a function whose calls look at it; None if none does
    most      how often it runs at most
    lookups   of the function that the loop is in
    counter   the serial number of the loop's counter
    """

    n: Value
    given: Given | None
    most: int
    lookups: Lookups
    counter: int = -1

    @staticmethod
    def of(n: Value, most: int, scope: Scope) -> GivenCount | None:
        """That of a loop in a function, by what it is told; None for what is no integer."""
        count = GivenCount(n, _given(n), most, scope.lookups)
        known = count.given is not None
        if scope.lookups is None or bound_of(n, scope.lookups, is_checked=known) is None:
            return None
        return count

    def begin(self, counter: Value) -> None:
        """The body is going to be called, with a counter."""
        known, self.counter = self.given is not None, counter._serial
        self.lookups.bounds[self.counter] = bound_of(self.n, self.lookups, is_checked=known)
        end = largest(self.n, self.lookups)
        self.lookups.counters[self.counter] = self.most if end is None else min(self.most, end)

    def end(self) -> int:
        """How often the loop runs at most, as its body is through; calls check that from now on."""
        most, bound = self.lookups.counters[self.counter], self.lookups.bounds[self.counter]
        if self.given is not None and (bound.chooses or self.given[-1] is None):
            _check(self.given, most, bound.rows)
        return most


def _given(n: Value) -> Given | None:
    """An integer as it is made of those that calls are given, of this function or one around."""
    while isinstance(n, Traced) and isinstance(there := outside(n), Traced):
        n = there  # calls of the function around check it
    if not isinstance(n, Traced) or (lookups := n._scope.lookups) is None:
        return None
    form = form_of(n, lookups.integers)
    if form is not None:
        offset, terms = form
        scales = tuple(scale for _, scale in terms)
        return (n._scope, [v for v, _ in terms], offset, scales, None) if terms else None
    formula = formula_of(n, lookups, lookups.integers)
    serials = list(dict.fromkeys(given_to(formula)))
    if not serials:
        return None
    return n._scope, serials, 0, (1,) * len(serials), numbered(formula, serials)


def _check(given: Given, most: int, table: int) -> None:
    """Let calls see to it that an integer is from 0 on, and not more."""
    scope, serials, offset, scales, formula = given
    lookups: Lookups = scope.lookups
    arrays, element = zip(*(lookups.integers[serial] for serial in serials), strict=True)
    name = f"at{len(lookups.indices)}"
    key = "limit", most, offset, scales, arrays, formula, table
    if key not in lookups.indices:
        made = IndexArray(name, most + 1, offset, scales, arrays, counts=True, table=table)
        made.formula = formula
        lookups.indices[key] = made
    lookups.indices[key].leaf(element, scope)
