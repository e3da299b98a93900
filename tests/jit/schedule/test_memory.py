"""How much memory the arrays of a schedule take, as its workspace says."""

from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest

from micrograd.jit.code import compile_program
from micrograd.jit.compile import optimized
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.interpret import interpret
from micrograd.jit.ir.parse import parse
from micrograd.jit.ir.verify import verify
from micrograd.jit.passes.reverse import gradient
from micrograd.jit.schedule.schedule import schedule
from micrograd.jit.schedule.workspace import ALIGNED, PAGE, Workspace
from micrograd.jit.target import Target

STEPS = 64
ORDERS = ("in order", "in reverse order")
LAST = {"in order": STEPS, "in reverse order": 0}


def recurrence(order: str, units: int) -> str:
    """`a` and `b` belong to one step, and more than one statement reads each."""
    before, after = ("i", "i + 1") if order == "in order" else ("i + 1", "i")
    first = STEPS - LAST[order]
    return f"""
    input x[{units}]
    temp a[{STEPS}, {units}]
    temp b[{STEPS}, {units}]
    temp h[{STEPS + 1}, {units}]
    output out[1]

    h[{first}, i] = x[i]  for i < {units}
    for i < {STEPS} {order}:
      a[i, j] = sin(h[{before}, j])  for j < {units}
      b[i, j] = mul(a[i, j], add(a[i, j], h[{before}, j]))  for j < {units}
      h[{after}, j] = add(mul(b[i, j], a[i, j]), mul(b[i, j], b[i, j]))  for j < {units}
    out = 0.0
    out += h[{LAST[order]}, i]  for i < {units}
    """


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bits", [128, 512])
def test_cotangents_of_one_step_are_kept_for_one_step(order: str, units: int, bits: int) -> None:
    target = Target.host(vector_bits=bits)
    p = verify(parse(recurrence(order, units)))
    g = verify(gradient(p, ("out", 0), [("x", k) for k in range(units)]), "reverse")
    done = optimized(g, target)
    found = schedule(done, target)
    per_step = {n for n in found.workspace if found.sizes[n] >= STEPS * units}
    assert per_step == {"a", "b", "h", "ct_h"}
    row = -(-(STEPS + 1) * units // ALIGNED) * ALIGNED
    assert found.workspace_size <= 5 * row

    x = np.linspace(0.2, 0.7, units)
    interface = Interface(frozenset(), None)
    code = compile_program(done, target, interface)
    got = interface.call(code.address, done, target.dtype, {"x": x})
    np.testing.assert_allclose(got["grad"], interpret(g, {"x": x})["grad"], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("units", [7, 64, 128, 500])
def test_large_arrays_begin_at_different_places_of_their_pages(dtype: type, units: int) -> None:
    """A step reads a row of each: where all rows lie alike, the L1 cache holds but eight."""
    names = [f"t{k}" for k in range(40)]
    lines = [f"{name}[i, j] = mul(x[j], {float(k)})" for k, name in enumerate(names)]
    steps = 1024
    text = "\n".join(
        [
            f"input x[{units}]",
            *[f"temp {name}[{steps}, {units}]" for name in names],
            "output out[1]",
            "",
            *[f"{line}  for i < {steps}, j < {units}" for line in lines],
            "out = 0.0",
            *[f"out += {name}[-1*i + {steps - 1}, 0]  for i < {steps}" for name in names],
        ]
    )
    target = Target.host(dtype)
    found = schedule(optimized(verify(parse(text)), target), target)
    page = PAGE // np.dtype(dtype).itemsize
    assert len(found.workspace) == len(names)
    places = [offset % page for offset in found.workspace.values()]
    slots = page // ALIGNED
    assert len(set(places[:slots])) == min(slots, len(places))
    ends = {name: found.workspace[name] + steps * units for name in names}
    inside = sorted((found.workspace[name], ends[name]) for name in names)
    assert all(end <= start for (_, end), (start, _) in pairwise(inside))
    assert inside[-1][1] <= found.workspace_size


def test_large_arrays_lie_where_others_were() -> None:
    """Each list is read through its sum, so that a loop ends with it."""
    names = "abcdef"
    lines = ["input x[1000]", *(f"temp {name}[1000]" for name in names), "output out[1]", ""]
    before, total = "x", "1.0"
    for name in names:
        lines.append(f"{name}[i] = mul({before}[999 - i], {total})  for i < 1000")
        lines += [f"s{name} = 0.0", f"s{name} += {name}[i]  for i < 1000"]
        before, total = name, f"s{name}"
    program = verify(parse("\n".join([*lines, f"out = {total}", ""])))
    target = Target.host()
    planned = schedule(program, target)
    assert len(planned.workspace) == len(names) - 1  # the last needs none
    assert planned.workspace_size < 3 * 1024
    given = {"x": np.random.default_rng(0).uniform(-1.0, 1.0, 1000)}
    interface = Interface(frozenset(), None)
    code = compile_program(program, target, interface)
    got = interface.call(code.address, program, target.dtype, given)
    np.testing.assert_allclose(got["out"], interpret(program, given)["out"], rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(40))
def test_arrays_that_are_needed_at_once_lie_apart(seed: int, dtype: type) -> None:
    """Of any sizes: one that lies where another has been fits into the room of that one."""
    r = Random(seed)
    sizes = {f"t{k}": r.choice([1, 40, 512, 700, 1024, 1300, 2048, 5000]) for k in range(20)}
    lives = {name: (first, first + r.randrange(4)) for name in sizes for first in [r.randrange(12)]}
    workspace = Workspace(Target.host(dtype))
    workspace.add_all(sizes, lives)
    places = workspace.places
    assert all(places[name] + sizes[name] <= workspace.size for name in sizes)
    for a, b in combinations(sizes, 2):
        at_once = lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]
        apart = places[a] + sizes[a] <= places[b] or places[b] + sizes[b] <= places[a]
        assert apart or not at_once, f"{a} and {b} of {sizes}, {lives}: {places}"
    assert len(set(places.values())) < len(places)
