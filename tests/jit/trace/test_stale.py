"""Constants that were read from `.data` of Values: `explain()` names those that are certain."""

from __future__ import annotations

from micrograd import Value, detach, exp, jit, maximum, relu
from micrograd.jit.explain import STALE
from tests.jit.test_explain import section


def found(loss: Value, wrt: list[Value]) -> list[str]:
    return section(jit(loss, wrt=wrt, dtype="f64").explain(), STALE)


def logits() -> tuple[list[Value], list[Value]]:
    w = [Value(0.3 * k - 0.5) for k in range(4)]
    row = [x * 2.5 + 0.125 for x in w]
    for k, v in enumerate(row):
        v.label = f"z{k}"
    return w, row


def test_a_softmax_that_subtracts_the_largest_number() -> None:
    w, row = logits()
    largest = max(v.data for v in row)
    powers = [exp(v - largest) for v in row]
    loss = powers[1] / sum(powers)
    assert found(loss, w) == ["1.125, of 'z3' computed by '+', in 4 operations ('-')"]
    kernel = jit(loss, wrt=w, dtype="f64").value_and_grad
    assert STALE in kernel.explain()
    assert kernel() == kernel(*(x.data for x in w))
    for x in w:
        x.data += 1.0  # the numbers that were read are known all the same
    assert found(loss, w) == ["1.125, of 'z3' computed by '+', in 4 operations ('-')"]


def test_a_constant_leaf() -> None:
    w, row = logits()
    largest = Value(max(v.data for v in row))
    loss = sum(exp(v - largest) for v in row)
    assert found(loss, w) == ["1.125, of 'z3' computed by '+', in 4 operations ('-')"]
    kernel = jit(loss, wrt=[*w, largest], dtype="f64")
    kernel(1.0, 2.0, 3.0, 4.0, 5.0)
    assert STALE not in kernel.explain()  # it is an argument
    assert found(loss, [*w, largest]) == []


def test_several_numbers_and_their_uses() -> None:
    a, b = Value(1.5), Value(2.5)
    p, q = a * b, a - b
    loss = p.data * q + a / p.data + q.data * p
    assert found(loss, [a, b]) == [
        "3.75, of a Value computed by '*', in 2 operations ('*', '/')",
        "-1, of a Value computed by '-', in 1 operation ('*')",
    ]
    assert found(loss, [b]) == found(loss, [a, b])
    # read from a Value that is not in the graph
    assert found(p.data * q, [a, b]) == []


def test_what_follows_is_no_constant() -> None:
    w, row = logits()
    largest = maximum(*(detach(v) for v in row))
    assert found(sum(exp(v - largest) for v in row), w) == []


def test_what_nothing_asked_for_depends_on() -> None:
    a, b = Value(1.5), Value(2.5)
    loss = (a * 3.5).data * b
    assert found(loss + a * 3.5, [b]) == []  # the Value that was read is another, in no graph
    c = a * 3.5
    loss = c.data * b + c
    assert found(loss, [b]) == []  # c is a constant itself
    assert len(found(loss, [a])) == 1


def test_numbers_of_leaves_and_of_code() -> None:
    number = 0.1 + 0.2
    a, b = Value(number), Value(2.0)
    assert found(a * b + number * b + a.data, [a, b]) == []
    assert found(a * 1.5 + 1.5 * b, [a, b]) == []


def test_numbers_that_an_op_only_passes_on() -> None:
    """The object that a Value has as its number came from the user, who uses it elsewhere."""
    number, zero = 0.1 + 0.2, -0.5 + 0.5
    a, b = Value(-1.0), Value(2.0)
    assert found(maximum(a, number) * b + b * number, [a, b]) == []
    assert found(relu(b * maximum(a, number)) + b * number, [a, b]) == []
    # the leaf had the object before it became live
    c = Value(number)
    d = relu(c)
    jit(c * 1.0, wrt=[c])()
    assert found(d * b + b * number, [b, c]) == []
    # a constant of the op itself, which is in every Value that has it
    e = relu(a)
    assert found(relu(a * 2.0) * b + b * e.data + b * zero, [a, b]) == []


def test_a_number_that_was_put_there() -> None:
    number = 0.1 + 0.2
    a, b = Value(1.0), Value(2.0)
    c = a * b
    c.data = number
    assert found(c + number * b, [a, b]) == []
    number = 0.5 + 1.5
    loss = number * b
    c = a * b
    c.data = number  # as the op gives it
    assert found(loss + c, [a, b]) == []


def test_a_number_that_was_passed_on_from_a_computed_value() -> None:
    a, b = Value(1.0), Value(2.5)
    c = a * b
    d = relu(c)
    known = d.data is c.data  # in machine code every Value has an object of its own
    said = "2.5, of a Value computed by '*', in 1 operation ('-')"
    assert found(d - d.data, [a, b]) == ([said] if known else [])
