"""Integer operations on literals, as LLVM's constant folder does them.

LLVM IR has few constant expressions, so what an initialiser computes is computed here. Flags are
not looked at: what would be poison wraps.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_DECIMAL = re.compile(r"-?\d+\Z")


def integer(text: str) -> int | None:
    """The value of an integer literal; None for any other constant."""
    if text in ("true", "false"):
        return int(text == "true")
    if text == "zeroinitializer":
        return 0
    return int(text) if _DECIMAL.match(text) else None


def literal(value: int, width: int) -> str:
    """The low bits of the value as a literal of so many bits."""
    value &= (1 << width) - 1
    if width == 1:
        return "true" if value else "false"
    return str(value - (value >> width - 1 << width))


def _signed(value: int, width: int) -> int:
    return value - (value >> width - 1 << width)


def _quotient(left: int, right: int) -> int:
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


# On unsigned values of the width, except those in _SIGNED.
_BINARY: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "shl": lambda a, b: a << b,
    "lshr": lambda a, b: a >> b,
    "ashr": lambda a, b: a >> b,
    "udiv": lambda a, b: a // b,
    "urem": lambda a, b: a % b,
    "sdiv": _quotient,
    "srem": lambda a, b: a - b * _quotient(a, b),
}
_SIGNED = {"ashr", "sdiv", "srem"}
BINARY = frozenset(_BINARY)

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def binary(name: str, left: int, right: int, width: int) -> int | None:
    """The result of the operation; None where it has none: a division by zero, a shift too far."""
    mask = (1 << width) - 1
    left, right = left & mask, right & mask
    if name in ("shl", "lshr", "ashr") and right >= width:
        return None
    if name in ("udiv", "urem", "sdiv", "srem") and not right:
        return None
    if name in _SIGNED:
        left = _signed(left, width)
        right = right if name == "ashr" else _signed(right, width)
    return _BINARY[name](left, right)


def compared(predicate: str, left: int, right: int, width: int) -> bool:
    """What `icmp` says of the two."""
    mask = (1 << width) - 1
    left, right = left & mask, right & mask
    if predicate[0] == "s":
        left, right = _signed(left, width), _signed(right, width)
    return _COMPARISONS[predicate[-2:]](left, right)


def converted(name: str, value: int, source: int) -> int:
    """The value of `source` bits, made wider or narrower; the caller cuts it to its new width."""
    value &= (1 << source) - 1
    return _signed(value, source) if name == "sext" else value


_PAIRS = {"{": "}", "[": "]", "<": ">", "(": ")"}


def parts(text: str) -> list[str] | None:
    """The parts of an aggregate that is written out, each with its type in front; None for what is
    no such aggregate.

    >>> parts("{ i32 1, [2 x i8] [i8 1, i8 2] }")
    ['i32 1', '[2 x i8] [i8 1, i8 2]']
    """
    body = text.strip()
    if body.startswith("<{"):
        body = body[1:-1]
    if not body or body[0] not in "{[<":
        return None
    body = body[1:-1].strip()
    found, depth, start, quoted = [], 0, 0, False
    for at, letter in enumerate(body):
        if letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter in _PAIRS:
            depth += 1
        elif letter in _PAIRS.values():
            depth -= 1
        elif letter == "," and not depth:
            found.append(body[start:at].strip())
            start = at + 1
    return [*found, body[start:].strip()] if body else []
