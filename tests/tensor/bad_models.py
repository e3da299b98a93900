"""The calls that bad_input.py makes of layers, losses, optimisers, `fit` and data sets.

Most of these name the option or argument that is wrong, and Python's traceback the line.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from micrograd import Tensor, datasets, losses, nn, optim
from micrograd.train import fit

from .bad_input import Draw, entry, tensors_in


def size(d: Draw) -> Any:
    return d.rng.choice([1, 2, 3]) if d.rng.random() > d.bad else d.size()


def options(d: Draw, **usual: Any) -> dict[str, Any]:
    """Some options, at times wrong ones."""
    found = {}
    for name, good in usual.items():
        if d.rng.random() < 0.5:
            bad = d.junk()
            is_bad = d.rng.random() < d.bad and bad is not None and not callable(bad)
            found[name] = bad if is_bad else d.rng.choice(good)
    return found


RNG = [0, 1, np.int64(2)]
INIT = [
    "kaiming",
    "normal",
    "xavier",
    "uniform",
    "zeros",
    "other",
    lambda rng, shape: rng.random(shape),
    lambda rng, shape: 1.0,
]
DTYPE = [None, "f32", "f64", "int64", np.float64]


SEEDED = {"Linear", "Conv1d", "Conv2d"}


def floats(d: Draw, *shape: int) -> Any:
    """Mostly an input of this shape."""
    if d.rng.random() < 0.7:
        return d.tensor(shape, d.rng.choice(["float32", "float64"]))
    return d.operand()


def layer(name: str, arguments: Any, shape: Any) -> None:
    """A layer that is made and called, with options."""

    def draw(d: Draw) -> tuple[Any, ...]:
        return arguments(d), floats(d, *shape(d))

    def ours(given: Any, x: Any) -> Any:
        args, how = given
        if name in SEEDED:  # what is compiled has the same weights
            how = {"rng": 0, **how}
        return getattr(nn, name)(*args, **how)(x)

    entry(
        f"nn.{name}",
        draw,
        ours,
        compiles=name not in ("Dropout",),
        makes=True,
        placed=False,
        ties=name == "MaxPool",
    )


def space(d: Draw, n: int) -> tuple[int, ...]:
    return (2, 2, *(d.rng.choice([3, 4]) for _ in range(n)))


CONV = {
    "stride": [1, 2, (1,)],
    "padding": [0, 1, "same"],
    "dilation": [1, 2],
    "groups": [1, 2],
    "bias": [True, False],
    "init": INIT,
    "rng": RNG,
    "dtype": DTYPE,
}
layer(
    "Linear",
    lambda d: ((size(d), size(d)), options(d, bias=[True, False], init=INIT, rng=RNG, dtype=DTYPE)),
    lambda d: (2, d.rng.choice([1, 2, 3])),
)
layer("Conv1d", lambda d: ((size(d), size(d), size(d)), options(d, **CONV)), lambda d: space(d, 1))
layer(
    "Conv2d",
    lambda d: ((size(d), size(d), d.rng.choice([size(d), (2, 2)])), options(d, **CONV)),
    lambda d: space(d, 2),
)
layer(
    "LayerNorm",
    lambda d: (
        (d.rng.choice([size(d), (2, 3)]),),
        options(d, eps=[1e-5, 0.0], affine=[True, False], dtype=DTYPE),
    ),
    lambda d: (2, d.rng.choice([2, 3])),
)
layer(
    "RMSNorm",
    lambda d: ((size(d),), options(d, eps=[1e-5, 0.0], affine=[True, False], dtype=DTYPE)),
    lambda d: (2, d.rng.choice([2, 3])),
)
layer(
    "Dropout",
    lambda d: ((d.rng.choice([0.5, 0.0, 1.0, 2.0, d.junk()]),), options(d, rng=RNG)),
    lambda d: (2, 3),
)
layer(
    "MaxPool",
    lambda d: ((size(d),), options(d, stride=[None, 1], padding=[0, 1])),
    lambda d: space(d, 2),
)
layer(
    "AvgPool",
    lambda d: ((size(d),), options(d, stride=[None, 1], padding=[0, 1])),
    lambda d: space(d, 1),
)
layer("Flatten", lambda d: ((), {}), lambda d: d.rng.choice([(2, 3), (2, 3, 1), (2,), ()]))
for _name in ("ReLU", "Tanh", "Sigmoid", "Softplus", "SiLU", "GELU"):
    layer(_name, lambda d: ((), {}), lambda d: (2, 3))
layer("LeakyReLU", lambda d: ((), options(d, slope=[0.1, 1])), lambda d: (2, 3))
layer("Softmax", lambda d: ((), options(d, axis=[0, 1, -1, 2])), lambda d: (2, 3))
layer("LogSoftmax", lambda d: ((), options(d, axis=[0, 1, -1, 2])), lambda d: (2, 3))


def embedded(d: Draw) -> tuple[Any, ...]:
    return size(d), size(d), d.rng.choice([d.part(Tensor(np.zeros(3)), 0), [[0, 1]], d.operand()])


entry(
    "nn.Embedding", embedded, lambda n, m, x: nn.Embedding(n, m, rng=0)(x), makes=True, placed=False
)
entry(
    "nn.Sequential",
    lambda d: (d.rng.choice([nn.Linear(2, 3), d.junk()]), nn.ReLU(), floats(d, 2, 2)),
    lambda a, b, x: nn.Sequential(a, b)(x),
    makes=True,
    placed=False,
)
entry(
    "nn.network",
    lambda d: (d.rng.choice(["mlp", "normal", d.junk()]), d.rng.choice(INIT), d.rng.choice(RNG)),
    lambda name, init, rng: nn.network(name, init=init, rng=rng) and None,
    compiles=False,
    makes=True,
    placed=False,
)


def state(d: Draw) -> tuple[Any, ...]:
    found = {"weight": floats(d, 2, 3), "bias": floats(d, 3)}
    if d.rng.random() < 0.3:
        found[d.rng.choice(["other", "weight"])] = d.operand()
    if d.rng.random() < 0.2:
        del found["bias"]
    return (found if d.rng.random() > d.bad else d.junk(),)


entry(
    "load_state_dict",
    state,
    lambda s: nn.Linear(2, 3, rng=0).load_state_dict(s) and None,
    compiles=False,
    makes=True,
    placed=False,
)

# --- losses -------------------------------------------------------------------------------------


def labelled(d: Draw) -> tuple[Any, ...]:
    n = d.rng.choice([1, 2, 3])
    shape = d.rng.choice([(2, n), (2, n), (2,), (2, 1), (0, n), (2, n, 2)])
    x = floats(d, *shape)
    kind = d.rng.random()
    if kind < 0.3:
        y: Any = np.array([d.rng.choice([0, 1, 2, -1, 3]) for _ in range(2)])
    elif kind < 0.6:
        y = d.rng.choice([[-1.0, 1.0], [0.0, 1.0], [[1.0], [0.0]], [[0.5] * n] * 2])
    elif kind < 0.8:
        y = d.tensor(shape)
    else:
        y = d.operand()
    return x, d.rng.choice(
        [y, y, Tensor(y) if isinstance(y, (list, np.ndarray)) and kind < 0.6 else y]
    )


for _name in ("max_margin", "squared_error", "binary_cross_entropy", "cross_entropy"):
    entry(f"losses.{_name}", labelled, getattr(losses, _name), placed=False)

# --- optimisers and fit ---------------------------------------------------------------------------


def optimised(d: Draw) -> tuple[Any, ...]:
    xs = [
        d.rng.choice([d.tensor((2,), "float32"), d.tensor(), d.operand()])
        for _ in range(d.rng.randint(0, 2))
    ]
    how = options(d, lr=[0.1, lambda k: 0.1, -1.0], clip_norm=[None, 1.0])
    return xs if d.rng.random() > d.bad else d.junk(), how, d.rng.choice([None, d.operand()])


def stepped(kind: Any) -> Any:
    def ours(xs: Any, how: Any, grad: Any) -> None:
        optimizer = kind(xs, **how)
        for x in tensors_in(xs):
            x.grad = grad
        before = [x.numpy().copy() for x in tensors_in(xs)]
        try:
            optimizer.step()
        except Exception:
            for x, number in zip(tensors_in(xs), before, strict=True):
                np.testing.assert_array_equal(x.numpy(), number)
            raise

    return ours


for _name in ("SGD", "Adam", "AdamW"):
    entry(f"optim.{_name}", optimised, stepped(getattr(optim, _name)), compiles=False, placed=False)


def trained(d: Draw) -> tuple[Any, ...]:
    x: Any = d.array((4, 2), "float64") if d.rng.random() < 0.6 else d.operand()
    y: Any = d.rng.choice([np.array([0, 1, 2, 1]), d.array((4, 3), "float64"), d.operand()])
    how = options(
        d,
        steps=[1, 2],
        epochs=[1, 2],
        batch_size=[1, 3, 4, 9],
        shuffle=[True, False],
        seed=[0],
        validation=[None, (x, y)],
        threads=[1, 2],
    )
    return x, y, d.rng.choice([losses.cross_entropy, losses.squared_error, None, d.junk()]), how


def fitted(x: Any, y: Any, loss: Any, how: Any) -> None:
    model = nn.Linear(2, 3, rng=0)
    fit(model, optim.SGD(model.parameters(), lr=0.1), data=(x, y), loss=loss, **how)


entry("fit", trained, fitted, compiles=False, makes=True, placed=False)

# --- data sets ------------------------------------------------------------------------------------

entry(
    "datasets.moons",
    lambda d: (d.size(), d.rng.choice([0.1, d.junk()]), d.size()),
    lambda *a: datasets.moons(*a) and None,
    compiles=False,
    makes=True,
    placed=False,
)
entry(
    "datasets.yin_yang",
    lambda d: (d.size(), d.size()),
    lambda *a: datasets.yin_yang(*a) and None,
    compiles=False,
    makes=True,
    placed=False,
)
entry(
    "datasets.mnist",
    lambda d: (d.junk(),),
    lambda a: datasets.mnist(a) and None,
    compiles=False,
    makes=True,
    placed=False,
)


def rows(d: Draw) -> tuple[Any, ...]:
    x = d.array((4, 2)) if d.rng.random() < 0.7 else d.operand()
    return x, d.rng.choice([d.array((4,)), d.operand()])


entry(
    "datasets.train_validation_split",
    lambda d: (
        *rows(d),
        options(d, validation=[0.25, 1, 0.0, 1.0, 5], shuffle=[True, False], seed=[0, None]),
    ),
    lambda x, y, how: datasets.train_validation_split(x, y, **how) and None,
    compiles=False,
    makes=True,
    placed=False,
)
entry(
    "datasets.Dataloader",
    lambda d: (
        *rows(d),
        size(d),
        options(d, shuffle=[True, False], seed=[0, None], drop_last=[True, False]),
    ),
    lambda x, y, n, how: list(datasets.Dataloader(x, y, batch_size=n, **how)) and None,
    compiles=False,
    makes=True,
    placed=False,
)
