// f : f32 (*f32, i64)
// f([1.0, 2.0, 3.0, 4.0, 5.0], 5) == 15.0
llvm.func @f(%p: !llvm.ptr, %n: i64) -> f32 {
  %z = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  %fz = llvm.mlir.constant(0.0 : f32) : f32
  llvm.br ^l(%z, %fz : i64, f32)
^l(%i: i64, %s: f32):
  %q = llvm.getelementptr inbounds %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %v = llvm.load %q : !llvm.ptr -> f32
  %t = llvm.fadd %s, %v : f32
  %j = llvm.add %i, %one overflow<nsw, nuw> : i64
  %c = llvm.icmp "eq" %j, %n : i64
  llvm.cond_br %c, ^x, ^l(%j, %t : i64, f32) {loop_annotation = #llvm.loop_annotation<disableNonforced = false, vectorize = <disable = false, width = 8 : i32>, interleave = <count = 2 : i32>, unroll = <disable = true>, mustProgress = true>}
^x:
  llvm.return %t : f32
}
