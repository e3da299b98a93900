"""Random programs of tensor operations: the same numbers and gradients as the scalar engine, whose
Values are written out for every element; as PyTorch; and as central differences of the gradients.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

from micrograd import Tensor, ops
from micrograd.tensor import applying, arithmetic, gradients
from micrograd.tensor.primitive import PRIMITIVES

from .programs import SMOOTH, STEPS, Program, as_values, draw, gradients_of, numbers_of, weights

BLOCKS, BLOCK = 20, 15
"""300 programs, in so many tests."""

close: Any = functools.partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)


def loss_of(program: Program, made: list[Any], const: Any = lambda c: c) -> Any:
    """A number to which every result matters."""
    terms = [(made[k] * const(weights(tuple(made[k].shape), k))).sum() for k in program.unused()]
    return functools.reduce(lambda x, y: x + y, terms)


def by_tensors(program: Program) -> tuple[list[Any], list[Any], Any]:
    leaves = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]
    made = program.run(leaves, "tensor")
    loss = loss_of(program, made)
    loss.backward()
    return leaves, made, loss


@pytest.mark.parametrize("block", range(BLOCKS))
def test_tensors_are_scalars_written_out(block: int) -> None:
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        program = draw(seed)
        leaves, made, loss = by_tensors(program)
        scalars = [as_values(x) for x in program.leaves]
        expected = program.run(scalars, "values")
        for x, y in zip(made, expected, strict=True):
            close(x.numpy(), numbers_of(y), err_msg=str(program))
        total = functools.reduce(
            ops.add,
            [
                v * w
                for k in program.unused()
                for v, w in zip(
                    expected[k].ravel(), weights(expected[k].shape, k).ravel(), strict=True
                )
            ],
        )
        close(loss.item(), total.data, err_msg=str(program))
        total.backward()
        for x, y in zip(leaves, scalars, strict=True):
            close(x.grad.numpy(), gradients_of(y), err_msg=str(program))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_tensors_are_as_pytorch(block: int) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        program = draw(1000 + seed)
        leaves, made, loss = by_tensors(program)
        theirs = [torch.tensor(x, requires_grad=True) for x in program.leaves]
        expected = program.run(theirs, "torch")
        for x, y in zip(made, expected, strict=True):
            close(x.numpy(), y.detach().numpy(), err_msg=str(program))
        total = loss_of(program, expected, torch.tensor)
        close(loss.item(), total.item(), err_msg=str(program))
        total.backward()
        for x, y in zip(leaves, theirs, strict=True):
            close(x.grad.numpy(), y.grad.numpy(), err_msg=str(program))


def second(program: Program, tensors: list[Any], directions: list[np.ndarray]) -> list[Any]:
    """The Hessian times directions, by differentiating the gradient."""
    loss = loss_of(program, program.run(tensors, "tensor"))
    slopes = gradients(loss, tensors, create_graph=True)
    along = functools.reduce(
        ops.add, [(s * v).sum() for s, v in zip(slopes, directions, strict=True)]
    )
    if not along.requires_grad:
        return [x.detach() * 0.0 for x in tensors]
    return gradients(along, tensors)


@pytest.mark.parametrize("block", range(10))
def test_second_derivatives(block: int) -> None:
    """Of 100 programs; a quotient of differences has half of the digits."""
    for seed in range(2000 + block * 10, 2010 + block * 10):
        program = draw(seed, 7, SMOOTH)
        directions = [weights(x.shape, k + 50) for k, x in enumerate(program.leaves)]
        tensors = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]
        found = second(program, tensors, directions)
        h = 1e-5
        ends = []
        for sign in (h, -h):
            moved = [x + sign * v for x, v in zip(program.leaves, directions, strict=True)]
            at = [Tensor(x, dtype="f64", requires_grad=True) for x in moved]
            ends.append(gradients(loss_of(program, program.run(at, "tensor")), at))
        for x, high, low in zip(found, *ends, strict=True):
            slope = (high - low).numpy() / (2 * h)
            np.testing.assert_allclose(x.numpy(), slope, rtol=1e-5, atol=1e-5, err_msg=str(program))


@pytest.mark.parametrize("block", range(10))
def test_second_derivatives_are_as_pytorch(block: int) -> None:
    torch = pytest.importorskip("torch")
    for seed in range(3000 + block * 10, 3010 + block * 10):
        program = draw(seed, 8)
        directions = [weights(x.shape, k + 50) for k, x in enumerate(program.leaves)]
        tensors = [Tensor(x, dtype="f64", requires_grad=True) for x in program.leaves]
        theirs = [torch.tensor(x, requires_grad=True) for x in program.leaves]
        loss = loss_of(program, program.run(theirs, "torch"), torch.tensor)
        slopes = torch.autograd.grad(loss, theirs, create_graph=True, allow_unused=True)
        terms = [
            (s * torch.tensor(v)).sum()
            for s, v in zip(slopes, directions, strict=True)
            if s is not None
        ]
        along = sum(terms)
        if not along.requires_grad:
            continue
        expected = torch.autograd.grad(along, theirs, allow_unused=True)
        for x, y in zip(second(program, tensors, directions), expected, strict=True):
            wanted = np.zeros(x.shape) if y is None else y.numpy(force=True)
            close(x.numpy(), wanted, rtol=1e-9, atol=1e-9, err_msg=str(program))


def test_programs_have_every_step() -> None:
    """The test of the tests."""
    seen = {step.name for seed in range(BLOCKS * BLOCK) for step in draw(seed).steps}
    assert seen == set(STEPS)


@pytest.mark.parametrize("op", [ops.tanh, ops.mul, ops.sub], ids=lambda op: op.name)
def test_a_wrong_derivative_is_seen(op: ops.Op, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the tests: of a rule that is off by a thousandth, for Tensors alone."""
    right = PRIMITIVES["elementwise"].vjp
    assert right is not None

    def wrong(ct: Any, out: Any, operands: Any, i: int, *, op: ops.Op, which: Any = op) -> Any:
        found = right(ct, out, operands, i, op=op)
        return found * 1.001 if op is which and found is not None else found

    broken = dataclasses.replace(PRIMITIVES["elementwise"], vjp=wrong)
    monkeypatch.setattr(arithmetic, "elementwise", broken)
    monkeypatch.setattr(applying, "elementwise", broken)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        test_tensors_are_scalars_written_out(0)
