"""Programs in C that call exported functions, with the numbers that tests choose, and what these
gave, to the last bit.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from micrograd import Tensor

_ARGUMENT = re.compile(r"(const )?(\w+) (\*?)(\w+)(\[\d*\])?")


ANY = -1
"""The size of rows, of which there may be any number."""


@dataclass
class Call:
    """A kernel that is exported, and the arguments that it is called with.

    more   arguments behind those of Python: parameters that are passed
    looks  whether the function looks at integers, and returns what is wrong
    """

    kernel: Any
    points: Sequence[tuple[Any, ...]]
    more: Sequence[Any] = ()
    how: dict[str, Any] = field(default_factory=dict)
    looks: bool = False

    def expected(self) -> list[list[float]]:
        """What the kernel gives in this process; behind a 0 where integers are looked at."""
        return [[0.0] * self.looks + flat(self.kernel(*point)) for point in self.points]


def flat(x: Any) -> list[float]:
    """The numbers of an argument or a result, in order."""
    if isinstance(x, dict):
        return [n for item in x.values() for n in flat(item)]
    if isinstance(x, (list, tuple)):
        return [n for item in x for n in flat(item)]
    if isinstance(x, Tensor):
        x = x.numpy()
    if isinstance(x, int):
        return [x]  # which a float may not hold
    return np.asarray(x, dtype=np.float64).reshape(-1).tolist()  # type: ignore[no-any-return]


def exported(calls: Iterable[Call], folder: Path, **how: Any) -> list[Path]:
    """Export them as f0, f1, ...; their static libraries."""
    found = []
    for k, call in enumerate(calls):
        files = call.kernel.export(folder, name=f"f{k}", **how, **call.how)
        found.append(next(file for file in files if file.suffix == ".a"))
    return found


@dataclass(frozen=True)
class Argument:
    """An argument, as the header declares it; `size`: None for a number, ANY for as many as are
    given.
    """

    type: str
    name: str
    size: int | None
    written: bool


@dataclass(frozen=True)
class Invocation:
    """A call of a function that a header declares.

    returned   the type of the number that it returns, or "void"; an "int" says what is wrong
    given      what is passed for the arguments that are not written
    """

    name: str
    returned: str
    arguments: Sequence[Argument]
    given: Sequence[Any]

    @property
    def rows(self) -> list[tuple[Argument, list[float]]]:
        """All arguments, with the numbers that are passed; none for what is written."""
        numbers = iter(self.given)
        found = [(a, [] if a.written else flat(next(numbers))) for a in self.arguments]
        assert next(numbers, None) is None
        found = [(replace(a, size=len(row)) if a.size == ANY else a, row) for a, row in found]
        assert all(a.written or len(row) == (1 if a.size is None else a.size) for a, row in found)
        return found


def invocations(calls: Sequence[Call], folder: Path) -> list[Invocation]:
    """All calls, of the functions f0, f1, ..., in order."""
    found = []
    for k, call in enumerate(calls):
        text = Path(folder, f"f{k}.h").read_text(encoding="utf-8")
        match = re.search(rf"^(\w+) f{k}\(([^)]*)\);", text, re.MULTILINE)
        assert match is not None
        declared = " ".join(match[2].replace("void", "").split())
        arguments = [
            Argument(
                type,
                name,
                _size(size, pointer),
                bool(size or pointer) and not const,
            )
            for const, type, pointer, name, size in _ARGUMENT.findall(declared)
        ]
        for point in call.points:
            found.append(Invocation(f"f{k}", match[1], arguments, [*point, *call.more]))
    return found


def _size(brackets: str, pointer: str) -> int | None:
    """The size that a declaration says."""
    if brackets == "[]":
        return ANY
    return int(brackets[1:-1]) if brackets else 0 if pointer else None


def driver(made: Sequence[Invocation], folder: Path, *, language: str = "c") -> Path:
    """A program that makes all calls and prints each number that they give in a line."""
    includes = dict.fromkeys(f'#include "{call.name}.h"' for call in made)
    body = [line for call in made for line in _call(call)]
    path = folder / f"driver.{language}"
    show = "static void show(double x) { union { double d; unsigned long long u; } v; v.d = x; "
    show += 'printf("%016llx\\n", v.u); }'
    lines = ["#include <stdio.h>", *includes, show, "int main(void) {", *body, "return 0;", "}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _call(made: Invocation) -> list[str]:
    """One call, in a block, with what it writes shown behind."""
    lines, passed, shown = ["{"], [], []
    for a, row in made.rows:
        literal = _integer if a.type == "int64_t" else _literal
        if a.size is None:
            passed.append(literal(row[0]))
            continue
        passed.append(a.name if a.size else "0")
        if not a.size:
            continue
        if a.written:
            lines.append(f"static {a.type} {a.name}[{a.size}];")
            shown.append(f"for (int k = 0; k < {a.size}; k++) show({a.name}[k]);")
        else:
            numbers = ", ".join(map(literal, row))
            lines.append(f"static const {a.type} {a.name}[{a.size}] = {{{numbers}}};")
    call = f"{made.name}({', '.join(passed)})"
    return [*lines, f"{call};" if made.returned == "void" else f"show({call});", *shown, "}"]


def _integer(x: float) -> str:
    """An integer in C; there is no literal of the least one."""
    return f"{int(x)}" if x > -(2**63) else "INT64_MIN"


def _literal(x: float) -> str:
    """A number in C, to the last bit."""
    x = float(x)
    if np.isnan(x):
        return '__builtin_nan("")'
    if np.isinf(x):
        return f"{'-' * (x < 0)}__builtin_inf()"
    return x.hex()


def numbers(text: str, expected: Sequence[Sequence[float]]) -> list[list[float]]:
    """What a driver has printed, as `expected` has it: a list for each call."""
    printed = np.array([int(line, 16) for line in text.split()], dtype=np.uint64)
    found = iter(printed.view(np.float64).tolist())
    rows = [[next(found) for _ in row] for row in expected]
    assert next(found, None) is None
    return rows


def bits(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    """Numbers to be compared to the last bit; nans are all the same."""
    return [[x.hex() for x in row] for row in rows]


def done(command: Sequence[Any], **how: Any) -> str:
    """What a command prints; AssertionError with what it says if it fails."""
    run = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, **how
    )
    assert run.returncode == 0, f"{command[0]}: {run.stderr[-3000:]}"
    assert not run.stderr, run.stderr[-3000:]
    return run.stdout
