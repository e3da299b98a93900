"""The derivatives that a kernel of Tensors has: kernels too, each made once."""

from __future__ import annotations

from typing import Self

from .wanted import Wanted


class TensorDerivable:
    """A kernel of Tensors, from which others are derived."""

    def _derive(self, wanted: Wanted) -> Self:
        """The kernel of a derivative."""
        raise NotImplementedError

    @property
    def grad(self) -> Self:
        """The gradient of a single number: a Tensor for each argument, or for what `wrt` says."""
        return self._derive(Wanted.GRADIENT)

    @property
    def value_and_grad(self) -> Self:
        """The value and its gradient."""
        return self._derive(Wanted.BOTH)

    @property
    def jacobian(self) -> Self:
        """All partials of the results: of shape `result.shape + argument.shape`.

        For each result, a Tensor for each argument, structured as `grad` is.

        >>> from micrograd import Tensor, jit
        >>> jit(lambda x: x * x).jacobian(Tensor([1.0, 3.0]))
        Tensor([[2., 0.],
                [0., 6.]])
        """
        return self._derive(Wanted.JACOBIAN)

    @property
    def hessian(self) -> Self:
        """The second derivatives of a single number, exactly symmetric: the Jacobian of `grad`."""
        return self._derive(Wanted.HESSIAN)

    @property
    def jvp(self) -> Self:
        """`(value, tangent)`: it takes the arguments, then a tangent for each; with `wrt`, one
        direction, structured like `grad`.
        """
        return self._derive(Wanted.JVP)

    @property
    def vjp(self) -> Self:
        """`(value, partials)`: it takes the arguments, then a cotangent like the results."""
        return self._derive(Wanted.VJP)

    @property
    def hvp(self) -> Self:
        """The Hessian times a direction, given as to `jvp`, structured like `grad`."""
        return self._derive(Wanted.HVP)
