"""Neural networks: Module; Neuron, Layer, MLP of scalar Values; and, imported when they are asked
for, the layers of Tensors: Linear, Conv2d, Sequential and so on (`micrograd.layers`).

Of Neuron, Layer and MLP, constructors, printed forms, parameter order and the order of random draws
are micrograd's, so a seeded program gives micrograd's numbers.

>>> import random
>>> random.seed(1)
>>> MLP(2, [3, 1])
MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .checks import flag, whole
from .engine import Value
from .errors import CheckpointError, ShapeError, kind
from .generators import read, state_of
from .locks import importing, late
from .named import assign, each, first, is_tensor, numbers, objects

if TYPE_CHECKING:  # what `__getattr__` gives
    from .layers import *  # noqa: F403

Self = TypeVar("Self", bound="Module")


class Module:
    """Anything with parameters: Values or Tensors, in its attributes and in those of Modules there.

    training   whether it is trained at the moment: Dropout asks for it
    """

    training: bool = True

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0; a Tensor's to None."""
        for p in self.parameters():
            p.grad = None if is_tensor(p) else 0

    def parameters(self) -> list[Any]:
        """The trainable Values or Tensors, always in the same order."""
        found: dict[int, Any] = {}
        for _, some in self._named():
            for p in each(some):
                found.setdefault(id(p), p)
        return list(found.values())

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Names and parameters, as PyTorch has them: `0.weight`. Values of one array are told apart
        by their places: `layers.0.weight[2, 0]`. What is there twice comes once.

        >>> [name for name, _ in Neuron(2).named_parameters()]
        ['weight[0]', 'weight[1]', 'bias']
        """
        seen: set[int] = set()
        for name, some in self._named():
            if not isinstance(some, np.ndarray):
                pairs: Any = [(name, some)]
            elif some.ndim:
                pairs = [(f"{name}[{', '.join(map(str, k))}]", v) for k, v in np.ndenumerate(some)]
            else:
                pairs = [(name, some.item())]
            for place, p in pairs:
                if id(p) not in seen:
                    seen.add(id(p))
                    yield place, p

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
        """What it and Modules in it have: where, by which name, what."""
        for name, x in vars(self).items():
            if isinstance(x, Module):
                yield from x._attributes(f"{prefix}{name}.")
            elif isinstance(x, (list, tuple)) and x and all(isinstance(m, Module) for m in x):
                for k, m in enumerate(x):
                    yield from m._attributes(f"{prefix}{name}.{k}.")
            else:
                yield prefix, name, x

    def _named(self) -> Iterator[tuple[str, Any]]:
        """Names, and Tensors or arrays of Values; those of Modules in it behind their names."""
        for prefix, name, x in self._attributes():
            if is_tensor(x):
                if x.requires_grad and x.is_leaf:
                    yield prefix + name, x
            elif isinstance(x, (list, tuple)) and x and all(map(is_tensor, x)):
                for k, p in enumerate(x):
                    if p.requires_grad and p.is_leaf:
                        yield f"{prefix}{name}.{k}", p
            elif isinstance(first(x), Value):
                values = objects(x)
                if values.size and all(isinstance(v, Value) for v in values.reshape(-1)):
                    yield prefix + {"w": "weight", "b": "bias"}.get(name, name), values

    def _generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """Names, and the random generators that it and Modules in it draw from."""
        for prefix, name, x in self._attributes():
            if isinstance(x, np.random.Generator):
                yield prefix + name.lstrip("_"), x

    def modules(self) -> Iterator[Module]:
        """It and the Modules in it, from the outside to the inside."""
        yield self
        for x in vars(self).values():
            for m in x if isinstance(x, (list, tuple)) else [x]:
                if isinstance(m, Module):
                    yield from m.modules()

    def train(self: Self, mode: bool = True) -> Self:
        """Set `training`, here and in all Modules in it; returns the Module."""
        for m in self.modules():
            m.training = flag("mode", mode, ShapeError)
        return self

    def eval(self: Self) -> Self:
        """`train(False)`: as the model is used."""
        return self.train(False)

    def _repr_html_(self) -> str:
        with importing:
            from .notebook.network import model_html
        return model_html(self)

    def _repr_svg_(self) -> str:
        with importing:
            from .notebook.network import network_svg
        return network_svg(self, alone=True)

    # -- its numbers -----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of the numbers, as arrays by name: `0.weight`, or `layers.0.weight` of an MLP; and
        of where random generators are, as Dropout has one: `2.rng`.
        """
        found: dict[str, Any] = {name: numbers(some) for name, some in self._named()}
        return found | {name: state_of(rng) for name, rng in self._generators()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over numbers that `state_dict` gave, or that have the same names and shapes; random
        generators that are not in it stay where they are.

        Raises CheckpointError if they are those of another model; then nothing has changed.
        """
        named = dict(self._named())
        if not isinstance(state, Mapping):
            raise CheckpointError(f"a state is what state_dict() gives, got {kind(state)}")
        generators = {name: rng for name, rng in self._generators() if name in state}
        missing = sorted(set(named) - set(state))
        unknown = sorted(set(state) - set(named) - set(generators))
        if missing or unknown:
            lacks = [f"lacks {', '.join(missing)}"] if missing else []
            adds = [f"has {', '.join(unknown)}, which the model has not"] if unknown else []
            raise CheckpointError(f"the state {' and '.join(lacks + adds)}")
        arrays = {name: np.asarray(state[name]) for name in named}
        for name, array in arrays.items():
            if array.dtype.kind not in "fiub":
                raise CheckpointError(f"{name} should hold real numbers, has {array.dtype}")
            if array.shape != named[name].shape:
                raise CheckpointError(
                    f"{name} has shape {named[name].shape} in the model, but {array.shape} in the "
                    "state"
                )
        states = {name: read(rng, state[name], name) for name, rng in generators.items()}
        for name, array in arrays.items():
            assign(named[name], array)
        for name, found in states.items():
            generators[name].bit_generator.state = found


class Neuron(Module):
    """`relu(w . x + b)`, or `w . x + b` when `nonlin` is false; weights uniform in (-1, 1)."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        nin = whole("nin", nin, ShapeError)
        nonlin = flag("nonlin", nonlin, ShapeError)
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return len(self.w)

    def __call__(self, x: Sequence[Any]) -> Any:
        w = self.w
        if not hasattr(x, "__len__"):
            raise ShapeError(f"{self!r} takes a list of {len(w)} inputs, got {kind(x)}")
        if len(x) != len(w):
            raise ShapeError(f"{self!r} takes {len(w)} inputs, got {len(x)}")
        bias: Any = self.b
        act = sum((wi * xi for wi, xi in zip(w, x, strict=True)), bias)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons side by side; one neuron gives its output bare, more give a list."""

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        nout = whole("nout", nout, ShapeError)
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return self.neurons[0].nin

    def __call__(self, x: Sequence[Any]) -> Any:
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for n in self.neurons for p in n.parameters()]

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
        yield prefix, "weight", objects([n.w for n in self.neurons])
        yield prefix, "bias", objects([n.b for n in self.neurons])

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


class MLP(Module):
    """Layers in a row: ReLU between them, the last one linear."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        nin = whole("nin", nin, ShapeError)
        if not isinstance(nouts, Sequence | np.ndarray) or isinstance(nouts, str) or not len(nouts):
            raise ShapeError(
                f"nouts should be a list with the size of every layer, such as [16, 1], got "
                f"{kind(nouts)}"
            )
        nouts = [whole(f"nouts[{k}]", n, ShapeError) for k, n in enumerate(nouts)]
        sizes = [nin, *nouts]
        last = len(nouts) - 1
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i != last) for i in range(len(nouts))]

    @property
    def nin(self) -> int:
        """How many inputs it takes."""
        return self.layers[0].nin

    def __call__(self, x: Sequence[Any]) -> Any:
        first, *others = self.layers
        out = first(x)
        for layer in others:
            out = layer(out if isinstance(out, list) else [out])
        return out

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"


def __dir__() -> list[str]:
    return sorted(__getattr__("__all__"))


def __getattr__(name: str) -> Any:
    """The layers of Tensors, which are imported when they are asked for."""
    if name == "__all__":
        return ["MLP", "Layer", "Module", "Neuron", *late("micrograd.layers").__all__]
    if not name.startswith("_"):
        found = getattr(late("micrograd.layers"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
