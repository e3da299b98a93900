"""Training and sampling microgpt, the model of examples/microgpt.py: a module per project.

A setting has `documents`, lists of tokens, of which the next `batch` are a step's, `steps` of them
an evaluation, and `answers` of the first losses. Its model is what `model()` gives, before.
"""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

CHARACTERS = 26
SCRIPT = Path(__file__).parents[3] / "examples" / "microgpt.py"


def example() -> Any:
    """The module of the example."""
    spec = importlib.util.spec_from_file_location("microgpt", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model() -> Any:
    """The model as it is before training."""
    random.seed(42)
    return example().GPT(CHARACTERS)
