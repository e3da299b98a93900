"""Starting contestants' processes and talking to them."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SERVE = Path(__file__).with_name("serve.py")
HOMES = Path(__file__).parents[2] / ".venv-peers"
OWN = ("ours", "c", "numpy")  # these run in this project's environment


def environment(threads: int) -> dict[str, str]:
    """The variables that give a process so many threads, whoever it is."""
    counted = ("OMP", "MKL", "OPENBLAS", "NUMBA")
    eigen = str(threads > 1).lower()
    return {
        **{f"{library}_NUM_THREADS": str(threads) for library in counted},
        "NPROC": str(threads),  # JAX's pool
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}",
        "JAX_PLATFORMS": "cpu",
        "PYTHONDONTWRITEBYTECODE": "",  # modules are compiled once, as where a package is installed
        # the C library keeps what was freed, else a new array of a million numbers is a page fault
        # every 4 kB, which is more of the time than the work
        "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 33),
        "MALLOC_TOP_PAD_": str(1 << 26),
    }


class NotInstalled(Exception):
    """A peer has no environment."""


class Failed(Exception):
    """A contestant reported an error, or ended."""


class OverBudget(Exception):
    """A contestant took longer than it may; its process was ended."""


def interpreter(name: str, given: dict[str, str]) -> str:
    """The Python that runs a peer.

    Raises NotInstalled.
    """
    if name in OWN:
        return sys.executable
    if name in given:
        return given[name]
    python = HOMES / name / "bin" / "python"
    if not python.exists():
        raise NotInstalled(f"not installed (python -m benchmarks.peers install {name})")
    return str(python)


class Process:
    """A contestant's process, its answers in step with the questions."""

    def __init__(self, name: str, given: dict[str, str], threads: int = 1) -> None:
        python = interpreter(name, given)
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        # what it compiles goes when it ends, however it ends
        variables = {**os.environ, **environment(threads), "TMPDIR": self._folder.name}
        variables["MICROGRAD_CACHE"] = "0"  # it is measured how long compiling takes
        flags = ["-I"]
        if name in OWN:
            found = importlib.util.find_spec("micrograd")
            assert found is not None
            assert found.origin is not None
            flags = ["-P"]
            path = [str(Path(found.origin).parents[1]), os.environ.get("PYTHONPATH", "")]
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        self._process = subprocess.Popen(
            [python, *flags, str(SERVE), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
        )

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def ask(self, seconds: float | None = None, **request: Any) -> dict[str, Any]:
        """The answer to a request.

        Raises Failed, or OverBudget when there is none after so many seconds.
        """
        streams = self._process.stdin, self._process.stdout
        assert streams[0] is not None
        assert streams[1] is not None
        try:
            streams[0].write(json.dumps(request).encode() + b"\n")
            streams[0].flush()
            line = self._line(streams[1].fileno(), seconds)
        except BrokenPipeError:
            line = b""
        if not line:
            self.close()
            raise Failed(f"its process ended with code {self._process.returncode}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def _line(self, stream: int, seconds: float | None) -> bytes:
        """One line of the answers; nothing is left over, as there is one answer per question."""
        deadline = None if seconds is None else time.monotonic() + seconds
        parts = []
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([stream], [], [], left)[0]:
                self.close()
                raise OverBudget(f"cut after {seconds:.3g} s")
            part = os.read(stream, 1 << 16)
            parts.append(part)
            if not part or part.endswith(b"\n"):
                return b"".join(parts)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()
