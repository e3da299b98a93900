"""Compiled kernels in other processes: forked, spawned, of pools, and of joblib.

Each test is a script of its own: children import it, and nothing is left running.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from .test_copies import ROOT

SECONDS = 300
"""What a child may take before it counts as hung: some two, where nothing hangs."""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

MODEL = """
import random, signal, sys
import numpy as np
from micrograd import Value, jit, tanh
from micrograd.nn import MLP

@jit
def f(x, y):
    return x * x * tanh(y)

random.seed(1)
model = MLP(2, [4, 1])
kernel = jit(model, dtype="f64")
POINTS = [[0.1 * k, 1.0 - 0.2 * k] for k in range(6)]

def by_hand(x):
    return jit(lambda a, b: model([a, b]) * 2.0)(*x)

def expected():
    return [kernel(x) for x in POINTS]
"""


def run(folder: Path, body: str, *options: str, hash_seed: str = "random") -> str:
    """What a script prints; it must end well, and say nothing else."""
    script = folder / "script.py"
    main = textwrap.indent(textwrap.dedent(body), "    ")
    script.write_text(f"{MODEL}\nif __name__ == '__main__':\n{main}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    ran = subprocess.run(
        [sys.executable, *options, str(script)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=SECONDS,
        cwd=folder,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str, tmp_path: Path) -> None:
    if not hasattr(os, "fork") and method != "spawn":
        pytest.skip("this system does not fork")
    body = f"""
    import multiprocessing
    f(1.0, 2.0); expected()
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert pool.starmap(f, POINTS) == [f(*x) for x in POINTS]
        assert pool.starmap(f.grad, POINTS) == [f.grad(*x) for x in POINTS]
        assert pool.map(kernel, POINTS) == expected()
        assert pool.map(by_hand, POINTS) == [by_hand(x) for x in POINTS]
        model.parameters()[-1].data = 5.0
        assert pool.map(kernel, POINTS) == expected()  # as they are when they are sent
    print("ok")
    """
    assert run(tmp_path, body) == "ok\n"


def test_concurrent_futures(tmp_path: Path) -> None:
    body = """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    loss = sum(model(x) ** 2 for x in POINTS)
    whole = jit(loss, wrt=model.parameters(), dtype="f64")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(kernel, POINTS)) == expected()
        assert pool.submit(whole.value_and_grad).result() == whole.value_and_grad()
        again = pool.submit(list, [whole]).result()  # there and back
        assert again[0]() == whole()
    print("ok")
    """
    assert run(tmp_path, body) == "ok\n"


def test_joblib(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    body = """
    from joblib import Parallel, delayed, hash
    w = Value(2.0)
    closure = jit(lambda x, y: w * x + y, wrt=[w])
    with Parallel(2) as parallel:
        assert parallel(delayed(f)(*x) for x in POINTS) == [f(*x) for x in POINTS]
        assert parallel(delayed(f.grad)(*x) for x in POINTS) == [f.grad(*x) for x in POINTS]
        assert parallel(delayed(kernel)(x) for x in POINTS) == expected()
        for number in (2.0, 7.0):
            w.data = number
            found = parallel(delayed(closure)(*x) for x in POINTS)
            assert found == [closure(*x) for x in POINTS]
            assert abs(found[1] - (number * 0.1 + 0.8)) < 1e-15
            assert parallel(delayed(closure.grad)(*x) for x in POINTS) == [(x,) for x, _ in POINTS]
    assert hash(model) == hash(model)
    before = hash(model)
    model.parameters()[0].data += 1.0
    assert hash(model) != before
    print("ok")
    """
    assert run(tmp_path, body) == "ok\n"


# --- fork ---------------------------------------------------------------------------------

FORK = """
import os, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of threads

