"""Tests of micrograd; `lowering` has its own in tests/lowering.

What they compile is not kept, for they change the compiler: in the processes that they start, too.
"""

import os

os.environ.setdefault("MICROGRAD_CACHE", "0")
