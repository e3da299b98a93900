"""Products of matrices with what surrounds them, compiled beside their interpreter.

    python -m tests.jit.emit.test_products SECONDS [FIRST_SEED [blocks]]

draws programs of whole numbers, whose sums are exact in every order; `blocks`: products are cut
into many.
"""

from __future__ import annotations

import sys
import time
from random import Random
from typing import Any

import numpy as np
import pytest

from micrograd.jit.emit import product_sweep
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.program import Program, dump
from micrograd.jit.ir.verify import verify
from micrograd.jit.schedule import lanes, product, products, tiles

from ...nested_programs import random_inputs
from .nested import FORMS, Form, Nested

SIZES = (1, 2, 3, 5, 6, 7, 12, 13, 16, 17, 33, 65)
"""Around the sizes of tiles and vectors."""


@pytest.fixture(autouse=True)
def all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of every size, not of those only that pay."""
    take_all(monkeypatch.setattr)


def take_all(setattr: Any) -> None:
    """Let every product be one."""
    setattr(products, "LEAST_PRODUCTS", 0)
    setattr(products, "NARROW", 0)
    setattr(products, "LEAST_WITH_VECTOR", 0)
    setattr(products, "LEAST_SUMMED", 0)
    setattr(product, "SHARED_PRODUCTS", 0)
    setattr(lanes, "SHARED_WORK", 0)


class Maker:
    """Draws the text of a program around one product, c, of a and b."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self.sizes = {letter: random.choice(SIZES) for letter in "rcd"}
        self.declared: dict[str, str] = {}
        self.lines: list[str] = []
        self.layouts: dict[str, str] = {}
        self.extent = random.choice([None, None, None, "r", "d"])
        self.turned = random.random() < 0.3
        self.results = 0
        self.swept = random.random() < 0.35
        if self.swept:
            self.sizes["r"] = 1
            if random.random() < 0.7:  # several rows of the matrix at a time
                self.sizes["c"], self.extent = random.choice((16, 17, 33, 65)), None

    def make(self) -> Program:
        """The program."""
        r = self.r
        if self.extent:
            self.declared["n"] = f"extent n <= {self.sizes[self.extent]}"
        left = self.array("input a", "rd")
        right = self.array("state b", "cd") if self.swept else self.array("input b", "dc")
        role = "state" if r.random() < 0.25 else "temp"
        target = self.array(f"{role} c", "cr" if self.turned else "rc", turns=False)
        self.target = target
        whole = self.extent != "r"
        if role == "temp":
            starts = ["-0.0", "0.0", "1.5"] + ["bias", "at all"] * 2
            match r.choice(starts):
                case "bias":
                    self.array("input bias", "c", turns=False)
                    self.statement(target, "bias[{c}]", "rc")
                case "at all":
                    other = self.array("input begin", "rc")
                    self.statement(target, other, "rc")
                case number if whole and r.random() < 0.5:
                    size = self.sizes["r"] * self.sizes["c"]
                    self.lines.append(f"c[i] = {number}  for i < {size}")
                case number:
                    self.statement(target, number, "rc")
        self.between(0.2)
        if role == "temp" and not self.extent and r.random() < 0.1:
            self.lines = [x for x in self.lines if not x.startswith("c[")]  # nothing is summed
            left, right = self.array("input u", "r"), self.array("input v", "c")
            self.swept = False
            self.statement(target, f"mul({left}, {right})", "rc")
        else:
            self.statement(target, f"mul({left}, {right})", "rcd", sign="+=")
        if r.random() < 0.15:
            self.statement(target, f"mul({right}, {left})", "rcd", sign="+=")
        for _ in range(r.choice((0, 0, 0, 1, 2, 3, 4))):
            self.between(0.25)
            self.after()
        if not self.results:
            r.choice((self.after, self.ending, self.ending))()
        text = "\n".join([*self.declared.values(), "", *self.lines])
        return verify(parse(text))

    def array(self, name: str, letters: str, *, turns: bool = True) -> str:
        """Declare an array over these loops; how its elements are written."""
        letters = self.layouts.get(name, letters)
        if turns and name not in self.layouts and self.r.random() < 0.4:
            letters = letters[::-1]
        self.layouts[name] = letters
        shape = ", ".join(str(self.sizes[x]) for x in letters)
        short = name.split()[1]
        self.declared.setdefault(short, f"{name}[{shape}]")
        return f"{short}[{', '.join('{' + x + '}' for x in letters)}]"

    def statement(self, target: str, expr: str, letters: str, sign: str = "=") -> None:
        """A statement over these loops, in any order if it sums exactly."""
        order = self.r.sample(letters, len(letters))
        names = dict(zip(order, "ijk", strict=False))
        counts = {x: str(self.sizes[x]) for x in order}
        if self.extent in counts:
            counts[self.extent] = "n"
        loops = ", ".join(f"{names[x]} < {counts[x]}" for x in order)
        self.lines.append(f"{target} {sign} {expr}  for {loops}".format(**names))

    def result(self, role: str, letters: str = "rc") -> str:
        """A new array."""
        self.results += 1
        return self.array(f"{role} y{self.results}", letters)

    def between(self, likely: float) -> None:
        """Perhaps a loop that has to do with nothing, or that reads the state that is updated."""
        if self.r.random() >= likely:
            return
        self.array("state w", "rc", turns=False)
        if self.r.random() < 0.5:
            name = self.result("output", "r").format(r="{r}")
            self.statement(name, "0.0", "r")
            self.statement(name, "w[{r}, {c}]", "rc", sign="+=")
        else:
            self.statement(self.result("output"), "add(w[{r}, {c}], 1.0)", "rc")

    def after(self) -> None:
        """Something that reads the result."""
        r, c = self.r, self.target
        if self.swept and r.random() < 0.8:
            self.in_passing()
            return
        match r.randrange(9):
            case 0:
                bias = self.array("input bias", "c", turns=False)
                self.statement(self.result("output"), f"maximum(add({c}, {bias}), 0.0)", "rc")
            case 1:
                self.array("state w", "rc", turns=False)
                self.results += 1
                self.statement("w[{r}, {c}]", f"sub(w[{{r}}, {{c}}], mul(0.5, {c}))", "rc")
            case 2 if self.extent != "r":
                size = self.sizes["r"] * self.sizes["c"]
                self.results += 1
                self.declared[f"y{self.results}"] = f"output y{self.results}[{size + 3}]"
                self.lines.append(f"y{self.results}[i] = 7.0  for i < 3")
                self.lines.append(f"y{self.results}[i + 3] = c[i]  for i < {size}")
            case 3:
                mine, gate = self.result("temp"), self.array("input gate", "rc")
                expr = f"where(gt({gate}, 0.0), {c}, 0.0)"
                self.statement(mine, expr, "rc")
                total = self.result("output", "c")
                self.statement(total, "-0.0", "c")
                self.statement(total, r.choice([expr, mine]), "rc", sign="+=")
                self.statement(self.result("output"), f"mul({mine}, {c})", "rc")
            case 4:
                again = self.array("input e", "cd")
                out = self.result("output", "rd")
                self.statement(out, "-0.0", "rd")
                self.statement(out, f"mul({c}, {again})", "rcd", sign="+=")
            case 5:
                self.array("state w", "rc", turns=False)
                out = self.result("output", "dc")
                self.statement(out, "0.5", "dc")
                self.statement(
                    out, f"mul(w[{{r}}, {{c}}], {self.array('input a', 'rd')})", "rcd", "+="
                )
            case 6:
                self.array("state w", "rc", turns=False)
                self.results += 1
                self.statement("w[{r}, {c}]", c, "rc", sign="+=")
            case 7 if self.extent != "r" and self.sizes["r"] > 1:
                out, last = self.result("output", "c"), self.sizes["r"] - 1
                other = c.replace("{r}", f"-1*{{r}} + {last}")
                self.statement(out, "0.0", "c")
                self.statement(out, other, "rc", sign="+=")
            case _:
                self.statement(self.result("output"), f"relu({c})" if r.random() < 0.5 else c, "rc")

    def ending(self) -> None:
        """What can be done while sums are in registers, if the result lies in rows."""
        c, r = self.target, self.r
        if r.random() < 0.4:
            expr = f"where(lt({c}, 0.0), 0.0, {c})"
        else:
            zero = r.choice(["0.0", "0.0", "-0.0"])
            expr = f"where(gt({self.array('input gate', 'rc')}, 0.0), {c}, {zero})"
        self.statement(self.result("output"), expr, "rc")

    def in_passing(self) -> None:
        """Something that is done with the matrix, perhaps with state of its own."""
        r = self.r
        right, left = self.array("state b", "cd"), self.array("input a", "rd").replace("{r}", "0")
        scale = self.array("input x", "c", turns=False)
        term = r.choice([f"mul({left}, {scale})", f"mul({scale}, {left})", left, right])
        self.results += 1
        match r.randrange(5):
            case 0:
                self.statement(right, f"sub({right}, mul(0.5, {term}))", "cd")
            case 1:
                self.statement(right, term, "cd", sign="+=")
            case 2:
                kept = self.array("state m", "cd")
                self.statement(kept, f"add(mul(0.5, {kept}), {term})", "cd")
                self.statement(right, f"sub({right}, {kept})", "cd")
            case 3:
                self.statement(
                    self.array(f"temp z{self.results}", "cd"), f"add({right}, 1.0)", "cd"
                )
                made = self.array(f"temp z{self.results}", "cd")
                self.statement(right, f"mul({made}, 2.0)", "cd")
            case _:
                self.statement(self.result("output", "cd"), f"mul({right}, {scale})", "cd")


