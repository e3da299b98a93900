"""The grammars of docs/ir.md, read from the page: what is in one, and texts drawn from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

PAGE = Path(__file__).parent.parent / "docs" / "ir.md"
TOKEN = re.compile(r'"(?P<text>[^"]*)"|/(?P<regex>[^/]+)/|(?P<mark>[|{}()\[\]])|(?P<name>\w+)')


class Part:
    """A piece of a grammar."""

    def ends(self, s: str, i: int) -> set[int]:
        """Where it may end if it begins at `i`: every place, so no choice is final."""
        raise NotImplementedError

    def draw(self, drawing: Drawing) -> str:
        """A text that it stands for."""
        raise NotImplementedError


@dataclass
class Drawing:
    """How texts are drawn: `samples` are texts for each rule that is a pattern."""

    random: Random
    samples: Mapping[str, Sequence[str]]
    rule: str = ""
    depth: int = 0


@dataclass
class Literal(Part):
    text: str

    def ends(self, s: str, i: int) -> set[int]:
        return {i + len(self.text)} if s.startswith(self.text, i) else set()

    def draw(self, drawing: Drawing) -> str:
        return self.text


@dataclass
class Pattern(Part):
    regex: re.Pattern[str]

    def ends(self, s: str, i: int) -> set[int]:
        found = self.regex.match(s, i)
        return {found.end()} if found else set()

    def draw(self, drawing: Drawing) -> str:
        text = drawing.random.choice(drawing.samples[drawing.rule])
        assert self.regex.fullmatch(text), f"{text!r} is no {drawing.rule}"
        return text


@dataclass
class Sequence_(Part):
    parts: list[Part]

    def ends(self, s: str, i: int) -> set[int]:
        found = {i}
        for part in self.parts:
            found = {end for begin in found for end in part.ends(s, begin)}
        return found

    def draw(self, drawing: Drawing) -> str:
        return "".join(part.draw(drawing) for part in self.parts)


@dataclass
class Choice(Part):
    parts: list[Part]

    def ends(self, s: str, i: int) -> set[int]:
        return set().union(*(part.ends(s, i) for part in self.parts))

    def draw(self, drawing: Drawing) -> str:
        # deep down, the first: alternatives that contain themselves stand last
        deep = drawing.depth > 12
        return (self.parts[0] if deep else drawing.random.choice(self.parts)).draw(drawing)


@dataclass
class Repeated(Part):
    part: Part
    most: int | None = None

    def ends(self, s: str, i: int) -> set[int]:
        if self.most == 1:
            return self.part.ends(s, i) | {i}
        found, fresh = {i}, {i}
        while fresh:
            fresh = {end for begin in fresh for end in self.part.ends(s, begin)} - found
            found |= fresh
        return found

    def draw(self, drawing: Drawing) -> str:
        count = drawing.random.randrange((self.most or 2) + 1)
        return "".join(self.part.draw(drawing) for _ in range(count))


@dataclass
class Rule(Part):
    name: str
    rules: dict[str, Part]

    def ends(self, s: str, i: int) -> set[int]:
        return self.rules[self.name].ends(s, i)

    def draw(self, drawing: Drawing) -> str:
        outer, drawing.rule = drawing.rule, self.name
        drawing.depth += 1
        text = self.rules[self.name].draw(drawing)
        drawing.depth -= 1
        drawing.rule = outer
        return text


class Grammar:
    """The rules of the page."""

    def __init__(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        self.rules: dict[str, Part] = {"NEWLINE": Literal("\n")}
        for block in re.findall(r"^```bnf\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                name, body = line.split("::=")
                found = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in TOKEN.finditer(body)]
                self.rules[name.strip()] = self._choice(iter(found))

    def has(self, start: str, text: str) -> bool:
        """Whether a text is a `start`."""
        return len(text) in self.rules[start].ends(text, 0)

    def draw(self, start: str, random: Random, samples: Mapping[str, Sequence[str]]) -> str:
        """A random `start`."""
        return Rule(start, self.rules).draw(Drawing(random, samples))

    def _choice(self, tokens: Iterator[tuple[str, str]]) -> Part:
        choices: list[list[Part]] = [[]]
        for kind, text in tokens:
            if kind == "mark" and text in "]})":
                break
            if (kind, text) == ("mark", "|"):
                choices.append([])
            elif kind == "mark":
                inner = self._choice(tokens)
                part = {"{": Repeated(inner), "[": Repeated(inner, 1), "(": inner}[text]
                choices[-1].append(part)
            elif kind == "text":
                choices[-1].append(Literal(text))
            elif kind == "regex":
                choices[-1].append(Pattern(re.compile(text)))
            else:
                choices[-1].append(Rule(text, self.rules))
        return Choice([Sequence_(choice) for choice in choices])
