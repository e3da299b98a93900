"""What kernels are made of, how they live and die, in threads and at size."""

from __future__ import annotations

import ctypes
import gc
import math
import random
import re
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import micrograd
from micrograd import Value, exp, jit, sin, tanh, where
from micrograd.errors import KernelClosed
from micrograd.jit import Kernel
from micrograd.jit.call import entry
from micrograd.jit.ir.graph import FIRST_OP
from micrograd.jit.ir.program import Apply, Expr

from .cases import compilations, network, plain_readme

# --- what is emitted ---------------------------------------------------------------------------


def test_stages() -> None:
    kernel = jit(plain_readme)
    stages = kernel.stages()
    names = ["graph", "program", "passes", "simplified", "schedule", "mlir", "llvm_ir", "assembly"]
    assert [name for name in stages if name in names] == names
    assert all(isinstance(text, str) and text for text in stages.values())
    assert "input a[0]" in stages["graph"]
    assert "out" in stages["program"]
    assert stages["mlir"] == str(kernel)
    assert "define double @main(double" in re.sub(r"noundef |dso_local ", "", stages["llvm_ir"])
    assert "main" in stages["assembly"]


def test_node_used_twice_is_emitted_once() -> None:
    def f(x: Any, y: Any) -> Any:
        s = x + y
        e = exp(s)
        return e * e + e

    text = str(jit(f))
    assert text.count("llvm.call @expf") + text.count("llvm.intr.exp") <= 1
    assert text.count("llvm.fmul") == 1
    assert text.count("llvm.fadd") == 2


def test_equal_nodes_are_emitted_once() -> None:
    text = str(jit(lambda x, y: tanh(x * y) / (1.0 + tanh(x * y))))
    assert text.count("llvm.fmul") <= 1
    assert text.count("llvm.fdiv") <= 1


def runs(kernel: Kernel) -> dict[str, int]:
    """How often a call of the kernel runs each op."""
    counts: dict[str, int] = {}
    for s in kernel._shown.program.statements:
        stack: list[Expr] = [s.expr]
        while stack:
            e = stack.pop()
            if isinstance(e, Apply):
                counts[e.op.name] = counts.get(e.op.name, 0) + s.points
                stack.extend(e.args)
    return counts


def test_mlp_of_the_seed_emits_each_node_once() -> None:
    net = network(10, 10, [30, 20, 10, 1])
    kernel = jit(net)
    graph = kernel._shown.graph
    products = 10 * 30 + 30 * 20 + 20 * 10 + 10
    neurons = 30 + 20 + 10 + 1
    assert len(graph) == 10 + 2 * products + products + neurons + (neurons - 1) - neurons + neurons
    assert len(graph) == 3461
    assert len(graph) == kernel.stages()["graph"].count(" = ")
    counts = runs(kernel)
    assert counts["mul"] == products == 1110
    assert counts["relu"] == 60
    assert sum(code >= FIRST_OP for code in graph.codes) == products * 2 + 60


# --- life and death ----------------------------------------------------------------------------


def test_dropped_kernel_frees_its_machine_code() -> None:
    gc.collect()
    gc.disable()
    try:
        kernel = jit(lambda x: x * x)
        kernel(2.0)
        kernel(np.ones(3))
        kernel.value_and_grad(2.0)
        native = weakref.ref(kernel._shown.native)
        derived = weakref.ref(kernel.value_and_grad._shown.native)
        assert native() is not None
        del kernel
        assert native() is None
        assert derived() is None
    finally:
        gc.enable()


