"""Programs with a fault: each time, one thing of a legal program is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from random import Random

from micrograd.jit.ir.extents import is_number
from micrograd.jit.ir.program import (
    Access,
    Loop,
    Node,
    Order,
    Program,
    Statement,
    accesses,
    map_accesses,
)


def damaged(program: Program, random: Random) -> Iterator[tuple[str, Program]]:
    """Copies of the program with a fault each, and what kind it is of; some are still legal."""
    for kind, change in KINDS.items():
        p = deepcopy(program)
        if change(p, random):
            yield kind, p


def _bodies(body: list[Node]) -> Iterator[list[Node]]:
    yield body
    for node in body:
        if isinstance(node, Loop):
            yield from _bodies(node.body)


def _loops(p: Program) -> list[Loop]:
    return [node for body in _bodies(p.body) for node in body if isinstance(node, Loop)]


def _extent(p: Program, random: Random) -> bool:
    """A trip count of a statement is another."""
    found = [s for s in p.statements if s.domain]
    if not found:
        return False
    s = random.choice(found)
    d = random.randrange(len(s.domain))
    s.domain = (*s.domain[:d], int(s.domain[d]) + random.choice([-1, 1, 2]), *s.domain[d + 1 :])
    return not is_number(s.domain[d]) or s.domain[d] >= 0


def _loop_extent(p: Program, random: Random) -> bool:
    """A trip count of a loop, and of all in it, is another."""
    found = [x for x in p.body if isinstance(x, Loop) and is_number(x.extent)]
    if not found:
        return False
    loop = random.choice(found)
    inside = [node for body in _bodies(loop.body) for node in body]
    loop.extent += random.choice([1, 1, -1])
    for node in inside:
        if isinstance(node, Statement):
            node.domain = (loop.extent, *node.domain[1:])
    return loop.extent >= 0


def _order(p: Program, random: Random) -> bool:
    """A loop runs in another order."""
    found = _loops(p)
    if not found:
        return False
    loop = random.choice(found)
    loop.order = random.choice([x for x in Order if x is not loop.order])
    return True


def _early(p: Program, random: Random) -> bool:
    """Two nodes change places."""
    found = [body for body in _bodies(p.body) if len(body) > 1]
    if not found:
        return False
    body = random.choice(found)
    k = random.randrange(len(body) - 1)
    body[k], body[k + 1] = body[k + 1], body[k]
    return True


def _twice(p: Program, random: Random) -> bool:
    """A statement stands twice."""
    body = random.choice([b for b in _bodies(p.body) if any(isinstance(x, Statement) for x in b)])
    k = random.choice([k for k, x in enumerate(body) if isinstance(x, Statement)])
    body.insert(random.randint(k, len(body)), deepcopy(body[k]))
    return True


def _no_sum(p: Program, random: Random) -> bool:
    """What reduces assigns."""
    found = [s for s in p.statements if s.accumulate is not None]
    random.choice(found).accumulate = None
    return True


def _gone(p: Program, random: Random) -> bool:
    """A statement is missing."""
    body = random.choice([b for b in _bodies(p.body) if len(b) > 1])
    del body[random.randrange(len(body))]
    return True


def _target(p: Program, random: Random) -> bool:
    """A statement writes elsewhere."""
    s = random.choice(p.statements)
    s.target = _moved(s.target, random)
    return True


def _read(p: Program, random: Random) -> bool:
    """A statement reads elsewhere."""
    found = [s for s in p.statements if any(True for _ in accesses(s.expr))]
    s = random.choice(found)
    which = random.choice(list(accesses(s.expr)))
    to = _moved(which, random)
    s.expr = map_accesses(s.expr, lambda a: to if a == which else a)
    return True


def _moved(a: Access, random: Random) -> Access:
    if a.parts and random.random() < 0.3:
        k = random.randrange(len(a.parts))
        part = a.parts[k]
        part = random.choice([
            replace(part, offset=part.offset + random.choice([-1, 1, 3])),
            replace(part, scale=part.scale + random.choice([-1, 1])),
        ])  # fmt: skip
        return replace(a, parts=(*a.parts[:k], part, *a.parts[k + 1 :]))
    if a.strides and random.random() < 0.6:
        d = random.randrange(len(a.strides))
        stride = random.choice([0, a.strides[d] + 1, -a.strides[d], 2 * a.strides[d]])
        return replace(a, strides=(*a.strides[:d], stride, *a.strides[d + 1 :]))
    return replace(a, offset=a.offset + random.choice([-1, 1, 2, 5]))


KINDS: dict[str, Callable[[Program, Random], bool]] = {
    "extent of a statement": _extent,
    "extent of a loop": _loop_extent,
    "order of a loop": _order,
    "early": _early,
    "written twice": _twice,
    "no sum": _no_sum,
    "gone": _gone,
    "written elsewhere": _target,
    "read elsewhere": _read,
}
