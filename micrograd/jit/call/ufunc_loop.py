"""The inner loop of every kernel's NumPy ufunc: any strides, around a kernel's `main_block`.

Source: NumPy's PyUFuncGenericFunction, (char **args, npy_intp const *dimensions, npy_intp const
*steps, void *data), also for generalised ufuncs whose operands have at most one core dimension.

`data` is the kernel's layout, an array of int64: the address of `main_block`; how many operands
there are, how many columns of inputs, and how many columns; the points in a block; then the size of
each operand's core dimension, or 0. An operand with a core dimension is one column per element of
it.

If all columns are numbers in a row, the kernel gets them as they are. Else the points are taken
block by block, and the columns that are not are copied to and from memory that the call allocates.

The call leaves no floating-point flag behind, about which NumPy would warn: results are those of
IEEE arithmetic, as from the interpreter, and lanes that hold no point may compute anything.
"""

from __future__ import annotations

import functools
from string import Template

import lowering

from ...real_types import BY_BITS
from ..emit.native import native
from ..target import Target

STRIDED = "strided"
BLOCK_BYTES = 16 * 1024
"""The copies of a block should leave room in the L1 cache."""

MOST_ON_STACK = 2048
"""Columns whose addresses are kept on the stack; those of more, on the heap."""

# Locals live in memory that LLVM turns into registers; that spares the text its phi nodes.
_SOURCE = Template("""
declare i32 @feclearexcept(i32)
declare ptr @malloc(i64)
declare void @free(ptr)
declare i64 @llvm.umin.i64(i64, i64)

; copies m numbers, `from_step` and `to_step` bytes apart
define internal void @copy(ptr %from, i64 %from_step, ptr %to, i64 %to_step, i64 %m) {
entry:
  br label %body
body:
  %j = phi i64 [ 0, %entry ], [ %next, %body ]
  %a = mul i64 %j, %from_step
  %b = mul i64 %j, %to_step
  %source = getelementptr i8, ptr %from, i64 %a
  %target = getelementptr i8, ptr %to, i64 %b
  %number = load $number, ptr %source, align $size
  store $number %number, ptr %target, align $size
  %next = add i64 %j, 1
  %more = icmp ult i64 %next, %m
  br i1 %more, label %body, label %done
done:
  ret void
}

define void @strided(ptr %args, ptr %dimensions, ptr %steps, ptr %layout) {
entry:
  %n = load i64, ptr %dimensions
  %none = icmp slt i64 %n, 1
  br i1 %none, label %end, label %begin
end:
  ret void
begin:
  %block = load ptr, ptr %layout
  %operands.at = getelementptr i64, ptr %layout, i64 1
  %operands = load i64, ptr %operands.at
  %inputs.at = getelementptr i64, ptr %layout, i64 2
  %inputs = load i64, ptr %inputs.at
  %columns.at = getelementptr i64, ptr %layout, i64 3
  %columns = load i64, ptr %columns.at
  %points.at = getelementptr i64, ptr %layout, i64 4
  %points = load i64, ptr %points.at
  %sizes = getelementptr i64, ptr %layout, i64 5
  %cores = getelementptr i64, ptr %steps, i64 %operands
  %words = mul i64 %columns, 3
  %long = icmp ugt i64 %columns, $most
  %on.stack = select i1 %long, i64 0, i64 %words
  %column.slot = alloca i64
  %core.slot = alloca i64
  %apart.slot = alloca i64
  %stack = alloca i64, i64 %on.stack
  br i1 %long, label %on.heap, label %tables
on.heap:
  %bytes = mul i64 %words, 8
  %heap = call ptr @malloc(i64 %bytes)
  br label %tables
tables:
  %base = phi ptr [ %stack, %begin ], [ %heap, %on.heap ]
  %step = getelementptr i64, ptr %base, i64 %columns
  %table = getelementptr i64, ptr %step, i64 %columns
  store i64 0, ptr %column.slot
  store i64 0, ptr %core.slot
  store i64 0, ptr %apart.slot
  br label %operand

; one column per operand, or per element of its core dimension
operand:
  %o = phi i64 [ 0, %tables ], [ %o.next, %operand.done ]
  %arg.at = getelementptr ptr, ptr %args, i64 %o
  %arg = load ptr, ptr %arg.at
  %outer.at = getelementptr i64, ptr %steps, i64 %o
  %outer = load i64, ptr %outer.at
  %size.at = getelementptr i64, ptr %sizes, i64 %o
  %size = load i64, ptr %size.at
  %single = icmp eq i64 %size, 0
  %first = load i64, ptr %column.slot
  %core = load i64, ptr %core.slot
  %core.at = getelementptr i64, ptr %cores, i64 %core
  br i1 %single, label %elements, label %many
many:
  %inner.many = load i64, ptr %core.at
  %core.next = add i64 %core, 1
  store i64 %core.next, ptr %core.slot
  br label %elements
elements:
  %inner = phi i64 [ 0, %operand ], [ %inner.many, %many ]
  %count = phi i64 [ 1, %operand ], [ %size, %many ]
  %off = icmp ne i64 %outer, $size
  %off.count = zext i1 %off to i64
  br label %element
element:
  %e = phi i64 [ 0, %elements ], [ %e.next, %element ]
  %shift = mul i64 %e, %inner
  %here = getelementptr i8, ptr %arg, i64 %shift
  %k = add i64 %first, %e
  %base.at = getelementptr ptr, ptr %base, i64 %k
  store ptr %here, ptr %base.at
  %step.at = getelementptr i64, ptr %step, i64 %k
  store i64 %outer, ptr %step.at
  %apart = load i64, ptr %apart.slot
  %apart.next = add i64 %apart, %off.count
  store i64 %apart.next, ptr %apart.slot
  %e.next = add i64 %e, 1
  %e.more = icmp ult i64 %e.next, %count
  br i1 %e.more, label %element, label %operand.done
operand.done:
  %filled = add i64 %first, %count
  store i64 %filled, ptr %column.slot
  %o.next = add i64 %o, 1
  %o.more = icmp ult i64 %o.next, %operands
  br i1 %o.more, label %operand, label %chosen
chosen:
  %copied = load i64, ptr %apart.slot
  %direct = icmp eq i64 %copied, 0
  %binary = icmp eq i64 %columns, 3
  %two = icmp eq i64 %inputs, 2
  %reducible = and i1 %binary, %two
  br i1 %reducible, label %reduction, label %unchained
; reduce and accumulate: what a point gives is an operand of the next
reduction:
  %r.from = load ptr, ptr %base
  %r.to.at = getelementptr ptr, ptr %base, i64 2
  %r.to = load ptr, ptr %r.to.at
  %r.step.at = getelementptr i64, ptr %step, i64 2
  %r.step = load i64, ptr %r.step.at
  %r.following = getelementptr i8, ptr %r.from, i64 %r.step
  %chained = icmp eq ptr %r.following, %r.to
  br i1 %chained, label %one.by.one, label %unchained
one.by.one:
  br label %blocks
unchained:
  br i1 %direct, label %whole, label %blocks
whole:
  call void %block(ptr %base, i64 %n)
  br label %clear

blocks:
  %most = phi i64 [ 1, %one.by.one ], [ %points, %unchained ]
  %row = mul i64 %points, $size
  %all = mul i64 %row, %columns
  %copies = call ptr @malloc(i64 %all)
  br label %take
take:
  %start = phi i64 [ 0, %blocks ], [ %start.next, %given ]
  %rest = sub i64 %n, %start
  %m = call i64 @llvm.umin.i64(i64 %rest, i64 %most)
  br label %in
in:
  %c = phi i64 [ 0, %take ], [ %c.next, %in.done ]
  %c.base.at = getelementptr ptr, ptr %base, i64 %c
  %c.base = load ptr, ptr %c.base.at
  %c.step.at = getelementptr i64, ptr %step, i64 %c
  %c.step = load i64, ptr %c.step.at
  %c.shift = mul i64 %start, %c.step
  %c.from = getelementptr i8, ptr %c.base, i64 %c.shift
  %c.place = mul i64 %c, %row
  %c.copy = getelementptr i8, ptr %copies, i64 %c.place
  %c.direct = icmp eq i64 %c.step, $size
  %c.column = select i1 %c.direct, ptr %c.from, ptr %c.copy
  %table.at = getelementptr ptr, ptr %table, i64 %c
  store ptr %c.column, ptr %table.at
  %c.input = icmp ult i64 %c, %inputs
  %c.not = xor i1 %c.direct, true
  %c.read = and i1 %c.input, %c.not
  br i1 %c.read, label %in.copy, label %in.done
in.copy:
  call void @copy(ptr %c.from, i64 %c.step, ptr %c.copy, i64 $size, i64 %m)
  br label %in.done
in.done:
  %c.next = add i64 %c, 1
  %c.more = icmp ult i64 %c.next, %columns
  br i1 %c.more, label %in, label %run
run:
  call void %block(ptr %table, i64 %m)
  %results = icmp ult i64 %inputs, %columns
  br i1 %results, label %out, label %given
out:
  %d = phi i64 [ %inputs, %run ], [ %d.next, %out.done ]
  %d.step.at = getelementptr i64, ptr %step, i64 %d
  %d.step = load i64, ptr %d.step.at
  %d.direct = icmp eq i64 %d.step, $size
  br i1 %d.direct, label %out.done, label %out.copy
out.copy:
  %d.base.at = getelementptr ptr, ptr %base, i64 %d
  %d.base = load ptr, ptr %d.base.at
  %d.shift = mul i64 %start, %d.step
  %d.to = getelementptr i8, ptr %d.base, i64 %d.shift
  %d.from.at = getelementptr ptr, ptr %table, i64 %d
  %d.from = load ptr, ptr %d.from.at
  call void @copy(ptr %d.from, i64 $size, ptr %d.to, i64 %d.step, i64 %m)
  br label %out.done
out.done:
  %d.next = add i64 %d, 1
  %d.more = icmp ult i64 %d.next, %columns
  br i1 %d.more, label %out, label %given
given:
  %start.next = add i64 %start, %m
  %more = icmp ult i64 %start.next, %n
  br i1 %more, label %take, label %release
release:
  call void @free(ptr %copies)
  br label %clear
clear:
  br i1 %long, label %give.back, label %last
give.back:
  call void @free(ptr %base)
  br label %last
last:
  %cleared = call i32 @feclearexcept(i32 $flags)
  ret void
}
""")


@functools.cache
def strided_loop(bits: int) -> lowering.NativeModule:
    """The loop for numbers so wide, compiled once a process."""
    target = Target.host()
    flags = target.processor.family.exceptions
    text = _SOURCE.substitute(
        number=BY_BITS[bits].c, size=bits // 8, flags=flags, most=MOST_ON_STACK
    )
    return native(lambda: text, target, ("strided loop", text))


def points_in_block(columns: int, target: Target) -> int:
    """How many points are taken at once where columns are copied."""
    points = BLOCK_BYTES // max(1, columns * target.bits // 8)
    vector = target.lanes
    return max(vector, min(1024, points // vector * vector))
