"""Text that is shown as it is, at the prompt too."""

from __future__ import annotations


class Text(str):
    """A string whose `repr` is itself: lines stay lines.

    >>> Text("two\\nlines")
    two
    lines
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
