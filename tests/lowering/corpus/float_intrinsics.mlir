// f : f64 (f64, f64)
// f(1.25, 2.5)
// f(-0.75, 0.3)
llvm.func @f(%x: f64, %y: f64) -> f64 {
  %0 = llvm.intr.fma(%x, %y, %x) : (f64, f64, f64) -> f64
  %1 = llvm.intr.fabs(%0) : (f64) -> f64
  %2 = llvm.intr.sqrt(%1) : (f64) -> f64
  %3 = llvm.intr.exp(%x) : (f64) -> f64
  %4 = llvm.intr.log(%3) : (f64) -> f64
  %5 = llvm.intr.sin(%4) : (f64) -> f64
  %6 = llvm.intr.cos(%5) : (f64) -> f64
  %7 = llvm.intr.pow(%6, %y) : (f64, f64) -> f64
  %8 = llvm.intr.copysign(%7, %x) : (f64, f64) -> f64
  %9 = llvm.intr.minnum(%8, %y) : (f64, f64) -> f64
  %10 = llvm.intr.maxnum(%9, %x) : (f64, f64) -> f64
  %11 = llvm.intr.minimum(%10, %y) : (f64, f64) -> f64
  %12 = llvm.intr.maximum(%11, %x) : (f64, f64) -> f64
  %13 = llvm.intr.fmuladd(%12, %2, %8) : (f64, f64, f64) -> f64
  %14 = llvm.intr.tanh(%13) {fastmathFlags = #llvm.fastmath<nnan>} : (f64) -> f64
  %15 = llvm.intr.exp2(%14) : (f64) -> f64
  %16 = llvm.intr.log2(%15) : (f64) -> f64
  %17 = llvm.intr.log10(%15) : (f64) -> f64
  %18 = llvm.fadd %16, %17 : f64
  llvm.return %18 : f64
}
// rounding : f64 (f64)
// rounding(2.5) == 12.0
// rounding(-2.5)
llvm.func @rounding(%x: f64) -> f64 {
  %0 = llvm.intr.floor(%x) : (f64) -> f64
  %1 = llvm.intr.ceil(%x) : (f64) -> f64
  %2 = llvm.intr.trunc(%x) : (f64) -> f64
  %3 = llvm.intr.rint(%x) : (f64) -> f64
  %4 = llvm.intr.round(%x) : (f64) -> f64
  %5 = llvm.intr.roundeven(%x) : (f64) -> f64
  %6 = llvm.intr.nearbyint(%x) : (f64) -> f64
  %a = llvm.fadd %0, %1 : f64
  %b = llvm.fadd %a, %2 : f64
  %c = llvm.fadd %b, %3 : f64
  %d = llvm.fadd %c, %4 : f64
  %e = llvm.fadd %d, %5 : f64
  %f = llvm.fsub %e, %6 : f64
  llvm.return %f : f64
}
// powers : f32 (f32, i32)
// powers(2.0, 3) == 72.0
llvm.func @powers(%x: f32, %n: i32) -> f32 {
  %0 = llvm.intr.powi(%x, %n) : (f32, i32) -> f32
  %1 = llvm.intr.ldexp(%0, %n) : (f32, i32) -> f32
  %2 = llvm.fadd %0, %1 : f32
  llvm.return %2 : f32
}
// integral : i64 (f64)
// integral(2.5) == 10
llvm.func @integral(%x: f64) -> i64 {
  %0 = llvm.intr.lrint(%x) : (f64) -> i64
  %1 = llvm.intr.llrint(%x) : (f64) -> i64
  %2 = llvm.intr.lround(%x) : (f64) -> i64
  %3 = llvm.intr.llround(%x) : (f64) -> i64
  %a = llvm.add %0, %1 : i64
  %b = llvm.add %a, %2 : i64
  %c = llvm.add %b, %3 : i64
  llvm.return %c : i64
}
// lanes : i32 (*f32)
// lanes([1.0, 4.0, 9.0, 16.0]) == 0 & [1.0, 2.0, 3.0, 4.0]
llvm.func @lanes(%p: !llvm.ptr) -> i32 {
  %0 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %1 = llvm.intr.sqrt(%0) : (vector<4xf32>) -> vector<4xf32>
  llvm.store %1, %p {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  %r = llvm.mlir.zero : i32
  llvm.return %r : i32
}
// class : i1 (f32)
// class('nan') == 1
// class(1.0) == 0
llvm.func @class(%x: f32) -> (i1 {llvm.zeroext}) {
  %0 = "llvm.intr.is.fpclass"(%x) <{bit = 3 : i32}> : (f32) -> i1
  llvm.return %0 : i1
}
