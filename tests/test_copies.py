"""Copies and pickles of Values and models: independent, equal, in the order of the originals."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd import Value, jit, ops
from micrograd.copies import serial
from micrograd.errors import DataError, GraphError
from micrograd.nn import MLP, Module
from micrograd.store import Store, adopt

DEPTH = 200_000
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(7)


def by_pickle(protocol: int) -> Callable[[Any], Any]:
    return lambda x: pickle.loads(pickle.dumps(x, protocol))


def by_python_pickle(x: Any) -> Any:
    return pickle._loads(pickle._dumps(x))  # type: ignore[attr-defined]


WHOLE = [copy.deepcopy, by_python_pickle, *map(by_pickle, range(pickle.HIGHEST_PROTOCOL + 1))]
NAMES = ["deepcopy", "python", *(f"pickle{k}" for k in range(pickle.HIGHEST_PROTOCOL + 1))]
whole = pytest.mark.parametrize("copied", WHOLE, ids=NAMES)
every = pytest.mark.parametrize("copied", [copy.copy, *WHOLE], ids=["copy", *NAMES])


class Named(Value):
    """A subclass with an attribute."""

    def __init__(self, data: float, name: str) -> None:
        super().__init__(data)
        self.name = name


class Slotted(Value):
    """One with slots of its own, one of them private."""

    __slots__ = ("__secret", "friend")

    def __init__(self, data: float) -> None:
        super().__init__(data)
        self.__secret = data
        self.friend = self

    @property
    def secret(self) -> float:
        return self.__secret


class Stateful(Value):
    """One that says itself what its copies keep."""

    def __init__(self, data: float) -> None:
        super().__init__(data)
        self.log = [data]

    def __getstate__(self) -> Any:
        return len(self.log)

    def __setstate__(self, state: Any) -> None:
        self.log = [-1.0] * state


# --- leaves ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("live", [False, True])
def test_the_copy_of_a_leaf_is_a_leaf_of_its_own(copied: Any, live: bool) -> None:
    w = Value(2.0, label="w")
    w.grad = 7.0
    if live:
        assert jit(lambda x: w * x)(1.0) == 2.0
    v = copied(w)
    assert (type(v), v.data, v.grad, v.label, v._entry) == (Value, 2.0, 7.0, "w", None)
    assert v._serial > w._serial
    v.data = 100.0
    assert jit(lambda x: v * x)(1.0) == 100.0
    assert jit(lambda x: w * x)(1.0) == 2.0
    assert jit(w - v)() == -98.0
    w.data = 3.0
    assert (w.data, v.data) == (3.0, 100.0)


@every
def test_a_copy_is_another_node_to_the_compiler(copied: Any) -> None:
    w = Value(2.0)
    u = copied(w)
    u.data = 5.0
    assert (w - u).data == jit(w - u)() == -3.0
    kernel = jit(w * u + w, wrt=[w, u])
    assert kernel.grad() == (6.0, 2.0)


def test_a_shallow_copy_has_the_same_operands() -> None:
    x = Value(3.0)
    y = x * 2.0
    z = copy.copy(y)
    assert z is not y
    assert z._operands == (x, 2.0)
    (z * z).backward()
    assert (z.grad, y.grad, x.grad) == (12.0, 0, 24.0)


# --- graphs ---------------------------------------------------------------------------------------


def random_graph(seed: int, size: int = 60) -> list[Value]:
    rng = random.Random(seed)
    values = [Value(rng.uniform(-1, 1), label=f"x{k}") for k in range(5)]
    table = [ops.add, ops.sub, ops.mul, ops.tanh, ops.maximum, ops.where, ops.sigmoid, ops.detach]
    for _ in range(size):
        op = rng.choice(table)
        values.append(op(*(rng.choice([*values, 0.5]) for _ in range(op.arity - 1)), values[-1]))
    for x in values[:5]:
        values.append(values[-1] + x)
    return values


def gradients(root: Value, leaves: list[Value]) -> list[float]:
    for v in leaves:
        v.grad = 0
    root.backward()
    return [v.grad for v in leaves]


@whole
@pytest.mark.parametrize("seed", range(5))
def test_a_graph_is_copied_with_its_sharing_and_its_order(copied: Any, seed: int) -> None:
    values = random_graph(seed)
    given = values[:]
    random.Random(seed).shuffle(given)
    found = copied(given)
    twins = {id(v): twin for v, twin in zip(given, found, strict=True)}
    for v in values:
        twin = twins[id(v)]
        assert twin is not v
        assert (twin.data, twin.label, twin._entry) == (v.data, v.label, v._entry)
        assert len(twin._operands) == len(v._operands)
        for x, y in zip(v._operands, twin._operands, strict=True):
            assert y == x if isinstance(x, float) else y is twins[id(x)]
    del found
    order = sorted(given, key=serial)
    assert order == values
    assert [twins[id(v)] for v in order] == sorted(twins.values(), key=serial)
    leaves, copies = values[:5], [twins[id(v)] for v in values[:5]]
    expected = gradients(values[-1], leaves)
    assert gradients(twins[id(values[-1])], copies) == expected
    kernel = jit(twins[id(values[-1])], wrt=copies, dtype="f64", strict=True)
    assert kernel.value_and_grad() == (values[-1].data, tuple(expected))


@pytest.fixture(scope="module")
def deep() -> Value:
    x = Value(0.5, label="x")
    y: Any = x
    for k in range(DEPTH):
        y = y * 0.5 + x if k % 2 else (y - 0.25).tanh()
    return y


@pytest.mark.parametrize("copied", [copy.deepcopy, by_pickle(2), by_pickle(5)])
def test_nothing_recurses(copied: Any, deep: Value) -> None:
    twin = copied([deep])[0]
    pairs, count = [(deep, twin)], 0
    while pairs:
        v, w = pairs.pop()
        count += 1
        assert w is not v
        assert w.data == v.data
        if v._operands:
            pairs.append((v._operands[0], w._operands[0]))
    assert count > DEPTH


def test_many_results_of_one_graph_are_pickled_once() -> None:
    h = x = Value(0.5)
    states = []
    for _ in range(2000):
        h = h * 0.5 + x
        states.append(h)
    assert len(pickle.dumps(states)) < 1.5 * len(pickle.dumps(states[-1]))
    assert len(pickle.dumps(states[::-1])) < 1.5 * len(pickle.dumps(states[-1]))


def test_a_pickle_begun_by_one_pickler_is_not_assumed_by_another() -> None:
    import io

    h = x = Value(0.5)
    for _ in range(5000):
        h = h * 0.5 + x
    files = [io.BytesIO(), io.BytesIO()]
    picklers = [pickle.Pickler(f) for f in files]
    for v in (h, h * 2.0, h):
        for p in picklers:
            p.dump(v)
    for f in files:
        f.seek(0)
        reader = pickle.Unpickler(f)
        a, b, c = reader.load(), reader.load(), reader.load()
        assert b._operands[0] is a is c
        assert (a.data, b.data) == (h.data, 2.0 * h.data)


def test_a_pickle_that_failed_can_be_tried_again() -> None:
    h: Any = Value(0.5)
    for _ in range(5000):
        h = h * 0.5 + 1.0
    bad: Any = h * 2.0
    bad.label = lambda: None
    out = bad + 1.0
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(out)
    bad.label = "fine"
    assert pickle.loads(pickle.dumps(out)).data == out.data


def test_pickles_depend_on_the_graph_alone() -> None:
    def made() -> bytes:
        random.seed(3)
        model = MLP(2, [3, 1])
        return pickle.dumps((model, model([1.0, 2.0])))

    first = made()
    for _ in range(100):
        Value(1.0)
    assert made() == first
    assert pickle.dumps(pickle.loads(first)) == first


def test_a_pickle_is_read_by_another_process(tmp_path: Path) -> None:
    model = MLP(2, [3, 1])
    jit(model, dtype="f64")([1.0, 2.0])
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((model, model([1.0, 2.0]))))
    script = f"""
