// f : i32 (i1, i32, i32)
// f(1, 2, 3) == 2
// f(0, 2, 3) == 3
llvm.func @f(%c: i1, %a: i32, %b: i32) -> i32 {
  %0 = llvm.freeze %a : i32
  %1 = llvm.select %c, %0, %b : i1, i32
  llvm.return %1 : i32
}
// g : f32 (f32, f32)
// g(1.0, 2.0) == 2.0
llvm.func @g(%a: f32, %b: f32) -> f32 {
  %0 = llvm.fcmp "olt" %a, %b {fastmathFlags = #llvm.fastmath<nnan>} : f32
  %1 = llvm.select %0, %b, %a {fastmathFlags = #llvm.fastmath<nsz>} : i1, f32
  llvm.return %1 : f32
}
