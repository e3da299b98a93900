"""One test per message: what was expected, what came, where, and what to do next."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import micrograd
from micrograd import Value, exp, jit, ops, traced, where
from micrograd.errors import (
    CompilerError,
    DataError,
    GraphError,
    KernelClosed,
    MicrogradError,
    ShapeError,
    SignatureError,
    TraceError,
    kind,
)
from micrograd.nn import MLP, Layer, Neuron

HERE = Path(__file__)
OUTER = Value(2.0)


def two(x: Any, y: Any) -> Any:
    return x * y


# --- data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("bad", "named"), [("3", "str '3'"), (None, "NoneType None")])
def test_string_or_none_as_data(bad: Any, named: str) -> None:
    message = f"a Value holds one real number, got {named}"
    for make in (
        lambda: Value(bad),
        lambda: Value(1.0) + bad,
        lambda: bad * Value(1.0),
        lambda: Value(1.0) ** bad,
        lambda: exp(bad),
        lambda: jit(lambda x: x + bad)(1.0),
    ):
        with pytest.raises(DataError) as caught:
            make()
        assert message in str(caught.value)
        assert str(caught.value).startswith(f"{__file__}:")


def test_array_as_data() -> None:
    with pytest.raises(DataError, match="one real number, got ndarray array"):
        Value(np.ones(2))


@pytest.mark.parametrize("bad", ["3", None, [1.0]])
def test_bad_data_assigned_to_a_live_parameter(bad: Any) -> None:
    w = Value(1.0)
    kernel = jit(lambda x: w * x)
    assert kernel(2.0) == 2.0
    with pytest.raises(DataError, match="a Value holds one real number, got"):
        w.data = bad
    assert (w.data, kernel(2.0)) == (1.0, 2.0)  # nothing is lost


# --- arguments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: k(1.0), "two takes 2 arguments (x, y), got 1"),
        (lambda k: k(), "two takes 2 arguments (x, y), got 0"),
        (lambda k: k(1.0, 2.0, 3.0), "two takes 2 arguments (x, y), got 3"),
        (lambda k: k(1.0, z=2.0), "two takes 2 arguments (x, y), got 1 and z="),
        (lambda k: k(1.0, 2.0, x=2.0), "two takes 2 arguments (x, y), got 2 and x="),
        (lambda k: k.grad(1.0), "two.grad takes 2 arguments (x, y), got 1"),
        (lambda k: k("1", 2.0), "x should be a number, an array, or a list, tuple or dict"),
        (lambda k: k(1.0, None), "y should be a number, an array, or a list, tuple or dict of "
                                 "them, got NoneType None"),
        (lambda k: k([1.0, "2"], 1.0), "x[1] should be a number"),
        (lambda k: k({"a": object()}, 1.0), "x['a'] should be a number"),
        (lambda k: k(1j, 1.0), "x should be a number"),
        (lambda k: k(np.array(["a"]), 1.0), "x should hold real numbers, got an array of <U1"),
        (lambda k: k(np.array([1j]), 1.0), "x should hold real numbers, got an array of complex"),
        (lambda k: k(np.ones(2), np.ones(3)), "two: the shapes of the arguments, (2,), (3,), do "
                                              "not broadcast"),
        (lambda k: k(np.ones((2, 3)), np.ones((2, 2))), "(2, 3), (2, 2), do not broadcast"),
    ],
)  # fmt: skip
def test_bad_arguments(call: Callable[[Any], Any], message: str) -> None:
    kernel = jit(two)
    assert kernel(2.0, 3.0) == 6.0
    with pytest.raises(SignatureError) as caught:
        call(kernel)
    assert message in str(caught.value)
    assert kernel(2.0, 3.0) == 6.0  # nothing is lost


def test_arguments_of_a_closed_value() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(SignatureError, match=r"value takes 0 arguments \(none\), got 1"):
        jit(x * 2)(1.0)
    with pytest.raises(SignatureError, match=r"value takes 1 argument \(x\), got 2"):
        jit(x * 2, wrt=[x])(1.0, 2.0)
    with pytest.raises(SignatureError, match="value takes one number as x, got 2 of them"):
        jit(x * 2, wrt=[x])([1.0, 2.0])


def test_value_kernel_without_some_arguments() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    with pytest.raises(SignatureError, match=r"value takes 2 arguments \(x, y\), got 1"):
        jit(x * y, wrt=[x, y])(1.0)


@pytest.mark.parametrize("model", [Neuron(3), Layer(3, 2), MLP(3, [2, 1])], ids=["n", "l", "m"])
def test_model_of_another_number_of_inputs(model: Any) -> None:
    kernel = jit(model)
    kernel([1.0, 2.0, 3.0])
    for bad in ([1.0, 2.0], [1.0] * 4, np.ones(2), np.ones((5, 4)), (1.0,)):
        with pytest.raises(SignatureError, match="takes x: 3 numbers, got "):
            kernel(bad)
    with pytest.raises(SignatureError, match="takes x: 3 numbers, got one number"):
        kernel(1.0)
    with pytest.raises(ShapeError, match="takes 3 inputs, got 2"):
        model([1.0, 2.0])


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 1)), [0.0, 0.0], 5])
def test_bad_out_of_a_mapped_call(bad: Any) -> None:
    with pytest.raises(
        SignatureError, match=r"two: out should be a writeable array of shape \(2,\), got "
    ):
        jit(two)(np.ones(2), 1.0, out=bad)


def test_bad_out_of_a_single_call() -> None:
    kernel = jit(two, dtype="f64")
    for bad in (np.zeros(3), np.zeros(2, np.float32), np.zeros(4)[::2], np.zeros((1, 2))):
        with pytest.raises(SignatureError, match="out should be a writeable, contiguous float64"):
            kernel.grad(1.0, 2.0, out=bad)
    read_only = np.zeros(2)
    read_only.flags.writeable = False
    with pytest.raises(SignatureError, match=r"array of shape \(2,\), got a read-only one"):
        kernel.grad(1.0, 2.0, out=read_only)
    with pytest.raises(SignatureError, match=r"got one with strides \(16,\)"):
        kernel.grad(1.0, 2.0, out=np.zeros(4)[::2])
    with pytest.raises(SignatureError, match="got one out of place"):
        kernel.grad(1.0, 2.0, out=np.zeros(17, np.uint8)[1:].view(np.float64))
    with pytest.raises(SignatureError, match="out should be"):
        kernel.grad(1.0, 2.0, out=[0.0, 0.0])


def test_out_where_the_result_is_one_number() -> None:
    with pytest.raises(SignatureError, match="two gives one number, which needs no out"):
        jit(two)(1.0, 2.0, out=np.zeros(1))


def test_out_where_the_results_are_several_arrays() -> None:
    wanted = r"two\.grad: out should be a writeable array of shape \(2, 2\), got one of shape"
    with pytest.raises(SignatureError, match=wanted):
        jit(two).grad(np.ones(2), 2.0, out=np.zeros(2, np.float32))


def test_read_only_out_of_a_mapped_call() -> None:
    out = np.zeros(2, dtype=np.float32)
    out.flags.writeable = False
    with pytest.raises(SignatureError, match="out should be a writeable array"):
        jit(two)(np.ones(2), 2.0, out=out)
    assert not out.any()


def test_structure_that_changes_is_compiled_anew() -> None:
    kernel = jit(lambda v: v["a"] * 2)
    assert kernel({"a": 1.0}) == 2.0
    assert kernel({"b": 5.0, "a": 2.0}) == 4.0


def in_itself(kind: type) -> Any:
    """A container that contains itself, through another."""
    inner: list[Any] = [1.0]
    outer = {"a": 1.0, "b": inner} if kind is dict else kind([2.0, inner])
    inner.append(outer)
    return outer


def nested(depth: int, leaf: Any = 1.0) -> Any:
    """So many lists in each other."""
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def first(v: list[Any]) -> Any:
    while isinstance(v, (list, tuple)):
        v = v[0]
    return v * 2.0


def double(v: Any) -> Any:
    return v * 2.0


CIRCULAR = r"contains itself$"
DEEP = r"containers nested more than 100 deep$"
UNENDING = [*((in_itself(kind), CIRCULAR) for kind in (list, tuple, dict)), (nested(5000), DEEP)]


@pytest.mark.parametrize(("bad", "fault"), UNENDING, ids=["list", "tuple", "dict", "deep"])
def test_containers_that_contain_themselves(bad: Any, fault: str) -> None:
    argument = rf"^v should be a number, an array, or a list, tuple or dict of them, got .*{fault}"
    for make in (
        lambda: jit(first)(bad),
        lambda: jit(first, freeze=True)(bad),
        lambda: jit(double)(bad),
        lambda: jit(first).grad(bad),
        lambda: jit(first)([Value(1.0), bad]),
        lambda: jit(lambda x: jit(first)([x, bad]))(1.0),
    ):
        with pytest.raises(SignatureError, match=argument):
            make()
    with pytest.raises(SignatureError, match=rf"^cotangent should be .*{fault}"):
        jit(double).vjp(1.0, bad)
    with pytest.raises(SignatureError, match=rf"^option should be .*{fault}"):
        jit(lambda x, option=None: x * 2.0)(1.0, option=bad)
    for returned in (bad, [bad], {"a": bad}):
        for freeze in (False, True):
            with pytest.raises(SignatureError, match=rf"should return a Value, .*{fault}"):
                jit(lambda x, r=returned: [x, r], freeze=freeze)(1.0)
    with pytest.raises(GraphError, match=r"wrt\[0\] should be a Value, got "):
        jit(OUTER * 2.0, wrt=[bad])
    with pytest.raises(GraphError, match=r"wrt\[0\] should be a Value, got "):
        jit(lambda x: OUTER * x, wrt=[bad]).grad(1.0)


def test_arrays_that_contain_themselves() -> None:
    a = np.empty(1, dtype=object)
    a[0] = [a]
    with pytest.raises(SignatureError, match=r"it returned a (list|ndarray) that contains itself$"):
        jit(lambda x: [x, a])(1.0)


def test_what_is_nested_twice_does_not_contain_itself() -> None:
    inner = [1.0, 2.0]
    assert jit(first)([inner, [inner, inner]]) == 2.0
    row = nested(5000)
    with pytest.raises(SignatureError, match=DEEP):
        jit(first)([inner, [row, row]])


def test_as_many_containers_in_each_other_as_there_may_be() -> None:
    kernel = jit(first)
    for _ in range(2):  # through Python, then by native code
        assert kernel(nested(100, 3.0)) == 6.0
        assert kernel.grad(nested(100, 3.0)) == nested(100, 2.0)
    assert jit(lambda x: nested(100, x))(3.0) == nested(100, 3.0)
    with pytest.raises(SignatureError, match=DEEP):
        kernel(nested(101, 3.0))
    with pytest.raises(SignatureError, match=DEEP):
        jit(lambda x: nested(101, x))(3.0)


# --- tracing --------------------------------------------------------------------------------


def raised_in(f: Callable[..., Any], *args: float) -> str:
    """The message of the TraceError that tracing f raises, its location checked.

    The offending line of f is the one with the comment `here`.
    """
    lines, first = inspect.getsourcelines(f)
    line = first + next(k for k, text in enumerate(lines) if "# here" in text)
    with pytest.raises(TraceError) as caught:
        jit(f)(*args)
    message = str(caught.value)
    assert message.startswith(f"{HERE}:{line}: "), message
    return message


def test_traced_value_in_if() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        if y > 0:  # here
            return y
        return -y

    message = raised_in(f, 1.0)
    assert "a traced value has no truth value" in message
    assert "micrograd.where(condition, a, b)" in message


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1.0 if x == 0.0 else x,
        lambda x: 1.0 if x != 0.0 else x,
        lambda x: 1.0 if 0.0 == x else x,  # noqa: SIM300
        lambda x: x if x in (1.0, 2.0) else 0.0,
        lambda x: [2.0, 3.0].index(x) * x,
        lambda x: x if OUTER == x else 0.0,  # noqa: SIM300
        lambda x: np.array([x, x]) == 0.0,
        lambda x: max([x, 2.0 * x]),
        lambda x: sorted([x, 2.0 * x]),
    ],
)
def test_traced_value_compared_for_equality_has_no_truth_value(f: Any) -> None:
    with pytest.raises(TraceError, match="a traced value has no truth value") as caught:
        jit(f)(1.0)
    assert str(caught.value).startswith(f"{HERE}:{f.__code__.co_firstlineno}: ")
    assert "micrograd.where(condition, a, b)" in str(caught.value)


def test_equality_is_recorded() -> None:
    w = Value(2.0)
    sinc = jit(lambda x: where(x == 0.0, 1.0, micrograd.sin(x) / where(x == 0.0, 1.0, x)))
    assert (sinc(0.0), sinc.grad(0.0)) == (1.0, 0.0)
    assert sinc(1.0) == math.sin(1.0)
    assert jit(lambda x: where(x != 0.0, 1.0, 2.0) * x)(3.0) == 3.0
    assert (
        jit(lambda x: (w == x) + 2.0 * (x == w) + 4.0 * (x == 2.0) + 8.0 * (x != 2.0))(2.0) == 7.0
    )
    assert jit(lambda x, y: (x == y) * x)(2.0, 2.0) == 2.0
    assert jit(lambda x: x if x is not None and x != "sum" else 0.0)(2.0) == 2.0  # no numbers


def test_traced_value_is_not_formatted() -> None:
    with pytest.raises(TraceError, match="has no text of the form"):
        jit(lambda x: f"{x:.2f}")(1.0)
    assert jit(lambda x: x if f"{x}" else 0.0)(1.0) == 1.0


def test_traced_value_in_and_or_not_while_max() -> None:
    def f(x: Any) -> Any:
        return max(x, 0.0)  # here

    def g(x: Any) -> Any:
        while x < 3:  # here
            x = x + 1
        return x

    def h(x: Any, y: Any) -> Any:
        return x and y  # here

    assert "minimum(*xs) or maximum(*xs)" in raised_in(f, 1.0)
    assert "`while`" in raised_in(g, 1.0)
    assert "`and`" in raised_in(h, 1.0, 2.0)


def test_traced_value_to_float() -> None:
    def f(x: Any) -> Any:
        return x * math.exp(x)  # here

    assert "float() cannot have it; keep it a Value (micrograd.exp, sin, ..." in raised_in(f, 1.0)


def test_traced_value_to_int() -> None:
    def f(x: Any) -> Any:
        return x * int(x)  # here

    assert "int() cannot have it" in raised_in(f, 1.0)


def test_traced_value_as_an_index() -> None:
    def f(x: Any) -> Any:
        return x * [1.0, 2.0][x]  # here

    message = raised_in(f, 1.0)
    assert "a traced value cannot be an index or a range" in message
    assert "micrograd.take" in message


def test_a_row_is_set_as_errors_say() -> None:
    def in_place(i: int, xs: list[float]) -> Any:
        xs[i] = 3.0  # here
        return xs[0] * xs[1]

    def anew(i: int, xs: list[float], v: float) -> Any:
        xs = [where(i == k, v, x) for k, x in enumerate(xs)]
        return xs[0] * xs[1]

    with pytest.raises(TraceError, match=r"\[micrograd\.where\(i == k, v, x\) for k, x in"):
        jit(in_place)(1, [5.0, 2.0])
    kernel = jit(anew)
    assert [kernel(i, [5.0, 2.0], 3.0) for i in (0, 1, 2)] == [6.0, 15.0, 10.0]


def test_traced_value_as_a_range() -> None:
    def f(x: Any) -> Any:
        return sum(x for _ in range(x))  # here

    assert "cannot be an index or a range" in raised_in(f, 2.0)


def test_text_of_the_data_of_a_traced_value() -> None:
    def f(x: Any) -> Any:
        return x * float(f"{x.data:.3f}")  # here

    assert "a traced value has no number yet" in raised_in(f, 1.0)


def test_data_of_a_traced_value_is_not_assigned() -> None:
    def f(x: Any) -> Any:
        x.data = 3.0  # here
        return x

    assert ".data cannot be" in raised_in(f, 1.0)


def test_backward_while_tracing() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y.backward()  # here
        return y

    assert "call its .grad or .value_and_grad" in raised_in(f, 1.0)


def test_traced_value_in_a_number_format_or_numpy_array() -> None:
    def f(x: Any) -> Any:
        return x * np.array([x], dtype=float)[0]  # here

    assert "float() cannot have it" in raised_in(f, 1.0)


def test_traced_value_that_escaped() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x)
        return x * 2

    jit(f)(1.0)
    line = sys._getframe().f_lineno + 2
    with pytest.raises(TraceError, match=r"Traced\(x\) was traced by another function") as caught:
        jit(lambda y: y * kept[0])(1.0)
    assert str(caught.value).startswith(f"test_errors.py:{line}: ")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "it returned NoneType None"),
        ("x", "it returned str 'x'"),
        ({1.0}, "it returned set {1.0}"),
    ],
)
def test_function_that_returns_no_value(returned: Any, message: str) -> None:
    def nothing(x: Any) -> Any:
        return returned

    with pytest.raises(SignatureError) as caught:
        jit(nothing)(1.0)
    assert "nothing should return" in str(caught.value)
    assert message in str(caught.value)


def test_error_of_the_function_itself_is_not_wrapped() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        jit(f)(1.0)


def test_function_of_any_names() -> None:
    with pytest.raises(
        SignatureError, match=r"takes \*\*rest, whose number of arguments is unknown"
    ):
        jit(lambda x, **rest: x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[0] * x[1],
        lambda x: x * len(x),
        lambda x: sum(v * v for v in x),
        lambda x: x.sum(),
        lambda x: x.reshape(-1),
        lambda x: x * x.shape[0],
        lambda x: np.dot(*x),
    ],
)
def test_an_array_is_not_taken_whole_unless_asked(f: Any) -> None:
    for kernel in (jit(f), jit(f).grad):
        with pytest.raises(TraceError) as caught:
            kernel(np.array([2.0, 3.0]))
        message = str(caught.value)
        assert message.startswith(f"{HERE}:{f.__code__.co_firstlineno}: ")
        assert "arrays are mapped over; to take an array whole, annotate its parameter" in message
        assert "(x: np.ndarray), or pass a list (of lists" in message


def test_other_type_errors_of_a_function_are_its_own() -> None:
    with pytest.raises(TypeError, match=r"^'int' object is not subscriptable$"):
        jit(lambda x: x * abs(3)[0])(1.0)  # type: ignore[index]
    with pytest.raises(AttributeError, match=r"'Traced' object has no attribute 'colour'"):
        jit(lambda x: x.colour)(1.0)


MASKED = np.ma.masked_array([1.0, 2.0], mask=[False, True])


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        (MASKED, r"x is a masked array, .* x\.filled"),
        (np.ma.masked, "x is a masked array"),
        ([MASKED, 1.0], r"x\[0\] is a masked array"),
        (1j, "x should be a number, .* got complex 1j"),
        (np.complex64(2), "x should be a real number, got complex64"),
        (np.array([1j]), "x should hold real numbers, got an array of complex128"),
        (np.array(2j), "x should hold real numbers, got an array of complex128"),
        ([1.0, np.complex128(2)], r"x\[1\] should be a real number, got complex128"),
        ({"a": [2j]}, r"x\['a'\]\[0\] should be a number, .* got complex 2j"),
        (np.array(["a"]), "x should hold real numbers, got an array of <U1"),
        (np.array([None]), "x should hold real numbers, got an array of object"),
    ],
    ids=str,
)
def test_masks_and_imaginary_parts_are_not_dropped(argument: Any, says: str) -> None:
    def whole(x: np.ndarray) -> Any:
        return sum(x)

    for kernel in (jit(lambda x: x), jit(whole), jit(lambda x: x).grad):
        with pytest.raises(SignatureError, match=says):
            kernel(argument)
    if isinstance(argument, np.ndarray):
        with pytest.raises(SignatureError, match=says):
            jit(MLP(2, [1]))(argument)


def test_masked_arrays_for_results_and_masks() -> None:
    k = jit(lambda x: x * x)
    with pytest.raises(SignatureError, match=r"out should be a writeable array .* MaskedArray"):
        k(np.ones(2), out=MASKED.copy())
    with pytest.raises(SignatureError, match=r"where is a masked array"):
        k(np.ones(2), where=np.ma.array([True, False], mask=[False, True]))


@pytest.mark.parametrize("bad", ["x*x", 3.0, [1.0], object()])
def test_jit_of_something_else(bad: Any) -> None:
    with pytest.raises(SignatureError, match="jit compiles a Value, a function or a model, got "):
        jit(bad)


def test_function_without_a_signature() -> None:
    with pytest.raises(SignatureError, match="has no signature"):
        jit(min)


# --- options --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["f16", "double precision", np.int32, int, "float16", 64])
def test_unknown_dtype(bad: Any) -> None:
    with pytest.raises(SignatureError, match="dtype should be float32 or float64, got "):
        jit(Value(1.0), dtype=bad)


def test_computed_value_in_wrt() -> None:
    x = Value(1.0)
    y = x * 2
    with pytest.raises(GraphError, match=r"wrt\[0\], .* is computed \(op '\*'\); .* to leaves"):
        jit(y * y, wrt=[y])(1.0)
    with pytest.raises(GraphError, match=r"wrt\[1\], .* is computed"):
        jit(lambda z: z * x, wrt=[x, y])(1.0)


def test_no_value_in_wrt() -> None:
    with pytest.raises(GraphError, match=r"wrt\[0\] should be a Value, got float"):
        jit(Value(1.0) * 2, wrt=[3.0])(1.0)
    with pytest.raises(GraphError, match="wrt should be a list of leaves or names, got int 3"):
        jit(Value(1.0) * 2, wrt=3)


def test_same_leaf_twice_in_wrt() -> None:
    x = Value(1.0)
    with pytest.raises(GraphError, match=r"wrt\[1\], Value\(.*\), is in wrt twice"):
        jit(x * x, wrt=[x, x])(1.0, 2.0)


def test_unknown_parameter_in_wrt() -> None:
    with pytest.raises(
        GraphError, match=r"wrt\[0\] is 'z', but two has no such parameter; it has x"
    ):
        jit(two, wrt=["z"])(1.0, 2.0)


def test_frozen_leaf_in_wrt() -> None:
    w = Value(2.0)
    with pytest.raises(
        GraphError, match=r"wrt\[1\], .*, is a constant of .*, as freeze=True makes"
    ):
        jit(lambda x: w * x, wrt=["x", w], freeze=True).grad(1.0)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("nextafter", lambda x: np.nextafter(x, x)),
        ("logaddexp2", lambda x: np.logaddexp2(x, 1.0)),
        ("arctanh", np.arctanh),
        ("nextafter", lambda x: np.nextafter(x, np.array([1.0, 2.0]))),
        ("signbit", np.signbit),
        ("<lambda>", jit(lambda y: y * y).ufunc),
    ],
)
def test_function_of_numpy_that_is_no_op(name: str, use: Callable[[Any], Any]) -> None:
    message = (
        rf"test_errors.py:\d+: np.{name} is no op of micrograd, so Values do not have it; write"
    )
    with pytest.raises(TraceError, match=message):
        jit(lambda x: use(x))(1.0)
    with pytest.raises(TraceError, match=message):
        (lambda x: use(x))(Value(1.0))


def test_spans_of_time_are_no_numbers() -> None:
    for span in (np.timedelta64(5, "s"), np.timedelta64(5, "D"), np.datetime64("2020-01-01")):
        with pytest.raises(SignatureError, match=r"x should be a .*number.*, got .*64"):
            jit(lambda x: x * 2.0)(span)


def test_gradient_of_several_outputs() -> None:
    kernel = jit(lambda x: [x, x * x])
    assert kernel(2.0) == [2.0, 4.0]
    with pytest.raises(
        SignatureError, match=r"gives 2 values; a gradient is of one\. Return their"
    ):
        kernel.grad(2.0)
    with pytest.raises(SignatureError, match="gives 3 values"):
        jit(Layer(2, 3)).value_and_grad([1.0, 2.0])


def test_gradient_of_a_gradient() -> None:
    with pytest.raises(SignatureError, match=r"two\.grad\.grad gives 2 values.*jacobian"):
        jit(two).grad.grad(1.0, 2.0)


# --- graphs ---------------------------------------------------------------------------------


def test_op_without_emission() -> None:
    op = ops.define("floor_", formula="floor x", vjp=(None,), eval=lambda x: float(math.floor(x)))
    try:
        assert op(Value(1.5)).data == 1.0
        with pytest.raises(GraphError, match=r"op 'floor_' has no emission.*one of mlir=, predica"):
            jit(lambda x: op(x) * x)(1.5)
    finally:
        del ops.OPS["floor_"]


def test_op_made_by_hand() -> None:
    y = Value(2.0, (Value(1.0),), "frobnicate")
    assert y._op == "frobnicate"
    with pytest.raises(GraphError, match="'frobnicate' is not in the op table; define it with"):
        y.backward()
    with pytest.raises(GraphError, match="op 'frobnicate' has no emission"):
        jit(y)()


@pytest.mark.parametrize("many", [0, sys.maxsize])
def test_cycle_made_by_hand(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether machine code has recorded what is above it, or Python."""
    monkeypatch.setattr(traced, "MANY", many)
    x = Value(1.0, label="x")
    y = x * 2
    z = y + x
    y.label = "y"
    y._operands = (z, 2.0)
    for f in (z.backward, jit(z), lambda: jit(lambda w: z * w)(1.0)):
        with pytest.raises(
            GraphError, match=r"the graph has a cycle through 'y' .*, do not assign"
        ):
            f()


