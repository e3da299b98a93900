"""A script's path -> the module that it is, run as an import runs it."""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ..errors import MicrogradError


def loaded(path: Path) -> ModuleType:
    """The module, under its own name, with its folder on the path as for `python script.py`.

    What a run before imported from that folder is imported anew.

    Raises MicrogradError if there is no such file, or it does not run to its end: with the line
    that failed.
    """
    if not path.is_file():
        raise MicrogradError(f"there is no file {path}")
    folder = str(path.parent.resolve())
    forget(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_script"
    spec = spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise MicrogradError(f"{path} is no Python script: its name should end with .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit as end:
        raise MicrogradError(f"{path} ends itself when it is run: SystemExit: {end}") from end
    except Exception as error:
        raise MicrogradError(f"{path} does not run: {where(error, path)}") from error
    return module


def used(path: Path) -> list[Path]:
    """The script and what it has imported from its folder."""
    return sorted({path.resolve(), *map(_file, _own(path).values())})


def forget(path: Path) -> None:
    """Have the script and its neighbours imported anew, from what is on the disk."""
    for name in _own(path):
        del sys.modules[name]
    importlib.invalidate_caches()
    linecache.checkcache()


def where(error: BaseException, path: Path) -> str:
    """An error with the innermost line of the script's folder that led to it."""
    own = frames_in(error, path)
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{Path(error.filename).name}:{error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}: {said}" if own else said


def frames_in(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    """The lines of the script's folder that led to an error, but for those of this package."""
    folder, package = path.parent.resolve(), Path(__file__).parents[1]
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if folder in (parents := Path(frame.filename).resolve().parents) and package not in parents
    ]


def _own(path: Path) -> dict[str, ModuleType]:
    """The modules of the script's folder, but for this package and what is installed there."""
    folder = path.parent.resolve()
    package = Path(__file__).parents[1]
    return {
        name: module
        for name, module in list(sys.modules.items())
        if getattr(module, "__file__", None)
        and folder in _file(module).parents
        and package not in _file(module).parents
        and "site-packages" not in _file(module).parts
        and name != "__main__"
    }


def _file(module: ModuleType) -> Path:
    return Path(str(module.__file__)).resolve()
