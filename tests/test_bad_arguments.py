"""Every parameter of every public function, given what it is not for: an error of this package that
names the parameter, says what was expected, and what came."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, checkpoint, datasets, losses, nn, optim
from micrograd import drawing as graph
from micrograd.cli.main import main
from micrograd.errors import MicrogradError, kind
from micrograd.ops import Op


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


NO_NUMBERS: list[Any] = ["3", None, [1.0], {}, 1j, object(), Unprintable(), np.ones(2), b"1"]
NO_COUNTS = [*NO_NUMBERS, -1, -(10**30), 2.5, 1.0, True, np.True_, math.nan, math.inf, 10**5000]
NO_AMOUNTS = [*NO_NUMBERS, -1.0, -1e-300, math.nan, math.inf, -math.inf, True, 10**5000]
NO_FLAGS: list[Any] = ["yes", 2, -1, 0.5, None, [], {}, math.nan, object(), Unprintable()]
NO_FUNCTIONS: list[Any] = [5, "f", [], 0.5, Unprintable()]
NO_PATHS: list[Any] = [5, None, b"model.npz", ["a"], 0.5, Unprintable()]
NO_ROWS: list[Any] = [5, "x", None, [], np.ones(7), ["a"] * 8, [[1.0], [1.0, 2.0]], Unprintable()]
NO_LISTS_OF_VALUES: list[Any] = [5, [1.0], ["w"], [None], Unprintable(), [Value(1.0), 2]]


def but(bad: list[Any], *good: Any) -> list[Any]:
    """The list without some values that are good here."""
    return [x for x in bad if not any(x is g or (type(x) is type(g) and x == g) for g in good)]


W = Value(1.0)
MODEL = nn.MLP(2, [3, 1])
PARAMETERS = MODEL.parameters()
X = np.ones((8, 2))
Y = np.ones(8)


def sgd() -> optim.SGD:
    return optim.SGD(PARAMETERS)


def fits(name: str, **more: Any) -> Callable[[Any], Any]:
    """A call of fit with data."""

    def call(bad: Any) -> Any:
        given = {"data": (X, Y), "loss": losses.squared_error, "steps": 1}
        target, optimizer = MODEL, sgd()
        return micrograd.fit(target, optimizer, **{**given, **more, name: bad})  # type: ignore[arg-type]

    return call


def double(x: Any) -> Any:
    return x * 2.0


def step(k: Any, state: Any) -> Any:
    return state + 1.0


def both(state: Any, x: Any) -> tuple[Any, Any]:
    return state + x, state


NO_DTYPES: list[Any] = ["f16", np.int32, 5, [], {}, "x", math.nan, Unprintable()]

CASES: dict[str, dict[str, tuple[Callable[[Any], Any], list[Any]]]] = {
    "nn.Neuron": {
        "nin": (lambda x: nn.Neuron(x), [*NO_COUNTS, 0]),
        "nonlin": (lambda x: nn.Neuron(2, nonlin=x), NO_FLAGS),
    },
    "nn.Layer": {
        "nin": (lambda x: nn.Layer(x, 2), [*NO_COUNTS, 0]),
        "nout": (lambda x: nn.Layer(2, x), [*NO_COUNTS, 0]),
        "nonlin": (lambda x: nn.Layer(2, 2, nonlin=x), NO_FLAGS),
    },
    "nn.MLP": {
        "nin": (lambda x: nn.MLP(x, [1]), [*NO_COUNTS, 0]),
        "nouts": (
            lambda x: nn.MLP(2, x),
            [5, "16", [], (), None, 2.5, {}, [0], [-1], [4, 2.5], [True], ["4"], [None], [[1]]],
        ),
    },
    "datasets.moons": {
        "samples": (lambda x: datasets.moons(x), [*NO_COUNTS, 0, 10**18]),
        "noise": (lambda x: datasets.moons(10, noise=x), NO_AMOUNTS),
        "seed": (lambda x: datasets.moons(10, seed=x), [*NO_COUNTS, 2**32]),
    },
    "datasets.yin_yang": {
        "samples": (lambda x: datasets.yin_yang(x), [*NO_COUNTS, 0, 10**18]),
        "seed": (lambda x: datasets.yin_yang(10, seed=x), NO_COUNTS),
    },
    "datasets.digits": {"size": (lambda x: datasets.digits(x), [*NO_COUNTS, 0, 7, 256])},
    "datasets.mnist": {"folder": (lambda x: datasets.mnist(x), NO_PATHS)},
    "datasets.train_validation_split": {
        "arrays": (lambda x: datasets.train_validation_split(X, x), NO_ROWS),
        "share": (
            lambda x: datasets.train_validation_split(X, share=x),
            [*NO_AMOUNTS, 0, 1, 1.5, 0.01, 0.99],
        ),
        "seed": (lambda x: datasets.train_validation_split(X, seed=x), but(NO_COUNTS, None)),
    },
    "datasets.Dataloader": {
        "arrays": (lambda x: datasets.Dataloader(X, x), NO_ROWS),
        "batch_size": (lambda x: datasets.Dataloader(X, batch_size=x), [*NO_COUNTS, 0]),
        "shuffle": (lambda x: datasets.Dataloader(X, shuffle=x), NO_FLAGS),
        "seed": (lambda x: datasets.Dataloader(X, seed=x), NO_COUNTS),
        "drop_last": (lambda x: datasets.Dataloader(X, drop_last=x), NO_FLAGS),
    },
    "losses.max_margin": {
        "score": (lambda x: losses.max_margin(x, 1), but(NO_NUMBERS[:-2], *NO_NUMBERS[-1:])),
        "y": (lambda x: losses.max_margin(0.5, x), [*NO_NUMBERS, 0, 0.5, 2, math.nan]),
    },
    "losses.squared_error": {
        "output": (lambda x: losses.squared_error(x, 1.0), ["3", None, [1.0], {}, 1j, object()]),
        "y": (lambda x: losses.squared_error(1.0, x), ["3", None, [1.0], {}, 1j, object()]),
    },
    "losses.binary_cross_entropy": {
        "logit": (lambda x: losses.binary_cross_entropy(x, 1), ["3", None, [1.0], {}, 1j]),
        "y": (lambda x: losses.binary_cross_entropy(0.5, x), [*NO_NUMBERS, -1, 1.5, math.nan]),
    },
    "losses.cross_entropy": {
        "logits": (
            lambda x: losses.cross_entropy(x, 0),
            ["3", None, 0.5, [], [1.0], {}, [1.0, "2"], [None, 1.0], [1j, 2.0], np.ones((2, 2))],
        ),
        "y": (
            lambda x: losses.cross_entropy([1.0, 2.0], x),
            ["3", None, {}, 1j, object(), -1, 2, 0.5, math.nan, [1.0], [2.0, -1.0], ["a", 1.0]],
        ),
    },
    "losses.l2": {
        "parameters": (lambda x: losses.l2(x, 0.1), [5, None, "ab", W, [None], ["a"], [1j]]),
        "strength": (lambda x: losses.l2([1.0], x), ["3", None, [1.0], {}, 1j, object()]),
    },
    "optim.constant": {"rate": (lambda x: optim.constant(x), NO_AMOUNTS)},
    "optim.linear": {
        "start": (lambda x: optim.linear(x, 0.1, 5), NO_AMOUNTS),
        "end": (lambda x: optim.linear(0.1, x, 5), NO_AMOUNTS),
        "steps": (lambda x: optim.linear(1.0, 0.1, x), [*NO_COUNTS, 0]),
    },
    "optim.cosine": {
        "start": (lambda x: optim.cosine(x, 0.1, 5), NO_AMOUNTS),
        "end": (lambda x: optim.cosine(0.1, x, 5), NO_AMOUNTS),
        "steps": (lambda x: optim.cosine(1.0, 0.1, x), [*NO_COUNTS, 0]),
        "warmup": (lambda x: optim.cosine(1.0, 0.1, 5, warmup=x), [*NO_COUNTS, 5, 6]),
    },
    "optim.SGD": {
        "parameters": (lambda x: optim.SGD(x), [*NO_LISTS_OF_VALUES, W, [], [W * 2], [W, W]]),
        "lr": (lambda x: optim.SGD([W], lr=x), NO_AMOUNTS),
        "momentum": (lambda x: optim.SGD([W], momentum=x), NO_AMOUNTS),
        "nesterov": (lambda x: optim.SGD([W], momentum=0.9, nesterov=x), NO_FLAGS),
        "weight_decay": (lambda x: optim.SGD([W], weight_decay=x), NO_AMOUNTS),
        "clip_norm": (lambda x: optim.SGD([W], clip_norm=x), [*but(NO_AMOUNTS, None), 0.0]),
    },
    **{
        f"optim.{cls.__name__}": {
            "parameters": (lambda x, cls=cls: cls(x), [*NO_LISTS_OF_VALUES, W, []]),
            "lr": (lambda x, cls=cls: cls([W], lr=x), NO_AMOUNTS),
            "betas": (
                lambda x, cls=cls: cls([W], betas=x),
                [5, None, "ab", (0.9,), (0.9, 1.0), (-0.1, 0.9), (0.9, math.nan), (True, 0.9)],
            ),
            "eps": (lambda x, cls=cls: cls([W], eps=x), NO_AMOUNTS),
            "weight_decay": (lambda x, cls=cls: cls([W], weight_decay=x), NO_AMOUNTS),
            "clip_norm": (lambda x, cls=cls: cls([W], clip_norm=x), [*but(NO_AMOUNTS, None), 0.0]),
        }
        for cls in (optim.Adam, optim.AdamW)
    },
    "optim.rate_at": {
        "schedule": (lambda x: optim.rate_at(lambda _: x, 0), but(NO_AMOUNTS, True)),
        "step": (lambda x: optim.rate_at(optim.constant(0.1), x), NO_COUNTS),
    },
    "optim.tabulate": {
        "schedule": (lambda x: optim.tabulate(x, 3), NO_FUNCTIONS),
        "steps": (lambda x: optim.tabulate(optim.constant(0.1), x), NO_COUNTS),
        "first": (lambda x: optim.tabulate(optim.constant(0.1), 3, x), NO_COUNTS),
    },
    "checkpoint.save": {
        "target": (lambda x: checkpoint.save(x, "/tmp/none.npz"), NO_LISTS_OF_VALUES),
        "path": (lambda x: checkpoint.save([W], x), NO_PATHS),
        "metadata": (lambda x: checkpoint.save([W], "/tmp/none.npz", x), [5, "a", [], {"a": 1}]),
    },
    "checkpoint.load": {
        "target": (lambda x: checkpoint.load(x, "/tmp/none.npz"), NO_LISTS_OF_VALUES),
        "path": (lambda x: checkpoint.load([W], x), NO_PATHS),
    },
    "graph.trace": {
        "root": (lambda x: graph.trace(x), [5, None, "a", [W]]),
        "max_nodes": (lambda x: graph.trace(W * 2, x), [*but(NO_COUNTS, None), 0]),
    },
    "graph.visualize_graph": {
        "root": (lambda x: graph.visualize_graph(x), [5, None, "a", [W]]),
        "format": (lambda x: graph.visualize_graph(W, format=x), [5, None, "", "../x", [1]]),
        "rankdir": (lambda x: graph.visualize_graph(W, rankdir=x), [5, None, "up", ["LR"]]),
        "max_nodes": (lambda x: graph.visualize_graph(W, max_nodes=x), [*but(NO_COUNTS, None), 0]),
        "fold": (lambda x: graph.visualize_graph(W, fold=x), but(NO_FLAGS, None)),
        "parameters": (
            lambda x: graph.visualize_graph(W * 2, parameters=x),
            [5, None, "w", [1.0], ["w"], [None], W],
        ),
    },
    "set_threads": {"n": (lambda x: micrograd.set_threads(x), [*but(NO_COUNTS, None), 0, 10**9])},
    "jit": {
        "target": (lambda x: micrograd.jit(x), but(NO_NUMBERS, None)),
        "wrt": (lambda x: micrograd.jit(W * 2, wrt=x)(), [5, [5], ["x"], [None], [W * 2]]),
        "dtype": (lambda x: micrograd.jit(double, dtype=x), NO_DTYPES),
        "strict": (lambda x: micrograd.jit(double, strict=x), NO_FLAGS),
        "freeze": (lambda x: micrograd.jit(double, freeze=x), NO_FLAGS),
        "threads": (lambda x: micrograd.jit(double, threads=x), [*but(NO_COUNTS, None), 0]),
        "check": (lambda x: micrograd.jit(double, check=x), but(NO_FLAGS, None)),
    },
    **{
        name: {
            "function": (lambda x, name=name: getattr(micrograd, name)(x), but(NO_NUMBERS, None)),
            "options": (
                lambda x, name=name: getattr(micrograd, name)(double, dtype=x, strict=x),
                ["f16", np.int32, 5],
            ),
        }
        for name in ("grad", "value_and_grad", "jacobian", "hessian", "jvp", "vjp", "hvp")
    },
    "vmap": {
        "function": (lambda x: micrograd.vmap(x), but(NO_NUMBERS, None)),
        "in_axes": (
            lambda x: micrograd.vmap(double, in_axes=x)(np.ones(3)),
            [None, "x", 0.5, 7, (), (0, 0), (None,), True],
        ),
        "out_axes": (
            lambda x: micrograd.vmap(double, out_axes=x)(np.ones(3)),
            [None, "x", 0.5, 7, (0, 0), True],
        ),
    },
    "take": {
        "table": (lambda x: micrograd.take(x, 0), [5, None, Unprintable()]),
        "index": (lambda x: micrograd.take([1.0, 2.0], x), ["x", None, 0.5, 1.0, W]),
    },
    "Table": {"rows": (lambda x: micrograd.Table(x), [5, None, W, Unprintable()])},
    "fixed_point": {
        "f": (lambda x: micrograd.fixed_point(x, 0.0), NO_FUNCTIONS),
        "x0": (lambda x: micrograd.fixed_point(double, x), ["x", None, Unprintable()]),
        "tolerance": (lambda x: micrograd.fixed_point(double, 0.0, tolerance=x), NO_AMOUNTS),
        "limit": (lambda x: micrograd.fixed_point(double, 0.0, limit=x), NO_COUNTS),
        "implicit": (lambda x: micrograd.fixed_point(double, 0.0, implicit=x), NO_FLAGS),
    },
    "fori": {
        "n": (lambda x: micrograd.fori(x, step, 0.0), ["3", None, -1, 2.5, True, 10**5000]),
        "body": (lambda x: micrograd.fori(2, x, 0.0), NO_FUNCTIONS),
        "state": (lambda x: micrograd.fori(2, step, x), ["x", None, Unprintable()]),
        "limit": (lambda x: micrograd.fori(2, step, 0.0, limit=x), NO_COUNTS),
    },
    "scan": {
        "f": (lambda x: micrograd.scan(x, 0.0, [1.0]), NO_FUNCTIONS),
        "init": (lambda x: micrograd.scan(both, x, [1.0]), ["x", None, Unprintable()]),
        "xs": (lambda x: micrograd.scan(both, 0.0, x), [5, "x", Unprintable()]),
        "length": (lambda x: micrograd.scan(both, 0.0, [1.0], x), [*but(NO_COUNTS, None), 2]),
    },
    "while_loop": {
        "condition": (lambda x: micrograd.while_loop(x, double, 1.0), NO_FUNCTIONS),
        "body": (lambda x: micrograd.while_loop(lambda s: s < 9, x, 1.0), NO_FUNCTIONS),
        "state": (
            lambda x: micrograd.while_loop(lambda s: s < 9, double, x),
            ["x", None, Unprintable()],
        ),
        "limit": (lambda x: micrograd.while_loop(lambda s: s < 9, double, 1.0, limit=x), NO_COUNTS),
    },
    "total": {
        "function": (lambda x: micrograd.total(x, X), NO_NUMBERS),
        "data": (lambda x: micrograd.total(double, x), ["x", None, Unprintable(), ["a"]]),
        "rows": (lambda x: micrograd.total(double, rows=x), [5, "y", ("y",), [None]]),
        "wrt": (lambda x: micrograd.total(lambda v: W * v, Y, wrt=x)(), [5, [5], ["x"], [W * 2]]),
        "dtype": (lambda x: micrograd.total(double, Y, dtype=x), NO_DTYPES),
        "strict": (lambda x: micrograd.total(double, Y, strict=x), but(NO_FLAGS, None)),
        "threads": (lambda x: micrograd.total(double, Y, threads=x), [*but(NO_COUNTS, None), 0]),
    },
    "fit": {
        "target": (
            lambda x: micrograd.fit(x, sgd(), data=(X, Y), steps=1),
            [5, None, "a", [], W, W * 2, MODEL],
        ),
        "optimizer": (
            lambda x: micrograd.fit(W * W, x, steps=1),
            [5, None, "sgd", 0.1, PARAMETERS, optim.SGD],
        ),
        "data": (
            lambda x: micrograd.fit(lambda x, y: W * x, sgd(), data=x, steps=1),
            [5, "a", [], (), {}, (X, Y[:3]), (5,), (X[:0], Y[:0]), (None,), (np.array(["a"]),),
             np.array([1j]), ([[1], [1, 2]],), np.array(3.0), (X, np.ma.array(Y, mask=Y > 0))],
        ),
        "loss": (fits("loss"), NO_FUNCTIONS),
        "steps": (fits("steps"), NO_COUNTS),
        "epochs": (fits("epochs", steps=None), [*NO_COUNTS, 2**62]),
        "batch_size": (fits("batch_size"), [*but(NO_COUNTS, None), 0]),
        "accumulate": (fits("accumulate"), [*NO_COUNTS, 0]),
        "shuffle": (fits("shuffle"), NO_FLAGS),
        "seed": (fits("seed"), [*NO_COUNTS, 2**64]),
        "regularization": (fits("regularization"), [5, "a", [], 0.5, lambda: 0.5, lambda: None]),
        "validation": (fits("validation"), [5, "a", [], (X,), (X[:, :1], Y), W]),
        "metric": (fits("metric"), NO_FUNCTIONS),
        "patience": (fits("patience"), [*but(NO_COUNTS, None), 0]),
        "restore": (fits("restore"), NO_FLAGS),
        "every": (fits("every"), [*but(NO_COUNTS, None), 0]),
        "callback": (fits("callback"), NO_FUNCTIONS),
        "progress": (fits("progress"), NO_FLAGS),
        "dtype": (fits("dtype"), NO_DTYPES),
        "strict": (fits("strict"), but(NO_FLAGS, None)),
        "threads": (fits("threads"), [*NO_COUNTS, 0]),
        "client": (fits("client"), NO_FUNCTIONS),
    },
}  # fmt: skip

SAID_OTHERWISE = {
    ("jit", "target"): "jit compiles",
    ("fit", "target"): r"fit takes|a model needs the loss|loss of one sample",
    ("fit", "optimizer"): "fit takes an optimizer",
    ("optim.rate_at", "schedule"): "the schedule gave",
    ("checkpoint.save", "target"): "a model, a list of Values or one of Tensors",
    ("checkpoint.load", "target"): "a model, a list of Values or one of Tensors",
}
"""What an error has in place of the parameter's name."""
SAID_OTHERWISE |= {(name, "function"): "jit compiles" for name in CASES}
del SAID_OTHERWISE["vmap", "function"]
SAID_OTHERWISE |= {(name, "options"): "dtype" for name in CASES}
SAID_OTHERWISE |= {(name, "parameters"): "parameter" for name in CASES}
SAID_OTHERWISE |= {
    ("losses.squared_error", p): rf"{p} |two numbers, or as many" for p in ("output", "y")
}
SAID_OTHERWISE |= {("losses.cross_entropy", "y"): "y of cross_entropy|a probability per logit"}

