"""What plain Python means where an index, or a number to be compared, is traced.

`table[i]` of a list and an `i` that is given when compiled code runs is `take(table, i)`, and `max`
of numbers that were taken from Values by `.data` is their `maximum`. Python asks neither a list nor
`max` of a traced Value, it asks the Value for a number. So before a function is traced, its code is
written anew with calls of what is here in place (jit/trace/rewritten.py).

A row of a list is one of its rows, and what is taken a copy. So what would tell them apart, `is`
and a change of either, is an error. So is what tells a traced value from the number that it will
be: its class and its text.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import reduce
from threading import get_ident
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ops
from .computed_indices import is_integer
from .errors import TraceError, user_location
from .opdef import Op
from .plain_tables import are_mixed, is_number, is_plain, sequences
from .tables import take
from .traced import Traced
from .tracing import ATTEMPTS, Attempt, Handed, asked

MOST_OPERATIONS = 16
"""That a number is computed by of those that were taken by `.data`."""
_LONGEST = 1 << 16
"""Numbers of a range that is a table."""


def item(container: Any, index: Any) -> Any:
    """`container[index]`, where the index may be a traced integer, and the container then a list or
    tuple of numbers and Values, or of lists and tuples of them, or an array and the index several.
    """
    if isinstance(container, np.ndarray):
        return _of_array(container, index)
    if isinstance(index, Traced) and container.__class__ is range and len(container) <= _LONGEST:
        container = [*container]
    if isinstance(index, Traced) and container.__class__ in (list, tuple):
        attempt = ATTEMPTS.get(get_ident())
        if attempt is not None and not attempt.blind and is_plain(container):
            for k, row in enumerate(container):
                if are_mixed(container[0], row):
                    raise _problem(
                        attempt,
                        "rows of a table should be alike, to be chosen by a traced integer; of row "
                        f"0 and row {k} one has a list where the other has a tuple, or one of "
                        "other names",
                    )
            found = take(container, index)
            attempt.looked = True
            _note(found, container, attempt)
            return found
    return container[index]


def _of_array(container: npt.NDArray[Any], index: Any) -> Any:
    """The same of an array."""
    indices = index if index.__class__ is tuple else (index,)
    attempt = ATTEMPTS.get(get_ident())
    if attempt is None or not any(isinstance(k, Traced) for k in indices):
        return container[index]
    plain = container.dtype.kind in "biuf" or all(map(is_number, container.flat))
    if attempt.blind or not plain or len(indices) > container.ndim:
        return container[index]
    found: Any = container
    if not all(
        isinstance(k, (Traced, int, np.integer)) and k.__class__ is not bool for k in indices
    ):
        return container[index]
    for k in indices:
        found = take(found, k)
    attempt.looked = True
    if isinstance(found, np.ndarray):  # in NumPy it lies in the other, so neither is to be changed
        place = user_location()
        for x in (found, container):
            attempt.handed.setdefault(id(x), Handed([x], (x,), place))
    return found


def _note(found: Any, container: Any, attempt: Attempt) -> None:
    """Note what was looked up, so that it is known when it is compared, or changed."""
    place = user_location()
    for row in (found, *container):
        for x in sequences(row):
            if x.__class__ is list:
                attempt.handed.setdefault(id(x), Handed(x, tuple(x), place))
    given = [found]
    for x in sequences(found):
        given += x
    attempt.given |= {id(x): x for x in given if x.__class__ is not tuple or x}


def identified(x: Any) -> Any:
    """What `is` compares. Raises TraceError for what was looked up, which is no item of its table
    here.
    """
    attempt = ATTEMPTS.get(get_ident())
    if attempt is not None and attempt.given.get(id(x), attempt) is x:
        raise _problem(
            attempt,
            "`is` and `id` ask which row it was that an integer chose, which is known only when "
            "the compiled code runs; compare numbers with micrograd.eq",
        )
    return x


def _identity(x: Any) -> int:
    return id(identified(x))


def classed(x: Any) -> Any:
    """What is asked for its class: Value, where a number of Python has another."""
    traced = [v for v in (x if x.__class__ is tuple else (x,)) if isinstance(v, Traced)]
    if traced:
        asked("the class", certain=any(map(_is_integer, traced)))
    return x


def _is_integer(x: Traced) -> bool:
    """Whether it is an integer that is given."""
    lookups = x._scope.lookups
    return x._entry is None and lookups is not None and x._serial in lookups.integers


def _type(x: Any) -> Any:
    return type(classed(x))


def _int(x: Any = 0, *args: Any) -> Any:
    """`int`: of a traced integer itself."""
    if isinstance(x, Traced) and not args and is_integer(x):
        return x
    return int(x, *args)


def _is_instance(x: Any, kinds: Any) -> bool:
    """Notes what is asked, where it is so of a number and not of what is traced, but for arguments
    that are no integers, which are Values; and of integers, where it is so of a Value.
    """
    found = isinstance(x, kinds)
    if isinstance(x, Traced):
        of_number = isinstance(0, kinds) or isinstance(0.0, kinds)
        is_integer = _is_integer(x)
        if of_number != found and (is_integer or (of_number and x._entry is not None)):
            asked("the class", certain=is_integer)
    return found


def _print(*args: Any, **options: Any) -> None:
    """Prints, and what goes there may be the text of what is traced."""
    attempt = ATTEMPTS.get(get_ident())
    before = None if attempt is None else attempt.asked
    print(*args, **options)
    if attempt is not None:
        attempt.asked = before


def changed(x: Any) -> Any:
    """What is to be changed. Raises TraceError for a row that was looked up, or its table's."""
    attempt = ATTEMPTS.get(get_ident())
    handed = attempt.handed.get(id(x)) if attempt is not None else None
    if attempt is not None and handed is not None:
        raise _problem(attempt, _CHANGED, handed.place)
    return _LIST if x is list else x


