"""Code with a fault, for the tests of tests: the text of what is compiled is changed first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import lowering
from lowering.bindings import ir

Change = Callable[[str], str]
"""From the text of a module to that of a wrong one."""


def compile_damaged(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """From now on, every module is changed before it is compiled."""
    right = lowering.compile

    def wrong(module: Any, **options: Any) -> Any:
        text = str(module)
        changed = change(text)
        if changed != text:
            module = ir.Module.parse(changed, context=module.context)
        return right(module, **options)

    monkeypatch.setattr(lowering, "compile", wrong)


def lane_twice(lane: int) -> Change:
    """Where the lanes of a vector are added up, one of them is added twice."""
    pattern = re.compile(
        r'^(?P<space> *)(?P<name>%\w+) = (?P<sum>"?llvm\.intr\.vector\.reduce\.fadd"?'
        r"\(%\w+, (?P<x>%\w+)\).*, (?P<vector>vector<\S+>)\) -> (?P<number>\w+))$",
        re.MULTILINE,
    )

    def change(m: re.Match[str]) -> str:
        n = m["name"][1:]
        return "\n".join(
            m["space"] + line
            for line in (
                f"%sum{n} = {m['sum']}",
                f"%at{n} = llvm.mlir.constant({lane} : i64) : i64",
                f"%lane{n} = llvm.extractelement {m['x']}[%at{n} : i64] : {m['vector']}",
                f"%{n} = llvm.fadd %sum{n}, %lane{n} : {m['number']}",
            )
        )

    return lambda text: pattern.sub(change, text)


def off(operation: str, by: float, *, vectors: bool = False) -> Change:
    """What an operation gives is off by a number; with `vectors`, only where it gives vectors."""
    pattern = re.compile(
        rf"^(?P<space> *)(?P<name>%\w+) = (?P<rest>{re.escape(operation)} .* : "
        rf"(?P<type>{'vector<' if vectors else ''}\S+))$",
        re.MULTILINE,
    )

    def change(m: re.Match[str]) -> str:
        n, type = m["name"][1:], m["type"]
        number = f"dense<{by:.6e}> : {type}" if type.startswith("vector") else f"{by:.6e} : {type}"
        return "\n".join(
            m["space"] + line
            for line in (
                f"%right{n} = {m['rest']}",
                f"%by{n} = llvm.mlir.constant({number}) : {type}",
                f"%{n} = llvm.fadd %right{n}, %by{n} : {type}",
            )
        )

    return lambda text: pattern.sub(change, text)


def failing(text: str) -> str:
    """Nothing can be compiled."""
    raise ValueError("broken on purpose")
