"""Build script; everything it builds from is declared in pyproject.toml."""

from setuptools import setup

setup()
