"""A function in C and its code -> files for other programs, written together or not at all."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lowering
from lowering.bindings import context

from ...errors import ExportError, kind
from ...files import atomic
from ..emit.data import STACK_BYTES
from ..emit.whole import emit_whole
from ..target import Target
from . import texts
from .archive import archive
from .function import Exported, Function
from .linking import kind_of, link, linker, shared_name
from .stack import stack_of

PARAMETERS = ("baked", "passed")


def target_of(name: object, target: Target) -> Target:
    """The target that a user names, for the numbers and the rounding of another.

    Raises ExportError for a name that is none, with those that are.
    """
    if name is None:
        name = "native"
    try:
        processor = lowering.machine(name)  # type: ignore[arg-type]
    except lowering.CompileError as error:
        raise ExportError(str(error)) from None
    return Target.host(target.dtype, strict=target.strict, processor=processor)


def checked(directory: object, parameters: object, *, overwrite: object) -> Path:
    """The folder that files shall be written into.

    Raises ExportError for what is no path of a folder, and for other options that are none.
    """
    if not isinstance(directory, (str, os.PathLike)) or isinstance(directory, bytes):
        raise ExportError(f"directory should be a path, got {kind(directory)}")
    if parameters not in PARAMETERS:
        raise ExportError(f"parameters should be 'baked' or 'passed', got {kind(parameters)}")
    if not isinstance(overwrite, bool):
        raise ExportError(f"overwrite should be True or False, got {kind(overwrite)}")
    if not os.fspath(directory):
        raise ExportError("directory should be a path, got ''; '.' is the folder that you are in")
    path = Path(os.fspath(directory))
    if path.exists() and not path.is_dir():
        raise ExportError(f"{path} is a file; give the name of a folder, which may be a new one")
    return path


def export(exported: Exported, directory: Path, *, overwrite: bool) -> list[Path]:
    """Write the files of a function; their paths."""
    made, memory = _object(exported)
    files = _files(replace(exported.function, memory=memory), made, exported.code.target.processor)
    for file in files:
        if (directory / file).is_dir():
            raise ExportError(f"{directory / file} is a folder; choose another name, or move it")
    directory.mkdir(parents=True, exist_ok=True)
    there = [file for file in files if (directory / file).exists()]
    if there and not overwrite:
        raise ExportError(
            f"{directory} has {', '.join(there)} already; overwrite=True replaces them, or choose "
            "another name"
        )
    for file, content in files.items():
        with atomic(directory / file) as stream:
            stream.write(content)
    return [directory / file for file in files]


def _object(exported: Exported) -> tuple[lowering.ObjectFile, tuple[int, int]]:
    """The object file, and the bytes that a call takes from the heap, and on the stack."""
    code, name = exported.code, exported.function.name
    schedule = code.schedule
    with context():
        module, heap = emit_whole(schedule, code.interface, code.target, name, exported.outer)
        stack = stack_of(module)
        made = lowering.object_file(
            module,
            code.target.processor,
            opt_level=schedule.opt_level,
            passes=schedule.passes,
        )
    if made.defined != (name,):
        raise ExportError(f"{name}: the object defines {', '.join(made.defined)} too")
    room = schedule.workspace_size * code.target.dtype.itemsize
    return made, (heap + room * (room > STACK_BYTES), stack)


def _files(
    f: Function, made: lowering.ObjectFile, processor: lowering.Processor
) -> Mapping[str, bytes]:
    """What is written, by its names."""
    machine = f"{processor.triple} ({processor.cpu})"
    library, shared = f"lib{f.name}.a", shared_name(f.name, processor)
    libm = kind_of(processor) != "wasm32"
    files: dict[str, bytes] = {f"{f.name}.h": texts.header(f, machine).encode()}
    files[f"{f.name}.o"] = made.code
    files[library] = archive(f"{f.name}.o", made.code, made.defined)
    libraries = {"static": library}
    linked = _linked(f.name, made.code, shared, processor)
    if linked is not None:
        files[shared] = linked
        if shared.startswith("lib"):
            libraries["shared"] = shared
            files[f"{f.name}.py"] = texts.stub(f, shared).encode()
    if f.numbers:
        files[f"{f.name}_parameters.h"] = texts.parameters(f).encode()
    files[f"{f.name}_example.c"] = texts.example(f).encode()
    files[f"{f.name}.pc"] = texts.pkg_config(f, machine, libm=libm).encode()
    files[f"{f.name}Config.cmake"] = texts.cmake(f, libraries, libm=libm).encode()
    return files


def _linked(name: str, code: bytes, shared: str, processor: lowering.Processor) -> bytes | None:
    """A shared library; None, and a warning, where there is no linker for it."""
    command = linker(processor)
    if command is None:
        warnings.warn(
            f"{name}: there is no C compiler for {processor.triple}, so {shared} is not linked; "
            "install one, or pip install 'micrograd-mlir[export]'",
            stacklevel=2,
        )
        return None
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder, f"{name}.o"), Path(folder, shared)
        path.write_bytes(code)
        link(command, name, path, output)
        return output.read_bytes()
