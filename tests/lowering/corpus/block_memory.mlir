// f : i32 (*i32, *i32)
// f([1, 2, 3, 4], [0, 0, 0, 0]) == 0 & [1, 1, 2, 4] & [1, 2, 16843009, 0]
llvm.func @f(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %eight = llvm.mlir.constant(8 : i64) : i64
  %four = llvm.mlir.constant(4 : i32) : i32
  %one = llvm.mlir.constant(1 : i8) : i8
  "llvm.intr.memcpy"(%q, %p, %eight) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  %0 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, i32
  "llvm.intr.memmove"(%0, %p, %eight) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
  %1 = llvm.getelementptr %q[2] : (!llvm.ptr) -> !llvm.ptr, i32
  "llvm.intr.memset"(%1, %one, %four) <{isVolatile = true}> : (!llvm.ptr, i8, i32) -> ()
  "llvm.intr.memcpy.inline"(%q, %q) <{isVolatile = false, len = 4 : i64}> : (!llvm.ptr, !llvm.ptr) -> ()
  %r = llvm.mlir.zero : i32
  llvm.return %r : i32
}
