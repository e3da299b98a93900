"""Modules for packages that are not installed have no doctests to run."""

from importlib.util import find_spec

MISSING = [name for name in ("jax", "torch") if find_spec(name) is None]
collect_ignore_glob = [
    pattern for name in MISSING for pattern in (f"micrograd/{name}/*", f"tests/{name}/random_*")
]
