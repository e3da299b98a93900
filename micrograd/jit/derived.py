"""The names of the derivatives that a kernel has, of numbers or of Tensors: kernels too."""

from __future__ import annotations

from typing import Self

from .wanted import Wanted


class Derived:
    """A kernel from which others are derived."""

    def _derive(self, wanted: Wanted) -> Self:
        """The kernel of a derivative."""
        raise NotImplementedError

    @property
    def grad(self) -> Self:
        """The kernel of the gradient: the partials, structured like the arguments or `wrt`.

        Of a function with one parameter, the partial itself; with several, a tuple of them. The
        value should be a single number.

        >>> from micrograd import jit
        >>> jit(lambda x: x * x).grad(3.0), jit(lambda x, y: x * y).grad(3.0, 5.0)
        (6.0, (5.0, 3.0))
        """
        return self._derive(Wanted.GRADIENT)

    @property
    def value_and_grad(self) -> Self:
        """The kernel of `(value, partials)`, computed together."""
        return self._derive(Wanted.BOTH)

    @property
    def jacobian(self) -> Self:
        """The kernel of all partials of all results: a matrix, in the structure of both.

        A number, list or array of results gives a tuple with a block for each argument; in it, a
        structure like that argument stands for each result. A tuple or dict of results gives one
        of such tuples. Of Tensors a block has the shape `result.shape + argument.shape`.

        >>> from micrograd import jit
        >>> jit(lambda x, y: (x * y, x - y)).jacobian(2.0, 3.0)
        ((3.0, 2.0), (1.0, -1.0))
        >>> from micrograd import Tensor
        >>> jit(lambda x: x * x).jacobian(Tensor([1.0, 3.0]))
        Tensor([[2., 0.],
                [0., 6.]])
        """
        return self._derive(Wanted.JACOBIAN)

    @property
    def hessian(self) -> Self:
        """The kernel of the second derivatives: the Jacobian of `grad`, exactly symmetric.

        >>> from micrograd import jit
        >>> jit(lambda x, y: x * x * y).hessian(2.0, 3.0)
        ((6.0, 4.0), (4.0, 0.0))
        """
        return self._derive(Wanted.HESSIAN)

    @property
    def jvp(self) -> Self:
        """The kernel of `(value, tangent)`: the derivative of the results along a direction.

        It takes a function's arguments, then a tangent for each. With `wrt`, and for a model, the
        direction is one argument: a list or array with a number for each partial; for Tensors,
        structured like `grad`.

        >>> from micrograd import jit
        >>> jit(lambda x, y: x * y).jvp(2.0, 3.0, 1.0, 10.0)
        (6.0, 23.0)
        """
        return self._derive(Wanted.JVP)

    @property
    def vjp(self) -> Self:
        """The kernel of `(value, partials)` of the results weighted with a cotangent.

        It takes the arguments, then the cotangent, structured like the result.

        >>> from micrograd import jit
        >>> jit(lambda x, y: (x * y, x - y)).vjp(2.0, 3.0, (1.0, 10.0))
        ((6.0, -1.0), (13.0, -8.0))
        """
        return self._derive(Wanted.VJP)

    @property
    def hvp(self) -> Self:
        """The kernel of the Hessian times a direction, given as to `jvp`, structured like `grad`.

        >>> from micrograd import jit
        >>> jit(lambda x, y: x * x * y).hvp(2.0, 3.0, 1.0, 10.0)
        (46.0, 4.0)
        """
        return self._derive(Wanted.HVP)
