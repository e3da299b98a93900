"""Loops written as loops: `fori`, `scan` and `while_loop`.

Eager, on Values and numbers, they are the Python loops that they say. In a function that is being
compiled the body is called once, on traced values that stand for the state of any iteration, and
the loop becomes one of the program (jit/trace/loops.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from threading import get_ident
from typing import Any

import numpy as np

from ..checks import whole
from ..engine import Value
from ..errors import SignatureError, TraceError, kind, user_location
from ..traced import Scope
from ..tracing import THREADS
from .trace.bodies import called
from .trace.compiling import scope_here
from .trace.eager_loops import iterations
from .trace.given_counts import GivenCount
from .trace.loops import Column, State, TracedLoop, fresh, truth
from .trace.signature import build, leaves, result_structure

LIMIT = 100
"""How often a `while_loop` runs at most, if nothing else is said."""
_ONE = "one state, however many numbers that is, as in `lambda s: "
_FORI = "fori's body takes the number of the iteration and one state, as in `lambda i, s: s + i`"
_SCAN = "scan's f takes one state and one of xs, as in `lambda s, x: (s + x, s)`"
_ASKS = f"while_loop's condition takes {_ONE}s[0] < 3`"
_WHILE = f"while_loop's body takes {_ONE}(s[0] + 1, s[1] * x)`"


def fori(n: Any, body: Callable[[Any, Any], Any], state: Any, *, limit: int = LIMIT) -> Any:
    """The state after `body(i, state)` has made the next state of it for i = 0 to n - 1.

    n      how often: an integer; or a Value or traced number, for as long as i < n
    body   of the number of the iteration and a state, the next state; in a compiled function it is
           called once, and i is a traced number, an index for `take` if n is an integer, of Python
           or computed of arguments annotated `int`
    state  a Value or number, or lists, tuples, dicts or arrays of them; it keeps its structure
    limit  how often it runs at most, if n is a Value; for more the result is nan, as that of
           `while_loop`. If n is an argument annotated `int`, or a sum of such, calls with more, or
           fewer than 0, raise IndexRangeError; so do those with more than a table has rows into
           which i is an index. An n that is computed of them otherwise, as n // 2, is as a Value
           where i is no index

    Raises TraceError for a body that returns another structure, SignatureError for what is no
    state, and no number of iterations.

    >>> from micrograd import fori, jit
    >>> power = jit(lambda x: fori(10, lambda i, y: y * x, 1.0))
    >>> power(2.0), power.grad(2.0)
    (1024.0, 5120.0)
    """
    name = _name(body, "body")
    most = whole("fori's limit", limit, SignatureError, least=0)
    if isinstance(n, Value):
        return _of_value(n, body, state, most, name)
    count = whole("fori's n", n, SignatureError, least=0)
    shape = State.of(state, "fori's state")
    shape = State(shape.structure, name)
    scope = _scope("fori")
    if scope is None:
        for i in iterations(count):
            state = shape.build(shape.taken(called(body, _FORI, i, state)))
        return state
    loop = TracedLoop(count, shape.numbers(state))
    loop.state = fresh(scope, "state", len(loop.begin))
    loop.index = fresh(scope, "i", 1)
    if scope.lookups is not None:
        scope.lookups.counters[loop.index[0]._serial] = count
    loop.after = shape.taken(called(body, _FORI, loop.index[0], shape.build(loop.state)))
    loop.finish(scope)
    return shape.build(loop.results)


def _of_value(n: Any, body: Callable[[Any, Any], Any], state: Any, most: int, name: str) -> Any:
    """`fori` for as long as i < n."""
    scope = _scope("fori")
    count = None if scope is None else GivenCount.of(n, most, scope)
    if scope is None or count is None:
        return while_loop(
            lambda s: n > s[0],
            lambda s: (s[0] + 1.0, called(body, _FORI, s[0], s[1])),
            (0.0, state),
            limit=most,
        )[1]
    shape = State(State.of(state, "fori's state").structure, name)
    loop = TracedLoop(most, [0.0, *shape.numbers(state)])
    loop.state = fresh(scope, "state", len(loop.begin))
    loop.index = fresh(scope, "i", 1)
    count.begin(loop.index[0])
    loop.going = [n > loop.state[0]]
    after = shape.taken(called(body, _FORI, loop.index[0], shape.build(loop.state[1:])))
    loop.after = [loop.state[0] + 1.0, *after]
    loop.most = count.end()
    loop.finish(scope)
    return shape.build(loop.results[1:])


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, length: int | None = None
) -> tuple[Any, list[Any]]:
    """The last state, and a list of what each step gives: `state, y = f(state, x)` for x in xs.

    f       of a state and an x, the next state and a y; in a compiled function it is called once
    init    the first state: a Value or number, or lists, tuples, dicts or arrays of them
    xs      a sequence of numbers, or of lists, tuples, dicts or arrays of them, all alike; None for
            steps that are given nothing
    length  how many steps, if xs is None

    Raises TraceError for an f that returns anything else, SignatureError for an init or xs that are
    none.

    >>> from micrograd import jit, scan
    >>> sums = jit(lambda xs: scan(lambda s, x: (s + x, s + x), 0.0, xs)[1])
    >>> sums([1.0, 2.0, 3.0])
    [1.0, 3.0, 6.0]
    """
    rows = _rows(xs, length)
    name = _name(f, "f")
    shape = State(State.of(init, "scan's init").structure, name)
    scope = _scope("scan")
    row = State.of(rows[0], "xs[0]") if rows and xs is not None else State.of((), "")
    numbers = [x for k, x in enumerate(rows) for x in _row(row, x, k)] if xs is not None else []
    if scope is None:
        found = []
        for _, x in zip(iterations(len(rows)), rows, strict=True):
            carried, y = _pair(called(f, _SCAN, init, x), name)
            init = shape.build(shape.taken(carried))
            found.append(y)
        return init, found
    if not rows:
        return init, []
    loop = TracedLoop(len(rows), shape.numbers(init), [numbers] if numbers else [])
    loop.state = fresh(scope, "state", len(loop.begin))
    loop.row = [fresh(scope, "x", len(x) // len(rows)) for x in loop.rows]
    taken = [v for some in loop.row for v in some]
    if scope.lookups is not None and taken:
        _choose(scope, loop, taken, [list(leaves(x, row.structure, "")) for x in rows])
    given = row.build(taken) if xs is not None else None
    carried, y = _pair(called(f, _SCAN, shape.build(loop.state), given), name)
    loop.after = shape.taken(carried)
    each = State.of(y, f"the y of {name}") if y is not None else State.of((), "")
    loop.each = each.numbers(y) if y is not None else []
    loop.finish(scope)
    width = len(loop.each)
    ys = [
        each.build(loop.found[k * width : (k + 1) * width]) if y is not None else None
        for k in range(len(rows))
    ]
    return shape.build(loop.results), ys


def while_loop(
    condition: Callable[[Any], Any],
    body: Callable[[Any], Any],
    state: Any,
    *,
    limit: int = LIMIT,
) -> Any:
    """The state after `body` has made the next one of it for as long as `condition` holds.

    condition  of a state, a comparison or a number: the loop goes on unless that is 0, as `where`
               has it; so nan goes on
    body       of a state, the next one; in a compiled function both are called once
    state      a Value or number, or lists, tuples, dicts or arrays of them; it keeps its structure
    limit      how often the body runs at most. Where the condition holds even then, the loop has
               found nothing: all numbers of the result are nan, and so are its derivatives. The
               value takes any limit; gradients keep all states, of at most 2**24 numbers

    In calls with arrays each point has its own number of iterations.

    Raises TraceError for a body that returns another structure, SignatureError for what is no
    state, and no limit.

    >>> from micrograd import jit, while_loop
    >>> def root(x):
    ...     return while_loop(lambda y: abs(y * y - x) > 1e-12, lambda y: (y + x / y) / 2, x)
    >>> round(root(2.0), 9), round(jit(root).grad(4.0), 9)
    (1.414213562, 0.25)
    """
    most = whole("while_loop's limit", limit, SignatureError, least=0)
    name, asks = _name(body, "body"), _name(condition, "condition")
    shape = State(State.of(state, "while_loop's state").structure, name)
    scope = _scope("while_loop")
    if scope is None:
        for _ in iterations(most):
            if not _holds(truth(called(condition, _ASKS, state), asks)):
                return state
            state = shape.build(shape.taken(called(body, _WHILE, state)))
        if not _holds(truth(called(condition, _ASKS, state), asks)):
            return state
        return shape.build([x * nan for x in shape.numbers(state)])
    loop = TracedLoop(most, shape.numbers(state))
    loop.state = fresh(scope, "state", len(loop.begin))
    loop.going = [truth(called(condition, _ASKS, shape.build(loop.state)), asks)]
    loop.after = shape.taken(called(body, _WHILE, shape.build(loop.state)))
    loop.finish(scope)
    return shape.build(loop.results)


def summed(scope: Scope, count: int, rows: Sequence[Column], f: Callable[[list[Any]], Any]) -> Any:
    """The sum over rows of what `f` gives for the numbers of a row, which is called once.

    rows   columns with the numbers of all rows, each of so many rows
    """
    loop = TracedLoop(count, [], list(rows))
    loop.row = [fresh(scope, "x", len(x) // count) for x in rows]
    found: list[Any] = []
    structure = result_structure(
        f([v for some in loop.row for v in some]), found.append, scope.name
    )
    loop.sums = found
    loop.finish(scope)
    return build(structure, iter(loop.totals))


def _scope(name: str) -> Scope | None:
    """The scope of the function that this thread compiles; None: it computes with numbers."""
    scope = scope_here()
    if scope is None and get_ident() in THREADS:
        raise TraceError(
            f"{user_location()}: {name} is for numbers and Values; functions of Tensors that are "
            "compiled have no loops yet: write the loop in Python, or compute it of values()"
        )
    return scope


def _name(f: Any, otherwise: str) -> str:
    if not callable(f):
        raise SignatureError(f"{otherwise} should be a function, got {kind(f)}")
    name = getattr(f, "__name__", otherwise)
    return otherwise if name == "<lambda>" else str(name)


def _holds(x: Any) -> bool:
    return float(x.data if isinstance(x, Value) else x) != 0.0


def _rows(xs: Any, length: int | None) -> Sequence[Any]:
    """What the steps of a scan are given."""
    steps = None if length is None else whole("scan's length", length, SignatureError, least=0)
    if xs is None:
        if steps is None:
            raise SignatureError("scan needs xs, or the length of what it is to run over")
        return [None] * steps
    if isinstance(xs, Value) or not hasattr(xs, "__len__") or not hasattr(xs, "__getitem__"):
        raise SignatureError(f"scan's xs should be a sequence, or None, got {kind(xs)}")
    rows = list(xs)
    if steps is not None and steps != len(rows):
        raise SignatureError(f"scan's length should be that of xs, {len(rows)}, got {steps}")
    return rows


def _choose(
    scope: Scope, loop: TracedLoop, taken: Sequence[Value], rows: Sequence[Sequence[Any]]
) -> None:
    """Let those numbers of a scan's rows choose rows of tables that are integers in all of them."""
    lookups = scope.lookups
    for leaf, column in zip(taken, zip(*rows, strict=True), strict=True):
        constant = all(isinstance(x, (int, np.integer)) for x in column)
        if not constant and lookups.evenly(column) is None:
            continue
        if not loop.index:
            loop.index = fresh(scope, "i", 1)
            lookups.counters[loop.index[0]._serial] = len(rows)
        lookups.choose(leaf, column, loop.index[0], (0, ((loop.index[0]._serial, 1),)))


def _row(row: State, x: Any, k: int) -> list[Any]:
    """The numbers of one of xs. Raises SignatureError if it is not like the first."""
    made = State.of(x, f"xs[{k}]")
    if made.structure != row.structure:
        raise SignatureError(f"xs[{k}] should be like xs[0], {row.structure}, got {made.structure}")
    return row.numbers(x)


def _pair(found: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(found, tuple) or len(found) != 2:
        raise TraceError(
            f"{user_location()}: {name} should return a pair, the next state and a y, got "
            f"{kind(found)}"
        )
    return found
