"""Names of Python -> names that C and C++ take."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable

from ...errors import ExportError, kind
from .c_names import MACROS, is_taken

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile("__|_[A-Z]")
KEYWORDS = frozenset(
    str.split(
        "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t "
        "char16_t char32_t class co_await co_return co_yield compl concept const const_cast "
        "consteval constexpr constinit continue decltype default delete do double dynamic_cast "
        "else enum explicit export extern false float for friend goto if inline int long mutable "
        "namespace new noexcept not not_eq nullptr operator or or_eq private protected public "
        "register reinterpret_cast requires restrict return short signed sizeof static "
        "static_assert static_cast struct switch template this thread_local throw true try typedef "
        "typeid typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t "
        "while xor xor_eq _Alignas _Alignof _Atomic _Bool _Complex _Decimal128 _Decimal32 "
        "_Decimal64 _Generic _Imaginary _Noreturn _Static_assert _Thread_local"
    )
)
"""Those of C and of C++, whose compilers read the header too."""
LONGEST = 200
"""Letters of a function's name: files have more behind it, and 255 at most."""
_OF_STUB = frozenset({"ctypes", "pathlib", "Path", "list", "len", "str", "ValueError"}) | frozenset(
    {"_array", "_function", "_library", "_numbers", "IndexError", "getattr", "hasattr"}
)
"""What the Python module around a function uses."""


def function_name(name: object, default: str) -> str:
    """The name of a function, given or made of the kernel's.

    Raises ExportError for what is no name in C and C++, and for that of a function of theirs.

    >>> function_name(None, "loss.value_and_grad")
    'loss_value_and_grad'
    """
    found = default.replace(".", "_") if name is None else name
    say = "give one by name=" if name is None else "choose another"
    if not isinstance(found, str):
        raise ExportError(f"name should be a name in C, such as 'loss', got {kind(found)}")
    if not _NAME.fullmatch(found):
        raise ExportError(f"{found!r} is no name in C: letters, digits and _; {say}")
    if found in KEYWORDS:
        raise ExportError(f"{found!r} is a keyword of C or C++; {say}")
    if keyword.iskeyword(found):
        raise ExportError(f"{found!r} is a keyword of Python, whose module is called so; {say}")
    if found in _OF_STUB:
        raise ExportError(f"{found!r} is a name that the module for Python uses; {say}")
    if is_taken(found):
        raise ExportError(f"{found!r} is a name of the C library; {say}")
    if len(found) > LONGEST:
        raise ExportError(
            f"{found[:20]}... has {len(found)} letters, and files of that name would "
            f"have more than systems take; up to {LONGEST} are allowed; {say}"
        )
    if _RESERVED.match(found):
        raise ExportError(f"{found!r} is kept for C compilers, as it begins with _; {say}")
    return found


def argument_names(names: Iterable[str], taken: Collection[str] = ()) -> list[str]:
    """Names of arguments, all of them different: what C has already gets a _ behind it.

    >>> argument_names(["x", "double", "x[0]", "x_0", "π"])
    ['x', 'double_', 'x_0', 'x_0_', 'u03c0']
    """
    found: list[str] = []
    for name in names:
        text = "".join(c if c.isascii() else f"u{ord(c):04x}" for c in name)
        text = re.sub(r"\W+", "_", text).rstrip("_") or "x"
        if not _NAME.fullmatch(text) or _RESERVED.match(text):
            text = f"x{text}"
        while text in KEYWORDS or text in MACROS or text in taken or text in found:
            text += "_"
        found.append(text)
    return found


def python_names(names: Iterable[str]) -> list[str]:
    """Names of arguments of the Python module, all of them different, by their names in C.

    >>> python_names(["x", "lambda", "list", "list_"])
    ['x', 'lambda_', 'list_', 'list__']
    """
    found: list[str] = []
    for text in names:
        while (
            keyword.iskeyword(text)
            or text in _OF_STUB
            or text in ("value", "code")
            or text in found
        ):
            text += "_"
        found.append(text)
    return found
