"""Programs in C that call exported functions, with the numbers that tests choose, and what these
gave, to the last bit.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_ARGUMENT = re.compile(r"(const )?(\w+) (\w+)(?:\[(\d+)\])?")


@dataclass
class Call:
    """A kernel that is exported, and the arguments that it is called with.

    more   arguments behind those of Python: parameters that are passed
    """

    kernel: Any
    points: Sequence[tuple[Any, ...]]
    more: Sequence[Any] = ()
    how: dict[str, Any] = field(default_factory=dict)

    def expected(self) -> list[list[float]]:
        """What the kernel gives in this process."""
        return [flat(self.kernel(*point)) for point in self.points]


def flat(x: Any) -> list[float]:
    """The numbers of an argument or a result, in order."""
    if isinstance(x, dict):
        return [n for item in x.values() for n in flat(item)]
    if isinstance(x, (list, tuple)):
        return [n for item in x for n in flat(item)]
    return np.asarray(x, dtype=np.float64).reshape(-1).tolist()  # type: ignore[no-any-return]


def exported(calls: Iterable[Call], folder: Path, **how: Any) -> list[Path]:
    """Export them as f0, f1, ...; their static libraries."""
    found = []
    for k, call in enumerate(calls):
        files = call.kernel.export(folder, name=f"f{k}", **how, **call.how)
        found.append(next(file for file in files if file.suffix == ".a"))
    return found


def driver(calls: Sequence[Call], folder: Path, *, language: str = "c") -> Path:
    """A program that calls all of them and prints each number that they give in a line."""
    includes, body = [], []
    for k, call in enumerate(calls):
        includes.append(f'#include "f{k}.h"')
        text = Path(folder, f"f{k}.h").read_text(encoding="utf-8")
        kind, arguments = re.search(rf"^(\w+) f{k}\(([^)]*)\);", text, re.MULTILINE).groups()  # type: ignore[union-attr]
        declared = [] if arguments == "void" else _ARGUMENT.findall(arguments)
        for point in call.points:
            body += _call(f"f{k}", kind, declared, [*point, *call.more])
    path = folder / f"driver.{language}"
    show = "static void show(double x) { union { double d; unsigned long long u; } v; v.d = x; "
    show += 'printf("%016llx\\n", v.u); }'
    lines = ["#include <stdio.h>", *includes, show, "int main(void) {", *body, "return 0;", "}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _call(name: str, kind: str, declared: Sequence[Any], given: Sequence[Any]) -> list[str]:
    """One call, in a block, with what it writes shown behind."""
    lines, passed, shown = ["{"], [], []
    numbers = iter(given)
    for const, type, argument, size in declared:
        if not size:
            passed.append(_literal(next(numbers), type))
            continue
        passed.append(argument)
        if const:
            row = ", ".join(_literal(x, type) for x in flat(next(numbers)))
            lines.append(f"static const {type} {argument}[{size}] = {{{row}}};")
        else:
            lines.append(f"static {type} {argument}[{size}];")
            shown.append(f"for (int k = 0; k < {size}; k++) show({argument}[k]);")
    assert next(numbers, None) is None
    call = f"{name}({', '.join(passed)})"
    return [*lines, f"{call};" if kind == "void" else f"show({call});", *shown, "}"]


def _literal(x: Any, type: str) -> str:
    """A number in C, of its type to the last bit."""
    x = float(x)
    if np.isnan(x):
        return '__builtin_nan("")'
    if np.isinf(x):
        return f"{'-' * (x < 0)}__builtin_inf()"
    return x.hex()


def numbers(text: str, expected: Sequence[Sequence[float]]) -> list[list[float]]:
    """What a driver has printed, as `expected` has it: a list for each call."""
    bits = np.array([int(line, 16) for line in text.split()], dtype=np.uint64)
    found = iter(bits.view(np.float64).tolist())
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
