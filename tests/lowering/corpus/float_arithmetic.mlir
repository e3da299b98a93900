// f : f64 (f64, f64)
// f(1.5, 2.0) == 2.0
// f('inf', 1.0)
// f('nan', 1.0) == 'nan'
// f(-0.0, 0.5)
llvm.func @f(%a: f64, %b: f64) -> f64 {
  %0 = llvm.fadd %a, %b : f64
  %1 = llvm.fmul %0, %b : f64
  %2 = llvm.fsub %1, %a : f64
  %3 = llvm.fneg %a : f64
  %4 = llvm.fadd %3, %2 : f64
  %5 = llvm.fdiv %4, %b : f64
  %6 = llvm.frem %5, %b : f64
  %7 = llvm.fsub %5, %6 : f64
  %8 = llvm.fadd %7, %6 : f64
  llvm.return %8 : f64
}
// fast : f32 (f32, f32)
// fast(1.5, 2.0) == 6.0
llvm.func @fast(%a: f32, %b: f32) -> f32 {
  %0 = llvm.fmul %a, %b {fastmathFlags = #llvm.fastmath<contract, reassoc>} : f32
  %1 = llvm.fadd %0, %0 {fastmathFlags = #llvm.fastmath<nnan, ninf, nsz>} : f32
  %2 = llvm.fadd %1, %0 {fastmathFlags = #llvm.fastmath<fast>} : f32
  %3 = llvm.fdiv %2, %a {fastmathFlags = #llvm.fastmath<arcp, afn>} : f32
  %4 = llvm.fneg %3 {fastmathFlags = #llvm.fastmath<fast>} : f32
  %5 = llvm.fneg %4 : f32
  llvm.return %5 : f32
}
