"""microgpt, of which no line differs from plain micrograd: rows are looked up by `table[token]`.

    python examples/microgpt_plain.py --data names.txt --steps 1000

The losses are those of microgpt.py. Before it trains, the loss is called on documents that together
hold every token, to see that what was compiled is what it does. That takes as long as a few steps
of the scalar code; `take`, as microgpt.py has it, is not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from microgpt import GPT, Row, main, softmax

from micrograd import log


class PlainGPT(GPT):
    """The model, with lists looked up as lists are."""

    def loss(self, document: Sequence[Any]) -> Any:
        """The mean of -log p of each token but the first, given those before."""
        keys: list[Row] = []
        values: list[Row] = []
        losses = []
        for place in range(min(self.positions, len(document) - 1)):
            row = self.tokens[document[place]]
            x = [xi + pi for xi, pi in zip(row, self.places[place], strict=True)]
            probabilities = softmax(self.position(x, keys, values))
            losses.append(-log(probabilities[document[place + 1]]))
        return (1 / len(losses)) * sum(losses)


if __name__ == "__main__":
    main(PlainGPT)
