"""A program on its way to machine code -> MLIR, LLVM IR and assembly, and which of their lines are
of which statements.

It is compiled once more, with lines for statements (emit/origins.py), to the same instructions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from lowering.bindings import context

from ..code import Code
from ..emit.function import emit
from ..emit.native import listing
from ..emit.origins import FILE, Origins
from .model import Line, Listing

Numbers = tuple[int, ...]
_Of = Callable[[int], Numbers]

_LOCATION = re.compile(
    r' loc\((?:#loc\d*|unknown|"[^"]*":\d+:\d+|fused<[^()]*|callsite\([^)]*\))\)'
)
_ALIAS = re.compile(r'^(#loc\d*) = loc\((?:"[^"]*":(\d+):\d+|unknown)\)$')
_AT = re.compile(r'loc\((?:(#loc\d*)|"[^"]*":(\d+):\d+)\)')
_TAG = re.compile(r", !dbg (!\d+)")
_NODE = re.compile(r"^(!\d+) = !DILocation\(line: (\d+)")
_FUNCTION = re.compile(r" !dbg !\d+(?= \{$)")
_METADATA = re.compile(r"^![\w.]+ = ")
_DIRECTIVE = re.compile(r"^\s*\.(?:loc|file|cfi_\w+|size|type|p2align|globl|ident|addrsig\w*)\b")
_LOC = re.compile(r"^\s*\.loc\s+\d+\s+(\d+)\s+(\d+)")
_SECTION = re.compile(r"^\s*\.section\s+\.debug_|^\s*\.section\s+\"\.note")
_LABEL = re.compile(r"^[\w.$]+:")
_INSTRUCTION = re.compile(r"^\t[a-z]")
_JUMP = re.compile(r"^\t(?:j[a-z]+|ret[a-z]*|b|b\.[a-z]+|cbn?z|tbn?z)\t?(?: |\t|$)")
_RETURN = re.compile(r"^\tret")
_OWN_LABEL = re.compile(r"^\.L(?:func_begin|func_end|tmp)\d+:")


@dataclass(frozen=True, slots=True)
class Block:
    """Instructions of the assembly that run one after the other.

    numbers   of each, the statements that it is of
    often     how often they run in a call; None: that is known only then
    loops     whether they are a loop by themselves
    """

    instructions: tuple[str, ...]
    numbers: tuple[Numbers, ...]
    often: int | None
    loops: bool


@dataclass(frozen=True, slots=True)
class Listings:
    """The stages behind the schedule; `origins` has their statements.

    blocks   of the assembly
    """

    origins: Origins
    mlir: Listing
    llvm_ir: Listing
    assembly: Listing
    blocks: tuple[Block, ...]


def listings_of(code: Code) -> Listings:
    """The stages of what `main` of a program becomes. Cost: LLVM compiles it."""
    origins = Origins(code.schedule)
    with context():
        module = emit(code.schedule, code.interface, code.target, origins)
        text = str(module.operation.get_asm(enable_debug_info=True))
        llvm_ir, assembly = listing(
            module,
            code.target,
            opt_level=code.schedule.opt_level,
            passes=code.schedule.passes,
            lines=FILE,
        )
    return Listings(
        origins,
        Listing(tuple(mlir_lines(text, origins.at))),
        Listing(tuple(llvm_lines(llvm_ir, origins.at))),
        Listing(tuple(completed(list(assembly_lines(assembly, origins.at))))),
        tuple(blocks_of(assembly, origins)),
    )


def mlir_lines(text: str, of: _Of) -> Iterator[Line]:
    """The lines of MLIR that was printed with locations, without these."""
    lines = text.splitlines()
    aliases = {m[1]: int(m[2] or 0) for line in lines if (m := _ALIAS.match(line))}
    for line in lines:
        if line.startswith("#"):
            continue
        found = _AT.findall(line)
        number = 0
        if found and "llvm.func" not in line:
            alias, written = found[-1]
            number = aliases.get(alias, 0) if alias else int(written)
        yield Line(_LOCATION.sub("", line), of(number))


def llvm_lines(text: str, of: _Of) -> Iterator[Line]:
    """The lines of LLVM IR with debug metadata, without any nodes of metadata."""
    lines = text.splitlines()
    nodes = {m[1]: int(m[2]) for line in lines if (m := _NODE.match(line))}
    for line in lines:
        if _METADATA.match(line):
            continue
        tag = _TAG.search(line)
        yield Line(_FUNCTION.sub("", _TAG.sub("", line)), of(nodes.get(tag[1], 0)) if tag else ())


def assembly_lines(text: str, of: _Of) -> Iterator[Line]:
    """The lines of assembly with a line table, without that."""
    number = 0
    for line in text.splitlines():
        if _SECTION.match(line):
            break
        if (found := _LOC.match(line)) is not None:
            number = int(found[1])
        if _DIRECTIVE.match(line) or _OWN_LABEL.match(line):
            continue
        yield Line(line, of(number) if line.startswith("\t") else ())


def completed(lines: list[Line]) -> list[Line]:
    """Assembly in which what LLVM has put between instructions, to reload a register or to jump, is
    of the statements of what comes next in its block, or of what came last.

    What a function begins and ends with stays of none.
    """
    found = list(lines)
    starts = [k for k, line in enumerate(lines) if _LABEL.match(line.text)]
    for start, end in pairwise([0, *starts, len(lines)]):
        places = [k for k in range(start, end) if _INSTRUCTION.match(lines[k].text)]
        own = [k for k in places if lines[k].statements]
        if not own:
            continue
        begins = not lines[start].text.startswith(".L")
        ends = any(_RETURN.match(lines[k].text) for k in places)
        for k in places:
            if lines[k].statements or (begins and k < own[0]) or (ends and k > own[-1]):
                continue
            near = next((j for j in own if j > k), own[-1])
            found[k] = replace(lines[k], statements=lines[near].statements)
    return found


def blocks_of(text: str, origins: Origins) -> Iterator[Block]:
    """The blocks of assembly with a line table."""
    line = column = 0
    label, texts, numbers, often = "", list[str](), list[Numbers](), list[int | None]()

    def block() -> Block:
        known = [n for n in often if n is not None]
        return Block(
            tuple(texts),
            tuple(numbers),
            Counter(known).most_common(1)[0][0] if known else None,
            bool(label) and label in texts[-1].split(),
        )

    for each in text.splitlines():
        if _SECTION.match(each):
            break
        if (found := _LOC.match(each)) is not None:
            line, column = int(found[1]), int(found[2])
        begins = _LABEL.match(each) is not None and not _OWN_LABEL.match(each)
        if texts and (begins or _JUMP.match(texts[-1])):
            yield block()
            label, texts, numbers, often = "", [], [], []
        if begins:
            label = each.partition(":")[0]
        elif _INSTRUCTION.match(each):
            texts.append(each)
            numbers.append(origins.at(line))
            often.append(origins.often(column) if line or column else None)
    if texts:
        yield block()
