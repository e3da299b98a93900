"""Machine code as Python sees it: conventions, entries, arrays, threads."""