FOUND = ("  product ", "finished in registers", "in passing: ", "streamed, row after row")


def check(seed: int, form: Form | None = None, *, vector: bool = False) -> tuple[int, ...]:
    """Compile the program of a seed in one form, for some threads, and compare; how often its
    schedule says what is in FOUND.

    vector   whether the result has one row
    """
    maker = Maker(Random(seed))
    if vector:
        maker.sizes["r"], maker.extent, maker.swept, maker.turned = 1, None, False, False
    try:
        program = maker.make()
    except Exception as failed:
        text = "\n".join([*maker.declared.values(), *maker.lines])
        raise AssertionError(f"{failed}\n{text}") from failed
    threads = seed // len(FORMS) % 5
    level = seed % 3 % 2 * 2
    compiled = Nested(program, form or FORMS[seed % len(FORMS)], level=level, threads=threads)
    given = random_inputs(program, Random(seed), whole=True)
    found, expected = compiled.run(given), interpret(program, given)
    for name, numbers in expected.items():
        wrong = (found[name] != numbers) & ~np.isnan(numbers)  # nan: beyond a run-time extent
        assert not wrong.any(), f"{name} differs\n{dump(program)}\n\n{compiled.schedule}"
    printed = str(compiled.schedule)
    return tuple(map(printed.count, FOUND))