SAID_OTHERWISE |= {("set_threads", "n"): "threads"}
SAID_OTHERWISE |= {("total", "function"): "total takes a function", ("total", "data"): "double: x"}
EXPECTED = "should|takes?|needs|must|is not|compiles|can be|cannot|could not|are no|has no|give"

ALL = [
    pytest.param(name, parameter, call, bad, id=f"{name}-{parameter}-{k}")
    for name, parameters in CASES.items()
    for parameter, (call, every) in parameters.items()
    for k, bad in enumerate(every)
]


@pytest.mark.parametrize(("name", "parameter", "call", "bad"), ALL)
def test_what_a_parameter_is_not_for(
    name: str, parameter: str, call: Callable[[Any], Any], bad: Any
) -> None:
    with pytest.raises(MicrogradError) as caught:
        call(bad)
    message = str(caught.value)
    known = SAID_OTHERWISE.get((name, parameter), rf"\b{parameter}\b")
    assert re.search(known, message), message
    assert re.search(EXPECTED, message)
    assert "\n" not in message
    assert len(message) < 400


def test_every_public_function_and_parameter_is_in_the_table() -> None:
    public: dict[str, Any] = {
        name: x for name in micrograd.__all__ if not isinstance(x := getattr(micrograd, name), Op)
    }
    for module in (nn, datasets, losses, optim, checkpoint, graph):
        short = "graph" if module is graph else module.__name__.removeprefix("micrograd.")
        public |= {
            f"{short}.{name}": x
            for name, x in vars(module).items()
            if callable(x)
            and (
                getattr(x, "__module__", "") == module.__name__
                or name in getattr(module, "__all__", ())
            )
            and not name.startswith("_")
            and x.__name__ == name
        }
    unchecked = {
        "Value", "Kernel", "History", "get_threads", "keep_lines", "nn.Module", "optim.Optimizer",
        "optim.Schedule", "optim.Constant", "graph.DrawingError", "losses.Labels",
        "losses.Expectation", "losses.expectations", "losses.note",
        "Tensor", "no_grad",  # tests/tensor/test_errors.py
    }  # fmt: skip
    assert public.keys() - unchecked == CASES.keys()
    for name in CASES:
        wanted = {p for p in inspect.signature(public[name]).parameters if p != "kwargs"}
        assert wanted - CASES[name].keys() == set(), name


