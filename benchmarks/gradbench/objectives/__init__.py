"""The objectives of the evals, as a user of this project writes them: a module each.

What an eval asks for is the function of its name. It takes the input as the eval sends it, and
gives what is timed, a call without arguments, and what makes the answer of its result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Timed = Callable[[], Any]
Answer = Callable[[Any], Any]
Prepared = tuple[Timed, Answer]
