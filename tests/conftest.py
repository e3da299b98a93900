"""Kernels check themselves while they are tested (docs/checking.md); Ctrl-C is heard."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache

import pytest

from lowering import native


def pytest_configure(config: pytest.Config) -> None:
    """Let nothing that was compiled before be taken for what is compiled now, in the processes that
    tests start, too. Where Python is asked to write no bytecode, let these have a folder for it in
    common, which is gone behind them: each would compile all sources anew.
    """
    os.environ["MICROGRAD_CACHE"] = "0"
    if sys.dont_write_bytecode and os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="bytecode")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_finish() -> None:
    """Let the collector of garbage not go through all tests whenever one of them has made a lot."""
    gc.collect()
    gc.freeze()


_anew = native.perform
_lately = lru_cache(maxsize=500)(_anew)


def once(name: str, llvm_ir: str, options: native.Options) -> bytes:
    """What LLVM makes of a text: not again of what it was given lately, if that is not huge."""
    return (_lately if len(llvm_ir) < 200_000 else _anew)(name, llvm_ir, options)


@pytest.fixture(scope="module", autouse=True)
def compiled_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have LLVM compile no text a second time, but in the tests of how it does: three quarters of
    what tests of training compile is what others have compiled.
    """
    with pytest.MonkeyPatch.context() as patched:
        if "lowering" not in request.path.parts:
            patched.setattr(native, "perform", once)
        yield


CHECKED = {
    "test_abreast", "test_arrays", "test_batch", "test_derivatives", "test_docs", "test_engine",
    "test_examples", "test_explain", "test_fit", "test_forward", "test_higher_derivatives",
    "test_jit", "test_like_terms", "test_losses", "test_many_parameters", "test_nn", "test_ops",
    "test_optim", "test_outputs", "test_random_losses", "test_samples", "test_tensor_fit",
    "test_watch", "test_workloads",
}  # fmt: skip
"""The tests of what is compiled; not those of how CPython calls it, which is without checks."""


@pytest.fixture(autouse=True)
def checked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile kernels with `check`, unless a test says otherwise."""
    if request.module.__name__.rpartition(".")[2] in CHECKED:
        monkeypatch.setenv("MICROGRAD_CHECK", "1")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts this process, and those that it starts, also where the tests run in the
    background: there it is ignored from the start, which children inherit.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
