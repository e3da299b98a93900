"""A line of text, read token by token; an error says where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...errors import ParseError

_TOKEN = re.compile(
    r"(?P<name>[^\W\d]\w*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
    r"|(?P<mark>[+*]=|<=|[-+*=<:,()\[\]])"
)
_DIGITS = 18
"""More in an integer would not fit into 64 bits."""
END = "the end of the line"


class Token(NamedTuple):
    """A piece of a line, and the place where it begins."""

    kind: str
    text: str
    place: int


class Line:
    """The tokens of a line, read from left to right; `now` is the next one, `then` follows it."""

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number
        self.indices: list[str] = []
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[Token]:
        place, end = 0, self.text.partition(";")[0].rstrip()
        while place < len(end):
            found = _TOKEN.match(end, place)
            if found is not None:
                yield Token(found.lastgroup or "", found[0], place)
                place = found.end()
            elif end[place].isspace():
                place += 1
            else:
                raise self.error(f"{end[place]!r} has no meaning here", place)
        for _ in range(2):
            yield Token("end", END, len(end))

    @property
    def now(self) -> Token:
        """The token that is to be read."""
        return self.tokens[self.at]

    @property
    def then(self) -> Token:
        """The token behind it."""
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def read(self) -> Token:
        """The next token, which is read by that."""
        token = self.now
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        """Whether the next token is this one; if so, it is read."""
        found = self.now.text == text and self.now.kind != "end"
        self.at += found
        return found

    def require(self, text: str) -> None:
        """Read a token that must come."""
        if not self.accept(text):
            raise self.expected(f"`{text}`")

    def name(self, what: str) -> str:
        """Read a name."""
        if self.now.kind != "name":
            raise self.expected(what)
        return self.read().text

    def integer(self, what: str) -> int:
        """Read a whole number without a sign."""
        text = self.now.text
        if self.now.kind != "number" or not text.isdigit():
            raise self.expected(what)
        if len(text) > _DIGITS:
            raise self.error(f"a whole number has at most {_DIGITS} digits")
        return int(self.read().text)

    def minus(self) -> bool:
        """Whether the sign of a number is next, right before it; if so, it is read."""
        return self.then.place == self.now.place + 1 and self.accept("-")

    def signed(self, what: str) -> int:
        """Read a whole number."""
        return -self.integer(what) if self.minus() else self.integer(what)

    def expected(self, what: str) -> ParseError:
        """The error that something else stands here."""
        found = END if self.now.kind == "end" else repr(self.now.text)
        return self.error(f"expected {what}, got {found}")

    def error(self, message: str, place: int | None = None) -> ParseError:
        """An error at a place of this line, or at the next token."""
        place = self.now.place if place is None else place
        before = "".join(c if c == "\t" else " " for c in self.text[:place])
        return ParseError(
            f"line {self.number}, column {place + 1}: {message}\n  {self.text}\n  {before}^",
            self.number,
            place + 1,
        )