def child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(90)
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
"""


@needs_fork
def test_a_child_compiles_what_another_thread_was_compiling(tmp_path: Path) -> None:
    body = """
    begun, over = threading.Event(), threading.Event()
    main = threading.get_ident()

    def slow(x):
        if threading.get_ident() != main:
            begun.set()
            over.wait()
        return x * 2

    k = jit(slow)
    thread = threading.Thread(target=k, args=(1.0,))
    thread.start()
    begun.wait()  # it holds the kernel's lock until the child has ended

    def work():
        assert k(3.0) == 6.0
        assert k.grad(3.0) == 2.0
        w = Value(2.0)
        assert type(w.data) is float
        k.close()

    status = child(work)
    over.set()
    thread.join()
    assert k(4.0) == 8.0
    print(status)
    """
    assert run(tmp_path, FORK + textwrap.dedent(body)) == "0\n"


@needs_fork
def test_a_function_that_forks_while_it_is_compiled(tmp_path: Path) -> None:
    body = """
    def forking(x):
        pid = os.fork()
        if pid == 0:
            signal.alarm(90)
            os.forked = True
        else:
            print(os.waitpid(pid, 0)[1], flush=True)
        return x * 2

    k = jit(forking)
    assert k(3.0) == 6.0
    assert k(4.0) == 8.0
    if hasattr(os, "forked"):
        os._exit(0)
    print("ok")
    """
    assert run(tmp_path, FORK + textwrap.dedent(body)) == "0\nok\n"


@needs_fork
def test_a_process_forks_when_no_thread_is_in_llvm(tmp_path: Path) -> None:
    body = """
    from lowering.backend import ffi  # which compiling imports
    begun = threading.Event()

    def hold():
        with ffi.lib._lock:
            begun.set()
            time.sleep(0.2)

    threading.Thread(target=hold).start()
    begun.wait()
    print(child(lambda: f(3.0, 1.0)))
    """
    assert run(tmp_path, FORK + textwrap.dedent(body)) == "0\n"


@needs_fork
def test_a_process_forks_when_no_thread_imports(tmp_path: Path) -> None:
    """Whatever they import: each module that compiling needs is slow in a process of its own."""
    body = """
    import importlib.abc

    class Slow(importlib.abc.MetaPathFinder):
        def __init__(self, slow):
            self.slow, self.seen, self.begun = slow, [], threading.Event()

        def find_spec(self, name, path, target=None):
            if threading.current_thread() is threading.main_thread():
                return
            self.seen.append(name)
            if name == self.slow:
                self.begun.set()
                time.sleep(0.1)

    def imported(slow=None):
        finder = Slow(slow)
        sys.meta_path.insert(0, finder)
        thread = threading.Thread(target=f, args=(1.0, 2.0))
        thread.start()
        if slow is None:
            thread.join()
            with open("names", "w") as file:
                print(*finder.seen, sep="\\n", file=file)
            return
        assert finder.begun.wait(60), slow
        status = child(lambda: f(3.0, 1.0))
        thread.join()
        assert status == 0, (slow, status)

    assert child(imported) == 0
    names = open("names").read().split()
    mlir = [name for name in names if "mlir" in name]
    assert any(name.endswith("mlir.ir") for name in mlir), names
    others = [name for name in names if name not in mlir]
    for name in mlir + others[:: max(1, len(others) // 12)]:
        assert child(lambda: imported(name)) == 0
    print("ok")
    """
    assert run(tmp_path, FORK + textwrap.dedent(body)) == "ok\n"


@needs_fork
def test_forking_again_and_again_while_threads_compile_call_and_train(tmp_path: Path) -> None:
    body = """
    from micrograd import fit, set_threads
    from micrograd.optim import SGD
    set_threads(2)
    stop = threading.Event()
    shared = jit(lambda v: sum(tanh(a * b) for a, b in zip(v, v[1:], strict=False)))
    many = np.linspace(0.0, 1.0, 4_000_000)

    def compiling():
        n = 1
        while not stop.is_set():
            n += 1
            shared([0.5] * (2 + n % 40))
            jit(lambda x: tanh(x * n) + n)(0.5)

    def mapping():
        while not stop.is_set():
            f(many, 1.0)

    def training():
        w = Value(0.0)
        x = np.linspace(-1, 1, 4096)
        while not stop.is_set():
            fit(lambda x, y: (w * x - y) ** 2, SGD([w]), data=(x, x), epochs=1, batch_size=4096,
                threads=2)

    def training_once():
        w = Value(0.0)
        x = np.linspace(-1, 1, 4096)
        fit(lambda x, y: (w * x - y) ** 2, SGD([w]), data=(x, x), epochs=1, batch_size=4096,
            threads=2)

    training_once()  # Python itself would wait for what another thread was importing
    threads = [threading.Thread(target=t) for t in (compiling, mapping, training)]
    for t in threads:
        t.start()

    def work():
        assert shared([0.5, 0.5, 0.25]) == np.tanh(0.25) + np.tanh(0.125)
        assert jit(lambda x: x * 3)(2.0) == 6.0
        assert f(many, 0.0).sum() == 0.0
        training_once()

    statuses = [child(work) for _ in range(4)]
    stop.set()
    for t in threads:
        t.join()
    print(statuses)
    """
    assert run(tmp_path, FORK + textwrap.dedent(body)) == f"{[0] * 4}\n"


def test_every_process_compiles_a_kernel_to_the_same_code(tmp_path: Path) -> None:
    """So that what one process has put into the cache, another one finds there."""
    body = """
    products = jit(lambda xs, ys: [tanh(1.0 + x * x) * y for x, y in zip(xs, ys)])
    products.vjp([0.1] * 40, [0.2] * 40, [1.0] * 40)
    print(products.vjp)
    """
    printed = {run(tmp_path, body, hash_seed=str(seed)) for seed in range(1, 4)}
    assert len(printed) == 1