def resident() -> int:
    """The bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_compilations_do_not_pile_up() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("reads the memory of this process from /proc")

    def compile_some(n: int) -> None:
        for k in range(n):
            c = float(k)
            assert jit(lambda x, c=c: x * x + c, dtype="f64")(2.0) == 4.0 + c  # type: ignore[misc]

    compile_some(200)  # by then the allocator's pools have their size, on Python 3.13 too
    gc.collect()
    before = resident()
    compile_some(150)
    gc.collect()
    # a kernel of this size leaves 100 kB behind if nothing of it is freed: 15 MB. Pools of the
    # allocator may grow a little
    assert resident() - before < 8 << 20


def test_derived_kernels_are_made_once() -> None:
    kernel = jit(lambda x: x * x)
    assert kernel.grad is kernel.grad
    assert kernel.value_and_grad is kernel.value_and_grad
    assert kernel.grad is not kernel.value_and_grad


def test_closing_frees_derived_kernels_too() -> None:
    kernel = jit(lambda x: x * x)
    gradient = kernel.grad
    gradient(2.0)
    gradient(np.ones(3))
    codes = [weakref.ref(gradient._shown.native), weakref.ref(gradient._shown.arrays.native)]
    assert all(code() is not None for code in codes)
    kernel.close()
    assert [code() for code in codes] == [None, None]


def test_code_lives_until_the_calls_in_its_entry_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "GIL_FREE_WORK", 0)

    def called() -> tuple[Kernel, Any]:
        kernel: Kernel = jit(lambda x: x * x, dtype="f64")
        assert [kernel(3.0), kernel(3.0)] == [9.0, 9.0]
        return kernel, kernel._shown.native

    kernel, native = called()
    calls = ctypes.c_int64.from_address(native.address(entry.CALLS))
    assert calls.value == 0
    calls.value = 1
    code = weakref.ref(native)
    del native
    kernel.close()
    assert code() is not None
    calls.value = 0
    called()[0].close()
    assert code() is None


def long(x: Any) -> Any:
    for _ in range(2000):
        x = tanh(x) * 1.5
    return x


@pytest.mark.parametrize("way", ["arrays", "numbers", "ctypes"])
def test_closing_while_others_call(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "GIL_FREE_WORK", 0)
    given: Any = {"arrays": np.full((60, 2, 2), 0.5), "numbers": 0.5, "ctypes": np.float64(0.5)}[
        way
    ]
    expected = None
    for k in range(12):
        kernel = jit(long, dtype="f64", threads=1)
        first = kernel(given)
        expected = first if expected is None else expected
        inside = threading.Barrier(4)
        found: list[Any] = []

        def call(kernel: Any = kernel, inside: Any = inside, found: Any = found) -> None:
            inside.wait()
            try:
                while True:
                    found.append(kernel(given))
            except KernelClosed:
                pass

        callers = [threading.Thread(target=call) for _ in range(3)]
        for t in callers:
            t.start()
        inside.wait()
        time.sleep(k * 3e-4)
        kernel.close()
        for t in callers:
            t.join()
        for result in found:
            np.testing.assert_array_equal(result, expected)


# --- threads -----------------------------------------------------------------------------------


def in_threads(n: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives in each of n threads that start together."""
    results: list[Any] = [None] * n
    start = threading.Barrier(n)

    def run(k: int) -> None:
        start.wait()
        try:
            results[k] = work(k)
        except BaseException as error:
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_several_threads_call_and_compile_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    jit(lambda x: 2.0 * x)(1.0)  # what the first kernel of a process needs is compiled, too
    made = compilations(monkeypatch)
    kernel = jit(plain_readme, dtype="f64", strict=True)

    def work(k: int) -> list[tuple[float, float]]:
        return [
            (kernel(float(-4 - i % 3), 2.0 + k), plain_readme(float(-4 - i % 3), 2.0 + k))
            for i in range(200)
        ]

    for pairs in in_threads(4, work):
        assert all(found == expected for found, expected in pairs)
    assert len(made) == 1


def test_several_threads_map_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    made = compilations(monkeypatch)
    kernel = jit(plain_readme, dtype="f64", strict=True)
    a = np.linspace(-4.0, -3.0, 1000)
    expected = [plain_readme(x, 2.0) for x in a]

    def work(k: int) -> bool:
        return all(kernel(a, 2.0).tolist() == expected for _ in range(20))

    assert in_threads(4, work) == [True] * 4
    assert sum("@main_block(" in str(module) for (module,) in made) == 1


def test_several_threads_compile_at_once() -> None:
    def work(k: int) -> float:
        kernel = jit(lambda x: x * float(k) + tanh(x), dtype="f64", strict=True)
        return float(kernel(0.5)) + float(kernel.grad(0.5))

    expected = [0.5 * k + math.tanh(0.5) + (k + (1 - math.tanh(0.5) ** 2)) for k in range(4)]
    # 1e-15: the gradient's two terms are added in another order here
    assert in_threads(4, work) == pytest.approx(expected, rel=1e-15)


def test_threads_with_structures_of_their_own() -> None:
    kernel = jit(lambda v: sum(x * x for x in v), dtype="f64")

    def work(k: int) -> bool:
        v = [1.0] * (k + 1)
        return all(kernel(v) == k + 1 for _ in range(100)) and kernel(np.array(v).tolist()) == k + 1

    assert in_threads(4, work) == [True] * 4


# --- size --------------------------------------------------------------------------------------


def random_graph(n: int, seed: int) -> tuple[list[Value], Value]:
    """A random DAG of n nodes over 20 leaves, all sinks summed (WORKLOADS.md, `irregular`)."""
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-1, 1)) for _ in range(20)]
    values, used = list(leaves), set()
    for _ in range(n):
        x, y = rng.choice(values), rng.choice(values[-50:])
        used |= {x, y}
        kind = rng.random()
        if kind < 0.1:
            values.append(tanh(x - y))
        elif kind < 0.4:
            values.append((x * y * 0.5).tanh() if kind < 0.12 else x * y * 0.5)
        elif kind < 0.5:
            values.append((x + y).relu())
        else:
            values.append((x + y) * 0.5)
    total: Any = sum(v for v in values if v not in used)
    return leaves, total


def test_random_graph_of_ten_thousand_nodes() -> None:
    leaves, total = random_graph(5000, 3)
    kernel = jit(total, wrt=leaves, dtype="f64", strict=True)
    assert len(kernel._shown.graph) > 10_000
    total.backward()
    numbers = [v.data for v in leaves]
    value, partials = kernel.value_and_grad(*numbers)
    assert value == total.data
    assert list(partials) == [v.grad for v in leaves]


