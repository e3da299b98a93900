"""Blocks of assembly -> cycles, by `llvm-mca`, LLVM's own model of a processor, if it is there."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..target import Target
from .listings import Block

TOOLS = ("llvm-mca-22", "llvm-mca")
SIMULATED = 300_000
"""Instructions that are simulated in all, about."""
MOST_ROUNDS = 100
SECONDS = 60.0
"""After which the tool is given up."""
_CALL = re.compile(r"^\t(?:call[a-z]*|blr?)\t|^\t(?:jmp[a-z]*|b)\t(?=[^.*])")
"""The last one of a function is a jump; other jumps are to labels, or to addresses."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a block takes each time.

    cycles   of a loop, each round, dependences between rounds included; of others, as the busiest
             of the processor's parts says, since what comes before and behind overlaps
    shares   of each instruction, by what it needs of the processor; they sum up to 1
    busiest  the part of the processor that is needed most, and for how many cycles
    calls    which instructions are calls of other functions, whose time is not in it
    """

    cycles: float
    shares: tuple[float, ...]
    busiest: str
    calls: tuple[int, ...]


@functools.cache
def tool() -> tuple[str, str] | None:
    """The path of `llvm-mca` and its version, if there is one: of LLVM's tools as a package, or of
    the system.
    """
    package = importlib.util.find_spec("llvm")
    places = package.submodule_search_locations if package is not None else None
    own = [str(Path(place) / "bin" / "llvm-mca") for place in places or ()]
    for path in filter(None, map(shutil.which, (*own, *TOOLS))):
        said = _run([path, "--version"], "")
        found = re.search(r"LLVM version (\S+)", said or "")
        if found is not None:
            return path, found[1]
    return None


def costs_of(blocks: Sequence[Block], target: Target) -> list[Cost] | None:
    """What each block takes on the target's processor; None if there is no tool, or it does not
    know the processor or an instruction.
    """
    found = tool()
    if found is None:
        return None
    mark = target.processor.family.comment
    texts, bodies, size = [], [], 0
    for k, block in enumerate(blocks):
        body = [n for n, text in enumerate(block.instructions) if not _CALL.match(text)]
        bodies.append(body)
        size += len(body)
        if body:
            lines = [block.instructions[n] for n in body]
            texts += [f"{mark} LLVM-MCA-BEGIN b{k}", *lines, f"{mark} LLVM-MCA-END"]
    rounds = max(2, min(MOST_ROUNDS, SIMULATED // max(1, size)))
    cpu, features = target.processor.cpu, target.processor.features
    options = [f"-mcpu={cpu}", f"-iterations={rounds}", "-json", "-all-views=false"]
    options += ["-summary-view", "-resource-pressure"]
    options += [f"-mattr={features}"] if features else []
    said = _run([found[0], *options], "\n".join([*texts, ""]))
    if not said:
        return None
    read = json.loads(said[said.index("{") :])
    regions = {region["Name"]: region for region in read["CodeRegions"]}
    names = read["TargetInfo"]["Resources"]
    costs = []
    for k, (block, body) in enumerate(zip(blocks, bodies, strict=True)):
        region = regions.get(f"b{k}")
        if region is None and body:
            return None
        costs.append(_cost(block, body, region, names))
    return costs


def _cost(block: Block, body: Sequence[int], region: Any, names: Sequence[str]) -> Cost:
    """What the tool has found about a block, of which it was given some instructions."""
    n = len(block.instructions)
    if region is None:
        return Cost(0.0, (1.0 / n,) * n if n else (), "", tuple(range(n)))
    summary = region["SummaryView"]
    cycles = summary["BlockRThroughput"]
    if block.loops:
        cycles = max(cycles, summary["TotalCycles"] / summary["Iterations"])
    needed, parts = [0.0] * n, [0.0] * len(names)
    for use in region["ResourcePressureView"]["ResourcePressureInfo"]:
        if use["InstructionIndex"] < len(body):  # behind them is the sum of all
            needed[body[use["InstructionIndex"]]] += use["ResourceUsage"]
            parts[use["ResourceIndex"]] += use["ResourceUsage"]
    total = sum(needed)
    shares = tuple(x / total for x in needed) if total else (1.0 / n,) * n
    most = max(range(len(parts)), key=parts.__getitem__, default=None)
    busiest = ""
    if most is not None and parts[most]:
        name = re.sub(r"[^\w]+\W*$", "", names[most].partition(".")[0])
        busiest = f"{name} {parts[most]:.1f} cycles of {cycles:.1f}"
    return Cost(float(cycles), shares, busiest, tuple(sorted({*range(n)} - {*body})))


def _run(command: Sequence[str], text: str) -> str:
    """What a tool prints; '' if it fails."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
