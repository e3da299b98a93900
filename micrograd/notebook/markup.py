"""Elements of HTML and SVG as text: names, attributes and text, escaped; long texts cut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import islice

MOST_LINES = 60
"""Of a text that is folded in."""
LONGEST_LINE = 200

_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

LINE = "1px solid currentColor"
_PRE = "margin: 0; padding: 0.3em 0.6em; overflow: auto; max-height: 32em; line-height: 1.35"


def text(x: object, most: int = LONGEST_LINE) -> str:
    """Text, escaped, and cut where it is longer; what XML cannot hold is replaced.

    >>> text("<b> & '\\x00'", 6)
    '&lt;b&gt; &amp; …'
    """
    shown = str(x)
    if len(shown) > most:
        shown = shown[:most] + "…"
    return _escaped(shown)


def _escaped(shown: str) -> str:
    return escape(_NO_CHARACTER.sub("\ufffd", shown), quote=False)


def element(name: str, *inside: str, **attributes: object) -> str:
    """An element; `stroke_width` is the attribute stroke-width, and `class_` is class.

    >>> element("rect", width=2, stroke_width=0.5), element("b", "x")
    ('<rect width="2" stroke-width="0.5"/>', '<b>x</b>')
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(x)}"' for key, x in attributes.items()
    )
    if not inside and name not in ("div", "span", "text", "title", "code", "pre"):
        return f"<{name}{given}/>"
    return f"<{name}{given}>{''.join(inside)}</{name}>"


def _attribute(x: object) -> str:
    if isinstance(x, float):
        return f"{x:.1f}".removesuffix(".0") if abs(x) >= 1 else f"{x:.3g}"
    return _escaped(str(x)).replace('"', "&quot;")


def number(x: float) -> str:
    """A number for people: six digits, with an exponent where it is very large or small.

    >>> number(0.1 + 0.2), number(1e9), number(-3.0)
    ('0.3', '1e+09', '-3')
    """
    return f"{x:.6g}"


def box(*inside: str) -> str:
    """All that is shown of one thing; it scrolls where the page is narrower."""
    return element("div", *inside, style="max-width: 100%; overflow-x: auto")


def heading(kind: str, *facts: str) -> str:
    """The first line: what it is, and facts about it."""
    said = "".join(f" · {fact}" for fact in facts if fact)
    return element("div", element("code", element("b", text(kind))), said, style="margin: 0.2em 0")


def preformatted(whole: str | Iterable[str], most: int = MOST_LINES) -> str:
    """Lines as they are, up to so many, and how many more there are; of an iterable only that there
    are more, as it is not read to its end.
    """
    lines = iter(whole.split("\n") if isinstance(whole, str) else whole)
    shown = [text(line) for line in islice(lines, most)]
    if isinstance(whole, str):
        left = sum(1 for _ in lines)
        more = f"… {left:,} more lines of {most + left:,}" if left else ""
    else:
        more = "… and more lines" if next(lines, None) is not None else ""
    return element("pre", "\n".join([*shown, more] if more else shown), style=_PRE)


def folded(title: str, inside: str) -> str:
    """Something that a click shows."""
    summary = element("summary", text(title), style="cursor: pointer")
    return element("details", summary, inside, style="margin: 0.2em 0")


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names, and what they are; both are elements or escaped already."""
    cell = "text-align: left; padding: 0.1em 0.8em 0.1em 0; background: none"
    lines = [
        element("tr", element("td", name, style=cell), element("td", x, style=cell))
        for name, x in rows
    ]
    style = "border-collapse: collapse; margin: 0.2em 0"
    return element("table", element("tbody", *lines), style=style)


def frame(centre: tuple[float, float], size: tuple[float, float], stroke_width: float = 0.8) -> str:
    """A box in a picture, in which something stands."""
    (x, y), (width, height) = centre, size
    return element(
        "rect",
        x=x - width / 2,
        y=y - height / 2,
        width=width,
        height=height,
        rx=4,
        fill="currentColor",
        fill_opacity=0.06,
        stroke="currentColor",
        stroke_width=stroke_width,
    )


def svg(width: float, height: float, title: str, *inside: str, alone: bool = False) -> str:
    """A picture with a title that is read aloud, in the colour of the text around it.

    alone   it is a file of its own, which has no text around it, and asks the browser whether it is
            dark
    """
    style = (
        "<style>:root { color: #222 } "
        "@media (prefers-color-scheme: dark) { :root { color: #ddd } }</style>"
    )
    return element(
        "svg",
        element("title", text(title)),
        style if alone else "",
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="img",
        font_family="system-ui, sans-serif",
        font_size=11,
        fill="currentColor",
        style="max-width: none; background: none" if not alone else "background: none",
    )
