"""Random programs: compiled against evaluated in Python, and against the reference translation."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from harness import Signature, call, parse, values
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import reference_ir

import lowering
from lowering.arithmetic import FLOAT_PREDICATES, INTEGER_PREDICATES

MASK = (1 << 32) - 1


def signed(x: int) -> int:
    x &= MASK
    return x - (1 << 32) if x >> 31 else x


INTEGER: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "intr.smax": max,
    "intr.smin": min,
    "intr.umax": lambda a, b: max(a & MASK, b & MASK),
    "intr.umin": lambda a, b: min(a & MASK, b & MASK),
    "intr.sadd.sat": lambda a, b: max(-(1 << 31), min((1 << 31) - 1, a + b)),
    "intr.usub.sat": lambda a, b: max(0, (a & MASK) - (b & MASK)),
}

FLOAT: dict[str, Callable[[float, float], float]] = {
    "fadd": lambda a, b: a + b,
    "fsub": lambda a, b: a - b,
    "fmul": lambda a, b: a * b,
    "intr.copysign": math.copysign,
}

STEPS = st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 30), st.integers(0, 1 << 30))


def program(type_: str, table: dict[str, Any], steps: list[tuple[int, int, int]]) -> str:
    """A straight-line function of three arguments; each step takes any two earlier values."""
    names = sorted(table)
    lines = [f"llvm.func @f(%v0: {type_}, %v1: {type_}, %v2: {type_}) -> {type_} {{"]
    for index, (op, left, right) in enumerate(steps, 3):
        name = names[op % len(names)]
        a, b = f"%v{left % index}", f"%v{right % index}"
        if name.startswith("intr"):
            form = f"llvm.{name}({a}, {b}) : ({type_}, {type_}) -> {type_}"
        else:
            form = f"llvm.{name} {a}, {b} : {type_}"
        lines.append(f"  %v{index} = {form}")
    return "\n".join([*lines, f"  llvm.return %v{len(steps) + 2} : {type_}", "}"])


def evaluate(table: dict[str, Any], steps: list[tuple[int, int, int]], inputs: list[Any]) -> Any:
    names = sorted(table)
    found = list(inputs)
    for op, left, right in steps:
        a, b = found[left % len(found)], found[right % len(found)]
        result = table[names[op % len(names)]](a, b)
        found.append(signed(result) if isinstance(result, int) else result)
    return found[-1]


SLOW = settings(max_examples=30, deadline=None, derandomize=True, database=None)
WORDS = st.integers(-(1 << 31), (1 << 31) - 1)


@SLOW
@given(st.lists(STEPS, min_size=1, max_size=40), st.lists(WORDS, min_size=3, max_size=3))
@pytest.mark.parametrize("opt_level", [0, 3])
def test_integers(opt_level: int, steps: list[tuple[int, int, int]], inputs: list[int]) -> None:
    native = lowering.compile(parse(program("i32", INTEGER, steps)), opt_level=opt_level)
    signature = Signature("i32", ("i32",) * 3)
    outcome = values(signature, call(native, "f", signature, *inputs))[0]
    assert outcome == evaluate(INTEGER, steps, inputs)


@SLOW
@given(st.lists(STEPS, min_size=1, max_size=40), st.lists(st.floats(), min_size=3, max_size=3))
@pytest.mark.parametrize("opt_level", [0, 3])
def test_floats(opt_level: int, steps: list[tuple[int, int, int]], inputs: list[float]) -> None:
    native = lowering.compile(parse(program("f64", FLOAT, steps)), opt_level=opt_level)
    signature = Signature("f64", ("f64",) * 3)
    (data,) = call(native, "f", signature, *inputs)
    expected = evaluate(FLOAT, steps, inputs)
    # The sign of a nan is nobody's promise, and copysign can make it visible; compare what is.
    if not any(math.isnan(each) for each in (*inputs, *intermediate(steps, inputs))):
        assert data == struct.pack("<d", expected)


def intermediate(steps: list[tuple[int, int, int]], inputs: list[float]) -> list[float]:
    return [evaluate(FLOAT, steps[:count], inputs) for count in range(1, len(steps) + 1)]


def test_random_programs_as_the_reference_has_them() -> None:
    random_ = random.Random(7)
    parts, names = [], []
    for index in range(20):
        steps = [tuple(random_.randrange(1 << 30) for _ in range(3)) for _ in range(60)]
        type_, table = (("i32", INTEGER), ("f64", FLOAT))[index % 2]
        text = program(type_, table, steps)  # type: ignore[arg-type]
        parts.append(text.replace("@f", f"@f{index}"))
        names.append((f"f{index}", Signature(type_, (type_,) * 3)))
    text = "\n".join(parts)
    ours = lowering.compile(parse(text), opt_level=0)
    theirs = lowering.compile_ir(reference_ir(text), opt_level=0)
    for name, signature in names:
        for _ in range(10):
            if signature.result == "i32":
                inputs: list[Any] = [random_.randrange(-(1 << 31), 1 << 31) for _ in range(3)]
            else:
                inputs = [
                    random_.choice([0.0, -0.0, 1e308, 5e-324, math.inf, 0.1]) for _ in range(3)
                ]
            outcomes = [call(native, name, signature, *inputs) for native in (ours, theirs)]
            assert outcomes[0] == outcomes[1]


def test_every_predicate() -> None:
    text = ""
    for name in FLOAT_PREDICATES:
        spelled = {"false": "_false", "true": "_true"}.get(name, name)
        text += f"llvm.func @f_{name}(%a: f64, %b: f64) -> i1 {{\n"
        text += f'%0 = llvm.fcmp "{spelled}" %a, %b : f64\nllvm.return %0 : i1 }}\n'
    for name in INTEGER_PREDICATES:
        text += f"llvm.func @i_{name}(%a: i32, %b: i32) -> i1 {{\n"
        text += f'%0 = llvm.icmp "{name}" %a, %b : i32\nllvm.return %0 : i1 }}\n'
    native = lowering.compile(parse(text))
    for name in FLOAT_PREDICATES:
        for a in (1.0, 2.0, math.nan, math.inf):
            for b in (1.0, 2.0, math.nan, -math.inf):
                signature = Signature("i1", ("f64", "f64"))
                outcome = call(native, f"f_{name}", signature, a, b)[0][0]
                assert bool(outcome) == compare(name, a, b), (name, a, b)
    for name in INTEGER_PREDICATES:
        for a in (0, 1, -1):
            for b in (0, 1, -2):
                signature = Signature("i1", ("i32", "i32"))
                left, right = (a & MASK, b & MASK) if name[0] == "u" else (a, b)
                outcome = call(native, f"i_{name}", signature, a, b)[0][0]
                assert bool(outcome) == compare("o" + name[-2:], left, right), (name, a, b)


def compare(name: str, a: float, b: float) -> bool:
    """What a predicate of LLVM says. Source: LangRef, "fcmp Instruction"."""
    unordered = math.isnan(a) or math.isnan(b)
    if name in ("true", "false"):
        return name == "true"
    if name in ("ord", "uno"):
        return unordered == (name == "uno")
    ordered = {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}
    return name[0] == "u" if unordered else ordered[name[1:]]
