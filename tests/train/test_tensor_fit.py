"""Training of Tensors in one native loop, against the same training uncompiled."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, fit, losses, nn
from micrograd.errors import CheckError, GraphError, TrainingError
from micrograd.jit.emit.interface import Interface
from micrograd.jit.ir.program import Role
from micrograd.jit.options import Options
from micrograd.jit.schedule import product, products
from micrograd.optim import SGD, Adam, AdamW, Optimizer, linear
from micrograd.train.tensor_step import TensorStep, traced_loss

from .test_samples import in_order, shuffled

LOOSE = {"float32": 2e-5, "float64": 1e-12}


class Net:
    """Layers with an activation between them; its loss is the cross-entropy of classes."""

    def __init__(self, sizes: Sequence[int], dtype: str, seed: int, activation: str) -> None:
        rng = np.random.default_rng(seed)
        self.activation = activation
        self.classes = Tensor(np.eye(sizes[-1]), dtype)
        self.layers = [
            (
                Tensor(rng.normal(0, 0.7, (a, b)), dtype, requires_grad=True),
                Tensor(rng.normal(0, 0.3, (b,)), dtype, requires_grad=True),
            )
            for a, b in pairwise(sizes)
        ]

    def parameters(self) -> list[Tensor]:
        return [p for layer in self.layers for p in layer]

    def __call__(self, x: Any) -> Any:
        for k, (w, b) in enumerate(self.layers):
            x = x @ w + b
            if k < len(self.layers) - 1:
                x = getattr(x, self.activation)()
        return x

    def loss(self, x: Any, y: Any) -> Any:
        targets = self.classes[y] if y.ndim == 1 else y
        return -(self(x).log_softmax(1) * targets).sum(1).mean()


def eager(net: Net, optimizer: Optimizer, x: Any, y: Any, batches: list[list[int]]) -> list[float]:
    """The losses of training step by step."""
    dtype = net.layers[0][0].dtype
    losses = []
    for rows in batches:
        targets = Tensor(y[rows], dtype if y.dtype.kind == "f" else None)
        loss = net.loss(Tensor(x[rows], dtype), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


OPTIMIZERS: list[Callable[[Any], Optimizer]] = [
    lambda p: SGD(p, lr=0.1),
    lambda p: SGD(p, lr=linear(0.1, 0.01, 6), weight_decay=0.1),
    lambda p: SGD(p, lr=0.05, momentum=0.9, clip_norm=0.5),
    lambda p: SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: Adam(p, lr=0.02, weight_decay=0.1),
    lambda p: AdamW(p, lr=0.02, clip_norm=1.0),
]
RANDOM = 18


@pytest.mark.parametrize("seed", range(RANDOM))
def test_trained_as_step_by_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = ["float32", "float64"][seed % 2]
    make = OPTIMIZERS[seed % len(OPTIMIZERS)]
    inputs, classes = int(rng.integers(1, 6)), int(rng.integers(2, 5))
    sizes = [inputs, *rng.integers(1, 8, rng.integers(0, 3)).tolist(), classes]
    size = int(rng.integers(1, 8))
    n = size * int(rng.integers(1, 4)) + int(rng.choice([0, 1, size - 1])) % size
    x = rng.normal(size=(n, inputs)).astype(rng.choice(["f4", "f8"]))
    labels = rng.integers(0, classes, n)
    y = labels if rng.integers(2) else np.eye(classes)[labels]
    activation = str(rng.choice(["tanh", "sigmoid", "relu"]))
    shuffle = bool(rng.integers(2))
    accumulate = int(rng.integers(1, 3))
    strict = bool(rng.integers(2))
    one, other = (Net(sizes, dtype, seed, activation) for _ in range(2))
    step = min(n, size * accumulate)
    batches = shuffled(n, step, 2, 5) if shuffle and step < n else in_order(n, step, 2)
    optimizer = make(one.parameters())
    losses = eager(one, optimizer, x, y, batches)
    trained = make(other.parameters())
    history = fit(
        other.loss,
        trained,
        data=(x, y),
        epochs=2,
        batch_size=size,
        accumulate=accumulate,
        shuffle=shuffle,
        seed=5,
        strict=strict,
    )
    close = {"rtol": LOOSE[dtype], "atol": LOOSE[dtype]}
    np.testing.assert_allclose(history.losses, losses, **close)
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(q.numpy(), p.numpy(), **close)
        assert q.dtype == dtype
    for name, column in trained.state.items():
        assert column.dtype == dtype
        np.testing.assert_allclose(column, optimizer.state[name], **close)
    assert trained.steps == optimizer.steps == len(batches)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_strict_is_bit_for_bit_where_sums_are_in_order(make: Callable[[Any], Optimizer]) -> None:
    def parameters() -> list[Tensor]:
        return [Tensor([1.5, -2.0, 0.3], "f64", requires_grad=True)]

    def loss(w: Tensor) -> Tensor:
        x = (w * [1.0, 3.0, 7.0]).relu() - 0.5
        return (x * x * w / 3.0).sum()

    (v,), (w,) = parameters(), parameters()
    one, other = make([v]), make([w])
    losses = []
    for _ in range(6):
        value = loss(v)
        one.zero_grad()
        value.backward()
        one.step()
        losses.append(value.item())
    history = fit(lambda: loss(w), other, steps=6, strict=True)
    assert history.losses.tolist() == losses
    assert w.tolist() == v.tolist()
    assert all((one.state[name] == other.state[name]).all() for name in one.slots)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_strict_has_the_functions_of_eager_tensors(
    make: Callable[[Any], Optimizer], dtype: str
) -> None:
    """Of few numbers along the last axes, so that NumPy sums in order."""
    x, y = np.random.default_rng(1).normal(size=(2, 10, 3)).astype(dtype)

    def loss_of(w: Tensor, b: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        def loss(x: Tensor, y: Tensor) -> Tensor:
            out = ((x * w).tanh().exp() + b).log_softmax(1) * y + (x * b).sigmoid() ** 1.5
            return (out.sum(1) ** 2).mean() + w.abs().max()

        return loss

    def parameters() -> list[Tensor]:
        return [Tensor(a, dtype, requires_grad=True) for a in ([1.5, -2.0, 0.3], [0.1, 0.2, -0.3])]

    eager, trained = parameters(), parameters()
    one, other = make(eager), make(trained)
    losses = []
    for k in (0, 4, 8, 0, 4, 8):
        value = loss_of(*eager)(Tensor(x[k : k + 4], dtype), Tensor(y[k : k + 4], dtype))
        one.zero_grad()
        value.backward()
        one.step()
        losses.append(value.item())
    how: dict[str, Any] = {"data": (x, y), "batch_size": 4, "shuffle": False, "epochs": 2}
    history = fit(loss_of(*trained), other, strict=True, **how)
    assert history.losses.tolist() == losses
    assert [w.tolist() for w in trained] == [v.tolist() for v in eager]


ROWS = np.random.default_rng(3).normal(size=(10, 4))
LABELS = np.arange(10) % 3


def net() -> Net:
    return Net([4, 5, 3], "float64", 0, "tanh")


def test_going_on_is_training_on() -> None:
    one, other = net(), net()
    first, second = (Adam(m.parameters(), lr=0.1) for m in (one, other))
    whole = fit(one.loss, first, data=(ROWS, LABELS), epochs=3, batch_size=3)
    parts = [fit(other.loss, second, data=(ROWS, LABELS), epochs=1, batch_size=3) for _ in "abc"]
    assert np.concatenate([h.losses for h in parts]).tolist() == whole.losses.tolist()
    resumed = Adam(other.parameters(), lr=0.1)
    resumed.load_state_dict(second.state_dict())
    expected = fit(one.loss, first, data=(ROWS, LABELS), epochs=1, batch_size=3)
    found = fit(other.loss, resumed, data=(ROWS, LABELS), epochs=1, batch_size=3)
    assert found.losses.tolist() == expected.losses.tolist()


def test_what_was_taken_before_keeps_its_numbers() -> None:
    model = net()
    w, b = model.layers[0]
    before, view, numbers = w.data, b.numpy(), (w.tolist(), b.tolist())
    loss = model.loss(Tensor(ROWS, "f64"), LABELS)
    optimizer = SGD(model.parameters(), lr=0.1)
    taken: list[tuple[Any, Any]] = []
    history = fit(
        model.loss,
        optimizer,
        data=(ROWS, LABELS),
        epochs=4,
        callback=lambda h: taken.append((w.data, w.tolist())),
    )
    assert (before.tolist(), view.tolist()) == numbers
    assert all(t.tolist() == then for t, then in taken)
    assert len({str(then) for _, then in taken}) == history.steps == 4
    with pytest.raises(GraphError, match="assigned after"):
        loss.backward()


def test_numbers_that_python_assigns_are_trained_on() -> None:
    model, other = net(), net()
    optimizer = SGD(model.parameters(), lr=0.1)
    fit(model.loss, optimizer, data=(ROWS, LABELS), epochs=1)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        p.data = q.data
    fit(model.loss, optimizer, data=(ROWS, LABELS), epochs=1)
    fit(other.loss, SGD(other.parameters(), lr=0.1), data=(ROWS, LABELS), epochs=1)
    assert [p.tolist() for p in model.parameters()] == [q.tolist() for q in other.parameters()]


def test_watching() -> None:
    model = net()
    history = fit(
        model,
        SGD(model.parameters(), lr=0.0),
        data=(ROWS, LABELS),
        loss=lambda z, y: -(z.log_softmax(1) * model.classes[y]).sum(1).mean(),
        regularization=lambda: sum((p * p).sum() for p in model.parameters()) * 0.5,
        metric=lambda z, y: z.argmax(1) == y,
        validation=(ROWS[:4], LABELS[:4]),
        epochs=2,
        batch_size=5,
        shuffle=False,
    )
    size = sum((p.numpy() ** 2).sum() for p in model.parameters())
    parts = [model.loss(Tensor(ROWS[k : k + 5], "f64"), LABELS[k : k + 5]).item() for k in (0, 5)]
    np.testing.assert_allclose(history.losses, [x + 0.5 * size for x in parts] * 2)
    held = Tensor(ROWS[:4], "f64")
    np.testing.assert_allclose(history.validation_losses, model.loss(held, LABELS[:4]).item())
    right = (model(held).argmax(1).numpy() == LABELS[:4]).mean()
    assert history.metrics.tolist() == [right, right]


def test_settings_changed_by_a_callback_hold() -> None:
    w = Tensor([1.0], "f64", requires_grad=True)
    optimizer = SGD([w], lr=0.5, momentum=0.5)

    def change(history: Any) -> None:
        optimizer.momentum = 0.0

    fit(lambda: w.sum(), optimizer, steps=3, callback=change)
    assert w.tolist() == [1.0 - 3 * 0.5]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.usefixtures("ctrl_c")
def test_interrupts_keep_whole_steps() -> None:
    w = Tensor([0.0], "f64", requires_grad=True)
    main = threading.get_ident()

    def send() -> None:
        time.sleep(0.3)
        signal.pthread_kill(main, signal.SIGINT)

    optimizer = SGD([w], lr=1.0)
    thread = threading.Thread(target=send)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(lambda: w.sum(), optimizer, steps=10**9)
    thread.join()
    history = caught.value.history  # type: ignore[attr-defined]
    assert history.stopped == "interrupt"
    assert w.item() == -history.steps == -optimizer.steps


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("row 2 of data\\[1\\] has the index 3", {"data": (ROWS, LABELS + 1)}),
        ("@ of shapes", {"data": (ROWS[:, :3], LABELS)}),
        ("parameters are float64", {"dtype": "f4"}),
        ("10 rows, 9 rows", {"data": (ROWS, LABELS[:9])}),
    ],
)
def test_what_is_refused(message: str, options: dict[str, Any]) -> None:
    model = net()
    given = {"data": (ROWS, LABELS), "epochs": 1, **options}
    with pytest.raises(TrainingError, match=message):
        fit(model.loss, SGD(model.parameters()), **given)


@pytest.mark.parametrize(
    ("message", "loss"),
    [
        ("should be one number, a Tensor of floats, got float64 of", lambda w, x, y: x * w),
        ("does not depend on any parameter", lambda w, x, y: x.sum()),
        ("computes with numbers of a parameter", lambda w, x, y: (x * w * w.detach()).sum()),
    ],
)
def test_losses_that_are_refused(message: str, loss: Callable[..., Any]) -> None:
    w = Tensor([1.0] * 4, "f64", requires_grad=True)
    with pytest.raises(TrainingError, match=message):
        fit(lambda x, y: loss(w, x, y), SGD([w]), data=(ROWS, LABELS), epochs=1)


def test_parameters_that_nothing_reads_decay() -> None:
    w, unused = (Tensor([1.0, 2.0], "f64", requires_grad=True) for _ in "ab")
    fit(lambda: (w * w).sum(), SGD([w, unused], lr=0.5, weight_decay=1.0), steps=1)
    assert unused.tolist() == [0.5, 1.0]


def test_labels_of_parameters_are_free() -> None:
    w = [Tensor([1.0], "f64", requires_grad=True, label=n) for n in ("rates", "total", "s0_0", "g")]
    optimizer = SGD(w, lr=0.25, momentum=0.5, clip_norm=100.0)
    fit(lambda: (w[0] * w[1] * w[2] * w[3]).sum(), optimizer, steps=1)
    assert [p.item() for p in w] == [0.75] * 4


@pytest.mark.parametrize(
    ("message", "parameters"),
    [
        ("all Tensors or all Values", [Tensor([1.0]), 2.0]),
        ("is computed", [Tensor([1.0], requires_grad=True) * 2]),
        ("Tensor of floats", [Tensor(np.arange(3))]),
        ("no elements", [Tensor(np.zeros((0, 2)))]),
        ("list of", Tensor([1.0])),
    ],
)
def test_parameters_that_are_refused(message: str, parameters: Any) -> None:
    with pytest.raises(TrainingError, match=message):
        SGD(parameters)


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("size", [7, 3, 1])
def test_parameters_of_two_dtypes_are_trained_each_in_its_own(
    size: int, make: Callable[[Any], Optimizer]
) -> None:
    """A step computes in float64; what is stored in float32 is rounded once, at its end."""
    rng = np.random.default_rng(size)
    x, y = rng.normal(size=(7, 3)), rng.integers(0, 2, 7)

    def mixed() -> Net:
        net = Net([3, 4, 2], "float64", 5, "tanh")
        w, b = net.layers[0]
        net.layers[0] = (Tensor(w.numpy(), "float32", requires_grad=True), b)
        return net

    one, other = mixed(), mixed()
    optimizer, trained = make(one.parameters()), make(other.parameters())
    rows = in_order(7, size, 2)
    losses = []
    for batch in rows:
        loss = one.loss(Tensor(x[batch], "f64"), Tensor(y[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history = fit(other.loss, trained, data=(x, y), epochs=2, batch_size=size, shuffle=False)
    np.testing.assert_allclose(history.losses, losses, rtol=2e-6)
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert p.dtype == q.dtype
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=2e-5, atol=2e-6)
    assert [str(p.dtype)[5:] for p in other.parameters()] == ["32", "64", "64", "64"]


@pytest.mark.parametrize("number", [0, -1])
def test_a_wrong_step_is_seen_before_training(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the loss, or of the last parameter's state."""
    call = Interface.call

    def wrong(*args: Any, **how: Any) -> Any:
        found = call(*args, **how)
        found[list(found)[number]] += 1.0
        return found

    monkeypatch.setattr(Interface, "call", wrong)
    model = net()
    inputs, classes = model.layers[0][0].shape[0], model.layers[-1][0].shape[1]
    data = np.ones((6, inputs)), np.arange(6) % classes
    before = [p.numpy().copy() for p in model.parameters()]
    with pytest.raises(CheckError, match="the training step: compiled code gives"):
        fit(model.loss, Adam(model.parameters()), data=data, epochs=1)
    for p, numbers in zip(model.parameters(), before, strict=True):
        assert p.tolist() == numbers.tolist()
    monkeypatch.setenv("MICROGRAD_CHECK", "0")
    fit(model.loss, Adam(model.parameters()), data=data, epochs=1)


