// Calls that may throw and do not: both ways out are there, one is taken.
llvm.func @personality(...) -> i32 {
  %0 = llvm.mlir.constant(8 : i32) : i32
  llvm.return %0 : i32
}
llvm.func @twice(%x: i32) -> i32 attributes {no_inline} {
  %0 = llvm.add %x, %x : i32
  llvm.return %0 : i32
}
// f : i32 (i32)
// f(21) == 42
// f(-1) == -2
llvm.func @f(%x: i32) -> i32 attributes {personality = @personality} {
  %none = llvm.mlir.zero : !llvm.ptr
  %empty = llvm.mlir.zero : !llvm.array<1 x ptr>
  %callee = llvm.mlir.addressof @twice : !llvm.ptr
  %0 = llvm.invoke @twice(%x) to ^first unwind ^caught(%x : i32) : (i32) -> i32
^first:
  %1 = llvm.invoke %callee(%x) to ^ok(%0 : i32) unwind ^cleanup : !llvm.ptr, (i32) -> i32
^ok(%y: i32):
  llvm.return %y : i32
^caught(%z: i32):
  %2 = llvm.landingpad (catch %none : !llvm.ptr) : !llvm.struct<(ptr, i32)>
  llvm.return %z : i32
^cleanup:
  %3 = llvm.landingpad cleanup (filter %empty : !llvm.array<1 x ptr>) : !llvm.struct<(ptr, i32)>
  llvm.resume %3 : !llvm.struct<(ptr, i32)>
}
