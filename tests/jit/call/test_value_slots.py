"""What machine code computes of eager Values is what Python's definitions do, freed alike."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

from micrograd import Value, eager_code, engine, exp, ops
from micrograd.engine import DEFINED
from micrograd.errors import DataError
from micrograd.jit.call import value_slots
from micrograd.jit.call.callable import available
from micrograd.store import adopt

from ...eager_programs import Own, compare
from ...taped import needs_tapes, same

pytestmark = pytest.mark.skipif(not available(), reason="Python computes in this interpreter")


@pytest.fixture(autouse=True)
def begun() -> None:
    assert value_slots.begin()


@pytest.mark.parametrize("seed", range(12))
def test_it_computes_what_python_does(seed: int) -> None:
    assert compare(seed) > 50


def test_errors_are_pythons_and_say_where() -> None:
    v = Value(1.0)
    for f, name in ((operator.add, "__add__"), (operator.iadd, "__iadd__")):
        for other in ("a", None):
            messages = []
            for run in (lambda f=f, o=other: f(v, o), lambda n=name, o=other: DEFINED[n](v, o)):
                with pytest.raises((DataError, TypeError)) as caught:
                    run()
                messages.append((caught.type, str(caught.value)))
            assert messages[0] == messages[1]
            assert "test_value_slots.py" in messages[0][1]
    number: Any = 3.0
    with pytest.raises(AttributeError, match="'float' object has no attribute '_scope'"):
        Value.tanh(number)
    for wrong in (lambda: pow(v, 2, 3), lambda: v.tanh(1), lambda: exp(v, v), lambda: exp(x=v)):
        with pytest.raises(TypeError):
            wrong()


def test_methods_are_as_they_were() -> None:
    v, tanh = Value(0.5), Value.tanh
    assert tanh.op is ops.tanh
    assert tanh.__name__ == "tanh"
    assert v.tanh.__func__ is tanh
    assert pickle.loads(pickle.dumps(tanh)) is tanh is copy.deepcopy(tanh)
    assert tanh(v)._data == v.tanh()._data == v.tanh.__call__()._data == Own(0.5).tanh()._data
    assert [x._data for x in map(Value.exp, [v, v])] == [exp(v)._data] * 2


@needs_tapes
def test_traces_go_on_being_recorded_by_machine_code() -> None:
    live = [Value(0.5), Value(1.5)]
    adopt(live)
    plain = live[0] * live[1]

    def f(x: Any, y: Any, z: Any) -> Any:
        made = [g(live[0], x) - g(y, live[1]) * g(plain, z) + g(x, plain) for g in OPERATORS]
        made[0] += live[1] * live[0] + plain
        total = live[0]
        total += x
        return [*made, total * y, live[1] < x, plain >= y]

    assert same(f) <= 2  # those in place


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def arithmetic(v: Any, n: int) -> Any:
    x = v
    for _ in range(n):
        x = exp(-(x * v + 1) / 2).tanh() - 0.5 + v**2
        x += v
    return x


def test_references_are_counted_alike() -> None:
    v = Value(0.5)
    counted = [v, None, ops.add, ops.tanh, Value, v.label, v._data]
    arithmetic(v, 100)
    gc.collect()
    before = [sys.getrefcount(x) for x in counted]
    blocks = sys.getallocatedblocks()
    for _ in range(20):
        arithmetic(v, 1000)
    gc.collect()
    after = [sys.getrefcount(x) for x in counted]
    assert all(abs(a - b) < 5 for a, b in zip(before, after, strict=True))
    assert sys.getallocatedblocks() - blocks < 2000


def test_deep_graphs_are_freed_at_once() -> None:
    v = Value(0.5)
    root: Any = v
    for _ in range(300_000):
        root = root + v
    oldest = weakref.ref(root._operands[0])
    gc.disable()
    try:
        del root
        assert oldest() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("slot", ["grad", "label"])
@pytest.mark.parametrize("kind", [Value, Own])
def test_cycles_are_collected(kind: Any, slot: str) -> None:
    v = kind(0.5)
    x = exp(v * 2.0) + ops.where(v, v, 1.0)
    setattr(v, slot, [x, v])
    if kind is Own:
        v.extra = x
    known = weakref.ref(x), weakref.ref(v)
    del v, x
    gc.collect()
    assert known[0]() is known[1]() is None


def test_the_collector_sees_what_it_must() -> None:
    v, w = Value(1.0), Value(2.0)
    made = v * w
    assert {id(v), id(w), id(ops.mul), id(Value)} <= set(map(id, gc.get_referents(made)))
    made.grad, made.label = [1], "a name"  # type: ignore[assignment]
    assert made.grad in gc.get_referents(made)
    assert gc.is_tracked(made)
    own = Own(3.0)
    assert Own in gc.get_referents(own)
    assert id(own) in map(id, gc.get_referents(own * v))


def test_copies_and_pickles_are_alike() -> None:
    v = Value(0.5, label="v")
    x = arithmetic(v, 5)
    for made in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert made._data == x._data
        assert made._op == x._op
        assert len(made._prev) == 2
        made.backward()
    assert copy.copy(x)._operands == x._operands


def test_threads_compute_at_once() -> None:
    expected = arithmetic(Value(0.3), 500)._data
    found: list[float] = []
    threads = [
        threading.Thread(target=lambda: found.append(arithmetic(Value(0.3), 500)._data))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_a_missing_compiler_is_no_error_of_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*paths: str) -> Any:
        raise OSError("no such library")

    monkeypatch.setattr(eager_code, "late", late)
    monkeypatch.setattr(eager_code, "NEXT", [0])
    monkeypatch.setattr(engine, "NEXT", eager_code.NEXT)
    assert DEFINED["__mul__"](Value(2.0), 3.0).data == 6.0
    assert eager_code.NEXT in ([sys.maxsize], [eager_code.VERY_MANY])


PATCHED = """
import sys
from micrograd import Value, exp, eager_code, jit, opdef
from micrograd.engine import DEFINED
from micrograd.errors import DataError
x = Value(2.0)
if {first}:
    Value.__add__ = lambda self, other: "mine"
