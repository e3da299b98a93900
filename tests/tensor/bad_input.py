"""Random calls of Tensors, layers, losses, optimisers and data sets with what does not fit.

Whatever comes is either what NumPy says of the same numbers, or an error of this package that
names the user's line; of two Tensors whose shapes do not go together, both shapes too. The same
holds compiled. By hand, for longer: `python -m tests.tensor.bad_input SECONDS SEED`.
"""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from micrograd import Tensor, Value, jit
from micrograd.errors import MicrogradError, ShapeError, TrainingError, is_users, kind

SHAPES: list[tuple[int, ...]] = [
    (), (1,), (2,), (3,), (4,), (0,), (2, 3), (3, 2), (1, 3), (3, 1), (3, 3), (2, 0), (2, 3, 4),
    (3, 4, 2), (2, 1, 3), (0, 3, 2), (1, 2, 4, 4), (2, 2, 3, 3), (2, 1, 3, 1, 2), (1, 1, 1, 1, 1),
]  # fmt: skip
DTYPES = ["float32", "float32", "float64", "float64", "float64", "int64", "bool"]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0]


class Opaque:
    """No number at all."""

    def __repr__(self) -> str:
        return "Opaque()"


JUNK: list[Callable[[], Any]] = [
    lambda: None, lambda: "abc", lambda: "", lambda: b"x", lambda: 1j, Opaque, dict, lambda: {1},
    lambda: [[1.0], [1.0, 2.0]], lambda: [1j], lambda: [None], lambda: ["a"], list, tuple,
    lambda: np.array([None, 1.0]), lambda: np.array(["a"]), lambda: np.array([1j, 2.0]),
    lambda: np.array([1.0, 2.0], object), lambda: np.datetime64("2020-01-01"), lambda: slice(None),
    lambda: ..., lambda: range(3), lambda: len, lambda: float, lambda: Value(2.0),
    lambda: [Value(2.0)], lambda: True, lambda: np.bool_(True), lambda: 10**400, lambda: 2**70,
    lambda: -1, lambda: 0, lambda: 1, lambda: 2, lambda: 7, lambda: 0.5, lambda: np.nan,
    lambda: np.float16(2.0), lambda: np.int8(-1), lambda: np.uint64(2**63), lambda: (1, 2),
    lambda: [0, 0], lambda: (0, 1), lambda: (1, "a"), lambda: [[0, 1]], lambda: (None, 1),
    lambda: np.array([0, 1]), lambda: np.array([[1.5]]), lambda: np.array(1), lambda: np.zeros(0),
    lambda: np.ma.array([1.0, 2.0], mask=[True, False]), lambda: [[[]]], lambda: [True, False],
    lambda: np.ones((2, 3), np.float16), lambda: np.array([(1, 2.0)], "i4,f4"), lambda: (0, -1),
    lambda: Tensor([1.0, 2.0]), lambda: Tensor(1.0), lambda: Tensor(np.array([0, 1])),
]  # fmt: skip


