"""Random sums over rows of arrays that several statements write piece by piece; the interpreter
says what is right.

Pieces of any shape and step, of what an iteration has computed before, perhaps in other loops; sums
forwards and backwards, of all of an array or of some columns, that begin with a number or were
added to before; arrays that are read again.

    python -m tests.row_pieces SECONDS [FIRST_SEED]
"""

from __future__ import annotations

import sys
import time
from random import Random

import numpy as np

from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.pieces import by_pieces

from .whole_programs import Compiled, arguments

ROWS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65)
SHAPES = ((), (2,), (3,), (8,), (2, 3), (4, 8), (5, 5))
FORMS = [(bits, width, strict) for bits in (64, 32) for width in (128, 256, 512)
         for strict in (False, True)]  # fmt: skip
INDICES = "ijk"


def draw(seed: int) -> Program:
    """The program of a seed."""
    r = Random(seed)
    rows = r.choice(ROWS)
    shapes = [r.choice(SHAPES) for _ in range(r.randrange(1, 5))]
    columns = sum(int(np.prod(shape)) for shape in shapes)
    whole = columns + r.choice((0, 0, 0, 2))
    declared = [f"input x[{rows * 4}]", "input c[40]", f"temp each[{rows * whole}]"]
    body: list[str] = []
    read = []
    for k, shape in enumerate(shapes):  # what iterations have for themselves
        size = int(np.prod(shape))
        declared.append(f"temp t{k}[{rows * size}]")
        body.append(f"t{k}[{_at(rows, shape)}] = {_expression(r, shape)}  {_loops(rows, shape)}")
        flat, index = (size,), f"{size}*i + j"
        if r.random() < 0.4 and len(shape) == 2:
            declared.append(f"temp s{k}[{rows * shape[0]}]")
            body.append(f"s{k}[i] = 0.0  for i < {rows * shape[0]}")
            body.append(f"s{k}[{shape[0]}*i + j] += mul(t{k}[{_at(rows, shape)}], "
                        f"t{k}[{_at(rows, shape)}])  {_loops(rows, shape)}")  # fmt: skip
            read.append((f"s{k}[{shape[0]}*i + j]", shape))
        elif r.random() < 0.5:
            declared.append(f"temp s{k}[{rows * size}]")
            body.append(f"s{k}[{index}] = mul(2.0, t{k}[{index}])  {_loops(rows, flat)}")
            read.append((f"s{k}[{_at(rows, shape)}]", shape))
        else:
            read.append((f"t{k}[{_at(rows, shape)}]", shape))
    offset = 0
    for number, shape in read:
        size = int(np.prod(shape))
        value = r.choice([number, f"neg(mul({number}, 2.0))", f"mul(mul(c, -2.0), {number})",
                          "c[1]", "x[4*i]", "neg(mul(x[4*i + 1], -4.0))"])  # fmt: skip
        place = f"{whole}*i + {offset}{_inner(shape)}"
        body.append(f"each[{place}] = {value}  {_loops(rows, shape)}")
        offset += size
    if whole > columns:
        body.append(f"each[{whole}*i + {columns} + j] = 1.0  for i < {rows}, j < {whole - columns}")
    taken = r.choice([whole, whole, whole, columns])
    declared.append(f"output out[{taken}]")
    body.append(f"out[i] = {r.choice(['0.0', '-0.0', '3.0', 'c[i]'])}  for i < {taken}")
    if taken > 40:
        body[-1] = f"out[i] = 0.0  for i < {taken}"
    if r.random() < 0.2:
        body.append(f"out[i] += 2.0  for i < {taken}")
    place = r.choice(["j", "j", f"-1*j + {taken - 1}"])
    body.append(f"out[{place}] += each[{whole}*i + j]  for i < {rows}, j < {taken}")
    if r.random() < 0.15:
        declared.append("output last[1]")
        body.append(f"last = each[{rows * whole - 1}]")
    return verify(parse("\n".join([*declared, "", *body])), "its drawing")


def _loops(rows: int, shape: tuple[int, ...]) -> str:
    counts = zip(INDICES, (rows, *shape), strict=False)
    return "for " + ", ".join(f"{name} < {count}" for name, count in counts)


def _inner(shape: tuple[int, ...]) -> str:
    steps = [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]
    return "".join(f" + {step}*{name}" for step, name in zip(steps, "jk", strict=False))


def _at(rows: int, shape: tuple[int, ...]) -> str:
    return f"{int(np.prod(shape))}*i{_inner(shape)}"


def _expression(r: Random, shape: tuple[int, ...]) -> str:
    x = r.choice(["x[4*i]", "x[4*i + 3]"])
    if len(shape) == 1:
        x = r.choice([x, f"x[{4 * r.randrange(2)}*i + j]" if shape[0] <= 4 else x])
    c = f"c[{r.randrange(5)}{_inner(shape)}]"
    if shape and r.random() < 0.2:
        return x  # the same for all of a piece
    return r.choice([f"sub({x}, {c})", f"mul({x}, {c})", f"maximum({x}, {c})", c])


def check(seed: int, form: int | None = None) -> bool:
    """Compare pass and code with the interpreter; whether the pass found something."""
    program = draw(seed)
    given = arguments(program, seed)
    after = by_pieces(program)
    expected = interpret(program, given)
    found = interpret(verify(after, "pieces", stage="rerolled"), given)
    for name, numbers in expected.items():
        assert np.array_equal(found[name], numbers), f"{name}\n{program}\n\n{after}"
        assert np.array_equal(np.signbit(found[name]), np.signbit(numbers)), f"{program}\n{after}"
    bits, width, strict = FORMS[seed % len(FORMS) if form is None else form]
    level = 2 if seed % 5 == 0 else 0
    for each in (program, after):
        code = Compiled(each, bits, width, exact=strict, level=level)
        for name, numbers in code.run(given).items():
            assert np.array_equal(numbers, expected[name]), f"{name}\n{each}\n{code.schedule}"
    return after is not program


def main(seconds: float, seed: int) -> None:
    """Check one program after the other; print how many, and what was found."""
    end, first, found = time.monotonic() + seconds, seed, 0
    while time.monotonic() < end:
        found += check(seed)
        seed += 1
    print(f"{seed - first} programs, {found} with pieces")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
