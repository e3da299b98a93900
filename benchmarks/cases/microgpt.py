"""microgpt: a GPT of 4,192 parameters, trained on words letter by letter, a document a step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from ..experiment import F32, Bar, Contestant, Experiment

LENGTHS = {
    2: 1,
    3: 13,
    4: 83,
    5: 224,
    6: 318,
    7: 209,
    8: 91,
    9: 40,
    10: 16,
    11: 3,
    12: 1,
    13: 1,
}
"""Letters of words, and how many of a thousand have so many: as of given names."""
FIRST = 4
"""Losses that are compared."""
STEPS, POSITIONS = 1000, 16


@cache
def words(n: int) -> list[str]:
    """So many words of drawn letters."""
    rng = random.Random(7)
    lengths = rng.choices([*LENGTHS], weights=[*LENGTHS.values()], k=n)
    return [
        "".join(rng.choice("aaabcdeeefghiiijklmnooopqrstuuvwxyz") for _ in range(k))
        for k in lengths
    ]


def documents(n: int) -> list[list[int]]:
    """The words as tokens, between two that begin and end them."""
    return [[26, *(ord(c) - ord("a") for c in word), 26] for word in words(n)]


def losses(steps: int, batch: int) -> list[float]:
    """The first losses by eager Values."""
    from micrograd.optim import Adam, linear

    from ..peers.microgpt import model

    gpt, found = model(), []
    optimizer = Adam(gpt.parameters(), lr=linear(0.01, 0.0, steps), betas=(0.85, 0.99))
    given = iter(documents(steps * batch))
    for _ in range(min(steps, max(1, FIRST // batch))):
        optimizer.zero_grad()
        mean = sum(gpt.loss(next(given)) for _ in range(batch)) * (1 / batch)
        mean.backward()
        optimizer.step()
        found.append(mean.data)
    return found


def training(steps: int, batch: int) -> dict[str, Any]:
    """What is trained on."""
    given = documents(steps * batch)
    answers = min(steps, max(1, FIRST // batch))
    return {"documents": given, "steps": steps, "batch": batch, "answers": answers}


def chances() -> list[float]:
    """What one document is drawn by."""
    rng = random.Random(3)
    return [rng.random() for _ in range(POSITIONS)]


def drawn() -> list[float]:
    """The tokens of that document by eager Values."""
    from ..peers.microgpt import model

    return [t.data for t in model().sample(chances(), 0.5)]


def _trained(name: str, steps: int, batch: int, bars: tuple[Bar, ...]) -> Experiment:
    d = {"dtype": "f32"}
    return Experiment(
        "microgpt",
        name,
        f"{steps} steps of Adam, {batch} document{'s' * (batch > 1)} each",
        "f32",
        partial(losses, steps, batch),
        (
            Contestant("ours", "ours", "microgpt.train", d),
            Contestant("C, plain loops", "c", "microgpt.train", {**d, "form": "plain"}),
            Contestant("C, positions in lanes", "c", "microgpt.train", {**d, "form": "lanes"}),
        ),
        partial(training, steps, batch),
        accuracy=F32,
        bars=bars,
    )


def _ours(
    name: str, what: str, key: str, answer: Callable[[], list[float]], **more: Any
) -> Experiment:
    contestants = (Contestant("ours", "ours", f"microgpt.{key}", {"dtype": "f32"}),)
    return Experiment("microgpt", name, what, "f32", answer, contestants, accuracy=F32, **more)


def experiments(small: bool) -> Iterator[Experiment]:
    """Documents one by one, in batches, as a script, and drawn."""
    steps = 3 if small else STEPS
    plain = "C, plain loops"
    yield _trained("batch 1", steps, 1, (Bar("evaluation", 1.0, "ours", plain),))
    if small:
        return
    half = Bar("evaluation", 0.5 * 16, "ours", plain, elsewhere="batch 1")
    yield _trained("batches of 16", STEPS, 16, (half,))
    yield _ours(
        "cold",
        f"a script, from the start of Python until {STEPS} steps are done",
        "cold",
        lambda: [float(len(words(STEPS)))],
        setting=lambda: {"words": words(STEPS), "steps": STEPS},
        bars=(Bar("evaluation", 5.0, "ours"),),
    )
    yield _ours(
        "drawn",
        f"a document of at most {POSITIONS} tokens, by one call from Python",
        "sample",
        drawn,
        setting=lambda: {"chances": chances()},
        bars=(Bar("evaluation", POSITIONS * 1e-6, "ours"),),
    )