import pickle
from micrograd import jit
model, out = pickle.load(open({str(path)!r}, "rb"))
for p in model.parameters():
    p.data *= 2
kernel = jit(out, wrt=model.parameters(), dtype="f64")
fresh = model([1.0, 2.0])
fresh.backward()
assert kernel.value_and_grad() == (fresh.data, tuple(p.grad for p in model.parameters()))
assert jit(model, dtype="f64")([1.0, 2.0]) == fresh.data
print("ok")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (ran.stdout, ran.stderr) == ("ok\n", "")


# --- ops ------------------------------------------------------------------------------------------


def test_ops_are_copied_and_pickled_by_name() -> None:
    for op in ops.OPS.values():
        assert copy.copy(op) is op
        assert copy.deepcopy([op])[0] is op
        for protocol in range(6):
            assert by_pickle(protocol)(op) is op


def test_an_op_of_the_user_is_looked_up_where_a_pickle_is_read() -> None:
    cube = ops.define(
        "cube",
        formula="x^3",
        vjp=(lambda ct, out, x: ct * 3.0 * x * x,),
        expand=lambda x: x * x * x,
    )
    try:
        data = pickle.dumps(cube(Value(2.0)))
        assert pickle.loads(data).data == 8.0
    finally:
        del ops.OPS["cube"]
    with pytest.raises(GraphError, match=r"has the op 'cube', which is not defined here; import"):
        pickle.loads(data)
    with pytest.raises(GraphError, match="'cube' cannot be pickled"):
        pickle.dumps(cube)


