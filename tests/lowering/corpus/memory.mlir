// f : i32 (i32)
// f(5) == 11
llvm.func @f(%x: i32) -> i32 {
  %one = llvm.mlir.constant(1 : i64) : i64
  %four = llvm.mlir.constant(4 : i32) : i32
  %0 = llvm.alloca %one x i32 {alignment = 64 : i64} : (i64) -> !llvm.ptr
  %1 = llvm.alloca %four x !llvm.struct<"pair", (i32, i64)> : (i32) -> !llvm.ptr
  llvm.intr.lifetime.start %0 : !llvm.ptr
  llvm.store volatile %x, %0 {alignment = 4 : i64} : i32, !llvm.ptr
  %2 = llvm.load volatile %0 {alignment = 4 : i64} : !llvm.ptr -> i32
  %3 = llvm.add %2, %2 : i32
  %4 = llvm.getelementptr inbounds %1[2, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<"pair", (i32, i64)>
  llvm.store %one, %4 {nontemporal} : i64, !llvm.ptr
  %5 = llvm.load %4 {nontemporal} : !llvm.ptr -> i64
  %6 = llvm.trunc %5 : i64 to i32
  %7 = llvm.add %3, %6 : i32
  llvm.intr.lifetime.end %0 : !llvm.ptr
  llvm.return %7 : i32
}
// invariant : i32 (*i32)
// invariant([4]) == 8
llvm.func @invariant(%p: !llvm.ptr) -> i32 {
  %0 = llvm.load %p invariant {alignment = 4 : i64} : !llvm.ptr -> i32
  %1 = llvm.load %p invariant : !llvm.ptr -> i32
  %2 = llvm.add %0, %1 : i32
  llvm.return %2 : i32
}
// stack : i64 (i64)
// stack(3) == 3
llvm.func @stack(%x: i64) -> i64 {
  %s = llvm.intr.stacksave : !llvm.ptr
  %0 = llvm.alloca %x x i64 : (i64) -> !llvm.ptr
  llvm.store volatile %x, %0 : i64, !llvm.ptr
  %1 = llvm.load volatile %0 : !llvm.ptr -> i64
  llvm.intr.stackrestore %s : !llvm.ptr
  llvm.return %1 : i64
}
