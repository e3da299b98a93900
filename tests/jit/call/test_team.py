"""Teams of threads that share the work of a call: results, who works, forks, interrupts."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import numpy as np
import pytest

from lowering.bindings import context, ir
from micrograd import Tensor, jit, relu
from micrograd.jit.call import threads as pool
from micrograd.jit.call.team import Team
from micrograd.jit.dialect.blocks import new_module
from micrograd.jit.emit.builder import Builder
from micrograd.jit.emit.native import native
from micrograd.jit.emit.parts import Range, ranges
from micrograd.jit.emit.team import share
from micrograd.jit.schedule import lanes, product
from micrograd.jit.target import Target


@pytest.fixture
def all_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads share products of every size, in calls of every size."""
    monkeypatch.setattr(product, "SHARED_PRODUCTS", 0)
    monkeypatch.setattr(lanes, "SHARED_WORK", 0)
    monkeypatch.setattr(pool, "SPLIT_WORK", 1)


def matrix(rng: np.random.Generator, *shape: int) -> Tensor:
    return Tensor(rng.standard_normal(shape).astype("f4"))


def layer(x: Tensor, w: Tensor, b: Tensor) -> Any:
    return (relu(x @ w + b) ** 2).sum()


def gradients(threads: int, *given: Tensor) -> list[np.ndarray[Any, Any]]:
    value, partials = jit(layer, threads=threads).value_and_grad(*given)
    return [x.numpy() for x in (value, *partials)]


