"""Kernels between processes: found, the same numbers, or compiled anew."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lowering
from micrograd import Value, exp, jit, tanh
from micrograd.cache import entries, folder, store
from micrograd.errors import CompilerError
from micrograd.jit.emit import making

from .. import cached

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MICROGRAD_CACHE", "1")
    monkeypatch.setenv("MICROGRAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "_sizes", {})
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often something was compiled."""
    count = [0]
    right = lowering.compile

    def counted(*args: Any, **options: Any) -> Any:
        count[0] += 1
        return right(*args, **options)

    monkeypatch.setattr(lowering, "compile", counted)
    return count


def f(x: float, y: float) -> Any:
    return exp(x * y) - tanh(x) * 0.75 + y**3


def numbers(make: Callable[[], Any] = lambda: jit(f)) -> Any:
    kernel = make()
    xs = np.linspace(-1.0, 2.0, 37)
    return kernel(0.3, -0.7), kernel.value_and_grad(0.3, -0.7), kernel(xs, 0.5).tolist()


def test_a_kernel_that_was_made_before_is_not_compiled_again(compiled: list[int]) -> None:
    first = numbers()
    made = compiled[0]
    assert made >= 3
    assert numbers() == first
    assert numbers(lambda: pickle.loads(pickle.dumps(jit(f)))) == first
    assert compiled[0] == made


def test_another_strictness_dtype_or_number_is_another_kernel(compiled: list[int]) -> None:
    def kinds() -> list[float]:
        made = [
            jit(f), jit(f, strict=True), jit(f, dtype="f4"), jit(lambda x, y: f(x, y) + 1.0),
            jit(lambda x, y: f(x, y) + 2.0), jit(lambda x, y: f(y, x)),
        ]  # fmt: skip
        return [kernel(0.3, -0.7) for kernel in made]

    expected = kinds()
    before = compiled[0]
    assert before >= 6
    assert kinds() == expected
    assert compiled[0] == before


def test_a_damaged_entry_is_made_again(place: Path, compiled: list[int]) -> None:
    expected = numbers()
    made = compiled[0]
    rng = np.random.default_rng(3)
    for _ in range(4):
        for file in place.iterdir():
            contents = bytearray(file.read_bytes())
            if rng.random() < 0.5:
                contents[rng.integers(len(contents))] ^= 1 << int(rng.integers(8))
            else:
                del contents[rng.integers(len(contents)) :]
            file.write_bytes(contents)
        compiled[0] = 0
        assert numbers() == expected
        assert 3 <= compiled[0] <= made


def test_an_entry_that_is_whole_and_no_code_is_made_again(place: Path, compiled: list[int]) -> None:
    expected = numbers()
    made = compiled[0]
    for payload in (b"", b"3\nabc", b"2\n[]code"):
        for file in place.iterdir():
            file.write_bytes(entries.packed(file.stem, payload))
        compiled[0] = 0
        assert numbers() == expected
        assert compiled[0] == made


def test_an_entry_of_another_key_is_not_taken(place: Path, compiled: list[int]) -> None:
    expected = numbers()
    compiled[0] = 0
    files = sorted(place.iterdir())
    whole = [file.read_bytes() for file in files]
    for file, contents in zip(files, [*whole[1:], whole[0]], strict=True):
        file.write_bytes(contents)
    assert numbers() == expected
    assert compiled[0] >= 3


