"""Weights from PyTorch's models, and back."""

from __future__ import annotations

import numpy as np
import pytest

from micrograd import Tensor, nn
from micrograd.errors import CheckpointError

torch = pytest.importorskip("torch")
from micrograd.torch import load_state_dict, state_dict  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own


def theirs() -> torch.nn.Module:
    t = torch.nn
    return t.Sequential(
        t.Sequential(t.Linear(3, 3), t.LayerNorm(3)), t.Tanh(), t.Linear(3, 2, bias=False)
    )


def ours() -> nn.Module:
    inner = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    return nn.Sequential(inner, nn.Tanh(), nn.Linear(3, 2, bias=False))


def test_a_model_computes_the_same() -> None:
    """Square weights, too, where a transpose that is forgotten is no error of shapes."""
    model, like = ours(), theirs()
    load_state_dict(model, like.state_dict())
    x = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
    expected = like(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)
    back = theirs()
    back.load_state_dict(state_dict(model))
    for name, tensor in like.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor)
        assert state_dict(model)[name].is_contiguous()


def test_models_of_values_have_the_layout() -> None:
    model, layer = nn.MLP(2, [3]), torch.nn.Linear(2, 3)
    load_state_dict(model, {f"layers.0.{k}": p for k, p in layer.named_parameters()})
    x = [0.5, -1.0]
    found = [v.data for v in model(x)]
    assert found == pytest.approx(layer(torch.tensor(x)).tolist(), rel=1e-5)
    assert state_dict(model)["layers.0.weight"].shape == (3, 2)


def test_what_is_of_another_model() -> None:
    model = ours()
    before = state_dict(model)
    for state in (theirs()[0].state_dict(), {}, {**before, "2.weight": torch.ones(3, 2)}, [1]):
        with pytest.raises(CheckpointError):
            load_state_dict(model, state)  # type: ignore[arg-type]
    assert all(torch.equal(x, before[name]) for name, x in state_dict(model).items())
    with pytest.raises(CheckpointError, match=r"model should be one of micrograd\.nn"):
        load_state_dict(theirs(), before)
    with pytest.raises(CheckpointError, match=r"model should be one of micrograd\.nn"):
        state_dict(5)  # type: ignore[arg-type]
