"""Loop annotations as `!llvm.loop` metadata. Source: LangRef, "'llvm.loop'"; MLIR's
LoopAnnotationAttr.

Metadata are hints: what is not in the table is dropped and the program means the same.
"""

from __future__ import annotations

import re

from lowering.bindings import ir
from lowering.scope import Scope

# MLIR's path -> LLVM's name. A disable is negated where LLVM says enable.
_NUMBERS = {
    ("vectorize", "width"): "llvm.loop.vectorize.width",
    ("interleave", "count"): "llvm.loop.interleave.count",
    ("unroll", "count"): "llvm.loop.unroll.count",
    ("unrollAndJam", "count"): "llvm.loop.unroll_and_jam.count",
}
_ENABLED_UNLESS = {
    ("vectorize", "disable"): "llvm.loop.vectorize.enable",
    ("distribute", "disable"): "llvm.loop.distribute.enable",
}
_BOOLEANS = {
    ("vectorize", "predicateEnable"): "llvm.loop.vectorize.predicate.enable",
    ("vectorize", "scalableEnable"): "llvm.loop.vectorize.scalable.enable",
    ("", "isVectorized"): "llvm.loop.isvectorized",
}
_MARKS = {
    ("", "disableNonforced"): "llvm.loop.disable_nonforced",
    ("", "mustProgress"): "llvm.loop.mustprogress",
    ("unroll", "full"): "llvm.loop.unroll.full",
    ("unroll", "runtimeDisable"): "llvm.loop.unroll.runtime.disable",
    ("unrollAndJam", "disable"): "llvm.loop.unroll_and_jam.disable",
    ("licm", "disable"): "llvm.licm.disable",
    ("pipeline", "disable"): "llvm.loop.pipeline.disable",
}

_TOKEN = re.compile(r"(\w+) = (?:(true|false|\d+)|(<))|(<|>)")


def _settings(text: str) -> dict[tuple[str, str], str]:
    """The leaves of a printed annotation, by group and name; deeper nesting (follow-ups) is
    dropped.
    """
    found: dict[tuple[str, str], str] = {}
    groups: list[str] = []
    for name, value, opened, bracket in _TOKEN.findall(text):
        if value:
            if len(groups) <= 1:
                found[groups[0] if groups else "", name] = value
        elif opened:
            groups.append(name)
        elif bracket == "<":
            groups.append("?")
        elif groups:
            groups.pop()
    return found


def loop_metadata(scope: Scope, op: ir.Operation) -> str:
    """`, !llvm.loop !n` for a branch with a loop annotation, else nothing."""
    annotation = op.attributes.get("loop_annotation")
    if annotation is None:
        return ""
    settings = _settings(str(annotation).removeprefix("#llvm.loop_annotation<"))
    nodes = []
    for key, value in settings.items():
        if key in _NUMBERS:
            nodes.append(f'!"{_NUMBERS[key]}", i32 {value}')
        elif key in _BOOLEANS:
            nodes.append(f'!"{_BOOLEANS[key]}", i1 {value}')
        elif key in _ENABLED_UNLESS:
            enabled = "false" if value == "true" else "true"
            nodes.append(f'!"{_ENABLED_UNLESS[key]}", i1 {enabled}')
        elif key in _MARKS and value == "true":
            nodes.append(f'!"{_MARKS[key]}"')
        elif key == ("unroll", "disable"):
            nodes.append('!"llvm.loop.unroll.' + ("disable" if value == "true" else "enable") + '"')
    references = [scope.module.metadata(f"!{{{node}}}") for node in nodes]
    return ", !llvm.loop " + scope.module.distinct(f"!{{{', '.join(['{self}', *references])}}}")
