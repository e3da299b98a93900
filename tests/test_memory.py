"""How much memory training may take: what the system has, and what limits a group or a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from micrograd import memory

MIB = 2**20


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with 1,000 MiB, whose process is in no group."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {1000 * 1024} kB\n")
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/\n")
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    groups = tmp_path / "groups"
    monkeypatch.setattr(
        memory,
        "GROUP_FILES",
        [(groups / p.relative_to(memory.GROUPS), *names) for p, *names in memory.GROUP_FILES],
    )
    return tmp_path


def group(folder: Path, names: tuple[str, str], limit: object, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")


V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_the_system_says_what_it_has(proc: Path) -> None:
    assert memory.available() == 1000 * MIB


@pytest.mark.parametrize(("names", "folder"), [(V2, "groups"), (V1, "groups/memory")])
def test_a_container_has_its_limit(proc: Path, names: tuple[str, str], folder: str) -> None:
    group(proc / folder, names, 300 * MIB, 120 * MIB)
    assert memory.available() == 180 * MIB
    (proc / folder / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MIB}\n")
    assert memory.available() == 200 * MIB  # files that are cached are given up
    group(proc / folder, names, 100 * MIB, 150 * MIB)
    assert memory.available() == 0


def test_groups_around_the_own_one_count(proc: Path) -> None:
    (proc / "proc" / "self" / "cgroup").write_text("0::/user/session\n1:name=x:/other\n")
    group(proc / "groups", V2, "max", 1)
    group(proc / "groups" / "user", V2, 500 * MIB, 100 * MIB)
    group(proc / "groups" / "user" / "session", V2, 900 * MIB, 100 * MIB)
    assert memory.available() == 400 * MIB


def test_nothing_is_known_where_nothing_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert memory.available() is None
    memory.require({"all there is": 2**80})


def test_a_limit_of_addresses_is_seen() -> None:
    pytest.importorskip("resource")
    if memory.available() is None:
        pytest.skip("this system says nothing of memory")
    code = (
        "import resource, sys\n"
        "from micrograd import memory\n"
        "used = memory._number(memory.PROC / 'self' / 'statm') * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, resource.RLIM_INFINITY))\n"
        "assert memory.available() <= 2**27\n"
        "memory.require({'parameters': 2**28})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError: training takes about 0.25 GiB more (parameters 0.25 GiB)" in done.stderr


def test_code_that_gets_no_memory_raises() -> None:
    """A limit that falls after compiling: the call raises, and works again without it."""
    pytest.importorskip("resource")
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not say how many addresses are in use")
    code = """
import resource
import numpy as np
from micrograd import Tensor, fit, jit, memory
from micrograd.optim import SGD
x = Tensor(np.linspace(0.0, 1.0, 3000), requires_grad=True)
def f(x: Tensor) -> Tensor:
    e = (x[:, None] * x).tanh()
    return (e * e.T * x).sum()
kernel, trained = jit(f), SGD([x], lr=0.0)
expected = kernel(x).item()
fit(lambda: f(x), trained, steps=1)
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
used = memory._number(memory.PROC / "self" / "statm") * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, hard))
for call in (lambda: kernel(x), lambda: fit(lambda: f(x), trained, steps=1)):
    try:
        call()
    except MemoryError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
print(kernel(x).item() == expected)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    first, second, last = done.stdout.splitlines()
    assert first.startswith(
        "the compiled code takes 34.33 MiB for what it computes on the way, and"
    )
    assert "MiB" in second
    assert last == "True", done.stderr