@pytest.mark.parametrize("seed", [*range(36), 128, 168, 196, 280, 376, 394])
def test_random_products_are_what_the_interpreter_says(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", [12, 24, 32, 128, 168, 196, 376, 394])
def test_matrices_may_go_by_row_after_row(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_sweep, "FAR", 0)
    check(seed)


BLOCKS = {"CACHE": -1, "FAR": 0, "DEPTH": 8, "TILES": 2, "MORE_TILES": 3, "WIDE": 2}
"""So that products are cut into many blocks."""


@pytest.mark.parametrize("seed", [152, 218, 248, 304, 476, 718, 998, 1072, 1140, 1404])
def test_blocks_of_products_are_finished_when_they_are_complete(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, n in (*BLOCKS.items(), ("STREAMED", ((5, 2), (64, 3)))):
        monkeypatch.setattr(tiles, name, n)
    check(seed)


@pytest.mark.parametrize("seed", [0, 10, 32, 50, 52, 76, 80, 106, 114, 166])
def test_a_vector_times_a_large_matrix_is_one_stream(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "CACHE", -1)
    monkeypatch.setattr(tiles, "FAR", 1 << 40)
    assert check(seed, vector=True)[-1]


def main(seconds: float, seed: int, many: bool) -> None:
    """Check one program after the other; print how many, and what was found.

    many   whether products are cut into many blocks
    """
    take_all(setattr)
    for name, n in BLOCKS.items() if many else ():
        setattr(tiles, name, n)
    end, first, wrong, found = time.monotonic() + seconds, seed, 0, np.zeros(len(FOUND), int)
    while time.monotonic() < end:
        try:
            found += check(seed)
        except Exception as failed:
            wrong += 1
            print(f"seed {seed}: {type(failed).__name__}: {failed}"[:2500], flush=True)
            if wrong > 3:
                break
        seed += 1
    print(
        f"{seed - first} programs, {found[0]} products, {found[1]} finished in registers, "
        f"{found[2]} statements in passing, {wrong} wrong"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, len(sys.argv) > 3)
