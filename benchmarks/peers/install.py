"""Making the environments of the peers, under `.venv-peers/NAME`.

They are apart because PyPI's `micrograd` has the import name of this project, and so that no peer's
requirements bind ours or another's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv

from .client import HOMES

REQUIREMENTS = {
    "micrograd": ["micrograd==0.1.0"],
    "numba": ["numba"],
    "jax": ["jax"],
    "casadi": ["casadi"],
    "torch": ["torch==2.13.0", "numpy"],
    "heyoka": ["heyoka", "numpy"],
    "drjit": ["drjit", "numpy"],
}


def install(name: str) -> None:
    """Make the environment of a peer anew.

    Raises subprocess.CalledProcessError if it cannot be installed.
    """
    home = HOMES / name
    venv.create(home, clear=True, with_pip=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*command, *REQUIREMENTS[name]], check=True)


def main(arguments: list[str]) -> int:
    """Install the peers named, or all; returns how many failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Make the environments of the projects compared with, under .venv-peers/.",
    )
    parser.add_argument("command", choices=["install", "list"])
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(REQUIREMENTS))
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.peers) - set(REQUIREMENTS)
    if unknown:
        parser.error(f"unknown peers {sorted(unknown)}; there are {', '.join(REQUIREMENTS)}")
    failed = 0
    for name in chosen.peers or REQUIREMENTS:
        if chosen.command == "list":
            there = (HOMES / name / "bin" / "python").exists()
            print(f"{name:10} {'installed' if there else 'not installed'}")
            continue
        print(f"installing {name}", flush=True)
        try:
            install(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
    return failed