@dataclass
class Draw:
    """What a call draws its arguments from; `bad` is how likely each is something else."""

    rng: Random
    bad: float = 0.15

    def __post_init__(self) -> None:
        self.numbers = np.random.default_rng(self.rng.getrandbits(32))

    def junk(self) -> Any:
        return self.rng.choice(JUNK)()

    def array(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> Any:
        """Numbers of a shape, at times special ones, at times many of them equal."""
        shape = self.rng.choice(SHAPES) if shape is None else shape
        dtype = dtype or self.rng.choice(DTYPES)
        x = self.numbers.uniform(-2.0, 2.0, shape)
        if self.rng.random() < 0.2:
            x = np.round(x)
        if self.rng.random() < 0.15 and dtype.startswith("f") and x.size:
            x = np.where(self.numbers.random(shape) < 0.3, self.rng.choice(SPECIAL), x)
        return (
            (x > 0)
            if dtype == "bool"
            else np.round(3 * x).astype(dtype)
            if dtype == "int64"
            else x.astype(dtype)
        )

    def tensor(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> Any:
        x = self.array(shape, dtype)
        return Tensor(x, x.dtype, requires_grad=x.dtype.kind == "f" and self.rng.random() < 0.6)

    def operand(self, like: Any = None) -> Any:
        """A Tensor, or what stands beside one; mostly of a shape that goes with `like`'s."""
        r = self.rng.random()
        if r < self.bad:
            return self.junk()
        shape = None
        if like is not None and self.rng.random() < 0.7:
            shape = self.rng.choice(
                [like.shape, like.shape, like.shape[1:], like.shape[::-1], (1,) * like.ndim]
            )
        if r < 0.7:
            return self.tensor(shape)
        if r < 0.8:
            return self.array(shape)
        if r < 0.85:
            return self.array(shape).tolist()
        return self.rng.choice([0, 1, 2, -3, 0.5, -1.5, np.float32(0.25), np.int64(2), 0.0, np.inf])

    def axis(self, x: Any) -> Any:
        r = self.rng.random()
        if r < self.bad:
            return self.junk()
        if r < 0.2:
            return None
        n = max(getattr(x, "ndim", 1), 1)
        if r < 0.8:
            return self.rng.randint(-n - (r > 0.7), n - (r < 0.7))
        return tuple(self.rng.randint(-n, n - 1) for _ in range(self.rng.randint(0, 3)))

    def flag(self) -> Any:
        return self.junk() if self.rng.random() < self.bad / 3 else self.rng.random() < 0.5

    def size(self) -> Any:
        r = self.rng.random()
        return (
            self.junk()
            if r < self.bad
            else self.rng.choice([0, 1, 2, 3, 4, 6, -1, 2.0, np.int64(2)])
        )

    def shape(self, x: Any = None) -> Any:
        r = self.rng.random()
        if r < self.bad:
            return self.junk()
        if x is not None and r < 0.4:
            return tuple(self.rng.sample(list(x.shape), len(x.shape)))
        if x is not None and r < 0.6:
            return (self.rng.choice([1, 2, 3]), *x.shape)
        if x is not None and r < 0.7:
            return (-1, *x.shape[1:][:2])
        return tuple(self.rng.choice([0, 1, 2, 3, 4, 6, -1]) for _ in range(self.rng.randint(0, 3)))

    def index(self, x: Any) -> Any:
        """An index of `x`, or of another."""
        n = len(x.shape)
        count = self.rng.randint(0, n + (self.rng.random() < 0.1))
        index = tuple(self.part(x, a) for a in range(count))
        if count == 1 and self.rng.random() < 0.7:
            return index[0]
        return index

    def part(self, x: Any, a: int) -> Any:
        size = x.shape[a] if a < len(x.shape) else 2
        r = self.rng.random()
        wide = self.rng.random() < 0.08
        low, high = -size - wide, max(size - 1 + wide, -size - wide)
        if r < self.bad / 2:
            return self.junk()
        if r < 0.3:
            return self.rng.randint(low, high)
        if r < 0.5:
            pick = lambda: self.rng.choice([None, *range(-size - 2, size + 3)])  # noqa: E731
            return slice(pick(), pick(), self.rng.choice([None, None, 1, 2, -1, -2]))
        if r < 0.6:
            return self.rng.choice([None, ...])
        if r < 0.65:
            return np.array([self.rng.random() < 0.5 for _ in range(size)])
        shape = self.rng.choice([(2,), (2,), (3,), (1, 2), (2, 1), (), (0,)])
        places = (
            self.numbers.integers(low, high + 1, shape) if size or wide else np.zeros(shape, int)
        )
        return self.rng.choice([places, places.tolist() if shape else places, Tensor(places)])


@dataclass(frozen=True)
class Entry:
    """A function that is called, how its arguments are drawn, and NumPy's of the same meaning.

    both      errors of shapes name those of the first two Tensors
    compiles  it is tried compiled, too
    makes     it takes no Tensors
    ties      its compiled gradient is not what the eager one is where several are the largest
    placed    errors name the user's line; else Python's traceback alone does
    """

    name: str
    draw: Callable[[Draw], tuple[Any, ...]]
    ours: Callable[..., Any]
    numpy: Callable[..., Any] | None = None
    both: bool = False
    compiles: bool = True
    makes: bool = False
    ties: bool = False
    placed: bool = True


ENTRIES: dict[str, Entry] = {}


def entry(name: str, draw: Any, ours: Any, numpy: Any = None, **how: Any) -> None:
    """Enter a function into the table."""
    assert name not in ENTRIES, name
    ENTRIES[name] = Entry(name, draw, ours, numpy, **how)


# --- judging ------------------------------------------------------------------------------------


class Wrong(AssertionError):
    """A call that gave neither what it should nor an error that says why."""


PYTHON_SAYS = (
    "unsupported operand", "positional argument", "unexpected keyword", "not supported between",
    "multiple values", "can only concatenate",
    "can't concat", "bad operand type", "does not define",
    "must be real number",
)  # fmt: skip


def complaint(e: BaseException, placed: bool = True) -> str:
    """What is wrong with an error; '' if it is one of this package that names the line."""
    text = str(e)
    if isinstance(e, TypeError) and any(words in text for words in PYTHON_SAYS):
        return ""
    if e.__traceback__ is not None and "numpy/ma/" in traceback.format_tb(e.__traceback__)[-1]:
        return ""  # a masked array on the left, which asks nobody
    if not isinstance(e, (MicrogradError, IndexError)):
        return f"a raw {type(e).__name__}: {text}"
    if placed and not names_a_line(text):
        return f"no line of the user's: {type(e).__name__}: {text}"
    return ""


def names_a_line(text: str) -> bool:
    """Whether a message says a file and a line that are the user's."""
    file, _, rest = text.partition(":")
    return file.endswith(".py") and is_users(file) and rest[:1].isdigit()


def plain(x: Any) -> Any:
    """An argument as NumPy should see it: Tensors as arrays, floats in double precision."""
    if isinstance(x, Tensor):
        return x.numpy().astype(np.float64) if x.dtype.kind == "f" else x.numpy()
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x.astype(np.float64)
    if isinstance(x, (list, tuple)):
        return type(x)(map(plain, x))
    return x


def numbers(x: Any) -> list[Any]:
    """What a result has, as arrays."""
    if isinstance(x, (list, tuple)):
        return [a for y in x for a in numbers(y)]
    return [x.numpy() if isinstance(x, Tensor) else np.asarray(x)]


def close(found: Any, expected: Any, single: bool) -> str:
    """How results differ; '' if they do not."""
    ours, theirs = numbers(found), numbers(expected)
    if len(ours) != len(theirs):
        return f"{len(ours)} results, not {len(theirs)}"
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape:
            return f"shape {a.shape}, not {b.shape}"
        with np.errstate(all="ignore"):
            x, y = a.astype(np.float64), b.astype(np.float64)
            if not np.allclose(x, y, 1e-4 if single else 1e-9, 1e-5 if single else 1e-10, True):
                return f"{a.tolist()}, not {b.tolist()}"
    return ""


@dataclass
class Judge:
    """Tries calls, and counts what came of them."""

    seen: Counter[str]

    def try_one(self, e: Entry, rng: Random) -> None:
        """One call, eager; at times compiled.

        Raises Wrong if something is neither right nor refused.
        """
        d = Draw(rng, rng.choice([0.0, 0.0, 0.1, 0.3]))
        args = e.draw(d)
        if not e.makes and not tensors_in(args):
            return  # nothing of ours is called
        shown = f"{e.name}{_shown(args)}"
        expected: Any = None
        accepted = e.numpy is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if e.numpy is not None:
                try:
                    expected = e.numpy(*map(plain, args))
                    accepted = all(a.dtype.kind in "biuf" for a in numbers(expected))
                except Exception:
                    accepted = False
            found, error = self._called(e, args, shown)
            if error is not None:
                self.seen["refused"] += 1
                if accepted:
                    self.refused(e, shown, error)
            else:
                self.seen["computed"] += 1
                if accepted:
                    self.seen["compared"] += 1
                    different = close(found, expected, is_single(args, found))
                    if different:
                        raise Wrong(f"{shown} gave {different}")
                elif e.numpy is not None:
                    self.accepted(e, shown, found)
                self._backward(args, found, shown)
            if e.compiles and rng.random() < self.compiled:
                self._compiled(e, args, found, error, shown)

    compiled = 0.1

    def refused(self, e: Entry, shown: str, error: BaseException) -> None:
        """NumPy computes what is refused here."""

    def accepted(self, e: Entry, shown: str, found: Any) -> None:
        """NumPy refuses what is computed here."""

    def _called(self, e: Entry, args: tuple[Any, ...], shown: str) -> tuple[Any, Any]:
        try:
            return e.ours(*args), None
        except Exception as error:
            problem = complaint(error, e.placed)
            tensors = [x for x in args if isinstance(x, Tensor)]
            if not problem and e.both and isinstance(error, ShapeError) and len(tensors) > 1:
                missing = [x.shape for x in tensors[:2] if str(x.shape) not in str(error)]
                problem = f"shapes {missing} are not in: {error}" if missing else ""
            if problem:
                raise Wrong(f"{shown}: {problem}\n{traceback.format_exc(limit=-4)}") from error
            return None, error

    def _backward(self, args: tuple[Any, ...], found: Any, shown: str) -> None:
        """Gradients have the shapes and dtypes of what they are of."""
        leaves = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
        for y in found if isinstance(found, (list, tuple)) else [found]:
            if not isinstance(y, Tensor) or not y.requires_grad or y.is_leaf:
                continue
            self.seen["differentiated"] += 1
            try:
                y.backward(Tensor(np.ones(y.shape), y.dtype))
                if y.size != 1:
                    try:
                        y.backward()
                    except ShapeError:
                        pass
                    else:
                        raise Wrong(f"{shown}: backward() of shape {y.shape} is no error")
            except Wrong:
                raise
            except Exception as e:
                raise Wrong(f"{shown}: backward: {traceback.format_exc(limit=-4)}") from e
            for x in leaves:
                if x.grad is not None and (x.grad.shape != x.shape or x.grad.dtype != x.dtype):
                    raise Wrong(f"{shown}: a gradient {x.grad!r}")

    def _compiled(
        self, e: Entry, args: tuple[Any, ...], found: Any, error: Any, shown: str
    ) -> None:
        """The same number from compiled code, or an error."""
        places = [k for k, x in enumerate(args) if isinstance(x, Tensor)]
        if not places or (
            error is None and not all(isinstance(y, Tensor) for y in _several(found))
        ):
            return

        def function(tensors: list[Tensor]) -> Any:
            given = list(args)
            for k, x in zip(places, tensors, strict=True):
                given[k] = x
            return e.ours(*given)

        self.seen["tried compiled"] += 1
        try:
            out = jit(function)([args[k] for k in places])
        except Exception as problem:
            text = complaint(problem, e.placed)
            if text:
                raise Wrong(
                    f"compiled {shown}: {text}\n{traceback.format_exc(limit=-6)}"
                ) from problem
            self.seen["refused compiled"] += 1
            return
        if error is not None:
            if isinstance(error, TrainingError) and all(np.isnan(y).all() for y in numbers(out)):
                return  # labels that were not known
            raise Wrong(f"compiled {shown} gave {out!r}; uncompiled it is {error}")
        different = close(out, found, is_single(args, found))
        if different:
            raise Wrong(f"compiled {shown} gave {different}")
        tensors = [args[k] for k in places]
        floats = [y for y in _several(found) if y.requires_grad]
        if floats and not e.ties and all(x.requires_grad for x in tensors):
            self._compiled_gradient(function, tensors, args, shown)

    def _compiled_gradient(self, function: Any, tensors: list[Any], args: Any, shown: str) -> None:
        """Compiled code's gradient is that of `backward`."""

        def total(tensors: list[Tensor]) -> Tensor:
            return sum(y.sum() for y in _several(function(tensors)))  # type: ignore[return-value]

        leaves = [x for x in tensors if x.requires_grad]
        for x in leaves:
            x.zero_grad()
        total(tensors).backward()
        try:
            found = jit(total).grad(tensors)
        except Exception as problem:
            text = complaint(problem)
            if text:
                raise Wrong(
                    f"gradient of {shown}: {text}\n{traceback.format_exc(limit=-6)}"
                ) from problem
            self.seen["gradient refused"] += 1
            return
        self.seen["compiled gradients"] += 1
        expected = [x.grad if x.grad is not None else x.numpy() * 0.0 for x in leaves]
        different = close(list(found), expected, is_single(args, found))
        if different:
            raise Wrong(f"compiled gradient of {shown} gave {different}")


def _shown(args: tuple[Any, ...]) -> str:
    return "(" + ", ".join(kind(x) if isinstance(x, int) else repr(x) for x in args) + ")"


def _several(x: Any) -> Any:
    return x if isinstance(x, (list, tuple)) else [x]


def is_single(args: Any, found: Any) -> bool:
    """Whether something is computed in single precision."""
    every = [*numbers_in(args), *numbers_in(found)]
    return any(x.dtype in (np.float32, np.float16) for x in every) or not any(
        x.dtype == np.float64 for x in every
    )


def tensors_in(x: Any) -> list[Any]:
    return [y for y in numbers_in(x) if isinstance(y, Tensor)]


def numbers_in(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)):
        return [a for y in x for a in numbers_in(y)]
    return [x] if isinstance(x, (Tensor, np.ndarray)) else []


def run(
    entries: list[Entry], rng: Random, judge: Judge, until: Callable[[int], bool]
) -> list[Wrong]:
    """Calls of random entries; what went wrong."""
    found, n = [], 0
    while not until(n):
        n += 1
        try:
            judge.try_one(rng.choice(entries), Random(rng.getrandbits(64)))
        except Wrong as wrong:
            found.append(wrong)
    return found


class Loud(Judge):
    """Says where NumPy and Tensors disagree on what can be computed, each kind once."""

    def __init__(self) -> None:
        super().__init__(Counter())
        self.kinds: dict[tuple[str, str], str] = {}

    def refused(self, e: Entry, shown: str, error: BaseException) -> None:
        self.kinds.setdefault((e.name, "refused: " + str(error).partition(": ")[2][:70]), shown)

    def accepted(self, e: Entry, shown: str, found: Any) -> None:
        self.kinds.setdefault((e.name, "accepted"), f"{shown} = {found!r}")


def main() -> None:
    """Try calls for so many seconds from a seed on, and print what went wrong."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    names = sys.argv[3:]
    from . import bad_calls, bad_models  # noqa: F401, which fill the table

    entries = [e for e in ENTRIES.values() if not names or any(n in e.name for n in names)]
    judge, until = Loud(), time.monotonic() + seconds
    found = run(entries, Random(seed), judge, lambda n: time.monotonic() > until)
    once: dict[str, str] = {}
    for wrong in found:
        text = str(wrong)
        lines = text.splitlines()
        at = next(
            (
                k
                for k in reversed(range(len(lines)))
                if "/micrograd/" in lines[k] and "File" in lines[k]
            ),
            -1,
        )
        where = lines[at].strip() if at >= 0 else ""
        once.setdefault(
            where + "".join(c for c in lines[-1].partition(":")[0] if not c.isdigit())
            if where
            else text.partition("(")[0],
            " ".join(text.partition("Traceback")[0].split())[:500] + "\n    " + where,
        )
    for text in once.values():
        print(text)
    if len(names):
        for (name, what), shown in sorted(judge.kinds.items()):
            print(f"{name} {what}\n      {shown[:200]}")
    print(dict(judge.seen), f"{len(found)} wrong, of {len(once)} kinds")
    sys.exit(bool(found))


if __name__ == "__main__":
    from tests.tensor.bad_input import main as run_main

    run_main()
