// f : i64 (*i64, i64)
// f([10], 3) == 10 & [14]
llvm.func @f(%p: !llvm.ptr, %x: i64) -> i64 {
  %0 = llvm.atomicrmw add %p, %x seq_cst : !llvm.ptr, i64
  %1 = llvm.atomicrmw volatile _and %p, %0 syncscope("singlethread") monotonic {alignment = 8 : i64} : !llvm.ptr, i64
  %2 = llvm.atomicrmw max %p, %x acq_rel : !llvm.ptr, i64
  %3 = llvm.atomicrmw umin %p, %0 acquire : !llvm.ptr, i64
  %4 = llvm.atomicrmw xchg %p, %0 release : !llvm.ptr, i64
  %5 = llvm.atomicrmw _or %p, %x monotonic : !llvm.ptr, i64
  %6 = llvm.atomicrmw nand %p, %x monotonic : !llvm.ptr, i64
  %7 = llvm.atomicrmw xchg %p, %0 monotonic : !llvm.ptr, i64
  %8 = llvm.mlir.constant(14 : i64) : i64
  %9 = llvm.cmpxchg %p, %0, %8 acq_rel monotonic : !llvm.ptr, i64
  %10 = llvm.extractvalue %9[0] : !llvm.struct<(i64, i1)>
  llvm.fence seq_cst
  llvm.fence syncscope("singlethread") acquire
  llvm.return %10 : i64
}
// floats : f32 (*f32, f32)
// floats([1.5], 2.0) == 1.5 & [3.5]
llvm.func @floats(%p: !llvm.ptr, %x: f32) -> f32 {
  %0 = llvm.atomicrmw fadd %p, %x seq_cst : !llvm.ptr, f32
  llvm.return %0 : f32
}
// loads : i32 (*i32)
// loads([5]) == 5 & [6]
llvm.func @loads(%p: !llvm.ptr) -> i32 {
  %0 = llvm.load %p atomic acquire {alignment = 4 : i64} : !llvm.ptr -> i32
  %c = llvm.mlir.constant(6 : i32) : i32
  llvm.store volatile %c, %p atomic syncscope("singlethread") release {alignment = 4 : i64} : i32, !llvm.ptr
  llvm.return %0 : i32
}
// weak : i32 (*i32)
// weak([5]) == 0 & [5]
llvm.func @weak(%p: !llvm.ptr) -> i32 {
  %c = llvm.mlir.constant(6 : i32) : i32
  %0 = llvm.cmpxchg weak volatile %p, %c, %c syncscope("singlethread") seq_cst acquire {alignment = 4 : i64} : !llvm.ptr, i32
  %1 = llvm.extractvalue %0[1] : !llvm.struct<(i32, i1)>
  %2 = llvm.zext %1 : i1 to i32
  llvm.return %2 : i32
}
