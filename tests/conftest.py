"""Kernels check themselves while they are tested (docs/checking.md); Ctrl-C is heard."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Where Python is asked to write no bytecode, let the processes that tests start have a folder
    for it in common, which is gone behind them: each would compile all sources anew.
    """
    if sys.dont_write_bytecode and os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="bytecode")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


CHECKED = {
    "test_abreast", "test_arrays", "test_batch", "test_combine", "test_derivatives", "test_docs",
    "test_engine", "test_examples", "test_explain", "test_fit", "test_fit_random",
    "test_fit_samples", "test_fit_watch", "test_fit_workloads", "test_forward",
    "test_higher_derivatives", "test_jit", "test_losses", "test_many_parameters", "test_nn",
    "test_ops", "test_optim", "test_outputs", "test_tensor_fit",
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
