"""An object file -> a static library, in the format that linkers of Linux, Windows and WebAssembly
read: System V's `ar` with an index of symbols.
"""

from __future__ import annotations

from collections.abc import Sequence

_MAGIC = b"!<arch>\n"


def archive(member: str, code: bytes, symbols: Sequence[str]) -> bytes:
    """The library of one object file, which defines these symbols; the same whenever it is made.

    >>> archive("f.o", b"code", ["f"])[:8]
    b'!<arch>\\n'
    """
    names = b"".join(symbol.encode() + b"\0" for symbol in symbols)
    size = 4 + 4 * len(symbols) + len(names)
    first = len(_MAGIC) + 60 + size + size % 2
    index = len(symbols).to_bytes(4, "big") + first.to_bytes(4, "big") * len(symbols) + names
    short = f"{member}/".encode()
    long = b"" if len(short) <= 16 else short + b"\n"
    if long:  # the names of members that have no room in their heads
        shift = 60 + len(long) + len(long) % 2
        index = index.replace(first.to_bytes(4, "big"), (first + shift).to_bytes(4, "big"), 1)
        index = len(symbols).to_bytes(4, "big") + (first + shift).to_bytes(4, "big") * len(symbols)
        index += names
    head = _MAGIC + _file(b"/", index)
    if long:
        return head + _file(b"//", long) + _file(b"/0", code)
    return head + _file(short, code)


def _file(name: bytes, content: bytes) -> bytes:
    """A member: its head, and what it holds, of an even length."""
    fields = (name.ljust(16), b"0".ljust(12), b"0".ljust(6), b"0".ljust(6), b"644".ljust(8))
    head = b"".join(fields) + str(len(content)).encode().ljust(10) + b"`\n"
    return head + content + b"\n" * (len(content) % 2)
