"""Whether a function is being compiled: then the numbers that it reads are not final."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from types import CodeType, FrameType
from typing import Any, NamedTuple, Protocol

from .errors import IntegerNeeded, TraceError, user_location


class Recorder(Protocol):
    """What the ops of a function that is being compiled are given to.

    is_over   whether the function has returned
    """

    is_over: bool

    def record(self, op: Any, operands: tuple[Any, ...]) -> Any:
        """The traced Value of an op on Values and floats."""


Site = tuple[CodeType, int]
"""A code object, and the place of an instruction in it."""


class Tape(Protocol):
    """What machine code has recorded."""

    def learn(self, frame: FrameType) -> None:
        """Know the source files of a frame, and of its callers up to the user's."""

    def operands(self, made: Any) -> tuple[Any, ...]:
        """The operands of what it recorded."""

    def site(self, made: Any) -> Site:
        """Where that was made."""

    def close(self) -> None:
        """Record no more."""

    def let_go(self) -> None:
        """Hold no other Values any more."""


class Handed(NamedTuple):
    """A list that a lookup gave, a copy, or that is in its table: its items then, and the line."""

    row: list[Any]
    items: tuple[Any, ...]
    place: str


@dataclass(slots=True)
class Attempt:
    """A call of a function to compile it, which may look up by traced integers.

    blind     whether it may call code that cannot be asked what it compares and changes
    handed    lists that were looked up, or in a table that was looked up in, by their ids
    given     what was looked up, and what is in it, by ids
    problem   what the function did that it could not be told, or that it caught
    asked     that it asked a traced value for what is another of a number: its text, its class
    copied    that it copied lists in a way that tells which are one
    looked    whether it has looked up in plain Python
    chosen    whether it has had `max` or `min` found
    """

    blind: bool = False
    looked: bool = False
    chosen: bool = False
    handed: dict[int, Handed] = field(default_factory=dict)
    given: dict[int, Any] = field(default_factory=dict)
    problem: TraceError | None = None
    asked: TraceError | None = None
    copied: TraceError | None = None


ATTEMPTS: dict[int, Attempt] = {}
"""The attempts of threads."""


def asked(what: str, *, certain: bool = False) -> None:
    """Note that the function asks a traced value for its text or class.

    certain   whether it fails by that, even if it looks nothing up in plain Python
    """
    attempt = ATTEMPTS.get(get_ident())
    if attempt is not None and (attempt.asked is None or certain):
        attempt.asked = TraceError(
            f"{user_location()}: {what} of a traced value is not what the number has that it will "
            "be, so a function that goes by it, and looks rows up by table[i] or has max() of "
            "numbers, would go another way when it is compiled; go by numbers, with "
            "micrograd.where, or do this outside the function"
        )
        if certain:
            attempt.problem = attempt.problem or attempt.asked


def no_index(x: Any) -> IntegerNeeded:
    """The error for a traced value that Python takes for an integer."""
    return IntegerNeeded(
        f"{user_location()}: a traced value cannot be an index or a range; for xs[i], i an "
        "integer, write micrograd.take(xs, i), for xs[i:i + 3], whose length may depend on i, "
        "[micrograd.take(xs, i + k) for k in range(3)], for `for i in range(n)` fori(n, body, "
        "state); to set xs[i] to v, make a list: [micrograd.where(i == k, v, x) for k, x in "
        "enumerate(xs)]" + as_integer(x),
        x.label,
    )


def as_integer(argument: Any) -> str:
    """How to say that an argument is an integer; empty for what is one, or none of arguments."""
    lookups, label = argument._scope.lookups, str(argument.label)
    if argument._entry is not None or (lookups and argument._serial in lookups.integers):
        return ""
    if label.startswith("data["):
        return "; let data that are integers be of an integer dtype"
    name = label.partition("[")[0]
    return f"; if {name} is an integer, annotate it, as in {name}: int" * name.isidentifier()


THREADS: dict[int, Recorder] = {}
"""The threads that are in `tracing()`, and what each records with."""


def _keep_own() -> None:
    for threads in (THREADS, FROZEN, ATTEMPTS):
        for thread in threads.keys() - {get_ident()}:
            del threads[thread]


if hasattr(os, "register_at_fork"):  # a child has one of them at most
    os.register_at_fork(after_in_child=_keep_own)


FROZEN: dict[int, Recorder] = {}
"""The threads that call a function of which all numbers that it reads shall be constants."""


@contextmanager
def tracing(recorder: Recorder, *, frozen: bool = False) -> Iterator[None]:
    """Inside, this thread calls a function to compile it.

    `data` and copies of Values, the function's arguments or not, are then recorded, so that the
    compiled function reads them when it runs.

    frozen   they are the numbers that they are now, whatever function is around this one
    """
    thread = get_ident()
    outer, around = THREADS.pop(thread, None), FROZEN.pop(thread, None)
    (FROZEN if frozen else THREADS)[thread] = recorder
    try:
        yield
    finally:
        for threads, before in ((THREADS, outer), (FROZEN, around)):
            threads.pop(thread, None)
            if before is not None and not before.is_over:
                threads[thread] = before


def refuse_in_compiled(called: str) -> None:
    """Raise TraceError in a function that is being compiled."""
    if THREADS and get_ident() in THREADS:
        raise TraceError(
            f"{user_location()}: {called} in a function that is being compiled would run now "
            "and give constants of the compiled code; use "
            "micrograd.grad(f), which is compiled too"
        )
