// store : i32 (*f64)
// store([0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) == 0 & [0.1, 'inf', '-inf', 'nan', -0.0, 5e-324]
llvm.func @store(%p: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0.1 : f64) : f64
  %1 = llvm.mlir.constant(0x7FF0000000000000 : f64) : f64
  %2 = llvm.mlir.constant(0xFFF0000000000000 : f64) : f64
  %3 = llvm.mlir.constant(0x7FF8000000000001 : f64) : f64
  %4 = llvm.mlir.constant(-0.0 : f64) : f64
  %5 = llvm.mlir.constant(4.9406564584124654e-324 : f64) : f64
  llvm.store %0, %p : f64, !llvm.ptr
  %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, f64
  llvm.store %1, %p1 : f64, !llvm.ptr
  %p2 = llvm.getelementptr %p[2] : (!llvm.ptr) -> !llvm.ptr, f64
  llvm.store %2, %p2 : f64, !llvm.ptr
  %p3 = llvm.getelementptr %p[3] : (!llvm.ptr) -> !llvm.ptr, f64
  llvm.store %3, %p3 : f64, !llvm.ptr
  %p4 = llvm.getelementptr %p[4] : (!llvm.ptr) -> !llvm.ptr, f64
  llvm.store %4, %p4 : f64, !llvm.ptr
  %p5 = llvm.getelementptr %p[5] : (!llvm.ptr) -> !llvm.ptr, f64
  llvm.store %5, %p5 : f64, !llvm.ptr
  %r = llvm.mlir.constant(0 : i32) : i32
  llvm.return %r : i32
}
// singles : i32 (*i32)
// singles([0, 0, 0, 0]) == 0 & [1036831949, 2141192193, -8388608, 1]
llvm.func @singles(%p: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0.1 : f32) : f32
  %1 = llvm.mlir.constant(0x7FA00001 : f32) : f32
  %2 = llvm.mlir.constant(0xFF800000 : f32) : f32
  %3 = llvm.mlir.constant(1.4e-45 : f32) : f32
  llvm.store %0, %p : f32, !llvm.ptr
  %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %1, %p1 : f32, !llvm.ptr
  %p2 = llvm.getelementptr %p[2] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %2, %p2 : f32, !llvm.ptr
  %p3 = llvm.getelementptr %p[3] : (!llvm.ptr) -> !llvm.ptr, f32
  llvm.store %3, %p3 : f32, !llvm.ptr
  %r = llvm.mlir.constant(0 : i32) : i32
  llvm.return %r : i32
}
// halves : i32 (*i16)
// halves([0, 0, 0, 0]) == 0 & [15872, 32257, 16320, -63]
llvm.func @halves(%p: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(1.5 : f16) : f16
  %1 = llvm.mlir.constant(0x7E01 : f16) : f16
  %2 = llvm.mlir.constant(1.5 : bf16) : bf16
  %3 = llvm.mlir.constant(0xFFC1 : bf16) : bf16
  llvm.store %0, %p : f16, !llvm.ptr
  %p1 = llvm.getelementptr %p[1] : (!llvm.ptr) -> !llvm.ptr, f16
  llvm.store %1, %p1 : f16, !llvm.ptr
  %p2 = llvm.getelementptr %p[2] : (!llvm.ptr) -> !llvm.ptr, bf16
  llvm.store %2, %p2 : bf16, !llvm.ptr
  %p3 = llvm.getelementptr %p[3] : (!llvm.ptr) -> !llvm.ptr, bf16
  llvm.store %3, %p3 : bf16, !llvm.ptr
  %r = llvm.mlir.constant(0 : i32) : i32
  llvm.return %r : i32
}
// integers : i64 ()
// integers() == -9223372036854775808
llvm.func @integers() -> i64 {
  %0 = llvm.mlir.constant(-9223372036854775808 : i64) : i64
  %1 = llvm.mlir.constant(170141183460469231731687303715884105727 : i128) : i128
  %2 = llvm.mlir.constant(64 : i128) : i128
  %3 = llvm.lshr %1, %2 : i128
  %4 = llvm.trunc %3 : i128 to i64
  %5 = llvm.mlir.constant(true) : i1
  %6 = llvm.zext %5 : i1 to i64
  %7 = llvm.mlir.zero : i64
  %8 = llvm.mlir.constant(-1 : i1) : i1
  %9 = llvm.add %4, %6 : i64
  llvm.return %9 : i64
}
// nothing : i32 ()
// nothing() == 0
llvm.func @nothing() -> i32 {
  %u = llvm.mlir.undef : i32
  %p = llvm.mlir.poison : i32
  %n = llvm.mlir.zero : !llvm.ptr
  %s = llvm.mlir.zero : !llvm.struct<(i32, f32)>
  %z = llvm.mlir.zero : i32
  %v = llvm.mlir.zero : vector<4xf32>
  %f = llvm.mlir.zero : f16
  %e = llvm.extractvalue %s[0] : !llvm.struct<(i32, f32)>
  %r = llvm.and %z, %e : i32
  llvm.return %r : i32
}