def test_code_that_needs_what_is_not_here_is_compiled_again(
    compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = numbers()
    compiled[0] = 0
    right = lowering.load

    def absent(packed: bytes, symbols: Any) -> Any:
        right(packed, symbols)
        raise lowering.CompileError("a symbol is not found")

    monkeypatch.setattr(lowering, "load", absent)
    assert numbers() == expected
    assert compiled[0] >= 3


def test_stages_of_code_that_was_found_are_made_to_be_looked_at() -> None:
    first, second = jit(f), jit(f)
    assert first(0.5, 0.25) == second(0.5, 0.25)
    assert second.stages() == first.stages()
    assert second.explain() == first.explain()


def test_live_parameters_are_read_where_they_are_now(compiled: list[int]) -> None:
    made = 0
    for number in (2.0, -3.0, 0.5):
        w = Value(number)
        kernel = jit(lambda x, w=w: w * x + w, dtype="f64")
        assert kernel(2.0) == number * 3.0
        w.data = 7.0
        assert kernel(2.0) == 21.0
        made = made or compiled[0]
    assert made == compiled[0]


def test_long_constants_come_with_the_program(compiled: list[int]) -> None:
    w = [Value(1.0) for _ in range(1500)]
    made = 0
    for _ in range(2):
        loss = sum((v * (0.5 + k % 7 * k) for k, v in enumerate(w)), Value(0.0))
        kernel = jit(loss, wrt=w, dtype="f64")
        assert kernel.grad() == tuple(0.5 + k % 7 * k for k in range(1500))
        made = made or compiled[0]
    assert made == compiled[0]


def test_threads_that_need_one_kernel_at_once_all_have_it() -> None:
    kernels = [jit(lambda x: x * x + exp(x)) for _ in range(6)]
    found: list[float] = []
    threads = [threading.Thread(target=lambda k=k: found.append(k(0.5))) for k in kernels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [kernels[0](0.5)] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_is_forked_finds_what_its_parent_has_made() -> None:
    expected = jit(f)(0.3, -0.7)
    child = os.fork()
    if child == 0:
        os._exit(0 if jit(f)(0.3, -0.7) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_folder_that_is_only_read_serves_and_takes_nothing(
    place: Path, compiled: list[int]
) -> None:
    expected = numbers()
    names, made = sorted(place.iterdir()), compiled[0]
    place.chmod(0o500)
    try:
        assert numbers() == expected
        assert compiled[0] == made
        assert jit(lambda x: x * 3.5 - 1.0)(2.0) == 6.0
        if os.geteuid() != 0:
            assert sorted(place.iterdir()) == names
    finally:
        place.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away, as root only may")
def test_what_another_user_has_kept_is_not_run(place: Path, compiled: list[int]) -> None:
    expected = numbers()
    compiled[0] = 0
    for file in place.iterdir():
        os.chown(file, 12345, 12345)
    assert numbers() == expected
    assert compiled[0] >= 3
    os.chown(place, 12345, 12345)
    folder._warned.clear()
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert numbers() == expected


def test_when_it_is_checked_another_kernel_under_a_key_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jit(f)(0.3, -0.7)
    monkeypatch.setenv("MICROGRAD_CACHE", "check")
    assert jit(f)(0.3, -0.7) == jit(f)(0.3, -0.7)
    monkeypatch.setattr(making, "key_of", lambda kind, *made_from: "ab" * 32)
    jit(lambda x: x * 2.0 + 1.0)(0.5)
    with pytest.raises(CompilerError, match="the cache has another machine code"):
        jit(lambda x: x * 4.0 + 1.0)(0.5)


def test_nothing_is_written_when_it_is_off(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", "0")
    numbers()
    assert not place.exists()


def test_random_programs_give_the_same_in_three_processes() -> None:
    assert cached.problem(100, 2, "check") is None


def test_a_second_process_imports_nothing_of_mlir() -> None:
    program = """
import sys
import numpy as np
from micrograd import exp, jit, vmap
f = jit(lambda x, y: exp(x) * y)
print(f.value_and_grad(0.5, 2.0), f(np.ones(3), 2.0), vmap(f)(np.ones(3), np.ones(3)))
print(bool({"mlir", "jaxlib", "micrograd.jit.reroll.reroll"} & set(sys.modules)))
"""
    command = [sys.executable, "-W", "error", "-c", program]
    said = [
        subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True)
        for _ in range(2)
    ]
    assert not said[0].stderr + said[1].stderr
    (first, one), (second, other) = (done.stdout.splitlines() for done in said)
    assert first == second
    assert (one, other) == ("True", "False")
