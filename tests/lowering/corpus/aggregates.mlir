// f : i32 (i32, i32)
// f(3, 4) == 7
llvm.func @f(%a: i32, %b: i32) -> i32 {
  %0 = llvm.mlir.undef : !llvm.struct<(i32, array<2 x i32>)>
  %1 = llvm.insertvalue %a, %0[0] : !llvm.struct<(i32, array<2 x i32>)>
  %2 = llvm.insertvalue %b, %1[1, 1] : !llvm.struct<(i32, array<2 x i32>)>
  %3 = llvm.extractvalue %2[1, 1] : !llvm.struct<(i32, array<2 x i32>)>
  %4 = llvm.extractvalue %2[0] : !llvm.struct<(i32, array<2 x i32>)>
  %5 = llvm.add %3, %4 : i32
  llvm.return %5 : i32
}
llvm.func internal @both(%a: f64, %b: f64) -> !llvm.struct<(f64, f64)> attributes {no_inline} {
  %0 = llvm.mlir.poison : !llvm.struct<(f64, f64)>
  %1 = llvm.insertvalue %b, %0[0] : !llvm.struct<(f64, f64)>
  %2 = llvm.insertvalue %a, %1[1] : !llvm.struct<(f64, f64)>
  llvm.return %2 : !llvm.struct<(f64, f64)>
}
// swap : f64 (f64, f64)
// swap(3.0, 1.0) == -2.0
llvm.func @swap(%a: f64, %b: f64) -> f64 {
  %0 = llvm.call @both(%a, %b) : (f64, f64) -> !llvm.struct<(f64, f64)>
  %1 = llvm.extractvalue %0[0] : !llvm.struct<(f64, f64)>
  %2 = llvm.extractvalue %0[1] : !llvm.struct<(f64, f64)>
  %3 = llvm.fsub %1, %2 : f64
  llvm.return %3 : f64
}
