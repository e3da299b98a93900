// chain : f64 (i8, i64)
// chain(-3, 5)
// chain(127, -9)
llvm.func @chain(%a: i8, %b: i64) -> f64 {
  %0 = llvm.sext %a : i8 to i32
  %1 = llvm.zext %a : i8 to i64
  %2 = llvm.trunc %b : i64 to i32
  %3 = llvm.add %0, %2 : i32
  %4 = llvm.sitofp %3 : i32 to f32
  %5 = llvm.uitofp %1 : i64 to f64
  %6 = llvm.fpext %4 : f32 to f64
  %7 = llvm.fadd %5, %6 : f64
  %8 = llvm.fptrunc %7 : f64 to f32
  %9 = llvm.fptosi %8 : f32 to i64
  %10 = llvm.sitofp %9 : i64 to f64
  %11 = llvm.fadd %10, %7 : f64
  llvm.return %11 : f64
}
// nneg : f64 (i32)
// nneg(9) == 9.0
llvm.func @nneg(%a: i32) -> f64 {
  %0 = llvm.zext nneg %a : i32 to i64
  %1 = llvm.uitofp nneg %0 : i64 to f64
  %2 = llvm.fptoui %1 : f64 to i8
  %3 = llvm.uitofp %2 : i8 to f64
  llvm.return %3 : f64
}
// bits : i32 (f32)
// bits(1.0) == 1065353216
// bits('nan')
llvm.func @bits(%a: f32) -> i32 {
  %0 = llvm.bitcast %a : f32 to i32
  llvm.return %0 : i32
}
// trunc : i8 (i32)
// trunc(100) == 100
llvm.func @trunc(%a: i32) -> i8 {
  %0 = llvm.trunc %a overflow<nsw, nuw> : i32 to i8
  llvm.return %0 : i8
}
// pointer : i64 (*i32)
// pointer([1, 2]) == 2
llvm.func @pointer(%p: !llvm.ptr) -> i64 {
  %four = llvm.mlir.constant(4 : i64) : i64
  %0 = llvm.ptrtoint %p : !llvm.ptr to i64
  %1 = llvm.add %0, %four : i64
  %2 = llvm.inttoptr %1 : i64 to !llvm.ptr
  %3 = llvm.load %2 : !llvm.ptr -> i32
  %4 = llvm.zext %3 : i32 to i64
  %5 = llvm.addrspacecast %p : !llvm.ptr to !llvm.ptr<0>
  llvm.return %4 : i64
}
