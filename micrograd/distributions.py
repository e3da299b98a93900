"""Which distribution a file of this package is of, where it is not the one that it should be.

PyPI's `micrograd` is a package of the same name. Installed over this one it replaces some of its
files, and uninstalled it takes them away. This is imported only once an import has failed.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

OURS = "micrograd-mlir"
HERE = Path(__file__).parent


def replaced(file: str) -> ImportError:
    """The error that says whose a file of this package is, which is not ours."""
    path = HERE / file
    if not path.exists():
        what = f"{path} is missing: what was uninstalled had a file of that name"
    else:
        found = owners(path)
        whose = f"it belongs to {' and '.join(found)}" if found else "no distribution lists it"
        what = f"{path} is not the file that {OURS} has installed there: {whose}"
    return ImportError(
        f"{what}. Two distributions share the package `{HERE.name}`; keep one of them:\n"
        f"    pip uninstall micrograd; pip install --force-reinstall {OURS}",
        name=HERE.name,
        path=str(path),
    )


def owners(path: Path) -> list[str]:
    """The distributions, other than ours, that have installed this file: name and version."""
    found = [d for d in importlib.metadata.distributions() if _has(d, path)]
    return list(dict.fromkeys(f"{d.name} {d.version}" for d in found if d.name != OURS))


def _has(distribution: importlib.metadata.Distribution, path: Path) -> bool:
    return any(
        file.name == path.name and Path(str(file.locate())).resolve() == path.resolve()
        for file in distribution.files or ()
    )
