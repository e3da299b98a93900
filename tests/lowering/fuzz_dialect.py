"""Random operations of the llvm dialect, translated here and by MLIR's own translator, and run.

    python tests/lowering/fuzz_dialect.py SECONDS [SEED]

Each batch is worked on in a process of its own, so that one that dies is found and shown. Prints
what differs, what raises anything but an error of `lowering`, and how many cases were tried.
"""

from __future__ import annotations

import collections
import ctypes
import json
import re
import subprocess
import sys
import time

from dialect import APART, PRELUDE, Case, Maker, specs
from facts import facts, host_layout
from oracle import tool

import lowering
from lowering.backend import Options
from lowering.bindings import context, ir
from lowering.guard import is_ordinary, perform

# They stop the program that calls them, wait, or read where the addresses at random point.
_DANGEROUS = ("trap", "memcpy", "memmove", "memset", "stackrestore", "va", "llvm.call")
SIZE = 256


def module_text(cases: list[Case]) -> str:
    """One module with a function per case."""
    functions = "\n".join(case.function(f"f{index}") for index, case in enumerate(cases))
    return f'module attributes {{llvm.data_layout = "{host_layout()}"}} {{{PRELUDE}{functions}\n}}'


def reference(text: str) -> str | None:
    """The IR by MLIR's own translator; None where that fails."""
    path = tool("mlir-translate")
    assert path is not None
    try:
        done = subprocess.run(
            [path, "--mlir-to-llvmir"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def outcome(native: lowering.NativeModule, symbol: str) -> bytes:
    """What the function stores, of operands that are all small and not zero."""
    memory = (ctypes.c_uint8 * (2 * SIZE + 64))()
    source = -ctypes.addressof(memory) % 64  # aligned as vectors want it
    memory[source : source + SIZE] = [3, 0, 1, 0, 2, 0, 0, 0] * (SIZE // 8)
    function = native.function(symbol, None, ctypes.c_void_p, ctypes.c_void_p)
    function(*(ctypes.addressof(memory) + source + shift for shift in (0, SIZE)))
    return bytes(memory[source + SIZE : source + 2 * SIZE])


def may_run(case: Case) -> bool:
    """Whether a call neither stops the process nor follows a pointer."""
    types = (*case.operands, case.result or "")
    return not any(word in case.name for word in _DANGEROUS) and not any(
        "ptr" in type_ for type_ in types
    )


def batch(seed: int, size: int) -> dict[str, collections.Counter[str]]:
    """Makes cases and compares them; prints what is wrong."""
    ctx = context()
    maker = Maker(ctx, seed)
    counts: collections.Counter[str] = collections.Counter()
    refused: collections.Counter[str] = collections.Counter()
    alone = [spec for name, spec in specs().items() if name not in APART]
    cases: list[Case] = []
    for _ in range(size):
        spec = maker.choose(alone)
        print("AT making", spec.name, file=sys.stderr, flush=True)
        case = maker.case(spec, 300, maker.choose((None, *spec.required, *spec.optional)))
        if case is None:
            continue
        counts["made"] += 1
        try:
            ours = lowering.translate(ir.Module.parse(case.module(), ctx))
        except lowering.LoweringError as error:
            message = str(error)
            if "was not expected" in message or "of: @f" not in message:
                print("UNEXPECTED", message, case.module(), sep="\n", flush=True)
            refused[message.splitlines()[0][:110]] += 1
            continue
        counts["translated"] += 1
        try:
            # What is ordinary must not end this process; what is not is compiled elsewhere.
            print("AT", case.module(), file=sys.stderr, flush=True)
            counts["ordinary"] += is_ordinary(ours)
            for level in (0, 2):
                perform("object", ours, Options(level, True, False, True))
        except lowering.CompileError as error:
            counts["not compiled"] += 1
            said = re.sub(
                r"^.*(error|Assertion|ERROR): ?",
                "",
                str(error).splitlines()[
                    -1 if "gave up" in str(error) else 1 if len(str(error).splitlines()) > 1 else 0
                ],
            )
            refused[f"not compiled, {case.name}: {said[:70]}"] += 1
            # MLIR lets intrinsics have results that LLVM's have not; the error says so.
            if "gave up" not in str(error) and "intrinsic signature" not in str(error):
                theirs = reference(case.module())
                if theirs is not None:
                    print("INVALID", case.module(), error, sep="\n", flush=True)
            continue
        cases.append(case)
    for problem in compare(ctx, cases, counts):
        print(problem, flush=True)
    return {"counts": counts, "refused": refused}


def compare(ctx: ir.Context, cases: list[Case], counts: collections.Counter[str]) -> list[str]:
    """What differs from the reference, all together or, where something does, one by one."""
    if not cases:
        return []
    text = module_text(cases)
    theirs = reference(text)
    ours = lowering.translate(ir.Module.parse(text, ctx))
    if theirs is None or facts(ours) != facts(theirs):
        if len(cases) > 1:
            middle = len(cases) // 2
            return compare(ctx, cases[:middle], counts) + compare(ctx, cases[middle:], counts)
        if theirs is None:
            counts["refused by the reference"] += 1
            return []
        left, right = facts(ours), facts(theirs)
        return [f"DIFFERS\n{text}\n{left - right}\n{right - left}"]
    counts["the same"] += len(cases)
    try:
        natives = [lowering.compile_ir(each, opt_level=0) for each in (ours, theirs)]
    except lowering.CompileError:
        return []
    wrong = []
    for index, case in enumerate(cases):
        if not may_run(case):
            continue
        print("AT", case.module(), file=sys.stderr, flush=True)
        one, other = (outcome(native, f"f{index}") for native in natives)
        counts["run"] += 1
        if one != other:
            wrong.append(f"OUTCOME\n{text}\n{one!r}\n{other!r}")
    return wrong


def main(seconds: float, seed: int) -> None:
    """Runs batches for so many seconds and prints what they found and how many there were."""
    totals = {"counts": collections.Counter[str](), "refused": collections.Counter[str]()}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done = subprocess.run(
            [sys.executable, __file__, "batch", str(seed)],
            capture_output=True,
            text=True,
            check=False,
        )
        *found, last = done.stdout.splitlines() or [""]
        print("\n".join(found), end="\n" if found else "")
        if done.returncode and done.stderr.rpartition("AT ")[2].startswith("making"):
            # In MLIR's verifier, over operands that no operation of this kind has.
            totals["counts"]["MLIR died"] += 1
        elif done.returncode:
            print(f"DIED of {done.returncode}, seed {seed}:\n{done.stderr.rpartition('AT ')[2]}")
        else:
            for name, counter in json.loads(last).items():
                totals[name].update(counter)
        seed += 1
    print(dict(totals["counts"]))
    for message, count in totals["refused"].most_common():
        print(f"{count:6} {message}")


if __name__ == "__main__":
    if sys.argv[1] == "batch":
        print(json.dumps(batch(int(sys.argv[2]), 60)))
    else:
        main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