def test_memory_is_asked_for_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net()
    before = [p.tolist() for p in model.parameters()]
    monkeypatch.setattr("micrograd.memory.available", lambda: 100)
    with pytest.raises(MemoryError, match=r"takes about 0.00 MiB more \(parameters 0.00 MiB, numb"):
        fit(model.loss, SGD(model.parameters()), data=(ROWS, LABELS), epochs=1)
    assert [p.tolist() for p in model.parameters()] == before


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_one_sample_is_computed_where_it_is_used(
    make: Callable[[Any], Optimizer], dtype: str
) -> None:
    one, other = (Net([3, 5, 4, 2], dtype, 1, "tanh") for _ in "ab")
    x, y = ROWS[:4, :3], LABELS[:4] % 2
    losses = eager(one, make(one.parameters()), x, y, in_order(4, 1, 3))
    trained = make(other.parameters())
    history = fit(other.loss, trained, data=(x, y), epochs=3, batch_size=1, shuffle=False)
    np.testing.assert_allclose(history.losses, losses, rtol=LOOSE[dtype], atol=LOOSE[dtype])
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=LOOSE[dtype], atol=LOOSE[dtype])
    options = Options.given(np.dtype(dtype), False, None, None)
    shapes = [((1, 3), np.dtype(dtype)), ((1,), np.dtype(np.int64))]
    loss = traced_loss(other.loss, shapes, other.parameters(), options)
    step = TensorStep(loss, [p.shape for p in other.parameters()], trained, options)
    matrices = {a.shape for a in step.program.with_role(Role.TEMPORARY)} & {(3, 5), (5, 4), (4, 2)}
    assert not matrices or trained.clip_norm or isinstance(trained, Adam) or trained.nesterov