@pytest.mark.parametrize("given", ["batch_size", "accumulate"])
def test_what_a_whole_loss_has_no_use_for(given: str) -> None:
    with pytest.raises(MicrogradError, match=f"{given} needs data"):
        micrograd.fit(W * W, optim.SGD([W]), steps=1, **{given: 2})  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    model = nn.MLP(np.int64(2), [np.int32(3), np.uint8(1)])
    assert len(model.parameters()) == 13
    assert repr(nn.MLP(2, (2, 1))) == repr(nn.MLP(2, np.array([2, 1])))  # type: ignore[arg-type]
    optimizer = optim.Adam(model.parameters(), lr=np.float32(0.5), betas=np.array([0.5, 0.75]))  # type: ignore[arg-type]
    assert optimizer.lr == 0.5
    history = micrograd.fit(
        model,
        optimizer,
        data=(X, Y),
        loss=losses.squared_error,
        steps=np.int64(3),  # type: ignore[arg-type]
        batch_size=np.int16(4),  # type: ignore[arg-type]
        seed=np.uint64(7),  # type: ignore[arg-type]
        patience=np.int64(2),  # type: ignore[arg-type]
        restore=np.True_,  # type: ignore[arg-type]
    )
    assert history.steps == 3
    micrograd.set_threads(np.int64(2))  # type: ignore[arg-type]
    assert micrograd.get_threads() == 2
    micrograd.set_threads(None)


