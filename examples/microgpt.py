"""microgpt: a GPT over single characters, as scalar code, trained and sampled by compiled code.

    python examples/microgpt.py --data names.txt --steps 1000 --samples 20 --json out.json

The model is A. Karpathy's microgpt, position by position: lists of Values, dot products as sums,
nothing in it an array. `GPT.loss` is the loss of one document, `GPT.sample` draws one. The data is
a file with a word a line; without one it is the cities that time zones are named after.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import zoneinfo
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from micrograd import Value, eq, exp, fit, jit, log, take, where, while_loop
from micrograd.optim import Adam
from micrograd.optim import linear as falling

Row = Sequence[Any]
Matrix = Sequence[Row]


def linear(x: Row, w: Matrix) -> list[Any]:
    """w x."""
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in w]


def softmax(logits: Row) -> list[Any]:
    """exp of each over the sum of exp; their maximum, a plain number, is subtracted before."""
    top = max(logit.data for logit in logits)
    exps = [exp(logit - top) for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def rmsnorm(x: Row) -> list[Any]:
    """x over the root of the mean of its squares."""
    mean = sum(xi * xi for xi in x) / len(x)
    scale = (mean + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def chosen(table: Matrix, row: Any) -> list[Any]:
    """The row of a table whose number is computed: all of them, times 1 or 0."""
    which = [where(eq(row, float(k)), 1.0, 0.0) for k in range(len(table))]
    return [
        sum(c * t for c, t in zip(which, column, strict=True))
        for column in zip(*table, strict=True)
    ]


class GPT:
    """One layer of attention and a multilayer perceptron.

    characters   how many tokens there are, without the one that begins and ends a document
    """

    def __init__(
        self, characters: int, width: int = 16, heads: int = 4, positions: int = 16
    ) -> None:
        def matrix(rows: int, columns: int) -> list[list[Value]]:
            return [[Value(random.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.heads, self.positions, self.end = heads, positions, characters
        tokens = characters + 1
        self.tokens = matrix(tokens, width)
        self.places = matrix(positions, width)
        self.output = matrix(tokens, width)
        self.query, self.key, self.value, self.projection = (matrix(width, width) for _ in range(4))
        self.wide = matrix(4 * width, width)
        self.narrow = matrix(width, 4 * width)

    def parameters(self) -> list[Value]:
        """All numbers that are learned, in the order in which they were drawn."""
        matrices = [self.tokens, self.places, self.output, self.query, self.key]
        matrices += [self.value, self.projection, self.wide, self.narrow]
        return [p for matrix in matrices for row in matrix for p in row]

    def position(self, x: Row, keys: list[Row], values: list[Row], place: Any = None) -> list[Any]:
        """The logits behind a token, x being its row and that of its place added up.

        Its key and value join those before it: at the end, or, as there is room for all positions
        in a loop that is traced once, at `place`, behind which nothing is attended to.
        """
        x = rmsnorm(x)
        residual, x = x, rmsnorm(x)
        q = linear(x, self.query)
        for rows, row in ((keys, linear(x, self.key)), (values, linear(x, self.value))):
            if place is None:
                rows.append(row)
            else:
                rows[:] = [
                    [
                        where(eq(place, float(k)), new, old)
                        for new, old in zip(row, there, strict=True)
                    ]
                    for k, there in enumerate(rows)
                ]
        size = len(q) // self.heads
        attended: list[Any] = []
        for head in range(0, len(q), size):
            here = range(head, head + size)
            logits = [sum(q[j] * k[j] for j in here) / size**0.5 for k in keys]
            if place is not None:
                logits = [where(place >= float(k), x, -1e9) for k, x in enumerate(logits)]
            weights = softmax(logits)
            attended += [
                sum(weight * v[j] for weight, v in zip(weights, values, strict=True)) for j in here
            ]
        x = linear(attended, self.projection)
        residual = x = [a + b for a, b in zip(x, residual, strict=True)]
        x = linear(rmsnorm(x), self.wide)
        x = linear([xi.relu() for xi in x], self.narrow)
        x = [a + b for a, b in zip(x, residual, strict=True)]
        return linear(x, self.output)

    def loss(self, document: Sequence[Any]) -> Any:
        """The mean of -log p of each token but the first, given those before."""
        keys: list[Row] = []
        values: list[Row] = []
        losses = []
        for place in range(min(self.positions, len(document) - 1)):
            row = take(self.tokens, document[place])
            x = [xi + pi for xi, pi in zip(row, self.places[place], strict=True)]
            probabilities = softmax(self.position(x, keys, values))
            losses.append(-log(take(probabilities, document[place + 1])))
        return (1 / len(losses)) * sum(losses)

    def sample(self, chances: Sequence[Any], temperature: Any) -> list[Any]:
        """The tokens that these numbers between 0 and 1 choose, one after the other, until one ends
        the document; behind it there are more of these.
        """
        end, nothing = float(self.end), [[0.0] * len(self.query)] * self.positions

        def goes_on(state: Any) -> Any:
            place, token, *_ = state
            return where(eq(token, end), 0.0, self.positions - place)

        def step(state: Any) -> Any:
            place, token, keys, values, tokens = state
            token = where(eq(place, 0.0), end, token)
            x = [
                a + b
                for a, b in zip(chosen(self.tokens, token), chosen(self.places, place), strict=True)
            ]
            keys, values = list(keys), list(values)
            logits = self.position(x, keys, values, place)
            chance = chosen([[c] for c in chances], place)[0]
            token = below = 0.0
            for p in softmax([logit / temperature for logit in logits])[:-1]:
                below = below + p  # as many as there are all of whose sums are below the number
                token = token + where(below <= chance, 1.0, 0.0)
            tokens = [where(eq(place, float(k)), token, t) for k, t in enumerate(tokens)]
            return place + 1.0, token, keys, values, tokens

        state = 0.0, -1.0, nothing, nothing, [end] * self.positions
        return while_loop(goes_on, step, state, limit=self.positions)[-1]  # type: ignore[no-any-return]


def words(path: Path | None) -> list[str]:
    """The words of a file, a line each; without one, names of cities."""
    if path is not None:
        found = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    else:
        zones = sorted(zoneinfo.available_timezones())
        found = [zone.rpartition("/")[2].lower() for zone in zones if zone.count("/") == 1]
        found = sorted({name for name in found if name.isalpha()})
    if not found:
        raise SystemExit("there are no words to learn from: give a file of them, --data FILE")
    return found


def train(
    documents: list[list[int]], model: GPT, steps: int = 1000, dtype: str = "f32", **options: Any
) -> Any:
    """Adam, a document a step, in the order of the documents; the history of the losses."""
    optimizer = Adam(model.parameters(), lr=falling(0.01, 0.0, steps), betas=(0.85, 0.99))
    how = {"batch_size": 1, "shuffle": False, "dtype": dtype, **options}
    return fit(model.loss, optimizer, data=documents, steps=steps, **how)


def generate(model: GPT, n: int, temperature: float = 0.5, seed: int = 42) -> list[list[int]]:
    """The tokens of so many documents, each by one call of compiled code."""
    rng = random.Random(seed)

    def sample(chances: list[float], temperature: float) -> Any:
        return model.sample(chances, temperature)

    kernel, found = jit(sample, dtype="f32"), []
    for _ in range(n):
        tokens = kernel([rng.random() for _ in range(model.positions)], temperature)
        found.append([int(t) for t in takewhile(lambda t: t != model.end, tokens)])
    return found


def main(kind: type[GPT] = GPT) -> None:
    """Train and draw samples."""
    parser = argparse.ArgumentParser(description="Train a GPT on words, and let it make some up.")
    parser.add_argument("--data", type=Path, metavar="FILE", help="words, one a line")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--dtype", choices=("f32", "f64"), default="f32")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="losses, seconds and samples")
    given = parser.parse_args()

    random.seed(42)
    found = words(given.data)
    random.shuffle(found)
    characters = sorted(set("".join(found)))
    token = {c: k for k, c in enumerate(characters)}
    end = len(characters)
    documents = [[end, *map(token.__getitem__, word), end] for word in found]
    model = kind(end)
    print(f"{len(found)} words, {end + 1} tokens, {len(model.parameters())} parameters")
    history = train(documents, model, given.steps, given.dtype, progress=True)
    trained = time.perf_counter()
    names = [
        "".join(characters[t] for t in tokens)
        for tokens in generate(model, given.samples, given.temperature)
    ]
    seconds = {
        "tracing": history.tracing,
        "compiling": history.compiling,
        "training": history.seconds,
        "samples, compiling included": time.perf_counter() - trained,
    }
    print(
        f"loss {history.losses[0]:.4f} -> {history.losses[-100:].mean():.4f}, the last 100's mean"
    )
    for what, took in seconds.items():
        print(f"{took:8.3f} s  {what}")
    print("\n".join(names))
    if given.json is not None:
        result = {"losses": history.losses.tolist(), "seconds": seconds, "samples": names}
        given.json.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