@pytest.mark.usefixtures("all_shared")
@pytest.mark.parametrize("sizes", [(1, 70, 600), (37, 53, 61), (100, 130, 129), (9, 700, 70)])
def test_the_number_of_threads_changes_no_bit(sizes: tuple[int, int, int]) -> None:
    rows, columns, depth = sizes
    rng = np.random.default_rng(rows)
    given = (matrix(rng, rows, depth), matrix(rng, depth, columns), matrix(rng, columns))
    one = gradients(1, *given)
    for n in (2, 3, 8):
        for x, y in zip(gradients(n, *given), one, strict=True):
            assert np.array_equal(x, y)
    x, w, b = (t.numpy().astype("f8") for t in given)
    assert np.isclose(one[0], (np.maximum(x @ w + b, 0) ** 2).sum(), rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("all_shared")
@pytest.mark.parametrize("shape", [(1,), (1000,), (7, 33), (3, 5, 64), (257, 2)])
def test_threads_share_loops(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    given = (matrix(rng, *shape), matrix(rng, shape[-1]))

    def loops(x: Tensor, y: Tensor) -> Any:
        z = (x * y).exp() + x
        return z, z.transpose() * 2.0, (x[..., ::-1] if shape[-1] > 1 else x) * y

    found = [jit(loops, threads=n)(*given) for n in (1, 2, 5)]
    for results in found[1:]:
        for a, b in zip(results, found[0], strict=True):
            assert np.array_equal(a.numpy(), b.numpy())
    for a, b in zip(found[0], loops(*given), strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-4)


def test_small_calls_take_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_executor", lambda size: pytest.fail("asked for threads"))
    rng = np.random.default_rng(0)
    kernel = jit(lambda x, w: x @ w, threads=2)
    kernel(matrix(rng, 64, 64), matrix(rng, 64, 64))
    with pytest.raises(BaseException, match="asked for threads"):
        kernel(matrix(rng, 256, 512), matrix(rng, 512, 512))


# -- the team itself -----------------------------------------------------------------------------


def meeting(parts: int) -> Any:
    """`f(team, counter)`: each of its parts waits until all of them have begun."""
    target = Target.host(np.dtype(np.float64))
    with context():
        with new_module() as module:
            b = Builder(module, target)
            counter, _ = b.function("part", [b.ptr, b.i64], internal=True).arguments
            b.atomic_add(1, counter)
            with b.as_long_as(
                lambda: b.compare_integers("slt", b.atomic_load(counter), b.integer(parts))
            ):
                pass
            b.leave()
            team, counter = b.function("f", [b.ptr, b.ptr]).arguments
            share(b, team, "part", counter, b.integer(parts))
            b.leave()
        return native(lambda: module, target, None).function(
            "f", None, ctypes.c_void_p, ctypes.c_void_p
        )


def test_all_threads_work_at_a_time() -> None:
    team, f = Team(3), meeting(3)
    for _ in range(20):
        counter = ctypes.c_int64(0)
        with team.helped():
            f(team.address, ctypes.addressof(counter))
        assert counter.value == 3


@pytest.mark.parametrize("parts", [0, 1, 2, 7, 100])
def test_a_leader_needs_no_helpers(parts: int) -> None:
    counter = ctypes.c_int64(parts)
    meeting(parts)(Team(4).address, ctypes.addressof(counter))
    assert counter.value == 2 * parts


def test_where_no_thread_starts_the_caller_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def submit(self, help: Any) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(pool, "_executor", lambda size: Full())
    team, f, counter = Team(4), meeting(5), ctypes.c_int64(5)
    with team.helped():
        f(team.address, ctypes.addressof(counter))
    assert counter.value == 10


def test_teams_share_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of several threads at a time, with more helpers than the pool has threads."""
    monkeypatch.setattr(product, "SHARED_PRODUCTS", 0)
    monkeypatch.setattr(pool, "SPLIT_WORK", 1)
    rng = np.random.default_rng(1)
    given = (matrix(rng, 40, 70), matrix(rng, 70, 130), matrix(rng, 130))
    one = gradients(1, *given)
    kernel = jit(layer, threads=4).value_and_grad
    wrong: list[int] = []

    def call() -> None:
        for _ in range(30):
            value, partials = kernel(*given)
            found = [x.numpy() for x in (value, *partials)]
            if not all(map(np.array_equal, found, one)):
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    assert not wrong


@pytest.mark.usefixtures("all_shared")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    rng = np.random.default_rng(2)
    given = (matrix(rng, 40, 70), matrix(rng, 70, 130), matrix(rng, 130))
    kernel = jit(layer, threads=3).value_and_grad
    expected = kernel(*given)[0].item()
    f, team = meeting(3), Team(3)
    child = os.fork()
    if not child:
        code = 1
        try:
            counter = ctypes.c_int64(0)
            with team.helped():
                f(team.address, ctypes.addressof(counter))  # ends if there are helpers
            code = 0 if kernel(*given)[0].item() == expected else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- who has which part --------------------------------------------------------------------------


def bounds(first: str | None) -> Any:
    """`f(out, number, parts, rows, columns)` writes the ranges of a part."""
    target = Target.host(np.dtype(np.float64))
    with context():
        with new_module() as module:
            b = Builder(module, target)
            out, *given = b.function("f", [b.ptr, b.i64, b.i64, b.i64, b.i64]).arguments
            found: list[ir.Value] = []
            for r in ranges(b, (given[0], given[1]), (given[2], given[3]), first):
                assert isinstance(r, Range)
                found += [r.first, r.end]
            for k, x in enumerate(found):
                b.store(x, b.element(out, k, b.i64))
            b.leave()
        types = [ctypes.c_int64] * 4
        return native(lambda: module, target, None).function("f", None, ctypes.c_void_p, *types)


@pytest.mark.parametrize("first", ["rows", "columns", None])
def test_every_tile_belongs_to_one_part(first: str | None) -> None:
    f = bounds(first)
    for rows in (0, 1, 2, 5, 17):
        for columns in (0, 1, 3, 4, 9):
            for parts in (1, 2, 3, 8, 40):
                seen = np.zeros((rows, columns), int)
                for k in range(parts):
                    out = (ctypes.c_int64 * 4)()
                    f(out, k, parts, rows, columns)
                    assert 0 <= out[0] <= out[1] <= rows
                    assert 0 <= out[2] <= out[3] <= columns
                    seen[out[0] : out[1], out[2] : out[3]] += 1
                assert (seen == 1).all(), (rows, columns, parts)
