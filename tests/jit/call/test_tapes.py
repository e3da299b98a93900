"""What a tape holds and lets go, in threads, interrupted, collected; and where there are none."""

from __future__ import annotations

import gc
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest

import micrograd
from micrograd import Value, jit, ops
from micrograd.errors import TraceError
from micrograd.jit.call import frames, recorder, value_slots
from micrograd.jit.call.callable import Unexpected
from micrograd.jit.trace import places, taped, unread
from micrograd.jit.trace.compiling import compiling
from micrograd.jit.trace.trace import trace
from micrograd.traced import Traced

from ...taped import begun, needs_tapes, recorded, same

pytestmark = needs_tapes

P = [Value(1.0), Value(2.0)]
COMPUTED = P[0] * P[1]


def program(seed: int) -> Any:
    """A function of some operations."""

    def f(*arguments: Any) -> Any:
        rng = random.Random(seed)
        pool = [arguments[0] * 1.0]
        for _ in range(300):
            a, b = (rng.choice([*pool[-4:], *arguments, P[1]]) for _ in range(2))
            number = rng.choice([2.0, 0.5, -3.0])
            made = a + b, a * b, ops.tanh(a) - b, number * a, a - number, a / number
            pool.append(rng.choice(made))
        return sum(rng.sample(pool, rng.choice([1, 100])))

    return f


