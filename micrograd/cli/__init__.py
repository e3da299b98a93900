"""The command line: `micrograd train-moons`, `micrograd benchmark-moons`."""

from .main import main

__all__ = ["main"]
