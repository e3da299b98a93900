"""Other machines, as far as this one can be them: in an emulator, in WebAssembly, or with less than
it has.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import lowering

from .drivers import Invocation, done, driver

_DTYPES = {"float": np.dtype("f4"), "double": np.dtype("f8"), "int64_t": np.dtype("i8")}


@dataclass(frozen=True)
class Machine:
    """One machine.

    target   as `export` takes it
    missing  what it needs and is not there, as a sentence; "" if all is
    run      calls, and the folder that they are exported to -> what they print
    """

    target: str
    missing: str
    run: Callable[[Sequence[Invocation], Path], str]


def _missing(*programs: str) -> str:
    """The programs that are not there."""
    found = ", ".join(name for name in programs if shutil.which(name) is None)
    return found and f"needs {found}"


def _linked(compiler: str, *flags: str, emulator: Sequence[str] = ()) -> Any:
    """A machine for which there is a compiler."""

    def run(made: Sequence[Invocation], folder: Path) -> str:
        program = folder / "driver"
        libraries = dict.fromkeys(folder / f"lib{call.name}.a" for call in made)
        command = [compiler, *flags, "-o", program, driver(made, folder), *libraries, "-lm"]
        done(command)
        return done([*emulator, program])

    return run


def _x86(level: str) -> Machine:
    """A processor of this kind."""
    missing = _missing("gcc")
    if platform.machine() not in ("x86_64", "AMD64"):
        missing = "needs a processor of x86-64"
    elif not missing:
        here, other = lowering.machine(), lowering.machine(level)
        if here.vector_bits < other.vector_bits or here.has_fma < other.has_fma:
            missing = "needs a newer processor"
    return Machine(level, missing, _linked("gcc"))


def _emulated(kind: str) -> Machine:
    """A machine of Linux in qemu, with a C library that is linked in."""
    compiler, emulator = f"{kind}-linux-gnu-gcc", f"qemu-{kind}"
    # SVE has vectors of any length, for which the code is not
    flags = ["-cpu", "max,sve=off"] if kind == "aarch64" else []
    run = _linked(compiler, "-static", emulator=[emulator, *flags])
    return Machine(f"{kind}-linux-gnu", _missing(compiler, emulator), run)


def _wasmtime(made: Sequence[Invocation], folder: Path) -> str:
    import wasmtime

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    instances: dict[str, Any] = {}
    printed: list[float] = []
    for call in made:
        if call.name not in instances:
            module = wasmtime.Module.from_file(engine, str(folder / f"{call.name}.wasm"))
            instances[call.name] = wasmtime.Instance(store, module, []).exports(store)
            instances[call.name]["_initialize"](store)
        exports = instances[call.name]
        memory, passed, written = exports["memory"], [], []
        for a, row in call.rows:
            if a.size is None:
                passed.append(int(row[0]) if a.type == "int64_t" else row[0])
                continue
            dtype = _DTYPES[a.type]
            address = exports["malloc"](store, dtype.itemsize * a.size)
            passed.append(address)
            if a.written:
                written.append((address, a.size, dtype))
            else:
                memory.write(store, np.array(row, dtype).tobytes(), address)
        value = exports[call.name](store, *passed)
        printed += [] if call.returned == "void" else [value]
        for address, size, dtype in written:
            found = memory.read(store, address, address + size * dtype.itemsize)
            printed += np.frombuffer(bytes(found), dtype).astype(np.float64).tolist()
    return "\n".join(f"{x:016x}" for x in np.array(printed).view(np.uint64).tolist())


_NODE = """
const fs = require("fs");
const show = x => {
  const bits = new BigUint64Array(new Float64Array([x]).buffer)[0];
  console.log(bits.toString(16).padStart(16, "0"));
};
const instances = {};
for (const call of JSON.parse(fs.readFileSync(process.argv[2]))) {
  if (!(call.name in instances)) {
    const module = new WebAssembly.Module(fs.readFileSync(call.file));
    instances[call.name] = new WebAssembly.Instance(module, {}).exports;
    instances[call.name]._initialize();
  }
  const f = instances[call.name], passed = [], written = [];
  for (const [type, size, isWritten, bits] of call.arguments) {
    const raw = new BigUint64Array(bits.map(BigInt)).buffer;
    const whole = type === "int64_t";
    const numbers = whole ? new BigInt64Array(raw) : new Float64Array(raw);
    if (size === null) { passed.push(numbers[0]); continue; }
    const row = whole ? BigInt64Array : type === "float" ? Float32Array : Float64Array;
    const address = f.malloc(size * row.BYTES_PER_ELEMENT);
    passed.push(address);
    if (isWritten) written.push([row, address, size]);
    else new row(f.memory.buffer, address, size).set(numbers);
  }
  const value = f[call.name](...passed);
  if (call.returned !== "void") show(value);
  for (const [row, address, size] of written)
    new row(f.memory.buffer, address, size).forEach(show);
}
"""


def _bits(type: str, row: Sequence[float]) -> list[str]:
    """The words of 64 bits that numbers are, floats as doubles."""
    dtype = np.int64 if type == "int64_t" else np.float64
    return [hex(x) for x in np.array(row, dtype).view(np.uint64)]


def _node(made: Sequence[Invocation], folder: Path) -> str:
    calls = [
        {
            "name": call.name,
            "file": str(folder / f"{call.name}.wasm"),
            "returned": call.returned,
            "arguments": [[a.type, a.size, a.written, _bits(a.type, row)] for a, row in call.rows],
        }
        for call in made
    ]
    script, given = folder / "run.js", folder / "calls.json"
    script.write_text(_NODE, encoding="utf-8")
    given.write_text(json.dumps(calls), encoding="utf-8")
    return done(["node", script, given])


def _wasm(run: Any, *programs: str, module: str = "ziglang") -> Machine:
    missing = _missing(*programs)
    packages = [name for name in dict.fromkeys([module, "ziglang"]) if find_spec(name) is None]
    return Machine("wasm32", missing or ("needs " + ", ".join(packages)) * bool(packages), run)


MACHINES = {
    "x86_64": _x86("x86_64"),
    "x86_64-v2": _x86("x86_64-v2"),
    "x86_64-v3": _x86("x86_64-v3"),
    "aarch64": _emulated("aarch64"),
    "riscv64": _emulated("riscv64"),
    "wasmtime": _wasm(_wasmtime, module="wasmtime"),
    "node": _wasm(_node, "node"),
}
