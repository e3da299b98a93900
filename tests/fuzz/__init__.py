"""The differential fuzzer: what is compiled against what the same program means.

programs    choices -> random scalar functions, regular and irregular, with arguments
kernels     a function -> every kernel that can be derived of it, compiled for every width of
            vectors and both dtypes, with numbers and with arrays, against the interpreter
shrink      choices that fail -> the fewest and smallest that still do
__main__    `python -m tests.fuzz --seconds 60`, or `--seed N` to try one again
"""
