"""Who takes part in a benchmark: a process each, that answers requests (`serve.py`)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MicrogradError

SERVE = Path(__file__).with_name("serve.py")


@dataclass(slots=True)
class Contestant:
    """Who takes part: its package, if it needs one.

    peers         the module beside this one that says how it trains
    interpreted   it is slow: its time is limited
    threads       how many it may use
    status        why it takes no part any more
    """

    name: str
    package: str = ""
    peers: str = "peers"
    interpreted: bool = False
    threads: int = 1
    status: str = ""
    process: subprocess.Popen[str] | None = None

    @property
    def key(self) -> str:
        """Its name on the command line."""
        return self.package or self.name

    def start(self, python: str | None) -> bool:
        """Start its process; False, and why in `status`, if what it needs is not there."""
        if self.package and python is None and importlib.util.find_spec(self.package) is None:
            self.status = "not installed"
            return False
        own = os.pathsep.join(filter(None, (str(SERVE.parents[2]), os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [
                python or sys.executable,
                "-I" if python else "-P",
                str(SERVE),
                self.peers,
                self.name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | limits(self.threads) | ({} if python else {"PYTHONPATH": own}),
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )
        return True

    def ask(self, **request: Any) -> dict[str, Any]:
        """Its answer; {} if it failed, and why in `status`."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            self.status = f"failed: {answer['error']}"
            return {}
        return dict(answer)

    def end(self) -> None:
        """End its process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def limits(threads: int) -> dict[str, str]:
    """The environment in which the libraries use at most so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
    eigen = "false" if threads == 1 else "true"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    return dict.fromkeys(names, str(threads)) | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


def check_peers(pythons: Mapping[str, str], all: Iterable[Contestant]) -> None:
    """Raise MicrogradError if an interpreter is for nobody."""
    packages = list(dict.fromkeys(c.package for c in all if c.package))
    unknown = sorted(pythons.keys() - set(packages))
    if unknown:
        raise MicrogradError(f"--peer takes {', '.join(packages)}, not {', '.join(unknown)}")
