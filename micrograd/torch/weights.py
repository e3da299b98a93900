"""Weights of models, from and to PyTorch: in its layout, by its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError, kind
from ..layers.linear import Linear
from ..nn import Module


def load_state_dict(model: Module, state: Mapping[str, Any]) -> None:
    """Take over the numbers of a `state_dict` of PyTorch, which has the names of the model's own.

    The weights of a `Linear` of Tensors are transposed, for PyTorch has them [outputs, inputs];
    those of layers of Values lie so too.

    Raises CheckpointError if they are those of another model; then nothing has changed.

    >>> import torch
    >>> from micrograd import Tensor, nn
    >>> from micrograd.torch import load_state_dict
    >>> theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())
    >>> ours = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> load_state_dict(ours, theirs.state_dict())
    >>> expected = theirs(torch.ones(1, 2)).detach().numpy()
    >>> bool(abs(ours(Tensor([[1.0, 1.0]])).numpy() - expected).max() < 1e-6)
    True
    """
    if not isinstance(model, Module):
        raise CheckpointError(f"model should be one of micrograd.nn, got {kind(model)}")
    if not isinstance(state, Mapping):
        raise CheckpointError(f"a state is what state_dict() of PyTorch gives, got {kind(state)}")
    turned = _turned(model)
    found: dict[str, Any] = {}
    for name, x in state.items():
        array = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
        found[name] = array.T if name in turned else array
    model.load_state_dict(found)


def state_dict(model: Module) -> dict[str, torch.Tensor]:
    """Copies of the numbers of a model as PyTorch's tensors, in its layout.

    >>> from micrograd import nn
    >>> from micrograd.torch import state_dict
    >>> {name: tuple(x.shape) for name, x in state_dict(nn.Linear(2, 3)).items()}
    {'weight': (3, 2), 'bias': (3,)}
    """
    if not isinstance(model, Module):
        raise CheckpointError(f"model should be one of micrograd.nn, got {kind(model)}")
    turned = _turned(model)
    named = dict(model._named())
    arrays = {name: x for name, x in model.state_dict().items() if name in named}
    return {
        name: torch.from_numpy(np.array(x.T if name in turned else x, order="C"))
        for name, x in arrays.items()
    }


def _turned(model: Module) -> set[str]:
    """The names of weights that PyTorch has transposed."""
    weights = {id(m.weight) for m in model.modules() if isinstance(m, Linear)}
    return {name for name, x in model._named() if id(x) in weights}