def test_random_graph_in_default_mode() -> None:
    leaves, total = random_graph(1500, 4)
    total.backward()
    kernel = jit(total, wrt=leaves, dtype="f64")
    value, partials = kernel.value_and_grad(*(v.data for v in leaves))
    # fusing spares a rounding of 1e-16 of a node of size 1; there are 4500, with slopes up to 1
    assert value == pytest.approx(total.data, abs=1e-12)
    assert list(partials) == pytest.approx([v.grad for v in leaves], abs=1e-12)


def test_recurrence_in_time() -> None:
    def pendulum(angle: Any, speed: Any) -> Any:
        for _ in range(300):
            angle, speed = angle + 0.001 * speed, speed - 0.001 * sin(angle)
        return angle

    x, y = Value(1.0), Value(0.5)
    result = pendulum(x, y)
    result.backward()
    kernel = jit(pendulum, dtype="f64", strict=True)
    assert kernel.value_and_grad(1.0, 0.5) == (result.data, (x.grad, y.grad))
    fused = jit(pendulum, dtype="f64").value_and_grad(1.0, 0.5)
    # 300 steps, a few roundings of 1e-16 each
    assert fused[0] == pytest.approx(result.data, rel=1e-12)
    assert fused[1] == pytest.approx((x.grad, y.grad), rel=1e-12)


def test_log_softmax_over_many() -> None:
    """Reductions by maximum and by sum, and a gradient through both."""

    def loss(v: list[Any]) -> Any:
        top = v[0]
        for x in v[1:]:
            top = micrograd.maximum(top, x)
        return micrograd.log(sum(exp(x - top) for x in v)) + top - v[3]

    numbers = [math.sin(k) for k in range(60)]
    leaves = [Value(x) for x in numbers]
    result = loss(leaves)
    result.backward()
    value, partials = jit(loss, dtype="f64").value_and_grad(numbers)
    # exp may be 4 ulp off, 60 terms
    assert value == pytest.approx(result.data, rel=1e-13)
    assert partials == pytest.approx([v.grad for v in leaves], rel=1e-12, abs=1e-15)


def test_names_of_the_compiler_in_a_program_of_loops() -> None:
    def f(v: list[Any], c0: Any, index0: Any, t1: Any) -> Any:
        return sum(x * c0 * index0 + t1 * float(k % 3) for k, x in enumerate(v))

    v = [float(k % 5) for k in range(100)]
    kernel = jit(f, dtype="f64")
    assert kernel(v, 2.0, 3.0, 1.0) == f(v, 2.0, 3.0, 1.0) == 1299.0
    assert kernel.grad(v, 2.0, 3.0, 1.0) == ([6.0] * 100, 600.0, 400.0, 99.0)


def test_chain_of_five_thousand() -> None:
    x = y = Value(0.7)
    for k in range(2500):
        y = (y * 1.0001 + 0.01).tanh() if k % 50 == 0 else y * 1.0001 + 0.01
    y.backward()
    kernel = jit(y, wrt=[x], dtype="f64", strict=True)
    assert kernel.value_and_grad(0.7) == (y.data, (x.grad,))


def test_diamonds_compiled() -> None:
    x = y = Value(1.0)
    for _ in range(100):
        y = y + y
    assert jit(y, wrt=[x], dtype="f64").value_and_grad(1.0) == (2.0**100, (2.0**100,))


def test_where_computes_both_sides() -> None:
    kernel = jit(lambda x: where(x > 0, micrograd.log(x), -1.0), dtype="f64", strict=True)
    assert kernel(-3.0) == -1.0
    assert kernel.value_and_grad(2.0) == (math.log(2.0), 0.5)


def test_moons_loss_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's loss over ten samples: strict compiled == eager, and f32 is near."""
    X: npt.NDArray[np.float64] = np.random.default_rng(5).normal(size=(10, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1, -1)
    net = network(1337, 2, [16, 16, 1])

    def loss() -> Any:
        scores = [net(list(row)) for row in X]
        losses = [(1 + -yi * s).relu() for yi, s in zip(y, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in net.parameters())

    total = loss()
    total.backward()
    expected = [p.grad for p in net.parameters()]
    value, partials = jit(loss, wrt=net.parameters(), dtype="f64", strict=True).value_and_grad()
    assert value == total.data
    assert list(partials) == expected
    value, partials = jit(loss, wrt=net.parameters()).value_and_grad()
    assert value == pytest.approx(total.data, rel=1e-5)
    # f32 rounds to 6e-8 and some thousand terms of size up to 10 are summed
    assert list(partials) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_many_scalar_arguments_make_no_deep_expression() -> None:
    leaves = [Value(0.01 * k) for k in range(300)]
    kernel = jit(sum(v * v for v in leaves), wrt=leaves, dtype="f64")
    assert "llvm.func @main(" in str(kernel)
    numbers = [0.5] * 300
    assert kernel(*numbers) == 75.0
    assert kernel.grad(*numbers) == (1.0,) * 300
