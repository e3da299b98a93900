"""What a key has in it: all that what is made depends on, and nothing that is another process's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, opdef, take
from micrograd.cache import keys
from micrograd.index_arrays import IndexArray
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.graph import Graph, said
from micrograd.jit.ir.program import Access, Program, Role
from micrograd.jit.target import Target
from micrograd.jit.trace.recordings import Recording
from micrograd.jit.trace.trace import trace

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROGRAD_CACHE", "1")


def key(*made_from: Any) -> str:
    found = keys.key_of("test", *made_from)
    assert found is not None
    return found


def other(x: Any) -> Any:
    """Something else of the same kind."""
    match x:
        case bool():
            return not x
        case int():
            return x + 64
        case np.dtype():
            return np.dtype("f4" if x.itemsize == 8 else "f8")
        case str() | None:
            return f"{x}!"
        case frozenset():
            return x | {"other"}
        case list():
            return [*x, x[0]] if x else [("other", 1)]
        case dict():
            return {**x, "other": 1}
        case np.ndarray():
            return np.append(x, 1).astype(x.dtype)
    return replace(x, **{fields(x)[0].name: other(getattr(x, fields(x)[0].name))})


@pytest.mark.parametrize("field", [f.name for f in fields(Target)])
def test_every_field_of_a_target_is_in_keys(field: str) -> None:
    target = Target.host()
    changed = replace(target, **{field: other(getattr(target, field))})
    assert key(changed) != key(target) == key(Target.host())


@pytest.mark.parametrize("field", [f.name for f in fields(Interface)])
def test_every_field_of_an_interface_is_in_keys(field: str) -> None:
    interface = Interface(frozenset({"x", "y"}), "out")
    changed = replace(interface, **{field: other(getattr(interface, field))})
    assert key(keys.fields_of(changed)) != key(keys.fields_of(interface))


LINES = {"place", "places"}


@pytest.mark.parametrize("field", [f.name for f in fields(Graph)])
def test_every_field_of_a_graph_but_the_lines_is_in_keys(field: str) -> None:
    x, y = Value(1.0), Value(2.0)
    graph = trace([x * y + 2.0], {"x": [x]}, None).graph
    different = other(getattr(graph, field))
    if field == "indices":
        different = [IndexArray("other", 1, 0, (), ())]
    changed = replace(graph, **{field: different})
    assert (key(said(changed)) == key(said(graph))) is (field in LINES)


def test_what_is_left_out_of_recordings_is_what_no_program_reads() -> None:
    """A field that is new is in keys, unless it is left out by name."""
    from micrograd.jit.programs import _NOT_SAID

    assert {f.name for f in fields(Recording)} == {
        *_NOT_SAID, "result", "wrt", "gradient", "alone"
    }  # fmt: skip


def test_numbers_are_told_apart_by_their_bits() -> None:
    zero, nan = key(0.0), key(float("nan"))
    assert len({zero, nan, key(-0.0), key(0), key(False), key("0.0")}) == 6
    assert key(np.zeros(3)) != key(np.zeros(4)) != key(np.zeros((2, 2)))
    assert key(np.zeros(3)) != key(np.zeros(3, np.float32)) != key(-np.zeros(3))
    long = np.zeros(5000)
    changed = long.copy()
    changed[2500] = 1e-300
    assert key(long) != key(changed)


def test_equal_programs_have_one_key_whatever_their_nodes() -> None:
    def made(origin: tuple[int, ...], shared: bool) -> Program:
        program = Program()
        program.declare("x", Role.INPUT)
        program.declare("out", Role.OUTPUT, 2)
        read = Access("x")
        for k in range(2):
            program.assign(Access("out", k), read if shared else Access("".join(["x"])))
            program.statements[k].origin = origin
        return program

    assert key(made((), True)) == key(made((3, 4), False))


def of_table(rows: int) -> str:
    """The key of a graph that looks up in a table of so many rows."""

    def squared(t: list[float], k: int) -> Any:
        return take(t, k) * take(t, k)

    kernel = jit(squared, dtype="f64")
    kernel([float(x) for x in range(rows)], 1)
    (executable,) = kernel._executables.values()
    return key(said(executable.graph))


def test_lookups_are_numbered_alike_whatever_was_looked_up_before() -> None:
    first = of_table(11)
    assert of_table(23) != first
    program = "from tests.cache.test_keys import *; of_table(31), of_table(7); print(of_table(11))"
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == first, done.stderr


def test_what_cannot_be_written_out_has_no_key() -> None:
    assert keys.key_of("test", lambda x: x) is None
    assert keys.key_of("test", open) is not None  # by its name
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert keys.key_of("test", nested) is None


def test_where_a_user_has_ops_nothing_is_kept() -> None:
    assert keys.key_of("test") is not None
    opdef.define("cubed", formula="x*x*x", vjp=(None,), expand=lambda x: x * x * x)
    try:
        assert keys.key_of("test") is None
    finally:
        del opdef.OPS["cubed"]


def test_sources_that_change_while_they_run_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    monkeypatch.setattr(keys, "_folders", lambda: [str(tmp_path)])
    monkeypatch.setattr(keys, "_known", [])
    assert keys.surroundings() is None  # it is younger than this process
    monkeypatch.setattr(keys, "BEGAN", os.stat(tmp_path / "a.py").st_ctime + 1.0)
    monkeypatch.setattr(keys, "_known", [])
    before = keys.surroundings()
    assert before is not None
    assert keys.are_sources_old()
    monkeypatch.setattr(keys, "_known", [])
    (tmp_path / "a.py").write_text("x = 2")
    assert keys.surroundings() not in (None, before)
    monkeypatch.setattr(keys, "BEGAN", os.stat(tmp_path / "a.py").st_ctime - 1.0)
    monkeypatch.setattr(keys, "_looked", [-10.0])
    assert not keys.are_sources_old()
    assert keys.surroundings() is None
