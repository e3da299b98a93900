"""An optimiser -> its rule as expressions, which `emit_training` writes into the loop.

The rule is run once, on traced Values: it may use ops and `where`, and what would need a number,
such as `if`, is an error with the line of the rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine import Value
from ..errors import TrainingError, kind
from ..jit.ir.program import Access, Apply, Expr, Program, Statement
from ..jit.passes.simplify import expand
from ..jit.target import Target
from ..jit.trace.trace import nodes
from ..ops import as_float
from ..optimizer import Optimizer
from ..traced import Traced
from .step_code import Update


def update_of(optimizer: Optimizer) -> Update:
    """The optimiser's rule, as expressions."""
    if type(optimizer).per_step is Optimizer.per_step:  # without asking the schedule
        step = optimizer.scalars(0.0, optimizer.steps)
    else:
        step = optimizer.per_step(optimizer.steps)
    rates = tuple(Traced(f"r{k}") for k in range(len(step)))
    state = [Traced(f"s{k}") for k in range(len(optimizer.slots))]
    results = optimizer.rule(Traced("p"), Traced("g"), rates, *state)
    made_by = f"the rule of {type(optimizer).__name__}"
    if not isinstance(results, (tuple, list)) or len(results) != 1 + len(state):
        raise TrainingError(
            f"{made_by} should give a tuple of {1 + len(state)} numbers, the new parameter and its "
            f"new state ({', '.join(optimizer.slots) or 'none'}), got {kind(results)}"
        )
    exprs = _expressions([x if isinstance(x, Value) else as_float(x) for x in results])
    program = Program(body=[Statement(Access(f"x{k}"), x) for k, x in enumerate(exprs)])
    program = expand(program, Target.host(strict=True))
    made = tuple(s.expr for s in program.body)
    return Update(str(program), made, len(step))


def _expressions(results: Sequence[Value | float]) -> list[Expr]:
    """What was traced, as expressions on accesses to the arrays that the leaves are named after."""
    made: dict[int, Expr] = {}
    for v in nodes(results):
        if v._entry is not None:
            args = tuple(made[x._serial] if isinstance(x, Value) else x for x in v._operands)
            made[v._serial] = Apply(v._entry, args)
        else:
            made[v._serial] = Access(v.label) if isinstance(v, Traced) else v.data
    return [made[x._serial] if isinstance(x, Value) else x for x in results]