@pytest.mark.parametrize("make", [SGD, Adam])
def test_threads_change_no_bit(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "SHARED_PRODUCTS", 0)
    monkeypatch.setattr(products, "LEAST_PRODUCTS", 0)
    rng = np.random.default_rng(0)
    data = (rng.standard_normal((100, 33)), rng.integers(0, 7, 100))
    found = []
    for threads in (1, 2, 5):
        net = Net([33, 130, 70, 7], "float32", 1, "relu")
        optimizer = make(net.parameters(), lr=0.01)
        history = fit(
            net.loss, optimizer, data=data, batch_size=30, epochs=6, threads=threads,
            validation=data,
        )  # fmt: skip
        found.append([history.losses, *(p.numpy().copy() for p in net.parameters())])
    for others in found[1:]:
        for x, y in zip(found[0], others, strict=True):
            assert np.array_equal(x, y)


# --- labels ---------------------------------------------------------------------------------------

WRONG_LABELS: dict[str, tuple[Any, Any, str]] = {
    "max_margin": (np.array([1, -1, 0]), [1, -1, 1], r"-1 or 1, but row 2 of \w+\[1\] has 0; 2 \*"),
    "binary_cross_entropy": (np.array([0.0, 1.0, 1.5]), [0.0, 1.0, 0.5], "from 0 to 1, but row 2 "),
    "cross_entropy": (np.array([0, 3, 1]), [0, 2, 1], "the index of a class, 0 to 2, but row 1 "),
    "cross_entropy of probabilities": (
        np.array([[0.5, 0.5, 0.0], [1.0, 1.0, -1.0], [0.0, 0.0, 1.0]]),
        np.eye(3),
        r"from 0 to 1, but row 1 of \w+\[1\] has -1.0",
    ),
}


