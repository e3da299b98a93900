"""TensorCode -> text: what the compiler made of a function of Tensors, for `kernel.explain()`."""

from __future__ import annotations

from math import prod
from pathlib import PurePath

from ...errors import counted
from ..call.callable import available, reason
from ..explain import SHOWN, WIDEST, in_turn, loops_of, section
from ..ir.program import Role
from ..schedule.contractions import contractions
from ..schedule.product import Product
from ..wanted import Wanted
from .code import TensorCode


def explain(code: TensorCode) -> str:
    """What became of the primitives: statements, contractions, products, loops and data."""
    schedule = code.code.schedule
    products = [
        next(step.lines(code.transformed.arrays)).strip().removeprefix("product ")
        for step in schedule.steps
        if isinstance(step, Product)
    ]
    body = code.transformed.statements
    lines = [_headline(code), *_sizes(code)]
    lines += section("contractions", [str(c) for c in contractions(body)])
    lines += section("products of matrices", products)
    lines += section("repeats in time", in_turn(code.transformed))
    lines += section("loops", loops_of(schedule, code.target.dtype.name))
    constants = code.transformed.with_role(Role.CONSTANT)
    if constants:
        n = sum(a.size for a in constants)
        lines.append(f"data: {counted(n, 'constant')} in {counted(len(constants), 'array')}")
    lines.append(f"code: {schedule.reasons[0]}")
    lines += section("where it comes from", _origins(code))
    if not available():
        lines.append(f"calls: through ctypes, since {reason()}")
    return "\n".join(lines)


def _headline(code: TensorCode) -> str:
    rows = [r for r in code.rows if r.primitive is not None]
    forward = len(code.program.statements)
    text = f"{counted(len(rows), 'primitive')} became {counted(forward, 'statement')}"
    if code.asked.wanted is Wanted.VALUE:
        return f"{text}."
    n = sum(prod(map(_size, code.rows[k].shape)) for k in code.asked.wrt)
    words = code.asked.wanted.value.words
    total = len(code.transformed.statements)
    return f"{text} forward, {total:,} {words} of {counted(n, 'number')}."


def _size(n: object) -> int:
    """The size of an axis; a batch counts once."""
    return n if isinstance(n, int) else 1


def _sizes(code: TensorCode) -> list[str]:
    if code.most is None:
        return []
    return [f"samples: any number, up to {code.most:,} in a call"]


def _origins(code: TensorCode) -> list[str]:
    """The forward statements with the lines of the user's code that they stand for."""
    noted: list[tuple[str, str]] = []
    for s in code.program.statements:
        places = {code.rows[int(k)].where for k in s.origin} - {""}
        if places:
            text = str(s)
            short = text if len(text) <= WIDEST else text[: WIDEST - 4] + " ..."
            noted.append((short, ", ".join(PurePath(p).name for p in sorted(places))))
    width = max((len(text) for text, _ in noted[:SHOWN]), default=0)
    return [f"{text:{width}}  # {place}" for text, place in noted]