class _List:
    """`list`, of whose methods what they change is the first argument."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(list, name)
        return lambda row, *rest, **options: method(changed(row), *rest, **options)


_LIST = _List()


def extended(x: Any, by: Any) -> Any:
    """What `x += by` adds."""
    changed(x)
    return by


_CHANGED = (
    "a row was looked up here by an integer that is given when the compiled code runs, and a row "
    "is changed later, which would change the table; make a new list, or write "
    "micrograd.take(table, i), which copies the row"
)


def _problem(attempt: Attempt, text: str, place: str = "") -> TraceError:
    """An error, by which the function fails even if it catches that."""
    error = TraceError(f"{place or user_location()}: {text}")
    attempt.problem = attempt.problem or error
    return error


def check(attempt: Attempt) -> None:
    """Raise TraceError for what the function has caught, and if lists have changed that were looked
    up, or looked up in: in Python, a row is one of the table, and here a copy.
    """
    for one in attempt.handed.values():
        if len(one.row) != len(one.items) or any(map(_differ, one.row, one.items)):
            _problem(attempt, _CHANGED, one.place)
    if attempt.problem is not None:
        raise attempt.problem
    if attempt.asked is not None and (attempt.looked or attempt.chosen):
        raise attempt.asked
    if attempt.copied is not None and attempt.looked:
        raise attempt.copied


def _differ(x: Any, y: Any) -> bool:
    return x is not y


def _largest(*args: Any, **options: Any) -> Any:
    return _extreme(builtins.max, ops.maximum, args, options)


def _smallest(*args: Any, **options: Any) -> Any:
    return _extreme(builtins.min, ops.minimum, args, options)


OTHERS: list[tuple[Any, Any]] = [
    (builtins.max, _largest),
    (builtins.min, _smallest),
    (builtins.id, _identity),
    (builtins.type, _type),
    (builtins.isinstance, _is_instance),
    (builtins.print, _print),
    (builtins.int, _int),
]
"""Functions of Python, and what to call for them here (watched.py)."""


def _extreme(
    function: Callable[..., Any], op: Op, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """`max` or `min` of arguments; by the op, if some are traced, and all are integers, or all
    others numbers, and gradient flows to none.
    """
    if options.keys() - {"default"} or not args:
        return function(*args, **options)
    numbers = args if len(args) > 1 else tuple(args[0])
    if any(map(_is_bare, numbers)) and all(_is_bare(x) or _is_known(x) for x in numbers):
        if attempt := ATTEMPTS.get(get_ident()):
            attempt.chosen = True
        return reduce(op, [_inside(x) for x in numbers]).data
    if any(isinstance(x, Traced) for x in numbers) and all(map(is_integer, numbers)):
        return reduce(op, numbers)
    return function(*args, **options) if len(args) > 1 else function(numbers, **options)


def _is_bare(x: Any) -> bool:
    """Whether it is traced, and computed of numbers that were taken by `.data`."""
    stack = [x]
    for _ in range(MOST_OPERATIONS):
        if not stack:
            return True
        y = stack.pop()
        if not isinstance(y, Traced) or y._entry is None:
            return False
        if not y._entry.bare:
            stack += [z for z in y._operands if z.__class__ is not float]
    return False


def _inside(x: Any) -> Any:
    """The Value that a number was taken from, if it was and is nothing more."""
    return x._operands[0] if isinstance(x, Traced) and x._entry.bare else x  # type: ignore[union-attr]


def _is_known(x: Any) -> bool:
    return isinstance(x, (int, float))