@pytest.mark.parametrize("name", WRONG_LABELS)
def test_labels_of_no_class_are_seen_before_training(name: str) -> None:
    wrong, right, said = WRONG_LABELS[name]
    outputs = 3 if name.startswith("cross") else 1
    model, x = nn.Sequential(nn.Linear(2, outputs, rng=0)), np.ones((3, 2))
    optimizer = SGD(model.parameters(), lr=0.1)
    loss = getattr(losses, name.split()[0])
    before = [p.numpy().copy() for p in model.parameters()]
    with pytest.raises(TrainingError, match=f"y of {name.split()[0]} should be {said}"):
        fit(model, optimizer, data=(x, wrong), loss=loss, epochs=1)
    with pytest.raises(TrainingError, match=f"should be {said}"):
        fit(model, optimizer, data=(x, right), loss=loss, epochs=1, validation=(x, wrong))
    for p, numbers in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), numbers)
    assert np.isfinite(fit(model, optimizer, data=(x, right), loss=loss, epochs=1).losses).all()


def test_what_is_computed_from_a_label_is_not_checked() -> None:
    model = nn.Sequential(nn.Linear(2, 1, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    data = np.ones((3, 2)), np.array([0.0, 1.0, 1.0])
    how: dict[str, Any] = {"data": data, "epochs": 1}
    fit(model, optimizer, loss=lambda scores, y: losses.max_margin(scores, 2.0 * y - 1.0), **how)


def test_l2_of_tensors_is_a_penalty_in_training_and_eagerly() -> None:
    def decayed(penalty: Any) -> list[float]:
        model = nn.Sequential(nn.Linear(2, 3, rng=0, dtype="f64"))
        optimizer = SGD(model.parameters(), lr=0.1)
        data = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([0, 2])
        how: dict[str, Any] = {"data": data, "loss": losses.cross_entropy, "epochs": 3}
        return fit(model, optimizer, regularization=penalty(model), **how).losses.tolist()

    by_hand = decayed(lambda m: lambda: sum((p * p).sum() for p in m.parameters()) * 0.1)
    assert decayed(lambda m: lambda: losses.l2(m.parameters(), 0.1)) == pytest.approx(by_hand)
    w = Tensor([1.0, 2.0], requires_grad=True)
    losses.l2([w, 3.0], 0.5).backward()
    assert w.grad is not None
    assert w.grad.tolist() == [1.0, 2.0]