import micrograd.jit.emit.native
eager_code.NEXT[0] = 100
for _ in range(200):
    y = x * 3.0
from micrograd.jit.call import value_slots
assert value_slots._begun == [not {first}] and eager_code.NEXT[0] == sys.maxsize
Value.__add__ = lambda self, other: "mine"
Value.__rmul__ = lambda self, other: "right"
Value.tanh = lambda self: "tanh"
opdef.Op.__call__ = lambda self, *operands: "called"
assert x + 1 == x + x == "mine" and 2.0 * x == "right" and (x * 2.0).data == 4.0
assert x.tanh() == "tanh" and exp(x) == "called" and (x - 1.0).data == 1.0
for name in ("__add__", "__rmul__"):
    setattr(Value, name, DEFINED[name])
assert (x + 1).data == 3.0 and (2 * x).data == 4.0
f = jit(lambda a: a * a + x)
assert f(3.0) == 11.0
"""
NEW_OP = """
from micrograd import Value, ops
from micrograd.engine import DEFINED
from micrograd.errors import DataError
from micrograd.jit.call import value_slots
assert value_slots.begin()
old = ops.OPS.pop("softplus")
new = ops.define("softplus", formula="x", vjp=(lambda ct, out, x: ct,), eval=lambda x: 7.0)
assert Value(1.0).softplus().data == new(Value(1.0)).data == 7.0
assert old(Value(0.0)).data == DEFINED["softplus"](Value(0.0)).data != 7.0
"""


@pytest.mark.parametrize(
    "program", [PATCHED.format(first=False), PATCHED.format(first=True), NEW_OP]
)
def test_who_replaces_a_definition_is_heard(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