@whole
def test_a_node_made_by_hand_is_copied(copied: Any) -> None:
    x = Value(3.0)
    made = Value(6.0, (x, x), "double-add", label="y")
    twin = copied(made)
    assert (twin.data, twin._op, twin._operands[0] is twin._operands[1]) == (
        6.0,
        "double-add",
        True,
    )
    with pytest.raises(GraphError, match="'double-add' is not in the op table"):
        twin.backward()


# --- subclasses -----------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("live", [False, True])
def test_subclasses_are_copied_with_what_they_add(copied: Any, live: bool) -> None:
    named, slotted, stateful = Named(2.0, "n"), Slotted(3.0), Stateful(4.0)
    if live:
        assert jit(lambda x: named * x + slotted * stateful)(1.0) == 14.0
    found = [copied(v) for v in (named, slotted, stateful)]
    assert [type(v) for v in found] == [Named, Slotted, Stateful]
    assert [v.data for v in found] == [2.0, 3.0, 4.0]
    assert (found[0].name, found[1].secret, found[2].log) == ("n", 3.0, [-1.0])
    assert found[1].friend is (slotted if copied is copy.copy else found[1])
    found[0].name = "other"
    assert named.name == "n"


def test_subclasses_compute_and_compile() -> None:
    a, b = Named(2.0, "a"), Slotted(3.0)
    out = a * b + b**2 + 1.0 / a
    out.backward()
    assert (out.data, a.grad, b.grad) == (15.5, 2.75, 8.0)
    kernel = jit(lambda x: a * b * x, dtype="f64", wrt=[a, b])
    assert kernel.value_and_grad(2.0) == (12.0, (6.0, 4.0))
    a.data = 10.0
    assert kernel(2.0) == 60.0
    assert isinstance(a, Named)
    assert type(a).__name__ == "Named"
    assert (a * b).data == 30.0
    assert repr(a) == "Value(data=10.0, grad=2.75)"
    assert jit(a * b, wrt=[a], dtype="f64").grad(1.0) == (3.0,)
    a.grad = 0
    (a * a).backward()
    assert a.grad == 20.0


def test_a_model_of_a_subclass_is_trained() -> None:
    from micrograd import fit
    from micrograd.optim import SGD

    w, b = Named(0.0, "w"), Slotted(0.0)
    x = np.linspace(-1, 1, 64)
    fit(lambda x, y: (w * x + b - y) ** 2, SGD([w, b], lr=0.1), data=(x, 3 * x + 1), epochs=100)
    assert (round(w.data, 3), round(b.data, 3), w.name) == (3.0, 1.0, "w")


def test_classes_of_live_parameters_are_made_once() -> None:
    a, b = Named(1.0, "a"), Named(2.0, "b")
    adopt([a])
    adopt([b])
    assert type(a) is type(b) is not Named


# --- what is assigned -----------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_data_is_a_float_whatever_is_assigned(live: bool) -> None:
    w = Value(1.0)
    if live:
        adopt([w])
    for given in (np.float32(0.1), np.float64(2.5), 3, True, np.array(4.0), 10**400):
        w.data = given  # type: ignore[assignment]
        assert type(w.data) is float
        assert w.data == Value(given).data
    for bad in ("x", None, np.ones(2), [1.0], b"1"):
        before = w.data
        with pytest.raises(DataError, match="a Value holds one real number, got"):
            w.data = bad
        assert w.data == before


# --- models and stores ----------------------------------------------------------------------------


class Pair(Module):
    """Two models with a layer in common, and parameters in another order than they were made."""

    def __init__(self) -> None:
        late = MLP(2, [3, 1])
        self.first, self.second = MLP(2, [3, 1]), late
        self.second.layers[0] = self.first.layers[0]

    def parameters(self) -> list[Value]:
        return list(dict.fromkeys(self.first.parameters() + self.second.parameters()))


@whole
def test_a_model_is_copied_with_what_it_shares(copied: Any) -> None:
    model = Pair()
    x = [0.3, -0.7]
    kernel = jit(lambda: model.first(x) * model.second(x), dtype="f64", wrt=model.parameters())
    before = kernel()
    twin = copied(model)
    assert twin.first.layers[0] is twin.second.layers[0]
    other = jit(lambda: twin.first(x) * twin.second(x), dtype="f64", wrt=twin.parameters())
    assert other.value_and_grad() == kernel.value_and_grad()
    for p in twin.parameters():
        p.data += 1.0
    assert kernel() == before
    assert other() != before
    store = adopt(twin.parameters())
    assert len(store) == 1
    by_age = sorted(model.parameters(), key=serial)
    assert [v.data + 1.0 for v in by_age] == store[0].array.tolist()


@every
def test_a_copied_store_has_its_numbers_elsewhere(copied: Any) -> None:
    store = Store([1.0, 2.0])
    twin = copied(store)
    assert twin.array.tolist() == [1.0, 2.0]
    assert twin.address != store.address
