llvm.func @snprintf(!llvm.ptr, i64, !llvm.ptr, ...) -> i32
llvm.func @tanh(f64) -> f64
llvm.func @fmaf(f32, f32, f32) -> f32 attributes {will_return, no_unwind, memory_effects = #llvm.memory_effects<other = none, argMem = none, inaccessibleMem = none, errnoMem = none, targetMem0 = none, targetMem1 = none>}
llvm.mlir.global internal constant @format("%d %.2f\00") : !llvm.array<8 x i8>
// print : i32 (*i8, i32, f64)
// print([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 42, 1.5) == 7 & [52, 50, 32, 49, 46, 53, 48, 0, 0, 0, 0, 0]
llvm.func @print(%p: !llvm.ptr, %i: i32, %x: f64) -> i32 {
  %n = llvm.mlir.constant(12 : i64) : i64
  %f = llvm.mlir.addressof @format : !llvm.ptr
  %0 = llvm.call @snprintf(%p, %n, %f, %i, %x) vararg(!llvm.func<i32 (ptr, i64, ptr, ...)>) : (!llvm.ptr, i64, !llvm.ptr, i32, f64) -> i32
  llvm.return %0 : i32
}
// libm : f64 (f64)
// libm(0.0) == 0.0
// libm(0.5)
llvm.func @libm(%x: f64) -> f64 {
  %0 = llvm.call tail @tanh(%x) {fastmathFlags = #llvm.fastmath<nnan>} : (f64) -> f64
  llvm.return %0 : f64
}
// fused : f32 (f32)
// fused(3.0) == 12.0
llvm.func @fused(%x: f32) -> f32 {
  %0 = llvm.call @fmaf(%x, %x, %x) : (f32, f32, f32) -> f32
  llvm.return %0 : f32
}
llvm.func internal fastcc @inc(%x: i32 {llvm.noundef}) -> (i32 {llvm.noundef}) attributes {no_inline} {
  %one = llvm.mlir.constant(1 : i32) : i32
  %0 = llvm.add %x, %one : i32
  llvm.return %0 : i32
}
llvm.func internal @double(%x: i32) -> i32 attributes {passthrough = ["noinline"]} {
  %0 = llvm.add %x, %x : i32
  llvm.return %0 : i32
}
// conventions : i32 (i32)
// conventions(4) == 5
llvm.func @conventions(%x: i32) -> i32 {
  %0 = llvm.call fastcc @inc(%x) : (i32) -> i32
  llvm.return %0 : i32
}
// indirect : i32 (i1, i32)
// indirect(1, 5) == 10
// indirect(0, 5) == -5
llvm.func @indirect(%c: i1, %x: i32) -> i32 {
  %0 = llvm.mlir.addressof @double : !llvm.ptr
  %1 = llvm.mlir.addressof @negate : !llvm.ptr
  %2 = llvm.select %c, %0, %1 : i1, !llvm.ptr
  %3 = llvm.call %2(%x) : !llvm.ptr, (i32) -> i32
  llvm.return %3 : i32
}
llvm.func @negate(%x: i32) -> i32 {
  %z = llvm.mlir.zero : i32
  %0 = llvm.sub %z, %x : i32
  llvm.return %0 : i32
}
llvm.func internal @set(%p: !llvm.ptr {llvm.noalias, llvm.nonnull, llvm.writeonly, llvm.align = 4 : i64, llvm.dereferenceable = 4 : i64}, %x: i32 {llvm.signext}) attributes {always_inline} {
  llvm.store %x, %p : i32, !llvm.ptr
  llvm.return
}
// nothing : i32 (*i32)
// nothing([0]) == 6 & [6]
llvm.func @nothing(%p: !llvm.ptr {llvm.noalias}) -> i32 {
  %six = llvm.mlir.constant(6 : i32) : i32
  llvm.call @set(%p, %six) : (!llvm.ptr, i32) -> ()
  %0 = llvm.load %p : !llvm.ptr -> i32
  llvm.return %0 : i32
}
// factorial : i64 (i64)
// factorial(10) == 3628800
llvm.func @factorial(%n: i64) -> i64 {
  %one = llvm.mlir.constant(1 : i64) : i64
  %c = llvm.icmp "sle" %n, %one : i64
  llvm.cond_br %c, ^end(%one : i64), ^go
^go:
  %m = llvm.sub %n, %one : i64
  %r = llvm.call @factorial(%m) : (i64) -> i64
  %p = llvm.mul %n, %r : i64
  llvm.br ^end(%p : i64)
^end(%x: i64):
  llvm.return %x : i64
}
// big : i64 (*i64)
// big([1, 2, 3, 4]) == 10
llvm.func internal @sum(%p: !llvm.ptr {llvm.byval = !llvm.array<4 x i64>, llvm.align = 8 : i64}, %q: !llvm.ptr {llvm.sret = i64}) attributes {no_inline} {
  %0 = llvm.load %p {alignment = 8 : i64} : !llvm.ptr -> vector<4xi64>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<4xi64>) -> i64
  llvm.store %1, %q : i64, !llvm.ptr
  llvm.return
}
llvm.func @big(%p: !llvm.ptr) -> i64 {
  %one = llvm.mlir.constant(1 : i32) : i32
  %r = llvm.alloca %one x i64 : (i32) -> !llvm.ptr
  llvm.call @sum2(%r, %p) : (!llvm.ptr {llvm.sret = i64}, !llvm.ptr {llvm.byval = !llvm.array<4 x i64>, llvm.align = 8 : i64}) -> ()
  %0 = llvm.load %r : !llvm.ptr -> i64
  llvm.return %0 : i64
}
llvm.func internal @sum2(%q: !llvm.ptr {llvm.sret = i64}, %p: !llvm.ptr {llvm.byval = !llvm.array<4 x i64>, llvm.align = 8 : i64}) attributes {no_inline} {
  %0 = llvm.load %p {alignment = 8 : i64} : !llvm.ptr -> vector<4xi64>
  %1 = "llvm.intr.vector.reduce.add"(%0) : (vector<4xi64>) -> i64
  llvm.store %1, %q : i64, !llvm.ptr
  llvm.return
}
