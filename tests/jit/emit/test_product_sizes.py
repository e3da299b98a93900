"""Products of matrices in generated code, against NumPy in float64."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd.jit.emit import product_library
from micrograd.jit.emit.product_kernel import Shape
from micrograd.jit.schedule import tiles
from micrograd.jit.target import Target, machine

from ...guarded import guarded, needs_guards
from .product_cases import EXPECTED, FINISHES, Case, compiled, extent, run, view

WIDTHS = [bits for bits in (128, 256, 512) if bits <= machine().vector_bits]
EDGES = (0, 1, 2, 5, 6, 7, 12, 13, 16, 17, 31, 33, 64, 65, 121, 255, 256, 257)


def drawn(rng: np.random.Generator) -> Case:
    """A product of any sizes, about which more or less is known."""
    sizes = [int(n) for n in rng.choice(EDGES, 3)]
    late = tuple(bool(x) for x in rng.random(3) < 0.3)
    kinds = ("rows", "rows", "columns", "padded", "sparse")
    left, right, result = (str(x) for x in rng.choice(kinds, 3))
    finish = str(rng.choice(list(FINISHES)))
    return Case(*sizes, late, left, right, result, finish)  # type: ignore[arg-type]


def check(case: Case, target: Target, rng: np.random.Generator) -> None:
    """What it gives, that it writes nothing else, and that it reads nothing else."""
    m, n, k = case.rows, case.columns, case.depth
    kinds = ((case.left, m, k), (case.right, k, n), (case.result, m, n))
    at_end = bool(rng.random() < 0.5)
    memories = [
        guarded(rng.standard_normal(extent(*kind)).astype(target.dtype), at_end=at_end)
        for kind in kinds
    ]
    left, right, result = (
        view(memory, *kind) for memory, kind in zip(memories, kinds, strict=True)
    )
    before = memories[2].copy()
    a, b, old = (x.astype(np.float64) for x in (left, right, result))
    run(compiled(case, target), case, *memories)
    wanted = EXPECTED[case.finish](a @ b, old)
    bound = (
        (k + 4) * np.finfo(target.dtype).eps * (2.0 * np.abs(a) @ np.abs(b) + np.abs(old) * 2 + 2)
    )
    assert (np.abs(result - wanted) <= bound).all(), case
    view(memories[2], *kinds[2])[...] = view(before, *kinds[2])
    assert np.array_equal(memories[2], before), f"{case} writes elsewhere"


@needs_guards
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bits", WIDTHS)
def test_random_products(bits: int, dtype: str) -> None:
    rng = np.random.default_rng(bits)
    target = Target.host(dtype, vector_bits=bits)
    for _ in range(6):
        check(drawn(rng), target, rng)


@needs_guards
@pytest.mark.parametrize("seed", range(3))
def test_random_products_in_many_blocks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    names = {"CACHE": -1, "FAR": 0, "DEPTH": 8, "TILES": 2, "MORE_TILES": 3, "WIDE": 2}
    for name, n in (*names.items(), ("STREAMED", ((5, 2), (64, 3)))):
        monkeypatch.setattr(tiles, name, n)
    target = Target.host("f4")
    for _ in range(6):
        check(drawn(rng), target, rng)


def test_what_is_not_a_number_comes_through_and_goes_nowhere_else() -> None:
    target = Target.host("f4")
    left, right = np.ones((7, 20), "f4"), np.ones((20, 37), "f4")
    left[3, 4], right[5, 6] = np.nan, np.inf
    result = np.zeros((7, 37), "f4")
    case = Case(7, 37, 20)
    run(compiled(case, target), case, left, right, result)
    assert np.array_equal(result, left @ right, equal_nan=True)
    assert np.isnan(result).sum() == 37


def test_a_sum_of_nothing_is_the_start() -> None:
    target = Target.host("f4")
    case = Case(3, 5, 0, finish="started")
    result = np.zeros((3, 5), "f4")
    run(compiled(case, target), case, np.zeros(1, "f4"), np.zeros(1, "f4"), result)
    assert (result == 1.5).all()


def main_loops(assembly: str) -> list[str]:
    """The bodies of loops that multiply: from a label to the branch back to it."""
    found = []
    for label, body in re.findall(r"^(\.L\w+):(.*?\n\s+j\w+\s+\1)$", assembly, re.M | re.S):
        if not re.search(r"^\.L\w+:", body, re.M) and "fmadd" in body:
            found.append(label + body)
    return found


@pytest.mark.skipif(not machine().avx512, reason="looks at code for AVX-512")
@pytest.mark.parametrize(
    "shape", [(6, 4, False, False), (6, 4, True, False), (5, 4, True, True), (12, 1, True, False)]
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_sums_stay_in_registers(shape: Any, dtype: str) -> None:
    target = Target.host(dtype)
    name = f"product.f{target.bits}.512.{Shape(*shape).name}"
    loops = main_loops(product_library.kernel(name, target).assembly)
    assert loops
    for loop in loops:
        assert "(%rsp" not in loop, loop


@pytest.mark.skipif(machine().vector_bits < 256, reason="calls no code, but makes it for AVX2")
def test_there_are_no_more_sums_than_registers() -> None:
    target = Target.host("f4", processor=lowering.processor("haswell"))
    code = compiled(Case(30, 64, 40), target)
    kernels = set(re.findall(r"product\.f\d+\.\d+\.r\w+", code.llvm_ir))
    assert kernels
    for name in kernels:
        loops = main_loops(product_library.kernel(name, target).assembly)
        assert loops
        assert not any("(%rsp" in loop for loop in loops), name


def test_a_kernel_is_compiled_once() -> None:
    target = Target.host("f4")
    shape = Shape(6, 4, True, True)
    name = f"product.f32.{target.vector_bits}.{shape.name}"
    assert product_library.kernel(name, target) is product_library.kernel(name, target)
    assert Shape.named(shape.name) == shape
