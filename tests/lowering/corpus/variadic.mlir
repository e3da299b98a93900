// f : i32 (i32, i32, i32)
// f(2, 30, 12) == 42
llvm.func @f(%n: i32, %a: i32, %b: i32) -> i32 {
  %0 = llvm.call @sum(%n, %a, %b) vararg(!llvm.func<i32 (i32, ...)>) : (i32, i32, i32) -> i32
  llvm.return %0 : i32
}
llvm.func internal @sum(%n: i32, ...) -> i32 attributes {no_inline} {
  %one = llvm.mlir.constant(1 : i32) : i32
  %l = llvm.alloca %one x !llvm.struct<"va_list", (i32, i32, ptr, ptr)> {alignment = 8 : i64} : (i32) -> !llvm.ptr
  llvm.intr.vastart %l : !llvm.ptr
  %0 = llvm.va_arg %l : (!llvm.ptr) -> i32
  %1 = llvm.va_arg %l : (!llvm.ptr) -> i32
  llvm.intr.vaend %l : !llvm.ptr
  %2 = llvm.add %0, %1 : i32
  llvm.return %2 : i32
}
