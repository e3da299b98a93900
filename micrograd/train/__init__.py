"""Training: a user of the compiler. A loss and an optimiser become one native loop.

fit -> sample_loss (the loss, compiled) and rules (the optimiser, compiled) -> loop, which runs them
"""

from .fit import fit
from .history import History

__all__ = ["History", "fit"]


def __dir__() -> list[str]:
    return sorted(__all__)
