"""Indices of rows that are no sums of integers which are given, but computed of them otherwise.

What a traced integer is computed of says which formula it has (integers.py), and code that is
compiled is given what comes to it, as it is given sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from . import integers
from .engine import Value
from .errors import TraceError, user_location
from .index_arrays import IndexArray
from .integers import Formula
from .lookups import MOST_INDICES, Form, Lookups
from .traced import Scope, Traced

MOST_PARTS = 1024
"""Integers and operations of a formula."""
MOST_POWER = 8


class _NotWhole(Exception):
    """There is no formula."""


MOST_TERMS = 64
"""Operations of the expression of an index."""


def form_of(index: Value, integers: Mapping[int, Any]) -> Form | None:
    """An index as a sum of multiples of integers; None if it is none."""
    offset, scales = 0, dict[int, int]()
    stack: list[tuple[Any, int]] = [(index, 1)]
    for _ in range(MOST_TERMS):
        if not stack:
            return offset, tuple(sorted((v, k) for v, k in scales.items() if k))
        x, scale = stack.pop()
        if x.__class__ is float:
            if not x.is_integer():
                return None
            offset += scale * int(x)
            continue
        if x._serial in integers:
            scales[x._serial] = scales.get(x._serial, 0) + scale
            continue
        op, operands = x._entry, x._operands
        numbers = [k for k, y in enumerate(operands) if y.__class__ is float]
        if op is None:
            return None
        if op.coefficients:
            stack += [(y, scale * int(c)) for y, c in zip(operands, op.coefficients, strict=True)]
        elif op.product and numbers and operands[numbers[0]].is_integer():
            stack.append((operands[1 - numbers[0]], scale * int(operands[numbers[0]])))
        else:
            return None
    return None


def formula_of(x: Any, lookups: Lookups, known: Mapping[int, Any] | None = None) -> Formula:
    """What an integer is computed of: a formula of the serial numbers of integers that are given
    and of counters, or of others that are known; None if it is computed of something else, or of
    too much.
    """
    try:
        return _Reading(lookups, lookups.known if known is None else known).formula(x)
    except (_NotWhole, RecursionError):
        return None


def is_integer(x: Any) -> bool:
    """Whether it is an integer that is known, or given, or computed of such."""
    if not isinstance(x, Traced):
        return isinstance(x, (int, np.integer))
    lookups: Lookups | None = x._scope.lookups
    if lookups is None:
        return False
    return outside(x) is not None or formula_of(x, lookups) is not None


def outside(index: Traced) -> Any:
    """An index that is made of integers of functions around, as these say it; None for others."""
    lookups: Lookups | None = index._scope.lookups
    if lookups is None or not lookups.outer:
        return None
    form = form_of(index, lookups.outer)
    if form is not None and form[1]:
        offset, terms = form
        found = [lookups.outer[v] if k == 1 else k * lookups.outer[v] for v, k in terms]
        return sum(found[1:], found[0]) + offset if offset else sum(found[1:], found[0])
    formula = formula_of(index, lookups, lookups.outer) if form is None else None
    if formula is None:
        return None
    serials = list(dict.fromkeys(integers.given_to(formula)))
    given = [lookups.outer[serial] for serial in serials]
    return integers.applied(numbered(formula, serials), given)


class _Reading:
    """What is read of the operations by which an integer was computed."""

    def __init__(self, lookups: Lookups, known: Mapping[int, Any]) -> None:
        self.lookups, self.known = lookups, known
        self.terms = 0

    def formula(self, x: Any) -> Formula:
        """Raises _NotWhole for what is no integer, or computed of something else."""
        self._count()
        if not isinstance(x, Value):
            if isinstance(x, (bool, int, np.integer)) or (x.__class__ is float and x.is_integer()):
                return int(x)
            raise _NotWhole
        serial, lookups = x._serial, self.lookups
        if serial in self.known:
            return "given", serial
        if serial in lookups.formulas:
            formula = lookups.formulas[serial]
            self._count(sum(1 for _ in integers.given_to(formula)))
            return formula
        if serial in lookups.chosen:
            rows, index = lookups.chosen[serial]
            return "number", self.formula(index), tuple(rows)
        if serial in lookups.among:
            among, place = lookups.among[serial]
            return "row", self.formula(place), *map(self.formula, among)
        return self._operation(x)

    def _operation(self, x: Value) -> Formula:
        op, operands = x._entry, x._operands
        if op is None:
            raise _NotWhole
        if op.integral:
            return op.name, *map(self.formula, operands)
        power = operands[-1]
        is_power = op.repeats is not None and power.__class__ is float and power.is_integer()
        if op.repeats is None or not is_power or not 1 <= power <= MOST_POWER:
            raise _NotWhole
        base = found = self.formula(operands[0])
        for _ in range(int(power) - 1):
            self._count()
            found = op.repeats.name, found, base
        return found

    def _count(self, terms: int = 1) -> None:
        self.terms += terms
        if self.terms > MOST_PARTS:
            raise _NotWhole


def index_of(formula: Formula, rows: int, lookups: Lookups, scope: Scope) -> Value:
    """What stands for the index of a formula into so many rows: one of integers that are given."""
    serials = list(dict.fromkeys(integers.given_to(formula)))
    if not all(serial in lookups.integers for serial in serials):
        return _by_iteration(formula, rows, lookups, scope)
    places = [lookups.integers[serial] for serial in serials]
    arrays = tuple(array for array, _ in places)
    own = numbered(formula, serials)
    key = rows, own, arrays
    if key not in lookups.indices:
        made = IndexArray(
            f"at{len(lookups.indices)}", rows, 0, (1,) * len(arrays), arrays, formula=own
        )
        lookups.indices[key] = made
        if len(arrays) == 1:  # all of them, so that they lie as the integers do
            made.reserve(lookups.sizes[arrays[0]], scope)
    return lookups.indices[key].leaf(tuple(k for _, k in places), scope)


def numbered(formula: Formula, serials: Sequence[int]) -> Formula:
    """The formula of integers by their numbers in an order."""
    number = {serial: k for k, serial in enumerate(serials)}
    return integers.renamed(formula, lambda serial: ("given", number[serial]))


def by_counters(formula: Formula, lookups: Lookups) -> tuple[list[int], dict[int, int]] | None:
    """What a formula of counters alone comes to in each iteration of their loops, and how far it is
    from each to the next in these, by the serial numbers of the counters; None for other formulas.

    Raises TraceError for too many iterations.
    """
    serials = list(dict.fromkeys(integers.given_to(formula)))
    if not all(serial in lookups.counters for serial in serials):
        return None
    at, strides, size = _iterations(serials, lookups)
    said = integers.many(numbered(formula, serials), [at[serial] for serial in serials])
    return np.broadcast_to(said, (size,)).tolist(), strides


def _iterations(
    counters: Sequence[int], lookups: Lookups
) -> tuple[Mapping[int, Any], dict[int, int], int]:
    """The counters in each iteration of their loops, how far it is from each to the next of one,
    and how many there are.
    """
    counts = [lookups.counters[serial] for serial in counters]
    size = prod(counts)
    if size > MOST_INDICES:
        raise TraceError(
            f"{user_location()}: the loops around go through {size} indices of rows, of at "
            f"most {MOST_INDICES} that can be computed before them; look up rows in fewer"
        )
    numbers = np.indices(counts, dtype=np.int64).reshape(len(counts), size)
    strides = {serial: prod(counts[k + 1 :]) for k, serial in enumerate(counters)}
    return dict(zip(counters, numbers, strict=True)), strides, size


def _by_iteration(formula: Formula, rows: int, lookups: Lookups, scope: Scope) -> Value:
    """The same of integers that are given and of counters: a place in an index array with one index
    for each iteration of their loops.
    """
    serials = list(dict.fromkeys(integers.given_to(formula)))
    counters = list(dict.fromkeys(_counters(serials, lookups)))
    at, strides, size = _iterations(counters, lookups)
    if not size:  # it is computed for no iteration
        return lookups.place(rows, 0, (), scope)
    given = [serial for serial in serials if serial not in lookups.counters]
    known = [serial for serial in serials if serial in lookups.counters]
    own = numbered(formula, [*given, *known])
    used = [lookups.elements(serial, at, size) for serial in given]
    arrays = tuple(array for array, _ in used)
    elements = np.stack([x for _, x in used], axis=1)
    constants = np.stack([at[serial] for serial in known]) if known else None
    key = (
        rows,
        own,
        arrays,
        elements.tobytes(),
        b"" if constants is None else constants.tobytes(),
    )
    if key not in lookups.indices:
        number = 1 + sum(index.number > 0 for index in lookups.indices.values())
        scales = (1,) * len(arrays)
        name = f"at{len(lookups.indices)}"
        made = IndexArray(name, rows, 0, scales, arrays, number, formula=own)
        made.elements, made.constants = list(map(tuple, elements.tolist())), constants
        made.leaves = [Traced(f"{name}[{k}]", scope=scope) for k in range(size)]
        lookups.indices[key] = made
    return lookups.place(rows, 0, tuple(strides.items()), scope, lookups.indices[key].name)


def _counters(serials: Sequence[int], lookups: Lookups) -> Iterator[int]:
    """The counters that integers depend on."""
    for serial in serials:
        if serial in lookups.counters:
            yield serial
        elif serial in lookups.moving:
            yield from (counter for counter, _ in lookups.moving[serial].counters)