def test_cycle_through_a_leaf_made_by_hand() -> None:
    x = Value(1.0, label="x")
    z = x * 2
    x._operands = (z,)
    with pytest.raises(GraphError, match="cycle through 'x' "):
        jit(z)()


# --- life -----------------------------------------------------------------------------------


def test_kernel_after_close() -> None:
    kernel = jit(two)
    gradient = kernel.grad
    assert kernel(2.0, 3.0) == 6.0
    assert gradient(2.0, 3.0) == (3.0, 2.0)
    kernel.close()
    kernel.close()  # twice is allowed
    attempts: list[Callable[[], Any]] = [
        lambda: kernel(2.0, 3.0),
        lambda: kernel(np.ones(2), 3.0),
        lambda: kernel([2.0], 3.0),
        lambda: kernel.grad,
        lambda: kernel.address,
        lambda: kernel.signature,
        lambda: kernel.stages(),
        lambda: str(kernel),
        lambda: gradient(2.0, 3.0),
    ]
    for attempt in attempts:
        with pytest.raises(
            KernelClosed, match="was closed and its machine code is freed; call jit"
        ):
            attempt()


def test_looking_at_a_kernel_of_unknown_structure() -> None:
    def f(v: list[Any]) -> Any:
        return sum(v)

    kernel = jit(f)
    with pytest.raises(SignatureError, match=r"f has not been called yet.*call it once"):
        str(kernel)
    kernel([1.0, 2.0])
    assert "@main" in str(kernel)