def test_an_input_that_is_no_list() -> None:
    for bad in (5.0, Value(1.0), None):
        with pytest.raises(MicrogradError, match="takes a list of 2 inputs, got "):
            MODEL(bad)  # type: ignore[arg-type]


def test_kind_of_what_cannot_be_printed() -> None:
    assert kind(Unprintable()) == "Unprintable"
    assert kind(10**5000) == "int"
    assert kind(np.ones((2, 2))) == "ndarray array([[1., 1.], [1., 1.]])"


# --- the command line -----------------------------------------------------------------------------

NO_COUNT_TEXTS = ["0", "-1", "2.5", "", "x", "nan", "1e3", "1000000001", "9" * 5000]
NO_AMOUNT_TEXTS = ["-1", "nan", "inf", "", "x", "1,5"]
TEXTS: dict[str, dict[str, list[str]]] = {
    "train-moons": {
        "--epochs": NO_COUNT_TEXTS,
        "--samples": NO_COUNT_TEXTS,
        "--noise": NO_AMOUNT_TEXTS,
        "--hidden": [*NO_COUNT_TEXTS, "16,", "16,0", "16;16", "4,x"],
        "--dtype": ["f16", "", "float64"],
        "--seed": ["-1", "2.5", "x", "", str(2**32), "9" * 5000],
        "--every": NO_COUNT_TEXTS,
        "--plot": ["x.txt", "/none/x.png", "", "."],
        "--save": ["x.txt", "/none/x.npz", "", "."],
    },
    **{
        command: {
            "--epochs": NO_COUNT_TEXTS,
            "--length": NO_COUNT_TEXTS,
            "--batch-size": NO_COUNT_TEXTS,
            "--lr": NO_AMOUNT_TEXTS,
            "--network": ["large", "", "normal,longer"],
            "--threads": NO_COUNT_TEXTS,
            "--dtype": ["f16", "", "float64"],
            "--seed": ["-1", "2.5", "x", ""],
            "--every": NO_COUNT_TEXTS,
            "--plot": ["x.txt", "/none/x.png", "", "."],
            "--save": ["x.txt", "/none/x.npz", "", "."],
        }
        | ({"--data": ["", "/none"]} if command == "train-mnist" else {})
        for command in ("train-mlp", "train-digits", "train-mnist")
    },
    "run-digits-training": {
        "--batch-size": NO_COUNT_TEXTS,
        "--lr": NO_AMOUNT_TEXTS,
        "--threads": NO_COUNT_TEXTS,
        "--dtype": ["f16", "", "float64"],
        "--seed": ["-1", "2.5", "x", ""],
        "--every": NO_COUNT_TEXTS,
    },
    "recommended-workers": {
        "--network": ["large", "", "mlp"],
        "--length": NO_COUNT_TEXTS,
        "--batch-size": NO_COUNT_TEXTS,
        "--dtype": ["f16", ""],
    },
    "run-digits-benchmark": {
        "--epochs": NO_COUNT_TEXTS,
        "--length": NO_COUNT_TEXTS,
        "--network": ["large", "", "normal,", "mnist"],
        "--threads": [*NO_COUNT_TEXTS, "1,", "some"],
        "--rounds": NO_COUNT_TEXTS,
        "--dtype": ["f16", ""],
        "--budget": NO_AMOUNT_TEXTS,
        "--pycrograd": ["", "/none"],
        "--peer": ["torch", "torch=", "torch=/none/python", ""],
        "--csv": ["/none/x.csv", "."],
        "--markdown": ["/none/x.md", "."],
        "--plot": ["x.txt", "/none/x.png", "."],
    },
    "benchmark-moons": {
        "--samples": [*NO_COUNT_TEXTS, "10:5", "1:2:3:4", "1:1000000000", "10:20:0", "1:x"],
        "--epochs": NO_COUNT_TEXTS,
        "--rounds": NO_COUNT_TEXTS,
        "--dtype": ["f16", ""],
        "--budget": NO_AMOUNT_TEXTS,
        "--peer": ["torch", "torch=", "torch=/none/python", ""],
        "--csv": ["/none/x.csv", "."],
        "--markdown": ["/none/x.md", "."],
        "--plot": ["x.txt", "/none/x.png", "."],
    },
    "explain": {
        "--dtype": ["f16", "", "float64"],
        "--output": ["x.txt", "/none/x.html", "."],
        "--port": ["-1", "70000", "x", ""],
    },
    "export": {
        "--dtype": ["f16", "", "float64"],
        "--parameters": ["live", ""],
        "--target": ["sparc", "", "wasm32-linux-gnu"],
    },
    "cache": {},
}
WITHOUT_BAD_TEXTS = {
    "explain": {"--args", "--wrt"},
    "export": {"--args", "--wrt", "--name", "--output"},
}
"""Options that take Python, which is evaluated later, and what is looked at then."""
POSITIONAL = {
    "run-digits-training": ["1", "1"],
    "explain": ["script.py:loss"],
    "export": ["script.py:loss"],
}


@pytest.mark.parametrize(
    ("command", "option", "text"),
    [(c, o, t) for c, options in TEXTS.items() for o, texts in options.items() for t in texts],
)
def test_bad_options_of_the_command_line(
    command: str,
    option: str,
    text: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main([command, *POSITIONAL.get(command, []), f"{option}={text}"])
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert not shown.out
    error = shown.err.splitlines()[-1]
    assert error.startswith(f"micrograd {command}: error: argument {option}: ")
    assert re.search("expected|invalid choice", error)
    assert len(error) < 400


def test_the_table_has_every_option_of_the_command_line() -> None:
    from micrograd.cli.main import parser

    (commands,) = (a for a in parser()._actions if a.dest == "command")
    for command in commands.choices.values():  # type: ignore[union-attr]
        named = [a for a in command._actions if a.option_strings]  # type: ignore[attr-defined]
        options = {a.option_strings[-1] for a in named if a.nargs != 0}
        name = command.prog.split()[-1]  # type: ignore[attr-defined]
        assert options - WITHOUT_BAD_TEXTS.get(name, set()) == TEXTS[name].keys()
