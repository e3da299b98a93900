"""What `kernel.explain()` says, by facts; and that values keep their labels and lines."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from examples import moons
from micrograd import Value, exp, jit, ops, tanh, while_loop
from micrograd.jit import Kernel
from micrograd.jit.ir.program import Access, Statement
from micrograd.jit.schedule.contractions import contractions
from micrograd.nn import MLP
from micrograd.traced import Traced

HERE = "test_explain.py"


def section(text: str, title: str) -> list[str]:
    """The entries of a section: on the line of its title, or indented below."""
    lines = text.splitlines()
    starts = [k for k, line in enumerate(lines) if line.startswith(f"{title}:")]
    if not starts:
        return []
    (start,) = starts
    first = lines[start].removeprefix(f"{title}:").strip()
    found = [first] if first else []
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        found.append(line.strip())
    return found


def line_of(function: Callable[..., Any], text: str) -> str:
    """The `file:line` of the only line of a function with this text."""
    source, first = inspect.getsourcelines(function)
    (offset,) = [k for k, line in enumerate(source) if text in line]
    return f"{HERE}:{first + offset}"


def matmul(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    def element(i: int, j: int) -> Any:
        return sum(a[4 * i + k] * b[5 * k + j] for k in range(4))

    return [element(i, j) for i in range(6) for j in range(5)]


def squares(w: Any, b: Any) -> Any:
    total = 0.0
    for x in range(50):
        residual = w * x + b
        residual.label = "residual"
        total = total + residual**2
    return total


# --- moons ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moons_kernel() -> Kernel:
    pytest.importorskip("sklearn")
    X, y = moons.make_data()
    model = moons.make_model()
    loss, _ = moons.total_loss(model, X, y)
    kernel: Kernel = jit(loss, wrt=model.parameters())
    return kernel


def test_moons_value(moons_kernel: Kernel) -> None:
    text = moons_kernel.explain()
    program = moons_kernel._shown.program
    first = text.splitlines()[0]
    assert first.startswith(f"65,818 values became {len(program.statements)} statements; ")
    assert "337 parameters" in first
    product = r"t\d+\[100, 16\] \+= t\d+ \. p0 over 16  matrix product, 25,600 products, .*"
    assert any(re.fullmatch(product, line) for line in section(text, "contractions"))
    assert any("sum of squares, 337 products" in line for line in section(text, "contractions"))
    assert section(text, "data")[0].startswith("300 constants in 2 arrays")
    assert section(text, "did not reroll") == ["nothing"]


def test_moons_gradient(moons_kernel: Kernel) -> None:
    kernel = moons_kernel.value_and_grad
    text = kernel.explain()
    shown = kernel._shown
    total = len(shown.transformed.statements)
    forward = len(shown.program.statements)
    assert text.splitlines()[0] == (
        f"65,818 values became {forward} statements forward, "
        f"{total} with the gradient of 337 parameters."
    )
    found = section(text, "contractions")
    assert any(c.startswith("grad[16, 16] += ") and "outer-product sum" in c for c in found)
    assert any("over 16  matrix-vector product" in c for c in found)
    loops = section(text, "loops")
    assert loops[0].startswith("100 iterations of ")
    assert "lanes of float32" in loops[0]
    assert len(text.splitlines()) < 40


def test_moons_gradient_alone(moons_kernel: Kernel) -> None:
    assert "for the gradient alone of 337 parameters" in moons_kernel.grad.explain()


# --- functions ------------------------------------------------------------------------------


def test_matrix_product_of_lists() -> None:
    kernel = jit(matmul)
    kernel([1.0] * 24, [1.0] * 20)
    text = kernel.explain()
    (found,) = section(text, "contractions")
    assert "[6, 5] += a . b over 4  matrix product, 120 products, none stored" in found
    assert section(text, "did not reroll") == ["nothing"]
    assert text.splitlines()[0].endswith("statements.")  # of several outputs there is no gradient


def test_explain_is_of_the_latest_call() -> None:
    kernel = jit(lambda x: sum(v * v for v in x))
    kernel([1.0] * 100)
    assert "100 products" in kernel.explain()
    kernel([1.0] * 300)
    assert "300 products" in kernel.explain()


def test_strict() -> None:
    kernel = jit(squares, strict=True, dtype="f64")
    assert section(kernel.explain(), "did not reroll") == ["nothing"]
    assert max(len(s.domain) for s in kernel._shown.program.statements) > 0


def test_strict_without_loops_in_order() -> None:
    def f(x: Any) -> Any:
        r, seen = random.Random(1), [x, x + 1.0]
        for _ in range(100):
            a, b = r.choice(seen), r.choice(seen)
            seen.append(r.choice([a * b, a + tanh(b), a - b, exp(-a * a)]))
        return sum(seen)

    (why,) = section(jit(f, strict=True, dtype="f64").explain(), "did not reroll")
    assert "there are no loops that keep the order of every sum, also in derivatives" in why


def test_small() -> None:
    text = jit(lambda x, y: x * y + 1.0).explain()
    assert text.startswith("5 values became 3 statements; value_and_grad adds the gradient of 2 ")
    (why,) = section(text, "did not reroll")
    assert "the graph is small (5 nodes" in why
    assert section(text, "data") == ["1 constant, folded into the statements"]
    assert not section(text, "loops")


def irregular(operations: int) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        rng = random.Random(1)
        values = [x, exp(x)]
        for _ in range(operations):
            a, b = rng.choice(values), rng.choice(values)
            values.append(rng.choice([lambda a, b: a * b, lambda a, b: a - b])(a, b))
        return sum(values)

    return function


def test_what_repeats_nothing() -> None:
    (why,) = section(jit(irregular(300)).explain(), "did not reroll")
    assert why.startswith("straight line, ")
    assert why.endswith("no pattern is shared by enough nodes")


def euler(x: Any, k: Any) -> Any:
    for _ in range(500):
        speed = k * tanh(x)
        x = x + 0.01 * speed
    return x


def test_a_limit_of_a_loop_that_asks_is_called_one() -> None:
    kernel = jit(lambda x: while_loop(lambda y: y > 1.0, lambda y: y * 0.5, x, limit=70))
    kernel(8.0)
    (steps,) = section(kernel.explain(), "repeats in time")
    assert steps.startswith("at most 70 steps of ")


def test_steps_in_time() -> None:
    text = jit(euler).explain()
    (steps,) = section(text, "repeats in time")
    assert steps.startswith("500 steps of 1 statement, which run in turn")
    assert "in turn" in section(text, "loops")[0]
    assert section(text, "did not reroll") == ["nothing"]
    (found,) = section(text, "where it comes from")
    assert line_of(euler, "k * tanh(x)") in found
    assert found.endswith(line_of(euler, "0.01 * speed"))


def test_batches() -> None:
    text = jit(irregular(6000)).explain()
    (why,) = section(text, "did not reroll")
    assert "so they are batched" in why
    assert any(" index tables with " in line for line in section(text, "data"))
    assert len(text.splitlines()) < 40


def test_index_tables_are_told() -> None:
    order = list(range(40))
    random.Random(2).shuffle(order)

    def gather(x: Sequence[Any]) -> list[Any]:
        return [tanh(x[k]) for k in order]

    kernel = jit(gather)
    kernel([0.5] * 40)
    text = kernel.explain()
    assert any("1 index table with 40 entries" in line for line in section(text, "data"))
    (why,) = section(text, "did not reroll")
    assert "reads x: it is not affine" in why


def test_model_and_several_outputs() -> None:
    random.seed(3)
    text = jit(MLP(8, [16, 4])).explain()
    found = section(text, "contractions")
    assert ["[16] += p0 . x over 8  matrix-vector product, 128 products" in c for c in found]
    assert not section(text, "where it comes from")  # no line of it is the user's


# --- contractions ---------------------------------------------------------------------------


def statement(target: tuple[int, ...], domain: tuple[int, ...], expr: Any) -> Statement:
    return Statement(Access("c", 0, target), expr, domain, accumulate=ops.add)


@pytest.mark.parametrize(
    ("target", "left", "right", "name"),
    [
        ((5, 1, 0), (4, 0, 1), (0, 1, 5), "matrix product"),
        ((0, 4, 1), (5, 1, 0), (4, 0, 1), "outer-product sum"),
        ((1, 0, 0), (20, 4, 1), (0, 4, 1), "matrix-vector product"),
        ((0, 0, 0), (20, 4, 1), (20, 4, 1), "sum of squares"),
        ((0, 0, 0), (20, 4, 1), (1, 3, 15), "dot product"),
        ((5, 1, 0), (20, 4, 1), (20, 4, 1), "batch of products"),
        ((5, 1, 0), (10, 1, 1), (0, 0, 1), "convolution"),
        ((1, 0, 0), (20, 4, 0), (0, 4, 1), "contraction"),
    ],
)
def test_names(
    target: tuple[int, ...], left: tuple[int, ...], right: tuple[int, ...], name: str
) -> None:
    factors = (Access("a", 0, left), Access("a" if left == right else "b", 0, right))
    (found,) = contractions([statement(target, (3, 5, 4), factors[0] * factors[1])])  # type: ignore[operator]
    assert found.name == name
    assert found.products == 60


def test_a_sum_is_no_contraction() -> None:
    a, b = Access("a", 0, (1,)), Access("b")
    assert not contractions([statement((0,), (4,), a), statement((0,), (4,), a * b)])  # type: ignore[operator]
    assert not contractions([statement((0,), (4,), tanh(a * a))])  # type: ignore[operator]
    stored = Statement(Access("c", 0, (1,)), a * a, (4,))  # type: ignore[operator]
    assert not contractions([stored])


def test_products_within_a_sum_are_found() -> None:
    a, b = Access("a", 0, (1,)), Access("b", 0, (1,))
    found = contractions([statement((0,), (4,), a * b - (b**2 + a))])  # type: ignore[operator]
    assert [c.name for c in found] == ["dot product", "sum of squares"]


# --- labels and lines -----------------------------------------------------------------------


def test_statements_know_their_lines_and_labels() -> None:
    found = section(jit(squares).explain(), "where it comes from")
    first = found[0]
    assert "residual" in first
    assert line_of(squares, "w * x + b") in first
    assert line_of(squares, "residual**2") in first
    assert all(line_of(squares, "residual**2") in line for line in found)


def test_lines_of_straight_code() -> None:
    def f(x: Any) -> Any:
        y = exp(x)
        return y * 3.0

    found = section(jit(f).explain(), "where it comes from")
    assert found[0].endswith(line_of(f, "exp(x)"))
    assert found[1].endswith(line_of(f, "y * 3.0"))


def test_too_many_lines_are_counted() -> None:
    found = section(jit(irregular(300)).explain(), "where it comes from")
    assert any(line.endswith("300 statements") for line in found)


def test_lines_within_a_model_are_the_callers() -> None:
    random.seed(4)
    model = MLP(2, [4, 1])

    def f(x: Any, y: Any) -> Any:
        return tanh(model([x, y]))

    found = section(jit(f).explain(), "where it comes from")
    assert found
    assert all(line_of(f, "model([x, y])") in line for line in found)


def test_lines_within_numpy_are_the_callers() -> None:
    def f(x: np.ndarray) -> Any:
        inside = (x.mean() > 0.0) & (x.var() < 3.0)  # here
        return np.where(inside, np.linalg.norm(x), np.sign(x).sum())  # and here

    kernel = jit(f)
    kernel(np.arange(3.0))
    found = section(kernel.explain(), "where it comes from")
    assert found
    lines = line_of(f, "  # here"), line_of(f, "# and here")
    assert all(any(each in line for each in lines) for line in found)


def test_labels_of_values() -> None:
    a = Value(2.0, label="a")
    b = a * 3.0
    b.label = "triple"
    (line, *_) = section(jit(b + 1.0).explain(), "where it comes from")
    assert line.endswith("# triple")


def test_only_traced_values_know_their_site() -> None:
    assert not hasattr(Value(1.0) * 2.0, "_site")
    assert Traced("x")._site is None
    assert (Traced("x") * 2.0)._site[0] is inspect.currentframe().f_code  # type: ignore[union-attr]