# --- environment ----------------------------------------------------------------------------


def in_another_process(program: str) -> subprocess.CompletedProcess[str]:
    """The outcome of a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked}:
            raise ModuleNotFoundError('No module named ' + repr(name), name=name)
sys.meta_path.insert(0, Block())
{program}
"""


def test_mlir_bindings_missing() -> None:
    program = """
from micrograd import Value, jit
x = Value(3.0)
(x * x).backward()
print(x.grad)
jit(lambda x: x * x)(3.0)
"""
    done = in_another_process(BLOCKED.format(blocked=("mlir", "jaxlib"), program=program))
    assert done.stdout == "6.0\n"  # what is not compiled needs none
    assert done.returncode != 0
    assert "needs the MLIR Python bindings" in done.stderr
    assert "  mlir: No module named 'mlir'\n  jaxlib.mlir: No module named" in done.stderr
    assert "pip install 'xtc-mlir-python-bindings" in done.stderr
    assert "pip install jaxlib" in done.stderr


@pytest.mark.parametrize(("name", "package"), [("mlir", "mlir"), ("jaxlib", "jaxlib.mlir")])
def test_only_the_bindings_that_are_asked_for_are_taken(name: str, package: str) -> None:
    program = f"""
import os
os.environ["LOWERING_BINDINGS"] = {name!r}
from micrograd import jit
jit(lambda x: x * x)(3.0)
"""
    done = in_another_process(BLOCKED.format(blocked=(name,), program=program))
    assert f"(LOWERING_BINDINGS={name} asks for that one only)" in done.stderr
    assert done.stderr.count("No module named") == 1
    assert f"  {package}: No module named" in done.stderr


def test_bindings_that_nobody_knows() -> None:
    program = 'import os\nos.environ["LOWERING_BINDINGS"] = "jax"\nimport lowering.bindings\n'
    done = in_another_process(program + "lowering.bindings.package()")
    assert "LOWERING_BINDINGS must be one of mlir, jaxlib, or not be set; it is 'jax'" in (
        done.stderr
    )


# --- the errors themselves ------------------------------------------------------------------


def test_every_error_is_a_micrograd_error_and_a_builtin_one() -> None:
    expected = {
        DataError: TypeError,
        ShapeError: ValueError,
        TraceError: TypeError,
        GraphError: ValueError,
        SignatureError: TypeError,
        KernelClosed: RuntimeError,
        CompilerError: RuntimeError,
    }
    for error, builtin in expected.items():
        assert issubclass(error, MicrogradError)
        assert issubclass(error, builtin)


def test_kind_is_short() -> None:
    assert kind(None) == "NoneType None"
    assert len(kind("x" * 1000)) < 80