@pytest.mark.parametrize("seed", range(8))
def test_tapes_are_the_same_whatever_blocks_they_are_read_in(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whether NumPy fills the columns of graphs, or machine code."""
    monkeypatch.setattr(taped, "BLOCK", (1, 2, 7, 100)[seed % 4])
    monkeypatch.setattr(places, "BLOCK", (100, 7, 2, 1)[seed % 4])
    if seed % 2:
        monkeypatch.setattr(unread, "MANY", -1)
    same(program(seed))


def test_nothing_is_kept() -> None:
    """Reference counts of all that is touched, and the objects that the collector knows."""
    numbers = [1e300, 12345.0]
    watched = [ops.add, ops.tanh, P[0], COMPUTED, Traced, *numbers, None, NotImplemented]

    def run() -> None:
        scope, (x, y, _) = begun(True)
        with compiling(scope):
            total: Any = x + numbers[0]
            kept = []
            for k in range(3000):
                total = total + x * y - P[0] * ops.tanh(y) / (COMPUTED + numbers[1])
                total += abs(x) if x.__eq__("a") is NotImplemented else x
                if k % 100 == 0:
                    kept.append(total)
        trace([total, *kept[:3]], {"x": [x, y]}, None, scope=scope)

    run()
    run()
    gc.collect()
    before, objects = [sys.getrefcount(x) for x in watched], len(gc.get_objects())
    for _ in range(5):
        run()
    gc.collect()
    after = [sys.getrefcount(x) for x in watched]
    assert all(abs(b - a) < 50 for a, b in zip(before, after, strict=True))
    assert abs(len(gc.get_objects()) - objects) < 200


def test_a_function_that_raises_lets_go_of_what_it_held() -> None:
    leaf = Value(1.0)
    before = sys.getrefcount(leaf)

    def work() -> None:
        scope, (x, y, _) = begun(True)
        with compiling(scope):
            bool(((leaf * x) + y) * (leaf * y))

    for _ in range(3):
        with pytest.raises(TraceError):
            work()
    gc.collect()
    assert sys.getrefcount(leaf) == before


def test_threads_record_on_tapes_of_their_own() -> None:
    found: list[Any] = [None] * 4

    def work(k: int) -> None:
        found[k] = recorded(program(k), tape=True)[0]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switching)
    for k, graph in enumerate(found):
        assert str(graph) == str(recorded(program(k), tape=False)[0])


def test_a_million_nodes_deep() -> None:
    scope, (x, _, _) = begun(True)
    with compiling(scope):
        a: Any = x
        for _ in range(500_000):
            a = a * 0.5 + x
    assert len(scope.made) <= 1
    graph = trace([a], {"x": [x]}, ()).graph
    assert len(graph) == 1_500_001


def test_what_is_computed_in_vain_is_left_out() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        vain = x * 7.0
        for _ in range(100):
            vain = vain * y + 1.0
        return x + y

    same(f)


def test_what_escapes_from_a_long_trace_is_told_so() -> None:
    kept: list[Any] = []

    def keeping(x: float) -> float:
        for _ in range(100):
            x = x * 1.001 + x
        kept.append(x)
        return x

    scope, arguments = begun(True)
    with compiling(scope):
        trace([keeping(arguments[0])], {"x": arguments}, None)  # type: ignore[arg-type]
    for f in (lambda x: x * kept[0], lambda x: keeping(x) * kept[0]):
        with pytest.raises(TraceError, match=r"test_tapes.py:\d+: Traced\(x\) was traced"):
            jit(f)(1.0)


@pytest.mark.usefixtures("ctrl_c")
def test_interrupted() -> None:
    scope, (x, _, _) = begun(True)
    timer = threading.Timer(0.05, lambda: signal.raise_signal(signal.SIGINT))

    def work() -> None:
        with compiling(scope):
            a: Any = x * 1.0
            timer.start()
            while True:
                a = a * 0.5 + x

    with pytest.raises(KeyboardInterrupt):
        work()
    timer.join()
    assert scope.is_over
    with pytest.raises(TraceError, match="escaped"):
        x + 1.0


def test_collected_while_it_records() -> None:
    """The collector may run code of the user's in the midst of an op, which records too."""
    scope, (x, y, _) = begun(True)
    made = []

    class Ring:
        def __init__(self) -> None:
            self.ring = self

        def __del__(self) -> None:
            if not scope.is_over:
                made.append(x * 3.0)

    thresholds = gc.get_threshold()
    with compiling(scope):
        a: Any = x + y
        gc.set_threshold(1, 1, 1)
        try:
            for _ in range(50):
                Ring()
                a = a + [x, y][len(made) % 2] * 2.0
        finally:
            gc.set_threshold(*thresholds)
    assert len(made) > 10
    graph = trace([a, *made], {"x": [x, y]}, ()).graph
    assert len(graph) > 150


def test_while_the_program_is_traced_by_a_debugger() -> None:
    seen = []

    def look(frame: Any, event: str, argument: Any) -> Any:
        seen.append(frame.f_lineno)
        return look

    expected = str(recorded(program(3), tape=False)[0])
    before = sys.gettrace()
    sys.settrace(look)
    try:
        found, by_python = recorded(program(3), tape=True)
    finally:
        sys.settrace(before)
    assert str(found) == expected
    assert by_python == 0
    assert len(seen) > 1000


def test_ops_that_are_defined_later() -> None:
    same(lambda x, y, z: x + y)
    twice = micrograd.opdef.define(
        "twice", formula="2*x", vjp=(lambda ct, out, x: ct * 2.0,), expand=lambda x: x * 2.0
    )
    try:
        assert same(lambda x, y, z: twice(x + y) * twice(x)) == 0
        assert same(lambda x, y, z: (x * y).twice() + z) == 1
    finally:
        del ops.OPS["twice"]


def test_a_new_op_takes_its_name() -> None:
    same(lambda x, y, z: (x * y).tanh())  # the methods are machine code
    method = Traced.__dict__["tanh"]
    op = ops.OPS.pop("tanh")
    mine = None
    try:
        mine = micrograd.opdef.define(
            "tanh", formula="x", vjp=(lambda ct, out, x: ct,), expand=lambda x: x * 2.0
        )
        assert same(lambda x, y, z: (x * y).tanh()) >= 0
        scope, (x, y, _) = begun(True)
        with compiling(scope):
            assert (x * y).tanh()._entry is mine
    finally:
        ops.OPS["tanh"] = op
        for listener in micrograd.opdef.LISTENERS:
            listener(op)
        Traced.tanh = method  # type: ignore[method-assign]


# --- other interpreters -----------------------------------------------------------------------


def run(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", text], capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "spoilt",
    [
        "frames.BY_VERSION.clear()",
        "frames._word = lambda address: 0",
        "frames.SLOTS['__add__'] = (16, 7)",
        "tape_code.COMPARISONS = ('le', 'lt', 'eq', 'ne', 'gt', 'ge')",
    ],
)
def test_python_records_where_something_is_otherwise(spoilt: str) -> None:
    said = run(
        "from micrograd import jit, traced\n"
        "from micrograd.jit.call import frames, tape_code\n"
        f"{spoilt}\n"
        "traced.MANY = 0\n"
        "f = jit(lambda x, y: (x + y) * x.tanh() - (x < y))\n"
        "print(f(0.0, 1.0), f.value_and_grad(2.0, 1.0))\n"
    )
    assert said.count("traces are recorded by Python") == 1
    assert said.startswith("-1.0 (2.89") or "\n-1.0 (2.89" in said


def test_frames_are_found_wherever_one_is() -> None:
    def here() -> Any:
        yield frames.frames()

    found = [next(here()), *map(lambda _: frames.frames(), [0])]
    assert found[0] == found[1] == max([frames.frames()], key=lambda _: frames.frames().code)
    here_is = frames.BY_VERSION[sys.version_info[:2]]
    for field in ("code", "previous", "instruction", "bytecode"):
        wrong = replace(here_is, **{field: getattr(here_is, field) + 2})
        with pytest.raises(Unexpected):
            wrong.check()


def test_the_slots_are_those_of_the_code() -> None:
    assert recorder.code_of_tapes() is not None
    add = frames.slot_of(Traced, "__add__")
    assert add == frames.slot_of(Traced, "__iadd__")
    begun = value_slots._begun == [True]  # of Values, other code may have come before
    assert begun or add == frames.slot_of(Value, "__add__")


@pytest.mark.parametrize("seed", range(4))
def test_what_python_has_recorded_last_is_merged_with_the_tape(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first op of a function that no tape knows is Python's, and may be the result."""
    deep = program(seed)

    def last(found: Any, y: Any) -> Any:
        return found * y

    def f(*arguments: Any) -> Any:
        return last(deep(*arguments), arguments[1])

    asked: list[Any] = []
    operands = recorder.Tape.operands
    monkeypatch.setattr(
        recorder.Tape, "operands", lambda tape, made: asked.append(made) or operands(tape, made)
    )
    assert same(f) >= 1
    assert not asked


def test_operands_are_those_held_however_many_come_later() -> None:
    leaves = [Value(float(k)) for k in range(50)]
    scope, (x, _, _) = begun(True)
    with compiling(scope):
        made = [x]
        for leaf in leaves:
            made.append(made[-1] + leaf)
            if len(made) > 2:  # Python has recorded the first
                assert made[-1]._operands[1] is leaf
        assert [v._operands[1] for v in made[2:]] == leaves[1:]
    tape: Any = scope.tape
    assert tape._by_serial
    tape.let_go()
    assert not tape._by_serial
    assert made[-1]._operands[1] is not leaves[-1]
