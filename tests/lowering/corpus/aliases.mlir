// Two names for a function, and one for a variable.
llvm.func @twice(%x: i32) -> i32 {
  %0 = llvm.add %x, %x : i32
  llvm.return %0 : i32
}
llvm.mlir.alias external @other : !llvm.func<i32 (i32)> {
  %0 = llvm.mlir.addressof @twice : !llvm.ptr
  llvm.return %0 : !llvm.ptr
}
llvm.mlir.global internal @three(3 : i32) : i32
llvm.mlir.alias internal @third {dso_local} : i32 {
  %0 = llvm.mlir.addressof @three : !llvm.ptr
  llvm.return %0 : !llvm.ptr
}
// other : i32 (i32)
// other(4) == 8
// f : i32 (i32)
// f(5) == 13
llvm.func @f(%x: i32) -> i32 {
  %0 = llvm.mlir.addressof @third : !llvm.ptr
  %1 = llvm.load %0 {alignment = 4 : i64} : !llvm.ptr -> i32
  %2 = llvm.mlir.addressof @other : !llvm.ptr
  %3 = llvm.call %2(%x) : !llvm.ptr, (i32) -> i32
  %4 = llvm.add %1, %3 : i32
  llvm.return %4 : i32
}
