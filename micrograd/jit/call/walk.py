"""Code that walks through nested lists and tuples by a table, for structures of many parts.

    i64 read_object(PyObject *x, const i64 *table, i64 node, number *to)
    PyObject *new_object(const i64 *table, i64 node, number *from)

Code of its own for every part of a structure would take LLVM longer than the rest of a kernel. The
table has some words for every kind of container in a structure, in whatever number it comes:

    kind        0: a list, 1: a tuple
    items       how many
    leaves      how many numbers in all
    inside      FLAT: all items are numbers; a place in the table: all items are such a container;
                MIXED: there follows for each item a place, or NUMBER

`read_object` says how many numbers it has read, or -1 where an object is something else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..trace.signature import Container, Structure
from .callable import LAYOUT
from .cpython import Objects

KIND, ITEMS, LEAVES, INSIDE, CHILDREN = (8 * k for k in range(5))
FLAT, MIXED, NUMBER = -1, -2, -1


def table_of(root: Container) -> tuple[npt.NDArray[np.int64], int]:
    """The table of a structure of lists and tuples, and the place of its root."""
    words: list[int] = []
    places: dict[Structure, int] = {}

    def place_of(s: Structure) -> int:
        if not isinstance(s, Container):
            return NUMBER
        if s not in places:
            inside = [] if s.is_flat else [place_of(item) for item in s.items]
            same = len(set(inside)) == 1 and inside[0] != NUMBER
            places[s] = len(words)
            words.extend([int(s.type is tuple), len(s.items), s.leaves])
            words.append(FLAT if s.is_flat else inside[0] if same else MIXED)
            words.extend([] if same else inside)
        return places[s]

    at = place_of(root)
    return np.array(words, dtype=np.int64), at


def emit_walk(o: Objects) -> None:
    """Append both functions to the module."""
    _read_object(o)
    _new_object(o)


def _read_object(o: Objects) -> None:
    b = o.b
    start = o.function("read_object", [o.ptr, o.ptr, o.i64, o.ptr], o.i64)
    x, table, node, to = start.arguments
    read = o.allocate(1, o.i64)
    other, is_list, is_tuple = o.block(), o.block(), o.block()
    sized, flat, nested = o.block(o.ptr), o.block(), o.block()
    here = o.at(table, node, o.i64)
    n = o.word(here, ITEMS)
    o.b.branch_if(o.compare("eq", o.word(here, KIND), 0), is_list, is_tuple)
    for block, kind in ((is_list, list), (is_tuple, tuple)):
        b.enter(block)
        o.require(o.is_a(x, kind), other)
        o.require(o.compare("eq", o.word(x, LAYOUT.size), n), other)
        if kind is list:
            o.go_to(sized, o.pointer(x, LAYOUT.list_items))
        else:
            o.go_to(sized, o.at(x, LAYOUT.tuple_items))
    b.enter(sized)
    items = sized.arguments[0]
    inside = o.word(here, INSIDE)
    o.b.branch_if(o.compare("eq", inside, FLAT), flat, nested)
    b.enter(flat)
    o.require(o.call("read_numbers", items, n, to), other)
    o.b.leave(n)
    b.enter(nested)
    b.store(o.integer(0), read)
    with o.loop(n) as k:
        item = b.load(o.at(items, k, o.ptr), o.ptr)
        place = o.at(to, b.load(read, o.i64), o.number)
        child = _child(o, here, inside, k)
        number, container, done = o.block(), o.block(), b.block.create_after(o.i64)
        o.b.branch_if(o.compare("eq", child, NUMBER), number, container)
        b.enter(number)
        b.store(o.read_number(item, other), place)
        b.branch(done, [o.integer(1)])
        b.enter(container)
        got = o.call("read_object", item, table, child, place)
        o.require(o.compare("ne", got, -1), other)
        b.branch(done, [got])
        b.enter(done)
        b.store(o.integer_op("add", b.load(read, o.i64), done.arguments[0]), read)
    o.b.leave(b.load(read, o.i64))
    b.enter(other)
    o.b.leave(o.integer(-1))


def _new_object(o: Objects) -> None:
    """A new list or tuple; null, and an error, if there is no memory."""
    b = o.b
    start = o.function("new_object", [o.ptr, o.i64, o.ptr], o.ptr)
    table, node, source = start.arguments
    read = o.allocate(1, o.i64)
    failed, undo = o.block(), o.block(o.ptr)
    here = o.at(table, node, o.i64)
    n, inside = o.word(here, ITEMS), o.word(here, INSIDE)
    for kind in (list, tuple):
        mine, another = o.block(), o.block()
        o.b.branch_if(o.compare("eq", o.word(here, KIND), int(kind is tuple)), mine, another)
        b.enter(mine)
        flat, nested = o.block(), o.block()
        o.b.branch_if(o.compare("eq", inside, FLAT), flat, nested)
        b.enter(flat)
        o.b.leave(o.call(f"new_{kind.__name__}", source, n))
        b.enter(nested)
        made = o.call("PyList_New" if kind is list else "PyTuple_New", n)
        o.require(o.b.negated(o.is_null(made)), failed)
        items = o.at(made, LAYOUT.tuple_items)
        if kind is list:
            items = o.pointer(made, LAYOUT.list_items)
        b.store(o.integer(0), read)
        with o.loop(n) as k:
            place = o.at(source, b.load(read, o.i64), o.number)
            child = _child(o, here, inside, k)
            number, container = o.block(), o.block()
            done = b.block.create_after(o.ptr, o.i64)
            o.b.branch_if(o.compare("eq", child, NUMBER), number, container)
            b.enter(number)
            item = o.call("PyFloat_FromDouble", o.widened(b.load(place, o.number)))
            b.branch(done, [item, o.integer(1)])
            b.enter(container)
            item = o.call("new_object", table, child, place)
            b.branch(done, [item, o.word(o.at(table, child, o.i64), LEAVES)])
            b.enter(done)
            item, count = done.arguments
            o.require(o.b.negated(o.is_null(item)), undo, made)
            b.store(item, o.at(items, k, o.ptr))
            b.store(o.integer_op("add", b.load(read, o.i64), count), read)
        o.b.leave(made)
        b.enter(another)
    b.branch(failed)
    b.enter(undo)
    o.call("Py_DecRef", undo.arguments[0])
    b.branch(failed)
    b.enter(failed)
    o.b.leave(o.null())


def _child(o: Objects, here: Any, inside: Any, k: Any) -> Any:
    """The place of item k in the table, or NUMBER."""
    b = o.b
    listed, known = o.block(), b.block.create_after(o.i64)
    same = o.block()
    o.b.branch_if(o.compare("eq", inside, MIXED), listed, same)
    b.enter(same)
    b.branch(known, [inside])
    b.enter(listed)
    b.branch(known, [b.load(o.at(o.at(here, CHILDREN), k, o.i64), o.i64)])
    b.enter(known)
    return known.arguments[0]
