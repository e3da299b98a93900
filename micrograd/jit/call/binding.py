"""What a call gives, by position and by name -> the arguments of a kernel, in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import SignatureError
from ..trace.parameters import Parameter

KEYWORDS = frozenset({"out", "where", "dtype"})
"""What says how to call a kernel, rather than with what: where arrays of results are written to; at
which points of arrays, a mask; the type to compute in. A parameter of such a name takes its place.
"""


def unusual(args: tuple[Any, ...]) -> bool:
    """Whether something among positional arguments is no argument at first sight."""
    return any(x is None or x.__class__ is str for x in args)


@dataclass(slots=True)
class Given:
    """The arguments of a call.

    name         of the kernel, for errors
    parameters   that it has
    places       the names of what may be given by position
    settings     what else may be given by name
    """

    name: str
    parameters: Sequence[Parameter]
    places: Sequence[str]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    settings: Collection[str] = ()

    @property
    def by_name(self) -> dict[str, Any]:
        """Everything that is given, by name."""
        return {**dict(zip(self.places, self.args, strict=False)), **self.kwargs}

    def check(self) -> None:
        """Raises SignatureError for what is given twice, or that there is no parameter for."""
        known = {p.name for p in self.parameters}.union(self.settings)
        known.difference_update(self.places[: len(self.args)])
        if len(self.args) > len(self.places) or not known.issuperset(self.kwargs):
            raise self.error()

    def error(self) -> SignatureError:
        """The error for a call that does not fit."""
        names = [p.name for p in self.parameters]
        return SignatureError(
            f"{self.name} takes {len(names)} argument{'s' * (len(names) != 1)}"
            f" ({', '.join(names) or 'none'}), got {len(self.args)}"
            + (f" and {', '.join(f'{k}=' for k in self.kwargs)}" if self.kwargs else "")
        )


def bound(
    name: str,
    parameters: Sequence[Parameter],
    places: Sequence[str],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    settings: Collection[str] = (),
) -> tuple[Any, ...]:
    """The arguments in order, with names and defaults resolved; else SignatureError.

    What is given is described by `Given`.
    """
    found = dict(zip(places, args, strict=False))
    found.update(kwargs)
    fits = len(found) == len(args) + len(kwargs)  # nothing twice, nor more than there are places
    ordered = []
    for p in parameters:
        x = found.pop(p.name, found)
        if x is found:
            x = p.default
            fits = fits and x is not None
        ordered.append(x)
    if not fits or (found and not found.keys() <= set(settings)):
        raise Given(name, parameters, places, args, kwargs, settings).error()
    return tuple(ordered)
